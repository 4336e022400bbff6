# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lock files (pylock.toml, PEP 751): what one names for an environment, as requirements with a hash for every file.

Source: https://packaging.python.org/en/latest/specifications/pylock-toml/. Which index the files come from is for the
settings to say, and not for the lock: a file whose hash the lock has is the same from wherever it comes.
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, Tuple
from urllib.parse import quote, unquote, urlsplit

from .desired import VenvEntry
from .environment_marker import evaluate_marker
from .errors import ProvisionError
from .host import Host
from .marker_environment import MARKER_ENVIRONMENT
from .process import Command
from .redact import redact
from .requirement import Requirement, RequirementError, normalize_name
from .toml_text import TomlError, read_toml
from .version import SpecifierSet, Version, VersionError

if TYPE_CHECKING:
    from pep668_provision.engine.installer import Workplace

#: What pip and uv both check, the one to be preferred first.
_ALGORITHMS = {"sha256": 64, "sha384": 96, "sha512": 128}
_ASK = MARKER_ENVIRONMENT + "import json; print(json.dumps(environment))\n"
_SOURCES = ("vcs", "directory", "archive")
_HEX = re.compile(r"[0-9a-f]+")
_ADDRESS = re.compile(r"(https?|file)://[^\s#$\\\"']+")
_PATH = re.compile(r"[^\x00-\x1f\x7f]+")


class LockError(ValueError):
    """A lock file cannot be used; the message says what is wrong and in which package."""


@dataclass(frozen=True)
class LockedPackage:
    """One package of a lock: where it counts (``marker``, ``requires_python``) and the line that installs it.

    ``requirement`` is "name==version" or "name @ URL", ``hashes`` are "algorithm:digest" of each of its files,
    ``folders`` directories on the host that some of them are in.
    """

    name: str
    version: str
    marker: str
    requires_python: str
    requirement: str
    hashes: Tuple[str, ...]
    folders: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Lock:
    """A lock file as far as it decides what is installed."""

    path: str
    requires_python: str = ""
    environments: Tuple[str, ...] = ()
    extras: Tuple[str, ...] = ()
    groups: Tuple[str, ...] = ()
    default_groups: Tuple[str, ...] = ()
    packages: Tuple[LockedPackage, ...] = ()


def read_lock(host: Host, path: str) -> Lock:
    """Return the lock file at a path of the host.

    Raises LockError for one that cannot be used, ProvisionError where the host has nothing that reads TOML.
    """
    data = host.read_bytes(path)
    if data is None:
        raise LockError("it does not exist, or cannot be read")
    try:
        table = read_toml(host, data.decode("utf-8"))
    except UnicodeDecodeError:
        raise LockError("it is not UTF-8 text, which TOML has to be") from None
    except TomlError as error:
        raise LockError(f"it is not TOML: {error}") from None
    return parse_lock(table, path)


def parse_lock(table: Mapping[str, Any], path: str) -> Lock:
    """Return the lock in a TOML table; raises LockError with everything that is wrong with its packages."""
    version = table.get("lock-version")
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise LockError(f"its lock-version is {_shown(version)}; what can be read here is 1.0")
    entries = table.get("packages")
    if not isinstance(entries, list):
        raise LockError("it has no packages")
    packages: List[LockedPackage] = []
    problems: List[str] = []
    for position, entry in enumerate(entries):
        try:
            packages.append(_read_package(entry, position, path))
        except LockError as error:
            problems.append(str(error))
    if problems:
        raise LockError("; ".join(problems))
    return Lock(
        path=path,
        requires_python=_specifier(table, "requires-python", "its"),
        environments=_texts(table, "environments"),
        extras=tuple(map(normalize_name, _texts(table, "extras"))),
        groups=tuple(map(normalize_name, _texts(table, "dependency-groups"))),
        default_groups=tuple(map(normalize_name, _texts(table, "default-groups"))),
        packages=tuple(packages),
    )


def _read_package(entry: object, position: int, path: str) -> LockedPackage:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(name, str):
        raise LockError(f"package {position} has no name")
    try:
        plain = Requirement.parse(name)
    except RequirementError:
        plain = None
    if plain is None or plain != Requirement(plain.name):
        raise LockError(f"package {position} has a name that is none, {_shown(name)}")
    what = plain.name
    version = _text(entry, "version", what)
    marker = _text(entry, "marker", what)
    requires_python = _specifier(entry, "requires-python", f"{what}'s")
    files = _files(entry, what)
    sources = [source for source in _SOURCES if source in entry] + (["wheels or sdist"] if files else [])
    if len(sources) != 1:
        raise LockError(f"{what} has {'no source' if not sources else 'more than one source: ' + ', '.join(sources)}")
    if sources[0] in ("vcs", "directory"):
        raise LockError(
            f"{what} comes from a {'repository' if sources[0] == 'vcs' else 'directory'}, of which there is no hash:"
            " export the lock without it (uv: --no-emit-project), or lock an archive or wheel of it"
        )
    if sources[0] == "archive":
        return _read_archive(entry, path, LockedPackage(what, version, marker, requires_python, "", ()))
    try:
        version = str(Version.parse(version))
    except VersionError:
        raise LockError(f"{what} has {_shown(version) if version else 'no'} version") from None
    hashes: List[str] = []
    folders: List[str] = []
    for file in files:
        hashes.append(_hash_of(file, what))
        if file.get("path") is not None:
            folders.append(posixpath.dirname(_local_path(_text(file, "path", what), path, what)))
    found = tuple(dict.fromkeys(hashes)), tuple(dict.fromkeys(folders))
    return LockedPackage(what, version, marker, requires_python, f"{what}=={version}", *found)


def _files(entry: Mapping[str, Any], what: str) -> List[Mapping[str, Any]]:
    wheels, sdist = entry.get("wheels", []), entry.get("sdist")
    if not isinstance(wheels, list):
        raise LockError(f"{what}: wheels is no list")
    files = wheels + ([sdist] if sdist is not None else [])
    if not all(isinstance(file, dict) for file in files):
        raise LockError(f"{what} has a file that is no table")
    return files


def _read_archive(entry: Mapping[str, Any], path: str, package: LockedPackage) -> LockedPackage:
    what, archive = package.name, entry["archive"]
    if not isinstance(archive, dict):
        raise LockError(f"{what}: archive is no table")
    address = _text(archive, "url", what)
    if not address:
        address = "file://" + quote(_local_path(_text(archive, "path", what), path, what))
    if not _ADDRESS.fullmatch(address):
        raise LockError(f"{what} has an address that cannot be used, {_shown(redact(address))}")
    subdirectory = _text(archive, "subdirectory", what)
    if subdirectory:
        address += f"#subdirectory={quote(subdirectory)}"
    requirement = f"{what} @ {address}"
    return LockedPackage(
        what, package.version, package.marker, package.requires_python, requirement, (_hash_of(archive, what),)
    )


def _hash_of(file: Mapping[str, Any], what: str) -> str:
    """Return the hash that is to be checked of a file; raises LockError for one without any that can be."""
    hashes = file.get("hashes")
    shown = _file_name(file)
    if not isinstance(hashes, dict) or not hashes:
        raise LockError(f"{what}: {shown} has no hash")
    for algorithm, length in _ALGORITHMS.items():
        digest = hashes.get(algorithm)
        if isinstance(digest, str) and len(digest) == length and _HEX.fullmatch(digest.lower()):
            return f"{algorithm}:{digest.lower()}"
    raise LockError(f"{what}: {shown} has no hash that can be checked ({', '.join(_ALGORITHMS)})")


def _file_name(file: Mapping[str, Any]) -> str:
    for key in ("name", "path", "url"):
        if isinstance(file.get(key), str) and file[key]:
            return posixpath.basename(unquote(urlsplit(file[key]).path)) or "a file"
    return "a file"


def _local_path(text: str, lock: str, what: str) -> str:
    if not text or not _PATH.fullmatch(text):
        raise LockError(f"{what} has neither a url nor a path")
    return posixpath.normpath(posixpath.join(posixpath.dirname(lock), text))


def _text(table: Mapping[str, Any], key: str, what: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise LockError(f"{what}: {key} is {_shown(value)}, and should be a text")
    return value


def _texts(table: Mapping[str, Any], key: str) -> Tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise LockError(f"its {key} is {_shown(value)}, and should be a list of texts")
    return tuple(value)


def _specifier(table: Mapping[str, Any], key: str, whose: str) -> str:
    value = _text(table, key, whose)
    try:
        SpecifierSet.parse(value)
    except VersionError as error:
        raise LockError(f"{whose} {key} cannot be read: {error}") from None
    return value


def _shown(value: object) -> str:
    text = redact(repr(value))
    return text if len(text) <= 80 else text[:77] + "..."


def select(lock: Lock, environment: Mapping[str, str], entry: VenvEntry) -> Tuple[LockedPackage, ...]:
    """Return the packages of a lock for an environment, whose ``environment`` has the values of markers (PEP 508).

    Raises LockError where the lock is not for this environment, or does not say what to install in it.
    """
    version = environment.get("python_full_version", "")
    if not _allows(lock.requires_python, version):
        raise LockError(f"it is for Python {lock.requires_python}, and this is {version}")
    _check_known("lock_extras", entry.lock_extras, lock.extras)
    _check_known("lock_groups", entry.lock_groups, lock.groups)
    groups = dict.fromkeys([*lock.default_groups, *entry.lock_groups])
    values = {**environment, "extras": ",".join(entry.lock_extras), "dependency_groups": ",".join(groups)}
    if lock.environments and not any(_holds(marker, values, "its environments") for marker in lock.environments):
        raise LockError(f"none of its environments is this one ({' | '.join(map(_shown, lock.environments))})")
    selected: Dict[str, LockedPackage] = {}
    for package in lock.packages:
        if package.marker and not _holds(package.marker, values, package.name):
            continue
        if not _allows(package.requires_python, version):
            raise LockError(f"{package.name} is for Python {package.requires_python}, and this is {version}")
        if package.name in selected:
            raise LockError(f"it has more than one {package.name} for this environment")
        selected[package.name] = package
    return tuple(selected.values())


def _allows(specifier: str, version: str) -> bool:
    return SpecifierSet.parse(specifier).contains(version, prereleases=True)


def _check_known(key: str, asked: Sequence[str], known: Sequence[str]) -> None:
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise LockError(f"it has no {', '.join(unknown)}; allowed in {key} are {', '.join(known) or 'none'}")


def _holds(marker: str, environment: Mapping[str, str], what: str) -> bool:
    try:
        return evaluate_marker(marker, environment)
    except RequirementError as error:
        raise LockError(f"a marker of {what} cannot be judged: {error}") from None


def find_problem(host: Host, entry: VenvEntry) -> str:
    """Say why an entry's lock cannot be used wherever its environment is, "" where it can."""
    try:
        lock = read_lock(host, entry.lock)
        _check_known("lock_extras", entry.lock_extras, lock.extras)
        _check_known("lock_groups", entry.lock_groups, lock.groups)
    except LockError as error:
        return f"The lock file {entry.lock} cannot be used: {error}."
    except ProvisionError as error:
        return f"The lock file {entry.lock} cannot be read. {error}"
    return ""


def locked_packages(work: "Workplace", entry: VenvEntry, venv: str) -> Tuple[LockedPackage, ...]:
    """Return what an entry's lock names for an environment that is there.

    Raises ProvisionError where the lock cannot be used for it.
    """
    try:
        return select(read_lock(work.host, entry.lock), _environment_of(work, venv), entry)
    except LockError as error:
        raise ProvisionError(
            f"The lock file {entry.lock} cannot be used for {entry.path}: {error}.",
            advice="Lock again for this host, or select another Python.",
        ) from None


def _environment_of(work: "Workplace", venv: str) -> Dict[str, str]:
    answer = work.host.run(Command((f"{venv}/bin/python", "-I", "-c", _ASK), account=work.account, timeout=60))
    try:
        found = json.loads(answer.stdout) if answer.succeeded else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ProvisionError(f"{venv}/bin/python does not say what it is, which markers of a lock file ask for.")
    return {str(name): str(value) for name, value in found.items()}


def names_in(host: Host, entry: VenvEntry) -> Tuple[str, ...]:
    """Return the names of all packages in an entry's lock, none where it cannot be read."""
    try:
        return tuple(package.name for package in read_lock(host, entry.lock).packages)
    except (LockError, ProvisionError):
        return ()
