# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package manager that can install: nobody else is at it, and nothing is left half-way by one that was killed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

from .distro import observe_distribution
from .errors import CommandFailed, LockTimeout, ProvisionError
from .host import Host
from .lock import holding_lock
from .os_packages import lists_are_here
from .package_files import mtree_paths
from .package_manager import PackageManager
from .package_transaction import PACMAN_ASIDE, Interruption, find_holder, find_interruption, recovery_of
from .process import Command, Completed

#: Seconds between two looks at a package manager that is busy.
_PAUSE = 0.5
#: Linux takes 128 KiB for one argument and no more than 2 MiB for all of them.
_ARGUMENT, _ARGUMENTS = 100 * 1024, 1024 * 1024


@dataclass(frozen=True)
class Readiness:
    """What was found of the host's package manager, and done about it.

    ``manager`` is its name, "" on a system it is not known for; ``reasons`` say why it was repaired (or would be), by
    ``commands``.
    """

    manager: str
    reasons: Tuple[str, ...] = ()
    commands: Tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.reasons)

    @property
    def text(self) -> str:
        """What was repaired, as a sentence."""
        return f"{self.manager} was interrupted before, and was repaired: {'; '.join(self.reasons)}."


def foresee_ready(host: Host) -> Readiness:
    """Return what ``bring_ready`` would do; nothing is changed, and nobody is waited for."""
    manager = observe_distribution(host).manager
    if manager is None:
        return Readiness("")
    found = find_interruption(host, manager) if _may_repair(host, manager) else None
    return Readiness(manager.name, found.reasons if found is not None else ())


def bring_ready(host: Host, *, lock_timeout: float, may_repair: bool = True) -> Readiness:
    """Leave the host's package manager able to install, under the host's lock.

    It is waited for ``lock_timeout`` seconds. Raises LockTimeout with who keeps it busy, CommandFailed where its own
    repair fails, ProvisionError where one is needed and ``may_repair`` is false.
    """
    manager = observe_distribution(host).manager
    if manager is None or not _may_repair(host, manager):
        return Readiness(manager.name if manager is not None else "")
    with holding_lock(host, timeout=lock_timeout):
        return make_ready(host, manager, lock_timeout=lock_timeout, may_repair=may_repair)


def make_ready(host: Host, manager: PackageManager, *, lock_timeout: float, may_repair: bool = True) -> Readiness:
    """Do what bring_ready does with one package manager, for a caller that holds the host's lock."""
    if not _may_repair(host, manager):
        return Readiness(manager.name)
    _wait(host, manager, lock_timeout)
    found = find_interruption(host, manager)
    if found is None:
        return Readiness(manager.name)
    if not may_repair:
        raise ProvisionError(
            f"{manager.name} was interrupted ({'; '.join(found.reasons)}), and python_manage_system_packages is false.",
            advice=f"As root, run: {_by_hand(manager, found)}",
        )
    return Readiness(manager.name, found.reasons, _Repair(host, manager, lock_timeout).take(found))


def _may_repair(host: Host, manager: PackageManager) -> bool:
    """Say whether this account can lock and repair it; Homebrew's is another one than root, and it sees to itself."""
    return host.is_root and manager.needs_root


def _wait(host: Host, manager: PackageManager, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        holder = find_holder(host, manager)
        if holder is None:
            return
        if time.monotonic() >= deadline:
            raise LockTimeout(
                f"The package manager {manager.name} is locked by {holder}.",
                advice=f"{timeout:.0f} seconds were waited: let it end or end it, then run again, or raise"
                " python_lock_timeout.",
            )
        time.sleep(_PAUSE)


def _by_hand(manager: PackageManager, found: Interruption) -> str:
    return "; ".join(shlex.join(_fill(argv, found.packages, 300)) for argv in recovery_of(manager).commands)


def _fill(argv: Sequence[str], packages: Sequence[str], lock_timeout: float) -> Tuple[str, ...]:
    filled: List[str] = []
    for word in argv:
        filled += packages if word == "{package}" else [word.format(lock_timeout=int(lock_timeout))]
    return tuple(filled)


class _Repair:
    """Brings back what a killed transaction left, by the package manager's own commands."""

    def __init__(self, host: Host, manager: PackageManager, lock_timeout: float) -> None:
        self._host = host
        self._manager = manager
        self._lock_timeout = lock_timeout
        self._commands: List[str] = []

    def take(self, found: Interruption) -> Tuple[str, ...]:
        """Leave nothing half-way; return what was run, as it is typed."""
        overwriting: Tuple[str, ...] = ()
        if found.incomplete:
            overwriting = self._make_room(found.incomplete)
        if found.stale_lock:
            self._remove_stale(found.stale_lock)
        done = self._have_repaired(found, overwriting)
        left = find_interruption(self._host, self._manager)
        if left is not None or (done is not None and not done.succeeded):
            raise self._failed(done, left or found)
        return tuple(self._commands)

    def _have_repaired(self, found: Interruption, overwriting: Tuple[str, ...]) -> Optional[Completed]:
        """Run the package manager's commands as far as they are needed; return the last."""
        done: Optional[Completed] = None
        for argv in recovery_of(self._manager).commands:
            if "{package}" in argv and not found.packages:
                continue
            if done is not None:
                left = find_interruption(self._host, self._manager)
                # What is unpacked may lack another package; what only fails to be configured fails again.
                if (done.succeeded and left is None) or (left is not None and not left.unpacked):
                    break
            if done is not None or "{package}" in argv:
                self._have_lists()
            done = self._run((*_fill(argv, found.packages, self._lock_timeout), *overwriting))
            if done.succeeded:
                shutil.rmtree(self._host.real(PACMAN_ASIDE), ignore_errors=True)
        return done

    def _remove_stale(self, path: str) -> None:
        before, holder = self._host.lstat(path), find_holder(self._host, self._manager)
        now = self._host.lstat(path)
        if holder is None and now is None:
            return
        if holder is not None or before is None or now is None or before.st_ino != now.st_ino:
            raise ProvisionError(f"{path} has come to be somebody's while it was looked at.", advice="Run again.")
        self._commands.append(f"rm {path}")
        os.unlink(self._host.real(path))

    def _make_room(self, entries: Sequence[str]) -> Tuple[str, ...]:
        """Put the entries that pacman cannot read aside; return what lets it lay their files down again.

        Their files are not its own without them, and it does not overwrite what it takes for somebody else's.
        """
        patterns: List[str] = []
        aside = self._host.real(PACMAN_ASIDE)
        os.makedirs(aside, exist_ok=True)
        for entry in entries:
            if not entry.startswith(f"{PACMAN_ASIDE}/"):
                # It tells of the files until they are laid down, were this run killed as well.
                shutil.rmtree(f"{aside}/{os.path.basename(entry)}", ignore_errors=True)
                os.rename(self._host.real(entry), f"{aside}/{os.path.basename(entry)}")
                self._commands.append(shlex.join(["mv", entry, PACMAN_ASIDE]))
        for name in self._host.names_in(PACMAN_ASIDE):
            for path in mtree_paths(self._host.read_bytes(f"{PACMAN_ASIDE}/{name}/mtree") or b""):
                if self._host.lstat(f"/{path}") is not None:
                    patterns.append(re.sub(r"[*?\[\]\\,!]", "?", path))
        if sum(map(len, patterns)) > _ARGUMENTS:
            return ("--overwrite", "*")
        return tuple(word for chunk in _chunks(patterns) for word in ("--overwrite", ",".join(chunk)))

    def _have_lists(self) -> None:
        """Have the repositories' lists at hand, which a container image starts without."""
        if not lists_are_here(self._host, replace(observe_distribution(self._host), manager=self._manager)):
            self._run(self._manager.unattended_refresh)

    def _run(self, argv: Tuple[str, ...]) -> Completed:
        shown = [word if len(word) <= 200 else f"{word[:197]}..." for word in argv]
        self._commands.append(shlex.join(shown))
        return self._host.run(Command(argv, env=self._manager.environment))

    def _failed(self, done: Optional[Completed], left: Interruption) -> ProvisionError:
        what = f"{self._manager.name} cannot repair what it has left half-way: {'; '.join(left.reasons)}."
        if done is None:
            return ProvisionError(what, advice="Install these packages again by hand, then run again.")
        advice = f"By hand it is: {self._commands[-1]}. What needs no OS package can be provided meanwhile."
        return CommandFailed(
            f"{what} {_said(done)}",
            command=done.command.argv,
            status=done.status,
            stdout=done.stdout,
            stderr=done.stderr,
            advice=advice,
        )


def _chunks(patterns: Sequence[str]) -> List[List[str]]:
    chunks: List[List[str]] = []
    room = 0
    for pattern in patterns:
        if len(pattern) >= room:
            chunks.append([])
            room = _ARGUMENT
        chunks[-1].append(pattern)
        room -= len(pattern) + 1
    return chunks


def _said(done: Completed) -> str:
    """Return what the package manager said of it, as one sentence: its errors with what comes after each."""
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    told: List[str] = []
    for number, line in enumerate(lines):
        if re.match(r"(?i)(e:|err|fatal|dpkg: error|failed)", line):
            told += lines[number : number + 2]
    text = " ".join(dict.fromkeys(told or lines[-2:])) or "It said nothing"
    return (text if len(text) <= 600 else f"{text[:597]}...").rstrip(".") + "."
