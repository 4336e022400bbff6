# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the steps for an environment with versioned layout: makes builds, switches its link, removes old ones."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Dict, List, Mapping, Optional

from .account import Account, act_as
from .apply_venv import VenvRun, who_changes
from .builds import NEW_LINK_SUFFIX, Builds, read_builds, switch_target
from .danger import danger_of_venv
from .desired import Desired
from .difference import drift
from .errors import ProvisionError
from .files import remove_as, remove_directory, remove_tree, write_atomically
from .host import Host
from .installer import Workplace
from .own_programs import find_uv
from .path_control import keeper_of
from .receipt import FILE_NAME, Receipt
from .request import InstallRequest
from .seeds import pins_of
from .steps import VenvStep
from .venv import ASIDE_SUFFIX, VenvState, linked_build, site_packages
from .work import make_installer, resolve

#: The module in each build that keeps a process in it, and the file by which Python loads that when it starts.
SETTLE_NAME = "_pep668_provision_build"
# Python takes the path it was started by for its prefix, here the link: what a process imports later would come from
# whatever that leads to by then. It runs with every Python an environment can have, before anything of the application.
_SETTLE = '''\
"""Written by pep668.provision: a process stays in the build it was started from when the link is switched."""

import os
import sys

LINK, BUILD = {link!r}, {build!r}


def settle():
    prefix = sys.prefix
    if prefix == BUILD or (prefix != LINK and os.path.realpath(prefix) != BUILD):
        return

    def moved(path):
        inside = path == prefix or path.startswith(prefix + os.sep)
        return BUILD + path[len(prefix) :] if inside else path

    sys.path[:] = [moved(path) for path in sys.path]
    sys.prefix = sys.exec_prefix = BUILD
    sys.executable = moved(sys.executable or "")


class AtTheEndOfSite:
    """Waits until the module site has laid out the whole of sys.path: then it looks for a sitecustomize."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "sitecustomize":
            sys.meta_path = [finder for finder in sys.meta_path if finder is not cls]
            settle()


sys.meta_path.insert(0, AtTheEndOfSite)
'''


def settling_module(link: str, build: str) -> str:
    """Return the source of the module for the build that a link is to lead to."""
    return _SETTLE.format(link=link, build=build)


def versions_to_keep(desired: Desired, host: Host, step: VenvStep) -> Dict[str, str]:
    """Return the versions that a new build is not to change: those of before, as the installer would change them there.

    The installer is asked in the current environment, so that a new build has what an update in place would lead to.
    """
    observed, entry, state = step.observed, step.observed.entry, step.observed.state
    kept = dict(state.kept)
    if step.action != "update" or not kept or entry.checks_hashes:
        return kept
    recorded = dict(state.receipt.packages) if state.receipt is not None else {}
    also = pins_of({name: recorded[name] for name in drift(observed)})
    request = InstallRequest(entry, upgrade=entry.state == "latest", also=also)
    if request.is_empty:
        return kept
    try:
        changed = resolve(
            host,
            make_installer(step.installer, find_uv(host)),
            entry.path,
            request,
            account=observed.account,
            index=desired.index,
            secrets=desired.secrets,
        )
    except ProvisionError:
        # What is wrong with the request itself is said when it is installed.
        return kept
    return {**kept, **changed}


class VersionedRun:
    """Takes one step for one environment with versioned layout; ``warnings`` as for environments in place."""

    def __init__(self, host: Host, desired: Desired, step: VenvStep, warnings: List[str]) -> None:
        self.host, self.desired, self.step, self.warnings = host, desired, step, warnings
        self.observed, self.entry = step.observed, step.observed.entry
        self.path, self.aside = self.entry.path, self.entry.path + ASIDE_SUFFIX
        self.account = step.observed.account

    def take(self) -> None:
        danger = danger_of_venv(self.host, self.observed, self.step.action)
        if danger is not None:
            raise ProvisionError(danger.message, advice=danger.advice)
        builds = self._look()
        for name in builds.leftovers:
            self._remove_build(builds, name)
        if self.step.action == "remove":
            self._remove(builds)
            return
        if self.step.action not in ("switch", "prune"):
            self._make(builds)
        if self.step.action != "prune":
            if self.entry.state != "rolled_back":
                self._put_in_order()
            self._switch()
        self._tidy()

    def _look(self) -> Builds:
        return read_builds(self.host, self.entry, linked_build(self.host, self.path))

    def _make(self, builds: Builds) -> None:
        if not self.step.build:
            raise ProvisionError(f"There is no interpreter for {self.path}.")
        newest = builds.known[-1] if builds.known else None
        # Room for the current one where that is not the newest: what it is now shall come right before the new one.
        is_in_order = newest is None or newest.name == builds.current
        number = (newest.number if newest is not None else 0) + (1 if is_in_order else 2)
        kept = versions_to_keep(self.desired, self.host, self.step)
        _BuildRun(self.host, self.desired, self.step, self.warnings, number=number, kept=kept).take()

    def _put_in_order(self) -> None:
        """Have the target be the last of the builds by their numbers, and right before it the one it replaces."""
        builds = self._look()
        numbers = {build.name: build.number for build in builds.known}
        wanted = [name for name in (builds.current, self.step.build) if name in numbers]
        highest = max((number for name, number in numbers.items() if name not in wanted), default=0)
        for name in dict.fromkeys(wanted):
            if numbers[name] <= highest:
                self._renumber(builds, name, highest + 1)
            highest = max(numbers[name], highest + 1)

    def _renumber(self, builds: Builds, name: str, number: int) -> None:
        receipt = next(build.receipt for build in builds.known if build.name == name)
        path = builds.path_of(name)
        if receipt is not None:
            write_atomically(
                f"{path}/{FILE_NAME}",
                replace(receipt, build=number).to_json(),
                account=keeper_of(self.host, f"{path}/{FILE_NAME}"),
            )

    def _switch(self) -> None:
        """Have the path lead to the build of this step; who opens it meets the old one or the new one."""
        new, target, folder = self.path + NEW_LINK_SUFFIX, switch_target(self.entry, self.step.build), self._folder

        def switch() -> None:
            remove_tree(new)
            os.symlink(target, new)
            if os.path.isdir(self.path) and not os.path.islink(self.path):
                # An environment in place. rename(2) puts nothing over a directory but an empty directory, so this one
                # time it takes two of them, and for that moment nothing is at the path.
                remove_tree(self.aside)
                os.rename(self.path, self.aside)
                try:
                    os.rename(new, self.path)
                except OSError:
                    os.rename(self.aside, self.path)
                    raise
            else:
                os.rename(new, self.path)
            _write_through(folder)

        act_as(self._actor, switch)

    @property
    def _folder(self) -> str:
        return os.path.dirname(self.path)

    @property
    def _actor(self) -> Optional[Account]:
        return who_changes(self.host, self._folder, self.account)

    def _tidy(self) -> None:
        """Leave the builds that are kept alone."""

        def remove() -> None:
            remove_tree(self.aside)
            remove_tree(self.path + NEW_LINK_SUFFIX)

        act_as(self._actor, remove)
        if self.entry.state != "rolled_back":
            builds = self._look()
            for name in builds.superfluous(self.entry.keep):
                self._remove_build(builds, name)

    def _remove_build(self, builds: Builds, name: str) -> None:
        path = builds.path_of(name)
        aside = path if name.endswith(ASIDE_SUFFIX) else path + ASIDE_SUFFIX

        actor = who_changes(self.host, builds.directory, self.account)
        if aside != path:
            # By its new name what is left of it after a kill is known for what it is.
            remove_as(actor, aside)
            act_as(actor, lambda: os.rename(path, aside))
        remove_as(actor, aside)

    def _remove(self, builds: Builds) -> None:
        remove_directory(self.path, self.aside, self._actor)
        act_as(self._actor, lambda: remove_tree(self.path + NEW_LINK_SUFFIX))
        if not builds.others:
            # At once, so that after a kill the next run finds what is left.
            remove_directory(builds.directory, self.aside, self._actor)
            return
        for build in builds.known:
            self._remove_build(builds, build.name)
        self.warnings.append(f"{builds.directory} stays, for these in it are not ours: {', '.join(builds.others)}.")


class _BuildRun(VenvRun):
    """Makes one build, in a directory of its own; what a failure leaves of it is removed."""

    def __init__(
        self,
        host: Host,
        desired: Desired,
        step: VenvStep,
        warnings: List[str],
        *,
        number: int,
        kept: Mapping[str, str],
    ) -> None:
        entry = step.observed.entry
        path = f"{entry.builds_directory}/{step.build}"
        observed = replace(
            step.observed, entry=replace(entry, path=path), state=VenvState(path, kept=kept), builds=None
        )
        super().__init__(host, desired, replace(step, action="create", observed=observed), warnings)
        self.number, self.link = number, entry.path

    def _fill(self, work: Workplace) -> None:
        self._settle_processes()
        # Nothing but what is asked for: to this build one can go back, whatever was there before it.
        pins = pins_of(dict(self.observed.state.kept))
        self._install(work, InstallRequest(self.entry, upgrade=self.entry.state == "latest", pins=pins))

    def _settle_processes(self) -> None:
        folder = site_packages(self.host, self.path, "")
        texts = {f"{SETTLE_NAME}.py": settling_module(self.link, self.path)}
        texts[f"{SETTLE_NAME}.pth"] = f"import {SETTLE_NAME}\n"
        for name, text in texts.items():
            write_atomically(f"{folder}/{name}", text, account=self.account)

    def _write_receipt(self, receipt: Receipt) -> None:
        super()._write_receipt(replace(receipt, build=self.number))


def _write_through(folder: str) -> None:
    """Have what was renamed in a folder outlast a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
