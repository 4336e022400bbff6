# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to files that are whole or not there: atomic writes, guarded replacement, removal."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from typing import Callable, Iterator, Optional, Tuple

from .account import Account, act_as


def write_atomically(
    path: str,
    text: str,
    *,
    account: Optional[Account] = None,
    mode: int = 0o644,
    owner: Optional[Tuple[int, int]] = None,
) -> None:
    """Leave ``text`` as the whole content of ``path``, written with the rights of ``account``.

    A reader sees the old content or the new one. A link at ``path`` is replaced and never followed. ``owner`` are the
    numbers of the user and the group it belongs to, where they are not those of ``account``. A byte that is no UTF-8
    stands in ``text`` as Python's "surrogateescape" has it.
    """

    def write() -> None:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".pep668-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
                written = os.fstat(stream.fileno())
            # Before the mode: a change of owner takes bits away from it.
            if owner is not None and owner != (written.st_uid, written.st_gid):
                os.chown(temporary, *owner)
            os.chmod(temporary, mode)
            os.rename(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    act_as(account, write)


def make_directory(path: str, account: Optional[Account]) -> None:
    """Leave a directory at ``path`` that belongs to ``account``, with what is missing above it.

    Missing parents belong to whom the nearest existing directory belongs: the account in its own space, the
    caller elsewhere.
    """
    missing = []
    nearest = path
    while not os.path.lexists(nearest):
        missing.append(nearest)
        nearest = os.path.dirname(nearest)
    if not missing:
        return
    own_space = account is not None and os.stat(nearest).st_uid == account.uid
    previous_umask = os.umask(0o022)
    try:
        if own_space:
            act_as(account, lambda: os.makedirs(path, exist_ok=True))
            return
        for directory in reversed(missing):
            # What is done beside this may need the same parent.
            with contextlib.suppress(FileExistsError):
                os.mkdir(directory, 0o755)
        if account is not None and account.uid != os.geteuid():
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    finally:
        os.umask(previous_umask)


def remove_tree(path: str) -> None:
    """Leave nothing at ``path``; a link is removed itself, never what it points to."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.lexists(path):
        shutil.rmtree(path)


@contextlib.contextmanager
def replacing(path: str, aside: str, actor: Optional[Account]) -> Iterator[None]:
    """Let the body build a new directory at ``path``; when it fails, what was there before is back.

    The old directory waits at ``aside`` (on the same file system). After a kill it is still there: then it is
    the last one that was whole, and whatever stands at ``path`` is the unfinished attempt. Everything is done
    with the rights of ``actor``.
    """

    def set_aside() -> None:
        if os.path.lexists(aside):
            remove_tree(path)
        elif os.path.lexists(path):
            _in_folder(os.path.dirname(aside), lambda: os.rename(path, aside))

    def put_back() -> None:
        remove_tree(path)
        if os.path.lexists(aside):
            os.rename(aside, path)
        _remove_aside(path, aside)

    act_as(actor, set_aside)
    try:
        yield
    except BaseException:
        act_as(actor, put_back)
        raise
    act_as(actor, lambda: _remove_aside(path, aside))


def remove_directory(path: str, aside: str, actor: Optional[Account]) -> None:
    """Leave nothing at ``path`` and ``aside``; after a kill half-way no half of it stands at ``path``."""

    def remove() -> None:
        remove_tree(aside)
        if os.path.lexists(path):
            _in_folder(os.path.dirname(aside), lambda: os.rename(path, aside))
        _remove_aside(path, aside)

    act_as(actor, remove)


def _remove_aside(path: str, aside: str) -> None:
    """Leave nothing at ``aside``, nor an empty directory that was only made to hold such."""
    remove_tree(aside)
    folder = os.path.dirname(aside)
    if folder != os.path.dirname(path):
        # It is not empty when something else is replaced at the same time.
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def _in_folder(folder: str, act: Callable[[], None]) -> None:
    """Do something in a folder, made where it is missing; again when another job removed it as empty in between."""
    while True:
        os.makedirs(folder, exist_ok=True)
        try:
            act()
        except FileNotFoundError:
            if os.path.isdir(folder):
                raise
        else:
            return


@contextlib.contextmanager
def scratch_directory(account: Optional[Account], at: str = "") -> Iterator[str]:
    """Give the body a private, empty directory of ``account``, gone afterwards: ``at`` a path, else a temporary one.

    A path of its own is found again after a kill.
    """

    def make() -> str:
        if not at:
            return tempfile.mkdtemp(prefix=".pep668-")
        remove_tree(at)
        _in_folder(os.path.dirname(at), lambda: os.mkdir(at, 0o700))
        return at

    path = act_as(account, make)
    try:
        yield path
    finally:
        act_as(account, lambda: remove_tree(path))
