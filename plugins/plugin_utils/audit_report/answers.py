# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the module audit returned on each host to the report; nothing a host says is taken on trust."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from ...module_utils.engine.audit.finding import SEVERITIES
from .model import (
    AUDITED,
    FAILED,
    UNREACHABLE,
    Finding,
    HostReport,
    Repair,
    Report,
    RuleText,
    Unread,
    in_natural_order,
)

#: How much of a host's answer is kept: more is no audit but somebody filling the controller's disk.
_MOST_FINDINGS = 2_000
_LONGEST_TEXT = 10_000
#: A shell's exit status for a program that is not there.
_NOT_FOUND = 127

_NO_PYTHON = (
    "There is no Python at the place where Ansible looks for one. The playbook pep668.provision.bootstrap brings the "
    "distribution's own; ansible_python_interpreter names one at another place."
)
_NO_ANSWER = (
    "What ran as its Python gave no answer that a module gives. Python 3.8 or newer is needed; "
    "ansible_python_interpreter names another one."
)
_NO_RESULT = "The task that audits it did not run here."


class NotAnAudit(ValueError):
    """What a host returned is not what the module audit returns."""


def read_answers(answers: Mapping[str, object], rules: Sequence[RuleText], *, created: str, collection: str) -> Report:
    """Return the report of these hosts, by natural order of their names.

    answers: the registered result of the module ``audit`` for each host of the inventory, None where there is none.
    rules: those of this collection. The report lists the ones that were checked anywhere; all, if no host answered.
    """
    known = {rule.id: rule for rule in rules}
    checked: set[str] = set()
    hosts = []
    for name in sorted(answers, key=in_natural_order):
        answer = answers[name]
        host = _host(name, answer, known)
        hosts.append(host)
        if host.is_audited and isinstance(answer, Mapping):
            checked.update(str(rule["id"]) for rule in _mappings(answer, "rules") if isinstance(rule.get("id"), str))
            checked.update(finding.id for finding in host.findings)
            checked.update(unread.rule for unread in host.unread)
    listed = tuple(rule for rule in rules if rule.id in checked)
    return Report(created, collection, listed or tuple(rules), tuple(hosts))


def _host(name: str, answer: object, rules: Mapping[str, RuleText]) -> HostReport:
    if not isinstance(answer, Mapping):
        return HostReport(name, FAILED, _NO_RESULT)
    if answer.get("unreachable"):
        return HostReport(name, UNREACHABLE, _said(answer) or "There is no connection to it.")
    if answer.get("skipped"):
        return HostReport(name, FAILED, _NO_RESULT)
    if answer.get("failed"):
        return HostReport(name, FAILED, _why_failed(answer))
    try:
        return _audited(name, answer, rules)
    except NotAnAudit as error:
        return HostReport(name, FAILED, f"Its answer is not an audit: {error}")


def _why_failed(answer: Mapping[object, object]) -> str:
    said = _said(answer)
    if answer.get("rc") == _NOT_FOUND:
        return f"{_NO_PYTHON} Ansible says: {said}"
    if "module_stdout" in answer:
        printed = f"{answer['module_stdout']}\n{answer.get('module_stderr') or ''}".split("\n")
        last = next((line.strip() for line in reversed(printed) if line.strip()), "")
        return f"{_NO_ANSWER} Ansible says: {said}" + (f", and the host's last line is: {_cut(last)}" if last else "")
    return said or "The module failed and did not say why."


def _said(answer: Mapping[object, object]) -> str:
    """What Ansible says, without the words that only tell where in Ansible it was said."""
    return _cut(re.sub(r"^(Task failed: |Action failed: )+", "", str(answer.get("msg") or "").strip()))


def _audited(name: str, answer: Mapping[object, object], rules: Mapping[str, RuleText]) -> HostReport:
    host = answer.get("host")
    if not isinstance(host, Mapping):
        raise NotAnAudit("it does not say what host it is of")
    findings = tuple(sorted((_finding(one, rules) for one in _mappings(answer, "findings")), key=_place))
    unread = [_unread(one, rules) for one in _mappings(answer, "unread")]
    for kept, what in ((findings, "findings"), (unread, "things not read")):
        if len(kept) > _MOST_FINDINGS:
            unread.insert(0, Unread("", "everything else", f"of {len(kept)} {what} the report holds {_MOST_FINDINGS}"))
    return HostReport(
        name,
        AUDITED,
        distribution=_text(host, "distribution"),
        name=_text(host, "name"),
        version=_text(host, "version"),
        family=_text(host, "family"),
        package_manager=_text(host, "package_manager"),
        is_root=answer.get("is_root") is True,
        findings=findings[:_MOST_FINDINGS],
        unread=tuple(unread[: _MOST_FINDINGS + 1]),
    )


def _place(finding: Finding) -> tuple[int, str, str]:
    return SEVERITIES.index(finding.severity), finding.id, finding.subject


def _finding(one: Mapping[object, object], rules: Mapping[str, RuleText]) -> Finding:
    rule = _rule(_text(one, "id"), rules)
    repairs = tuple(_repair(repair) for repair in _mappings(one, "repairs"))
    said = (_text(one, "subject"), _text(one, "evidence"), _text(one, "remedy"))
    # Title and severity are this collection's: a host does not decide how its own findings are judged.
    return Finding(rule.id, rule.title, rule.severity, *said, repairs)


def _unread(one: Mapping[object, object], rules: Mapping[str, RuleText]) -> Unread:
    id_ = _text(one, "rule")
    return Unread(_rule(id_, rules).id if id_ else "", _text(one, "what"), _text(one, "reason"))


def _rule(id_: str, rules: Mapping[str, RuleText]) -> RuleText:
    if id_ not in rules:
        raise NotAnAudit(f"there is no rule {id_[:20]!r}")
    return rules[id_]


def _repair(one: Mapping[object, object]) -> Repair:
    arguments, keeps = one.get("arguments"), one.get("keeps", ())
    if not isinstance(arguments, Mapping) or not isinstance(keeps, Sequence) or isinstance(keeps, str):
        raise NotAnAudit("the arguments of a repair are no dictionary, or what it keeps is no list")
    try:
        # Ansible's strings know where they are from; what is kept is plain.
        plain = json.loads(json.dumps(dict(arguments)))
    except (TypeError, ValueError) as error:
        raise NotAnAudit(f"the arguments of a repair are no JSON: {error}") from error
    return Repair(_text(one, "module"), plain, tuple(_cut(str(path)) for path in keeps))


def _mappings(of: Mapping[object, object], key: str) -> Iterable[Mapping[object, object]]:
    listed = of.get(key, ())
    if not isinstance(listed, Sequence) or not all(isinstance(one, Mapping) for one in listed):
        raise NotAnAudit(f"{key} is no list of dictionaries")
    return listed


def _text(of: Mapping[object, object], key: str) -> str:
    value = of.get(key, "")
    if not isinstance(value, str):
        raise NotAnAudit(f"{key} is no text")
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}... (cut)"
