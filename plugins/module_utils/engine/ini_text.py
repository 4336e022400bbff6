# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""INI files that configparser cannot be given as they are, for it would be busy with them for hours."""

from __future__ import annotations

import configparser
import re

#: Bytes of a file, and its lines; those of pip have a few.
LARGEST = 1024 * 1024
_MOST_LINES = 5000
_MOST_BLANKS = 200
# configparser takes time by the square of such a run, except at the ends of a line.
_RUN = re.compile(rf"\S[^\S\r\n]{{{_MOST_BLANKS},}}(?=\S)")


class AbsurdText(configparser.ParsingError):
    """A text that would keep configparser busy; ``what`` is wrong in the line ``lineno``."""

    def __init__(self, source: str, number: int, what: str) -> None:
        super().__init__(source)
        self.lineno, self.what = number, what
        self.message = f"line {number}: {what}"
        self.args = (self.message,)

    def __str__(self) -> str:
        return self.message


def check_bounds(text: str, source: str) -> None:
    """Raise AbsurdText for very many lines, and for a line, no comment, with a long run of blanks inside of it."""
    # For each line that it does not understand it copies all that it said of those before.
    lines = text.count("\n") + text.count("\r")
    if lines > _MOST_LINES:
        raise AbsurdText(source, lines, f"the file has more than {_MOST_LINES} lines")
    for found in _RUN.finditer(text):
        start = max(text.rfind("\n", 0, found.start()), text.rfind("\r", 0, found.start())) + 1
        if text[start : found.start() + 1].lstrip()[:1] not in ("#", ";"):
            number = text.count("\n", 0, start) + 1
            raise AbsurdText(
                source, number, f"it has more than {_MOST_BLANKS} blanks in a row, over which pip would hang"
            )
