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


def read_json(text: str) -> Any:
    """Return the value of a JSON text. Raises ValueError for what is none, and for what is nested absurdly deep.

    The json module ends such a text with RecursionError; where anything else runs while the stack is exhausted (a
    callback of the garbage collector, say), Python 3.8 ends the process instead.
    """
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > _DEEPEST:
            raise ValueError(f"nested deeper than {_DEEPEST} levels")
    return json.loads(text)
