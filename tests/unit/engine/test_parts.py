"""Parts of the engine that are sent with few calls: the tables that name them agree with what loads them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pep668_provision.engine import parts
from pep668_provision.engine.parts import PARTS, PartNotSent, load, needed_parts, spared_modules

ENGINE = Path(parts.__file__).parent


def imported_by(name: str) -> set[str]:
    """The modules of the engine that a module imports, as Ansible finds them: wherever the statement stands."""
    found = set()
    for node in ast.walk(ast.parse((ENGINE / f"{name}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module} if node.module else {alias.name for alias in node.names}
    return found


def reachable(*names: str) -> set[str]:
    """These modules and all they lead to."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += imported_by(name)
    return found


def loaded_by_name() -> set[str]:
    return {name for path in ENGINE.glob("*.py") for name in re.findall(r"\bload\(\"(\w+)\"\)", path.read_text())}


def test_what_is_loaded_by_its_name_is_sent_with_the_modules_that_take_everything() -> None:
    assert loaded_by_name()
    assert loaded_by_name() <= imported_by("every_part")
    assert {part for group in PARTS.values() for part in group} == imported_by("every_part")


def test_what_is_loaded_by_its_name_is_in_the_table_of_parts() -> None:
    assert loaded_by_name() <= {part for group in PARTS.values() for part in group}


def test_nothing_that_every_plan_loads_leads_to_a_part() -> None:
    assert reachable("look").isdisjoint(imported_by("every_part"))


def test_nothing_that_every_run_loads_leads_to_a_part_that_is_declared_for() -> None:
    declared_for = {part for name, group in PARTS.items() if name != "latest" for part in group}
    assert reachable("converge", "apply").isdisjoint(declared_for)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"python_venvs": [{"path": "/v", "state": "present"}]}, [], id="present"),
        pytest.param({"python_venvs": [{"path": "/v", "state": "latest"}]}, ["latest"], id="a venv's newest"),
        pytest.param({"python_venvs": [{"path": "/v", "layout": "versioned"}]}, ["versioned"], id="builds"),
        pytest.param({"python_venvs": [{"path": "/v", "state": "absent"}]}, ["versioned"], id="what may have builds"),
        pytest.param({"python_tools": [{"name": "black", "state": "absent"}]}, [], id="a tool that is to go"),
        pytest.param({"python_tools": [{"name": "black", "state": "latest"}]}, ["latest"], id="a tool's newest"),
        pytest.param(
            {"python_restore_marker": False, "python_pip_conf_override": "keep", "python_system_pip": []},
            [],
            id="defaults",
        ),
        pytest.param({"python_restore_marker": True}, ["python_restore_marker"], id="marker"),
        pytest.param({"python_restore_marker": "yes"}, ["python_restore_marker"], id="marker in Ansible's words"),
        pytest.param({"python_pip_conf_override": "absent"}, ["python_pip_conf_override"], id="override"),
        pytest.param({"python_system_pip": [{"name": "six"}]}, ["python_system_pip"], id="pip"),
        pytest.param({"python_venvs": object()}, [], id="what cannot be judged here"),
    ],
)
def test_parts_are_needed_for_what_is_declared(declared: Mapping[str, Any], expected: list[str]) -> None:
    assert needed_parts(declared) == tuple(part for name in expected for part in PARTS[name])


def test_what_changes_a_host_is_not_needed_for_a_plan() -> None:
    declared = {"python_venvs": [{"path": "/v", "layout": "versioned"}], "python_system_pip": [{"name": "six"}]}
    left_out = set(needed_parts(declared)) - set(needed_parts(declared, only_plans=True))
    assert left_out == {"apply_builds", "apply_system_pip"}
    assert not reachable(*needed_parts(declared, only_plans=True)) & {"apply", "apply_venv", *left_out}


def test_what_few_hosts_turn_out_to_need_is_asked_for_by_its_name_where_it_was_not_sent() -> None:
    declared = {"python_venvs": [{"path": "/srv/v", "state": "absent"}]}
    assert needed_parts(declared) == PARTS["versioned"]
    assert needed_parts(declared, may_be_sent_again=True) == ()
    with pytest.raises(PartNotSent, match="no_such_part"):
        load("no_such_part")


@pytest.mark.parametrize(
    ("declared", "spared"),
    [
        pytest.param(
            {"python_venvs": [{"path": "/srv/v", "packages": ["six"]}]},
            {"apply_tool", "environment_marker", "login_path", "logins", "requirements_file", "system_pip"},
            id="an environment",
        ),
        pytest.param(
            {"python_venvs": [{"path": "/srv/v", "requirements": ["/srv/r.txt"]}]},
            {"apply_tool", "login_path", "logins", "system_pip"},
            id="requirements files",
        ),
        pytest.param(
            {"python_tools": [{"name": "black"}], "python_index_username": "me"},
            {"requirements_file", "system_pip"},
            id="a tool and a login",
        ),
        pytest.param({"python_system_pip": [{"name": "six"}]}, {"apply_tool", "login_path", "logins"}, id="pip"),
    ],
)
def test_what_a_declared_state_has_no_use_for_is_spared(declared: dict[str, Any], spared: set[str]) -> None:
    assert set(spared_modules(declared)) == spared


def test_a_part_that_itself_lacks_something_is_no_part_that_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def lack(path: str) -> None:
        raise ModuleNotFoundError(f"No module named 'fcntl', for {path}", name="fcntl")

    monkeypatch.setattr("importlib.import_module", lack)
    with pytest.raises(ModuleNotFoundError, match="fcntl"):
        load("preview")
