# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host as the engine sees it: files below a root, an environment, a clock, a process runner."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Callable, Dict, FrozenSet, Mapping, Optional, Tuple

from . import process
from .account import Account, account_of, find_account, members_of


def _usable_processors() -> int:
    """Return how many processors this process may use: less than there are where an administrator has bound it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _environment() -> Dict[str, str]:
    """Return this process's environment, with the account's own home where HOME names none that is there.

    Installers would make the directory that HOME names, wherever that is.
    """
    environ = dict(os.environ)
    if not os.path.isdir(environ.get("HOME", "")):
        own = account_of(os.geteuid()).home
        if os.path.isdir(own):
            environ["HOME"] = own
    return environ


@dataclass(frozen=True)
class Host:
    """Everything outside of the engine, handed in so that a test can hand in a made-up host.

    ``root`` is where the host's file system starts; every path below is a path *on the host* and absolute.
    ``processors`` bounds how much is done at the same time.
    """

    root: str = "/"
    environ: Mapping[str, str] = field(default_factory=_environment)
    clock: Callable[[], float] = time.time
    runner: process.Runner = process.run
    uid: int = field(default_factory=os.geteuid)
    account_by_name: Callable[[str], Optional[Account]] = find_account
    account_by_uid: Callable[[int], Account] = account_of
    members_of: Callable[[int], FrozenSet[int]] = members_of
    processors: int = field(default_factory=_usable_processors)

    @property
    def is_root(self) -> bool:
        return self.uid == 0

    @property
    def caller(self) -> Account:
        """The account this process runs as."""
        return self.account_by_uid(self.uid)

    def run(self, command: process.Command) -> process.Completed:
        return self.runner(command, self.environ)

    def real(self, path: str) -> str:
        """Return where a path of the host is found from here."""
        if self.root == "/":
            return path
        return self.root.rstrip("/") + path

    def _at(self, path: str) -> str:
        """Return where a path of the host is found from here, with links followed inside the host's root."""
        # The system follows those of the real one by itself, and much faster.
        return path if self.root == "/" else self.real(self.resolve(path))

    def _at_entry(self, path: str) -> str:
        """As _at, without following a link at the path itself."""
        return path if self.root == "/" else os.path.join(self._at(os.path.dirname(path)), os.path.basename(path))

    def read_bytes(self, path: str, limit: int = 16 * 1024 * 1024, *, follow: bool = True) -> Optional[bytes]:
        """Return a file's content, or ``None`` when it is none, cannot be read or is larger than ``limit`` bytes.

        A pipe or a device is not waited for. Without ``follow`` a link at the path itself is no file either.
        """
        data = self._read(path, limit + 1, follow=follow)
        return data if data is not None and len(data) <= limit else None

    def head(self, path: str, size: int) -> bytes:
        """Return the first ``size`` bytes of a file, none where it cannot be read."""
        return self._read(path, size, follow=True) or b""

    def _read(self, path: str, size: int, *, follow: bool) -> Optional[bytes]:
        try:
            real = self._at(path) if follow else self._at_entry(path)
            # To open a device can be enough for it to do something.
            if not stat.S_ISREG((os.stat(real) if follow else os.lstat(real)).st_mode):
                return b"" if real == os.devnull else None
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
            with open(os.open(real, flags if follow else flags | os.O_NOFOLLOW), "rb") as stream:
                return stream.read(size) if stat.S_ISREG(os.fstat(stream.fileno()).st_mode) else None
        except (OSError, ValueError):
            return None

    def read_text(self, path: str, limit: int = 4 * 1024 * 1024, *, follow: bool = True) -> Optional[str]:
        data = self.read_bytes(path, limit, follow=follow)
        return None if data is None else data.decode("utf-8", "replace")

    def names_in(self, path: str) -> Tuple[str, ...]:
        """Return the sorted names in a directory; an unreadable or missing one has none."""
        try:
            return tuple(sorted(os.listdir(self._at(path))))
        except (OSError, ValueError):
            return ()

    def entries_in(self, path: str, most: int = 100_000) -> Optional[Tuple[Tuple[str, bool], ...]]:
        """Return a directory's entries, sorted, each with whether it is a directory; a link is none.

        ``None`` where it cannot be read; beyond ``most`` there may be others.
        """
        try:
            with os.scandir(self._at(path)) as found:
                some = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in islice(found, most)]
        except (OSError, ValueError):
            return None
        return tuple(sorted(some))

    def lstat(self, path: str) -> Optional[os.stat_result]:
        """Return what stands at a path without following a last link, or ``None``."""
        try:
            return os.lstat(self._at_entry(path))
        except (OSError, ValueError):
            return None

    def stat(self, path: str) -> Optional[os.stat_result]:
        try:
            return os.stat(self._at(path))
        except (OSError, ValueError):
            return None

    def exists(self, path: str) -> bool:
        return self.stat(path) is not None

    def is_link(self, path: str) -> bool:
        found = self.lstat(path)
        return found is not None and stat.S_ISLNK(found.st_mode)

    def is_dir(self, path: str) -> bool:
        found = self.stat(path)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def is_file(self, path: str) -> bool:
        found = self.stat(path)
        return found is not None and stat.S_ISREG(found.st_mode)

    def is_executable(self, path: str) -> bool:
        found = self.stat(path)
        return found is not None and stat.S_ISREG(found.st_mode) and bool(found.st_mode & 0o111)

    def readlink(self, path: str) -> Optional[str]:
        try:
            return os.readlink(self.real(path))
        except (OSError, ValueError):
            return None

    def resolve(self, path: str) -> str:
        """Return the path with every link followed inside the host's root; a missing rest stays as it is."""
        if self.root == "/":
            return os.path.realpath(path)
        return self._resolve_below_root(path)

    def _resolve_below_root(self, path: str) -> str:
        # os.path.realpath would follow an absolute link of the made-up host out of its root.
        pending = [part for part in path.split("/") if part]
        resolved = "/"
        followed = 0
        while pending:
            part = pending.pop(0)
            if part == ".":
                continue
            if part == "..":
                resolved = os.path.dirname(resolved)
                continue
            candidate = os.path.join(resolved, part)
            target = self.readlink(candidate)
            if target is None or followed > 40:
                resolved = candidate
                continue
            followed += 1
            if target.startswith("/"):
                resolved = "/"
            pending = [piece for piece in target.split("/") if piece] + pending
        return resolved
