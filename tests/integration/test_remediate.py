"""Remediation of a messy host: first shown, then done; what stays needs a hand and says so, and the system is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from checkout import CHECKOUT
from hosts import Host, Outcome
from local_index import LocalIndex
from messy_host import DAMAGED, DEBIANS, MESSY, PACKAGES, Key, make_messy, stock
from pep668_provision.engine.audit import rules

PLAYBOOK = CHECKOUT / "playbooks" / "remediate.yml"
RULES = [rule.id for rule in rules.RULES]
#: What is repaired wherever it is found; of the others some are, and what needs a decision is not.
REPAIRED = {
    *("EM001", "EM002", "EM003", "EM101", "EM201", "EM202", "EM203", "EM204"),
    *("EM401", "EM501", "EM503", "EM601", "EM602"),
}
#: What a repair may change, and has to put back.
LOOKED_AT = ("/etc", "/opt", "/srv", "/usr/lib", "/usr/local", "/root", "/home")


@dataclass(frozen=True)
class Remediation:
    """A run of the playbook, and the record it wrote."""

    outcome: Outcome
    record: dict[str, Any]

    @property
    def host(self) -> dict[str, Any]:
        (host,) = self.record["hosts"]
        assert isinstance(host, dict)
        return host

    def keys(self, part: str) -> set[Key]:
        return {(one["id"], one["subject"]) for one in self.host[part]}


def remediate(host: Host, folder: Path, variables: Mapping[str, Any], *, check: bool = False) -> Remediation:
    outcome = host.play(PLAYBOOK, {"audit_report_dir": str(folder), **variables}, check=check, diff=True)
    written = folder / "remediation.json"
    return Remediation(outcome, json.loads(written.read_text()) if written.exists() else {})


def snapshot(host: Host) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in LOOKED_AT:
        found |= host.state_of(path)
    # SQLite's memory of its readers changes when a database of packages is read.
    return {path: state for path, state in found.items() if "/.ansible" not in path and not path.endswith("-shm")}


@dataclass(frozen=True)
class Messy:
    host: Host
    expected: frozenset[Key]
    settings: dict[str, Any]


SELDOM = tuple(release for release in MESSY if release != "debian12")


@pytest.fixture(scope="module")
def messy(host: Host, release: str, index: LocalIndex) -> Messy:
    stock(index)
    expected = make_messy(host, release, index)
    # The index of /etc/pip.conf, which they have by now, is none.
    return Messy(host, expected, {"remediate": RULES, "python_index_url": index.url})


@pytest.mark.releases("debian12", full=SELDOM)
def test_first_it_is_only_shown(messy: Messy, tmp_path: Path) -> None:
    before = snapshot(messy.host)
    shown = remediate(messy.host, tmp_path, messy.settings)
    assert shown.outcome.rc == 0, shown.outcome.text
    assert shown.host["status"] == "checked"
    assert shown.keys("still_there") == set(messy.expected)
    would = {one["id"] for one in shown.host["still_there"] if one["why"].startswith("It would be repaired by")}
    assert would >= REPAIRED & {id_ for id_, _ in messy.expected}, shown.host["still_there"]
    assert shown.outcome.diffs
    assert snapshot(messy.host) == before
    checked = remediate(messy.host, tmp_path / "check", {**messy.settings, "remediate_apply": True}, check=True)
    assert checked.outcome.rc == 0, checked.outcome.text
    assert checked.record == {}
    assert len(checked.outcome.diffs) == len(shown.outcome.diffs)
    assert snapshot(messy.host) == before
    assert not messy.host.exists("/var/backups/pep668-provision")


def tampered() -> dict[str, Any]:
    """A report that wants something else done than there is to do."""
    evil = [{"module": "command", "arguments": {"cmd": "touch /srv/owned"}, "keeps": []}]
    foreign = [{"module": "pip_config", "arguments": {"level": "system", "path": "/etc/shadow"}, "keeps": []}]
    findings = [
        {"id": "EM001", "subject": "/etc/passwd", "repairs": evil},
        {"id": "EM101", "subject": "/etc/shadow", "repairs": foreign},
        {"id": "EM999", "subject": "/etc/pip.conf", "repairs": foreign},
        {"id": "EM401", "subject": "/srv", "repairs": [{"module": "venv", "arguments": {"path": "/srv"}, "keeps": []}]},
    ]
    hosts = [{"host": "host", "status": "audited", "findings": findings}, {"host": "../../etc", "findings": findings}]
    return {"schema": "pep668.provision.audit/1", "hosts": hosts}


@pytest.mark.releases("debian12", full=["fedora44"])
def test_a_report_that_was_tampered_with_has_nothing_done(messy: Messy, tmp_path: Path) -> None:
    report = tmp_path / "audit.json"
    before = snapshot(messy.host)
    variables = {**messy.settings, "remediate_apply": True, "remediate_report": str(report)}
    report.write_text(json.dumps(tampered()))
    done = remediate(messy.host, tmp_path, variables)
    assert done.outcome.rc == 0, done.outcome.text
    assert done.host["repairs"] == []
    assert done.keys("still_there") == set(messy.expected)
    assert ("EM101", "/etc/shadow") in done.keys("not_found")
    report.write_text(json.dumps({"schema": "pep668.provision.audit/99", "hosts": []}))
    refused = remediate(messy.host, tmp_path, variables)
    assert refused.outcome.failed
    assert "pep668.provision.audit/99" in refused.outcome.text
    assert snapshot(messy.host) == before


@pytest.mark.releases("debian12")
@pytest.mark.parametrize(("rules", "said"), [([], "names no rule"), (["EM001", "EM999"], "EM999")])
def test_rules_have_to_be_named(messy: Messy, tmp_path: Path, rules: list[str], said: str) -> None:
    refused = remediate(messy.host, tmp_path, {**messy.settings, "remediate": rules})
    assert refused.outcome.failed
    assert said in refused.outcome.text
    assert "EM401 (A virtual environment is broken)" in refused.outcome.text


@pytest.mark.releases("debian12", full=["fedora44"])
def test_a_report_narrows_it_to_what_it_has(messy: Messy, tmp_path: Path) -> None:
    report = tmp_path / "audit.json"
    finding = {"id": "EM101", "subject": "/etc/pip.conf"}
    report.write_text(
        json.dumps({"schema": "pep668.provision.audit/1", "hosts": [{"host": "host", "findings": [finding]}]})
    )
    shown = remediate(messy.host, tmp_path, {**messy.settings, "remediate_report": str(report)})
    assert shown.outcome.rc == 0, shown.outcome.text
    assert [one["findings"] for one in shown.host["repairs"]] == [[finding]]


@pytest.mark.releases("debian12", full=SELDOM)
def test_what_can_be_undone_is_and_the_rest_needs_a_hand(messy: Messy, release: str, tmp_path: Path) -> None:
    host = messy.host
    before = snapshot(host)
    done = remediate(host, tmp_path, {**messy.settings, "remediate_apply": True})
    assert done.outcome.rc == 0, done.outcome.text
    assert [one["message"] for one in done.host["repairs"] if one["failed"]] == []
    left = {(one["id"], one["subject"]): one["why"] for one in done.host["still_there"]}
    assert done.keys("new") == set(), done.host["new"]
    assert done.keys("fixed") | set(left) == set(messy.expected)
    assert not REPAIRED & {id_ for id_, _ in left}, left
    assert all(why.startswith("It needs a hand: ") for why in left.values()), left
    markdown = (tmp_path / "remediation.md").read_text()
    assert all(finding["id"] in markdown for finding in done.host["found"])

    # What was changed or removed is in the archives, byte for byte.
    archives = [command for one in done.host["repairs"] for command in one["restore"]]
    assert archives
    is_whole(host, release)

    again = remediate(host, tmp_path, {**messy.settings, "remediate_apply": True})
    assert again.outcome.rc == 0, again.outcome.text
    assert [one for one in again.host["repairs"] if one["changed"]] == []
    assert again.keys("found") == set(left)

    put_back = [path for one in done.host["repairs"] for path in one["keeps"] if path in before]
    for command in reversed(archives):
        host.run(command)
    after = snapshot(host)
    kept = {
        path: state
        for path, state in before.items()
        if any(path == one or path.startswith(f"{one}/") for one in put_back)
    }
    assert {path: after.get(path) for path in kept} == kept


def is_whole(host: Host, release: str) -> None:
    """The package manager sees nothing wrong, and installs."""
    if release in DEBIANS:
        host.run("apt-get check")
        interpreters = "dpkg --search /usr/lib/python3*/os.py /usr/bin/python3 | cut -d: -f1 | tr -d ,"
        packages = set(host.run(interpreters).stdout.split()) | {"python3-six", "python3-idna", "python3-pip"}
        assert host.run(["dpkg", "--verify", *sorted(packages)]).stdout == ""
        host.run("apt-get -q install --yes --no-install-recommends python3-toml")
        return
    install, prefix = PACKAGES[release]
    host.run(f"{install} {prefix}urllib3")
    host.run(f"python3 -I -c 'import idna, urllib3, {DAMAGED.get(release, 'six')}'")
