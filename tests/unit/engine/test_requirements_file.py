# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements files: what pip would take from them, and where they are refused."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pep668_provision.engine.requirements_file import (
    MAX_FILE_SIZE,
    MAX_NESTING,
    OptionLine,
    RequirementLine,
    RequirementsFileError,
    RequirementsTree,
    read_requirements,
)


def reader_of(files: Mapping[str, str | bytes]) -> Callable[[str], bytes]:
    """Return a reader of made-up files."""

    def read_bytes(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        content = files[path]
        return content if isinstance(content, bytes) else content.encode()

    return read_bytes


def read(
    files: Mapping[str, str | bytes] | str | bytes,
    *,
    paths: Sequence[str] = ("/a.txt",),
    environ: Mapping[str, str] | None = None,
    constraint_paths: Sequence[str] = (),
) -> RequirementsTree:
    made_up = {"/a.txt": files} if isinstance(files, (str, bytes)) else files
    return read_requirements(
        paths, read_bytes=reader_of(made_up), environ=environ or {}, constraint_paths=constraint_paths
    )


def texts(lines: Sequence[RequirementLine]) -> list[str]:
    return [line.text for line in lines]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("", [], id="an empty file asks for nothing"),
        pytest.param("foo\nbar==1\n", ["foo", "bar==1"], id="a requirement per line"),
        pytest.param("  foo\t\r\n\r\nbar", ["foo", "bar"], id="blanks and line ends of any kind"),
        pytest.param("# all\nfoo # one\n  # two\n", ["foo"], id="comments are dropped"),
        pytest.param("x @ https://h/a#egg=x", ["x @ https://h/a#egg=x"], id="a fragment is no comment"),
        pytest.param("foo\\\n>=1", ["foo>=1"], id="a backslash joins lines"),
        pytest.param("foo \\\n# note\nbar", ["foo", "bar"], id="a comment ends a joined line"),
        pytest.param("# note \\\nfoo", ["foo"], id="a comment joins nothing"),
        pytest.param("foo\\", ["foo"], id="a backslash on the last line"),
        pytest.param("foo ; python_version > '3'", ["foo ; python_version > '3'"], id="a marker stays"),
        pytest.param("./local dir", ["./local dir"], id="a path stays"),
        pytest.param(codecs.BOM_UTF8 + b"foo", ["foo"], id="byte order mark"),
        pytest.param("foo # \u00e9".encode("utf-16"), ["foo"], id="UTF-16"),
        pytest.param("foo # \u00e9".encode("utf-32"), ["foo"], id="UTF-32"),
        pytest.param(b"# -*- coding: latin-1 -*-\nfoo # \xe9", ["foo"], id="an encoding comment"),
    ],
)
def test_requirements_are_read_as_pip_reads_them(content: str | bytes, expected: list[str]) -> None:
    assert texts(read(content).requirements) == expected


def test_a_requirement_knows_its_first_line_and_its_hashes() -> None:
    tree = read("# note\nfoo==1 \\\n  --hash=sha256:ab \\\n  --hash sha256:cd\nbar\n")
    assert tree.requirements == (
        RequirementLine("foo==1", "/a.txt", 2, ("sha256:ab", "sha256:cd")),
        RequirementLine("bar", "/a.txt", 5),
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("-e ./app", "./app"),
        ("-e./app", "./app"),
        ("--editable=./app[x]", "./app[x]"),
        ("-e './my app'", "./my app"),
        ("--edit ./app", "./app"),
        ("-e ./app ; os_name == 'posix'", "./app ; os_name == 'posix'"),
    ],
)
def test_an_editable_requirement_is_marked(content: str, expected: str) -> None:
    assert read(content).requirements == (RequirementLine(expected, "/a.txt", 1, editable=True),)


@pytest.mark.parametrize(
    ("content", "name", "value"),
    [
        ("-i https://x", "--index-url", "https://x"),
        ("--index-url=https://x", "--index-url", "https://x"),
        ("--extra-index-url 'https://x'", "--extra-index-url", "https://x"),
        ("-f /wheels", "--find-links", "/wheels"),
        ("--no-index", "--no-index", None),
        ("--pre", "--pre", None),
        ("--require-hashes", "--require-hashes", None),
        ("--use-pep517", "--use-pep517", None),
        ("--no-binary :all:", "--no-binary", ":all:"),
        ("--only-binary=foo", "--only-binary", "foo"),
        ("--trusted-host h", "--trusted-host", "h"),
        ("--extra https://x", "--extra-index-url", "https://x"),
        ("--of-tomorrow=1", "--of-tomorrow", "1"),
        ("--of-tomorrow 1", "--of-tomorrow", "1"),
        ("--of-tomorrow", "--of-tomorrow", None),
    ],
)
def test_an_option_is_recorded(content: str, name: str, value: str | None) -> None:
    tree = read(content)
    assert tree.options == (OptionLine(name, value, "/a.txt", 1),)
    assert not tree.requirements


def test_options_on_one_line_are_all_recorded() -> None:
    assert [option.name for option in read("--pre --no-index -i x").options] == ["--pre", "--no-index", "--index-url"]


def test_an_option_of_a_requirement_names_it() -> None:
    tree = read("foo --config-settings=a=b")
    assert tree.options == (OptionLine("--config-settings", "a=b", "/a.txt", 1, "foo"),)


def test_nested_files_are_read_where_they_are_included() -> None:
    tree = read(
        {
            "/d/a.txt": "one\n-r sub/b.txt\n-c c.txt\nfour\n",
            "/d/sub/b.txt": "two\n--requirement=../e.txt\n",
            "/d/sub/../e.txt": "three",
            "/d/c.txt": "limit<1",
        },
        paths=["/d/a.txt"],
    )
    assert texts(tree.requirements) == ["one", "two", "three", "four"]
    assert texts(tree.constraints) == ["limit<1"]
    assert [file.path for file in tree.files] == ["/d/a.txt", "/d/sub/b.txt", "/d/sub/../e.txt", "/d/c.txt"]
    assert tree.files[-1].content == b"limit<1"


def test_several_files_and_constraints_are_read_in_order() -> None:
    files = {"/a.txt": "a\n-r b.txt", "/b.txt": "b", "/c.txt": "c"}
    tree = read(files, paths=["/b.txt", "/a.txt"], constraint_paths=["/c.txt"])
    assert texts(tree.requirements) == ["b", "a"]
    assert texts(tree.constraints) == ["c"]
    assert [file.path for file in tree.files] == ["/b.txt", "/a.txt", "/c.txt"]


def test_a_file_that_is_both_counts_as_both_and_is_kept_once() -> None:
    tree = read({"/a.txt": "-r b.txt\n-c b.txt", "/b.txt": "b"})
    assert texts(tree.requirements) == texts(tree.constraints) == ["b"]
    assert [file.path for file in tree.files] == ["/a.txt", "/b.txt"]


def test_files_that_include_each_other_are_read_once() -> None:
    files = {"/a.txt": "a\n-r b.txt", "/b.txt": "b\n-r a.txt\n-r b.txt"}
    tree = read(files)
    assert texts(tree.requirements) == ["a", "b"]
    assert len(tree.files) == 2


def test_files_that_include_each_other_by_growing_paths_are_read_once() -> None:
    def read_bytes(path: str) -> bytes:
        return b"a\n-r ../d/a.txt" if path.endswith("/d/a.txt") else b""

    tree = read_requirements(["/d/a.txt"], read_bytes=read_bytes, environ={})
    assert texts(tree.requirements) == ["a"]
    assert len(tree.files) == 1


def test_a_path_through_a_link_is_not_mistaken_for_another_file() -> None:
    # /now is a link to /releases/5, so /now/../shared.txt is /releases/shared.txt.
    files = {"/now/a.txt": "-r ../shared.txt\n-r /shared.txt", "/now/../shared.txt": "right", "/shared.txt": "other"}
    tree = read(files, paths=["/now/a.txt"])
    assert texts(tree.requirements) == ["right", "other"]
    assert len(tree.files) == 3


@pytest.mark.parametrize("url", ["file:///b.txt", "file://localhost/b.txt", "FILE:/b.txt", "file:///%62.txt"])
def test_a_file_url_is_a_path(url: str) -> None:
    assert texts(read({"/a.txt": f"-r {url}", "/b.txt": "b"}).requirements) == ["b"]


def test_remote_files_are_recorded_and_not_fetched() -> None:
    tree = read("-r https://h/r.txt\n-c http://h/c.txt\n-r https://h/r.txt")
    assert tree.remote == ("https://h/r.txt", "http://h/c.txt")
    assert len(tree.files) == 1


def test_variables_are_expanded_where_they_have_a_value() -> None:
    content = "x @ https://${TOKEN}@h/x.whl\n-r ${DIR}.txt\n${MISSING} ${EMPTY} $TOKEN ${token}"
    environ = {"TOKEN": "s3cret", "DIR": "b", "EMPTY": ""}
    tree = read({"/a.txt": content, "/b.txt": "b"}, environ=environ)
    assert texts(tree.requirements) == ["x @ https://s3cret@h/x.whl", "b", "${MISSING} ${EMPTY} $TOKEN ${token}"]
    assert "s3cret" not in repr(tree)


@pytest.mark.parametrize(
    ("files", "place", "problem"),
    [
        pytest.param({}, ("/a.txt", 0), "does not exist", id="a missing file"),
        pytest.param(
            {"/a.txt": "foo\n\n-r b.txt"}, ("/a.txt", 3), "includes /b.txt, which does not exist", id="nested"
        ),
        pytest.param({"/a.txt": "-r b.txt", "/b.txt": "-c c.txt"}, ("/b.txt", 1), "includes /c.txt", id="deeper"),
        pytest.param({"/a.txt": b"foo\nb\xff"}, ("/a.txt", 2), "is not utf-8 text", id="undecodable bytes"),
        pytest.param({"/a.txt": b"# coding: none\n"}, ("/a.txt", 0), "encoding it names, none", id="unknown encoding"),
        pytest.param({"/a.txt": b"# coding: zip\n"}, ("/a.txt", 0), "encoding it names, zip", id="no text encoding"),
        pytest.param({"/a.txt": "\n-r 'b.txt"}, ("/a.txt", 2), "a quote is not closed", id="an unterminated quote"),
        pytest.param({"/a.txt": f"-i '{'x' * 20000}'"}, ("/a.txt", 1), "a line with quotes", id="a long quote"),
        pytest.param({"/a.txt": "-r"}, ("/a.txt", 1), "--requirement needs a value", id="no value"),
        pytest.param({"/a.txt": "-e ''"}, ("/a.txt", 1), "--editable needs a value", id="an empty value"),
        pytest.param(
            {"/a.txt": "-e--extra-index-url=https://u:pw@h/"},
            ("/a.txt", 1),
            "--editable needs a path or a URL, and --extra-index-url=https://****@h/ is an option",
            id="an option for a value",
        ),
        pytest.param({"/a.txt": "--pre=1"}, ("/a.txt", 1), "--pre takes no value", id="a value for a flag"),
        pytest.param({"/a.txt": "--req b.txt"}, ("/a.txt", 1), "could mean", id="an ambiguous abbreviation"),
        pytest.param({"/a.txt": "-r b -r c"}, ("/a.txt", 1), "on a line of its own", id="two files on one line"),
        pytest.param({"/a.txt": "foo -r b"}, ("/a.txt", 1), "on a line of its own", id="a file after a requirement"),
        pytest.param({"/a.txt": "--pre foo"}, ("/a.txt", 1), "text after an option", id="text after an option"),
        pytest.param({"/a.txt": "--hash=sha256:a"}, ("/a.txt", 1), "no requirement", id="a hash of nothing"),
        pytest.param({"/a.txt": b" " * (MAX_FILE_SIZE + 1)}, ("/a.txt", 0), "is larger than", id="a huge file"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(
    files: dict[str, str | bytes], place: tuple[str, int], problem: str
) -> None:
    with pytest.raises(RequirementsFileError) as refusal:
        read(files)
    assert (refusal.value.path, refusal.value.line) == place
    assert problem in refusal.value.message
    assert str(refusal.value).startswith(f"{place[0]}:{place[1]}: " if place[1] else f"{place[0]}: ")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (IsADirectoryError(21, "Is a directory"), "Is a directory"),
        (ValueError("embedded null byte"), "embedded null byte"),
    ],
    ids=["no permission", "a directory", "a path that cannot be"],
)
def test_an_unreadable_file_is_refused_with_the_reason(failure: Exception, reason: str) -> None:
    def read_bytes(path: str) -> bytes:
        if path == "/b.txt":
            raise failure
        return b"foo\n-c b.txt"

    with pytest.raises(RequirementsFileError) as refusal:
        read_requirements(["/a.txt"], read_bytes=read_bytes, environ={})
    assert str(refusal.value) == f"/a.txt:2: includes /b.txt, which cannot be read: {reason}"


@pytest.mark.parametrize("excess", [0, 1], ids=["as deep as allowed", "one deeper"])
def test_includes_are_followed_to_a_limit(excess: int) -> None:
    depth = MAX_NESTING + excess
    files = {f"/{n}": f"-r {n + 1}" for n in range(depth)}
    files[f"/{depth}"] = "last"
    if not excess:
        assert texts(read(files, paths=["/0"]).requirements) == ["last"]
        return
    with pytest.raises(RequirementsFileError, match="more than 50 files") as refusal:
        read(files, paths=["/0"])
    assert (refusal.value.path, refusal.value.line) == (f"/{depth - 1}", 1)


LINES = st.sampled_from(
    [
        *(
            "foo",
            "bar>=1 # note",
            "# note",
            "",
            "x @ https://h/x#egg=x",
            "\\",
            "foo \\",
            "# \\",
            "foo --hash=sha256:ab",
        ),
        *("-r b.txt", "-c b.txt", "-rc.txt", "--requirement=d/../c.txt", "-r d/a.txt", "-e .", "-i x", "--pre", "'"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["/a.txt", "/b.txt", "/c.txt", "/d/../c.txt"]), st.lists(LINES, max_size=5)))
def test_every_file_is_kept_once_and_every_line_has_its_file(files: dict[str, list[str]]) -> None:
    try:
        tree = read({path: "\n".join(lines) for path, lines in files.items()})
    except RequirementsFileError as error:
        where = error.path
    else:
        where = tree.files[0].path
        check_kept_files(tree)
    assert where in {"/a.txt", *files}


def check_kept_files(tree: RequirementsTree) -> None:
    kept = [(file.path, file.content) for file in tree.files]
    assert kept[0][0] == "/a.txt"
    assert len(kept) == len(set(kept))
    for line in tree.requirements + tree.constraints:
        content = dict(kept)[line.path].decode().splitlines()
        assert line.text.split()[0] in content[line.line - 1] or content[line.line - 1].endswith("\\")


@settings(max_examples=500, deadline=None)
@given(
    st.binary() | st.text().map(str.encode) | st.text(alphabet="fo-r=e '\"\\\n#${}A:").map(str.encode),
    st.dictionaries(st.text(alphabet="A"), st.text()),
)
def test_any_bytes_give_a_tree_or_an_error_of_their_own(content: bytes, environ: dict[str, str]) -> None:
    try:
        tree = read({"/a.txt": content, "/b": content}, environ=environ)
    except RequirementsFileError:
        return
    assert tree.files[0].content == content
