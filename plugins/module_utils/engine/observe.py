# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a host and only reads: everything planning needs to know about what was declared, as data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, Mapping, Optional, Tuple, TypeVar, Union

from .account import Account
from .desired import Desired, VenvEntry
from .difference import tool_difference, venv_difference
from .distro import Distribution, observe_distribution
from .errors import ProvisionError
from .host import Host
from .host_state import HostState, ObservedConfig, ObservedMarker, ObservedTool, ObservedVenv
from .interpreter import Interpreter, Interpreters, exchanged_by, search_directories
from .os_packages import available_packages, candidate_versions, installed_packages, lists_need_refresh
from .own_programs import find_uv, own_program_entry, own_program_link
from .parts import load
from .pipx import Pipx, find_pipx, has_pipx_for_uv, observe_tool, tool_space
from .request import InstallRequest, Request, read_request
from .venv import VenvState, observe_venv, runs_selected

if TYPE_CHECKING:
    from pep668_provision.engine.path_control import Danger
    from pep668_provision.engine.shipped_marker import ShippedMarker
    from pep668_provision.engine.system_pip_observe import SiteInquiry
    from pep668_provision.engine.system_pip_state import ObservedSystemPip

    from .login_path import LoginPath

#: Asks an installer for what it would change: environment, request, who runs it → normalised names to versions.
Inquiry = Callable[[str, InstallRequest, Optional[Account]], Mapping[str, str]]
_Observed = TypeVar("_Observed", ObservedVenv, ObservedTool)


def observe(
    desired: Desired,
    host: Host,
    inquire: Optional[Inquiry] = None,
    inquire_site: "Optional[SiteInquiry]" = None,
) -> HostState:
    """Read what there is of a declared state. Starts no installer, except ``inquire`` for entries with state latest.

    ``inquire_site`` asks the pip of entries of ``python_system_pip`` that are not met. Interpreters are only asked
    where something differs and may have to be built.
    """
    interpreters = Interpreters(host, only_safe=True)
    distribution = observe_distribution(host)
    venvs = tuple(_observe_venv(host, entry, interpreters, inquire) for entry in desired.venvs)
    if desired.require_pins:
        venvs = tuple(_with_pins_checked(host, one) for one in venvs)
    pipx = find_pipx(host, own_program_entry(host, "pipx").path) if desired.tools else ()
    tools = _observe_tools(host, desired, pipx, interpreters, inquire)
    uv = find_uv(host)
    markers = _observe_markers(desired, host)
    pip_configs, lasting_overrides = _observe_overrides(desired, host, interpreters)
    # pip meets what the steps before it leave.
    changing = (
        *(one.marker.path for one in markers if one.marker.needs_restoring),
        *(one.wanted.path for one in pip_configs if one.reasons),
    )
    system_pip = _observe_system_pip(
        host, desired, distribution, interpreters, inquire_site, changing, asks_newest=inquire is not None
    )
    differs = any(venv_difference(one) for one in venvs) or any(tool_difference(one) for one in tools)
    differs = differs or any(one.unmet or one.newer for one in system_pip)
    own_uv = _observe_own(host, "uv", desired.uv_pin, interpreters) if desired.uv else None
    default = None
    found: Tuple[Interpreter, ...] = ()
    if differs or (own_uv is not None and _uv_differs(desired, own_uv, uv)):
        default = interpreters.default()
        venvs = tuple(_with_interpreter(one, interpreters) for one in venvs)
        venvs = tuple(one if one.builds is None else load("builds").with_planned_name(host, one) for one in venvs)
        tools = tuple(_with_interpreter(one, interpreters) for one in tools)
        venvs = tuple(_with_danger(host, one) for one in venvs)
        tools = tuple(_with_danger_of_tool(host, one) for one in tools)
        if any(map(_lacks_interpreter, venvs)) or any(map(_lacks_interpreter, tools)):
            found = interpreters.discover(with_pip=False)
    libraries = tuple(distribution.library_package(name) for name in desired.libraries)
    brings_python = _interpreter_packages(distribution, (*venvs, *tools)) if differs else ()
    instead_of_pip = tuple(package for one in system_pip for package in one.packages.values())
    installed = installed_packages(host, distribution, (*libraries, *brings_python, *instead_of_pip))
    asked = [name for name in (*libraries, *brings_python, *instead_of_pip) if name and name not in installed]
    if desired.tools and not pipx and differs and _may_take_packaged_pipx(desired, default, has_uv=bool(uv)):
        asked.append(distribution.pipx_package())
    if desired.uv and not uv:
        asked.append(distribution.uv_package())
    available = available_packages(host, distribution, filter(None, asked))
    if not all(available.get(name, True) for name in brings_python):
        available.update(available_packages(host, distribution, distribution.interpreter_packages().values()))
    return HostState(
        distribution=distribution,
        uid=host.uid,
        default_interpreter=default,
        found_interpreters=found,
        venvs=venvs,
        tools=tools,
        system_pip=tuple(_with_candidates(host, one, distribution, available) for one in system_pip),
        pipx=pipx,
        own_pipx=_with_default(host, _observe_own(host, "pipx", desired.pipx_pin, interpreters), default)
        if desired.tools
        else None,
        uv=uv,
        own_uv=_with_default(host, own_uv, default) if own_uv is not None else None,
        installed_packages=installed,
        available_packages=available,
        lists_need_refresh=lists_need_refresh(host, distribution),
        markers=markers,
        pip_configs=pip_configs,
        lasting_overrides=lasting_overrides,
        passed_over=_passed_over(host, interpreters) if differs else (),
    )


def _observe_markers(desired: Desired, host: Host) -> Tuple[ObservedMarker, ...]:
    if not desired.restore_marker:
        return ()
    return tuple(_with_obstacle(host, marker) for marker in load("shipped_marker").observe_shipped_markers(host))


def _with_obstacle(host: Host, marker: ShippedMarker) -> ObservedMarker:
    if not marker.needs_restoring:
        return ObservedMarker(marker)
    try:
        load("marker_restore").foresee_restoration(host, [marker])
    except ProvisionError as error:
        return ObservedMarker(marker, error.message, error.advice)
    return ObservedMarker(marker)


def _observe_overrides(
    desired: Desired, host: Host, interpreters: Interpreters
) -> Tuple[Tuple[ObservedConfig, ...], Tuple[str, ...]]:
    if desired.pip_conf_override == "keep":
        return (), ()
    part = load("pip_conf_override")
    return part.observe_overrides(host, interpreters), part.lasting_overrides(host, interpreters)


def _observe_system_pip(
    host: Host,
    desired: Desired,
    distribution: Distribution,
    interpreters: Interpreters,
    inquire: "Optional[SiteInquiry]",
    changing: Tuple[str, ...],
    *,
    asks_newest: bool,
) -> Tuple[ObservedSystemPip, ...]:
    if not desired.system_pip:
        return ()
    observed: Tuple[ObservedSystemPip, ...] = load("system_pip_observe").observe_system_pip(
        host, desired, distribution, interpreters, inquire, changing=changing, asks_newest=asks_newest
    )
    return observed


def _with_candidates(
    host: Host, observed: ObservedSystemPip, distribution: Distribution, available: Mapping[str, bool]
) -> ObservedSystemPip:
    """Return the same with the versions that the repositories have of what would be installed instead."""
    wanted = {name: package for name, package in observed.packages.items() if available.get(package)}
    if not wanted or observed.entry.externally_managed != "prefer_system_package":
        return observed
    versions = candidate_versions(host, distribution, wanted.values())
    return replace(observed, candidates={name: versions[one] for name, one in wanted.items() if versions.get(one)})


def _may_take_packaged_pipx(desired: Desired, default: Optional[Interpreter], *, has_uv: bool) -> bool:
    """Say whether it matters what the repositories have; asking apt takes about a second."""
    if desired.pipx_source != "auto" or not has_pipx_for_uv(default):
        return desired.pipx_source != "index"
    has_uv = has_uv or desired.uv
    return any(desired.installer_of(entry, has_uv=has_uv) != "uv" for entry in desired.tools)


def _interpreter_packages(
    distribution: Distribution, observed: Iterable[Union[ObservedVenv, ObservedTool]]
) -> Tuple[str, ...]:
    """Return the OS packages that would bring the interpreters that are selected and not there."""
    lacking = (distribution.selected_package(one.entry.python) for one in observed if _lacks_interpreter(one))
    return tuple(dict.fromkeys(filter(None, lacking)))


def _has_to_be_built(observed: Union[ObservedVenv, ObservedTool]) -> bool:
    difference = venv_difference(observed) if isinstance(observed, ObservedVenv) else tool_difference(observed)
    return difference is not None and difference.makes_anew


def _needs_interpreter(observed: Union[ObservedVenv, ObservedTool]) -> bool:
    """Say whether a step for it names an interpreter; pipx takes its own for a tool that selects none."""
    return _has_to_be_built(observed) and (bool(observed.entry.python) or isinstance(observed, ObservedVenv))


def _with_interpreter(observed: _Observed, interpreters: Interpreters) -> _Observed:
    """Return the same with the interpreter to build it with, or the one of an environment that has no pip yet."""
    if (
        isinstance(observed, ObservedVenv)
        and observed.builds is None
        and observed.lacks_pip
        and venv_difference(observed) is not None
    ):
        return replace(observed, interpreter=interpreters.probe(observed.state.base, named_by=observed.state.python))
    if not _needs_interpreter(observed):
        return observed
    return replace(observed, interpreter=interpreters.select(observed.entry.python))


def _with_danger(host: Host, observed: ObservedVenv) -> ObservedVenv:
    """Return the same with why nothing may be done there, and with what the user has to know of what is run there."""
    difference = venv_difference(observed)
    if difference is None or difference.refusal:
        return observed
    from .danger import danger_of_venv, warnings_of_venv  # noqa: PLC0415  # only where something differs

    danger = danger_of_venv(host, observed, difference.action)
    warnings = warnings_of_venv(host, observed, difference.action) if not danger else ()
    return replace(observed, danger=danger, warnings=warnings)


def _with_danger_of_tool(host: Host, observed: ObservedTool) -> ObservedTool:
    difference = tool_difference(observed)
    if difference is None or difference.refusal:
        return observed
    from .danger import danger_of_tool  # noqa: PLC0415  # as above

    return replace(observed, danger=danger_of_tool(host, observed, difference.action))


def _passed_over(host: Host, interpreters: Interpreters) -> Tuple[str, ...]:
    """Return what root does not run of what is on its search path, as others could exchange it."""
    found = dict(interpreters.passed_over)
    if host.is_root:
        programs = (f"{folder}/{name}" for name in ("pipx", "uv") for folder in search_directories(host))
        found.update({one: exchanged_by(host, one) for one in programs if host.is_executable(one)})
    return tuple(f"{one} is passed over: it could be exchanged by {who}." for one, who in found.items() if who)


def _lacks_interpreter(observed: Union[ObservedVenv, ObservedTool]) -> bool:
    return _needs_interpreter(observed) and observed.interpreter is None


def _observe_venv(host: Host, entry: VenvEntry, interpreters: Interpreters, inquire: Optional[Inquiry]) -> ObservedVenv:
    state = observe_venv(host, entry.path, interpreters)
    # What is absent leaves no builds either.
    is_gone = entry.state == "absent"
    versioned = entry.layout == "versioned" or (is_gone and bool(state.build or host.is_dir(entry.builds_directory)))
    # Neither what is removed nor what is gone back to depends on what is asked for.
    request = Request() if entry.state in ("absent", "rolled_back") else read_request(host, entry)
    danger = _danger_of_asking(host, entry, state, inquire)
    if danger is not None:
        inquire = None

    def compare(found: VenvState) -> ObservedVenv:
        return replace(_compare(host, entry, found, request, interpreters), danger=danger)

    def ask(compared: ObservedVenv) -> Mapping[str, str]:
        return _newer(compared, inquire)

    account, __ = _account_of_venv(host, entry, state)
    observed = ObservedVenv(entry, state, request, account=account) if is_gone else compare(state)
    if versioned:
        with_builds: ObservedVenv = load("builds").observe_builds(host, observed, interpreters, compare, ask)
        return with_builds
    return replace(observed, newer=ask(observed))


def _danger_of_asking(host: Host, entry: VenvEntry, state: VenvState, inquire: Optional[Inquiry]) -> "Optional[Danger]":
    """Say why an environment is not asked what is newest: its own pip would be run for that."""
    if entry.state != "latest" or inquire is None or not state.is_usable:
        return None
    from .danger import danger_of_venv  # noqa: PLC0415  # nothing is run for other states

    account, __ = _account_of_venv(host, entry, state)
    return danger_of_venv(host, ObservedVenv(entry, state, Request(), account=account), "update")


def _compare(
    host: Host, entry: VenvEntry, state: VenvState, request: Request, interpreters: Interpreters
) -> ObservedVenv:
    account, owner_missing = _account_of_venv(host, entry, state)
    runs = state.kind != "venv" or runs_selected(host, entry.python, state.version, state.base)
    if not runs and state.is_usable:
        # A name or a path can stand for the interpreter that is already used.
        selected = interpreters.select(entry.python)
        runs = selected is not None and selected.real_path == state.base
    if entry.lock and request.digest and (state.receipt is None or state.receipt.digest != request.digest):
        request = replace(request, problem=load("pylock").find_problem(host, entry))
    return ObservedVenv(entry, state, request, runs, None, owner_missing, account)


def _newer(observed: ObservedVenv, inquire: Optional[Inquiry]) -> Mapping[str, str]:
    """Return what of an environment the index has newer, where the newest is declared."""
    entry, state = observed.entry, observed.state
    if entry.state != "latest" or not state.is_usable or inquire is None or observed.request.problem:
        return {}
    found = inquire(state.path, InstallRequest(entry, upgrade=True), observed.account)
    return {name: version for name, version in found.items() if state.distributions.get(name) not in (None, version)}


def _with_pins_checked(host: Host, observed: ObservedVenv) -> ObservedVenv:
    """Return the same with what is amiss when a line of its requirements files is not pinned."""
    if observed.request.problem or not observed.entry.requirements or not observed.request.digest:
        return observed
    problem: str = load("pins").unpinned_lines(host, observed.entry.requirements)
    return replace(observed, request=replace(observed.request, problem=problem)) if problem else observed


def _account_of_venv(host: Host, entry: VenvEntry, state: VenvState) -> Tuple[Optional[Account], bool]:
    """Return who owns an environment: as declared, else who owns what is there, else the caller."""
    if entry.owner:
        account = host.account_by_name(entry.owner)
        return account, account is None
    if host.is_root and state.uid > 0:
        return host.account_by_uid(state.uid), False
    return None, False


def _observe_own(host: Host, name: str, version: str, interpreters: Interpreters) -> ObservedVenv:
    entry = own_program_entry(host, name, version)
    observed = _observe_venv(host, entry, interpreters, None)
    link, target = own_program_link(host, name), f"{entry.path}/bin/{name}"
    if observed.state.is_usable and not host.is_executable(target):
        observed = replace(observed, state=replace(observed.state, problem=f"its program {target} is missing"))
    # A program of that name that somebody else put there stays theirs.
    missing = host.lstat(link) is None or (
        host.is_link(link) and not host.exists(link) and host.readlink(link) == target
    )
    return replace(observed, links=((link, target),) if missing else ())


def _with_default(host: Host, own: ObservedVenv, default: Optional[Interpreter]) -> ObservedVenv:
    """Return the same with the interpreter to make it with; where nothing differs nobody has looked for one."""
    return _with_danger(host, replace(own, interpreter=default)) if default is not None else own


def _uv_differs(desired: Desired, own: ObservedVenv, uv: str) -> bool:
    """Say whether uv is to come, or this project's own to follow its pin."""
    follows = uv == f"{own.entry.path}/bin/uv" and bool(desired.uv_pin)
    return not uv or (follows and venv_difference(own) is not None)


def _observe_tools(
    host: Host, desired: Desired, pipx: Tuple[Pipx, ...], interpreters: Interpreters, inquire: Optional[Inquiry]
) -> Tuple[ObservedTool, ...]:
    observed: List[ObservedTool] = []
    login_paths: Dict[str, LoginPath] = {}
    for entry in desired.tools:
        account: Optional[Account] = host.caller
        if entry.scope == "user" and entry.user:
            account = host.account_by_name(entry.user)
        if account is None:
            observed.append(ObservedTool(entry, user_missing=True))
            continue
        space = tool_space(host, account, entry.scope, pipx[0] if pipx else None)
        state = observe_tool(host, space, entry, interpreters)
        runs = not state.is_installed or runs_selected(host, entry.python, state.venv.version, state.venv.base)
        interpreter = interpreters.select(entry.python) if not runs and entry.state != "absent" else None
        if interpreter is not None:
            runs = interpreter.real_path == state.venv.base
        login_path = None
        if entry.scope == "user" and entry.state != "absent":
            from .login_path import observe_login_path  # noqa: PLC0415  # few hosts have tools of single accounts

            if account.name not in login_paths:
                login_paths[account.name] = observe_login_path(host, account)
            login_path = login_paths[account.name]
        newer: Mapping[str, str] = {}
        if (
            entry.state == "latest"
            and state.is_installed
            and not state.problem
            and state.record
            and inquire is not None
        ):
            from .danger import danger_of_tool  # noqa: PLC0415  # what is asked is run

            danger = danger_of_tool(host, ObservedTool(entry, state, space), "link")
            if danger is not None:
                observed.append(ObservedTool(entry, state, space, login_path=login_path, danger=danger))
                continue
            request = InstallRequest(
                VenvEntry(state.venv.path, packages=(entry.install_spec, *(entry.inject or ()))), upgrade=True
            )
            named = {state.record.main.name, *state.record.injected}
            found = inquire(state.venv.path, request, space.account)
            newer = {
                name: version
                for name, version in found.items()
                if name in named and state.venv.distributions.get(name) != version
            }
        observed.append(ObservedTool(entry, state, space, False, runs, interpreter, newer, login_path))
    return tuple(observed)
