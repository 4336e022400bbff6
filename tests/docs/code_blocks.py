"""The code blocks of README.md, CONTRIBUTING.md and docs/, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from checkout import CHECKOUT

_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?: {4}\S.*\n)(?: {4}.*\n|\n(?= {4}))*)")


@dataclass(frozen=True)
class Block:
    """One block: ``language`` is "" for what is only indented."""

    file: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def blocks() -> list[Block]:
    """All of them, in the order of files and lines."""
    files = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
    return [block for file in files for block in blocks_of(str(file.relative_to(CHECKOUT)), file.read_text())]


def blocks_of(name: str, text: str) -> Iterator[Block]:
    """Those of a text, which is a file of that name or a part of it."""
    for found in _FENCED.finditer(text):
        indent, language, inner = found.groups()
        inner = re.sub(f"^{indent}", "", inner, flags=re.MULTILINE)
        yield Block(name, text.count("\n", 0, found.start()) + 1, language, inner)
    # An empty line for each line of a block keeps the places of the others.
    rest = _FENCED.sub(lambda found: "\n" * found.group().count("\n"), text)
    for found in _INDENTED.finditer(rest):
        inner = re.sub("^    ", "", found.group(), flags=re.MULTILINE)
        yield Block(name, rest.count("\n", 0, found.start()) + 1, "", inner)


class _Loader(yaml.SafeLoader):
    """Reads what Ansible reads; values with a tag of its own (!vault) are text."""


def _tagged(_loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> str:
    return str(node.value)


_Loader.add_multi_constructor("!", _tagged)


def read_yaml(block: Block) -> Any:
    return yaml.load(block.text, Loader=_Loader)  # noqa: S506  # a safe loader with one more kind of text
