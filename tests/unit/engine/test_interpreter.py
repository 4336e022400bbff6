"""Interpreters of made-up hosts: which are found, which are selected, what they are, and how often they are asked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import MARKER, MadeUpHost
from pep668_provision.engine.interpreter import PROBE, Interpreters, describe_found, release_by_name


def three_pythons(made_up: MadeUpHost) -> MadeUpHost:
    made_up.with_interpreter("3.11.2", marker=MARKER, pip="23.0.1")
    made_up.with_interpreter("3.12.4", prefix="/usr/local", default=False)
    return made_up.with_interpreter("3.13.0", prefix="/opt/python", default=False)


@pytest.mark.parametrize(
    ("selector", "path"),
    [
        pytest.param("", "/usr/bin/python3", id="the host's own"),
        pytest.param("3.11", "/usr/bin/python3.11", id="release"),
        pytest.param("3.11.2", "/usr/bin/python3.11", id="version"),
        pytest.param("3.11.3", None, id="another patch version"),
        pytest.param("3.12", "/usr/local/bin/python3.12", id="release elsewhere on PATH"),
        pytest.param("python3.12", "/usr/local/bin/python3.12", id="name"),
        pytest.param("python3", "/usr/bin/python3", id="name of any Python 3"),
        pytest.param("3.13", None, id="not on PATH"),
        pytest.param("/opt/python/bin/python3.13", "/opt/python/bin/python3.13", id="path, not on PATH"),
        pytest.param("/opt/python/bin/python3.14", None, id="path that is missing"),
        pytest.param("3.9", None, id="release that is missing"),
        pytest.param("pypy3", None, id="another implementation"),
    ],
)
def test_a_selector_finds_its_interpreter(made_up: MadeUpHost, selector: str, path: str | None) -> None:
    found = Interpreters(three_pythons(made_up).host).select(selector)
    assert (found.path if found else None) == path


def test_a_release_without_a_name_of_its_own_is_found_behind_python3(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.11.2").with_file("/usr/bin/python3.real", mode=0o755)
    made_up.pythons["/usr/bin/python3.real"] = made_up.pythons["/usr/bin/python3.11"]
    made_up.with_link("/usr/bin/python3", "python3.real").without("/usr/bin/python3.11")
    found = Interpreters(made_up.host).select("3.11")
    assert found is not None
    assert found.version == "3.11.2"


@pytest.mark.parametrize("status", [1, 127, None])
def test_a_shim_that_does_not_run_is_passed_over(made_up: MadeUpHost, status: int | None) -> None:
    made_up.with_interpreter("3.11.2").with_interpreter("3.11.9", prefix="/usr/local", status=status)
    found = Interpreters(made_up.host).select("3.11")
    assert found is not None
    assert found.path == "/usr/bin/python3.11"


@pytest.mark.parametrize(
    "answer",
    ["", "{", "[]", "null", "{}", '"text"', "pyenv: version `3.9' is not installed", '{"version": "3.9.1"}'],
)
def test_an_answer_that_is_none_makes_no_interpreter(made_up: MadeUpHost, answer: str) -> None:
    made_up.with_interpreter("3.9.1", answer=answer)
    assert Interpreters(made_up.host).default() is None
    assert Interpreters(made_up.host).discover() == ()


@given(st.text(max_size=80))
def test_no_answer_makes_the_engine_crash(answer: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made_up = MadeUpHost(Path(folder)).with_interpreter("3.9.1", answer=answer)
        assert Interpreters(made_up.host).default() is None


def test_the_python_of_an_activated_environment_is_not_the_hosts(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.11.2").with_venv("/srv/venv")
    made_up.environ["PATH"] = "/srv/venv/bin:/usr/bin"
    found = Interpreters(made_up.host).select("python3")
    assert found is not None
    assert found.path == "/usr/bin/python3"


def test_a_file_that_cannot_be_executed_is_no_interpreter(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.11.2").with_file("/usr/local/bin/python3.11", "text")
    found = Interpreters(made_up.host).select("3.11")
    assert found is not None
    assert found.path == "/usr/bin/python3.11"


def test_an_interpreter_is_asked_once(made_up: MadeUpHost) -> None:
    interpreters = Interpreters(three_pythons(made_up).host)
    for selector in ("", "3.11", "python3", "/usr/bin/python3", "3.11.2", "3.11.9", ""):
        interpreters.select(selector)
    assert made_up.runner.started == ["/usr/bin/python3"]


def test_an_interpreter_is_asked_without_its_site_packages_and_the_users(made_up: MadeUpHost) -> None:
    Interpreters(three_pythons(made_up).host).default()
    assert made_up.runner.commands[0].argv[1:3] == ("-I", "-S")


def test_discovery_finds_each_file_once_and_its_pip(made_up: MadeUpHost) -> None:
    three_pythons(made_up).with_link("/usr/bin/python3.10", "/gone").with_link("/bin", "usr/bin")
    made_up.with_program("/usr/bin/python3-config").with_program("/usr/bin/python3.11-config")
    found = Interpreters(made_up.host).discover()
    assert [(one.real_path, one.version) for one in found] == [
        ("/usr/local/bin/python3.12", "3.12.4"),
        ("/usr/bin/python3.11", "3.11.2"),
    ]
    assert [one.pip.version if one.pip else "" for one in found] == ["", "23.0.1"]


@pytest.mark.parametrize(
    ("prefix", "origin"),
    [
        ("/usr", "distribution"),
        ("/usr/local", "local"),
        ("/opt/python", "other"),
        ("/root/.pyenv/versions/3.11.2", "pyenv"),
        ("/root/.local/share/uv/python/cpython-3.11", "uv"),
        ("/home/linuxbrew/.linuxbrew/Cellar/python@3.11/3.11.2", "homebrew"),
        ("/snap/core/current", "snap"),
    ],
)
def test_an_interpreter_says_who_put_it_there(made_up: MadeUpHost, prefix: str, origin: str) -> None:
    made_up.with_interpreter("3.11.2", prefix=prefix)
    found = Interpreters(made_up.host).select(f"{prefix}/bin/python3.11")
    assert found is not None
    assert found.origin == origin


def test_conda_is_known_by_its_own_directory(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.11.2", prefix="/opt/conda").with_directory("/opt/conda/conda-meta")
    found = Interpreters(made_up.host).select("/opt/conda/bin/python3")
    assert found is not None
    assert found.origin == "conda"


@pytest.mark.parametrize(
    ("missing", "can_create"),
    [("", True), ("venv", False), ("ensurepip", False)],
    ids=["whole", "without venv", "without ensurepip"],
)
def test_an_interpreter_can_make_environments_with_both_modules(
    made_up: MadeUpHost, missing: str, can_create: bool
) -> None:
    made_up.with_interpreter("3.11.2")
    if missing:
        made_up.without(f"/usr/lib/python3.11/{missing}")
    found = Interpreters(made_up.host).default()
    assert found is not None
    assert found.can_create_venv is can_create


def test_a_shim_answers_for_the_interpreter_it_starts(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.12.4", prefix="/root/.pyenv/versions/3.12.4", default=False)
    made_up.with_program("/root/.pyenv/shims/python3.12", "#!/bin/sh\nexec pyenv exec\n")
    real = "/root/.pyenv/versions/3.12.4/bin/python3.12"
    made_up.pythons["/root/.pyenv/shims/python3.12"] = made_up.pythons[real]
    found = Interpreters(made_up.host).probe("/root/.pyenv/shims/python3.12")
    assert found is not None
    assert (found.path, found.origin) == (real, "pyenv")


@pytest.mark.parametrize(
    ("path", "release"),
    [
        ("/usr/bin/python3.11", "3.11"),
        ("/usr/bin/python3", ""),
        ("/usr/bin/python3.11-dbg", ""),
        ("/usr/bin/pypy3.10", ""),
        ("/usr/bin/python2.7", ""),
    ],
)
def test_a_file_name_can_tell_the_release(path: str, release: str) -> None:
    assert release_by_name(path) == release


def test_found_interpreters_read_as_a_phrase(made_up: MadeUpHost) -> None:
    assert describe_found(()) == "none"
    found = describe_found(Interpreters(three_pythons(made_up).host).discover())
    assert "3.12.4 (/usr/local/bin/python3.12), 3.11.2 (/usr/bin/python3" in found


def test_the_probe_answers_in_the_real_python_that_runs_this_test() -> None:
    done = subprocess.run([sys.executable, "-I", "-c", PROBE], capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert (
        facts["version"].rstrip("+") == ".".join(map(str, sys.version_info[:3]))
        or sys.version_info.releaselevel != "final"
    )
    assert facts["prefix"] == sys.prefix
    assert facts["pip"]["version"].split(".")[0].isdigit()
