"""What this project is to reach, as data, held against what was measured; why a target is missed is written by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from audit_cost import TOOLS, VENVS
from contenders import floor_of
from growth import ENTRIES, W1_BESIDE, entries_case
from samples import Sample, ratio, select, spread
from saved import Results

MANY = max(venvs + tools for venvs, tools in ENTRIES)

# By name of a target: one sentence that is shown beside it while it is missed. Edited by hand.
REASONS = {
    "module plan as sent": "Ansible's own part of it, all that `ping` has, is above the target already; ours is 130 kB",
    "engine loaded on the host, as sent": (
        "what Ansible sends has no byte code and is compiled in every run; what is not needed then is not loaded"
    ),
    "role, converged, 16 hosts": (
        "the controller and its 16 hosts share two cores here, so what a host does by itself, mostly compiling the "
        "engine, counts eightfold"
    ),
    "pyinfra deploy, converged, 16 hosts": (
        "as with the role, it is the hosts' own work on the two cores that they share here with the controller"
    ),
}


@dataclass(frozen=True)
class Target:
    """One number that is to be at most something. measure: None where it was not measured; unit: as shown.

    least: what it cannot be below unless the measurement was disturbed.
    """

    name: str
    most: float
    unit: str
    measure: Callable[[Results], float | None]
    least: float = 0


@dataclass(frozen=True)
class Verdict:
    """A target and what was measured; is_met is None where nothing was, or nothing that can be."""

    target: Target
    value: float | None

    @property
    def is_met(self) -> bool | None:
        if self.value is None or self.is_impossible:
            return None
        return self.value <= self.target.most

    @property
    def is_impossible(self) -> bool:
        """Whether it is better than it can be: other work ran beside what it is compared with."""
        return self.value is not None and self.value < self.target.least

    @property
    def reason(self) -> str:
        return REASONS.get(self.target.name, "") if self.is_met is False else ""


def seconds_of(
    samples: list[Sample], part: str, contender: str, hosts: int | None = None, case: str | None = None
) -> float | None:
    """The median of wall seconds, None without samples."""
    found = select(samples, part=part, contender=contender, hosts=hosts, case=case)
    return spread(one.seconds for one in found).median if found else None


def over_floor(contender: str, hosts: int) -> Callable[[Results], float | None]:
    """How many times the floor a converged run takes."""
    return lambda results: ratio(
        seconds_of(results.samples, "converged", contender, hosts),
        seconds_of(results.samples, "converged", floor_of(contender), hosts),
    )


def over_cold_ansible(contender: str) -> Callable[[Results], float | None]:
    """Which part of the time of the existing Ansible modules a cold run takes."""
    return lambda results: ratio(
        seconds_of(results.samples, "cold", contender), seconds_of(results.samples, "cold", "peer_ansible")
    )


def beyond_w1(contender: str) -> Callable[[Results], float | None]:
    """Seconds that the most entries take more than W1, measured in the same rounds."""

    def measure(results: Results) -> float | None:
        many = seconds_of(results.samples, "growth", contender, case=entries_case(MANY))
        few = seconds_of(results.samples, "growth", contender, case=W1_BESIDE)
        return None if many is None or few is None else many - few

    return measure


def engine_milliseconds(case: str, name: str) -> Callable[[Results], float | None]:
    """The median of what the engine takes on the host."""

    def measure(results: Results) -> float | None:
        values = results.facts.get("milliseconds", {}).get(case, {}).get(name)
        return median(values) if values else None

    return measure


def module_bytes(results: Results) -> float | None:
    sent = results.facts.get("module_bytes", {}).get("pep668.provision.plan")
    return sent / 1000 if sent else None


def audit_seconds(results: Results) -> float | None:
    """The median of what an audit takes on the host."""
    seconds = results.facts.get("audit", {}).get("seconds")
    return median(seconds) if seconds else None


TARGETS = (
    Target("role, converged, 1 host", 1.3, "x ping", over_floor("role", 1), least=1),
    Target("role, converged, 16 hosts", 1.5, "x ping", over_floor("role", 16), least=1),
    Target("pyinfra deploy, converged, 1 host", 1.5, "x connect", over_floor("deploy", 1), least=1),
    Target("pyinfra deploy, converged, 16 hosts", 2.5, "x connect", over_floor("deploy", 16), least=1),
    Target("role with pip, cold", 0.5, "x existing Ansible modules", over_cold_ansible("role")),
    Target("role with uv, cold", 0.2, "x existing Ansible modules", over_cold_ansible("role_uv")),
    Target(f"role, {MANY} entries beyond W1", 0.3, "s", beyond_w1("role")),
    Target(f"pyinfra deploy, {MANY} entries beyond W1", 0.3, "s", beyond_w1("deploy")),
    Target("module plan as sent", 150, "kB", module_bytes),
    Target("engine loaded on the host, as sent", 60, "ms", engine_milliseconds("W1", "import_zip")),
    Target("host observed, W1", 40, "ms", engine_milliseconds("W1", "observe")),
    Target(f"host observed, {MANY} entries", 200, "ms", engine_milliseconds(entries_case(MANY), "observe")),
    Target(f"host audited, {VENVS} environments and {TOOLS} tools", 2, "s", audit_seconds),
)


def judge(results: Results) -> list[Verdict]:
    """Each target with what was measured, in the order of the tables."""
    return [Verdict(target, target.measure(results)) for target in TARGETS]
