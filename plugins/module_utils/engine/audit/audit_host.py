# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit of one host: every rule checked, as one report."""

from __future__ import annotations

from typing import Dict, List

from ..errors import ProvisionError, printable
from ..host import Host
from .finding import SEVERITIES, Found, Rule
from .rules import RULES
from .survey import Scope, Survey


def audit_host(host: Host, scope: Scope) -> Dict[str, object]:
    """Return what the module ``audit`` returns, as its documentation describes it; reads only.

    A rule that cannot be checked is no reason to leave out the others: it is said in ``unread``.
    """
    survey = Survey(host, scope)
    findings: List[Dict[str, object]] = []
    checked: List[Dict[str, str]] = []
    for rule in RULES:
        if rule.id in scope.left_out:
            continue
        survey.rule = rule.id
        if survey.is_out_of_time:
            survey.leave_unread("everything", "the time budget was used up")
            continue
        try:
            for found in rule.check(survey):
                findings.append(_report(rule, found))
        except ProvisionError as error:
            survey.leave_unread("everything else", str(error))
        checked.append(rule.as_dict())
    findings.sort(key=lambda one: (SEVERITIES.index(str(one["severity"])), str(one["id"]), str(one["subject"])))
    return {
        "host": survey.distribution.as_dict(),
        "is_root": host.is_root,
        "rules": checked,
        "findings": findings,
        "unread": [
            {"rule": one.rule, "what": printable(one.what), "reason": printable(one.reason)} for one in survey.unread
        ],
    }


def _report(rule: Rule, found: Found) -> Dict[str, object]:
    return {
        **rule.as_dict(),
        # Parts of them come from files and names that anybody can have written.
        "subject": printable(found.subject),
        "evidence": printable(found.evidence),
        "remedy": printable(found.remedy),
        "repairs": [repair.as_dict() for repair in found.repairs],
    }
