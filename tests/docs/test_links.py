"""Links within the site lead to what is there; those that lead out of it are addresses, which nobody is asked for."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from checkout import CHECKOUT
from docs.generator.pages import REPOSITORY, relinked

#: Names that are reserved for examples, and addresses of the machine itself, lead nowhere on purpose.
_ADDRESS = re.compile(r"<a [^>]*href=\"([a-z]+:[^\"]*)\"")


def test_every_link_out_of_the_site_is_an_address(site: Path) -> None:
    found = {address for file in site.rglob("*.html") for address in _ADDRESS.findall(file.read_text())}
    assert len(found) > 5
    for address in found:
        parts = urlsplit(address)
        assert parts.scheme == "https", address
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), address
        assert "example" not in parts.netloc, address


def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    """The build says so as well, and is strict; here the pages themselves are read."""
    pages = {file: file.read_text() for file in site.rglob("*.html") if file.name != "404.html"}
    places = {file: {"", "__skip", *re.findall(r"\bid=\"([^\"]*)\"", text)} for file, text in pages.items()}
    wrong = []
    for file, text in pages.items():
        for address in re.findall(r"<a [^>]*href=\"([^\"]*)\"", text):
            parts = urlsplit(unescape(address))
            if parts.scheme:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or unquote(parts.fragment) not in places.get(target, {""}):
                wrong.append(f"{file.relative_to(site)}: {address}")
    assert len(pages) > 40
    assert wrong == []


def test_links_into_the_repository_lead_to_files(site: Path) -> None:
    found = {address for file in site.rglob("*.html") for address in _ADDRESS.findall(file.read_text())}
    files = [
        address.removeprefix(f"{REPOSITORY}/").partition("#")[0] for address in found if address.startswith(REPOSITORY)
    ]
    assert files
    assert [name for name in files if not (CHECKOUT / name).exists()] == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=\"(https?:[^\"]*)\"")
    assert {address for file in site.rglob("*.html") for address in loaded.findall(file.read_text())} == set()


@pytest.mark.parametrize(
    ("source", "page", "link", "expected"),
    [
        pytest.param("docs/pyinfra.md", "pyinfra.md", "../README.md#variables", "overview.md#variables", id="up"),
        pytest.param("README.md", "overview.md", "docs/audit.md", "audit.md", id="down"),
        pytest.param("docs/recipes/wsl.md", "recipes/wsl.md", "../faq.md#x", "../faq.md#x", id="beside"),
        pytest.param("README.md", "overview.md", "LICENSE", f"{REPOSITORY}/LICENSE", id="a file that is no page"),
        pytest.param("README.md", "overview.md", "https://a.org/b", "https://a.org/b", id="an address"),
        pytest.param("README.md", "overview.md", "#variables", "#variables", id="the same page"),
    ],
)
def test_a_link_leads_where_it_led_before(source: str, page: str, link: str, expected: str) -> None:
    assert relinked(f"[x]({link})", source, page) == f"[x]({expected})"


def test_a_link_to_nothing_is_an_error() -> None:
    with pytest.raises(FileNotFoundError, match=r"README.md links to docs/nothing.md"):
        relinked("[x](docs/nothing.md)", "README.md", "overview.md")


def test_links_in_code_are_left_alone() -> None:
    assert relinked("`[x](nothing.md)`", "README.md", "overview.md") == "`[x](nothing.md)`"
