"""Each artefact in an empty environment, and a real host that was given what it should have from there."""

from __future__ import annotations

import json
import os
import sysconfig
from pathlib import Path
from typing import Any

import yaml

from checkout import CHECKOUT
from hosts import Host
from local_index import LocalIndex
from tests.package.conftest import Install
from tests.package.installations import Artefacts, Installation

PLAYBOOKS = [f"pep668.provision.{path.stem}" for path in CHECKOUT.glob("playbooks/*.yml") if path.stem != "example"]
SITE = """
- hosts: all
  gather_facts: false
  roles:
    - role: pep668.provision.python
"""
#: The collections that the tests' own environment has, from the PyPI package "ansible".
OTHERS = Path(sysconfig.get_path("purelib"), "ansible_collections")


def declared(index: LocalIndex) -> dict[str, Any]:
    """An environment and a library, on a host that may have no Python yet."""
    return {
        "python_bootstrap": True,
        "python_venvs": [{"path": "/srv/app/.venv", "packages": ["alpha==1.0"], "owner": "app"}],
        "python_libraries": ["pyyaml"],
        "python_index_url": index.url,
    }


def judge_host(host: Host) -> None:
    """The host has what is declared."""
    assert host.packages("/srv/app/.venv")["alpha"] == "1.0"
    assert host.owners("/srv/app/.venv") == {"app"}
    host.run(["/usr/bin/python3", "-c", "import yaml"])


def audited_version(folder: Path) -> str:
    """The version of the collection that wrote the audit's report, whose page is complete in itself."""
    assert "<style>" in (folder / "audit.html").read_text()
    return str(json.loads((folder / "audit.json").read_text())["collection"])


def judge_ansible(made: Installation, host: Host, variables: dict[str, Any], environment: dict[str, str]) -> None:
    """With what is installed there the host was given what it should have, and audited."""
    made.run("ansible-playbook", "--syntax-check", *PLAYBOOKS, environment=environment)
    made.play("pep668.provision.provision", host, variables, environment)
    judge_host(host)
    (made.home / "site.yml").write_text(SITE)
    assert "changed=0" in made.play("site.yml", host, variables, environment)
    made.play("pep668.provision.audit", host, {}, environment)
    assert audited_version(made.home / "audit") == yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())["version"]


def test_a_host_from_the_collections_archive(
    artefacts: Artefacts, install: Install, bare_host: Host, index: LocalIndex
) -> None:
    made = install("ansible-core")
    collections = made.home / "collections"
    command = ["collection", "install", "--offline", str(artefacts.collection), "-p", str(collections)]
    # What it needs is declared, and not found.
    refused = made.run("ansible-galaxy", *command, status=1)
    assert "community.general:>=8.0.0" in refused.stderr
    (collections / "ansible_collections" / "community").mkdir(parents=True)
    (collections / "ansible_collections" / "community" / "general").symlink_to(OTHERS / "community" / "general")
    environment = {"ANSIBLE_COLLECTIONS_PATH": str(collections)}
    made.run("ansible-galaxy", *command, environment=environment)
    # Each file is what the manifest says.
    made.run("ansible-galaxy", "collection", "verify", "--offline", "pep668.provision", environment=environment)
    judge_ansible(made, bare_host, {**declared(index), "python_tools": [{"name": "hello"}]}, environment)
    assert bare_host.run("hello", user="alice", login=True).stdout == "hello 1.0\n"


def test_a_host_from_the_wheel_with_ansible(
    artefacts: Artefacts, install: Install, bare_host: Host, index: LocalIndex
) -> None:
    made = install(f"{artefacts.wheel}[ansible]")
    judge_ansible(made, bare_host, declared(index), {})


def test_a_host_from_the_wheel_with_pyinfra(
    artefacts: Artefacts, install: Install, bare_host: Host, index: LocalIndex
) -> None:
    made = install(f"{artefacts.wheel}[pyinfra]")
    data = {
        "ssh_user": "root",
        "ssh_key": str(bare_host.authorize("root")),
        "ssh_known_hosts_file": os.devnull,
        "ssh_strict_host_key_checking": "no",
        **{name: value for name, value in declared(index).items() if name != "python_bootstrap"},
    }
    (made.home / "inventory.py").write_text(f"hosts = {[(bare_host.address, data)]!r}\n")
    deploy = ["-y", "inventory.py", "pep668_provision.deploys.provision"]
    made.run("pyinfra", *deploy)
    judge_host(bare_host)
    assert "No changes" in made.run("pyinfra", *deploy).stderr


def test_existing_playbooks_are_scanned(artefacts: Artefacts, install: Install) -> None:
    made = install(str(artefacts.wheel))
    # Alone it brings nothing along, and says what the scan needs.
    listed = json.loads(made.run("python", "-m", "pip", "list", "--format=json").stdout)
    assert {one["name"] for one in listed} - {"pip", "setuptools"} == {"pep668-provision"}
    assert "pep668-provision[scan]" in made.run("pep668-provision", "scan", ".", status=2).stderr
    install(f"{artefacts.wheel}[scan]")
    (made.home / "site.yml").write_text("- hosts: all\n  tasks:\n    - ansible.builtin.pip:\n        name: flask\n")
    assert made.run("pep668-provision", "scan", "site.yml", status=1).stdout.startswith("site.yml:3")
    rules = Path(made.run("pep668-provision", "lint-rules").stdout.strip())
    assert rules.is_relative_to(made.folder)
    assert list(rules.glob("*.py"))
