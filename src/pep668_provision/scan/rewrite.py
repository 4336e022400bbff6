# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task's text changed in place: what stays keeps every character, comments and quotes included."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from . import rendering
from .finding import Edit, Finding
from .replacement import Replacement
from .tasks import Task
from .yaml_nodes import (
    Document,
    MappingNode,
    Node,
    NotYaml,
    ScalarNode,
    SequenceNode,
    at,
    digest,
    entries,
    is_flow,
    parse,
    plain,
)

#: Which argument of the old task an option of the new one takes its text from.
_SOURCES = {
    "packages": ("name",),
    "name": ("name",),
    "tools": ("name",),
    "requirements": ("requirements",),
    "state": ("state",),
    "chdir": ("chdir",),
    "umask": ("umask",),
    "executable": ("executable",),
    "python": ("executable",),
    "path": ("path", "dest"),
}
_COMMENT = re.compile(r"(?:^|\s)#", re.MULTILINE)
_SAFE_IN_FLOW = re.compile(r"[^,\[\]{}#:&*!|>'\"%@`\n]+")


@dataclass(frozen=True)
class _Argument:
    name: str
    key: ScalarNode
    value: Node


def edits_of(task: Task, replacement: Replacement) -> tuple[Edit, ...]:
    """Return the edits that make a task the replacement; none where it is not written in a way that can be edited."""
    if task.is_indirect or "args" in task.keywords or task.key.anchor or task.value.anchor:
        return ()
    document, value = task.document, task.value
    if not task.node.start_mark.index <= value.start_mark.index < task.node.end_mark.index:
        # An alias: its text is another task's.
        return ()
    renamed = Edit(task.key.start_mark.index, task.key.end_mark.index, replacement.name)
    if isinstance(value, ScalarNode):
        end = document.end_of(value)
        if is_flow(task.node):
            return (renamed, Edit(value.start_mark.index, end, rendering.flow(dict(replacement.options))))
        return (renamed, *_instead_of_text(task, replacement, end))
    if not isinstance(value, MappingNode) or any(key.value == "<<" or key.anchor for key, _ in entries(value)):
        return ()
    arguments = [_Argument(key.value, key, one) for key, one in entries(value)]
    if any(one.value.anchor or not _is_inside(one.value, one.key, value) for one in arguments):
        return ()
    if is_flow(value):
        if "\n" in document.source(value):
            return ()
        return (renamed, _flow_edit(document, value, arguments, replacement))
    edits = _block_edits(document, arguments, replacement)
    lost = [document.text[edit.start : edit.end] for edit in edits if edit.end > edit.start]
    if any(_COMMENT.search(text) for text in lost if "\n" in text.strip()):
        # A comment in several lines that go would go along.
        return ()
    return (renamed, *edits)


def _is_inside(one: Node, key: ScalarNode, outer: Node) -> bool:
    return bool(key.end_mark.index <= one.start_mark.index <= outer.end_mark.index)


def _instead_of_text(task: Task, replacement: Replacement, end: int) -> tuple[Edit, ...]:
    document, newline = task.document, task.document.newline
    start = document.text.index(":", int(task.key.end_mark.index)) + 1
    indent = " " * (int(task.key.start_mark.column) + 2)
    options = rendering.options_block(replacement.options, dict(replacement.notes), indent, newline)
    _, line_end = document.line_span(end)
    behind = document.text[end:line_end].strip()
    # A comment behind a text of one line stays in the task's own line.
    if behind.startswith("#") and not replacement.options:
        return (Edit(start, end, ""),)
    if behind.startswith("#"):
        stop = end + len(document.text[end:line_end].rstrip())
        return (Edit(start, stop, f"  {behind}{newline}{options}"),)
    return (Edit(start, end, f"{newline}{options}" if options else ""),)


def _taken(name: str, value: object, arguments: Sequence[_Argument]) -> _Argument | None:
    """Return the argument whose place an option takes."""
    del value
    return next((one for one in arguments if one.name in _SOURCES.get(name, ())), None)


def _flow_edit(document: Document, node: MappingNode, arguments: Sequence[_Argument], replacement: Replacement) -> Edit:
    parts = []
    for name, value in replacement.options:
        old = _taken(name, value, arguments)
        text = document.source(old.value) if old is not None and plain(old.value) == value else rendering.flow(value)
        parts.append(f"{name}: {text}")
    return Edit(node.start_mark.index, node.end_mark.index, "{" + ", ".join(parts) + "}")


def _block_edits(document: Document, arguments: Sequence[_Argument], replacement: Replacement) -> list[Edit]:
    newline, notes = document.newline, dict(replacement.notes)
    indent = " " * int(arguments[0].key.start_mark.column)
    edits: list[Edit] = []
    kept: list[_Argument] = []
    first: list[str] = []
    added: list[str] = []
    for name, value in replacement.options:
        old = _taken(name, value, arguments)
        if old is not None and old not in kept:
            kept.append(old)
            if name != old.name:
                edits.append(Edit(old.key.start_mark.index, old.key.end_mark.index, name))
            edits += _value_edits(document, old.value, value, indent)
        else:
            line = rendering.option(name, value, indent, newline=newline, note=notes.get(name, ""))
            (added if kept else first).append(line)
    start = document.line_span(arguments[0].key.start_mark.index)[0]
    if first:
        edits.append(Edit(start, start, newline.join([*first, ""])))
    for old in arguments:
        if old not in kept:
            edits.append(_line_removed(document, old))
    if added:
        edits.append(_added(document, kept[-1], [old for old in arguments if old not in kept], added))
    return edits


def _added(document: Document, last: _Argument, gone: Sequence[_Argument], lines: Sequence[str]) -> Edit:
    """Return the edit that adds lines: where an argument goes, below the comment on it, else behind the last."""
    for old in gone:
        if old.key.start_mark.index > last.key.start_mark.index:
            start = document.line_span(old.key.start_mark.index)[0]
            return Edit(start, start, document.newline.join([*lines, ""]))
    end = document.line_span(document.end_of(last.value))[1]
    end -= document.text[end - 1 : end] == "\r"
    return Edit(end, end, document.newline.join(["", *lines]))


def _value_edits(document: Document, node: Node, value: object, indent: str) -> list[Edit]:
    found = plain(node)
    if found == value or found == [value]:
        return []
    start, end = int(node.start_mark.index), document.end_of(node)
    if isinstance(node, SequenceNode) and isinstance(value, list) and len(node.value) == len(value):
        edits = []
        for one, wanted in zip(node.value, value, strict=True):
            if plain(one) == wanted:
                continue
            edits.append(Edit(one.start_mark.index, document.end_of(one), _item(wanted, one, in_flow=is_flow(node))))
        return edits
    if isinstance(node, ScalarNode) and value == [node.value] and node.style in (None, "'", '"', ""):
        source = document.source(node)
        if node.style in ("'", '"') or _SAFE_IN_FLOW.fullmatch(source):
            return [Edit(start, end, f"[{source}]")]
    if isinstance(value, list) and value and isinstance(value[0], dict) and not is_flow(node):
        lines = rendering.option("", value, indent, newline=document.newline)
        before = document.text.rindex(":", 0, start) + 1
        return [Edit(before, end, lines.removeprefix(f"{indent}:"))]
    return [Edit(start, end, rendering.flow(value))]


def _item(value: object, node: Node, *, in_flow: bool) -> str:
    """Return an item of a list: below each other the first of its lines stands behind the dash."""
    if in_flow or not isinstance(value, dict):
        return rendering.flow(value)
    indent = " " * int(node.start_mark.column)
    lines = [f"{name}: {rendering.flow(one)}" for name, one in value.items()]
    return f"\n{indent}".join(lines) if len(lines) == 1 else rendering.flow(value)


def _line_removed(document: Document, old: _Argument) -> Edit:
    start = document.line_span(old.key.start_mark.index)[0]
    key_end = int(old.key.end_mark.index) + 1
    # An empty value is where the next token is.
    value_end = max(document.end_of(old.value), key_end) if document.source(old.value).strip() else key_end
    end = document.line_span(value_end)[1]
    behind = document.text[value_end:end].strip()
    if behind.startswith("#"):
        # What was said of it is still to be read.
        return Edit(int(old.key.start_mark.index), value_end + document.text[value_end:end].index("#"), "")
    return Edit(start, min(end + 1, len(document.text)), "")


def without_entry(document: Document, owner: MappingNode, name: str) -> tuple[Edit, ...]:
    """Return the edit that takes an entry out of a mapping that is written below each other."""
    for key, value in entries(owner):
        if key.value == name and not is_flow(owner) and not value.anchor and _is_inside(value, key, owner):
            return (_line_removed(document, _Argument(name, key, value)),)
    return ()


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with the edits made; raises ValueError where two of them are about the same place."""
    parts, after = [], 0
    for edit in sorted(edits):
        if edit.start < after:
            raise ValueError("edits overlap")
        parts += [text[after : edit.start], edit.text]
        after = edit.end
    return "".join([*parts, text[after:]])


def is_sound(document: Document, findings: Sequence[Finding], changed: str) -> bool:
    """Say whether a changed text says the same as before but for the tasks that findings are about."""
    try:
        after = parse(changed)
    except NotYaml:
        return False
    steps = {finding.steps for finding in findings}
    old, new = ([at(one.roots, path) for path in steps] for one in (document, after))
    if any(one is None for one in (*old, *new)) or len(document.roots) != len(after.roots):
        return False
    left_out = [{id(one) for one in nodes} for nodes in (old, new)]
    if any(
        digest(before, without=left_out[0]) != digest(now, without=left_out[1])
        for before, now in zip(document.roots, after.roots, strict=True)
    ):
        return False
    return all(
        before is not None and now is not None and _is_same_task(before, now)
        for before, now in zip(old, new, strict=True)
    )


def _is_same_task(before: Node, after: Node) -> bool:
    """Say whether two tasks have the same keywords: all but the module, the loop's and the environment."""
    first, second = ({key.value: digest(value) for key, value in entries(one)} for one in (before, after))
    differ = {name for name in {*first, *second} if first.get(name) != second.get(name)}
    return len(second) <= len(first) and all("." in name or name in _MAY_GO for name in differ)


_MAY_GO = {"pip", "command", "shell", "raw", "file", "ini_file", "environment"}


def shown(task: Task, edits: Sequence[Edit]) -> str:
    """Return the task as it is after the edits, at the margin; "" where they cannot be made."""
    document = task.document
    start = document.line_span(task.node.start_mark.index)[0]
    end = document.line_span(document.end_of(task.node))[1]
    inside = [Edit(one.start - start, one.end - start, one.text) for one in edits]
    # The last line may go as a whole, with its end.
    try:
        text = apply_edits(document.text[start : min(end + 1, len(document.text))], inside)
    except ValueError:
        return ""
    lines = text.replace("\r\n", "\n").rstrip().split("\n")
    margin = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[margin:] if not line[:margin].strip() else line.lstrip() for line in lines)
