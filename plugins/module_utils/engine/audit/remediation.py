# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which findings of an audit are repaired by which calls, in their order, and what came of it."""

from __future__ import annotations

import json
from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..errors import ProvisionError, printable
from .repairing import ORDER, find_refusal
from .rules import RULES

REPORT_SCHEMA = "pep668.provision.audit/1"
#: How many findings of a host are treated in one run: more is no audit but somebody keeping the controller busy.
_MOST = 2_000

#: The id and the subject of a finding, by which one host knows it again.
Key = Tuple[str, str]
Data = Mapping[str, Any]


class Scope(NamedTuple):
    """What may be repaired: the ids of rules, and ``wanted``, the findings by host where a report narrows them."""

    rules: Tuple[str, ...]
    wanted: Optional[Mapping[str, FrozenSet[Key]]] = None


def read_scope(rules: object, report: Optional[str] = None) -> Scope:
    """Return the scope that a user gives: ids of rules as a list or a text with commas, and the text of an audit.json.

    Of the report only hosts, ids and subjects are used. Raises ProvisionError where an id is unknown or none is given,
    or the report is none.
    """
    advice = f"There are {', '.join(f'{rule.id} ({rule.title})' for rule in RULES)}."
    listed = [rules] if isinstance(rules, str) else rules
    if not isinstance(listed, (list, tuple)) or not all(isinstance(one, str) for one in listed):
        raise ProvisionError("remediate is no list of ids of rules.", advice=advice)
    given = [one for text in listed for one in text.replace(",", " ").split()]
    if not given:
        raise ProvisionError("remediate names no rule whose findings may be repaired.", advice=advice)
    unknown = sorted(set(given) - {rule.id for rule in RULES})
    if unknown:
        raise ProvisionError(f"remediate names {', '.join(unknown)}, and no rule is called so.", advice=advice)
    return Scope(tuple(dict.fromkeys(given)), None if report is None else _read_report(report))


def _read_report(text: str) -> Mapping[str, FrozenSet[Key]]:
    try:
        report = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProvisionError(f"remediate_report is no JSON: {error}.", advice="Name an audit.json.") from error
    schema = report.get("schema") if isinstance(report, dict) else None
    hosts = report.get("hosts") if isinstance(report, dict) else None
    if schema != REPORT_SCHEMA or not isinstance(hosts, list):
        raise ProvisionError(
            f"remediate_report is no report of the playbook audit: its schema is {schema!r}, not {REPORT_SCHEMA!r}.",
            advice="Name an audit.json that this version of the collection wrote.",
        )
    return {
        str(host["host"]): frozenset(_key(one) for one in _findings(host))
        for host in hosts
        if isinstance(host, dict) and "host" in host
    }


def _findings(audit: Data) -> List[Data]:
    return _mappings(audit.get("findings"))[:_MOST]


def _mappings(listed: object) -> List[Data]:
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, (list, tuple)) else []


def _key(finding: Data) -> Key:
    return str(finding.get("id", "")), str(finding.get("subject", ""))


def choose_calls(audit: Data, rules: Sequence[str], wanted: Optional[FrozenSet[Key]] = None) -> Dict[str, Any]:
    """Return the calls that repair what an audit of a host found, and the findings that are left, each with why.

    ``calls`` are in the order in which they are made, each once, with the ``findings`` it repairs. Those of one finding
    keep their order. ``wanted`` narrows which findings are repaired; what they are is the audit's to say.
    """
    calls: Dict[str, Dict[str, Any]] = {}
    ranks: Dict[str, int] = {}
    left: List[Dict[str, str]] = []
    for finding in _findings(audit):
        key = _key(finding)
        repairs = _mappings(finding.get("repairs"))
        why = _why_left(finding, rules, wanted, repairs)
        if why:
            left.append({"id": key[0], "subject": key[1], "why": why})
            continue
        rank = 0
        for repair in repairs:
            rank = max(rank, ORDER.index(repair["module"]))
            identity = json.dumps([repair["module"], repair["arguments"]], sort_keys=True)
            call = calls.setdefault(
                identity,
                {"module": repair["module"], "arguments": dict(repair["arguments"]), "keeps": [], "findings": []},
            )
            call["keeps"] += [path for path in repair.get("keeps") or () if path not in call["keeps"]]
            call["findings"].append({"id": key[0], "subject": key[1]})
            ranks[identity] = max(rank, ranks.get(identity, 0))
    ordered = sorted(calls, key=lambda identity: ranks[identity])
    return {"calls": [{**calls[identity], "label": _label(calls[identity])} for identity in ordered], "left": left}


def _why_left(finding: Data, rules: Sequence[str], wanted: Optional[FrozenSet[Key]], repairs: Sequence[Data]) -> str:
    """Say why a finding is not repaired, "" where it is."""
    if _key(finding)[0] not in rules:
        return f"Not asked for: {_key(finding)[0]} is not in remediate."
    if wanted is not None and _key(finding) not in wanted:
        return "Not asked for: it is not in the report."
    remedy = printable(str(finding.get("remedy", "")))
    if not repairs:
        return f"It needs a hand: {remedy}"
    for repair in repairs:
        refusal = find_refusal(repair.get("module"), repair.get("arguments"), repair.get("keeps") or ())
        if refusal:
            return f"It needs a hand, for {printable(refusal)}: {remedy}"
    return ""


def _label(call: Data) -> str:
    about = ", ".join(dict.fromkeys(f"{one['id']} {one['subject']}" for one in call["findings"]))
    return printable(f"{about if len(about) <= 120 else about[:117] + '...'}: {call['module']}")


def record_host(
    name: str,
    before: Data,
    chosen: Data,
    results: Sequence[Data],
    after: Optional[Data],
    *,
    wanted: Optional[FrozenSet[Key]] = None,
) -> Dict[str, Any]:
    """Return what a remediation found, did and left on a host, as remediation.json has it.

    ``before`` and ``after`` are what the module audit returned or failed with; ``after`` is ``None`` where nothing was
    to be changed. ``results`` are those of the calls, in their order. ``wanted`` are the findings of a report that
    were to be repaired.
    """
    reason = _why_not_audited(before)
    is_done = after is not None and not reason
    again = _why_not_audited(after) if after is not None and not reason else ""
    lost: Data = {"failed": True, "msg": "The host gave no answer."}
    calls = () if reason else chosen.get("calls", ())
    repairs = [_repair_done(call, results[at] if at < len(results) else lost) for at, call in enumerate(calls)]
    found = {_key(one): one for one in _findings(before)}
    now = found if after is None or again else {_key(one): one for one in _findings(after)}
    why = {_key(one): str(one["why"]) for one in chosen.get("left", ())}
    for repair in repairs:
        for one in repair["findings"]:
            if not again or repair["failed"]:
                why[_key(one)] = _why_still(repair, now.get(_key(one)), is_done=is_done)
    return {
        "host": name,
        "status": "not audited" if reason else "not audited again" if again else "repaired" if is_done else "checked",
        "reason": reason or again,
        "failed": bool(reason or again or any(repair["failed"] for repair in repairs)),
        "found": [_shown(one) for one in found.values()],
        "repairs": repairs,
        "fixed": [_shown(one) for key, one in found.items() if key not in now],
        "still_there": [{**_shown(one), "why": why.get(key, again)} for key, one in now.items() if key in found],
        "new": [
            {**_shown(one), "why": f"It was not there before. {one.get('remedy', '')}"}
            for key, one in now.items()
            if key not in found
        ],
        "not_found": [{"id": one[0], "subject": one[1]} for one in sorted((wanted or frozenset()) - set(found))],
    }


def _why_not_audited(audit: Data) -> str:
    """Say why a host was not audited, "" where it was."""
    if "findings" in audit and not audit.get("failed"):
        return ""
    said = printable(str(audit.get("msg") or "The host gave no answer."))
    return f"It cannot be reached: {said}" if audit.get("unreachable") else said


def _shown(finding: Data) -> Dict[str, str]:
    return {name: str(finding.get(name, "")) for name in ("id", "title", "severity", "subject", "evidence")}


def _repair_done(call: Data, result: Data) -> Dict[str, Any]:
    backup = result.get("backup") or {}
    return {
        "findings": list(call["findings"]),
        "module": call["module"],
        "arguments": dict(call["arguments"]),
        "keeps": list(call["keeps"]),
        "changed": bool(result.get("changed")),
        "failed": bool(result.get("failed")),
        "message": str(result.get("msg", "")) if result.get("failed") else "",
        "archive": str(backup.get("archive", "")),
        "restore": [*backup.get("restore", ()), *result.get("restore", ())],
        "diff": result.get("diff") or [],
    }


def _why_still(repair: Data, finding: Optional[Data], *, is_done: bool) -> str:
    if repair["failed"]:
        return f"The repair by {repair['module']} failed: {repair['message']}"
    if not is_done:
        return f"It would be repaired by {repair['module']}."
    remedy = "" if finding is None else finding.get("remedy", "")
    return f"It is still found after the repair by {repair['module']}. It needs a hand: {remedy}"
