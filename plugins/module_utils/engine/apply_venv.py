# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the steps for one virtual environment: made, rebuilt beside the old one, updated in place, removed."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import Iterator, List, Mapping, Optional

from .account import Account, act_as
from .danger import danger_of_venv
from .desired import Desired
from .difference import drift, extra_distributions
from .errors import CommandFailed, ProvisionError
from .files import (
    keep_by_links,
    make_directory,
    put_back_kept,
    remove_as,
    remove_directory,
    remove_tree,
    replacing,
    write_atomically,
)
from .host import Host
from .installer import Installer, Prepared, Workplace
from .interpreter import Interpreters
from .own_programs import find_uv
from .parts import load
from .path_control import keeper_of
from .process import Completed
from .receipt import FILE_NAME, Receipt, identify_interpreter
from .request import InstallRequest, read_request
from .scratch import scratch_directory
from .seeds import SEEDS, pins_of
from .steps import VenvStep
from .venv import ASIDE_SUFFIX, SCRATCH_NAME, VenvState, from_index, observe_venv, site_packages
from .work import make_installer, run_prepared


def who_changes(host: Host, directory: str, account: Optional[Account]) -> Optional[Account]:
    """Return who changes a directory: the account wherever it controls a part of the way, the caller elsewhere."""
    return keeper_of(host, os.path.join(directory, SCRATCH_NAME)) if account is not None else None


class VenvRun:
    """Takes one step for one environment. ``warnings`` collects what the user should know afterwards."""

    def __init__(self, host: Host, desired: Desired, step: VenvStep, warnings: List[str]) -> None:
        self.host, self.desired, self.step, self.warnings = host, desired, step, warnings
        self.secrets = desired.secrets
        self.observed, self.entry = step.observed, step.observed.entry
        self.path = self.entry.path
        self.aside = self.path + ASIDE_SUFFIX
        self.account = step.observed.account
        self.installer: Installer = make_installer(step.installer, find_uv(self.host))
        #: Whether all that this run leaves was installed with its hash checked, where that is asked for.
        self.verified = True
        #: Who changes the parent directory: the owner wherever it controls a directory on the way, else the caller.
        self.actor: Optional[Account] = None

    def take(self) -> None:
        # As it is now: the plan was made a while ago, and whoever controls nothing now cannot redirect what follows.
        danger = danger_of_venv(self.host, self.observed, self.step.action)
        if danger is not None:
            raise ProvisionError(danger.message, advice=danger.advice)
        self.actor = keeper_of(self.host, self.path) if self.account is not None else None
        if self.step.action == "remove":
            remove_directory(self.path, self.aside, self.actor)
        elif self.step.action == "create" and self.observed.state.kind == "empty" and not self.observed.state.aside:
            self._build()
        elif self.step.action in ("create", "rebuild"):
            if self.observed.state.is_finished:
                remove_as(self.actor, self.aside)
            with replacing(self.path, self.aside, self.actor):
                self._build()
            if self.observed.state.build:
                self.warnings.append(
                    f"{self.path} is made in place now. What was started before may still run from a build in "
                    f"{self.entry.builds_directory}: remove that directory when nothing does any more."
                )
        else:
            self._update()
        for link, target in self.step.links:
            make_directory(os.path.dirname(link))
            remove_tree(link)
            os.symlink(target, link)

    def _build(self) -> None:
        make_directory(self.path, self.account, self.actor)
        self._write_receipt(Receipt(unfinished=self.step.action, packages=self.observed.state.kept))
        interpreter = self.step.interpreter
        if interpreter is None:
            raise ProvisionError(f"There is no interpreter for {self.path}.")
        with scratch_directory(self.account, f"{self.path}/{SCRATCH_NAME}") as scratch:
            work = Workplace(self.host, self.account, scratch, self.desired.index)
            prepared = self.installer.create(
                work, interpreter, self.path, system_site_packages=self.entry.system_site_packages
            )
            self._make(work, prepared)
            self._fill(work)
        self._finish(before={})

    def _make(self, work: Workplace, prepared: Prepared) -> None:
        what = f"Making the environment {self.path}"
        try:
            self._run(work, prepared, what)
        except CommandFailed as failure:
            # venv keeps to itself what ensurepip said: asked once more, that says what is wrong.
            again = (
                self.installer.prepare(work, self.path, {}) if "ensurepip" in failure.stdout + failure.stderr else None
            )
            if again is not None and self.host.exists(f"{self.path}/bin/python"):
                self._run(work, again, what)
            raise

    def _fill(self, work: Workplace) -> None:
        """Install what is asked for into a new environment, and what was in the one before it."""
        # Of versions of before there is no hash.
        pins = () if self.entry.checks_hashes else pins_of(dict(self.observed.state.kept))
        also = pins if self.entry.state != "exact" else ()
        self._install(work, InstallRequest(self.entry, upgrade=self.entry.state == "latest", pins=pins, also=also))
        if self.entry.state == "exact" and pins:
            self._remove_others(work)

    def _update(self) -> None:
        observed, before = self.observed, dict(self.observed.state.distributions)
        receipt = observed.state.receipt or Receipt(packages={})
        asked_anew = observed.state.receipt is None or receipt.digest != observed.request.digest
        drifted = {name: receipt.packages[name] for name in drift(observed)}
        # What came without its hash being checked is fetched again; the same version could be another file.
        again = self.entry.checks_hashes and asked_anew and not receipt.hashes
        self.verified = receipt.hashes or again
        extras = extra_distributions(observed) if self.entry.state == "exact" and not asked_anew else ()
        if not (asked_anew or drifted or extras or observed.newer):
            remove_as(self.actor, self.aside)
            return
        self._write_receipt(replace(receipt, unfinished="update"))
        try:
            with scratch_directory(self.account, f"{self.path}/{SCRATCH_NAME}") as scratch, self._putting_back(scratch):
                work = Workplace(self.host, self.account, scratch, self.desired.index)
                if asked_anew or drifted or observed.newer:
                    upgrade = self.entry.state == "latest"
                    also = () if self.entry.checks_hashes else pins_of(drifted)
                    keeps = drifted and not (asked_anew or upgrade or self.entry.checks_hashes)
                    pins = pins_of(dict(receipt.packages)) if keeps else ()
                    request = InstallRequest(self.entry, upgrade=upgrade, again=again, pins=pins, also=also)
                    self._install(work, request)
                if asked_anew and self.entry.state == "exact":
                    self._remove_others(work)
                elif extras:
                    self._run(work, self.installer.uninstall(work, self.path, extras), f"Removing from {self.path}")
        except (ProvisionError, OSError):
            # Nothing moved: then it is as finished as it was before, and need not be rebuilt next time.
            if self._look().distributions == before and observed.state.receipt is not None:
                self._write_receipt(observed.state.receipt)
            elif self._look().distributions == before:
                act_as(self.account, lambda: remove_tree(f"{self.path}/{FILE_NAME}"))
            raise
        remove_as(self.actor, self.aside)
        self._finish(before=before)

    @contextlib.contextmanager
    def _putting_back(self, scratch: str) -> Iterator[None]:
        """Have the environment be what it was when the body fails, where its installer does not see to that itself."""
        kept, leave_out = f"{scratch}/kept", (SCRATCH_NAME, FILE_NAME)
        keeps = not self.installer.puts_back and act_as(self.account, lambda: keep_by_links(self.path, kept, leave_out))
        try:
            yield
        except (ProvisionError, OSError):
            if keeps:
                act_as(self.account, lambda: put_back_kept(kept, self.path, leave_out))
            raise

    def _install(self, work: Workplace, request: InstallRequest) -> None:
        """Install; what only serves to keep versions is given up when the index cannot do it any more."""
        if request.is_empty:
            return
        prepared = self.installer.prepare(work, self.path, self._look().distributions)
        if prepared is not None:
            self._run(work, prepared, f"Putting {self.installer.name} into {self.path}")
        what = f"Installing into {self.path}"
        try:
            self._run(work, self.installer.install(work, self.path, request), what)
        except CommandFailed as error:
            # What took too long would do so again.
            if error.status is None or not (request.pins or request.also):
                raise
            plain = replace(request, pins=(), also=())
            if not plain.is_empty:
                self._run(work, self.installer.install(work, self.path, plain), what)
            self.warnings.append(
                f"{self.path}: not every version of before could be kept; what is declared is installed."
            )

    def _remove_others(self, work: Workplace) -> None:
        """Leave what was asked for and its dependencies alone in the environment (state exact)."""
        installed = dict(self._look().distributions)
        wanted: Mapping[str, str] = {}
        plain = InstallRequest(
            self.entry, pins=pins_of(from_index(self.host, site_packages(self.host, self.path, ""), installed))
        )
        if self.entry.lock:
            wanted = {one.name: one.version for one in load("pylock").locked_packages(work, self.entry, self.path)}
        elif not plain.is_empty:
            prepared = self.installer.resolve(work, self.path, plain, everything=True)
            done = self._run(work, prepared, f"Resolving for {self.path}")
            wanted = self.installer.read_resolution(done).packages
        extras = tuple(sorted(name for name in installed if name not in wanted and name not in SEEDS))
        if extras:
            self._run(work, self.installer.uninstall(work, self.path, extras), f"Removing from {self.path}")

    def _run(self, work: Workplace, prepared: Prepared, what: str) -> Completed:
        return run_prepared(work, prepared, what, self.secrets, self.installer)

    def _look(self) -> VenvState:
        return observe_venv(self.host, self.path, Interpreters(self.host))

    def _finish(self, before: Mapping[str, str]) -> None:
        """Write the record of a finished run, the last thing that happens to an environment."""
        state = self._look()
        request = read_request(self.host, self.entry)
        previous = self.observed.state.receipt
        # What somebody else put there before is not what satisfied the request.
        foreign = {name for name in before if previous is not None and name not in previous.packages}
        asked = {*request.names, *(load("pylock").names_in(self.host, self.entry) if self.entry.lock else ())}
        packages = {
            name: version
            for name, version in state.distributions.items()
            if name in asked or not (name in SEEDS or (name in foreign and before.get(name) == version))
        }
        base = self.host.resolve(f"{self.path}/bin/python")
        identity = identify_interpreter(self.host, state.base or base, state.version)
        hashes = self.entry.checks_hashes and self.verified
        self._write_receipt(Receipt(request.digest, identity, packages, self.installer.name, hashes=hashes))

    def _write_receipt(self, receipt: Receipt) -> None:
        write_atomically(f"{self.path}/{FILE_NAME}", receipt.to_json(), account=self.account)
