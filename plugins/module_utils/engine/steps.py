# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: ordered steps, each with its reason, as data that can be printed, compared and tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, List, Optional, Tuple, Union

from .host_state import ObservedTool, ObservedVenv
from .interpreter import Interpreter
from .pipx import Pipx

if TYPE_CHECKING:
    from pep668_provision.engine.pip_conf_wanted import WantedConfig
    from pep668_provision.engine.shipped_marker import ShippedMarker
    from pep668_provision.engine.system_pip_state import ObservedSystemPip


#: How many steps a processor takes in one call: enough that few processors wait for the last of them.
_STEPS_EACH = 8


@dataclass(frozen=True)
class StepText:
    """A step in words: ``action`` on the ``kind`` called ``name``, and why.

    Kinds are package_manager, system_package, marker, pip_config, system_pip, venv and tool.
    """

    action: str
    kind: str
    name: str
    reasons: Tuple[str, ...]

    def as_dict(self) -> Dict[str, object]:
        return {"action": self.action, "kind": self.kind, "name": self.name, "reasons": list(self.reasons)}


@dataclass(frozen=True)
class RepairStep:
    """A package manager whose last transaction was killed, to be brought back before it installs."""

    manager: str
    reasons: Tuple[str, ...]


@dataclass(frozen=True)
class PackageStep:
    """An OS package to install."""

    name: str
    reasons: Tuple[str, ...]


@dataclass(frozen=True)
class MarkerStep:
    """A marker to restore from the OS package that ships it."""

    marker: ShippedMarker
    reasons: Tuple[str, ...]


@dataclass(frozen=True)
class ConfigStep:
    """A pip.conf to take the override of the marker out of."""

    wanted: WantedConfig
    reasons: Tuple[str, ...]

    @property
    def path(self) -> str:
        return self.wanted.path


@dataclass(frozen=True)
class VenvStep:
    """What happens to one environment: create, rebuild, update or remove; with versioned layout also switch or prune.

    ``position`` is its place in ``python_venvs``, ``None`` for one in which this project keeps a program of its own;
    ``links`` are (link, target) pairs to make with it, ``build`` is the build its path leads to afterwards.
    """

    action: str
    observed: ObservedVenv
    reasons: Tuple[str, ...]
    position: Optional[int] = None
    interpreter: Optional[Interpreter] = None
    installer: str = "pip"
    links: Tuple[Tuple[str, str], ...] = ()
    build: str = ""

    @property
    def text(self) -> StepText:
        return StepText(self.action, "venv", self.observed.entry.path, self.reasons)


@dataclass(frozen=True)
class SystemPipStep:
    """What pip does about one entry of ``python_system_pip``: install or remove."""

    action: str
    observed: ObservedSystemPip
    reasons: Tuple[str, ...]
    position: int


@dataclass(frozen=True)
class ToolStep:
    """What happens to one tool: create, rebuild, link or remove; ``pipx`` is ``None`` where it is provided first."""

    action: str
    observed: ObservedTool
    reasons: Tuple[str, ...]
    position: int
    pipx: Optional[Pipx] = None
    keeps_versions: bool = True

    @property
    def text(self) -> StepText:
        return StepText(self.action, "tool", self.observed.entry.venv_name, self.reasons)


@dataclass(frozen=True)
class Refusal:
    """Something declared that cannot be done on this host, and what the user can do about it.

    ``pending``: something outside of the declared state is missing (a file, an account, an interpreter), which an
    earlier task would have put there if this were not a dry run.
    """

    message: str
    advice: str
    pending: bool = False

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


@dataclass(frozen=True)
class Plan:
    """The fewest steps from what is there to what is declared, in the order they have to be taken.

    An empty plan means the host is converged. With ``refusals`` nothing may be applied.
    """

    repairs: Tuple[RepairStep, ...] = ()
    packages: Tuple[PackageStep, ...] = ()
    markers: Tuple[MarkerStep, ...] = ()
    pip_configs: Tuple[ConfigStep, ...] = ()
    system_pip: Tuple[SystemPipStep, ...] = ()
    own: Tuple[VenvStep, ...] = ()
    venvs: Tuple[VenvStep, ...] = ()
    tools: Tuple[ToolStep, ...] = ()
    refusals: Tuple[Refusal, ...] = ()
    warnings: Tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.steps or self.refusals)

    @property
    def steps(self) -> Tuple[StepText, ...]:
        """Every step in words, in the order they are taken."""
        found = [StepText("repair", "package_manager", step.manager, step.reasons) for step in self.repairs]
        found += [StepText("install", "system_package", step.name, step.reasons) for step in self.packages]
        found += [StepText("restore", "marker", step.marker.path, step.reasons) for step in self.markers]
        found += [StepText("update", "pip_config", step.path, step.reasons) for step in self.pip_configs]
        found += [
            StepText(step.action, "system_pip", step.observed.entry.label, step.reasons) for step in self.system_pip
        ]
        found += [step.text for step in (*self.own, *self.venvs)]
        found += [step.text for step in self.tools]
        return tuple(found)


@dataclass(frozen=True)
class Batch:
    """Environments and tools that one call makes side by side, so that the user sees something between two calls.

    ``venvs`` and ``tools`` are places in ``python_venvs`` and ``python_tools``; ``steps`` are these in words, and those
    of the programs this project provides for them.
    """

    venvs: Tuple[int, ...]
    tools: Tuple[int, ...]
    steps: Tuple[StepText, ...]

    def as_dict(self) -> Dict[str, object]:
        label = ", ".join(f"{step.name} ({'; '.join(step.reasons)})" for step in self.steps)
        steps = [step.as_dict() for step in self.steps]
        return {"venvs": list(self.venvs), "tools": list(self.tools), "label": label, "steps": steps}


def batches_of(plan: Plan, processors: int) -> Tuple[Batch, ...]:
    """Return how the environments and tools of a plan are divided into calls, on a host with so many processors."""
    size = max(processors, 1) * _STEPS_EACH
    every: List[Union[VenvStep, ToolStep]] = [*plan.venvs, *plan.tools]
    own = tuple(step.text for step in plan.own)
    found = []
    for start in range(0, max(len(every), 1 if own else 0), size):
        part = every[start : start + size]
        found.append(
            Batch(
                tuple(step.position for step in part if isinstance(step, VenvStep) and step.position is not None),
                tuple(step.position for step in part if isinstance(step, ToolStep)),
                (own if start == 0 else ()) + tuple(step.text for step in part),
            )
        )
    return tuple(found)
