"""Real pyinfra, as its users have it: this project installed with its extra in an environment of its own, and runs.

run = pyinfra.provision(host, {"python_venvs": [{"path": "/srv/v"}]})
assert run.succeeded and run.changed == 1, run.text
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checkout import CACHE, CHECKOUT, REQUIREMENTS
from host_images import locked
from hosts import Host, Variables

PROVISION = "pep668_provision.deploys.provision"
#: Where pyinfra says what it starts on a host, with -vv.
INPUT = ">>> "


@dataclass(frozen=True)
class Run:
    """A run of pyinfra.

    rc: its exit status; report: what --json prints, empty when it ended before that; stdout, stderr: its outputs.
    """

    rc: int
    report: dict[str, Any]
    stdout: str
    stderr: str

    @property
    def succeeded(self) -> bool:
        return self.rc == 0

    @property
    def text(self) -> str:
        """Everything the run printed."""
        return f"exit status {self.rc}\n{self.stdout}\n{self.stderr}"

    @property
    def changed(self) -> int:
        """How many operations ran commands, summed over the hosts. Raises AssertionError where pyinfra did not end."""
        assert self.report, self.text
        return int(self.report["results"]["totals"]["success"])

    @property
    def unchanged(self) -> int:
        """How many operations had nothing to do, summed over the hosts."""
        return int(self.report["results"]["totals"]["no_change"])

    @property
    def foreseen(self) -> int:
        """How many operations of a dry run would run commands, summed over the hosts."""
        return sum(len(one["hosts_with_change"]) for one in self.report["plan"])

    def said(self, host: Host) -> list[str]:
        """The lines about one host, without its name before each."""
        prefix = f"[{host.address}] "
        lines = (line.strip() for line in self.stderr.splitlines())
        return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]

    def planned_commands(self, host: Host) -> list[str]:
        """The commands that a dry run printed below each step."""
        return [line.strip() for line in self.said(host) if line.startswith("    ")]

    def started_commands(self, host: Host) -> list[str]:
        """The commands a run with -vv said it started, as they are inside of the shell pyinfra starts them with."""
        lines = (line for line in self.said(host) if line.startswith(INPUT))
        return [shlex.split(line.removeprefix(INPUT))[-1] for line in lines]


@dataclass(frozen=True)
class Pyinfra:
    """The program pyinfra of one environment."""

    program: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def wheel(self, folder: Path) -> Path:
        """The wheel of this checkout, built in that folder."""
        # The environment has what it is built with.
        pip = [str(self.program.with_name("python")), "-m", "pip", "--disable-pip-version-check", "wheel"]
        options = ["--no-deps", "--no-index", "--no-build-isolation", f"--wheel-dir={folder}"]
        subprocess.run([*pip, *options, str(CHECKOUT)], check=True, capture_output=True)
        return next(folder.glob("*.whl"))

    def provision(self, host: Host, data: Variables, *arguments: str, user: str = "root", dry: bool = False) -> Run:
        """The deploy has run on a host with these variables as its data, over SSH as that user."""
        return self.run({host.address: {**reach(host, user), **data}}, *arguments, PROVISION, dry=dry)

    def fact(self, host: Host, name: str, *arguments: str, user: str = "root", data: Variables | None = None) -> Any:
        """What a fact of this project is on a host."""
        run = self.run({host.address: {**reach(host, user), **(data or {})}}, "fact", f"{name}", *arguments)
        assert run.succeeded, run.text
        return next(iter(run.report.values()))[host.address]

    def run(
        self,
        inventory: Mapping[str, Variables],
        *arguments: str,
        dry: bool = False,
        files: Mapping[str, str] | None = None,
        around: Sequence[str] = (),
    ) -> Run:
        """pyinfra has ended, with these hosts and their data, in a folder of its own with these files.

        around: words to put before the command pyinfra.
        """
        with tempfile.TemporaryDirectory(prefix="pep668-pyinfra-") as scratch:
            for name, text in (files or {}).items():
                Path(scratch, name).write_text(text)
            Path(scratch, "inventory.py").write_text(f"hosts = {list(inventory.items())!r}\n")
            options = ["--json", *(["--dry"] if dry else ["-y"])]
            done = subprocess.run(
                [*around, str(self.program), *options, "inventory.py", *arguments],
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                cwd=scratch,
                env={**os.environ, **self.environment},
            )
        report = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        return Run(done.returncode, report, done.stdout, done.stderr)


def reach(host: Host, user: str = "root") -> Variables:
    """How pyinfra reaches a host over SSH: by its own address, with the tests' own key."""
    return {
        "ssh_user": user,
        "ssh_key": str(host.authorize(user)),
        "ssh_known_hosts_file": os.devnull,
        "ssh_strict_host_key_checking": "no",
    }


def provide_pyinfra() -> Pyinfra:
    """The pyinfra of an environment that has this checkout, built and installed with its extra, and nothing else."""
    shipped = [CHECKOUT / "pyproject.toml", *sorted((CHECKOUT / "src").rglob("*.py"))]
    shipped += sorted((CHECKOUT / "plugins").rglob("*.py"))
    pins = REQUIREMENTS / "pyinfra.txt"
    shipped.append(pins)
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in shipped)).hexdigest()
    folder = CACHE / "pyinfra-environment"
    stamp = folder / "complete"
    with locked(folder.name):
        if not stamp.is_file() or stamp.read_text() != digest:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "install", "--require-hashes", f"--requirement={pins}"], check=True)
            # With all it needs there, and what it is built with, the index is not asked for more.
            own = ["--no-index", "--no-build-isolation", f"{CHECKOUT}[pyinfra]"]
            subprocess.run([*pip, "install", *own], check=True, stderr=subprocess.DEVNULL)
            stamp.write_text(digest)
    return Pyinfra(folder / "bin" / "pyinfra")


def options(values: Mapping[str, object] | Sequence[object]) -> str:
    """A value as an argument on pyinfra's command line."""
    return json.dumps(values)
