# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the OS package manager has installed, read from its own database without starting it."""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, Iterable

from .distro import Distribution
from .host import Host

#: The package manager's lists count as fresh for this many seconds (one day).
LISTS_FRESH_FOR = 86400
#: The first word of a status is what the administrator wants of the package: install, or hold.
_INSTALLED = re.compile(rb"\nStatus: \S+ ok installed\n")


def installed_packages(host: Host, distribution: Distribution, names: Iterable[str]) -> FrozenSet[str]:
    """Return which of these packages are installed; none where the database cannot be read."""
    wanted = frozenset(names)
    if not wanted or distribution.family is None:
        return frozenset()
    return _READERS[distribution.family.package_database](host, wanted)


def _in_dpkg(host: Host, wanted: FrozenSet[str]) -> FrozenSet[str]:
    """Look packages up in dpkg's status file (deb822 stanzas, see dpkg(1))."""
    status = b"\n" + (host.read_bytes("/var/lib/dpkg/status", limit=256 * 1024 * 1024) or b"")
    found = set()
    for name in wanted:
        start = status.find(b"\nPackage: " + name.encode() + b"\n")
        # One stanza an architecture: any installed one will do.
        while start != -1:
            end = status.find(b"\n\n", start + 1)
            if _INSTALLED.search(status[start : end if end != -1 else len(status)] + b"\n"):
                found.add(name)
                break
            start = status.find(b"\nPackage: " + name.encode() + b"\n", start + 1)
    return frozenset(found)


_READERS = {"dpkg": _in_dpkg}


def lists_need_refresh(host: Host, distribution: Distribution) -> bool:
    """Say whether the package manager's lists are absent or older than a day."""
    if distribution.family is None:
        return False
    directory = distribution.family.lists_directory
    if not any("_Packages" in name for name in host.names_in(directory)):
        return True
    # A list keeps the date of the archive's own file; when it was looked at last is the directory's and the stamp's.
    stamps = [host.stat("/var/lib/apt/periodic/update-success-stamp"), host.stat(directory)]
    newest = max(stamp.st_mtime for stamp in stamps if stamp is not None)
    return host.clock() - newest > LISTS_FRESH_FOR


def package_module_options(
    distribution: Distribution, *, needs_refresh: bool, lock_timeout: float
) -> Dict[str, object]:
    """Return what the family's Ansible package module is told beside the names, as its own options.

    Lists are refreshed only where they are absent or old; the package manager's own lock is waited for.
    """
    family = distribution.family
    if family is None:
        return {}
    options = dict(family.module_options)
    options[family.module_lock_option] = int(lock_timeout)
    if needs_refresh:
        options["update_cache"] = True
    return options
