# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts can put something else at a path: who owns, or may write in, a directory on the way to it.

Root and whoever owns ``/`` can anyway and are never named. Of access control lists the group bits show the most that
anybody named in one may do.
"""

from __future__ import annotations

import posixpath
import stat
from dataclasses import dataclass
from typing import FrozenSet, Iterator, List, Optional, Tuple

from .account import Account
from .errors import ProvisionError
from .host import Host

#: Groups with a lower number belong to the system (/etc/login.defs); whom it puts into them its administrator decides.
_FIRST_SHARED_GROUP = 100
_MOST_LINKS = 40


@dataclass(frozen=True)
class Opening:
    """A directory in which somebody can exchange an entry that leads to a path.

    ``uid`` is who, ``None`` for more than can be told; ``owner`` and ``mode`` are the directory's. ``because`` says by
    which right, "" for an owner's. ``is_shared``: everybody may write there, and ``uid`` owns the entry (sticky bit).
    """

    directory: str
    owner: int
    mode: int
    uid: Optional[int]
    because: str = ""
    is_shared: bool = False


@dataclass(frozen=True)
class Danger:
    """Why something must not be done at a path, and what the user can do about it."""

    message: str
    advice: str


def openings_of(host: Host, path: str, *, beside: Tuple[str, ...] = ()) -> Tuple[Opening, ...]:
    """Return who can exchange what is at a path, from the top down, links followed; what is missing has no opening.

    ``beside`` are paths in the same directory that are used with it.
    """
    found: List[Opening] = []
    for folder, name in _way(host, path):
        found += _openings_in(host, folder, name)
    for other in beside:
        found += _openings_in(host, posixpath.dirname(other), posixpath.basename(other))
    return tuple(dict.fromkeys(found))


def _way(host: Host, path: str) -> Iterator[Tuple[str, str]]:
    """Yield each directory, without links in its own path, and the name that is looked up there."""
    pending = [part for part in path.split("/") if part]
    folder, followed = "/", 0
    while pending:
        name = pending.pop(0)
        if name == ".":
            continue
        if name == "..":
            folder = posixpath.dirname(folder)
            continue
        yield folder, name
        entry = posixpath.join(folder, name)
        target = host.readlink(entry)
        if target is None:
            if host.lstat(entry) is None:
                return
            folder = entry
        elif followed < _MOST_LINKS:
            followed += 1
            folder = "/" if target.startswith("/") else folder
            pending = [part for part in target.split("/") if part] + pending


def _openings_in(host: Host, folder: str, name: str) -> Iterator[Opening]:
    found = host.lstat(folder)
    if found is None or not stat.S_ISDIR(found.st_mode):
        return
    system = _system_accounts(host)
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in system:
        yield Opening(folder, found.st_uid, mode, found.st_uid)
    writers: List[Tuple[Optional[int], str]] = []
    if mode & stat.S_IWGRP and found.st_gid != 0:
        writers += [(uid, "its group may write there") for uid in _members(host, found.st_gid)]
    if mode & stat.S_IWOTH:
        writers.append((None, "everybody may write there"))
    if not mode & stat.S_ISVTX:
        yield from (Opening(folder, found.st_uid, mode, uid, why) for uid, why in writers if uid not in system)
        return
    # With the sticky bit an entry is its owner's to exchange. One that is missing is judged when it is there.
    entry = host.lstat(posixpath.join(folder, name)) if writers else None
    if entry is not None and entry.st_uid not in system:
        yield Opening(folder, found.st_uid, mode, entry.st_uid, f"{name} in it belongs to", is_shared=True)


def _system_accounts(host: Host) -> FrozenSet[int]:
    """Return root and the owner of /, who is root but where numbers of accounts are mapped."""
    top = host.lstat("/")
    return frozenset((0,) if top is None else (0, top.st_uid))


def _members(host: Host, gid: int) -> Tuple[Optional[int], ...]:
    """Return the accounts in a group; an empty one of the system's has none, of any other nobody knows them all."""
    members = host.members_of(gid)
    return tuple(sorted(members)) if members or gid < _FIRST_SHARED_GROUP else (None,)


def keeper_of(host: Host, path: str) -> Optional[Account]:
    """Return the account as which root has to change what is at a path, ``None`` for root itself.

    In a space that another account controls nothing is to be done with more rights than that account has. Raises
    ProvisionError where several accounts do.
    """
    if not host.is_root:
        return None
    found = openings_of(host, path)
    accounts = {one.uid for one in found}
    if not accounts:
        return None
    uid = found[0].uid
    if len(accounts) > 1 or uid is None:
        danger = _describe(host, path, found[-1], None)
        raise ProvisionError(danger.message, advice=danger.advice)
    return host.account_by_uid(uid)


def find_danger(
    host: Host, path: str, account: Optional[Account], *, is_declared: bool = True, beside: Tuple[str, ...] = ()
) -> Optional[Danger]:
    """Say who else than root, the caller and ``account`` could redirect what is done at a path, ``None`` for nobody.

    In a directory that everybody may write in, what is there already has to belong to them, and so do the paths
    ``beside``; to ``account`` only where that ``is_declared``: else it is whoever came first.
    """
    trusted = {host.uid} if account is None else {host.uid, account.uid}
    first_come = {host.uid} if not is_declared else trusted
    for one in openings_of(host, path, beside=beside):
        if one.uid not in (first_come if one.is_shared else trusted):
            return _describe(host, path, one, account if is_declared else None)
    return None


def find_danger_inside(host: Host, path: str, account: Optional[Account]) -> Optional[Danger]:
    """Say who may write into the directory at a path beside its owner, root, the caller and ``account``."""
    found = host.stat(path)
    if found is None:
        return None
    trusted = {host.uid, found.st_uid} | ({account.uid} if account is not None else set())
    # Any name will do: what is in it is to be trusted, whatever it is.
    mode = stat.S_IMODE(found.st_mode) & ~stat.S_ISVTX
    writers: List[Optional[int]] = list(_members(host, found.st_gid)) if mode & 0o020 and found.st_gid else []
    writers += [None] if mode & 0o002 else []
    if all(uid in trusted for uid in writers if uid is not None) and None not in writers:
        return None
    who = host.account_by_uid(found.st_uid).name
    return Danger(
        f"{path} (owner {who}, mode {stat.S_IMODE(found.st_mode):04o}) can be written to by other accounts than"
        f" {_trusted_names(host, account)}, who would decide what is run there.",
        f"Take that right away, after a look at what is in it: chmod go-w {path}",
    )


def control_of(host: Host, path: str, account: Optional[Account]) -> str:
    """Say in words who else than root and ``account`` can exchange a file that is to be run, "" for nobody."""
    trusted = set() if account is None else {account.uid}
    found = [one for one in openings_of(host, path) if one.uid is None or one.uid not in trusted]
    return _who(host, found[0]) if found else _writers_of_file(host, path, trusted)


def runner_of(host: Host, program: str) -> Optional[Account]:
    """Return as whom root starts a program that others can exchange: who owns the environment it is in, else who can.

    Raises ProvisionError where everybody can.
    """
    environment = host.stat(f"{posixpath.dirname(posixpath.dirname(program))}/pyvenv.cfg")
    found, file = openings_of(host, program), host.stat(program)
    anybody = [one for one in found if one.uid is None]
    if anybody or (file is not None and file.st_mode & stat.S_IWOTH):
        where = _who(host, anybody[0]) if anybody else "everybody, as its mode allows it"
        raise ProvisionError(
            f"{program} can be exchanged by {where}.", advice="Take that right away, or name another interpreter."
        )
    system = _system_accounts(host)
    files = [one.st_uid for one in (environment, file) if one is not None and one.st_uid not in system]
    openings = [one.uid for one in found if one.uid is not None]
    uids = [*files[:1], *openings] if environment is not None else [*openings, *files]
    return host.account_by_uid(uids[0]) if uids else None


def _writers_of_file(host: Host, path: str, trusted: "set[int]") -> str:
    """Say who else can write into a file itself."""
    found = host.stat(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return ""
    if found.st_uid not in trusted | _system_accounts(host):
        return f"{host.account_by_uid(found.st_uid).name}, who owns it"
    members = _members(host, found.st_gid) if found.st_mode & stat.S_IWGRP and found.st_gid else ()
    if found.st_mode & stat.S_IWOTH or any(uid is None or uid not in trusted | {found.st_uid} for uid in members):
        return f"others than its owner (its mode is {stat.S_IMODE(found.st_mode):04o})"
    return ""


def _who(host: Host, opening: Opening) -> str:
    """Return who can exchange something, and in which directory: "alice, who owns /home/alice (mode 0755)"."""
    if opening.uid is None:
        return f"others, as {opening.because}: {_shown(host, opening)}"
    name = host.account_by_uid(opening.uid).name
    if opening.is_shared:
        return f"{name}, who has put it into {_shown(host, opening)}"
    if opening.because:
        return f"{name}, as {opening.because}: {_shown(host, opening)}"
    return f"{name}, who owns {opening.directory} (mode {opening.mode:04o})"


def _shown(host: Host, opening: Opening) -> str:
    return f"{opening.directory} (owner {host.account_by_uid(opening.owner).name}, mode {opening.mode:04o})"


def _trusted_names(host: Host, account: Optional[Account]) -> str:
    names = ("root", host.caller.name, *(() if account is None else (account.name,)))
    return " and ".join(dict.fromkeys(names))


def _describe(host: Host, path: str, opening: Opening, owner: Optional[Account]) -> Danger:
    message = (
        f"{path} is not safe: {_who(host, opening)}, can have something else stand in its place, and what is meant for"
        f" it would be done there. It is for {_trusted_names(host, owner)} alone."
    )
    name = host.account_by_uid(opening.uid).name if opening.uid is not None else ""
    safe = "declare a path below directories in which only root and its owner may write"
    if opening.is_shared:
        return Danger(
            message, f"Look at what is there and remove it, or {safe}; owner: {name} if it is that account's."
        )
    if opening.because:
        return Danger(message, f"Take that right away (chmod go-w {opening.directory}), or {safe}.")
    if owner is None:
        return Danger(message, f"Set owner: {name} if it is for that account; else {safe}.")
    return Danger(message, f"Set owner: {name}, {safe}, or give {opening.directory} to {owner.name} or root.")
