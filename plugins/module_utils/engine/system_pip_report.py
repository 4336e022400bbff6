# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ``pip`` returns: how one entry was met, by pip, by OS packages or in a virtual environment."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Sequence

from .converge import Outcome
from .desired import Desired
from .pip_config import VARIABLE
from .system_pip import normalized_names
from .system_pip_state import ObservedSystemPip, decide

_ACTIONS = {"create": "created", "rebuild": "rebuilt", "update": "updated", "remove": "removed"}


def report_pip(desired: Desired, outcomes: Sequence[Outcome]) -> Dict[str, object]:
    """Return the result for one entry, with ``before`` and ``after`` as names to versions for the diff.

    ``outcomes`` are in the order in which they were met; none where there is nothing to remove from.
    """
    before: Dict[str, str] = {}
    after: Dict[str, str] = {}
    reasons: List[str] = []
    packages: List[str] = []
    for outcome in outcomes:
        for name in outcome.after:
            before.update({k: v for k, v in outcome.before.get(name, {}).items() if k not in after})
            after.update(outcome.after[name])
        packages += [step.name for step in outcome.plan.packages]
        for step in outcome.plan.steps:
            of = f"{step.name}: " if step.kind == "system_package" else ""
            reasons += [of + reason for reason in step.reasons]
    changed = any(outcome.changed for outcome in outcomes)
    observed = next((one for outcome in reversed(outcomes) for one in outcome.state.system_pip), None)
    names = set(normalized_names(desired.system_pip[0]))
    names.update(name for outcome in outcomes for name in _asked_names(outcome))
    there = {} if observed is None else observed.site.versions(names)
    there.update({name: version for name, version in after.items() if name in names})
    return {
        "changed": changed,
        "action": _action(outcomes, before, after, changed=changed),
        "decision": _decision(outcomes, observed),
        "packages": {} if desired.system_pip[0].state == "absent" else dict(sorted(there.items())),
        "reasons": list(dict.fromkeys(reasons)),
        "system_packages": packages,
        "before": before,
        "after": after,
    }


def _asked_names(outcome: Outcome) -> Iterator[str]:
    """Return what is asked for by name, that in requirements files too."""
    for one in outcome.state.system_pip:
        yield from (asked.name for asked in one.asked if asked.name)
    for venv in outcome.state.venvs:
        yield from venv.request.names


def _action(outcomes: Sequence[Outcome], before: Mapping[str, str], after: Mapping[str, str], *, changed: bool) -> str:
    if not changed:
        return "unchanged"
    made = [step.action for outcome in outcomes for step in outcome.plan.venvs]
    if made:
        return _ACTIONS[made[0]]
    if not after:
        return "removed"
    return "installed" if set(after) - set(before) else "updated"


def _decision(outcomes: Sequence[Outcome], observed: ObservedSystemPip | None) -> Dict[str, object]:
    plans = [outcome.plan for outcome in outcomes]
    if observed is None or observed.facts is None:
        return {
            "outcome": "virtual_environment",
            "why": "It is about a virtual environment, which the marker does not concern.",
            "arguments": [],
        }
    decision = decide(observed.entry, observed.facts)
    if any(plan.packages for plan in plans) and not any(plan.system_pip for plan in plans):
        why = f"The distribution's packages are preferred. {decision.why}"
        return {"outcome": "system_package", "why": why, "arguments": []}
    arguments: List[str] = []
    if any(plan.system_pip for plan in plans) and observed.interpreter is not None:
        command = "uninstall" if observed.entry.state == "absent" else "install"
        words = [observed.interpreter.path, "-m", "pip", command]
        words += ["--user"] if observed.entry.scope == "user" and command == "install" else []
        arguments = [*([f"{VARIABLE}=1"] if decision.overrides else []), *words, *observed.entry.pip_args]
    return {"outcome": decision.outcome, "why": decision.why, "arguments": arguments}
