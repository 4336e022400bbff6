"""The audit's page in a real browser: what it shows, how it is searched, and that anybody can use it."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from pypdf import PdfReader

from plugins.plugin_utils.audit_report.figures import count, from_the_worst
from plugins.plugin_utils.audit_report.model import HostReport
from tests.browser.conftest import KeepPicture, OpenReport
from tests.browser.sample import made_up_answers, report_of

CONTRAST = Path(__file__).with_name("contrast.js").read_text()
SCHEMES = ["light", "dark"]


def hosts_shown(page: Page) -> int:
    return page.locator("details.host:visible").count()


def rows_shown(page: Page) -> int:
    return page.locator(".matrix tbody tr:visible").count()


def worst(number: int) -> HostReport:
    return from_the_worst(report_of(made_up_answers(number)))[0]


def host_of(page: Page, name: str) -> Locator:
    return page.locator("details.host").filter(has=page.get_by_role("heading", name=name, exact=True))


def on_paper(page: Page) -> str:
    """All text of the page when it is printed, without blanks; letters that were set as one are apart again."""
    printed = PdfReader(io.BytesIO(page.pdf(format="A4")))
    return unicodedata.normalize("NFKC", "".join("".join(sheet.extract_text() for sheet in printed.pages).split()))


def is_wider_than_the_window(page: Page) -> bool:
    return bool(page.evaluate("document.scrollingElement.scrollWidth > innerWidth"))


@pytest.mark.parametrize("number", [5, 60, 500])
def test_it_shows_what_the_report_says(open_report: OpenReport, keep_picture: KeepPicture, number: int) -> None:
    page = open_report(number)
    report = report_of(made_up_answers(number))
    figures = count(report)
    tiles = {
        tile.inner_text().split("\n", 1)[1].strip(): tile.inner_text().split("\n")[0]
        for tile in page.locator(".tile").all()
    }
    assert tiles[f"of {number} hosts audited"] == str(figures.audited)
    assert tiles["unreachable or failed"] == str(figures.not_audited)
    for severity, found in figures.findings.items():
        assert tiles[severity if found == 1 else f"{severity}s"] == str(found)
    assert (hosts_shown(page), rows_shown(page)) == (number, number)
    # Letters and colours in the matrix: what the worst host has.
    host = from_the_worst(report)[0]
    row = page.locator(".matrix tbody tr").first
    assert host.host in row.inner_text()
    expected = {finding.severity for finding in host.findings}
    assert {str(cell.get_attribute("class")) for cell in row.locator("td a").all()} >= expected
    host_of(page, host.host).locator("summary").click()
    shown = host_of(page, host.host).inner_text()
    for finding in host.findings:
        for text in (finding.id, finding.title, finding.subject, finding.remedy):
            assert text in shown
        assert " ".join(finding.evidence.split()) in " ".join(shown.split())
    page.evaluate("scrollTo(0, 0)")
    keep_picture(page, f"{number}-hosts")


def test_a_host_that_was_not_audited_says_why(open_report: OpenReport) -> None:
    page = open_report(60)
    host = next(host for host in report_of(made_up_answers(60)).hosts if host.status == "unreachable")
    section = host_of(page, host.host)
    section.locator("summary").click()
    expect(section).to_contain_text("Connection timed out")
    expect(page.locator(".matrix tr").filter(has_text=host.host)).to_contain_text("unreachable")


@pytest.mark.parametrize(
    ("field", "value", "holds"),
    [
        pytest.param("choice", "error", lambda host, _: host.counts["error"] > 0, id="errors"),
        pytest.param("choice", "clean", lambda host, _: host.state == "clean", id="clean"),
        pytest.param("choice", "not audited", lambda host, _: not host.is_audited, id="not audited"),
        pytest.param("rule", "EM101", lambda host, value: value in {one.id for one in host.findings}, id="rule"),
        pytest.param("release", "Ubuntu 24.04", lambda host, value: host.release == value, id="release"),
    ],
)
def test_a_filter_leaves_what_it_is_asked_for(open_report: OpenReport, field: str, value: str, holds: Any) -> None:
    page = open_report(60)
    page.select_option(f"#{field}", value)
    expected = [host for host in report_of(made_up_answers(60)).hosts if holds(host, value)]
    assert 0 < len(expected) < 60
    assert (hosts_shown(page), rows_shown(page)) == (len(expected), len(expected))
    findings = [one for host in expected for one in host.findings]
    if field != "release":
        findings = [one for one in findings if value in (one.severity, one.id)]
    total = sum(len(host.findings) for host in report_of(made_up_answers(60)).hosts)
    status = page.get_by_role("status")
    expect(status).to_have_text(f"{len(expected)} of 60 hosts, {len(findings)} of {total} findings")
    expect(status).to_have_attribute("aria-live", "polite")
    page.get_by_role("button", name="Reset").click()
    expect(status).to_have_text(f"60 hosts, {total} findings")
    assert hosts_shown(page) == 60


def test_text_is_searched_in_names_and_findings(open_report: OpenReport, keep_picture: KeepPicture) -> None:
    page = open_report(60)
    search = page.get_by_role("searchbox", name="Search")
    search.fill("WEB01")
    expect(page.get_by_role("status")).to_contain_text("1 of 60 hosts")
    search.fill("/srv/app/.venv leads")
    with_it = sum(any(one.id == "EM401" for one in host.findings) for host in report_of(made_up_answers(60)).hosts)
    expect(page.get_by_role("status")).to_contain_text(f"{with_it} of 60 hosts, {with_it} of")
    page.get_by_role("button", name="Open all").click()
    assert page.locator(".finding:visible").count() == with_it
    keep_picture(page, "search")
    search.fill("no such thing")
    expect(page.get_by_text("No host matches the filter.")).to_be_visible()
    assert (hosts_shown(page), rows_shown(page)) == (0, 0)


def test_filters_narrow_each_other(open_report: OpenReport) -> None:
    page = open_report(500)
    report = report_of(made_up_answers(500))
    page.select_option("#rule", "EM503")
    page.select_option("#release", "Debian GNU/Linux 13")
    page.get_by_role("searchbox").fill("web")
    expected = sum(
        host.release == "Debian GNU/Linux 13" and "web" in host.host and any(one.id == "EM503" for one in host.findings)
        for host in report.hosts
    )
    assert expected > 0
    expect(page.get_by_role("status")).to_contain_text(f"{expected} of 500 hosts")


def test_a_tile_filters_and_the_order_can_be_by_name(open_report: OpenReport) -> None:
    page = open_report(60)
    page.locator(".tile", has_text="with errors").click()
    assert hosts_shown(page) == count(report_of(made_up_answers(60))).states["error"]
    page.get_by_role("button", name="Reset").click()
    page.select_option("#order", "name")
    expected = [host.host for host in report_of(made_up_answers(60)).hosts]
    assert page.locator("details.host h3").all_text_contents() == expected
    assert page.locator(".matrix tbody th").all_inner_texts() == expected
    page.select_option("#order", "")
    expect(page.locator("details.host h3").first).to_have_text(worst(60).host)


def test_a_cell_of_the_matrix_leads_to_its_finding(open_report: OpenReport) -> None:
    page = open_report(60)
    host = worst(60)
    finding = host.findings[0]
    row = page.locator(".matrix tr").filter(has_text=host.host)
    row.locator(f"a[href$='-{finding.id}']").click()
    expect(host_of(page, host.host)).to_have_attribute("open", "")
    expect(host_of(page, host.host).get_by_text(finding.remedy, exact=True)).to_be_in_viewport()


def test_an_address_with_a_host_opens_it(open_report: OpenReport) -> None:
    report = report_of(made_up_answers(500))
    place = 321
    page = open_report(500, fragment=f"#h{place}")
    section = host_of(page, report.hosts[place].host)
    expect(section).to_have_attribute("open", "")
    expect(section.locator("summary")).to_be_in_viewport()


def test_a_link_to_what_the_filter_hides_shows_it(open_report: OpenReport) -> None:
    page = open_report(60)
    page.select_option("#choice", "clean")
    page.evaluate(f"location.hash = 'h{report_of(made_up_answers(60)).hosts.index(worst(60))}'")
    expect(host_of(page, worst(60).host)).to_have_attribute("open", "")
    expect(host_of(page, worst(60).host)).to_be_visible()


def test_the_remedy_is_copied_to_the_letter(open_report: OpenReport) -> None:
    page = open_report(60, permissions=["clipboard-read", "clipboard-write"])
    host = worst(60)
    host_of(page, host.host).locator("summary").click()
    button = page.get_by_role("button", name=f"Copy the remedy of {host.findings[0].id} on {host.host}", exact=True)
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == host.findings[0].remedy


def test_the_keyboard_is_enough(open_report: OpenReport) -> None:
    page = open_report(5)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the report")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the report")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    reached: list[str] = []
    for _ in range(200):
        page.keyboard.press("Tab")
        what: str = page.evaluate(
            "document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
        )
        if what == "BODY":
            break
        is_marked = page.evaluate(
            "(({outlineStyle, outlineWidth}) => outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2)"
            "(getComputedStyle(document.activeElement))"
        )
        assert is_marked, what
        reached.append(what)
        if what == "SUMMARY":
            break
    assert [
        what
        for what in ("search", "choice", "rule", "release", "order", "scroll", "open", "SUMMARY")
        if what not in reached
    ] == []
    page.keyboard.press("Enter")
    expect(page.locator("details.host").first).to_have_attribute("open", "")
    page.keyboard.press("Space")
    assert page.locator("details.host").first.get_attribute("open") is None


def test_a_screen_reader_is_told_names_and_places(open_report: OpenReport) -> None:
    page = open_report(60)
    for role in ("banner", "navigation", "main", "search", "contentinfo"):
        assert page.get_by_role(role).count() == 1, role
    assert page.get_by_role("heading", level=1).count() == 1
    levels = [
        int(str(name)[1]) for name in page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(one => one.tagName)")
    ]
    assert [(one, following) for one, following in pairwise(levels) if following > one + 1] == []
    assert page.evaluate("document.documentElement.lang") == "en"
    assert "60 hosts" in page.title()
    # Nothing that can be used is without a name, and no table's head without its direction.
    snapshot = page.locator("body").aria_snapshot()
    assert (
        re.findall(r"^\s*- (?:button|link|searchbox|combobox|textbox|region)(?::|$| \[)", snapshot, re.MULTILINE) == []
    )
    assert page.locator("th:not([scope])").count() == 0
    regions = page.get_by_role("region")
    assert {
        str(name) for name in regions.evaluate_all("all => all.map(one => one.getAttribute('aria-labelledby'))")
    } == {*("overview-title", "matrix-title", "hosts-title", "rules-title")}
    cell = page.locator(".matrix td a").first
    assert re.fullmatch(r"\d+ (error|warning|info)s?", str(cell.get_attribute("aria-label")))
    theme = page.get_by_role("button", name="Dark")
    expect(theme).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1280, 400])
def test_every_text_can_be_read(open_report: OpenReport, keep_picture: KeepPicture, scheme: str, width: int) -> None:
    page = open_report(60, color_scheme=scheme, viewport={"width": width, "height": 900})
    page.get_by_role("button", name="Open all").click()
    page.locator("details.host").last.scroll_into_view_if_needed()
    measured = page.evaluate(CONTRAST)
    assert measured["seen"] > 500
    assert measured["found"] == []
    assert not is_wider_than_the_window(page)
    page.get_by_role("button", name="Close all").click()
    page.locator("details.host summary").first.click()
    page.evaluate("scrollTo(0, 0)")
    keep_picture(page, f"{scheme}-{width}")
    keep_picture(page, f"{scheme}-{width}-whole", full=True)


def test_light_and_dark_follow_the_system_until_somebody_chooses(open_report: OpenReport) -> None:
    page = open_report(5, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    button = page.get_by_role("button", name="Dark")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.emulate_media(color_scheme="light")
    light = page.evaluate(ground)
    assert light != dark
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    assert page.evaluate(ground) == dark
    page.reload()
    assert page.evaluate(ground) == dark
    expect(button).to_have_attribute("aria-pressed", "true")


def test_without_scripts_everything_is_there_to_read(open_report: OpenReport) -> None:
    page = open_report(60, java_script_enabled=False)
    assert (hosts_shown(page), rows_shown(page)) == (60, 60)
    section = host_of(page, worst(60).host)
    section.locator("summary").click()
    expect(section.get_by_text(worst(60).findings[0].remedy, exact=True)).to_be_visible()
    for what in ("form.filter", "#theme", "#open", ".copy"):
        expect(page.locator(what).first).to_be_hidden()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_on_paper_no_host_is_closed(open_report: OpenReport, scripts: bool) -> None:
    page = open_report(60, java_script_enabled=scripts)
    text = on_paper(page)
    report = report_of(made_up_answers(60))
    assert [host.host for host in report.hosts if host.host not in text] == []
    remedies = {one.remedy for host in report.hosts for one in host.findings}
    assert [remedy for remedy in remedies if "".join(remedy.split()) not in text] == []
    assert "Reset" not in text
    assert page.locator("details[open]").count() == 0


def test_500_hosts_on_paper_are_all_there(open_report: OpenReport) -> None:
    page = open_report(500)
    text = on_paper(page)
    assert [host.host for host in report_of(made_up_answers(500)).hosts if host.host not in text] == []


def test_what_a_host_says_runs_nowhere(open_report: OpenReport) -> None:
    text = "<img src=http://192.0.2.1/x onerror=alert(1)><script>alert(2)</script>\"'></style><svg onload=alert(3)>"
    answers = made_up_answers(2)
    answers = {f"{text}{name}": json.loads(json.dumps(answer)) for name, answer in answers.items()}
    for answer in answers.values():
        answer["host"] = dict.fromkeys(answer["host"], text)
        answer["findings"] = [{"id": "EM001", "subject": text, "evidence": text, "remedy": text, "repairs": []}]
    page = open_report(answers=answers)
    page.get_by_role("button", name="Open all").click()
    expect(page.locator(".remedy").first).to_have_text(text)
    assert page.locator("img, svg, script:not(:last-child)").count() == 0
    page.select_option("#release", index=1)
    expect(page.get_by_role("status")).to_contain_text("2 hosts")


def test_nothing_found_and_nobody_there_are_pages_too(open_report: OpenReport, keep_picture: KeepPicture) -> None:
    page = open_report(answers={})
    expect(page.locator(".lead")).to_have_text("No host was to be audited.")
    clean = {name: answer | {"findings": []} for name, answer in made_up_answers(3).items()}
    page = open_report(answers=clean)
    expect(page.locator(".lead")).to_have_text("Nothing was found on 3 audited hosts.")
    expect(page.get_by_text("No rule found anything.")).to_be_visible()
    keep_picture(page, "clean")
