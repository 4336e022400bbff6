# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of what is about to change: tar archives that are for one account alone, and how they are put back."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import shlex
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from typing import Dict, List, Mapping, Optional, Tuple

from .account import Account, act_as
from .backup_archive import Kept, add_to_archive, measure
from .errors import InvalidState, ProvisionError, telling_refusals
from .files import make_directory
from .host import Host
from .lock import holding_lock
from .path_control import find_danger, keeper_of

#: Where root's archives are; those of another account are below its home.
ROOTS_DIRECTORY = "/var/backups/pep668-provision"
ACCOUNTS_DIRECTORY = ".local/state/pep668-provision/backups"
_ARCHIVE = re.compile(r"[0-9]{8}T[0-9]{6}Z-.+\.tar")
_UNFINISHED = ".pep668-"
_LONGEST_LABEL = 80


@dataclass(frozen=True)
class WantedBackup:
    """What is to be kept, and where. ``directory`` is "" for the account's own; ``keep`` counts archives that stay."""

    paths: Tuple[str, ...] = ()
    label: str = ""
    directory: str = ""
    keep: Optional[int] = None


@dataclass(frozen=True)
class Backup:
    """``archive`` has what was at ``paths``; nothing was at ``missing``. ``restore`` are the commands that put it back.

    Without ``archive`` nothing was there, or it is only foreseen.
    """

    archive: str
    directory: str
    kept: Tuple[Kept, ...]
    missing: Tuple[str, ...]
    restore: Tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.kept)

    @property
    def paths(self) -> Tuple[str, ...]:
        return tuple(one.path for one in self.kept)

    @property
    def listing(self) -> str:
        """What is in it, a line for each path."""
        return "".join(
            f"{one.path}: {one.entries} {'entry' if one.entries == 1 else 'entries'}, {one.size} bytes\n"
            for one in self.kept
        )


def read_wanted(options: Mapping[str, object]) -> WantedBackup:
    """Return what a call of the module ``backup`` asks for; raises InvalidState with each value it refuses."""
    removes = options.get("state") == "absent"
    given, keep = options.get("paths"), options.get("keep")
    paths = tuple(str(one) for one in given) if isinstance(given, (list, tuple)) else ()
    directory = str(options.get("directory") or "")
    problems = [f"paths: {path!r} is no absolute path of something on the host." for path in paths if not _is_one(path)]
    if directory and not _is_one(directory):
        problems.append(f"directory: {directory!r} is no absolute path of a directory.")
    if removes and (not isinstance(keep, int) or keep < 0):
        problems.append("keep: how many archives stay has to be said with state: absent.")
    if removes and paths:
        problems.append("paths: with state: absent archives are removed, the oldest first, and no path is named.")
    if not removes and not paths:
        problems.append("paths: what is to be kept is missing.")
    if problems:
        raise InvalidState(problems)
    label = re.sub(r"[^A-Za-z0-9.+_@-]+", "-", str(options.get("label") or ""))[:_LONGEST_LABEL].strip("-.")
    return WantedBackup(
        _outermost(paths), label or "backup", directory.rstrip("/"), keep if isinstance(keep, int) else None
    )


def _is_one(path: str) -> bool:
    """Whether a text is the path of something below the root, with nothing in it to be understood in two ways."""
    parts = path.rstrip("/").split("/")[1:]
    return path.startswith("/") and bool(parts) and "\0" not in path and not {"", ".", ".."} & set(parts)


def _outermost(paths: Tuple[str, ...]) -> Tuple[str, ...]:
    """Return the paths in order, each once, without those that are below another of them."""
    found: List[str] = []
    for path in sorted({path.rstrip("/") for path in paths}, key=lambda path: path.split("/")):
        if not any(path.startswith(f"{other}/") for other in found):
            found.append(path)
    return tuple(found)


@telling_refusals
def foresee_backup(wanted: WantedBackup, host: Host) -> Backup:
    """Return the backup that ``make_backup`` would make, without its archive; reads only."""
    directory = _checked_directory(wanted, host)
    kept: List[Kept] = []
    for keeper, paths in _by_keeper(wanted, host):
        kept += _as_kept(act_as(keeper, partial(measure, paths)))
    return Backup("", directory, tuple(kept), _missing(wanted, host))


@telling_refusals
def make_backup(wanted: WantedBackup, host: Host, *, lock_timeout: float) -> Backup:
    """Return the backup of everything there is at the paths: whole, on the disk, for this account alone.

    What is in another account's space is read with that account's rights. Raises ProvisionError where something
    cannot be read; then there is no archive.
    """
    directory = _checked_directory(wanted, host)
    groups = _by_keeper(wanted, host)
    missing = _missing(wanted, host)
    if not groups:
        return Backup("", directory, (), missing)
    with holding_lock(host, timeout=lock_timeout):
        _have_directory(directory)
        archive = _free_name(directory, wanted.label, host.clock())
        kept = _write(archive, groups)
    restore = tuple(_restoring(archive, keeper, kept, paths, len(groups)) for keeper, paths in groups)
    return Backup(archive, directory, kept, missing, restore)


def old_archives(wanted: WantedBackup, host: Host) -> Tuple[str, ...]:
    """Return the archives that are beyond those that stay, the oldest first; reads only."""
    directory = _checked_directory(wanted, host)
    names = [name for name in host.names_in(directory) if _ARCHIVE.fullmatch(name)]
    own = [name for name in names if _is_own(host, posixpath.join(directory, name))]
    return tuple(posixpath.join(directory, name) for name in own[: max(len(own) - (wanted.keep or 0), 0)])


@telling_refusals
def remove_old_archives(wanted: WantedBackup, host: Host, *, lock_timeout: float) -> Tuple[str, ...]:
    """Remove the archives beyond those that stay, and return which these were."""
    with holding_lock(host, timeout=lock_timeout):
        removed = old_archives(wanted, host)
        for archive in removed:
            os.unlink(archive)
    return removed


def _is_own(host: Host, path: str) -> bool:
    found = host.lstat(path)
    return found is not None and found.st_uid == host.uid and not host.is_link(path)


def _checked_directory(wanted: WantedBackup, host: Host) -> str:
    """Return where archives are; raises ProvisionError where others could put them elsewhere or exchange them."""
    home = host.environ.get("HOME") or host.caller.home
    own = ROOTS_DIRECTORY if host.is_root else posixpath.join(home, ACCOUNTS_DIRECTORY)
    directory = wanted.directory or own
    # A name inside, so that the directory itself is judged as well.
    danger = find_danger(host, posixpath.join(directory, "archive.tar"), None)
    if danger is not None:
        raise ProvisionError(danger.message, advice="Name another directory for the backups.")
    if host.exists(directory) and not host.is_dir(directory):
        raise ProvisionError(f"{directory} is no directory.", advice="Name another one for the backups.")
    return directory


def _by_keeper(wanted: WantedBackup, host: Host) -> Tuple[Tuple[Optional[Account], Tuple[str, ...]], ...]:
    """Return what is there by the account that has to read it, ``None`` for the caller; the caller's come first."""
    groups: Dict[str, Tuple[Optional[Account], List[str]]] = {}
    for path in wanted.paths:
        if host.lstat(path) is not None:
            keeper = keeper_of(host, path)
            # Where it really is, so that no link on the way is needed to put it back.
            place = posixpath.join(host.resolve(posixpath.dirname(path)), posixpath.basename(path))
            groups.setdefault("" if keeper is None else keeper.name, (keeper, []))[1].append(place)
    return tuple((keeper, _outermost(tuple(paths))) for __, (keeper, paths) in sorted(groups.items()))


def _missing(wanted: WantedBackup, host: Host) -> Tuple[str, ...]:
    return tuple(path for path in wanted.paths if host.lstat(path) is None)


def _have_directory(directory: str) -> None:
    if not os.path.isdir(directory):
        make_directory(os.path.dirname(directory))
        os.mkdir(directory, 0o700)
    for name in os.listdir(directory):
        if name.startswith(_UNFINISHED):
            os.unlink(os.path.join(directory, name))


def _free_name(directory: str, label: str, now: float) -> str:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    number, path = 1, posixpath.join(directory, f"{stamp}-{label}.tar")
    while os.path.lexists(path):
        number += 1
        path = posixpath.join(directory, f"{stamp}-{label}-{number}.tar")
    return path


def _write(archive: str, groups: Tuple[Tuple[Optional[Account], Tuple[str, ...]], ...]) -> Tuple[Kept, ...]:
    """Write what each account can read into one archive, which has its name once it is complete."""
    handle, unfinished = tempfile.mkstemp(dir=os.path.dirname(archive), prefix=_UNFINISHED)
    try:
        kept: List[Kept] = []
        for position, (keeper, paths) in enumerate(groups):
            kept += _as_kept(act_as(keeper, partial(add_to_archive, handle, paths, is_first=position == 0)))
        os.fsync(handle)
        os.rename(unfinished, archive)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished)
        raise
    finally:
        os.close(handle)
    return tuple(kept)


def _as_kept(rows: List[List[object]]) -> List[Kept]:
    return [Kept(str(path), int(str(entries)), int(str(size)), bool(has)) for path, entries, size, has in rows]


def _restoring(
    archive: str, keeper: Optional[Account], kept: Tuple[Kept, ...], paths: Tuple[str, ...], groups: int
) -> str:
    """Return the command that puts an account's part of an archive back, with that account's rights."""
    extract = ["tar", "--extract", "--preserve-permissions"]
    if any(one.has_attributes for one in kept if one.path in paths):
        extract += ["--xattrs", "--xattrs-include=*"]
    members = [path.lstrip("/") for path in paths] if groups > 1 else []
    if keeper is None:
        return shlex.join([*extract, "--numeric-owner", "--directory=/", f"--file={archive}", *members])
    as_account = shlex.join([*extract, "--directory=/", "--file=-", *members])
    return f"{shlex.join(['su', '-s', '/bin/sh', keeper.name, '-c', as_account])} <{shlex.quote(archive)}"
