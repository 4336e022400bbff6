# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip's configuration as far as it decides whether a system-level install is blocked."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from typing import Optional, Tuple

from .host import Host

_TRUE = ("1", "y", "yes", "t", "true", "on")
_FALSE = ("0", "n", "no", "f", "false", "off")
VARIABLE = "PIP_BREAK_SYSTEM_PACKAGES"


@dataclass(frozen=True)
class Override:
    """The value of break-system-packages that pip would use, and the file or variable it comes from.

    ``value`` is ``None`` where nothing sets it; ``problem`` says that a file is not understood, with which every pip
    ends, ``refused`` that the value is not, with which those end that know the setting.
    """

    value: Optional[bool] = None
    source: str = ""
    problem: str = ""
    refused: str = ""


def configuration_files(host: Host, prefix: str) -> Tuple[str, ...]:
    """Return the files pip reads for an interpreter's ``prefix``, later ones winning (pip manual, Configuration)."""
    named = host.environ.get("PIP_CONFIG_FILE", "")
    if named == "/dev/null":
        return ()
    home = host.environ.get("HOME") or host.caller.home
    user = host.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    system = tuple(f"{folder}/pip/pip.conf" for folder in _xdg_folders(host)) + ("/etc/pip.conf",)
    files = system + (f"{home}/.pip/pip.conf", f"{user}/pip/pip.conf", f"{prefix}/pip.conf")
    return files + ((named,) if named else ())


def _xdg_folders(host: Host) -> Tuple[str, ...]:
    folders = host.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    return tuple(folder for folder in folders.split(":") if folder)


def observe_override(host: Host, prefix: str) -> Override:
    """Read what ``pip install`` would take as break-system-packages: files in order, then the environment."""
    found = Override()
    for path in configuration_files(host, prefix):
        text = host.read_text(path)
        if text is None:
            continue
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(text)
        except configparser.Error as error:
            return Override(None, path, f"{path} is not a valid configuration file: {str(error).splitlines()[0]}")
        for section in ("global", "install"):
            for key in ("break-system-packages", "break_system_packages"):
                if parser.has_option(section, key):
                    found = _read_value(parser.get(section, key), path)
    value = host.environ.get(VARIABLE, "")
    return _read_value(value, VARIABLE) if value else found


def _read_value(text: str, source: str) -> Override:
    value = text.strip().lower()
    if value in _TRUE:
        return Override(True, source)
    if value in _FALSE:
        return Override(False, source)
    return Override(None, source, refused=f"{source} sets break-system-packages to {text!r}, which pip refuses")
