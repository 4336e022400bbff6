"""Runs this checkout's playbooks as ansible-playbook does, with a stand-in in the place of the module audit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checkout import CACHE, CHECKOUT


def copy_collection(folder: Path, stand_in: str) -> Path:
    """This checkout is a collection below ``folder``, whose action ``audit`` is that file beside this one."""
    root = folder / "ansible_collections" / "pep668" / "provision"
    shutil.copytree(CHECKOUT / "plugins", root / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("meta", "playbooks", "roles"):
        (root / name).symlink_to(CHECKOUT / name)
    shutil.copy(CHECKOUT / "galaxy.yml", root)
    shutil.copy(Path(__file__).with_name(stand_in), root / "plugins" / "action" / "audit.py")
    return folder


def run_playbook(
    name: str,
    folder: Path,
    collections: Path,
    inventory: Mapping[str, Any],
    answers: Mapping[str, Any],
    *arguments: str,
) -> subprocess.CompletedProcess[str]:
    """The playbook has run in ``folder``, without this machine's settings of Ansible; its output is in ``stdout``."""
    (folder / "answers.json").write_text(json.dumps(answers))
    (folder / "empty.cfg").touch()
    (folder / "inventory.json").write_text(json.dumps(inventory))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), f"pep668.provision.{name}"]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    kept |= {"ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_CONFIG": str(folder / "empty.cfg")}
    kept |= {"ANSIBLE_HOME": str(CACHE / "ansible"), "ANSIBLE_NOCOLOR": "true"}
    return subprocess.run(
        [*command, "--inventory", str(folder / "inventory.json"), *arguments],
        env=kept | {"MADE_UP_ANSWERS": str(folder / "answers.json")},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
