# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the steps of a plan on the host: in order, environments and tools side by side, as they are independent.

A step that fails stops what comes after it, and nothing that is beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Dict, List, Optional

from .apply_venv import VenvRun
from .desired import Desired
from .distro import observe_distribution
from .errors import ProvisionError, raise_all
from .host import Host
from .look import make_site_inquiry
from .observe import observe
from .parts import load
from .plan import plan as make_plan
from .side_by_side import Job, run_side_by_side
from .steps import Plan, VenvStep

if TYPE_CHECKING:
    from .apply_tool import ToolRun


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
            run = load("apply_system_pip").SystemPipRun
            for system_pip_step in plan.system_pip:
                run(self.host, self.desired, system_pip_step).take()
        for own_step in plan.own:
            # pipx and uv, which the others are made with.
            self.warnings += self._take_venv(own_step)
        ended = run_side_by_side(self._jobs(plan), self.host.processors)
        for one in ended:
            self.warnings += one.result or []
        self._put_on_login_paths(plan)
        raise_all([one.error for one in ended if one.error is not None])
        self._verify()

    def _jobs(self, plan: Plan) -> List[Job[List[str]]]:
        """Return what is done side by side; each job returns its warnings.

        What takes longest to wait for comes first: the tool whose pipx makes what it shares with the others.
        """
        tools = self._tool_runs(plan)
        preparing = {run.home_to_prepare: run for run in reversed(tools) if run.home_to_prepare}
        positions = {home: position for position, home in enumerate(preparing)}
        jobs = [self._tool_job([run], None) for run in preparing.values()]
        places: Dict[str, int] = {}
        for step in plan.venvs:
            path = step.observed.entry.path
            around = [place for other, place in places.items() if _is_inside(path, other) or _is_inside(other, path)]
            places[path] = len(jobs)
            jobs.append(self._venv_job(step, around[-1] if around else None))
        for group in self._in_calls([run for run in tools if run not in preparing.values()]):
            jobs.append(self._tool_job(group, positions.get(group[0].home_to_prepare)))
        return jobs

    def _venv_job(self, step: VenvStep, after: Optional[int]) -> Job[List[str]]:
        return Job(lambda: self._take_venv(step), after)

    def _take_venv(self, step: VenvStep) -> List[str]:
        warnings: List[str] = []
        run = VenvRun if step.observed.builds is None else load("apply_builds").VersionedRun
        run(self.host, self.desired, step, warnings).take()
        return warnings

    def _tool_runs(self, plan: Plan) -> "List[ToolRun]":
        if not plan.tools:
            return []
        from .apply_tool import ToolRun  # noqa: PLC0415  # only where there are tools

        return [ToolRun(self.host, self.desired, step, []) for step in plan.tools]

    def _in_calls(self, runs: "List[ToolRun]") -> "List[List[ToolRun]]":
        if not runs:
            return []
        from .apply_tool import in_calls  # noqa: PLC0415  # as above

        return in_calls(runs, self.host.processors)

    def _tool_job(self, runs: "List[ToolRun]", after: Optional[int]) -> Job[List[str]]:
        from .apply_tool import take_together  # noqa: PLC0415  # as above

        def take() -> List[str]:
            take_together(runs)
            return [warning for run in runs for warning in run.warnings]

        return Job(take, after)

    def _put_on_login_paths(self, plan: Plan) -> None:
        """Put the directory of each account's tools on its PATH, once for an account, where a tool is there now."""
        missing = {}
        for step in plan.tools:
            login_path = step.observed.login_path
            if login_path is not None and not login_path.is_set and step.action != "remove":
                missing[login_path.account.name] = login_path
        if missing:
            from .login_path import put_on_login_path  # noqa: PLC0415  # as above
        for login_path in missing.values():
            put_on_login_path(self.host, login_path)

    def _protect(self, plan: Plan) -> None:
        if plan.markers:
            markers = [step.marker for step in plan.markers]
            self.warnings += load("marker_restore").take_restoration(
                self.host, markers, lock_timeout=self.desired.lock_timeout
            )
        for config_step in plan.pip_configs:
            part = load("pip_conf")
            # As it is now: what was planned may be a while ago.
            change = part.foresee_config(config_step.wanted, self.host)
            if change.changed:
                part.write_config(change, self.host)

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


def _is_inside(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")
