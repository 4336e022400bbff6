"""Prints as JSON what audits of this host take, in seconds, and how many findings each has.

Runs on a host: python3 audit_times.py RUNS ARCHIVE

ARCHIVE is a zip that holds the package ``engine`` without byte code, which is how Ansible sends it. Each number is of a
process of its own, from its start to its end, with the module's own defaults.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

AUDIT = """
import sys; sys.path.insert(0, sys.argv[1])
from engine.audit.audit_host import audit_host
from engine.audit.scope import read_scope
from engine.host import Host
report = audit_host(Host(), read_scope({}, Host()))
print(len(report["findings"]))
"""


def main(runs: str, archive: str) -> None:
    """The numbers are on standard output."""
    seconds, findings = [], []
    for _ in range(int(runs)):
        started = time.perf_counter()
        command = [sys.executable, "-I", "-c", AUDIT, archive]
        findings.append(int(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout))
        seconds.append(round(time.perf_counter() - started, 3))
    print(json.dumps({"seconds": seconds, "findings": findings}))


if __name__ == "__main__":
    main(*sys.argv[1:])
