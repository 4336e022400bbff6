# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks of a playbook, a tasks file or a role, each with what it has from the blocks and the play around it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from .shell_words import read_words
from .yaml_nodes import Document, MappingNode, Node, ScalarNode, SequenceNode, entries, plain, text_of

_SECTIONS = ("pre_tasks", "tasks", "post_tasks", "handlers")
_BLOCK = ("block", "rescue", "always")
#: The modules that are looked at, by every name a task can call them.
_MODULES = {
    f"{prefix}{name}": name
    for name, prefixes in {
        **dict.fromkeys(
            (
                "pip",
                "command",
                "shell",
                "raw",
                "script",
                "file",
                "find",
                "get_url",
                "copy",
                "lineinfile",
                "blockinfile",
            ),
            ("", "ansible.builtin.", "ansible.legacy."),
        ),
        "ini_file": ("", "community.general."),
        "dpkg_divert": ("", "community.general."),
    }.items()
    for prefix in prefixes
}
FREE_FORM = ("command", "shell", "raw", "script")
_OPTION = re.compile(r"(?P<name>[a-z_]+)=(?P<value>.*)", re.DOTALL)
_OPTIONS_OF_COMMANDS = frozenset({"chdir", "creates", "removes", "executable", "stdin", "warn", "argv", "cmd"})


@dataclass(frozen=True)
class Scope:
    """What a task has from around it: the PATH and the defaults of modules."""

    path: str = ""
    pip_defaults: Mapping[str, object] = field(default_factory=dict)

    def within(self, node: Node) -> Scope:
        """Return the scope inside of a play, a block or a task."""
        scope = self
        for key, value in entries(node):
            if key.value == "environment":
                for name, one in entries(value):
                    if name.value == "PATH":
                        scope = replace(scope, path=text_of(one))
            elif key.value == "module_defaults":
                for name, defaults in entries(value):
                    if _MODULES.get(name.value) == "pip":
                        found = {key.value: plain(one) for key, one in entries(defaults)}
                        scope = replace(scope, pip_defaults={**scope.pip_defaults, **found})
        return scope


@dataclass(frozen=True)
class Task:
    """A task that calls a module which is looked at.

    ``key`` is the module's key in ``node``, ``value`` what stands behind it. ``arguments`` are the module's, by name,
    as they are written; ``free_form`` the text of a command. ``keywords`` are the task's other entries.
    """

    document: Document
    node: MappingNode
    steps: tuple[int | str, ...]
    module: str
    key: ScalarNode
    value: Node
    arguments: Mapping[str, object]
    free_form: str
    keywords: Mapping[str, Node]
    scope: Scope
    is_indirect: bool = False

    @property
    def name(self) -> str:
        return text_of(self.keywords.get("name"))

    def texts(self, *names: str) -> list[str]:
        """Return the values of these arguments as texts, those of lists one by one."""
        found: list[str] = []
        for name in names:
            value = self.arguments.get(name)
            found += [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return found

    def text(self, *names: str) -> str:
        """Return the value of the first of these arguments that is given, "" for none."""
        return next(iter(self.texts(*names)), "")


def is_yes(value: str) -> bool:
    """Say whether pip or Ansible takes a text for yes; a template may be."""
    return value.strip().lower() not in ("", "0", "no", "n", "off", "f", "false", "omit")


def find_tasks(document: Document) -> Iterator[Task]:
    """The tasks of a document that call a module which is looked at, in their order; each node once."""
    seen: set[int] = set()
    for number, root in enumerate(document.roots):
        if isinstance(root, SequenceNode):
            yield from _in_list(document, root, (number,), Scope(), seen)


def _in_list(
    document: Document, node: Node, steps: tuple[int | str, ...], scope: Scope, seen: set[int]
) -> Iterator[Task]:
    if not isinstance(node, SequenceNode) or id(node) in seen:
        return
    seen.add(id(node))
    for number, one in enumerate(node.value):
        if not isinstance(one, MappingNode) or id(one) in seen:
            continue
        seen.add(id(one))
        inner = scope.within(one)
        parts = {key.value: value for key, value in entries(one)}
        lists = [name for name in (*_SECTIONS, *_BLOCK) if isinstance(parts.get(name), SequenceNode)]
        for name in lists:
            yield from _in_list(document, parts[name], (*steps, number, name), inner, seen)
        if not lists and "hosts" not in parts:
            task = _read_task(document, one, (*steps, number), inner)
            if task is not None:
                yield task


def _read_task(document: Document, node: MappingNode, steps: tuple[int | str, ...], scope: Scope) -> Task | None:
    called = [(key, value) for key, value in entries(node) if key.value in _MODULES]
    keywords = {key.value: value for key, value in entries(node) if key.value not in _MODULES}
    if len(called) == 1:
        key, value = called[0]
        module = _MODULES[key.value]
        arguments, free_form = _read_arguments(module, value)
        # Arguments may also stand beside the module.
        arguments |= {name.value: plain(one) for name, one in entries(keywords.get("args"))}
        return Task(document, node, steps, module, key, value, arguments, free_form, keywords, scope)
    return _read_action(document, node, steps, scope, keywords)


def _read_action(
    document: Document,
    node: MappingNode,
    steps: tuple[int | str, ...],
    scope: Scope,
    keywords: Mapping[str, Node],
) -> Task | None:
    """Return the task of the older forms ``action: pip name=x`` and ``action: {module: pip, name: x}``."""
    for key, value in entries(node):
        if key.value not in ("action", "local_action"):
            continue
        if isinstance(value, ScalarNode):
            name, _, rest = str(value.value).strip().partition(" ")
            given: Node = ScalarNode(value.tag, rest, value.start_mark, value.end_mark)
        else:
            name, given = next((text_of(one) for part, one in entries(value) if part.value == "module"), ""), value
        module = _MODULES.get(name)
        if module is not None:
            arguments, free_form = _read_arguments(module, given)
            arguments |= {part.value: plain(one) for part, one in entries(keywords.get("args"))}
            rest_of = {name: one for name, one in keywords.items() if name != key.value}
            return Task(
                document, node, steps, module, key, value, arguments, free_form, rest_of, scope, is_indirect=True
            )
    return None


def _read_arguments(module: str, value: Node) -> tuple[dict[str, object], str]:
    """Return the arguments by name and the command of a free form, "" for none."""
    if isinstance(value, MappingNode):
        arguments: dict[str, object] = {}
        for key, one in entries(value):
            if key.value == "<<":
                merged = {name.value: plain(inner) for name, inner in entries(one)}
                arguments = {**merged, **arguments}
            else:
                arguments[key.value] = plain(one)
        command = arguments.get("cmd")
        argv = arguments.get("argv")
        if isinstance(argv, list):
            return arguments, shlex.join(argv)
        return arguments, command if isinstance(command, str) else ""
    text = text_of(value)
    if module in FREE_FORM:
        return _split_command(text) if module != "raw" else ({}, text)
    words = read_words(text)
    options = [_OPTION.fullmatch(word) for word in words[0].words] if words else []
    return {found["name"]: found["value"] for found in options if found}, ""


def _split_command(text: str) -> tuple[dict[str, object], str]:
    """Return the module's own options in a command's text (``chdir=/srv``), and the rest."""
    arguments: dict[str, object] = {}

    def take(found: re.Match[str]) -> str:
        if found["name"] not in _OPTIONS_OF_COMMANDS:
            return found.group()
        arguments[found["name"]] = found["value"].strip("'\"")
        return " "

    left = re.sub(r"(?:(?<=\s)|^)(?P<name>[a-z]+)=(?P<value>'[^']*'|\"[^\"]*\"|\{\{.*?\}\}\S*|\S+)", take, text)
    command = arguments.get("cmd")
    return arguments, command if isinstance(command, str) and not left.strip() else left
