"""What was measured, as data, and what is computed from it: medians, ratios, a line through points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One run of one contender.

    part: of the benchmark; case: what is special about the run within the part, empty for nothing; seconds: wall time;
    cpu_seconds: user and system time of the controller's processes; bytes_per_host: over the host's network device,
    both ways; changed: tasks or operations.
    """

    part: str
    case: str
    contender: str
    hosts: int
    seconds: float
    cpu_seconds: float
    bytes_per_host: int
    changed: int

    def __str__(self) -> str:
        case = f" ({self.case})" if self.case else ""
        hosts = "1 host" if self.hosts == 1 else f"{self.hosts} hosts"
        return f"{self.contender}{case}, {hosts}: {self.seconds:.2f} s, CPU {self.cpu_seconds:.2f} s"


@dataclass(frozen=True)
class Spread:
    """The middle and the ends of some numbers."""

    median: float
    least: float
    most: float
    count: int


@dataclass(frozen=True)
class Line:
    """y = start + slope * x."""

    start: float
    slope: float

    def at(self, x: float) -> float:
        return self.start + self.slope * x


def spread(values: Iterable[float]) -> Spread:
    """The median, least and most of the values. Raises ValueError without any."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("nothing was measured")
    return Spread(median(ordered), ordered[0], ordered[-1], len(ordered))


def select(
    samples: Iterable[Sample], *, part: str, contender: str, hosts: int | None = None, case: str | None = None
) -> list[Sample]:
    """The samples of one contender in one part; of every number of hosts and every case where none is named."""
    return [
        one
        for one in samples
        if one.part == part and one.contender == contender and hosts in (None, one.hosts) and case in (None, one.case)
    ]


def ratio(value: float | None, base: float | None) -> float | None:
    """The one divided by the other; None where either is missing."""
    return None if value is None or not base else value / base


def fit_line(points: Sequence[tuple[float, float]]) -> Line:
    """The line with the least squares of distances. Raises ValueError with fewer than two different x."""
    if len({x for x, _ in points}) < 2:
        raise ValueError("a line takes two points")
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in points) / sum((x - middle_x) ** 2 for x, _ in points)
    return Line(middle_y - slope * middle_x, slope)
