# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a finished virtual environment: what was asked, with which interpreter, and what satisfied it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Dict, Mapping, Optional

from .host import Host
from .json_text import read_json

FILE_NAME = ".pep668-provision.json"
#: How the names begin under which a record is written before it has its own (write_atomically).
HALF_WRITTEN = f"{FILE_NAME}.pep668-"
_FORMAT = 1
_LIMIT = 4 * 1024 * 1024
# What is recorded is given to installers again: it may be no option, path or further line to them.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_VERSION = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9.!+_~-]{0,255})?")
_WORD = re.compile(r"[A-Za-z0-9.:+_-]{0,200}")
#: A file's size and time have fewer digits.
_LARGEST = 2**63


@dataclass(frozen=True)
class InterpreterIdentity:
    """A base interpreter as a file: the same path, size (bytes) and time (nanoseconds) mean the same interpreter."""

    path: str = ""
    version: str = ""
    size: int = 0
    mtime_ns: int = 0


@dataclass(frozen=True)
class Receipt:
    """What one finished run left behind; ``unfinished`` names the action of a run that did not get to its end.

    ``packages`` maps normalised names to versions: the set that satisfied what was asked. ``build`` is the place of a
    build among those of its environment, from 1 on; 0 in an environment that is changed in place. ``hashes``
    says whether each of them was installed with its hash checked.
    """

    digest: str = ""
    interpreter: InterpreterIdentity = InterpreterIdentity()
    packages: Mapping[str, str] = field(default_factory=dict)
    installer: str = ""
    unfinished: str = ""
    hashes: bool = False
    build: int = 0

    def to_json(self) -> str:
        record: Dict[str, object] = {"format": _FORMAT}
        if self.unfinished:
            record["unfinished"] = self.unfinished
        record.update(
            digest=self.digest,
            interpreter=vars(self.interpreter),
            packages=dict(sorted(self.packages.items())),
            installer=self.installer,
        )
        if self.build:
            record["build"] = self.build
        if self.hashes:
            record["hashes"] = True
        return json.dumps(record, indent=1) + "\n"


def parse_receipt(text: str) -> Optional[Receipt]:
    """Return the receipt in a text, ``None`` where it is none: damaged, foreign or of a later format."""
    try:
        record = read_json(text)
    except ValueError:
        return None
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        return None
    identity, packages = record.get("interpreter"), record.get("packages")
    if not isinstance(identity, dict) or not isinstance(packages, dict):
        return None
    if not all(isinstance(found, str) and _VERSION.fullmatch(found) for found in packages.values()):
        return None
    if not all(map(_NAME.fullmatch, packages)):
        return None
    path, version = identity.get("path"), identity.get("version")
    size, mtime_ns = identity.get("size"), identity.get("mtime_ns")
    words = (path, version, record.get("digest"), record.get("installer", ""), record.get("unfinished", ""))
    if not all(isinstance(word, str) for word in words) or not all(map(_WORD.fullmatch, words[1:])):
        return None
    if isinstance(size, bool) or isinstance(mtime_ns, bool):
        return None
    if not isinstance(size, int) or not isinstance(mtime_ns, int) or max(abs(size), abs(mtime_ns)) >= _LARGEST:
        return None
    build = record.get("build", 0)
    if isinstance(build, bool) or not isinstance(build, int) or build < 0:
        return None
    return Receipt(
        digest=str(words[2]),
        interpreter=InterpreterIdentity(str(path), str(version), size, mtime_ns),
        packages=packages,
        installer=str(words[3]),
        unfinished=str(words[4]),
        build=build,
        hashes=record.get("hashes") is True,
    )


def read_receipt(host: Host, venv: str) -> Optional[Receipt]:
    """Return the receipt of the environment at ``venv``, if there is one that can be understood."""
    text = host.read_text(f"{venv}/{FILE_NAME}", limit=_LIMIT, follow=False)
    return None if text is None else parse_receipt(text)


def identify_interpreter(host: Host, real_path: str, version: str) -> InterpreterIdentity:
    """Return how a base interpreter is recognised again without starting it."""
    found = host.stat(real_path)
    if found is None:
        return InterpreterIdentity(real_path, version)
    return InterpreterIdentity(real_path, version, found.st_size, found.st_mtime_ns)
