# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions and specifiers, with the packaging library as the judge of thousands of generated ones."""

from __future__ import annotations

import contextlib
import itertools
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier
from packaging.specifiers import SpecifierSet as ReferenceSet
from packaging.version import InvalidVersion
from packaging.version import Version as ReferenceVersion

from pep668_provision.engine.version import Specifier, SpecifierSet, Version, VersionError


def some_version(random: Random) -> str:
    """Return a text that is mostly a version, in any spelling PEP 440 knows; some are broken in one place."""
    pick = random.choice
    numbers, separators = ["0", "1", "2", "01", "10"], ["", ".", "-", "_"]
    text = pick(["", "", "", "v", "V", "1!", "0!"])
    text += ".".join(pick(numbers) for _ in range(pick([1, 1, 2, 2, 3])))
    if random.random() < 0.4:
        phase = pick(["a", "b", "c", "rc", "alpha", "BETA", "pre", "preview"])
        text += pick(separators) + phase + pick(separators) + pick(["", *numbers])
    if random.random() < 0.3:
        spelled = pick(separators) + pick(["post", "rev", "r"]) + pick(separators) + pick(["", *numbers])
        text += pick([spelled, "-" + pick(numbers)])
    if random.random() < 0.3:
        text += pick(separators) + "dev" + pick(separators) + pick(["", *numbers])
    if random.random() < 0.2:
        text += pick(["+a", "+A.1", "+1", "+01", "+1-b_2", "+abc.7", "+a..b", "+"])
    if random.random() < 0.05:
        place = random.randint(0, len(text))
        text = text[:place] + pick("x.-_ +!*9") + text[place:]
    return text


def some_versions(random: Random, count: int) -> list[str]:
    """Return ``count`` texts that are versions."""
    texts = (some_version(random) for _ in itertools.count())
    return list(itertools.islice((text for text in texts if parse_or_none(text) is not None), count))


def some_specifiers(random: Random) -> str:
    """Return one or two clauses joined by a comma, valid or not."""
    pick = random.choice
    operators = ["==", "!=", "~=", ">=", "<=", ">", "<", "==="]
    return ",".join(
        pick(operators) + pick(["", " "]) + some_version(random) + pick(["", "", "", ".*"])
        for _ in range(pick([1, 1, 2]))
    )


def parse_or_none(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except VersionError:
        return None


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        pytest.param("1.0", "1.0", id="a release stays as written"),
        pytest.param(" v1.0\n", "1.0", id="a v and blanks around are dropped"),
        pytest.param("01.002", "1.2", id="leading zeros are dropped"),
        pytest.param("1.0-ALPHA_1", "1.0a1", id="alpha"),
        pytest.param("1.0.preview", "1.0rc0", id="preview without number"),
        pytest.param("1.0c3", "1.0rc3", id="c is rc"),
        pytest.param("1.0-4", "1.0.post4", id="a dash and a number is a post-release"),
        pytest.param("1.0r5", "1.0.post5", id="r is post"),
        pytest.param("1.0DEV", "1.0.dev0", id="dev without number"),
        pytest.param("1!2.0", "1!2.0", id="epoch"),
        pytest.param("0!2.0", "2.0", id="epoch zero is left out"),
        pytest.param("1.0+Ubuntu-01_x", "1.0+ubuntu.1.x", id="local label"),
        pytest.param("1.0a1.post2.dev3+x", "1.0a1.post2.dev3+x", id="everything at once"),
    ],
)
def test_a_version_prints_normalised(text: str, normalised: str) -> None:
    assert str(Version.parse(text)) == normalised


@pytest.mark.parametrize(
    "text",
    ["", " ", "abc", "1.", ".1", "1..0", "1.0+", "1.0+a..b", "1.0-", "1 0", "1.0\x00", "٣.1", "1.0*", "-1", "1" * 5000],
    ids=lambda text: repr(text[:10]),
)
def test_what_is_no_version_is_refused_by_name(text: str) -> None:
    with pytest.raises(VersionError, match="is not a version"):
        Version.parse(text)


def test_versions_are_ordered_as_pep_440_lists_them() -> None:
    listed = "1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456"
    listed += " 1.0b2.post345 1.0rc1.dev456 1.0rc1 1.0 1.0+abc.5 1.0+abc.7 1.0+5 1.0.post456.dev34 1.0.post456 1.0.15"
    listed += " 1.1.dev1 1!0.1"
    versions = [Version.parse(text) for text in listed.split()]
    assert all(earlier < later for earlier, later in itertools.combinations(versions, 2))


def test_trailing_zeros_do_not_make_another_version() -> None:
    assert Version.parse("1.0") == Version.parse("1.0.0")
    assert len({Version.parse("1"), Version.parse("1.0.0"), Version.parse("v1.0")}) == 1


def test_a_version_is_not_equal_to_a_text() -> None:
    assert Version.parse("1.0") != "1.0"
    with pytest.raises(TypeError):
        assert Version.parse("1.0") < "2.0"


@pytest.mark.parametrize(
    ("specifiers", "version", "expected"),
    [
        pytest.param("", "1.0", True, id="the empty set allows everything"),
        pytest.param(">=2,<3", "2.5", True, id="between"),
        pytest.param(">=2,<3", "3.0", False, id="outside"),
        pytest.param("==1.0", "1.0.0", True, id="equal up to zeros"),
        pytest.param("==1.0", "1.0+local", True, id="a local label does not matter to =="),
        pytest.param("==1.0+local", "1.0", False, id="unless == names one"),
        pytest.param("!=1.0", "1.0+local", False, id="nor to !="),
        pytest.param("==1.4.*", "1.4.9", True, id="wildcard"),
        pytest.param("==1.4.*", "1.4a1", True, id="a wildcard holds pre-releases"),
        pytest.param("==1.4.*", "1.40", False, id="a wildcard compares numbers, not characters"),
        pytest.param("==1.4.0.*", "1.4", True, id="missing components are zero"),
        pytest.param("!=1.4.*", "1.5", True, id="not wildcard"),
        pytest.param("==1.*", "1!1.0", False, id="another epoch is another version"),
        pytest.param("~=1.4.2", "1.4.9", True, id="compatible"),
        pytest.param("~=1.4.2", "1.5", False, id="not compatible"),
        pytest.param("~=1.4.5a4", "1.4.4", False, id="compatible with a pre-release: still a lower bound"),
        pytest.param("~=2.2.post3", "2.9", True, id="compatible ignores the suffix above"),
        pytest.param("<=1.0", "1.0+local", True, id="at most: the local label does not matter"),
        pytest.param("<1.0", "1.0rc1", False, id="before 1.0 means before its pre-releases"),
        pytest.param("<1.0rc2", "1.0rc1", True, id="before a candidate allows earlier ones"),
        pytest.param("<1.0.post1", "1.0.post1.dev0", False, id="before a post-release means before its dev releases"),
        pytest.param(">1.0", "1.0.post1", False, id="after 1.0 means after its post-releases"),
        pytest.param(">1.0.post1", "1.0.post2", True, id="after a post-release allows later ones"),
        pytest.param(">1.0", "1.0+local", False, id="after 1.0 means after its local versions"),
        pytest.param("===1.0", "1.0", True, id="arbitrary equality"),
        pytest.param("===1.0", "1.0.0", False, id="arbitrary equality compares texts"),
        pytest.param("===lolwat", "LOLWAT", True, id="arbitrary equality on no version at all"),
        pytest.param(">=0", "lolwat", False, id="what is no version satisfies no comparison"),
        pytest.param("", "lolwat", True, id="but nothing asked is satisfied by anything"),
    ],
)
def test_a_specifier_set_contains_a_version_or_not(specifiers: str, version: str, expected: bool) -> None:
    assert SpecifierSet.parse(specifiers).contains(version, prereleases=True) is expected
    assert ReferenceSet(specifiers).contains(version, prereleases=True) is expected


@pytest.mark.parametrize(
    ("specifiers", "prereleases", "expected"),
    [
        pytest.param(">=1", None, False, id="left out when nobody asks"),
        pytest.param(">=1,<3", True, True, id="let in when the caller asks"),
        pytest.param(">=1a1", None, True, id="let in when a clause names one"),
        pytest.param("!=1a1", None, False, id="excluding one does not ask for others"),
        pytest.param(">=1a1", False, False, id="left out when the caller refuses"),
    ],
)
def test_pre_releases_are(specifiers: str, prereleases: bool | None, expected: bool) -> None:
    assert SpecifierSet.parse(specifiers).contains("2.0b1", prereleases=prereleases) is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("1.0", "must start with one of", id="no operator"),
        pytest.param("=>1", "must start with one of", id="operator turned around"),
        pytest.param(">=", "a version must follow >=", id="no version"),
        pytest.param(">=1.*", "only with == and !=", id="wildcard after >="),
        pytest.param("==1.0a1.*", "directly after the release", id="wildcard after a pre-release"),
        pytest.param(">=1.0+x", "only with == and !=", id="local label after >="),
        pytest.param("~=1", "at least two components", id="compatible with one component"),
        pytest.param("==one", "'one' is not a version", id="no number"),
        pytest.param("===", "one word must follow", id="arbitrary equality with nothing"),
        pytest.param("==1,==1 2", "'1 2' is not a version", id="second clause"),
    ],
)
def test_a_wrong_specifier_is_refused_with_its_reason(text: str, problem: str) -> None:
    with pytest.raises(VersionError, match="is not a version specifier") as refusal:
        SpecifierSet.parse(text)
    assert problem in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        pytest.param("==1.0", "1.0", id="a pin"),
        pytest.param("== v1.0-RC1", "1.0rc1", id="a pin is normalised"),
        pytest.param("==1.0+x", "1.0+x", id="a pin keeps its local label"),
        pytest.param("==1.*", None, id="a wildcard is none"),
        pytest.param(">=1", None, id="a bound is none"),
        pytest.param("===1.0", None, id="arbitrary equality is none"),
        pytest.param("==1.0,!=2", None, id="two clauses are none"),
        pytest.param("", None, id="nothing is none"),
    ],
)
def test_exact_pin(text: str, pin: str | None) -> None:
    assert SpecifierSet.parse(text).exact_pin == pin


def test_specifier_sets_do_not_depend_on_order_or_spelling() -> None:
    one, other = SpecifierSet.parse(">=1.0, <2-a"), SpecifierSet.parse("<2a0,>=v1.0,")
    assert one == other
    assert hash(one) == hash(other)
    assert str(one) == "<2a0,>=1.0"
    assert Specifier(">=", "v1.0") == Specifier.parse(">=1.0")


@pytest.mark.parametrize("seed", range(4))
def test_the_same_texts_are_versions_as_for_packaging(seed: int) -> None:
    random = Random(seed)
    for text in (some_version(random) for _ in range(2500)):
        try:
            reference = ReferenceVersion(text)
        except InvalidVersion:
            assert parse_or_none(text) is None, text
            continue
        version = Version.parse(text)
        assert str(version) == str(reference)
        assert version.public == reference.public
        assert version.local == reference.local
        assert version.release == reference.release
        assert version.epoch == reference.epoch
        assert version.is_prerelease == reference.is_prerelease
        assert Version.parse(str(version)) == version


@pytest.mark.parametrize("seed", range(4))
def test_versions_are_ordered_as_by_packaging(seed: int) -> None:
    random = Random(seed)
    known = [(Version.parse(text), ReferenceVersion(text)) for text in some_versions(random, 500)]
    for _ in range(5000):
        (one, reference), (other, other_reference) = random.choice(known), random.choice(known)
        assert (one < other) == (reference < other_reference), (one, other)
        assert (one <= other) == (reference <= other_reference), (one, other)
        assert (one == other) == (reference == other_reference), (one, other)
        assert one != other or hash(one) == hash(other)


@pytest.mark.parametrize("seed", range(4))
def test_the_same_versions_satisfy_as_for_packaging(seed: int) -> None:
    random = Random(seed)
    versions = some_versions(random, 300)
    for specifiers in (some_specifiers(random) for _ in range(2500)):
        try:
            reference = ReferenceSet(specifiers)
        except InvalidSpecifier:
            with pytest.raises(VersionError):
                SpecifierSet.parse(specifiers)
            continue
        ours = SpecifierSet.parse(specifiers)
        assert SpecifierSet.parse(str(ours)) == ours
        # packaging before 26.3 misreads "~=" in front of unusual spellings, so it is asked about the normalised one.
        reference = ReferenceSet(str(ours))
        for text in random.sample(versions, 4):
            expected = reference.contains(text, prereleases=True)
            assert ours.contains(text, prereleases=True) is expected, (specifiers, text)
            expected = reference.contains(ReferenceVersion(text), prereleases=True)
            assert ours.contains(Version.parse(text), prereleases=True) is expected, (specifiers, text)


@given(
    st.builds(
        Version,
        epoch=st.integers(0, 2),
        release=st.lists(st.integers(0), min_size=1, max_size=4).map(tuple),
        pre=st.none() | st.tuples(st.sampled_from(["a", "b", "rc"]), st.integers(0)),
        post=st.none() | st.integers(0),
        dev=st.none() | st.integers(0),
        local=st.none() | st.from_regex(r"[a-z][a-z0-9]*(\.[a-z][a-z0-9]*)?", fullmatch=True),
    )
)
def test_what_a_version_prints_reads_back_as_that_version(version: Version) -> None:
    assert Version.parse(str(version)) == version
    assert Version.parse(str(version)).release == version.release
    assert SpecifierSet.parse(f"=={version}").contains(version, prereleases=True)
    assert not SpecifierSet.parse(f"!={version}").contains(version, prereleases=True)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet="0123456789.!+-_*=<>~ abcrpostdev,"))
def test_any_text_gives_a_value_or_a_version_error(text: str) -> None:
    version = parse_or_none(text)
    try:
        specifiers = SpecifierSet.parse(text)
    except VersionError:
        return
    specifiers.contains(text)
    if version is not None:
        specifiers.contains(version)


@pytest.mark.parametrize(
    "unit", ["1", "1.", "1!", "a", "-", "1a", "1-", ".post1", "+a", "+a.", "dev", "==", "==1,", "*"]
)
def test_four_kilobytes_are_read_in_no_time(unit: str) -> None:
    text = "1" + unit * (4094 // len(unit))
    began = time.perf_counter()
    for hostile in (text, text + "!", ">=" + text):
        parse_or_none(hostile)
        with contextlib.suppress(VersionError):
            SpecifierSet.parse(hostile)
    assert time.perf_counter() - began < 1.0
