# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories for what a run needs while it runs, which a later run removes when it was killed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
from typing import Iterator, List, Optional, Tuple

from .account import Account, act_as
from .errors import ProvisionError
from .files import in_folder, remove_tree


@contextlib.contextmanager
def scratch_directory(account: Optional[Account], at: str = "") -> Iterator[str]:
    """Give the body a private, empty directory of ``account``, gone afterwards: ``at`` a path, else a temporary one.

    After a kill a path of its own is found again; of temporary ones the next to be made removes it.
    """

    def make() -> str:
        remove_tree(at)
        in_folder(os.path.dirname(at), lambda: os.mkdir(at, 0o700))
        return at

    if not at:
        with _temporary_directory(account) as path:
            yield path
        return
    path = act_as(account, make)
    try:
        yield path
    finally:
        act_as(account, lambda: remove_tree(path))


_TEMPORARY = ".pep668-"
#: How often a temporary directory is made anew; the account it is for could keep that up for ever.
_MOST_TRIES = 100


@contextlib.contextmanager
def _temporary_directory(account: Optional[Account]) -> Iterator[str]:
    """As scratch_directory, where temporary files go. A lock, which dies with its process, says that it is in use."""
    act_as(account, _remove_unused)
    path, handle = _make_locked(account)
    try:
        yield path
    finally:
        act_as(account, lambda: remove_tree(path))
        os.close(handle)


def _make_locked(account: Optional[Account]) -> Tuple[str, int]:
    for __ in range(_MOST_TRIES):
        path = act_as(account, _make_temporary)
        # Another run may take it for one that is left over.
        with contextlib.suppress(OSError):
            return path, _lock_directory(path)
    raise ProvisionError("Something on this host locks or removes each temporary directory as soon as it is there.")


def _temporary_folders() -> List[str]:
    """Return where temporary files may go, the best place first, as Python's own tempfile has them.

    That writes a file with any name to each to find out, which nobody would remove after a kill.
    """
    named = [os.environ.get(variable, "") for variable in ("TMPDIR", "TEMP", "TMP")]
    folders = [*(path for path in named if path.startswith("/")), "/tmp", "/var/tmp", "/usr/tmp"]  # noqa: S108
    return [path for path in dict.fromkeys(map(os.path.normpath, folders)) if os.path.isdir(path)]


def _make_temporary() -> str:
    """Return a new directory in the first place that takes a file; raises OSError where none does."""
    refused: OSError = FileNotFoundError(errno.ENOENT, "there is no directory for temporary files")
    for folder in _temporary_folders():
        try:
            path = tempfile.mkdtemp(prefix=_TEMPORARY, dir=folder)
        except OSError as error:
            refused = error
            continue
        try:
            with open(f"{path}/probe", "wb") as stream:
                stream.write(b"probe")
            os.remove(f"{path}/probe")
        except FileNotFoundError:
            # Another run took it for one that is left over. Who locks it finds that out, and has another made here.
            return path
        except OSError as error:
            refused = error
            remove_tree(path)
            continue
        return path
    raise refused


def _lock_directory(path: str) -> int:
    """Return the open, locked directory; raises OSError where another has it, or it is not there any more."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(handle), os.lstat(path)):
            raise FileNotFoundError(path)
    except OSError:
        os.close(handle)
        raise
    return handle


def _names_in(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _remove_unused() -> None:
    """Remove the temporary directories of this account that killed runs have left."""
    folders = ((folder, name) for folder in _temporary_folders() for name in _names_in(folder))
    for folder, name in folders:
        path = os.path.join(folder, name)
        if not name.startswith(_TEMPORARY):
            continue
        # What is another account's, in use, or gone by now, stays as it is.
        with contextlib.suppress(OSError):
            if os.lstat(path).st_uid == os.geteuid():
                handle = _lock_directory(path)
                try:
                    remove_tree(path)
                finally:
                    os.close(handle)
