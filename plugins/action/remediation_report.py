# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what the playbook remediate came to on all its hosts; the controller alone does that."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.pep668.provision.plugins.module_utils.engine.audit.remediation import record_host
from ansible_collections.pep668.provision.plugins.plugin_utils.audit_report.writing import write_files
from ansible_collections.pep668.provision.plugins.plugin_utils.remediation_texts import as_lines, as_markdown

SCHEMA = "pep668.provision.remediation/1"


class ActionModule(ActionBase):
    """Reads what the playbook registered on each host, and writes remediation.json and remediation.md."""

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        given = self._task.args
        wanted = given.get("wanted")
        hosts = []
        for name in variables.get("ansible_play_hosts_all", ()):
            if wanted is None or name in wanted:
                keys = None if wanted is None else frozenset((str(one[0]), str(one[1])) for one in wanted[name])
                hosts.append(_record(name, variables["hostvars"][name], keys, set(given["rules"])))
        record = {
            "schema": SCHEMA,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "rules": list(given["rules"]),
            "applied": bool(given["applied"]),
            "hosts": hosts,
        }
        plain = json.loads(json.dumps(record, default=str))
        texts = {
            "remediation.json": json.dumps(plain, indent=2, ensure_ascii=False) + "\n",
            "remediation.md": as_markdown(plain),
        }
        try:
            files = write_files(str(given["directory"]), texts)
        except OSError as error:
            raise AnsibleActionFail(f"{error.filename}: {error.strerror}") from error
        failed = {host["host"]: host for host in plain["hosts"] if host["failed"]}
        return {**result, "changed": False, "files": files, "summary": as_lines(plain), "failures": failed}


def _record(name: str, variables: Mapping[str, Any], wanted: Any, rules: set[str]) -> dict[str, Any]:
    chosen, repairs = variables.get("remediate_chosen") or {}, variables.get("remediate_repairs") or {}
    after = variables.get("remediate_after") or {}
    return record_host(
        name,
        variables.get("remediate_before") or {},
        chosen,
        repairs.get("results") or (),
        None if not after or after.get("skipped") else after,
        wanted=None if wanted is None else frozenset(key for key in wanted if key[0] in rules),
    )
