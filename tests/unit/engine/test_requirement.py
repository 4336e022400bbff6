# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements, markers and specs, with the packaging library as the judge of thousands of generated ones."""

from __future__ import annotations

import contextlib
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker, UndefinedComparison, default_environment
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ReferenceRequirement
from packaging.utils import canonicalize_name

from pep668_provision.engine.environment_marker import evaluate_marker
from pep668_provision.engine.requirement import (
    DirectSpec,
    Requirement,
    RequirementError,
    looks_like_path_or_url,
    normalize_name,
    parse_spec,
)

# What this machine's kernel calls itself is no version on many machines, so one is made up.
ENVIRONMENT = {
    **{name: str(value) for name, value in default_environment().items()},
    "platform_release": "5.10",
    "python_version": "3.11",
    "python_full_version": "3.11.7",
}

MARKER_VARIABLES = [
    *("python_version", "python_full_version", "implementation_version", "platform_release", "extra"),
    *("os_name", "sys_platform", "platform_machine", "platform_system", "platform_version", "implementation_name"),
    *("platform_python_implementation", "os.name", "sys.platform", "python_implementation"),
]


def some_comparison(random: Random) -> str:
    """Return one comparison of a marker; a few are broken."""
    pick = random.choice
    quote = pick(["'", '"'])
    # No extra that needs normalising: packaging before 26.3 forgets to inside parentheses.
    values = ["3", "3.8", "3.11", "3.11.*", "3.11.7", "posix", "Linux", "linux", "x86_64", "CPython", "a-b", "abc", ""]
    sides = [pick(MARKER_VARIABLES), quote + pick(values) + pick([quote] * 30 + [""])]
    if random.random() < 0.02:
        sides[0] = "bogus"
    if random.random() < 0.3:
        sides.reverse()
    operator = pick(["==", "!=", ">=", "<=", "<", ">", "~=", "===", "in", "not in", "not  in"])
    return sides[0] + pick([" ", " ", ""]) + operator + pick([" ", " ", ""]) + sides[1]


def some_marker(random: Random, depth: int = 0) -> str:
    """Return a marker; a few are broken."""
    pick = random.choice
    kind = random.random()
    if kind < 0.5 or depth > 3:
        return some_comparison(random)
    if kind < 0.65:
        return "(" + pick(["", " "]) + some_marker(random, depth + 1) + pick(["", " "]) + pick([")"] * 15 + [""])
    left, right = some_marker(random, depth + 1), some_marker(random, depth + 1)
    return left + pick([" ", " ", " ", ""]) + pick(["and", "or"]) + pick([" ", " ", ""]) + right


def some_requirement(random: Random) -> str:
    """Return a PEP 508 requirement in one of its many layouts; a good part is broken."""
    pick = random.choice

    def blank() -> str:
        return pick(["", "", " ", "  ", "\t"])

    def clause() -> str:
        # "===" takes nearly any text, and packaging is lax about where that text ends.
        operator = pick(["==", "!=", ">=", "<=", "<", ">", "~=", "==", ">=", "=", "=>"])
        versions = ["1", "1.0", "2.0rc1", "1.*", "1.0.post1", "1+l", "v1", "1!2", "1.0.dev0", "2", "3", "x", "1..0", ""]
        return operator + blank() + pick(versions)

    text = blank() + pick(["foo", "Foo.Bar", "a", "f-o__o", "1x"] * 4 + ["-a", "foo-", ".a", "é"]) + blank()
    if random.random() < 0.3:
        names = pick([",", ", ", " ,"]).join(pick(["a", "B_c", "x.y", "d"]) for _ in range(random.randrange(4)))
        text += "[" + blank() + names + pick([""] * 8 + [",", "a b", "]"]) + blank() + "]" + blank()
    kind = random.random()
    if kind < 0.15:
        text += (
            "@" + blank() + pick(["https://x/y.whl", "git+https://u:p@h/r@t#egg=z", "x", ""]) + pick(["", " ", "\t"])
        )
    elif kind < 0.7:
        clauses = pick([",", ", ", " , "] * 5 + [",,", " "]).join(clause() for _ in range(pick([0, 1, 1, 2, 3])))
        clauses += pick([""] * 8 + [","])
        is_bare = random.random() < 0.8
        text += (clauses if is_bare else "(" + blank() + clauses + blank() + pick([")"] * 9 + [""])) + blank()
    if random.random() < 0.4:
        text += ";" + blank() + some_marker(random) + blank()
    if random.random() < 0.06:
        place = random.randrange(len(text))
        text = text[:place] + pick("x;,()[]'\"= .*!~#") + text[place + pick([0, 1]) :]
    return text


@pytest.mark.parametrize(
    ("spelling", "name"),
    [("Flask", "flask"), ("zope.interface", "zope-interface"), ("a__b-._c", "a-b-c"), ("", "")],
)
def test_names_are_normalised(spelling: str, name: str) -> None:
    assert normalize_name(spelling) == name


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        pytest.param("flask", "flask", id="a name"),
        pytest.param(" Flask == 3.0.3 ", "flask==3.0.3", id="a pin with blanks"),
        pytest.param("requests[Socks, use_chardet]>=2.31,<3", "requests[socks,use-chardet]<3,>=2.31", id="extras"),
        pytest.param("foo[](>=1,)", "foo>=1", id="empty extras and parentheses"),
        pytest.param("foo;os_name=='nt'", "foo; os_name=='nt'", id="a marker is kept as text"),
        pytest.param("foo[a]@https://h/x.whl", "foo[a] @ https://h/x.whl", id="a direct reference"),
        pytest.param("foo @ /p ; extra == 'x' ", "foo @ /p ; extra == 'x'", id="a direct reference with a marker"),
        pytest.param("foo\t===2.0-x", "foo===2.0-x", id="arbitrary equality"),
    ],
)
def test_a_requirement_prints_canonically(text: str, canonical: str) -> None:
    requirement = Requirement.parse(text)
    assert str(requirement) == canonical
    assert Requirement.parse(canonical) == requirement


def test_a_requirement_is_taken_apart() -> None:
    requirement = Requirement.parse("Foo.Bar[A_b]>=1 ; python_version < '4'")
    assert requirement.name == "foo-bar"
    assert requirement.extras == {"a-b"}
    assert str(requirement.specifier) == ">=1"
    assert requirement.url is None
    assert requirement.marker == "python_version < '4'"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "is empty", id="nothing"),
        pytest.param(" \t ", "is empty", id="blanks"),
        pytest.param("-r other.txt", "options are not requirements", id="an option"),
        pytest.param("  --index-url=x", "options are not requirements", id="an option after blanks"),
        pytest.param("foo\nbar", "control character U+000A at position 4", id="a newline"),
        pytest.param("foo\x00", "control character U+0000 at position 4", id="a NUL"),
        pytest.param("foo\u2028bar", "control character U+2028", id="a line separator"),
        pytest.param("foo\ud800", "control character U+D800", id="a lone surrogate"),
        pytest.param("f" * 20000, "longer than", id="a huge text"),
        pytest.param("_foo", "expected a distribution name (position 1", id="no name"),
        pytest.param("foo_", "or the end (position 4", id="a name that ends in a separator"),
        pytest.param("foo bar", "or the end (position 5, before 'bar'", id="two names"),
        pytest.param("foo=>1", "expected a version specifier", id="operator turned around"),
        pytest.param("foo>=1 <2", "(position 8, before '<2')", id="no comma"),
        pytest.param("foo>=1,~=1", "such as ~=1.4 (position 8", id="a wrong specifier"),
        pytest.param("foo[a", "expected ',' or ']'", id="extras not closed"),
        pytest.param("foo[a,]", "expected the name of an extra", id="a missing extra"),
        pytest.param("foo(>=1", "or ')'", id="parentheses not closed"),
        pytest.param("foo @", "expected a URL", id="no URL"),
        pytest.param("foo @ x; os_name=='a'", "';' after a blank", id="a marker right after a URL"),
        pytest.param("foo; ", "expected a marker variable", id="no marker"),
        pytest.param("foo; os_nam == 'a'", "'os_nam' is not a marker variable", id="a misspelt variable"),
        pytest.param("foo; os_name == 'a", "the quote is not closed", id="a quote not closed"),
        pytest.param("foo; os_name 'a'", "expected a comparison", id="no comparison"),
        pytest.param("foo; (os_name=='a'", "closing parenthesis", id="a parenthesis not closed in a marker"),
        pytest.param("foo; os_name=='a' x", "the end of the marker", id="text after a marker"),
        pytest.param("foo; " + "(" * 60, "more than 50 parentheses", id="too many parentheses"),
    ],
)
def test_what_is_no_requirement_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(RequirementError) as refusal:
        Requirement.parse(text)
    assert problem in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "foo @ https://user:hunter2@host/x y",
        "foo https://user:hunter2@host/x",
        "foo @ https://user:hun ter2@host/x",
        "https://user:hunter2@host/x",
    ],
)
def test_a_refusal_shows_no_credentials(text: str) -> None:
    with pytest.raises(RequirementError) as refusal:
        Requirement.parse(text)
    assert "ter2" not in str(refusal.value)
    assert "user" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        pytest.param("foo", "0.1", True, id="no specifier"),
        pytest.param("foo", "no version", True, id="no specifier, strange version"),
        pytest.param("foo>=1", "2.0rc1", True, id="an installed pre-release counts"),
        pytest.param("foo>=1", "no version", False, id="a strange version satisfies no bound"),
        pytest.param("foo==1.0", "1.0+debian", True, id="a distribution's local label"),
        pytest.param("foo<2", "2.0", False, id="too new"),
        pytest.param("foo @ https://h/foo.whl", "5", True, id="a direct reference has no specifier"),
    ],
)
def test_an_installed_version_satisfies_a_requirement(text: str, version: str, expected: bool) -> None:
    assert Requirement.parse(text).is_satisfied_by(version) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("black", False),
        ("black[d]==24.10.0", False),
        ("black; os_name == '/'", False),
        ("black @ https://h/black.whl", False),
        ("black===strange/version", False),
        ("black[d]@file:///x", False),
        ("https://h/black.whl", True),
        ("git+https://h/black", True),
        ("file:black", True),
        ("/srv/black", True),
        ("/srv/black[d]", True),
        ("./black", True),
        ("../black", True),
        (".", True),
        ("~/black", True),
        ("src/black", True),
        ("black-24.1-py3-none-any.whl", True),
        ("black-24.1.tar.gz", True),
        ("", False),
    ],
)
def test_paths_and_urls_are_told_from_requirements(text: str, expected: bool) -> None:
    assert looks_like_path_or_url(text) is expected


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        pytest.param(
            " https://h/d/Black-24.1-py3-none-any.whl",
            DirectSpec(url="https://h/d/Black-24.1-py3-none-any.whl", name="black"),
            id="a wheel's URL tells the name",
        ),
        pytest.param(
            "git+https://h/r.git@v1#egg=Black[D]",
            DirectSpec(url="git+https://h/r.git@v1#egg=Black[D]", name="black", extras=frozenset({"d"})),
            id="a repository with an egg",
        ),
        pytest.param("git+ssh://git@h/r.git", DirectSpec(url="git+ssh://git@h/r.git"), id="a repository without name"),
        pytest.param("FILE:///srv/a%20b", DirectSpec(url="FILE:///srv/a%20b"), id="a file URL"),
        pytest.param("/srv/app", DirectSpec(path="/srv/app"), id="a directory"),
        pytest.param("/srv/my app", DirectSpec(path="/srv/my app"), id="a directory with a blank"),
        pytest.param(
            "/srv/app [B,a]", DirectSpec(path="/srv/app", extras=frozenset({"a", "b"})), id="a directory with extras"
        ),
        pytest.param("/srv/[x/y]", DirectSpec(path="/srv/[x/y]"), id="brackets that are part of a path"),
        pytest.param(
            "/d/zope.interface-5.0.tar.gz",
            DirectSpec(path="/d/zope.interface-5.0.tar.gz", name="zope-interface"),
            id="a source distribution tells the name",
        ),
    ],
)
def test_a_direct_spec_is_taken_apart(text: str, spec: DirectSpec) -> None:
    assert parse_spec(text) == spec


def test_a_spec_may_be_a_requirement() -> None:
    assert parse_spec("Black[d]==24.10.0") == Requirement.parse("black[d]==24.10.0")


def test_a_direct_spec_prints_what_an_installer_takes() -> None:
    assert str(parse_spec("/srv/app[b,a]")) == "/srv/app[a,b]"
    assert str(parse_spec("git+https://u:p@h/r@t#egg=x")) == "git+https://u:p@h/r@t#egg=x"
    assert parse_spec("git+https://u:p@h/r@t#egg=x").redacted == "git+https://****@h/r@t#egg=x"
    assert parse_spec("x @ https://u:p@h/r").redacted == "x @ https://****@h/r"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/srv/app[x]", "/srv/app"),
        ("file:///srv/a%20b#egg=x", "/srv/a b"),
        ("file://localhost/srv", "/srv"),
        ("https://h/x", None),
    ],
)
def test_a_direct_spec_knows_its_place_on_this_host(text: str, path: str | None) -> None:
    spec = parse_spec(text)
    assert isinstance(spec, DirectSpec)
    assert spec.local_path == path


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("--user", "options are not requirements", id="an option"),
        pytest.param("./black", "relative path", id="a relative path"),
        pytest.param("~/black", "relative path", id="a home directory"),
        pytest.param("black-24.1-py3-none-any.whl", "relative path", id="an archive without directory"),
        pytest.param("ftp://h/x", "has a scheme", id="an unknown scheme"),
        pytest.param("ext::sh -c x", "has a scheme", id="git's ext transport"),
        pytest.param("git+ext://h/x", "has a scheme", id="an unknown transport"),
        pytest.param("https:h", "needs '//'", id="no slashes"),
        pytest.param("https:///x", "has no host", id="no host"),
        pytest.param("https://h/x ; os_name=='a'", "has a blank", id="a marker after a bare URL"),
        pytest.param("file://other/x", "absolute path on this host", id="another host's file"),
        pytest.param("file:x", "needs '//'", id="a relative file URL"),
        pytest.param("/srv/a\nb", "control character", id="a newline in a path"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(RequirementError) as refusal:
        parse_spec(text)
    assert problem in str(refusal.value)


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        pytest.param("python_version >= '3.9'", True, id="versions are compared as versions"),
        pytest.param("'3.9' <= python_version", True, id="the other way round too"),
        pytest.param("python_version == '3.11.*'", True, id="wildcard"),
        pytest.param("python_version in '3.10 3.11'", True, id="in a list"),
        pytest.param("python_version not in '3.10'", True, id="not in a list"),
        pytest.param("os_name == 'posix' and os_name == 'nt'", False, id="and"),
        pytest.param("os_name == 'posix' or os_name == 'x' and os_name == 'y'", True, id="and binds before or"),
        pytest.param("(os_name == 'posix' or os_name == 'x') and os_name == 'y'", False, id="parentheses"),
        pytest.param("extra == 'My_Extra'", True, id="extras are compared as names"),
        pytest.param("'1.0' == '1.00'", True, id="two literals that are versions"),
        pytest.param("'a' == 'b'", False, id="two literals that are texts"),
        pytest.param("python_version <= python_full_version", True, id="two variables"),
        pytest.param("os_name < 'q'", False, id="texts have no order"),
        pytest.param("os.name == 'posix'", True, id="old spelling"),
    ],
)
def test_a_marker_holds_or_not(marker: str, expected: bool) -> None:
    environment = {"python_version": "3.11", "python_full_version": "3.11.7", "os_name": "posix"}
    assert evaluate_marker(marker, environment, extra="my-extra") is expected


def test_an_unreleased_interpreter_has_a_version() -> None:
    assert evaluate_marker("python_full_version >= '3.13.0'", {"python_full_version": "3.13.0+"})


@pytest.mark.parametrize(
    ("marker", "problem"),
    [
        pytest.param("os_name ~= 'x'", "compares versions", id="a version comparison of texts"),
        pytest.param("python_version == '3'", "python_version, which is not known", id="a variable without value"),
        pytest.param("os_name == 'x')", "or the end", id="text after the marker"),
        pytest.param("", "empty", id="nothing"),
        pytest.param("os_name == 'x\\'", "backslash", id="a backslash"),
    ],
)
def test_a_marker_without_meaning_is_refused(marker: str, problem: str) -> None:
    with pytest.raises(RequirementError, match=problem):
        evaluate_marker(marker, {"os_name": "posix"})


@pytest.mark.parametrize("seed", range(4))
def test_the_same_texts_are_requirements_as_for_packaging(seed: int) -> None:
    random = Random(seed)
    for text in (some_requirement(random) for _ in range(2000)):
        try:
            reference = ReferenceRequirement(text)
        except InvalidRequirement:
            with pytest.raises(RequirementError):
                Requirement.parse(text)
            continue
        requirement = Requirement.parse(text)
        assert requirement.name == canonicalize_name(reference.name)
        assert requirement.extras == {canonicalize_name(extra) for extra in reference.extras}
        assert requirement.url == reference.url
        assert Requirement.parse(str(requirement)) == requirement
        read_back = ReferenceRequirement(str(requirement))
        assert str(read_back.marker) == str(reference.marker)
        for version in ("1.0", "1.0.post1", "2.0rc1", "1!2"):
            expected = reference.specifier.contains(version, prereleases=True)
            assert requirement.is_satisfied_by(version) is expected, text
            assert read_back.specifier.contains(version, prereleases=True) is expected, text


@pytest.mark.parametrize("seed", range(4))
def test_the_same_markers_hold_as_for_packaging(seed: int) -> None:
    random = Random(seed)
    for marker in (some_marker(random) for _ in range(2000)):
        extra = random.choice(["", "a-b", "c"])
        try:
            expected = Marker(marker).evaluate({**ENVIRONMENT, "extra": extra})
        except (ValueError, UndefinedComparison):
            with pytest.raises(RequirementError):
                evaluate_marker(marker, ENVIRONMENT, extra=extra)
            continue
        assert evaluate_marker(marker, ENVIRONMENT, extra=extra) is expected, marker


@settings(max_examples=500, deadline=None)
@given(st.text() | st.text(alphabet="abX1 \t[](),;@<>=!~.*'\"-+/:#"))
def test_any_text_gives_a_value_or_a_requirement_error(text: str) -> None:
    looks_like_path_or_url(text)
    normalize_name(text)
    for parse in (Requirement.parse, parse_spec):
        try:
            value = parse(text)
        except RequirementError:
            continue
        assert parse(str(value)) == value
        assert not str(value).startswith("-")
        assert "\n" not in str(value)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab1 ()'\"=<>!~.") | st.text(), st.text())
def test_any_marker_gives_an_answer_or_a_requirement_error(text: str, value: str) -> None:
    environment = dict.fromkeys(MARKER_VARIABLES, value)
    for marker in (text, f"os_name{text}", f"python_version >= '{text}'", f"'{text}' in extra"):
        try:
            evaluate_marker(marker, environment, extra=value)
        except RequirementError:
            continue


@pytest.mark.parametrize(
    "unit",
    ["a", "a-", "[", "[a,", "foo>=", "foo>=1,", "(", "'", "//", "//a@", "a:", "@", "/", "https://", "a>='1' or "],
)
def test_sixteen_kilobytes_are_read_in_no_time(unit: str) -> None:
    text = unit * (16000 // len(unit))
    began = time.perf_counter()
    for before in ("", "foo;", "foo @ ", "foo[", "/", "https://h/", "foo;os_name"):
        for parse in (Requirement.parse, parse_spec):
            with contextlib.suppress(RequirementError):
                parse(before + text)
    assert time.perf_counter() - began < 2.0
