"""Virtual environments as their files tell them: whole ones of every maker, damaged ones, and what a rebuild keeps."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import MadeUpHost, entry_of
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.venv import (
    VenvState,
    distributions_in,
    kept_packages,
    observe_venv,
    parse_pyvenv_cfg,
    runs_selected,
)

VENV = "/srv/app/.venv"
SITE = f"{VENV}/lib/python3.11/site-packages"
FLASK = {"flask": "3.0.3"}


def look(made_up: MadeUpHost, path: str = VENV) -> VenvState:
    return observe_venv(made_up.host, path, Interpreters(made_up.host))


@pytest.mark.parametrize("made_by", ["venv", "uv", "virtualenv"])
def test_a_whole_environment_is_usable_whoever_made_it(debian: MadeUpHost, made_by: str) -> None:
    found = look(debian.with_venv(VENV, FLASK, made_by=made_by, seeds={}))
    assert (found.kind, found.problem, found.made_by) == ("venv", "", made_by)
    assert (found.version, found.release, found.base) == ("3.11.2", "3.11", "/usr/bin/python3.11")
    assert found.distributions == FLASK
    assert debian.runner.started == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("home = /usr/bin\nversion = 3.11.2\n", {"home": "/usr/bin", "version": "3.11.2"}, id="plain"),
        pytest.param("Home=/usr\r\nVERSION=3.11.2", {"home": "/usr", "version": "3.11.2"}, id="spelt otherwise"),
        pytest.param("command = a = b\n", {"command": "a = b"}, id="a sign in the value"),
        pytest.param("nothing\n\n", {}, id="no signs"),
    ],
)
def test_pyvenv_cfg_is_read_as_python_reads_it(text: str, expected: dict[str, str]) -> None:
    assert parse_pyvenv_cfg(text) == expected


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("version = 3.11.2", "3.11.2"),
        ("version = 3.11.2+", "3.11.2"),
        ("version_info = 3.11.2.final.0", "3.11.2"),
        ("version_info = 3.11.2", "3.11.2"),
        ("version = 3.11", "3.11"),
    ],
)
def test_the_version_is_found_in_every_makers_spelling(debian: MadeUpHost, line: str, version: str) -> None:
    debian.with_venv(VENV, FLASK).with_file(f"{VENV}/pyvenv.cfg", f"home = /usr/bin\n{line}\n")
    found = look(debian)
    assert (found.version, found.problem) == (version, "")


@pytest.mark.parametrize("text", ["", "home = /usr/bin\n", "version =\n", "\x00\x00"])
def test_a_cfg_without_a_version_is_a_problem(debian: MadeUpHost, text: str) -> None:
    debian.with_venv(VENV, FLASK).with_file(f"{VENV}/pyvenv.cfg", text)
    assert "does not say a version" in look(debian).problem


def test_an_environment_of_copies_belongs_to_the_interpreter_it_was_copied_from(debian: MadeUpHost) -> None:
    debian.with_venv(VENV, FLASK).without(f"{VENV}/bin/python").with_program(f"{VENV}/bin/python")
    found = look(debian)
    assert (found.base, found.problem) == ("/usr/bin/python3.11", "")


def test_a_copy_whose_interpreter_is_gone_is_asked_itself(debian: MadeUpHost) -> None:
    debian.with_venv(VENV, FLASK).without(f"{VENV}/bin/python").with_program(f"{VENV}/bin/python")
    debian.without("/usr/bin/python3.11").without("/usr/bin/python3")
    assert look(debian).problem == f"its interpreter {VENV}/bin/python does not run"


def test_a_base_without_a_telling_name_is_asked_once(debian: MadeUpHost) -> None:
    debian.with_program("/opt/py/bin/python").with_venv(VENV, FLASK)
    debian.with_link(f"{VENV}/bin/python", "/opt/py/bin/python")
    debian.pythons["/opt/py/bin/python"] = debian.pythons["/usr/bin/python3.11"]
    assert look(debian).problem == ""
    assert debian.runner.started == ["/opt/py/bin/python"]


def test_a_recorded_base_is_recognised_without_being_asked(debian: MadeUpHost) -> None:
    debian.with_program("/opt/py/bin/python")
    debian.pythons["/opt/py/bin/python"] = python = debian.pythons["/usr/bin/python3.11"]
    python.path = "/opt/py/bin/python"
    debian.with_venv(VENV, FLASK, receipt=entry_of(path=VENV))
    assert look(debian).problem == ""
    assert debian.runner.started == []


def test_lib64_as_a_link_to_lib_is_no_second_library(debian: MadeUpHost) -> None:
    debian.with_venv(VENV, FLASK).with_link(f"{VENV}/lib64", "lib")
    assert look(debian).problem == ""


def test_an_older_releases_directory_beside_the_right_one_does_not_matter(debian: MadeUpHost) -> None:
    debian.with_venv(VENV, FLASK).with_distributions(f"{VENV}/lib/python3.9/site-packages", {"old": "1"})
    found = look(debian)
    assert (found.problem, "old" in found.distributions) == ("", False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flask-3.0.3.dist-info", {"flask": "3.0.3"}),
        ("Flask-3.0.3.dist-info", {"flask": "3.0.3"}),
        ("typing_extensions-4.12.2.dist-info", {"typing-extensions": "4.12.2"}),
        ("zope.interface-6.1.dist-info", {"zope-interface": "6.1"}),
        ("ruamel.yaml.clib-0.2.8.dist-info", {"ruamel-yaml-clib": "0.2.8"}),
        ("torch-2.1.0+cpu.dist-info", {"torch": "2.1.0+cpu"}),
        ("pkg-1!2.0.dist-info", {"pkg": "1!2.0"}),
        ("six-1.16.0-py3.11.egg-info", {"six": "1.16.0"}),
        ("six-1.16.0.egg-info", {"six": "1.16.0"}),
        ("mine.egg-link", {"mine": ""}),
        ("flask", {}),
        ("__editable__.mine-1.0.pth", {}),
        ("-flask-1.dist-info.bak", {}),
        (".dist-info", {}),
        ("-.dist-info", {}),
        ("~lask-3.0.3.dist-info", {}),
        ("flask.dist-info", {}),
    ],
)
def test_a_distribution_is_known_by_the_name_of_its_metadata(
    made_up: MadeUpHost, name: str, expected: dict[str, str]
) -> None:
    assert distributions_in(made_up.with_directory(f"/site/{name}").host, "/site") == expected


NAMES = st.text(
    st.characters(blacklist_characters="/\x00", blacklist_categories=["Cs"]), min_size=1, max_size=40
).filter(lambda name: name not in (".", ".."))


def test_what_pip_left_of_an_interrupted_removal_is_no_extra(debian: MadeUpHost) -> None:
    entry = {"path": VENV, "packages": ["flask"], "state": "exact"}
    debian.with_venv(VENV, FLASK, receipt=entry_of(**entry)).with_file(f"{SITE}/~ix-1.16.0.dist-info/METADATA")
    assert debian.plan(python_venvs=[entry]).is_empty


@given(NAMES)
def test_no_name_in_a_site_directory_makes_the_engine_crash(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made_up = MadeUpHost(Path(folder)).with_directory(f"/site/{name}.dist-info")
        assert len(distributions_in(made_up.host, "/site")) <= 1


@given(st.binary(max_size=150), st.binary(max_size=150))
def test_no_pyvenv_cfg_makes_the_engine_crash(first: bytes, second: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made_up = MadeUpHost(Path(folder)).with_interpreter("3.11.2").with_venv(VENV, FLASK)
        made_up.with_file(f"{VENV}/pyvenv.cfg", first + b"\nversion = " + second + b"\nhome = /usr/bin\n")
        assert look(made_up).kind == "venv"


def test_a_rebuild_brings_back_the_recorded_set(debian: MadeUpHost) -> None:
    debian.with_venv(VENV, {**FLASK, "other": "1"}, receipt=entry_of(path=VENV), recorded=FLASK)
    assert look(debian).kept == FLASK


def test_a_rebuild_brings_back_what_an_index_can_give(debian: MadeUpHost) -> None:
    debian.with_venv(VENV, {**FLASK, "mine": "1.0"})
    debian.with_file(f"{SITE}/mine-1.0.dist-info/direct_url.json", '{"url": "file:///srv/mine"}')
    assert look(debian).kept == {"flask": "3.0.3", "pip": "23.0.1"}


def test_a_rebuild_after_an_interrupted_one_keeps_what_was_before(debian: MadeUpHost) -> None:
    debian.with_venv(VENV, {"half": "1"}).with_venv(f"{VENV}.pep668-old", FLASK, receipt=entry_of(path=VENV))
    found = look(debian)
    assert (found.aside, found.kept) == (True, FLASK)


@pytest.mark.parametrize("is_made", [False, True], ids=["nothing", "a new directory"])
def test_a_rebuild_that_left_nothing_keeps_what_was_before(debian: MadeUpHost, is_made: bool) -> None:
    debian.with_venv(f"{VENV}.pep668-old", FLASK, receipt=entry_of(path=VENV))
    if is_made:
        debian.with_directory(VENV)
    found = look(debian)
    assert (found.kind, found.aside, found.kept) == ("empty" if is_made else "missing", True, FLASK)


def test_a_rebuild_beside_leftovers_keeps_the_set_of_the_last_finished_run(debian: MadeUpHost) -> None:
    debian.with_venv(VENV, {"newer": "2"}, receipt=entry_of(path=VENV))
    debian.with_venv(f"{VENV}.pep668-old", FLASK, receipt=entry_of(path=VENV))
    found = look(debian)
    assert (found.aside, found.kept) == (True, {"newer": "2"})


def test_nothing_is_kept_of_nothing(debian: MadeUpHost) -> None:
    assert kept_packages(debian.host, "/srv/none") == {}


@pytest.mark.parametrize(
    ("selector", "version", "base", "runs"),
    [
        ("", "3.11.2", "/usr/bin/python3.11", True),
        ("3.11", "3.11.2", "/usr/bin/python3.11", True),
        ("3.1", "3.11.2", "/usr/bin/python3.11", False),
        ("3.11.2", "3.11.2", "/usr/bin/python3.11", True),
        ("3.11.1", "3.11.2", "/usr/bin/python3.11", False),
        ("python3", "3.11.2", "/usr/bin/python3.11", True),
        ("python3.11", "3.11.2", "/usr/bin/python3.11", True),
        ("python3.12", "3.11.2", "/usr/bin/python3.11", False),
        ("pypy3", "3.10.14", "/usr/bin/pypy3.10", True),
        ("pypy3.10", "3.10.14", "/usr/bin/pypy3.10", True),
        ("pypy3", "3.11.2", "/usr/bin/python3.11", False),
        ("python3", "3.10.14", "/usr/bin/pypy3.10", False),
        ("/usr/bin/python3.11", "3.11.2", "/usr/bin/python3.11", True),
        ("/usr/bin/python3.12", "3.11.2", "/usr/bin/python3.11", False),
    ],
)
def test_an_environment_runs_the_selected_python_or_not(
    debian: MadeUpHost, selector: str, version: str, base: str, runs: bool
) -> None:
    assert runs_selected(debian.host, selector, version, base) is runs


def test_a_development_install_by_an_old_setuptools_has_its_projects_version(debian: MadeUpHost) -> None:
    debian.with_venv(VENV, FLASK).with_file(f"{SITE}/mine.egg-link", "/srv/mine\n.")
    debian.with_file("/srv/mine/mine.egg-info/PKG-INFO", "Metadata-Version: 2.1\nName: mine\nVersion: 1.5\n")
    found = look(debian)
    assert found.distributions["mine"] == "1.5"
    assert "mine" not in found.kept
