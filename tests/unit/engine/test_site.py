"""What is read of a site: where an interpreter looks, what is installed there, and what counts of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from made_up_host import ACCOUNTS, MadeUpHost
from package_databases import INFO, LOCAL
from pep668_provision.engine.interpreter import Interpreter, Interpreters
from pep668_provision.engine.requirement import Requirement
from pep668_provision.engine.site import (
    Installed,
    Site,
    observe_site,
    owners_of,
    read_distributions,
    recorded_files,
    requirements_of,
    source_of,
)

DIST = "/usr/lib/python3/dist-packages"
LOCAL_DIST = "/usr/local/lib/python3.11/dist-packages"
ALICE = next(account for account in ACCOUNTS if account.name == "alice")


def versions(made_up: MadeUpHost, *directories: str) -> dict[str, str]:
    return {name: one.version for name, one in read_distributions(made_up.host, directories).items()}


def python_of(made_up: MadeUpHost) -> Interpreter:
    found = Interpreters(made_up.host).default()
    assert found is not None
    made_up.runner.commands.clear()
    return found


def answering(made_up: MadeUpHost, **facts: object) -> MadeUpHost:
    """The host's python3 answers the question for its site with these facts laid over good ones."""
    made_up.python_of().answer = json.dumps({**json.loads(made_up.python_of().reply(with_site=True)), **facts})
    return made_up


# Asking the interpreter


def test_a_site_is_where_the_interpreter_looks_in_its_order(debian: MadeUpHost) -> None:
    python = python_of(debian)
    answering(
        debian,
        path=[LOCAL_DIST, DIST, LOCAL_DIST],
        user_site="/root/.local/lib",
        environment={"python_version": "3.11"},
    )
    debian.with_distributions(LOCAL_DIST, {"six": "1.17.0"}).with_distributions(DIST, {"six": "1.16.0", "idna": "3.3"})
    site = observe_site(debian.host, python)
    assert site.directories == (LOCAL_DIST, DIST)
    assert site.user_directory == "/root/.local/lib"
    assert site.environment == {"python_version": "3.11"}
    assert site.versions(["six", "idna", "none"]) == {"idna": "3.3", "six": "1.17.0"}
    assert site.version_of("none") == ""


@pytest.mark.parametrize(("with_user_site", "flags"), [(False, ("-I",)), (True, ())])
def test_an_accounts_own_distributions_are_seen_only_where_they_are_asked_for(
    debian: MadeUpHost, with_user_site: bool, flags: tuple[str, ...]
) -> None:
    observe_site(debian.host, python_of(debian), account=ALICE, with_user_site=with_user_site)
    (command,) = debian.runner.commands
    assert command.argv[:-1] == ("/usr/bin/python3", *flags, "-c")
    assert command.account == ALICE


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param("", 1, id="it fails"),
        pytest.param("", None, id="it does not run"),
        pytest.param("no json", 0, id="it says something else"),
        pytest.param("{}", 0, id="something is missing"),
        pytest.param('{"path": 7, "user_site": "", "environment": {}}', 0, id="a number for the path"),
        pytest.param('{"path": [], "user_site": "", "environment": 7}', 0, id="a number for the environment"),
        pytest.param("[]", 0, id="a list"),
    ],
)
def test_an_interpreter_that_does_not_answer_has_an_empty_site(
    debian: MadeUpHost, answer: str, status: int | None
) -> None:
    python = python_of(debian)
    debian.python_of().answer, debian.python_of().status = answer, status
    assert observe_site(debian.host, python) == Site()


# What is there


def test_the_first_on_the_path_counts(made_up: MadeUpHost) -> None:
    made_up.with_distributions(LOCAL_DIST, {"Foo_Bar": "2.0"}).with_distributions(DIST, {"foo.bar": "1.0", "b": "1"})
    assert versions(made_up, LOCAL_DIST, DIST) == {"foo-bar": "2.0", "b": "1"}
    assert versions(made_up, DIST, LOCAL_DIST) == {"foo-bar": "1.0", "b": "1"}
    found = read_distributions(made_up.host, (LOCAL_DIST, DIST))["foo-bar"]
    assert found.directory == LOCAL_DIST


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("six-1.16.0.dist-info", {"six": "1.16.0"}, id="dist-info"),
        pytest.param("six-1.16.0.egg-info", {"six": "1.16.0"}, id="egg-info"),
        pytest.param("six-1.16.0-py3.11.egg-info", {"six": "1.16.0"}, id="egg-info with a Python"),
        pytest.param("ruamel.yaml.clib-0.2.7.dist-info", {"ruamel-yaml-clib": "0.2.7"}, id="dots"),
        pytest.param("PyYAML-6.0.dist-info", {"pyyaml": "6.0"}, id="capitals"),
        pytest.param("a_-_b-1.0.dist-info", {"a-b": "1.0"}, id="dashes in the name"),
        pytest.param("~ix-1.16.0.dist-info", {}, id="what an interrupted pip leaves"),
        pytest.param("six.py", {}, id="a module"),
        pytest.param("six-1.16.0.txt", {}, id="another file"),
        pytest.param("__pycache__", {}, id="a cache"),
    ],
)
def test_a_distribution_is_known_by_the_name_of_its_metadata(
    made_up: MadeUpHost, name: str, expected: dict[str, str]
) -> None:
    assert versions(made_up.with_directory(f"{DIST}/{name}"), DIST) == expected


def test_what_is_no_directory_holds_nothing(made_up: MadeUpHost) -> None:
    assert versions(made_up.with_file("/usr/lib/python311.zip"), "/usr/lib/python311.zip", "/nowhere") == {}


def with_egg_link(made_up: MadeUpHost, text: str = "/srv/pkg\n.") -> MadeUpHost:
    made_up.with_file("/srv/pkg/My_Pkg.egg-info/PKG-INFO", "Metadata-Version: 1.0\nName: My-Pkg\nVersion: 0.3\n")
    return made_up.with_file(f"{DIST}/My-Pkg.egg-link", text)


def test_behind_an_egg_link_is_a_project(made_up: MadeUpHost) -> None:
    found = read_distributions(with_egg_link(made_up).host, (DIST,))
    assert found == {"my-pkg": Installed("my-pkg", "0.3", "/srv/pkg/My_Pkg.egg-info")}


@pytest.mark.parametrize("text", ["/srv/none\n.", "srv/pkg\n.", ""], ids=["gone", "relative", "empty"])
def test_an_egg_link_to_nothing_has_no_version(made_up: MadeUpHost, text: str) -> None:
    found = read_distributions(with_egg_link(made_up, text).host, (DIST,))
    assert found == {"my-pkg": Installed("my-pkg", "", f"{DIST}/My-Pkg.egg-link")}


# Metadata


def with_metadata(made_up: MadeUpHost, text: str, file: str = "six-1.0.dist-info/METADATA") -> Installed:
    made_up.with_file(f"{DIST}/{file}", text)
    return read_distributions(made_up.host, (DIST,))["six"]


@pytest.mark.parametrize(
    "file",
    ["six-1.0.dist-info/METADATA", "six-1.0.egg-info/PKG-INFO", "six-1.0.egg-info"],
    ids=["dist-info", "egg-info", "egg-info that is a file"],
)
def test_requirements_are_those_of_the_head(made_up: MadeUpHost, file: str) -> None:
    text = (
        "Name: six\nRequires-Dist: Foo_Bar>=1\nRequires-Dist: ???\nRequires-Dist: b (<2) ; extra == 'x'\n"
        "\nRequires-Dist: not-this\n"
    )
    found = requirements_of(made_up.host, with_metadata(made_up, text, file))
    assert [(one.name, str(one.specifier)) for one in found] == [("foo-bar", ">=1"), ("b", "<2")]


def test_without_metadata_nothing_is_required(made_up: MadeUpHost) -> None:
    made_up.with_directory(f"{DIST}/six-1.0.dist-info")
    assert requirements_of(made_up.host, read_distributions(made_up.host, (DIST,))["six"]) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"url": "file:///srv/x", "dir_info": {}}', {"url": "file:///srv/x", "dir_info": {}}),
        ("{", {}),
        ("[]", {}),
        (None, {}),
    ],
    ids=["one", "damaged", "a list", "none"],
)
def test_the_source_is_that_of_direct_url(made_up: MadeUpHost, text: str | None, expected: dict[str, Any]) -> None:
    installed = with_metadata(made_up, "Name: six\n")
    if text is not None:
        made_up.with_file(f"{installed.metadata}/direct_url.json", text)
    assert source_of(made_up.host, installed) == expected


def test_recorded_files_are_absolute_and_without_quotes(made_up: MadeUpHost) -> None:
    installed = with_metadata(made_up, "Name: six\n")
    assert recorded_files(made_up.host, installed) == ()
    record = (
        'six.py,sha256=x,10\n"six/a, b.txt",sha256=y,1\n../../../bin/six,,\nsix-1.0.dist-info/RECORD,,\n/etc/six,,\n'
    )
    made_up.with_file(f"{installed.metadata}/RECORD", record)
    assert recorded_files(made_up.host, installed) == (
        f"{DIST}/six.py",
        f"{DIST}/six/a, b.txt",
        "/usr/bin/six",
        f"{DIST}/six-1.0.dist-info/RECORD",
        "/etc/six",
    )


# Whose it is


@pytest.mark.parametrize(
    "file",
    ["six-1.0.dist-info/METADATA", "six-1.0.egg-info/PKG-INFO", "six-1.0.egg-info"],
    ids=["dist-info", "egg-info", "egg-info that is a file"],
)
def test_a_distribution_is_of_the_package_that_has_its_metadata(made_up: MadeUpHost, file: str) -> None:
    installed = with_metadata(made_up, "Name: six\n", file)
    assert owners_of(made_up.host, installed) == ()
    made_up.with_file(f"{INFO}/other.list", f"/.\n{DIST}\n{DIST}/six-1.0.dist-info/RECORD\n")
    assert owners_of(made_up.host, installed) == ()
    made_up.with_file(f"{INFO}/python3-six.list", f"/.\n{DIST}/{file}\n")
    assert owners_of(made_up.host, installed) == ("python3-six",)


def test_pacmans_database_tells_it_too(made_up: MadeUpHost) -> None:
    installed = with_metadata(made_up, "Name: six\n")
    made_up.with_file(f"{LOCAL}/python-six-1.0-1/files", f"%FILES%\n{DIST[1:]}/six-1.0.dist-info/METADATA\n")
    assert owners_of(made_up.host, installed) == ("python-six",)


def test_metadata_that_is_gone_is_nobodys(made_up: MadeUpHost) -> None:
    made_up.with_file(f"{INFO}/python3-six.list", f"/.\n{DIST}/six-1.0.dist-info\n")
    assert owners_of(made_up.host, Installed("six", "1.0", f"{DIST}/six-1.0.dist-info")) == ()


# Markers


@pytest.mark.parametrize(
    ("text", "extra", "applies"),
    [
        ("a", "", True),
        ("a; python_version >= '3.10'", "", True),
        ("a; python_version < '3.10'", "", False),
        ("a; extra == 'x'", "", False),
        ("a; extra == 'x'", "x", True),
        ("a; platform_machine == 'riscv'", "", True),
    ],
    ids=["none", "holds", "does not hold", "an extra that is not asked for", "an extra", "cannot be judged"],
)
def test_a_requirement_applies_where_its_marker_holds(text: str, extra: str, applies: bool) -> None:
    site = Site(environment={"python_version": "3.11"})
    assert site.applies(Requirement.parse(text), extra) is applies
