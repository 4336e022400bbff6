# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the module plan run on the host, with no more of the engine than what is declared needs."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.pep668.provision.plugins.module_utils.engine.parts import needed_parts


class ActionModule(ActionBase):
    """Chooses between the module as most states need it, and the one that is sent with every part of the engine."""

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        in_full = bool(needed_parts(self._task.args, may_be_sent_again=not self._task.async_val))
        answer = self._run_module("plan_in_full" if in_full else "plan", task_vars)
        if "part_not_sent" in answer:
            answer = self._run_module("plan_in_full", task_vars)
        return {**result, **answer}

    def _run_module(self, name: str, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=f"pep668.provision.{name}", task_vars=task_vars, wrap_async=self._task.async_val
        )
        return answer
