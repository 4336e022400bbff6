# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pip would do to files of OS packages, as data; ``overwriting`` asks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

#: How many files are named; a message is no inventory.
_SHOWN = 5


@dataclass(frozen=True)
class Overwrite:
    """What pip would do for one distribution to files of OS packages.

    ``how``: deletes, overwrites, or cannot (pip would fail over it, and ``said`` is what it says). ``version`` is what
    is installed, "" where the distribution is new.
    """

    name: str
    version: str
    packages: Tuple[str, ...]
    how: str
    files: Tuple[str, ...] = ()
    said: str = ""

    def __str__(self) -> str:
        what = f"{self.name} {self.version}".strip()
        if self.packages:
            what += f" of the OS package {', '.join(self.packages)}" if self.version else ""
        if self.how == "cannot":
            return f"{what}: pip cannot replace it ({self.said})"
        more = f" and {len(self.files) - _SHOWN} more" if len(self.files) > _SHOWN else ""
        owners = "" if self.version else f" of the OS package {', '.join(self.packages)}"
        return f"{what}: pip {self.how} {', '.join(self.files[:_SHOWN])}{more}{owners}"
