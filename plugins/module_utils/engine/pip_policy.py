# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a given pip does when it is called: goes on, refuses because of the marker, or stops for another reason.

The rules are those of pip's own sources (install, uninstall, the option parser); tests/integration/test_real_pips.py
holds them against real pips.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional

from .marker import Marker
from .pip_call import ELSEWHERE, INSTALL, Call
from .pip_config import Override, PipConfiguration
from .pip_release import CHECKS_MARKER_SINCE, CHECKS_USER_SITE_SINCE, OVERRIDE, SINCE, Pip

_FLAGS = ("require-virtualenv", "user", "dry-run", OVERRIDE)
_WITH_VALUES = (*ELSEWHERE, "report")


@dataclass(frozen=True)
class PipFacts:
    """What decides over a call: the pip (``None`` where there is none), its interpreter and its configuration.

    ``sees_user_site`` is asked of virtual environments alone; ``user_site_is_off`` says that PYTHONNOUSERSITE is set.
    """

    pip: Optional[Pip]
    marker: Marker
    configuration: PipConfiguration = field(default_factory=PipConfiguration)
    is_venv: bool = False
    sees_user_site: bool = True
    user_site_is_off: bool = False


@dataclass(frozen=True)
class Prediction:
    """What a call would meet: allowed, blocked (by the marker) or unsupported (pip stops for another reason).

    ``reason`` is a sentence, ``decided_by`` the file or variable that decides ("" where none does), ``message`` what
    the marker tells the user where it is what blocks.
    """

    outcome: str
    reason: str
    decided_by: str = ""
    message: str = ""


def predict(facts: PipFacts, call: Call = INSTALL) -> Prediction:
    """Predict a call from facts alone; what pip checks first is told first."""
    pip = facts.pip
    if pip is None:
        return Prediction("unsupported", "This interpreter has no pip.")
    stopped = _stop_over_configuration(facts, pip, call) or _stop_over_command_line(pip, call)
    if stopped is not None:
        return stopped
    # Where each option in force comes from; "" is the command line.
    given = _options_in_force(facts.configuration, pip, call)
    return (
        _stop_over_options(facts, given)
        or _judge_by_marker(facts, pip, call, given)
        or _stop_over_place(facts, pip, given)
        or _allow(facts, pip, call, given)
    )


def _flag(facts: PipFacts, name: str, call: Call) -> Override:
    return facts.configuration.flag_of(name, call.command, isolated=call.has("isolated"))


def _stop_over_configuration(facts: PipFacts, pip: Pip, call: Call) -> Optional[Prediction]:
    # Before it looks at the command's own options pip reads everything once more, whether --isolated or not.
    for damaged in facts.configuration.damaged:
        if not damaged.since or pip.is_at_least(damaged.since):
            reason = f"{damaged.path} is not a valid configuration file: {damaged.reason}"
            return Prediction("unsupported", f"pip stops before it starts: {reason}.", damaged.path)
    flags = [facts.configuration.flag_of("require-virtualenv", "global")]
    flags += [_flag(facts, name, call) for name in _FLAGS if name in call.known_options and pip.has_option(name)]
    for flag in flags:
        if flag.refused:
            return Prediction("unsupported", f"pip stops before it starts: {flag.refused}.", flag.source)
    return None


def _stop_over_command_line(pip: Pip, call: Call) -> Optional[Prediction]:
    for name in call.options:
        if not pip.has_option(name):
            return Prediction("unsupported", f"{pip.title} has no option --{name}; that takes pip {SINCE[name]}.")
    return None


def _options_in_force(configuration: PipConfiguration, pip: Pip, call: Call) -> Dict[str, str]:
    given = dict.fromkeys(call.options, "")
    isolated = call.has("isolated")
    for name in (one for one in (*_FLAGS, *_WITH_VALUES) if one in call.known_options and pip.has_option(one)):
        if name in given:
            continue
        if name in _FLAGS:
            flag = configuration.flag_of(name, call.command, isolated=isolated)
            source = flag.source if flag.value else None
        else:
            setting = configuration.text_of(name, call.command, isolated=isolated)
            source = setting.source if setting is not None else None
        if source is not None:
            given[name] = source
    return given


def _origin_of(given: Dict[str, str], name: str) -> str:
    return f"--{name}" if not given[name] else f"{name} of {given[name]}"


def _stop_over_options(facts: PipFacts, given: Dict[str, str]) -> Optional[Prediction]:
    if "require-virtualenv" in given and not facts.is_venv:
        source = given["require-virtualenv"]
        return Prediction(
            "unsupported", f"{source} makes pip stop outside of virtual environments (require-virtualenv).", source
        )
    if "user" in given and "target" in given:
        return _uncombined(given, "user", "target")
    return None


def _uncombined(given: Dict[str, str], one: str, other: str) -> Prediction:
    reason = f"pip does not combine {_origin_of(given, one)} with {_origin_of(given, other)}."
    return Prediction("unsupported", reason, given[other] or given[one])


def _place(given: Dict[str, str]) -> str:
    """Return the option that makes pip leave the marker aside, "" without one."""
    if "dry-run" in given and "report" in given:
        return "dry-run"
    return next((name for name in ELSEWHERE if name in given), "")


def _judge_by_marker(facts: PipFacts, pip: Pip, call: Call, given: Dict[str, str]) -> Optional[Prediction]:
    marker = facts.marker
    if facts.is_venv or not marker.blocks or not pip.checks_marker or _place(given) or OVERRIDE in given:
        return None
    if marker.problem:
        return Prediction(
            "unsupported", f"pip breaks off with an error of its own over {marker.path}: {marker.problem}.", marker.path
        )
    reason = f"Marked as externally managed by {marker.path}"
    asked = _flag(facts, OVERRIDE, call)
    if asked.value and not pip.has_override_flag:
        reason = f"Marked by {marker.path}; {pip.title} checks it and cannot be overridden"
    elif asked.value is False and pip.has_override_flag:
        reason += f", and {asked.source} says not to override that"
    return Prediction("blocked", f"{reason}.", marker.path, marker.message)


def _stop_over_place(facts: PipFacts, pip: Pip, given: Dict[str, str]) -> Optional[Prediction]:
    if "user" not in given:
        # Only when it comes to laying down files does pip find that it has two places for them.
        if "target" in given and "prefix" in given and "dry-run" not in given:
            return _uncombined(given, "target", "prefix")
        return None
    if "prefix" in given:
        return _uncombined(given, "user", "prefix")
    option = _origin_of(given, "user")
    if facts.is_venv and not facts.sees_user_site:
        reason = f"This virtual environment does not see the user's packages, so pip refuses {option}."
        return Prediction("unsupported", reason, given["user"])
    if facts.user_site_is_off and pip.is_at_least(CHECKS_USER_SITE_SINCE):
        reason = f"The user's packages are switched off by PYTHONNOUSERSITE, so pip refuses {option}."
        return Prediction("unsupported", reason, "PYTHONNOUSERSITE")
    return None


def _allow(facts: PipFacts, pip: Pip, call: Call, given: Dict[str, str]) -> Prediction:
    marker, place = facts.marker, _place(given)
    if facts.is_venv:
        return Prediction("allowed", "It is a virtual environment, which the marker does not concern.")
    if not marker.blocks:
        return Prediction("allowed", f"There is no marker file at {marker.path}.")
    if not pip.checks_marker:
        return Prediction(
            "allowed", f"{pip.title} does not know the marker {marker.path} (that takes pip {CHECKS_MARKER_SINCE})."
        )
    if place == "dry-run":
        return Prediction("allowed", "With --dry-run and --report pip changes nothing and does not ask for the marker.")
    if place:
        reason = f"{_origin_of(given, place)} takes it elsewhere, where pip does not ask for the marker."
        return Prediction("allowed", reason, given[place])
    if call.has(OVERRIDE):
        return Prediction("allowed", f"The marker {marker.path} is overridden by --{OVERRIDE}.")
    return Prediction("allowed", f"The marker {marker.path} is overridden by {given[OVERRIDE]}.", given[OVERRIDE])
