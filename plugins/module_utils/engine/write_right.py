# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories in which others than their owners could write, and can no more."""

from __future__ import annotations

import os
import posixpath
import shlex
import stat
from dataclasses import dataclass
from typing import Dict, Iterator, List, Tuple

from .errors import ProvisionError, telling_refusals
from .host import Host
from .lock import holding_lock

#: The right to write of a file's group and of everybody.
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
#: Neither a link is followed nor a pipe waited for.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: Directories that lie in one another, as many as a path can name.
_DEEPEST = 200


@dataclass(frozen=True)
class Closed:
    """A directory or file that others could write to: its path, and its mode before and after."""

    path: str
    before: int
    after: int


def check_directories(directories: object) -> Tuple[str, ...]:
    """Return the directories from the top down; raises ProvisionError where one is no absolute path."""
    listed = directories if isinstance(directories, (list, tuple)) else ()
    for path in listed:
        if not isinstance(path, str) or not path.startswith("/") or "\0" in path or path != posixpath.normpath(path):
            raise ProvisionError(f"{path!r} is no absolute path.", advice="Name directories from / on, without ..")
    if not listed:
        raise ProvisionError("No directory is named.", advice="Name the directories in which others may not write.")
    return tuple(sorted(dict.fromkeys(listed), key=lambda path: path.split("/")))


@telling_refusals
def foresee_closing(host: Host, directories: Tuple[str, ...], *, recursive: bool) -> Tuple[Closed, ...]:
    """Return what ``close_to_others`` would change; reads only."""
    return tuple(closed for path in directories for closed, __ in _open_ones(host, path, recursive=recursive))


@telling_refusals
def close_to_others(
    host: Host, directories: Tuple[str, ...], *, recursive: bool, lock_timeout: float
) -> Tuple[Closed, ...]:
    """Leave these directories to be written to by their owners alone, with ``recursive`` all that is in them too.

    No link is followed, on the way or inside: where somebody has put one in the place of a directory, ProvisionError
    is raised. What is neither a file nor a directory stays as it is.
    """
    done: List[Closed] = []
    with holding_lock(host, timeout=lock_timeout):
        for path in directories:
            for closed, handle in _open_ones(host, path, recursive=recursive):
                os.fchmod(handle, closed.after)
                done.append(closed)
    return tuple(done)


def restoring(closed: Tuple[Closed, ...]) -> Tuple[str, ...]:
    """Return the commands that give the rights back, one for each mode."""
    modes: Dict[int, List[str]] = {}
    for one in closed:
        modes.setdefault(one.before, []).append(one.path)
    return tuple(f"chmod {mode:04o} {' '.join(map(shlex.quote, paths))}" for mode, paths in modes.items())


def _open_ones(host: Host, path: str, *, recursive: bool) -> Iterator[Tuple[Closed, int]]:
    """Yield what others can write to, with the handle of each while it is the turn of it."""
    handle = _open_directory(host, path)
    try:
        yield from _open_below(handle, path, _DEEPEST if recursive else 0)
    finally:
        os.close(handle)


def _open_directory(host: Host, path: str) -> int:
    handle = os.open(host.root, _FLAGS | os.O_DIRECTORY)
    for name in filter(None, path.split("/")):
        try:
            inner = os.open(name, _FLAGS | os.O_DIRECTORY, dir_fd=handle)
        except OSError as error:
            raise ProvisionError(
                f"{path} cannot be opened as a directory without following a link: {name}: {error.strerror}.",
                advice="Name the directory itself; look at who has put something else there.",
            ) from error
        finally:
            os.close(handle)
        handle = inner
    return handle


def _open_below(handle: int, path: str, depth: int) -> Iterator[Tuple[Closed, int]]:
    mode = stat.S_IMODE(os.fstat(handle).st_mode)
    if mode & _OTHERS:
        # Before what is in it is looked at: from then on nobody exchanges that.
        yield Closed(path, mode, mode & ~_OTHERS), handle
    for name in sorted(os.listdir(handle)) if depth else ():
        kind = os.lstat(name, dir_fd=handle).st_mode
        if not (stat.S_ISDIR(kind) or (stat.S_ISREG(kind) and kind & _OTHERS)):
            continue
        inner = os.open(name, _FLAGS, dir_fd=handle)
        try:
            found = os.fstat(inner).st_mode
            if stat.S_ISDIR(found):
                yield from _open_below(inner, f"{path}/{name}", depth - 1)
            elif stat.S_ISREG(found) and found & _OTHERS:
                before = stat.S_IMODE(found)
                yield Closed(f"{path}/{name}", before, before & ~_OTHERS), inner
        finally:
            os.close(inner)
