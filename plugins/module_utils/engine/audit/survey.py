# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules of an audit look at together: each part is read once, when the first rule asks for it."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, Dict, Iterator, List, Tuple, TypeVar

from ..account import Account
from ..distro import Distribution, observe_distribution
from ..errors import printable
from ..host import Host
from ..interpreter import Interpreter, Interpreters, exchanged_by
from ..package_files import PackagedFile, packaged_below
from ..shipped_marker import ShippedMarker, observe_shipped_markers
from ..venv import VenvState, observe_venv
from .installed_tools import InstalledTool, ToolHome, read_tools, tool_homes
from .settings_files import Reading, SettingsFile, read_environment_files, read_pip_confs
from .venv_search import find_venvs

T = TypeVar("T")

#: Accounts below are services' (login.defs, UID_MIN); root is looked at all the same.
_FIRST_PERSON = 1000
_NOBODY = 65534
#: How Python and the distributions call a directory of distributions.
_SITES = ("site-packages", "dist-packages")
#: Where packages put programs.
_PROGRAMS = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")


@dataclass(frozen=True)
class Scope:
    """What is looked at.

    ``roots`` are searched for environments, ``accounts`` are names of accounts whose homes are
    looked at (empty: root's and those of persons in /etc/passwd), ``left_out`` are ids of rules, ``time_budget`` is in
    seconds.
    """

    roots: Tuple[str, ...]
    accounts: Tuple[str, ...] = ()
    left_out: Tuple[str, ...] = ()
    time_budget: float = 60.0


@dataclass(frozen=True)
class Unread:
    """Something a rule had to leave out, and why: rights that are missing, time that was up."""

    rule: str
    what: str
    reason: str


class Survey:
    """One host, read for an audit; nothing is changed and no network is used."""

    def __init__(self, host: Host, scope: Scope) -> None:
        self.host = host
        self.scope = scope
        self.interpreters = Interpreters(host)
        self.unread: List[Unread] = []
        #: The id of the rule that is being checked.
        self.rule = ""
        self._read: Dict[object, Any] = {}
        self._ends = host.clock() + scope.time_budget

    def leave_unread(self, what: str, reason: str) -> None:
        """Say that the present rule could not look at something; said once for each."""
        unread = Unread(self.rule, what, reason)
        if unread not in self.unread:
            self.unread.append(unread)

    @property
    def is_out_of_time(self) -> bool:
        return self.host.clock() > self._ends

    def once(self, read: Callable[[Survey], T]) -> T:
        """Return what a function reads of the host, for several rules; it does so when the first asks."""
        if read not in self._read:
            self._read[read] = read(self)
        found: T = self._read[read]
        return found

    def can_list(self, directory: str) -> bool:
        """Say whether there is a directory to look into; one that is closed to this account is left unread."""
        if not self.host.is_dir(directory):
            return False
        if not os.access(self.host.real(self.host.resolve(directory)), os.R_OK | os.X_OK):
            self.leave_unread(directory, f"{self.host.caller.name} may not look into it")
            return False
        return True

    @cached_property
    def distribution(self) -> Distribution:
        return observe_distribution(self.host)

    @cached_property
    def accounts(self) -> Tuple[Account, ...]:
        """The accounts whose homes are looked at, each home once; root's comes first."""
        if self.scope.accounts:
            named = (self.host.account_by_name(name) for name in self.scope.accounts)
            found = [account for account in named if account is not None]
        else:
            found = [one for one in self._listed_accounts() if one.uid == 0 or _FIRST_PERSON <= one.uid < _NOBODY]
        by_home = {account.home: account for account in sorted(found, key=lambda one: -one.uid)}
        there = (account for account in by_home.values() if self.host.is_dir(account.home) and account.home != "/")
        return tuple(sorted(there, key=lambda one: one.uid))

    def _listed_accounts(self) -> Iterator[Account]:
        for line in (self.host.read_text("/etc/passwd") or "").splitlines():
            words = line.split(":")
            if len(words) == 7 and words[2].isdecimal() and words[3].isdecimal() and words[5].startswith("/"):
                yield Account(words[0], int(words[2]), int(words[3]), words[5].rstrip("/") or "/", words[6])

    @cached_property
    def system_interpreters(self) -> Tuple[Interpreter, ...]:
        """Every interpreter on the search path that runs and is no environment, with its pip."""
        return tuple(one for one in self.interpreters.discover() if not one.is_venv)

    @cached_property
    def packaged_interpreters(self) -> Tuple[Interpreter, ...]:
        """The system interpreters that are the distribution's own."""
        return tuple(one for one in self.system_interpreters if one.origin == "distribution")

    @staticmethod
    def sites_of(interpreter: Interpreter) -> Tuple[str, ...]:
        """Return where an interpreter looks for distributions, in its order, without accounts' own directories."""
        return tuple(one for one in interpreter.search_path if posixpath.basename(one) in _SITES)

    @cached_property
    def packaged_files(self) -> Tuple[PackagedFile, ...]:
        """What OS packages brought for the distribution's own interpreters: modules, distributions, their programs.

        Empty where no package database can be read. Raises ProvisionError where rpm does not answer.
        """
        found = [folder for one in self.packaged_interpreters for folder in (one.stdlib, *self.sites_of(one))]
        folders = [folder for folder in dict.fromkeys(found) if not folder.startswith("/usr/local/")]
        return packaged_below(self.host, folders, _PROGRAMS)

    @cached_property
    def shipped_markers(self) -> Tuple[ShippedMarker, ...]:
        return observe_shipped_markers(self.host)

    @property
    def pip_confs(self) -> Tuple[SettingsFile, ...]:
        """Each pip.conf that a pip of the host reads, and can be read."""
        return self._told(self._pip_confs)

    @property
    def environment_files(self) -> Tuple[SettingsFile, ...]:
        """Each file that sets variables for logins and shells, and can be read."""
        return self._told(self._environment_files)

    def _told(self, reading: Reading) -> Tuple[SettingsFile, ...]:
        # Each rule that asks has left the same out.
        for what, reason in reading.unread:
            self.leave_unread(what, reason)
        return reading.files

    @cached_property
    def _pip_confs(self) -> Reading:
        files = self._environment_files.files
        return read_pip_confs(self.host, self.accounts, self.system_interpreters, files, lambda: self.is_out_of_time)

    @cached_property
    def _environment_files(self) -> Reading:
        return read_environment_files(self.host, self.accounts, lambda: self.is_out_of_time)

    def python_like(self, release: str) -> str:
        """Return how an interpreter of a release is selected, "" for the host's own python3, or where there is none."""
        default = self.interpreters.default()
        if default is None or default.release == release:
            return ""
        safe = (
            one for one in self.system_interpreters if not (self.host.is_root and exchanged_by(self.host, one.path))
        )
        return release if any(one.release == release for one in safe) else ""

    @cached_property
    def tool_homes(self) -> Tuple[ToolHome, ...]:
        """Where pipx keeps tools: the global ones, each account's, and what PIPX_HOME names."""
        return tool_homes(self)

    @cached_property
    def tools(self) -> Tuple[InstalledTool, ...]:
        return read_tools(self)

    @cached_property
    def venvs(self) -> Tuple[VenvState, ...]:
        """The environments below the roots, but not those of tools in ``tool_homes``; others' interpreters may run."""
        paths = find_venvs(self, left_out={home.space.home for home in self.tool_homes})
        found = []
        for path in paths:
            if self.is_out_of_time:
                self.leave_unread("the environments from " + printable(path) + " on", "the time budget was used up")
                break
            found.append(observe_venv(self.host, path, self.interpreters))
        return tuple(found)
