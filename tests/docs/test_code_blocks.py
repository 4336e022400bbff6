"""What is shown in README.md, CONTRIBUTING.md and docs/ can be pasted: it parses, and what it names is there."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyinfra.api.arguments import all_global_arguments

from checkout import CHECKOUT
from docs.generator import ansible_reference
from pep668_provision.engine.desired import validate
from pep668_provision.scan.cli import main as scan
from tests.docs.code_blocks import Block, blocks, read_yaml
from tests.docs.test_reference import MODULES, PLUGINS, VARIABLES, described

BLOCKS = blocks()
COLLECTION = "pep668.provision"
#: What stands for a template where a value has to be one that the engine takes.
FILLED_IN = "/home/alice"
PLAYBOOKS = [file.stem for file in ansible_reference.playbook_files()]
#: What is shown to be replaced.
BEFORE = ("ansible.builtin.pip", "geerlingguy.pip", "EXTERNALLY-MANAGED")


def of(*languages: str) -> list[Any]:
    return [pytest.param(block, id=block.place) for block in BLOCKS if block.language in languages]


def test_there_are_blocks_of_each_kind() -> None:
    counts = {
        language: sum(block.language == language for block in BLOCKS) for language in ("yaml", "sh", "python", "")
    }
    assert min(counts.values()) > 5, counts


def plays_of(block: Block) -> list[Any]:
    """What is in a YAML block as plays: tasks get one around them, what is neither is none."""
    data = read_yaml(block)
    if not isinstance(data, list):
        return []
    if all("hosts" in one or "ansible.builtin.import_playbook" in one for one in data):
        return data
    if all("run" in one or "uses" in one for one in data):
        return []  # steps of a workflow
    return [{"hosts": "all", "gather_facts": False, "tasks": data, "handlers": list(handlers_for(data))}]


def handlers_for(tasks: list[Any]) -> Iterator[dict[str, Any]]:
    for name in {name for task in tasks for name in listed(task.get("notify", []))}:
        yield {"name": name, "ansible.builtin.debug": {"msg": name}}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def tasks_of(plays: list[Any]) -> Iterator[dict[str, Any]]:
    waiting = [
        one for play in plays for key in ("pre_tasks", "tasks", "post_tasks", "handlers") for one in play.get(key) or ()
    ]
    while waiting:
        task = waiting.pop()
        yield task
        waiting += [one for key in ("block", "rescue", "always") for one in task.get(key, ())]


@pytest.mark.parametrize("block", of("yaml", "yml"))
def test_yaml_is_read(block: Block) -> None:
    data = read_yaml(block)
    assert isinstance(data, (list, dict)), data
    if isinstance(data, Mapping) and any(str(key).startswith("python_") for key in data):
        check_declared(data)
    for play in plays_of(block):
        for role in listed(play.get("roles", [])):
            values = role if isinstance(role, Mapping) else {}
            if values.get("role", role) == f"{COLLECTION}.python":
                check_declared({**play.get("vars", {}), **values, **values.get("vars", {})})
    for task in tasks_of(plays_of(block)):
        for name, options in task.items():
            if name.startswith(f"{COLLECTION}."):
                check_options(name.removeprefix(f"{COLLECTION}."), options or {})


def check_declared(values: Mapping[str, Any]) -> None:
    """What a block declares is accepted by the engine; keys are the role's."""
    named = {key: value for key, value in values.items() if str(key).startswith("python_")}
    assert set(named) <= set(VARIABLES)
    named.pop("python_bootstrap", None)
    # A value that only a run knows stands for one that is right.
    filled = json.loads(re.sub(r"\{\{.*?\}\}", FILLED_IN, json.dumps(named)).replace("<64 digits>", "0" * 64))
    validate(filled)


@cache
def options_of(module: str) -> frozenset[str]:
    return frozenset(ansible_reference.meanings_of(module, to_modules=""))


def check_options(module: str, options: Mapping[str, Any]) -> None:
    assert module in {file.stem for file in MODULES}, module
    assert set(options) <= options_of(module)


def test_playbooks_pass_ansibles_own_check(tmp_path: Path) -> None:
    """All of them in one call, for it takes a second to start."""
    # Roles that others make: only their names are needed.
    (tmp_path / "roles" / "geerlingguy.pip" / "tasks").mkdir(parents=True)
    (tmp_path / "roles" / "geerlingguy.pip" / "tasks" / "main.yml").write_text("[]\n")
    files = {}
    for block in BLOCKS:
        if block.language == "yaml" and plays_of(block):
            files[block.place] = tmp_path / f"{re.sub('[^a-z0-9]+', '_', block.place.lower())}.yml"
            files[block.place].write_text(yaml.safe_dump(plays_of(block), sort_keys=False))
    assert len(files) > 20
    command = ["ansible-playbook", "--syntax-check", "-i", "localhost,", *map(str, files.values())]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", of("yaml", "dockerfile"))
def test_what_is_recommended_has_no_finding(block: Block, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that finds calls of pip in the system's Python finds none in what these pages say to write."""
    file = tmp_path / ("Dockerfile" if block.language == "dockerfile" else "site.yml")
    file.write_text(block.text)
    status = scan(["scan", str(file)])
    if status and any(word in block.text for word in BEFORE):
        assert block.file == "docs/migration.md", "what is replaced is shown there alone"
        return
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize("block", of("python"))
def test_python_compiles_and_names_what_exists(block: Block) -> None:
    tree = ast.parse(block.text)
    operations: dict[str, Any] = {}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.split(".")[0] in ("pep668_provision", "pyinfra")
        ):
            module = importlib.import_module(node.module)
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
                elif node.module == "pep668_provision.operations":
                    operations[alias.asname or alias.name] = getattr(module, alias.name)
    everywhere = {name for name, _ in all_global_arguments()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in operations:
            known = set(inspect.signature(operations[node.func.id]).parameters) | everywhere
            assert {one.arg for one in node.keywords if one.arg} <= known


@pytest.mark.parametrize("block", of("json"))
def test_json_is_read(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", of("sh"))
def test_a_shell_reads_it(block: Block) -> None:
    subprocess.run(["sh", "-n"], input=block.text, text=True, check=True)


@cache
def options_in_help(*command: str) -> frozenset[str]:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True, env=environment)
    return frozenset(re.findall(r"(?<![\w-])--?[a-z][\w-]*", done.stdout + done.stderr, re.IGNORECASE))


def commands_in(block: Block) -> Iterator[list[str]]:
    """The commands of a shell block and of an indented one, each as words."""
    for line in block.text.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line.removeprefix("$ "), comments=True)
        except ValueError:
            continue  # prose, or output
        start = 0
        for place, word in enumerate([*words, ";"]):
            if word in ("&&", "|", ";", "||"):
                if words[start:place]:
                    yield words[start:place]
                start = place + 1


#: The programs whose options are looked up, by what their help is asked with.
HELP = {"ansible-playbook": ("ansible-playbook",), "pyinfra": ("pyinfra",), "ansible-lint": ("ansible-lint",)}
SCAN = (sys.executable, "-c", "from pep668_provision.scan.cli import main; raise SystemExit(main())", "scan")


@pytest.mark.parametrize("block", of("sh", "console", ""))
def test_commands_name_what_exists(block: Block) -> None:
    for words in commands_in(block):
        program = words[0].rpartition("/")[2]
        if words[0].startswith("scripts/"):
            assert (CHECKOUT / words[0]).is_file(), words
        if words[0] == "scripts/test" and len(words) > 1 and words[1][0] not in "[#":
            assert f" {words[1]} " in (CHECKOUT / "scripts" / "test").read_text(), words
        if program in HELP:
            # "…" stands for what is left out.
            given = {word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-zA-Z]", word)}
            given = {word for word in given if word.startswith("--") or len(word) == 2}
            assert given <= options_in_help(*HELP[program]), words
        if program == "pep668-provision" and len(words) > 1 and words[1] == "scan":
            given = {word.partition("=")[0] for word in words[2:] if word.startswith("--")}
            assert given <= options_in_help(*SCAN), words
        if program == "nox":
            named = [one for flag, one in pairwise(words) if flag == "-s"]
            assert set(named) <= set(
                re.findall(r"^def (\w+)\(session", (CHECKOUT / "noxfile.py").read_text(), re.MULTILINE)
            )
        check_variables(program, words)


def check_variables(program: str, words: list[str]) -> None:
    """-e NAME=VALUE of a playbook of the collection is one of its variables or the role's."""
    called = next((word.removeprefix(f"{COLLECTION}.") for word in words if word.startswith(f"{COLLECTION}.")), None)
    if program != "ansible-playbook" or called is None:
        return
    assert called in PLAYBOOKS, words
    text = yaml.safe_load((CHECKOUT / "docs" / "generator" / "calls.yml").read_text())
    known = set(text[called]["variables"]) | set(VARIABLES)
    for flag, value in pairwise(words):
        if flag == "-e" and not value.startswith("@") and not value.startswith("ansible_"):
            names = json.loads(value) if value.startswith("{") else [value.partition("=")[0]]
            assert set(names) <= known, words


@pytest.mark.parametrize("block", of("sh", "console", "", "yaml", "python", "text"))
def test_names_of_the_collection_and_the_package_exist(block: Block) -> None:
    known = {file.stem for file in (*MODULES, *PLUGINS)} | set(PLAYBOOKS) | {"python", "provision"}
    for name in re.findall(rf"\b{re.escape(COLLECTION)}\.(\w+)", block.text):
        assert name in known, f"{block.place}: {name}"
    for module, name in re.findall(r"\bpep668_provision\.(facts|operations|deploys)\.(\w+)", block.text):
        assert hasattr(importlib.import_module(f"pep668_provision.{module}"), name), f"{block.place}: {name}"


def test_the_first_command_of_the_start_runs() -> None:
    """It changes nothing, so it is run here as it is shown."""
    block = next(one for one in BLOCKS if one.file == "docs/start.md" and "provision.explain" in one.text)
    command = shlex.split(block.text.replace("~/provision/bin/", ""))
    # Discovery can pick a shim that does not run.
    environment = {**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"-m pip install (stops|fails|goes through)", done.stdout), done.stdout


def test_described_reads_what_ansible_doc_reads() -> None:
    """The tests of the reference read DOCUMENTATION by themselves; fragments come on top of that."""
    for module in MODULES:
        assert set(described(module).get("options", {})) <= options_of(module.stem)
