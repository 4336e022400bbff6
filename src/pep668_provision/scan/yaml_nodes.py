# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML as nodes that know where they stand in the text; nothing is constructed, so no alias is ever unfolded."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

__all__ = [
    "Document",
    "MappingNode",
    "Node",
    "NotYaml",
    "ScalarNode",
    "SequenceNode",
    "entries",
    "parse",
    "plain",
    "text_of",
]

#: How deep nodes are looked into; what people write is not deeper.
_DEEPEST = 60
_MOST_ITEMS = 1000


class NotYaml(Exception):
    """A text is no YAML, or none that is looked into."""


@dataclass(frozen=True)
class Document:
    """A file's text and the roots of the documents in it."""

    text: str
    roots: tuple[Node, ...]

    @cached_property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def line_of(self, node: Node) -> str:
        """Return the line that a node starts in."""
        start, end = self.line_span(int(node.start_mark.index))
        return self.text[start:end]

    def line_span(self, at: int) -> tuple[int, int]:
        """Return where the line around a position starts, and where its text ends."""
        end = self.text.find("\n", at)
        return self.text.rfind("\n", 0, at) + 1, len(self.text) if end == -1 else end

    def source(self, node: Node) -> str:
        """Return a node as it is written."""
        return self.text[node.start_mark.index : self.end_of(node)]

    def end_of(self, node: Node, depth: int = 0) -> int:
        """Return where a node's own text ends, without comments and empty lines behind it."""
        end = int(node.end_mark.index)
        if isinstance(node, ScalarNode):
            if node.style in ("|", ">"):
                # Such a text goes on to the next token, comments in between included.
                return self._end_of_block(int(node.start_mark.index), end)
            return end
        if is_flow(node) or not node.value or depth > _DEEPEST:
            return end
        last = node.value[-1][1] if isinstance(node, MappingNode) else node.value[-1]
        # An alias leads elsewhere, and an empty value is where the next token is.
        if not node.start_mark.index <= last.start_mark.index < end:
            return self._end_of_line(int(node.start_mark.index), end)
        return max(self.end_of(last, depth + 1), self._key_end(node))

    def _key_end(self, node: Node) -> int:
        return int(node.value[-1][0].end_mark.index) + 1 if isinstance(node, MappingNode) else 0

    def _end_of_line(self, start: int, end: int) -> int:
        return start + len(self.text[start:end].rstrip())

    def _end_of_block(self, start: int, end: int) -> int:
        line_start = self.text.rfind("\n", 0, start) + 1
        first = self.text[line_start:start]
        outer = len(first) - len(first.lstrip(" -"))
        kept = start
        for line in self.text[start:end].splitlines(keepends=True):
            if kept > start and line.strip() and len(line) - len(line.lstrip(" ")) <= outer:
                break
            kept += len(line)
        return start + len(self.text[start:kept].rstrip())


def parse(text: str) -> Document:
    """Return the documents of a text; raises NotYaml with what is wrong with it, without quoting it."""
    try:
        roots = tuple(YAML(typ="safe", pure=True).compose_all(text))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise NotYaml(f"it is no YAML{where}") from None
    except RecursionError:
        raise NotYaml("it is nested too deep") from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, NotImplementedError):
        # The parser ends with these, and not with its own error, at some made-up texts that are no YAML.
        raise NotYaml("it is no YAML that can be read") from None
    return Document(text, tuple(root for root in roots if root is not None))


def is_flow(node: Node) -> bool:
    """Say whether a collection is written in brackets."""
    return bool(getattr(node, "flow_style", False))


def text_of(node: Node | None) -> str:
    """Return the value of a scalar, "" for any other node."""
    return str(node.value) if isinstance(node, ScalarNode) else ""


def entries(node: Node | None) -> Iterator[tuple[ScalarNode, Node]]:
    """The entries of a mapping whose keys are scalars; of others there are none."""
    if isinstance(node, MappingNode):
        yield from ((key, value) for key, value in node.value if isinstance(key, ScalarNode))


def plain(node: Node | None) -> str | list[str] | None:
    """Return a scalar as text, a sequence of scalars as list of texts; None for what is neither."""
    if isinstance(node, ScalarNode):
        return str(node.value)
    if isinstance(node, SequenceNode) and len(node.value) <= _MOST_ITEMS:
        texts = [text_of(one) for one in node.value]
        return texts if all(isinstance(one, ScalarNode) for one in node.value) else None
    return None


def digest(node: Node, *, without: Collection[int] = ()) -> str:
    """Return a digest of a node's content; nodes whose ids are in ``without`` count as nothing."""
    return _digest(node, without, {})


def _digest(node: Node, without: Collection[int], known: dict[int, str]) -> str:
    if id(node) in without:
        return "-"
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = "cycle"
    made = hashlib.sha256(f"{node.tag}\0".encode())
    if isinstance(node, ScalarNode):
        made.update(str(node.value).encode("utf-8", "surrogatepass"))
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            if id(key) not in without and id(value) not in without:
                made.update(f"{_digest(key, without, known)}:{_digest(value, without, known)},".encode())
    else:
        for one in node.value:
            made.update(f"{_digest(one, without, known)},".encode())
    known[id(node)] = made.hexdigest()
    return known[id(node)]


def at(roots: tuple[Node, ...], steps: tuple[int | str, ...]) -> Node | None:
    """Return the node that steps lead to, the first of them the number of a document; None where there is none."""
    if not steps or not isinstance(steps[0], int) or steps[0] >= len(roots):
        return None
    node = roots[steps[0]]
    for step in steps[1:]:
        if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, MappingNode):
            found = [value for key, value in entries(node) if key.value == step]
            if not found:
                return None
            node = found[0]
        else:
            return None
    return node
