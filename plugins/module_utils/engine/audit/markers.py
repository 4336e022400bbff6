# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EXTERNALLY-MANAGED files that are not as their packages ship them."""

from __future__ import annotations

from typing import Iterator

from .finding import Found, Repair, Rule
from .survey import Survey


def _missing(survey: Survey) -> Iterator[Found]:
    for marker in survey.shipped_markers:
        if marker.state == "missing":
            repair = Repair("marker", {"path": marker.path, "state": "present"})
            yield Found(marker.path, marker.detail, "Restore it from its package.", (repair,))


RULES = (
    Rule(
        "EM001",
        "The marker that a package ships is missing",
        "error",
        "EXTERNALLY-MANAGED files that installed packages ship (PEP 668)",
        "Without it pip installs into the distribution's own Python and can break what depends on it.",
        _missing,
    ),
)
