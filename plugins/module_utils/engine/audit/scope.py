# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit is to look at: the options, accepted as a whole or refused with reasons."""

from __future__ import annotations

import difflib
import re
from typing import Any, Callable, List, Mapping, Optional, Tuple

from .. import values
from ..errors import InvalidState
from ..host import Host
from .rules import RULES
from .survey import Scope

#: Where environments are looked for as long as nobody says otherwise.
DEFAULT_ROOTS = ("/opt", "/srv", "/home", "/root", "/usr/local", "/var/lib", "/var/www")
DEFAULT_TIME_BUDGET = 60.0


def read_scope(options: Mapping[str, object], host: Optional[Host]) -> Scope:
    """Return what the options ask for; raises InvalidState with every one that is refused.

    A missing option or ``None`` is as by default. An account has to be one of the host, where a host is given: a
    controller has none, and refuses what no host would take.
    """
    problems: List[str] = []

    def accept(name: str, check: Callable[[object], Any], default: Any) -> Any:
        value = options.get(name)
        try:
            return default if value is None else check(value)
        except values.Refused as refusal:
            problems.append(f"{name} is {values.shown(value)}: {refusal}.")
            return default

    def known_account(value: object) -> str:
        name = values.account(value)
        if host is not None and host.account_by_name(name) is None:
            raise values.Refused("this host has no such account")
        return name

    roots = accept("roots", _each(values.absolute), DEFAULT_ROOTS)
    accounts = accept("accounts", _each(known_account), ())
    left_out = accept("left_out", _each(_rule_id), ())
    time_budget = accept("time_budget", _budget, DEFAULT_TIME_BUDGET)
    if problems:
        raise InvalidState(problems)
    return Scope(roots, accounts, left_out, time_budget)


def _each(check: Callable[[object], str]) -> Callable[[object], Tuple[str, ...]]:
    """Return the check of a list that says of all of its items what is wrong with them."""

    def check_all(value: object) -> Tuple[str, ...]:
        if not isinstance(value, (list, tuple)):
            raise values.Refused("allowed is a list")
        found, refused = [], []
        for position, item in enumerate(value):
            try:
                found.append(check(item))
            except values.Refused as refusal:
                refused.append(f"item {position} is {values.shown(item)}: {refusal}")
        if refused:
            raise values.Refused("; ".join(refused))
        return tuple(dict.fromkeys(found))

    return check_all


def _rule_id(value: object) -> str:
    text = values.plain_text(value)
    known = [rule.id for rule in RULES]
    if text in known:
        return text
    raise values.Refused(f"there is no such rule{_suggestion(text.upper(), known)}")


def _suggestion(text: str, known: List[str]) -> str:
    def likeness(one: str) -> float:
        return difflib.SequenceMatcher(None, text, one).ratio()

    nearest = max(known, key=likeness)
    return f"; did you mean {nearest}?" if likeness(nearest) > 0.6 else f"; allowed are {', '.join(known)}"


def _budget(value: object) -> float:
    # From a template or a command line a number comes as a text.
    is_number = isinstance(value, str) and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII)
    seconds = values.seconds(float(str(value)) if is_number else value)
    if not seconds:
        raise values.Refused("allowed is a number of seconds above 0")
    return seconds
