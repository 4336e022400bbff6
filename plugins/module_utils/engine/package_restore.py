# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are missing or changed, laid down again by the package manager from the package that owns them.

No package gets another version by it: on a rolling distribution that would be half an upgrade.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from dataclasses import dataclass, replace
from typing import Callable, Dict, Iterator, List, Optional, Protocol, Sequence, Tuple

from .account import Account
from .distro import Distribution, manager_with, observe_distribution
from .errors import CommandFailed, ProvisionError
from .host import Host
from .os_packages import lists_are_here, lists_need_refresh
from .package_manager import PackageManager
from .package_manager_ready import make_ready
from .process import Command, Completed

#: Seconds for one question to a package manager about what it has at hand.
_QUERY_TIMEOUT = 60
#: How many files are named in a message.
_TOLD = 5


class Damage(Protocol):
    """A file of a package, and whether it is as the package has it, by its ``state``: missing, changed or another one.

    ``detail`` is a sentence about it; ``version`` and ``architecture`` are the installed package's, ``database`` is
    where it is recorded (see PackageManager).
    """

    @property
    def path(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def package(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def architecture(self) -> str: ...
    @property
    def database(self) -> str: ...
    @property
    def needs_restoring(self) -> bool: ...


@dataclass(frozen=True)
class Restored:
    """What the user has to know of what was laid down again, and the commands that did it, as they are typed."""

    warnings: Tuple[str, ...] = ()
    commands: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Restoration:
    """How one package is laid down again: by which package manager and account, from which file of its cache if any.

    ``distribution`` is the host's with that package manager, which need not be its own one.
    """

    damage: Damage
    distribution: Distribution
    manager: PackageManager
    account: Optional[Account] = None
    cached: str = ""


def foresee_restoration(host: Host, damages: Sequence[Damage]) -> Tuple[Restoration, ...]:
    """Return how the packages of what is damaged would be laid down again; nothing is changed, no network is used.

    Raises ProvisionError where it is known by now that this cannot be done.
    """
    wanted = {(one.package, one.architecture): one for one in damages if one.needs_restoring}
    return tuple(_foresee(host, damage) for damage in wanted.values())


def take_restoration(
    host: Host, damages: Sequence[Damage], observe: Callable[[Host], Sequence[Damage]], *, lock_timeout: float
) -> Restored:
    """Leave what is damaged as its packages have it, for a caller that holds the host's lock.

    ``observe`` looks at it again. The package manager's own lock is waited for ``lock_timeout`` seconds. Raises
    ProvisionError where it cannot be done, CommandFailed where the package manager fails.
    """
    warnings: List[str] = []
    commands: List[str] = []
    for restoration in foresee_restoration(host, damages):
        ready = make_ready(host, restoration.manager, lock_timeout=lock_timeout)
        if ready.changed:
            warnings.append(ready.text)
        restorer = _Restorer(host, restoration, observe, lock_timeout)
        warnings += restorer.restore()
        commands += [*ready.commands, *restorer.commands]
    return Restored((*warnings, *_verify(damages, observe(host))), tuple(commands))


def _foresee(host: Host, damage: Damage) -> Restoration:
    if host.is_dir(damage.path) and not host.is_link(damage.path):
        # pacman stops half-way through the package.
        raise ProvisionError(
            f"A directory stands at {damage.path}, in place of the file of {damage.package}.",
            advice="Move it away, then run again.",
        )
    distribution = observe_distribution(host)
    manager = _manager_of(host, distribution, damage)
    distribution = replace(distribution, manager=manager)
    account: Optional[Account] = None
    if manager.needs_root and not host.is_root:
        raise ProvisionError(
            f"{damage.path} is {damage.state}, and {host.caller.name} may not have {manager.name} restore it.",
            advice="It takes root's rights, by become: true for example.",
        )
    if not manager.needs_root and host.is_root:
        owner = host.stat(damage.path.rpartition("/")[0])
        account = host.account_by_uid(owner.st_uid) if owner is not None and owner.st_uid else None
    cached = _cached_file(host, manager, damage)
    restoration = Restoration(damage, distribution, manager, account, cached)
    # Of lists that are not there yet nothing can be told.
    if not cached and lists_are_here(host, distribution):
        _check_offered(host, restoration)
    return restoration


def _manager_of(host: Host, distribution: Distribution, damage: Damage) -> PackageManager:
    """Return the package manager that installed a package: the distribution's own, where it has that database."""
    manager = manager_with(host, distribution, damage.database)
    if manager is None:
        raise ProvisionError(
            f"{damage.path} is {damage.state}, and there is no package manager here that restores {damage.package}.",
            advice=f"Install {damage.package} {damage.version} again as it was installed before.",
        )
    return manager


def _fill(words: Sequence[str], damage: Damage, **more: object) -> Tuple[str, ...]:
    values = {
        "package": damage.package,
        "version": damage.version,
        "escaped_version": damage.version.replace(":", "%3a"),
        "bare_version": damage.version.rpartition(":")[2],
        "architecture": damage.architecture,
    }
    return tuple(word.format(**values, **more) for word in words)


def _cached_file(host: Host, manager: PackageManager, damage: Damage) -> str:
    """Return the package's own file in the package manager's cache, "" where there is none."""
    for pattern in _fill(manager.reinstallation.cache, damage):
        for path in _match(host, "", pattern.strip("/").split("/")):
            if not path.endswith((".sig", ".part")):
                return path
    return ""


def _match(host: Host, folder: str, parts: Sequence[str]) -> Iterator[str]:
    first, rest = parts[0], parts[1:]
    names = host.names_in(folder or "/") if "*" in first else (first,)
    for name in names:
        path = f"{folder}/{name}"
        if not fnmatch.fnmatchcase(name, first):
            continue
        if rest:
            yield from _match(host, path, rest)
        elif host.is_file(path):
            yield path


def _check_offered(host: Host, restoration: Restoration) -> None:
    """Refuse what would give a package another version than it has."""
    damage, manager = restoration.damage, restoration.manager
    way = manager.reinstallation
    if not way.offered:
        return
    command = Command(_fill(way.offered, damage), _environment(manager, damage, 0), restoration.account)
    answer = host.run(Command(command.argv, command.env, command.account, timeout=_QUERY_TIMEOUT))
    pattern = way.offered_answer.replace("{package}", re.escape(damage.package))
    found = re.search(pattern, answer.stdout, re.MULTILINE)
    if found and found.group(1) != damage.version:
        raise ProvisionError(
            f"{damage.path} is {damage.state}, and {damage.package} {damage.version} cannot be installed again: the "
            f"repositories have {found.group(1)}, and this one package alone in that version could break others.",
            advice=_advice_on_version(manager),
        )


def _advice_on_version(manager: PackageManager) -> str:
    folders = " or ".join(
        dict.fromkeys(one.rpartition("/")[0] for one in manager.reinstallation.cache if "*/" not in one)
    )
    file = f", or lay the file of the installed version into {folders}" if folders else ""
    return f"Run {shlex.join(manager.reinstallation.upgrade)} first{file}, then run again."


def _environment(manager: PackageManager, damage: Damage, lock_timeout: float) -> Dict[str, Optional[str]]:
    more = manager.reinstallation.environment
    filled = _fill(tuple(more.values()), damage, lock_timeout=int(lock_timeout))
    return {**manager.environment, **dict(zip(more, filled))}


class _Restorer:
    """Lays one package down again."""

    def __init__(
        self,
        host: Host,
        restoration: Restoration,
        observe: Callable[[Host], Sequence[Damage]],
        lock_timeout: float,
    ) -> None:
        self._host = host
        self._restoration = restoration
        self._observe = observe
        self._lock_timeout = lock_timeout
        self.commands: List[str] = []

    def restore(self) -> Tuple[str, ...]:
        """Leave the package installed again, held if it was; return what the user has to know."""
        damage, way = self._restoration.damage, self._restoration.manager.reinstallation
        held = bool(way.held) and bool(self._run(_fill(way.held, damage)).stdout.strip())
        warnings: List[str] = []
        try:
            warnings += self._reinstall()
        finally:
            done = self._change(_fill(way.hold, damage)) if held else None
        if done is not None and not done.succeeded:
            warnings.append(f"{damage.package} was held at its version and is not now: {_last_words(done)}")
        return tuple(warnings)

    def _reinstall(self) -> Tuple[str, ...]:
        restoration = self._restoration
        damage, way = restoration.damage, restoration.manager.reinstallation
        seconds = int(self._lock_timeout)
        warnings: Tuple[str, ...] = ()
        if restoration.cached:
            done = self._change(_fill(way.from_cache, damage, file=restoration.cached, lock_timeout=seconds))
            if done.succeeded:
                return ()
            what = f"{restoration.cached} did not serve to restore {damage.path}, so the repositories' was taken"
            warnings = (f"{what}: {_last_words(done)}",)
        self._refresh()
        if restoration.cached:
            _check_offered(self._host, restoration)
        done = self._change(_fill(way.command, damage, lock_timeout=seconds))
        if done.succeeded and not self._is_left():
            return warnings
        # Of what is not to be had apt only says so, and ends well.
        if way.unavailable and re.search(way.unavailable, f"{done.stdout}\n{done.stderr}"):
            raise self._failed(
                done,
                f"{damage.path} is {damage.state}, and the repositories do not have {damage.package} {damage.version}",
                _advice_on_version(restoration.manager),
            )
        if not done.succeeded:
            by_hand = f"By hand it is: {shlex.join(done.command.argv)}"
            raise self._failed(done, f"Installing {damage.package} again to restore {damage.path} failed", by_hand)
        return warnings

    def _is_left(self) -> bool:
        damage = self._restoration.damage
        left = (one for one in self._observe(self._host) if one.needs_restoring)
        return any((one.path, one.package) == (damage.path, damage.package) for one in left)

    def _refresh(self) -> None:
        """Have the lists of the repositories at hand, which a container image starts without."""
        restoration = self._restoration
        if lists_need_refresh(self._host, restoration.distribution):
            had_lists = lists_are_here(self._host, restoration.distribution)
            done = self._change(restoration.manager.unattended_refresh)
            # Old ones may still do.
            if not done.succeeded and not had_lists:
                advice = "It takes the network, or the package's file in the package manager's cache."
                raise self._failed(done, "Fetching the repositories' lists failed", advice)
            _check_offered(self._host, restoration)

    def _change(self, argv: Tuple[str, ...]) -> Completed:
        self.commands.append(shlex.join(argv))
        return self._run(argv)

    def _run(self, argv: Tuple[str, ...]) -> Completed:
        manager, damage = self._restoration.manager, self._restoration.damage
        environment = _environment(manager, damage, self._lock_timeout)
        return self._host.run(Command(argv, environment, self._restoration.account))

    def _failed(self, done: Completed, what: str, advice: str) -> CommandFailed:
        status = "could not be run" if done.status is None else f"exit status {done.status}"
        return CommandFailed(
            f"{what} ({status}): {_last_words(done)}",
            command=done.command.argv,
            status=done.status,
            stdout=done.stdout,
            stderr=done.stderr,
            advice=advice,
        )


def _last_words(done: Completed) -> str:
    """Return what a package manager said in the end, as one sentence: its errors where it marks them."""
    said = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    errors = [line for line in said if re.match(r"(?i)(e:|err|fatal|dpkg: error)", line)]
    told = " ".join(errors or said[-1:]) or "it said nothing"
    return (told if len(told) <= 400 else f"{told[:397]}...").rstrip(".") + "."


def _verify(wanted: Sequence[Damage], found: Sequence[Damage]) -> Tuple[str, ...]:
    """Return which packages have got another version; raises ProvisionError where something is still not as shipped."""
    now = {(one.package, one.path): one for one in found}
    pairs = [(one, now.get((one.package, one.path))) for one in wanted]
    left = [after for __, after in pairs if after is not None and after.needs_restoring]
    if left:
        told = " ".join(f"{one.path} is {one.state}: {one.detail}" for one in left[:_TOLD])
        raise ProvisionError(
            f"The package manager ended without an error, and still {told}",
            advice="Something on this host may take the file away again: a hook of the package manager, for example.",
        )
    return (
        *(
            f"{one.package} does not ship {one.path} any more."
            for one, after in pairs
            if after is None and one.needs_restoring
        ),
        *dict.fromkeys(
            f"{one.package} was {one.version} and is {after.version} now."
            for one, after in pairs
            if after is not None and after.version != one.version
        ),
    )
