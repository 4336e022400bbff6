"""Arguments for pip in uv's words."""

from __future__ import annotations

import pytest

from pep668_provision.engine.installer_uv_options import translate, upgrades_eagerly


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["--no-deps", "--pre"], ["--no-deps", "--prerelease=allow"], id="flags"),
        pytest.param(["--no-binary", ":all:"], ["--no-binary=:all:"], id="a value in the next word"),
        pytest.param(["--only-binary=a,b"], ["--only-binary=a,b"], id="a value in the same word"),
        pytest.param(["-c/srv/limits.txt"], ["--constraint=/srv/limits.txt"], id="a value after a letter"),
        pytest.param(["--force-reinstall", "-I"], ["--reinstall", "--reinstall"], id="other words for the same"),
        pytest.param(["-Uq"], ["--upgrade"], id="letters in one word"),
        pytest.param(["-qq", "--progress-bar", "off", "--root-user-action=ignore"], [], id="not needed"),
        pytest.param(["--upgrade-strategy=only-if-needed"], [], id="how it upgrades anyway"),
    ],
)
def test_arguments_are_translated(words: list[str], expected: list[str]) -> None:
    found = translate(words)
    assert list(found.arguments) == expected
    assert not found.refused


def test_where_distributions_come_from_is_no_argument() -> None:
    found = translate(["-i", "https://me:s3cret@x.test", "--extra-index-url=https://y.test", "--no-index", "-f/srv/w"])
    assert found.arguments == ()
    assert found.settings == (
        ("index_url", "https://me:s3cret@x.test"),
        ("extra_index_urls", "https://y.test"),
        ("no_index", ""),
        ("find_links", "/srv/w"),
    )


def test_what_uv_takes_by_variables_is_one() -> None:
    found = translate(["--timeout", "2.5", "--retries=3", "--keyring-provider=import", "--client-cert=/me.pem"])
    assert found.environment == {
        "UV_HTTP_TIMEOUT": "3",
        "UV_HTTP_RETRIES": "3",
        "UV_KEYRING_PROVIDER": "subprocess",
        "SSL_CLIENT_CERT": "/me.pem",
    }


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (["--prefer-binary"], ("--prefer-binary",)),
        (["--no-deps", "--global-option=x", "--platform", "any"], ("--global-option", "--platform", "any")),
        (["--user"], ("--user",)),
        (["-z"], ("-z",)),
        (["--index-url"], ("--index-url",)),
    ],
)
def test_what_uv_has_nothing_for_is_named(words: list[str], refused: tuple[str, ...]) -> None:
    assert translate(words).refused == refused


def test_an_eager_upgrade_is_seen_in_any_spelling() -> None:
    assert upgrades_eagerly(["--upgrade-strategy", "eager"])
    assert upgrades_eagerly(["--upgrade-strategy=eager"])
    assert not upgrades_eagerly(["--upgrade-strategy=only-if-needed", "eager"])
