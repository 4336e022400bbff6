"""How the cost of a converged run grows: with entries on a host, with hosts, with distributions in an environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from contenders import CONTENDERS, W1, Workload
from fleet import BenchmarkHost
from measuring import Entrant, enter, settle, take_turns
from progress import say
from samples import Sample
from states import States

PART = "growth"
HERE = Path(__file__).parent
# Environments and tools on one host.
ENTRIES = ((2, 3), (17, 33), (50, 100))
HOSTS = 4
DISTRIBUTIONS = (6, 50, 200)
# The peers' time is known well enough by one round: it is minutes.
PEER_ROUNDS = 1
QUICK = [one for one in CONTENDERS.values() if one.kind != "peer" and one.name != "role_uv"]
PEERS = [one for one in CONTENDERS.values() if one.kind == "peer"]
# How the same is called in results, by what grows. W1 is measured beside the entries, to be compared with them.
W1_BESIDE = "W1"


def entries_case(entries: int) -> str:
    return f"{entries} entries"


def distributions_case(count: int) -> str:
    return f"{count} distributions"


def measure_growth(states: States, rounds: int) -> Iterator[Sample]:
    """All three curves."""
    yield from grow_hosts(states, rounds)
    yield from grow_distributions(states, rounds)
    yield from grow_entries(states, rounds)


def grow_hosts(states: States, rounds: int) -> Iterator[Sample]:
    """Between the numbers of hosts that converged runs are measured on."""
    with states.hosts(HOSTS, "project", "existing") as hosts:
        yield from take_turns(PART, [enter(one, hosts[one.state], f"{HOSTS} hosts") for one in QUICK], rounds)
        yield from take_turns(
            PART, [enter(one, hosts[one.state], f"{HOSTS} hosts") for one in PEERS], min(rounds, PEER_ROUNDS)
        )


def grow_distributions(states: States, rounds: int) -> Iterator[Sample]:
    """One environment, with more and more in it."""
    with states.hosts(1, "project", "existing") as hosts:
        entrants = []
        for count in DISTRIBUTIONS:
            path = f"/opt/sized/{count}"
            for host in (hosts["project"][0], hosts["existing"][0]):
                run_script(host, "many_distributions.py", path, str(count))
            packages = [f"dist{number:03}==1.0" for number in range(count)]
            workload = {"python_venvs": [{"path": path, "packages": packages}], "python_tools": []}
            entrants += [
                enter(one, hosts[one.state], distributions_case(count), workload)
                for one in (*QUICK, *PEERS)
                if one.kind != "floor" and one.name != "peer_pyinfra"
            ]
        settle(one for one in entrants if one.contender.kind == "ours")
        yield from take_turns(PART, entrants, rounds)


def grow_entries(states: States, rounds: int) -> Iterator[Sample]:
    """More and more environments and tools, each number on hosts of its own."""
    quick: list[Entrant] = []
    peers: list[Entrant] = []
    with prepared_hosts(states) as hosts:
        quick += [enter(one, hosts[0][:1], W1_BESIDE) for one in QUICK]
        for (venvs, tools), (project, existing) in zip(ENTRIES, zip(hosts[0][1:], hosts[1], strict=True), strict=True):
            workload = many_entries(venvs, tools)
            case = entries_case(venvs + tools)
            quick += [enter(one, [project], case, workload) for one in QUICK if one.kind == "ours"]
            peers += [enter(one, [existing], case, workload) for one in PEERS]
        settle(quick)
        yield from take_turns(PART, quick, rounds)
        yield from take_turns(PART, peers, min(rounds, PEER_ROUNDS))


@contextmanager
def prepared_hosts(states: States) -> Iterator[tuple[list[BenchmarkHost], list[BenchmarkHost]]]:
    """Of this project's hosts one with W1 and one for each number of entries; of the peers' one for each number."""
    with states.hosts(1 + len(ENTRIES), "project", "existing") as hosts:
        project, existing = hosts["project"], hosts["existing"][1:]
        for (venvs, tools), pair in zip(ENTRIES, zip(project[1:], existing, strict=True), strict=True):
            say(f"making {venvs} environments and {tools} tools")
            for host in pair:
                run_script(host, "many_entries.py", str(venvs), str(tools))
        yield project, existing


def many_entries(venvs: int, tools: int) -> Workload:
    """The workload that a host of many_entries.py has."""
    packages = W1["python_venvs"][0]["packages"]
    version = next(tool["spec"] for tool in W1["python_tools"] if tool["name"] == "pycowsay").partition("==")[2]
    return {
        "python_venvs": [{"path": f"/opt/venvs/v{number:03}", "packages": packages} for number in range(venvs)],
        "python_tools": [{"name": f"cow{number:03}", "spec": f"cow{number:03}=={version}"} for number in range(tools)],
    }


def run_script(host: BenchmarkHost, script: str, *arguments: str) -> str:
    """The script of this folder has run on the host; returns what it printed."""
    command: Sequence[str] = ["python3", "-", *arguments]
    return host.run(command, stdin=(HERE / script).read_text()).stdout
