# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has a module repair something on the host, after a backup of what it changes."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.pep668.provision.plugins.module_utils.engine.audit.repairing import find_refusal

_OWN = ("module", "arguments", "keeps", "label", "backup_directory")


class ActionModule(ActionBase):
    """Calls the modules backup and the one that is named, if a repair may name it."""

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        given = self._task.args
        module, arguments, keeps = given.get("module"), given.get("arguments", {}), given.get("keeps") or []
        refusal = find_refusal(module, arguments, keeps)
        if refusal:
            return {**result, "failed": True, "msg": f"Nothing was done, for {refusal}."}
        # What module_defaults give the group: where the index is, how long locks are waited for.
        settings = {name: value for name, value in given.items() if name not in _OWN}
        backup = {}
        if keeps:
            where = {"label": given.get("label", ""), "directory": given.get("backup_directory", "")}
            backup = self._call("backup", {"paths": keeps, **where}, settings, task_vars)
            if backup.get("failed"):
                said = f"Nothing was done, for there is no backup: {backup.get('msg', '')}"
                return {**result, **backup, "failed": True, "msg": said}
        answer = self._call(module, arguments, settings, task_vars)
        kept = {name: backup[name] for name in ("archive", "paths", "missing", "restore") if name in backup}
        return {
            **result,
            **answer,
            "changed": bool(answer.get("changed")) or bool(backup.get("changed")),
            "backup": kept,
            "diff": [*_listed(backup.get("diff")), *_listed(answer.get("diff"))],
        }

    def _call(
        self, module: str, arguments: dict[str, Any], settings: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=f"pep668.provision.{module}", module_args={**settings, **arguments}, task_vars=task_vars
        )
        return answer


def _listed(diff: Any) -> list[Any]:
    return diff if isinstance(diff, list) else [diff] if diff else []
