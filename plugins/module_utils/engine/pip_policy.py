# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a given pip does at system level: whether it looks at the marker, and whether it can be overridden."""

from __future__ import annotations

from dataclasses import dataclass

from .marker import Marker
from .pip_config import Override
from .version import Version, VersionError

#: The first pip that refuses to touch a marked interpreter, and the first with a way past that (pip release notes).
CHECKS_MARKER_SINCE = "23.0"
OVERRIDE_SINCE = "23.0.1"


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


@dataclass(frozen=True)
class SystemInstall:
    """What a plain ``pip install`` into an interpreter would meet: allowed, blocked or unsupported, and why."""

    outcome: str
    reason: str


def predict_system_install(*, is_venv: bool, pip: Pip | None, marker: Marker, override: Override) -> SystemInstall:
    """Predict a plain ``pip install`` from facts alone (PEP 668; order of pip's own checks)."""
    if pip is None:
        return SystemInstall("unsupported", "This interpreter has no pip.")
    problem = override.problem or (override.refused if pip.has_override_flag else "")
    if problem:
        return SystemInstall("unsupported", f"pip stops before it starts: {problem}.")
    if is_venv:
        return SystemInstall("allowed", "It is a virtual environment, which the marker does not concern.")
    if not marker.blocks:
        return SystemInstall("allowed", f"There is no marker file at {marker.path}.")
    if not pip.checks_marker:
        return SystemInstall(
            "allowed", f"pip {pip.version} does not know the marker {marker.path} (it takes {CHECKS_MARKER_SINCE})."
        )
    if override.value and pip.has_override_flag:
        return SystemInstall("allowed", f"The marker {marker.path} is overridden by {override.source}.")
    if override.value:
        return SystemInstall(
            "blocked", f"Marked by {marker.path}; pip {pip.version} checks it and cannot be overridden."
        )
    return SystemInstall("blocked", f"Marked as externally managed by {marker.path}.")
