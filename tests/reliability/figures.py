"""Keeps what each part of scripts/reliability came to, and writes docs/reliability.md from the last run of every part.

figures.py keep FOLDER PART PASSED FAILED SECONDS     the part's record, beside its tally FOLDER/PART.tally
figures.py write FOLDER PART...                       the document tells the figures, if every part has a record
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tally import KINDS

CHECKOUT = Path(__file__).parents[2]
DOCUMENT = CHECKOUT / "docs" / "reliability.md"
START, END = "<!-- figures: written by scripts/reliability -->\n", "<!-- end of figures -->"


@dataclass(frozen=True)
class Record:
    """The last run of one part in full; ``seconds`` beside whatever else ran, ``tally`` is {kind: {what: times}}."""

    part: str
    date: str
    commit: str
    passed: int
    failed: int
    seconds: float
    tally: dict[str, dict[str, int]] = field(default_factory=dict)


def main() -> None:
    action, folder = sys.argv[1], Path(sys.argv[2])
    if action == "keep":
        part, passed, failed, seconds = sys.argv[3:]
        counted = folder / f"{part}.tally"
        tally = json.loads(counted.read_text()) if counted.is_file() else {}
        date = f"{datetime.now(UTC):%Y-%m-%d}"
        record = Record(part, date, current_commit(), int(passed), int(failed), float(seconds), tally)
        (folder / f"{part}.json").write_text(json.dumps(asdict(record), indent=1))
        return
    parts = sys.argv[3:]
    missing = [part for part in parts if not (folder / f"{part}.json").is_file()]
    if missing:
        sys.stdout.write(f"docs/reliability.md is left as it is: no run in full yet of {', '.join(missing)}\n")
        return
    records = [Record(**json.loads((folder / f"{part}.json").read_text())) for part in parts]
    before, _, rest = DOCUMENT.read_text().partition(START)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{START}\n{figures(records)}\n{END}{after}")


def current_commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False).stdout.strip()


def figures(records: list[Record]) -> str:
    """The parts and their sums in tables, and what the sums are made of."""
    lines = [
        f"The last run of each part, on {os.cpu_count()} processors, where two parts run side by side:",
        "",
        "| part | date | commit | passed | failed | minutes |",
        "|---|---|---|--:|--:|--:|",
    ]
    for one in records:
        row = (one.part, one.date, one.commit, one.passed, one.failed, f"{one.seconds / 60:.1f}")
        lines.append(f"| {' | '.join(map(str, row))} |")
    totals = (sum(one.passed for one in records), sum(one.failed for one in records))
    minutes = sum(one.seconds for one in records) / 60
    lines += [f"| all | | | {totals[0]} | {totals[1]} | {minutes:.1f} |", "", "| caused | times | |", "|---|--:|---|"]
    tally = {kind: sum((Counter(one.tally.get(kind, {})) for one in records), Counter()) for kind in KINDS}
    lines += [f"| {kind} | {tally[kind].total():,} | {meaning} |" for kind, meaning in KINDS.items()]
    for kind, counted in tally.items():
        if counted:
            lines += [
                "",
                f"**{kind.capitalize()}**: {'; '.join(f'{what} {n:,}' for what, n in sorted(counted.items()))}.",
            ]
    return "\n".join(lines) + "\n"


main()
