"""Who can put something else at a path: judged over directories, owners, modes and links as a host could have them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from made_up_host import ACCOUNTS
from pep668_provision.engine.account import Account
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.path_control import control_of, find_danger, find_danger_inside, keeper_of, runner_of

ROOT, APP, ALICE, BOB = (next(one for one in ACCOUNTS if one.name == name) for name in ("root", "app", "alice", "bob"))
STAFF, TEAM, UNKNOWN = 50, 2000, 3000
GROUPS = {APP.gid: {APP.uid}, TEAM: {APP.uid, BOB.uid}}


@dataclass(frozen=True)
class Described(Host):
    """A host of which only this is known: path → (owner, mode, group), or the target of a link."""

    entries: Mapping[str, tuple[Account, int, int] | str] = field(default_factory=dict)

    def lstat(self, path: str) -> os.stat_result | None:
        entry = self.entries.get(path)
        if entry is None:
            return None
        if isinstance(entry, str):
            return os.stat_result((stat.S_IFLNK | 0o777, 0, 0, 1, 0, 0, 0, 0, 0, 0))
        owner, mode, group = entry
        kind = stat.S_IFREG if path.rpartition("/")[2] in ("python", "pyvenv.cfg") else stat.S_IFDIR
        return os.stat_result((kind | mode, 0, 0, 1, owner.uid, group, 0, 0, 0, 0))

    def stat(self, path: str) -> os.stat_result | None:
        entry = self.entries.get(path)
        return self.stat(entry) if isinstance(entry, str) else self.lstat(path)

    def readlink(self, path: str) -> str | None:
        entry = self.entries.get(path)
        return entry if isinstance(entry, str) else None


def host_with(
    entries: Mapping[str, tuple[Account, int] | tuple[Account, int, int] | str], *, caller: Account = ROOT
) -> Described:
    base = {"/": (ROOT, 0o755), "/srv": (ROOT, 0o755), "/home": (ROOT, 0o755), "/tmp": (ROOT, 0o1777)}
    full = {
        path: one if isinstance(one, str) else (one[0], one[1], one[2] if len(one) == 3 else one[0].gid)
        for path, one in {**base, **entries}.items()
    }
    return Described(
        uid=caller.uid,
        account_by_uid=lambda uid: next(
            (one for one in ACCOUNTS if one.uid == uid), Account(str(uid), uid, uid, "/", "")
        ),
        members_of=lambda gid: frozenset(GROUPS.get(gid, ())),
        entries=full,
    )


PATH = "/srv/app/.venv"
SAFE = {
    "root's directories": ({}, None),
    "an owner's directory, for that owner": ({"/srv/app": (APP, 0o755)}, APP),
    "what is missing below root's": ({}, APP),
    "an owner's directory that its own group may write in": ({"/srv/app": (APP, 0o2775)}, APP),
    "one that root's group may write in": ({"/srv/app": (ROOT, 0o775)}, APP),
    "one of a group of the system's that nobody is in": ({"/srv/app": (ROOT, 0o2775, STAFF)}, APP),
    "a link of root's to the owner's directory": ({"/srv/app": "/home/app", "/home/app": (APP, 0o755)}, APP),
    "an environment of the owner's": ({"/srv/app": (APP, 0o755), PATH: (APP, 0o755)}, APP),
    "one that belonged to another account in root's directory": ({"/srv/app": (ROOT, 0o755), PATH: (BOB, 0o755)}, APP),
    "a shared directory with the sticky bit, nothing there": ({"/srv/app": (ROOT, 0o1777)}, APP),
    "a shared directory with the sticky bit, the owner's there": (
        {"/srv/app": (ROOT, 0o1777), PATH: (APP, 0o755)},
        APP,
    ),
}
UNSAFE = {
    "a third account's directory": (
        {"/srv/app": (BOB, 0o755)},
        APP,
        r"bob, who owns /srv/app \(mode 0755\).*Set owner: bob.*give /srv/app to app or root",
    ),
    "a third account's directory with the sticky bit": ({"/srv/app": (BOB, 0o1755)}, APP, "bob, who owns /srv/app"),
    "another account's directory, without an owner": (
        {"/srv/app": (ALICE, 0o700)},
        None,
        r"alice, who owns /srv/app \(mode 0700\).*Set owner: alice if it is for that account",
    ),
    "one that everybody may write in": (
        {"/srv/app": (APP, 0o777)},
        APP,
        r"everybody may write there: /srv/app \(owner app, mode 0777\).*chmod go-w /srv/app",
    ),
    "one that a group with others may write in": (
        {"/srv/app": (APP, 0o775, TEAM)},
        APP,
        r"bob, as its group may write there: /srv/app \(owner app, mode 0775\).*chmod go-w",
    ),
    "one of a group of which not all members are known": (
        {"/srv/app": (APP, 0o775, UNKNOWN)},
        APP,
        "its group|everybody",
    ),
    "a directory further up": ({"/srv": (BOB, 0o755), "/srv/app": (APP, 0o755)}, APP, "bob, who owns /srv"),
    "a link in a third account's directory": (
        {
            "/srv/app": "/home/bob/link",
            "/home/bob": (BOB, 0o755),
            "/home/bob/link": "/srv/other",
            "/srv/other": (APP, 0o755),
        },
        APP,
        "bob, who owns /home/bob",
    ),
    "a link to a third account's directory": (
        {"/srv/app": "../home/bob", "/home/bob": (BOB, 0o755)},
        APP,
        "bob, who owns /home/bob",
    ),
    "a link at the path itself": (
        {"/srv/app": (APP, 0o755), PATH: "/home/bob/venv", "/home/bob": (BOB, 0o755)},
        APP,
        "bob, who owns /home/bob",
    ),
    "a third account's entry in a shared directory": (
        {"/srv/app": (ROOT, 0o1777), PATH: (BOB, 0o755)},
        APP,
        r"bob, who has put it into /srv/app \(owner root, mode 1777\)",
    ),
    "an entry in a shared directory, without an owner": (
        {"/srv/app": (ROOT, 0o1777), PATH: (APP, 0o755)},
        None,
        r"app, who has put it into /srv/app",
    ),
    "a previous environment in a shared directory": (
        {"/srv/app": (ROOT, 0o1777), f"{PATH}.pep668-old": (BOB, 0o755)},
        APP,
        r"bob, who has put it into /srv/app",
    ),
}


@pytest.mark.parametrize(("entries", "owner"), SAFE.values(), ids=SAFE)
def test_what_only_root_and_the_owner_control_is_safe(
    entries: Mapping[str, tuple[Account, int] | str], owner: Account | None
) -> None:
    assert find_danger(host_with(entries), PATH, owner, is_declared=True, beside=(f"{PATH}.pep668-old",)) is None


@pytest.mark.parametrize(("entries", "owner", "expected"), UNSAFE.values(), ids=UNSAFE)
def test_what_others_control_is_refused_with_the_directory_its_owner_and_mode_and_what_to_do(
    entries: Mapping[str, tuple[Account, int] | str], owner: Account | None, expected: str
) -> None:
    # Without a declared owner it is the one of what is there.
    account = owner or APP
    host = host_with(entries)
    danger = find_danger(host, PATH, account, is_declared=owner is not None, beside=(f"{PATH}.pep668-old",))
    assert danger is not None
    text = f"{danger.message} {danger.advice}"
    assert re.search(expected, text), text


@pytest.mark.parametrize(
    ("entries", "is_safe"),
    [
        pytest.param({"/home/alice": (ALICE, 0o755)}, True, id="its own home"),
        pytest.param({"/home/alice": (ALICE, 0o777)}, False, id="its own home, open to all"),
        pytest.param({"/home/alice": (BOB, 0o777)}, False, id="a third account's"),
    ],
)
def test_to_another_caller_root_and_itself_are_the_safe_ones(
    entries: Mapping[str, tuple[Account, int] | str], is_safe: bool
) -> None:
    host = host_with(entries, caller=ALICE)
    assert (find_danger(host, "/home/alice/venv", None) is None) is is_safe
    assert keeper_of(host, "/home/alice/venv") is None


def test_links_that_lead_in_a_circle_come_to_an_end() -> None:
    host = host_with({"/srv/app": "/srv/other", "/srv/other": "/srv/app"})
    assert find_danger(host, PATH, None) is None


def test_nothing_is_more_than_the_owner_of_the_root_directory() -> None:
    # In a container whose numbers are mapped, root's files may be nobody's.
    nobody = Account("nobody", 65534, 65534, "/", "")
    host = host_with({"/": (nobody, 0o755), "/srv": (nobody, 0o755)})
    assert find_danger(host, PATH, None) is None


@pytest.mark.parametrize(
    ("mode", "group", "is_safe"),
    [
        pytest.param(0o755, APP.gid, True, id="its owner's"),
        pytest.param(0o775, APP.gid, True, id="and of its own group"),
        pytest.param(0o775, TEAM, False, id="and of a group"),
        pytest.param(0o1777, APP.gid, False, id="everybody's, sticky bit or not"),
    ],
)
def test_an_environment_that_others_write_into_is_refused(mode: int, group: int, is_safe: bool) -> None:
    danger = find_danger_inside(host_with({"/srv/app": (APP, 0o755), PATH: (APP, mode, group)}), PATH, APP)
    assert (danger is None) is is_safe
    if danger is not None:
        assert f"{PATH} (owner app, mode {mode:04o})" in danger.message
        assert f"chmod go-w {PATH}" in danger.advice


def test_root_acts_as_whoever_controls_a_directory_on_the_way() -> None:
    assert keeper_of(host_with({}), PATH) is None
    assert keeper_of(host_with({"/srv/app": (APP, 0o755)}), PATH) == APP
    # Who owns the last directory does not tell who can exchange it.
    deep = {"/srv/app": (APP, 0o755), "/srv/app/data": (ROOT, 0o755)}
    assert keeper_of(host_with(deep), "/srv/app/data/.venv") == APP
    with pytest.raises(ProvisionError, match="bob, who owns /srv/app/data"):
        keeper_of(host_with({**deep, "/srv/app/data": (BOB, 0o755)}), "/srv/app/data/.venv")
    with pytest.raises(ProvisionError, match="everybody may write there"):
        keeper_of(host_with({"/srv/app": (ROOT, 0o777)}), PATH)


def test_a_program_is_started_as_who_can_exchange_it() -> None:
    python = "/srv/app/bin/python"
    roots = {"/srv/app": (ROOT, 0o755), "/srv/app/bin": (ROOT, 0o755), python: (ROOT, 0o755)}
    assert (control_of(host_with(roots), python, None), runner_of(host_with(roots), python)) == ("", None)
    owned = host_with({**roots, "/srv/app/bin": (APP, 0o755)})
    assert control_of(owned, python, None) == "app, who owns /srv/app/bin (mode 0755)"
    assert control_of(owned, python, APP) == ""
    assert runner_of(owned, python) == APP
    # The file is the account's, or its link leads to what is.
    assert control_of(host_with({**roots, python: (APP, 0o755)}), python, None) == "app, who owns it"
    linked = host_with(
        {**roots, python: "/home/bob/python", "/home/bob": (BOB, 0o755), "/home/bob/python": (BOB, 0o755)}
    )
    assert control_of(linked, python, APP) == "bob, who owns /home/bob (mode 0755)"
    assert runner_of(linked, python) == BOB
    # In an environment it is the environment's owner who made the link.
    in_venv = host_with(
        {
            "/srv/app": (APP, 0o755),
            "/srv/app/bin": (APP, 0o755),
            "/srv/app/pyvenv.cfg": (APP, 0o644),
            python: "/home/bob/python",
            "/home/bob": (BOB, 0o755),
            "/home/bob/python": (BOB, 0o755),
        }
    )
    assert runner_of(in_venv, python) == APP
    for everybodys in ({**roots, "/srv/app/bin": (ROOT, 0o777)}, {**roots, python: (ROOT, 0o757)}):
        assert "others" in control_of(host_with(everybodys), python, None)
        with pytest.raises(ProvisionError, match="can be exchanged by"):
            runner_of(host_with(everybodys), python)


@pytest.mark.parametrize("follow", [True, False])
def test_only_regular_files_are_read_and_nothing_is_waited_for(tmp_path: Path, follow: bool) -> None:
    host = Host()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "to-pipe").symlink_to("pipe")
    assert host.read_text(str(tmp_path / "file"), follow=follow) == "text"
    assert host.read_text(str(tmp_path / "link"), follow=follow) == ("text" if follow else None)
    for name in ("pipe", "to-pipe", "missing", "."):
        assert host.read_bytes(str(tmp_path / name), follow=follow) is None
        assert host.head(str(tmp_path / name), 2) == b""
    assert host.read_bytes("/dev/zero", follow=follow) is None
    assert host.read_bytes(os.devnull) == b""
