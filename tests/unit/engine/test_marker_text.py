"""The text of a marker: what is written is what a parser of INI files reads back, and what cannot be is refused."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pep668_provision.engine.marker import read_message
from pep668_provision.engine.marker_text import check_locale, check_message, compose_marker
from pep668_provision.engine.values import Refused

LINES = st.lists(st.text(st.sampled_from("aä%[]=:#; \t'\"\\{}$€\u2028\u3000"), max_size=8), min_size=1, max_size=5)


def read_as_pip(path: Path) -> dict[str, str]:
    """All keys of a marker, read as pip does (pip._internal.exceptions.ExternallyManagedEnvironment)."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path, encoding="utf-8")
    return dict(parser["externally-managed"])


def test_messages_are_keys_of_one_section() -> None:
    text = compose_marker({"de_CH": "Grüezi.", "": "Hello.\n\nUse venv.", "de": "Hallo."})
    assert text == ("[externally-managed]\nError=Hello.\n\n Use venv.\nError-de=Hallo.\nError-de_CH=Grüezi.\n")
    data = text.encode()
    for locale, message in {"de_CH.UTF-8": "Grüezi.", "de_AT": "Hallo.", "fr": "Hello.\n\nUse venv."}.items():
        assert read_message(data, locale) == message


@given(lines=LINES)
@settings(deadline=None)
def test_what_is_accepted_comes_back(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    try:
        message = check_message("\n".join(lines))
    except Refused:
        return
    path = tmp_path_factory.getbasetemp() / "EXTERNALLY-MANAGED"
    path.write_bytes(compose_marker({"": message, "de": message}).encode())
    assert read_as_pip(path) == {"error": message, "error-de": message}
    # Only blanks at the ends of lines and of the text are lost.
    assert [line.strip() for line in "\n".join(lines).strip().split("\n")] == message.split("\n")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param("one", "one", id="one line"),
        pytest.param("one\ntwo\n", "one\ntwo", id="a block of YAML"),
        pytest.param("\n\none  \n\n\ntwo", "one\n\n\ntwo", id="empty lines"),
        pytest.param("one\r\ntwo\r\n", "one\ntwo", id="line ends of Windows"),
        pytest.param("# one", "# one", id="a first line that would be a comment elsewhere"),
        pytest.param("= : one [two]\n[three]\nkey = value", "= : one [two]\n[three]\nkey = value", id="INI syntax"),
        pytest.param("100 % of %(x)s", "100 % of %(x)s", id="percent signs"),
        pytest.param("Größe: 10 €", "Größe: 10 €", id="letters of others"),
    ],
)
def test_a_message_is_taken_as_it_is(value: str, message: str) -> None:
    assert check_message(value) == message
    assert read_message(compose_marker({"": message}).encode()) == message


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param("", "not empty", id="empty"),
        pytest.param(" \n\t\n", "not empty", id="blanks"),
        pytest.param("one\n  two", "line 2 is indented", id="indented"),
        pytest.param("one\n\n# two", "line 3 starts with #", id="comment"),
        pytest.param("one\n; two", "line 2 starts with ;", id="the other comment"),
        pytest.param("one\x1b[31m", "control characters", id="escape sequence"),
        pytest.param("one\x9b31m", "control characters", id="escape sequence in one"),
        pytest.param("one\rtwo", "control characters", id="carriage return"),
        pytest.param("one\x00", "control characters", id="NUL"),
        pytest.param("one \ud800", "the same text", id="half a character"),
        pytest.param("x" * 16385, "longer than 16384", id="long"),
        pytest.param(42, "allowed is a text", id="number"),
    ],
)
def test_what_would_not_come_back_is_refused(value: object, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        check_message(value)


@pytest.mark.parametrize("locale", ["de", "de_CH", "nds"])
def test_a_language_is_one_of_pep_668(locale: str) -> None:
    assert check_locale(locale) == locale


@pytest.mark.parametrize("locale", ["", "DE", "de_de", "de-DE", "de_DE.UTF-8", "German", "d", "de\n", 1, None])
def test_what_is_no_language_is_refused(locale: object) -> None:
    with pytest.raises(Refused, match="de_CH"):
        check_locale(locale)
