"""What a converged run is made of: processes on the host, what is sent there, and the engine's own time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checkout import CHECKOUT, link_collection
from container_engine import podman
from contenders import CONTENDERS, HERE, W1, Workload
from fleet import BenchmarkHost
from growth import ENTRIES, many_entries, prepared_hosts, run_script
from measuring import enter, measure
from progress import say
from recording import read_recording
from states import MAKERS, States

ENGINE = CHECKOUT / "plugins" / "module_utils" / "engine"
IMPORT = re.compile(r"^from \S*?\bengine\.(\w+) import ([\w, ]+)$", re.MULTILINE)
SHARED = re.compile(r"^from (?:\S*\bmodule_utils)?\.(\w+_module) import ", re.MULTILINE)
RUNS = 20
ON_HOST = "/tmp/engine-times"


def measure_on_target(states: States) -> dict[str, Any]:
    """The facts by name: processes by contender, bytes by module, milliseconds by workload."""
    facts: dict[str, Any] = {"processes": count_processes(states)}
    facts["module_bytes"] = {
        "ansible.builtin.ping": sent_bytes("ansible.builtin.ping"),
        "pep668.provision.plan": sent_bytes("pep668.provision.plan", str(HERE / "w1.yml")),
    }
    say(f"bytes sent: {facts['module_bytes']}")
    with prepared_hosts(states) as (project, _):
        largest = ENTRIES[-1]
        cases = {"W1": (project[0], W1), f"{sum(largest)} entries": (project[-1], many_entries(*largest))}
        facts["milliseconds"] = {case: engine_times(*where) for case, where in cases.items()}
    return facts


def count_processes(states: States) -> dict[str, int]:
    """How many programs each contender starts on a converged host, sshd's own left out, by the contender's name."""
    counted = {}
    with states.hosts(1, *MAKERS) as hosts:
        for contender in CONTENDERS.values():
            entrant = enter(contender, hosts[contender.state])
            with tempfile.TemporaryDirectory() as scratch:
                with recorded(entrant.hosts[0], Path(scratch)):
                    measure("settle", entrant, converged=True)
                started = [one for one in read_recording(Path(scratch)) if not Path(one.path).name.startswith("sshd")]
            counted[contender.name] = len(started)
            say(f"processes on the host, {contender.name}: {len(started)}")
    return counted


@contextmanager
def recorded(host: BenchmarkHost, folder: Path) -> Iterator[None]:
    """What the host's SSH server starts inside the block is recorded in the folder."""
    traced = ["-e", "trace=execve,execveat", "-e", "signal=none", "-s", "65536", "-o", str(folder / "trace")]
    recorder = subprocess.Popen(["strace", "-ff", "-qq", *traced, "-p", str(host.server)])
    try:
        while "TracerPid:\t0\n" in Path(f"/proc/{host.server}/status").read_text():
            if recorder.poll() is not None:
                raise RuntimeError(f"strace ended with {recorder.returncode}")
            time.sleep(0.02)
        yield
    finally:
        recorder.terminate()
        recorder.wait()


def sent_bytes(module: str, *variables: str) -> int:
    """How many bytes Ansible sends for a module."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(link_collection())}
    command = [sys.executable, str(HERE / "sent_module.py"), module, *variables]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


def engine_times(host: BenchmarkHost, workload: Workload) -> dict[str, list[float]]:
    """Milliseconds of loading the engine and looking at the workload on the host, as engine_times.py tells them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "files" / "engine").mkdir(parents=True)
        with zipfile.ZipFile(folder / "engine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for source in ENGINE.glob("*.py"):
                archive.write(source, f"engine/{source.name}")
                (folder / "files" / "engine" / source.name).write_bytes(source.read_bytes())
        (folder / "declared.json").write_text(json.dumps(workload))
        podman("cp", f"{folder}/.", f"{host.name}:{ON_HOST}")
    arguments = [str(RUNS), f"{ON_HOST}/files", f"{ON_HOST}/engine.zip", f"{ON_HOST}/declared.json", imports_of_plan()]
    times: dict[str, list[float]] = json.loads(run_script(host, "engine_times.py", *arguments))
    return times


def imports_of_plan() -> str:
    """The statements by which the module plan loads the engine, itself or by what it shares with other modules."""
    plugins = CHECKOUT / "plugins"
    unread, statements = [plugins / "modules" / "plan.py"], []
    while unread:
        text = unread.pop().read_text()
        statements += [f"from engine.{module} import {names}" for module, names in IMPORT.findall(text)]
        unread += [plugins / "module_utils" / f"{name}.py" for name in SHARED.findall(text)]
    return "\n".join(dict.fromkeys(statements))
