# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe and plan in one call: all that happens on a host that has everything, so nothing else is loaded for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Dict, Optional, Tuple

from .desired import Desired
from .errors import ProvisionError, telling_refusals
from .host import Host
from .host_state import HostState
from .observe import Inquiry, observe
from .os_packages import package_module_options
from .parts import load
from .plan import plan as make_plan
from .steps import Plan, batches_of

if TYPE_CHECKING:
    from pep668_provision.engine.system_pip_observe import SiteInquiry


@telling_refusals
def look(
    desired: Desired, host: Host, *, rehearsing: bool = False, installs_packages: bool = True
) -> Tuple[HostState, Plan]:
    """Return what there is and what would be done; raises ProvisionError for what cannot be done here.

    When ``rehearsing``, what an earlier task would have provided in a real run is a warning of the plan.
    Whether the package manager was interrupted is only looked at for a caller that ``installs_packages``, where it has
    something to do, or where the packages of what is declared may have been what it was at.
    """
    state = observe(desired, host, _make_inquiry(desired, host), make_site_inquiry(desired, host))
    plan = make_plan(desired, state)
    needs_it = bool(plan.packages or plan.markers) or _may_have_been_killed_last(host, state)
    of = () if needs_it else tuple(one.marker.package for one in state.markers)
    if installs_packages and (needs_it or of):
        state = replace(state, interruption=_find_interruption(host, state, of))
        plan = make_plan(desired, state)
    refusals = [refusal for refusal in plan.refusals if not (rehearsing and refusal.pending)]
    if refusals:
        raise ProvisionError("\n".join(str(refusal) for refusal in refusals))
    pending = tuple(f"A real run would stop here: {refusal}" for refusal in plan.refusals)
    return state, replace(plan, warnings=(*plan.warnings, *pending))


def _may_have_been_killed_last(host: Host, state: HostState) -> bool:
    """Say whether declared packages are there and so is a lock: of who installed them and was killed then, perhaps."""
    manager = state.distribution.manager
    if manager is None or not manager.lock_file or not state.installed_packages:
        return False
    return host.exists(manager.lock_file)


def _find_interruption(host: Host, state: HostState, of: Tuple[str, ...]) -> Tuple[str, ...]:
    """Return what a killed transaction of the host's package manager left, where this account can bring it back.

    It has to be ``of`` one of these packages, or of any where there are none.
    """
    manager = state.distribution.manager
    if manager is None or not (state.is_root and manager.needs_root):
        return ()
    from .package_transaction import find_interruption  # noqa: PLC0415  # only where packages are needed

    found = find_interruption(host, manager)
    if found is None or (of and not any(map(found.concerns, of))):
        return ()
    return found.reasons


def _make_inquiry(desired: Desired, host: Host) -> Optional[Inquiry]:
    """Return how installers are asked what is newest, where something declared wants to know."""
    states = [*(one.state for one in desired.venvs), *(one.state for one in desired.tools)]
    if "latest" not in [*states, *(one.state for one in desired.system_pip)]:
        return None
    inquiry: Inquiry = load("preview").make_inquiry(desired, host)
    return inquiry


def make_site_inquiry(desired: Desired, host: Host) -> Optional["SiteInquiry"]:
    """Return how the pip of entries of ``python_system_pip`` is asked, where there are any."""
    if not desired.system_pip:
        return None
    inquiry: SiteInquiry = load("system_pip_inquiry").make_inquiry(desired, host)
    return inquiry


def report_plan(desired: Desired, state: HostState, plan: Plan, *, processors: int) -> Dict[str, object]:
    """Return what ``plan`` returns, as its documentation describes it; ``processors`` are those of the host."""
    manager = state.distribution.manager
    return {
        "converged": plan.is_empty,
        "system_packages": [step.name for step in plan.packages],
        "package_manager": manager.name if manager is not None else "",
        "package_manager_repair": [reason for step in plan.repairs for reason in step.reasons],
        "lists_need_refresh": state.lists_need_refresh,
        "package_options": package_module_options(
            state.distribution, needs_refresh=state.lists_need_refresh, lock_timeout=desired.lock_timeout
        ),
        "markers": [
            {"path": step.marker.path, "package": step.marker.package, "reasons": list(step.reasons)}
            for step in plan.markers
        ],
        "pip_configs": [
            {
                "level": step.wanted.level,
                "path": step.path,
                "python": step.wanted.python,
                "reasons": list(step.reasons),
            }
            for step in plan.pip_configs
        ],
        "system_pip": [
            {
                "position": step.position,
                "name": step.observed.entry.label,
                "action": step.action,
                "reasons": list(step.reasons),
            }
            for step in plan.system_pip
        ],
        "venvs": [
            {
                "position": step.position,
                "path": step.observed.entry.path,
                "action": step.action,
                "build": step.build,
                "reasons": list(step.reasons),
            }
            for step in plan.venvs
        ],
        "tools": [
            {
                "position": step.position,
                "name": step.observed.entry.venv_name,
                "action": step.action,
                "reasons": list(step.reasons),
            }
            for step in plan.tools
        ],
        "batches": [batch.as_dict() for batch in batches_of(plan, processors)],
        "steps": [step.as_dict() for step in plan.steps],
    }
