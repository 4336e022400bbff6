"""What the ways to more hosts than one controller carries cost: CPU seconds of each program, where it runs.

All of them work on the same hosts with the same private data directory, that of examples/ansible-runner, with W1 for
the inventory's variables: the playbook provision and ansible-core are the same in each.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from checkout import CHECKOUT
from container_engine import podman
from contenders import W1
from fleet import BenchmarkHost
from measuring import STOPWATCH, RunFailed, changes_in, spend
from progress import say
from pull_repository import ON_HOST, pull_command, push
from pyinfra_runs import provide_pyinfra
from runner_runs import Runner, build_collection, install_collection, make_private_data, provide_runner
from samples import Sample
from states import States

PART = "engines"
SLICES = 2
# What is measured, as in results and tables: in the order it runs in.
ENGINES = {
    "playbook": "`ansible-playbook`",
    "slices": f"{SLICES} x `ansible-playbook`, each for its share of the hosts",
    "run": "`ansible-runner run`",
    "transmit": "`ansible-runner transmit`",
    "worker": "`ansible-runner worker`",
    "process": "`ansible-runner process`",
    "pull": "`ansible-pull`",
}
PLAYBOOK = CHECKOUT / "playbooks" / "pull.yml"


def measure_engines(states: States, counts: Sequence[int], rounds: int) -> Iterator[Sample]:
    """Each engine has run in each round on so many hosts that have everything; ansible-pull on one."""
    runner = provide_runner()
    with tempfile.TemporaryDirectory(prefix="engines-") as scratch:
        collections = Path(scratch) / "collections"
        install_collection(runner, build_collection(Path(scratch)), collections)
        for count in counts:
            with states.hosts(count, "project") as hosts:
                for number in range(1, rounds + 1):
                    for sample in one_round(runner, collections, hosts["project"]):
                        say(f"{PART} {number}/{rounds}: {sample}")
                        yield sample
        with states.hosts(1, "project") as hosts:
            for sample in measure_pull(hosts["project"][0], Path(scratch), rounds):
                say(f"{PART}: {sample}")
                yield sample


def one_round(runner: Runner, collections: Path, hosts: Sequence[BenchmarkHost]) -> Iterator[Sample]:
    """Every engine but ansible-pull has run once."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        make_private_data(folder / "data", hosts, W1, collections)
        job = ["data", "--playbook=provision.yml"]
        commands = {"playbook": playbook(folder / "data", hosts)}
        if len(hosts) >= SLICES:
            shares = [hosts[number::SLICES] for number in range(SLICES)]
            parts = [f"{playbook(folder / 'data', share)} &" for share in shares]
            commands["slices"] = f"{' '.join(parts)} wait"
        commands |= {
            "run": shlex.join(["ansible-runner", "run", *job]),
            "transmit": f"{shlex.join(['ansible-runner', 'transmit', *job])} >sent",
            "worker": "ansible-runner worker --private-data-dir=elsewhere <sent >done",
            "process": "ansible-runner process data <done",
        }
        for name, command in commands.items():
            before = sum(host.network_bytes() for host in hosts)
            cost, printed = spend(["sh", "-c", command], folder, runner.environment())
            if changes_in(printed):
                raise RunFailed(f"{name} changed a host that has everything\n{printed}")
            moved = sum(host.network_bytes() for host in hosts) - before
            yield sample_of(name, len(hosts), cost, moved)


def playbook(data: Path, hosts: Sequence[BenchmarkHost]) -> str:
    """The shell command for a plain run of the playbook, with the settings that ansible-runner takes from env."""
    settings = "ANSIBLE_PIPELINING=true ANSIBLE_FORKS=50"
    limit = ",".join(host.name for host in hosts)
    options = [f"--inventory={data / 'inventory'}", f"--private-key={data / 'env' / 'ssh_key'}", f"--limit={limit}"]
    return f"{settings} {shlex.join(['ansible-playbook', *options, str(data / 'project' / 'provision.yml')])}"


def measure_pull(host: BenchmarkHost, scratch: Path, rounds: int) -> Iterator[Sample]:
    """A host has converged itself so many times; what counts is that host's own CPU time."""
    wheel = provide_pyinfra().wheel(scratch)
    podman("cp", str(wheel), f"{host.name}:/tmp/{wheel.name}")
    podman("cp", str(STOPWATCH), f"{host.name}:/tmp/{STOPWATCH.name}")
    options = {
        "pull_repository": f"file://{ON_HOST}",
        "pull_packages": [f"pep668-provision[ansible] @ file:///tmp/{wheel.name}"],
        "pull_environment": {"ANSIBLE_NOCOLOR": "true"},
    }
    outcome = host.play(PLAYBOOK, options)
    if outcome.failed:
        raise RunFailed(outcome.text)
    push(host, scratch / "fleet", W1)
    host.run(pull_command(host))
    for _ in range(rounds):
        before = host.network_bytes()
        done = host.run(["python3", f"/tmp/{STOPWATCH.name}", "/tmp/cost.json", *pull_command(host)])
        if changes_in(done.stdout):
            raise RunFailed(f"ansible-pull changed a host that has everything\n{done.stdout}")
        yield sample_of("pull", 1, host.read_json("/tmp/cost.json"), host.network_bytes() - before)


def sample_of(name: str, hosts: int, cost: dict[str, float], moved: int) -> Sample:
    return Sample(
        part=PART,
        case="",
        contender=name,
        hosts=hosts,
        seconds=round(cost["seconds"], 3),
        cpu_seconds=round(cost["cpu_seconds"], 3),
        bytes_per_host=moved // hosts,
        changed=0,
    )
