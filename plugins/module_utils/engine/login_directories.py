# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a login shell looks for commands, as the files that it reads say; nothing of them is run.

Conditions are not judged: what a file may put on the PATH counts as put there. A directory that is not in the result
is on the PATH by no file that was read.
"""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Match, Tuple

from .account import Account
from .host import Host
from .login_path import startup_files

#: What every login starts with (login.defs, and the profiles of the distributions); root's has all of it.
_FIRST = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_SYSTEM_FILES = ("/etc/environment", "/etc/profile", "/etc/zsh/zprofile", "/etc/zprofile")
_SYSTEM_FOLDER = "/etc/profile.d"
_ASSIGNMENT = re.compile(r"""(?:^|[\s;)])PATH=(?P<value>(?:"[^"]*"|'[^']*'|[^\s;#"'])+)""")
#: Of bash(1): the whole PATH that was, with a colon where there was one.
_BEFORE = re.compile(r"\$\{PATH:?\+:?\$\{?PATH\}?:?\}|\$\{PATH(:-[^}]*)?\}")
_SOURCED = re.compile(r"""(?:^|[\s;&])(?:\.|source)\s+["']?(?P<path>(?:~|\$HOME|\$\{HOME\})?/[\w./-]+)""")
_HOME = re.compile(r"^(?:~|\$HOME|\$\{HOME\})(?=/|\Z)")
_MOST_FILES = 40


@dataclass
class LoginDirectories:
    """The ``directories`` in their order, the ``files`` they come from, and those that are ``hidden``: unreadable."""

    directories: Tuple[str, ...] = _FIRST
    files: List[str] = field(default_factory=list)
    hidden: List[str] = field(default_factory=list)


def read_login_directories(host: Host, account: Account) -> LoginDirectories:
    """Return where a login shell of an account looks for commands."""
    found = LoginDirectories()
    if host.is_dir(account.home) and host.entries_in(account.home, 1) is None:
        found.hidden.append(account.home)
    folder = [f"{_SYSTEM_FOLDER}/{name}" for name in host.names_in(_SYSTEM_FOLDER) if name.endswith(".sh")]
    for path in (*_SYSTEM_FILES, *folder, *startup_files(host, account)):
        _read(host, account, path, found)
    return found


def _read(host: Host, account: Account, path: str, found: LoginDirectories) -> None:
    if path in found.files or len(found.files) == _MOST_FILES:
        return
    text = host.read_text(path)
    if text is None:
        if host.exists(path):
            found.hidden.append(path)
        return
    found.files.append(path)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assigned = [(line, match) for line in lines for match in [_ASSIGNMENT.search(line)] if match is not None]
    passed_over = _for_others(account, dict(assigned))
    own = f"{account.home}/.local/bin"
    for line in lines:
        sourced = _SOURCED.search(line)
        assignment = _ASSIGNMENT.search(line)
        if sourced is not None:
            _read(host, account, posixpath.normpath(_HOME.sub(account.home, sourced["path"])), found)
        elif assignment is not None and line not in passed_over:
            found.directories = tuple(_assigned(account, assignment["value"], found.directories))
        elif ".local/bin" in line and own not in found.directories:
            # By a function, or in the words of another shell.
            found.directories = (own, *found.directories)


def _for_others(account: Account, assigned: Dict[str, Match[str]]) -> Tuple[str, ...]:
    """Return the lines that set the PATH of other accounts: profiles have one with root's commands and one without."""
    anew = {line: "/sbin" in match["value"] for line, match in assigned.items() if "PATH" not in match["value"]}
    return tuple(
        line for line, is_roots in anew.items() if len(set(anew.values())) > 1 and is_roots != (account.uid == 0)
    )


def _assigned(account: Account, value: str, before: Tuple[str, ...]) -> Iterator[str]:
    found: Dict[str, None] = {}
    for word in _BEFORE.sub(":$PATH:", re.sub(r"[\"']", "", value)).split(":"):
        directory = _HOME.sub(account.home, word)
        if word == "$PATH":
            found.update(dict.fromkeys(before))
        elif directory.startswith("/") and "$" not in directory and "`" not in directory:
            found[os.path.normpath(directory)] = None
    # One without the PATH before may stand in a branch that is not taken.
    found.update(dict.fromkeys(before))
    return iter(found)
