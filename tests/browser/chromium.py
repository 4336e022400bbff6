"""The browser of these tests: which one, and how it is started."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

#: Nothing of the browser itself uses a network.
QUIET = [
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-domain-reliability"),
]


def find_browser() -> str | None:
    """The program that PROVISION_BROWSER names, else the ``chromium`` on the PATH, if there is one."""
    return os.environ.get("PROVISION_BROWSER") or shutil.which("chromium")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless browser runs inside the block, with a profile of its own; without a program the test is skipped."""
    program = find_browser()
    if program is None:
        pytest.skip("there is no chromium on the PATH")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield started
        started.close()
