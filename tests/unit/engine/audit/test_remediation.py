"""What of an audit is repaired, by which calls, in which order; and what is said of the rest."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from pep668_provision.engine.audit import remediation
from pep668_provision.engine.audit.finding import Rule
from pep668_provision.engine.audit.remediation import REPORT_SCHEMA, choose_calls, read_scope, record_host
from pep668_provision.engine.audit.repairing import ORDER, REPAIRING, find_refusal
from pep668_provision.engine.errors import ProvisionError

MARKER = "/usr/lib/python3.11/EXTERNALLY-MANAGED"
RESTORE = {"module": "marker", "arguments": {"path": MARKER}, "keeps": []}
NO_OVERRIDE = {
    "module": "pip_config",
    "arguments": {"level": "system", "path": "/etc/pip.conf", "break_system_packages": "absent"},
    "keeps": ["/etc/pip.conf"],
}
REMOVE = {
    "module": "pip",
    "arguments": {"name": ["six"], "state": "absent", "python": "/usr/bin/python3", "externally_managed": "break"},
    "keeps": ["/usr/local/lib/python3.11/dist-packages/six.py"],
}
REINSTALL = {"module": "package_manager", "arguments": {"reinstall": ["python3-six"]}, "keeps": []}
REBUILD = {"module": "venv", "arguments": {"path": "/srv/v"}, "keeps": ["/srv/v"]}
TOOL = {"module": "tool", "arguments": {"tools": [{"name": "black"}]}, "keeps": ["/opt/pipx/venvs/black"]}


def finding(id_: str, subject: str, *repairs: dict[str, Any]) -> dict[str, Any]:
    texts = {"title": f"title of {id_}", "severity": "error", "evidence": "evidence", "remedy": f"Mend {subject}."}
    return {"id": id_, "subject": subject, **texts, "repairs": list(repairs)}


def audit(*findings: dict[str, Any]) -> dict[str, Any]:
    return {"findings": list(findings), "unread": []}


MESSY = audit(
    finding("EM001", MARKER, RESTORE),
    finding("EM101", "/etc/pip.conf", NO_OVERRIDE),
    finding("EM102", "/etc/environment"),
    finding("EM201", "six", REMOVE),
    finding("EM202", "six", REMOVE, REINSTALL),
    finding("EM203", "python3-six", REINSTALL),
    finding("EM401", "/srv/v", REBUILD),
    finding("EM501", "black", TOOL),
)
EVERY = ("EM001", "EM101", "EM102", "EM201", "EM202", "EM203", "EM401", "EM501")


@pytest.fixture(autouse=True)
def rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """These are the rules there are."""
    made_up = tuple(Rule(id_, f"title of {id_}", "error", "", "", lambda _: ()) for id_ in EVERY)
    monkeypatch.setattr(remediation, "RULES", made_up)


def modules(chosen: dict[str, Any]) -> list[str]:
    return [call["module"] for call in chosen["calls"]]


def test_what_shadows_goes_first_and_packages_come_before_what_is_made_with_them() -> None:
    chosen = choose_calls(MESSY, EVERY)
    assert modules(chosen) == ["pip", "package_manager", "marker", "pip_config", "venv", "tool"]
    assert chosen["left"] == [
        {"id": "EM102", "subject": "/etc/environment", "why": "It needs a hand: Mend /etc/environment."}
    ]


def test_the_order_of_findings_makes_no_difference() -> None:
    expected = {json.dumps(call["arguments"]) for call in choose_calls(MESSY, EVERY)["calls"]}
    for seed in range(20):
        shuffled = list(MESSY["findings"])
        random.Random(seed).shuffle(shuffled)
        chosen = choose_calls(audit(*shuffled), EVERY)
        assert modules(chosen) == ["pip", "package_manager", "marker", "pip_config", "venv", "tool"]
        assert {json.dumps(call["arguments"]) for call in chosen["calls"]} == expected


def test_a_call_that_several_findings_name_is_made_once() -> None:
    removal, reinstallation, *_ = choose_calls(MESSY, EVERY)["calls"]
    assert removal["findings"] == [{"id": "EM201", "subject": "six"}, {"id": "EM202", "subject": "six"}]
    assert reinstallation["findings"] == [
        {"id": "EM202", "subject": "six"},
        {"id": "EM203", "subject": "python3-six"},
    ]
    assert removal["label"] == "EM201 six, EM202 six: pip"


def test_the_calls_of_a_finding_keep_their_order() -> None:
    chosen = choose_calls(audit(finding("EM401", "/srv/v", REBUILD, RESTORE), finding("EM501", "black", TOOL)), EVERY)
    assert modules(chosen) == ["venv", "marker", "tool"]


def test_only_what_is_allowed_and_in_the_report_is_repaired() -> None:
    chosen = choose_calls(MESSY, ["EM001", "EM101"], frozenset({("EM101", "/etc/pip.conf"), ("EM401", "/srv/v")}))
    assert modules(chosen) == ["pip_config"]
    why = {one["id"]: one["why"] for one in chosen["left"]}
    assert why["EM001"] == "Not asked for: it is not in the report."
    assert why["EM401"] == "Not asked for: EM401 is not in remediate."


@pytest.mark.parametrize("wanted", [("EM001", "/etc/shadow"), ("EM001", ""), ("EM999", MARKER)])
def test_a_subject_that_is_not_found_on_the_host_has_nothing_done(wanted: tuple[str, str]) -> None:
    assert choose_calls(MESSY, EVERY, frozenset({wanted}))["calls"] == []


def changed(call: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**call, "arguments": {**call["arguments"], **more}}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({**RESTORE, "module": "command"}, "none of those that repair"),
        ({**RESTORE, "module": "ansible.builtin.file"}, "none of those that repair"),
        ({**RESTORE, "module": ["marker"]}, "none of those that repair"),
        ({**RESTORE, "arguments": "path=/x"}, "no mapping"),
        (changed(RESTORE, text="Mine"), "may not be told text"),
        (changed(RESTORE, python_index_url="https://evil"), "may not be told python_index_url"),
        (changed(RESTORE, _ansible_check_mode=False), "may not be told _ansible_check_mode"),
        (changed(NO_OVERRIDE, break_system_packages="present"), "has to be absent or keep"),
        (changed(NO_OVERRIDE, mode="0666"), "has to be 0600 or 0640"),
        (changed(NO_OVERRIDE, index_url="https://evil"), "may not be told index_url"),
        (changed(REMOVE, state="present"), "has to be absent"),
        (changed(REMOVE, extra_args="--target=/"), "may not be told extra_args"),
        ({**REMOVE, "keeps": []}, "nothing to back up"),
        ({**REMOVE, "arguments": {"name": ["six"]}}, "has to be absent, and is None"),
        ({**REMOVE, "keeps": ["six.py"]}, "no list of absolute paths"),
        ({**REMOVE, "keeps": "/six.py"}, "no list of absolute paths"),
        (changed(REBUILD, state="absent"), "has to be present"),
        ({**REBUILD, "keeps": []}, "nothing to back up"),
        (changed(REBUILD, pip_args=["--target=/"]), "may not be told pip_args"),
        (changed(TOOL, tools=[{"name": "black", "pip_args": ["x"]}]), "no list of tools"),
        (changed(TOOL, tools="black"), "no list of tools"),
        ({**changed(TOOL, tools=[{"name": "black", "state": "absent"}]), "keeps": []}, "nothing to back up"),
    ],
)
def test_a_call_outside_of_the_table_is_not_made(call: dict[str, Any], said: str) -> None:
    assert said in find_refusal(call["module"], call["arguments"], call["keeps"])
    chosen = choose_calls(audit(finding("EM001", MARKER, RESTORE, call)), EVERY)
    assert chosen["calls"] == []
    assert chosen["left"][0]["why"].startswith("It needs a hand, for ")


@pytest.mark.parametrize("call", [RESTORE, NO_OVERRIDE, REMOVE, REINSTALL, REBUILD, TOOL])
def test_a_call_of_the_table_is_made(call: dict[str, Any]) -> None:
    assert find_refusal(call["module"], call["arguments"], call["keeps"]) == ""


def test_the_table_has_an_order_and_nothing_that_is_told_twice() -> None:
    assert list(REPAIRING) == list(ORDER)
    assert all(set(repairing.only) <= repairing.options for repairing in REPAIRING.values())


@pytest.mark.parametrize(
    "damaged", [{}, {"findings": None}, {"findings": [1, "x", {}]}, {"findings": [{"repairs": 1}]}]
)
def test_an_answer_that_is_no_audit_has_nothing_done(damaged: dict[str, Any]) -> None:
    assert choose_calls(damaged, EVERY)["calls"] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "names no rule"),
        ("", "names no rule"),
        (None, "no list"),
        ([1], "no list"),
        ({"EM001": 1}, "no list"),
        (["EM001", "EM999"], "names EM999, and no rule is called so"),
        (["em001"], "names em001"),
    ],
)
def test_rules_have_to_be_named_and_known(given: object, said: str) -> None:
    with pytest.raises(ProvisionError, match=said) as caught:
        read_scope(given)
    assert "There are EM001 (title of EM001), EM101" in str(caught.value)


def test_rules_are_a_list_or_a_text_with_commas() -> None:
    assert read_scope(["EM101", "EM001", "EM101"]).rules == ("EM101", "EM001")
    assert read_scope("EM101, EM001").rules == ("EM101", "EM001")
    assert read_scope(["EM101,EM001"]).wanted is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "other/1", "hosts": []}', f'{{"schema": "{REPORT_SCHEMA}"}}', "[" * 100_000]
)
def test_a_file_that_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ProvisionError, match="remediate_report is no"):
        read_scope(["EM001"], text)


def test_of_a_report_only_names_are_taken() -> None:
    evil = {"module": "command", "arguments": {"cmd": "rm -r /"}}
    hosts = [{"host": "web1", "findings": [finding("EM001", MARKER, evil), 7]}, {"host": "web2"}, {"findings": []}, 7]
    scope = read_scope(["EM001"], json.dumps({"schema": REPORT_SCHEMA, "hosts": hosts}))
    assert scope.wanted == {"web1": frozenset({("EM001", MARKER)}), "web2": frozenset()}
    assert choose_calls(MESSY, scope.rules, scope.wanted["web1"])["calls"][0]["arguments"] == RESTORE["arguments"]


def record(results: list[dict[str, Any]], after: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    return record_host("web1", MESSY, choose_calls(MESSY, ["EM001", "EM101", "EM102"]), results, after, **more)


def ids(findings: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in findings]


def test_what_is_gone_is_fixed_and_the_rest_says_why_it_is_not() -> None:
    broken = {"failed": True, "msg": "No space left on device."}
    done = {"changed": True, "backup": {"archive": "/b.tar", "restore": ["tar x"]}}
    after = audit(*MESSY["findings"][1:], finding("EM301", "/usr/local/bin/pip"))
    told = record([done, broken], after)
    assert (told["status"], told["failed"]) == ("repaired", True)
    assert ids(told["fixed"]) == ["EM001"]
    assert ids(told["new"]) == ["EM301"]
    why = {one["id"]: one["why"] for one in told["still_there"]}
    assert why["EM101"] == "The repair by pip_config failed: No space left on device."
    assert why["EM102"] == "It needs a hand: Mend /etc/environment."
    assert why["EM201"] == "Not asked for: EM201 is not in remediate."
    assert [(one["module"], one["changed"], one["failed"]) for one in told["repairs"]] == [
        ("marker", True, False),
        ("pip_config", False, True),
    ]
    assert told["repairs"][0]["restore"] == ["tar x"]


def test_without_a_change_it_says_what_would_be_done() -> None:
    told = record([{"changed": True}, {"changed": True}], None)
    assert (told["status"], told["failed"], told["fixed"]) == ("checked", False, [])
    assert told["still_there"][0]["why"] == "It would be repaired by marker."


def test_what_a_repair_did_not_help_says_so() -> None:
    told = record([{"changed": True}, {"changed": True}], MESSY)
    assert told["still_there"][0]["why"] == (
        f"It is still found after the repair by marker. It needs a hand: Mend {MARKER}."
    )


def test_a_host_that_went_away_has_failed() -> None:
    told = record([{"changed": True}], {"unreachable": True, "msg": "timed out"})
    assert (told["status"], told["reason"], told["failed"]) == (
        "not audited again",
        "It cannot be reached: timed out",
        True,
    )
    assert told["still_there"][1]["why"] == "The repair by pip_config failed: The host gave no answer."
    assert told["still_there"][0]["why"] == "It cannot be reached: timed out"
    gone = record_host("web2", {"unreachable": True, "msg": "no route"}, {}, [], None)
    assert (gone["status"], gone["reason"], gone["failed"]) == ("not audited", "It cannot be reached: no route", True)


def test_what_the_report_has_and_the_host_has_not_is_named() -> None:
    told = record([], None, wanted=frozenset({("EM001", MARKER), ("EM001", "/nowhere")}))
    assert told["not_found"] == [{"id": "EM001", "subject": "/nowhere"}]
