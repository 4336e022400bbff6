# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what the playbook remediate came to on all its hosts; the controller alone does that."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.pep668.provision.plugins.module_utils.engine.audit.remediation import record_host
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import SETTINGS
from ansible_collections.pep668.provision.plugins.plugin_utils.audit_report.writing import write_files
from ansible_collections.pep668.provision.plugins.plugin_utils.remediation_texts import as_lines, as_markdown

SCHEMA = "pep668.provision.remediation/1"
ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "rules": {"type": "list", "elements": "str", "required": True},
    "wanted": {"type": "dict"},
    "applied": {"type": "bool", "required": True},
}


class ActionModule(ActionBase):
    """Reads what the playbook registered on each host, and writes remediation.json and remediation.md."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        # The settings come where the group has defaults.
        __, options = self.validate_argument_spec(argument_spec={**SETTINGS, **ARGUMENTS})
        hosts = []
        for name in variables.get("ansible_play_hosts_all", ()):
            wanted = None if options["wanted"] is None else options["wanted"].get(name)
            if options["wanted"] is None or wanted is not None:
                # Not hostvars[name]: what a host said is no template.
                registered = variables["hostvars"].raw_get(name)
                hosts.append(_record(str(name), registered, wanted, options["rules"]))
        record = {
            "schema": SCHEMA,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "rules": options["rules"],
            "applied": options["applied"],
            "hosts": hosts,
        }
        # Ansible's texts know where they are from; what is kept is plain.
        plain = json.loads(json.dumps(record))
        texts = {
            "remediation.json": json.dumps(plain, indent=2, ensure_ascii=False) + "\n",
            "remediation.md": as_markdown(plain),
        }
        directory = os.path.abspath(options["directory"])
        if not self._task.check_mode:
            try:
                write_files(directory, texts)
            except OSError as error:
                raise AnsibleActionFail(f"The record cannot be written to {directory}: {error.strerror}.") from error
        failed = {host["host"]: host for host in plain["hosts"] if host["failed"]}
        files = [os.path.join(directory, name) for name in texts]
        return {**result, "changed": False, "files": files, "summary": as_lines(plain), "failures": failed}


def _record(name: str, registered: Mapping[str, Any], wanted: list[Any] | None, rules: list[str]) -> dict[str, Any]:
    repairs, after = registered.get("remediate_repairs") or {}, registered.get("remediate_after") or {}
    keys = None if wanted is None else frozenset((str(id_), str(subject)) for id_, subject in wanted if id_ in rules)
    return record_host(
        name,
        registered.get("remediate_before") or {},
        registered.get("remediate_chosen") or {},
        repairs.get("results") or (),
        None if not after or after.get("skipped") else after,
        wanted=keys,
    )
