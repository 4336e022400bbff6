# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How text of a host may be shown: nothing in it acts on a terminal or on the lines around it."""

from __future__ import annotations

import re

from ...module_utils.engine.errors import printable

#: Characters that are not seen and change what is seen: marks of direction, joiners, other line ends.
_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def shown(text: str) -> str:
    """Return the text with everything that is not seen written as Python writes it; blanks and line ends stay."""
    return _UNSEEN.sub(lambda found: ascii(found.group())[1:-1], printable(text))


def in_one_line(text: str) -> str:
    """Return the text on one line, the blanks in it single."""
    return " ".join(shown(text).split())


def cut_to(text: str, width: int) -> str:
    """Return the text in one line of at most this many characters, with its end replaced where it is longer."""
    line = in_one_line(text)
    return line if len(line) <= width else f"{line[: width - 1]}…"


def number_of(number: int, singular: str, plural: str = "") -> str:
    """Return "1 host" or "2 hosts"."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
