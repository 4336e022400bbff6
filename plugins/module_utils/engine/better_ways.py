# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does better than pip in a system's Python, spelled out for one host and ready to paste."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from typing import List, Mapping, Optional, Sequence, Tuple

from .distro import Distribution
from .redact import redact
from .requirement import RequirementError, parse_spec

#: What is taken where nothing is named.
_EXAMPLE = "requests"
_WIDTH = 100


@dataclass(frozen=True)
class Way:
    """One way: a title, a sentence or two, a task to paste, and what an administrator types; the last two may be ""."""

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
    """Return the ways for these requirements, the best first; without names, for an example.

    ``available`` says of OS packages whether the repositories have them (one that is not in it may be there).
    ``is_own_python`` says that it is about the distribution's own Python, which alone its libraries are for;
    ``python_version`` names another one ("3.12").
    """
    wanted = tuple(redact(name) for name in names) or (_EXAMPLE,)
    known = available or {}
    packages = {}
    for name in _names_of(wanted) if is_own_python else ():
        package = distribution.library_package(name)
        if package and known.get(package, True):
            packages[name] = package
    ways = [_environment(wanted, python_version), _tool(wanted, python_version)]
    if packages:
        ways.insert(0, _distribution(distribution, packages, is_sure=all(known.get(one) for one in packages.values())))
    return tuple(ways)


def _names_of(texts: Sequence[str]) -> List[str]:
    found = []
    for text in texts:
        try:
            name = parse_spec(text).name
        except RequirementError:
            continue
        if name and name not in found:
            found.append(name)
    return found


def _distribution(distribution: Distribution, packages: Mapping[str, str], *, is_sure: bool) -> Way:
    plural = "s" if len(packages) > 1 else ""
    text = "For what the system's own Python is to import; renewed with the system"
    text += "." if is_sure else f", where {distribution.name} packages it."
    task = (
        "- ansible.builtin.include_role:\n    name: pep668.provision.python\n  vars:\n"
        f"    python_libraries: {json.dumps(list(packages))}"
    )
    command = distribution.install_hint(tuple(packages.values()))
    return Way(f"The distribution's package{plural} {', '.join(packages.values())}", text, task, command)


def _environment(wanted: Sequence[str], python_version: str) -> Way:
    lines = ["- pep668.provision.venv:", "    path: /opt/NAME/.venv", f"    packages: {json.dumps(list(wanted))}"]
    lines += [f'    python: "{python_version}"'] if python_version else []
    python = f"python{python_version}" if python_version else "python3"
    return Way(
        "A virtual environment",
        "For an application or a script of your own, which runs with the environment's bin/python.",
        "\n".join(lines),
        f"{python} -m venv /opt/NAME/.venv",
    )


def _tool(wanted: Sequence[str], python_version: str) -> Way:
    entries = []
    for text in wanted:
        name = next(iter(_names_of([text])), "")
        if not name:
            continue
        spec = {} if name == text else {"spec": text}
        python = {"python": python_version} if python_version else {}
        entries.append(json.dumps({"name": name, **spec, **python}))
    lines = ["- pep668.provision.tool:", "    tools:", *(f"      - {entry}" for entry in entries)]
    return Way(
        "A tool of its own",
        "For a command to be typed: it gets an environment of its own and a link in /usr/local/bin.",
        "\n".join(lines) if entries else "",
        f"pipx install {_names_of(wanted)[0]}" if entries else "",
    )


def ways_text(ways: Sequence[Way]) -> str:
    """Return the ways as numbered plain text, with their tasks indented."""
    lines: List[str] = []
    for number, way in enumerate(ways, 1):
        lines += textwrap.wrap(f"{number}. {way.title}. {way.text}", _WIDTH, subsequent_indent="   ")
        if way.command:
            lines.append(f"   By hand: {way.command}")
        lines += [f"     {line}" for line in way.task.splitlines()]
    return "\n".join(lines)
