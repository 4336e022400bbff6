# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions of the package manager: who has one under way, and what one that was killed left half-way.

Only reads. What is said here of each package manager is what killing its transactions has shown.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
import time
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from .host import Host
from .package_manager import PackageManager
from .package_recovery import RECOVERIES, Recovery
from .process import Command

#: Seconds for one question to a package manager.
_QUERY_TIMEOUT = 60
_LIMIT = 256 * 1024 * 1024
#: struct flock of the kernel's 64-bit interface: type, whence, start, length, process.
_FLOCK = struct.Struct("@hhqqi4x")
_DPKG = "/var/lib/dpkg"
#: What dpkg(1) calls the state of a package that is there; the word before it can ask for its reinstallation.
_STATUS = re.compile(
    r"^Status: \S+ (?P<error>ok|reinstreq) "
    r"(?P<state>half-installed|unpacked|half-configured|triggers-awaited|triggers-pending|installed)$",
    re.MULTILINE,
)
#: A package as apt takes it, by Debian's policy for names, with an architecture perhaps.
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?")
_ONLY_TO_CONFIGURE = ("half-configured", "triggers-awaited", "triggers-pending")
_PACMAN = "/var/lib/pacman/local"
#: Where entries of it are put that lack their description, until their packages are whole.
PACMAN_ASIDE = "/var/lib/pacman/pep668-provision"


@dataclass(frozen=True)
class Holder:
    """Who holds a lock of the package manager; ``process`` is 0 where that cannot be told."""

    path: str
    process: int
    command: str = ""
    since: str = ""

    def __str__(self) -> str:
        if not self.process:
            return f"a process that cannot be seen from here, which holds {self.path}"
        since = f", since {self.since}" if self.since else ""
        return f"process {self.process} ({self.command or 'of no name'}){since}, which holds {self.path}"


@dataclass(frozen=True)
class Interruption:
    """What a killed transaction left: in words, and what has to be laid down again.

    ``packages`` are words for the package manager's own command. ``stale_lock`` is a lock that nobody holds any more,
    ``incomplete`` are the entries of pacman's database, as directories, that lack their description. ``unpacked`` says
    that dpkg has packages which may need more than to be configured, ``unfinished`` are all those it has not finished.
    """

    reasons: Tuple[str, ...]
    packages: Tuple[str, ...] = ()
    stale_lock: str = ""
    incomplete: Tuple[str, ...] = ()
    unpacked: bool = False
    unfinished: Tuple[str, ...] = ()

    def concerns(self, package: str) -> bool:
        """Say whether the killed transaction had to do with a package."""
        return any(f"{one}-".startswith(f"{package}-") for one in (*self.packages, *self.unfinished))


def recovery_of(manager: PackageManager) -> Recovery:
    """Return what is known of a package manager that is busy or was killed."""
    return RECOVERIES.get(manager.name, Recovery())


def find_holder(host: Host, manager: PackageManager) -> Optional[Holder]:
    """Return a process that has a transaction of the package manager under way, or keeps others from one."""
    recovery = recovery_of(manager)
    for path, kind in recovery.locks:
        if kind == "record":
            process = _record_lock_process(host, path)
        elif kind == "process":
            process = _named_process(host, path)
        else:
            process = _using_process(host, recovery) if host.exists(path) else None
        if process is not None:
            return Holder(path, process, _command_of(host, process), _start_of(host, process))
    return None


def _record_lock_process(host: Host, path: str) -> Optional[int]:
    """Return the process with a record lock on a file, 0 for one outside of this process namespace."""
    try:
        handle = os.open(host.real(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, *__, process = _FLOCK.unpack(fcntl.fcntl(handle, fcntl.F_GETLK, asked))
    except OSError:
        return None
    finally:
        os.close(handle)
    return None if kind == fcntl.F_UNLCK else max(process, 0)


def _named_process(host: Host, path: str) -> Optional[int]:
    number = (host.read_text(path) or "").strip()
    return int(number) if number.isdigit() and host.exists(f"/proc/{number}") else None


def _using_process(host: Host, recovery: Recovery) -> Optional[int]:
    for name in host.names_in("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        mapped = host.read_text(f"/proc/{name}/maps", limit=_LIMIT) or ""
        words = host.read_text(f"/proc/{name}/cmdline") or ""
        if any(part in mapped for part in recovery.uses) or any(part in words for part in recovery.scripts):
            return int(name)
    return None


def _command_of(host: Host, process: int) -> str:
    words = (host.read_text(f"/proc/{process}/cmdline") or "").replace("\0", " ").strip()
    return words if len(words) <= 200 else f"{words[:197]}..."


def _start_of(host: Host, process: int) -> str:
    """Return when a process was started, "" where that cannot be read (proc(5))."""
    after_name = (host.read_text(f"/proc/{process}/stat") or "").rpartition(")")[2].split()
    booted = re.search(r"^btime (\d+)$", host.read_text("/proc/stat") or "", re.MULTILINE)
    if len(after_name) < 20 or booted is None:
        return ""
    started = int(booted.group(1)) + int(after_name[19]) // os.sysconf("SC_CLK_TCK")
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(started))


def find_interruption(host: Host, manager: PackageManager) -> Optional[Interruption]:
    """Return what a killed transaction left half-way; ``None`` after none, and while one is under way."""
    # One that ends meanwhile leaves nothing, and one that begins meanwhile is seen after.
    if find_holder(host, manager) is not None:
        return None
    found = _left_by_dpkg(host) if manager.database == "dpkg" else _left_by_others(host, manager)
    return found if found is None or find_holder(host, manager) is None else None


def _left_by_dpkg(host: Host) -> Optional[Interruption]:
    """Look at the states of packages, in dpkg's status file and in the changes to it that it has not taken over yet."""
    updates = [name for name in host.names_in(f"{_DPKG}/updates") if name.isdigit()]
    files = [f"{_DPKG}/status", *(f"{_DPKG}/updates/{name}" for name in updates)]
    states: Dict[Tuple[str, str], Tuple[str, str]] = {}
    for path in files:
        text = (host.read_bytes(path, limit=_LIMIT) or b"").decode("utf-8", "replace")
        # One that a later file has in order again is in order.
        for stanza in filter(_STATUS.search, text.split("\n\n")):
            fields = dict(re.findall(r"^(Package|Architecture): (\S+)$", stanza, re.MULTILINE))
            status = _STATUS.search(stanza)
            package = (fields.get("Package", ""), fields.get("Architecture", ""))
            states.pop(package, None)
            if status is not None and (status.group("error"), status.group("state")) != ("ok", "installed"):
                states[package] = (status.group("error"), status.group("state"))
    unpacked = any(error != "ok" or state not in _ONLY_TO_CONFIGURE for error, state in states.values())
    reasons: Tuple[str, ...] = (f"dpkg was interrupted in {_DPKG}/updates",) if updates else ()
    if states:
        reasons += (_few([f"{name} is {state}" for (name, __), (__, state) in sorted(states.items())]),)
    unfinished = tuple(sorted({name for name, __ in states}))
    # dpkg says "reinstreq" of what it will not configure before it was unpacked again.
    broken = sorted(one for one, (error, __) in states.items() if error != "ok")
    again = [name if architecture in ("", "all") else f"{name}:{architecture}" for name, architecture in broken]
    packages = tuple(filter(_PACKAGE.fullmatch, again))
    return Interruption(reasons, packages, unpacked=unpacked, unfinished=unfinished) if reasons else None


def _few(names: List[str]) -> str:
    more = len(names) - 5
    return ", ".join([*names[:5], *([f"and {more} more"] if more > 0 else [])])


def _left_by_others(host: Host, manager: PackageManager) -> Optional[Interruption]:
    recovery = recovery_of(manager)
    stale = next((path for path, kind in recovery.locks if kind == "file" and host.exists(path)), "")
    incomplete = _without_description(host) if manager.database == "pacman" else ()
    touched = _installed(host, manager, _touched_last(host, recovery))
    again = [path.rpartition("/")[2].rsplit("-", 2)[0] for path in incomplete]
    reasons: Tuple[str, ...] = ()
    if stale:
        reasons += (f"the lock {stale} is of a process that is gone",)
    if incomplete:
        reasons += (f"half installed: {_few(again)}",)
    others = [one for one in touched if one not in again]
    if others:
        reasons += (f"its last transaction was killed after {_few(others)}",)
    if not reasons:
        return None
    return Interruption(reasons, (*again, *others), stale, incomplete)


def _without_description(host: Host) -> Tuple[str, ...]:
    """Return the entries of pacman's local database that lack their description, which it writes last."""
    names = [(folder, name) for folder in (PACMAN_ASIDE, _PACMAN) for name in host.names_in(folder)]
    entries = {name: f"{folder}/{name}" for folder, name in names if name.count("-") >= 2}
    return tuple(path for __, path in sorted(entries.items()) if not host.exists(f"{path}/desc"))


def _touched_last(host: Host, recovery: Recovery) -> Tuple[str, ...]:
    """Return the packages that the last transaction changed, as words for commands; none where it came to its end."""
    if not recovery.touched:
        return ()
    if recovery.abandoned and not (host.read_text(recovery.abandoned) or "").strip():
        return ()
    if recovery.last_transaction:
        text = host.run(Command(recovery.last_transaction, timeout=_QUERY_TIMEOUT)).stdout
    else:
        text = (host.read_bytes(recovery.log, limit=_LIMIT) or b"").decode("utf-8", "replace") if recovery.log else ""
    if recovery.begins:
        starts = [match.start() for match in re.finditer(recovery.begins, text, re.MULTILINE)]
        text = text[starts[-1] :] if starts else ""
    if not re.search(recovery.unfinished, text, re.MULTILINE):
        return ()
    if recovery.finished and re.search(recovery.finished, text, re.MULTILINE):
        return ()
    found = []
    for match in re.finditer(recovery.touched, text, re.MULTILINE):
        words = match.groupdict()
        found.append(words.get("package") or "{name}.{architecture}={version}".format(**words))
    return tuple(dict.fromkeys(found))


def _installed(host: Host, manager: PackageManager, words: Tuple[str, ...]) -> List[str]:
    """Return those of the packages that RPM has in its database: the others it had not come to."""
    if manager.database != "rpm" or not words:
        return list(words)
    # As RPM calls them.
    names = {word: re.sub(r"^(.*)\.(\w+)=(.*)$", r"\1-\3.\2", word) for word in words}
    answer = host.run(Command(("rpm", "--query", *names.values()), timeout=_QUERY_TIMEOUT))
    if answer.status is None:
        return []
    missing = frozenset(re.findall(r"^package (\S+) is not installed$", answer.stdout, re.MULTILINE))
    return [word for word, name in names.items() if name not in missing]
