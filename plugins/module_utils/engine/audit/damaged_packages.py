# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the distribution's own Python and of its libraries that are not what their packages brought."""

from __future__ import annotations

import posixpath
from typing import Dict, Iterator, List

from ..marker import FILE_NAME
from ..package_damage import CheckedFile, check_files, describe_damage
from .finding import Found, Repair, Rule
from .survey import Survey


def _damaged(survey: Survey) -> Iterator[Found]:
    packages: Dict[str, List[CheckedFile]] = {}
    counts = {"unread": 0, "left": 0}
    # Markers have rules of their own.
    files = [one for one in survey.packaged_files if posixpath.basename(one.path) != FILE_NAME]
    for checked in check_files(survey.host, files, is_out_of_time=lambda: survey.is_out_of_time):
        if checked.needs_restoring:
            packages.setdefault(checked.package, []).append(checked)
        counts["unread"] += checked.state == "unread"
        counts["left"] += checked.state == "left" and not (checked.file.exclusion or checked.file.diversion)
    for package, damaged in packages.items():
        yield _describe(survey, package, damaged)
    if not files:
        survey.leave_unread("files of packages", "no package database here can be read")
    if counts["unread"]:
        survey.leave_unread(f"{counts['unread']} files of packages", f"{survey.host.caller.name} may not read them")
    if counts["left"]:
        survey.leave_unread(f"the content of {counts['left']} files of packages", "it would have taken too long")


def _describe(survey: Survey, package: str, damaged: List[CheckedFile]) -> Found:
    manager, first = survey.distribution.manager, damaged[0]
    remedy = f"Install {package} again, in the version it has"
    if manager is not None and manager.database == first.database:
        remedy += f": {manager.reinstall_hint(package)}"
    # What was changed on purpose is overwritten by that.
    changed = tuple(one.path for one in damaged if one.state == "changed")
    repair = Repair("package_manager", {"reinstall": [package]}, changed)
    return Found(package, " ".join(describe_damage(damaged)), remedy, (repair,))


RULES = (
    Rule(
        "EM203",
        "Files of the distribution's Python packages are missing or changed",
        "error",
        "what installed packages recorded of the interpreter's own modules, of its libraries and of their programs"
        " (dpkg, rpm, pacman, apk): that each file is there, and the content of modules, metadata and programs",
        "pip deletes and overwrites such files when it replaces a library (an upstream pip on Debian 12 deletes six and"
        " requests). What the system has in Python then fails, or runs with code that was never tested with it, and the"
        " package manager believes that all is well.",
        _damaged,
    ),
)
