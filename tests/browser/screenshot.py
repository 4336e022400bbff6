"""Takes the picture of the README, of a made-up fleet: python -m tests.browser.screenshot docs/audit.png"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from plugins.plugin_utils.audit_report.as_html import as_html
from tests.browser.chromium import QUIET, find_browser
from tests.browser.sample import made_up_answers, report_of


def main() -> None:
    parser = argparse.ArgumentParser(description="Take a picture of the page of a made-up fleet.")
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--scheme", choices=["light", "dark"], default="light")
    parser.add_argument("--height", type=int, default=1360)
    parser.add_argument("file")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "audit.html"
        file.write_text(as_html(report_of(made_up_answers(asked.hosts))))
        browser = playwright.chromium.launch(executable_path=find_browser(), args=QUIET)
        page = browser.new_page(
            viewport={"width": 1280, "height": asked.height}, color_scheme=asked.scheme, device_scale_factor=0.75
        )
        page.goto(f"file://{file}")
        page.screenshot(path=asked.file)
        browser.close()


if __name__ == "__main__":
    main()
