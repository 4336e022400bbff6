"""Interpreters of made-up hosts: which are found, which are selected, what they are, and how often they are asked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import MARKER, MadeUpHost
from pep668_provision.engine.interpreter import (
    PROBE,
    Interpreters,
    describe_found,
    release_by_name,
    well_known_directories,
)
from pep668_provision.engine.process import Command, Completed


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


def test_a_launcher_is_another_interpreter_by_each_name(made_up: MadeUpHost) -> None:
    made_up.with_program("/usr/bin/snap", "made-up launcher\n")
    for version in ("3.12.4", "3.13.0"):
        made_up.with_interpreter(version, prefix=f"/snap/python{version[2:4]}/7")
        made_up.with_link(f"/snap/bin/python{version[:4]}", "/usr/bin/snap")

    def launch(command: Command, environ: Mapping[str, str]) -> Completed:
        name = command.argv[0].replace("/snap/bin/python3.", "")
        return made_up.runner(replace(command, argv=(f"/snap/python{name}/7/bin/python3.{name}", "-c")), environ)

    interpreters = Interpreters(replace(made_up.host, runner=launch))
    found = interpreters.discover(elsewhere=["/snap/bin/python3.12", "/snap/bin/python3.13"])
    assert [(one.path, one.origin) for one in found] == [
        ("/snap/python12/7/bin/python3.12", "snap"),
        ("/snap/python13/7/bin/python3.13", "snap"),
    ]


@pytest.mark.parametrize(
    ("folder", "environ"),
    [
        ("/root/.pyenv/versions/3.12.4/bin", {}),
        ("/srv/pyenv/versions/3.12.4/bin", {"PYENV_ROOT": "/srv/pyenv/"}),
        ("/root/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin", {}),
        ("/srv/uv/cpython-3.12.4-linux-x86_64-gnu/bin", {"UV_PYTHON_INSTALL_DIR": "/srv/uv"}),
        ("/root/.asdf/installs/python/3.12.4/bin", {}),
        ("/root/.local/share/mise/installs/python/3.12.4/bin", {}),
        ("/opt/conda/bin", {}),
        ("/opt/conda/envs/science/bin", {}),
        ("/root/miniconda3/bin", {}),
        ("/root/miniforge3/envs/science/bin", {}),
        ("/opt/homebrew/bin", {}),
        ("/home/linuxbrew/.linuxbrew/Cellar/python@3.12/3.12.4/bin", {}),
        ("/opt/python/cp312-cp312/bin", {}),
        ("/snap/bin", {}),
        ("/usr/libexec", {}),
        ("/alice/.pyenv/versions/3.12.4/bin", {"HOME": "/alice"}),
        ("/.pyenv/versions/3.12.4/bin", {"HOME": "/"}),
    ],
)
def test_pythons_of_other_tools_are_looked_for_in_their_places(
    made_up: MadeUpHost, folder: str, environ: dict[str, str]
) -> None:
    made_up.environ.update(environ)
    assert well_known_directories(made_up.host) == ()
    made_up.with_program(f"{folder}/python3.12")
    assert well_known_directories(made_up.host) == (folder,)


@pytest.mark.parametrize("variable", ["PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "HOME"])
@pytest.mark.parametrize("value", ["", "relative", "/gone", "/etc/passwd"])
def test_a_variable_that_leads_nowhere_adds_no_place(made_up: MadeUpHost, variable: str, value: str) -> None:
    made_up.environ[variable] = value
    assert well_known_directories(made_up.with_file("/etc/passwd").host) == ()


def test_elsewhere_is_looked_at_after_the_path_and_nothing_is_found_twice(made_up: MadeUpHost) -> None:
    three_pythons(made_up).with_link("/opt/link/python3", "/usr/bin/python3.11").with_venv("/srv/venv")
    elsewhere = ["/opt/link/python3", "/opt/python/bin/python3.13", "/opt/python/bin/python3", "/srv/venv/bin/python"]
    found = Interpreters(made_up.host).discover(elsewhere=elsewhere)
    assert [one.path for one in found] == [
        "/usr/local/bin/python3.12",
        "/usr/bin/python3",
        "/opt/python/bin/python3.13",
        "/srv/venv/bin/python",
    ]


def test_names_of_interpreters_are_told_from_others(made_up: MadeUpHost) -> None:
    names = ["python3", "python3.13", "python3.13t", "pypy3", "pypy3.11", "platform-python", "platform-python3.6"]
    others = [
        "python",
        "python2",
        "python2.7",
        "python3-config",
        "python3.13-config",
        "pypy3clean",
        "pythonw",
        "ipython3",
    ]
    for name in (*names, *others):
        made_up.with_program(f"/opt/bin/{name}")
    made_up.with_file("/opt/bin/python3.12", "not executable")
    found = Interpreters(made_up.host).names_of_python("/opt/bin")
    assert sorted(found) == sorted(f"/opt/bin/{name}" for name in names)


def test_why_an_interpreter_gave_no_answer_is_kept(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.9.1", prefix="/a", answer="{}").with_interpreter("3.9.1", prefix="/b", status=3)
    made_up.with_interpreter("3.9.1", prefix="/c", status=None).with_file("/d/bin/python3.9").with_interpreter("3.9.1")
    interpreters = Interpreters(made_up.host)
    for folder in ("/a", "/b", "/c", "/d", "/e", "/usr"):
        interpreters.probe(f"{folder}/bin/python3.9")
    assert interpreters.failures == {
        "/a/bin/python3.9": "does not answer as a Python does",
        "/b/bin/python3.9": "ends with exit status 3",
        "/c/bin/python3.9": "did not run",
        "/d/bin/python3.9": "cannot be executed",
        "/e/bin/python3.9": "is missing",
    }


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
