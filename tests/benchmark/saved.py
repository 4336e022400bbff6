"""Results of each part are kept until that part runs again, so that one can be repeated alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from samples import Sample

CONVERGED = "converged"


def count_name(hosts: int) -> str:
    """How converged runs on that many hosts are called among what was measured."""
    return f"{CONVERGED} on {'1 host' if hosts == 1 else f'{hosts} hosts'}"


@dataclass
class Results:
    """What is known so far.

    samples: of all parts; facts: what is no run of a contender, by name; measured: when and on what machine each part
    was measured, converged runs by number of hosts.
    """

    samples: list[Sample] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, dict[str, str]] = field(default_factory=dict)

    def replace_part(
        self, part: str, samples: Sequence[Sample], facts: dict[str, Any], measured: dict[str, str]
    ) -> None:
        """The part's earlier results are gone and these are in their place; on other numbers of hosts they stay."""
        counts = {one.hosts for one in samples}
        # Growth goes over several numbers of hosts at once.
        self.samples = [
            one for one in self.samples if one.part != part or (part == CONVERGED and one.hosts not in counts)
        ]
        self.samples += samples
        self.facts |= facts
        names = [count_name(count) for count in sorted(counts)] if part == CONVERGED else [part]
        self.measured |= dict.fromkeys(names, measured)

    def save(self, path: Path) -> None:
        """The file has all results as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        ordered = sorted(self.samples, key=lambda one: (one.part, one.hosts))
        data = {"measured": self.measured, "facts": self.facts, "samples": [asdict(one) for one in ordered]}
        path.write_text(json.dumps(data, indent=1) + "\n")


def load(path: Path) -> Results:
    """The results in the file, none where there is no such file."""
    if not path.is_file():
        return Results()
    data = json.loads(path.read_text())
    return Results([Sample(**one) for one in data["samples"]], data["facts"], data["measured"])
