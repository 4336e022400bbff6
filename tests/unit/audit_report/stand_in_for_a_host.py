"""A stand-in for the module audit: it finds what the file in MADE_UP_ANSWERS says, as long as that is there.

A finding whose subject is a file is there while the file has the override in it.
"""

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
        return {**answer, "findings": [one for one in answer["findings"] if _is_there(Path(one["subject"]))]}


def _is_there(path: Path) -> bool:
    return not path.is_file() or "break-system-packages" in path.read_text()
