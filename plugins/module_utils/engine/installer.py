# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every installer can do to a virtual environment; ``installer_pip`` and ``installer_uv`` spell it out."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from typing import Mapping, Optional, Tuple

from .account import Account
from .desired import IndexSettings
from .host import Host
from .interpreter import Interpreter
from .process import Command, Completed
from .request import InstallRequest

#: In the scratch directory: what an installer that can keeps as its log. pip tells only there that an index refused it.
LOG_NAME = "installer.log"


@dataclass(frozen=True)
class Workplace:
    """Where an installer works: the host, who runs it, a directory for its files, and where distributions come from.

    ``scratch`` is a private directory of ``account`` that goes away afterwards.
    """

    host: Host
    account: Optional[Account]
    scratch: str
    index: IndexSettings


@dataclass(frozen=True)
class Prepared:
    """A command and the files (path → content) that have to be there when it starts."""

    command: Command
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolution:
    """What an installer says it would install: normalised names to versions.

    ``untold`` are the addresses of distributions whose version it does not say; theirs are empty.
    """

    packages: Mapping[str, str]
    untold: Tuple[str, ...] = ()


class Installer(abc.ABC):
    """A program that fills virtual environments."""

    name: str
    #: Whether a failed installation leaves what was there before.
    puts_back = True
    #: What the installer says in a failure, and what the user can do about it.
    known_failures: Tuple[Tuple[str, str], ...] = ()

    @abc.abstractmethod
    def create(self, work: Workplace, interpreter: Interpreter, path: str, *, system_site_packages: bool) -> Prepared:
        """Return the command that makes an empty environment at ``path``."""

    @abc.abstractmethod
    def prepare(self, work: Workplace, venv: str, distributions: Mapping[str, str]) -> Optional[Prepared]:
        """Return the command an existing environment needs before this installer can work in it, if any."""

    @abc.abstractmethod
    def install(self, work: Workplace, venv: str, request: InstallRequest) -> Prepared:
        """Return the command that installs what is asked."""

    @abc.abstractmethod
    def uninstall(self, work: Workplace, venv: str, names: Tuple[str, ...]) -> Prepared:
        """Return the command that removes these distributions."""

    @abc.abstractmethod
    def resolve(self, work: Workplace, venv: str, request: InstallRequest, *, everything: bool) -> Prepared:
        """Return the dry run of ``install``: what it would change, or the whole resolved set with ``everything``."""

    @abc.abstractmethod
    def read_resolution(self, done: Completed) -> Resolution:
        """Read what a dry run printed."""

    def look_into(self, work: Workplace, venv: str, addresses: Tuple[str, ...], folder: str) -> Optional[Prepared]:  # noqa: ARG002
        """Return the command that lays what is at these addresses, without dependencies, into a folder to look at.

        ``None`` for an installer that says every version by itself.
        """
        return None

    def index_failure(self, log: str) -> str:  # noqa: ARG002
        """Return what a log says of an index that did not answer although the installer went on, "" for none."""
        return ""

    def advice(self, said: str) -> str:
        """Return what the user can do about a failure, by what the installer said; "" where that is not known."""
        return next((advice for text, advice in self.known_failures if text in said), "")
