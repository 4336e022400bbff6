# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""INI files that configparser cannot be given as they are: it takes time by the square of a run of blanks in a line."""

from __future__ import annotations

import configparser
import re

#: Bytes of a file; one of pip's has a few hundred.
LARGEST = 1024 * 1024
_MOST_BLANKS = 200
# At the ends of a line it does not look at them.
_RUN = re.compile(rf"\S[^\S\r\n]{{{_MOST_BLANKS},}}(?=\S)")


class AbsurdLine(configparser.ParsingError):
    """A line that would keep configparser busy for hours; ``lineno`` is its number."""

    def __init__(self, source: str, number: int) -> None:
        super().__init__(source)
        self.lineno = number
        self.message = f"line {number} has more than {_MOST_BLANKS} blanks in a row"
        self.args = (self.message,)

    def __str__(self) -> str:
        return self.message


def check_runs(text: str, source: str) -> None:
    """Raise AbsurdLine for a line, which is no comment, with a long run of blanks between other characters."""
    for found in _RUN.finditer(text):
        start = max(text.rfind("\n", 0, found.start()), text.rfind("\r", 0, found.start())) + 1
        if text[start : found.start() + 1].lstrip()[:1] not in ("#", ";"):
            raise AbsurdLine(source, text.count("\n", 0, start) + 1)
