"""The reference of the pyinfra package, from the docstrings of its facts, operations and deploys."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from checkout import CHECKOUT
from docs.generator.markup import cell, code

PACKAGE = CHECKOUT / "src" / "pep668_provision"
_ARGUMENT = re.compile(r"^\+ (\w+): (.*?)(?=^\+ |\Z)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"\n*^\.\. code:: (\w+)\n\n((?:    .*\n|\n)+)", re.MULTILINE)

Meanings = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Described:
    """One fact, operation or deploy: its name, its arguments as they are written, and its docstring."""

    name: str
    docstring: str
    arguments: dict[str, tuple[str, str]] = field(default_factory=dict)


def facts() -> list[Described]:
    """The facts that users ask for: the classes that are not only there for others to be made of."""
    return list(_classes(PACKAGE / "facts.py"))


def operations() -> list[Described]:
    """The operations: functions with the decorator that makes one of what they declare."""
    return _decorated(PACKAGE / "operations.py", "_operation")


def deploys() -> list[Described]:
    """The deploys."""
    return _decorated(PACKAGE / "deploys.py", "deploy")


def page(title: str, introduction: str, described: list[Described], module: str, meanings: Meanings) -> str:
    """A page with all of one kind; ``meanings`` of arguments, by the name of what has them, fill in for docstrings."""
    parts = [f"# {title}\n\n{introduction}\n"]
    for one in described:
        text, arguments, examples = _parsed(one.docstring)
        parts.append(f"\n## {one.name}\n\n`pep668_provision.{module}.{one.name}`\n\n{text}\n")
        if one.arguments:
            parts.append("\n| argument | type | default | |\n|---|---|---|---|\n")
        for name, (kind, default) in one.arguments.items():
            shown = code(default) if default else "**required**"
            meaning = arguments.get(name) or meanings.get(one.name, {}).get(name, "")
            parts.append(f"| `{name}` | {cell(code(kind))} | {shown} | {cell(meaning)} |\n")
        parts += [f"\n```{language}\n{example}\n```\n" for language, example in examples]
    return "".join(parts)


def _classes(file: Path) -> Iterator[Described]:
    for node in ast.parse(file.read_text()).body:
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        values = {
            ast.unparse(one.targets[0]): ast.unparse(one.value) for one in node.body if isinstance(one, ast.Assign)
        }
        if values.get("abstract") == "False":
            command = next(one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "command")
            yield Described(node.name, ast.get_docstring(node) or "", _arguments(command))


def _decorated(file: Path, decorator: str) -> list[Described]:
    return [
        Described(node.name, ast.get_docstring(node) or "", _arguments(node))
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(one, ast.Call) and ast.unparse(one.func) == decorator for one in node.decorator_list)
    ]


def _arguments(function: ast.FunctionDef) -> dict[str, tuple[str, str]]:
    given = [one for one in function.args.args if one.arg != "self"]
    defaults = ["", *([""] * len(given)), *map(ast.unparse, function.args.defaults)][-len(given) :] if given else []
    return {
        one.arg: (ast.unparse(one.annotation or ast.Constant("")), default)
        for one, default in zip(given, defaults, strict=True)
    }


def _parsed(docstring: str) -> tuple[str, dict[str, str], list[tuple[str, str]]]:
    """The text, what it says of each argument, and its examples with their languages."""
    examples = [
        (language, "\n".join(line.removeprefix("    ") for line in text.rstrip().splitlines()))
        for language, text in _CODE.findall(f"{docstring}\n")
    ]
    text = _CODE.sub("\n", f"{docstring}\n")
    arguments = {
        name: _as_markdown(" ".join(meaning.split("\n\n")[0].split())) for name, meaning in _ARGUMENT.findall(text)
    }
    # What follows the list after an empty line is text again.
    rest = _ARGUMENT.sub(lambda found: "\n\n" + "\n\n".join(found.group(2).split("\n\n")[1:]), text)
    return _as_markdown(re.sub(r"\n{3,}", "\n\n", rest).strip()), arguments, examples


def _as_markdown(text: str) -> str:
    return text.replace("``", "`")
