# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributions that accounts have of their own, by pip's option for that; root's are for the whole system."""

from __future__ import annotations

import shlex
from typing import Iterator, List, Optional, Tuple

from ..errors import printable
from ..interpreter import Interpreter
from ..site import Installed, read_distributions
from .finding import Found, Repair, Rule
from .pip_record import PipRecord, read_record, removal_command
from .survey import Survey


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
        return f"No Python {release} is here to read it; once nothing in it is wanted: rm -r {shlex.quote(site)}", ()
    names = [one.name for one, record in records if not record.problem]
    left = "".join(
        f"{one.name} is not removed for you, as {record.problem}. " for one, record in records if record.problem
    )
    remedy = (
        "Have what needs them use environments or tools of their own (modules venv and tool), then remove them."
        f" {left}By hand it is: {removal_command(survey.host, python, *(one.name for one, __ in records))}"
    )
    arguments = {
        "name": names,
        "state": "absent",
        "scope": "user",
        "user": account,
        "externally_managed": "break",
        "python": python.path,
    }
    keeps = {path for __, record in records if not record.problem for path in record.keeps}
    return remedy, (Repair("pip", arguments, tuple(sorted(keeps))),) if names else ()


def _of_others(survey: Survey) -> Iterator[Found]:
    for account in survey.accounts:
        if account.uid == 0:
            continue
        for site, __ in _user_sites(survey, account.home):
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
    return [(one, read_record(survey.host, one, site)) for __, one in sorted(found.items())]


def _listed(records: List[Tuple[Installed, PipRecord]]) -> str:
    shown = ", ".join(printable(f"{one.name} {one.version}") for one, __ in records[:10])
    more = f" and {len(records) - 10} more" if len(records) > 10 else ""
    return f"{len(records)} {'distribution' if len(records) == 1 else 'distributions'}: {shown}{more}"


def _interpreter_of(survey: Survey, release: str) -> Optional[Interpreter]:
    fitting = [one for one in survey.system_interpreters if one.release == release.rstrip("t")]
    return next((one for one in fitting if one.origin == "distribution"), fitting[0] if fitting else None)


_WHY = (
    "They come before what the system has, and stay as they are when it is upgraded: what {} starts, scripts of the"
    " system among it, uses them."
)

RULES = (
    Rule(
        "EM204",
        "Root has distributions of its own, by pip install --user",
        "warning",
        "The directories .local/lib/python3.*/site-packages in root's home.",
        _WHY.format("root"),
        _of_root,
    ),
    Rule(
        "EM205",
        "An account has distributions of its own, by pip install --user",
        "info",
        "The directories .local/lib/python3.*/site-packages in the homes of accounts.",
        _WHY.format("the account"),
        _of_others,
    ),
)
