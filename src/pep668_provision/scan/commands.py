# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a text of shell commands does that fails or does harm where Python is externally managed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from .known_names import words as words_of
from .pip_command import Asked, is_environments_path, pip_arguments, read_call, subcommand
from .shell_words import Command, read_commands

MARKER = "EXTERNALLY-MANAGED"
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
_KEYWORDS = frozenset(
    {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "exec", "command", "nohup"}
)
#: Programs that run the rest of their words, with their options that are followed by a value.
_WRAPPERS = {
    "sudo": words_of("-u --user -g --group -h -p -C -D -R -T"),
    "doas": frozenset({"-u", "-C"}),
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "nice": frozenset({"-n"}),
    "ionice": frozenset({"-c", "-n"}),
    "timeout": frozenset({"-k", "-s"}),
    "xargs": words_of("-n -L -P -I -d -a -s"),
    "chroot": frozenset[str](),
    "eatmydata": frozenset[str](),
}
#: Of these the first word that is no option is none of the command.
_WITH_OPERAND = frozenset({"timeout", "chroot"})
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ash", "ksh", "su"})
_REMOVERS = frozenset({"rm", "mv", "unlink", "shred", "dpkg-divert", "ln"})
_WRITERS = frozenset({"echo", "printf", "tee", "cat", "sed", "export"})
#: A value that pip takes for yes.
_YES = r"[\"']?(?:1|true|yes|on|y|t)\b"
_OVERRIDE_VARIABLE = re.compile(rf"\bPIP_BREAK_SYSTEM_PACKAGES[\"']?\s*[=:]\s*{_YES}", re.IGNORECASE)
_OVERRIDE_SETTING = re.compile(rf"(?:\b|(?<=\\n))break[-_]system[-_]packages\s*[=:]\s*{_YES}", re.IGNORECASE)
#: How deep a text may hold commands that hold a text.
_DEEPEST = 5


@dataclass(frozen=True)
class Harm:
    """A command that fails or does harm: a finding's id, the line, the command, and for a call of pip what it asks for.

    ``is_alone`` says that it is the whole text, and gets the words as they are written.
    """

    id: str
    line: int
    what: str
    asked: Asked | None = None
    is_alone: bool = False
    words: tuple[str, ...] = ()


@dataclass
class _State:
    in_environment: bool = False
    overrides: bool = False
    looks_for_marker: bool = False
    brings_pip: bool = False
    harms: list[Harm] = field(default_factory=list)


def sets_override(text: str) -> str:
    """Return the id of the finding for a text that is written into a file and overrides the marker, else ""."""
    if _OVERRIDE_VARIABLE.search(text):
        return "PM003"
    return "PM005" if _OVERRIDE_SETTING.search(text) else ""


def find_harms(text: str, *, in_environment: bool = False) -> list[Harm]:
    """Return what the commands of a text for a shell do harm with; lines are counted from 1."""
    return judge(read_commands(text), in_environment=in_environment)


def judge(commands: Sequence[Command], *, in_environment: bool = False) -> list[Harm]:
    """Return what of these commands fails or does harm, in their order.

    ``in_environment`` says that the commands of a virtual environment come first on the PATH.
    """
    state = _State(in_environment)
    _judge_all(commands, state, 0)
    if len(commands) == 1 and len(state.harms) == 1 and commands[0].is_plain and not commands[0].document:
        only = state.harms[0]
        # Words before the program (sudo, a variable) are not told by the task that takes its place.
        state.harms = [replace(only, is_alone=only.words == commands[0].words)]
    return state.harms


def _judge_all(commands: Sequence[Command], state: _State, depth: int) -> None:
    for command in commands:
        _judge(command, state, depth)
        if command.ends not in ("|", "|&", "\n", ";", "(", ")", "&&"):
            state.looks_for_marker = False


def _judge(command: Command, state: _State, depth: int) -> None:
    words, assigned = _program(command.words)
    overrides = state.overrides or any(_OVERRIDE_VARIABLE.match(f"{name}={value}") for name, value in assigned)
    for name, value in assigned:
        if not words and name == "PATH":
            state.in_environment = state.in_environment or is_environments_path(value)
    if not words:
        return
    program, text = posixpath.basename(words[0]), " ".join(words)
    if program in (".", "source") and any(word.endswith("/activate") for word in words[1:]):
        state.in_environment = True
    elif program == "export":
        exported = [found for found in map(_ASSIGNMENT.match, words[1:]) if found]
        state.in_environment |= any(one["name"] == "PATH" and is_environments_path(one["value"]) for one in exported)
        if _OVERRIDE_VARIABLE.search(text):
            state.overrides = True
            state.harms.append(Harm("PM003", command.line, text))
    elif program in _SHELLS and depth < _DEEPEST:
        for inner in _inner_texts(words, command):
            _judge_all([replace(one, line=command.line) for one in read_commands(inner)], state, depth + 1)
    else:
        in_environment = state.in_environment or any(
            name == "PATH" and is_environments_path(value) for name, value in assigned
        )
        for id_, asked in _harm_of(words, command, state, in_environment=in_environment, overrides=overrides):
            state.harms.append(Harm(id_, command.line, text, asked, words=tuple(words)))


def _harm_of(
    words: Sequence[str], command: Command, state: _State, *, in_environment: bool, overrides: bool
) -> Iterator[tuple[str, Asked | None]]:
    program, text = posixpath.basename(words[0]), " ".join(words)
    if program in ("find", "for", "ls") and MARKER in text:
        state.looks_for_marker = True
        deletes = "-delete" in words or any(one in words for one in _REMOVERS)
        if program == "find" and deletes:
            yield "PM004", None
    elif program in _REMOVERS and (MARKER in text or (state.looks_for_marker and _is_fed(command))):
        yield "PM004", None
    elif "get-pip.py" in text and (program in ("curl", "wget", "fetch") or program.startswith("python")):
        if not state.brings_pip and not in_environment:
            yield "PM008", None
        state.brings_pip = True
    elif program in _WRITERS and sets_override(f"{text}\n{command.document}"):
        yield sets_override(f"{text}\n{command.document}"), None
    elif _configures_override(words):
        yield "PM005", None
    else:
        asked = read_call(words)
        if asked is None or asked.is_elsewhere or in_environment:
            return
        asked = replace(asked, overrides=asked.overrides or overrides)
        yield "PM002" if asked.overrides else "PM009" if asked.is_for_user else "PM006", asked


def _is_fed(command: Command) -> bool:
    """Say whether what a command works on comes from a loop or from what was found before it."""
    return command.words[0].endswith("xargs") or any("$" in word for word in command.words)


def _configures_override(words: Sequence[str]) -> bool:
    called = pip_arguments(words)
    if called is None or subcommand(called[1]) != "config" or "set" not in called[1]:
        return False
    setting = called[1][called[1].index("set") + 1 :]
    return len(setting) >= 2 and bool(_OVERRIDE_SETTING.search("=".join(setting[:2])))


def _program(words: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the words from the program that is run in the end, and the variables that are set before it."""
    left, assigned = list(words), []
    while left:
        found = _ASSIGNMENT.fullmatch(left[0])
        name = posixpath.basename(left[0])
        if found is not None:
            assigned.append((found["name"], found["value"]))
            del left[0]
        elif left[0] in _KEYWORDS:
            del left[0]
        elif name in _WRAPPERS:
            del left[0]
            while left and left[0].startswith("-"):
                del left[0 : 2 if left[0] in _WRAPPERS[name] else 1]
            if name in _WITH_OPERAND:
                del left[:1]
        else:
            break
    return left, assigned


def _inner_texts(words: Sequence[str], command: Command) -> Iterator[str]:
    """The texts that a shell is given to run: after its option for that, or on its standard input."""
    for word, following in pairwise(words):
        if re.fullmatch(r"-[a-z]*c|--command", word):
            yield following
            return
    if command.document:
        yield command.document
