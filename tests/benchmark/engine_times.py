"""Prints as JSON how long this host's Python takes to load the engine and to look at a declared state.

Runs on a host: python3 engine_times.py RUNS FOLDER ARCHIVE DECLARED STATEMENTS

FOLDER and ARCHIVE each hold the package ``engine``: one as files with byte code, the other as a zip without, which is
how Ansible sends it. DECLARED is a JSON file of ``python_*`` variables; STATEMENTS the imports that the module ``plan``
makes of the engine. Each number is of a process of its own, in milliseconds; loading is what a process takes with the
imports, less the median of one without.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

OBSERVE = """
import json, sys, time
from engine.desired import validate
from engine.host import Host
from engine.look import look
from engine.observe import observe
desired = validate(json.load(open(sys.argv[1])))
started = time.perf_counter()
observe(desired, Host())
observed = time.perf_counter()
_, plan = look(desired, Host())
looked = time.perf_counter()
assert plan.is_empty, plan
print(json.dumps([(observed - started) * 1000, (looked - observed) * 1000]))
"""


def run(path: str, code: str, *arguments: str) -> tuple[float, str]:
    """Wall milliseconds of a process with this code, and what it printed."""
    code = f"import sys; sys.path.insert(0, {path!r})\n{code}"
    started = time.perf_counter()
    printed = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    return (time.perf_counter() - started) * 1000, printed


def main(runs: str, folder: str, archive: str, declared: str, statements: str) -> None:
    """The numbers are on standard output."""
    for path in (folder, archive):
        run(path, statements)  # Byte code is written, and files are in the page cache.
    times: dict[str, list[float]] = {"start": [], "import_files": [], "import_zip": [], "observe": [], "look": []}
    for _ in range(int(runs)):
        times["start"].append(run(folder, "")[0])
        times["import_files"].append(run(folder, statements)[0])
        times["import_zip"].append(run(archive, statements)[0])
        observe, look = json.loads(run(folder, OBSERVE, declared)[1])
        times["observe"].append(observe)
        times["look"].append(look)
    start = statistics.median(times["start"])
    for name in ("import_files", "import_zip"):
        times[name] = [value - start for value in times[name]]
    print(json.dumps({name: [round(value, 1) for value in values] for name, values in times.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
