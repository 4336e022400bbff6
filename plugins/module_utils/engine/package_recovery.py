# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package managers that are busy or were killed, as data: how that is seen, and what brings a killed one back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Tuple

from .package_manager import PACMAN


@dataclass(frozen=True)
class Recovery:
    """How a package manager that is busy is told from one that was killed, and what brings the latter back.

    ``locks`` are (path, kind) pairs. A lock of the kind "record" is held while a process has a record lock on the file
    (fcntl(2)), of the kind "process" while the process lives whose number it contains. One of the kind "file" is held
    by being there, and outlives a process that is killed: then no process is left that has a file mapped with one of
    ``uses`` in its path, as the package manager and its libraries, or one of ``scripts`` in its command line.

    What a killed transaction left is seen in the package manager's database (see package_transaction), and in what
    ``last_transaction`` prints or in the file ``log``, from the last match of ``begins`` on: it was killed where
    ``unfinished`` matches and ``finished`` does not, or where the file ``abandoned`` has the number of a process that
    is gone. ``touched`` finds the packages it has to do with, by named groups.

    ``audit`` prints something where packages are left half-way, and nothing else.

    ``commands`` are run one after the other until nothing half-way is left, unattended. A word with ``{package}``
    stands once for each package of which that is known; ``{lock_timeout}`` is filled in. ``listing`` is what tells a
    shell these packages.
    """

    locks: Tuple[Tuple[str, str], ...] = ()
    uses: Tuple[str, ...] = ()
    scripts: Tuple[str, ...] = ()
    last_transaction: Tuple[str, ...] = ()
    log: str = ""
    begins: str = ""
    unfinished: str = ""
    finished: str = ""
    abandoned: str = ""
    touched: str = ""
    audit: Tuple[str, ...] = ()
    listing: str = ""
    commands: Tuple[Tuple[str, ...], ...] = ()


#: rpm itself waits for its lock without an end.
_RPM_LOCKS = (("/usr/lib/sysimage/rpm/.rpm.lock", "record"), ("/var/lib/rpm/.rpm.lock", "record"))
_DNF_TOUCHED = r"^[ *]+(?:Install|Upgrade|Downgrade|Reinstall) +(?P<package>\S+)"
#: What dpkg does about a configuration file that was changed, without asking.
_KEEP_CHANGED = ("--force-confdef", "--force-confold")

#: By the name of the package manager. Homebrew sees to itself; what a killed apk leaves is not known.
RECOVERIES: Mapping[str, Recovery] = {
    "apt": Recovery(
        locks=(
            ("/var/lib/dpkg/lock-frontend", "record"),
            ("/var/lib/dpkg/lock", "record"),
            ("/var/lib/apt/lists/lock", "record"),
            ("/var/cache/apt/archives/lock", "record"),
        ),
        audit=("dpkg", "--audit"),
        listing="dpkg-query --show --showformat='${db:Status-Eflag} ${binary:Package}\\n' | sed -n 's/^reinstreq //p'",
        commands=(
            ("dpkg", *_KEEP_CHANGED, "--configure", "--pending"),
            (
                *("apt-get", "--quiet", "--option=DPkg::Lock::Timeout={lock_timeout}"),
                *(f"--option=DPkg::Options::={option}" for option in _KEEP_CHANGED),
                *("install", "--fix-broken", "--yes", "--no-remove", "--no-install-recommends"),
            ),
            # What was killed while it was unpacked over itself lacks nothing that apt sees, and cannot be configured.
            (
                *("apt-get", "--quiet", "--option=DPkg::Lock::Timeout={lock_timeout}"),
                *(f"--option=DPkg::Options::={option}" for option in _KEEP_CHANGED),
                *("install", "--reinstall", "--yes", "--no-remove", "--no-install-recommends", "{package}"),
            ),
        ),
    ),
    "dnf5": Recovery(
        locks=(
            ("/run/dnf/rpmtransaction.lock", "record"),
            ("/var/lib/dnf/system-repo.lock", "record"),
            *_RPM_LOCKS,
        ),
        last_transaction=("dnf5", "history", "info", "last"),
        unfinished=r"^Status +: Started",
        touched=_DNF_TOUCHED,
        # Of one that is there twice, after an upgrade that was killed, the older one goes with it.
        commands=(("dnf5", "--quiet", "reinstall", "--assumeyes", "{package}"),),
    ),
    "dnf": Recovery(
        locks=(
            ("/var/lib/dnf/rpmdb_lock.pid", "process"),
            ("/var/cache/dnf/metadata_lock.pid", "process"),
            ("/var/cache/dnf/download_lock.pid", "process"),
            *_RPM_LOCKS,
        ),
        last_transaction=("dnf", "history", "info", "last"),
        unfinished=r"^End rpmdb +: +\*\*",
        touched=_DNF_TOUCHED,
        commands=(("dnf", "--quiet", "reinstall", "--assumeyes", "{package}"),),
    ),
    "pacman": Recovery(
        locks=((PACMAN.lock_file, "file"),),
        uses=("/libalpm.so", "/pacman"),
        # Where what a package has to run is laid.
        scripts=("/alpm_",),
        log="/var/log/pacman.log",
        begins=r"\[ALPM\] transaction started",
        unfinished=r"\[ALPM\] transaction started",
        finished=r"\[ALPM\] transaction (?:completed|failed|interrupted)",
        touched=r"\[ALPM\] (?:installed|upgraded|downgraded|reinstalled) (?P<package>\S+) \(",
        commands=(("pacman", "--sync", "--noconfirm", "{package}"),),
    ),
    "zypper": Recovery(
        locks=(("/run/zypp.pid", "process"), ("/run/zypp-rpm.pid", "process"), *_RPM_LOCKS),
        log="/var/log/zypp/history",
        begins=r"^[^|#]*\|command\|",
        abandoned="/run/zypp-rpm.pid",
        touched=r"^[^|#]*\|install\|(?P<name>[^|]+)\|(?P<version>[^|]+)\|(?P<architecture>[^|]+)\|",
        commands=(("zypper", "--quiet", "--non-interactive", "install", "--force", "--no-recommends", "{package}"),),
    ),
}
