"""A rehearsal: what a run would leave, by the installers' own answers, and nothing changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from changing_host import ChangingHost, names_in
from pep668_provision.engine.errors import ProvisionError

FLASK = {"flask": "3.0", "click": "8.0"}


@pytest.fixture
def venv(changing: ChangingHost) -> str:
    return changing.path("srv/venv")


def foreseen(changing: ChangingHost, **declared: Any) -> dict[str, dict[str, str]]:
    """What a rehearsal says would be there; a run then leaves just that, and the rehearsal left everything alone."""
    before = snapshot(changing)
    outcome = changing.rehearse(**declared)
    assert snapshot(changing) == before
    done = changing.converge(**declared)
    assert done.after == outcome.after
    assert done.before == outcome.before
    return {name: dict(there) for name, there in outcome.after.items()}


def snapshot(changing: ChangingHost) -> list[tuple[str, bytes]]:
    files = (path for path in changing.folder.rglob("*") if path.is_file())
    return sorted((str(path), path.read_bytes()) for path in files)


def test_what_a_new_environment_would_have(changing: ChangingHost, venv: str) -> None:
    assert foreseen(changing, python_venvs=[{"path": venv, "packages": ["flask"]}]) == {venv: FLASK}


def test_an_empty_one_asks_nobody(changing: ChangingHost, venv: str) -> None:
    changing.rehearse(python_venvs=[{"path": venv}])
    assert changing.commands == []


def test_what_an_update_would_add(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask==2.0"]}])
    wanted = [{"path": venv, "packages": ["flask", "black"]}]
    assert foreseen(changing, python_venvs=wanted) == {venv: {"flask": "2.0", "click": "8.0", "black": "24.0"}}


def test_what_would_come_back(changing: ChangingHost, venv: str) -> None:
    wanted = [{"path": venv, "packages": ["flask"]}]
    changing.converge(python_venvs=wanted)
    changing.take_away(venv, "click")
    assert foreseen(changing, python_venvs=wanted) == {venv: FLASK}


def test_what_exact_would_leave(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask", "black"]}])
    wanted = [{"path": venv, "packages": ["flask"], "state": "exact"}]
    assert foreseen(changing, python_venvs=wanted) == {venv: FLASK}
    changing.lay_down(venv, "httpie", "3.0")
    assert foreseen(changing, python_venvs=wanted) == {venv: FLASK}
    assert foreseen(changing, python_venvs=[{"path": venv, "state": "exact"}]) == {venv: {}}


def test_what_a_rebuild_would_leave(changing: ChangingHost, venv: str) -> None:
    changing.with_python("3.12.1")
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask==2.0"]}])
    wanted = [{"path": venv, "packages": ["flask"], "python": "3.12"}]
    assert foreseen(changing, python_venvs=wanted) == {venv: {"flask": "2.0", "click": "8.0"}}


def test_what_a_rebuild_would_leave_where_the_index_lost_a_version(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    changing.index["click"] = ["9.0"]
    Path(f"{venv}/bin/python").unlink()
    wanted = [{"path": venv, "packages": ["flask"]}]
    assert foreseen(changing, python_venvs=wanted) == {venv: {"flask": "3.0", "click": "9.0"}}


def test_a_removal_leaves_nothing(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    assert foreseen(changing, python_venvs=[{"path": venv, "state": "absent"}]) == {venv: {}}


def test_what_uv_would_leave(changing: ChangingHost, venv: str) -> None:
    changing.with_uv()
    wanted = [{"path": venv, "packages": ["flask"]}]
    assert foreseen(changing, python_venvs=wanted, python_installer="uv") == {venv: FLASK}
    changing.index["flask"].append("4.0")
    newest = [{"path": venv, "packages": ["flask"], "state": "latest"}]
    assert foreseen(changing, python_venvs=newest, python_installer="uv") == {venv: {"flask": "4.0", "click": "8.0"}}


def test_what_builds_would_have(changing: ChangingHost, venv: str) -> None:
    def versioned(*packages: str, **keys: str) -> list[dict[str, Any]]:
        return [{"path": venv, "packages": list(packages), "layout": "versioned", **keys}]

    assert foreseen(changing, python_venvs=versioned("flask==2.0")) == {venv: {"flask": "2.0", "click": "8.0"}}
    assert foreseen(changing, python_venvs=versioned("flask==3.0")) == {venv: FLASK}
    assert foreseen(changing, python_venvs=versioned("flask==2.0")) == {venv: {"flask": "2.0", "click": "8.0"}}
    assert foreseen(changing, python_venvs=versioned(state="rolled_back")) == {venv: FLASK}
    assert foreseen(changing, python_venvs=versioned("flask==3.0", "black")) == {venv: {**FLASK, "black": "24.0"}}
    assert foreseen(changing, python_venvs=versioned(state="absent")) == {venv: {}}


def test_where_an_index_cannot_tell_the_declared_versions_are_shown_and_why(changing: ChangingHost, venv: str) -> None:
    wanted = [{"path": venv, "packages": ["nowhere==1.5", "nobody>=2", "flask"]}]
    outcome = changing.rehearse(python_venvs=wanted)
    assert outcome.after == {venv: {"nowhere": "1.5", "nobody": ">=2", "flask": "(newest)"}}
    (warning,) = outcome.warnings
    assert warning.startswith(f"{venv}: the versions after a run are not known yet. ")
    assert "No matching distribution found for nowhere==1.5" in warning


def test_a_pip_that_cannot_report_is_not_asked(changing: ChangingHost, venv: str) -> None:
    changing.pythons[changing.python].pip = "20.3.4"
    outcome = changing.rehearse(python_venvs=[{"path": venv, "packages": ["flask==3.0"]}])
    assert outcome.after == {venv: {"flask": "3.0"}}
    (warning,) = outcome.warnings
    assert "There is no pip on this host yet that could say what it would install." in warning


def test_a_pip_that_can_report_is_fetched_for_the_answer_alone(changing: ChangingHost, venv: str) -> None:
    changing.pythons[changing.python].pip = "20.3.4"
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask==2.0"]}])
    wanted = [{"path": venv, "packages": ["flask==3.0"]}]
    outcome = changing.rehearse(python_venvs=wanted)
    assert any("is too old to say what it would install" in one for one in outcome.warnings)
    changing.index["pip"] = ["25.1"]
    assert foreseen(changing, python_venvs=wanted) == {venv: FLASK}
    assert "pip-20.3.4.dist-info" in names_in(f"{venv}/lib/python3.11/site-packages")


def tool(**keys: Any) -> list[dict[str, Any]]:
    return [{"scope": "user", "name": "black", **keys}]


def test_what_version_a_tool_would_have(changing: ChangingHost) -> None:
    assert foreseen(changing, python_tools=tool()) == {"black": {"black": "24.0"}}
    assert foreseen(changing, python_tools=tool(spec="black==23.0")) == {"black": {"black": "23.0"}}
    Path(changing.path("home/.local/bin/black")).unlink()
    assert foreseen(changing, python_tools=tool(spec="black==23.0")) == {"black": {"black": "23.0"}}
    Path(changing.path("home/.local/share/pipx/venvs/black/bin/python")).unlink()
    assert foreseen(changing, python_tools=tool()) == {"black": {"black": "23.0"}}
    assert foreseen(changing, python_tools=tool(state="absent")) == {"black": {}}


@pytest.mark.parametrize(
    ("name", "spec", "shown"),
    [("black", "black>=99", ">=99"), ("nowhere", "nowhere", "(newest)")],
    ids=["bounded", "not bounded"],
)
def test_of_a_tool_that_an_index_does_not_have_the_bounds_are_shown(
    changing: ChangingHost, name: str, spec: str, shown: str
) -> None:
    outcome = changing.rehearse(python_tools=[{"scope": "user", "name": name, "spec": spec}])
    assert outcome.after == {name: {name: shown}}
    assert any("No matching distribution found" in one for one in outcome.warnings)


def test_what_cannot_be_done_is_an_error_in_a_rehearsal_too(changing: ChangingHost) -> None:
    (changing.folder / "srv").mkdir()
    Path(changing.path("srv/file")).write_text("mine\n")
    with pytest.raises(ProvisionError, match="exists and is not a virtual environment"):
        changing.rehearse(python_venvs=[{"path": changing.path("srv/file")}])
