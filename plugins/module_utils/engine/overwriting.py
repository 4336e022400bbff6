# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of OS packages that pip would delete or overwrite: asked of pip itself before it may do anything."""

from __future__ import annotations

import configparser
import os
import re
import zipfile
from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Tuple

from .errors import ProvisionError
from .files import make_directory
from .host import Host
from .installer_pip import PipInstaller
from .installer_pip_site import Found, SitePip, read_places, read_removal
from .overwrite import Overwrite
from .package_owner import package_owners
from .requirement import normalize_name
from .site import Installed, Site, owners_of, recorded_files
from .work import run_prepared

#: Directories that are the administrator's own: no OS package puts files there (FHS 4.9, Debian policy 9.1.2).
_LOCAL = ("/usr/local/", "/opt/", "/home/", "/root/")


@dataclass(frozen=True)
class Verdict:
    """What became of the question: the overwrites, and distributions of OS packages that new ones would hide."""

    overwrites: Tuple[Overwrite, ...] = ()
    hidden: Tuple[str, ...] = ()


def judge_installation(
    host: Host, pip: SitePip, site: Site, found: Mapping[str, Found], secrets: FrozenSet[str] = frozenset()
) -> Verdict:
    """Ask what installing ``found`` would do to files of OS packages; distributions are fetched where that decides."""
    overwrites: List[Overwrite] = []
    hidden: List[str] = []
    replaced: Dict[str, Tuple[str, ...]] = {}
    for name in found:
        installed = site.distributions.get(name)
        owners = owners_of(host, installed) if installed is not None else ()
        if installed is None or pip.entry.ignores_installed:
            if installed is not None and owners:
                hidden.append(_hidden(installed, owners))
            continue
        replaced[name] = recorded_files(host, installed)
        if owners:
            asked = ask_removal(host, pip, installed, owners)
            if asked is None:
                hidden.append(_hidden(installed, owners))
            else:
                overwrites.append(asked)
    said = {one.name for one in overwrites}
    unjudged = {name: one for name, one in found.items() if name not in said}
    overwrites += _find_written_over(host, pip, unjudged, replaced, secrets)
    return Verdict(tuple(overwrites), tuple(hidden))


def judge_removal(host: Host, pip: SitePip, installed: Sequence[Installed]) -> Verdict:
    """Ask what removing these distributions would do to files of OS packages.

    One that pip leaves in place although it is asked to remove it counts as one that it cannot.
    """
    overwrites = []
    for one in installed:
        owners = owners_of(host, one)
        if not owners:
            continue
        said = "it leaves what the distribution installed alone"
        overwrites.append(
            ask_removal(host, pip, one, owners) or Overwrite(one.name, one.version, owners, "cannot", said=said)
        )
    return Verdict(tuple(overwrites))


def _hidden(installed: Installed, owners: Tuple[str, ...]) -> str:
    return f"{installed.name} {installed.version} of the OS package {', '.join(owners)}"


def ask_removal(host: Host, pip: SitePip, installed: Installed, owners: Tuple[str, ...]) -> Optional[Overwrite]:
    """Ask pip what it would remove, and say no; ``None`` where it would leave an OS package's distribution alone."""
    removal = read_removal(host.run(pip.ask_uninstall(installed.name).command))
    if removal.files:
        return Overwrite(installed.name, installed.version, owners, "deletes", removal.files)
    if removal.problem:
        return Overwrite(installed.name, installed.version, owners, "cannot", said=removal.problem)
    return None


def _find_written_over(
    host: Host,
    pip: SitePip,
    found: Mapping[str, Found],
    replaced: Mapping[str, Tuple[str, ...]],
    secrets: FrozenSet[str],
) -> Iterator[Overwrite]:
    """Return what the files of new distributions would be laid over, where OS packages keep files at all."""
    if not found:
        return
    places = read_places(host.run(pip.places().command))
    if not places:
        raise ProvisionError(f"{pip.interpreter.path} does not say where it puts what pip installs.")
    if all(f"{path}/".startswith(_LOCAL) for path in places.values()):
        return
    folder = f"{pip.work.scratch}/wheels"
    make_directory(host.real(folder), pip.work.account, pip.work.account)
    what = "Fetching what would be installed, to see what it would overwrite,"
    run_prepared(pip.work, pip.fetch_wheels(found, folder), what, secrets, PipInstaller())
    for wheel in host.names_in(folder):
        name = _normalized_wheel_name(wheel)
        own = frozenset(replaced.get(name, ()))
        files: Dict[str, Tuple[str, ...]] = {}
        for path in _installed_paths(host.real(f"{folder}/{wheel}"), places):
            # What pip removes first was asked for already.
            if path not in own and host.lstat(path) is not None:
                owners = package_owners(host, path, name)
                if owners:
                    files[path] = owners
        if files:
            packages: FrozenSet[str] = frozenset(owner for owners in files.values() for owner in owners)
            yield Overwrite(name, "", tuple(sorted(packages)), "overwrites", tuple(files))


def _normalized_wheel_name(wheel: str) -> str:
    # PEP 427: a wheel's name has no "-", and "_" where the distribution's has one.
    return normalize_name(wheel.partition("-")[0])


def _installed_paths(wheel: str, places: Mapping[str, str]) -> List[str]:
    """Return where the files of a wheel are put (PEP 427, and the scripts of its entry points)."""
    found: List[str] = []
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        root = places["purelib" if _is_pure(archive, names) else "platlib"]
        for name in names:
            top, __, rest = name.partition("/")
            if not top.endswith(".data"):
                found.append(os.path.join(root, name))
                continue
            place, __, file = rest.partition("/")
            if place in places:
                found.append(os.path.join(places[place], file))
        for name in names:
            if name.endswith(".dist-info/entry_points.txt"):
                found += [os.path.join(places["scripts"], script) for script in _scripts(archive.read(name))]
    return found


def _is_pure(archive: zipfile.ZipFile, names: Sequence[str]) -> bool:
    heads = (archive.read(name).lower() for name in names if name.endswith(".dist-info/WHEEL"))
    return not any(re.search(rb"^root-is-purelib:\s*false", head, re.MULTILINE) for head in heads)


def _scripts(entry_points: bytes) -> List[str]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string(entry_points.decode("utf-8"))
    except (UnicodeDecodeError, configparser.Error):
        return []
    return [
        name
        for section in ("console_scripts", "gui_scripts")
        if parser.has_section(section)
        for name in parser[section]
    ]
