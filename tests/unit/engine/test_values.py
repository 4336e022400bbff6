"""Single values of a declared state: what is refused says what is allowed, and how a refused value is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pep668_provision.engine import values
from pep668_provision.engine.values import Refused


@pytest.mark.parametrize(
    ("check", "value", "said"),
    [
        pytest.param(values.plain_text, 3, "allowed is a string", id="no text"),
        pytest.param(values.plain_text, "a\nb", "line breaks are not allowed", id="two lines"),
        pytest.param(values.plain_text, "a" * 4097, "longer than 4096 characters", id="a long text"),
        pytest.param(values.absolute, "srv/app", "an absolute path on the host", id="a relative path"),
        pytest.param(values.absolute, "/srv/../app", "without '..'", id="a path that goes back"),
        pytest.param(values.absolute, "/srv/" + "a" * 300, "a name in it is longer", id="a long name"),
        pytest.param(values.absolute, "/srv" + f"/{'ä' * 100}" * 21, "it is longer than", id="a long path"),
        pytest.param(values.installable, "/srv/app;x", "as a marker", id="a path with a marker"),
        pytest.param(values.lock_file, "/srv/poetry.lock", "pylock.NAME.toml", id="another lock"),
        pytest.param(values.venv_path, "/usr", "a directory of its own", id="the system's"),
        pytest.param(values.venv_path, "/srv/a:b", "cannot hold a ':'", id="no directory for PATH"),
        pytest.param(values.venv_path, "/srv/$app", "a shell would read", id="what a shell reads"),
        pytest.param(values.venv_path, "/srv" + "/abcdefg" * 480, "files in it could not be", id="no room below"),
        pytest.param(values.python, 3.1, "write it in quotes", id="a number"),
        pytest.param(values.python, "three", 'a version like "3.12"', id="no version"),
        pytest.param(values.account, "-x", "the name of an account", id="an option"),
        pytest.param(values.suffix, "-x", "not starting with -", id="a suffix that is an option"),
        pytest.param(values.url, "https://x test", "without blanks", id="a URL with a blank"),
        pytest.param(values.url, "https://[x/simple", "its host is none", id="half a bracket"),
        pytest.param(values.host_name, "a/b", "allowed is a host name", id="no host"),
        pytest.param(values.seconds, True, "a number of seconds", id="no number of seconds"),
        pytest.param(values.seconds, -1, "a number of seconds", id="before now"),
        pytest.param(values.count, "0", "a whole number, 1 or more", id="none"),
        pytest.param(values.list_of(values.account), "app", "allowed is a list", id="no list"),
        pytest.param(values.list_of(values.account), ["app", 3], "item 1 is 3: ", id="in a list"),
    ],
)
def test_what_is_refused_says_what_is_allowed(check: Callable[[object], object], value: object, said: str) -> None:
    with pytest.raises(Refused) as refused:
        check(value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("check", "value", "read"),
    [
        pytest.param(values.absolute, "//srv/./app/", "/srv/app", id="a path"),
        pytest.param(values.python, "/usr/bin/python3", "/usr/bin/python3", id="an interpreter's path"),
        pytest.param(values.url, "/srv/wheels", "/srv/wheels", id="a folder"),
        pytest.param(values.url, "https://[::1]:8080/simple", "https://[::1]:8080/simple", id="an address in brackets"),
        pytest.param(values.count, "3", 3, id="a number from a template"),
        pytest.param(values.seconds, 3, 3.0, id="seconds"),
        pytest.param(values.list_of(values.account), ["app", "app"], ("app",), id="each once"),
    ],
)
def test_what_is_allowed_is_read(check: Callable[[object], object], value: object, read: object) -> None:
    assert check(value) == read


def endless() -> list[object]:
    found: list[object] = []
    found.append(found)
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("https://me:s3cret@x.test", "'****@x.test'", id="a credential"),
        pytest.param("me:s3cret@x.test", "'****@x.test'", id="a credential without a scheme"),
        pytest.param("a" * 100, "'" + "a" * 76 + "...", id="a long text"),
        pytest.param("a" * 100_000, "a text of 100000 characters", id="a very long text"),
        pytest.param(["a" * 1000] * 100, "list of 100400 characters", id="a long list"),
        pytest.param(endless(), "list beyond measure", id="lists without end"),
    ],
)
def test_a_refused_value_is_shown_in_few_words_and_without_a_credential(value: object, shown: str) -> None:
    assert values.shown(value) == shown
