# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a file was last changed, as evidence has it."""

from __future__ import annotations

import time

from ..host import Host


def timestamp(seconds: float) -> str:
    """Return seconds since the epoch as ISO 8601 in UTC, "2026-11-21T05:30:00Z"."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def last_change(host: Host, path: str) -> str:
    """Return a sentence on when what stands at a path was last written, "" where nothing does."""
    found = host.lstat(path)
    return f"It was last written at {timestamp(found.st_mtime)}." if found is not None else ""
