# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe, plan and apply in one call: what a front-end does for an entry, in a dry run and for real."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Mapping, Tuple

from .desired import Desired
from .errors import raise_all, telling_refusals
from .host import Host
from .host_state import HostState
from .lock import holding_lock
from .look import look
from .observe import observe
from .os_packages import install_packages
from .parts import load
from .seeds import without_seeds
from .side_by_side import Job, run_side_by_side
from .steps import Plan

if TYPE_CHECKING:
    from pep668_provision.engine.system_pip_state import ObservedSystemPip

    from .preview import Preview


@dataclass(frozen=True)
class Outcome:
    """How a declared state was met: the plan that was taken (or would be), and what there is now.

    ``before`` and ``after`` map the path of an environment, the name of a tool's or the title of a call of pip to
    distributions, for the entries with a step; in a dry run ``after`` is the installers' own answer.
    """

    plan: Plan
    before: Mapping[str, Mapping[str, str]]
    after: Mapping[str, Mapping[str, str]]
    state: HostState
    warnings: Tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return not self.plan.is_empty


@telling_refusals
def rehearse(desired: Desired, host: Host) -> Outcome:
    """Return what a run would do, without doing it."""
    from .preview import Preview, preview_tool, preview_venv  # noqa: PLC0415  # only a rehearsal asks the installers

    state, plan = look(desired, host, rehearsing=True, installs_packages=False)
    asked: Dict[str, Callable[[], Preview]] = {}
    for venv_step in plan.venvs:
        asked[venv_step.observed.entry.path] = partial(preview_venv, desired, host, venv_step)
    for tool_step in plan.tools:
        asked[tool_step.observed.entry.venv_name] = partial(preview_tool, desired, host, tool_step)
    ended = run_side_by_side([Job(partial(_as_data, ask)) for ask in asked.values()], host.processors)
    raise_all([one.error for one in ended if one.error is not None])
    previews = {name: Preview(**one.result) for name, one in zip(asked, ended) if one.result is not None}
    previews.update({name: Preview(one.before, one.after) for name, one in _touched(plan, state).items()})
    return Outcome(
        plan,
        {name: preview.before for name, preview in previews.items()},
        {name: preview.after for name, preview in previews.items()},
        state,
        (*plan.warnings, *_unresolved(previews)),
    )


def _as_data(ask: "Callable[[], Preview]") -> Dict[str, Any]:
    preview = ask()
    return {"before": dict(preview.before), "after": dict(preview.after), "unresolved": preview.unresolved}


def _unresolved(previews: Mapping[str, "Preview"]) -> Tuple[str, ...]:
    return tuple(
        f"{name}: the versions after a run are not known yet. {preview.unresolved}"
        for name, preview in previews.items()
        if preview.unresolved
    )


def _touched(plan: Plan, state: HostState) -> Mapping[str, "ObservedSystemPip"]:
    """Return the entries of ``python_system_pip`` that pip or an OS package does something about, by their titles."""
    steps = {step.observed.entry for step in plan.system_pip}
    packages = {step.name for step in plan.packages}
    return {
        one.entry.title: one for one in state.system_pip if one.entry in steps or packages & set(one.packages.values())
    }


@telling_refusals
def converge(desired: Desired, host: Host, *, installs_packages: bool = False) -> Outcome:
    """Bring the host to what is declared, under its lock; nothing is started on a host that is there already.

    OS packages are the front-end's to install before; with ``installs_packages`` the host's package manager is called.
    """
    state, plan = look(desired, host, installs_packages=installs_packages)
    if plan.is_empty:
        return Outcome(plan, {}, {}, state, plan.warnings)
    from .apply import Applier  # noqa: PLC0415  # neither a rehearsal nor a host that is there already needs it

    with holding_lock(host, timeout=desired.lock_timeout), _for_all_to_read():
        # Whoever held the lock may have done some of it.
        state, plan = look(desired, host, installs_packages=installs_packages)
        applier = Applier(desired, host)
        taken = plan
        if plan.packages and installs_packages:
            names = [step.name for step in plan.packages]
            manager = state.distribution.manager
            if manager is not None:
                ready = load("package_manager_ready").make_ready(host, manager, lock_timeout=desired.lock_timeout)
                applier.warnings += [ready.text] if ready.changed else []
            install_packages(host, state.distribution, names, needs_refresh=state.lists_need_refresh)
            # What pip there is, and what is left for it, shows only now.
            __, taken = look(desired, host, installs_packages=False)
        if not taken.is_empty:
            applier.apply(taken)
    after = observe(desired, host)
    touched_by_pip = _touched(plan, state)
    touched = {step.observed.entry.path for step in plan.venvs} | {step.observed.entry.venv_name for step in plan.tools}
    before, there = dict(_distributions(state, touched)), dict(_distributions(after, touched))
    for one in after.system_pip:
        title = one.entry.title
        if title in touched_by_pip:
            was = touched_by_pip[title]
            before[title], there[title] = was.before, one.site.versions(was.touched)
    return Outcome(plan, before, there, after, (*plan.warnings, *applier.warnings))


@contextlib.contextmanager
def _for_all_to_read() -> Iterator[None]:
    """Have folders made in the body be open to other accounts, whatever the caller's umask; what is private says so."""
    previous = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(previous)


def _distributions(state: HostState, names: "set[str]") -> Mapping[str, Mapping[str, str]]:
    found = {one.entry.path: without_seeds(one.state.distributions) for one in state.venvs if one.entry.path in names}
    for tool in state.tools:
        record = tool.state.record if tool.state is not None else None
        if tool.entry.venv_name in names:
            found[tool.entry.venv_name] = {record.main.name: record.main.version} if record is not None else {}
    return found
