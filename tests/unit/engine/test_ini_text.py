"""Texts over which configparser would hang are told apart before it reads them, by their line."""

from __future__ import annotations

import pytest

from pep668_provision.engine.ini_text import AbsurdText, check_bounds

BLANKS = " " * 300


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("[global]\n" * 6000, 6000, id="lines"),
        pytest.param(f"[global]\na = b{BLANKS}c\n", 2, id="blanks"),
        pytest.param(f"[global]\r\r# a\ra = b{BLANKS}c", 4, id="blanks after another end of line"),
    ],
)
def test_a_text_that_would_take_long_is_none(text: str, line: int) -> None:
    with pytest.raises(AbsurdText) as absurd:
        check_bounds(text, "/etc/pip.conf")
    assert absurd.value.lineno == text.count("\n", 0, text.find(BLANKS)) + 1 if BLANKS in text else line
    assert str(absurd.value).startswith("line ")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"[global]\n{BLANKS}a = b{BLANKS}\n", id="blanks at the ends"),
        pytest.param(f"# a{BLANKS}b\n  ; a{BLANKS}b\n", id="comments"),
        pytest.param("[global]\n" * 100, id="some lines"),
        pytest.param("", id="nothing"),
    ],
)
def test_other_texts_are_left_to_it(text: str) -> None:
    check_bounds(text, "/etc/pip.conf")
