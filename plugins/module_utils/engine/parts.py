# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the engine that few calls need, and how these get them.

Ansible sends every file to the host that a module's imports lead to, and reads each of them first. So what few declared
states need is loaded by its name here, which no import tells, and is sent with the calls that need it: ``every_part``
names them all. Where only a type of theirs is wanted, it is imported as from the pyinfra package, for type checkers.
"""

from __future__ import annotations

import importlib
import json
from typing import Any, Mapping, Tuple

#: The parts by what they are for: a variable of the data model, or a state or a key of entries.
PARTS: Mapping[str, Tuple[str, ...]] = {
    "latest": ("preview",),
    "versioned": ("apply_builds", "builds"),
    "lock": ("pylock",),
    "python_require_pins": ("pins",),
    "python_restore_marker": ("marker_restore", "package_manager_ready", "shipped_marker"),
    "python_pip_conf_override": ("pip_conf", "pip_conf_override"),
    "python_system_pip": ("apply_system_pip", "system_pip_inquiry", "system_pip_observe", "system_pip_plan"),
}


class PartNotSent(Exception):
    """A part is needed that was not sent along: what stands on the host decided that, and not what is declared."""


def needed_parts(
    declared: Mapping[str, Any], *, only_plans: bool = False, may_be_sent_again: bool = False
) -> Tuple[str, ...]:
    """Return the parts that a declared state needs, whether or not it will be accepted.

    What is only needed to change the host is left out for a call that ``only_plans``; what few hosts turn out to need,
    for one that ``may_be_sent_again`` with every part.
    """
    asked = {name for name in PARTS if declared.get(name) not in (None, False, "", "keep", [], ())}
    text = json.dumps([declared.get("python_venvs"), declared.get("python_tools")], default=str)
    asked |= {word for word in ("latest", "lock") if f'"{word}"' in text}
    venvs = json.dumps(declared.get("python_venvs"), default=str)
    # What is to be absent may have builds, whatever its entry says.
    if '"versioned"' in venvs or ('"absent"' in venvs and not may_be_sent_again):
        asked.add("versioned")
    found = (part for name, parts in PARTS.items() if name in asked for part in parts)
    return tuple(part for part in found if not (only_plans and part.startswith("apply_")))


def spared_modules(declared: Mapping[str, Any]) -> Tuple[str, ...]:
    """Return the modules imported in functions that this declared state has no use for."""
    text = json.dumps(dict(declared), default=str)
    reads_requirements = any(f'"{word}"' in text for word in ("requirements", "constraints", "lock", "project"))
    has_tools, has_system_pip = bool(declared.get("python_tools")), bool(declared.get("python_system_pip"))
    # What pipx recorded of a tool may hold whatever a requirement can.
    parses_markers = ";" in text or reads_requirements or has_tools or has_system_pip
    needed = {
        "apply_tool": has_tools,
        "environment_marker": parses_markers,
        "login_path": has_tools,
        "logins": "@" in text or "username" in text,
        "requirements_file": reads_requirements or has_system_pip,
        "system_pip": has_system_pip,
    }
    return tuple(name for name, is_needed in needed.items() if not is_needed)


def load(name: str) -> Any:
    """Return a part as a module; raises PartNotSent where it did not come along."""
    path = f"{__package__}.{name}"
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name == path:
            raise PartNotSent(name) from None
        raise
