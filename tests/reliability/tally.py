"""What the tests of the promises under faults have caused, counted: kills, faults, races, inputs, attacks, searches.

    tally.add("faults", "disk full")

A run whose environment names a file in PROVISION_TALLY leaves its counts there as JSON, {kind: {what: times}}, added to
what earlier runs left; ``scripts/reliability`` writes docs/reliability.md from it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from pathlib import Path

FILE_VARIABLE = "PROVISION_TALLY"
#: What is counted: the kinds, each with what one of it is.
KINDS = {
    "kills": "runs killed with SIGKILL, each followed by a normal run that converged",
    "faults": "faults caused on a host",
    "races": "runs that met another one on the same host",
    "inputs": "made-up inputs given to the engine",
    "attacks": "attempts of another account to redirect or replace what root writes or runs",
    "searches": "places searched for a credential",
}


class Tally:
    """Counts of one process; kept when it ends."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}

    def add(self, kind: str, what: str, times: int = 1) -> None:
        """That was caused so many times; kind is one of KINDS."""
        self.counts[kind][what] += times

    def keep(self) -> None:
        """The counts are added to the file that the environment names, if it names one."""
        name = os.environ.get(FILE_VARIABLE)
        if not name or not any(self.counts.values()):
            return
        # Several runs of pytest keep theirs at the same time.
        with Path(name).open("a+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            kept: dict[str, dict[str, int]] = json.loads(stream.read() or "{}")
            for kind, counter in self.counts.items():
                merged = Counter(kept.get(kind, {})) + counter
                kept[kind] = dict(sorted(merged.items()))
            stream.truncate(0)
            json.dump(kept, stream, indent=1)
