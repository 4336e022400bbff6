# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done about an entry of ``python_system_pip``, or why not and what else there is: pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional

from .better_ways import better_ways, ways_text
from .distro import Distribution
from .host_state import HostState
from .interpreter import Interpreter
from .pip_policy import PipFacts
from .pip_release import Pip
from .requirement import Requirement
from .steps import Refusal, SystemPipStep
from .system_pip import normalized_names
from .system_pip_state import Decision, ObservedSystemPip, decide


@dataclass
class EntryPlan:
    """What one entry comes to: OS packages with the reason for each, then a step of pip, or a refusal."""

    packages: Dict[str, str] = field(default_factory=dict)
    step: Optional[SystemPipStep] = None
    refusal: Optional[Refusal] = None
    warnings: List[str] = field(default_factory=list)


def plan_entry(position: int, observed: ObservedSystemPip, state: HostState) -> EntryPlan:
    """Return what is done about an entry; nothing where it is met."""
    planner = _EntryPlanner(position, observed, state)
    planner.run()
    return planner.plan


class _EntryPlanner:
    def __init__(self, position: int, observed: ObservedSystemPip, state: HostState) -> None:
        self.position, self.observed, self.state = position, observed, state
        self.entry = observed.entry
        self.plan = EntryPlan()

    @property
    def distribution(self) -> Distribution:
        return self.state.distribution

    def refuse(self, message: str, advice: str = "", *, pending: bool = False) -> None:
        self.plan.refusal = Refusal(message, advice, pending)

    def run(self) -> None:
        observed, entry = self.observed, self.entry
        if observed.problem:
            # What is wrong with a file begins with its path.
            about = "" if observed.problem.startswith(entry.requirements) else f"{entry.label}: "
            self.refuse(about + observed.problem, observed.advice, pending=observed.is_pending)
            return
        self.plan.warnings = [
            f"{one} and stays: pip is not what removes it, but the package manager." for one in observed.left
        ]
        reasons = [one.reason for one in observed.unmet]
        reasons += [f"{name} {version} is newer" for name, version in observed.newer.items()]
        interpreter, facts = observed.interpreter, observed.facts
        if not reasons or interpreter is None or facts is None or self._is_provided_by_packages():
            return
        decision = decide(entry, facts)
        if facts.pip is None and not self._provide_pip(interpreter, facts):
            return
        if not decision.is_allowed and facts.pip is not None:
            self._refuse_over(decision, interpreter, facts.pip)
            return
        if not observed.is_writable:
            self.refuse(
                f"To {self._verb} {entry.label} takes the right to write to {observed.site.place}.",
                "Run it as root (become, or _sudo with pyinfra), or set scope: user.",
            )
            return
        if self._judge_answer():
            self._warn(decision)
            action = "remove" if entry.state == "absent" else "install"
            reasons = list(dict.fromkeys(reasons))
            self.plan.step = SystemPipStep(action, observed, tuple(reasons), self.position)

    def _is_provided_by_packages(self) -> bool:
        """Plan the distribution's packages for what they can give; say whether that is all that is unmet."""
        if self.entry.externally_managed != "prefer_system_package":
            return False
        left = [one for one in self.observed.unmet if not self._has_package(one.name)]
        for one in self.observed.unmet:
            if one not in left:
                self.plan.packages[self.observed.packages[one.name]] = f"it provides {one.name} ({one.reason})"
        # What the distribution provides is as new as it has it.
        return not left

    def _has_package(self, name: str) -> bool:
        package = self.observed.packages.get(name)
        if not package or self.state.available_packages.get(package) is False:
            return False
        if package in self.state.installed_packages:
            return False
        candidate = self.observed.candidates.get(name)
        # A package never came from an address, so what asks for one would still be unmet after it.
        return all(
            isinstance(one.spec, Requirement)
            and not one.spec.url
            and (not candidate or one.spec.is_satisfied_by(candidate))
            for one in self.observed.asked
            if one.name == name
        )

    def _provide_pip(self, interpreter: Interpreter, facts: PipFacts) -> bool:
        """Plan the package of the interpreter's pip; ``False`` after a refusal."""
        if interpreter.is_venv:
            return True
        package = self.distribution.pip_package()
        default = self.state.default_interpreter
        is_own = default is not None and interpreter.real_path == default.real_path
        if facts.marker.blocks and self.entry.externally_managed != "break":
            why = f"Marked as externally managed by {facts.marker.path}, and it has no pip"
            self._refuse_over(Decision("blocked", f"{why}.", facts.marker.message), interpreter, None)
        elif package and is_own and interpreter.origin == "distribution":
            self.plan.packages[package] = f"{interpreter.path} has no pip"
            return True
        else:
            self.refuse(
                f"{interpreter.path} has no pip, which is to {self._verb} {self.entry.label}.",
                "Give it one, or select another interpreter.",
            )
        return False

    @property
    def _verb(self) -> str:
        return "remove" if self.entry.state == "absent" else "install"

    def _refuse_over(self, decision: Decision, interpreter: Interpreter, pip: Optional[Pip]) -> None:
        entry = self.entry
        what = f"{interpreter.path} -m pip would refuse to {self._verb} {entry.label}. {decision.why}"
        if decision.outcome != "blocked":
            self.refuse(what, "Nothing was changed.")
        elif entry.externally_managed == "break" and pip is not None:
            # Only a pip that checks the marker and knows no override is left here.
            self.refuse(
                what,
                f"There are two ways out: give this interpreter another pip ({pip.title} is the one release that"
                " checks the marker and cannot be told otherwise; 23.0.1 and every later one can), or use a virtual"
                f" environment.\n{self._ways(interpreter)}",
            )
        elif "pip" in normalized_names(entry):
            self.refuse(what, self._about_pip() + " It can be forced with externally_managed: break.")
        elif entry.state == "absent":
            self.refuse(
                what,
                "If pip has put it there, externally_managed: break removes it, and never files of an OS package; what"
                " an OS package provides is removed with the package manager.",
            )
        else:
            said = f"\n\n{decision.message}\n" if decision.message else ""
            self.refuse(
                what,
                f"{said}\nBetter ways on this host:\n{self._ways(interpreter)}\nWhere pip is really meant to do it: "
                "externally_managed: break, or prefer_system_package to have the distribution's package instead.",
            )

    def _ways(self, interpreter: Interpreter) -> str:
        default = self.state.default_interpreter
        # A build of somebody's own does not see what the distribution's packages bring, wherever it is on the path.
        is_own = interpreter.origin == "distribution"
        # Nor does another release of the distribution's, beside its default.
        if default is not None and default.origin == "distribution":
            is_own = interpreter.real_path == default.real_path
        ways = better_ways(
            self.distribution,
            [one.text for one in self.observed.asked],
            available=self.state.available_packages,
            is_own_python=is_own,
            python_version=interpreter.release,
        )
        return ways_text(ways)

    def _about_pip(self) -> str:
        package = self.distribution.pip_package()
        comes = f"comes with {package} and is renewed with it" if package else "comes with the interpreter"
        return (
            f"The pip of the system's Python {comes}; another one beside it is started by whatever runs pip from then"
            " on, and no longer keeps to what the distribution changed in its own. A virtual environment has a pip of"
            " its own, which can be as new as you like (module venv, packages: [pip]), and tools bring what they need"
            " (module tool)."
        )

    def _judge_answer(self) -> bool:
        """Say whether what pip answered may be done; refuses otherwise. Not asked yet is no obstacle."""
        answer = self.observed.answer
        if answer is None:
            return True
        if answer.problem:
            self.refuse(f"What pip would do about {self.entry.label} cannot be told: {answer.problem}")
            return False
        if not answer.versions:
            # pip finds it all there.
            return False
        impossible = [one for one in answer.overwrites if one.how == "cannot"]
        if impossible:
            self.refuse("\n".join(map(str, impossible)) + ".", self._advice_for_impossible())
            return False
        forbidden = [one for one in answer.overwrites if one.name not in self.entry.allow_overwrite]
        if forbidden:
            names = ", ".join(one.name for one in forbidden)
            packages = tuple(dict.fromkeys(package for one in forbidden for package in one.packages))
            self.refuse(
                f"To {self._verb} {self.entry.label}, pip would touch files of OS packages:\n"
                + "\n".join(f"  {one}" for one in forbidden),
                f"\nNothing was changed. Better is a virtual environment (module venv). If it has to be, name each:"
                f" allow_overwrite: [{names}]; installing {', '.join(packages)} again with the package manager brings"
                " its files back.",
            )
        return not forbidden

    def _advice_for_impossible(self) -> str:
        if self.entry.state == "absent":
            return "Remove it with the package manager."
        return (
            "Use a virtual environment (module venv). Where the new one is to come before it and hide it:"
            " extra_args: --ignore-installed."
        )

    def _warn(self, decision: Decision) -> None:
        answer = self.observed.answer
        for hidden in answer.hidden if answer is not None else ():
            self.plan.warnings.append(f"{self.entry.label}: the new one comes before {hidden} and hides it.")
        if self.observed.is_system and "pip" in normalized_names(self.entry) and self.entry.state != "absent":
            self.plan.warnings.append(self._about_pip())
        facts = self.observed.facts
        if facts is not None and facts.marker.blocks and "overridden" in decision.why and not decision.overrides:
            self.plan.warnings.append(f"{self.entry.label}: {decision.why}")
