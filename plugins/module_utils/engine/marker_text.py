# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of an EXTERNALLY-MANAGED marker, written so that whoever follows PEP 668 reads the messages back."""

from __future__ import annotations

import re
from typing import Dict, Mapping

from .marker import read_message
from .values import Refused

_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
#: A terminal acts on these; a tabulator and a line break are text.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LIMIT = 16384


def check_locale(value: object) -> str:
    """Return a language as PEP 668 names it: its <ll_CC> or <ll>."""
    if not isinstance(value, str) or not _LOCALE.fullmatch(value):
        raise Refused("allowed is a language like de, or a language and a country like de_CH")
    return value


def check_message(value: object) -> str:
    """Return a message as a marker can hold it: no blanks at its ends nor at the end of a line.

    INI files have no way to keep a line's indentation, nor one that starts as a comment: these are refused.
    """
    if not isinstance(value, str):
        raise Refused("allowed is a text")
    text = "\n".join(line.rstrip() for line in value.split("\n")).strip()
    if not text:
        raise Refused("allowed is a text that is not empty")
    if len(text) > _LIMIT:
        raise Refused(f"it is longer than {_LIMIT} characters")
    if _CONTROL.search(text):
        raise Refused("control characters are not allowed")
    for number, line in enumerate(text.split("\n")[1:], start=2):
        if line != line.lstrip():
            raise Refused(f"line {number} is indented, which tools that read the marker would not show")
        if line.startswith(("#", ";")):
            raise Refused(
                f"line {number} starts with {line[0]}, so tools that read the marker would take it for a comment"
            )
    if read_message(compose_marker({"": text}).encode("utf-8", "surrogatepass")) != text:
        raise Refused("tools that read the marker would not get the same text back")
    return text


def compose_marker(messages: Mapping[str, str]) -> str:
    """Return the content of a marker with these messages by locale, "" for every other one."""
    keys: Dict[str, str] = {f"Error-{locale}" if locale else "Error": messages[locale] for locale in sorted(messages)}
    lines = ["[externally-managed]"]
    for key, message in keys.items():
        first, *others = message.split("\n")
        lines += [f"{key}={first}", *(f" {line}" if line else "" for line in others)]
    return "\n".join(lines) + "\n"
