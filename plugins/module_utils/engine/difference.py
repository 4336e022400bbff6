# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How what is there differs from what is declared: the reasons behind every planned step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple, Union

from .desired import ToolEntry, VenvEntry
from .host_state import ObservedTool, ObservedVenv
from .parts import load
from .pipx import PackageRecord, ToolRecord, ToolSpace, as_argument
from .requirement import DirectSpec, Requirement, RequirementError, parse_spec
from .seeds import SEEDS


@dataclass(frozen=True)
class Difference:
    """What has to happen to one entry, and why.

    ``action``: create, rebuild, update or remove; for tools also link (only links, pins or the login PATH are amiss),
    for environments with versioned layout also switch (to a build that is there) and prune (what is left over).
    ``build`` is the build that such an environment's path leads to afterwards, ``anew`` says that it is a new one.
    ``refusal`` says instead why nothing may happen, ``pending`` that an earlier task could still provide what lacks.
    """

    action: str = ""
    reasons: Tuple[str, ...] = ()
    refusal: str = ""
    advice: str = ""
    pending: bool = False
    keeps_versions: bool = True
    build: str = ""
    anew: bool = False

    @property
    def makes_anew(self) -> bool:
        """Whether it takes a new environment, and so an interpreter to make it with."""
        return self.anew or self.action in ("create", "rebuild")


def venv_difference(observed: ObservedVenv) -> Optional[Difference]:
    """Return how an environment differs from its entry, ``None`` when it does not."""
    if observed.builds is not None:
        found: Optional[Difference] = load("builds").difference(observed)
        return found
    entry, state = observed.entry, observed.state
    if state.kind in ("directory", "other"):
        return no_environment(entry)
    if entry.state == "absent":
        return Difference("remove", ("it is declared absent",)) if state.kind == "venv" or state.aside else None
    lacking = what_it_lacks(observed)
    if lacking is not None:
        return lacking
    if state.kind in ("missing", "empty"):
        return Difference("create", ("it is not there" if state.kind == "missing" else "its directory is empty",))
    broken = reasons_to_rebuild(observed)
    if state.build:
        broken += (f"it is a link to {entry.path}.d/{state.build}, declared is layout: in_place",)
    if broken:
        return may_not_be_rebuilt(entry, broken) or Difference("rebuild", broken)
    reasons = reasons_to_update(observed)
    return Difference("update", reasons) if reasons else None


def no_environment(entry: VenvEntry) -> Difference:
    """Return the refusal to touch what stands at the path of an environment and is none."""
    if entry.state == "absent":
        return Difference(
            refusal=f"{entry.path} is not a virtual environment, so it is not removed.",
            advice="Remove it yourself if it is not needed.",
        )
    return Difference(
        refusal=f"{entry.path} exists and is not a virtual environment.",
        advice="Nothing in it was touched: declare another path, or move it away.",
    )


def what_it_lacks(observed: ObservedVenv) -> Optional[Difference]:
    """Return the refusal where something that the entry names is not on the host, ``None`` where all is."""
    entry = observed.entry
    if observed.owner_missing:
        return Difference(
            refusal=f"The owner {entry.owner} of {entry.path} is no account on this host.",
            advice="Create the account first, or correct owner.",
            pending=True,
        )
    if observed.request.problem:
        return Difference(refusal=f"{entry.path}: {observed.request.problem}", pending=True)
    return None


def may_not_be_rebuilt(entry: VenvEntry, broken: Tuple[str, ...]) -> Optional[Difference]:
    """Return the refusal to rebuild an environment whose entry forbids it."""
    if entry.rebuild != "never":
        return None
    return Difference(
        refusal=f"{entry.path} has to be rebuilt ({'; '.join(broken)}), and its entry says rebuild: never.",
        advice="Set rebuild: auto to let this project rebuild it.",
    )


def reasons_to_rebuild(observed: ObservedVenv) -> Tuple[str, ...]:
    """Return why an environment cannot be brought to what is declared by changing what is in it."""
    entry, state = observed.entry, observed.state
    if state.problem:
        return (state.problem,)
    reasons = []
    if not observed.runs_selected:
        reasons.append(f"it runs Python {state.version}, asked for is {entry.python}")
    if state.system_site_packages != entry.system_site_packages:
        reasons.append(f"system_site_packages is {str(state.system_site_packages).lower()} in it")
    if entry.owner and observed.account is not None and state.uid != observed.account.uid:
        reasons.append(f"it belongs to account number {state.uid}, declared is {entry.owner}")
    return tuple(reasons)


def reasons_to_update(observed: ObservedVenv) -> Tuple[str, ...]:
    """Return why an environment that is in order differs from what is declared."""
    entry, state, receipt = observed.entry, observed.state, observed.state.receipt
    if receipt is None:
        return ("there is no record yet of what was asked for here",)
    reasons = []
    if state.aside:
        reasons.append("an earlier rebuild left the previous environment beside it")
    if receipt.digest != observed.request.digest:
        reasons.append("what is asked for differs from the last finished run")
    drifted = drift(observed)
    reasons += [
        f"{name} is missing" if found is None else f"{name} is {found}, recorded is {receipt.packages[name]}"
        for name, found in drifted.items()
    ]
    if entry.state == "exact":
        reasons += [f"{name} is there and not asked for" for name in extra_distributions(observed)]
    reasons += [
        f"{name} {version} is newer than {state.distributions.get(name)}"
        for name, version in sorted(observed.newer.items())
    ]
    return tuple(reasons)


def drift(observed: ObservedVenv) -> Dict[str, Optional[str]]:
    """Return the recorded distributions that are not there any more as recorded: name to the version found."""
    receipt = observed.state.receipt
    if receipt is None:
        return {}
    found = observed.state.distributions
    return {name: found.get(name) for name, version in sorted(receipt.packages.items()) if found.get(name) != version}


def extra_distributions(observed: ObservedVenv) -> Tuple[str, ...]:
    """Return what is in an environment beyond the recorded set and what every environment starts with."""
    receipt = observed.state.receipt
    recorded = receipt.packages if receipt is not None else {}
    return tuple(sorted(name for name in observed.state.distributions if name not in recorded and name not in SEEDS))


def tool_difference(observed: ObservedTool) -> Optional[Difference]:
    """Return how a tool differs from its entry, ``None`` when it does not."""
    entry, state = observed.entry, observed.state
    if observed.user_missing or state is None or observed.space is None:
        return Difference(
            refusal=f"The user {entry.user} of the tool {entry.name} is no account on this host.",
            advice="Create the account first, or correct user.",
            pending=True,
        )
    if entry.state == "absent":
        return Difference("remove", ("it is declared absent",)) if state.is_installed or state.aside else None
    if not state.is_installed:
        return Difference("create", ("it is not installed",))
    if state.problem or state.record is None:
        return Difference("rebuild", (state.problem,))
    if state.foreign_links:
        return foreign_link(entry, observed.space, state.foreign_links[0])
    changed = _changes_of_tool(observed, state.record)
    if changed:
        return Difference("rebuild", changed, keeps_versions=False)
    reasons = _changes_beside_versions(entry, state.record)
    if reasons:
        return Difference("rebuild", reasons)
    reasons = tuple(f"its link {observed.space.bin_dir}/{app} is missing" for app in state.missing_links)
    if state.record.pinned != entry.pinned:
        reasons += ("it is not pinned" if entry.pinned else "it is pinned",)
    if observed.login_path is not None and not observed.login_path.is_set:
        reasons += (f"{observed.space.bin_dir} is not on the PATH of a new login",)
    return Difference("link", reasons) if reasons else None


def foreign_link(entry: ToolEntry, space: ToolSpace, app: str) -> Difference:
    """Return the refusal to take a command's name from somebody else's file."""
    return Difference(
        refusal=f"{space.bin_dir}/{app} exists and is not of the tool {entry.name}.",
        advice="Move it away, or give the tool a suffix.",
    )


def _changes_of_tool(observed: ObservedTool, record: ToolRecord) -> Tuple[str, ...]:
    """Return why another version or source of the tool itself is needed."""
    entry, state = observed.entry, observed.state
    reasons: List[str] = []
    if not observed.runs_selected and state is not None:
        reasons.append(f"it runs Python {state.venv.version}, asked for is {entry.python}")
    reasons += _spec_reasons(record.main, entry.install_spec)
    for spec in entry.inject or ():
        injected = record.injected.get(_spec_name(spec))
        if injected is not None:
            reasons += [f"injected {reason}" for reason in _spec_reasons(injected, spec)]
    reasons += [f"{name} {version} is newer" for name, version in sorted(observed.newer.items())]
    return tuple(reasons)


def _changes_beside_versions(entry: ToolEntry, record: ToolRecord) -> Tuple[str, ...]:
    reasons: List[str] = []
    if record.include_deps != entry.include_deps:
        reasons.append(f"include_deps is {str(record.include_deps).lower()} for it")
    if entry.inject is not None:
        wanted = {_spec_name(spec) for spec in entry.inject}
        reasons += [f"{name} is not injected" for name in sorted(wanted - set(record.injected))]
        reasons += [f"{name} is injected and not declared" for name in sorted(set(record.injected) - wanted)]
    return tuple(reasons)


def _spec_name(spec: str) -> str:
    return parse_spec(spec).name or spec


def _spec_reasons(installed: PackageRecord, spec: str) -> List[str]:
    """Return why an installed distribution does not satisfy a spec: version, extras or source."""
    wanted = parse_spec(spec)
    if not isinstance(wanted, Requirement):
        return [] if _same_source(installed.spec, spec) else [f"{installed.name} came from {installed.spec}"]
    if wanted.url:
        return [] if _same_source(installed.spec, wanted.url) else [f"{installed.name} came from {installed.spec}"]
    try:
        present: Optional[Union[Requirement, DirectSpec]] = parse_spec(installed.spec)
    except RequirementError:
        # What pipx was given by hand, a relative path say, need not be anything that is accepted here.
        present = None
    if not isinstance(present, Requirement) or present.url:
        return [f"{installed.name} came from {installed.spec}, asked for is {spec}"]
    reasons = []
    if not wanted.is_satisfied_by(installed.version):
        reasons.append(f"{installed.name} is {installed.version}, asked for is {wanted.specifier}")
    lacking = wanted.extras - present.extras
    if lacking:
        reasons.append(f"{installed.name} is installed without the extra {', '.join(sorted(lacking))}")
    return reasons


def _same_source(recorded: str, wanted: str) -> bool:
    # pipx records "name @ URL" for a PEP 508 spec and the URL or path alone for others.
    sources = (recorded, recorded.partition("@ ")[2])
    return _bare_source(wanted) in map(_bare_source, sources)


def _bare_source(source: str) -> str:
    return as_argument(source.strip()).rstrip("/")
