# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as CSV: a line for each finding, and one for each host without any."""

from __future__ import annotations

import csv
import io
import re

from .model import HostReport, Report
from .shown import in_one_line

COLUMNS = ("host", "status", "reason", "system", "version", "id", "severity", "title", "subject", "evidence", "remedy")
#: Spreadsheets calculate what begins so, and some what looks the same in another script.
_FORMULA = re.compile("[=+\\-@|%\uff1d\uff0b\uff0d\uff20]")


def as_csv(report: Report) -> str:
    """Return the report as RFC 4180 says; no cell is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for host in report.hosts:
        writer.writerows([_cell(value) for value in line] for line in _lines(host))
    return text.getvalue()


def _lines(host: HostReport) -> list[tuple[str, ...]]:
    start = (host.host, host.status, host.reason, host.name or host.distribution, host.version)
    found: list[tuple[str, ...]] = [
        (*start, one.id, one.severity, one.title, one.subject, one.evidence, one.remedy) for one in host.findings
    ]
    return found or [(*start, *[""] * (len(COLUMNS) - len(start)))]


def _cell(text: str) -> str:
    line = in_one_line(text)
    return f"'{line}" if _FORMULA.match(line) else line
