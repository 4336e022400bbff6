# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributions that pip put beside, before or over those of the distribution's own Python packages."""

from __future__ import annotations

import posixpath
import time
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Tuple

from ..errors import printable
from ..interpreter import Interpreter
from ..marker import observe_marker
from ..pip_config import VARIABLE
from ..requirement import normalize_name
from ..site import Installed, list_distributions, read_distributions
from ..venv import METADATA_DIRECTORY
from .finding import Found, Repair, Rule
from .pip_record import PipRecord, read_record
from .survey import Survey


@dataclass(frozen=True)
class Packaged:
    """A distribution that an OS package brought, whether or not it is still there."""

    name: str
    version: str
    metadata: str
    package: str

    @property
    def directory(self) -> str:
        return posixpath.dirname(self.metadata)


@dataclass(frozen=True)
class Foreign:
    """A distribution that no OS package brought, where an interpreter of the distribution looks for such.

    ``is_first`` says that it is what this interpreter imports, and pip removes. ``rival`` is the OS packages'
    distribution of the same name that it comes before, and ``overlaid`` are packages over whose files it was laid.
    """

    installed: Installed
    directory: str
    interpreter: Interpreter
    record: PipRecord
    is_first: bool = True
    rival: Optional[Packaged] = None
    overlaid: Tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return f"{self.installed.name} {self.installed.version} in {self.directory}"


def _foreign_distributions(survey: Survey) -> Tuple[Foreign, ...]:
    """Return what pip put where the distribution's own interpreters look, each once, by its metadata."""
    if survey.packaged_interpreters and not survey.packaged_files:
        survey.leave_unread("distributions", "no package database here can be read, so nobody knows whose they are")
        return ()
    packaged = _packaged_distributions(survey)
    owners = {file.path: file.package for file in survey.packaged_files}
    found: Dict[str, Foreign] = {}
    for interpreter in survey.packaged_interpreters:
        sites = survey.sites_of(interpreter)
        first = read_distributions(survey.host, sites)
        for place, site in enumerate(sites):
            if not survey.can_list(site):
                continue
            for installed in list_distributions(survey.host, site):
                if survey.is_out_of_time:
                    survey.leave_unread(site, "the time budget was used up")
                    return tuple(found.values())
                if installed.metadata in packaged or installed.metadata in found:
                    continue
                record = read_record(survey.host, installed, site)
                if not record.is_pips:
                    continue
                rivals = (rival for rival in packaged.values() if rival.name == installed.name)
                found[installed.metadata] = Foreign(
                    installed,
                    site,
                    interpreter,
                    record,
                    is_first=first[installed.name].metadata == installed.metadata,
                    rival=next((rival for rival in rivals if rival.directory in sites[place:]), None),
                    overlaid=tuple(sorted({owners[path] for path in record.files if path in owners})),
                )
    return tuple(found.values())


def _packaged_distributions(survey: Survey) -> Dict[str, Packaged]:
    found: Dict[str, Packaged] = {}
    for file in survey.packaged_files:
        # An old egg's metadata is a file of that name, any other's is in a directory of it.
        for metadata in (file.path, posixpath.dirname(file.path)):
            matched = METADATA_DIRECTORY.match(posixpath.basename(metadata))
            if matched:
                name = normalize_name(matched.group("name"))
                found[metadata] = Packaged(name, matched.group("version"), metadata, file.package)
    return found


def _beside(survey: Survey) -> Iterator[Found]:
    for one in survey.once(_foreign_distributions):
        if one.rival is None:
            yield _found(survey, one, "No OS package brought it.", "Have what needs it use")


def _in_place_of_packages(survey: Survey) -> Iterator[Found]:
    for one in survey.once(_foreign_distributions):
        # An upstream pip has a rule of its own.
        if one.rival is None or one.installed.name == "pip":
            continue
        rival = one.rival
        theirs = f"{rival.name} {rival.version} of the OS package {rival.package} in {rival.directory}"
        is_there = survey.host.lstat(rival.metadata) is not None
        gone = "" if is_there else ", whose metadata is not there any more"
        yield _found(survey, one, f"It is imported in place of {theirs}{gone}.", "Have what needs this version use")


def _found(survey: Survey, one: Foreign, evidence: str, advice: str) -> Found:
    since = time.strftime("%Y-%m-%d %H:%M", time.gmtime(one.record.since))
    by = f"{one.record.installer} put it there" if one.record.installer else "It was put there"
    told = f"{evidence} {by} at {since} UTC, for {one.interpreter.path}."
    if one.overlaid:
        told += f" Files of it stand in place of files of {', '.join(one.overlaid)}."
    reason = _why_not_repaired(one)
    again = f", and install {', '.join(one.overlaid)} again" if one.overlaid else ""
    remedy = (
        f"{advice} an environment or a tool of its own (modules venv and tool), then remove it{again}. {reason}"
        f"By hand it is: {_removal(survey, one.interpreter, one.installed.name)}"
    )
    return Found(one.subject, told, remedy, () if reason else tuple(_repairs(survey, one)))


def _removal(survey: Survey, interpreter: Interpreter, names: str) -> str:
    """Return what an administrator types to have pip remove distributions."""
    variable = f"{VARIABLE}=1 " if observe_marker(survey.host, interpreter.stdlib).blocks else ""
    return f"{variable}{interpreter.path} -m pip uninstall {names}"


def _why_not_repaired(one: Foreign) -> str:
    if not one.is_first:
        return "It is not removed for you, as pip removes the one that comes before it first. "
    return f"It is not removed for you, as {one.record.problem}. " if one.record.problem else ""


def _repairs(survey: Survey, one: Foreign) -> Iterator[Repair]:
    rival = one.rival
    if rival is not None and not one.overlaid and survey.host.lstat(rival.metadata) is None:
        # Without a moment in which there is none.
        yield Repair("package_manager", {"reinstall": [rival.package]})
    arguments = {
        "name": [one.installed.name],
        "state": "absent",
        "externally_managed": "break",
        "python": one.interpreter.path,
    }
    yield Repair("pip", arguments, one.record.keeps)
    if one.overlaid:
        yield Repair("package_manager", {"reinstall": list(one.overlaid)})


def _of_root(survey: Survey) -> Iterator[Found]:
    for account in survey.accounts:
        if account.uid != 0:
            continue
        for site, release in _user_sites(survey, account.home):
            records = _records(survey, site)
            if records:
                evidence = f"{_listed(records)}, which root's programs import first."
                yield Found(site, evidence, *_way_out(survey, account.name, site, release, records))


def _way_out(
    survey: Survey, account: str, site: str, release: str, records: List[Tuple[Installed, PipRecord]]
) -> Tuple[str, Tuple[Repair, ...]]:
    """Return what to do about an account's distributions: in words, and the calls that do it."""
    python = _interpreter_of(survey, release)
    if python is None:
        return f"No Python {release} is here to read it; once nothing in it is wanted: rm -r {site}", ()
    names = [one.name for one, record in records if not record.problem]
    left = "".join(
        f"{one.name} is not removed for you, as {record.problem}. " for one, record in records if record.problem
    )
    remedy = (
        "Have what needs them use environments or tools of their own (modules venv and tool), then remove them."
        f" {left}By hand it is: {_removal(survey, python, ' '.join(one.name for one, _ in records))}"
    )
    arguments = {
        "name": names,
        "state": "absent",
        "scope": "user",
        "user": account,
        "externally_managed": "break",
        "python": python.path,
    }
    keeps = {path for _, record in records if not record.problem for path in record.keeps}
    return remedy, (Repair("pip", arguments, tuple(sorted(keeps))),) if names else ()


def _of_others(survey: Survey) -> Iterator[Found]:
    for account in survey.accounts:
        if account.uid == 0:
            continue
        for site, _ in _user_sites(survey, account.home):
            records = _records(survey, site)
            if records:
                yield Found(
                    site,
                    f"{_listed(records)}, which the programs of {account.name} import first.",
                    f"Nothing has to be done; it is for {account.name} to move to environments and tools.",
                )


def _user_sites(survey: Survey, home: str) -> Iterator[Tuple[str, str]]:
    """Yield the directories of an account's own distributions, each with the release of Python that reads it."""
    libraries = f"{home}/.local/lib"
    if not survey.can_list(home) or not survey.can_list(libraries):
        return
    for name in survey.host.names_in(libraries):
        release = name[len("python") :] if name.startswith("python3.") and name[8:].rstrip("t").isdecimal() else ""
        site = f"{libraries}/{name}/site-packages"
        if release and survey.can_list(site):
            yield site, release


def _records(survey: Survey, site: str) -> List[Tuple[Installed, PipRecord]]:
    found = read_distributions(survey.host, (site,))
    return [(one, read_record(survey.host, one, site)) for _, one in sorted(found.items())]


def _listed(records: List[Tuple[Installed, PipRecord]]) -> str:
    shown = ", ".join(printable(f"{one.name} {one.version}") for one, _ in records[:10])
    more = f" and {len(records) - 10} more" if len(records) > 10 else ""
    return f"{len(records)} {'distribution' if len(records) == 1 else 'distributions'}: {shown}{more}"


def _interpreter_of(survey: Survey, release: str) -> Optional[Interpreter]:
    fitting = [one for one in survey.system_interpreters if one.release == release.rstrip("t")]
    return next((one for one in fitting if one.origin == "distribution"), fitting[0] if fitting else None)


_WHY_USER = (
    "They come before what the system has, and stay as they are when it is upgraded: what {} starts, scripts of the"
    " system among it, uses them."
)

RULES = (
    Rule(
        "EM201",
        "pip has installed into the system's Python",
        "warning",
        "the directories in which the distribution's own interpreters look for distributions, and whether the package"
        " database knows what is there",
        "Every script of the system imports it, no package manager upgrades it or knows of it, and with the next minor"
        " version of Python it is gone.",
        _beside,
    ),
    Rule(
        "EM202",
        "A distribution that pip installed is used in place of an OS package's",
        "error",
        "distributions that no OS package brought and that come before, or were laid over, an OS package's of the same"
        " name",
        "The system's own programs run with a version that they were never tested with; an upgrade of the OS package"
        " changes nothing, security fixes among it.",
        _in_place_of_packages,
    ),
    Rule(
        "EM204",
        "Root has distributions of its own (pip install --user)",
        "warning",
        ".local/lib/python3.*/site-packages in root's home",
        _WHY_USER.format("root"),
        _of_root,
    ),
    Rule(
        "EM205",
        "An account has distributions of its own (pip install --user)",
        "info",
        ".local/lib/python3.*/site-packages in the homes of accounts",
        _WHY_USER.format("the account"),
        _of_others,
    ),
)
