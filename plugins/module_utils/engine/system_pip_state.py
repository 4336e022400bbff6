# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found about an entry of ``python_system_pip``, and what may be done about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Mapping, Optional, Tuple

from .account import Account
from .interpreter import Interpreter
from .overwrite import Overwrite
from .pip_call import Call
from .pip_config import ENVIRONMENT, VARIABLE, PipConfiguration, Setting
from .pip_policy import PipFacts, Prediction, predict
from .pip_release import OVERRIDE
from .satisfaction import Asked, Unmet
from .site import Site
from .system_pip import SystemPipEntry


@dataclass(frozen=True)
class Decision:
    """What pip would do about an entry, and whether the marker is passed over on the way there.

    ``outcome``, ``why`` and ``message`` are those of the prediction.
    """

    outcome: str
    why: str
    message: str = ""
    overrides: bool = False

    @property
    def is_allowed(self) -> bool:
        return self.outcome == "allowed"


@dataclass(frozen=True)
class SiteAnswer:
    """What pip itself said it would do: versions by normalised name, and what that does to files of OS packages.

    ``hidden`` are distributions of OS packages that new ones would come before; ``problem`` says why pip was not asked
    to an end.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    overwrites: Tuple[Overwrite, ...] = ()
    hidden: Tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class ObservedSystemPip:
    """A declared entry and what there is of it.

    ``unmet`` is what of it is missing (of state absent: the distributions that are there, without those of OS packages,
    which are ``left`` where they are unless they may be overwritten); ``answer`` is what pip said,
    ``None`` where it was not asked. ``is_writable`` says whether the account may
    write where distributions are put. ``problem`` says why nothing can be told, ``is_pending`` that an earlier task may
    change that. ``packages`` are the OS packages that would provide what is unmet, by its name, and ``candidates`` the
    versions of them that the repositories have, as far as they tell.
    """

    entry: SystemPipEntry
    interpreter: Optional[Interpreter] = None
    account: Optional[Account] = None
    facts: Optional[PipFacts] = None
    site: Site = field(default_factory=Site)
    asked: Tuple[Asked, ...] = ()
    unmet: Tuple[Unmet, ...] = ()
    left: Tuple[str, ...] = ()
    answer: Optional[SiteAnswer] = None
    is_writable: bool = True
    problem: str = ""
    advice: str = ""
    is_pending: bool = False
    packages: Mapping[str, str] = field(default_factory=dict)
    candidates: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_system(self) -> bool:
        """Whether it is about a site that the whole system shares, where OS packages have their files."""
        venv = self.interpreter is not None and self.interpreter.is_venv
        return self.entry.scope == "system" and not venv

    @property
    def touched(self) -> Tuple[str, ...]:
        """The distributions that a step is about: those asked for that are unmet, and those pip would change."""
        names = {one.name for one in self.unmet if one.name} | {*self.newer, *self.packages}
        names |= set(self.answer.versions) if self.answer is not None else set()
        return tuple(sorted(names))

    @property
    def before(self) -> Mapping[str, str]:
        return self.site.versions(self.touched)

    @property
    def after(self) -> Mapping[str, str]:
        """What would be there afterwards, as far as pip or the repositories have told."""
        if self.entry.state == "absent":
            return {}
        if self.answer is not None and self.answer.versions:
            return {**self.before, **self.answer.versions}
        return {name: self.candidates.get(name, "(newest)") for name in self.touched}

    @property
    def newer(self) -> Mapping[str, str]:
        """What state latest would bring beyond what is there."""
        if self.answer is None or self.entry.state != "latest":
            return {}
        return {name: one for name, one in self.answer.versions.items() if self.site.version_of(name) != one}


def decide(entry: SystemPipEntry, facts: PipFacts) -> Decision:
    """Return what the entry's pip would do, with the override where the entry says ``break``."""
    command = "uninstall" if entry.state == "absent" else "install"
    call = Call(command, ("user",) if entry.scope == "user" and command == "install" else ())
    plain = predict(facts, call)
    if plain.outcome == "allowed" or entry.externally_managed != "break":
        return _decided(plain)
    return replace(_decided(predict(_overridden(facts), call)), overrides=True)


def _decided(prediction: Prediction) -> Decision:
    return Decision(prediction.outcome, prediction.reason, prediction.message)


def _overridden(facts: PipFacts) -> PipFacts:
    """Return the facts with the variable set that pip takes the override from."""
    settings = [one for one in facts.configuration.settings if one.source != VARIABLE]
    settings.append(Setting(ENVIRONMENT, OVERRIDE, "1", VARIABLE, is_users=True))
    return replace(facts, configuration=PipConfiguration(tuple(settings), facts.configuration.damaged))
