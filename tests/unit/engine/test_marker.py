"""The EXTERNALLY-MANAGED marker: what counts as one, and what it says in which language."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import MARKER, MadeUpHost
from pep668_provision.engine.marker import observe_marker, read_message

STDLIB = "/usr/lib/python3.11"
FILE = f"{STDLIB}/EXTERNALLY-MANAGED"


@pytest.mark.parametrize(
    ("content", "state", "message"),
    [
        pytest.param(MARKER, "valid", "Use a virtual environment.", id="valid"),
        pytest.param("", "empty", "", id="empty"),
        pytest.param(" \n\t\n", "empty", "", id="blanks"),
        pytest.param("nothing of the kind", "garbage", "", id="no section"),
        pytest.param("[externally-managed]\n", "garbage", "", id="no text"),
        pytest.param("[externally-managed]\nError=\n", "garbage", "", id="an empty text"),
        pytest.param("[other]\nError=x\n", "garbage", "", id="another section"),
        pytest.param(b"\xff\xfe\x00", "garbage", "", id="binary"),
        pytest.param("[externally-managed]\nError=100% sure, %(x)s\n", "valid", "100% sure, %(x)s", id="percent signs"),
        pytest.param("[externally-managed]\nerror=small\n", "valid", "small", id="a key in small letters"),
        pytest.param("[externally-managed]\nError=one\n two\n", "valid", "one\ntwo", id="several lines"),
        pytest.param("[externally-managed]\nError=a\nError=b\n", "garbage", "", id="a key twice"),
    ],
)
def test_a_file_blocks_whatever_is_in_it(made_up: MadeUpHost, content: str | bytes, state: str, message: str) -> None:
    found = observe_marker(made_up.with_file(FILE, content).host, STDLIB)
    assert (found.path, found.state, found.message, found.blocks) == (FILE, state, message, True)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(
            "[externally-managed]\nError=a\nError=b\n",
            "While reading from 'EXTERNALLY-MANAGED' [line  3]: option 'error' in section 'externally-managed' already "
            "exists",
            id="a key twice",
        ),
        pytest.param(
            "[externally-managed]\nError=a\n[externally-managed]\n",
            "While reading from 'EXTERNALLY-MANAGED' [line  3]: section 'externally-managed' already exists",
            id="a section twice",
        ),
        pytest.param("nothing of the kind", "", id="no section"),
        pytest.param("[other]\nError=x\n", "", id="another section"),
        pytest.param(b"\xff\xfe\x00", "", id="binary"),
    ],
)
def test_pip_is_not_prepared_for_what_is_there_twice(made_up: MadeUpHost, content: str | bytes, problem: str) -> None:
    found = observe_marker(made_up.with_file(FILE, content).host, STDLIB)
    assert (found.state, found.problem) == ("garbage", problem)


def test_a_huge_file_blocks(made_up: MadeUpHost) -> None:
    found = observe_marker(made_up.with_file(FILE, b"x" * (1024 * 1024 + 1)).host, STDLIB)
    assert (found.state, found.blocks) == ("unreadable", True)


def test_a_link_to_a_marker_is_one(made_up: MadeUpHost) -> None:
    made_up.with_file("/etc/marker", MARKER).with_link(FILE, "/etc/marker")
    assert observe_marker(made_up.host, STDLIB).state == "valid"


def test_no_file_blocks_nothing(made_up: MadeUpHost) -> None:
    found = observe_marker(made_up.host, STDLIB)
    assert (found.state, found.blocks) == ("absent", False)


def test_a_directory_blocks_nothing(made_up: MadeUpHost) -> None:
    found = observe_marker(made_up.with_directory(FILE).host, STDLIB)
    assert (found.state, found.blocks) == ("directory", False)


def test_a_link_to_nothing_blocks_nothing(made_up: MadeUpHost) -> None:
    found = observe_marker(made_up.with_link(FILE, "/nowhere").host, STDLIB)
    assert (found.state, found.blocks) == ("dangling", False)


def test_a_link_to_what_is_no_regular_file_blocks_nothing(made_up: MadeUpHost) -> None:
    # As /dev/null is: pip asks os.path.isfile.
    made_up.with_directory("/dev")
    os.mkfifo(made_up.real("/dev/null"))
    found = observe_marker(made_up.with_link(FILE, "/dev/null").host, STDLIB)
    assert (found.state, found.blocks) == ("absent", False)


LANGUAGES = b"""
[externally-managed]
Error=plain
Error-de=deutsch
Error-de_AT=oesterreichisch
Error-en_US=american
Error-pt_BR=brasileiro
"""


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("", "plain"),
        ("de_DE.UTF-8", "deutsch"),
        ("de", "deutsch"),
        ("de_AT.UTF-8", "oesterreichisch"),
        ("de_AT@euro", "oesterreichisch"),
        ("en_US.UTF-8", "american"),
        ("en_GB.UTF-8", "plain"),
        ("C.UTF-8", "american"),
        ("C", "plain"),
        ("POSIX", "plain"),
        ("pt_BR", "brasileiro"),
        ("pt_PT", "plain"),
        ("fr_FR.UTF-8", "plain"),
        ("nonsense", "plain"),
        ("_", "plain"),
    ],
)
def test_the_text_is_in_the_language_asked_for(locale: str, expected: str) -> None:
    assert read_message(LANGUAGES, locale) == expected


SECTIONS = st.text(max_size=200).map(lambda text: b"[externally-managed]\n" + text.encode(errors="replace"))


@given(st.binary(max_size=200) | SECTIONS, st.text(max_size=20))
def test_no_marker_makes_the_engine_crash(data: bytes, locale: str) -> None:
    message = read_message(data, locale)
    assert message is None or message.strip() == message


@pytest.mark.parametrize(("python", "expected"), [("3.9.2", "american"), ("3.11.2", "american"), ("3.13.5", "plain")])
def test_whether_the_c_locale_is_english_is_for_the_interpreter_to_say(python: str, expected: str) -> None:
    data = b"[externally-managed]\nError=plain\nError-en_US=american\n"
    assert read_message(data, "C.UTF-8", python) == expected
