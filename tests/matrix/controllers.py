"""Ansible and pyinfra in each of their versions, in environments of their own, and hosts provisioned by them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout import CACHE, CHECKOUT, build_collection
from host_images import locked
from pyinfra_runs import Pyinfra
from pythons import running_pythons
from tests.matrix.targets import Target

ENVIRONMENTS = CACHE / "matrix"
PLAYBOOK = [{"hosts": "all", "gather_facts": False, "roles": [{"role": "pep668.provision.python"}]}]
RECAP = re.compile(r"ok=\d+ +changed=(\d+) +unreachable=0 +failed=0 ")
# What ansible-core says where it does not run on the Python of a host.
TOO_OLD = re.compile(r"(?:requires a minimum of Python(?: version)?|Ansible requires Python) (3\.\d+)")


@dataclass(frozen=True)
class Provisioned:
    """How a host was provisioned: whether it succeeded, how many tasks or operations changed it, all that was said."""

    succeeded: bool
    changed: int
    text: str

    @property
    def oldest_python(self) -> str:
        """The Python that the controller asks for on hosts, where this one is too old for it, else empty."""
        found = TOO_OLD.search(self.text)
        return found[1] if found else ""


@dataclass(frozen=True)
class Controller:
    """A version of a program: its name (ansible-core or pyinfra), its release, its environment."""

    name: str
    release: str
    folder: Path

    def __str__(self) -> str:
        return f"{self.name} {self.release}"

    def provision(self, target: Target, declared: Mapping[str, Any]) -> Provisioned:
        """The host has been provisioned with what is declared."""
        return (self._by_ansible if self.name == "ansible-core" else self._by_pyinfra)(target, declared)

    def _by_ansible(self, target: Target, declared: Mapping[str, Any]) -> Provisioned:
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        connection = {
            "ansible_host": target.host.address,
            "ansible_user": "root",
            "ansible_python_interpreter": target.interpreter,
            "ansible_ssh_private_key_file": str(target.host.authorize("root")),
            "ansible_ssh_common_args": options,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        with tempfile.TemporaryDirectory(prefix="pep668-matrix-") as scratch:
            folder = Path(scratch)
            (folder / "ansible.cfg").touch()
            (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": {"host": {**connection, **declared}}}}))
            (folder / "playbook.json").write_text(json.dumps(PLAYBOOK))
            environment["ANSIBLE_COLLECTIONS_PATH"] = str(ENVIRONMENTS / "collections")
            environment |= {"ANSIBLE_HOME": scratch, "ANSIBLE_CONFIG": f"{scratch}/ansible.cfg", "ANSIBLE_NOCOLOR": "1"}
            done = subprocess.run(
                [str(self.folder / "bin" / "ansible-playbook"), "--inventory", "inventory.json", "playbook.json"],
                cwd=scratch,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        recap = RECAP.search(done.stdout)
        changed = int(recap[1]) if recap else 0
        return Provisioned(done.returncode == 0 and recap is not None, changed, done.stdout)

    def _by_pyinfra(self, target: Target, declared: Mapping[str, Any]) -> Provisioned:
        run = Pyinfra(self.folder / "bin" / "pyinfra").provision(target.host, declared)
        return Provisioned(run.succeeded, run.changed if run.report else 0, run.text)


def provide_controller(name: str, version: str, python: str) -> Controller | None:
    """The newest release of a version is in an environment of its own; ``None`` where that Python is not here."""
    found = running_pythons().get(int(python.split(".")[1]))
    if found is None:
        return None
    folder = ENVIRONMENTS / f"{name}-{version}"
    with locked(f"matrix-{name}-{version}"):
        if not (folder / "complete").is_file():
            subprocess.run([found, "-m", "venv", "--clear", str(folder)], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
            # What it is tried with is what the index has of it today.
            subprocess.run([*pip, f"{name}=={version}.*"], check=True)
            (folder / "complete").touch()
        if name == "pyinfra":
            pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
            subprocess.run([*pip, "--force-reinstall", "--no-deps", str(CHECKOUT)], check=True)
            subprocess.run([*pip, f"{CHECKOUT}[pyinfra]", f"pyinfra=={version}.*"], check=True)
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    release = subprocess.run([str(folder / "bin" / "python"), "-c", code], check=True, capture_output=True, text=True)
    return Controller(name, release.stdout.strip(), folder)


def provide_collection() -> None:
    """The collection, as it is built of this checkout, is where the versions of Ansible look for it."""
    build_collection(ENVIRONMENTS / "collections")
