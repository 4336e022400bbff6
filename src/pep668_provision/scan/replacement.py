# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes the place of a call of pip: which of this collection's modules, and with which options."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..engine.better_ways import ENVIRONMENTS
from ..engine.requirement import Requirement, RequirementError
from .known_names import LIBRARIES, OF_PIP, TOOLS
from .pip_command import Asked

COLLECTION = "pep668.provision"
_VERSIONED = re.compile(r"\s*[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]{}]*\])?\s*(?:===|==|~=|!=|<=|>=|<|>)")
#: A project's directory as pip takes one, absolute or below the current one; extras may follow.
_DIRECTORY = re.compile(r"(?:\.{1,2}|(?:/|\.{1,2}/|\{\{[^}]*\}\}/).*?)(?<!\.whl)(?<!\.gz)(?<!\.zip)(?:\[[\w, -]+\])?")
_EXTRAS = re.compile(r"(?P<path>[^\[]+)\[(?P<extras>[\w, -]+)\]")
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
#: Arguments of pip that are settings of this collection's modules.
_SETTINGS = {
    "--index-url": "python_index_url",
    "-i": "python_index_url",
    "--extra-index-url": "python_extra_index_urls",
    "--find-links": "python_find_links",
    "-f": "python_find_links",
    "--trusted-host": "python_trusted_hosts",
    "--proxy": "python_proxy",
    "--cert": "python_ca_bundle",
}

_ITEM = "{{ item }}"

Options = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Replacement:
    """A task of this collection: its module, without the collection's name, and its options in their order.

    ``notes`` are comments behind options. ``title`` says what it has there, for a task that needs a name.
    """

    module: str
    options: Options = ()
    notes: tuple[tuple[str, str], ...] = ()
    title: str = ""

    @property
    def name(self) -> str:
        return f"{COLLECTION}.{self.module}"


@dataclass(frozen=True)
class Decision:
    """The tasks that take the place of one; ``left`` says why that is for the reader to write, "" where it is not."""

    replacements: tuple[Replacement, ...] = ()
    left: str = ""


class Unclear(Exception):
    """What is asked for does not show in the text."""


def decide(asked: Asked, *, items: Sequence[str] = (), account: str = "") -> Decision:
    """Return what takes the place of a call of pip.

    ``items`` are those of the task's loop, where what is asked for is the loop's item; ``account`` the one that the
    task becomes. Nothing is done about an own Python 2, which no host of today has.
    """
    if asked.python.startswith("2"):
        return Decision(left="it is about Python 2")
    if asked.state not in ("present", "latest"):
        return Decision(left=f"what state {asked.state} is to undo is the system's Python, which this task is about")
    try:
        if items:
            return _for_each(asked, _grouped(items), items)
        directories = tuple(name for name in asked.names if _DIRECTORY.fullmatch(name))
        groups = _grouped([name for name in asked.names if name not in directories])
        asked = replace(asked, names=directories)
        takes_venv = bool(asked.requirements or asked.editables or directories)
        if not groups and not takes_venv:
            return Decision(left="what it installs does not show")
        if set(groups) == {"pip"} and not takes_venv:
            return Decision(left="remove it: environments have a pip of their own, and the host's is an OS package's")
        groups.pop("pip", None)
        if takes_venv:
            made: list[Replacement | None] = [_as_venv(asked, [name for names in groups.values() for name in names])]
        else:
            made = [_MAKERS[group](asked, names) for group, names in sorted(groups.items())]
    except Unclear as error:
        return Decision(left=str(error))
    replacements = tuple(one for one in made if one is not None)
    return Decision(replacements, _left(asked, replacements, made, account))


def _for_each(asked: Asked, groups: dict[str, list[str]], items: Sequence[str]) -> Decision:
    """Return the task for each item of a loop; the items stay where they are."""
    if set(groups) == {"library"}:
        one = _as_library(replace(asked, names=()), [_ITEM])
        return Decision(
            (replace(one, title=f"Have {_listed(items)} from the distribution"),), _left(asked, [one], [one])
        )
    if set(groups) == {"tool"} and all(_name_of(item) == item for item in items) and not asked.others:
        tool = _as_tool(asked, list(items))
        options = tuple(
            (name, [{**value[0], "name": _ITEM}] if name == "tools" and isinstance(value, list) else value)
            for name, value in (tool.options if tool else ())
        )
        return Decision((Replacement("tool", options),) if tool else ())
    return Decision(left="each round of its loop would make an environment: give one environment all of the items")


def _left(
    asked: Asked, replacements: Sequence[Replacement], made: Sequence[Replacement | None], account: str = ""
) -> str:
    if len(made) > 1:
        return "it asks for things of several kinds, which become tasks of their own"
    if not replacements:
        return "there is nothing here for the arguments it gives to pip"
    only = replacements[0]
    if only.module == "venv" and asked.is_for_user:
        whose = account if account and "{{" not in account else "the account"
        return f"an environment of {whose}'s own has its place where {whose} may write"
    if only.module == "pip" and asked.is_for_user:
        return "the distribution's packages are for every account, and installing them takes root"
    return ""


def _grouped(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the requirements by what they are: "library", "tool", "other", and "pip" for pip itself."""
    groups: dict[str, list[str]] = {}
    for text in names:
        name = _name_of(text)
        kinds = {"library": LIBRARIES, "tool": TOOLS, "pip": OF_PIP}
        kind = next((kind for kind, known in kinds.items() if name in known), "other")
        groups.setdefault(kind, []).append(text)
    return groups


def _name_of(text: str) -> str:
    if "{%" in text or ("{{" in text and not _VERSIONED.match(text.partition("{{")[0])):
        raise Unclear("what it installs is in a variable")
    try:
        return Requirement.parse(_TEMPLATE.sub("0", text)).name
    except RequirementError:
        raise Unclear("what it installs is no requirement (PEP 508), which can be written as NAME @ URL") from None


def _as_library(asked: Asked, names: list[str]) -> Replacement:
    options: list[tuple[str, object]] = [("name", names[0] if len(names) == 1 else names)]
    options += [("state", "latest")] if asked.state == "latest" else []
    # Where it installs the distribution's package there is no index to ask; the rest is left to pip.
    options += [("extra_args", " ".join(asked.others))] if asked.others else []
    options += [("python", asked.python)] if asked.python else []
    options.append(("externally_managed", "prefer_system_package"))
    return Replacement("pip", tuple(options), title=f"Have {_listed(names)} from the distribution")


def _as_tool(asked: Asked, names: list[str]) -> Replacement | None:
    settings = _settings(asked.others)
    if settings is None or asked.constraints:
        return None
    tools = []
    for text in names:
        name = _name_of(text)
        tool = {"name": name, **({"spec": text} if text != name else {})}
        tool |= {"state": "latest"} if asked.state == "latest" else {}
        tools.append(tool | ({"python": asked.python} if asked.python else {}))
    options: list[tuple[str, object]] = [("scope", "user")] if asked.is_for_user else []
    options += [("tools", tools), *settings]
    return Replacement("tool", tuple(options), title=f"Have {_listed(names)} as a command")


def _as_venv(asked: Asked, names: list[str]) -> Replacement:
    """Return an environment with these requirements; ``names`` of what is asked are directories by now."""
    files = {"requirements": asked.requirements, "constraints": asked.constraints}
    absolute = {name: [_absolute(file, asked.chdir) for file in given] for name, given in files.items()}
    projects = [*asked.editables, *asked.names]
    if len(projects) > 1:
        raise Unclear("it installs several projects, and an environment has one")
    project, extras = _project(projects[0], asked.chdir) if projects else ("", [])
    path = _proposed_path(project, absolute["requirements"], names)
    options: list[tuple[str, object]] = [("path", path)]
    options += [("python", asked.python)] if asked.python else []
    options += [("packages", names)] if names else []
    options += [(name, given) for name, given in absolute.items() if given]
    options += [("project", project)] if project else []
    options += [("extras", extras)] if extras else []
    options += [("editable", True)] if asked.editables else []
    options += [("state", "latest")] if asked.state == "latest" else []
    settings = _settings(asked.others)
    options += [("pip_args", list(asked.others))] if settings is None else settings
    note = f"proposed; what is installed runs from {path}/bin"
    what = _listed(names or asked.requirements or projects)
    return Replacement("venv", tuple(options), (("path", note),), title=f"Have {what} in an environment")


def _project(text: str, folder: str) -> tuple[str, list[str]]:
    """Return the directory of a project and its extras: ``/srv/app[postgres]``."""
    found = _EXTRAS.fullmatch(text)
    if found is None:
        return _absolute(text, folder), []
    return _absolute(found["path"], folder), [extra.strip() for extra in found["extras"].split(",")]


def _proposed_path(project: str, requirements: Sequence[str], names: Sequence[str]) -> str:
    folder = project or posixpath.dirname(requirements[0] if requirements else "")
    is_whole = folder.count("{{") == folder.count("}}")
    if is_whole and folder not in ("", "/", "/tmp"):  # noqa: S108  # a proposal elsewhere
        return f"{folder}/.venv"
    return f"{ENVIRONMENTS}/{_name_of(names[0]) if names else 'application'}"


def _absolute(path: str, folder: str) -> str:
    if path.startswith(("/", "{{")) and "{%" not in path:
        return path
    if "://" in path or "{%" in path:
        raise Unclear("it installs from an address, which has to be a file on the host")
    if folder.startswith(("/", "{{")):
        return posixpath.normpath(posixpath.join(folder, path)) if "{{" not in folder + path else _below(folder, path)
    raise Unclear("which directory its relative paths are below does not show")


def _below(folder: str, path: str) -> str:
    path = path.removeprefix("./")
    return folder.rstrip("/") if path in (".", "") else f"{folder.rstrip('/')}/{path}"


def _settings(others: Sequence[str]) -> list[tuple[str, object]] | None:
    """Return pip's arguments as settings of this collection, None where one of them is no setting."""
    found: dict[str, object] = {}
    for word in others:
        option, _, value = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
        name = _SETTINGS.get(option, "")
        if option == "--no-index":
            found["python_no_index"] = True
        elif not name or not value:
            return None
        elif name.endswith("s"):
            known = found.setdefault(name, [])
            if isinstance(known, list):
                known.append(value)
        else:
            found[name] = value
    return list(found.items())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


_MAKERS = {"library": _as_library, "tool": _as_tool, "other": _as_venv}
