# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of this collection as YAML text, as people write it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from .replacement import Options, Replacement

_UNQUOTED = re.compile(r"[A-Za-z_/.][A-Za-z0-9_/.+-]*")
#: What YAML 1.1 or 1.2 takes for something else than a text.
_NO_TEXT = re.compile(
    r"(?:y|yes|n|no|true|false|on|off|null|~|\.(?:inf|nan)|[.+-]?[\d_.]+(?:e[+-]?\d+)?)", re.IGNORECASE
)
_LONGEST_LINE = 100


def scalar(value: object) -> str:
    """Return a text, a number or a truth value in one line; a text in double quotes where it needs some."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and (_UNQUOTED.fullmatch(value) is None or _NO_TEXT.fullmatch(value)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def flow(value: object) -> str:
    """Return a value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value)


def option(name: str, value: object, indent: str, *, newline: str = "\n", note: str = "") -> str:
    """Return an option with its value, in several lines where one would be too long or hard to read."""
    line = f"{indent}{name}: {flow(value)}"
    many = isinstance(value, list) and value and (len(line) > _LONGEST_LINE or isinstance(value[0], Mapping))
    if many and isinstance(value, list):
        lines = [f"{indent}{name}:"]
        for one in value:
            if isinstance(one, Mapping):
                parts = [f"{key}: {flow(inner)}" for key, inner in one.items()]
                lines += [f"{indent}  - {parts[0]}", *(f"{indent}    {part}" for part in parts[1:])]
            else:
                lines.append(f"{indent}  - {flow(one)}")
        return newline.join(lines)
    return f"{line}  # {note}" if note else line


def options_block(options: Options, notes: Mapping[str, str], indent: str, newline: str = "\n") -> str:
    """Return options below each other."""
    return newline.join(
        option(name, value, indent, newline=newline, note=notes.get(name, "")) for name, value in options
    )


def task(replacement: Replacement, name: str = "") -> str:
    """Return a whole task."""
    lines = [f"- name: {_title(name or replacement.title)}", f"  {replacement.name}:"]
    if replacement.options:
        lines.append(options_block(replacement.options, dict(replacement.notes), "    "))
    return "\n".join(lines)


def _title(text: str) -> str:
    is_plain = re.fullmatch(r"[A-Za-z][\w ,./()'+-]*", text) is not None
    return text if is_plain and not _NO_TEXT.fullmatch(text) else json.dumps(text, ensure_ascii=False)
