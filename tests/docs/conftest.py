"""Fixtures for the tests of the documentation.

site        the folder with the built site; "nox -s docs" builds it, and without it the tests of it are skipped
browser     a headless Chromium, as in tests/browser
open_page   opens a page of the site from its file or by a plain server; afterwards, nothing was asked of anybody
            else, and no error was logged
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from checkout import CACHE
from tests.browser.chromium import running_browser

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def site() -> Path:
    folder = Path(os.environ.get("PROVISION_SITE") or CACHE / "site")
    if not (folder / "index.html").is_file():
        pytest.skip("the site is not built: nox -s docs does that")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_browser() as started:
        yield started


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name the class has
        """Nothing is printed of what is served."""


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[str]:
    serving = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    thread = Thread(target=serving.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.fixture
def open_page(browser: Browser, site: Path, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """open_page("faq.html", served=True, color_scheme="dark"); the rest are options of the browser."""
    problems: list[str] = []
    contexts = []

    def open_(name: str = "index.html", *, served: bool = False, **options: Any) -> Page:
        root = request.getfixturevalue("server") if served else f"file://{site}"
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()

        def judge(address: str) -> None:
            if not address.startswith((f"{root}/", "data:", "blob:")):
                problems.append(f"request: {address}")

        page.on("request", lambda request: judge(request.url))
        page.on("console", lambda message: problems.append(f"console: {message.type}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.goto(f"{root}/{name}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []
