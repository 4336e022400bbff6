# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OS packages whose files are damaged, installed again in the version they have; whole ones are left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

from .distro import observe_distribution
from .errors import ProvisionError
from .host import Host
from .lock import holding_lock
from .os_packages import installed_packages
from .package_damage import CheckedFile, check_files, describe_damage
from .package_files import files_of_packages
from .package_restore import foresee_restoration, take_restoration


@dataclass(frozen=True)
class Reinstalled:
    """What was found damaged, and done about it.

    ``packages`` are installed again (or would be) for ``reasons``, by ``commands``; ``before`` and ``after`` are the
    two sides of a diff, ``warnings`` what the user has to know.
    """

    packages: Tuple[str, ...] = ()
    reasons: Tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    commands: Tuple[str, ...] = ()
    warnings: Tuple[str, ...] = ()


def foresee_reinstallation(host: Host, names: Sequence[str], *, may_use_packages: bool = True) -> Reinstalled:
    """Return which of these packages would be installed again; nothing is changed, and no network is used.

    Raises ProvisionError for one that is not installed, and where it is known by now that it cannot be done.
    """
    damaged = [one for one in _check(host, names) if one.needs_restoring]
    if damaged and not may_use_packages:
        raise ProvisionError(
            f"{' '.join(describe_damage(damaged))} The package manager may not be used"
            " (python_manage_system_packages is false).",
            advice=f"Install again by hand: {', '.join(dict.fromkeys(one.package for one in damaged))}.",
        )
    foresee_restoration(host, damaged)
    return Reinstalled(
        tuple(dict.fromkeys(one.package for one in damaged)),
        describe_damage(damaged),
        before="".join(f"{one.path}: {one.state}\n" for one in damaged),
        after="".join(f"{one.path}: the file of {one.package} {one.version}\n" for one in damaged),
    )


def reinstall_packages(
    host: Host, names: Sequence[str], *, lock_timeout: float, may_use_packages: bool = True
) -> Reinstalled:
    """Leave these packages' files as the packages have them, under the host's lock; return what was done.

    That lock and the package manager's are waited for ``lock_timeout`` seconds each. Raises ProvisionError where it
    cannot be done, CommandFailed where the package manager fails.
    """
    foreseen = foresee_reinstallation(host, names, may_use_packages=may_use_packages)
    if not foreseen.packages:
        return foreseen
    with holding_lock(host, timeout=lock_timeout):
        # Whoever held the lock may have done some of it.
        damaged = [one for one in _check(host, foreseen.packages) if one.needs_restoring]
        paths = {one.path for one in damaged}

        def observe(host: Host) -> List[CheckedFile]:
            return [one for one in _check(host, foreseen.packages) if one.path in paths]

        done = take_restoration(host, damaged, observe, lock_timeout=lock_timeout)
    return Reinstalled(
        foreseen.packages, foreseen.reasons, foreseen.before, foreseen.after, done.commands, done.warnings
    )


def _check(host: Host, names: Sequence[str]) -> Tuple[CheckedFile, ...]:
    files = files_of_packages(host, names)
    without_files = frozenset(names) - {one.package for one in files}
    unknown = sorted(without_files - installed_packages(host, observe_distribution(host), without_files))
    if unknown:
        raise ProvisionError(
            f"No OS package {', '.join(unknown)} is installed here.",
            advice="Name installed packages, as the package manager has them.",
        )
    return check_files(host, files)
