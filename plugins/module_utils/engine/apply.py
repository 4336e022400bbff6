# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the steps of a plan on the host, one after the other, and stops at the first that fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List

from .apply_venv import VenvRun
from .desired import Desired
from .distro import observe_distribution
from .errors import ProvisionError
from .host import Host
from .look import make_site_inquiry
from .observe import observe
from .plan import plan as make_plan
from .steps import Plan


@dataclass
class Applier:
    """Applies plans of one declared state to one host. ``warnings`` collects what the user should know afterwards."""

    desired: Desired
    host: Host
    warnings: List[str] = field(default_factory=list)

    def apply(self, plan: Plan) -> None:
        """Take every step except for the OS packages, which the front-end installs before.

        Raises ProvisionError when one fails, or when the plan holds refusals or packages that are not there yet.
        """
        if plan.refusals:
            raise ProvisionError("\n".join(str(refusal) for refusal in plan.refusals))
        if plan.packages:
            names = tuple(step.name for step in plan.packages)
            needs = "; ".join(f"{step.name}: {', '.join(step.reasons)}" for step in plan.packages)
            hint = observe_distribution(self.host).install_hint(names)
            raise ProvisionError(
                f"OS packages are missing ({needs}).",
                advice=f"The role and pyinfra's operations install them; or run: {hint}",
            )
        self._protect(plan)
        if plan.system_pip:
            from .apply_system_pip import SystemPipRun  # noqa: PLC0415  # few hosts have any

            for system_pip_step in plan.system_pip:
                SystemPipRun(self.host, self.desired, system_pip_step).take()
        for venv_step in (*plan.own, *plan.venvs):
            VenvRun(self.host, self.desired, venv_step, self.warnings).take()
        if plan.tools:
            from .apply_tool import ToolRun  # noqa: PLC0415  # only where there are tools
        for tool_step in plan.tools:
            ToolRun(self.host, self.desired, tool_step, self.warnings).take()
        self._verify()

    def _protect(self, plan: Plan) -> None:
        if plan.markers:
            from .marker_restore import take_restoration  # noqa: PLC0415  # seldom needed

            markers = [step.marker for step in plan.markers]
            self.warnings += take_restoration(self.host, markers, lock_timeout=self.desired.lock_timeout)
        for config_step in plan.pip_configs:
            from .pip_conf import foresee_config, write_config  # noqa: PLC0415  # as above

            # As it is now: what was planned may be a while ago.
            change = foresee_config(config_step.wanted, self.host)
            if change.changed:
                write_config(change, self.host)

    def _verify(self) -> None:
        """Hold the law: what was applied leaves nothing to do."""
        inquire = make_site_inquiry(self.desired, self.host)
        left = make_plan(self.desired, observe(self.desired, self.host, inquire_site=inquire))
        if not left.is_empty:
            what = [f"{step.action} {step.kind} {step.name}: {', '.join(step.reasons)}" for step in left.steps]
            what += [str(refusal) for refusal in left.refusals]
            raise ProvisionError(
                f"Every step ended without an error, and still something differs: {'; '.join(what)}.",
                advice="Something else may be changing this host; if a second run says the same, please report it.",
            )
