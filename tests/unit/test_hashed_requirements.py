"""What this project's own commands install: every line of requirements/*.txt pinned, and with a hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from pep668_provision.engine.host import Host
from pep668_provision.engine.pins import unpinned_lines
from pep668_provision.engine.requirement import Requirement
from pep668_provision.engine.requirements_file import RequirementsTree, read_requirements

CHECKOUT = Path(__file__).resolve().parents[2]
COMPILED = sorted((CHECKOUT / "requirements").glob("*.txt"))
IDS = [path.name for path in COMPILED]


def read(path: Path) -> RequirementsTree:
    return read_requirements([str(path)], read_bytes=lambda name: Path(name).read_bytes(), environ={})


@pytest.mark.parametrize("path", COMPILED, ids=IDS)
def test_every_line_is_pinned_and_has_hashes(path: Path) -> None:
    tree = read(path)
    assert tree.requirements
    assert [line.text for line in tree.requirements if not line.hashes] == []
    assert unpinned_lines(Host(), [str(path)]) == ""
    # Where they come from is for whoever installs them to say.
    assert (tree.options, tree.remote) == ((), ())


@pytest.mark.parametrize("path", COMPILED, ids=IDS)
def test_what_is_compiled_is_what_is_asked_for(path: Path) -> None:
    compiled: dict[str, list[str]] = {}
    for line in read(path).requirements:
        requirement = Requirement.parse(line.text)
        compiled.setdefault(requirement.name, []).append(requirement.specifier.exact_pin or "")
    asked = [Requirement.parse(line.text) for line in read(path.with_suffix(".in")).requirements]
    assert asked
    for one in asked:
        assert any(one.is_satisfied_by(version) for version in compiled.get(one.name, [])), f"{one}: nox -s pins"


def test_the_same_ansible_core_everywhere() -> None:
    found = {
        line.text.split(" ")[0]
        for name in ("test", "provision", "build", "package", "mitogen")
        for line in read(CHECKOUT / "requirements" / f"{name}.txt").requirements
        if line.text.startswith("ansible-core==")
    }
    assert len(found) == 1
