# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of OS packages that are gone or have another content than their packages gave them."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import stat
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from .host import Host
from .package_files import PackagedFile
from .package_obstacles import with_obstacles

#: Byte code is made anew where it is missing or old.
_BYTE_CODE = re.compile(r"/__pycache__/|\.py[co]$")
#: What pip writes over: of other files only that they are there is looked at.
_COMPARED = re.compile(r"\.py$|\.(dist|egg)-info(/|$)|/s?bin/[^/]+$")
#: Bytes that are read to be compared.
_MOST = 256 * 1024 * 1024
#: How many files of a package are named.
_TOLD = 5


@dataclass(frozen=True)
class CheckedFile:
    """A file of a package, and whether it is as the package has it.

    ``state``: intact, missing, changed, unread (the caller may not look at it) or left (something keeps the package
    manager from writing it, or it was not got to).
    """

    file: PackagedFile
    state: str

    @property
    def path(self) -> str:
        return self.file.path

    @property
    def package(self) -> str:
        return self.file.package

    @property
    def version(self) -> str:
        return self.file.version

    @property
    def architecture(self) -> str:
        return self.file.architecture

    @property
    def database(self) -> str:
        return self.file.database

    @property
    def detail(self) -> str:
        return f"it is not as {self.package} {self.version} has it."

    @property
    def needs_restoring(self) -> bool:
        return self.state in ("missing", "changed")


def check_files(
    host: Host, files: Iterable[PackagedFile], *, is_out_of_time: Callable[[], bool] = lambda: False
) -> Tuple[CheckedFile, ...]:
    """Return what became of packages' files; of those without a recorded digest (links, configuration) nothing.

    Content is only read of what pip could have written, and of no more than 256 MiB.
    """
    checker = _Checker(host, is_out_of_time)
    return tuple(checker.check(file) for file in files if file.digest and not _BYTE_CODE.search(file.path))


class _Checker:
    def __init__(self, host: Host, is_out_of_time: Callable[[], bool]) -> None:
        self._host, self._is_out_of_time = host, is_out_of_time
        self._left = _MOST

    def check(self, file: PackagedFile) -> CheckedFile:
        state = "left" if file.exclusion or file.diversion else self._compare(file)
        if state in ("missing", "changed"):
            file = with_obstacles(self._host, file)
            state = "left" if file.exclusion or file.diversion else state
        return CheckedFile(file, state)

    def _compare(self, file: PackagedFile) -> str:
        found = self._host.lstat(file.path)
        if found is None:
            return "missing" if self._may_look(file.path) else "unread"
        # The database of apk has a link's digest like a file's.
        if stat.S_ISLNK(found.st_mode) and file.database == "apk":
            return "intact"
        # A file that was not touched since its package was laid down is what that laid down.
        if not _COMPARED.search(file.path) or (stat.S_ISREG(found.st_mode) and found.st_ctime <= file.since):
            return "intact"
        target = self._host.stat(file.path)
        if target is None or not stat.S_ISREG(target.st_mode):
            return "changed"
        self._left -= target.st_size
        if self._left < 0 or self._is_out_of_time():
            return "left"
        data = self._host.read_bytes(file.path)
        if data is None:
            return "unread"
        algorithm, __, wanted = file.digest.partition(":")
        return "intact" if content_digest(algorithm, data) in (None, wanted) else "changed"

    def _may_look(self, path: str) -> bool:
        """Say whether a file that is not seen is not there, and not only hidden from this account."""
        if self._host.is_root:
            return True
        folder = posixpath.dirname(path)
        while folder != "/" and self._host.lstat(folder) is None:
            folder = posixpath.dirname(folder)
        return os.access(self._host.real(self._host.resolve(folder)), os.X_OK)


def content_digest(algorithm: str, data: bytes) -> Optional[str]:
    """Return a digest, ``None`` where this Python may not make one (MD5 in FIPS mode)."""
    try:
        try:
            return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
        except TypeError:  # Python 3.8 has no such argument
            return hashlib.new(algorithm, data).hexdigest()
    except ValueError:
        return None


def describe_damage(damaged: Sequence[CheckedFile]) -> Tuple[str, ...]:
    """Return a sentence for each package: how many of its files are missing or changed, and the first of them."""
    packages: Dict[Tuple[str, str], List[CheckedFile]] = {}
    for one in damaged:
        packages.setdefault((one.package, one.version), []).append(one)
    return tuple(
        f"Of {package} {version} {' and '.join(filter(None, (_count(files, 'missing'), _count(files, 'changed'))))}."
        for (package, version), files in packages.items()
    )


def _count(files: Sequence[CheckedFile], state: str) -> str:
    paths = [one.path for one in files if one.state == state]
    if not paths:
        return ""
    more = f" and {len(paths) - _TOLD} more" if len(paths) > _TOLD else ""
    verb = "is" if len(paths) == 1 else "are"
    return f"{len(paths)} {'file' if len(paths) == 1 else 'files'} {verb} {state} ({', '.join(paths[:_TOLD])}{more})"
