# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a remediation came to, as Markdown for a ticket and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .audit_report.as_markdown import code, escaped
from .audit_report.shown import cut_to, number_of

_WIDTH = 150
#: The lists of findings of a host, and what they are called.
_PARTS = (("fixed", "Fixed"), ("still_there", "Still there"), ("new", "New"))

Data = Mapping[str, Any]


def as_markdown(record: Data) -> str:
    """Return a remediation as GitHub reads Markdown; what hosts said is text in it and nothing else."""
    return "\n".join([*_overview(record), *_hosts(record)]) + "\n"


def _overview(record: Data) -> Iterator[str]:
    yield "# Remediation of the hosts' Pythons"
    yield ""
    changed = "" if record["applied"] else " Nothing was changed: this is what would be done."
    yield f"{record['created']}, rules {', '.join(record['rules'])}.{changed}"
    yield ""
    yield "| host | state | found | repairs | failed | fixed | still there | new |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for host in record["hosts"]:
        failed = sum(1 for repair in host["repairs"] if repair["failed"])
        numbers = (len(host["found"]), len(host["repairs"]), failed, *(len(host[part]) for part, __ in _PARTS))
        yield f"| {escaped(host['host'])} | {host['status']} | {' | '.join(map(str, numbers))} |"
    yield ""


def _hosts(record: Data) -> Iterator[str]:
    for host in record["hosts"]:
        if not host["reason"] and not host["found"] and not host["new"]:
            continue
        yield f"## {escaped(host['host'])}"
        yield ""
        if host["reason"]:
            yield f"{host['status']}: {escaped(host['reason'])}"
            yield ""
        yield from _repairs(host["repairs"], applied=record["applied"])
        for part, title in _PARTS:
            if host[part]:
                yield f"### {title}"
                yield ""
                yield from (f"- {line}" for line in map(_finding, host[part]))
                yield ""


def _repairs(repairs: Sequence[Data], *, applied: bool) -> Iterator[str]:
    if repairs:
        yield "### Done" if applied else "### To be done"
        yield ""
    for repair in repairs:
        about = ", ".join(f"{one['id']} {code(one['subject'])}" for one in repair["findings"])
        call = f"{repair['module']} ({', '.join(f'{name}: {value}' for name, value in repair['arguments'].items())})"
        came_to = "failed" if repair["failed"] else "changed" if repair["changed"] else "nothing to change"
        yield f"- {about}: {code(call)}: {came_to if applied else f'foreseen: {came_to}'}"
        if repair["message"]:
            yield f"  - {escaped(repair['message'])}"
        yield from (f"  - put back what was there: {code(command)}" for command in repair["restore"])
    if repairs:
        yield ""


def _finding(finding: Data) -> str:
    why = finding.get("why") or finding["evidence"]
    return (
        f"{finding['id']} {finding['severity']} {code(finding['subject'])}: {escaped(finding['title'])}. {escaped(why)}"
    )


def as_lines(record: Data) -> list[str]:
    """Return a line for each host, and below it one for each finding of the rules in question that is not fixed."""
    lines = [] if record["applied"] else ["Nothing was changed. To have it done: -e remediate_apply=true"]
    for host in record["hosts"]:
        lines += _host_lines(host, record["rules"])
    return lines


def _host_lines(host: Data, rules: Sequence[str]) -> Iterator[str]:
    if host["status"] == "not audited":
        yield cut_to(f"{host['host']}: not audited: {host['reason']}", _WIDTH)
        return
    would = sum(1 for repair in host["repairs"] if not repair["failed"])
    counts = [f"{len(host[part])} {title.lower()}" for part, title in _PARTS]
    if host["status"] == "checked":
        counts = [f"{number_of(len(host['found']), 'finding')}", f"{number_of(would, 'repair')} to be done"]
    yield f"{cut_to(host['host'], 60)}: {', '.join(counts)}"
    if host["reason"]:
        yield cut_to(f"  {host['status']}: {host['reason']}", _WIDTH)
    for finding in (*host["still_there"], *host["new"]):
        if finding["id"] in rules:
            yield cut_to(f"{finding['id']} {finding['subject']}: {finding['why']}", _WIDTH)
    others = sum(1 for finding in host["still_there"] if finding["id"] not in rules)
    if others:
        yield f"{number_of(others, 'finding')} of other rules"
    for one in host["not_found"]:
        yield cut_to(f"{one['id']} {one['subject']}: the report has it, and it is not found", _WIDTH)
