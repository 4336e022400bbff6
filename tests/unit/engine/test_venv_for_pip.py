"""What pip is asked to do in a virtual environment: which one, and what of it the environment's own entry takes."""

from __future__ import annotations

from typing import Any

import pytest

from made_up_host import MadeUpHost, entry_of
from pep668_provision.engine.desired import Desired, VenvEntry, validate
from pep668_provision.engine.errors import InvalidState
from pep668_provision.engine.venv_for_pip import read_venv, split_for_venv

VENV = "/srv/app/.venv"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, entry_of(path=VENV), id="a path"),
        pytest.param({"virtualenv_python": "3.12"}, entry_of(path=VENV, python="3.12"), id="an interpreter"),
        pytest.param({"virtualenv_python": ""}, entry_of(path=VENV), id="none"),
        pytest.param(
            {"virtualenv_site_packages": True},
            entry_of(path=VENV, system_site_packages=True),
            id="the system's as well",
        ),
        pytest.param({"virtualenv_command": "virtualenv"}, entry_of(path=VENV), id="another program"),
        pytest.param({"virtualenv_command": "/usr/bin/pyvenv"}, entry_of(path=VENV), id="an old program"),
        pytest.param({"virtualenv_command": "python3 -m venv"}, entry_of(path=VENV), id="the host's Python"),
        pytest.param({"virtualenv_command": "python -m venv"}, entry_of(path=VENV), id="the host's Python, shorter"),
        pytest.param(
            {"virtualenv_command": "python3.12 -m venv"}, entry_of(path=VENV, python="python3.12"), id="another Python"
        ),
        pytest.param(
            {"virtualenv_command": "'/opt/my py/bin/python3' -m venv"},
            entry_of(path=VENV, python="/opt/my py/bin/python3"),
            id="a path of one",
        ),
        pytest.param({"virtualenv_command": "pypy3 -m venv"}, entry_of(path=VENV, python="pypy3"), id="PyPy"),
        pytest.param(
            {"virtualenv_command": "python3.12 -m venv", "virtualenv_python": "3.11"},
            entry_of(path=VENV, python="3.11"),
            id="its own option counts more",
        ),
    ],
)
def test_the_environment_is_what_the_options_name(options: dict[str, Any], expected: VenvEntry) -> None:
    assert read_venv({"virtualenv": VENV, **options}) == expected


@pytest.mark.parametrize("path", ["venv", "/", "/usr", "~/venv"])
def test_what_is_no_environments_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidState, match="path is "):
        read_venv({"virtualenv": path})


def test_a_command_whose_quotes_do_not_match_is_refused() -> None:
    with pytest.raises(InvalidState, match="virtualenv_command: its quotes do not match"):
        read_venv({"virtualenv": VENV, "virtualenv_command": "'python3 -m venv"})


def split(made_up: MadeUpHost, *, venv: dict[str, Any] | None = None, **keys: Any) -> tuple[Desired, ...]:
    desired = validate({"python_system_pip": [{"name": "six", **keys}], "python_no_index": True})
    parts = split_for_venv(desired, entry_of(path=VENV, **(venv or {})), made_up.host)
    assert all(part.index.no_index for part in parts)
    return parts


def assert_is_inside(part: Desired) -> None:
    assert part.venvs == ()
    assert [(one.python, one.executable) for one in part.system_pip] == [(f"{VENV}/bin/python", "")]


@pytest.mark.parametrize("state", ["present", "latest", "absent"])
def test_in_an_environment_that_is_in_order_pip_does_all(debian: MadeUpHost, state: str) -> None:
    (inside,) = split(debian.with_venv(VENV, {"idna": "3"}), state=state, executable="pip3")
    assert_is_inside(inside)
    assert inside.system_pip[0].name == ("six",)


@pytest.mark.parametrize("state", ["present", "latest"])
def test_an_environment_that_is_not_there_is_made_with_what_is_asked(debian: MadeUpHost, state: str) -> None:
    (made,) = split(debian, name="six>=1", state=state, requirements=["/srv/r.txt"], extra_args="--pre")
    assert made.system_pip == ()
    assert made.venvs == (
        entry_of(path=VENV, packages=["six>=1"], requirements=["/srv/r.txt"], state=state, pip_args=["--pre"]),
    )


def test_paths_and_addresses_are_left_to_pip_after_it_is_made(debian: MadeUpHost) -> None:
    made, inside = split(debian, name=["six", "/srv/pkg"])
    assert [one.packages for one in made.venvs] == [("six",)]
    assert_is_inside(inside)
    assert inside.system_pip[0].name == ("six", "/srv/pkg")


def test_nothing_is_made_to_remove_from(debian: MadeUpHost) -> None:
    assert split(debian, state="absent") == ()


def test_a_broken_environment_is_made_again(debian: MadeUpHost) -> None:
    debian.with_venv(VENV, {"idna": "3"}).with_link(f"{VENV}/bin/python", "/usr/bin/python3.7")
    (made,) = split(debian)
    assert [one.path for one in made.venvs] == [VENV]


def test_an_environment_of_another_python_is_made_again(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.12.4", prefix="/usr/local", default=False).with_venv(VENV)
    (made,) = split(debian, venv={"python": "3.12"})
    assert [one.python for one in made.venvs] == ["3.12"]
    assert_is_inside(split(debian, venv={"python": "3.11"})[0])


def test_what_another_task_declared_of_it_is_no_reason_to_make_it_again(debian: MadeUpHost) -> None:
    packages = {"flask": "3.0.3"}
    debian.with_venv(VENV, packages, receipt=entry_of(path=VENV, packages=["flask"]))
    (inside,) = split(debian)
    assert_is_inside(inside)


def test_what_stands_in_its_place_is_refused_by_its_own_entry(debian: MadeUpHost) -> None:
    (made,) = split(debian.with_file(f"{VENV}/notes"))
    assert "not a virtual environment" in str(debian.plan(made).refusals[0])
