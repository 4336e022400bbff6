"""A command has run and what it cost is in a file: wall seconds, and CPU seconds of everything it started.

    python stopwatch.py REPORT COMMAND [ARGUMENT...]

What the command leaves running (Ansible's kept SSH connections) is ended afterwards and counted too: the kernel is told
to hand orphans to this process (PR_SET_CHILD_SUBREAPER in prctl(2)). So every run begins without a connection, and a
program that hides work in the background gains nothing. The exit status is the command's.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
# Seconds that what was left running has to end by itself.
PATIENCE = 5.0


def main(report: str, command: list[str]) -> int:
    """The report has been written; returns the exit status of the command."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.perf_counter()
    status = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    seconds = time.perf_counter() - started
    end_orphans()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    Path(report).write_text(json.dumps({"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime}))
    return status


def end_orphans() -> None:
    """Nothing that was started runs any more, and all of it has been waited for."""
    end = time.monotonic() + PATIENCE
    while children := children_of(os.getpid()):
        for child in children:
            os.kill(child, signal.SIGTERM if time.monotonic() < end else signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def children_of(parent: int) -> list[int]:
    """The processes whose parent this is, those included that ended and were not waited for."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The program's name stands in parentheses and may hold any character (proc_pid_stat(5)).
            rest = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(rest[1]) == parent:
            found.append(int(stat.parent.name))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
