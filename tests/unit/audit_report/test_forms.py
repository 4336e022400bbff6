"""The report's forms, and that nothing a host says is more than text in any of them."""

from __future__ import annotations

import csv
import io
import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from checkout import CHECKOUT
from plugins.plugin_utils.audit_report.answers import read_answers
from plugins.plugin_utils.audit_report.as_csv import as_csv
from plugins.plugin_utils.audit_report.as_html import as_html
from plugins.plugin_utils.audit_report.as_lines import as_lines
from plugins.plugin_utils.audit_report.as_markdown import as_markdown, code, escaped
from plugins.plugin_utils.audit_report.figures import count, from_the_worst, in_words, verdict
from plugins.plugin_utils.audit_report.model import Report, in_natural_order
from plugins.plugin_utils.audit_report.writing import write_files
from tests.browser.sample import made_up_answers, report_of, rule_texts

SCHEMA = json.loads((CHECKOUT / "docs" / "audit_schema.json").read_text())
HOST = {
    "distribution": "debian",
    "name": "Debian GNU/Linux",
    "version": "13",
    "family": "debian",
    "package_manager": "apt",
}
FINDING = {"id": "EM001", "subject": "/marker", "evidence": "It is gone.", "remedy": "Restore it.", "repairs": []}


def answer(*findings: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """What the module audit returns for a host with these findings."""
    said = {"host": HOST, "is_root": True, "rules": [{"id": "EM001"}], "findings": list(findings), "unread": []}
    return said | changed


def read_csv(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(report))))


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


HOSTILE = [
    pytest.param("<script>alert(1)</script>", id="script"),
    pytest.param('" onmouseover="alert(1)', id="attribute"),
    pytest.param("</style></script><img src=x onerror=alert(1)>", id="end of a style"),
    pytest.param("{{ 7 * 7 }}{% raw %}", id="template"),
    pytest.param('=HYPERLINK("http://example.org","x")', id="formula"),
    pytest.param("\t@SUM(1)", id="formula after a tab"),
    pytest.param("| a | b |\n| --- | --- |", id="table"),
    pytest.param("``` \n# heading\n[link](javascript:alert(1))", id="markdown"),
    pytest.param("a\x1b[31mred\x07\x00\u202etxt.exe\u2028", id="control characters"),
    pytest.param("half \udcff of a character", id="surrogate"),
    pytest.param("x" * 100_000, id="long"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_a_host_says_is_more_than_text(text: str, tmp_path: Path) -> None:
    finding: dict[str, Any] = FINDING | {"subject": text, "evidence": text, "remedy": text}
    finding["repairs"] = [{"module": text, "arguments": {"path": text}, "keeps": [text]}]
    unread = [{"rule": "EM001", "what": text, "reason": text}]
    host = dict.fromkeys(HOST, text)
    answers = {text: answer(finding, host=host, unread=unread), "other": {"failed": True, "msg": text}}
    report = report_of(answers)
    Draft202012Validator(SCHEMA).validate(json.loads(report.as_json()))
    texts = {"csv": as_csv(report), "md": as_markdown(report), "html": as_html(report), "json": report.as_json()}
    write_files(str(tmp_path), texts)
    for form in texts.values():
        assert not [one for one in form if one in "\x00\x07\x1b\u202e\u2028\udcff"]
    # As many elements and lines as of a host that says nothing out of the ordinary.
    harmless = report_of(
        {
            "web": answer(finding | {"subject": "a", "evidence": "a", "remedy": "a"}, host=HOST, unread=unread),
            "other": {"failed": True, "msg": "a"},
        }
    )
    page = Page(texts["html"])
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in Page(as_html(harmless)).elements]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not [one["href"] for one in page.of("a") if not str(one["href"]).startswith("#")]
    assert len(texts["md"].splitlines()) == len(as_markdown(harmless).splitlines())
    rows = read_csv(report)
    assert len(rows) == 2
    assert [value for row in rows for value in row.values() if value[:1] in tuple("=+-@\t\r")] == []
    assert all(len(line) < 200 and line.isprintable() for line in as_lines(report))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a|b", "a\\|b", id="pipe"),
        pytest.param("two\nlines", "two lines", id="lines"),
        pytest.param("# no heading", "\\# no heading", id="heading"),
        pytest.param("- no list", "\\- no list", id="list"),
        pytest.param("1. no list", "1\\. no list", id="numbered list"),
        pytest.param("https://example.org", "https\\://example.org", id="link"),
        pytest.param("<b>*x*_y_`z`", "\\<b\\>\\*x\\*\\_y\\_\\`z\\`", id="markup"),
        pytest.param("python3-urllib3 1.26.12-1", "python3-urllib3 1.26.12-1", id="nothing to escape"),
    ],
)
def test_markdown_is_escaped(text: str, expected: str) -> None:
    assert escaped(text) == expected


def test_code_in_markdown_has_a_fence_that_is_not_in_it() -> None:
    assert code("a`b``c") == "```a`b``c```"
    assert code("`a") == "`` `a ``"
    assert code("") == ""


@pytest.mark.parametrize("number", [0, 1, 5, 200])
def test_json_is_as_its_schema_says(number: int) -> None:
    report = report_of(made_up_answers(number))
    document = json.loads(report.as_json())
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(document)
    assert len(document["hosts"]) == number
    assert [host["host"] for host in document["hosts"]] == sorted(
        (host["host"] for host in document["hosts"]), key=in_natural_order
    )


@pytest.mark.parametrize("number", [0, 1, 5, 200])
def test_every_host_and_finding_is_in_every_form(number: int) -> None:
    report = report_of(made_up_answers(number))
    rows = read_csv(report)
    assert {row["host"] for row in rows} == {host.host for host in report.hosts}
    assert sum(bool(row["id"]) for row in rows) == sum(len(host.findings) for host in report.hosts)
    page = Page(as_html(report))
    assert len(page.of("details")) == number
    assert len(page.of("article")) == sum(len(host.findings) for host in report.hosts)
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    targets = {str(one["href"])[1:] for one in page.of("a")}
    assert targets <= set(identifiers)
    text = as_markdown(report)
    for host in report.hosts:
        assert f"| {escaped(host.host)} |" in text
        assert host.host in page.text


def test_a_rule_that_could_not_read_has_a_column_though_nobody_has_a_finding_of_it() -> None:
    unread = [{"rule": "EM001", "what": "/root", "reason": "no right"}]
    page = Page(as_html(report_of({"web1": answer(unread=unread), "web2": answer()})))
    (cell,) = [one for one in page.of("a") if one.get("aria-label")]
    assert (cell["aria-label"], cell["href"]) == ("not all read", "#h0-unread")


def test_the_page_asks_nobody_for_anything() -> None:
    html = as_html(report_of(made_up_answers(5)))
    page = Page(html)
    assert not [attributes["src"] for _, attributes in page.elements if "src" in attributes]
    assert [one["href"] for one in page.of("link")] == ["data:,"]
    policies = [str(one["content"]) for one in page.of("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert ["default-src 'none'" in policy for policy in policies] == [True]
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_same_answers_make_the_same_files() -> None:
    first, again = (report_of(dict(reversed(made_up_answers(30).items()))) for _ in range(2))
    other = report_of(made_up_answers(30))
    for form in (Report.as_json, as_csv, as_markdown, as_html):
        assert form(first) == form(again) == form(other)


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        pytest.param(None, "failed", "did not run", id="no result"),
        pytest.param(
            {"unreachable": True, "msg": "Task failed: no route"}, "unreachable", "no route", id="unreachable"
        ),
        pytest.param({"unreachable": True}, "unreachable", "There is no connection", id="unreachable, no reason"),
        pytest.param({"failed": True, "rc": 127, "msg": "x"}, "failed", "pep668.provision.bootstrap", id="no Python"),
        pytest.param(
            {"failed": True, "rc": 1, "module_stdout": "", "msg": "Module result deserialization failed: x"},
            "failed",
            "Python 3.8 or newer is needed",
            id="no answer",
        ),
        pytest.param(
            {"failed": True, "rc": 1, "module_stdout": "\r\n", "module_stderr": "sudo: no\n", "msg": "MODULE FAILURE"},
            "failed",
            "Ansible says: MODULE FAILURE, and the host's last line is: sudo: no",
            id="no answer but an error",
        ),
        pytest.param({"failed": True, "msg": "no sudo here"}, "failed", "no sudo here", id="failed"),
        pytest.param({"failed": True}, "failed", "did not say why", id="failed, no reason"),
        pytest.param({"skipped": True}, "failed", "did not run", id="skipped"),
        pytest.param({}, "failed", "does not say what host", id="empty"),
        pytest.param(answer(findings="no"), "failed", "findings is no list", id="findings are text"),
        pytest.param(answer(findings=[1]), "failed", "findings is no list", id="a finding is a number"),
        pytest.param(answer(FINDING | {"id": "EM999"}), "failed", "there is no rule 'EM999'", id="unknown rule"),
        pytest.param(answer(FINDING | {"subject": 1}), "failed", "subject is no text", id="subject is a number"),
        pytest.param(
            answer(FINDING | {"repairs": [{"module": "x"}]}), "failed", "repair", id="repair without arguments"
        ),
        pytest.param(answer(unread=[{"rule": "x"}]), "failed", "there is no rule 'x'", id="unread of an unknown rule"),
    ],
)
def test_a_host_that_was_not_audited_is_told_with_the_reason(said: Any, status: str, reason: str) -> None:
    report = report_of({"web": said})
    (host,) = report.hosts
    assert host.status == status
    assert reason in host.reason
    assert host.findings == ()
    assert host.reason in Page(as_html(report)).text
    assert "1 host could not be audited." in in_words(count(report))
    Draft202012Validator(SCHEMA).validate(json.loads(report.as_json()))


def test_a_host_does_not_decide_how_its_findings_are_judged() -> None:
    (host,) = report_of({"web": answer(FINDING | {"severity": "info", "title": "harmless"})}).hosts
    (rule,) = [rule for rule in rule_texts() if rule.id == "EM001"]
    assert (host.findings[0].severity, host.findings[0].title) == (rule.severity, rule.title)


def test_more_findings_than_anybody_reads_are_cut_and_this_is_said() -> None:
    (host,) = report_of({"web": answer(*[FINDING | {"subject": str(number)} for number in range(3000)])}).hosts
    assert len(host.findings) == 2000
    assert host.unread[0].reason == "of 3000 findings the report holds 2000"


def test_rules_that_were_left_out_are_not_listed() -> None:
    report = report_of({"web": answer()})
    assert [rule.id for rule in report.rules] == ["EM001"]
    nobody = report_of({"web": {"unreachable": True}})
    assert [rule.id for rule in nobody.rules] == [rule.id for rule in rule_texts()]


def test_hosts_are_in_the_order_people_expect() -> None:
    names = ["web10", "web9", "web09", "a", "10", "9", "web1.b", "web"]
    report = read_answers(dict.fromkeys(names), [], created="", collection="")
    assert [host.host for host in report.hosts] == ["9", "10", "a", "web", "web1.b", "web09", "web9", "web10"]


def test_the_worst_comes_first() -> None:
    answers = {"clean": answer(), "gone": {"unreachable": True}, "broken": answer(FINDING)}
    assert [host.host for host in from_the_worst(report_of(answers))] == ["broken", "gone", "clean"]


@pytest.mark.parametrize(
    ("answers", "fail_on", "fails"),
    [
        pytest.param({"web": answer()}, "info", False, id="clean"),
        pytest.param({"web": answer(FINDING)}, "none", False, id="error, nothing fails"),
        pytest.param({"web": answer(FINDING)}, "error", True, id="error"),
        pytest.param({"web": answer(FINDING)}, "info", True, id="error, infos fail"),
        pytest.param({"web": answer(FINDING | {"id": "EM101"}, rules=[])}, "error", False, id="warning, errors fail"),
        pytest.param({"web": answer(FINDING | {"id": "EM101"}, rules=[])}, "warning", True, id="warning"),
        pytest.param({"web": {"unreachable": True}}, "error", True, id="unreachable"),
        pytest.param({"web": {"unreachable": True}}, "none", False, id="unreachable, nothing fails"),
    ],
)
def test_what_fails_a_build(answers: dict[str, Any], fail_on: str, *, fails: bool) -> None:
    assert bool(verdict(report_of(answers), fail_on)) is fails


def test_the_table_for_a_terminal() -> None:
    unread = [{"rule": "EM001", "what": "/root", "reason": "no right"}]
    answers = {
        "web1": answer(FINDING, FINDING | {"subject": "/other"}),
        "web2": answer(),
        "web3": answer(unread=unread),
        "db": {"unreachable": True, "msg": "no route"},
        "a-name-that-is-longer-than-a-column-should-be": answer(FINDING),
    }
    assert as_lines(report_of(answers)) == [
        "3 errors on 2 of 4 audited hosts. 1 host could not be audited.",
        "",
        "host                              errors  warnings  infos  not read",
        "web1                                   2         0      0         0",
        "a-name-that-is-longer-than-a-co…       1         0      0         0",
        "db                                unreachable: no route",
        "web3                                   0         0      0         1",
        "1 host is clean",
        "",
        "rule   severity  hosts",
        "EM001  error         2  The marker that a package ships is missing",
    ]


def test_many_hosts_do_not_fill_the_terminal() -> None:
    lines = as_lines(report_of(made_up_answers(500)))
    assert len(lines) < 70
    assert [line for line in lines if "more hosts, see the report" in line]


def test_files_are_written_as_a_whole_and_keep_their_mode(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "audit"
    assert write_files(str(folder), {"a": "1\r\n"}) == [str(folder / "a")]
    assert (folder / "a").read_bytes() == b"1\r\n"
    assert (folder / "a").stat().st_mode & 0o777 == 0o600
    (folder / "a").chmod(0o640)
    write_files(str(folder), {"a": "2", "b": "3"})
    assert [(path.name, path.read_text(), path.stat().st_mode & 0o777) for path in sorted(folder.iterdir())] == [
        ("a", "2", 0o640),
        ("b", "3", 0o600),
    ]


def test_a_failure_leaves_the_earlier_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(str(tmp_path), {"a": "1", "b": "1"})

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_files(str(tmp_path), {"a": "2", "b": "2"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "1", "b": "1"}


def test_a_link_in_a_files_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("kept")
    (tmp_path / "a").symlink_to("other")
    write_files(str(tmp_path), {"a": "1"})
    assert ((tmp_path / "other").read_text(), (tmp_path / "a").is_symlink()) == ("kept", False)
