# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is counted in a report: by state, severity, rule and release."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ...module_utils.engine.audit.finding import SEVERITIES
from .model import FAILED, UNREACHABLE, HostReport, Report, RuleText, in_natural_order
from .shown import in_one_line, number_of

#: What a host can be, from the worst on.
STATES = (*SEVERITIES, "clean", UNREACHABLE, FAILED)
NOT_KNOWN = "system not known"


@dataclass(frozen=True)
class RuleFigures:
    """How widespread a rule's findings are."""

    rule: RuleText
    hosts: int
    findings: int


@dataclass(frozen=True)
class ReleaseFigures:
    """How many hosts of one release there are, by state, and their findings, by severity."""

    release: str
    states: dict[str, int]
    findings: dict[str, int]

    @property
    def hosts(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True)
class Figures:
    """The counts of a report."""

    states: dict[str, int]
    findings: dict[str, int]
    #: Those that found something, from the most hosts on, then the rest, by id.
    rules: tuple[RuleFigures, ...]
    releases: tuple[ReleaseFigures, ...]
    unread: int
    hosts_unread: int

    @property
    def hosts(self) -> int:
        return sum(self.states.values())

    @property
    def audited(self) -> int:
        return self.hosts - self.not_audited

    @property
    def not_audited(self) -> int:
        return self.states[UNREACHABLE] + self.states[FAILED]


def count(report: Report) -> Figures:
    """Return the counts of the report."""
    by_rule: Counter[str] = Counter()
    hosts_by_rule: Counter[str] = Counter()
    releases: dict[str, list[HostReport]] = {}
    for host in report.hosts:
        by_rule.update(finding.id for finding in host.findings)
        hosts_by_rule.update({finding.id for finding in host.findings})
        releases.setdefault(release_of(host), []).append(host)
    rules = [RuleFigures(rule, hosts_by_rule[rule.id], by_rule[rule.id]) for rule in report.rules]
    with_unread = [host for host in report.hosts if host.unread]
    return Figures(
        _states(report.hosts),
        _findings(report.hosts),
        tuple(sorted(rules, key=lambda one: (-one.hosts, -one.findings, one.rule.id))),
        tuple(
            ReleaseFigures(release, _states(releases[release]), _findings(releases[release]))
            for release in sorted(releases, key=lambda one: (one == NOT_KNOWN, in_natural_order(one)))
        ),
        sum(len(host.unread) for host in with_unread),
        len(with_unread),
    )


def release_of(host: HostReport) -> str:
    """The host's release as it is shown, or that it is not known."""
    return in_one_line(host.release) or NOT_KNOWN


def from_the_worst(report: Report) -> list[HostReport]:
    """The hosts with those first that need somebody most; the clean ones come last."""
    urgency = (*SEVERITIES, FAILED, UNREACHABLE, "clean")

    def place(host: HostReport) -> tuple[object, ...]:
        return (urgency.index(host.state), *(-number for number in host.counts.values()), in_natural_order(host.host))

    return sorted(report.hosts, key=place)


def in_words(figures: Figures) -> str:
    """One or two sentences: what the whole fleet is like."""
    if not figures.hosts:
        return "No host was to be audited."
    words = []
    found = [number_of(number, severity) for severity, number in figures.findings.items() if number]
    affected = figures.audited - figures.states["clean"]
    if found:
        listed = " and ".join(filter(None, [", ".join(found[:-1]), found[-1]]))
        words.append(f"{listed} on {affected} of {number_of(figures.audited, 'audited host')}.")
    elif figures.audited:
        words.append(f"Nothing was found on {number_of(figures.audited, 'audited host')}.")
    if figures.not_audited:
        not_audited = number_of(figures.not_audited, "host")
        words.append(f"{not_audited} could not be audited.")
    return " ".join(words)


def verdict(report: Report, fail_on: str) -> str:
    """Why this is to count as failed, empty where it is not.

    fail_on: the least severity that is too much, or "none". A host that could not be audited is too much with any
    severity, for nobody knows what is on it.
    """
    if fail_on == "none":
        return ""
    figures = count(report)
    judged = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    if not figures.not_audited and not any(figures.findings[severity] for severity in judged):
        return ""
    return f"audit_fail_on is {fail_on}: {in_words(figures)}"


def _states(hosts: list[HostReport] | tuple[HostReport, ...]) -> dict[str, int]:
    counted = Counter(host.state for host in hosts)
    return {state: counted[state] for state in STATES}


def _findings(hosts: list[HostReport] | tuple[HostReport, ...]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for host in hosts:
        counted.update(host.counts)
    return {severity: counted[severity] for severity in SEVERITIES}
