# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pip is, and what it can by its release."""

from __future__ import annotations

from dataclasses import dataclass

from .version import Version, VersionError

OVERRIDE = "break-system-packages"
#: The first pip that has an option (pip release notes); every pip has the others.
SINCE = {"dry-run": "22.2", "report": "22.2", OVERRIDE: "23.0.1"}
#: The first pip that refuses to touch a marked interpreter, and the first with a way past that (pip release notes).
CHECKS_MARKER_SINCE = "23.0"
OVERRIDE_SINCE = SINCE[OVERRIDE]
#: The first pip that refuses --user where Python itself has the user's site directory switched off.
CHECKS_USER_SITE_SINCE = "25.3"


@dataclass(frozen=True)
class Pip:
    """A pip: its version ("" when it cannot be told) and the directory of its package."""

    version: str
    path: str

    def is_at_least(self, version: str) -> bool:
        try:
            return Version.parse(self.version) >= Version.parse(version)
        except VersionError:
            return False

    @property
    def checks_marker(self) -> bool:
        return self.is_at_least(CHECKS_MARKER_SINCE)

    @property
    def has_override_flag(self) -> bool:
        return self.is_at_least(OVERRIDE_SINCE)

    @property
    def title(self) -> str:
        return f"pip {self.version or '(of unknown version)'}"

    def has_option(self, name: str) -> bool:
        return name not in SINCE or self.is_at_least(SINCE[name])
