"""What goes wrong on one host, or with what the user gives, is told, and stops nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from pyinfra.api.exceptions import OperationValueError

from pep668_provision.operations import tools, venv

from .fake_hosts import WEB, FakeRun

VENV: dict[str, Any] = {
    "plan": {
        "venvs": [{"position": 0, "path": "/srv/a", "action": "create", "reasons": ["it is not there"]}],
        "steps": [{"action": "create", "kind": "venv", "name": "/srv/a", "reasons": ["it is not there"]}],
    }
}
MISSING = {"missing": "zypper present 0 python3"}


def test_a_host_that_still_has_no_python_fails_alone_and_is_told_why(caplog: pytest.LogCaptureFixture) -> None:
    """Its package is installed and does not run, say: pyinfra finds it installed and does nothing."""
    run = FakeRun({}, log=caplog)
    run.prepare(venv, {"path": "/srv/a"}, answers=[MISSING])
    stage = run.execute(answers=[MISSING, MISSING])
    assert run.failed == [WEB]
    assert "Python" in "\n".join(stage.log[1:])


def test_a_host_that_answers_nothing_in_the_run_is_told_why_it_fails(caplog: pytest.LogCaptureFixture) -> None:
    """As when pyinfra takes an account that sudo does not know for one that a later operation makes."""
    run = FakeRun({}, log=caplog)
    arguments = {"path": "/srv/a", "_sudo": True, "_sudo_user": "gone"}
    unknown = {"success": False, "stderr": ["sudo: unknown user gone"]}
    run.prepare(venv, arguments, answers=[unknown])
    stage = run.execute(answers=[unknown])
    assert run.failed == [WEB]
    assert "no answer" in "\n".join(stage.log)


def test_a_run_whose_answer_gets_lost_fails_that_host_alone(caplog: pytest.LogCaptureFixture) -> None:
    run = FakeRun({}, log=caplog)
    run.prepare(venv, {"path": "/srv/a"}, answers=[VENV])
    run.execute(answers=[VENV], replies={"converge": {"stdout": ["something else"]}})
    assert run.failed == [WEB]


@pytest.mark.parametrize("given", ["black", {"name": "black"}], ids=["a name", "an entry"])
def test_one_tool_is_not_taken_for_a_list_of_them(caplog: pytest.LogCaptureFixture, given: Any) -> None:
    """``pyinfra web pep668_provision.operations.tools black`` installs b, l, a, c and k."""
    run = FakeRun({}, log=caplog)
    with pytest.raises(OperationValueError):
        run.prepare(tools, {"tools": given})
    assert run.names == []


def test_a_refusal_names_the_host_whose_data_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    run = FakeRun({"python_installer": "pipp"}, log=caplog)
    with pytest.raises(
        OperationValueError, match=r"^@fake/web[12]: python_installer is 'pipp': allowed is one of auto"
    ):
        run.prepare(venv, {"path": "/srv/a"})
