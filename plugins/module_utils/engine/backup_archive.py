# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written into the archive of a backup: files, directories and links, with all that tar can put back of them.

Nobody who changes what is read meanwhile leads the reading elsewhere: no link below a path is followed, and no pipe or
device opened.
"""

from __future__ import annotations

import os
import stat
import tarfile
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TYPES: Tuple[Tuple[Callable[[int], bool], bytes], ...] = (
    (stat.S_ISREG, tarfile.REGTYPE),
    (stat.S_ISDIR, tarfile.DIRTYPE),
    (stat.S_ISLNK, tarfile.SYMTYPE),
    (stat.S_ISFIFO, tarfile.FIFOTYPE),
    (stat.S_ISCHR, tarfile.CHRTYPE),
    (stat.S_ISBLK, tarfile.BLKTYPE),
)

#: A path, and the entries, bytes and whether extended attributes are at and below it.
Row = List[object]


@dataclass(frozen=True)
class Kept:
    """A path in an archive, how many entries are at and below it, and the bytes of their content."""

    path: str
    entries: int
    size: int
    has_attributes: bool


@dataclass(frozen=True)
class _Entry:
    """Something to be kept. ``handle`` is open for a file or a directory, else ``None``."""

    path: str
    status: os.stat_result
    handle: Optional[int]
    target: str = ""


def measure(paths: Sequence[str]) -> List[Row]:
    """Return a row for each path, as ``add_to_archive`` would."""
    return [_row(path, [(entry.status, _attributes(entry)) for entry in _walk(path)]) for path in paths]


def add_to_archive(handle: int, paths: Sequence[str], *, is_first: bool) -> List[Row]:
    """Add what is at each path to the archive that is open at ``handle``, and return a row for each.

    The first to write one begins it. The order is that of the names, so the same files make the same archive.
    """
    rows: List[Row] = []
    with os.fdopen(os.dup(handle), "r+b") as stream:
        stream.seek(0)
        mode = "w" if is_first else "a"
        options = {"format": tarfile.PAX_FORMAT, "encoding": "utf-8", "errors": "surrogateescape"}
        with tarfile.open(fileobj=stream, mode=mode, **options) as archive:  # type: ignore[call-overload]
            links: Dict[Tuple[int, int], str] = {}
            for path in paths:
                rows.append(_row(path, [_add(archive, entry, links) for entry in _walk(path)]))
        stream.flush()
    return rows


def _row(path: str, found: Sequence[Tuple[os.stat_result, Dict[str, str]]]) -> Row:
    size = sum(status.st_size for status, __ in found if stat.S_ISREG(status.st_mode))
    return [path, len(found), size, any(attributes for __, attributes in found)]


def _add(
    archive: tarfile.TarFile, entry: _Entry, links: Dict[Tuple[int, int], str]
) -> Tuple[os.stat_result, Dict[str, str]]:
    status = entry.status
    # Without names of accounts: numbers mean the same on this host for good.
    member = tarfile.TarInfo(entry.path.lstrip("/"))
    member.type = next(kind for is_kind, kind in _TYPES if is_kind(status.st_mode))
    member.mode, member.uid, member.gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    member.linkname = entry.target
    attributes = _attributes(entry)
    # tarfile would write the parts of a second as a float has them.
    member.mtime = status.st_mtime_ns // 1_000_000_000
    parts = {"mtime": f"{member.mtime}.{status.st_mtime_ns % 1_000_000_000:09d}"} if member.mtime >= 0 else {}
    member.pax_headers = {**parts, **attributes}
    if member.type in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        member.devmajor, member.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    known = links.setdefault((status.st_dev, status.st_ino), member.name) if status.st_nlink > 1 else member.name
    if member.type != tarfile.REGTYPE:
        archive.addfile(member)
    elif known != member.name:
        member.type, member.linkname = tarfile.LNKTYPE, known
        archive.addfile(member)
    elif entry.handle is not None:
        member.size = status.st_size
        with os.fdopen(os.dup(entry.handle), "rb") as content:
            archive.addfile(member, content)
    return status, attributes


def _walk(path: str) -> Iterator[_Entry]:
    """Yield what is at and below a path, by name, parents first."""
    parent = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield from _entries(parent, os.path.basename(path), path)
    finally:
        os.close(parent)


def _entries(parent: int, name: str, path: str) -> Iterator[_Entry]:
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        yield _Entry(path, status, None, os.readlink(name, dir_fd=parent))
        return
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        # A socket is nothing without who made it.
        if not stat.S_ISSOCK(status.st_mode):
            yield _Entry(path, status, None)
        return
    try:
        handle = os.open(name, _DIRECTORY if stat.S_ISDIR(status.st_mode) else _FILE, dir_fd=parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    try:
        opened = os.fstat(handle)
        if not os.path.samestat(opened, status):
            raise OSError(0, "it was exchanged while it was read", path)
        yield _Entry(path, opened, handle)
        if stat.S_ISDIR(opened.st_mode):
            for inner in sorted(os.listdir(handle)):
                yield from _entries(handle, inner, f"{path}/{inner}")
    finally:
        os.close(handle)


def _attributes(entry: _Entry) -> Dict[str, str]:
    """Return the extended attributes of a file or a directory, as tar has them in its headers (SCHILY.xattr)."""
    if entry.handle is None or not hasattr(os, "listxattr"):
        return {}
    try:
        names = sorted(os.listxattr(entry.handle))
        values = {name: os.getxattr(entry.handle, name) for name in names}
    except OSError:
        # The file system has none.
        return {}
    return {
        f"SCHILY.xattr.{name.replace('%', '%25').replace('=', '%3D')}": value.decode("utf-8", "surrogateescape")
        for name, value in values.items()
    }
