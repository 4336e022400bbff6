# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a pip.conf with settings changed or removed, and every other byte as it was.

Read as pip reads it: by configparser.RawConfigParser, keys compared as pip's configuration.py normalises them.
"""

from __future__ import annotations

import configparser
import io
import re
from dataclasses import dataclass, replace
from typing import List, Mapping, Optional, Sequence, Tuple

from .ini_text import AbsurdText, check_bounds
from .pip_config import TRUE_WORDS
from .redact import MASK, mask_userinfo, redact

#: The section a key is added to. pip reads it for each command, [install] for that command alone and after it.
_MAIN = "global"
#: Where ``pip install`` finds a key. What stands in [DEFAULT] counts as part of every other section that is there.
_READ = ("DEFAULT", _MAIN, "install")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_PARSER = configparser.RawConfigParser
_SECRET_KEY = re.compile(r"(?im)^[^#;\n=:]+[=:][ \t]*(?=\S)")
_SECRET_WORDS = ("password", "passwd", "secret", "token")


@dataclass(frozen=True)
class Key:
    """A setting of pip: its names in a file, the one to write first, and what its value is.

    ``removed_from`` are sections of further commands that it is removed from as well.
    """

    names: Tuple[str, ...]
    is_list: bool = False
    is_switch: bool = False
    removed_from: Tuple[str, ...] = ()

    def has(self, value: str, wanted: Sequence[str]) -> bool:
        """Say whether the text of a value means to pip what is wanted."""
        if self.is_switch:
            return value.lower() in TRUE_WORDS
        return (value.split() if self.is_list else [value]) == list(wanted)


@dataclass(frozen=True)
class Damage:
    """Why pip cannot read a file: the number of the line, and what is wrong there, without its text."""

    line: int
    what: str


@dataclass(frozen=True)
class Placed:
    """A setting where it stands in a file: ``name`` as pip normalises it, ``line`` from 1."""

    section: str
    name: str
    value: str
    line: int


@dataclass(frozen=True)
class _Entry:
    """A key in a file: the numbers of its own lines (comments between them are not), from 0."""

    section: str
    name: str
    value: str
    lines: Tuple[int, ...]
    indent: int
    head: str


@dataclass(frozen=True)
class _Text:
    """A file taken apart: its lines with their endings, its keys, its sections with the numbers of their headers."""

    lines: Tuple[str, ...]
    entries: Tuple[_Entry, ...]
    headers: Tuple[Tuple[int, str], ...]

    def of(self, key: Key, sections: Sequence[str]) -> List[_Entry]:
        return [entry for entry in self.entries if entry.name in key.names and entry.section in sections]


def find_damage(text: str) -> Optional[Damage]:
    """Return what keeps pip's parser from reading a file, ``None`` for a valid one.

    A byte that is no UTF-8 stands in ``text`` as Python's "surrogateescape" has it.
    """
    try:
        text.encode()
        check_bounds(text, "pip.conf")
        _PARSER().read_file(io.StringIO(text, newline=None))
    except UnicodeEncodeError as error:
        return Damage(len(_LINE.findall(text[: error.start] + "x")), "it is not in UTF-8")
    except AbsurdText as error:
        return Damage(error.lineno, error.what)
    except configparser.MissingSectionHeaderError as error:
        return Damage(error.lineno, "it stands before the first section, such as [global]")
    except configparser.DuplicateSectionError as error:
        return Damage(error.lineno or 0, "this section is in the file already")
    except configparser.DuplicateOptionError as error:
        return Damage(error.lineno or 0, "this key is in the section already")
    except configparser.ParsingError as error:
        # The one of a continued key without value has no list.
        line = error.errors[0][0] if error.errors else getattr(error, "lineno", 0)
        return Damage(line, "it is no section, no key with a value and no comment")
    return None


def mask_text(text: str) -> str:
    """Return the text of a file as it may be shown: without the user part of an address, and no password or token."""
    masked = "".join(map(_mask_line, redact(text).splitlines(keepends=True)))
    # A proxy may lack its scheme.
    return mask_userinfo(masked)


def _mask_line(line: str) -> str:
    head = _SECRET_KEY.match(line)
    if head is None or not any(word in head.group().lower() for word in _SECRET_WORDS):
        return line
    return head.group() + MASK + line[len(line.rstrip("\r\n")) :]


def edit(text: str, wanted: Mapping[Key, Sequence[str]]) -> str:
    """Return the text of a valid file with each of these keys set to its words, or removed where there are none.

    A key is set wherever ``pip install`` finds it with another value, in place; one that is nowhere is added to
    [global]. It is removed in every spelling from each section that it is read from, with a section that the key was
    all of at the end of the file. The same edit of the result changes nothing.
    """
    for key, words in wanted.items():
        text = _set(text, key, words) if words else _remove(text, key)
    return text


def settings_in(text: str) -> Tuple[Placed, ...]:
    """Return every setting of a valid file, in its order."""
    return tuple(Placed(one.section, one.name, one.value, one.lines[0] + 1) for one in _take_apart(text).entries)


def has_key(text: str, key: Key) -> bool:
    """Say whether a valid file has the key where it would be removed."""
    return bool(_take_apart(text).of(key, _READ + key.removed_from))


def _set(text: str, key: Key, words: Sequence[str]) -> str:
    taken = _take_apart(text)
    found = taken.of(key, _READ)
    changed = {entry.lines[0]: entry for entry in found if not key.has(entry.value, words)}
    gone = {number for entry in changed.values() for number in entry.lines[1:]}
    lines: List[str] = []
    for number, line in enumerate(taken.lines):
        if number in changed:
            entry = changed[number]
            lines += _written(entry.head, words, entry.indent, _ending(line))
        elif number not in gone:
            lines.append(line)
    sections = {section for __, section in taken.headers}
    # A value in [DEFAULT] counts for the other sections that are there; without one it counts for nothing.
    if not any(entry.section != "DEFAULT" or {_MAIN, "install"} & sections for entry in found):
        _add(lines, _take_apart("".join(lines)), key, words)
    return _joined(lines, text)


def _add(lines: List[str], taken: _Text, key: Key, words: Sequence[str]) -> None:
    """Put a key at the end of [global], which is made at the end of the file where there is none."""
    headers = [number for number, section in taken.headers if section == _MAIN]
    if not headers:
        ending = _ending(lines[-1]) if lines else "\n"
        lines += [ending] * bool(lines) + [f"[{_MAIN}]{ending}"]
        lines += _written(f"{key.names[0]} = ", words, 0, ending)
        return
    others = [entry for entry in taken.entries if entry.section == _MAIN]
    at = (others[-1].lines[-1] if others else headers[0]) + 1
    # Deeper than the line before is a continuation of it; so what follows would be, if it were deeper than this.
    following = next((number for number, __ in taken.headers if number > headers[0]), None)
    indent = others[-1].indent if others else _indent(lines[following]) if following is not None else 0
    ending = _ending(lines[at - 1])
    # Set apart from a header that ends the file: without the key that is to stay, unlike one made for a key.
    apart = [ending] * (at == len(lines) and not others)
    lines[at:at] = apart + _written(f"{' ' * indent}{key.names[0]} = ", words, indent, ending)


def _remove(text: str, key: Key) -> str:
    taken = _take_apart(text)
    gone = {number for entry in taken.of(key, _READ + key.removed_from) for number in entry.lines}
    if not gone:
        return text
    header = taken.headers[-1][0]
    rest = range(header + 1, len(taken.lines))
    # Without the section what is in [DEFAULT] would count no more.
    is_needed = any(section == "DEFAULT" for __, section in taken.headers)
    if header + 1 in gone and gone.issuperset(rest) and not is_needed:
        # All of the last section: its header and the line that sets it apart go with it.
        gone |= {header, header - 1} if header and not taken.lines[header - 1].strip() else {header}
    elif header + 2 in gone and gone.issuperset(rest[1:]) and not taken.lines[header + 1].strip():
        gone.add(header + 1)
    return _joined([line for number, line in enumerate(taken.lines) if number not in gone], text)


def _written(head: str, words: Sequence[str], indent: int, ending: str) -> List[str]:
    if len(words) == 1:
        return [head + words[0] + ending]
    return [head.rstrip() + ending, *(" " * (indent + 4) + word + ending for word in words)]


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _split(text: str) -> List[str]:
    """Return the lines with their endings; the last one gets that of the line before it where it has none."""
    lines = _LINE.findall(text)
    if lines and not _ending(lines[-1]):
        lines[-1] += _ending(lines[-2]) if len(lines) > 1 else "\n"
    return lines


def _joined(lines: List[str], before: str) -> str:
    """Return the lines as a text, whose last line has an ending only if that of the text before has one."""
    if lines and before and before[-1] not in "\r\n":
        lines[-1] = lines[-1].rstrip("\r\n")
    return "".join(lines)


def _take_apart(text: str) -> _Text:
    """Return the keys of a valid file and where they stand, by the rules of configparser.RawConfigParser._read."""
    lines = _split(text)
    entries: List[_Entry] = []
    headers: List[Tuple[int, str]] = []
    level, is_open = 0, False
    for number, line in enumerate(lines):
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", ";")):
            continue
        if is_open and _indent(line) > level:
            last = entries[-1]
            entries[-1] = replace(last, value=f"{last.value}\n{stripped}", lines=(*last.lines, number))
            continue
        level = _indent(line)
        header = _PARSER.SECTCRE.match(stripped)
        is_open = header is None
        if header is not None:
            headers.append((number, header.group("header")))
            continue
        option = _PARSER.OPTCRE.match(stripped)
        if option is None or not headers:
            raise ValueError(f"line {number + 1} of a file that was said to be valid is not")
        name = option.group("option").strip().lower().replace("_", "-")
        name = name[2:] if name.startswith("--") else name
        value = option.group("value").strip()
        head = line[: level + option.start("value")] if value else line[: level + option.end("vi")] + " "
        entries.append(_Entry(headers[-1][1], name, value, (number,), level, head))
    # A value begins with an empty line where its first item has a line of its own.
    return _Text(tuple(lines), tuple(replace(one, value=one.value.strip()) for one in entries), tuple(headers))
