# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is declared and what was found to the fewest steps: a pure function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Dict, List, Optional, Tuple, Union

from .desired import Desired, VenvEntry
from .difference import Difference, tool_difference, venv_difference
from .host_state import HostState, ObservedConfig, ObservedMarker, ObservedTool, ObservedVenv
from .interpreter import Interpreter, describe_found
from .parts import load
from .pipx import PIN_SINCE, Pipx, can_pin, has_pipx_for_uv
from .redact import redact
from .steps import ConfigStep, MarkerStep, PackageStep, Plan, Refusal, RepairStep, SystemPipStep, ToolStep, VenvStep

if TYPE_CHECKING:
    from pep668_provision.engine.system_pip_plan import EntryPlan
    from pep668_provision.engine.system_pip_state import ObservedSystemPip

#: A pipx that a step before the tool's provides.
_TO_COME = Pipx("", "")


def plan(desired: Desired, state: HostState) -> Plan:
    """Return the steps that lead from ``state`` to ``desired``; the same input gives the same plan."""
    planner = _Planner(desired, state)
    for library in desired.libraries:
        planner.plan_library(library)
    for marker in state.markers:
        planner.plan_marker(marker)
    for pip_config in state.pip_configs:
        planner.plan_pip_config(pip_config)
    planner.warnings += state.lasting_overrides
    for position, entry in enumerate(state.system_pip):
        planner.plan_system_pip(position, entry)
    for position, venv in enumerate(state.venvs):
        planner.plan_venv(position, venv)
    if state.own_uv is not None:
        planner.plan_uv(state.own_uv)
    for position, tool in enumerate(state.tools):
        planner.plan_tool(position, tool)
    return planner.finish()


@dataclass
class _Planner:
    """Collects steps; OS packages and programs needed by several entries are planned once, with each reason."""

    desired: Desired
    state: HostState
    packages: Dict[str, List[str]] = field(default_factory=dict)
    markers: List[MarkerStep] = field(default_factory=list)
    pip_configs: List[ConfigStep] = field(default_factory=list)
    system_pip: List[SystemPipStep] = field(default_factory=list)
    own: Dict[str, VenvStep] = field(default_factory=dict)
    venvs: List[VenvStep] = field(default_factory=list)
    tools: List[ToolStep] = field(default_factory=list)
    refusals: List[Refusal] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)

    def refuse(self, message: str, advice: str, *, pending: bool = False) -> None:
        self.refusals.append(Refusal(redact(message), advice, pending))

    def plan_library(self, name: str) -> None:
        package = self.state.distribution.library_package(name)
        known = f"the repositories of {self._distribution_name()} have no package {package}"
        if not package:
            known = f"how {self._distribution_name()} calls the packages of libraries is not known here"
        if not package or self.state.available_packages.get(package) is False:
            self.refuse(
                f"The library {name} is wanted from the distribution, and {known}.",
                f"Declare it in an entry of python_venvs (packages: [{name}]), or in python_tools if it is a command.",
            )
        elif package not in self.state.installed_packages:
            self._need_package(package, f"it provides the library {name}")

    def plan_marker(self, observed: ObservedMarker) -> None:
        marker = observed.marker
        if not marker.needs_restoring:
            if marker.state != "intact":
                self.warnings.append(f"{marker.path} is not restored: {marker.detail}")
        elif not self.desired.manage_system_packages:
            self.refuse(
                f"{marker.path} is {marker.state}, and python_manage_system_packages is false: {marker.detail}",
                f"Install {marker.package} again by hand.",
            )
        elif observed.problem:
            self.refuse(observed.problem, observed.advice)
        else:
            self.markers.append(MarkerStep(marker, (f"it is {marker.state}, and {marker.package} ships it",)))

    def plan_pip_config(self, observed: ObservedConfig) -> None:
        if observed.problem:
            self.refuse(observed.problem, observed.advice)
        elif observed.reasons:
            self.pip_configs.append(ConfigStep(observed.wanted, _clean(observed.reasons)))

    def plan_system_pip(self, position: int, observed: ObservedSystemPip) -> None:
        planned: EntryPlan = load("system_pip_plan").plan_entry(position, observed, self.state)
        for package, reason in planned.packages.items():
            self._need_package(package, reason)
        if planned.step is not None:
            self.system_pip.append(planned.step)
        if planned.refusal is not None:
            refusal = planned.refusal
            self.refuse(refusal.message, refusal.advice, pending=refusal.pending)
        self.warnings += planned.warnings

    def _need_package(self, name: str, reason: str) -> None:
        self.packages.setdefault(name, []).append(reason)

    def _distribution_name(self) -> str:
        return f"{self.state.distribution.name} {self.state.distribution.version}".strip()

    def plan_venv(self, position: int, observed: ObservedVenv) -> None:
        difference = venv_difference(observed)
        if difference is None:
            # What is newest was not asked there.
            self._endangered(observed)
            return
        if self._refused(difference):
            return
        entry = observed.entry
        is_others = observed.account is not None and observed.account.uid != self.state.uid
        if entry.owner and is_others and not self.state.is_root:
            self.refuse(
                f"{entry.path} is to belong to {entry.owner}, and only root can do that.",
                "Run it as root (become, or _sudo with pyinfra), or leave owner out.",
            )
            return
        if self._endangered(observed):
            return
        installs = difference.action in ("create", "rebuild", "update")
        installer = self._installer_of(entry) if installs else ""
        if installs and not installer:
            return
        # Where uv made it, pip has to be put into it first.
        filled = self._python_to_fill(observed) if installs and observed.builds is None else None
        if filled is not None and not self._can_create(
            f"the environment {entry.path}", filled, by_uv=installer == "uv"
        ):
            return
        interpreter = None
        if difference.makes_anew:
            interpreter, what = observed.interpreter, f"the environment {entry.path}"
            if not self._provide_interpreter(what, entry.python, interpreter, by_uv=installer == "uv"):
                return
        self.venvs.append(
            VenvStep(
                difference.action,
                observed,
                _clean(difference.reasons),
                position,
                interpreter,
                installer,
                build=difference.build,
            )
        )
        self.warnings += observed.warnings

    def _endangered(self, observed: Union[ObservedVenv, ObservedTool]) -> bool:
        """Refuse what others than its owner could redirect; say whether it was."""
        if observed.danger is not None:
            self.refuse(observed.danger.message, observed.danger.advice)
        return observed.danger is not None

    def _python_to_fill(self, observed: ObservedVenv) -> Optional[Interpreter]:
        return (observed.interpreter or self.state.default_interpreter) if observed.lacks_pip else None

    def plan_uv(self, observed: ObservedVenv) -> None:
        """Plan uv itself: the distribution's where it has one, else its wheel in an environment of its own."""
        if self.state.uv:
            is_own = self.state.uv == f"{observed.entry.path}/bin/uv"
            if is_own and self.desired.uv_pin and venv_difference(observed) is not None:
                self.plan_own("uv", observed, f"python_uv_pin is {self.desired.uv_pin}", installer="bundled")
            return
        reason = "python_uv asks for it and the host has none"
        package = self.state.distribution.uv_package()
        if package and self.state.available_packages.get(package, True) and self._may_install_packages():
            self._need_package(package, reason)
        else:
            self.plan_own("uv", observed, reason, installer="bundled")

    def plan_own(self, name: str, observed: ObservedVenv, reason: str, *, installer: str) -> bool:
        """Plan the environment this project keeps a program in, unless it is in order; ``False`` after a refusal."""
        difference = venv_difference(observed)
        if difference is None:
            return True
        if self._refused(difference) or self._endangered(observed):
            return False
        if self.desired.require_pins and not getattr(self.desired, f"{name}_pin"):
            self._refuse_own(name, reason)
            return False
        interpreter = None
        if difference.makes_anew:
            interpreter = self.state.default_interpreter
            if interpreter is None:
                self.refuse(
                    f"{name} needs a Python to run with, and none was found.", "Install the distribution's python3."
                )
                return False
            if not self._can_create(name, interpreter, by_uv=installer == "uv"):
                return False
        else:
            filled = self._python_to_fill(observed)
            if filled is not None and not self._can_create(name, filled, by_uv=installer == "uv"):
                return False
        reasons = (reason, *difference.reasons) if difference.action == "rebuild" else (reason,)
        if name in self.own:
            reasons = tuple(dict.fromkeys(self.own[name].reasons + reasons))
        links = observed.links
        self.own[name] = VenvStep(difference.action, observed, _clean(reasons), None, interpreter, installer, links)
        return True

    def _refuse_own(self, name: str, reason: str) -> None:
        other = ", or python_pipx_source: system to have the distribution's" if name == "pipx" else ""
        self.refuse(
            f"{name} would come from the index in its newest version ({reason}), and python_require_pins is true.",
            f"Set python_{name}_pin to the version it should have{other}.",
        )

    def plan_tool(self, position: int, observed: ObservedTool) -> None:
        difference = tool_difference(observed)
        if difference is None:
            self._endangered(observed)
            return
        if self._refused(difference):
            return
        if not self._may_touch(observed) or self._endangered(observed):
            return
        pipx = None
        if difference.action in ("create", "rebuild") or (difference.action == "link" and self._pin_differs(observed)):
            installed = self._provide_pipx(observed)
            if installed is None:
                return
            pipx = installed if installed.path else None
            if difference.action != "link" and not self._provide_python(observed, installed):
                return
        self.tools.append(
            ToolStep(difference.action, observed, _clean(difference.reasons), position, pipx, difference.keeps_versions)
        )

    def _provide_python(self, observed: ObservedTool, pipx: Pipx) -> bool:
        """Plan what a tool's Python lacks so that pipx can make an environment with it; ``False`` after a refusal."""
        entry, what, default = observed.entry, f"the tool {observed.entry.name}", self.state.default_interpreter
        by_uv = self._is_filled_by_uv(observed, pipx)
        if entry.python:
            return self._provide_interpreter(what, entry.python, observed.interpreter, by_uv=by_uv)
        # A distribution's pipx brings what it needs, and one that pip installs had it for itself.
        made_by_uv = not pipx.path and "pipx" in self.own and self.own["pipx"].installer == "uv"
        by_own = pipx.path == self._own_pipx or made_by_uv
        return default is None or not by_own or self._can_create(what, default, by_uv=by_uv)

    def _is_filled_by_uv(self, observed: ObservedTool, pipx: Pipx) -> bool:
        has_uv = bool(self.state.uv or self.desired.uv)
        if self.desired.installer_of(observed.entry, has_uv=has_uv) != "uv":
            return False
        return pipx.can_use_uv if pipx.path else "pipx" in self.own and self._has_uv_for_pipx()

    def _has_uv_for_pipx(self) -> bool:
        return has_pipx_for_uv(self.state.default_interpreter)

    @property
    def _own_pipx(self) -> str:
        return f"{self.state.own_pipx.entry.path}/bin/pipx" if self.state.own_pipx is not None else ""

    def finish(self) -> Plan:
        packages = tuple(
            PackageStep(name, tuple(dict.fromkeys(reasons))) for name, reasons in sorted(self.packages.items())
        )
        if packages and not self._may_install_packages():
            forbidden = not self.desired.manage_system_packages
            why = "python_manage_system_packages is false" if forbidden else "this runs without root's rights"
            names = tuple(step.name for step in packages)
            needs = "; ".join(f"{step.name} ({', '.join(step.reasons)})" for step in packages)
            self.refuse(
                f"OS packages are missing: {needs}, and {why}.",
                f"As root, run: {self.state.distribution.install_hint(names)}",
            )
        acts = bool(self.own or self.venvs or self.tools or self.refusals)
        if acts and self.state.distribution.family is None:
            self.warnings.append(
                f"{self._distribution_name()} is not among the distributions whose packages are known here, and its"
                " package manager is not used. Environments with an interpreter that is there work, and tools with pipx"
                " from the index."
            )
        if acts:
            self.warnings += self.state.passed_over
        return Plan(
            repairs=self._repairs(),
            packages=packages,
            markers=tuple(self.markers),
            pip_configs=tuple(self.pip_configs),
            system_pip=tuple(self.system_pip),
            own=tuple(self.own.values()),
            venvs=tuple(self.venvs),
            tools=tuple(self.tools),
            refusals=tuple(self.refusals),
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

    def _repairs(self) -> Tuple[RepairStep, ...]:
        """Return what brings the package manager back; one that is not going to be used is left as it is."""
        manager = self.state.distribution.manager
        if manager is None or not self.state.interruption or not self._may_install_packages():
            return ()
        return (RepairStep(manager.name, self.state.interruption),)

    def _may_install_packages(self) -> bool:
        manager = self.state.distribution.manager
        has_rights = self.state.is_root or (manager is not None and not manager.needs_root)
        return has_rights and self.desired.manage_system_packages

    def _refused(self, difference: Difference) -> bool:
        if difference.refusal:
            self.refuse(difference.refusal, difference.advice, pending=difference.pending)
        return bool(difference.refusal)

    def _installer_of(self, entry: VenvEntry) -> str:
        """Return pip or uv for an environment, "" after a refusal."""
        has_uv = bool(self.state.uv or self.desired.uv)
        wanted = self.desired.installer_of(entry, has_uv=has_uv)
        if wanted == "pip":
            return wanted
        if not has_uv:
            self._refuse_without_uv(entry.path)
            return ""
        if not entry.pip_args:
            return wanted
        from .installer_uv_options import lacking_in_uv  # noqa: PLC0415  # few entries have any

        lacking = lacking_in_uv(entry)
        if lacking and "uv" in (entry.installer, self.desired.installer):
            self.refuse(
                f"{entry.path}: uv has nothing for {', '.join(lacking)} in pip_args.",
                "Leave it out, or set installer: pip for this environment.",
            )
            return ""
        return "pip" if lacking else wanted

    def _refuse_without_uv(self, what: str) -> None:
        self.refuse(f"{what} asks for the installer uv, and this host has none.", "Set python_uv: true to provide it.")

    def _provide_interpreter(self, what: str, selector: str, found: Optional[Interpreter], *, by_uv: bool) -> bool:
        """Plan what has to be installed for an interpreter to make environments; ``False`` after a refusal."""
        if found is not None:
            return self._can_create(what, found, by_uv=by_uv)
        distribution, available = self.state.distribution, self.state.available_packages
        wanted = f"Python {selector}" if selector[:1].isdigit() else selector or "python3"
        package = distribution.selected_package(selector)
        if package and available.get(package, True) and package not in self.state.installed_packages:
            self._need_package(package, f"{what} is to run {wanted}")
            extra = distribution.venv_package(selector.replace("python", ""), is_default=False)
            if extra and not by_uv:
                self._need_package(extra, f"{wanted} cannot make environments without it")
            return True
        offered = [name for name in distribution.interpreter_packages().values() if available.get(name)]
        repositories = f" The distribution's repositories have {', '.join(offered)}." if offered else ""
        self.refuse(
            f"For {what} {wanted} is wanted, which is not on this host or does not run.",
            f"Found were: {describe_found(self.state.found_interpreters)}.{repositories} Install it, or select one of"
            " these.",
            pending=True,
        )
        return False

    def _can_create(self, what: str, interpreter: Interpreter, *, by_uv: bool) -> bool:
        """Plan what an interpreter lacks to make environments; ``False`` after a refusal."""
        if interpreter.can_create_venv or by_uv:
            return True
        default = self.state.default_interpreter
        is_default = default is not None and interpreter.real_path == default.real_path
        package = self.state.distribution.venv_package(
            interpreter.release, is_default=is_default, implementation=interpreter.implementation
        )
        if not package or interpreter.origin != "distribution":
            self.refuse(
                f"For {what} the interpreter {interpreter.path} is wanted, which lacks the modules venv and ensurepip.",
                "Complete that Python, or select another one.",
            )
            return False
        self._need_package(package, f"{interpreter.path} cannot make environments without it")
        return True

    def _may_touch(self, observed: ObservedTool) -> bool:
        entry, space = observed.entry, observed.space
        if self.state.is_root or space is None:
            return True
        if entry.scope == "global":
            self.refuse(
                f"The tool {entry.name} is to be global, and only root can do that.",
                "Run it as root (become, or _sudo with pyinfra), or set scope: user.",
            )
            return False
        if entry.user and observed.state is not None and not _is_caller(self.state, observed):
            self.refuse(
                f"The tool {entry.name} is for {entry.user}, and only root can act for others.",
                "Run it as root (become, or _sudo with pyinfra).",
            )
            return False
        return True

    def _pin_differs(self, observed: ObservedTool) -> bool:
        state = observed.state
        return state is not None and state.record is not None and state.record.pinned != observed.entry.pinned

    def _provide_pipx(self, observed: ObservedTool) -> Optional[Pipx]:
        """Return the pipx for a tool, one without a path when a step provides it first, ``None`` after a refusal."""
        entry, source, state = observed.entry, self.desired.pipx_source, self.state
        has_uv = bool(state.uv or self.desired.uv)
        by_uv = self.desired.installer_of(entry, has_uv=has_uv) == "uv"
        if by_uv and not has_uv:
            self._refuse_without_uv(f"The tool {entry.name}")
            return None
        usable = [one for one in state.pipx if _may_run(one, observed)]
        if source == "system":
            usable = [one for one in usable if one.path != self._own_pipx]
        elif source == "index":
            usable = [one for one in usable if one.path == self._own_pipx]
        own_is_whole = state.own_pipx is not None and venv_difference(state.own_pipx) is None
        usable = [one for one in usable if one.path != self._own_pipx or own_is_whole]
        pins = entry.pinned or self._pin_differs(observed)
        capable = [one for one in usable if not pins or can_pin(one.version)]
        # One that can use uv comes first; where uv is asked for by name, no other is enough while there may be one.
        capable.sort(key=lambda one: by_uv and not one.can_use_uv)
        asked = "uv" in (entry.installer, self.desired.installer) and by_uv and source == "auto"
        better = asked and not own_is_whole and self._has_uv_for_pipx()
        if capable and (capable[0].can_use_uv or not better):
            return capable[0]
        needs = f"the tool {entry.name} is installed with it"
        package = state.distribution.pipx_package()
        # Lists that arrive between two plans of one run must not turn the first one's decision for the index around.
        packaged = state.distribution.packages_pipx(further=source == "system")
        packaged = packaged and state.available_packages.get(package, True) and not pins and not usable
        # What distributions package is older, and brings pip along.
        packaged = packaged and not (source == "auto" and by_uv and self._has_uv_for_pipx())
        if source == "system" and not packaged:
            self.refuse(
                f"The tool {entry.name} needs {'a pipx that can pin' if pins else 'pipx'}, which"
                f" {self._distribution_name()} does not package.",
                "Set python_pipx_source: auto to have one from the index.",
            )
            return None
        if source == "system" or (source == "auto" and packaged and self._may_install_packages()):
            self._need_package(package, needs)
            return _TO_COME
        own = next((one for one in usable if one.path == self._own_pipx), None)
        comes = self.desired.pipx_pin or (own.version if own is not None else "")
        if pins and comes and not can_pin(comes):
            self.refuse(
                f"The tool {entry.name} needs a pipx that can pin, and this project's own is to be {comes}.",
                f"Set python_pipx_pin to {PIN_SINCE} or newer.",
            )
            return None
        if state.own_pipx is not None and not self.plan_own(
            "pipx", state.own_pipx, needs, installer="uv" if by_uv else "pip"
        ):
            return None
        return _TO_COME


def _is_caller(state: HostState, observed: ObservedTool) -> bool:
    return observed.space is not None and observed.space.account.uid == state.uid


def _may_run(pipx: Pipx, observed: ObservedTool) -> bool:
    """Say whether the tool's account can be expected to run a pipx: one in another account's home it cannot."""
    space = observed.space
    in_a_home = pipx.path.startswith(("/root/", "/home/"))
    return not in_a_home or (space is not None and pipx.path.startswith(space.account.home + "/"))


def _clean(reasons: Tuple[str, ...]) -> Tuple[str, ...]:
    return tuple(redact(reason) for reason in reasons)
