"""Credentials reach the host on the standard input of a command, and are nowhere else: no name, text, log, argument."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api.exceptions import OperationValueError

from pep668_provision.declared import Declared, read_variables
from pep668_provision.deploys import provision
from pep668_provision.operations import tools, venv

from .fake_hosts import ENGINE, FakeRun, Stage, request_in

SECRET = "s3cr3t"
STEPS = {
    "venvs": [{"position": 0, "path": "/srv/a", "action": "create", "reasons": ["it is not there"]}],
    "steps": [{"action": "create", "kind": "venv", "name": "/srv/a", "reasons": ["it is not there"]}],
}
TOOL_STEPS = {
    "tools": [{"position": 0, "name": "alpha", "action": "create", "reasons": ["it is not there"]}],
    "steps": [{"action": "create", "kind": "tool", "name": "alpha", "reasons": ["it is not there"]}],
}
VENV: dict[str, Any] = {"path": "/srv/a"}


@pytest.fixture
def echoed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What pyinfra writes without its log: inputs and outputs of commands."""
    lines: list[str] = []
    monkeypatch.setattr("pyinfra.api.output._echo", lambda message=None, **_: lines.append(str(message)))
    return lines


def chatty(run: FakeRun) -> FakeRun:
    """As with -vvv."""
    run.state.print_input = run.state.print_output = True
    run.state.print_fact_info = run.state.print_fact_input = run.state.print_fact_output = True
    return run


def everything_printable(run: FakeRun, stages: list[Stage], seen: list[str], log: pytest.LogCaptureFixture) -> str:
    operations = list(run.state.ops[run.host].values())
    commands = [command for one in operations for command in one.operation_meta._commands or ()]
    shown = [line for stage in stages for line in (*stage.log, *stage.commands)]
    shown += [*run.names, *seen, *(record.getMessage() for record in log.get_records("call"))]
    shown += [f"{command} {command!r} {command.connector_arguments}" for command in commands]
    shown += [str(one) for meta in run.state.op_meta.values() for one in meta.args]
    # What stands in argument lists: every account of the host can read them.
    shown += [sent.line for sent in run.sent]
    return "\n".join(shown)


@pytest.mark.parametrize(
    ("operate", "data", "arguments", "secrets"),
    [
        pytest.param(
            provision,
            {"python_venvs": [VENV], "python_index_url": f"https://reader:{SECRET}@index.example/simple"},
            {},
            [SECRET],
            id="in the URL of an index",
        ),
        pytest.param(
            provision,
            {"python_venvs": [VENV], "python_index_url": "https://reader:p%40ss%2Fword@index.example/simple"},
            {},
            ["p%40ss%2Fword", "p@ss/word"],
            id="percent-encoded",
        ),
        pytest.param(
            provision,
            {"python_venvs": [VENV], "python_index_username": "reader", "python_index_password": SECRET},
            {},
            [SECRET],
            id="the password of an index",
        ),
        pytest.param(
            provision,
            {
                "python_venvs": [VENV],
                "python_extra_index_urls": ["https://extra.example/simple", f"https://{SECRET}@more.example/simple"],
                "python_find_links": [f"https://reader:f1nd{SECRET}@links.example/"],
                "python_proxy": f"http://reader:pr0xy{SECRET}@proxy.example:3128",
            },
            {},
            [SECRET],
            id="in every other URL of the settings",
        ),
        pytest.param(
            provision,
            {
                "python_tools": [
                    {
                        "name": "alpha",
                        "spec": f"alpha @ https://{SECRET}@files.example/alpha.whl",
                        "inject": [f"beta @ git+https://reader:g1t{SECRET}@files.example/beta.git"],
                    }
                ]
            },
            {},
            [SECRET],
            id="in the specs of a tool",
        ),
        pytest.param(
            venv,
            {},
            {**VENV, "packages": [f"alpha @ https://{SECRET}@files.example/alpha.whl"]},
            [SECRET],
            id="in a requirement, of an operation without a name",
        ),
        pytest.param(
            venv,
            {},
            {**VENV, "pip_args": [f"--extra-index-url=https://reader:{SECRET}@index.example/simple"], "_sudo": True},
            [SECRET],
            id="in an argument for pip, with sudo",
        ),
        pytest.param(
            tools,
            {"python_index_password": SECRET},
            {"tools": ["alpha"], "_su_user": "root"},
            [SECRET],
            id="the password of an index, with su",
        ),
    ],
)
def test_a_credential_is_on_the_standard_input_and_nowhere_else(
    operate: Callable[..., Any],
    data: dict[str, Any],
    arguments: dict[str, Any],
    secrets: list[str],
    caplog: pytest.LogCaptureFixture,
    echoed: list[str],
) -> None:
    run = chatty(FakeRun(data, log=caplog, diff=True))
    answer = {"plan": TOOL_STEPS if "tools" in arguments or "python_tools" in data else STEPS}
    kept = list(caplog.records)
    stages = [run.prepare(operate, arguments, answers=[answer])]
    kept += caplog.records
    stages.append(run.execute(answers=[answer]))
    caplog.handler.records[:] = [*kept, *caplog.records]

    printed = everything_printable(run, stages, echoed, caplog)
    assert "converge" in printed
    assert len(echoed) > 2
    assert [secret for secret in secrets if secret in printed] == []
    assert "****" in printed

    asked = [sent for sent in run.sent if sent.text.startswith(ENGINE)]
    assert [sent.text.removeprefix(ENGINE).split()[0] for sent in asked] == ["plan", "rehearse", "plan", "converge"]
    for sent in asked:
        request = request_in(sent.line)
        assert (request["ask"], request["declared"]) == (sent.text.removeprefix(ENGINE).split()[0], None)
        *_, line = sent.stdin
        assert secrets[0] in line
        assert any(name.startswith("python_") for name in json.loads(line))
        assert secrets[0] not in repr(sent.stdin)


def test_without_a_credential_nothing_is_on_the_standard_input(caplog: pytest.LogCaptureFixture) -> None:
    run = FakeRun({"python_index_url": "https://index.example/simple"}, log=caplog)
    run.prepare(
        venv, {**VENV, "packages": ["alpha @ git+ssh://git@files.example/alpha.git"]}, answers=[{"plan": STEPS}]
    )
    run.execute(answers=[{"plan": STEPS}])
    assert [list(sent.stdin) for sent in run.sent] == [[], [], []]
    assert "git+ssh://git@files.example" in str(request_in(run.sent[-1].line))


def test_a_credential_is_not_in_what_is_said_of_a_failure(caplog: pytest.LogCaptureFixture, echoed: list[str]) -> None:
    data = {"python_venvs": [VENV], "python_index_url": f"https://reader:{SECRET}@index.example/simple"}
    run = chatty(FakeRun(data, log=caplog, others={}))
    stage = run.prepare(provision, answers=[{"success": False, "stderr": ["sh: 1: python3: Input/output error"]}])
    assert stage.log[-1].startswith("Error: could not load fact: pep668_provision.facts.ProvisionPlan ")
    assert SECRET not in everything_printable(run, [stage], echoed, caplog)


@pytest.mark.parametrize(
    "value",
    ['"s3cr3t', "s3cr3t: x", "%s3cr3t", "@s3cr3t", '"s3cr3t{{"'],
    ids=["quote", "colon", "percent", "at", "brace"],
)
def test_an_error_in_a_file_of_variables_shows_no_password(tmp_path: Path, value: str) -> None:
    path = tmp_path / "site.yml"
    path.write_text(f"python_index_password: {value}\n")
    with pytest.raises(OperationValueError) as refused:
        read_variables(path)
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize("name", ["python_index_url", "python_extra_index_urls", "python_find_links"])
def test_a_url_that_lacks_its_scheme_is_refused_without_its_password(name: str) -> None:
    value = "reader:s3cr3t@index.example/simple"
    with pytest.raises(OperationValueError) as refused:
        Declared.accept({name: value if name == "python_index_url" else [value]})
    assert "s3cr3t" not in str(refused.value)


def test_an_accepted_state_is_represented_without_its_credentials() -> None:
    assert "s3cr3t" not in repr(Declared.accept({"python_index_password": "s3cr3t"}))


def test_what_pip_is_to_install_is_told_without_its_credentials() -> None:
    entry = {"name": ["six", "x @ https://me:s3cr3t@files.example/x.whl"], "externally_managed": "break"}
    assert str(Declared.accept({"python_system_pip": [entry]})) == (
        "call of pip six, x @ https://****@files.example/x.whl"
    )


def test_a_short_password_leaves_the_names_it_stands_in_as_they_are() -> None:
    declared = {"python_libraries": ["requests"], "python_index_password": "req", "python_index_username": "u"}
    assert Declared.accept(declared).without_credentials().desired.libraries == ("requests",)
