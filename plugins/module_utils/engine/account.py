# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of the host, and acting as one of them without leaving root's rights to what it runs."""

from __future__ import annotations

import json
import os
import pwd
from dataclasses import dataclass
from typing import Callable, FrozenSet, Optional, TypeVar

from .errors import ProvisionError, refused_by_system

T = TypeVar("T")


@dataclass(frozen=True)
class Account:
    """An account of the host, as /etc/passwd has it."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


def _from_entry(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell)


def find_account(name: str) -> Optional[Account]:
    """Return the account of this name, or ``None`` where the host has none."""
    try:
        return _from_entry(pwd.getpwnam(name))
    except KeyError:
        return None


def account_of(uid: int) -> Account:
    """Return the account with this number; one without an entry keeps its number as its name."""
    try:
        return _from_entry(pwd.getpwuid(uid))
    except KeyError:
        return Account(str(uid), uid, uid, "/nonexistent", "")


def members_of(gid: int) -> FrozenSet[int]:
    """Return the numbers of the accounts in a group, by /etc/group and by their own group."""
    import grp  # noqa: PLC0415  # asked of few directories

    found = {entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == gid}
    try:
        names = grp.getgrgid(gid).gr_mem
    except KeyError:
        names = []
    named = (find_account(name) for name in names)
    return frozenset(found | {account.uid for account in named if account is not None})


def drop_privileges(account: Optional[Account]) -> None:
    """Make this process that account's, for good; nothing happens when it already is."""
    if account is None or account.uid == os.geteuid():
        return
    os.initgroups(account.name, account.gid)
    os.setgid(account.gid)
    os.setuid(account.uid)


def act_as(account: Optional[Account], work: Callable[[], T]) -> T:
    """Do ``work`` with the rights of ``account`` and return its result.

    As root a child process takes the account's rights for good, so whatever the account prepared (links,
    renamed directories) is met with its own rights and not with root's. The result and an error come back
    through a pipe as JSON, so the result is text, a number, a list of these or nothing. Whoever acts, what is made is
    not for others to write in, whatever the caller's umask is.
    """
    if account is None or account.uid == os.geteuid():
        previous_umask = os.umask(0o022)
        try:
            return work()
        finally:
            os.umask(previous_umask)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            os.umask(0o022)
            # Without the caller's terminal, which what has it open could type into (ioctl_tty(2), TIOCSTI).
            os.setsid()
            drop_privileges(account)
            try:
                answer = {"result": work()}
            except OSError as error:
                answer = {"refused": [error.errno, error.strerror or str(error), error.filename]}  # type: ignore[dict-item]
            except Exception as error:  # the parent raises it again, whatever it is
                answer = {"error": str(error)}  # type: ignore[dict-item]
            with os.fdopen(writing, "w", encoding="utf-8") as stream:
                json.dump(answer, stream)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        data = stream.read()
    os.waitpid(child, 0)
    if not data:
        raise ProvisionError(f"Acting as {account.name} failed: the process ended without an answer.")
    answer = json.loads(data)
    if "refused" in answer:
        raise refused_by_system(OSError(*answer["refused"]), account=account.name)
    if "error" in answer:
        raise ProvisionError(f"As {account.name}: {answer['error']}.")
    result: T = answer["result"]
    return result
