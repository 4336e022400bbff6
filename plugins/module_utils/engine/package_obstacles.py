# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a package manager from writing a file of a package: diversions, and patterns in its configuration."""

from __future__ import annotations

import fnmatch
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Iterable, Tuple

from .host import Host

if TYPE_CHECKING:
    from .package_files import PackagedFile

_DIVERSIONS = "/var/lib/dpkg/diversions"
_DPKG_CONFIGURATION = "/etc/dpkg/dpkg.cfg"
_PACMAN_CONFIGURATION = "/etc/pacman.conf"
#: Names dpkg reads in its directory of configuration files.
_DPKG_FILE = re.compile(r"^[A-Za-z0-9_-]+$")


def with_obstacles(host: Host, file: PackagedFile) -> PackagedFile:
    """Return a packaged file with what keeps its package manager from writing it, as far as files tell that."""
    if file.database == "dpkg":
        diversion, way_back = _diversion(host, file)
        return replace(file, diversion=diversion, way_back=way_back, exclusion=_dpkg_exclusion(host, file.path))
    if file.database == "pacman":
        return replace(file, exclusion=_pacman_exclusion(host, file))
    return file


def _diversion(host: Host, file: PackagedFile) -> Tuple[str, Tuple[str, ...]]:
    """Return what dpkg's list of diversions says of a file, and the command that ends it.

    The list has three lines each, and ":" for one an administrator made.
    """
    lines = (host.read_text(_DIVERSIONS) or "").splitlines()
    for path, target, by in zip(lines[::3], lines[1::3], lines[2::3]):
        # A package's own files stay where they are; it diverts those of the others.
        if path == file.path and by != file.package:
            who, options = ("an administrator", ["--local"]) if by == ":" else (f"the package {by}", ["--package", by])
            there = host.lstat(path) is not None
            way_back = ("dpkg-divert", *options, "--rename", "--remove", path)
            diversion = (
                f"a diversion of {who} puts the file of {file.package} at {target}, and "
                f"{'another file stands' if there else 'nothing stands'} in its place; the way out is "
                f"{'to move that away, then ' if there else ''}{shlex.join(way_back)}"
            )
            return diversion, way_back
    return "", ()


def _dpkg_exclusion(host: Host, path: str) -> str:
    """Return which path-exclude of dpkg's configuration keeps a file away; the last pattern that matches decides."""
    folder = f"{_DPKG_CONFIGURATION}.d"
    files = [f"{folder}/{one}" for one in host.names_in(folder) if _DPKG_FILE.match(one)] + [_DPKG_CONFIGURATION]
    found = ""
    for file in files:
        for line in (host.read_text(file) or "").splitlines():
            option, pattern = _split_option(line)
            if option in ("path-exclude", "path-include") and fnmatch.fnmatchcase(path, pattern):
                found = _kept_away(file, "dpkg", f"path-exclude {pattern}") if option[5] == "e" else ""
    return found


def _kept_away(file: str, manager: str, line: str) -> str:
    return f"{file} keeps {manager} from writing it ({line}), and once that is gone a run restores it"


def _split_option(line: str) -> Tuple[str, str]:
    option, pattern = (re.split(r"\s*=\s*|\s+", line.strip(), maxsplit=1) + [""])[:2]
    return option, pattern.strip("\"'")


def _pacman_exclusion(host: Host, file: PackagedFile) -> str:
    """Return which NoExtract or NoUpgrade of pacman.conf(5) keeps a file away, as one on its path after the other."""
    found = ""
    for line in _pacman_lines(host, _PACMAN_CONFIGURATION, depth=3):
        option, equals, patterns = (part.strip() for part in line.partition("="))
        if not equals or option not in ("NoExtract", "NoUpgrade"):
            continue
        # With NoUpgrade only a file that is there is kept.
        if option == "NoUpgrade" and host.lstat(file.path) is None:
            continue
        for pattern in patterns.split():
            if fnmatch.fnmatchcase(file.path[1:], pattern.lstrip("!")):
                told = _kept_away(_PACMAN_CONFIGURATION, "pacman", f"{option} = {pattern}")
                found = "" if pattern.startswith("!") else told
    return found


def _pacman_lines(host: Host, path: str, *, depth: int) -> Iterable[str]:
    for line in (host.read_text(path) or "").splitlines():
        option, equals, value = (part.strip() for part in line.partition("="))
        if equals and option == "Include" and depth:
            folder, __, pattern = value.rpartition("/")
            for name in host.names_in(folder):
                if fnmatch.fnmatchcase(name, pattern):
                    yield from _pacman_lines(host, f"{folder}/{name}", depth=depth - 1)
        else:
            yield line
