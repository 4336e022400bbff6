# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments with versioned layout: the builds beside the path, which of them is what is declared, and what to do.

Each build is an environment in a directory of its own, ``<path>.d/<name>``, where it was made, for environments cannot
be moved. ``<path>`` is a link to one of them. What a link ever led to is not changed any more: what is declared anew is
made in another directory, and what was declared before is there to go back to.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from typing import Callable, Mapping, Optional, Sequence, Tuple

from .desired import VenvEntry
from .difference import (
    Difference,
    drift,
    may_not_be_rebuilt,
    no_environment,
    reasons_to_rebuild,
    reasons_to_update,
    what_it_lacks,
)
from .host import Host
from .host_state import ObservedVenv
from .interpreter import Interpreters
from .receipt import FILE_NAME, HALF_WRITTEN, Receipt, identify_interpreter, read_receipt
from .venv import ASIDE_SUFFIX, BUILD_DIGITS, BUILD_NAME, VenvState, observe_venv

#: Appended to the path: the link that is about to take its place.
NEW_LINK_SUFFIX = ".pep668-new"


@dataclass(frozen=True)
class Build:
    """An environment that a run of ours finished; ``receipt`` is ``None`` where its record was damaged since."""

    name: str
    receipt: Optional[Receipt] = None

    @property
    def number(self) -> int:
        """Its place in the order in which the builds were declared."""
        return self.receipt.build if self.receipt is not None else 0


@dataclass(frozen=True)
class Builds:
    """The builds of one environment.

    ``known`` are the finished ones, the last declared last; ``leftovers`` are names of what killed runs left of others,
    ``others`` of what is not ours. ``current`` is the build that the path leads to, "" where it leads to none;
    ``target`` the finished one that is declared, and ``target_state`` what is in it; ``planned`` how a new one would be
    called. ``obstacle`` says why nothing may be done here. ``has_new_link`` says that a killed run left one behind.
    """

    directory: str
    known: Tuple[Build, ...] = ()
    leftovers: Tuple[str, ...] = ()
    others: Tuple[str, ...] = ()
    current: str = ""
    target: str = ""
    target_state: Optional[VenvState] = None
    planned: str = ""
    obstacle: Optional[Difference] = None
    has_new_link: bool = False

    def path_of(self, name: str) -> str:
        return f"{self.directory}/{name}"

    def superfluous(self, keep: int) -> Tuple[str, ...]:
        """Return the builds beyond the current one and those before it that are kept, the oldest first."""
        others = [build.name for build in self.known if build.name != self.current]
        return tuple(others[: max(len(others) - (keep - 1), 0)])


def read_builds(host: Host, entry: VenvEntry, current: str) -> Builds:
    """Return the builds of an environment whose path is a link to the build ``current``, or to none ("")."""
    directory = entry.builds_directory
    builds = Builds(directory, has_new_link=host.is_link(entry.path + NEW_LINK_SUFFIX))
    if host.lstat(directory) is not None and (host.is_link(directory) or not host.is_dir(directory)):
        return replace(builds, obstacle=_no_directory(directory))
    known, leftovers, others = [], [], []
    for name in host.names_in(directory):
        path = builds.path_of(name)
        receipt = read_receipt(host, path)
        if not _is_ours(host, path, name):
            others.append(name)
        elif not BUILD_NAME.match(name) or (name != current and _is_half_built(host, path, receipt)):
            leftovers.append(name)
        else:
            known.append(Build(name, receipt))
    known.sort(key=lambda build: (build.number, build.name))
    builds = replace(builds, known=tuple(known), leftovers=tuple(leftovers), others=tuple(others))
    if host.is_link(entry.path) and (not BUILD_NAME.match(current) or current in others):
        return replace(builds, obstacle=_leads_elsewhere(host, entry))
    return replace(builds, current=current)


def _is_ours(host: Host, path: str, name: str) -> bool:
    if host.is_link(path) or not host.is_dir(path):
        return False
    if name.endswith(ASIDE_SUFFIX):
        return bool(BUILD_NAME.match(name[: -len(ASIDE_SUFFIX)]))
    has_record = host.is_file(f"{path}/{FILE_NAME}") or host.is_file(f"{path}/pyvenv.cfg")
    return bool(BUILD_NAME.match(name)) and (has_record or _is_empty(host, path))


def _is_empty(host: Host, path: str) -> bool:
    return all(name.startswith(HALF_WRITTEN) for name in host.names_in(path))


def _is_half_built(host: Host, path: str, receipt: Optional[Receipt]) -> bool:
    return _is_empty(host, path) if receipt is None else bool(receipt.unfinished)


def _no_directory(directory: str) -> Difference:
    return Difference(
        refusal=f"{directory} is not a directory, and there the builds of layout: versioned belong.",
        advice="Nothing was touched: move it away, or declare another path.",
    )


def _leads_elsewhere(host: Host, entry: VenvEntry) -> Difference:
    return Difference(
        refusal=f"{entry.path} is a link to {host.readlink(entry.path)}, which is no build of ours.",
        advice=f"Nothing was touched: declare the path it leads to, or remove the link with: rm {entry.path}",
    )


def observe_builds(
    host: Host,
    observed: ObservedVenv,
    interpreters: Interpreters,
    compare: Callable[[VenvState], ObservedVenv],
    ask: Callable[[ObservedVenv], Mapping[str, str]],
) -> ObservedVenv:
    """Return the same with its builds and which of them is declared.

    ``compare`` holds what stands somewhere against the entry, ``ask`` returns what the index has newer for that.
    """
    entry, state = observed.entry, observed.state
    builds = read_builds(host, entry, state.build)
    if entry.state == "absent":
        nothing_ours = not (builds.current or builds.known or builds.leftovers)
        # A directory that only has such a name is no matter of an environment that is changed in place.
        return observed if entry.layout != "versioned" and nothing_ours else replace(observed, builds=builds)
    observed = replace(observed, builds=builds)
    if builds.obstacle is not None or observed.owner_missing or observed.request.problem:
        return observed
    for build in reversed(_candidates(observed, builds)):
        there = observe_venv(host, builds.path_of(build.name), interpreters)
        found = compare(replace(there, aside=False))
        if _is_usable(found) if entry.state == "rolled_back" else _is_as_declared(found):
            builds = replace(builds, target=build.name, target_state=found.state)
            return replace(observed, builds=builds, newer=ask(found))
    return observed


def _candidates(observed: ObservedVenv, builds: Builds) -> Sequence[Build]:
    """Return the builds that may be what is declared, by their records alone."""
    if observed.entry.state == "rolled_back":
        return builds.known[:-1]
    return [one for one in builds.known if one.receipt is not None and one.receipt.digest == observed.request.digest]


def _is_usable(found: ObservedVenv) -> bool:
    return found.state.is_usable and found.state.receipt is not None and not drift(found)


def _is_as_declared(found: ObservedVenv) -> bool:
    return _is_usable(found) and not (reasons_to_rebuild(found) or reasons_to_update(found))


def with_planned_name(host: Host, observed: ObservedVenv) -> ObservedVenv:
    """Return the same with the name of the build that is to be made, where the interpreter for it is known.

    It is a digest of what decides the build, so that it says the same on every host; with a number after it where that
    name is taken, by a build that is no longer what its name says.
    """
    builds, interpreter = observed.builds, observed.interpreter
    if builds is None or interpreter is None:
        return observed
    decisive = [
        observed.request.digest,
        vars(identify_interpreter(host, interpreter.real_path, interpreter.version)),
        observed.entry.system_site_packages,
        sorted(observed.newer.items()),
    ]
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:BUILD_DIGITS]
    name, number = digest, 1
    # What a killed run left behind is gone by then.
    while name not in builds.leftovers and host.lstat(builds.path_of(name)) is not None:
        number += 1
        name = f"{digest}-{number}"
    return replace(observed, builds=replace(builds, planned=name))


def difference(observed: ObservedVenv) -> Optional[Difference]:
    """Return how an environment with versioned layout differs from its entry, ``None`` when it does not."""
    entry, state, builds = observed.entry, observed.state, observed.builds
    if builds is None or builds.obstacle is not None:
        return builds.obstacle if builds is not None else None
    if state.kind in ("directory", "other") and not builds.current:
        return no_environment(entry)
    if entry.state == "absent":
        there = builds.current or builds.known or builds.leftovers or state.kind == "venv"
        return Difference("remove", ("it is declared absent",)) if there or _left_behind(observed, builds) else None
    lacking = what_it_lacks(observed)
    if lacking is not None:
        return lacking
    if entry.state == "rolled_back" and (not builds.target or not (builds.current or state.kind == "missing")):
        return _nothing_to_go_back_to(observed, builds)
    if not builds.target or observed.newer:
        return _new_build(observed, builds)
    if builds.current != builds.target:
        return Difference("switch", (_why_switched(observed, builds),), build=builds.target)
    left = _left_behind(observed, builds)
    superfluous = builds.superfluous(entry.keep)
    # As long as a build is passed over, the order of the others says which one that is.
    if superfluous and entry.state != "rolled_back":
        left += (f"{', '.join(superfluous)} in {builds.directory} is beyond keep: {entry.keep}",)
    return Difference("prune", left, build=builds.current) if left else None


def _left_behind(observed: ObservedVenv, builds: Builds) -> Tuple[str, ...]:
    """Return what killed runs left, in words."""
    path = observed.entry.path
    left = [builds.path_of(name) for name in builds.leftovers]
    left += [path + ASIDE_SUFFIX] if observed.state.aside else []
    left += [path + NEW_LINK_SUFFIX] if builds.has_new_link else []
    return tuple(f"an earlier run that was stopped left {one}" for one in left)


def _nothing_to_go_back_to(observed: ObservedVenv, builds: Builds) -> Difference:
    entry = observed.entry
    there = ", ".join(build.name for build in builds.known) or "none"
    message = (
        f"{entry.path} cannot be rolled back: {builds.directory} has no earlier build that works (there: {there})."
    )
    if not builds.current and observed.state.kind != "missing":
        message = f"{entry.path} cannot be rolled back: it is an environment in place, and no link to a build."
    return Difference(
        refusal=message,
        advice="Declare what is to be in it, with state: present; from the second build on there is one to go back to.",
    )


def _why_switched(observed: ObservedVenv, builds: Builds) -> str:
    if observed.entry.state == "rolled_back":
        why = f"it is declared rolled_back, and {builds.target} is the build before {builds.known[-1].name}"
    else:
        why = f"its build {builds.target} is what is asked for"
    leads_to = f"leads to {builds.current}" if builds.current else "is no link to a build"
    return f"{why}; {observed.entry.path} {leads_to}"


def _new_build(observed: ObservedVenv, builds: Builds) -> Difference:
    entry, state = observed.entry, observed.state
    reasons: Tuple[str, ...]
    if state.kind in ("missing", "empty") and not builds.current:
        why = "it is not there" if state.kind == "missing" else "its directory is empty"
        return Difference("create", (why,), build=builds.planned, anew=True)
    if not builds.current:
        reasons = ("it is an environment in place, declared is layout: versioned",)
        return Difference("update", reasons, build=builds.planned, anew=True)
    if state.kind != "venv":
        reasons = (f"its build {builds.path_of(builds.current)} is gone",)
        return Difference("rebuild", reasons, build=builds.planned, anew=True)
    broken = reasons_to_rebuild(observed)
    if broken:
        return may_not_be_rebuilt(entry, broken) or Difference("rebuild", broken, build=builds.planned, anew=True)
    reasons = reasons_to_update(replace(observed, newer={}, state=replace(state, aside=False)))
    there = builds.target_state.distributions if builds.target_state is not None else {}
    reasons += tuple(f"{name} {version} is newer than {there.get(name)}" for name, version in observed.newer.items())
    return Difference("update", reasons, build=builds.planned, anew=True)


def switch_target(entry: VenvEntry, name: str) -> str:
    """Return what the link at the path holds: the build from beside it, so that it is right below another root too."""
    return f"{os.path.basename(entry.builds_directory)}/{name}"
