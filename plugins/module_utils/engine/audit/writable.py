# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of distributions and of programs in which others than their owners can put what root then runs."""

from __future__ import annotations

import shlex
import stat
from typing import Dict, Iterator, List, Optional, Tuple

from ..account import Account
from ..interpreter import search_directories
from ..path_control import find_danger_inside, openings_of
from .finding import Found, Repair, Rule
from .survey import Survey

#: Where programs of the system are found, whatever the PATH of this call is.
_PROGRAMS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
#: How many entries of a directory are named.
_SHOWN = 5


def _sites(survey: Survey) -> Iterator[Found]:
    wanted: Dict[str, Optional[Account]] = {}
    for interpreter in survey.system_interpreters:
        wanted.update(dict.fromkeys((interpreter.stdlib, *survey.sites_of(interpreter))))
    for account in survey.accounts:
        libraries = f"{account.home}/.local/lib"
        if survey.can_list(account.home) and survey.can_list(libraries):
            names = (name for name in survey.host.names_in(libraries) if name.startswith(("python", "pypy")))
            wanted.update((f"{libraries}/{name}/site-packages", account) for name in names)
    return _writable(survey, wanted, "is imported")


def _programs(survey: Survey) -> Iterator[Found]:
    wanted: Dict[str, Optional[Account]] = dict.fromkeys((*search_directories(survey.host), *_PROGRAMS))
    for account in survey.accounts:
        if survey.can_list(account.home):
            wanted.setdefault(f"{account.home}/.local/bin", account)
    return _writable(survey, wanted, "is run")


def _writable(survey: Survey, wanted: Dict[str, Optional[Account]], use: str) -> Iterator[Found]:
    """Yield each of these directories that others than root, its owner and its account can write to, or exchange."""
    told = set()
    for path, account in wanted.items():
        real = survey.host.resolve(path)
        if real in told or not survey.host.is_dir(real):
            continue
        told.add(real)
        if survey.is_out_of_time:
            survey.leave_unread(real, "the time budget was used up")
            continue
        reasons = _reasons(survey, real, account)
        if reasons:
            folders = tuple(dict.fromkeys(folder for folder, __ in reasons))
            recursive = any(folder == real and "in it" in why for folder, why in reasons)
            # Of what leads to it, only the directories themselves.
            repairs = [Repair("write_right", {"directories": [real], "recursive": True})] if recursive else []
            closed = [folder for folder in folders if folder != real or not recursive]
            if closed:
                repairs.insert(0, Repair("write_right", {"directories": closed, "recursive": False}))
            yield Found(
                real,
                f"{'; '.join(why for __, why in reasons)}. What is put there {use} with the rights of whoever runs it.",
                "Look at what is in it, then take that right away: "
                f"chmod {'-R ' if recursive else ''}go-w {' '.join(map(shlex.quote, folders))}",
                tuple(repairs),
            )


def _reasons(survey: Survey, path: str, account: Optional[Account]) -> List[Tuple[str, str]]:
    """Return the directories by which others decide what stands at a path, each with a phrase about it."""
    host = survey.host
    found: List[Tuple[str, str]] = []
    if find_danger_inside(host, path, account) is not None:
        found.append((path, f"{path} {_shown(survey, path)} can be written to by others"))
    owner = host.stat(path)
    trusted = {host.uid, 0} | ({owner.st_uid} if owner is not None else set())
    trusted |= {account.uid} if account is not None else set()
    for one in openings_of(host, path):
        if one.because and not one.is_shared and (one.uid is None or one.uid not in trusted):
            found.append((one.directory, f"{one.directory} {_shown(survey, one.directory)}: {one.because}"))
    entries = [name for name in host.names_in(path) if _is_open(survey, f"{path}/{name}")]
    if entries:
        more = f" and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
        found.append((path, f"everybody can write to {', '.join(entries[:_SHOWN])}{more} in it"))
    return found


def _is_open(survey: Survey, path: str) -> bool:
    found = survey.host.lstat(path)
    return found is not None and not stat.S_ISLNK(found.st_mode) and bool(found.st_mode & stat.S_IWOTH)


def _shown(survey: Survey, path: str) -> str:
    found = survey.host.stat(path)
    if found is None:
        return ""
    return f"(owner {survey.host.account_by_uid(found.st_uid).name}, mode {stat.S_IMODE(found.st_mode):04o})"


RULES = (
    Rule(
        "EM601",
        "Directories of Python modules can be written to by others",
        "error",
        "Who may write to the directories in which interpreters look for modules and distributions, to what leads to"
        " them, and to what is directly in them.",
        "Whoever may write there decides what every Python program runs, root's among them.",
        _sites,
    ),
    Rule(
        "EM602",
        "Directories of programs can be written to by others",
        "error",
        "Who may write to the directories on root's PATH and to .local/bin of accounts, and to what leads to them.",
        "Whoever may write there decides what is started under a name such as python3 or pip.",
        _programs,
    ),
)
