# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image build does that fails or does harm where the base image's Python is externally managed."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .commands import Harm, find_harms, judge
from .finding import Finding
from .known_names import UNMARKED_IMAGES
from .pip_command import is_environments_path
from .shell_words import Command

_INSTRUCTION = re.compile(r"\s*(?P<name>[A-Za-z]+)\s+(?P<rest>.*)", re.DOTALL)
_HEREDOC = re.compile(r"<<-?[\"']?(?P<end>\w+)[\"']?")
_FLAG = re.compile(r"--[a-z-]+(?:=\S+)?\s+")
_PAIR = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>\"[^\"]*\"|'[^']*'|\S*)")
_ENVIRONMENT = re.compile(r"\bvenv\s+(?:--?[a-z-]+\s+)*(?P<path>/[\w./-]+)")
_PROPOSED = "/opt/venv"


@dataclass
class _Stage:
    """What is known of an image while it is built."""

    is_unmarked: bool = False
    has_environment: bool = False
    environments: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Instruction:
    name: str
    rest: str
    line: int
    document: str = ""
    document_line: int = 0


def check_dockerfile(text: str) -> Iterator[Finding]:
    """The findings in a Dockerfile or Containerfile; a template of one is read like one."""
    stages: dict[str, _Stage] = {}
    stage = _Stage()
    for one in _instructions(text):
        if one.name == "FROM":
            stage = _from(one.rest, stages)
        elif one.name in ("ENV", "ARG"):
            yield from _variables(one, stage)
        elif one.name == "COPY" and "--from" in one.rest:
            stage.environments |= {word.rstrip("/") for word in one.rest.split()[-1:]}
        elif one.name == "RUN":
            yield from _run(one, stage)


def _from(rest: str, stages: dict[str, _Stage]) -> _Stage:
    words = [word for word in rest.split() if not word.startswith("--")]
    image = words[0] if words else ""
    known = stages.get(image.lower())
    if known is not None:
        stage = _Stage(known.is_unmarked, known.has_environment, set(known.environments))
    else:
        name = posixpath.basename(image.partition("@")[0]).partition(":")[0]
        stage = _Stage(is_unmarked=name in UNMARKED_IMAGES)
    if len(words) >= 3 and words[1].upper() == "AS":
        stages[words[2].lower()] = stage
    return stage


def _variables(one: _Instruction, stage: _Stage) -> Iterator[Finding]:
    pairs = _PAIR.findall(one.rest)
    first, _, value = one.rest.strip().partition(" ")
    if one.name == "ENV" and "=" not in first:
        # The older form, with one variable.
        pairs = [(first, value.strip())]
    for name, given in pairs:
        bare = given.strip("\"'")
        if name == "VIRTUAL_ENV":
            stage.environments.add(bare.rstrip("/"))
        elif name == "PATH":
            start = bare.partition(":")[0]
            stage.has_environment = is_environments_path(start) or posixpath.dirname(start) in stage.environments
        elif (
            name == "PIP_BREAK_SYSTEM_PACKAGES"
            and bare not in ("", "0", "false", "no", "off")
            and not stage.is_unmarked
        ):
            left = "leave it out, with an environment that comes first on the PATH"
            yield Finding("PM003", "", one.line, f"{one.name} {name}={bare}", _proposal(()), left=left)


def _run(one: _Instruction, stage: _Stage) -> Iterator[Finding]:
    stage.environments |= {found["path"].rstrip("/") for found in _ENVIRONMENT.finditer(one.rest + one.document)}
    harms = [(one.line - 1, harm) for harm in _harms(one.rest, stage)]
    if one.document:
        # What follows the marker of the document is its text, for the shell that runs it.
        harms = [
            (one.document_line - 1, harm) for harm in find_harms(one.document, in_environment=stage.has_environment)
        ]
    for before, harm in harms:
        if stage.is_unmarked and (harm.id != "PM004" and not _names_system(harm)):
            continue
        id_ = "PM007" if harm.id == "PM006" else harm.id
        left = "the base image decides what an environment needs there"
        proposal = _proposal(harm.words) if harm.asked is not None else ""
        what = " ".join(harm.what.split())
        yield Finding(id_, "", before + harm.line, what if len(what) <= 100 else f"{what[:97]}...", proposal, left=left)


def _harms(rest: str, stage: _Stage) -> Sequence[Harm]:
    while (flag := _FLAG.match(rest)) is not None:
        rest = rest[flag.end() :]
    if rest.lstrip().startswith("["):
        try:
            words = json.loads(rest)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return judge([Command(tuple(words), 1, True, "\n")], in_environment=stage.has_environment)
    return find_harms(rest, in_environment=stage.has_environment)


def _names_system(harm: Harm) -> bool:
    """Say whether a command names the distribution's Python by its path, which an unmarked image may have as well."""
    return bool(harm.words) and harm.words[0].startswith("/usr/bin/")


def _proposal(words: Sequence[str]) -> str:
    """Return the instructions for an environment, and the command in it."""
    kept = [word for word in words if word not in ("--break-system-packages", "--user")]
    if len(kept) > 2 and kept[1:3] == ["-m", "pip"]:
        kept = ["pip", *kept[3:]]
    lines = [f"RUN python3 -m venv {_PROPOSED}", f"ENV PATH={_PROPOSED}/bin:$PATH"]
    if kept:
        quoted = (f'"{word}"' if re.search(r"[\s<>&;|]", word) else word for word in ("pip", *kept[1:]))
        lines.append(f"RUN {' '.join(quoted)}")
    return "\n".join(lines)


def _instructions(text: str) -> Iterator[_Instruction]:
    """The instructions with their first lines' numbers; comments between continued lines are left empty."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        first = at
        parts: list[str] = []
        while at < len(lines):
            line = lines[at]
            at += 1
            is_comment = line.lstrip().startswith("#") or (bool(parts) and not line.strip())
            parts.append("\\" if is_comment and parts else line)
            if not is_comment and not line.rstrip().endswith("\\"):
                break
            if is_comment and len(parts) == 1:
                break
        found = _INSTRUCTION.fullmatch("\n".join(part.rstrip() for part in parts))
        if found is None or parts[0].lstrip().startswith("#"):
            continue
        name, rest = found["name"].upper(), found["rest"]
        heredoc = _HEREDOC.search(rest) if name in ("RUN", "COPY", "ADD") else None
        if heredoc is None:
            yield _Instruction(name, rest, first + 1)
            continue
        start = at
        while at < len(lines) and lines[at].strip() != heredoc["end"]:
            at += 1
        document = "\n".join(lines[start:at])
        at += 1
        # What is written into a file is no command.
        is_script = name == "RUN" and not re.match(r"(?:\S*/)?(?:cat|tee|python[\d.]*|dd)\b", rest.lstrip())
        yield _Instruction(name, rest[: heredoc.start()], first + 1, document if is_script else "", start + 1)


def is_dockerfile(name: str) -> bool:
    """Say whether a file's name is one that an image is built from."""
    stem = name.removesuffix(".j2")
    return stem.startswith(("Dockerfile", "Containerfile")) or stem.lower().endswith((".dockerfile", ".containerfile"))
