"""pip in an interpreter's own site: how it is called, and what is read from its answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from made_up_host import ACCOUNTS, MadeUpHost
from pep668_provision.engine.desired import IndexSettings, validate
from pep668_provision.engine.installer import Prepared, Workplace
from pep668_provision.engine.installer_pip_site import Found, SitePip, host_as_child, read_found, read_places
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.process import Command, Completed

PYTHON = "/usr/bin/python3"
PIP = [PYTHON, "-I", "-m", "pip"]
PLACES = {"purelib": "/a", "platlib": "/b", "scripts": "/c", "data": "/d"}
ALICE = next(account for account in ACCOUNTS if account.name == "alice")


def site_pip(made_up: MadeUpHost, *, overrides: bool = False, **keys: Any) -> SitePip:
    interpreter = Interpreters(made_up.host).probe(PYTHON, with_site=True)
    assert interpreter is not None
    (entry,) = validate({"python_system_pip": [{"name": "six", **keys}]}).system_pip
    account = ALICE if entry.user else None
    return SitePip(Workplace(made_up.host, account, "/scratch", IndexSettings()), interpreter, entry, overrides)


def words(prepared: Prepared) -> list[str]:
    return list(prepared.command.argv)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param({"name": ["six", "idna==3.3"]}, ["six", "idna==3.3"], id="names"),
        pytest.param({"state": "latest"}, ["--upgrade", "six"], id="latest"),
        pytest.param({"extra_args": "--pre --no-deps"}, ["--pre", "--no-deps", "six"], id="options"),
        pytest.param({"requirements": ["/srv/r.txt"], "name": []}, ["-r", "/srv/r.txt"], id="a file"),
        pytest.param({"name": "/srv/pkg"}, ["/srv/pkg"], id="a path"),
        pytest.param(
            {"name": ["/srv/pkg", "/srv/q"], "editable": True}, ["-e", "/srv/pkg", "-e", "/srv/q"], id="in place"
        ),
    ],
)
def test_what_is_asked_is_spelt_for_pip(debian: MadeUpHost, keys: dict[str, Any], expected: list[str]) -> None:
    pip = site_pip(debian, **keys)
    assert words(pip.install()) == [*PIP, "install", *expected]
    assert words(pip.resolve()) == [*PIP, "install", "--quiet", "--dry-run", "--report", "-", *expected]


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        pytest.param(
            {"name": "six @ https://me:s3cret@x.test/six.zip"},
            {"/scratch/packages.txt": "six @ https://me:s3cret@x.test/six.zip\n"},
            id="a URL",
        ),
        pytest.param(
            {"name": "git+https://me:s3cret@x.test/six", "editable": True},
            {
                "/scratch/packages.txt": "-e git+https://x.test/six\n",
                "/scratch/git-logins": "https://me:s3cret@x.test\n",
            },
            id="one that is used in place",
        ),
    ],
)
def test_a_password_stands_in_a_private_file_alone(
    debian: MadeUpHost, keys: dict[str, Any], files: dict[str, str]
) -> None:
    for prepared in (site_pip(debian, **keys).install(), site_pip(debian, **keys).resolve()):
        assert "s3cret" not in " ".join(words(prepared))
        assert words(prepared)[-2:] == ["-r", "/scratch/packages.txt"]
        assert prepared.files == files


def test_wheels_are_fetched_from_private_addresses_that_a_report_tells_without_their_logins(debian: MadeUpHost) -> None:
    pip = site_pip(debian, name="six @ https://me:s3cret@x.test/six.zip")
    prepared = pip.fetch_wheels({"six": Found("1", "six @ https://x.test/six.zip")}, "/wheels")
    assert prepared.files["/scratch/netrc"] == "machine x.test login me password s3cret\n"
    assert prepared.command.env["NETRC"] == "/scratch/netrc"


def test_only_a_call_that_asks_an_index_gets_its_credentials(debian: MadeUpHost) -> None:
    pip = site_pip(debian, name="six")
    settings = IndexSettings("https://x.test/simple", username="me", password="s3cret", proxy="http://me:pr0xy@y.test")
    pip = replace(pip, work=replace(pip.work, index=settings))
    for asking in (pip.install(), pip.resolve(), pip.fetch_wheels({}, "/wheels")):
        assert "s3cret" in str(asking.command.env["PIP_INDEX_URL"])
    for other in (pip.uninstall(["six"]), pip.ask_uninstall("six"), pip.places()):
        assert "s3cret" not in str(other.command.env)
        assert "pr0xy" not in str(other.command.env)


@pytest.mark.parametrize(
    ("overrides", "keys", "expected"),
    [
        (False, {}, {"PIP_USER": "0"}),
        (False, {"scope": "user"}, {"PIP_USER": "1"}),
        (True, {}, {"PIP_USER": "0", "PIP_BREAK_SYSTEM_PACKAGES": "1"}),
        (True, {"scope": "user", "user": "alice"}, {"PIP_USER": "1", "PIP_BREAK_SYSTEM_PACKAGES": "1"}),
    ],
    ids=["system", "user", "over the marker", "both"],
)
def test_where_it_works_and_how_far_it_goes_is_said_by_variables(
    debian: MadeUpHost, overrides: bool, keys: dict[str, Any], expected: dict[str, str]
) -> None:
    pip = site_pip(debian, overrides=overrides, **keys)
    for prepared in (pip.install(), pip.resolve(), pip.uninstall(["six"]), pip.ask_uninstall("six"), pip.places()):
        env = prepared.command.env
        assert {name: env[name] for name in ("PIP_USER", "PIP_BREAK_SYSTEM_PACKAGES") if name in env} == expected
        # An account's own site is not hidden from pip where it is what pip works in.
        assert ("-I" in prepared.command.argv) is ("scope" not in keys)
        assert prepared.command.account == (ALICE if "user" in keys else None)


@pytest.mark.parametrize(
    ("keys", "cwd"),
    [({}, "/"), ({"requirements": ["/srv/app/r.txt"]}, "/srv/app"), ({"chdir": "/tmp"}, "/tmp")],  # made up
    ids=["nothing said", "beside a requirements file", "as said"],
)
def test_pip_runs_where_relative_paths_are_meant(debian: MadeUpHost, keys: dict[str, Any], cwd: str) -> None:
    pip = site_pip(debian, umask="0077", **keys)
    assert [one.command.cwd for one in (pip.install(), pip.resolve())] == [cwd, cwd]
    assert {one.command.umask for one in (pip.install(), pip.uninstall(["six"]))} == {0o077}


def test_removing_asks_nothing_and_asking_removes_nothing(debian: MadeUpHost) -> None:
    pip = site_pip(debian, state="absent")
    assert words(pip.uninstall(["six", "idna"])) == [*PIP, "uninstall", "--yes", "six", "idna"]
    asking = pip.ask_uninstall("six").command
    assert list(asking.argv) == [*PIP, "uninstall", "six"]
    assert (asking.stdin, asking.env["PIP_YES"], asking.env["PIP_NO_INPUT"]) == ("n\n", "0", "0")


def test_wheels_are_fetched_for_exactly_what_was_found(debian: MadeUpHost) -> None:
    found = {"six": Found("1.0", "six @ https://x.test/six.whl"), "idna": Found("3", "idna @ https://x.test/i.whl")}
    prepared = site_pip(debian).fetch_wheels(found, "/scratch/wheels")
    assert words(prepared) == [
        *PIP,
        *("wheel", "--no-deps", "--wheel-dir", "/scratch/wheels", "-r", "/scratch/found.txt"),
    ]
    assert prepared.files == {"/scratch/found.txt": "six @ https://x.test/six.whl\nidna @ https://x.test/i.whl\n"}


def test_the_configuration_is_that_of_the_pip_that_is_started(debian: MadeUpHost) -> None:
    debian.environ.update(PIP_TARGET="/srv/t", PYTHONNOUSERSITE="1", XDG_CONFIG_HOME="/root/xdg")
    child = host_as_child(debian.host, site_pip(debian, scope="user", user="alice"))
    assert child.environ["HOME"] == "/home/alice"
    assert not {"PIP_TARGET", "PYTHONNOUSERSITE", "XDG_CONFIG_HOME"} & set(child.environ)


# Answers


def item(name: str, **info: object) -> dict[str, object]:
    return {"metadata": {"name": name, "version": "1.0"}, "download_info": {"url": "https://x.test/a", **info}}


@pytest.mark.parametrize(
    ("info", "requirement"),
    [
        pytest.param({}, "a-b @ https://x.test/a", id="a file"),
        pytest.param({"url": "file:///srv/a", "dir_info": {}}, "a-b @ file:///srv/a", id="a directory"),
        pytest.param(
            {"vcs_info": {"vcs": "git", "commit_id": "c0ffee", "requested_revision": "v1"}},
            "a-b @ git+https://x.test/a@c0ffee",
            id="a repository",
        ),
        pytest.param(
            {"vcs_info": {"vcs": "git", "commit_id": "c0ffee"}, "subdirectory": "python/a"},
            "a-b @ git+https://x.test/a@c0ffee#subdirectory=python/a",
            id="a directory of a repository",
        ),
        pytest.param({"subdirectory": "a"}, "a-b @ https://x.test/a#subdirectory=a", id="a directory of an archive"),
    ],
)
def test_what_a_dry_run_found_is_a_requirement_for_exactly_that(info: dict[str, object], requirement: str) -> None:
    report = json.dumps({"install": [item("A_b", **info)]})
    found = read_found(f"WARNING: something\n{report}")
    assert list(found) == ["a-b"]
    assert found["a-b"].version == "1.0"
    assert found["a-b"].requirement.replace("A_b", "a-b") == requirement


def test_a_dry_run_may_find_nothing() -> None:
    assert read_found('{"version": "1", "install": []}') == {}


@pytest.mark.parametrize(
    "report", ["", "no report", "{}", '{"install": 7}', '{"install": [{}]}', "{", '{"install": ["x"]}']
)
def test_something_else_is_no_report(report: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # what json says of it is not ours
        read_found(report)


@pytest.mark.parametrize(
    ("status", "stdout"),
    [
        (1, '{"purelib": "/a", "platlib": "/b", "scripts": "/c", "data": "/d"}'),
        (0, ""),
        (0, "[]"),
        (0, '{"purelib": "/a"}'),
    ],
    ids=["failed", "nothing", "a list", "a part"],
)
def test_an_answer_without_all_places_is_none(status: int, stdout: str) -> None:
    assert read_places(Completed(Command(()), status, stdout)) == {}


def test_places_are_read() -> None:
    assert read_places(Completed(Command(()), 0, json.dumps(PLACES))) == PLACES
