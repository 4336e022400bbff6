"""The playbook audit as ansible-playbook runs it; a stand-in answers in the place of the module audit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from checkout import CHECKOUT
from tests.browser.sample import made_up_answers
from tests.unit.audit_report.playbook_runs import copy_collection, run_playbook

HOSTILE = "{{ lookup('ansible.builtin.pipe', 'touch OWNED') }}"
HOST = {
    "distribution": "debian",
    "name": "Debian GNU/Linux",
    "version": "13",
    "family": "debian",
    "package_manager": "apt",
}


def made_up(*found: tuple[str, str], id_: str = "EM001") -> dict[str, Any]:
    """An answer of the module with such findings, each a subject and its evidence."""
    findings = [
        {
            "id": id_,
            "title": "",
            "severity": "error",
            "subject": subject,
            "evidence": evidence,
            "remedy": "",
            "repairs": [],
        }
        for subject, evidence in found
    ]
    return {"host": HOST, "is_root": True, "rules": [{"id": id_}], "findings": findings, "unread": [], "changed": False}


@dataclass(frozen=True)
class Run:
    """What ansible-playbook printed, and the directory it was started in."""

    rc: int
    output: str
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.folder / "audit" / "audit.json").read_text())
        return read


Play = Callable[..., Run]


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_collection(tmp_path_factory.mktemp("collections"), "stand_in_action.py")


@pytest.fixture
def play(collections: Path, tmp_path: Path) -> Play:
    def run(answers: Mapping[str, Any], *arguments: str, hosts: Mapping[str, Any] | None = None) -> Run:
        inventory = {"all": {"hosts": hosts or {name: {} for name in answers}}}
        done = run_playbook("audit", tmp_path, collections, inventory, answers, "--forks", "8", *arguments)
        return Run(done.returncode, done.stdout, tmp_path)

    return run


def test_200_hosts_come_together_in_one_report(play: Play) -> None:
    answers = made_up_answers(200)
    # Only what the engine's own rules can have found is a report of it.
    for answer in answers.values():
        answer["findings"] = [one for one in answer.get("findings", ()) if one["id"] == "EM001"]
    run = play(answers)
    assert run.rc == 0, run.output
    report = run.report
    Draft202012Validator(json.loads((CHECKOUT / "docs" / "audit_schema.json").read_text())).validate(report)
    assert {host["host"] for host in report["hosts"]} == set(answers)
    by_status = {host["host"]: host["status"] for host in report["hosts"]}
    for name, answer in answers.items():
        expected = "unreachable" if answer.get("unreachable") else "failed" if answer.get("failed") else "audited"
        assert by_status[name] == expected
    assert report["collection"] == "0.1.0"
    assert sorted(path.name for path in (run.folder / "audit").iterdir()) == [
        *("audit.csv", "audit.html", "audit.json", "audit.md")
    ]
    page = (run.folder / "audit" / "audit.html").read_text()
    assert [name for name in answers if name not in page] == []
    assert "The playbook pep668.provision.bootstrap brings" in page
    assert "changed=1" not in run.output


def test_the_table_is_printed_and_errors_fail_where_they_are_to(play: Play) -> None:
    answers = {"web1": made_up(("/a", "it is gone")), "web2": made_up()}
    run = play(answers)
    assert run.rc == 0
    assert "1 error on 1 of 2 audited hosts." in run.output
    assert str(run.folder / "audit" / "audit.html") in run.output
    run = play(answers, "-e", "audit_fail_on=error")
    assert run.rc == 2
    assert "audit_fail_on is error: 1 error on 1 of 2 audited hosts." in run.output
    assert len(run.report["hosts"]) == 2
    assert play({"web2": made_up()}, "-e", "audit_fail_on=info").rc == 0


def test_what_was_not_audited_fails_where_anything_is_to(play: Play) -> None:
    answers = {"web1": {"unreachable": True, "msg": "no route to it"}, "web2": made_up()}
    assert play(answers).rc == 0
    run = play(answers, "-e", "audit_fail_on=error")
    assert run.rc == 2
    assert "1 host could not be audited." in run.output


def test_nobody_is_there(play: Play) -> None:
    run = play({"web1": {"unreachable": True, "msg": "no route to it"}})
    assert run.rc == 0, run.output
    assert [host["reason"] for host in run.report["hosts"]] == ["no route to it"]


def test_options_are_checked_before_a_host_is_asked(play: Play) -> None:
    run = play({"web1": made_up()}, "-e", "audit_fail_on=errors")
    assert run.rc == 2
    assert "value of audit_fail_on must be one of: none, info, warning, error, got: errors" in run.output
    assert "TASK [Audit]" not in run.output


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("audit_roots", ["srv"], "roots is ['srv']: item 0 is 'srv': "),
        ("audit_accounts", ["-r"], "accounts is ['-r']: item 0 is '-r': "),
        ("audit_left_out", ["EM1O3"], "there is no such rule; did you mean EM103?"),
        ("audit_time_budget", 0, "allowed is a number of seconds above 0"),
    ],
)
def test_what_every_host_would_refuse_is_refused_before_one_is_asked(
    play: Play, option: str, value: object, reason: str
) -> None:
    run = play({"web1": made_up()}, "-e", json.dumps({option: value}))
    assert run.rc == 2
    assert reason in run.output
    assert "TASK [Audit]" not in run.output


def test_options_that_are_right_reach_the_report(play: Play) -> None:
    options = {"audit_roots": ["/srv"], "audit_left_out": "EM103,EM104", "audit_time_budget": "2.5"}
    run = play({"web1": made_up()}, "-e", json.dumps({**options, "audit_accounts": ["not-of-this-machine"]}))
    assert run.rc == 0, run.output
    assert [host["status"] for host in run.report["hosts"]] == ["audited"]


def test_the_directory_is_made_and_check_mode_writes_nothing(play: Play) -> None:
    run = play({"web1": made_up()}, "--check")
    assert (run.rc, (run.folder / "audit").exists()) == (0, False), run.output
    assert "Nothing was found on 1 audited host." in run.output
    run = play({"web1": made_up()}, "-e", "audit_report_dir=reports/today")
    assert run.rc == 0
    assert (run.folder / "reports" / "today" / "audit.json").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_cannot_be_written_is_named(play: Play) -> None:
    run = play({"web1": made_up()}, "-e", "audit_report_dir=/dev/null/reports")
    assert run.rc == 2
    assert "The report cannot be written to /dev/null/reports: " in run.output


def test_what_a_host_says_is_no_template(play: Play) -> None:
    run = play({"web1": made_up((HOSTILE, HOSTILE)), "web2": {"failed": True, "msg": HOSTILE}})
    assert run.rc == 0, run.output
    assert list(run.folder.glob("OWNED")) == []
    assert run.report["hosts"][0]["findings"][0]["evidence"] == HOSTILE


def test_variables_of_a_host_that_no_template_survives_are_no_obstacle(play: Play) -> None:
    hosts = {"web1": {"broken": "{{ there_is_no_such_variable }}"}, "web2": {}}
    run = play({"web1": made_up(), "web2": made_up()}, hosts=hosts)
    assert run.rc == 0, run.output
    assert len(run.report["hosts"]) == 2


def test_a_limit_and_a_target_narrow_the_report(play: Play) -> None:
    answers = {f"web{number}": made_up() for number in range(1, 4)}
    run = play(answers, "--limit", "web2")
    assert [host["host"] for host in run.report["hosts"]] == ["web2"]
    run = play(answers, "-e", "target=web3")
    assert [host["host"] for host in run.report["hosts"]] == ["web3"]
