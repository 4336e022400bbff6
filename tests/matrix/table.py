"""README.md's tables of versions are those of a run of the whole matrix: python -m tests.matrix.table CELLS"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from checkout import CHECKOUT
from tests.matrix.cells import WORKS, Cell, read_cells

START, END = "<!-- versions: written by nox -s matrix -->", "<!-- end of versions -->"
BLOCK = re.compile(f"{re.escape(START)}.*?{re.escape(END)}", re.DOTALL)


def main(arguments: Sequence[str]) -> int:
    """The tables are written; returns 0."""
    (path,) = arguments
    readme = CHECKOUT / "README.md"
    day = datetime.fromtimestamp(Path(path).stat().st_mtime, UTC).date()
    block = f"{START}\n\n{tables(read_cells(Path(path)))}\nThe run ended on {day}.\n\n{END}"
    readme.write_text(BLOCK.sub(lambda _: block, readme.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    return 0


def tables(cells: Sequence[Cell]) -> str:
    """The tables as Markdown; what was not tried is said to be so."""
    of = {name: [one for one in cells if one.table == name] for name in ("controllers", "pip", "pipx")}
    columns = sorted({one.column for one in of["controllers"]}, key=_by_number)
    rows = list(dict.fromkeys(sorted((one.row for one in of["controllers"]), key=_by_name_and_number)))
    said = {(one.row, one.column): one.said for one in of["controllers"]}
    lines = [f"| | {' | '.join(f'Python {one}' for one in columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += [f"| {row} | {' | '.join(said.get((row, one), 'not tried') for one in columns)} |" for row in rows]
    lines += ["", *(_listed(name, of[name]) for name in ("pip", "pipx"))]
    return "\n".join(lines) + "\n"


def _listed(name: str, cells: Sequence[Cell]) -> str:
    each = (one.row if one.said == WORKS else f"{one.row} ({one.said})" for one in cells)
    return f"{name}: {', '.join(sorted(dict.fromkeys(each), key=_by_number)) or 'not tried'}.  "


def _by_number(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text.split(" ", maxsplit=1)[0])]


def _by_name_and_number(row: str) -> tuple[str, list[int]]:
    name, _, version = row.partition(" ")
    return name, _by_number(version)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
