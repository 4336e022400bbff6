# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules share that meet a declared state: how they do, what they return of it, the diffs they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from ansible.module_utils.basic import AnsibleModule

from .engine.converge import Outcome, converge, rehearse
from .engine.desired import Desired
from .engine.errors import ProvisionError
from .engine.host import Host
from .engine.host_state import ObservedTool, ObservedVenv
from .engine.seeds import without_seeds
from .provision_module import fail

if TYPE_CHECKING:
    # The engine loads them by their names; a module is sent with what is named here, and loads none of it by that.
    from .engine import apply_builds, pins, pylock  # noqa: F401

_ACTIONS = {
    "create": "created",
    "rebuild": "rebuilt",
    "update": "updated",
    "link": "updated",
    "remove": "removed",
    "switch": "switched",
    "prune": "pruned",
}


def meet(module: AnsibleModule, desired: Desired, *, installs_packages: bool = False) -> Outcome:
    """Return how the host met a declared state, or would in check mode; ends the module with what stands in the way.

    OS packages are installed with ``installs_packages``, and stand in the way without it.
    """
    try:
        if module.check_mode:
            outcome = rehearse(desired, Host())
        else:
            outcome = converge(desired, Host(), installs_packages=installs_packages)
    except ProvisionError as error:
        fail(module, error)
        raise
    for warning in outcome.warnings:
        module.warn(warning)
    return outcome


def package_lines(packages: Mapping[str, str]) -> str:
    """Return a set of distributions as the lines of a diff."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(packages.items()))


def venv_result(outcome: Outcome, observed: ObservedVenv) -> dict[str, Any]:
    """Return what became of an environment; ``diff`` is there where something did."""
    path = observed.entry.path
    step = next((one for one in outcome.plan.venvs if one.observed.entry.path == path), None)
    present = without_seeds(observed.state.distributions)
    before, after = outcome.before.get(path, present), outcome.after.get(path, present)
    result: dict[str, Any] = {
        "path": path,
        "action": _ACTIONS[step.action] if step else "unchanged",
        "python_version": observed.state.version,
        "packages": dict(after),
        "reasons": list(step.reasons) if step else [],
        "build": step.build if step else observed.state.build,
    }
    if step:
        was, becomes = (f" -> {name}" if name else "" for name in (step.observed.state.build, step.build))
        headers = {
            "before_header": f"{path}{was} (before)",
            "after_header": f"{path}{becomes} ({_ACTIONS[step.action]})",
        }
        result["diff"] = {"before": package_lines(before), "after": package_lines(after), **headers}
    return result


def tool_result(outcome: Outcome, observed: ObservedTool) -> dict[str, Any]:
    """Return what became of a tool."""
    name = observed.entry.venv_name
    step = next((one for one in outcome.plan.tools if one.observed.entry.venv_name == name), None)
    record = observed.state.record if observed.state else None
    present = {record.main.name: record.main.version} if record else {}
    return {
        "name": name,
        "version": next(iter(outcome.after.get(name, present).values()), ""),
        "action": _ACTIONS[step.action] if step else "unchanged",
        "apps": list(record.main.apps) if record else [],
        "bin_dir": observed.space.bin_dir if observed.space else "",
    }


def tool_reasons(outcome: Outcome) -> dict[str, list[str]]:
    """Return why something is done about each tool that needs it."""
    return {step.observed.entry.venv_name: list(step.reasons) for step in outcome.plan.tools}


def tool_diff(outcome: Outcome) -> dict[str, str]:
    """Return the diff of all the tools that something is done about."""
    names = tool_reasons(outcome)
    before, after = (
        "".join(package_lines(packages) for name, packages in side.items() if name in names)
        for side in (outcome.before, outcome.after)
    )
    return {"before": before, "after": after}
