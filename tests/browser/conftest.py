"""Fixtures for the tests in a real browser.

    browser        a headless Chromium with a profile of its own, for the whole run
    open_report    opens the page of a made-up fleet; afterwards, nothing was asked of a network and no error was logged
    keep_picture   keeps a picture of a page as .cache/results/audit-NAME.png

Which browser is in PROVISION_BROWSER, else it is the ``chromium`` on the PATH; without one the tests are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from checkout import CACHE
from plugins.plugin_utils.audit_report.as_html import as_html
from tests.browser.chromium import running_browser
from tests.browser.sample import made_up_answers, report_of

OpenReport = Callable[..., Page]
KeepPicture = Callable[..., None]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_browser() as started:
        yield started


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[OpenReport]:
    """open_report(5) opens the page of five hosts; ``answers`` gives others; the rest are options of the browser."""
    problems: list[str] = []
    contexts = []

    def judge(request: Request) -> None:
        if not request.url.startswith(f"file://{tmp_path}/") and request.url != "data:,":
            problems.append(f"request: {request.url}")

    def open_(
        number: int = 5, *, answers: Mapping[str, object] | None = None, fragment: str = "", **options: Any
    ) -> Page:
        file = tmp_path / "audit.html"
        file.write_text(as_html(report_of(made_up_answers(number) if answers is None else answers)))
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "offline": True, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("request", judge)
        page.on("console", lambda message: problems.append(f"console: {message.type}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
        page.goto(f"file://{file}{fragment}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="session")
def keep_picture() -> KeepPicture:
    def keep(page: Page, name: str, *, full: bool = False) -> None:
        file = CACHE / "results" / f"audit-{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=file, full_page=full)

    return keep
