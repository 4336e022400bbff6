# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markers that are missing or changed, laid down again by the package manager from the package that owns them."""

from __future__ import annotations

from typing import Sequence, Tuple

from .errors import ProvisionError
from .host import Host
from .shipped_marker import ShippedMarker


def restore_markers(host: Host, markers: Sequence[ShippedMarker], *, lock_timeout: float) -> Tuple[str, ...]:
    """Leave each of these markers as its package has it; return what the user has to know."""
    raise ProvisionError(f"Restoring {markers} on {host} within {lock_timeout} is not there yet.")
