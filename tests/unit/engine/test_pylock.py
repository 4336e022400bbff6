"""Lock files: what of one is installed where, and which ones are refused with what words."""

from __future__ import annotations

import copy
import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import MadeUpHost, entry_of
from pep668_provision.engine import toml_text
from pep668_provision.engine.desired import VenvEntry, validate
from pep668_provision.engine.errors import InvalidState, ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.installer_pip import locked_lines
from pep668_provision.engine.pylock import Lock, LockError, find_problem, parse_lock, read_lock, select
from pep668_provision.engine.request import read_request
from pep668_provision.engine.toml_text import TomlError, read_toml

LOCK = "/srv/app/pylock.toml"
VENV = "/srv/app/.venv"
SHA = {"sha256": "ab" * 32}
LINUX = {
    "python_full_version": "3.12.4",
    "python_version": "3.12",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
}
TEXT = """
lock-version = "1.0"
created-by = "a test"
created = 2026-01-02T03:04:05Z
[[packages]]
name = "alpha"
version = "1.0"
wheels = [{name = "alpha-1.0-py3-none-any.whl", url = "https://h/a.whl", hashes = {sha256 = "%s"}}]
""" % ("ab" * 32)


def wheel(name: str = "alpha-1.0-py3-none-any.whl", **keys: Any) -> dict[str, Any]:
    return {"name": name, "url": f"https://h/{name}", "hashes": SHA, **keys}


def package(name: str = "alpha", **keys: Any) -> dict[str, Any]:
    found = {"name": name, "version": "1.0", "wheels": [wheel()], **keys}
    return {key: value for key, value in found.items() if value is not None}


def table(*packages: Any, **keys: Any) -> dict[str, Any]:
    return {"lock-version": "1.0", "created-by": "a test", "packages": list(packages), **keys}


def lines(found: dict[str, Any], **selections: Any) -> list[str]:
    selected = select(parse_lock(found, LOCK), LINUX, VenvEntry(VENV, lock=LOCK, **selections))
    return locked_lines(selected).splitlines()


def refused(found: dict[str, Any], **selections: Any) -> str:
    with pytest.raises(LockError) as raised:
        lines(found, **selections)
    return str(raised.value)


ALPHA = "alpha==1.0 --hash=sha256:" + "ab" * 32


def test_a_wheel_and_a_source_are_one_line_with_the_hash_of_each() -> None:
    sdist = {"url": "https://h/alpha-1.0.tar.gz", "hashes": {"sha512": "cd" * 64, "md5": "0" * 32}}
    assert lines(table(package(sdist=sdist))) == [f"{ALPHA} --hash=sha512:{'cd' * 64}"]
    assert lines(table(package(wheels=None, sdist=sdist))) == [f"alpha==1.0 --hash=sha512:{'cd' * 64}"]


def test_names_and_versions_are_normalised_and_hashes_in_small_letters() -> None:
    found = table(package("Al_pha", version="1.0.POST1", wheels=[wheel(hashes={"sha256": "AB" * 32})]))
    assert lines(found) == ["al-pha==1.0.post1 --hash=sha256:" + "ab" * 32]


@pytest.mark.parametrize(
    ("archive", "expected"),
    [
        pytest.param({"url": "https://u:p@h/a-1.zip"}, "alpha @ https://u:p@h/a-1.zip", id="an address"),
        pytest.param({"path": "../wheels/a b.whl"}, "alpha @ file:///srv/wheels/a%20b.whl", id="beside the lock"),
        pytest.param({"path": "/opt/a$b.zip"}, "alpha @ file:///opt/a%24b.zip", id="no variable of pip's"),
        pytest.param(
            {"url": "https://h/a.zip", "subdirectory": "src/x y"},
            "alpha @ https://h/a.zip#subdirectory=src/x%20y",
            id="a part of it",
        ),
    ],
)
def test_an_archive_is_its_address(archive: dict[str, Any], expected: str) -> None:
    found = table(package(wheels=None, version=None, archive={**archive, "hashes": SHA}))
    assert lines(found) == [f"{expected} --hash=sha256:{'ab' * 32}"]


def test_wheels_beside_the_lock_are_found_there() -> None:
    found = table(package(wheels=[wheel(url=None, path="wheels/alpha-1.0-py3-none-any.whl")]))
    assert lines(found) == ["--find-links file:///srv/app/wheels", ALPHA]


@pytest.mark.parametrize(
    ("marker", "selections", "expected"),
    [
        ("sys_platform == 'linux'", {}, True),
        ("sys_platform == 'win32'", {}, False),
        ("python_version < '3.9' or platform_machine == 'x86_64'", {}, True),
        ("'more' in extras", {}, False),
        ("'More' in extras", {"lock_extras": ("more",)}, True),
        ("'mor' in extras", {"lock_extras": ("more",)}, False),
        ("'more' not in extras", {"lock_extras": ("more",)}, False),
        ("'default' in dependency_groups", {}, True),
        ("'dev' in dependency_groups", {}, False),
        ("'dev' in dependency_groups and 'default' in dependency_groups", {"lock_groups": ("dev",)}, True),
    ],
)
def test_a_marker_decides_whether_a_package_is_installed(
    marker: str, selections: dict[str, Any], expected: bool
) -> None:
    found = table(
        package(marker=marker), extras=["more"], **{"dependency-groups": ["dev"], "default-groups": ["default"]}
    )
    assert lines(found, **selections) == ([ALPHA] if expected else [])


@pytest.mark.parametrize(
    ("found", "message"),
    [
        pytest.param({}, "its lock-version is None; what can be read here is 1.0", id="no version"),
        pytest.param({**table(package()), "lock-version": "2.0"}, "its lock-version is '2.0'", id="another format"),
        pytest.param({"lock-version": "1.0"}, "it has no packages", id="no packages"),
        pytest.param(table(3), "package 0 has no name", id="no table"),
        pytest.param(table(package("-r x")), "package 0 has a name that is none, '-r x'", id="an option for a name"),
        pytest.param(table(package("a==1")), "package 0 has a name that is none", id="more than a name"),
        pytest.param(table(package(version=None)), "alpha has no version", id="no version of a package"),
        pytest.param(table(package(version="1 --x")), "alpha has '1 --x' version", id="an option for a version"),
        pytest.param(table(package(wheels=None)), "alpha has no source", id="no source"),
        pytest.param(
            table(package(archive={"url": "https://h/a.zip", "hashes": SHA})),
            "alpha has more than one source: archive, wheels or sdist",
            id="two sources",
        ),
        pytest.param(
            table(package(wheels=[wheel(hashes={})])), "alpha: alpha-1.0-py3-none-any.whl has no hash", id="no hash"
        ),
        pytest.param(
            table(package(wheels=[wheel(), wheel("b.whl", hashes=None)])), "alpha: b.whl has no hash", id="one without"
        ),
        pytest.param(
            table(package(wheels=[wheel(hashes={"md5": "0" * 32})])),
            "has no hash that can be checked (sha256, sha384, sha512)",
            id="a weak hash",
        ),
        pytest.param(
            table(package(wheels=[wheel(hashes={"sha256": "ab --index-url=x"})])),
            "no hash that can",
            id="no hexadecimals",
        ),
        pytest.param(
            table(package(wheels=None, vcs={"type": "git", "url": "https://h/r", "commit-id": "0" * 40})),
            "alpha comes from a repository, of which there is no hash",
            id="a repository",
        ),
        pytest.param(
            table(package(wheels=None, directory={"path": "."})), "alpha comes from a directory", id="a directory"
        ),
        pytest.param(
            table(package(wheels=None, archive={"url": "https://h/a b --x", "hashes": SHA})),
            "alpha has an address that cannot be used, 'https://h/a b --x'",
            id="an option in an address",
        ),
        pytest.param(
            table(package(wheels=None, archive={"url": "https://h/${HOME}", "hashes": SHA})),
            "an address that cannot be used",
            id="a variable in an address",
        ),
        pytest.param(
            table(package(wheels=None, archive={"hashes": SHA})), "alpha has neither a url nor a path", id="nowhere"
        ),
        pytest.param(
            table(package(**{"requires-python": ">>3"})), "alpha's requires-python cannot be read", id="no specifier"
        ),
        pytest.param(
            table(package(**{"requires-python": "<3.9"})),
            "alpha is for Python <3.9, and this is 3.12.4",
            id="a package's",
        ),
        pytest.param(
            table(package(), **{"requires-python": ">=3.13"}),
            "it is for Python >=3.13, and this is 3.12.4",
            id="the lock's",
        ),
        pytest.param(
            table(package(), environments=["sys_platform == 'win32'"]),
            "none of its environments is this one (\"sys_platform == 'win32'\")",
            id="another system",
        ),
        pytest.param(table(package(), package("Alpha")), "it has more than one alpha for this", id="ambiguous"),
        pytest.param(table(package(marker="x y")), "a marker of alpha cannot be judged", id="no marker"),
        pytest.param(table(package(marker="extras == 'x'")), "can only be asked whether a name is in", id="no set"),
        pytest.param(table(package(), environments="x"), "its environments is 'x', and should be a list", id="no list"),
    ],
)
def test_a_lock_that_cannot_be_used_is_refused(found: dict[str, Any], message: str) -> None:
    assert message in refused(found)


def test_everything_that_is_wrong_with_packages_is_said_at_once() -> None:
    said = refused(table(package(version=None), package("beta", wheels=None)))
    assert said == "alpha has no version; beta has no source"


def test_what_a_lock_does_not_have_cannot_be_selected() -> None:
    assert refused(table(package()), lock_extras=("more",)) == "it has no more; allowed in lock_extras are none"
    found = table(package(), **{"dependency-groups": ["dev", "docs"]})
    assert refused(found, lock_groups=("de",)) == "it has no de; allowed in lock_groups are dev, docs"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["https://h/a", "alpha", "1.0"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["url", "path", "hashes", "sha256"]), inner)
    ),
    max_leaves=5,
)


@given(st.data())
def test_a_hostile_lock_is_refused_or_becomes_lines_with_hashes(data: st.DataObject) -> None:
    """Whatever stands in a lock, no line of it is an option, and none is without a hash."""
    found = table(package(sdist={"path": "a.tar.gz", "hashes": SHA}), package("beta", wheels=None, archive=wheel()))
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = copy.deepcopy(found)
        found = place
        while isinstance(place, (dict, list)) and place:
            key: Any = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if data.draw(st.booleans()) or not isinstance(place[key], (dict, list)):
                place[key] = data.draw(_VALUES)
                break
            place = place[key]
    try:
        made = lines(found)
    except LockError:
        return
    for line in made:
        requirement, _, hashes = line.partition(" --hash=")
        if line.startswith("--find-links file:///"):
            assert len(line.split()) == 2
            continue
        assert requirement.split()[0].startswith(("alpha", "beta")) or requirement[0].isalnum()
        assert not requirement.startswith("-")
        assert hashes


def test_the_file_is_read_with_its_dates(made_up: MadeUpHost) -> None:
    made_up.with_file(LOCK, TEXT)
    lock = read_lock(Host(root=made_up.host.root), LOCK)
    assert [one.requirement for one in lock.packages] == ["alpha==1.0"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "does not exist, or cannot be read", id="missing"),
        pytest.param(b"\xff\xfe", "it is not UTF-8 text", id="no text"),
        pytest.param(b"lock-version = ", "it is not TOML: ", id="no TOML"),
        pytest.param(b"a = " + b"[" * 20000, "it is not TOML: ", id="nested without end"),
        pytest.param(TEXT.replace("ab" * 32, "12").encode(), "no hash that can be checked", id="a short hash"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_path(
    made_up: MadeUpHost, content: bytes | None, message: str
) -> None:
    if content is not None:
        (made_up.root / LOCK[1:]).parent.mkdir(parents=True)
        (made_up.root / LOCK[1:]).write_bytes(content)
    said = find_problem(Host(root=made_up.host.root), VenvEntry(VENV, lock=LOCK))
    assert message in said
    assert LOCK in said


def test_the_parser_may_be_the_one_of_a_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a Python without tomllib does; here the child has one or the other."""
    monkeypatch.setitem(sys.modules, "tomllib", None)
    assert read_toml(Host(), TEXT)["packages"][0]["name"] == "alpha"
    assert str(read_toml(Host(), TEXT)["created"]).startswith("2026-01-02")
    with pytest.raises(TomlError, match="Invalid value"):
        read_toml(Host(), "a = ")


def test_where_nothing_reads_toml_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, made_up: MadeUpHost) -> None:
    monkeypatch.setitem(sys.modules, "tomllib", None)
    with pytest.raises(ProvisionError) as raised:
        read_toml(made_up.host, TEXT)
    assert "nothing that reads TOML" in raised.value.message
    for way in ("Python 3.11", "pip 21.2", "uv export", "require_hashes: true"):
        assert way in raised.value.advice


def test_a_newer_python_beside_is_asked(monkeypatch: pytest.MonkeyPatch, made_up: MadeUpHost) -> None:
    monkeypatch.setitem(sys.modules, "tomllib", None)
    made_up.with_interpreter("3.12.4")
    python = next(iter(made_up.pythons.values()))
    python.answer = json.dumps({"parser": "tomllib", "table": {"a": 1}})
    assert read_toml(made_up.host, "a = 1") == {"a": 1}
    asked = [command.argv[0] for command in made_up.runner.commands]
    assert asked[0] == sys.executable
    assert asked[-1].endswith("python3.12")
    assert toml_text.PROGRAM in made_up.runner.commands[-1].argv


def test_the_digest_is_that_of_the_content_and_the_selection(made_up: MadeUpHost) -> None:
    def digest(text: str, **keys: Any) -> str:
        made_up.with_file(LOCK, text)
        return read_request(made_up.host, entry_of(path=VENV, lock=LOCK, **keys)).digest

    first = digest(TEXT)
    assert digest(TEXT) == first
    assert len({first, digest(TEXT + "#"), digest(TEXT, lock_extras=["x"]), digest(TEXT, lock_groups=["x"])}) == 4


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"lock": "/srv/lock.toml"}, "a file named pylock.toml, or pylock.NAME.toml (PEP 751)"),
        ({"lock": "/srv/pylock.a.b.toml"}, "pylock.NAME.toml"),
        ({"lock": "pylock.toml"}, "an absolute path on the host"),
        ({"lock": LOCK, "state": "latest"}, "allowed with it are the states present and exact"),
        ({"lock": LOCK, "packages": ["six"], "project": "/srv/app"}, "and there is packages, project"),
        ({"lock": LOCK, "system_site_packages": True}, "system_site_packages: false"),
        ({"lock_groups": ["dev"]}, "there is no lock"),
    ],
)
def test_an_entry_that_contradicts_its_lock_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidState) as raised:
        validate({"python_venvs": [{"path": VENV, **keys}]})
    assert message in str(raised.value)
    assert f"python_venvs[0] (path: '{VENV}')" in str(raised.value)


def test_a_named_lock_is_one() -> None:
    assert entry_of(path=VENV, lock="/srv/pylock.web.toml").checks_hashes
    assert isinstance(parse_lock(table(), LOCK), Lock)
