"""What knows what: the engine neither front-end, the front-ends nothing of packaging."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pep668_provision.engine.distro import FAMILIES
from pep668_provision.engine.package_manager import MANAGERS

CHECKOUT = Path(__file__).resolve().parents[2]
ENGINE = sorted((CHECKOUT / "plugins" / "module_utils" / "engine").rglob("*.py"))
FRONT_ENDS = [
    *sorted((CHECKOUT / "src" / "pep668_provision").glob("*.py")),
    *sorted((CHECKOUT / "plugins" / "modules").glob("*.py")),
    CHECKOUT / "plugins" / "module_utils" / "provision_module.py",
]
IDS = {name for family in FAMILIES for name in family.ids}
PACKAGES = {package for family in FAMILIES for package in (family.pipx, family.venv_default, family.newer_python)}
#: Words of a packaging decision: systems, their package managers and packages, an installer's own options.
DECIDING = re.compile(rf"^({'|'.join(sorted({*IDS, *MANAGERS, *PACKAGES} - {''}))}|--[a-z-]+|EXTERNALLY-MANAGED)$")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


def words(path: Path) -> Iterator[str]:
    """The words of every text in a file's code; its documentation is left out."""
    tree = ast.parse(path.read_text())
    documentation = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documentation.add(node.value)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            documentation |= {one for one in ast.walk(node.value) if isinstance(one, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation:
            yield from node.value.split()


@pytest.mark.parametrize("path", ENGINE, ids=[path.stem for path in ENGINE])
def test_the_engine_knows_no_front_end(path: Path) -> None:
    assert not imported(path) & {"ansible", "ansible_collections", "pyinfra", "yaml"}


@pytest.mark.parametrize("path", FRONT_ENDS, ids=[f"{path.parent.name}/{path.stem}" for path in FRONT_ENDS])
def test_a_front_end_decides_nothing_about_packaging(path: Path) -> None:
    assert [word for word in words(path) if DECIDING.match(word)] == []


def test_the_words_of_a_decision_are_found_where_they_belong() -> None:
    distro = CHECKOUT / "plugins" / "module_utils" / "engine" / "distro.py"
    assert {"debian", "fedora", "pipx", "python3-venv"} <= {word for word in words(distro) if DECIDING.match(word)}
