# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package managers as data: how each is called, what drives it from Ansible and pyinfra, where it keeps its lists."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from typing import Mapping, Optional, Sequence, Tuple


@dataclass(frozen=True)
class PackageManager:
    """One package manager.

    ``programs`` are the places it can be in; the first that is there says that a host has it. ``module`` is the Ansible
    module that drives it, ``module_options`` what that is told beside the names, ``lock_option`` how it calls the
    seconds it waits for the package manager's lock ("" where it has no such option). ``operations`` is the module of
    pyinfra.operations whose ``packages`` does the same, ``operation_options`` what that is told; a text may hold
    ``{lock_timeout}``.

    ``install`` is what an administrator types before the names of packages, ``unattended_install`` and
    ``unattended_refresh`` the same without a question asked, with ``environment`` set. ``database`` says how installed
    packages are found (see os_packages).

    ``query`` followed by names, with ``query_joint`` between them if it takes them as one word, tells which packages
    the configured repositories have: the first group of ``query_answer`` finds them in what it prints. Without
    ``query_answer`` it takes one name, and succeeds and prints something for one that is there. It uses no network and
    needs no rights.

    ``version_query`` followed by one name prints that package's version, the first group of ``version_answer``; empty
    where it is not asked for.

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
    query_joint: str = ""
    query_answer: str = ""
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

    @property
    def collection(self) -> str:
        """The Ansible collection its module is in."""
        return self.module.rpartition(".")[0]

    def in_shell(self, argv: Sequence[str]) -> str:
        """Return one of its commands as a shell runs it, with what it needs in its environment."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join([*settings, *map(shlex.quote, argv)])


_DAY = 86400

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
    database="rpm",
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
    needs_root=False,
)

MANAGERS: Mapping[str, PackageManager] = {one.name: one for one in (APT, DNF5, DNF4, PACMAN, ZYPPER, APK, BREW)}
