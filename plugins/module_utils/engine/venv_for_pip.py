# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pip is asked to do in a virtual environment, which is made or healed first where it has to be."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import replace
from typing import Mapping, Tuple

from .desired import Desired, VenvEntry, validate
from .difference import venv_difference
from .errors import InvalidState
from .host import Host
from .observe import observe
from .requirement import Requirement, parse_spec
from .system_pip import SystemPipEntry, below


def read_venv(options: Mapping[str, object]) -> VenvEntry:
    """Return the environment that the options ``virtualenv…`` name; raises InvalidState for a refused value."""
    try:
        command = shlex.split(str(options.get("virtualenv_command") or ""))
    except ValueError:
        raise InvalidState(["virtualenv_command: its quotes do not match."]) from None
    named = options.get("virtualenv_python") or ""
    if not named and command and posixpath.basename(command[0]).startswith(("python", "pypy")):
        # "python3" alone is the host's own, as without it.
        named = command[0] if command[0] != "python3" and command[0] != "python" else ""
    entry = {
        "path": below(str(options.get("chdir") or "/"), str(options["virtualenv"])),
        "python": named,
        "system_site_packages": options.get("virtualenv_site_packages"),
    }
    return validate({"python_venvs": [entry]}).venvs[0]


def split_for_venv(desired: Desired, venv: VenvEntry, host: Host) -> Tuple[Desired, ...]:
    """Return what is declared of the environment, where it is not in order, and then of pip in it.

    ``desired`` has one entry of ``python_system_pip``. An environment that is there keeps what else is in it, so
    several tasks can each ask for a part.
    """
    entry = desired.system_pip[0]
    inside = replace(desired, system_pip=(replace(entry, python=f"{venv.path}/bin/python", executable=""),))
    difference = venv_difference(observe(replace(desired, system_pip=(), venvs=(venv,)), host).venvs[0])
    if difference is None or (difference.action == "update" and not difference.refusal):
        return (inside,)
    if entry.state == "absent":
        return ()
    made = replace(desired, system_pip=(), venvs=(_filled(venv, entry),))
    return (made, inside) if any(not _is_plain(text) for text in entry.name) else (made,)


def _filled(venv: VenvEntry, entry: SystemPipEntry) -> VenvEntry:
    plain = tuple(text for text in entry.name if _is_plain(text))
    return replace(venv, packages=plain, requirements=entry.requirements, state=entry.state, pip_args=entry.pip_args)


def _is_plain(text: str) -> bool:
    return isinstance(parse_spec(text), Requirement)
