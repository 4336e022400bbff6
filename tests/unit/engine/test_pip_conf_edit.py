"""The text of a pip.conf: what was asked for is what pip's parser reads, and every other byte is as it was."""

from __future__ import annotations

import configparser
import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pep668_provision.engine.pip_conf_edit import Damage, Key, edit, find_damage, has_key

OVERRIDE = Key(("break-system-packages",), is_switch=True, removed_from=("uninstall",))
INDEX = Key(("index-url", "pypi-url"))
EXTRA = Key(("extra-index-url",), is_list=True)


def read(text: str) -> dict[str, dict[str, str]]:
    """What pip reads: its parser, and its own way to write a key."""
    parser = configparser.RawConfigParser()
    parser.read_file(io.StringIO(text, newline=None))
    found: dict[str, dict[str, str]] = {}
    for section in parser.sections():
        names = found.setdefault(section, {})
        for name, value in parser.items(section):
            plain = name.lower().replace("_", "-")
            names[plain[2:] if plain.startswith("--") else plain] = value  # noqa: FURB188  # Python 3.8 has no removeprefix
    return found


def used(text: str, command: str, key: Key) -> str:
    """The value pip uses for a command: that of its own section before [global]'s; an empty one counts for nothing."""
    sections = read(text)
    values = [sections.get(section, {}).get(name, "") for section in (command, "global") for name in key.names]
    return next(filter(None, values), "")


@pytest.mark.parametrize(
    ("before", "key", "words", "after"),
    [
        pytest.param("", OVERRIDE, ["true"], "[global]\nbreak-system-packages = true\n", id="a new file"),
        pytest.param(
            "[global]\ntimeout = 60\n\n# for builds\n[install]\nuser = no\n",
            OVERRIDE,
            ["true"],
            "[global]\ntimeout = 60\nbreak-system-packages = true\n\n# for builds\n[install]\nuser = no\n",
            id="after the last key of global, before what belongs to the next section",
        ),
        pytest.param(
            "[install]\nuser = no\n",
            INDEX,
            ["https://x/"],
            "[install]\nuser = no\n\n[global]\nindex-url = https://x/\n",
            id="a section of its own",
        ),
        pytest.param(
            "[global]\nIndex_URL: https://old/   \n; kept\ntimeout=60",
            INDEX,
            ["https://new/"],
            "[global]\nIndex_URL: https://new/\n; kept\ntimeout=60",
            id="in place, in its own spelling",
        ),
        pytest.param(
            "[global]\nindex-url =\n    https://old/\n    # why\n",
            INDEX,
            ["https://new/"],
            "[global]\nindex-url = https://new/\n    # why\n",
            id="a value on a line of its own",
        ),
        pytest.param(
            "[global]\npypi-url = https://old/\n[install]\nindex_url = https://older/\n",
            INDEX,
            ["https://new/"],
            "[global]\npypi-url = https://new/\n[install]\nindex_url = https://new/\n",
            id="wherever it is",
        ),
        pytest.param(
            "[install]\nbreak-system-packages = YES\n",
            OVERRIDE,
            ["true"],
            "[install]\nbreak-system-packages = YES\n",
            id="in other words already",
        ),
        pytest.param(
            "[uninstall]\nbreak-system-packages = yes\n",
            OVERRIDE,
            ["true"],
            "[uninstall]\nbreak-system-packages = yes\n\n[global]\nbreak-system-packages = true\n",
            id="another command's does not do",
        ),
        pytest.param(
            "[global]\nextra-index-url = https://a/\n",
            EXTRA,
            ["https://a/", "https://b/"],
            "[global]\nextra-index-url =\n    https://a/\n    https://b/\n",
            id="a list",
        ),
        pytest.param(
            "[global]\nextra-index-url = https://a/ https://b/\n",
            EXTRA,
            ["https://a/", "https://b/"],
            "[global]\nextra-index-url = https://a/ https://b/\n",
            id="the same list in one line",
        ),
        pytest.param(
            "  [global]\n    timeout = 60\n      61\n  [install]\n",
            INDEX,
            ["https://x/"],
            "  [global]\n    timeout = 60\n      61\n    index-url = https://x/\n  [install]\n",
            id="as deep as its neighbours",
        ),
        pytest.param(
            "[global]\n  [install]\n",
            INDEX,
            ["https://x/"],
            "[global]\n  index-url = https://x/\n  [install]\n",
            id="as deep as the section that follows",
        ),
        pytest.param(
            "[global]\r\ntimeout = 60\r\n",
            EXTRA,
            ["https://a/", "https://b/"],
            "[global]\r\ntimeout = 60\r\nextra-index-url =\r\n    https://a/\r\n    https://b/\r\n",
            id="lines that end as the file's do",
        ),
        pytest.param(
            "[DEFAULT]\nindex-url = https://old/\n[global]\n",
            INDEX,
            ["https://new/"],
            "[DEFAULT]\nindex-url = https://new/\n[global]\n",
            id="what counts for each section",
        ),
        pytest.param(
            "[DEFAULT]\nindex-url = https://x/\n",
            INDEX,
            ["https://x/"],
            "[DEFAULT]\nindex-url = https://x/\n\n[global]\nindex-url = https://x/\n",
            id="what counts for each section where there is none",
        ),
    ],
)
def test_a_key_is_set(before: str, key: Key, words: Sequence[str], after: str) -> None:
    assert edit(before, {key: words}) == after
    assert edit(after, {key: words}) == after
    value = used(after, "install", key)
    assert key.has(value, words)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", "", id="an empty file"),
        pytest.param("[global]\ntimeout = 60\n", "[global]\ntimeout = 60\n", id="not there"),
        pytest.param(
            "# a\n[global]\n# b\nbreak-system-packages = 1\n# c\n\ntimeout = 60\n",
            "# a\n[global]\n# b\n# c\n\ntimeout = 60\n",
            id="comments and blank lines stay",
        ),
        pytest.param(
            "[global]\nbreak_system_packages = 1\nBreak-System-Packages: no\n--break-system-packages=1\nuser = no\n",
            "[global]\nuser = no\n",
            id="every spelling",
        ),
        pytest.param(
            "[global]\nbreak-system-packages = 1\nuser = no\n[install]\nbreak-system-packages = 1\nx = 1\n"
            "[uninstall]\nbreak-system-packages = 1\ny = 1\n[list]\nbreak-system-packages = 1\n",
            "[global]\nuser = no\n[install]\nx = 1\n[uninstall]\ny = 1\n[list]\nbreak-system-packages = 1\n",
            id="every section that pip reads it from",
        ),
        pytest.param(
            "[DEFAULT]\nbreak-system-packages = 1\n[global]\n", "[DEFAULT]\n[global]\n", id="that of each section"
        ),
        pytest.param(
            "[global]\nbreak-system-packages =\n  1\n  # two\n  \nuser = no\n",
            "[global]\n  # two\n  \nuser = no\n",
            id="a value of several lines",
        ),
        pytest.param("[global]\nuser = no\nbreak-system-packages = 1", "[global]\nuser = no", id="no last line end"),
        pytest.param(
            "[list]\nx = 1\n\n[global]\nbreak-system-packages = 1\n", "[list]\nx = 1\n", id="all of the last section"
        ),
        pytest.param(
            "[global]\nbreak-system-packages = 1\n\n[list]\nx = 1\n", "[global]\n\n[list]\nx = 1\n", id="all of one"
        ),
        pytest.param(
            "[DEFAULT]\nindex-url = https://x/\n[global]\nbreak-system-packages = 1\n",
            "[DEFAULT]\nindex-url = https://x/\n[global]\n",
            id="all of the section by which the default counts",
        ),
        pytest.param(
            "[global]\nx-break-system-packages = 1\n[Global]\nbreak-system-packages = 1\n",
            "[global]\nx-break-system-packages = 1\n[Global]\nbreak-system-packages = 1\n",
            id="what is only alike stays",
        ),
        pytest.param(
            "[global]\nhelp =\n  break-system-packages = 1\n",
            "[global]\nhelp =\n  break-system-packages = 1\n",
            id="what is part of another value stays",
        ),
    ],
)
def test_a_key_is_removed(before: str, after: str) -> None:
    assert edit(before, {OVERRIDE: ()}) == after
    assert not has_key(after, OVERRIDE)
    assert edit(after, {OVERRIDE: ()}) == after


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("# pip\nindex-url = https://u:secret@x/\n[global]\n", 2, id="no section"),
        pytest.param("\ufeff[global]\n", 1, id="a byte order mark"),
        pytest.param("[global]\nuser = no\n\n[global]\n", 4, id="a section twice"),
        pytest.param("[global]\nuser = no\nUSER = secret\n", 3, id="a key twice"),
        pytest.param("[global]\r\nuser = no\r\nsecret\r\n", 3, id="no value"),
        pytest.param("[global\nuser = no\n", 1, id="half a header"),
        pytest.param("[global]\n# caf\udce9 secret\nuser = no\n", 2, id="no UTF-8"),
        pytest.param("[global]\n = secret\n", 2, id="no name"),
    ],
)
def test_damage_is_told_with_its_line_and_none_of_its_text(text: str, line: int) -> None:
    damage = find_damage(text)
    assert isinstance(damage, Damage)
    assert damage.line == line
    assert "secret" not in damage.what


def test_settings_are_changed_together() -> None:
    text = edit("", {OVERRIDE: ["true"], INDEX: ["https://x/"], EXTRA: ["https://a/", "https://b/"]})
    assert read(text) == {
        "global": {
            "break-system-packages": "true",
            "index-url": "https://x/",
            "extra-index-url": "\nhttps://a/\nhttps://b/",
        }
    }
    assert edit(text, {EXTRA: (), OVERRIDE: (), INDEX: ()}) == ""


NAMES = st.sampled_from(["timeout", "Index_URL", "index-url", "--pypi-url", "no-index", "extra-index-url", "x y"])
HEADERS = st.sampled_from(["[global]", "[install]", "[list]", "[DEFAULT]", "[uninstall]", "[global] x", "[ global ]"])
VALUES = st.sampled_from(["", "1", "true", "https://x/", "a = b", "[list]", "# no comment", "50%(x)s", "ä"])
SPACES = st.sampled_from(["", " ", "    ", "\t"])
KEYS = st.tuples(NAMES, st.sampled_from(["=", " = ", ":", " :"]), VALUES).map("".join)
LINES = st.tuples(
    SPACES,
    st.one_of(KEYS, KEYS, HEADERS, st.just(""), st.sampled_from(["# comment", "; index-url = 1", "more"])),
    SPACES,
    st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"]),
).map("".join)
FILES = st.tuples(st.lists(LINES, max_size=12).map("".join), st.sampled_from(["", "[global]", "[install]", "  # end"]))
TEXTS = FILES.map("".join).filter(lambda text: find_damage(text) is None)
WANTED = st.sampled_from(
    [
        (OVERRIDE, ("true",)),
        (INDEX, ("https://new/#sub",)),
        (EXTRA, ("https://a/",)),
        (EXTRA, ("https://a/", "https://b/=")),
    ]
)


def without(settings: dict[str, dict[str, str]], key: Key) -> dict[str, dict[str, str]]:
    """The settings but this one; a section that has no other is as good as none."""
    kept = {
        section: {name: value for name, value in names.items() if name not in key.names}
        for section, names in settings.items()
    }
    return {section: names for section, names in kept.items() if names}


@given(TEXTS, WANTED)
def test_what_is_set_is_what_pip_reads_beside_what_was_there(
    text: str,
    wanted: tuple[Key, tuple[str, ...]],
) -> None:
    key, words = wanted
    after = edit(text, {key: words})
    assert key.has(used(after, "install", key), words)
    assert edit(after, {key: words}) == after
    if "DEFAULT" not in text:
        assert without(read(after), key) == without(read(text), key)


@given(TEXTS, st.sampled_from([OVERRIDE, INDEX, EXTRA]))
def test_what_is_removed_is_gone_and_nothing_else(text: str, key: Key) -> None:
    after = edit(text, {key: ()})
    for command in ("install", "uninstall")[: 1 + bool(key.removed_from)]:
        assert used(after, command, key) == ""
    assert edit(after, {key: ()}) == after
    comments = [line for line in text.splitlines() if line.strip().startswith(("#", ";"))]
    assert [line for line in after.splitlines() if line.strip().startswith(("#", ";"))] == comments
    if "DEFAULT" not in text:
        places = {"global", "install", *key.removed_from}
        before = read(text)
        others = {section: names for section, names in before.items() if section not in places and names}
        touched = {section: names for section, names in before.items() if section in places}
        assert {section: names for section, names in read(after).items() if names} == {
            **others,
            **without(touched, key),
        }


@given(TEXTS, WANTED)
def test_setting_and_removing_a_key_that_was_not_there_leaves_the_same_bytes(
    text: str,
    wanted: tuple[Key, tuple[str, ...]],
) -> None:
    key, words = wanted
    text = edit(text, {key: ()})
    # A [global] that makes [DEFAULT] count stays.
    if "[DEFAULT]" in text and "global" not in read(text):
        assert edit(edit(text, {key: words}), {key: ()}).startswith(text.rstrip("\r\n"))
    else:
        assert edit(edit(text, {key: words}), {key: ()}) == text


@given(st.text(max_size=60) | st.text(alphabet="[]global=: \t\r\n#;x\x0b\x1c\x85\u2028", max_size=60), WANTED)
def test_no_text_makes_the_editor_crash(
    text: str,
    wanted: tuple[Key, tuple[str, ...]],
) -> None:
    key, words = wanted
    if find_damage(text) is None:
        assert key.has(used(edit(text, {key: words}), "install", key), words)
