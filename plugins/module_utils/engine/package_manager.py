# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package managers as data: how each is called, what drives it from Ansible and pyinfra, where it keeps its lists."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from typing import Mapping, Optional, Sequence, Tuple


@dataclass(frozen=True)
class Reinstallation:
    """How a package manager lays an installed package down again, at the version it has.

    ``command`` does it unattended, with ``environment`` set beside the package manager's own. Its words may hold
    ``{package}``, ``{version}``, ``{architecture}`` and ``{lock_timeout}``, the seconds to wait for the package
    manager's lock. ``from_cache`` is a command that uses no network; it can be run where a file matches one of the
    patterns ``cache`` and may name it as ``{file}``. In these an epoch is ``{escaped_version}`` as apt writes its
    colon, and no part of ``{bare_version}``.

    A command that takes no version brings what the repositories have. ``offered`` prints which version that is, from
    the lists at hand: the first group of ``offered_answer``; nothing is found where it is the installed one.
    ``unavailable`` finds in what the command prints that the repositories lack the version. ``upgrade`` is what an
    administrator types then, ``by_hand`` what for a reinstallation.

    Where ``held`` prints something, the package is held at its version. A reinstallation ends that, and ``hold`` does
    it again.
    """

    command: Tuple[str, ...]
    upgrade: Tuple[str, ...]
    by_hand: Tuple[str, ...]
    cache: Tuple[str, ...] = ()
    from_cache: Tuple[str, ...] = ()
    offered: Tuple[str, ...] = ()
    offered_answer: str = ""
    unavailable: str = ""
    held: Tuple[str, ...] = ()
    hold: Tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PackageManager:
    """One package manager.

    ``programs`` are the places it can be in; the first that is there says that a host has it. ``module`` is the Ansible
    module that drives it, ``module_options`` what that is told beside the names, ``lock_option`` how it calls the
    seconds it waits for the package manager's lock ("" where it has no such option). ``operations`` is the module of
    pyinfra.operations whose ``packages`` does the same, ``operation_options`` what that is told; a text may hold
    ``{lock_timeout}``.

    ``install`` is what an administrator types before the names of packages, ``unattended_install`` and
    ``unattended_refresh`` the same without a question asked, with ``environment`` set. ``reinstallation`` is how one is
    laid down again. ``database`` says how installed packages are found (see os_packages).

    ``query`` followed by names, with ``query_joint`` between them if it takes them as one word, tells which packages
    the configured repositories have: the first group of ``query_answer`` finds them in what it prints. Without
    ``query_answer`` it takes one name, and succeeds and prints something for one that is there. It uses no network and
    needs no rights. ``query_locked`` is the exit status of one that another process's lock keeps from answering.

    ``version_query`` followed by one name prints that package's version, the first group of ``version_answer``; empty
    where it is not asked for. ``lock_file`` is there while it works, and stays when it is killed.

    ``lists`` are (directory, part of a file's name) pairs that show that the repositories' lists are there.
    ``lists_fresh_for`` is after how many seconds they are refreshed before an installation: ``None`` for a package
    manager that sees to that itself, or whose lists must not be refreshed without an upgrade of the whole system.
    ``refresh_stamp`` is a file whose date is that of the last look at the repositories.
    """

    name: str
    programs: Tuple[str, ...]
    module: str
    operations: str
    install: Tuple[str, ...]
    unattended_install: Tuple[str, ...]
    unattended_refresh: Tuple[str, ...]
    query: Tuple[str, ...]
    database: str
    reinstallation: Reinstallation
    query_joint: str = ""
    query_answer: str = ""
    query_locked: Optional[int] = None
    lock_file: str = ""
    version_query: Tuple[str, ...] = ()
    version_answer: str = ""
    lists: Tuple[Tuple[str, str], ...] = ()
    lists_fresh_for: Optional[int] = None
    refresh_stamp: str = ""
    module_options: Mapping[str, object] = field(default_factory=dict)
    lock_option: str = ""
    operation_options: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    needs_root: bool = True

    def reinstall_hint(self, package: str) -> str:
        """Return the command an administrator would type to have an installed package laid down again."""
        return " ".join(shlex.quote(word.format(package=package)) for word in self.reinstallation.by_hand)

    def in_shell(self, argv: Sequence[str]) -> str:
        """Return one of its commands as a shell runs it, with what it needs in its environment."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join([*settings, *map(shlex.quote, argv)])


_DAY = 86400
#: What brought the file there has checked its signature.
_RPM_FROM_CACHE = ("rpm", "--upgrade", "--replacepkgs", "--quiet", "{file}")

APT = PackageManager(
    name="apt",
    programs=("/usr/bin/apt-get",),
    module="ansible.builtin.apt",
    operations="apt",
    install=("apt-get", "install", "--no-install-recommends"),
    unattended_install=(
        *("apt-get", "--quiet", "--option=DPkg::Lock::Timeout=300"),
        *("install", "--yes", "--no-install-recommends"),
    ),
    unattended_refresh=("apt-get", "--quiet", "update"),
    # As root it would leave its index files in /var/cache/apt, on a host that is only looked at.
    query=(
        *("apt-cache", "--option=Dir::Cache::pkgcache=", "--option=Dir::Cache::srcpkgcache="),
        *("show", "--no-all-versions"),
    ),
    query_answer=r"^Package: (\S+)",
    version_query=(
        *("apt-cache", "--option=Dir::Cache::pkgcache=", "--option=Dir::Cache::srcpkgcache="),
        *("show", "--no-all-versions"),
    ),
    version_answer=r"^Version: (\S+)",
    database="dpkg",
    reinstallation=Reinstallation(
        # The name alone would do for apt, but not for one that another architecture's package shares.
        command=(
            *("apt-get", "--quiet", "--option=DPkg::Lock::Timeout={lock_timeout}"),
            *("install", "--reinstall", "--yes", "--no-install-recommends", "{package}:{architecture}={version}"),
        ),
        upgrade=("apt-get", "update"),
        by_hand=("apt-get", "install", "--reinstall", "{package}"),
        cache=("/var/cache/apt/archives/{package}_{escaped_version}_{architecture}.deb",),
        from_cache=(
            *("apt-get", "--quiet", "--option=DPkg::Lock::Timeout={lock_timeout}"),
            *("install", "--reinstall", "--yes", "--no-install-recommends", "--no-download", "{file}"),
        ),
        unavailable="cannot be downloaded|Version .* was not found|Unable to locate package|404 +Not Found",
        held=("apt-mark", "showhold", "{package}:{architecture}"),
        hold=("apt-mark", "hold", "{package}:{architecture}"),
    ),
    lists=(("/var/lib/apt/lists", "_Packages"),),
    lists_fresh_for=_DAY,
    refresh_stamp="/var/lib/apt/periodic/update-success-stamp",
    module_options={"install_recommends": False},
    lock_option="lock_timeout",
    operation_options={
        "no_recommends": True,
        "extra_install_args": "--option=DPkg::Lock::Timeout={lock_timeout}",
    },
    environment={"DEBIAN_FRONTEND": "noninteractive"},
)

DNF5 = PackageManager(
    name="dnf5",
    programs=("/usr/bin/dnf5",),
    module="ansible.builtin.dnf5",
    operations="dnf",
    install=("dnf", "install", "--setopt=install_weak_deps=False"),
    unattended_install=("dnf5", "--quiet", "install", "--assumeyes", "--setopt=install_weak_deps=False"),
    unattended_refresh=("dnf5", "--quiet", "makecache"),
    reinstallation=Reinstallation(
        command=("dnf5", "--quiet", "reinstall", "--assumeyes", "{package}-{version}.{architecture}"),
        upgrade=("dnf", "upgrade", "--refresh"),
        by_hand=("dnf", "reinstall", "{package}"),
        cache=("/var/cache/libdnf5/*/packages/{package}-{bare_version}.{architecture}.rpm",),
        from_cache=_RPM_FROM_CACHE,
        unavailable="not available|No match for argument|No packages available",
    ),
    # Capabilities are asked for, as "python3dist(requests)", so what a package provides is printed with its name.
    query=(
        *("dnf5", "--quiet", "--cacheonly", "repoquery"),
        *("--queryformat", "%{name}\n%{provides}\n", "--whatprovides"),
    ),
    query_joint=",",
    query_answer=r"^(\S+)",
    version_query=(
        *("dnf5", "--quiet", "--cacheonly", "repoquery", "--latest-limit=1"),
        *("--queryformat", "%{version}\n", "--whatprovides"),
    ),
    version_answer=r"^(\S+)$",
    database="rpm",
    lists=(("/var/cache/libdnf5", "-"),),
    module_options={"install_weak_deps": False},
    lock_option="lock_timeout",
    operation_options={"extra_install_args": "--setopt=install_weak_deps=False"},
)

DNF4 = replace(
    DNF5,
    name="dnf",
    programs=("/usr/bin/dnf-3", "/usr/bin/dnf"),
    module="ansible.builtin.dnf",
    unattended_install=("dnf", *DNF5.unattended_install[1:]),
    unattended_refresh=("dnf", *DNF5.unattended_refresh[1:]),
    query=("dnf", *DNF5.query[1:]),
    version_query=("dnf", *DNF5.version_query[1:]),
    reinstallation=replace(
        DNF5.reinstallation,
        command=("dnf", *DNF5.reinstallation.command[1:]),
        cache=("/var/cache/dnf/*/packages/{package}-{bare_version}.{architecture}.rpm",),
    ),
    lists=(("/var/cache/dnf", ".solv"),),
)

PACMAN = PackageManager(
    name="pacman",
    programs=("/usr/bin/pacman",),
    module="community.general.pacman",
    operations="pacman",
    install=("pacman", "--sync", "--needed"),
    unattended_install=("pacman", "--sync", "--needed", "--noconfirm"),
    unattended_refresh=("pacman", "--sync", "--refresh"),
    query=("pacman", "--sync", "--info"),
    query_answer=r"^Name\s*: (\S+)",
    version_query=("pacman", "--sync", "--info"),
    version_answer=r"^Version\s*: (\S+)",
    database="pacman",
    lock_file="/var/lib/pacman/db.lck",
    reinstallation=Reinstallation(
        command=("pacman", "--sync", "--noconfirm", "{package}"),
        upgrade=("pacman", "--sync", "--refresh", "--sysupgrade"),
        by_hand=("pacman", "--sync", "{package}"),
        cache=("/var/cache/pacman/pkg/{package}-{version}-{architecture}.pkg.tar*",),
        from_cache=("pacman", "--upgrade", "--noconfirm", "{file}"),
        offered=("pacman", "--sync", "--print", "--print-format", "%n %v", "{package}"),
        offered_answer=r"^{package} (\S+)$",
        unavailable="target not found|404|failed retrieving file",
    ),
    # New lists with an old system are a partial upgrade, which Arch does not support: only absent ones are fetched.
    lists=(("/var/lib/pacman/sync", ".db"),),
)

ZYPPER = PackageManager(
    name="zypper",
    programs=("/usr/bin/zypper",),
    module="community.general.zypper",
    operations="zypper",
    install=("zypper", "install", "--no-recommends"),
    unattended_install=("zypper", "--quiet", "--non-interactive", "install", "--no-recommends"),
    unattended_refresh=("zypper", "--quiet", "--non-interactive", "refresh"),
    query=("zypper", "--quiet", "--no-refresh", "search", "--match-exact", "--provides"),
    # ZYPPER_EXIT_ZYPP_LOCKED (zypper(8), EXIT CODES)
    query_locked=7,
    database="rpm",
    reinstallation=Reinstallation(
        command=(
            *("zypper", "--quiet", "--non-interactive", "install", "--force", "--no-recommends"),
            "{package}.{architecture}={version}",
        ),
        upgrade=("zypper", "dist-upgrade"),
        by_hand=("zypper", "install", "--force", "{package}"),
        cache=("/var/cache/zypp/packages/*/*/{package}-{bare_version}.{architecture}.rpm",),
        from_cache=_RPM_FROM_CACHE,
        unavailable="No provider of|not found in package names|not available",
        environment={"ZYPP_LOCK_TIMEOUT": "{lock_timeout}"},
    ),
    lists=(("/var/cache/zypp/solv", ""),),
    operation_options={"extra_install_args": "--no-recommends"},
)

APK = PackageManager(
    name="apk",
    programs=("/sbin/apk", "/usr/bin/apk"),
    module="community.general.apk",
    operations="apk",
    install=("apk", "add"),
    unattended_install=("apk", "add", "--quiet"),
    unattended_refresh=("apk", "update", "--quiet"),
    query=("apk", "search", "--quiet", "--exact"),
    database="apk",
    reinstallation=Reinstallation(
        command=("apk", "--quiet", "--wait", "{lock_timeout}", "fix", "--reinstall", "{package}"),
        upgrade=("apk", "upgrade", "--update-cache"),
        by_hand=("apk", "fix", "--reinstall", "{package}"),
        cache=("/etc/apk/cache/{package}-{version}.*.apk", "/var/cache/apk/{package}-{version}.*.apk"),
        # Without the installed version in a repository apk takes another one for the same.
        offered=("apk", "fix", "--simulate", "--reinstall", "{package}"),
        offered_answer=r"(?:Up|Down)grading {package} \(\S+ -> (\S+)\)",
        from_cache=("apk", "--quiet", "--no-network", "--wait", "{lock_timeout}", "fix", "--reinstall", "{package}"),
        unavailable="unable to fetch|package mentioned in index not found|No such file or directory|no such package",
    ),
    lists=(("/var/cache/apk", "APKINDEX"), ("/etc/apk/cache", "APKINDEX")),
    lists_fresh_for=_DAY,
)

BREW = PackageManager(
    name="brew",
    programs=("/opt/homebrew/bin/brew", "/usr/local/bin/brew", "/home/linuxbrew/.linuxbrew/bin/brew"),
    module="community.general.homebrew",
    operations="brew",
    install=("brew", "install"),
    unattended_install=("brew", "install", "--quiet"),
    unattended_refresh=("brew", "update", "--quiet"),
    query=("brew", "info", "--formula"),
    database="brew",
    reinstallation=Reinstallation(
        command=("brew", "reinstall", "--formula", "--quiet", "{package}"),
        upgrade=("brew", "upgrade"),
        by_hand=("brew", "reinstall", "{package}"),
        # Prints "NAME (INSTALLED) < NEWEST" for one that a reinstallation would upgrade, else nothing.
        offered=("brew", "outdated", "--formula", "--verbose", "{package}"),
        offered_answer=r"^{package} \(.*\) < (\S+)",
        environment={
            "HOMEBREW_NO_AUTO_UPDATE": "1",
            "HOMEBREW_NO_INSTALL_CLEANUP": "1",
            "HOMEBREW_NO_INSTALLED_DEPENDENTS_CHECK": "1",
        },
    ),
    needs_root=False,
)

MANAGERS: Mapping[str, PackageManager] = {one.name: one for one in (APT, DNF5, DNF4, PACMAN, ZYPPER, APK, BREW)}
