"""Ansible with mitogen, which replaces how modules reach a host, in an environment beside the tests' own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from checkout import CACHE, REQUIREMENTS
from contenders import Settings
from progress import say


def mitogen_settings() -> Settings | None:
    """The settings by which Ansible runs with mitogen, None where it could not be installed."""
    folder = CACHE / "mitogen-environment"
    wanted = REQUIREMENTS / "mitogen.txt"
    stamp = folder / "complete"
    if not stamp.is_file() or stamp.read_text() != wanted.read_text():
        say("installing mitogen")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*pip, "install", "--require-hashes", f"--requirement={wanted}"], check=False, stderr=subprocess.DEVNULL
        )
        if done.returncode:
            say("mitogen could not be installed and is left out")
            return None
        stamp.write_text(wanted.read_text())
    plugins = next(Path(folder).glob("lib/python3*/site-packages/ansible_mitogen/plugins/strategy"))
    environment = {"ANSIBLE_STRATEGY_PLUGINS": str(plugins), "ANSIBLE_STRATEGY": "mitogen_linear"}
    return Settings(program=folder / "bin" / "ansible-playbook", environment=environment)
