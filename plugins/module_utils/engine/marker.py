# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EXTERNALLY-MANAGED marker of PEP 668: whether it counts, and what it tells the user."""

from __future__ import annotations

import configparser
import stat
from dataclasses import dataclass
from typing import Optional

from .host import Host

FILE_NAME = "EXTERNALLY-MANAGED"


@dataclass(frozen=True)
class Marker:
    """The marker of one interpreter.

    ``state``: absent, valid, empty, garbage, unreadable, directory or dangling. Only a *file* makes pip refuse
    (pip asks os.path.isfile), whatever is in it.
    """

    path: str
    state: str
    message: str = ""

    @property
    def blocks(self) -> bool:
        return self.state in ("valid", "empty", "garbage", "unreadable")


def observe_marker(host: Host, stdlib: str, locale: str = "") -> Marker:
    """Read the marker in an interpreter's ``stdlib`` directory; ``locale`` is one like "de_DE.UTF-8"."""
    path = f"{stdlib}/{FILE_NAME}"
    entry = host.lstat(path)
    if entry is None:
        return Marker(path, "absent")
    target = host.stat(path)
    if target is None:
        return Marker(path, "dangling")
    if stat.S_ISDIR(target.st_mode):
        return Marker(path, "directory")
    if not stat.S_ISREG(target.st_mode):
        return Marker(path, "absent")
    data = host.read_bytes(path, limit=1024 * 1024)
    if data is None:
        return Marker(path, "unreadable")
    if not data.strip():
        return Marker(path, "empty")
    message = read_message(data, locale)
    return Marker(path, "garbage", "") if message is None else Marker(path, "valid", message)


def read_message(data: bytes, locale: str = "") -> Optional[str]:
    """Return the marker's text for a locale (PEP 668: Error-<ll_CC>, Error-<ll>, Error), or ``None`` without one."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(data.decode("utf-8"))
        section = parser["externally-managed"]
    except (UnicodeDecodeError, configparser.Error, KeyError):
        return None
    language = locale.partition(".")[0].partition("@")[0]
    # pip takes the C locale in UTF-8 for American English.
    language = "en_US" if language in ("C", "POSIX") else language
    for key in (f"Error-{language}", f"Error-{language.partition('_')[0]}", "Error"):
        if section.get(key):
            return section[key].strip()
    return None
