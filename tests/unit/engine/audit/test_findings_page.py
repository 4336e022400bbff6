"""docs/findings.md is as the rules are."""

from __future__ import annotations

from findings_page import PAGE, findings_page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == findings_page(), "run: nox -s findings"
