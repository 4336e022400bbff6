# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at an entry of ``python_system_pip``: its interpreter, what is in its site, and what of the entry is unmet."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Callable, Dict, Optional, Sequence, Tuple

from .account import Account
from .desired import Desired, IndexSettings
from .distro import Distribution
from .host import Host
from .installer import Workplace
from .installer_pip_site import SitePip, host_as_child
from .interpreter import Interpreter, Interpreters, environment_owner, exchanged_by, find_program
from .marker import Marker, observe_marker
from .parts import load
from .pip_facts import message_locale, observe_pip_facts
from .pip_policy import PipFacts
from .pip_program import read_shebang
from .pip_release import OVERRIDE
from .request import read_files
from .requirement import RequirementError
from .requirements_file import RequirementsFileError
from .satisfaction import Asked, Unmet, find_unmet, read_asked, read_lines
from .site import Site, observe_site, owners_of
from .system_pip import SystemPipEntry
from .system_pip_state import ObservedSystemPip, SiteAnswer, decide

#: Asks the pip of an observed entry what it would do.
SiteInquiry = Callable[[ObservedSystemPip], SiteAnswer]


def observe_system_pip(
    host: Host,
    desired: Desired,
    distribution: Distribution,
    interpreters: Interpreters,
    inquire: Optional[SiteInquiry] = None,
    *,
    changing: Sequence[str] = (),
    asks_newest: bool = False,
) -> Tuple[ObservedSystemPip, ...]:
    """Look at every entry; pip is asked (``inquire``) only where something is unmet, or the newest is wanted.

    ``changing`` are markers and files of pip's configuration that steps before restore, or take the override out of.
    """
    found = []
    look = _Look(host, desired.index, interpreters, require_pins=desired.require_pins)
    for entry in desired.system_pip:
        observed = look.at(entry)
        if observed.facts is not None:
            observed = replace(observed, facts=_after(observed.facts, changing))
        wants_newest = asks_newest and entry.state == "latest"
        if inquire is not None and (observed.unmet or wants_newest) and _may_be_asked(observed):
            observed = replace(observed, answer=inquire(observed))
        found.append(replace(observed, packages=_packages_for(observed, distribution, interpreters)))
    return tuple(found)


def _after(facts: PipFacts, changing: Sequence[str]) -> PipFacts:
    """Return the facts as they are after these markers were restored and these files lost the override."""
    if facts.marker.path in changing:
        facts = replace(facts, marker=Marker(facts.marker.path, "valid"))
    kept = [one for one in facts.configuration.settings if one.name != OVERRIDE or one.source not in changing]
    return replace(facts, configuration=replace(facts.configuration, settings=tuple(kept)))


def _may_be_asked(observed: ObservedSystemPip) -> bool:
    if observed.problem or observed.facts is None or observed.interpreter is None:
        return False
    has_pip = observed.facts.pip is not None or observed.interpreter.is_venv
    # What is newest can be asked also where pip would not install it: a dry run that reports is never blocked.
    is_question = observed.entry.state == "latest" and not observed.unmet
    return has_pip and (
        is_question or observed.interpreter.is_venv or decide(observed.entry, observed.facts).is_allowed
    )


def _packages_for(
    observed: ObservedSystemPip, distribution: Distribution, interpreters: Interpreters
) -> Dict[str, str]:
    """Return the OS packages of what is unmet: to be installed, or to be named where pip refuses."""
    prefers = observed.entry.externally_managed == "prefer_system_package"
    if not observed.is_system or observed.entry.state == "absent" or (observed.answer is not None and not prefers):
        return {}
    # They are for the distribution's own python3, and for no other interpreter.
    default, selected = interpreters.default(), observed.interpreter
    if selected is None or selected.origin != "distribution" or default is None:
        return {}
    if selected.real_path != default.real_path:
        return {}
    named = {one.name: distribution.library_package(one.name) for one in observed.unmet if one.name}
    return {name: package for name, package in named.items() if package}


class _Look:
    """Looks at entries; a site that several of them are about is read once."""

    def __init__(self, host: Host, index: IndexSettings, interpreters: Interpreters, *, require_pins: bool) -> None:
        self.host, self.index, self.interpreters, self.require_pins = host, index, interpreters, require_pins
        self._sites: Dict[Tuple[str, Optional[Account], bool], Site] = {}

    def at(self, entry: SystemPipEntry) -> ObservedSystemPip:
        host, observed = self.host, ObservedSystemPip(entry)
        account, problem = _account_of(host, entry)
        if problem:
            return replace(observed, problem=problem, advice="Create it first, or name another.", is_pending=True)
        if account is not None and not host.is_root:
            problem = f"it is for {account.name}, and only root can act for others."
            return replace(observed, problem=problem, advice="Run it as root (become, or _sudo with pyinfra).")
        observed = self._with_interpreter(observed, account)
        interpreter, account = observed.interpreter, observed.account
        if observed.problem or interpreter is None:
            return observed
        try:
            asked, constraints = _read_asked(host, entry)
        except (RequirementsFileError, RequirementError) as error:
            return replace(observed, problem=f"{error}.", advice="Write the file first.", is_pending=True)
        unpinned = load("pins").unpinned_lines(host, entry.requirements) if self.require_pins else ""
        if unpinned and entry.state != "absent":
            return replace(observed, problem=f"{unpinned}.", advice="Pin them.", is_pending=True)
        site = self._site(interpreter, account, with_user_site=entry.scope == "user")
        if not site.directories:
            problem = f"{interpreter.path} does not say where it looks for distributions."
            return replace(observed, problem=problem, advice="See what it says when it is started.")
        observed = replace(observed, facts=self._facts(observed, interpreter), site=site, asked=asked)
        if observed.is_system:
            observed = replace(observed, is_writable=_may_write(host, site.place))
        if entry.state == "absent":
            return _observe_present(host, observed)
        return replace(observed, unmet=find_unmet(host, site, asked, constraints))

    def _with_interpreter(self, observed: ObservedSystemPip, account: Optional[Account]) -> ObservedSystemPip:
        """Return the same with its interpreter, and with as whom that is started; or with why it is not."""
        interpreter, problem = _interpreter_of(self.host, observed.entry, self.interpreters)
        if interpreter is None:
            advice = "Install it, or select another one with python or executable."
            return replace(observed, account=account, problem=problem, advice=advice, is_pending=True)
        if interpreter.is_venv and account is None:
            account = environment_owner(self.host, interpreter.path)
        by_others = exchanged_by(self.host, interpreter.path, account) if self.host.is_root else ""
        if by_others:
            runs_as = account.name if account is not None else self.host.caller.name
            problem = f"{runs_as} is to run {interpreter.path}, and that could be exchanged by {by_others}."
            return replace(observed, account=account, problem=problem, advice="Select an interpreter that is safe.")
        return replace(observed, interpreter=interpreter, account=account)

    def _site(self, interpreter: Interpreter, account: Optional[Account], *, with_user_site: bool) -> Site:
        key = (interpreter.path, account, with_user_site)
        if key not in self._sites:
            self._sites[key] = observe_site(self.host, interpreter, account=account, with_user_site=with_user_site)
        return self._sites[key]

    def _facts(self, observed: ObservedSystemPip, interpreter: Interpreter) -> PipFacts:
        host = self.host
        pip = SitePip(Workplace(host, observed.account, "", self.index), interpreter, observed.entry)
        facts = observe_pip_facts(host_as_child(host, pip), interpreter)
        # The text of the marker is for the caller, in the caller's language.
        marker = observe_marker(host, interpreter.stdlib, message_locale(host), interpreter.version)
        return replace(facts, marker=marker)


def _may_write(host: Host, place: str) -> bool:
    """Say whether this account may put something there, where nothing may be yet."""
    if not place.startswith("/"):
        # Nobody knows; pip will say.
        return True
    while place != "/" and not host.exists(place):
        place = os.path.dirname(place)
    return host.is_root or os.access(host.real(host.resolve(place)), os.W_OK)


def _observe_present(host: Host, observed: ObservedSystemPip) -> ObservedSystemPip:
    """Return the same with what is to be absent and is there; of an account's site, only what is its own."""
    entry, site = observed.entry, observed.site
    unmet: Dict[str, Unmet] = {}
    left: Dict[str, str] = {}
    for name in (one.name for one in observed.asked):
        installed = site.distributions.get(name)
        if installed is None or (entry.scope == "user" and installed.directory != site.user_directory):
            continue
        owners = owners_of(host, installed) if observed.is_system and name not in entry.allow_overwrite else ()
        if owners:
            left[name] = f"{name} {installed.version} is of the OS package {', '.join(owners)}"
        else:
            unmet[name] = Unmet(name, f"{name} {installed.version} is there")
    return replace(observed, unmet=tuple(unmet.values()), left=tuple(left.values()))


def _read_asked(host: Host, entry: SystemPipEntry) -> Tuple[Tuple[Asked, ...], Tuple[Asked, ...]]:
    tree = read_files(host, entry.requirements, entry.constraints)
    asked = (*read_asked(entry.name, editable=entry.editable), *read_lines(tree.requirements))
    return asked, read_lines(tree.constraints)


def _account_of(host: Host, entry: SystemPipEntry) -> Tuple[Optional[Account], str]:
    """Return who runs pip (``None``: the caller), and what is wrong about it."""
    if entry.scope != "user" or not entry.user:
        return None, ""
    account = host.account_by_name(entry.user)
    if account is None:
        return None, f"There is no account {entry.user} on this host."
    return (None if account.uid == host.uid else account), ""


def _interpreter_of(host: Host, entry: SystemPipEntry, interpreters: Interpreters) -> Tuple[Optional[Interpreter], str]:
    if not entry.executable:
        # With its site: there its pip is.
        found = interpreters.select(entry.python, with_site=True)
        wanted = entry.python or "python3"
        return found, "" if found is not None else f"{wanted} is not on this host or does not run."
    path = entry.executable if entry.executable.startswith("/") else find_program(host, entry.executable)
    if not path or not host.exists(path):
        return None, f"There is no {entry.executable} on this host."
    python = path if os.path.basename(path).startswith(("python", "pypy")) else read_shebang(host, path)
    found = interpreters.probe(python, with_site=True, named_by=path) if python else None
    if found is None:
        why = f"its interpreter {python} does not run" if python else "its first line names no Python"
        return None, f"{path} cannot be used: {why}."
    return found, ""
