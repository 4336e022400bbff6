# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What serves better than pip in the system's Python: the distribution's package, an environment, a tool of its own."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote

from .distro import Distribution
from .redact import MASK, redact
from .requirement import Requirement, RequirementError, parse_spec

#: Where environments for an administrator's own use go here; "/opt" is for software beside the distribution's (FHS).
ENVIRONMENTS = "/opt/venvs"
#: A library and a command that nearly every reader knows, for an explanation that is about nothing in particular.
_EXAMPLE_LIBRARY, _EXAMPLE_TOOL = Requirement("requests"), Requirement("black")
_CREDENTIALS_LEFT_OUT = f"{MASK} stands for credentials: an index takes them from python_index_username and _password."


@dataclass(frozen=True)
class Way:
    """One way to have something without pip in the system's Python.

    ``title`` is a short phrase, ``text`` one or two sentences on what it is for here, ``task`` Ansible tasks as YAML to
    paste and ``command`` what an administrator types, a line each, "" where there is none.
    """

    title: str
    text: str
    task: str = ""
    command: str = ""


def better_ways(
    distribution: Distribution,
    names: Sequence[str] = (),
    *,
    available: Optional[Mapping[str, bool]] = None,
    is_own_python: bool = True,
    python_version: str = "",
) -> Tuple[Way, ...]:
    """Return the ways to have ``names`` on a host of this distribution, the best first; without credentials.

    ``names`` are requirements, URLs or absolute paths as pip takes them; what is none of these, or does not tell its
    name, is in no task. Without names the ways are general, with an example. ``available`` says of packages whether the
    repositories have them (see ``available_packages``); of others nothing is known, and they count as there.
    ``is_own_python`` says that it is about the host's own python3; ``python_version`` is the version of another.
    """
    asked = _read(names)
    python = "" if is_own_python else ".".join(python_version.split(".")[:2])
    packaged = _packaged(distribution, asked or (_EXAMPLE_LIBRARY,), available or {})
    environment = _as_environment(distribution, asked, python, is_own_python=is_own_python)
    tool = _as_tool(distribution, asked)
    if not packaged:
        return environment, tool
    package = _as_package(distribution, asked, packaged, is_own_python=is_own_python)
    if not is_own_python or len(packaged) < len(asked):
        return environment, tool, package
    # The distribution chooses the version and the options; whoever asks for some gets them from the index alone.
    return (environment, package, tool) if any(map(_wish_of, asked)) else (package, environment, tool)


def packages_of(distribution: Distribution, names: Sequence[str]) -> Tuple[str, ...]:
    """Return the distribution's packages that ``better_ways`` would name, for a look at the repositories."""
    packages = (distribution.library_package(one.name) for one in _read(names))
    return tuple(package for package in packages if package)


def ways_text(ways: Sequence[Way]) -> str:
    """Return the ways as numbered plain text for a message, with commands and tasks to paste below each."""
    lines: List[str] = []
    for number, way in enumerate(ways, start=1):
        lines.append(f"{number}. {way.title}")
        lines.append(f"   {way.text}")
        if way.command:
            lines.append("   By hand:")
            lines += [f"     {line}" for line in way.command.splitlines()]
        if way.task:
            lines.append("   As a task:")
            lines += [f"     {line}" for line in way.task.splitlines()]
    return "\n".join(lines)


def _read(names: Sequence[str]) -> Tuple[Requirement, ...]:
    """Return what is asked for as requirements, each name once: that is how an environment takes everything."""
    found: Dict[str, Requirement] = {}
    for name in names:
        try:
            spec = parse_spec(name)
        except RequirementError:
            continue
        if isinstance(spec, Requirement):
            found.setdefault(spec.name, spec)
        elif spec.name is not None:
            url = spec.url or f"file://{quote(spec.path or '')}"
            found.setdefault(spec.name, Requirement(spec.name, spec.extras, url=url))
    return tuple(found.values())


def _packaged(
    distribution: Distribution, asked: Sequence[Requirement], available: Mapping[str, bool]
) -> Mapping[str, str]:
    """Return the distribution's package for each of the names that it may have one of."""
    packages = {one.name: distribution.library_package(one.name) for one in asked}
    return {name: package for name, package in packages.items() if package and available.get(package, True)}


def _wish_of(requirement: Requirement) -> str:
    """Return what is asked for beyond the name: versions, extras, a URL."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{extras}{requirement.specifier}" + ("@" if requirement.url else "")


def _as_package(
    distribution: Distribution, asked: Sequence[Requirement], packaged: Mapping[str, str], *, is_own_python: bool
) -> Way:
    packages = tuple(dict.fromkeys(packaged.values()))
    listed = ", ".join(packages)
    title = f"the distribution's package{'s' if len(packages) > 1 else ''} {listed}"
    pronoun = "They are" if len(packages) > 1 else "It is"
    if not asked:
        title, pronoun = f"the distribution's packages, for example {listed}", "They are"
    text = f"For what the system's own Python is to import. {pronoun} updated along with the system."
    if any(map(_wish_of, asked)):
        wishes = ", ".join(f"{one.name}{one.specifier}" for one in asked if str(one.specifier))
        text += f" The version is the distribution's choice{f', whether that is {wishes} or not' if wishes else ''}."
    missing = [one.name for one in asked if one.name not in packaged]
    if missing:
        text += f" The repositories have none for {', '.join(missing)}."
    if not is_own_python:
        text += " Only the distribution's own Python sees what they bring, not this one."
    libraries = ", ".join(map(_quoted, packaged))
    task = (
        f"- name: Have {', '.join(packaged)} from the distribution\n"
        "  ansible.builtin.include_role:\n"
        "    name: pep668.provision.python\n"
        "  vars:\n"
        f"    python_libraries: [{libraries}]\n"
    )
    return Way(title, text, task, distribution.install_hint(packages))


def _as_environment(
    distribution: Distribution, asked: Sequence[Requirement], python: str, *, is_own_python: bool
) -> Way:
    wanted = asked or (_EXAMPLE_LIBRARY,)
    path = f"{ENVIRONMENTS}/{wanted[0].name}"
    specs = [one.redacted for one in wanted]
    names = ", ".join(one.name for one in wanted)
    title = f"a virtual environment, {'' if asked else 'for example '}{path}"
    text = f"For an application or a script: any version, apart from the system. It runs with {path}/bin/python."
    task = f"- name: Have {names} in an environment\n  pep668.provision.venv:\n"
    task += f"    path: {_quoted(path)}\n" + (f"    python: {_quoted(python)}\n" if python else "")
    task += f"    packages: [{', '.join(map(_quoted, specs))}]\n"
    needed = distribution.venv_package(distribution.python_version, is_default=True) if is_own_python else ""
    commands = [distribution.install_hint((needed,))] if needed else []
    commands += [
        f"python{python or '3'} -m venv {shlex.quote(path)}",
        f"{shlex.quote(path)}/bin/pip install {' '.join(map(shlex.quote, specs))}",
    ]
    return Way(title, _with_note(text, specs), task, "\n".join(commands))


def _as_tool(distribution: Distribution, asked: Sequence[Requirement]) -> Way:
    wanted = asked or (_EXAMPLE_TOOL,)
    specs = [one.redacted for one in wanted]
    names = ", ".join(one.name for one in wanted)
    occasion = "If it is a command you want to run" if asked else f"For a command you want to run, for example {names}"
    text = f"{occasion}: pipx gives it an environment of its own and puts it on the PATH."
    entries = (
        f"      - name: {_quoted(one.name)}\n" + (f"        spec: {_quoted(spec)}\n" if spec != one.name else "")
        for one, spec in zip(wanted, specs)
    )
    task = f"- name: Have {names} as a command\n  pep668.provision.tool:\n    tools:\n{''.join(entries)}"
    # Without a package of pipx the task brings one from the index; by hand that would be an environment to look after.
    commands = []
    if distribution.packages_pipx():
        commands = [distribution.install_hint((distribution.pipx_package(),))]
        commands += [f"pipx install {shlex.quote(spec)}" for spec in specs]
    return Way("a tool of its own", _with_note(text, specs), task, "\n".join(commands))


def _with_note(text: str, specs: Sequence[str]) -> str:
    return f"{text} {_CREDENTIALS_LEFT_OUT}" if any(MASK in spec for spec in specs) else text


def _quoted(text: str) -> str:
    """Return a string as YAML's double-quoted style, which is JSON's; one that looks like a template is none."""
    quoted = json.dumps(redact(text), ensure_ascii=False)
    return f"!unsafe {quoted}" if any(opening in text for opening in ("{{", "{%", "{#")) else quoted
