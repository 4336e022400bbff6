"""The same interface in each of its places: role, modules, pyinfra, documentation, the engine's data model."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pep668_provision import declared
from pep668_provision.engine import desired, system_pip

CHECKOUT = Path(__file__).resolve().parents[2]
ROLE = CHECKOUT / "roles" / "python"
MODULES = sorted((CHECKOUT / "plugins" / "modules").glob("*.py"))
PAGES = sorted([CHECKOUT / "README.md", *CHECKOUT.glob("docs/**/*.md")])
#: Words of the documentation that only begin as variables do: a module, a field of results, a misspelt variable.
NO_VARIABLES = {"python_info", "python_version", "python_vens"}


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


def documented_options(fragment: str) -> dict[str, dict[str, Any]]:
    """The options that a documentation fragment of this collection describes."""
    path = CHECKOUT / "plugins" / "doc_fragments" / f"{fragment}.py"
    options: dict[str, dict[str, Any]] = yaml.safe_load(constant(path, "DOCUMENTATION", within="ModuleDocFragment"))[
        "options"
    ]
    return options


def test_module_plan_takes_every_variable_of_the_role_with_its_default() -> None:
    options = {**documented_options("plan"), **documented_options("settings")}
    # Names for warnings about misspelt ones, no part of what is declared.
    del options["variable_names"]
    defaults = read_yaml(ROLE / "defaults" / "main.yml")
    del defaults["python_bootstrap"]
    assert {name: option["default"] for name, option in options.items()} == defaults


def test_role_hands_every_variable_on_to_the_modules() -> None:
    (block,) = read_yaml(ROLE / "tasks" / "main.yml")
    handed_on = {name: value for options in block["module_defaults"].values() for name, value in options.items()}
    del handed_on["variable_names"]
    assert handed_on == {name: f"{{{{ {name} }}}}" for name in desired.VARIABLES}


def test_pyinfra_tells_what_is_provided_from_how_as_the_module_plan_does() -> None:
    what = {*documented_options("plan")} - {"variable_names"}
    assert {*declared.ENTRIES, *declared.PROTECTION} == what
    assert {*declared.settings_in(dict.fromkeys(desired.VARIABLES))} == {*documented_options("settings")}


def test_operation_venv_takes_the_keys_of_an_entry_with_the_defaults_of_the_module() -> None:
    body = ast.parse((CHECKOUT / "src" / "pep668_provision" / "operations.py").read_text()).body
    (function,) = (node for node in body if isinstance(node, ast.FunctionDef) and node.name == "venv")
    values = [ast.literal_eval(default) for default in function.args.defaults]
    names = [argument.arg for argument in function.args.args]
    defaults = dict(zip(names[-len(values) :], values, strict=True))
    options = yaml.safe_load(constant(CHECKOUT / "plugins" / "modules" / "venv.py", "DOCUMENTATION"))["options"]
    assert set(names) == set(options)
    assert {name: [*value] if isinstance(value, tuple) else value for name, value in defaults.items()} == {
        name: option["default"] for name, option in options.items() if "default" in option
    }


@pytest.mark.parametrize("variable", ["python_venvs", "python_tools"])
def test_role_documents_the_entries_of_a_list_by_their_keys_or_their_module(variable: str) -> None:
    options = read_yaml(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    text = " ".join(options[variable]["description"])
    if variable == "python_venvs":
        assert "each entry has the options of the module M(pep668.provision.venv)" in text
    else:
        assert [name for name in desired._TOOL_FIELDS if f"C({name})" not in text] == []


def variables_of(text: str) -> set[str]:
    """The words of a text that could be variables of the role."""
    return set(re.findall(r"(?<![\w./-])python_[a-z_]*[a-z](?![\w*])", text)) - NO_VARIABLES


@pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(CHECKOUT)) for path in PAGES])
def test_documentation_knows_no_other_variables(page: Path) -> None:
    assert variables_of(page.read_text()) - {*desired.VARIABLES, "python_bootstrap"} == set()


def test_documentation_names_every_variable() -> None:
    named = variables_of("\n".join(page.read_text() for page in PAGES))
    assert {*desired.VARIABLES, "python_bootstrap"} - named == set()


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
