# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the step for one entry of ``python_system_pip``: pip installs or removes what was asked and foreseen."""

from __future__ import annotations

from .desired import Desired
from .errors import ProvisionError
from .host import Host
from .installer import Prepared
from .installer_pip import PipInstaller
from .installer_pip_site import SitePip
from .scratch import scratch_directory
from .steps import SystemPipStep
from .system_pip_inquiry import site_pip
from .work import run_prepared


class SystemPipRun:
    """Takes one step of pip in an interpreter's own site."""

    def __init__(self, host: Host, desired: Desired, step: SystemPipStep) -> None:
        self.host, self.desired, self.step = host, desired, step
        self.observed, self.entry = step.observed, step.observed.entry

    def take(self) -> None:
        if self.observed.answer is None:
            raise ProvisionError(f"What pip would do about {self.entry.label} was not asked, so it is not done.")
        with scratch_directory(self.observed.account) as scratch:
            pip = site_pip(self.desired, self.host, self.observed, scratch)
            if self.step.action == "remove":
                names = [one.name for one in self.observed.unmet]
                self._run(pip, pip.uninstall(names), f"Removing {self.entry.label}")
                return
            self._give_pip(pip)
            self._run(pip, pip.install(), f"Installing {self.entry.label}")

    def _give_pip(self, pip: SitePip) -> None:
        """Put pip into an environment that was made without one, by uv for example."""
        interpreter = pip.interpreter
        if interpreter.is_venv and interpreter.pip is None:
            prepared = PipInstaller().prepare(pip.work, interpreter.prefix, {})
            if prepared is not None:
                self._run(pip, prepared, f"Putting pip into {interpreter.prefix}")

    def _run(self, pip: SitePip, prepared: Prepared, what: str) -> None:
        run_prepared(pip.work, prepared, what, self.desired.secrets, PipInstaller())
