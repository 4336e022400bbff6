# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OS packages: which are installed, which the repositories have, and what front-ends tell the package manager.

What is installed is read from the package manager's own database; rpm's, which has a format for each age, is asked
through rpm itself.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, FrozenSet, Iterable, Mapping, Sequence

from .distro import Distribution
from .errors import CommandFailed, ProvisionError
from .host import Host
from .package_manager import PackageManager
from .process import Command
from .version import Version, VersionError

#: The first word of a status is what the administrator wants of the package: install, or hold.
_INSTALLED = re.compile(rb"\nStatus: \S+ ok installed\n")
_DATABASE_LIMIT = 256 * 1024 * 1024
#: Seconds for one question to a package manager about what it has at hand.
_QUERY_TIMEOUT = 60


def installed_packages(host: Host, distribution: Distribution, names: Iterable[str]) -> FrozenSet[str]:
    """Return which of these packages are installed; none where the database cannot be read."""
    wanted = frozenset(names)
    if not wanted or distribution.manager is None:
        return frozenset()
    return _READERS[distribution.manager.database](host, wanted)


def _in_dpkg(host: Host, wanted: FrozenSet[str]) -> FrozenSet[str]:
    """Look packages up in dpkg's status file (deb822 stanzas, see dpkg(1))."""
    status = b"\n" + (host.read_bytes("/var/lib/dpkg/status", limit=_DATABASE_LIMIT) or b"")
    found = set()
    for name in wanted:
        start = status.find(b"\nPackage: " + name.encode() + b"\n")
        # One stanza an architecture: any installed one will do.
        while start != -1:
            end = status.find(b"\n\n", start + 1)
            end = end if end != -1 else len(status)
            if _INSTALLED.search(status[start:end] + b"\n"):
                found.add(name)
                break
            start = status.find(b"\nPackage: " + name.encode() + b"\n", end)
    return frozenset(found)


def _in_rpm(host: Host, wanted: FrozenSet[str]) -> FrozenSet[str]:
    """Ask rpm which packages or capabilities are provided by an installed package (rpm(8), about 15 ms)."""
    return frozenset(
        name for name in wanted if host.run(Command(("rpm", "--query", "--whatprovides", name), timeout=30)).succeeded
    )


def _in_pacman(host: Host, wanted: FrozenSet[str]) -> FrozenSet[str]:
    """Look packages up in pacman's local database: one directory NAME-VERSION-RELEASE each."""
    local = "/var/lib/pacman/local"
    entries = [entry for entry in host.names_in(local) if entry.rsplit("-", 2)[0] in wanted and entry.count("-") > 1]
    # pacman writes the description when the files are there.
    return frozenset(entry.rsplit("-", 2)[0] for entry in entries if host.exists(f"{local}/{entry}/desc"))


def _in_apk(host: Host, wanted: FrozenSet[str]) -> FrozenSet[str]:
    """Look packages up in apk's database: "P:NAME" lines (apk-package(5)); it moved below /usr with apk 3."""
    database = b""
    for path in ("/usr/lib/apk/db/installed", "/lib/apk/db/installed"):
        database = database or host.read_bytes(path, limit=_DATABASE_LIMIT) or b""
    lines = frozenset(database.split(b"\n"))
    return frozenset(name for name in wanted if b"P:" + name.encode() in lines)


def _in_homebrew(host: Host, wanted: FrozenSet[str]) -> FrozenSet[str]:
    """Look formulae up in Homebrew's Cellar: one directory each, with one for each version."""
    prefixes = ("/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew")
    return frozenset(name for name in wanted if any(host.names_in(f"{prefix}/Cellar/{name}") for prefix in prefixes))


_READERS: Mapping[str, Callable[[Host, FrozenSet[str]], FrozenSet[str]]] = {
    "dpkg": _in_dpkg,
    "rpm": _in_rpm,
    "pacman": _in_pacman,
    "apk": _in_apk,
    "brew": _in_homebrew,
}


def lists_are_here(host: Host, distribution: Distribution) -> bool:
    """Say whether the package manager has the lists of its repositories at hand."""
    manager = distribution.manager
    if manager is None:
        return False
    return not manager.lists or any(part in name for folder, part in manager.lists for name in host.names_in(folder))


def lists_need_refresh(host: Host, distribution: Distribution) -> bool:
    """Say whether the package manager's lists have to be fetched first: they are absent, or too old for it."""
    manager = distribution.manager
    if manager is None:
        return False
    if not lists_are_here(host, distribution):
        return True
    if manager.lists_fresh_for is None:
        return False
    # A list keeps the date of the archive's own file; when it was looked at last is the directory's and the stamp's.
    stamps = [host.stat(path) for path in (manager.refresh_stamp, *(folder for folder, __ in manager.lists)) if path]
    newest = max(stamp.st_mtime for stamp in stamps if stamp is not None)
    return host.clock() - newest > manager.lists_fresh_for


def available_packages(host: Host, distribution: Distribution, names: Iterable[str]) -> Dict[str, bool]:
    """Return for each package whether the configured repositories have it, from the lists at hand.

    Empty where there are no lists or they are old: then nobody knows before they are refreshed. A package is left out
    where the package manager gives no answer, as others keep it busy. Uses no network.
    """
    manager = distribution.manager
    if manager is None or lists_need_refresh(host, distribution):
        return {}
    asked = tuple(dict.fromkeys(names))
    if not asked:
        return {}
    if not manager.query_answer:
        answers = {name: host.run(Command((*manager.query, name), timeout=_QUERY_TIMEOUT)) for name in asked}
        return {
            name: one.succeeded and bool(one.stdout.strip())
            for name, one in answers.items()
            if one.status not in (None, manager.query_locked)
        }
    words = (manager.query_joint.join(asked),) if manager.query_joint else asked
    answer = host.run(Command((*manager.query, *words), timeout=_QUERY_TIMEOUT))
    if answer.status is None:
        return {}
    has = frozenset(re.findall(manager.query_answer, answer.stdout, re.MULTILINE))
    return {name: name in has for name in asked}


def candidate_versions(host: Host, distribution: Distribution, names: Iterable[str]) -> Dict[str, str]:
    """Return the upstream versions of packages in the repositories, as far as the package manager tells them."""
    manager = distribution.manager
    if manager is None or not manager.version_query:
        return {}
    found = {}
    for name in dict.fromkeys(names):
        answer = host.run(Command((*manager.version_query, name), timeout=_QUERY_TIMEOUT))
        version = re.search(manager.version_answer, answer.stdout, re.MULTILINE) if answer.succeeded else None
        if version is not None and upstream_version(version.group(1)):
            found[name] = upstream_version(version.group(1))
    return found


#: What packagers put behind the version of sources from which they took something out.
_REPACKED = re.compile(r"[+~.](dfsg|ds|repack|git|orig).*$")
#: What packagers put before the version that it really is, after one that had to be taken back.
_TAKEN_BACK = re.compile(r"^.*[+~.]really[+.]?")


def upstream_version(text: str) -> str:
    """Return the upstream version in that of an OS package ("1:2.28.1+dfsg-1" has 2.28.1), "" where none is seen."""
    upstream = text.partition(":")[2] if ":" in text else text
    upstream = _TAKEN_BACK.sub("", upstream.rpartition("-")[0] or upstream)
    upstream = _REPACKED.sub("", upstream)
    try:
        return str(Version.parse(upstream))
    except VersionError:
        return ""


def install_packages(host: Host, distribution: Distribution, names: Sequence[str], *, needs_refresh: bool) -> None:
    """The OS packages are installed by the host's package manager; raises CommandFailed with what it said.

    For front-ends that have no way of their own to do it.
    """
    manager = distribution.manager
    if manager is None:
        raise ProvisionError(f"How to install {', '.join(names)} here is not known.")
    commands = [manager.unattended_refresh] if needs_refresh else []
    for argv in [*commands, (*manager.unattended_install, *names)]:
        done = host.run(Command(argv, env=manager.environment))
        if not done.succeeded:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise CommandFailed(
                f"The package manager could not install {', '.join(names)}: {said[-1] if said else 'it said nothing'}",
                command=argv,
                status=done.status,
                stdout=done.stdout,
                stderr=done.stderr,
            )


def package_operation_options(manager: PackageManager, *, lock_timeout: float) -> Dict[str, object]:
    """Return what pyinfra's operation ``packages`` for this package manager is told beside the names."""
    words = {"lock_timeout": int(lock_timeout)}
    return {
        name: value.format(**words) if isinstance(value, str) else value
        for name, value in manager.operation_options.items()
    }


def package_module_options(
    distribution: Distribution, *, needs_refresh: bool, lock_timeout: float
) -> Dict[str, object]:
    """Return what the Ansible package module is told beside the names, as its own options, ``use`` for which one it is.

    Lists are refreshed only where they are absent or old; the package manager's own lock is waited for.
    """
    manager = distribution.manager
    if manager is None:
        return {}
    options = {"use": manager.module, **manager.module_options}
    if manager.lock_option:
        options[manager.lock_option] = int(lock_timeout)
    if needs_refresh:
        options["update_cache"] = True
    return options
