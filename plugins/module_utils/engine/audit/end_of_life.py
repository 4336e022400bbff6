# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Until when CPython's releases are given security fixes."""

from __future__ import annotations

import time
from typing import Optional

#: Minor version and the month in which its support ends: each one's release schedule (PEP 494, 537, 569, 596, 619, 664,
#: 693, 719, 745, 790) and the Python Developer's Guide, "Status of Python versions".
_LAST_MONTHS = {
    (3, 6): "2021-12",
    (3, 7): "2023-06",
    (3, 8): "2024-10",
    (3, 9): "2025-10",
    (3, 10): "2026-10",
    (3, 11): "2027-10",
    (3, 12): "2028-10",
    (3, 13): "2029-10",
    (3, 14): "2030-10",
    (3, 15): "2031-10",
}


def ended_in(version: str, now: float) -> Optional[str]:
    """Return the month in which a version's support ended ("2024-10"), ``None`` where it has not, in seconds ``now``.

    Of a version older than the table it is "", of one that is newer, or no version, ``None``.
    """
    parts = version.split(".")[:2]
    if len(parts) < 2 or not all(part.isdecimal() and len(part) < 4 for part in parts):
        return None
    release = (int(parts[0]), int(parts[1]))
    if release < min(_LAST_MONTHS):
        return ""
    last = _LAST_MONTHS.get(release)
    return last if last is not None and time.strftime("%Y-%m", time.gmtime(now)) > last else None
