# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on a host: an advisory lock that dies with its process and the installers it started."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import Iterator

from .errors import LockTimeout, ProvisionError
from .host import Host

#: Seconds between two tries while another run holds the lock.
_PAUSE = 0.2


def lock_path(host: Host) -> str:
    """Return the lock file: one for everything root does, one for each other account.

    It stands where no other account can create it first: /run belongs to root, a home to its account.
    """
    if host.is_root:
        return "/run/pep668-provision.lock" if host.is_dir("/run") else "/var/run/pep668-provision.lock"
    return os.path.join(host.environ.get("HOME") or host.caller.home, ".cache", "pep668-provision.lock")


@contextlib.contextmanager
def holding_lock(host: Host, *, timeout: float) -> Iterator[None]:
    """Hold this host's lock for the body; wait at most ``timeout`` seconds for a run that holds it.

    Raises LockTimeout with who holds it and since when.
    """
    path = lock_path(host)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        # An installer that outlives a killed run still changes the host: it keeps the lock until it ends.
        os.set_inheritable(handle, True)
    except OSError as error:
        raise ProvisionError(
            f"The lock file {path} cannot be opened: {error.strerror}.",
            advice=f"{host.caller.name} has to be able to write in {os.path.dirname(path)}.",
        ) from error
    try:
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise LockTimeout(
                        f"Another run is changing this host: {_holder(handle)}.",
                        advice=f"{timeout:.0f} seconds were waited: run again later, or raise python_lock_timeout.",
                    ) from None
                time.sleep(_PAUSE)
        started = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(host.clock()))
        os.ftruncate(handle, 0)
        # Where the disk is full others are not told who it is.
        with contextlib.suppress(OSError):
            os.pwrite(
                handle,
                f"process {os.getpid()} of {host.caller.name} or an installer it started, since {started}".encode(),
                0,
            )
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    return os.pread(handle, 500, 0).decode("utf-8", "replace").strip() or "a process that has not said its name yet"
