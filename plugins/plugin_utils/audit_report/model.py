# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report of an audit holds, and its JSON (docs/audit_schema.json)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ...module_utils.engine.audit.finding import SEVERITIES

#: Says what the JSON holds; the number goes up when a program that reads it has to be changed.
SCHEMA = "pep668.provision.audit/1"

AUDITED, UNREACHABLE, FAILED = STATUSES = ("audited", "unreachable", "failed")


@dataclass(frozen=True)
class RuleText:
    """What is said of a rule: ``looks_at`` is what it reads, ``why`` the harm of what it finds."""

    id: str
    title: str
    severity: str
    looks_at: str
    why: str


@dataclass(frozen=True)
class Repair:
    """A call of a module that removes a finding, after the paths it ``keeps`` were backed up."""

    module: str
    arguments: Mapping[str, object]
    keeps: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One occurrence of what a rule looks for, on one host."""

    id: str
    title: str
    severity: str
    subject: str
    evidence: str
    remedy: str
    repairs: tuple[Repair, ...]


@dataclass(frozen=True)
class Unread:
    """Something that a rule could not look at."""

    rule: str
    what: str
    reason: str


@dataclass(frozen=True)
class HostReport:
    """One host of the inventory; where it was not audited, ``reason`` says why and most of the rest is empty."""

    host: str
    status: str
    reason: str = ""
    distribution: str = ""
    name: str = ""
    version: str = ""
    family: str = ""
    package_manager: str = ""
    is_root: bool = False
    findings: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def is_audited(self) -> bool:
        return self.status == AUDITED

    @property
    def release(self) -> str:
        """The system as it is called, empty where it is not known."""
        return f"{self.name or self.distribution} {self.version}".strip()

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are, by severity, each of them named."""
        counted = Counter(finding.severity for finding in self.findings)
        return {severity: counted[severity] for severity in SEVERITIES}

    @property
    def state(self) -> str:
        """The worst severity found, "clean" where nothing was, or the status of a host that was not audited."""
        if not self.is_audited:
            return self.status
        return next((severity for severity, number in self.counts.items() if number), "clean")


@dataclass(frozen=True)
class Report:
    """The audit of a fleet; ``created`` is UTC, ``collection`` the version of this collection."""

    created: str
    collection: str
    rules: tuple[RuleText, ...]
    hosts: tuple[HostReport, ...]

    def as_json(self) -> str:
        document = {"schema": SCHEMA, **asdict(self)}
        # Half a character, which a file name can hold, is written as an escape.
        return json.dumps(document, indent=1) + "\n"


def in_natural_order(name: str) -> tuple[list[tuple[bool, int, str]], str]:
    """Sorts names as people do: web2 before web10."""
    parts = [(part.isdigit(), part.lstrip("0") if part.isdigit() else part) for part in re.findall(r"\d+|\D+", name)]
    return [(not is_number, len(part) if is_number else 0, part) for is_number, part in parts], name
