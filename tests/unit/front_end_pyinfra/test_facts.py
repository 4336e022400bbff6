"""Facts: what is asked of a host, and what comes of what it prints; a data file below facts/ for each case.

data, files, arguments: what the fact is given; command: as it is printed; request: what travels in it; prints: what the
host does then (see fake_hosts.printed); fact: what the fact is; log: what is said; refused: why nothing is asked.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra.api.exceptions import OperationValueError
from pyinfra.api.facts import FactBase

from pep668_provision.facts import Audit, ProvisionPlan, ProvisionRehearsal, PythonHost

from .fake_hosts import WEB, FakeRun, cases, read_case, request_in, without_host

KEYS = ("about", "data", "files", "arguments", "command", "request", "prints", "fact", "log", "refused")
FACTS: dict[str, type[FactBase[dict[str, object]]]] = {
    "PythonHost": PythonHost,
    "Audit": Audit,
    "ProvisionPlan": ProvisionPlan,
    "ProvisionRehearsal": ProvisionRehearsal,
}


@pytest.mark.parametrize(
    "path",
    [pytest.param(*case.values, id=f"{fact}-{case.id}") for fact in FACTS for case in cases(f"facts/{fact}")],
)
def test_a_fact_is_what_its_data_file_says(
    path: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = read_case(path, KEYS)
    arguments = case.get("arguments", {})
    monkeypatch.chdir(tmp_path)
    for name, text in case.get("files", {}).items():
        (tmp_path / name).write_text(text)
    run = FakeRun(case.get("data", {}), log=caplog)
    caplog.clear()
    fact = FACTS[path.parent.name]
    if "refused" in case:
        with pytest.raises(OperationValueError) as refused:
            run.fact(fact, arguments, {})
        assert without_host(str(refused.value)).splitlines() == case["refused"]
        assert run.sent == []
        return
    assert run.fact(fact, arguments, case["prints"]) == case["fact"]
    (sent,) = run.sent
    assert sent.text == case["command"]
    assert request_in(sent.line) == case["request"]
    assert run.said(run.host) == case.get("log", [])
    assert run.failed == ([WEB] if case.get("log") else [])
