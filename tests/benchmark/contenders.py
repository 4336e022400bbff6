"""Who is measured: for Ansible and for pyinfra a floor, the parts users have today, and this project.

Each reads the workload from ``w1.yml`` beside its playbook or deploy file, whatever is in it. Everything else is the
same for all: the hosts' addresses, the key, the host's Python, pipelining, as many hosts at a time as there are.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from checkout import CACHE, link_collection
from fleet import BenchmarkHost
from host_images import ssh_key
from pyinfra_runs import PROVISION, provide_pyinfra

HERE = Path(__file__).resolve().parent
W1: dict[str, Any] = yaml.safe_load((HERE / "w1.yml").read_text())

Workload = Mapping[str, Any]
Command = tuple[list[str], dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How Ansible and pyinfra are told to work, where that differs from what everything else is measured with.

    at_once: hosts at a time, 0 for all; program: another ansible-playbook; play: keywords of the play; environment:
    variables of Ansible.
    """

    at_once: int = 0
    program: Path | None = None
    play: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way to converge hosts, or to reach them and do nothing.

    name: as in results; label: as in tables; tool: ansible or pyinfra; kind: floor, peer or ours; state: which state it
    leaves a host in, for peers and this project meet on no host; file: playbook or deploy file beside this one.
    """

    name: str
    label: str
    tool: str
    kind: str
    state: str
    file: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)

    def prepare(
        self, folder: Path, hosts: Sequence[BenchmarkHost], workload: Workload = W1, settings: Settings | None = None
    ) -> Command:
        """The folder has all the run needs; returns the command and its environment."""
        (folder / "w1.yml").write_text(json.dumps({**workload, **self.variables}))
        if self.file:
            shutil.copy(HERE / self.file, folder)
        addresses = [host.own_address for host in hosts]
        prepare = prepare_ansible if self.tool == "ansible" else prepare_pyinfra
        return prepare(self, folder, addresses, settings or Settings())

    def count_changes(self, stdout: str) -> int:
        """How much a run changed, by what it printed: tasks of Ansible, operations of pyinfra."""
        if self.tool == "ansible":
            return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", stdout))
        return int(json.loads(stdout)["results"]["totals"]["success"]) if stdout.startswith("{") else 0


CONTENDERS = {
    one.name: one
    for one in (
        Contender(
            name="floor_ansible",
            label="Ansible, one ping",
            tool="ansible",
            kind="floor",
            state="project",
            file="floor_ansible.yml",
        ),
        Contender(
            name="peer_ansible",
            label="Ansible, existing modules",
            tool="ansible",
            kind="peer",
            state="existing",
            file="peer_ansible.yml",
        ),
        Contender(
            name="role",
            label="this project's role",
            tool="ansible",
            kind="ours",
            state="project",
            file="role_ansible.yml",
        ),
        Contender(
            name="role_uv",
            label="this project's role, uv",
            tool="ansible",
            kind="ours",
            state="project-uv",
            file="role_ansible.yml",
            variables={"python_installer": "uv", "python_uv": True},
        ),
        Contender(
            name="floor_pyinfra",
            label="pyinfra, connect and one fact",
            tool="pyinfra",
            kind="floor",
            state="project",
            file="floor_pyinfra.py",
        ),
        Contender(
            name="peer_pyinfra",
            label="pyinfra, existing operations",
            tool="pyinfra",
            kind="peer",
            state="existing",
            file="peer_pyinfra.py",
        ),
        Contender(
            name="deploy",
            label="this project's deploy",
            tool="pyinfra",
            kind="ours",
            state="project",
        ),
    )
}


def floor_of(name: str) -> str:
    return f"floor_{CONTENDERS[name].tool}"


def peer_of(name: str) -> str:
    return f"peer_{CONTENDERS[name].tool}"


def prepare_ansible(contender: Contender, folder: Path, addresses: Sequence[str], settings: Settings) -> Command:
    """ansible-playbook, in an environment without anyone's own settings."""
    if settings.play:
        plays = yaml.safe_load((folder / contender.file).read_text())
        (folder / contender.file).write_text(json.dumps([{**play, **settings.play} for play in plays]))
    connection = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(ssh_key()),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    hosts = dict.fromkeys(addresses, connection)
    (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (folder / "ansible.cfg").touch()
    program = settings.program or Path(sys.executable).with_name("ansible-playbook")
    forks = settings.at_once or len(addresses)
    command = [str(program), "--inventory=inventory.json", f"--forks={forks}", contender.file]
    return command, {**ansible_environment(folder), **settings.environment}


def ansible_environment(folder: Path) -> dict[str, str]:
    """The variables Ansible is started with, for a run in that folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return kept | {
        "ANSIBLE_COLLECTIONS_PATH": str(link_collection()),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(CACHE / "ansible"),
        "ANSIBLE_HOST_KEY_CHECKING": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        # Hosts get the addresses of earlier ones.
        "ANSIBLE_SSH_COMMON_ARGS": "-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
    }


def prepare_pyinfra(contender: Contender, folder: Path, addresses: Sequence[str], settings: Settings) -> Command:
    """The program pyinfra of an environment that has this checkout installed."""
    reach = {
        "ssh_user": "root",
        "ssh_key": str(ssh_key()),
        "ssh_known_hosts_file": os.devnull,
        "ssh_strict_host_key_checking": "no",
    }
    (folder / "inventory.py").write_text(f"hosts = {[(address, reach) for address in addresses]!r}\n")
    at_once = settings.at_once or len(addresses)
    what = [contender.file] if contender.file else [PROVISION, "vars=w1.yml"]
    command = [str(provide_pyinfra().program), "--json", "-y", f"--parallel={at_once}", "inventory.py", *what]
    return command, dict(os.environ)
