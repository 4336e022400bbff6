# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which OS package owns a file, by whatever package database the host has."""

from __future__ import annotations

from typing import Optional, Tuple

from .host import Host
from .interpreter import find_program
from .process import Command

_DPKG = "/var/lib/dpkg/info"
_PACMAN = "/var/lib/pacman/local"
_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")


def package_owners(host: Host, path: str, hint: str = "") -> Optional[Tuple[str, ...]]:
    """Return the packages that own a file, none where no package does; ``None`` where no database can be read.

    Databases of plain files are read; rpm's is asked of rpm, by one short process. ``hint`` is a part of the names
    of the packages to look at first.
    """
    for read in (_in_dpkg, _in_pacman, _in_apk, _in_rpm):
        owners = read(host, path, hint)
        if owners is not None:
            return owners
    return None


def _in_dpkg(host: Host, path: str, hint: str) -> Optional[Tuple[str, ...]]:
    """Look in dpkg's lists of files, one a package (NAME.list, or NAME:ARCHITECTURE.list)."""
    lists = [name for name in host.names_in(_DPKG) if name.endswith(".list")]
    if not lists:
        return None
    line = b"\n" + path.encode() + b"\n"
    for name in sorted(lists, key=lambda name: hint not in name):
        if line in b"\n" + (host.read_bytes(f"{_DPKG}/{name}") or b""):
            return (name[: -len(".list")].partition(":")[0],)
    return ()


def _in_pacman(host: Host, path: str, hint: str) -> Optional[Tuple[str, ...]]:
    """Look in pacman's lists of files, one a package (NAME-VERSION-RELEASE/files)."""
    packages = [name for name in host.names_in(_PACMAN) if name.count("-") >= 2]
    if not packages:
        return None
    line = b"\n" + path.lstrip("/").encode() + b"\n"
    for name in sorted(packages, key=lambda name: hint not in name):
        if line in (host.read_bytes(f"{_PACMAN}/{name}/files") or b""):
            return (name.rsplit("-", 2)[0],)
    return ()


def _in_apk(host: Host, path: str, _hint: str) -> Optional[Tuple[str, ...]]:
    """Look in apk's database: per package P:name, then F:folder followed by R:file of that folder."""
    text = next(filter(None, (host.read_text(database) for database in _APK)), None)
    if text is None:
        return None
    folder, __, file = path.lstrip("/").rpartition("/")
    package, current = "", ""
    for line in text.splitlines():
        if line.startswith("P:"):
            package = line[2:]
        elif line.startswith("F:"):
            current = line[2:]
        elif current == folder and line == f"R:{file}":
            return (package,)
    return ()


def _in_rpm(host: Host, path: str, _hint: str) -> Optional[Tuple[str, ...]]:
    rpm = find_program(host, "rpm", to_run=True)
    if rpm is None:
        return None
    answer = host.run(Command((rpm, "--query", "--file", "--queryformat", "%{NAME}\\n", path), timeout=30))
    if answer.succeeded:
        return tuple(sorted(set(answer.stdout.split())))
    # An unreadable database is another failure than a file that is nobody's.
    return () if "not owned by any package" in answer.stdout + answer.stderr else None
