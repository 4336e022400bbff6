"""Requirements files with any content: read or refused with file and line, and nothing in them makes a command."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile import TEXT, around, check_words, inputs, mutated, stage
from made_up_host import MadeUpHost
from pep668_provision.engine.desired import IndexSettings, VenvEntry
from pep668_provision.engine.environment_marker import evaluate_marker
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.installer import Workplace
from pep668_provision.engine.installer_uv import UvInstaller
from pep668_provision.engine.request import InstallRequest, read_request
from pep668_provision.engine.requirement import DirectSpec, Requirement, RequirementError, parse_spec
from pep668_provision.engine.requirements_file import RequirementsFileError, read_requirements
from pep668_provision.engine.version import SpecifierSet, Version, VersionError

FILE = "/srv/app/requirements.txt"
FILES = [
    b"flask==3.0.3 --hash=sha256:aa \\\n    --hash=sha256:bb  # why\nrequests[socks]>=2 ; python_version >= '3.8'\n",
    b"# -*- coding: latin-1 -*-\n-r other.txt\n-c constraints.txt\n--index-url https://u:p@h/simple\n-e /srv/x\n",
    b"--extra-index-url=https://h/\n--trusted-host h\n--pre\n${TOKEN}\n-e git+https://h/x#egg=x ; os_name == 'posix'\n",
    "\ufeffflask\r\n\tx @ file:///srv/x\x0by\u2028z\n".encode(),
    "flask".encode("utf-16"),
]


@given(mutated(FILES), mutated(FILES))
@inputs("requirements files", 400)
def test_any_requirements_file_is_read_or_refused(data: bytes, other: bytes) -> None:
    contents = {FILE: data, "/srv/app/other.txt": other, "/srv/app/constraints.txt": other}

    def read(path: str) -> bytes:
        try:
            return contents[posixpath.normpath(path)]
        except KeyError:
            raise FileNotFoundError(path) from None

    try:
        tree = read_requirements([FILE], read_bytes=read, environ={"TOKEN": "x\n--pre"})
    except RequirementsFileError as error:
        check_words(str(ProvisionError(str(error))))
        return
    for line in (*tree.requirements, *tree.constraints):
        assert line.text
        assert not line.text.startswith("-")


@given(mutated(FILES))
@inputs("requirements files of an environment", 150)
def test_any_requirements_file_of_an_environment_is_digested_or_a_problem(data: bytes) -> None:
    made_up = stage("uv").with_file(FILE, data)
    entry = VenvEntry("/srv/app/.venv", requirements=(FILE,), state="latest")
    request = read_request(made_up.host, entry)
    assert bool(request.digest) is not bool(request.problem)
    if request.problem:
        check_words(str(ProvisionError(request.problem)))
        return
    work = Workplace(made_up.host, None, "/tmp/.pep668-scratch", IndexSettings())
    try:
        prepared = UvInstaller("/usr/bin/uv").install(work, entry.path, InstallRequest(entry, upgrade=True))
    except ProvisionError as error:
        check_words(str(error))
        return
    # What a file says goes to uv as the name of a distribution to upgrade, and as nothing else.
    words = prepared.command.argv
    for place, word in enumerate(words):
        if words[place - 1] == "--upgrade-package":
            assert Requirement.parse(word).name == word


REQUIREMENTS = around(
    *(
        "flask==3.0.3",
        "a[b,c] (>=1,<2) ; extra == 'x'",
        "a @ https://u:p@h/a-1.whl ; os_name=='x'",
        "a===1",
        "/srv/a[b]",
    ),
    *(
        "https://h/a-1.0.tar.gz#egg=a&subdirectory=b",
        "git+ssh://git@h/a@v1#egg=a",
        "file:///srv/a%20b",
        "./a",
        "a-1.zip",
    ),
)


@given(REQUIREMENTS)
@inputs("requirements", 600)
def test_any_requirement_is_one_or_refused(text: str) -> None:
    for parse in (Requirement.parse, parse_spec):
        try:
            found = parse(text)
        except RequirementError as error:
            check_words(str(ProvisionError(str(error))))
            continue
        assert not str(found).startswith("-")
        assert not any(one in str(found) for one in "\n\r\x00\x85\u2028\u2029")
        if isinstance(found, Requirement):
            assert Requirement.parse(str(found)) == found
        elif isinstance(found, DirectSpec) and found.path is not None:
            assert found.path.startswith("/")


@given(around("1.2.3", "1!2.0rc1.post2.dev3+local.1", "v1", "1.0a", "==1.*", ">=1,<2,!=1.5", "~=1.4"))
@inputs("versions and specifiers", 300)
def test_any_version_is_one_or_refused(text: str) -> None:
    for parse in (Version.parse, SpecifierSet.parse):
        try:
            found = parse(text)
        except VersionError as error:
            check_words(str(ProvisionError(str(error))))
        else:
            assert type(found).parse(str(found)) == found


@given(around("python_version >= '3.8' and (os_name == 'posix' or extra in 'a b')", "sys_platform not in 'x'"), TEXT)
@inputs("environment markers", 300)
def test_any_marker_holds_or_not_or_is_refused(text: str, value: str) -> None:
    environment = dict.fromkeys(("python_version", "os_name", "sys_platform", "platform_release"), value)
    try:
        assert evaluate_marker(text, environment, value) in (True, False)
    except RequirementError as error:
        check_words(str(ProvisionError(str(error))))


@pytest.mark.parametrize(
    "encoding", ["punycode", "idna", "hex", "zlib", "undefined", "rot13", "unicode_escape", "x" * 500]
)
def test_an_encoding_that_is_none_is_refused(made_up: MadeUpHost, encoding: str) -> None:
    made_up.with_file(FILE, f"# coding: {encoding}\n".encode() + b"a" * 1_000_000 + b"\n")
    request = read_request(made_up.host, VenvEntry("/srv/v", requirements=(FILE,)))
    assert encoding == "unicode_escape" or encoding in request.problem


def test_a_requirements_file_that_is_a_pipe_is_not_waited_for(made_up: MadeUpHost) -> None:
    import os  # noqa: PLC0415

    made_up.with_directory("/srv/app")
    os.mkfifo(made_up.real(FILE))
    assert FILE in read_request(made_up.host, VenvEntry("/srv/v", requirements=(FILE,))).problem


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=3, max_size=3))
@inputs("requirements files that include each other", 30)
def test_files_that_include_each_other_end(order: list[str]) -> None:
    contents = {f"/srv/{name}": "".join(f"-r {one}\n-c {one}\n" for one in order).encode() for name in "abc"}
    tree = read_requirements(["/srv/a"], read_bytes=lambda path: contents[posixpath.normpath(path)], environ={})
    assert len(tree.files) <= 3
