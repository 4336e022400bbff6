"""Nothing is missing in the reference, and what it adds to the sources is true."""

from __future__ import annotations

import ast
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkout import CHECKOUT
from docs.generator import ansible_reference, pyinfra_reference, truth_table
from docs.generator.markup import to_markdown
from pep668_provision.engine.audit.rules import RULES
from pep668_provision.engine.desired import validate


def shown(site: Path, name: str) -> str:
    """What is to be read on a page."""
    text = (site / name).read_text()
    article = re.search(r"<article.*</article>", text, re.DOTALL)
    assert article is not None
    return unescape(re.sub(r"<[^>]+>", "", article.group()))


def headings(site: Path, name: str) -> list[str]:
    text = (site / name).read_text()
    found = re.findall(r"<h[123] id=[^>]*>(.*?)<a class=\"headerlink\"", text, re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", "", one)).strip() for one in found]


def described(file: Path) -> Any:
    """The DOCUMENTATION of a module or plugin, read without ansible-doc."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
            return yaml.safe_load(ast.literal_eval(node.value))
    raise AssertionError(f"{file} has no DOCUMENTATION")


MODULES = sorted((CHECKOUT / "plugins" / "modules").glob("*.py"))
PLUGINS = [file for kind in ("lookup", "filter", "test") for file in sorted((CHECKOUT / "plugins" / kind).glob("*.py"))]
SPECS = yaml.safe_load((CHECKOUT / "roles" / "python" / "meta" / "argument_specs.yml").read_text())
VARIABLES = SPECS["argument_specs"]["main"]["options"]


@pytest.mark.parametrize("module", MODULES, ids=lambda file: file.stem)
def test_a_module_has_its_page_with_every_option(site: Path, module: Path) -> None:
    name = f"reference/modules/{module.stem}.html"
    assert f"pep668.provision.{module.stem}" in headings(site, name)[0]
    for option in described(module).get("options", {}):
        assert option in headings(site, name), option
    assert module.stem in shown(site, "reference/modules/index.html")


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_has_what_a_manual_has(site: Path, variable: str) -> None:
    assert variable in headings(site, "reference/role.html")
    text = shown(site, "reference/role.html")
    section = text[text.index(f"\n{variable}") :]
    option = VARIABLES[variable]
    kind = {"raw": "list of entries"}.get(option["type"], option["type"])
    for what in (kind, *option.get("choices", ()), json.dumps(option["default"])):
        assert what in section[:3000], what
    # Its example is what the engine takes.
    example = yaml.safe_load(ansible_reference.example_of(variable))
    assert variable in example
    if variable != "python_bootstrap":
        assert validate(example)


def test_every_playbook_has_its_variables(site: Path) -> None:
    text = yaml.safe_load((CHECKOUT / "docs" / "generator" / "calls.yml").read_text())
    files = ansible_reference.playbook_files()
    assert sorted(text) == [file.stem for file in files]
    for file in files:
        assert f"pep668.provision.{file.stem}" in headings(site, "reference/playbooks.html")
        assert set(text[file.stem]["variables"]) == ansible_reference.variables_taken(file), file.stem


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda file: file.stem)
def test_a_plugin_is_described(site: Path, plugin: Path) -> None:
    found = headings(site, "reference/plugins.html")
    assert f"pep668.provision.{plugin.stem} ({plugin.parent.name})" in found
    for option in described(plugin).get("options", {}):
        assert option in found, option


def test_every_fact_operation_and_deploy_is_described(site: Path) -> None:
    kinds = {
        "facts": ["PythonHost", "Audit", "ProvisionPlan", "ProvisionRehearsal"],
        "operations": ["venv", "tools", "libraries", "system_pip", "system_packages", "protection"],
        "deploys": ["provision"],
    }
    for kind, names in kinds.items():
        page = f"reference/pyinfra_{kind}.html"
        # What is public there, by its name, whichever way it is made.
        tree = ast.parse((pyinfra_reference.PACKAGE / f"{kind}.py").read_text())
        public = {one.name for one in tree.body if isinstance(one, (ast.FunctionDef, ast.ClassDef))}
        left = {name for name in public if not name.startswith("_")} - set(names)
        assert left <= {"provide", "StateFact"}, left
        text = shown(site, page)
        for name in names:
            assert name in headings(site, page)
        for described_ in getattr(pyinfra_reference, kind)():
            for argument in described_.arguments:
                assert argument in text, argument


def test_every_rule_of_the_audit_has_its_section(site: Path) -> None:
    found = headings(site, "findings.html")
    assert [rule.id for rule in RULES if rule.id not in found] == []


def test_the_truth_table_is_the_engines() -> None:
    assert truth_table.PAGE.read_text() == truth_table.page_with_table()


def test_the_truth_table_tells_pips_apart() -> None:
    table = truth_table.truth_table()
    assert "| marked | before 23.0 | allowed | allowed | unsupported | allowed |" in table
    assert "| marked | 23.0.1 and later | blocked | blocked | allowed | allowed |" in table


def test_every_recipe_and_guide_can_be_reached(site: Path) -> None:
    start = (site / "index.html").read_text()
    for page in (CHECKOUT / "docs").rglob("*.md"):
        name = page.relative_to(CHECKOUT / "docs").with_suffix(".html")
        assert f'href="{name}"' in start, name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "V(auto) follows O(python_installer).", "`auto` follows `python_installer`.", id="value and option"
        ),
        pytest.param("C(<path>.d/<digest>)", "`<path>.d/<digest>`", id="code with brackets"),
        pytest.param("M(pep668.provision.venv)", "[`pep668.provision.venv`](x/venv.md)", id="own module"),
        pytest.param("O(pep668.provision.tool#module:tools)", "`tools`", id="option of another module"),
        pytest.param("a <b> and 2 * 3", "a &lt;b> and 2 \\* 3", id="signs of Markdown"),
        pytest.param("C(name(x\\))", "`name(x)`", id="a bracket in it"),
        pytest.param("L(pip,https://pip.pypa.io)", "[pip](https://pip.pypa.io)", id="link"),
    ],
)
def test_ansibles_markup_becomes_markdown(text: str, expected: str) -> None:
    assert to_markdown(text, to_modules="x/") == expected
