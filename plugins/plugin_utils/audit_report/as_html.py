# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one page for a browser, which asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from ...module_utils.engine.audit.finding import SEVERITIES
from .figures import STATES, Figures, count, from_the_worst, in_words, release_of
from .model import FAILED, UNREACHABLE, Finding, HostReport, Repair, Report, RuleText
from .shown import in_one_line, number_of, shown

_PAGE = Path(__file__).with_name("page")
#: What is read for each state, never the colour alone: a letter in the matrix, and words.
_LETTERS = {"error": "E", "warning": "W", "info": "I"}
_IN_WORDS = {
    "error": "with errors",
    "warning": "with warnings",
    "info": "with infos",
    "clean": "clean",
    UNREACHABLE: "unreachable",
    FAILED: "not audited",
}


@dataclass(frozen=True)
class Tile:
    """One number of the overview; ``choice`` is the filter's that shows what it counts."""

    number: int
    label: str
    kind: str
    choice: str


@dataclass(frozen=True)
class Cell:
    """What one rule found on one host: its number and the letter of its severity; "?" where it could not read all."""

    kind: str
    text: str
    words: str
    target: str


def as_html(report: Report) -> str:
    """Return the page: styles and script are in it, and it forbids the browser to load anything else."""
    figures = count(report)
    style, script = ((_PAGE / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=shown, line=in_one_line, yaml=_as_task, share=_share)
    environment.globals.update(number_of=number_of, release_of=release_of, words_of=_IN_WORDS, cells_of=_cells)
    places = {host.host: place for place, host in enumerate(report.hosts)}
    return environment.get_template("report.html.j2").render(
        report=report,
        figures=figures,
        sentence=in_words(figures),
        tiles=_tiles(figures),
        hosts=[(places[host.host], host) for host in from_the_worst(report)],
        columns=_columns(report),
        severities=SEVERITIES,
        is_without_root=any(host.unread and not host.is_root for host in report.hosts),
        states=STATES,
        # Both are files of this collection.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _tiles(figures: Figures) -> list[Tile]:
    states, findings = figures.states, figures.findings
    return [
        Tile(figures.audited, f"of {number_of(figures.hosts, 'host')} audited", "plain", ""),
        Tile(figures.not_audited, "unreachable or failed", "unknown", "not audited"),
        Tile(states["error"], f"{'host' if states['error'] == 1 else 'hosts'} with errors", "error", "error"),
        Tile(states["clean"], f"clean {'host' if states['clean'] == 1 else 'hosts'}", "clean", "clean"),
        *(
            Tile(findings[severity], severity if findings[severity] == 1 else f"{severity}s", severity, severity)
            for severity in SEVERITIES
        ),
    ]


def _columns(report: Report) -> list[RuleText]:
    """The rules that have anything to say of a host: a finding, or that they could not read everything."""
    told = {one.id for host in report.hosts for one in host.findings}
    told |= {one.rule for host in report.hosts for one in host.unread}
    return [rule for rule in report.rules if rule.id in told]


def _cells(place: int, host: HostReport, columns: list[RuleText]) -> list[Cell]:
    found: dict[str, list[Finding]] = {}
    for finding in host.findings:
        found.setdefault(finding.id, []).append(finding)
    unread = {one.rule for one in host.unread}
    return [_cell(place, rule, len(found.get(rule.id, ())), is_unread=rule.id in unread) for rule in columns]


def _cell(place: int, rule: RuleText, number: int, *, is_unread: bool) -> Cell:
    if number:
        text = _LETTERS[rule.severity] + (str(number) if number > 1 else "")
        return Cell(rule.severity, text, number_of(number, rule.severity), f"#h{place}-{rule.id}")
    if is_unread:
        return Cell("unknown", "?", "not all read", f"#h{place}-unread")
    return Cell("none", "", "", "")


def _as_task(repair: Repair) -> str:
    """The repair as an ad-hoc line of YAML, which JSON is."""
    return f"pep668.provision.{repair.module}: {json.dumps(dict(repair.arguments), ensure_ascii=False)}"


def _share(number: int, of: int) -> str:
    return f"{100 * number / of:.2f}%" if of else "0%"
