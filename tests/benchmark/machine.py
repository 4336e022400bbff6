"""What the benchmark ran on and with, for people who compare."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from checkout import CHECKOUT
from fleet import Fleet
from pyinfra_runs import provide_pyinfra


def describe_machine(fleet: Fleet) -> dict[str, str]:
    """Date, size, how busy it is, and versions, by heading."""
    cpu = read_field("/proc/cpuinfo", "model name") or platform.machine()
    memory = int((read_field("/proc/meminfo", "MemTotal") or "0").split()[0]) / 1024**2
    kernel = ".".join(platform.release().split(".")[:2])
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GiB; hosts and controller share it",
        "other work": describe_other_work(),
        "commit": describe_commit(),
        "system": f"{read_field('/etc/os-release', 'PRETTY_NAME')}, Linux {kernel}",
        "controller": f"Python {platform.python_version()}, ansible-core {version('ansible-core')}, "
        f"community.general of ansible {version('ansible')}, pyinfra {pyinfra_version()}",
        "hosts": f"{fleet.base.release}: {fleet.base.origin}",
    }


def describe_other_work(seconds: float = 3) -> str:
    """How busy the machine is while the benchmark does nothing; it waits so many seconds to find out."""
    busy, total = processor_times()
    time.sleep(seconds)
    busier, later = processor_times()
    return f"other work took {(busier - busy) / max(later - total, 1):.0%} of its CPU time when this began"


def describe_commit() -> str:
    """Which state of this checkout is measured; -dirty where files differ from the commit."""
    command = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def processor_times() -> tuple[int, int]:
    """Ticks in which the processors had work, and all ticks, since the machine started (proc_stat(5))."""
    user, nice, system, idle, waiting, *others = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:])
    busy = user + nice + system + sum(others[:3])
    return busy, busy + idle + waiting


def pyinfra_version() -> str:
    program = str(provide_pyinfra().program.with_name("python"))
    code = "from importlib.metadata import version; print(version('pyinfra'))"
    return subprocess.run([program, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def read_field(path: str, name: str) -> str:
    """The value beside a name in a file of such lines, empty where there is none."""
    for line in Path(path).read_text().splitlines():
        key, found, value = line.replace("=", ":", 1).partition(":")
        if found and key.strip() == name:
            return value.strip().strip('"')
    return ""
