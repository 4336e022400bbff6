"""What an audit costs the host that is audited."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from checkout import CHECKOUT
from container_engine import podman
from growth import run_script
from progress import say
from states import States

# Environments with W1's six packages, and tools.
VENVS, TOOLS = 20, 9
RUNS = 10
ENGINE = CHECKOUT / "plugins" / "module_utils" / "engine"
ON_HOST = "/tmp/audit-times"


def measure_audit(states: States) -> dict[str, Any]:
    """The facts by name: seconds and findings of audits of one host."""
    with states.hosts(1, "project") as hosts, tempfile.TemporaryDirectory() as scratch:
        (host,) = hosts["project"]
        run_script(host, "many_entries.py", str(VENVS), str(TOOLS))
        with zipfile.ZipFile(Path(scratch) / "engine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for source in ENGINE.rglob("*.py"):
                archive.write(source, f"engine/{source.relative_to(ENGINE)}")
        podman("cp", f"{scratch}/.", f"{host.name}:{ON_HOST}")
        audit = json.loads(run_script(host, "audit_times.py", str(RUNS), f"{ON_HOST}/engine.zip"))
    say(f"an audit with {VENVS} environments and {TOOLS} tools: {audit}")
    return {"audit": audit}
