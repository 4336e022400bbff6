"""A stand-in for the module audit: no host is asked, and its answer is taken from the file in MADE_UP_ANSWERS."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        answers = json.loads(Path(os.environ["MADE_UP_ANSWERS"]).read_text())
        answer: dict[str, Any] = answers[(task_vars or {})["inventory_hostname"]]
        if answer.get("unreachable"):
            raise AnsibleConnectionFailure(answer["msg"])
        return answer
