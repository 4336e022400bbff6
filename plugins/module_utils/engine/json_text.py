# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of files that anybody may have damaged or written, read without running out of stack."""

from __future__ import annotations

import json
import re
from typing import Any

#: Records are nested a few levels deep; a path with as many brackets that do not close is taken for damage.
_DEEPEST = 100
_BRACKET = re.compile(r"[\[{\]}]")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
#: Python takes time by the square of a number's digits, or refuses it, by its version.
_MOST_DIGITS = 100


def read_json(text: str) -> Any:
    """Return the value of a JSON text. Raises ValueError for what is none, nested absurdly deep or has absurd numbers.

    The json module ends such a text with RecursionError; where anything else runs while the stack is exhausted (a
    callback of the garbage collector, say), Python 3.8 ends the process instead.
    """
    # Strings have brackets too: it takes longer to leave them out, and is seldom needed.
    if _depth(text) > _DEEPEST and _depth(_STRING.sub("", text)) > _DEEPEST:
        raise ValueError(f"nested deeper than {_DEEPEST} levels")
    return json.loads(text, parse_int=_parse_int)


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.finditer(text):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > deepest:
            deepest = depth
            if deepest > _DEEPEST:
                break
    return deepest


def _parse_int(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)
