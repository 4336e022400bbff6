# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments that do not work any more, or run a Python that nobody repairs any more."""

from __future__ import annotations

import shlex
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

from ..desired import validate
from ..errors import InvalidState, printable
from ..host import Host
from ..own_programs import find_uv
from ..pipx import METADATA_NAME, reinstall_by_hand
from ..receipt import FILE_NAME
from ..seeds import pins_of, without_seeds
from ..venv import HALF_BUILT, VenvState, parse_pyvenv_cfg
from .end_of_life import ended_in
from .finding import Found, Repair, Rule
from .survey import Survey

#: What programs that make environments put into one; wheels may add etc and share.
_OWN_ENTRIES = frozenset(
    {
        *("bin", "include", "lib", "lib64", "share", "etc", "man", "pyvenv.cfg", FILE_NAME),
        *(".gitignore", "CACHEDIR.TAG", ".lock", "pip-selfcheck.json"),
    }
)
_OWN_PYTHON_DIRECTORIES = ("/usr/bin/", "/usr/libexec/")
#: How many packages a command to type names.
_MOST_TYPED = 20


def _broken(survey: Survey) -> Iterator[Found]:
    for state in survey.venvs:
        if survey.is_out_of_time:
            survey.leave_unread("the environments that were not judged yet", "the time budget was used up")
            return
        problem = _problem(survey, state)
        if problem:
            yield _found(survey, state, problem)


def _problem(survey: Survey, state: VenvState) -> str:
    """Say why an environment is broken, "" where it is not or where that cannot be told."""
    host = survey.host
    if state.build and state.kind in ("missing", "other"):
        return f"it is a link to its build {state.build}, which is gone"
    if state.kind != "venv":
        survey.leave_unread(printable(state.path), "its pyvenv.cfg is no file that this account can read")
        return ""
    if not state.problem:
        recorded = state.receipt.packages if state.receipt is not None else {}
        gone = ", ".join(sorted(name for name in recorded if name not in state.distributions))
        return f"{gone}, which its record names, is missing in it" if gone else ""
    if not host.is_executable(state.base) and _is_hidden(host, state.base):
        survey.leave_unread(printable(state.path), f"this account cannot see its interpreter {printable(state.base)}")
        return ""
    return "" if _is_meant_to_be_empty(host, state) else state.problem


def _is_hidden(host: Host, path: str) -> bool:
    """Say whether what is at a path cannot be seen for missing rights."""
    parts = path.split("/")
    for length in range(len(parts) - 1, 0, -1):
        folder = "/".join(parts[:length]) or "/"
        if host.lstat(folder) is not None:
            return host.is_dir(folder) and host.entries_in(folder, 1) is None
    return False


def _is_meant_to_be_empty(host: Host, state: VenvState) -> bool:
    """Say whether an environment that has nothing in it was made so, or emptied: venv writes activate after pip."""
    return state.problem == HALF_BUILT and host.is_file(f"{state.path}/bin/activate")


def _found(survey: Survey, state: VenvState, problem: str) -> Found:
    host, subject = survey.host, printable(state.path)
    who = host.account_by_uid(state.uid).name if state.uid >= 0 else "nobody"
    made = f"made by {state.made_by}" + (f" with Python {state.version}" if state.version else "")
    evidence = f"{subject} ({made}, owner {who}): {problem}."
    if state.receipt is not None:
        evidence += " It has a record of this project."
    obstacle = _obstacle(host, state)
    if obstacle:
        return Found(subject, evidence, obstacle)
    python = survey.python_like(state.release)
    packages = pins_of(dict(state.kept))
    arguments: Dict[str, object] = {"path": state.path, "state": "present", "packages": list(packages)}
    if python:
        arguments["python"] = python
    if state.system_site_packages:
        arguments["system_site_packages"] = True
    lacking = _lacking_package(survey, python)
    remedy = f"By hand: {f'{lacking}; then ' if lacking else ''}{_commands(survey, state, who, python, packages)}"
    if state.receipt is not None:
        remedy = f"The next run of the playbook that declares it brings it back. {remedy}"
    # The module installs no OS packages.
    can_be_made = bool(find_uv(host)) or not lacking
    return Found(subject, evidence, remedy, _repairs(state, arguments) if can_be_made else ())


def _repairs(state: VenvState, arguments: Mapping[str, object]) -> Tuple[Repair, ...]:
    try:
        validate({"python_venvs": [arguments]})
    except InvalidState:
        # Not every directory is one in which the module makes environments: /opt itself, say.
        return ()
    return (Repair("venv", arguments, (state.path,)),)


def _obstacle(host: Host, state: VenvState) -> str:
    """Say what has to be done instead where a rebuild would not bring back what was there, "" where it would."""
    subject = printable(state.path)
    if subject != state.path:
        return "Its path has characters that no command should be given: rename it first."
    if state.build:
        return (
            "The next run of the playbook that declares it makes a new build. To go back to the build before:"
            " state: rolled_back."
        )
    names = host.names_in(state.path)
    if METADATA_NAME in names:
        home, __, name = state.path.rpartition("/venvs/")
        return f"It is a tool of pipx in a home of its own. As its owner: {reinstall_by_hand(name, home=home)}"
    if "uv-receipt.toml" in names:
        return f"It is a tool of uv: as its owner, install {shlex.quote(state.path.rpartition('/')[2])} again with uv."
    if state.receipt is not None and state.receipt.unfinished and not state.kept:
        return (
            "Run the playbook that declares it again: it was never finished, and only that knows what is to be in it."
        )
    lost = sorted(set(without_seeds(state.distributions)) - set(state.kept))
    if lost:
        return (
            f"No index has {', '.join(lost)}, which came from a path or a URL, so nothing else than whoever installed"
            " it can bring that back. Make it anew from there, with its packages as they are listed in it."
        )
    others = sorted(set(names) - _OWN_ENTRIES)
    if others:
        listed = printable(", ".join(others[:5]))
        return (
            f"There is more in it than an environment has ({listed}), and whoever makes it anew removes that: move it"
            " out first."
        )
    return ""


def _commands(survey: Survey, state: VenvState, who: str, python: str, packages: Tuple[str, ...]) -> str:
    path = shlex.quote(state.path)
    name = f"python{python or '3'}"
    site = " --system-site-packages" if state.system_site_packages else ""
    commands = [f"mv {path} {path}.broken", f"{name} -m venv{site} {path}"]
    if len(packages) <= _MOST_TYPED:
        commands += [f"{path}/bin/pip install {' '.join(map(shlex.quote, packages))}"] if packages else []
    else:
        commands.append(f"{path}/bin/pip install the {len(packages)} packages that {path}.broken has in its lib")
    text = " && ".join(commands)
    return text if who == survey.host.caller.name else f"as {who}, {text}"


def _lacking_package(survey: Survey, python: str) -> str:
    """Return the command that gives the distribution's interpreter what it makes environments with, "" if it has it."""
    own = survey.interpreters.select(python)
    if own is None or own.can_create_venv or own.origin != "distribution":
        return ""
    package = survey.distribution.venv_package(own.release, is_default=not python, implementation=own.implementation)
    return survey.distribution.install_hint((package,)) if package else ""


def _past_end_of_life(survey: Survey) -> Iterator[Found]:
    host = survey.host
    own = _own_pythons(host)
    for state in (*survey.venvs, *(tool.state.venv for tool in survey.tools)):
        works = state.is_usable or _is_meant_to_be_empty(host, state)
        if not works or state.base in own or _is_no_cpython(host, state):
            continue
        ended = ended_in(state.version, host.clock())
        if ended is None:
            continue
        since = f"since {ended}" if ended else "any more, for years"
        subject = printable(state.path)
        yield Found(
            subject,
            f"{subject} runs Python {state.version} ({printable(state.base)}), which gets no security fixes {since}.",
            f"Make it anew with a newer Python, once what is in it is known to work with that: {_anew(survey, state)}"
            " Nothing does that by itself.",
        )


def _own_pythons(host: Host) -> List[str]:
    """Return the files of the Pythons that the distribution's own programs run with: it looks after these."""
    found = (host.resolve(path) for path in ("/usr/bin/python3", "/usr/libexec/platform-python"))
    return [path for path in found if path.startswith(_OWN_PYTHON_DIRECTORIES)]


def _is_no_cpython(host: Host, state: VenvState) -> bool:
    """Say whether it runs an implementation whose versions are not supported for as long as CPython's are."""
    named = (_cfg(host, state).get("implementation", "").lower(), state.base.rpartition("/")[2])
    return any(name.startswith(("pypy", "graalpy")) for name in named)


def _cfg(host: Host, state: VenvState) -> Mapping[str, str]:
    return parse_pyvenv_cfg(host.read_text(f"{state.path}/pyvenv.cfg", follow=False) or "")


def _anew(survey: Survey, state: VenvState) -> str:
    newer = _newest(survey)
    path = shlex.quote(state.path)
    if any(tool.state.venv is state for tool in survey.tools):
        home, __, name = state.path.rpartition("/venvs/")
        return f"as its owner, {reinstall_by_hand(name, home=home, python=newer or 'PYTHON')}."
    named = f'python: "{newer}"' if newer else "python set to a newer one"
    if state.receipt is not None:
        return f"declare it with {named} and run the playbook."
    return (
        f"mv {path} {path}.old && {f'python{newer}' if newer else 'PYTHON'} -m venv {path}, and install its packages."
    )


def _newest(survey: Survey) -> Optional[str]:
    """Return the newest release of a CPython on this host that is given fixes, ``None`` where there is none."""
    found = [
        one.release
        for one in survey.system_interpreters
        if one.implementation == "cpython" and ended_in(one.version, survey.host.clock()) is None
    ]
    return max(found, key=lambda release: tuple(map(int, release.split("."))), default=None)


RULES = (
    Rule(
        "EM401",
        "A virtual environment is broken",
        "error",
        "pyvenv.cfg, bin/python, site-packages and records of environments below the roots, 6 directories deep. Links,"
        " network file systems, caches and the storage of containers are not entered. What only a container runs looks"
        " broken from its host: leave such directories out of the roots.",
        "Its programs do not start, or start without their packages: after an upgrade of the system's Python, after an"
        " interpreter was removed, or where making it failed half-way and left something that looks complete.",
        _broken,
    ),
    Rule(
        "EM402",
        "A virtual environment runs a Python past its end of life",
        "warning",
        "the interpreters of environments below the roots and of tools, and the months in which CPython's releases"
        " cease to be supported. The distribution's own python3 is never reported, however old: its distribution gives"
        " it fixes for as long as the release is supported.",
        "Nobody repairs security holes in it any more, and packages cease to support it.",
        _past_end_of_life,
    ),
)
