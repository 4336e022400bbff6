# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pips that are not what whoever types ``pip`` takes them for."""

from __future__ import annotations

import posixpath
import shlex
from typing import Dict, Iterator, Optional, Tuple

from ..interpreter import Interpreter
from ..package_owner import package_owners
from ..pip_config import VARIABLE
from ..pip_facts import observe_pip_facts
from ..pip_program import PipProgram, observe_pip_programs
from ..pip_release import CHECKS_MARKER_SINCE, OVERRIDE_SINCE, Pip
from .finding import Found, Rule
from .survey import Survey


def _of_another_interpreter(survey: Survey) -> Iterator[Found]:
    programs: Dict[str, PipProgram] = {}
    for program in observe_pip_programs(survey.host, survey.interpreters, outside_environments=True):
        programs.setdefault(program.path, program)
    default = survey.interpreters.default()
    for path, program in programs.items():
        if not program.interpreter:
            survey.leave_unread(
                path, "its first line names no Python, so where it installs shows only when it is started"
            )
        elif program.warning:
            instead = f"Call {default.path} -m pip for the host's own python3. " if default is not None else ""
            remedy = f"{instead}Unless this one is meant, {_way_out(survey, path)}"
            evidence = f"{program.name} is found as {path} first. {program.warning}"
            yield Found(path, evidence, remedy)


def _upstream(survey: Survey) -> Iterator[Found]:
    for interpreter in survey.system_interpreters:
        pip = interpreter.pip
        if pip is None or interpreter.origin != "distribution" or not interpreter.hidden_pips:
            continue
        hidden = _packaged(survey, interpreter, pip)
        if hidden is None:
            continue
        beneath, package = hidden
        evidence = (
            f"{interpreter.path} imports {pip.title} from {pip.path}, which no package owns; {beneath.title} of the "
            f"package {package} in {beneath.path} comes after it on its path."
        )
        remedy = (
            f"Remove it, and the distribution's is back: {_removal(interpreter, pip)} (no module does it, as a pip "
            "would have to remove itself, and what was installed with it stays)"
        )
        yield Found(pip.path, evidence, remedy)


def _packaged(survey: Survey, interpreter: Interpreter, first: Pip) -> Optional[Tuple[Pip, str]]:
    """Return the pip of a package that the first one, of no package, hides, and that package."""
    host = survey.host
    if package_owners(host, f"{host.resolve(first.path)}/__init__.py", "pip") != ():
        return None
    for one in interpreter.hidden_pips:
        if host.resolve(one.path) == host.resolve(first.path):
            continue
        owners = package_owners(host, f"{host.resolve(one.path)}/__init__.py", "pip")
        if owners:
            return one, owners[0]
    return None


def _too_old(survey: Survey) -> Iterator[Found]:
    for interpreter in survey.system_interpreters:
        facts = observe_pip_facts(survey.host, interpreter)
        pip = facts.pip
        if pip is None or not pip.version or not facts.marker.blocks or pip.has_override_flag:
            continue
        if pip.checks_marker:
            what = f"checks the marker and cannot be overridden, not even where that is meant (pip {OVERRIDE_SINCE})"
        else:
            what = f"does not know the marker, and installs in spite of it (pip {CHECKS_MARKER_SINCE})"
        evidence = f"{pip.title} in {pip.path}, of {interpreter.path}, {what}. The marker is {facts.marker.path}."
        yield Found(interpreter.path, evidence, f"{_newer(survey, interpreter)}{_removal(interpreter, pip)}")


def _way_out(survey: Survey, path: str) -> str:
    owners = package_owners(survey.host, path, "pip")
    if owners:
        folder = posixpath.dirname(path)
        return f"put {folder} behind the distribution's directories in PATH: the package {owners[0]} owns it"
    return f"remove it: rm {shlex.quote(path)}"


def _newer(survey: Survey, interpreter: Interpreter) -> str:
    package = survey.distribution.pip_package() if interpreter.origin == "distribution" else ""
    if not package:
        return "Have whoever manages this Python bring a newer one, or remove it: "
    return f"Have the distribution's ({survey.distribution.install_hint((package,))}), and remove this one: "


def _removal(interpreter: Interpreter, pip: Pip) -> str:
    """Return the command that removes a pip: its own, unless that would refuse over the marker whatever is asked."""
    if pip.checks_marker and not pip.has_override_flag:
        record = f"{posixpath.dirname(pip.path)}/pip-{pip.version}.dist-info"
        return f"rm -r {shlex.quote(pip.path)} {shlex.quote(record)}"
    return f"{VARIABLE}=1 {shlex.quote(interpreter.path)} -m pip uninstall pip"


RULES = (
    Rule(
        "EM301",
        "The pip on PATH belongs to another interpreter",
        "warning",
        "The first pip and pip3 on the search path, and the interpreter that each names in its first line.",
        "What it installs is not there for the host's own python3, and what that imports is not what pip lists.",
        _of_another_interpreter,
    ),
    Rule(
        "EM302",
        "An upstream pip shadows the distribution's",
        "warning",
        "Every pip on the path of the distribution's own interpreters, and the package database.",
        "It lacks the distribution's changes: upstream's removes files that the package manager owns when it upgrades "
        "a distribution, where the packaged one refuses or leaves them alone.",
        _upstream,
    ),
    Rule(
        "EM303",
        "A pip is too old to check the marker or to override it",
        "info",
        "The version of each system interpreter's pip, where the interpreter is marked: the marker is checked since "
        f"pip {CHECKS_MARKER_SINCE}, and can be overridden since pip {OVERRIDE_SINCE}.",
        "An older pip installs into the system as if there were no marker; pip 23.0 refuses even what is meant.",
        _too_old,
    ),
)
