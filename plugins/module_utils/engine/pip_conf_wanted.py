# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pip.conf is to say: the options of the module, accepted as a whole or refused with reasons."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from . import values
from .errors import InvalidState
from .pip_conf_edit import Key

LEVELS = ("system", "user", "interpreter")
#: Nobody runs a configuration file, or has it to themselves to write.
_MODE = re.compile(r"0?6[0246][04]", re.ASCII)
OVERRIDES = ("absent", "present", "keep")
#: Of install and uninstall, which alone look for the marker, each has a section of its own.
_OVERRIDE = Key(("break-system-packages",), is_switch=True, removed_from=("uninstall",))
_RISK = (
    "break_system_packages is 'present': with it every pip that reads this file installs into and removes from the "
    "Python that the operating system's own programs run with, and can overwrite or break what the package manager put "
    "there. Better are a virtual environment for an application (module venv), an environment of its own for a "
    "command-line tool (module tool), and the distribution's own package for a library (python_libraries). If it has "
    "to be, add i_accept_the_risk: true."
)


def _word(check: Callable[[object], str], *, may_have_spaces: bool = False) -> Callable[[object], str]:
    """Return the check of a value that pip's parser gives back as it is written."""

    def check_word(value: object) -> str:
        text = check(value)
        if text.startswith(("#", ";")):
            raise values.Refused("a value that starts with # or ; would be a comment in pip.conf")
        if text != text.strip() or (len(text.split()) != 1 and not may_have_spaces):
            raise values.Refused("pip.conf cannot hold a value with this space in it")
        return text

    return check_word


_URL, _PATH = _word(values.url), _word(values.absolute, may_have_spaces=True)
#: The options with which settings are asked for, their keys in the file, and what their values may be.
_SETTINGS: Mapping[str, Tuple[Key, Callable[[object], Any]]] = {
    "index_url": (Key(("index-url", "pypi-url")), values.optional(_URL)),
    "extra_index_urls": (Key(("extra-index-url",), is_list=True), values.list_of(_URL)),
    "find_links": (Key(("find-links",), is_list=True), values.list_of(_URL)),
    "no_index": (Key(("no-index",), is_switch=True), values.boolean),
    "trusted_hosts": (Key(("trusted-host",), is_list=True), values.list_of(_word(values.host_name))),
    "proxy": (Key(("proxy",)), values.optional(_URL)),
    "cert": (Key(("cert",)), values.optional(_PATH)),
}


@dataclass(frozen=True)
class WantedConfig:
    """What was asked for: of which file, and for each key its words, none for one that is to be gone.

    ``path`` is one of the level's files, the one that pip itself writes to where it is empty. ``mode`` is what the file
    is to have, ``None`` for the one it has.
    """

    level: str
    user: str = ""
    python: str = ""
    keys: Mapping[Key, Tuple[str, ...]] = field(default_factory=dict)
    path: str = ""
    mode: Optional[int] = None


def read_wanted(options: Mapping[str, object]) -> WantedConfig:
    """Return what the options of the module ask for; raises InvalidState with every one that is refused.

    A missing option or ``None`` leaves the setting as it is, an empty value (``no_index``: false) removes it.
    """
    problems: List[str] = []

    def accept(name: str, check: Callable[[object], Any]) -> Any:
        value = options.get(name)
        try:
            return None if value is None else check(value)
        except values.Refused as refusal:
            # A proxy without a scheme can hold a password in any form.
            shown = "(not shown)" if name == "proxy" else values.shown(value)
            problems.append(f"{name} is {shown}: {refusal}.")
            return None

    level = accept("level", values.choice(*LEVELS)) or ""
    user = accept("user", values.optional(values.account)) or ""
    python = accept("python", values.optional(values.python)) or ""
    path = accept("path", values.optional(values.absolute)) or ""
    mode = accept("mode", values.optional(_mode))
    override = accept("break_system_packages", values.choice(*OVERRIDES)) or "keep"
    problems += _contradictions(level, options)
    if override == "present" and options.get("i_accept_the_risk") is not True:
        problems.append(_RISK)
    keys: Dict[Key, Tuple[str, ...]] = {}
    if override != "keep":
        keys[_OVERRIDE] = ("true",) if override == "present" else ()
    asked = {name: accept(name, check) for name, (__, check) in _SETTINGS.items()}
    keys.update({_SETTINGS[name][0]: _words(value) for name, value in asked.items() if value is not None})
    if problems:
        raise InvalidState(problems)
    return WantedConfig(level, user, python, keys, path, int(mode, 8) if mode else None)


def _mode(value: object) -> str:
    text = values.plain_text(value)
    if not _MODE.fullmatch(text):
        raise values.Refused('allowed are octal digits in quotes with which its owner can read and write, like "0600"')
    return text


def without_override(level: str, *, python: str = "", path: str = "") -> WantedConfig:
    """Return what takes the override out of a file of the caller's own or of all."""
    return WantedConfig(level, "", python, {_OVERRIDE: ()}, path)


def _contradictions(level: str, options: Mapping[str, object]) -> List[str]:
    found = []
    if options.get("user") and level != "user":
        found.append("user: it selects whose file that of level=user is; no other level has one of an account.")
    if options.get("python") and level != "interpreter":
        found.append("python: it selects whose file that of level=interpreter is; no other level has one of a Python.")
    if level == "interpreter" and not options.get("python"):
        found.append('python is missing: level=interpreter needs "3.12", "python3.12" or an absolute path.')
    return found


def _words(value: object) -> Tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, bool):
        return ("true",) if value else ()
    return (str(value),) if value else ()
