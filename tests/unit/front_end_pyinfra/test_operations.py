"""Operations and the deploy: what they do to a host, by what it answers; a data file for each case.

data, files, arguments: what is declared and called (others: the data of the other host, where it has its own)
diff: whether pyinfra is asked for differences, as by --diff
name: what the operation is called
answers: what the plans of the host are, in a stage that has none of its own
prepare, execute: a stage's answers, its replies to other commands, its log as the user reads it, and the commands that
    were run (those of a dry run are in its log)
changes: whether the dry run foresees any
failed: whether the host is left out in the end
refused: why nothing is asked of the host at all
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api.exceptions import OperationValueError

from pep668_provision.deploys import provision
from pep668_provision.operations import libraries, protection, system_packages, system_pip, tools, venv

from .fake_hosts import WEB, FakeRun, cases, read_case, without_host

KEYS = (
    "about",
    "data",
    "others",
    "diff",
    "files",
    "arguments",
    "name",
    "answers",
    "prepare",
    "changes",
    "execute",
    "failed",
    "refused",
)
STAGE_KEYS = {"answers", "replies", "log", "commands"}
FOLDERS: dict[str, Callable[..., Any]] = {
    "operations/venv": venv,
    "operations/tools": tools,
    "operations/libraries": libraries,
    "operations/system_packages": system_packages,
    "operations/protection": protection,
    "operations/system_pip": system_pip,
    "deploys/provision": provision,
}


@pytest.mark.parametrize(
    ("operate", "path"),
    [pytest.param(FOLDERS[one], *case.values, id=f"{one}-{case.id}") for one in FOLDERS for case in cases(one)],
)
def test_an_operation_does_what_its_data_file_says(
    operate: Callable[..., Any],
    path: Path,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = read_case(path, KEYS)
    arguments = case.get("arguments", {})
    monkeypatch.chdir(tmp_path)
    for name, text in case.get("files", {}).items():
        (tmp_path / name).write_text(text)
    run = FakeRun(case.get("data", {}), log=caplog, others=case.get("others"), diff=case.get("diff", False))
    if "refused" in case:
        with pytest.raises(OperationValueError) as refused:
            run.prepare(operate, arguments)
        assert without_host(str(refused.value)).splitlines() == case["refused"]
        assert run.sent == []
        return

    prepare, execute = case["prepare"], case.get("execute")
    assert prepare.keys() | (execute or {}).keys() <= STAGE_KEYS
    answers = prepare.get("answers", case.get("answers", []))
    stage = run.prepare(operate, arguments, answers=answers, replies=prepare.get("replies"))
    assert stage.log == prepare["log"]
    assert len(stage.plans) == len(answers)
    assert run.names == [case["name"]]
    assert run.foreseen is case["changes"]
    # Whatever happens to this host, the other one goes on.
    assert run.failed == ([WEB] if execute is None else [])
    if execute is None:
        assert case["failed"]
        assert run.execute().plans == []
        return

    answers = execute.get("answers", case.get("answers", []))
    stage = run.execute(answers=answers, replies=execute.get("replies"))
    assert stage.log == execute["log"]
    assert stage.commands == execute["commands"]
    assert len(stage.plans) == len(answers)
    assert run.failed == ([WEB] if case.get("failed") else [])
    assert run.said(run.other)[-1] == "No changes"
