"""Writes the figures of a full run of scripts/reliability into docs/reliability.md: figures.py TALLY COUNTS SECONDS"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tally import KINDS

CHECKOUT = Path(__file__).parents[2]
DOCUMENT = CHECKOUT / "docs" / "reliability.md"
START, END = "<!-- figures: written by scripts/reliability -->\n", "<!-- end of figures -->"


def main() -> None:
    """The document tells these figures."""
    tally, counts, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    kept = json.loads(tally.read_text()) if tally.is_file() else {}
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    block = figures(kept, read_counts(counts), seconds)
    DOCUMENT.write_text(f"{before}{START}\n{block}\n{END}{after}")


def read_counts(path: Path) -> tuple[int, int]:
    """How many tests passed and failed."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return sum(int(line[0]) for line in lines), sum(int(line[1]) for line in lines)


def figures(kept: dict[str, dict[str, int]], counts: tuple[int, int], seconds: float) -> str:
    """The run in a sentence, the sums in a table, and what each is made of."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    ).stdout.strip()
    passed, failed = counts
    lines = [
        (
            f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, {os.cpu_count()} processors, {seconds / 60:.0f} minutes: "
            f"{passed} tests passed, {failed} failed."
        ),
        "",
        "| | | |",
        "|---|--:|---|",
    ]
    for kind, meaning in KINDS.items():
        lines.append(f"| {kind} | {sum(kept.get(kind, {}).values()):,} | {meaning} |")
    for kind in KINDS:
        if kept.get(kind):
            parts = "; ".join(f"{what} {times:,}" for what, times in sorted(kept[kind].items()))
            lines += ["", f"**{kind.capitalize()}**: {parts}."]
    return "\n".join(lines) + "\n"


main()
