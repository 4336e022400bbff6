# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a few lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .figures import Figures, count, from_the_worst, in_words
from .model import HostReport, Report
from .shown import cut_to, number_of

#: The widest a column gets, and how many hosts are listed one by one.
_NAME = 32
_TITLE = 60
_MOST_HOSTS = 40


def as_lines(report: Report) -> list[str]:
    """Return a table of the hosts that need somebody, the worst first, and one of the rules by number of hosts."""
    figures = count(report)
    return [in_words(figures), *_hosts(report), *_rules(figures)]


def _hosts(report: Report) -> Iterator[str]:
    concerned = [host for host in from_the_worst(report) if host.state != "clean" or host.unread]
    listed = concerned[:_MOST_HOSTS]
    if listed:
        yield ""
        yield from _table(("host", "errors", "warnings", "infos", "not read"), [_line(host) for host in listed])
    if len(concerned) > len(listed):
        yield f"and {number_of(len(concerned) - len(listed), 'more host')}, see the report"
    rest = len(report.hosts) - len(concerned)
    if rest:
        yield f"{number_of(rest, 'host is', 'hosts are')} clean"


def _line(host: HostReport) -> tuple[str, ...]:
    if host.is_audited:
        return (cut_to(host.host, _NAME), *(str(number) for number in host.counts.values()), str(len(host.unread)))
    return (cut_to(host.host, _NAME), f"{host.status}: {cut_to(host.reason, _TITLE)}")


def _rules(figures: Figures) -> Iterator[str]:
    found = [one for one in figures.rules if one.hosts]
    if found:
        yield ""
        lines = [(one.rule.id, one.rule.severity, str(one.hosts), cut_to(one.rule.title, _TITLE)) for one in found]
        yield from _table(("rule", "severity", "hosts", ""), lines)


def _table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as their widest cell; numbers to the right. A last cell may be as long as it likes."""
    # Where a host was not audited its line has the reason in place of the numbers.
    whole = [line for line in lines if len(line) == len(head)]
    widths = [max(len(line[column]) for line in [head, *whole]) for column in range(len(head))]
    widths[0] = max(len(line[0]) for line in [head, *lines])
    to_the_right = [all(line[column].isdigit() for line in whole) for column in range(len(head))]
    for line in [head, *lines]:
        cells = zip(line, widths, to_the_right)
        yield "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip()
