# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pip commands that a shell would find, and which interpreter each installs into."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Optional, Tuple

from .host import Host
from .interpreter import Interpreter, Interpreters, find_program, search_directories

_NAMES = ("pip", "pip3")


@dataclass(frozen=True)
class PipProgram:
    """A pip command: its name, where it is found first, the interpreter in its first line, and what is wrong with it.

    ``warning`` is empty where it installs into the host's own python3.
    """

    name: str
    path: str
    interpreter: str
    warning: str


def observe_pip_programs(
    host: Host, interpreters: Interpreters, *, outside_environments: bool = False
) -> Tuple[PipProgram, ...]:
    """Return the first ``pip`` and ``pip3`` on the search path; none of them is started.

    ``outside_environments`` passes over those of a virtual environment that the caller has on its own search path.
    """
    found = ((name, _first(host, name, outside_environments=outside_environments)) for name in _NAMES)
    return tuple(_observe(host, interpreters, name, path) for name, path in found if path)


def _first(host: Host, name: str, *, outside_environments: bool) -> str:
    if not outside_environments:
        return find_program(host, name) or ""
    folders = (one for one in search_directories(host) if not host.exists(f"{os.path.dirname(one)}/pyvenv.cfg"))
    return next((f"{folder}/{name}" for folder in folders if host.is_executable(f"{folder}/{name}")), "")


def _observe(host: Host, interpreters: Interpreters, name: str, path: str) -> PipProgram:
    python = read_shebang(host, path)
    if not python:
        return PipProgram(name, path, "", f"{path} names no Python: where it installs shows only when it is started.")
    used = interpreters.probe(python, named_by=path)
    if used is None:
        problem = interpreters.failures.get(python, "does not run")
        return PipProgram(name, path, python, f"{path} does not work: its interpreter {python} {problem}.")
    return PipProgram(name, path, python, _mismatch(path, python, used, interpreters.default()))


def _mismatch(path: str, python: str, used: Interpreter, default: Optional[Interpreter]) -> str:
    if default is None or (used.real_path == default.real_path and not used.is_venv):
        return ""
    return (
        f"{path} installs into {python} ({used.origin}, Python {used.version}), not into the host's own "
        f"{default.path} (Python {default.version}); for that one use {default.path} -m pip."
    )


def read_shebang(host: Host, path: str) -> str:
    """Return the Python that a script's first line names as a path, "" where it names none."""
    lines = host.head(path, 1024).decode("utf-8", "replace").splitlines()
    if not lines or not lines[0].startswith("#!"):
        return ""
    words = lines[0][2:].split()
    if words and os.path.basename(words[0]) == "env":
        names = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return (find_program(host, names[0]) or "") if names and "py" in names[0] else ""
    if words and os.path.basename(words[0]) == "sh" and len(lines) > 1:
        # Installers write this where the path is too long for a kernel, or has a blank in it.
        try:
            words = shlex.split(lines[1])[1:] if lines[1].startswith("'''exec' ") else []
        except ValueError:
            return ""
    return words[0] if words and words[0].startswith("/") and "py" in os.path.basename(words[0]) else ""
