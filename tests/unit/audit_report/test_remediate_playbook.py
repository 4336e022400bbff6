"""The playbook remediate as ansible-playbook runs it, with the real modules; a stand-in answers for audit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.unit.audit_report.playbook_runs import copy_collection, run_playbook

OVERRIDE = "[install]\nbreak-system-packages = true\ntimeout = 5\n"
LEFT = "[install]\ntimeout = 5\n"
HOSTILE = "{{ lookup('ansible.builtin.pipe', 'touch OWNED') }}"


@dataclass
class Fleet:
    """Hosts that are this machine, each with an environment of its own whose pip.conf has the override."""

    folder: Path
    collections: Path
    environment: Path
    answers: dict[str, Any] = field(default_factory=dict)
    output: str = ""

    def config(self, name: str) -> Path:
        return self.folder / name / "pip.conf"

    def add(self, name: str, **changed: Any) -> dict[str, Any]:
        """The host is there, and the audit finds its pip.conf; returns the finding."""
        shutil.copytree(self.environment, self.folder / name, symlinks=True)
        self.config(name).write_text(OVERRIDE)
        repair = {
            "module": "pip_config",
            "arguments": {
                "level": "interpreter",
                "python": str(self.folder / name / "bin" / "python"),
                "path": str(self.config(name)),
                "break_system_packages": "absent",
            },
            "keeps": [str(self.config(name))],
        }
        finding = self.finding("EM101", str(self.config(name)), {**repair, **changed})
        self.answers[name] = {"findings": [finding], "unread": [], "changed": False}
        return finding

    def finding(self, id_: str, subject: str, *repairs: Any) -> dict[str, Any]:
        texts = {"title": HOSTILE, "severity": "warning", "evidence": HOSTILE, "remedy": f"By hand. {HOSTILE}"}
        return {"id": id_, "subject": subject, **texts, "repairs": list(repairs)}

    def run(self, *arguments: str, **variables: Any) -> int:
        """The playbook has run; what it printed is in ``output``. Returns its exit status."""
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        kept = {"remediate_backup_dir": str(self.folder / "backups")}
        inventory = {"all": {"hosts": {name: {} for name in self.answers}, "vars": {**local, **kept}}}
        arguments = (*arguments, "--extra-vars", json.dumps(variables))
        done = run_playbook("remediate", self.folder, self.collections, inventory, self.answers, *arguments)
        self.output = done.stdout
        return done.returncode

    @property
    def hosts(self) -> Mapping[str, Any]:
        record = json.loads((self.folder / "audit" / "remediation.json").read_text())
        assert record["schema"] == "pep668.provision.remediation/1"
        return {host["host"]: host for host in record["hosts"]}


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_collection(tmp_path_factory.mktemp("collections"), "stand_in_for_a_host.py")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment to copy."""
    path = tmp_path_factory.mktemp("environment") / "v"
    subprocess.run([sys.executable, "-m", "venv", str(path)], check=True)
    return path


@pytest.fixture
def fleet(tmp_path: Path, collections: Path, environment: Path) -> Fleet:
    return Fleet(tmp_path, collections, environment)


def test_it_is_shown_first_then_done_and_nothing_is_left_to_do(fleet: Fleet) -> None:
    fleet.add("web1")
    fleet.add("web2")["repairs"] = []
    assert fleet.run(remediate=["EM101"]) == 0, fleet.output
    assert "-break-system-packages = true" in fleet.output
    assert "Nothing was changed. To have it done: -e remediate_apply=true" in fleet.output
    assert fleet.config("web1").read_text() == OVERRIDE
    assert not (fleet.folder / "backups").exists()
    assert fleet.hosts["web1"]["still_there"][0]["why"] == "It would be repaired by pip_config."

    assert fleet.run(remediate="EM101", remediate_apply=True) == 0, fleet.output
    assert "web1: 1 fixed, 0 still there, 0 new" in fleet.output
    assert (fleet.config("web1").read_text(), fleet.config("web2").read_text()) == (LEFT, OVERRIDE)
    web1, web2 = fleet.hosts["web1"], fleet.hosts["web2"]
    assert [one["subject"] for one in web1["fixed"]] == [str(fleet.config("web1"))]
    assert web2["still_there"][0]["why"].startswith("It needs a hand: By hand.")
    (repair,) = web1["repairs"]
    assert Path(repair["archive"]).parent == fleet.folder / "backups"
    assert repair["diff"][-1]["after"] == LEFT
    markdown = (fleet.folder / "audit" / "remediation.md").read_text()
    assert repair["restore"][0] in markdown
    assert not (fleet.folder / "OWNED").exists()
    subprocess.run(repair["restore"][0], shell=True, check=True)  # noqa: S602  # as a user pastes it
    assert fleet.config("web1").read_text() == OVERRIDE


def test_in_check_mode_nothing_is_written_anywhere(fleet: Fleet) -> None:
    fleet.add("web1")
    assert fleet.run("--check", remediate=["EM101"], remediate_apply=True) == 0, fleet.output
    assert "-break-system-packages = true" in fleet.output
    assert fleet.config("web1").read_text() == OVERRIDE
    assert not (fleet.folder / "audit").exists()


def test_one_repair_that_fails_stops_none_beside_it_and_fails_the_host(fleet: Fleet) -> None:
    finding = fleet.add("web1")
    broken = json.loads(json.dumps(finding).replace(f"{fleet.folder}/web1/bin", "/nonexistent/bin"))
    fleet.answers["web1"]["findings"] = [{**broken, "subject": "no file"}, finding]
    fleet.add("web2")
    fleet.answers["web3"] = {"unreachable": True, "msg": "no route to it"}
    assert fleet.run(remediate=["EM101"], remediate_apply=True) == 2
    assert fleet.config("web1").read_text() == LEFT
    assert fleet.config("web2").read_text() == LEFT
    hosts = fleet.hosts
    assert [(name, hosts[name]["status"], hosts[name]["failed"]) for name in hosts] == [
        ("web1", "repaired", True),
        ("web2", "repaired", False),
        ("web3", "not audited", True),
    ]
    (left,) = hosts["web1"]["still_there"]
    assert left["why"].startswith("The repair by pip_config failed: ")
    assert "/nonexistent/bin/python" in left["why"]
    assert hosts["web3"]["reason"].startswith("It cannot be reached: ")


def test_without_a_backup_nothing_is_done(fleet: Fleet) -> None:
    fleet.add("web1")
    (fleet.folder / "backups").touch()
    assert fleet.run(remediate=["EM101"], remediate_apply=True) == 2
    assert fleet.config("web1").read_text() == OVERRIDE
    assert "Nothing was done, for there is no backup: " in fleet.hosts["web1"]["still_there"][0]["why"]


def test_what_a_host_answers_calls_nothing_else(fleet: Fleet) -> None:
    fleet.add("web1", module="command", arguments={"cmd": "touch OWNED"})
    fleet.add("web2", module="ansible.builtin.copy", arguments={"dest": f"{fleet.folder}/OWNED", "content": "x"})
    before = fleet.answers["web1"]["findings"][0]
    fleet.answers["web1"]["findings"].append(
        {**before, "id": "EM001", "repairs": [{**before["repairs"][0], "module": 7}]}
    )
    assert fleet.run(remediate=["EM001", "EM101"], remediate_apply=True) == 0, fleet.output
    assert not (fleet.folder / "OWNED").exists()
    assert [host["repairs"] for host in fleet.hosts.values()] == [[], []]


def test_a_report_narrows_it(fleet: Fleet) -> None:
    for name in ("web1", "web2"):
        fleet.add(name)
    report = fleet.folder / "audit.json"
    hosts = [
        {"host": "web1", "findings": [{"id": "EM101", "subject": "/etc/shadow"}]},
        {"host": "web9", "findings": [fleet.answers["web2"]["findings"][0]]},
    ]
    report.write_text(json.dumps({"schema": "pep668.provision.audit/1", "hosts": hosts}))
    assert fleet.run(remediate=["EM101"], remediate_apply=True, remediate_report=str(report)) == 0, fleet.output
    assert fleet.config("web1").read_text() == fleet.config("web2").read_text() == OVERRIDE
    assert list(fleet.hosts) == ["web1"]
    assert fleet.hosts["web1"]["not_found"] == [{"id": "EM101", "subject": "/etc/shadow"}]
    report.write_text("{}")
    assert fleet.run(remediate=["EM101"], remediate_apply=True, remediate_report=str(report)) == 2
    assert "is no report of the playbook audit" in fleet.output


@pytest.mark.parametrize(("rules", "said"), [([], "names no rule"), (["EM999"], "names EM999")])
def test_rules_have_to_be_named_and_the_known_ones_are_told(fleet: Fleet, rules: list[str], said: str) -> None:
    fleet.add("web1")
    assert fleet.run(remediate=rules) == 2
    assert said in fleet.output
    assert "EM101 (A pip.conf has pip pass over the marker)" in fleet.output
