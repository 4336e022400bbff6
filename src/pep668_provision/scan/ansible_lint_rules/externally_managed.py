# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for ansible-lint, one for each kind of finding: ``ansible-lint -r "$(pep668-provision lint-rules)"``."""

from __future__ import annotations

from pathlib import Path

from ansiblelint.errors import MatchError
from ansiblelint.file_utils import Lintable
from ansiblelint.rules import AnsibleLintRule

from pep668_provision.scan.finding import KINDS, Finding, Kind
from pep668_provision.scan.report import shown
from pep668_provision.scan.scan import scan_text
from pep668_provision.scan.yaml_nodes import NotYaml


def _find(file: Lintable) -> list[Finding]:
    """Return what is in a file; what is no YAML is for ansible-lint's own rules to say."""
    try:
        _, findings = scan_text(file.content, Path(file.path))
    except NotYaml:
        return []
    return [one for one in findings if one.path == str(file.path)]


class _Rule(AnsibleLintRule):
    """One kind of finding."""

    id = ""
    severity = "HIGH"
    tags = ["pep668", "deprecations"]  # noqa: RUF012  # as ansible-lint declares it
    version_changed = "0.1.0"

    def matchyaml(self, file: Lintable) -> list[MatchError]:
        """Return a match for each finding of this kind."""
        return [
            self.create_matcherror(
                message=shown(f"{one.kind.title}: {one.what}"),
                lineno=one.line,
                details=shown(one.proposal) or one.kind.instead,
                filename=file,
            )
            for one in _find(file)
            if one.id == self.id
        ]


def _make(kind: Kind) -> type[_Rule]:
    said = {
        "id": kind.id,
        "shortdesc": kind.title,
        "description": f"{kind.hosts} {kind.instead}",
        "__doc__": kind.title,
    }
    return type(f"{kind.id}Rule", (_Rule,), {**said, "__module__": __name__})


globals().update({f"{kind.id}Rule": _make(kind) for kind in KINDS.values()})
