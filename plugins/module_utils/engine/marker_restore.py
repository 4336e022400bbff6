# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markers that are missing or changed, laid down again by the package manager from the package that owns them."""

from __future__ import annotations

from typing import Sequence, Tuple

from . import package_restore
from .host import Host
from .lock import holding_lock
from .package_restore import Restoration
from .shipped_marker import ShippedMarker, observe_shipped_markers


def foresee_restoration(host: Host, markers: Sequence[ShippedMarker]) -> Tuple[Restoration, ...]:
    """Return how the packages of these markers would be laid down again (see package_restore)."""
    return package_restore.foresee_restoration(host, markers)


def restore_markers(host: Host, markers: Sequence[ShippedMarker], *, lock_timeout: float) -> Tuple[str, ...]:
    """Leave those of these markers that need it as their packages have them; return what the user has to know.

    Takes the host's lock, which is waited for as long as the package manager's, ``lock_timeout`` seconds each. Raises
    ProvisionError where it cannot be done, CommandFailed where the package manager fails.
    """
    if not any(one.needs_restoring for one in markers):
        return ()
    foresee_restoration(host, markers)
    with holding_lock(host, timeout=lock_timeout):
        # Whoever held the lock may have done some of it.
        paths = {one.path for one in markers}
        wanted = [one for one in observe_shipped_markers(host) if one.path in paths]
        return take_restoration(host, wanted, lock_timeout=lock_timeout)


def take_restoration(host: Host, markers: Sequence[ShippedMarker], *, lock_timeout: float) -> Tuple[str, ...]:
    """Do what restore_markers does for markers as they are now, for a caller that holds the host's lock."""
    return package_restore.take_restoration(host, markers, observe_shipped_markers, lock_timeout=lock_timeout).warnings
