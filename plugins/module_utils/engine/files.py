# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to files that are whole or not there: atomic writes, guarded replacement, removal."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from typing import Callable, Container, Iterator, Optional, Sequence, Tuple

from .account import Account, act_as
from .errors import ProvisionError

#: How a directory is opened that another account may exchange for a link, a pipe or a device.
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: So many directories inside of each other are open at the same time.
_DEEPEST = 60


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
    numbers of the user and the group it belongs to, where they are not those of ``account``. One writer at a time: what
    a killed one left is removed. A byte that is no UTF-8 stands in ``text`` as Python's "surrogateescape" has it.
    """

    def write() -> None:
        folder, name = os.path.split(path)
        prefix = f".{name.lstrip('.')}.pep668-"
        for left in os.listdir(folder):
            if left.startswith(prefix):
                os.unlink(os.path.join(folder, left))
        try:
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=prefix)
        except OSError as error:
            # Of a name that nobody knows.
            raise OSError(error.errno, error.strerror, path) from error
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
        except OSError as error:
            os.unlink(temporary)
            raise OSError(error.errno, error.strerror, path) from error
        except BaseException:
            os.unlink(temporary)
            raise

    act_as(account, write)


def make_directory(path: str, account: Optional[Account] = None, actor: Optional[Account] = None) -> None:
    """Leave a directory at ``path`` that belongs to ``account``, with what is missing above it.

    One that is there stays its owner's, unless it is empty and the caller's: so a run leaves it that is killed in here.
    It is made with the rights of ``actor`` (``None``: the caller), to whom missing parents belong. Raises
    ProvisionError where another account was faster, in a directory that everybody may write in.
    """

    def make() -> None:
        missing = []
        nearest = path
        while not os.path.lexists(nearest):
            missing.append(nearest)
            nearest = os.path.dirname(nearest)
        for directory in reversed(missing):
            _make_one(directory)
        if account is not None and account.uid != os.geteuid() and stat.S_ISDIR(os.lstat(path).st_mode):
            handle = os.open(path, _DIRECTORY)
            try:
                if os.fstat(handle).st_uid == os.geteuid() and not os.listdir(handle):
                    os.fchown(handle, account.uid, account.gid)
            finally:
                os.close(handle)

    act_as(actor, make)


def _make_one(directory: str) -> None:
    try:
        os.mkdir(directory, 0o755)
    except FileExistsError:
        # What is done beside this may need the same parent.
        found = os.lstat(directory)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise ProvisionError(
                f"{directory} was put there by another account while this ran.",
                advice="Declare a path below directories in which only root and its owner may write.",
            ) from None


def remove_tree(path: str) -> None:
    """Leave nothing at ``path``; a link is removed itself, never what it points to.

    Whoever changes what is in it meanwhile neither leads the removal elsewhere nor keeps it waiting.
    """
    try:
        os.unlink(path)
        return
    except FileNotFoundError:
        return
    except OSError:
        # On a file system that is read-only that is said first, also of what is not there. What cannot be seen is not
        # taken for that.
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return
        if not stat.S_ISDIR(found.st_mode):
            raise
    handle = os.open(path, _DIRECTORY)
    try:
        while os.listdir(handle):
            _remove_entries(handle, handle, 0)
    finally:
        os.close(handle)
    os.rmdir(path)


def _remove_entries(handle: int, top: int, depth: int) -> None:
    """Remove what is in an open directory; what is deep in it is moved to the ``top`` first."""
    for name in os.listdir(handle):
        try:
            os.unlink(name, dir_fd=handle)
            continue
        except FileNotFoundError:
            continue
        except OSError:
            if not stat.S_ISDIR(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                raise
        if depth == _DEEPEST:
            os.rename(name, f".{os.urandom(16).hex()}", src_dir_fd=handle, dst_dir_fd=top)
            continue
        inner = os.open(name, _DIRECTORY, dir_fd=handle)
        try:
            _remove_entries(inner, top, depth + 1)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=handle)


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
            in_folder(os.path.dirname(aside), lambda: os.rename(path, aside))

    def put_back() -> None:
        remove_tree(path)
        if os.path.lexists(aside):
            os.rename(aside, path)
        _remove_aside(path, aside)

    _removing(actor, (path, aside), set_aside)
    try:
        yield
    except BaseException:
        _removing(actor, (path, aside), put_back)
        raise
    _removing(actor, (aside,), lambda: _remove_aside(path, aside))


def remove_directory(path: str, aside: str, actor: Optional[Account]) -> None:
    """Leave nothing at ``path`` and ``aside``; after a kill half-way no half of it stands at ``path``."""

    def remove() -> None:
        remove_tree(aside)
        if os.path.lexists(path):
            in_folder(os.path.dirname(aside), lambda: os.rename(path, aside))
        _remove_aside(path, aside)

    _removing(actor, (path, aside), remove)


def remove_as(actor: Optional[Account], path: str) -> None:
    """Leave nothing at ``path``, as remove_tree does, with the rights of ``actor``."""
    _removing(actor, (path,), lambda: remove_tree(path))


def _removing(actor: Optional[Account], paths: Sequence[str], remove: Callable[[], None]) -> None:
    """Remove something with the rights of ``actor``, without the byte code of root's in it that is in the way.

    Python writes that wherever root runs it, also in what belongs to others, and they cannot remove it.
    """
    try:
        act_as(actor, remove)
    except ProvisionError:
        in_the_way = [_remove_byte_code_of_root(path) for path in paths] if os.geteuid() == 0 else []
        if not any(in_the_way):
            raise
        act_as(actor, remove)


def _remove_byte_code_of_root(path: str) -> bool:
    """Remove the byte code in root's own ``__pycache__`` directories below ``path``; returns whether there was some.

    Nothing on the way there may be a link, so that nobody leads root elsewhere.
    """
    handle = os.open("/", _DIRECTORY)
    try:
        for part in path.strip("/").split("/"):
            inner = os.open(part, _DIRECTORY, dir_fd=handle)
            os.close(handle)
            handle = inner
        return _remove_byte_code(handle, 0)
    except OSError:
        return False
    finally:
        os.close(handle)


def _remove_byte_code(handle: int, depth: int) -> bool:
    found = False
    for name in os.listdir(handle):
        if depth == _DEEPEST or not stat.S_ISDIR(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
            continue
        inner = os.open(name, _DIRECTORY, dir_fd=handle)
        try:
            removed = _empty_cache(inner) if name == "__pycache__" else _remove_byte_code(inner, depth + 1)
        finally:
            os.close(inner)
        found = found or removed
    return found


def _empty_cache(handle: int) -> bool:
    names = os.listdir(handle) if os.fstat(handle).st_uid == 0 else []
    byte_code = [name for name in names if name.endswith(".pyc")]
    for name in byte_code:
        os.unlink(name, dir_fd=handle)
    return bool(byte_code)


def keep_by_links(path: str, kept: str, leave_out: Container[str]) -> bool:
    """Leave every file below ``path`` also below ``kept``, on the same file system, as further links to the same files.

    ``leave_out`` are names directly below ``path``. An installer replaces files and does not write into them. Returns
    ``False``, with nothing at ``kept``, where this account may not link to one of them (proc(5), protected_hardlinks).
    """
    try:
        _link_tree(path, kept, leave_out)
    except PermissionError:
        remove_tree(kept)
        return False
    return True


def _link_tree(source: str, target: str, leave_out: Container[str] = ()) -> None:
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.name in leave_out:
                continue
            if entry.is_dir(follow_symlinks=False):
                _link_tree(entry.path, os.path.join(target, entry.name))
            else:
                os.link(entry.path, os.path.join(target, entry.name), follow_symlinks=False)
    os.chmod(target, os.stat(source).st_mode & 0o7777)


def put_back_kept(kept: str, path: str, leave_out: Container[str]) -> None:
    """Leave what ``keep_by_links`` kept at its place again, and nothing beside it that came since."""
    for name in os.listdir(path):
        if name not in leave_out:
            remove_tree(os.path.join(path, name))
    for name in os.listdir(kept):
        os.rename(os.path.join(kept, name), os.path.join(path, name))


def _remove_aside(path: str, aside: str) -> None:
    """Leave nothing at ``aside``, nor an empty directory that was only made to hold such."""
    remove_tree(aside)
    folder = os.path.dirname(aside)
    if folder != os.path.dirname(path):
        # It is not empty when something else is replaced at the same time.
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def in_folder(folder: str, act: Callable[[], None]) -> None:
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
