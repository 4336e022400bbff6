"""The playbook audit on a fleet of real hosts: one with findings, one without Python, one that cannot be reached."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from checkout import CHECKOUT
from hosts import Host, Outcome

PLAYBOOK = CHECKOUT / "playbooks" / "audit.yml"
SCHEMA = json.loads((CHECKOUT / "docs" / "audit_schema.json").read_text())
#: Test hosts may have pip's settings in /etc/environment, as an administrator would give them.
LEFT_OUT = json.dumps({"audit_left_out": ["EM103"]})
#: Nobody listens there.
GONE = {"ansible_connection": "ansible.builtin.ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}


def audit(
    host: Host, folder: Path, *arguments: str, others: Mapping[str, Any] | None = None, user: str = "root"
) -> tuple[Outcome, dict[str, Any]]:
    """The playbook has run on the host, called "host", and on others by their variables; returns its audit.json too."""
    inventory = folder / "others.json"
    inventory.write_text(json.dumps({"all": {"hosts": others or {}}}))
    outcome = host.play(
        PLAYBOOK,
        {},
        user=user,
        arguments=[
            "--inventory",
            str(inventory),
            "-e",
            f"audit_report_dir={folder / 'audit'}",
            "-e",
            LEFT_OUT,
            *arguments,
        ],
    )
    report = json.loads((folder / "audit" / "audit.json").read_text())
    Draft202012Validator(SCHEMA).validate(report)
    return outcome, {one["host"]: one for one in report["hosts"]}


@pytest.fixture
def damaged(host: Host) -> Iterator[Host]:
    """Its marker is gone, as the usual advice has it; after the test it is back."""
    (marker,) = host.run("ls /usr/lib/python3*/EXTERNALLY-MANAGED").stdout.split()
    host.run(["mv", marker, "/var/tmp/marker"])
    yield host
    host.run(["mv", "/var/tmp/marker", marker])


def test_a_fleet_with_every_kind_of_host_is_reported(damaged: Host, bare_host: Host, tmp_path: Path) -> None:
    others = {"bare": bare_host.connection(), "gone": GONE}
    damaged.authorize("root")
    before = {path: damaged.state_of(path) for path in ("/etc", "/usr", "/root", "/srv")}
    outcome, hosts = audit(damaged, tmp_path, others=others)
    assert (outcome.rc, outcome.changed) == (0, 0), outcome.text
    statuses = {"host": "audited", "bare": "failed", "gone": "unreachable"}
    assert {name: one["status"] for name, one in hosts.items()} == statuses
    found = hosts["host"]
    assert (found["distribution"], found["is_root"], found["unread"]) == ("debian", True, [])
    assert [one["id"] for one in found["findings"]] == ["EM001"], found
    assert "pep668.provision.bootstrap" in hosts["bare"]["reason"]
    assert "127.0.0.1" in hosts["gone"]["reason"]
    (shown,) = [task.result["msg"] for task in outcome.of("debug")]
    assert shown[0] == "1 error on 1 of 1 audited host. 2 hosts could not be audited."
    page = (tmp_path / "audit" / "audit.html").read_text()
    assert found["findings"][0]["subject"] in page
    # Ansible keeps its own temporary folder in /root.
    after = {path: damaged.state_of(path) for path in before}
    for path, state in before.items():
        kept = {name: what for name, what in after[path].items() if not name.startswith("/root/.ansible")}
        assert kept == {name: what for name, what in state.items() if not name.startswith("/root/.ansible")}


def test_an_error_fails_a_build_where_it_is_to(damaged: Host, tmp_path: Path) -> None:
    outcome, _ = audit(damaged, tmp_path, "-e", "audit_fail_on=error")
    assert outcome.rc == 2
    assert "audit_fail_on is error: 1 error on 1 of 1 audited host." in outcome.message


def test_without_root_what_could_not_be_read_is_said(damaged: Host, tmp_path: Path) -> None:
    outcome, hosts = audit(damaged, tmp_path, user="alice")
    assert outcome.rc == 0, outcome.text
    assert (hosts["host"]["status"], hosts["host"]["is_root"]) == ("audited", False)
    assert "EM001" in {one["id"] for one in hosts["host"]["findings"]}
    assert hosts["host"]["unread"] != []


def test_a_rule_that_is_left_out_fails_no_build(damaged: Host, tmp_path: Path) -> None:
    left_out = json.dumps({"audit_left_out": ["EM001", "EM103"], "audit_fail_on": "error"})
    outcome, hosts = audit(damaged, tmp_path, "-e", left_out)
    assert outcome.rc == 0, outcome.text
    assert hosts["host"]["findings"] == []
