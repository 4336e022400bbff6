# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as Markdown, for a ticket or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .figures import Figures, count, from_the_worst, in_words, release_of
from .model import HostReport, Report
from .shown import in_one_line

#: Anywhere; where a line begins; and what GitHub makes links of without being asked.
_MEANT = re.compile(r"([\\`*_\[\]<>|~$&@]|:(?=//)|(?<=www)\.)")
_MEANT_FIRST = re.compile(r"^(\d*)([-+#=.)])")


def as_markdown(report: Report) -> str:
    """Return the report as GitHub reads Markdown; what hosts said is text in it and nothing else."""
    figures = count(report)
    return "\n".join([*_overview(report, figures), *_hosts(report), *_rules(figures)]) + "\n"


def escaped(text: str) -> str:
    """Return the text in one line in which nothing is meant as markup."""
    return _MEANT_FIRST.sub(r"\1\\\2", _MEANT.sub(r"\\\1", in_one_line(text)))


def code(text: str) -> str:
    """Return the text as code in one line, as it is; for cells of tables use escaped."""
    line = in_one_line(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    blank = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{blank}{line}{blank}{fence}" if line else ""


def _overview(report: Report, figures: Figures) -> Iterator[str]:
    yield "# Audit of the hosts' Pythons"
    yield ""
    yield f"{escaped(report.created)}, pep668.provision {escaped(report.collection)}. {in_words(figures)}"
    if figures.unread:
        yield f"Not everything could be read on {figures.hosts_unread} of the hosts, see there."
    yield ""
    yield "| host | system | state | errors | warnings | infos | not read |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: |"
    for host in from_the_worst(report):
        numbers = (*host.counts.values(), len(host.unread)) if host.is_audited else ("", "", "", "")
        yield _row(escaped(host.host), escaped(release_of(host)), host.state, *map(str, numbers))
    yield ""


def _hosts(report: Report) -> Iterator[str]:
    for host in from_the_worst(report):
        if host.is_audited and not host.findings and not host.unread:
            continue
        yield f"## {escaped(host.host)}"
        yield ""
        if not host.is_audited:
            yield f"{host.status}: {escaped(host.reason)}"
            yield ""
        yield from _findings(host)
        yield from (
            f"- not read ({escaped(one.rule) or 'all rules'}): {escaped(one.what)}: {escaped(one.reason)}"
            for one in host.unread
        )
        if host.unread:
            yield ""


def _findings(host: HostReport) -> Iterator[str]:
    for finding in host.findings:
        yield f"### {finding.id} {finding.severity}: {escaped(finding.title)}"
        yield ""
        yield code(finding.subject)
        yield ""
        yield escaped(finding.evidence)
        yield ""
        yield f"Remedy: {escaped(finding.remedy)}"
        yield ""


def _rules(figures: Figures) -> Iterator[str]:
    yield "## Rules"
    yield ""
    yield "| rule | severity | hosts | findings | title | why |"
    yield "| --- | --- | ---: | ---: | --- | --- |"
    for one in figures.rules:
        rule = one.rule
        numbers = (str(one.hosts), str(one.findings))
        yield _row(rule.id, rule.severity, *numbers, escaped(rule.title), escaped(rule.why))


def _row(*cells: str) -> str:
    return f"| {' | '.join(_kept(cells))} |"


def _kept(cells: Iterable[str]) -> Iterable[str]:
    return (cell or " " for cell in cells)
