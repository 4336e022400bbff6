# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a command that takes too long, with every process it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import Dict, List, Tuple

#: Seconds an installer gets to put back what it had moved and to remove its temporary files.
_GRACE = 10.0


def end_with_descendants(process: "subprocess.Popen[str]") -> Tuple[str, str]:
    """Leave neither the process nor one that it started, and return what was printed.

    They are interrupted first, as by Ctrl-C, upon which pip and pipx put things back; what then goes on is killed.
    """
    started = descendants(process.pid)
    _send(signal.SIGINT, [process.pid, *started])
    try:
        answer = process.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        answer = None
    _send(signal.SIGKILL, [*([process.pid] if process.poll() is None else []), *(set(started) & set(_parents()))])
    if answer is None:
        # What it printed may still be held open by a process that is nobody's child any more.
        with contextlib.suppress(subprocess.TimeoutExpired):
            answer = process.communicate(timeout=_GRACE)
    return answer or ("", "")


def descendants(pid: int) -> List[int]:
    """Return the processes that a process has started, and those that they have, as far as /proc tells."""
    parents = _parents()
    found: List[int] = []
    pending = [pid]
    while pending:
        above = pending.pop()
        below = [child for child, parent in parents.items() if parent == above]
        found += below
        pending += below
    return found


def _parents() -> Dict[int, int]:
    """Return every process with the one that started it (proc(5): the fourth field of stat)."""
    # The second, a name in brackets, may hold spaces.
    parents = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError), open(f"/proc/{name}/stat", "rb") as stream:
                parents[int(name)] = int(stream.read().rpartition(b")")[2].split()[1])
    return parents


def _send(number: int, processes: List[int]) -> None:
    for pid in processes:
        # As root it may be another account's; what has ended meanwhile is what was wanted.
        with contextlib.suppress(OSError):
            os.kill(pid, number)
