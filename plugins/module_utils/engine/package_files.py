# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a name that OS packages brought, as the package databases record them: whose, and with what content."""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
import zlib
from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, Iterator, List, Optional, Sequence, Tuple

from .errors import ProvisionError
from .host import Host
from .interpreter import find_program
from .package_manager import BREW
from .package_obstacles import with_obstacles
from .process import Command

_DPKG = "/var/lib/dpkg"
_PACMAN = "/var/lib/pacman/local"
_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_LIMIT = 256 * 1024 * 1024
#: Where an interpreter's own modules lie; rpm has to be asked about paths, and Homebrew has no list of files.
_STDLIB = re.compile(r"^(python|pypy)3(\.\d+)?t?$")
#: Names, versions and files of the packages that own files, one line a file.
_RPM_FORMAT = r"[%{=NAME}\t%{=EVR}\t%{=ARCH}\t%{FILENAMES}\t%{FILEDIGESTS}\t%{FILESTATES}\t%{FILEFLAGS}\n]"
_RPM_DIRECTORIES = r"[%{=NAME}\t%{DIRNAMES}\n]"
#: rpmfileState: a file that its package has and that was left out when it was installed.
_RPM_NOT_INSTALLED = "2"
#: States of what another package has not put its own in place of, and an architecture or a mount not left out.
_RPM_ITS_OWN = ("0", _RPM_NOT_INSTALLED)
#: rpmfileAttrs: configuration, may be missing, made by the package's scripts.
_RPM_MAY_DIFFER = 1 << 0 | 1 << 3 | 1 << 6
_RPM_LEFT_OUT = "rpm was told to leave it out when the package was installed; a reinstallation by hand writes it"
_RPM_DIGESTS = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
_MTREE_DIGEST = re.compile(r"\b(sha256|md5)(?:digest)?=([0-9a-fA-F]+)")
_APK_DIGESTS = {"Q1": "sha1", "Q2": "sha256"}
#: Of names, versions and architectures of packages.
_SOUND = re.compile(r"(?:[A-Za-z0-9@_][A-Za-z0-9@+._:~^-]{0,255})?")
#: Bytes of a package's list of files.
_LARGEST_LIST = 64 * 1024 * 1024


@dataclass(frozen=True)
class PackagedFile:
    """A file that an installed package brought.

    ``database`` is the kind of database it is recorded in (see PackageManager). ``digest`` is that of its content, like
    "md5:22a1...", "" where none is recorded. ``since`` is when its package was laid down (seconds since 1970, 0 where
    that is not recorded). ``diversion`` is a sentence about who has it put elsewhere, ``way_back`` the command that
    ends that, ``exclusion`` one about what keeps the package manager from writing it; these are empty as a rule.
    """

    path: str
    package: str
    version: str
    database: str
    architecture: str = ""
    digest: str = ""
    diversion: str = ""
    way_back: Tuple[str, ...] = ()
    exclusion: str = ""
    since: float = 0.0


@dataclass(frozen=True)
class Wanted:
    """Which files are looked for: those of a ``name``, those below ``folders``, or all those of ``packages``.

    Of a package that has files below ``folders``, those that it has directly in ``beside`` are looked for, too.
    """

    name: str = ""
    folders: Tuple[str, ...] = ()
    beside: Tuple[str, ...] = ()
    packages: FrozenSet[str] = frozenset()

    def is_about(self, package: str) -> bool:
        return not self.packages or package in self.packages

    def may_be_in(self, text: bytes) -> bool:
        """Say whether a list of files can have any of them, before it is taken apart."""
        return bool(self.packages) or any(
            word.strip("/").encode() in text for word in (self.name, *self.folders) if word
        )

    def among(self, paths: Iterable[str]) -> List[str]:
        """Return those of a package's files, absolute paths, that are looked for."""
        if self.packages:
            return list(paths)
        if self.name:
            return [path for path in paths if path.endswith(f"/{self.name}")]
        every, below = list(paths), tuple(f"{folder}/" for folder in self.folders)
        if not any(path.startswith(below) for path in every):
            return []
        return [path for path in every if path.startswith(below) or posixpath.dirname(path) in self.beside]


def packaged_files(host: Host, name: str) -> Tuple[PackagedFile, ...]:
    """Return the files of this name that installed packages brought, by path; those that are gone, too.

    Databases of plain files are read; rpm's is asked of rpm by one short process, and ProvisionError raised when that
    fails.
    """
    system = [with_obstacles(host, one) for one in _read(host, Wanted(name=name))]
    return _by_path((*system, *_in_homebrew(host, name)))


def packaged_below(host: Host, folders: Sequence[str], beside: Sequence[str] = ()) -> Tuple[PackagedFile, ...]:
    """Return what installed packages brought below directories, and directly ``beside`` them, as packaged_files does.

    It may be much: what keeps a file from being written is for ``with_obstacles`` to tell, of those it matters for.
    """
    return _by_path(_read(host, Wanted(folders=tuple(folders), beside=tuple(beside)))) if folders else ()


def files_of_packages(host: Host, packages: Iterable[str]) -> Tuple[PackagedFile, ...]:
    """Return what these packages brought, as packaged_below does; nothing of one that is not installed."""
    wanted = frozenset(filter(_SOUND.fullmatch, packages)) - {""}
    return _by_path(_read(host, Wanted(packages=wanted))) if wanted else ()


def _read(host: Host, wanted: Wanted) -> List[PackagedFile]:
    return next((found for found in (read(host, wanted) for read in _READERS) if found is not None), [])


def _by_path(files: Iterable[PackagedFile]) -> Tuple[PackagedFile, ...]:
    found = {one.path: one for one in files if _is_sound(one)}
    return tuple(found[path] for path in sorted(found))


def _is_sound(file: PackagedFile) -> bool:
    """Say whether a damaged database, or one made up, has not given what is an option or another path in a command."""
    return (
        posixpath.normpath(file.path) == file.path
        and file.path.startswith("/")
        and file.path.isprintable()
        and all(map(_SOUND.fullmatch, (file.package, file.version, file.architecture)))
        and bool(file.package)
    )


def _in_dpkg(host: Host, wanted: Wanted) -> Optional[List[PackagedFile]]:
    """Look in dpkg's lists of files (PACKAGE.list or PACKAGE:ARCHITECTURE.list) and their digests beside them."""
    info = f"{_DPKG}/info"
    lists = [one for one in host.names_in(info) if one.endswith(".list")]
    if not lists:
        return None
    found: List[PackagedFile] = []
    status = b""
    for one in lists:
        entry = one[: -len(".list")]
        package, __, architecture = entry.partition(":")
        paths = _lines_of(host, f"{info}/{one}", wanted) if wanted.is_about(package) else []
        if not paths:
            continue
        lines = (host.read_text(f"{info}/{entry}.md5sums") or "").splitlines()
        digests = {f"/{line[32:].strip()}": f"md5:{line[:32].lower()}" for line in lines}
        status = status or b"\n\n" + (host.read_bytes(f"{_DPKG}/status", limit=_LIMIT) or b"")
        version, architecture = _dpkg_version(status, package, architecture)
        written = host.stat(f"{info}/{one}")
        since = written.st_mtime if written is not None else 0.0
        found += [
            PackagedFile(path, package, version, "dpkg", architecture, digests.get(path, ""), since=since)
            for path in paths
        ]
    return found


def _lines_of(host: Host, path: str, wanted: Wanted, top: str = "") -> List[str]:
    data = host.read_bytes(path) or b""
    if not wanted.may_be_in(data):
        return []
    return wanted.among(top + line for line in data.decode("utf-8", "replace").splitlines())


def _dpkg_version(status: bytes, package: str, architecture: str) -> Tuple[str, str]:
    """Return the version and the architecture of an installed package, by dpkg's status file (deb822 stanzas)."""
    for stanza in status.split(f"\n\nPackage: {package}\n".encode())[1:]:
        text = stanza.partition(b"\n\n")[0].decode("utf-8", "replace")
        fields = dict(re.findall(r"(?m)^(Version|Architecture): (\S+)$", text))
        if architecture in ("", fields.get("Architecture")):
            return fields.get("Version", ""), fields.get("Architecture", "")
    return "", architecture


def _in_pacman(host: Host, wanted: Wanted) -> Optional[List[PackagedFile]]:
    """Look in pacman's lists of files, one a package (NAME-VERSION-RELEASE/files); the mtree beside it has digests."""
    entries = [one for one in host.names_in(_PACMAN) if one.count("-") >= 2]
    if not entries:
        return None
    found: List[PackagedFile] = []
    for entry in entries:
        package, version, release = entry.rsplit("-", 2)
        folder = f"{_PACMAN}/{entry}"
        paths = _lines_of(host, f"{folder}/files", wanted, "/") if wanted.is_about(package) else []
        if not paths:
            continue
        digests = _mtree_digests(host.read_bytes(f"{folder}/mtree") or b"")
        description = host.read_text(f"{folder}/desc") or ""
        date = _following(description, "%INSTALLDATE%")
        found += [
            PackagedFile(
                path,
                package,
                f"{version}-{release}",
                "pacman",
                _following(description, "%ARCH%"),
                digests.get(path, ""),
                since=float(date) if date.isdecimal() else 0.0,
            )
            for path in paths
            if path.startswith("/") and not path.endswith("/")
        ]
    return found


def _following(text: str, title: str) -> str:
    lines = text.splitlines()
    return lines[lines.index(title) + 1] if title in lines[:-1] else ""


def _mtree_lines(data: bytes) -> List[str]:
    """Return the lines of a package's mtree(5), gzip as a rule: "./PATH key=value ..." each."""
    try:
        # zlib takes an incomplete end for one, where the gzip module raises four kinds of error.
        text = zlib.decompressobj(wbits=31).decompress(data, _LARGEST_LIST) if data[:2] == b"\x1f\x8b" else data
    except zlib.error:
        return []
    return text.decode("utf-8", "replace").splitlines()


def mtree_paths(data: bytes) -> Iterator[str]:
    """Yield the paths of a package's files and links, relative to the root directory, without its directories."""
    for path, rest in _mtree_entries(data):
        if "type=dir" not in rest:
            yield path


def _mtree_entries(data: bytes) -> Iterator[Tuple[str, str]]:
    for line in _mtree_lines(data):
        entry, __, rest = line.partition(" ")
        if entry.startswith("./") and not entry.startswith("./."):
            raw = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found.group(1), 8) & 255]), entry[2:].encode())
            yield raw.decode("utf-8", "replace"), rest


def _mtree_digests(data: bytes) -> Dict[str, str]:
    """Return the digests that are recorded in a package's mtree, by absolute path."""
    digests = ((path, _MTREE_DIGEST.search(rest)) for path, rest in _mtree_entries(data))
    return {f"/{path}": f"{found.group(1)}:{found.group(2).lower()}" for path, found in digests if found}


def _in_apk(host: Host, wanted: Wanted) -> Optional[List[PackagedFile]]:
    """Look in apk's database: P:name, V:version and A:architecture, then F:folder, R:file and Z:digest of that file."""
    text = next(filter(None, (host.read_bytes(database, limit=_LIMIT) for database in _APK)), None)
    if text is None:
        return None
    found: List[PackagedFile] = []
    facts: Dict[str, str] = {}
    digests: Dict[str, str] = {}
    for line in (*text.decode("utf-8", "replace").splitlines(), "P:"):
        key, __, value = line.partition(":")
        if key == "P":
            package, version, architecture = (facts.get(one, "") for one in "PVA")
            if wanted.is_about(package):
                found += [
                    PackagedFile(path, package, version, "apk", architecture, digests[path])
                    for path in wanted.among(digests)
                ]
            facts, digests = {}, {}
        facts[key] = value
        if key == "R":
            digests[f"/{facts.get('F', '')}/{value}"] = ""
        elif key == "Z" and digests:
            digests[next(reversed(digests))] = _apk_digest(value)
    return found


def _apk_digest(text: str) -> str:
    try:
        digest = base64.b64decode(text[2:], validate=True).hex()
    except (binascii.Error, ValueError):
        return ""
    return f"{_APK_DIGESTS[text[:2]]}:{digest}" if text[:2] in _APK_DIGESTS else ""


def _in_rpm(host: Host, wanted: Wanted) -> Optional[List[PackagedFile]]:
    """Ask rpm about packages, or about the paths such a file can have; it knows the owner of one that is gone, too."""
    rpm = find_program(host, "rpm", to_run=True)
    if rpm is None:
        return None
    asked: List[str] = []
    if wanted.name:
        asked = [
            f"{folder}/{wanted.name}" for parent in ("/usr/lib", "/usr/lib64") for folder in _stdlibs(host, parent)
        ]
        words: Tuple[str, ...] = ("--file",)
    else:
        asked = sorted(wanted.packages or _rpms_below(host, rpm, wanted))
        words = ()
    if not asked:
        return []
    answer = _ask_rpm(host, (rpm, "--query", *words, "--queryformat", _RPM_FORMAT, *asked))
    packages: Dict[Tuple[str, ...], Dict[str, PackagedFile]] = {}
    for line in answer.splitlines():
        fields = line.split("\t")
        if len(fields) >= 6 and (not wanted.name or fields[3] in asked):
            file = _rpm_file(*fields[:7])
            if file is not None:
                packages.setdefault(tuple(fields[:3]), {})[file.path] = file
    if not packages and not re.search("not owned by any package|No such file|is not installed", answer):
        raise ProvisionError(f"rpm does not say what packages own: {answer.strip() or 'it could not be run'}")
    return [files[path] for __, files in sorted(packages.items()) for path in wanted.among(sorted(files))]


def _rpms_below(host: Host, rpm: str, wanted: Wanted) -> FrozenSet[str]:
    """Return which packages have files below directories, by the directories that each has."""
    answer = _ask_rpm(host, (rpm, "--query", "--all", "--queryformat", _RPM_DIRECTORIES))
    lines = [line.partition("\t") for line in answer.splitlines() if "\t" in line]
    if not lines:
        raise ProvisionError(f"rpm does not say which packages are installed: {answer.strip() or 'it says nothing'}")
    below = tuple(f"{folder}/" for folder in wanted.folders)
    return frozenset(name for name, __, folder in lines if folder.startswith(below) and _SOUND.fullmatch(name))


def _ask_rpm(host: Host, argv: Tuple[str, ...]) -> str:
    answer = host.run(Command(argv, timeout=30))
    return answer.stdout + answer.stderr


def _rpm_file(
    package: str,
    version: str,
    architecture: str,
    path: str,
    digest: str,
    state: str,
    flags: str = "",
) -> Optional[PackagedFile]:
    """Return a file of an rpm, ``None`` for one that need not be there as it was built."""
    if flags.isdecimal() and int(flags) & _RPM_MAY_DIFFER:
        return None
    return PackagedFile(
        path,
        package,
        version,
        "rpm",
        architecture,
        f"{_RPM_DIGESTS[len(digest)]}:{digest}" if len(digest) in _RPM_DIGESTS and state in _RPM_ITS_OWN else "",
        exclusion=_RPM_LEFT_OUT if state == _RPM_NOT_INSTALLED else "",
    )


def _stdlibs(host: Host, parent: str) -> List[str]:
    return [f"{parent}/{one}" for one in host.names_in(parent) if _STDLIB.match(one)]


def _in_homebrew(host: Host, name: str) -> List[PackagedFile]:
    """Look in Homebrew's Cellar, which records no files: the formula kept with a keg tells whether it has one."""
    found = []
    for program in BREW.programs:
        prefix = program[: -len("/bin/brew")]
        for formula in host.names_in(f"{prefix}/Cellar"):
            for keg in _kegs(host, prefix, formula):
                recipe = host.read_text(f"{keg}/.brew/{formula}.rb") or ""
                frameworks = f"{keg}/Frameworks/Python.framework/Versions"
                parents = [f"{keg}/lib", *(f"{frameworks}/{one}/lib" for one in host.names_in(frameworks))]
                for folder in (one for parent in parents for one in _stdlibs(host, parent)):
                    # Most formulae with such a folder have a library in it and no interpreter.
                    path = f"{folder}/{name}"
                    known = name in recipe or host.lstat(path) is not None
                    if known and host.is_file(f"{folder}/os.py") and host.resolve(folder) == folder:
                        found.append(PackagedFile(path, formula, keg.rpartition("/")[2], "brew"))
    return found


def _kegs(host: Host, prefix: str, formula: str) -> List[str]:
    """Return the keg that a formula is used from; each, where no link says which one that is."""
    cellar = f"{prefix}/Cellar/{formula}"
    kegs = [f"{cellar}/{version}" for version in host.names_in(cellar)]
    used = host.resolve(f"{prefix}/opt/{formula}")
    return [used] if used in kegs else kegs


_READERS = (_in_dpkg, _in_pacman, _in_apk, _in_rpm)
