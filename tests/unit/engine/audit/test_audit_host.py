"""An audit as a whole: what it returns, what it starts, and what it is asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from packaged_python import with_packaged_python

from audited import audit, with_passwd
from made_up_host import MadeUpHost
from package_databases import FILE, with_dpkg
from pep668_provision.engine.audit import audit_host as module
from pep668_provision.engine.audit.audit_host import audit_host
from pep668_provision.engine.audit.finding import SEVERITIES, Found, Rule
from pep668_provision.engine.audit.rules import RULES
from pep668_provision.engine.audit.scope import DEFAULT_ROOTS, read_scope
from pep668_provision.engine.audit.survey import Scope, Survey
from pep668_provision.engine.errors import InvalidState, ProvisionError


def test_ids_are_unique_and_in_their_order() -> None:
    ids = [rule.id for rule in RULES]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"EM\d{3}", one) for one in ids)


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_every_rule_says_what_it_is(rule: Rule) -> None:
    assert rule.severity in SEVERITIES
    assert 10 < len(rule.title) < 80
    assert not rule.title.endswith(".")
    for text in (rule.looks_at, rule.why):
        assert len(text) > 20
        assert "\n" not in text


def test_an_audit_is_what_the_module_documents(made_up: MadeUpHost) -> None:
    with_dpkg(made_up.with_debian("12")).with_program("/usr/bin/apt-get").with_debian_python()
    report = audit(made_up, "EM001", "EM301")
    assert json.loads(json.dumps(report)) == report
    assert report == {
        "host": {
            "distribution": "debian",
            "name": "Debian GNU/Linux",
            "version": "12",
            "family": "debian",
            "package_manager": "apt",
        },
        "is_root": True,
        "rules": [rule.as_dict() for rule in RULES if rule.id in ("EM001", "EM301")],
        "findings": [
            {
                "id": "EM001",
                "title": "The marker that a package ships is missing",
                "severity": "error",
                "subject": FILE,
                "evidence": f"libpython3.13-stdlib 1.0-1 has {FILE}, and the file is gone.",
                "remedy": "Restore it from its package: apt-get install --reinstall libpython3.13-stdlib",
                "repairs": [{"module": "marker", "arguments": {"path": FILE}, "keeps": []}],
            }
        ],
        "unread": [],
    }


def test_a_clean_host_has_no_findings(made_up: MadeUpHost) -> None:
    report = audit(with_passwd(with_packaged_python(made_up), "alice"))
    assert (report["findings"], report["unread"]) == ([], [])
    assert [one["id"] for one in report["rules"]] == [rule.id for rule in RULES]


def test_each_interpreter_is_started_once(debian: MadeUpHost) -> None:
    """However many environments there are, and by however many names it is called."""
    debian.with_interpreter("3.12.4", prefix="/usr/local", pip="25.0")
    debian.with_program("/usr/bin/pip", "#!/usr/bin/python3.11\n").with_program(
        "/usr/local/bin/pip3", "#!/usr/local/bin/python3.12\n"
    )
    for number in range(20):
        debian.with_venv(f"/srv/app{number}/.venv", python="3.11" if number % 2 else "3.12")
    audit(with_passwd(debian))
    started = [debian.host.resolve(one) for one in debian.runner.started if "python" in one]
    assert sorted(started) == ["/usr/bin/python3.11", "/usr/local/bin/python3.12"]


# What goes wrong in one rule


def rule(number: int, check: object) -> Rule:
    return replace(RULES[0], id=f"EM{number}", check=check)  # type: ignore[arg-type]


def found_three(_survey: Survey) -> Iterator[Found]:
    yield from (Found(name, "seen", "mend it") for name in ("b", "c", "a"))


def test_a_rule_that_cannot_be_checked_leaves_the_others(made_up: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_survey: Survey) -> Iterator[Found]:
        yield Found("before", "seen", "mend it")
        raise ProvisionError("The database is locked.")

    monkeypatch.setattr(module, "RULES", (rule(901, fails), rule(902, found_three)))
    report = audit_host(made_up.host, Scope(()))
    assert [(one["id"], one["subject"]) for one in report["findings"]] == [  # type: ignore[attr-defined]
        ("EM901", "before"),
        ("EM902", "a"),
        ("EM902", "b"),
        ("EM902", "c"),
    ]
    assert report["unread"] == [{"rule": "EM901", "what": "everything else", "reason": "The database is locked."}]


def test_what_there_is_no_time_for_is_said(made_up: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def takes_a_minute(_survey: Survey) -> Iterator[Found]:
        made_up.now += 60
        yield Found("x", "seen", "mend it")

    monkeypatch.setattr(module, "RULES", (rule(901, takes_a_minute), rule(902, found_three)))
    report = audit_host(made_up.host, Scope((), time_budget=10))
    assert [one["id"] for one in report["rules"]] == ["EM901"]  # type: ignore[attr-defined]
    assert report["unread"] == [{"rule": "EM902", "what": "everything", "reason": "the time budget was used up"}]


# What is asked for


def test_without_options_everything_is_looked_at(made_up: MadeUpHost) -> None:
    assert read_scope({}, made_up.host) == Scope(DEFAULT_ROOTS)


def test_options_are_taken_as_they_are(made_up: MadeUpHost) -> None:
    options = {"roots": ["/srv/", "/srv"], "accounts": ["alice"], "left_out": ["EM103"], "time_budget": 5}
    assert read_scope(options, made_up.host) == Scope(("/srv",), ("alice",), ("EM103",), 5.0)
    assert read_scope({"time_budget": "2.5"}, made_up.host).time_budget == 2.5


def test_each_option_that_is_refused_is_told(made_up: MadeUpHost) -> None:
    options = {
        "roots": ["srv", "/opt/../etc"],
        "accounts": ["nobody-here", "-x"],
        "left_out": ["em101", "EM1011", "xyz"],
        "time_budget": -1,
    }
    with pytest.raises(InvalidState) as refused:
        read_scope(options, made_up.host)
    roots, accounts, left_out, budget = refused.value.problems
    assert "item 0 is 'srv': allowed is an absolute path" in roots
    assert "item 1 is '/opt/../etc': allowed is an absolute path without '..'" in roots
    assert "item 0 is 'nobody-here': this host has no such account" in accounts
    assert "item 1 is '-x': allowed is the name of an account" in accounts
    assert "item 0 is 'em101': there is no such rule; did you mean EM101?" in left_out
    assert "item 1 is 'EM1011': there is no such rule; did you mean EM101?" in left_out
    assert "item 2 is 'xyz': there is no such rule; allowed are EM001, " in left_out
    assert budget.startswith("time_budget is -1: ")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("roots", "/srv"),
        ("roots", [3]),
        ("accounts", {"a": 1}),
        ("left_out", "EM101"),
        ("time_budget", 0),
        ("time_budget", "x"),
    ],
)
def test_what_cannot_be_meant_is_refused(made_up: MadeUpHost, option: str, value: object) -> None:
    with pytest.raises(InvalidState, match=option):
        read_scope({option: value}, made_up.host)
