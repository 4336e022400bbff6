# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of some requirements an interpreter's site does not meet: judged as pip judges it, from metadata alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple, Union
from urllib.parse import quote

from .host import Host
from .redact import redact
from .requirement import DirectSpec, Requirement, RequirementError, normalize_name, parse_spec
from .requirements_file import RequirementLine
from .site import Installed, Site, requirements_of, source_of


@dataclass(frozen=True)
class Asked:
    """Something asked for: a requirement, or a URL or path (``editable``: its code is used in place)."""

    spec: Union[Requirement, DirectSpec]
    editable: bool = False

    @property
    def name(self) -> str:
        """The normalised name, "" where the text does not tell it."""
        return self.spec.name or ""

    @property
    def text(self) -> str:
        """How it is shown: without credentials."""
        return self.spec.redacted


@dataclass(frozen=True)
class Unmet:
    """A distribution that is missing or not as asked: its name ("" if not known), and why, as half a sentence."""

    name: str
    reason: str


def read_lines(lines: Sequence[RequirementLine]) -> Tuple[Asked, ...]:
    """Return what the lines of requirements files ask for; paths in them stand as absolute ones already."""
    return tuple(Asked(parse_spec(line.text), line.editable) for line in lines)


def find_unmet(host: Host, site: Site, asked: Sequence[Asked], constraints: Sequence[Asked] = ()) -> Tuple[Unmet, ...]:
    """Return what is not met, dependencies included; the order is that in which it is asked for."""
    limits: Dict[str, List[Requirement]] = {}
    for one in constraints:
        if isinstance(one.spec, Requirement) and site.applies(one.spec):
            limits.setdefault(one.spec.name, []).append(one.spec)
    judge = _Judge(host, site, limits)
    for one in asked:
        judge.judge(one)
    return tuple(judge.found)


class _Judge:
    def __init__(self, host: Host, site: Site, limits: Mapping[str, Sequence[Requirement]]) -> None:
        self.host, self.site, self.limits = host, site, limits
        self.found: List[Unmet] = []
        self._seen: Set[Tuple[str, str]] = set()
        self._pending: List[Tuple[Requirement, str, str]] = []

    def judge(self, asked: Asked) -> None:
        spec = asked.spec
        if isinstance(spec, Requirement):
            self._judge_requirement(spec, "", editable=asked.editable)
        else:
            installed = self._installed_from(spec, editable=asked.editable)
            if installed is None:
                self.found.append(Unmet(asked.name, f"{redact(str(spec))} is not installed"))
            else:
                self._judge_dependencies(installed, spec.extras)
        # One after the other: a chain of dependencies may be longer than calls can be nested.
        while self._pending:
            requirement, needed_by, extra = self._pending.pop()
            self._judge_requirement(requirement, needed_by, extra=extra)

    def _judge_requirement(
        self, wanted: Requirement, needed_by: str, *, extra: str = "", editable: bool = False
    ) -> None:
        if not self.site.applies(wanted, extra):
            return
        because = f", which {needed_by} needs," if needed_by else ""
        installed = self.site.distributions.get(wanted.name)
        if installed is None:
            self._add(wanted.name, f"{wanted.name}{because} is not installed")
            return
        for one in (wanted, *self.limits.get(wanted.name, ())):
            if not one.is_satisfied_by(installed.version):
                self._add(wanted.name, f"{wanted.name}{because} is {installed.version}, asked for is {one.specifier}")
                return
        # A dependency's address is of no interest to pip once its version is there.
        if (
            wanted.url
            and not needed_by
            and not _is_source(source_of(self.host, installed), wanted.url, editable=editable)
        ):
            self._add(wanted.name, f"{wanted.name} {installed.version} did not come from {redact(wanted.url)}")
            return
        self._judge_dependencies(installed, wanted.extras)

    def _add(self, name: str, reason: str) -> None:
        if Unmet(name, reason) not in self.found:
            self.found.append(Unmet(name, reason))

    def _judge_dependencies(self, installed: Installed, extras: "frozenset[str]") -> None:
        chosen = [extra for extra in ("", *sorted(extras)) if (installed.name, extra) not in self._seen]
        self._seen.update((installed.name, extra) for extra in chosen)
        if not chosen:
            return
        needed = requirements_of(self.host, installed)
        pending = [(requirement, installed.name, extra) for requirement in needed for extra in chosen]
        self._pending += reversed(pending)

    def _installed_from(self, spec: DirectSpec, *, editable: bool) -> Optional[Installed]:
        # As pip records it (its path_to_url).
        address = spec.url or f"file://{quote(spec.path or '')}"
        candidates = list(self.site.distributions.values())
        if editable and spec.url and "+" in spec.url.partition(":")[0] and not spec.name:
            # Of such a checkout pip records its own directory, and no name tells which one it is.
            return None
        if spec.name:
            name = normalize_name(spec.name)
            candidates = [one for one in candidates if one.name == name]
        for installed in candidates:
            source = source_of(self.host, installed)
            if source and _is_source(source, address, editable=editable):
                return installed
            # A development install of a pip older than direct_url.json has its metadata in the project.
            if editable and spec.local_path and installed.directory == spec.local_path.rstrip("/"):
                return installed
        return None


def _is_source(source: Mapping[str, Any], address: str, *, editable: bool) -> bool:
    """Say whether direct_url.json names the address of a URL requirement: "git+https://host/x@revision#egg=x"."""
    plain = address.partition("#")[0]
    system, plus, rest = plain.partition("+")
    directory = source.get("dir_info")
    is_editable = isinstance(directory, dict) and bool(directory.get("editable"))
    if plus and "://" in rest and editable:
        # pip checks the repository out and records its own directory of it: the name is what can be compared.
        return is_editable
    if plus and "://" in rest:
        # A revision comes after the last @ behind the host.
        host_part, slash, path = rest.partition("://")[2].partition("/")
        path, revision = path.rsplit("@", 1) if "@" in path else (path, "")
        plain = f"{rest.partition('://')[0]}://{host_part}{slash}{path}"
        details = source.get("vcs_info")
        details = details if isinstance(details, dict) else {}
        if details.get("vcs") != system:
            return False
        if revision not in (details.get("requested_revision") or "", details.get("commit_id")):
            return False
    elif is_editable != editable:
        return False
    return _bare(str(source.get("url"))) == _bare(plain)


def _bare(url: str) -> str:
    """Return an address without credentials, as pip records it, and without an end that means nothing."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    # PEP 610: a user "git" over SSH is kept, one with a password or of HTTP is not.
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}".rstrip("/")


def read_asked(texts: Sequence[str], *, editable: bool = False) -> Tuple[Asked, ...]:
    """Return what requirement texts, URLs and absolute paths ask for; raises RequirementError for anything else."""
    found = []
    for text in texts:
        spec = parse_spec(text)
        if editable and isinstance(spec, Requirement) and not spec.url:
            raise RequirementError(f"{text!r} is no path or URL, and editable is about these alone")
        found.append(Asked(spec, editable))
    return tuple(found)
