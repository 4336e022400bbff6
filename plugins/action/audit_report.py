# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of an audit, on the controller; no host is asked anything."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.pep668.provision.plugins.module_utils.engine.audit.finding import SEVERITIES
from ansible_collections.pep668.provision.plugins.module_utils.engine.audit.rules import RULES
from ansible_collections.pep668.provision.plugins.plugin_utils.audit_report.answers import read_answers
from ansible_collections.pep668.provision.plugins.plugin_utils.audit_report.as_csv import as_csv
from ansible_collections.pep668.provision.plugins.plugin_utils.audit_report.as_html import as_html
from ansible_collections.pep668.provision.plugins.plugin_utils.audit_report.as_lines import as_lines
from ansible_collections.pep668.provision.plugins.plugin_utils.audit_report.as_markdown import as_markdown
from ansible_collections.pep668.provision.plugins.plugin_utils.audit_report.figures import count, verdict
from ansible_collections.pep668.provision.plugins.plugin_utils.audit_report.model import Report, RuleText
from ansible_collections.pep668.provision.plugins.plugin_utils.audit_report.writing import write_files

ARGUMENTS = {
    "directory": {"type": "path", "default": "audit"},
    "registered": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str"},
    "fail_on": {"type": "str", "choices": ["none", *reversed(SEVERITIES)], "default": "none"},
}
FORMS = {"audit.json": Report.as_json, "audit.csv": as_csv, "audit.md": as_markdown, "audit.html": as_html}


class ActionModule(ActionBase):
    """Once for all hosts of the play, whichever of them it is started for."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False
    BYPASS_HOST_LOOP = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        __, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        names = options["hosts"] if options["hosts"] is not None else variables["ansible_play_hosts_all"]
        hostvars = variables["hostvars"]
        # Not hostvars[name]: that has every variable of every host templated, and what a host said is no template.
        answers = {str(name): _known(hostvars.raw_get(name)).get(options["registered"]) for name in names}
        report = read_answers(
            answers,
            [RuleText(rule.id, rule.title, rule.severity, rule.looks_at, rule.why) for rule in RULES],
            created=f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            collection=collection_version(),
        )
        directory = os.path.abspath(options["directory"])
        files = [os.path.join(directory, name) for name in FORMS]
        if not self._task.check_mode:
            try:
                write_files(directory, {name: form(report) for name, form in FORMS.items()})
            except OSError as error:
                raise AnsibleActionFail(f"The report cannot be written to {directory}: {error.strerror}.") from error
        figures = count(report)
        return {
            **result,
            "changed": True,
            "msg": as_lines(report),
            "files": files,
            "hosts": figures.states,
            "findings": figures.findings,
            "verdict": verdict(report, options["fail_on"]),
        }


def collection_version() -> str:
    """The version of this collection: an installed one's manifest says it, else galaxy.yml; empty without either."""
    root = Path(__file__).resolve().parents[2]
    if (root / "MANIFEST.json").is_file():
        return str(json.loads((root / "MANIFEST.json").read_text())["collection_info"]["version"])
    if (root / "galaxy.yml").is_file():
        return str(yaml.safe_load((root / "galaxy.yml").read_text())["version"])
    return ""


def _known(variables: object) -> Mapping[str, object]:
    """The variables of a host; none, where the inventory does not know it."""
    return variables if isinstance(variables, Mapping) else {}
