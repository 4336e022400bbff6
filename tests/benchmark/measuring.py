"""One contender has run once, and what that cost is a sample; rounds in which contenders take turns."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contenders import W1, Contender, Settings, Workload
from fleet import BenchmarkHost
from progress import say
from samples import Sample

STOPWATCH = Path(__file__).with_name("stopwatch.py")
# Seconds; nothing that is measured takes as long.
LIMIT = 1200.0
# Characters of what a run printed that are shown where it failed.
SHOWN = 4000


class RunFailed(RuntimeError):
    """A contender failed, or changed something where nothing was to change; the text has its output."""


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A contender with the hosts it is measured on. label: what is special about the run, as in results."""

    contender: Contender
    hosts: Sequence[BenchmarkHost]
    workload: Workload
    case: str = ""
    settings: Settings | None = None


def enter(contender: Contender, hosts: Sequence[BenchmarkHost], case: str = "", workload: Workload = W1) -> Entrant:
    return Entrant(contender=contender, hosts=hosts, workload=workload, case=case)


def take_turns(part: str, entrants: Sequence[Entrant], rounds: int) -> Iterator[Sample]:
    """Each entrant has run once in each round, one after the other: what disturbs the machine disturbs all alike."""
    for number in range(1, rounds + 1):
        for entrant in entrants:
            sample = measure(part, entrant, converged=True)
            say(f"{part} {number}/{rounds}: {sample}")
            yield sample


def measure(part: str, entrant: Entrant, *, converged: bool) -> Sample:
    """The contender has run once. Raises RunFailed, with converged also where it changed anything."""
    contender, hosts = entrant.contender, entrant.hosts
    # Short, for the path of a socket may have 104 characters.
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        command, environment = contender.prepare(folder, hosts, entrant.workload, entrant.settings)
        before = sum(host.network_bytes() for host in hosts)
        cost, printed = spend(command, folder, environment)
        transferred = sum(host.network_bytes() for host in hosts) - before
    changed = contender.count_changes(printed)
    if converged and changed:
        raise RunFailed(f"{contender.name} changed a host that has everything\n{printed[-SHOWN:]}")
    return Sample(
        part=part,
        case=entrant.case,
        contender=contender.name,
        hosts=len(hosts),
        seconds=round(cost["seconds"], 3),
        cpu_seconds=round(cost["cpu_seconds"], 3),
        bytes_per_host=transferred // len(hosts),
        changed=changed,
    )


def spend(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[dict[str, float], str]:
    """The command has run in the folder; returns its seconds and CPU seconds, and what it printed. Raises RunFailed."""
    done = subprocess.run(
        [sys.executable, str(STOPWATCH), str(folder / "cost.json"), *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
        timeout=LIMIT,
    )
    if done.returncode:
        shown = f"exit status {done.returncode}\n{done.stdout[-SHOWN:]}{done.stderr[-SHOWN:]}"
        raise RunFailed(f"{' '.join(command)}: {shown}")
    cost: dict[str, float] = json.loads((folder / "cost.json").read_text())
    return cost, done.stdout


def changes_in(printed: str) -> int:
    """How many tasks changed something, by what ansible-playbook printed."""
    return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", printed))


def settle(entrants: Iterable[Entrant]) -> None:
    """Each entrant has run until it changed nothing, at most twice. Raises RunFailed where it goes on changing."""
    for entrant in entrants:
        if measure("settle", entrant, converged=False).changed:
            measure("settle", entrant, converged=True)
