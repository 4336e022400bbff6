# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that tell the pips of a host what to do: pip.conf at each level, and those that set variables."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..account import Account, act_as
from ..errors import ProvisionError
from ..host import Host
from ..ini_text import LARGEST
from ..interpreter import Interpreter
from ..path_control import keeper_of
from ..pip_config import system_files, user_files

#: Read by logins, by shells, or by what starts sessions (environment(5), profile(5), pam_env(8), environment.d(5)).
_SYSTEM = (
    "/etc/environment",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/bash/bashrc",
    "/etc/zshenv",
    "/etc/zprofile",
    "/etc/zshrc",
    "/etc/zsh/zshenv",
    "/etc/zsh/zprofile",
    "/etc/zsh/zshrc",
    "/etc/security/pam_env.conf",
    "/etc/fish/config.fish",
    "/etc/environment.d/*.conf",
    "/etc/profile.d/*.sh",
    "/etc/fish/conf.d/*.fish",
)
_OF_ACCOUNTS = (
    ".profile",
    ".bash_profile",
    ".bash_login",
    ".bashrc",
    ".bash_aliases",
    ".zshenv",
    ".zprofile",
    ".zshrc",
    ".zlogin",
    ".pam_environment",
    ".ssh/environment",
    ".config/fish/config.fish",
    ".config/environment.d/*.conf",
    ".config/fish/conf.d/*.fish",
)
#: Files of one directory that are read.
_MOST_FILES = 300
#: Characters of a line that are read.
_LONGEST_LINE = 4000
_QUOTED = r"\"[^\"]*\"|'[^']*'|[^\s;&|)\"']*"
_ASSIGNED = re.compile(
    rf"(?:^|[\s;&|({{\"'])(PIP_\w+)=({_QUOTED})"
    rf"|\bset(?:env)?\s+(?:--?\w+\s+)*(PIP_\w+)\s+({_QUOTED})"
    rf"|^\s*(PIP_\w+)\s+(?:DEFAULT|OVERRIDE)=({_QUOTED})"
)


@dataclass(frozen=True)
class SettingsFile:
    """A file that is there and could be read.

    ``level`` is system, user, interpreter, or variable for a pip.conf that a variable names; ``whose`` says whose pips
    read it, and ``python`` is the interpreter of that level, ``account`` that of a user's. ``changed`` is in seconds.
    """

    path: str
    level: str
    text: str
    mode: int
    changed: float
    account: str = ""
    python: str = ""
    whose: str = ""


@dataclass(frozen=True)
class Assignment:
    """A variable that a line of a file sets; ``is_alone`` says that the line does nothing else."""

    name: str
    value: str
    line: int
    is_alone: bool


@dataclass(frozen=True)
class Reading:
    """Files that were read, and of others what could not be read and why."""

    files: Tuple[SettingsFile, ...]
    unread: Tuple[Tuple[str, str], ...] = ()


def read_environment_files(host: Host, accounts: Sequence[Account], is_late: Callable[[], bool]) -> Reading:
    """Return the files that set variables for everybody, then those of the accounts, until it ``is_late``."""
    reader = _Reader(host, is_late)
    reader.read(_SYSTEM, "system", "everybody who logs in")
    for account in accounts:
        paths = [f"{account.home}/{name}" for name in _OF_ACCOUNTS]
        reader.read(paths, "user", account.name, account=account)
    return reader.reading


def read_pip_confs(
    host: Host,
    accounts: Sequence[Account],
    interpreters: Sequence[Interpreter],
    environment_files: Sequence[SettingsFile],
    is_late: Callable[[], bool],
) -> Reading:
    """Return each pip.conf that pips of these accounts and interpreters read, and those that variables name."""
    reader = _Reader(host, is_late)
    reader.read(system_files(host), "system", "every pip of the host")
    for account in accounts:
        reader.read(user_files(account.home), "user", f"every pip that {account.name} runs", account=account)
    for interpreter in interpreters:
        path, whose = f"{interpreter.prefix}/pip.conf", f"the pip of {interpreter.path}"
        reader.read([path], "interpreter", whose, python=interpreter.path)
    for file in environment_files:
        account_of_file = next((one for one in accounts if one.name == file.account), None)
        named = (one.value for one in assignments_in(file.text) if one.name == "PIP_CONFIG_FILE")
        paths = [path for path in (_expanded(value, account_of_file) for value in named) if path.startswith("/")]
        whose = f"the pips for which PIP_CONFIG_FILE in {file.path} names it"
        reader.read(paths, "variable", whose, account=account_of_file)
    return reader.reading


def assignments_in(text: str) -> Tuple[Assignment, ...]:
    """Return the variables of pip's that the lines of a shell's, pam_env's or systemd's file set, comments aside."""
    found: List[Assignment] = []
    for number, line in enumerate(text.splitlines(), start=1):
        code = _without_comment(line[:_LONGEST_LINE])
        for match in _ASSIGNED.finditer(code):
            name, value = (one for one in match.groups() if one is not None)
            rest = code.replace(match.group(), " ").replace(";", " ").split()
            is_alone = all(word in ("export", "declare", "typeset") or word.startswith("-") for word in rest)
            found.append(Assignment(name, value.strip("\"'"), number, is_alone))
    return tuple(found)


def _without_comment(line: str) -> str:
    for match in re.finditer(r"(?:^|\s)#", line):
        before = line[: match.start()]
        if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
            return before
    return line


def _expanded(value: str, account: Optional[Account]) -> str:
    return re.sub(r"^(~|\$HOME|\$\{HOME\})(?=/)", lambda __: account.home, value) if account is not None else value


class _Reader:
    """Reads files, each once."""

    def __init__(self, host: Host, is_late: Callable[[], bool]) -> None:
        self._host = host
        self._is_late = is_late
        self._files: Dict[str, SettingsFile] = {}
        self._unread: Dict[str, str] = {}

    @property
    def reading(self) -> Reading:
        return Reading(tuple(self._files.values()), tuple(self._unread.items()))

    def read(
        self, paths: Sequence[str], level: str, whose: str, *, account: Optional[Account] = None, python: str = ""
    ) -> None:
        """Take in what is at these paths.

        Of a home with the rights of whoever controls it: a link there would have root read what that account may not.
        """
        host, name = self._host, account.name if account is not None else ""
        home = account.home if account is not None and any(one.startswith(f"{account.home}/") for one in paths) else ""
        for anchor in [f"{home}/.profile"] if home else paths:
            together = paths if home else [anchor]
            if self._is_late():
                self._unread[home or anchor] = "the time budget was used up"
                continue
            try:
                answers = act_as(keeper_of(host, anchor), partial(_look, host, together, home))
            except ProvisionError as error:
                self._unread[home or anchor] = error.message
                continue
            for path, reason, text, mode, changed in answers:
                if reason:
                    self._unread[path] = reason
                else:
                    file = SettingsFile(path, level, text, mode, changed, name, python, whose)
                    self._files.setdefault(host.resolve(path), file)


def _look(host: Host, paths: Sequence[str], home: str) -> List[List[Any]]:
    """Return path, why it cannot be read, text, mode and time of change of each file, as JSON carries it."""
    if home and not os.access(host.real(host.resolve(home)), os.R_OK | os.X_OK):
        return [[home, f"{host.caller.name} may not look into this home", "", 0, 0]]
    found: List[List[Any]] = []
    for path in (one for pattern in paths for one in _matching(host, pattern)):
        try:
            seen = os.stat(host.real(host.resolve(path)))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            found.append([path, error.strerror or str(error), "", 0, 0])
            continue
        if not stat.S_ISREG(seen.st_mode):
            continue
        data = host.read_bytes(path, limit=LARGEST)
        reason = "" if data is not None else f"it is larger than {LARGEST} bytes, or its rights are missing"
        text = (data or b"").decode("utf-8", "surrogateescape")
        found.append([path, reason, text, stat.S_IMODE(seen.st_mode), seen.st_mtime])
    return found


def _matching(host: Host, pattern: str) -> Tuple[str, ...]:
    folder, star, ending = pattern.partition("/*")
    if not star:
        return (pattern,)
    names = [name for name in host.names_in(folder) if name.endswith(ending)]
    return tuple(f"{folder}/{name}" for name in names[:_MOST_FILES])
