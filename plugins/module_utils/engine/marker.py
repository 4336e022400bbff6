# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EXTERNALLY-MANAGED marker of PEP 668: whether it counts, and what it tells the user."""

from __future__ import annotations

import configparser
import io
import stat
from dataclasses import dataclass
from typing import Optional

from .errors import printable
from .host import Host
from .ini_text import LARGEST, AbsurdText, check_bounds

FILE_NAME = "EXTERNALLY-MANAGED"
#: The first Python whose locale.getlocale says "C" for C.UTF-8; before, it was "en_US" (seen on 3.9, 3.11, 3.13, 3.14).
C_IS_A_LANGUAGE_SINCE = (3, 12)


@dataclass(frozen=True)
class Marker:
    """The marker of one interpreter.

    ``state``: absent, valid, empty, garbage, unreadable, directory or dangling. Only a *file* makes pip refuse
    (pip asks os.path.isfile), whatever is in it. ``problem`` says what pip breaks off over instead of refusing.
    """

    path: str
    state: str
    message: str = ""
    problem: str = ""

    @property
    def blocks(self) -> bool:
        return self.state in ("valid", "empty", "garbage", "unreadable")


def observe_marker(host: Host, stdlib: str, locale: str = "", python_version: str = "") -> Marker:
    """Read the marker in an interpreter's ``stdlib`` directory; ``locale`` is one like "de_DE.UTF-8".

    ``python_version`` is that of the interpreter, whose own reading of the locale the message depends on.
    """
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
    data = host.read_bytes(path, limit=LARGEST)
    if data is None:
        return Marker(path, "unreadable")
    if not data.strip():
        return Marker(path, "empty")
    message = read_message(data, locale, python_version)
    return Marker(path, "garbage", problem=_problem_of(data)) if message is None else Marker(path, "valid", message)


def _parse(data: bytes) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    check_bounds(data.decode("utf-8"), FILE_NAME)
    parser.read_file(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"), source=FILE_NAME)
    return parser


def _problem_of(data: bytes) -> str:
    """Return the one kind of garbage that pip is not prepared for: a section or a key that is there twice."""
    try:
        _parse(data)
    except AbsurdText as error:
        return str(error)
    except (UnicodeDecodeError, configparser.ParsingError):
        return ""
    except configparser.Error as error:
        return printable(str(error).splitlines()[0].rstrip("."))
    return ""


def read_message(data: bytes, locale: str = "", python_version: str = "") -> Optional[str]:
    """Return the marker's text for a locale (PEP 668: Error-<ll_CC>, Error-<ll>, Error), or ``None`` without one."""
    try:
        section = _parse(data)["externally-managed"]
    except (UnicodeDecodeError, configparser.Error, KeyError):
        return None
    language = locale.partition(".")[0].partition("@")[0]
    if language in ("C", "POSIX"):
        # Up to 3.11 Python has the C locale in UTF-8 for American English; without UTF-8 it is no language to any.
        release = tuple(int(part) for part in python_version.split(".")[:2] if part.isdecimal())
        language = "" if "." not in locale else "en_US" if release < C_IS_A_LANGUAGE_SINCE else "C"
    for key in (f"Error-{language}", f"Error-{language.partition('_')[0]}", "Error"):
        if section.get(key):
            return printable(section[key].strip())
    return None
