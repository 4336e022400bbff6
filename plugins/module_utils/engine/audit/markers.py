# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EXTERNALLY-MANAGED files that are not as their packages ship them."""

from __future__ import annotations

import shlex
from typing import Iterator, Tuple

from ..distro import manager_with
from ..shipped_marker import ShippedMarker, can_end_diversion
from .finding import Found, Repair, Rule
from .since import last_change
from .survey import Survey


def _missing(survey: Survey) -> Iterator[Found]:
    for marker in survey.shipped_markers:
        if marker.state == "missing":
            yield _restorable(survey, marker, marker.detail, keeps=())


def _edited(survey: Survey) -> Iterator[Found]:
    for marker in survey.shipped_markers:
        if marker.state != "changed":
            continue
        if survey.host.is_dir(marker.path) and not survey.host.is_link(marker.path):
            command = _command(survey, marker)
            away = f"mv {shlex.quote(marker.path)} {shlex.quote(marker.path)}.old"
            yield Found(
                marker.path, marker.detail, f"Move the directory away, then restore the file: {away}; {command}"
            )
            continue
        yield _restorable(
            survey, marker, f"{marker.detail} {last_change(survey.host, marker.path)}", keeps=(marker.path,)
        )


def _kept_away(survey: Survey) -> Iterator[Found]:
    for marker in survey.shipped_markers:
        if marker.state == "diverted":
            stands = survey.host.lstat(marker.path) is not None
            away = f"mv {shlex.quote(marker.path)} {shlex.quote(marker.path)}.old; " if stands else ""
            remedy = f"End the diversion, unless it is meant: {away}{shlex.join(marker.way_back)}"
            repair = Repair("marker", {"path": marker.path, "end_diversion": True})
            yield Found(marker.path, marker.detail, remedy, (repair,) if can_end_diversion(survey.host, marker) else ())
        elif marker.state == "excluded":
            command = _command(survey, marker)
            remedy = f"Have the package manager write it again, unless that is meant, then restore it: {command}"
            yield Found(marker.path, marker.detail, remedy)


def _restorable(survey: Survey, marker: ShippedMarker, evidence: str, *, keeps: Tuple[str, ...]) -> Found:
    command = _command(survey, marker)
    if not command:
        return Found(marker.path, evidence, f"Install {marker.package} again as it was installed before.")
    repair = Repair("marker", {"path": marker.path}, keeps)
    return Found(marker.path, evidence, f"Restore it from its package: {command}", (repair,))


def _command(survey: Survey, marker: ShippedMarker) -> str:
    """Return what lays the marker's package down again, "" where there is no package manager for it."""
    manager = manager_with(survey.host, survey.distribution, marker.database)
    return manager.reinstall_hint(marker.package) if manager is not None else ""


RULES = (
    Rule(
        "EM001",
        "The marker that a package ships is missing",
        "error",
        "The EXTERNALLY-MANAGED files (PEP 668) that installed packages ship, by the package database.",
        "Without it pip installs into the distribution's own Python and can break what depends on it. The next update "
        "of the package brings it back, and what relies on its absence fails then.",
        _missing,
    ),
    Rule(
        "EM002",
        "The marker that a package ships was edited",
        "warning",
        "The digests that the package database has of EXTERNALLY-MANAGED files.",
        "pip still refuses, but what it tells the user is not what the distribution says; the next update of the "
        "package takes the change back without a word.",
        _edited,
    ),
    Rule(
        "EM003",
        "The marker that a package ships is diverted or kept away",
        "warning",
        "dpkg's diversions and path-exclude, pacman's NoExtract and NoUpgrade, and what rpm left out, where it "
        "concerns EXTERNALLY-MANAGED files.",
        "It has the effect of a deleted marker, survives each update and reinstallation of the package, and the "
        "package manager's own verification does not show it.",
        _kept_away,
    ),
)
