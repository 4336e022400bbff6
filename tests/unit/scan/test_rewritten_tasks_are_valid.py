"""What is proposed is what Ansible and this collection's modules take: real syntax check, real argument validation."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from checkout import link_collection
from pep668_provision.engine.desired import validate
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.scan.cli import main
from pep668_provision.scan.scan import scan, scan_text

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
#: The variable that takes the entries of a module, for the modules that have one.
VARIABLES = {"venv": "python_venvs", "pip": "python_system_pip", "tool": "python_tools"}
CALLS = [
    "pip: {name: flask}",
    "pip: {name: [flask, 'gunicorn>=22'], state: latest, extra_args: '-i https://x/simple --extra-index-url https://y'}",
    "pip: {name: flask, executable: pip3.12, extra_args: --no-deps --pre}",
    "pip: {requirements: /srv/app/r.txt, extra_args: '-c /srv/app/c.txt'}",
    "pip: {requirements: r.txt, chdir: /srv/app, state: present}",
    "pip: {name: /srv/app, editable: true}",
    "pip: {name: docker, version: '7.1.0', umask: '0022', state: latest}",
    "pip: {name: [docker, requests], extra_args: --break-system-packages --no-deps, executable: pip3.11}",
    "pip: {name: ['black[d]==24.10.0', tox], state: latest, extra_args: --user -f /srv/wheels --trusted-host x}",
    "pip: {name: black, extra_args: --no-index --find-links /srv/wheels}",
    "pip: {name: black, executable: pip3.12}",
    "pip: {name: 'app @ https://example.org/app.whl'}",
    "command: pip3 install -r /srv/app/r.txt -e /srv/app",
    "command: pip config --global set global.break-system-packages true",
    "ini_file: {path: /root/.pip/pip.conf, option: break-system-packages, value: 'true'}",
    "ini_file: {path: ~/.config/pip/pip.conf, option: break-system-packages, value: 'true'}",
    "ini_file: {path: /home/app/.config/pip/pip.conf, option: break-system-packages, value: 'true'}",
    "file: {path: /usr/lib/python3.11/EXTERNALLY-MANAGED, state: absent}",
]


def constant(path: Path, name: str) -> Any:
    """The text of a constant in a file that cannot be imported here, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{path} has no {name}")


def argument_spec(options: Mapping[str, Any]) -> dict[str, Any]:
    """The specification that documented options stand for; ansible-test holds the documentation to the code."""
    spec = {}
    for name, option in options.items():
        kept = {key: value for key, value in option.items() if key in ("type", "elements", "choices", "required")}
        spec[name] = {**kept, **({"options": argument_spec(option["suboptions"])} if "suboptions" in option else {})}
    return spec


def problems(module: str, arguments: Mapping[str, Any]) -> list[str]:
    """What is wrong with the arguments of one of this collection's modules."""
    documented = yaml.safe_load(constant(CHECKOUT / "plugins" / "modules" / f"{module}.py", "DOCUMENTATION"))
    shared = yaml.safe_load(constant(CHECKOUT / "plugins" / "doc_fragments" / "settings.py", "DOCUMENTATION"))
    spec = argument_spec({**shared["options"], **documented["options"]})
    found: list[str] = list(ArgumentSpecValidator(spec).validate(dict(arguments)).error_messages)
    if module in VARIABLES:
        own = {name: value for name, value in arguments.items() if name not in shared["options"]}
        settings = {name: value for name, value in arguments.items() if name in shared["options"]}
        entries = [own]
        if module == "tool":
            entries = [{**tool, "scope": own.get("scope", "global")} for tool in own["tools"]]
        try:
            validate({VARIABLES[module]: entries, **settings})
        except ProvisionError as error:
            found.append(str(error))
    return found


def own_calls(tasks: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The calls of this collection's modules, wherever they are in loaded YAML."""
    if isinstance(tasks, dict):
        for name, value in tasks.items():
            if str(name).startswith("pep668.provision."):
                yield str(name).rpartition(".")[2], value or {}
            else:
                yield from own_calls(value)
    elif isinstance(tasks, list):
        for one in tasks:
            yield from own_calls(one)


def literal(value: Any) -> Any:
    """The same with something in the place of each template."""
    if isinstance(value, str):
        return (
            value.replace("{{ shop_dir }}", "/srv/shop")
            .replace("{{ item }}", "six")
            .replace("{{ flask_version }}", "3")
        )
    if isinstance(value, dict):
        return {name: literal(one) for name, one in value.items()}
    return [literal(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("call", CALLS)
def test_a_rewritten_call_has_arguments_that_its_module_takes(call: str, tmp_path: Path) -> None:
    file = tmp_path / "tasks.yml"
    module, _, arguments = call.partition(": ")
    file.write_text(f"- name: A task\n  {call}\n")
    (finding,) = scan([str(file)]).findings
    assert finding.edits or "account" in finding.left, finding.left
    made = list(own_calls(yaml.safe_load(finding.proposal)))
    assert made, (module, arguments)
    assert [problems(name, given) for name, given in made] == [[] for _ in made]


def test_every_proposal_for_the_roles_has_arguments_that_its_module_takes() -> None:
    findings = scan([str(HERE / "fixtures")]).findings
    proposals = [one.proposal for one in findings if one.proposal and not one.path.endswith("Dockerfile")]
    made = [call for proposal in proposals for call in own_calls(literal(yaml.safe_load(proposal)))]
    assert len(made) >= 20
    assert [(name, given, found) for name, given in made if (found := problems(name, given))] == []


def test_rewritten_roles_pass_the_syntax_check(tmp_path: Path) -> None:
    for role in ("pip_role", "docker_host", "application"):
        shutil.copytree(HERE / "fixtures" / role, tmp_path / "roles" / role)
    shutil.copytree(HERE / "fixtures" / "playbook", tmp_path, dirs_exist_ok=True)
    (tmp_path / "all.yml").write_text(
        "- import_playbook: site.yml\n- hosts: all\n  roles: [pip_role, docker_host, application]\n"
    )
    main(["scan", "--fix", str(tmp_path)])
    assert "pep668.provision" in (tmp_path / "roles" / "docker_host" / "tasks" / "main.yml").read_text()
    collections = str(link_collection())
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", "--syntax-check", "all.yml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_HOME": str(tmp_path / "ansible")},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_proposal_for_several_tasks_is_a_list_of_tasks() -> None:
    _, (finding,) = scan_text("- pip: {name: [docker, flask, black]}\n", Path("tasks.yml"))
    assert len(yaml.safe_load(finding.proposal)) == 3
