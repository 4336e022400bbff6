"""Receipts: what is written is read again, and nothing else is taken for one."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import MadeUpHost
from pep668_provision.engine.receipt import (
    FILE_NAME,
    InterpreterIdentity,
    Receipt,
    identify_interpreter,
    parse_receipt,
    read_receipt,
)

WHOLE = Receipt("sha256:ab", InterpreterIdentity("/usr/bin/python3.11", "3.11.2", 5, 7), {"flask": "3.0.3"}, "pip", "")
TEXTS = st.text(max_size=20)
WORDS = st.from_regex(r"[A-Za-z0-9.:+_-]{0,20}", fullmatch=True)
VERSIONS = st.from_regex(r"([0-9][A-Za-z0-9.!+_-]{0,9})?", fullmatch=True)
NUMBERS = st.integers(-(2**62), 2**62)
RECEIPTS = st.builds(
    Receipt,
    digest=WORDS,
    interpreter=st.builds(InterpreterIdentity, path=TEXTS, version=WORDS, size=NUMBERS, mtime_ns=NUMBERS),
    packages=st.dictionaries(st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,9}", fullmatch=True), VERSIONS, max_size=5),
    installer=WORDS,
    unfinished=WORDS,
    build=st.integers(0, 2**31),
    hashes=st.booleans(),
)


@given(RECEIPTS)
def test_a_receipt_is_read_as_it_was_written(receipt: Receipt) -> None:
    assert parse_receipt(receipt.to_json()) == receipt


@given(RECEIPTS)
def test_the_same_receipt_is_the_same_text(receipt: Receipt) -> None:
    backwards = replace(receipt, packages=dict(reversed(list(receipt.packages.items()))))
    assert backwards.to_json() == receipt.to_json()


@given(RECEIPTS, st.data())
def test_a_truncated_receipt_is_none(receipt: Receipt, data: st.DataObject) -> None:
    text = receipt.to_json().rstrip()
    assert parse_receipt(text[: data.draw(st.integers(0, len(text) - 1))]) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"format": st.just(1) | JSON},
        optional=dict.fromkeys(("digest", "interpreter", "packages", "installer", "unfinished"), JSON),
    )
)
def test_hostile_json_is_none_and_never_an_exception(record: dict[str, Any]) -> None:
    parse_receipt(json.dumps(record))
    record["interpreter"] = {"path": record.get("digest"), "version": "", "size": record.get("packages"), "mtime_ns": 1}
    parse_receipt(json.dumps(record))


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda data: data.decode("utf-8", "replace")))
def test_no_text_makes_the_engine_crash(text: str) -> None:
    parse_receipt(text)


def changed(**keys: Any) -> str:
    return json.dumps({**json.loads(WHOLE.to_json()), **keys})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("null", id="null"),
        pytest.param("[]", id="a list"),
        pytest.param('"text"', id="a text"),
        pytest.param("NaN", id="not a number"),
        pytest.param("[" * 100_000, id="deeply nested"),
        pytest.param('{"a":' * 100_000, id="deeply nested objects"),
        pytest.param("9" * 5000, id="a huge number"),
        pytest.param(changed(format=2), id="a later format"),
        pytest.param(changed(format=None), id="no format"),
        pytest.param(changed(packages=None), id="no packages"),
        pytest.param(changed(packages=["flask"]), id="packages as a list"),
        pytest.param(changed(packages={"flask": 3}), id="a version that is a number"),
        pytest.param(changed(interpreter="/usr/bin/python3"), id="an interpreter that is a text"),
        pytest.param(changed(interpreter={"path": "/usr/bin/python3"}), id="an interpreter without size"),
        pytest.param(changed(digest=None), id="no digest"),
        pytest.param(changed(unfinished=True), id="unfinished without a name"),
        pytest.param(changed(installer=1), id="an installer that is a number"),
        pytest.param(changed(packages={"--index-url=http://evil.example/": "1"}), id="a name that is an option"),
        pytest.param(changed(packages={"-r": "1"}), id="a name that is a short option"),
        pytest.param(changed(packages={"flask": "1\n--index-url http://evil.example/"}), id="a version of two lines"),
        pytest.param(changed(packages={"flask": "1 --hash=sha256:00"}), id="a version with an option"),
        pytest.param(changed(packages={"../../flask": "1"}), id="a name that is a path"),
        pytest.param(changed(packages={"flask": "\ud800"}), id="half a character"),
        pytest.param(changed(unfinished="x\u001b[2J"), id="an action that a terminal acts on"),
        pytest.param('{"format": 1, "interpreter": {"size": ' + "9" * 4_000_000 + "}}", id="four million digits"),
    ],
)
def test_what_is_no_receipt_is_none(text: str) -> None:
    assert parse_receipt(text) is None


def test_the_whole_one_is_read() -> None:
    assert parse_receipt(changed()) == WHOLE


@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"x" * (5 * 1024 * 1024), b"\xef\xbb\xbf{}"])
def test_a_damaged_file_is_no_receipt(made_up: MadeUpHost, data: bytes) -> None:
    assert read_receipt(made_up.with_file(f"/srv/venv/{FILE_NAME}", data).host, "/srv/venv") is None


def test_a_directory_or_a_link_to_itself_is_no_receipt(made_up: MadeUpHost) -> None:
    assert read_receipt(made_up.with_directory(f"/srv/venv/{FILE_NAME}").host, "/srv/venv") is None
    assert read_receipt(made_up.with_link(f"/srv/other/{FILE_NAME}", FILE_NAME).host, "/srv/other") is None


def test_another_file_is_another_interpreter() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made_up = MadeUpHost(Path(folder)).with_interpreter("3.11.2")
        before = identify_interpreter(made_up.host, "/usr/bin/python3.11", "3.11.2")
        assert identify_interpreter(made_up.host, "/usr/bin/python3.11", "3.11.2") == before
        made_up.with_program("/usr/bin/python3.11", "a longer one, after an upgrade")
        assert identify_interpreter(made_up.host, "/usr/bin/python3.11", "3.11.2") != before
        assert identify_interpreter(made_up.host, "/gone", "3.11.2") == InterpreterIdentity("/gone", "3.11.2")
