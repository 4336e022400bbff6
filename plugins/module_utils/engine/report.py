# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's Python looks like, as one report: interpreters, markers, pips, overrides, pipx and uv."""

from __future__ import annotations

import os
from typing import Dict, Iterator, List, Optional, Sequence

from .better_ways import better_ways, packages_of
from .distro import Distribution, observe_distribution
from .errors import InvalidState
from .explain import explain
from .host import Host
from .interpreter import Interpreter, Interpreters, well_known_directories
from .origin import Origin, weigh_owner
from .os_packages import available_packages
from .own_programs import find_uv, own_program_entry
from .package_owner import package_owners
from .pip_call import OTHER_CALLS
from .pip_config import read_override
from .pip_facts import observe_pip_facts
from .pip_policy import predict
from .pip_program import PipProgram, observe_pip_programs
from .pipx import find_pipx
from .requirement import RequirementError, parse_spec


def report_host(host: Host, named: Sequence[str] = (), packages: Sequence[str] = ()) -> Dict[str, object]:
    """Return what ``python_info`` returns, as its documentation describes it; reads only.

    ``named`` are absolute paths of further interpreters, or of directories with bin/python3 in them; ``packages`` are
    requirements for which the explanation is to name the ways. Raises InvalidState for those that are none.
    """
    problems = [f"interpreters: {path!r} is not an absolute path" for path in named if not path.startswith("/")]
    problems += _refused(packages)
    if problems:
        raise InvalidState(problems)
    interpreters = Interpreters(host)
    elsewhere = [*_programs_of(host, named), *_well_known(host, interpreters)]
    found = interpreters.discover(elsewhere=elsewhere)
    unusable = dict(interpreters.failures)
    distribution = observe_distribution(host)
    reported = [_report_interpreter(host, one) for one in found]
    pip_programs = observe_pip_programs(host, interpreters)
    explained = _own_python(interpreters, found)
    origin = next((str(one["origin"]) for one in reported if explained and one["path"] == explained.path), "")
    return {
        "host": distribution.as_dict(),
        "explanation": _explain(host, distribution, explained, origin, pip_programs, packages),
        "interpreters": reported,
        "unusable": [{"path": path, "reason": reason} for path, reason in unusable.items()],
        "pip_commands": [
            {"name": one.name, "path": one.path, "interpreter": one.interpreter, "warning": one.warning}
            for one in pip_programs
        ],
        "pipx": [
            {"path": one.path, "version": one.version} for one in find_pipx(host, own_program_entry(host, "pipx").path)
        ],
        "uv": find_uv(host),
    }


def _refused(packages: Sequence[str]) -> Iterator[str]:
    for position, text in enumerate(packages):
        try:
            parse_spec(text)
        except RequirementError as error:
            yield f"packages[{position}]: {error}"


def _own_python(interpreters: Interpreters, found: Sequence[Interpreter]) -> Optional[Interpreter]:
    """Return the host's own python3, as it was found with its pip."""
    default = interpreters.default()
    if default is None:
        return None
    same = (one for one in found if one.real_path == default.real_path and not one.is_venv)
    return next(same, None) or interpreters.probe(default.path, with_site=True)


def _explain(
    host: Host,
    distribution: Distribution,
    interpreter: Optional[Interpreter],
    origin: str,
    programs: Sequence[PipProgram],
    names: Sequence[str],
) -> str:
    if interpreter is None:
        return explain(distribution, None, None)
    # To ask the repositories takes the package manager's time; an example that nobody asked for is not worth it.
    available = available_packages(host, distribution, packages_of(distribution, names)) if names else {}
    is_own_python = (origin or interpreter.origin) == "distribution"
    ways = better_ways(distribution, names, available=available, is_own_python=is_own_python)
    facts = observe_pip_facts(host, interpreter)
    return explain(distribution, interpreter, facts, ways, origin=origin, programs=programs)


def _programs_of(host: Host, named: Sequence[str]) -> Iterator[str]:
    for path in named:
        yield f"{path.rstrip('/')}/bin/python3" if host.is_dir(path) else path


def _well_known(host: Host, interpreters: Interpreters) -> List[str]:
    return [path for folder in well_known_directories(host) for path in interpreters.names_of_python(folder)]


def _report_interpreter(host: Host, interpreter: Interpreter) -> Dict[str, object]:
    facts = observe_pip_facts(host, interpreter)
    marker, pip = facts.marker, facts.pip
    override, predicted = read_override(facts.configuration), predict(facts)
    origin = Origin(interpreter.origin, interpreter.origin_evidence)
    if origin.name != "venv":
        # Packages of a Python have its name in theirs, whatever comes before and after it.
        hint = "pypy" if "pypy" in os.path.basename(interpreter.real_path) else "python"
        origin = weigh_owner(origin, interpreter.real_path, package_owners(host, interpreter.real_path, hint))
    return {
        "path": interpreter.path,
        "real_path": interpreter.real_path,
        "version": interpreter.version,
        "implementation": interpreter.implementation,
        "origin": origin.name,
        "origin_evidence": origin.evidence,
        "externally_managed": marker.blocks and not interpreter.is_venv,
        "marker": {"path": marker.path, "state": marker.state, "message": marker.message},
        "pip": {
            "version": pip.version,
            "path": pip.path,
            "checks_marker": pip.checks_marker,
            "has_override_flag": pip.has_override_flag,
        }
        if pip is not None
        else None,
        "override": {"value": override.value, "source": override.source},
        "can_create_venv": interpreter.can_create_venv,
        "system_install": predicted.outcome,
        "reason": predicted.reason,
        "decided_by": predicted.decided_by,
        "calls": {call.text: predict(facts, call).outcome for call in OTHER_CALLS},
    }
