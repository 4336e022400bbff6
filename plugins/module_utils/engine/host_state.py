# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found on a host about a declared state: plain data, from ``observe`` to ``plan``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, FrozenSet, Mapping, Optional, Tuple

from .account import Account
from .desired import ToolEntry, VenvEntry
from .distro import Distribution
from .interpreter import Interpreter
from .pipx import Pipx, ToolSpace, ToolState
from .request import Request
from .venv import VenvState

if TYPE_CHECKING:
    from pep668_provision.engine.builds import Builds
    from pep668_provision.engine.path_control import Danger
    from pep668_provision.engine.pip_conf_wanted import WantedConfig
    from pep668_provision.engine.shipped_marker import ShippedMarker
    from pep668_provision.engine.system_pip_state import ObservedSystemPip

    from .login_path import LoginPath


@dataclass(frozen=True)
class ObservedVenv:
    """A declared environment and what there is of it.

    ``interpreter`` is the selected one where a new environment is needed, ``runs_selected`` says whether the present
    one already runs it; ``newer`` maps names to versions the index has beyond the installed ones (state latest).
    ``builds`` are those of one with versioned layout; then ``state`` is that of the build its path leads to. Of one
    that differs ``danger`` says why nothing may be done there, ``warnings`` what the user has to know before.
    """

    entry: VenvEntry
    state: VenvState
    request: Request
    runs_selected: bool = True
    interpreter: Optional[Interpreter] = None
    owner_missing: bool = False
    account: Optional[Account] = None
    newer: Mapping[str, str] = field(default_factory=dict)
    links: Tuple[Tuple[str, str], ...] = ()
    builds: Optional[Builds] = None
    danger: Optional[Danger] = None
    warnings: Tuple[str, ...] = ()

    @property
    def lacks_pip(self) -> bool:
        """Whether it is an environment without pip, as uv makes them, in which something is asked for."""
        entry, state = self.entry, self.state
        asks = bool(entry.packages or entry.requirements or entry.lock or entry.project)
        return asks and self.runs_selected and state.is_usable and "pip" not in state.distributions


@dataclass(frozen=True)
class ObservedTool:
    """A declared tool and what there is of it; ``newer`` and ``danger`` as for environments."""

    entry: ToolEntry
    state: Optional[ToolState] = None
    space: Optional[ToolSpace] = None
    user_missing: bool = False
    runs_selected: bool = True
    interpreter: Optional[Interpreter] = None
    newer: Mapping[str, str] = field(default_factory=dict)
    login_path: Optional[LoginPath] = None
    danger: Optional[Danger] = None


@dataclass(frozen=True)
class ObservedMarker:
    """A marker that an OS package ships; ``problem`` says why one that needs it cannot be restored here."""

    marker: ShippedMarker
    problem: str = ""
    advice: str = ""


@dataclass(frozen=True)
class ObservedConfig:
    """A pip.conf with the override of the marker, or one of which that cannot be told: then ``problem`` says why."""

    wanted: WantedConfig
    reasons: Tuple[str, ...] = ()
    problem: str = ""
    advice: str = ""


@dataclass(frozen=True)
class HostState:
    """What was found on a host about a declared state; plain data, made for one ``plan()``.

    ``available_packages`` says of OS packages that may be needed whether the configured repositories have them; one
    that is not in it was not asked for, or the lists at hand cannot tell. ``interruption`` says what a killed
    transaction of the package manager left half-way; it is looked for where packages are needed. ``markers`` and
    ``pip_configs`` are looked at where they are declared; ``lasting_overrides`` tells of overrides that are in no file
    of pip's own levels, ``passed_over`` of interpreters and programs that root does not run, as others could exchange
    them.
    """

    distribution: Distribution
    uid: int = 0
    default_interpreter: Optional[Interpreter] = None
    found_interpreters: Tuple[Interpreter, ...] = ()
    venvs: Tuple[ObservedVenv, ...] = ()
    tools: Tuple[ObservedTool, ...] = ()
    system_pip: Tuple[ObservedSystemPip, ...] = ()
    pipx: Tuple[Pipx, ...] = ()
    own_pipx: Optional[ObservedVenv] = None
    uv: str = ""
    own_uv: Optional[ObservedVenv] = None
    installed_packages: FrozenSet[str] = frozenset()
    available_packages: Mapping[str, bool] = field(default_factory=dict)
    lists_need_refresh: bool = False
    interruption: Tuple[str, ...] = ()
    markers: Tuple[ObservedMarker, ...] = ()
    pip_configs: Tuple[ObservedConfig, ...] = ()
    lasting_overrides: Tuple[str, ...] = ()
    passed_over: Tuple[str, ...] = ()

    @property
    def is_root(self) -> bool:
        return self.uid == 0
