"""The Pythons of this machine that tests run with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

#: The oldest that the engine runs on, on targets; the newest that is looked for.
OLDEST_MINOR, NEWEST_MINOR = 8, 15


def version_of(python: str) -> str:
    """The version of an interpreter, empty where it does not run (a pyenv shim of a version not selected, say)."""
    code = "import sys, venv, ensurepip; print('.'.join(map(str, sys.version_info[:3])))"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def running_pythons() -> dict[int, str]:
    """Interpreters of this machine that run and can make environments, by minor version, from the oldest target on."""
    found: dict[int, str] = {}
    for minor in range(OLDEST_MINOR, NEWEST_MINOR + 1):
        pyenv = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        for python in filter(None, [shutil.which(f"python3.{minor}"), *map(str, pyenv)]):
            if minor not in found and version_of(python):
                found[minor] = python
    return found
