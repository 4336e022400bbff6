# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a name that OS packages brought, as the package databases record them: whose, and with what content."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import posixpath
import re
import shlex
import zlib
from dataclasses import dataclass, replace
from typing import Iterable, Iterator, List, Optional, Tuple

from .errors import ProvisionError
from .host import Host
from .interpreter import find_program
from .package_manager import BREW
from .process import Command

_DPKG = "/var/lib/dpkg"
_DPKG_CONFIGURATION = "/etc/dpkg/dpkg.cfg"
_PACMAN = "/var/lib/pacman/local"
_PACMAN_CONFIGURATION = "/etc/pacman.conf"
_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_LIMIT = 256 * 1024 * 1024
#: Where an interpreter's own modules lie; rpm has to be asked about paths, and Homebrew has no list of files.
_STDLIB = re.compile(r"^(python|pypy)3(\.\d+)?t?$")
#: Names, versions and files of the packages that own files, one line a file.
_RPM_FORMAT = r"[%{=NAME}\t%{=EVR}\t%{=ARCH}\t%{FILENAMES}\t%{FILEDIGESTS}\t%{FILESTATES}\n]"
#: rpmfileState: a file that its package has and that was left out when it was installed.
_RPM_NOT_INSTALLED = "2"
_RPM_LEFT_OUT = "rpm was told to leave it out when the package was installed; a reinstallation by hand writes it"
_RPM_DIGESTS = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
_APK_DIGESTS = {"Q1": "sha1", "Q2": "sha256"}
#: Of names, versions and architectures of packages.
_SOUND = re.compile(r"(?:[A-Za-z0-9@_][A-Za-z0-9@+._:~^-]{0,255})?")
#: Bytes of a package's list of files.
_LARGEST_LIST = 64 * 1024 * 1024
#: Names dpkg reads in its directory of configuration files.
_DPKG_FILE = re.compile(r"^[A-Za-z0-9_-]+$")


@dataclass(frozen=True)
class PackagedFile:
    """A file that an installed package brought.

    ``database`` is the kind of database it is recorded in (see PackageManager). ``digest`` is that of its content, like
    "md5:22a1...", "" where none is recorded. ``diversion`` is a sentence about who has it put elsewhere, ``way_back``
    the command that ends that, ``exclusion`` a sentence about what keeps the package manager from writing it; these are
    empty as a rule.
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


def packaged_files(host: Host, name: str) -> Tuple[PackagedFile, ...]:
    """Return the files of this name that installed packages brought, by path; those that are gone, too.

    Databases of plain files are read; rpm's is asked of rpm by one short process, and ProvisionError raised when that
    fails.
    """
    system = next((found for found in (read(host, name) for read in _READERS) if found is not None), ())
    found = {one.path: one for one in (*system, *_in_homebrew(host, name)) if _is_sound(one)}
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


def _in_dpkg(host: Host, name: str) -> Optional[List[PackagedFile]]:
    """Look in dpkg's lists of files (PACKAGE.list or PACKAGE:ARCHITECTURE.list) and their digests beside them."""
    info = f"{_DPKG}/info"
    lists = [one for one in host.names_in(info) if one.endswith(".list")]
    if not lists:
        return None
    found = []
    for one in lists:
        paths = _lines_ending(host.read_bytes(f"{info}/{one}") or b"", f"/{name}")
        if not paths:
            continue
        entry = one[: -len(".list")]
        package, _, architecture = entry.partition(":")
        digests = (host.read_text(f"{info}/{entry}.md5sums") or "").splitlines()
        version, its_architecture = _dpkg_version(host, package, architecture)
        for path in paths:
            digest = next((line.split()[0] for line in digests if line[32:].strip() == path[1:]), "")
            file = PackagedFile(
                path, package, version, "dpkg", its_architecture, f"md5:{digest.lower()}" if digest else ""
            )
            diversion, way_back = _diversion(host, file)
            exclusion = _dpkg_exclusion(host, path)
            found.append(replace(file, diversion=diversion, way_back=way_back, exclusion=exclusion))
    return found


def _lines_ending(data: bytes, end: str) -> List[str]:
    if end.encode() not in data:
        return []
    return [line for line in data.decode("utf-8", "replace").splitlines() if line.endswith(end)]


def _dpkg_version(host: Host, package: str, architecture: str) -> Tuple[str, str]:
    """Return the version and the architecture of an installed package, by dpkg's status file (deb822 stanzas)."""
    status = b"\n\n" + (host.read_bytes(f"{_DPKG}/status", limit=_LIMIT) or b"")
    for stanza in status.split(f"\n\nPackage: {package}\n".encode())[1:]:
        text = stanza.partition(b"\n\n")[0].decode("utf-8", "replace")
        fields = dict(re.findall(r"(?m)^(Version|Architecture): (\S+)$", text))
        if architecture in ("", fields.get("Architecture")):
            return fields.get("Version", ""), fields.get("Architecture", "")
    return "", architecture


def _diversion(host: Host, file: PackagedFile) -> Tuple[str, Tuple[str, ...]]:
    """Return what dpkg's list of diversions says of a file, and the command that ends it.

    The list has three lines each, and ":" for one an administrator made.
    """
    lines = (host.read_text(f"{_DPKG}/diversions") or "").splitlines()
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


def _in_pacman(host: Host, name: str) -> Optional[List[PackagedFile]]:
    """Look in pacman's lists of files, one a package (NAME-VERSION-RELEASE/files); the mtree beside it has digests."""
    entries = [one for one in host.names_in(_PACMAN) if one.count("-") >= 2]
    if not entries:
        return None
    found = []
    for entry in entries:
        package, version, release = entry.rsplit("-", 2)
        for line in _lines_ending(host.read_bytes(f"{_PACMAN}/{entry}/files") or b"", f"/{name}"):
            digest = _mtree_digest(host.read_bytes(f"{_PACMAN}/{entry}/mtree") or b"", line)
            architecture = _following(host.read_text(f"{_PACMAN}/{entry}/desc") or "", "%ARCH%")
            file = PackagedFile(f"/{line}", package, f"{version}-{release}", "pacman", architecture, digest)
            found.append(replace(file, exclusion=_pacman_exclusion(host, file)))
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
    for line in _mtree_lines(data):
        entry, _, rest = line.partition(" ")
        if entry.startswith("./") and not entry.startswith("./.") and "type=dir" not in rest:
            raw = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found.group(1), 8) & 255]), entry[2:].encode())
            yield raw.decode("utf-8", "replace")


def _mtree_digest(data: bytes, path: str) -> str:
    """Return the digest of a file as it is recorded in a package's mtree."""
    for line in _mtree_lines(data):
        entry, _, rest = line.partition(" ")
        if entry == f"./{path}":
            found = re.search(r"\b(sha256|md5)(?:digest)?=([0-9a-fA-F]+)", rest)
            return f"{found.group(1)}:{found.group(2).lower()}" if found else ""
    return ""


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
            folder, _, pattern = value.rpartition("/")
            for name in host.names_in(folder):
                if fnmatch.fnmatchcase(name, pattern):
                    yield from _pacman_lines(host, f"{folder}/{name}", depth=depth - 1)
        else:
            yield line


def _in_apk(host: Host, name: str) -> Optional[List[PackagedFile]]:
    """Look in apk's database: P:name, V:version and A:architecture, then F:folder, R:file and Z:digest of that file."""
    text = next(filter(None, (host.read_bytes(database, limit=_LIMIT) for database in _APK)), None)
    if text is None:
        return None
    found: List[PackagedFile] = []
    package = version = architecture = folder = file = ""
    for line in text.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(":")
        if key == "P":
            package, version, architecture, folder, file = value, "", "", "", ""
        elif key == "V":
            version = value
        elif key == "A":
            architecture = value
        elif key == "F":
            folder = value
        elif key == "R":
            file = value
            if file == name:
                found.append(PackagedFile(f"/{folder}/{file}", package, version, "apk", architecture))
        elif key == "Z" and file == name:
            found[-1] = replace(found[-1], digest=_apk_digest(value))
    return found


def _apk_digest(text: str) -> str:
    try:
        digest = base64.b64decode(text[2:], validate=True).hex()
    except (binascii.Error, ValueError):
        return ""
    return f"{_APK_DIGESTS[text[:2]]}:{digest}" if text[:2] in _APK_DIGESTS else ""


def _in_rpm(host: Host, name: str) -> Optional[List[PackagedFile]]:
    """Ask rpm about the paths such a file can have; it knows the owner of one that is gone, too."""
    rpm = find_program(host, "rpm", to_run=True)
    if rpm is None:
        return None
    paths = [f"{folder}/{name}" for parent in ("/usr/lib", "/usr/lib64") for folder in _stdlibs(host, parent)]
    if not paths:
        return []
    answer = host.run(Command((rpm, "--query", "--file", "--queryformat", _RPM_FORMAT, *paths), timeout=30))
    lines = [line.split("\t") for line in answer.stdout.splitlines()]
    rows = {tuple(words) for words in lines if len(words) == 6 and words[3] in paths}
    said = (answer.stdout + answer.stderr).strip()
    if not rows and not re.search("not owned by any package|No such file", said):
        raise ProvisionError(f"rpm does not say what packages own: {said or 'it could not be run'}")
    found = []
    for package, version, architecture, path, digest, state in sorted(rows):
        recorded = f"{_RPM_DIGESTS[len(digest)]}:{digest}" if len(digest) in _RPM_DIGESTS else ""
        left_out = _RPM_LEFT_OUT if state == _RPM_NOT_INSTALLED else ""
        found.append(PackagedFile(path, package, version, "rpm", architecture, recorded, exclusion=left_out))
    return found


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
