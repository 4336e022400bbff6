# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed where an interpreter looks for it: asked of the interpreter once, read from files; no pip runs."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from .account import Account
from .environment_marker import evaluate_marker
from .host import Host
from .interpreter import Interpreter
from .json_text import read_json
from .marker_environment import MARKER_ENVIRONMENT
from .package_owner import package_owners
from .process import Command
from .requirement import Requirement, RequirementError, normalize_name
from .venv import EGG_LINK, METADATA_DIRECTORY

# As the interpreter's own pip is started, so that it sees what that sees.
PROBE = (
    MARKER_ENVIRONMENT
    + r"""
import json, site, sysconfig
print(json.dumps({
    "path": [folder for folder in sys.path if os.path.isabs(folder)],
    "user_site": site.getusersitepackages(),
    "place": sysconfig.get_path("purelib"),
    "environment": environment,
}))
"""
)


#: Bytes of a distribution's list of files; there are some with tens of thousands.
_LARGEST_RECORD = 32 * 1024 * 1024


@dataclass(frozen=True)
class Installed:
    """A distribution: its normalised name, version, and the directory (or file, of an old egg) of its metadata."""

    name: str
    version: str
    metadata: str

    @property
    def directory(self) -> str:
        return posixpath.dirname(self.metadata)


@dataclass(frozen=True)
class Site:
    """Where an interpreter looks for distributions, as one account, and what is there; what comes first counts.

    ``place`` is where new ones are put, ``user_directory`` where an account's own are.
    ``environment`` is what environment markers are evaluated in (PEP 508).
    """

    directories: Tuple[str, ...] = ()
    user_directory: str = ""
    distributions: Mapping[str, Installed] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    place: str = ""

    def version_of(self, name: str) -> str:
        """Return the version of a distribution by its normalised name, "" where there is none."""
        found = self.distributions.get(name)
        return found.version if found is not None else ""

    def versions(self, names: "Any") -> Dict[str, str]:
        """Return those of these distributions that are there, with their versions."""
        return {name: self.distributions[name].version for name in sorted(names) if name in self.distributions}

    def applies(self, requirement: Requirement, extra: str = "") -> bool:
        """Say whether a requirement's marker holds here; one that cannot be judged holds."""
        if requirement.marker is None:
            return True
        try:
            return evaluate_marker(requirement.marker, self.environment, extra)
        except RequirementError:
            return True


def observe_site(
    host: Host, interpreter: Interpreter, *, account: Optional[Account] = None, with_user_site: bool = False
) -> Site:
    """Ask an interpreter where it looks, as ``account``, and read what is there; empty where it does not answer."""
    # -I leaves the account's own packages out, which an installation into the system has nothing to do with.
    flags = () if with_user_site else ("-I",)
    answer = host.run(Command((interpreter.path, *flags, "-c", PROBE), account=account, timeout=30))
    try:
        facts = read_json(answer.stdout) if answer.succeeded else {}
        path = tuple(dict.fromkeys(folder for folder in map(str, facts["path"]) if folder.startswith("/")))
        environment = {str(name): str(value) for name, value in dict(facts["environment"]).items()}
        site = Site(path, str(facts["user_site"]), place=str(facts["place"]), environment=environment)
    except (ValueError, KeyError, TypeError):
        return Site()
    return replace(site, distributions=read_distributions(host, site.directories))


def read_distributions(host: Host, directories: Tuple[str, ...]) -> Dict[str, Installed]:
    """Return the distributions in these directories, by the names of their metadata; the first of a name counts."""
    found: Dict[str, Installed] = {}
    for directory in directories:
        for installed in list_distributions(host, directory):
            found.setdefault(installed.name, installed)
    return found


def list_distributions(host: Host, directory: str) -> Iterator[Installed]:
    """Yield every distribution in a directory, of a name maybe several, by the names of their metadata."""
    for entry in host.names_in(directory):
        matched = METADATA_DIRECTORY.match(entry)
        if matched:
            yield Installed(normalize_name(matched.group("name")), matched.group("version"), f"{directory}/{entry}")
            continue
        linked = EGG_LINK.match(entry)
        if linked:
            yield _behind_link(host, normalize_name(linked.group("name")), f"{directory}/{entry}")


def _behind_link(host: Host, name: str, egg_link: str) -> Installed:
    """Return a development install of an old setuptools; its metadata stands in the project."""
    project = (host.read_text(egg_link) or "").split("\n")[0].strip()
    for entry in host.names_in(project) if project.startswith("/") else ():
        if entry.endswith(".egg-info"):
            metadata = f"{project}/{entry}"
            return Installed(name, _header(metadata_text(host, metadata), "Version"), metadata)
    return Installed(name, "", egg_link)


def metadata_text(host: Host, metadata: str) -> str:
    """Return the text of a distribution's core metadata: METADATA, PKG-INFO of an egg, or the egg's only file."""
    for path in (f"{metadata}/METADATA", f"{metadata}/PKG-INFO", metadata):
        text = host.read_text(path)
        if text is not None:
            return text
    return ""


def _header(text: str, name: str) -> str:
    return next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(f"{name}:")), "")


def requirements_of(host: Host, installed: Installed) -> Tuple[Requirement, ...]:
    """Return what a distribution's metadata says it requires; lines that are no requirements are passed over."""
    found = []
    for line in metadata_text(host, installed.metadata).splitlines():
        if not line.strip():
            break
        if line.startswith("Requires-Dist:"):
            try:
                found.append(Requirement.parse(line.partition(":")[2].strip()))
            except RequirementError:
                continue
    return tuple(found)


def source_of(host: Host, installed: Installed) -> Mapping[str, Any]:
    """Return what direct_url.json says of where a distribution came from (PEP 610), empty for one of an index."""
    try:
        found = read_json(host.read_text(f"{installed.metadata}/direct_url.json") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def recorded_files(host: Host, installed: Installed) -> Tuple[str, ...]:
    """Return the files that a distribution's RECORD lists, as absolute paths; none where it has no RECORD."""
    found = []
    for line in (host.read_text(f"{installed.metadata}/RECORD", _LARGEST_RECORD) or "").splitlines():
        # A path with a comma is in quotes; none of the fields after it has one.
        path = line[1:].partition('"')[0] if line.startswith('"') else line.partition(",")[0]
        if path:
            found.append(posixpath.normpath(posixpath.join(installed.directory, path)))
    return tuple(found)


def owners_of(host: Host, installed: Installed) -> Tuple[str, ...]:
    """Return the OS packages that the metadata of a distribution belongs to."""
    for file in ("METADATA", "PKG-INFO", ""):
        path = f"{installed.metadata}/{file}".rstrip("/")
        if host.is_file(path):
            return package_owners(host, path, installed.name) or ()
    return ()
