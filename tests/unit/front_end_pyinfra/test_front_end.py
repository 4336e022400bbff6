"""What the front-end promises beside single cases: its operations inside of others, its interface, its stages."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from dataclasses import fields
from importlib import import_module
from typing import Any

import pytest
from pyinfra.api.command import PyinfraCommand
from pyinfra.api.operation import operation
from pyinfra.operations import server

from pep668_provision.declared import ENTRIES
from pep668_provision.deploys import provision
from pep668_provision.engine import desired
from pep668_provision.engine.desired import VenvEntry
from pep668_provision.engine.os_packages import package_operation_options
from pep668_provision.engine.package_manager import MANAGERS, PackageManager
from pep668_provision.facts import ProvisionPlan, ProvisionRehearsal, PythonHost
from pep668_provision.operations import libraries, protection, system_packages, system_pip, tools, venv
from pep668_provision.remote import Call

from .fake_hosts import ENGINE, FakeRun, request_in

VENV: dict[str, Any] = {
    "plan": {
        "venvs": [{"position": 0, "path": "/srv/a", "action": "create", "reasons": ["it is not there"]}],
        "steps": [{"action": "create", "kind": "venv", "name": "/srv/a", "reasons": ["it is not there"]}],
    }
}
PACKAGE_AND_VENV: dict[str, Any] = {
    "plan": {
        **VENV["plan"],
        "system_packages": ["python3-venv"],
        "steps": [
            {"action": "install", "kind": "system_package", "name": "python3-venv", "reasons": ["it is needed"]},
            *VENV["plan"]["steps"],
        ],
    }
}


@operation()
def application(folder: str) -> Generator[PyinfraCommand | str]:
    """An operation of a user with one of ours inside."""
    yield f"mkdir {folder}"
    yield from venv._inner(path=f"{folder}/a", packages=["flask"])
    yield f"systemctl restart {folder}"


@operation()
def packages_of_an_application() -> Generator[PyinfraCommand | str]:
    """The same with one that takes some kinds of steps only."""
    yield from system_packages._inner(python_venvs=[{"path": "/srv/a"}])


def test_an_operation_works_inside_of_another(caplog: pytest.LogCaptureFixture) -> None:
    run = FakeRun({"python_index_url": "https://index.example/simple"}, log=caplog)
    prepared = run.prepare(application, {"folder": "/srv"})
    assert (run.foreseen, prepared.plans) == (True, [])
    executed = run.execute(answers=[VENV])
    setting, entry = "python_index_url='https://index.example/simple'", "{'path': '/srv/a', 'packages': ['flask']}"
    assert executed.commands == [
        "mkdir /srv",
        f"converge {setting} python_venvs=[{entry}]",
        "systemctl restart /srv",
    ]


def test_an_operation_inside_of_another_foresees_changes(caplog: pytest.LogCaptureFixture) -> None:
    run = FakeRun({}, log=caplog)
    prepared = run.prepare(packages_of_an_application, answers=[PACKAGE_AND_VENV])
    assert run.foreseen
    assert prepared.log[0] == "install python3-venv (it is needed)"
    executed = run.execute(answers=[PACKAGE_AND_VENV])
    assert [command.split()[-1] for command in executed.commands] == ["make_ready", "python3-venv"]


def test_an_operation_inside_of_another_says_that_there_is_nothing_to_do(caplog: pytest.LogCaptureFixture) -> None:
    run = FakeRun({}, log=caplog)
    assert run.prepare(packages_of_an_application).log == ["noop: everything is there: environment /srv/a"]
    assert run.execute().commands == []


def test_only_a_dry_run_lets_things_be_missing_that_earlier_operations_bring(caplog: pytest.LogCaptureFixture) -> None:
    run = FakeRun({}, log=caplog)
    prepared = run.prepare(venv, {"path": "/srv/a"}, answers=[VENV])
    executed = run.execute(answers=[VENV])
    requests = [request_in(sent.line) for sent in (*prepared.plans, *executed.plans)]
    assert [request["rehearsing"] for request in requests if request] == [True, False]


def test_the_way_to_roots_rights_is_that_of_the_operation(caplog: pytest.LogCaptureFixture) -> None:
    run = FakeRun({}, log=caplog)
    run.prepare(venv, {"path": "/srv/a", "_sudo": True, "_sudo_user": "app"}, answers=[PACKAGE_AND_VENV])
    run.execute(answers=[PACKAGE_AND_VENV])
    assert len(run.sent) == 7
    assert [sent.line for sent in run.sent if not sent.line.startswith("sudo -H -n -u app sh -c ")] == []


def test_operations_of_one_run_are_taken_one_after_another(caplog: pytest.LogCaptureFixture) -> None:
    run = FakeRun({}, log=caplog)
    run.prepare(venv, {"path": "/srv/a"}, answers=[VENV])
    run.prepare(server.shell, {"commands": ["true"], "name": "Something between"})
    run.prepare(libraries, {"libraries": ["requests"], "name": "Libraries"})
    assert run.names == ["Provide environment /srv/a", "Something between", "Libraries"]
    executed = run.execute(answers=[VENV])
    assert executed.commands == ["converge python_venvs=[{'path': '/srv/a'}]", "true"]
    assert [line for line in executed.log if line in ("Success", "No changes")] == ["Success", "Success", "No changes"]


def test_two_hosts_are_each_given_what_is_theirs(caplog: pytest.LogCaptureFixture) -> None:
    run = FakeRun({"python_venvs": [{"path": "/srv/a"}]}, others={"python_libraries": ["requests"]}, log=caplog)
    run.prepare(provision)
    # One operation with one name, whatever each host is about.
    assert run.names == ["pep668.provision | Provide what is declared"]
    assert run.said(run.other) == ["noop: everything is there: library requests"]
    assert run.said(run.host) == ["noop: everything is there: environment /srv/a"]


def test_arguments_of_venv_are_the_keys_of_an_entry_with_their_defaults() -> None:
    arguments = inspect.signature(venv).parameters
    assert list(arguments) == list(desired._VENV_FIELDS) == [field.name for field in fields(VenvEntry)]
    defaults = {field.name: field.default for field in fields(VenvEntry) if field.name != "path"}
    assert {name: one.default for name, one in arguments.items() if name != "path"} == defaults
    assert arguments["path"].default is inspect.Parameter.empty


def test_arguments_of_system_packages_are_what_is_declared_of_a_host() -> None:
    assert list(inspect.signature(system_packages).parameters) == list(ENTRIES)


@pytest.mark.parametrize(
    "operate", [venv, tools, libraries, system_packages, system_pip, protection], ids=lambda it: it.__name__
)
def test_operations_show_what_they_take_and_an_example(operate: Any) -> None:
    assert ".. code:: python" in operate.__doc__
    assert f"{operate.__name__}(" in operate.__doc__
    assert not {name for name in inspect.signature(operate).parameters if name.startswith("_") or name == "name"}


@pytest.mark.parametrize("fact", [PythonHost, ProvisionPlan, ProvisionRehearsal], ids=lambda it: it.__name__)
def test_facts_are_called_by_the_module_users_import(fact: Any) -> None:
    assert fact.name == f"pep668_provision.facts.{fact.__name__}"
    assert fact.default() == {}


@pytest.mark.parametrize("manager", MANAGERS.values(), ids=MANAGERS)
def test_pyinfra_has_an_operation_for_every_package_manager(manager: PackageManager) -> None:
    operate = import_module(f"pyinfra.operations.{manager.operations}").packages
    options = package_operation_options(manager, lock_timeout=300.5)
    inspect.signature(operate).bind(packages=["python3"], **options)
    inspect.signature(operate._inner).bind(packages=["python3"], **options)
    assert "{" not in str(list(options.values()))


def test_a_call_is_printed_without_what_makes_it_long() -> None:
    call = Call("python_info", further={"interpreters": ["/opt/python"]})
    assert str(call) == f'{ENGINE}python_info {{"interpreters": ["/opt/python"]}}'
    assert str(call.script()) == str(call)
    assert repr(call.script()) == repr(str(call))
