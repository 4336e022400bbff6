# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pip that comes with an interpreter, started from its wheel: it fills an environment that keeps no pip itself.

For an environment with one program in it. Neither ensurepip nor byte code is waited for, which is most of what pip
takes for a distribution or two.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, Optional

from .bundled_wheels import bundled_wheels
from .installer import Prepared, Workplace
from .installer_pip import REPORT_SINCE, PipInstaller
from .interpreter import Interpreter
from .pip_release import Pip
from .request import InstallRequest


class BundledPipInstaller(PipInstaller):
    """A wheel of pip beside the environment, or the pip inside of it where there is no wheel that runs by itself."""

    def create(
        self,
        work: Workplace,
        interpreter: Interpreter,
        path: str,
        *,
        system_site_packages: bool = False,
        with_pip: bool = True,
    ) -> Prepared:
        with_pip = with_pip and not _wheel(work, interpreter.path)
        return super().create(work, interpreter, path, system_site_packages=system_site_packages, with_pip=with_pip)

    def prepare(self, work: Workplace, venv: str, distributions: Mapping[str, str]) -> Optional[Prepared]:
        return None if _wheel(work, f"{venv}/bin/python") else super().prepare(work, venv, distributions)

    def install(self, work: Workplace, venv: str, request: InstallRequest) -> Prepared:
        prepared = super().install(work, venv, request)
        wheel = _wheel(work, f"{venv}/bin/python")
        if not wheel:
            return prepared
        python, isolated, __, __, install, *arguments = prepared.command.argv
        argv = (python, isolated, f"{wheel}/pip", install, "--no-compile", *arguments)
        return replace(prepared, command=replace(prepared.command, argv=argv))


def _wheel(work: Workplace, python: str) -> str:
    """Return the wheel of a pip that has all it needs in it; distributions took it apart before that release."""
    wheels = bundled_wheels(work.host, python)
    return next((wheel for version, wheel in wheels if Pip(version, "").is_at_least(REPORT_SINCE)), "")
