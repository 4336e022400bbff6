# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EXTERNALLY-MANAGED markers that OS packages ship: which there are, and whether each is as its package has it."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import Tuple

from .host import Host
from .marker import FILE_NAME, read_message
from .package_damage import content_digest
from .package_files import PackagedFile, packaged_files

#: A marker counts in an interpreter's own folder alone.
_STDLIB = re.compile(r"/(python|pypy)3(\.\d+)?t?$")


@dataclass(frozen=True)
class ShippedMarker:
    """A marker that an OS package ships.

    ``state``: intact, missing, changed, diverted (dpkg-divert) or excluded (the package manager is told not to write
    it). ``detail`` is a sentence with the evidence, ``way_back`` the command that ends a diversion. ``version`` and
    ``architecture`` are the installed package's, ``database`` is where it is recorded (see PackageManager).
    """

    path: str
    package: str
    state: str
    detail: str
    version: str = ""
    architecture: str = ""
    database: str = ""
    way_back: Tuple[str, ...] = ()

    @property
    def needs_restoring(self) -> bool:
        return self.state in ("missing", "changed")


def observe_shipped_markers(host: Host) -> Tuple[ShippedMarker, ...]:
    """Return the markers that installed OS packages ship, by path; nothing is changed and no network is used.

    Raises ProvisionError where rpm's database cannot be read.
    """
    files = packaged_files(host, FILE_NAME)
    return tuple(_judge(host, file) for file in files if _STDLIB.search(os.path.dirname(file.path)))


def can_end_diversion(host: Host, marker: ShippedMarker) -> bool:
    """Say whether a diversion is an administrator's, and nothing stands where the file would come back to."""
    return marker.state == "diverted" and "--local" in marker.way_back and host.lstat(marker.path) is None


def _judge(host: Host, file: PackagedFile) -> ShippedMarker:
    state, detail = _compare(host, file)
    if file.diversion:
        state, detail = "diverted", file.diversion
    elif file.exclusion:
        state, detail = (state if state == "intact" else "excluded"), f"{detail}; {file.exclusion}"
    return ShippedMarker(
        file.path, file.package, state, f"{detail}.", file.version, file.architecture, file.database, file.way_back
    )


def _compare(host: Host, file: PackagedFile) -> Tuple[str, str]:
    """Return the state of what stands at a packaged file's path, and by what that is known."""
    whose = f"{file.package} {file.version}".strip()
    found = host.lstat(file.path)
    if found is None:
        return "missing", f"{whose} has {file.path}, and the file is gone"
    target = host.stat(file.path)
    what = f"a symbolic link to {host.readlink(file.path)} stands" if stat.S_ISLNK(found.st_mode) else ""
    if target is None or not stat.S_ISREG(target.st_mode):
        return "changed", f"{what or 'something that is no file stands'} in place of the file of {whose}"
    data = host.read_bytes(file.path)
    if data is None:
        return "intact", f"the file of {whose} is there; it cannot be read, so its content is not judged"
    if not file.digest:
        return _judge_unrecorded(data, whose)
    algorithm, __, wanted = file.digest.partition(":")
    digest = content_digest(algorithm, data)
    if digest is None:
        return "intact", f"the file of {whose} is there; this Python has no {algorithm}, so its content is not judged"
    name = {"md5": "MD5"}.get(algorithm, algorithm.upper().replace("SHA", "SHA-"))
    if digest == wanted:
        return "intact", f"as {whose} has it, by its {name} digest"
    return (
        "changed",
        f"{what or 'other content stands'} in place of the file of {whose} ({name} {digest}, not {wanted})",
    )


def _judge_unrecorded(data: bytes, whose: str) -> Tuple[str, str]:
    if read_message(data) is None:
        return "changed", f"the file of {whose} is there and has no message that pip can read"
    return "intact", f"the file of {whose} is there; no digest is recorded, so its text is not judged"
