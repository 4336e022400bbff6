# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user asks for: PEP 508 requirements, and specs that may be a URL or a path instead."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from functools import lru_cache

from .redact import redact_declared
from .requirement_text import (
    RequirementError,
    Scanner,
    check_requirement_text,
    normalize_name,
    quote_for_message,
)
from .version import Specifier, SpecifierSet, VersionError

__all__ = [
    "DirectSpec",
    "Requirement",
    "RequirementError",
    "looks_like_path_or_url",
    "normalize_name",
    "parse_spec",
]

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_URL = re.compile(r"[^ \t]+")
_CLAUSE = re.compile(r"(?:===|==|~=|!=|<=|>=|<|>)[ \t]*[^\s,;()]*")

_DIRECT_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*[ \t]*(?:\[[^\[\]]*\][ \t]*)?@")
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):")
_AUTHORITY = re.compile(r"//(?P<host>[^/?#]*)(?P<path>[^?#]*)")
_ARCHIVE_SUFFIXES = (".whl", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
_SDIST_NAME = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*?)-v?[0-9][^-]*")
_FILE_SCHEMES = frozenset({"http", "https", "file"})
_REPOSITORY_SCHEMES = frozenset(
    f"{system}+{transport}"
    for system, transports in (
        ("git", ("https", "http", "ssh", "git", "file")),
        ("hg", ("https", "http", "ssh", "file", "static-http")),
        ("svn", ("https", "http", "ssh", "svn", "file")),
        ("bzr", ("https", "http", "ssh", "sftp", "ftp", "lp", "file")),
    )
    for transport in transports
)


@dataclass(frozen=True)
class Requirement:
    """One PEP 508 requirement; ``str()`` is a canonical spelling that parses to an equal value.

    ``name`` and ``extras`` are normalised (PEP 503). ``url`` is that of a direct reference (``name @ url``) and
    may hold credentials. ``marker`` is the text after ``;``.
    """

    name: str
    extras: frozenset[str] = frozenset()
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    url: str | None = None
    marker: str | None = None

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Return the requirement that ``text`` spells.

        Raises ``RequirementError`` with the position for everything else, options and control characters included.
        """
        return _parse_requirement(text)

    def __str__(self) -> str:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        if self.url is not None:
            marker = f" ; {self.marker}" if self.marker else ""
            return f"{self.name}{extras} @ {self.url}{marker}"
        marker = f"; {self.marker}" if self.marker else ""
        return f"{self.name}{extras}{self.specifier}{marker}"

    @property
    def redacted(self) -> str:
        """The canonical spelling without credentials, for messages and records."""
        return redact_declared(str(self))

    def is_satisfied_by(self, version: str) -> bool:
        """Say whether an installed ``version`` is enough; a pre-release that is installed counts like any other.

        A direct reference (``url``) has no specifier, so every version is enough for it: where it came from is
        the caller's to compare.
        """
        return self.specifier.contains(version, prereleases=True)


@dataclass(frozen=True)
class DirectSpec:
    """A URL or an absolute path to install from; ``str()`` is the text an installer takes.

    Exactly one of ``url`` and ``path`` is set. ``name`` is the normalised distribution name where the text tells
    it (``#egg=``, an archive's file name), else None. ``url`` may hold credentials.
    """

    url: str | None = None
    path: str | None = None
    extras: frozenset[str] = frozenset()
    name: str | None = None

    def __str__(self) -> str:
        if self.path is None:
            return self.url or ""
        return f"{self.path}[{','.join(sorted(self.extras))}]" if self.extras else self.path

    @property
    def redacted(self) -> str:
        """The text without credentials, for messages and records."""
        return redact_declared(str(self))

    @property
    def local_path(self) -> str | None:
        """The path on this host that a path or a ``file:`` URL names, else None."""
        if self.url is None or self.url[:5].lower() != "file:":
            return self.path
        authority = _AUTHORITY.match(self.url, 5)
        return _unquoted(authority["path"]) if authority else None


def looks_like_path_or_url(text: str) -> bool:
    """Say whether ``text`` is meant as a path, an archive or a URL rather than as a PEP 508 requirement."""
    stripped = text.strip()
    if _DIRECT_REFERENCE.match(stripped):
        return False
    if _SCHEME.match(stripped) or stripped.startswith((".", "/", "~")):
        return True
    # Extras, versions and markers may hold slashes; a path shows itself before them.
    head = re.split(r"[;\[( \t<>=!~]", stripped, maxsplit=1)[0]
    return "/" in head or "\\" in head or head.lower().endswith(_ARCHIVE_SUFFIXES)


# The same texts are met over and over: in a declaration, a record and for each environment.
@lru_cache(maxsize=4096)
def _parse_requirement(text: str) -> Requirement:
    check_requirement_text(text)
    scanner = Scanner(text, kind="requirement")
    scanner.skip_blanks()
    name = scanner.take(_NAME)
    if name is None:
        raise scanner.refusal("expected a distribution name")
    scanner.skip_blanks()
    extras = _scan_extras(scanner)
    scanner.skip_blanks()
    url, specifier = None, SpecifierSet()
    if scanner.take_character("@"):
        url = _scan_url(scanner)
    else:
        specifier = _scan_specifier(scanner)
    marker = _scan_marker_text(scanner)
    if not scanner.is_at_end:
        expected = "';' after a blank" if url else "a version specifier, ';'"
        raise scanner.refusal(f"expected {expected} or the end")
    return Requirement(normalize_name(name), extras, specifier, url, marker)


@lru_cache(maxsize=4096)
def parse_spec(text: str) -> Requirement | DirectSpec:
    """Return what the spec of a tool or package names: a requirement, or a URL or absolute path.

    Raises ``RequirementError`` for anything else: options, control characters, relative paths, unknown schemes.
    """
    check_requirement_text(text)
    if not looks_like_path_or_url(text):
        return Requirement.parse(text)
    stripped = text.strip()
    scheme = _SCHEME.match(stripped)
    if scheme is not None:
        return _parse_url(stripped, scheme["scheme"].lower())
    if not stripped.startswith("/"):
        raise RequirementError(f"{quote_for_message(stripped)} is a relative path: give an absolute one, or a URL")
    return _parse_path(stripped)


def _scan_extras(scanner: Scanner) -> frozenset[str]:
    if not scanner.take_character("["):
        return frozenset()
    extras: set[str] = set()
    scanner.skip_blanks()
    while not scanner.take_character("]"):
        if extras and not scanner.take_character(","):
            raise scanner.refusal("expected ',' or ']' after an extra")
        scanner.skip_blanks()
        extra = scanner.take(_NAME)
        if extra is None:
            raise scanner.refusal("expected the name of an extra")
        extras.add(normalize_name(extra))
        scanner.skip_blanks()
    return frozenset(extras)


def _scan_url(scanner: Scanner) -> str:
    scanner.skip_blanks()
    url = scanner.take(_URL)
    if url is None:
        raise scanner.refusal("expected a URL after '@'")
    if not (scanner.skip_blanks() or scanner.is_at_end):
        raise scanner.refusal("expected a blank or the end after the URL")
    return url


def _scan_specifier(scanner: Scanner) -> SpecifierSet:
    is_in_parentheses = scanner.take_character("(")
    specifiers: set[Specifier] = set()
    scanner.skip_blanks()
    while True:
        start = scanner.position
        clause = scanner.take(_CLAUSE)
        if clause is None:
            break
        try:
            specifiers.add(Specifier.parse(clause))
        except VersionError as error:
            scanner.position = start
            raise scanner.refusal(f"{error}") from error
        scanner.skip_blanks()
        if not scanner.take_character(","):
            break
        scanner.skip_blanks()
    if is_in_parentheses and not scanner.take_character(")"):
        raise scanner.refusal("expected ',' and a version specifier, or ')'")
    scanner.skip_blanks()
    return SpecifierSet(frozenset(specifiers))


def _scan_marker_text(scanner: Scanner) -> str | None:
    if not scanner.take_character(";"):
        return None
    from .environment_marker import scan_marker  # noqa: PLC0415  # few requirements have one

    start = scanner.position
    scan_marker(scanner)
    if not scanner.is_at_end:
        raise scanner.refusal("expected 'and', 'or' or the end of the marker")
    return scanner.text[start : scanner.position].strip()


def _unquoted(text: str) -> str:
    from urllib.parse import unquote  # noqa: PLC0415  # few requirements are URLs, and it takes long to import

    return unquote(text)


def _parse_url(text: str, scheme: str) -> DirectSpec:
    shown = quote_for_message(text)
    if scheme not in _FILE_SCHEMES and scheme not in _REPOSITORY_SCHEMES:
        allowed = "http, https, file, or git+, hg+, svn+, bzr+ and a transport"
        raise RequirementError(f"{shown} has a scheme that installers do not take; they take {allowed}")
    if re.search(r"\s", text):
        raise RequirementError(f"{shown} has a blank in its URL: write it as %20, and markers as 'name @ URL ; marker'")
    authority = _AUTHORITY.match(text, len(scheme) + 1)
    if authority is None:
        raise RequirementError(f"{shown} needs '//' after its scheme")
    if scheme == "file":
        if authority["host"].lower() not in ("", "localhost") or not authority["path"].startswith("/"):
            raise RequirementError(f"{shown} must name an absolute path on this host: file:///path")
    elif not authority["host"] and not scheme.endswith("+file"):
        raise RequirementError(f"{shown} has no host")
    name, extras = _read_egg(text)
    if name is None and scheme in _FILE_SCHEMES:
        name = _name_from_archive(_unquoted(authority["path"]))
    return DirectSpec(url=text, extras=extras, name=name)


def _parse_path(text: str) -> DirectSpec:
    if ";" in text:
        raise RequirementError(f"{quote_for_message(text)} has a ';', after which installers read a marker")
    path = text
    extras: frozenset[str] = frozenset()
    start = text.rfind("[")
    if start > 0 and text.endswith("]"):
        scanner = Scanner(text[start:], kind="path")
        try:
            extras = _scan_extras(scanner)
        except RequirementError:
            pass
        else:
            path = text[:start].rstrip()
    return DirectSpec(path=path, extras=extras, name=_name_from_archive(path))


def _read_egg(url: str) -> tuple[str | None, frozenset[str]]:
    for part in url.partition("#")[2].split("&"):
        key, __, value = part.partition("=")
        if key == "egg":
            try:
                requirement = Requirement.parse(_unquoted(value))
            except RequirementError:
                break
            return requirement.name, requirement.extras
    return None, frozenset()


def _name_from_archive(path: str) -> str | None:
    file_name = posixpath.basename(path)
    for suffix in _ARCHIVE_SUFFIXES:
        if file_name.lower().endswith(suffix):
            stem = file_name[: -len(suffix)]
            if suffix == ".whl":
                # PEP 427: name-version(-build)-python-abi-platform; a wheel's name has no "-".
                parts = stem.split("-")
                return normalize_name(parts[0]) if len(parts) in (5, 6) and _NAME.fullmatch(parts[0]) else None
            match = _SDIST_NAME.fullmatch(stem)
            return normalize_name(match["name"]) if match else None
    return None
