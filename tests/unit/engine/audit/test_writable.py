"""Directories in which others than their owners can put what root runs or imports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from packaged_python import LOCAL, PACKAGED, STDLIB, audit, with_packaged_python

from made_up_host import FILES_UID, MadeUpHost

MODULES, PROGRAMS = "EM601", "EM602"


@pytest.fixture
def clean(made_up: MadeUpHost) -> MadeUpHost:
    with_packaged_python(made_up).with_directory("/home/alice/.local/lib/python3.11/site-packages")
    for folder in ("/usr/sbin", "/usr/local/sbin", "/home/alice/.local/bin"):
        made_up.with_directory(folder)
    for path in (made_up.root, *made_up.root.rglob("*")):
        if not path.is_symlink():
            # Whatever the umask of the tests is.
            path.chmod(path.stat().st_mode & ~0o022)
    return made_up


def chmod(made_up: MadeUpHost, path: str, mode: int) -> MadeUpHost:
    made_up.real(path).chmod(mode)
    return made_up


def findings(made_up: MadeUpHost, members: Mapping[int, set[int]] | None = None) -> list[dict[str, Any]]:
    """What is found where these groups have these members; others have none."""
    groups = members or {}
    host = replace(made_up.host, members_of=lambda gid: frozenset(groups.get(gid, set())))
    found = audit(made_up, MODULES, PROGRAMS, host=host)
    assert found["unread"] == []
    return list(found["findings"])


def repair(*directories: str, recursive: bool = False) -> dict[str, Any]:
    return {
        "module": "write_right",
        "arguments": {"directories": [*directories], "recursive": recursive},
        "keeps": [],
    }


def test_a_clean_host_has_none(clean: MadeUpHost) -> None:
    assert findings(clean) == []


@pytest.mark.parametrize("path", [LOCAL, PACKAGED, STDLIB, "/home/alice/.local/lib/python3.11/site-packages"])
def test_a_directory_of_modules_for_everybody_is_found(clean: MadeUpHost, path: str) -> None:
    (found,) = findings(chmod(clean, path, 0o777))
    assert (found["id"], found["severity"], found["subject"]) == (MODULES, "error", path)
    assert "mode 0777) can be written to by others" in found["evidence"]
    assert found["remedy"].endswith(f"chmod go-w {path}")
    assert found["repairs"] == [repair(path)]


@pytest.mark.parametrize("mode", [0o777, 0o1777], ids=oct)
@pytest.mark.parametrize("path", ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/home/alice/.local/bin"])
def test_a_directory_of_programs_for_everybody_is_found(clean: MadeUpHost, path: str, mode: int) -> None:
    # With the sticky bit, too: a new name is enough.
    (found,) = findings(chmod(clean, path, mode))
    assert (found["id"], found["subject"]) == (PROGRAMS, path)


def test_one_that_leads_to_others_is_named(clean: MadeUpHost) -> None:
    (found,) = findings(chmod(clean, "/usr/local/lib", 0o777))
    assert found["subject"] == LOCAL
    assert "/usr/local/lib (owner " in found["evidence"]
    assert found["remedy"].endswith("chmod go-w /usr/local/lib")
    assert found["repairs"] == [repair("/usr/local/lib")]


def test_what_is_in_one_counts(clean: MadeUpHost) -> None:
    clean.with_file(f"{LOCAL}/agent.py", mode=0o666).with_link(f"{LOCAL}/link.py", "agent.py")
    (found,) = findings(chmod(clean.with_directory(f"{LOCAL}/tool"), f"{LOCAL}/tool", 0o777))
    assert "everybody can write to agent.py, tool in it" in found["evidence"]
    assert found["remedy"].endswith(f"chmod -R go-w {LOCAL}")
    assert found["repairs"] == [repair(LOCAL, recursive=True)]


def test_links_to_one_directory_are_one(clean: MadeUpHost) -> None:
    clean.without("/bin").with_link("/bin", "usr/bin")
    assert [one["subject"] for one in findings(chmod(clean, "/usr/bin", 0o777))] == ["/usr/bin"]


@pytest.mark.skipif(FILES_UID != 0, reason="only root gives files to groups")
@pytest.mark.parametrize(
    ("gid", "members", "is_found"),
    [
        pytest.param(50, set(), False, id="staff without members, as on a clean Debian"),
        pytest.param(50, {61002}, True, id="staff with a member"),
        pytest.param(50, {0}, False, id="root alone"),
        pytest.param(61002, {61002}, True, id="another account's own group"),
        pytest.param(5000, set(), True, id="a group that nobody here knows"),
    ],
)
def test_a_group_counts_by_its_members(clean: MadeUpHost, gid: int, members: set[int], is_found: bool) -> None:
    os.chown(clean.real(LOCAL), 0, gid)
    found = findings(chmod(clean, LOCAL, 0o2775), {gid: members})
    assert [one["subject"] for one in found] == [LOCAL] * is_found


@pytest.mark.skipif(FILES_UID != 0, reason="only root gives files to accounts")
def test_an_accounts_own_is_its_own(clean: MadeUpHost) -> None:
    for path in ("/home/alice", "/home/alice/.local", "/home/alice/.local/bin"):
        os.chown(clean.real(path), 61002, 61002)
        chmod(clean, path, 0o775)
    assert findings(clean, {61002: {61002}}) == []
    # What leads there is in its group's hands, too.
    assert [one["subject"] for one in findings(clean, {61002: {61002, 61003}})] == [
        "/home/alice/.local/lib/python3.11/site-packages",
        "/home/alice/.local/bin",
    ]


def test_homes_that_are_closed_are_said(clean: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, _mode: str(path) != str(clean.real("/root")))
    clean.uid = 61002
    found = audit(clean, MODULES, PROGRAMS)
    assert {(one["rule"], one["what"]) for one in found["unread"]} == {(MODULES, "/root"), (PROGRAMS, "/root")}
