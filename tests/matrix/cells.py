"""What was tried with what, and how it went: the cells of the tables that README.md shows.

A run whose environment names a file in PROVISION_MATRIX adds a line of JSON to it for each cell.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

FILE_VARIABLE = "PROVISION_MATRIX"
WORKS, FAILS = "works", "fails"


@dataclass
class Cell:
    """One of a table: its row, its column, and what is said there."""

    table: str
    row: str
    column: str
    said: str = WORKS


def keep(cell: Cell) -> None:
    """The cell is in the file that the environment names, if it names one."""
    if name := os.environ.get(FILE_VARIABLE):
        with Path(name).open("a") as lines:
            lines.write(f"{json.dumps(asdict(cell))}\n")


@contextmanager
def cell(table: str, row: str, column: str) -> Iterator[Cell]:
    """The cell is kept when the block has ended; where the block raised, it says that it fails."""
    tried = Cell(table, row, column)
    try:
        yield tried
    except BaseException:
        tried.said = FAILS
        raise
    finally:
        keep(tried)


def read_cells(path: Path) -> list[Cell]:
    """The cells of a run, in their order."""
    return [Cell(**json.loads(line)) for line in path.read_text().splitlines()]
