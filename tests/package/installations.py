"""What scripts/build makes, and environments with it and nothing else: no checkout on any path, nobody's settings."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hosts import Host


@dataclass(frozen=True)
class Artefacts:
    """What scripts/build made in a folder."""

    folder: Path

    @property
    def collection(self) -> Path:
        (archive,) = (self.folder / "collection").iterdir()
        return archive

    @property
    def wheel(self) -> Path:
        (wheel,) = (self.folder / "python").glob("*.whl")
        return wheel

    @property
    def sdist(self) -> Path:
        (archive,) = (self.folder / "python").glob("*.tar.gz")
        return archive


@dataclass(frozen=True)
class Installation:
    """A virtual environment, and a home that its programs are started in."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def run(
        self, program: str, *arguments: str, environment: Mapping[str, str] | None = None, status: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """A program of the environment has ended with that status; the variables it knows are these few."""
        variables = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            # After the environment's own programs those of the system that they start, such as ssh.
            "PATH": os.pathsep.join([str(self.folder / "bin"), "/usr/bin", "/bin"]),
            **(environment or {}),
        }
        done = subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd=self.home,
            env=variables,
        )
        assert done.returncode == status, f"{program}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def play(self, playbook: str, host: Host, variables: Mapping[str, Any], environment: Mapping[str, str]) -> str:
        """The playbook has run against the host over SSH, without a failure; returns what it printed."""
        connection = {
            "ansible_host": host.address,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(host.authorize("root")),
            "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
            # In the home its path could be too long for a socket.
            "ansible_control_path": f"{tempfile.gettempdir()}/{host.name[-20:]}-package",
        }
        inventory, given = self.home / "inventory.json", self.home / "vars.json"
        inventory.write_text(json.dumps({"all": {"hosts": {"web1": connection}}}))
        given.write_text(json.dumps(variables))
        arguments = ["--inventory", str(inventory), playbook, "--extra-vars", f"@{given}"]
        return self.run("ansible-playbook", *arguments, environment=environment).stdout
