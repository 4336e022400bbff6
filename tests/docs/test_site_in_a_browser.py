"""The site as its readers meet it: from files and from a server, wide and narrow, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from checkout import CACHE
from tests.docs.conftest import OpenPage

#: A page of each kind, and what is to be read in it.
KINDS = {
    "index.html": "Start in five minutes",
    "start.html": "pip install 'pep668-provision[ansible]'",
    "how_it_decides.html": "unsupported",
    "recipes/server.html": "pep668.provision.provision",
    "faq.html": "no such option: --break-system-packages",
    "reference/role.html": "python_index_password",
    "reference/modules/venv.html": "system_site_packages",
    "reference/modules/index.html": "pep668.provision.python_info",
    "reference/playbooks.html": "audit_fail_on",
    "reference/plugins.html": "bootstrap_script",
    "reference/pyinfra_facts.html": "ProvisionPlan",
    "reference/pyinfra_operations.html": "system_packages",
    "reference/pyinfra_deploys.html": "pep668_provision.deploys.provision",
    "findings.html": "EM401",
    "overview.html": "Where it has run",
    "audit.html": "audit.json",
}
WAYS = [pytest.param(False, id="from files"), pytest.param(True, id="from a server")]


#: Below the name of a page are its sections that match, the best first.
FOUND = ".md-search-result__link"


def keep_picture(page: Page, name: str) -> None:
    file = CACHE / "results" / f"docs-{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=file)


@pytest.mark.parametrize("name", KINDS)
def test_a_page_of_each_kind_can_be_read(open_page: OpenPage, name: str) -> None:
    page = open_page(name)
    expect(page.locator("article").get_by_text(KINDS[name]).first).to_be_visible()
    assert page.locator("article h1").count() == 1


def search(page: Page, text: str) -> list[str]:
    """The addresses that a search leads to, best first."""
    box = page.get_by_role("textbox", name="Search")
    box.focus()
    # The index is made when the box is first used.
    expect(page.get_by_text("Type to start searching")).to_be_visible()
    box.fill(text)
    # It is searched when a key was let go.
    box.press("End")
    expect(page.locator(".md-search-result__meta")).to_contain_text("matching document")
    found = page.locator(FOUND)
    return [re.sub(r"\?h=[^#]*", "", str(address)) for address in found.evaluate_all("all => all.map(one => one.href)")]


@pytest.mark.parametrize("served", WAYS)
def test_the_error_text_is_found(open_page: OpenPage, served: bool) -> None:
    page = open_page(served=served)
    found = search(page, "no such option: --break-system-packages")
    leads_to = next(place for place, address in enumerate(found) if "#" in address)
    assert found[leads_to].endswith("/faq.html#no-such-option---break-system-packages"), found[:5]
    page.locator(FOUND).nth(leads_to).click()
    heading = page.locator("h2", has_text="no such option: --break-system-packages").first
    expect(heading).to_be_in_viewport()
    keep_picture(page, f"faq-{'served' if served else 'file'}")


@pytest.mark.parametrize(
    ("text", "leads_to"),
    [
        pytest.param("externally-managed-environment", "faq.html#error-externally-managed-environment", id="the error"),
        pytest.param("ensurepip is not available", "faq.html", id="ensurepip"),
        pytest.param("pip: command not found", "faq.html", id="no pip"),
        pytest.param("python_index_url", "reference/role.html#python_index_url", id="a variable"),
        pytest.param("EM401", "findings.html#em401", id="a finding"),
        pytest.param("geerlingguy.pip", "recipes/geerlingguy_pip.html", id="a recipe"),
    ],
)
def test_what_people_search_for_is_among_the_first(open_page: OpenPage, text: str, leads_to: str) -> None:
    found = search(open_page(), text)
    assert any(leads_to in address for address in found[:3]), found[:5]


def test_every_page_fits_a_telephone(open_page: OpenPage, site: Path) -> None:
    page = open_page(viewport={"width": 360, "height": 740})
    too_wide = []
    # 404.html is for a server, with addresses from the server's root.
    for file in sorted(set(site.rglob("*.html")) - {site / "404.html"}):
        page.goto(f"file://{file}")
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            too_wide.append(str(file.relative_to(site)))
    assert too_wide == []
    keep_picture(page, "telephone")


def test_light_and_dark(open_page: OpenPage) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = open_page("faq.html", color_scheme="light")
    dark = open_page("faq.html", color_scheme="dark")
    assert brightness(light.evaluate(ground)) > 200
    assert brightness(dark.evaluate(ground)) < 100
    keep_picture(dark, "dark")
    # Who chooses is not asked for the system's choice any more.
    dark.locator("label[title='Switch to light mode']").click()
    assert brightness(dark.evaluate(ground)) > 200


def brightness(colour: str) -> float:
    """The brightness of a colour as a browser gives it, from 0 to 255."""
    return sum(float(number) for number in re.findall(r"[\d.]+", colour)[:3]) / 3


def test_code_can_be_copied(open_page: OpenPage) -> None:
    page = open_page("start.html", permissions=["clipboard-read", "clipboard-write"])
    page.locator("button[data-clipboard-target], .md-code__button").first.click()
    assert "python_venvs:" in str(page.evaluate("navigator.clipboard.readText()"))
