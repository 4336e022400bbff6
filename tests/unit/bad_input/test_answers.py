"""Answers of interpreters, pip and uv of any kind: understood or refused, and nothing in them becomes an option."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile import (
    Stage,
    around,
    check_command,
    check_words,
    documents,
    inputs,
    mutated,
    nested,
    refused_or,
    stage,
)
from made_up_host import MadeUpHost
from pep668_provision.engine.desired import IndexSettings, VenvEntry, validate
from pep668_provision.engine.errors import CommandFailed, ProvisionError
from pep668_provision.engine.installer import Workplace
from pep668_provision.engine.installer_pip import PipInstaller
from pep668_provision.engine.installer_pip_site import read_found, read_places, read_removal
from pep668_provision.engine.installer_uv import UvInstaller
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.observe import observe
from pep668_provision.engine.plan import plan
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.request import InstallRequest
from pep668_provision.engine.requirement import Requirement
from pep668_provision.engine.site import Installed, observe_site
from pep668_provision.engine.work import run_checked

PYTHON = "/usr/bin/python3.11"
FACTS: dict[str, Any] = {
    "version": "3.11.2",
    "implementation": "cpython",
    "executable": PYTHON,
    "prefix": "/usr",
    "base_prefix": "/usr",
    "stdlib": "/usr/lib/python3.11",
    "path": ["/usr/lib/python3.11", "/usr/lib/python3/dist-packages"],
    "pip": {"version": "23.0.1", "path": "/usr/lib/python3/dist-packages/pip"},
    "user_site": "/root/.local/lib/python3.11/site-packages",
    "place": "/usr/local/lib/python3.11/dist-packages",
    "environment": {"python_version": "3.11", "os_name": "posix"},
    "purelib": "/usr/lib/python3/dist-packages",
}


def with_answer(answer: bytes) -> MadeUpHost:
    made_up = stage("debian").made_up
    made_up.runner.commands.clear()
    made_up.pythons[PYTHON].answer = answer.decode("utf-8", "replace")
    return made_up


@given(documents(FACTS))
@inputs("answers of interpreters", 300)
def test_any_answer_of_an_interpreter_is_one_or_none(answer: bytes) -> None:
    made_up = with_answer(answer)
    try:
        interpreters = Interpreters(made_up.host)
        found = interpreters.select("", with_site=True)
        if found is not None:
            assert all(one.startswith("/") for one in (found.path, found.real_path, found.prefix, found.stdlib))
            assert re.fullmatch(r"[0-9]+\.[0-9]+[A-Za-z0-9.+-]*", found.version)
            site = observe_site(made_up.host, found)
            assert all(folder.startswith("/") for folder in site.directories)
            site.applies(Requirement.parse("x; python_version >= '3' and os_name == 'posix'"))
        for failure in interpreters.failures.values():
            check_words(failure)
        desired = validate({"python_venvs": [{"path": "/srv/new"}], "python_libraries": ["requests"]})
        planned = plan(desired, observe(desired, made_up.host))
        for package in planned.packages:
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9@.+()-]*", package.name), package.name
        for text in (*(str(one) for one in planned.refusals), *planned.warnings):
            check_words(text)
        for command in made_up.runner.commands:
            check_command(command, files=0, editables=0)
    finally:
        made_up.pythons[PYTHON].answer = None


ITEM: dict[str, Any] = {
    "metadata": {"name": "Flask", "version": "3.0.3", "description": "[(" * 300},
    "download_info": {
        "url": "https://h/flask-3.0.3-py3-none-any.whl",
        "archive_info": {"hash": "sha256=ab"},
        "vcs_info": None,
        "subdirectory": "",
    },
    "requested": True,
}
REPORT = {"version": "1", "install": [ITEM, {**ITEM, "download_info": {"url": "git", "vcs_info": {"vcs": "git"}}}]}


@given(documents(REPORT), st.booleans())
@inputs("reports of pip", 300)
def test_any_report_of_pip_is_one_or_refused(answer: bytes, talks: bool) -> None:
    text = ("WARNING: a line before it\n" if talks else "") + answer.decode("utf-8", "replace")
    done = Completed(Command(("pip",)), 0, text)
    resolution = refused_or(lambda: PipInstaller().read_resolution(done))
    for name, version in (resolution.packages if resolution else {}).items():
        assert isinstance(name, str)
        check_words(f"{version}.")
    try:
        found = read_found(text)
    except ValueError:
        return
    for one in found.values():
        assert Requirement.parse(one.requirement).url
        assert not set(one.requirement.partition(" @ ")[2]) & set(" \t\n\r\x0b\x0c\x85\u2028")


def test_a_report_with_brackets_in_texts_is_read() -> None:
    answer = json.dumps({"install": [ITEM] * 20})
    assert read_found(answer)["flask"].version == "3.0.3"
    done = Completed(Command(("pip",)), 0, answer)
    assert PipInstaller().read_resolution(done).packages == {"flask": "3.0.3"}


UV = [
    b"Resolved 3 packages in 12ms\nWould install 2 packages\n + click==8.1\n ~ flask==3.0.3\n - old==1\n",
    b" + app @ file:///srv/app\n + x @ git+https://****@h/x@ab\nflask==3.0.3\n",
]


@given(mutated(UV), mutated(UV))
@inputs("outputs of uv", 250)
def test_any_output_of_uv_is_read(stdout: bytes, stderr: bytes) -> None:
    done = Completed(Command(("uv",)), 0, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"))
    installer = UvInstaller("/usr/bin/uv")
    found = installer.read_resolution(done)
    work = Workplace(stage("uv").made_up.host, None, "/tmp/.pep668-scratch", IndexSettings())
    looking = installer.look_into(work, "/srv/v", found.untold, "/tmp/.pep668-scratch/untold")
    for address in found.untold:
        assert re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", address)
    assert looking.command.argv[-len(found.untold) :] == found.untold or not found.untold
    assert [word for word in looking.command.argv if word.startswith("-")] == ["--no-deps", "--target", "--python"]


@given(documents({"url": "file:///srv/project", "dir_info": {}}))
@inputs("direct_url.json, read for uv", 150)
def test_any_direct_url_tells_uv_what_to_build_again(answer: bytes) -> None:
    made_up = STAGE.with_file("/srv/v/lib/python3.13/site-packages/app-1.0.dist-info/direct_url.json", answer)
    work = Workplace(made_up.host, None, "/tmp/.pep668-scratch", IndexSettings())
    request = InstallRequest(VenvEntry("/srv/v", project="/srv/project"))
    prepared = UvInstaller("/usr/bin/uv").install(work, "/srv/v", request)
    check_command(prepared.command)


STAGE = Stage(lambda host: host.with_debian("13").with_debian_python().with_venv("/srv/v", {"app": "1.0"}))


@given(
    around(
        "Would remove:", "/usr/bin/x", "ERROR: Cannot uninstall", "error: externally-managed-environment\n\n\u00d7 no"
    ),
    around("\u00d7 error", "ERROR: x"),
)
@inputs("what pip says", 200)
def test_whatever_a_program_says_is_told_in_words(stdout: str, stderr: str) -> None:
    host = Stage.host_that_says(stdout, stderr)
    with pytest.raises(CommandFailed) as failure:
        run_checked(host, Command(("/usr/bin/pip", "install")), "Installing", frozenset())
    check_words(str(failure.value))
    done = Completed(Command(("pip",)), 1, stdout, stderr)
    read_removal(done)
    read_removal(Completed(Command(("pip",)), 0, f"Would remove:\n{stdout}", stderr))
    read_places(Completed(Command(("pip",)), 0, stdout))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("[" * 100_000, id="lists in lists"),
        pytest.param('{"install":' * 100_000, id="objects in objects"),
        pytest.param(json.dumps(nested(900)), id="lists in lists that end"),
        pytest.param("9" * 100_000, id="a long number"),
        pytest.param('{"install": [{"metadata": 1}]}', id="a number for an object"),
        pytest.param('{"install": [{"metadata": {"name": 1, "version": 2}}]}', id="numbers for texts"),
        pytest.param("", id="nothing"),
    ],
)
def test_such_an_answer_is_refused(answer: str) -> None:
    done = Completed(Command(("pip",)), 0, answer)
    with pytest.raises(ProvisionError):
        PipInstaller().read_resolution(done)
    with pytest.raises(ValueError, match=r"\w"):
        read_found(answer)
    made_up = with_answer(answer.encode())
    try:
        assert Interpreters(made_up.host).default() is None
    finally:
        made_up.pythons[PYTHON].answer = None


def test_a_long_chain_of_dependencies_is_followed_to_its_end(made_up: MadeUpHost) -> None:
    from pep668_provision.engine.satisfaction import find_unmet, read_asked  # noqa: PLC0415
    from pep668_provision.engine.site import Site  # noqa: PLC0415

    folder = "/usr/lib/python3/dist-packages"
    installed = {}
    for number in range(3000):
        metadata = f"{folder}/p{number}-1.dist-info"
        made_up.with_file(f"{metadata}/METADATA", f"Name: p{number}\nRequires-Dist: p{number + 1}\n")
        installed[f"p{number}"] = Installed(f"p{number}", "1", metadata)
    found = find_unmet(made_up.host, Site((folder,), distributions=installed), read_asked(["p0"]))
    assert [one.name for one in found] == ["p3000"]
