# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands in a text for a shell, as words; nothing is expanded, and no text is refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
#: A template is one character while words are told apart: one for private use, which no real text has.
_FIRST, _LAST = 0xE000, 0xF8FF
_OPERATORS = ("&&", "||", ";;", "|&", "|", ";", "&", "(", ")", "\n")
_EXPANDS = frozenset("$`*?[~{}")


@dataclass(frozen=True)
class Command:
    """A simple command: ``words`` without quotes and redirections, and the number of its first line.

    ``is_plain`` says that the words are what the program gets: no expansions, no redirections. ``ends`` is the operator
    behind it, "\\n" at the end of a line. ``document`` is what it reads from a here-document.
    """

    words: tuple[str, ...]
    line: int
    is_plain: bool
    ends: str
    document: str = ""


def read_commands(text: str, first_line: int = 1) -> list[Command]:
    """Return the simple commands of a text for a shell, those inside of substitutions and groups included."""
    masked, templates = _put_away(text)
    commands = _Reader(masked, first_line).read()
    return [
        Command(
            tuple(_put_back(word, templates) for word in one.words),
            one.line,
            one.is_plain and not any("{%" in _put_back(word, templates) for word in one.words),
            one.ends,
            _put_back(one.document, templates),
        )
        for one in commands
    ]


def _put_away(text: str) -> tuple[str, list[str]]:
    """Return the text with a character in place of each template, and the templates."""
    templates: list[str] = []

    def put_away(found: re.Match[str]) -> str:
        if len(templates) > _LAST - _FIRST:
            return found.group()
        templates.append(found.group())
        return chr(_FIRST + len(templates) - 1)

    return _TEMPLATE.sub(put_away, text), templates


def _put_back(word: str, templates: list[str]) -> str:
    if not templates:
        return word
    return "".join(
        templates[ord(letter) - _FIRST] if _FIRST <= ord(letter) < _FIRST + len(templates) else letter
        for letter in word
    )


class _Reader:
    def __init__(self, text: str, line: int) -> None:
        self.text, self.at, self.line = text, 0, line
        self.commands: list[Command] = []
        self.documents: list[tuple[int, str]] = []
        self._start()

    def _start(self) -> None:
        self.words: list[str] = []
        self.first = self.line
        self.is_plain = True
        self.skips_word = False

    def read(self) -> list[Command]:
        while self.at < len(self.text):
            operator = next((one for one in _OPERATORS if self.text.startswith(one, self.at)), "")
            letter = self.text[self.at]
            if self.text.startswith(("\\\n", "\\\r\n"), self.at):
                self.at += 2 + (self.text[self.at + 1] == "\r")
                self.line += 1
            elif self._redirects():
                continue
            elif operator:
                self.at += len(operator)
                self._end(operator)
            elif letter in " \t\r":
                self.at += 1
            elif letter == "#":
                while self.at < len(self.text) and self.text[self.at] != "\n":
                    self.at += 1
            else:
                self._read_word()
        self._end("\n")
        return self.commands

    def _redirects(self) -> bool:
        """Pass over a redirection; of a here-document its end is noted."""
        found = _REDIRECTION.match(self.text, self.at)
        if found is None:
            return False
        self.at = found.end()
        self.is_plain = False
        if found["document"]:
            self.documents.append((len(self.commands), found["end"].strip("'\"\\")))
        elif not found["other"]:
            self.skips_word = True
        return True

    def _read_word(self) -> None:
        letters: list[str] = []
        if not self.words:
            self.first = self.line
        while self.at < len(self.text):
            letter = self.text[self.at]
            if letter in " \t\r\n;|&()<>":
                if letter == "(" and letters and letters[-1] == "$":
                    letters.pop()
                    self.is_plain = False
                break
            self.at += 1
            if letter == "'":
                letters += self._until("'")
            elif letter == '"':
                letters += self._in_double_quotes()
            elif letter == "\\":
                letters += self._escaped()
            else:
                if letter in _EXPANDS and not (letter == "[" and letters):
                    self.is_plain = False
                letters.append(letter)
        if self.skips_word:
            self.skips_word = False
        else:
            self.words.append("".join(letters))

    def _escaped(self) -> str:
        """Return the next character; the end of a line is none."""
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        self.line += letter == "\n"
        return letter.strip("\n")

    def _until(self, quote: str) -> str:
        end = self.text.find(quote, self.at)
        end = len(self.text) if end == -1 else end
        inside = self.text[self.at : end]
        self.line += inside.count("\n")
        self.at = end + 1
        return inside

    def _in_double_quotes(self) -> Iterator[str]:
        while self.at < len(self.text) and self.text[self.at] != '"':
            letter = self.text[self.at]
            self.line += letter == "\n"
            if letter == "\\" and self.at + 1 < len(self.text) and self.text[self.at + 1] in '"\\$`\n':
                self.at += 1
                self.line += self.text[self.at] == "\n"
                letter = "" if self.text[self.at] == "\n" else self.text[self.at]
            elif letter in "$`":
                self.is_plain = False
            self.at += 1
            yield letter
        self.at += 1

    def _end(self, operator: str) -> None:
        if self.words or self.documents:
            self.commands.append(Command(tuple(self.words), self.first, self.is_plain, operator))
        if operator == "\n":
            self.line += 1
            for number, end in self.documents:
                self._read_document(number, end)
            self.documents = []
        self._start()

    def _read_document(self, number: int, end: str) -> None:
        lines = []
        while self.at < len(self.text):
            stop = self.text.find("\n", self.at)
            stop = len(self.text) if stop == -1 else stop
            line = self.text[self.at : stop]
            self.at = stop + 1
            self.line += 1
            if line.strip() == end:
                break
            lines.append(line)
        if number < len(self.commands):
            one = self.commands[number]
            self.commands[number] = Command(one.words, one.line, one.is_plain, one.ends, "\n".join(lines) + "\n")


_REDIRECTION = re.compile(
    r"(?P<document><<-?[ \t]*(?P<end>['\"\\]?\w+['\"]?))|(?P<other>[0-9]*[<>]&[0-9-]+)"
    r"|(?:[0-9]+|&)?(?:<<<|>>|>\||<>|<|>)"
)


def read_words(text: str, line: int = 1) -> list[Command]:
    """Return the one command of a text that no shell sees, as the module ``command`` splits it."""
    masked, templates = _put_away(text)
    try:
        words = shlex.split(masked)
    except ValueError:
        words = masked.split()
    words = [_put_back(word, templates) for word in words]
    return [Command(tuple(words), line, not any("{%" in word for word in words), "\n")] if words else []
