# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements files as pip reads them: what they ask for, and every file that has a say in it.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/. Options are recorded, never acted on.
"""

from __future__ import annotations

import codecs
import posixpath
import re
import shlex
from dataclasses import dataclass, field
from typing import Callable, Iterator, Mapping, Sequence
from urllib.parse import unquote

from .redact import redact

MAX_FILE_SIZE = 4 * 1024 * 1024  # bytes
MAX_QUOTED = 16 * 1024  # characters of a line's options
MAX_NESTING = 50  # files that include each other

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the mark of UTF-16, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Of host names; they take time by the square of the length.
_SLOW_ENCODINGS = frozenset({"idna", "punycode"})
_ENCODING_COMMENT = re.compile(rb"[ \t]*#.*?coding[:=][ \t]*([-\w.]+)")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")
_COMMENT_LINE = re.compile(r"\s*#")
_EDITABLE_MARKER = re.compile(r"\s;.*", re.DOTALL)
_NEEDS_SHLEX = re.compile(r"['\"\\]")
_WORD = re.compile(r"[^ \t\r\n]+")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_REMOTE = re.compile(r"https?:", re.IGNORECASE)
_FILE_URL = re.compile(r"file:(?://(?:localhost)?(?=/))?", re.IGNORECASE)

_SHORT_OPTIONS = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
}
_OPTIONS_WITH_VALUE = frozenset(
    {
        *_SHORT_OPTIONS.values(),
        "--config-settings",
        "--extra-index-url",
        "--global-option",
        "--hash",
        "--install-option",
        "--no-binary",
        "--only-binary",
        "--pypi-url",
        "--trusted-host",
        "--use-feature",
    }
)
_FLAGS = frozenset({"--no-index", "--no-use-pep517", "--pre", "--prefer-binary", "--require-hashes", "--use-pep517"})


class RequirementsFileError(ValueError):
    """A requirements file cannot be used: ``path``, ``line`` (from 1, or 0 for the whole file) and ``message``."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(path, line, message)
        self.path = path
        self.line = line
        self.message = message

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


@dataclass(frozen=True)
class RequirementsFile:
    """One file that was read and the bytes it held."""

    path: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class RequirementLine:
    """One requirement as its file has it, variables expanded: PEP 508, URL or path; it may hold credentials.

    ``line`` counts from 1 and is the first one of a continued line. ``hashes`` are ``algorithm:digest``.
    """

    text: str = field(repr=False)
    path: str
    line: int
    hashes: tuple[str, ...] = ()
    editable: bool = False


@dataclass(frozen=True)
class OptionLine:
    """One option under its long name, such as ``--index-url``; ``value`` is None for a flag and may hold credentials.

    ``requirement`` is the text of the requirement it belongs to, or None when it counts for the whole run.
    """

    name: str
    value: str | None = field(repr=False)
    path: str
    line: int
    requirement: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class RequirementsTree:
    """What some requirements files and all that they include hold, in the order in which pip reads them.

    ``files`` has each file once, constraints included. ``remote`` are the URLs of included files; nobody fetched them.
    """

    files: tuple[RequirementsFile, ...] = ()
    requirements: tuple[RequirementLine, ...] = ()
    constraints: tuple[RequirementLine, ...] = ()
    options: tuple[OptionLine, ...] = ()
    remote: tuple[str, ...] = field(default=(), repr=False)


def read_requirements(
    paths: Sequence[str],
    *,
    read_bytes: Callable[[str], bytes],
    environ: Mapping[str, str],
    constraint_paths: Sequence[str] = (),
) -> RequirementsTree:
    """Return what the files at ``paths`` and ``constraint_paths`` and every file they include ask for.

    ``read_bytes`` returns the content of a path or raises ``OSError``. ``environ`` gives ``${NAME}`` its values;
    a name without one stays as it is. Included files may include each other: each is read once.

    Raises ``RequirementsFileError`` for a file that is missing, unreadable, too large or no text, for includes
    nested deeper than ``MAX_NESTING`` and for a line that pip could not take as it is meant.
    """
    reader = _Reader(read_bytes, environ)
    for path in paths:
        reader.read(path, is_constraint=False)
    for path in constraint_paths:
        reader.read(path, is_constraint=True)
    return RequirementsTree(
        files=tuple(reader.files),
        requirements=tuple(reader.requirements),
        constraints=tuple(reader.constraints),
        options=tuple(reader.options),
        remote=tuple(reader.remote),
    )


class _Reader:
    def __init__(self, read_bytes: Callable[[str], bytes], environ: Mapping[str, str]) -> None:
        self._read_bytes = read_bytes
        self._environ = environ
        self._contents: dict[str, bytes] = {}
        self._recorded: set[tuple[str, bytes]] = set()
        self._entered: set[tuple[str, bytes, bool]] = set()
        self.files: list[RequirementsFile] = []
        self.requirements: list[RequirementLine] = []
        self.constraints: list[RequirementLine] = []
        self.options: list[OptionLine] = []
        self.remote: list[str] = []

    def read(self, path: str, *, is_constraint: bool) -> None:
        self._enter(path, [], is_constraint=is_constraint)

    def _enter(self, path: str, includers: list[tuple[str, int]], *, is_constraint: bool) -> None:
        if _REMOTE.match(path):
            if path not in self.remote:
                self.remote.append(path)
            return
        if len(includers) > MAX_NESTING:
            raise RequirementsFileError(*includers[-1], f"more than {MAX_NESTING} files include each other up to here")
        content = self._content(path, includers)
        # One file can have many spellings (a/../a/b). Lexical normalisation alone would mistake a/link/../b for
        # a/b, so two spellings are one file only when the contents agree too.
        plain = posixpath.normpath(path)
        if (plain, content) not in self._recorded:
            self._recorded.add((plain, content))
            self.files.append(RequirementsFile(path, content))
        if (plain, content, is_constraint) in self._entered:
            return
        self._entered.add((plain, content, is_constraint))
        for number, text in _logical_lines(_decode(path, content)):
            self._take_line(path, number, self._expand(text), includers, is_constraint=is_constraint)

    def _content(self, path: str, includers: list[tuple[str, int]]) -> bytes:
        if path in self._contents:
            return self._contents[path]
        place, included = (includers[-1], f"includes {redact(path)}, which") if includers else ((path, 0), "this file")
        try:
            content = self._read_bytes(path)
        except FileNotFoundError as error:
            raise RequirementsFileError(*place, f"{included} does not exist") from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise RequirementsFileError(*place, f"{included} cannot be read: {reason}") from error
        if len(content) > MAX_FILE_SIZE:
            raise RequirementsFileError(*place, f"{included} is larger than {MAX_FILE_SIZE} bytes")
        self._contents[path] = content
        return content

    def _expand(self, text: str) -> str:
        return _VARIABLE.sub(lambda match: self._environ.get(match[1]) or match[0], text)

    def _take_line(
        self, path: str, number: int, text: str, includers: list[tuple[str, int]], *, is_constraint: bool
    ) -> None:
        requirement, option_text = _split_options(text)
        # pip drops a marker after "-e path", uv heeds it; its quotes are its own and not the shell's.
        editable_marker = _EDITABLE_MARKER.search(option_text) if option_text.startswith(("-e", "--e")) else None
        if editable_marker is not None:
            option_text = option_text[: editable_marker.start()]
        options = list(_read_options(_split_words(option_text, path, number), path, number))
        nested = [option for option in options if option[0] in ("--requirement", "--constraint", "--editable")]
        if len(nested) > 1 or (nested and requirement):
            # pip takes the first and says nothing about the others; uv takes all.
            raise RequirementsFileError(path, number, f"{nested[-1][0]} must be on a line of its own")
        if nested and not nested[0][1]:
            raise RequirementsFileError(path, number, f"{nested[0][0]} needs a value")
        lines = self.constraints if is_constraint else self.requirements
        hashes = tuple(value for name, value in options if name == "--hash" and value)
        editable = nested[0][1] if nested and nested[0][0] == "--editable" else None
        if editable and editable.startswith("-"):
            problem = f"--editable needs a path or a URL, and {redact(editable)} is an option"
            raise RequirementsFileError(path, number, problem)
        if editable and editable_marker is not None:
            editable += editable_marker[0]
        subject = requirement or editable
        if subject:
            lines.append(RequirementLine(subject, path, number, hashes, editable is not None))
        elif hashes:
            raise RequirementsFileError(path, number, "--hash has no requirement on its line")
        own = ("--hash", "--requirement", "--constraint", "--editable")
        self.options.extend(
            OptionLine(name, value, path, number, subject) for name, value in options if name not in own
        )
        if nested and editable is None:
            name, target = nested[0]
            # As in pip, what a constraints file includes with -r is required and not merely constrained.
            location = _resolve(target or "", path)
            self._enter(location, [*includers, (path, number)], is_constraint=name == "--constraint")


def _decode(path: str, content: bytes) -> str:
    encoding = "utf-8"
    for mark, marked_encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            # The 16 and 32 bit codecs take the byte order from the mark.
            content = content[len(mark) :] if marked_encoding == "utf-8" else content
            encoding = marked_encoding
            break
    else:
        for line in content.split(b"\n", 2)[:2]:
            declared = _ENCODING_COMMENT.match(line)
            if declared is not None:
                encoding = declared[1].decode("ascii", "replace")
                break
    try:
        if codecs.lookup(encoding).name in _SLOW_ENCODINGS:
            raise LookupError(encoding)
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise RequirementsFileError(path, number, f"this line is not {encoding} text") from error
    except (LookupError, ValueError) as error:
        raise RequirementsFileError(path, 0, f"this file is not text in the encoding it names, {encoding}") from error


def _logical_lines(content: str) -> Iterator[tuple[int, str]]:
    pending: list[str] = []
    first = 0
    for number, line in [*enumerate(content.splitlines(), start=1), (0, "")]:
        is_comment = _COMMENT_LINE.match(line) is not None
        if not pending:
            first = number
        if line.endswith("\\") and not is_comment:
            pending.append(line.strip("\\"))
            continue
        # A comment ends a continued line; the blank keeps its "#" from joining the text before.
        joined = "".join([*pending, " " if is_comment else "", line])
        pending = []
        text = _COMMENT.sub("", joined).strip()
        if text:
            yield first, text


def _split_options(text: str) -> tuple[str, str]:
    words = text.split(" ")
    for index, word in enumerate(words):
        if word.startswith("-"):
            return " ".join(words[:index]).strip(), " ".join(words[index:])
    return text, ""


def _split_words(text: str, path: str, number: int) -> list[str]:
    if not _NEEDS_SHLEX.search(text):
        return _WORD.findall(text)
    if len(text) > MAX_QUOTED:
        # shlex takes time by the square of the length; only lines of hashes are long, and those have no quotes.
        raise RequirementsFileError(path, number, f"a line with quotes is longer than {MAX_QUOTED} characters")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise RequirementsFileError(path, number, "a quote is not closed, or a backslash ends the line") from error


def _read_options(words: list[str], path: str, number: int) -> Iterator[tuple[str, str | None]]:
    remaining = list(reversed(words))
    while remaining:
        word = remaining.pop()
        if not word.startswith("-") or word in ("-", "--"):
            raise RequirementsFileError(path, number, "there is text after an option: put it on a line of its own")
        name, value = _split_option(word, path, number)
        if name in _FLAGS:
            if value is not None:
                raise RequirementsFileError(path, number, f"{name} takes no value")
        elif name in _OPTIONS_WITH_VALUE:
            if value is None:
                if not remaining:
                    raise RequirementsFileError(path, number, f"{name} needs a value")
                value = remaining.pop()
        elif value is None and remaining and not remaining[-1].startswith("-"):
            # An option of a newer pip: a word that follows can only be its value.
            value = remaining.pop()
        yield name, value


def _split_option(word: str, path: str, number: int) -> tuple[str, str | None]:
    if not word.startswith("--"):
        name, value = word[:2], word[2:]
        return _SHORT_OPTIONS.get(name, name), value or None
    name, equals, value = word.partition("=")
    known = _OPTIONS_WITH_VALUE | _FLAGS
    if name not in known:
        # pip takes an abbreviation as long as only one option begins like it.
        candidates = sorted(option for option in known if option.startswith(name))
        if len(candidates) > 1:
            raise RequirementsFileError(path, number, f"{name} could mean {' or '.join(candidates)}")
        name = candidates[0] if candidates else name
    return name, value if equals else None


def _resolve(target: str, includer: str) -> str:
    if _REMOTE.match(target):
        return target
    file_url = _FILE_URL.match(target)
    if file_url is not None:
        return unquote(target[file_url.end() :])
    return posixpath.join(posixpath.dirname(includer), target)
