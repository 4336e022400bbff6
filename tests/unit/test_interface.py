"""The same interface in each of its places: role defaults, argument specs, module options, the engine's data model."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from pep668_provision.engine import desired, system_pip

CHECKOUT = Path(__file__).resolve().parents[2]
ROLE = CHECKOUT / "roles" / "python"
MODULES = sorted((CHECKOUT / "plugins" / "modules").glob("*.py"))


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def constant(path: Path, name: str, *, within: str = "") -> Any:
    """A constant of a Python file, or of a class in it, that cannot be imported without Ansible."""
    body = ast.parse(path.read_text()).body
    if within:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == within)
    for node in body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert isinstance(node, (ast.Assign, ast.AnnAssign))
            assert node.value is not None
            return ast.literal_eval(node.value)
    raise AssertionError(f"{path} has no {name}")


def test_role_defaults_are_the_data_model() -> None:
    defaults = list(read_yaml(ROLE / "defaults" / "main.yml"))
    # Read before there is a Python on the host, so no part of what the engine is told.
    defaults.remove("python_bootstrap")
    assert defaults == list(desired.VARIABLES)


def test_role_argument_specs_are_the_defaults() -> None:
    options = read_yaml(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert {name: option["default"] for name, option in options.items()} == read_yaml(ROLE / "defaults" / "main.yml")


def test_shared_module_settings_are_the_documented_ones_and_the_role_defaults() -> None:
    settings = constant(CHECKOUT / "plugins" / "module_utils" / "provision_module.py", "SETTINGS")
    documented = yaml.safe_load(
        constant(CHECKOUT / "plugins" / "doc_fragments" / "settings.py", "DOCUMENTATION", within="ModuleDocFragment")
    )["options"]
    defaults = read_yaml(ROLE / "defaults" / "main.yml")
    assert {name: option["default"] for name, option in settings.items()} == {
        name: option["default"] for name, option in documented.items()
    }
    assert all(defaults[name] == option["default"] for name, option in settings.items())


@pytest.mark.parametrize("variable", ["python_venvs", "python_tools"])
def test_module_documents_every_key_of_an_entry(variable: str) -> None:
    fields = desired._VENV_FIELDS if variable == "python_venvs" else desired._TOOL_FIELDS
    module = CHECKOUT / "plugins" / "modules" / ("venv.py" if variable == "python_venvs" else "tool.py")
    options = yaml.safe_load(constant(module, "DOCUMENTATION"))["options"]
    documented = set(options) - {"tools"} | set(options.get("tools", {}).get("suboptions", {}))
    assert documented == set(fields)


def test_entries_of_pip_are_the_same_for_the_engine_the_module_and_the_role() -> None:
    module = CHECKOUT / "plugins" / "modules" / "pip.py"
    options = constant(module, "ENTRY")
    documented = yaml.safe_load(constant(module, "DOCUMENTATION"))["options"]
    assert set(options) == set(system_pip.FIELDS)
    assert {name for name in documented if not name.startswith("virtualenv")} == set(options)
    for name, option in options.items():
        told = {
            key: value for key, value in documented[name].items() if key in ("type", "choices", "default", "elements")
        }
        assert told == {key: value for key, value in option.items() if (key, value) != ("required", False)}, name
    for name, choices in (
        ("state", system_pip.STATES),
        ("externally_managed", system_pip.POLICIES),
        ("scope", system_pip.SCOPES),
    ):
        assert options[name]["choices"] == list(choices)
    tasks = read_yaml(ROLE / "tasks" / "apply.yml")
    handed_on = next(task["pep668.provision.pip"] for task in tasks if "pep668.provision.pip" in task)
    assert set(handed_on) == set(system_pip.FIELDS)
    specs = read_yaml(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    text = " ".join(specs["python_system_pip"]["description"])
    assert [name for name in system_pip.FIELDS if f"C({name})" not in text] == []


@pytest.mark.parametrize("module", MODULES, ids=[path.stem for path in MODULES])
def test_module_is_in_the_action_group_if_it_takes_the_settings(module: Path) -> None:
    runtime = read_yaml(CHECKOUT / "meta" / "runtime.yml")
    fragments = yaml.safe_load(constant(module, "DOCUMENTATION")).get("extends_documentation_fragment", ())
    takes_settings = "pep668.provision.settings" in fragments
    assert (module.stem in runtime["action_groups"]["provision"]) is takes_settings


@pytest.mark.parametrize("module", MODULES, ids=[path.stem for path in MODULES])
def test_module_documents_examples_and_results(module: Path) -> None:
    documentation = yaml.safe_load(constant(module, "DOCUMENTATION"))
    assert documentation["module"] == module.stem
    assert yaml.safe_load(constant(module, "EXAMPLES"))
    assert yaml.safe_load(constant(module, "RETURN"))


def test_role_takes_one_call_and_one_include_on_a_converged_host() -> None:
    (block,) = read_yaml(ROLE / "tasks" / "main.yml")
    actions = [next(key for key in task if "." in key) for task in block["block"]]
    assert actions == ["pep668.provision.plan", "ansible.builtin.include_tasks"]
