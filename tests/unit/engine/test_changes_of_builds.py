"""Environments with versioned layout: builds, the link to one of them, what a failure leaves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from changing_host import ChangingHost, names_in, target_of
from pep668_provision.engine.apply_builds import SETTLE_NAME
from pep668_provision.engine.errors import CommandFailed
from pep668_provision.engine.process import Command
from pep668_provision.engine.receipt import FILE_NAME


@pytest.fixture
def venv(changing: ChangingHost) -> str:
    return changing.path("srv/venv")


def entry(venv: str, *packages: str, **keys: Any) -> dict[str, Any]:
    return {"python_venvs": [{"path": venv, "packages": list(packages), "layout": "versioned", **keys}]}


def builds_of(venv: str) -> list[str]:
    """The builds there are, in the order in which they were declared."""
    found = {path.name: json.loads((path / FILE_NAME).read_text())["build"] for path in Path(f"{venv}.d").iterdir()}
    return sorted(found, key=lambda name: found[name])


def actions(outcome: Any) -> list[str]:
    return [step.action for step in outcome.plan.steps]


def test_a_build_is_made_beside_the_path_and_the_path_leads_to_it(changing: ChangingHost, venv: str) -> None:
    outcome = changing.converge(**entry(venv, "flask"))
    assert outcome.after == {venv: {"flask": "3.0", "click": "8.0"}}
    (name,) = builds_of(venv)
    assert target_of(venv) == f"venv.d/{name}"
    # What keeps a process in the build it was started from.
    site = f"{venv}/lib/python3.11/site-packages"
    assert Path(site, f"{SETTLE_NAME}.pth").read_text() == f"import {SETTLE_NAME}\n"
    assert f"{venv}.d/{name}" in Path(site, f"{SETTLE_NAME}.py").read_text()


def test_a_change_makes_another_build_and_leaves_the_one_before_it(changing: ChangingHost, venv: str) -> None:
    changing.converge(**entry(venv, "flask==2.0"))
    (first,) = builds_of(venv)
    changing.index["click"].append("9.0")
    changing.converge(**entry(venv, "flask==3.0"))
    assert builds_of(venv)[0] == first
    # As an update in place would: what the change does not need stays at its version.
    assert changing.packages(venv) == {"flask": "3.0", "click": "8.0"}
    assert changing.packages(f"{venv}.d/{first}") == {"flask": "2.0", "click": "8.0"}


def test_what_was_declared_before_is_switched_to_and_nothing_is_installed(changing: ChangingHost, venv: str) -> None:
    changing.converge(**entry(venv, "flask==2.0"))
    changing.converge(**entry(venv, "flask==3.0"))
    first, second = builds_of(venv)
    changing.commands.clear()
    assert actions(changing.converge(**entry(venv, "flask==2.0"))) == ["switch"]
    assert changing.commands == []
    assert target_of(venv) == f"venv.d/{first}"
    # So that "back" is what it was before.
    assert builds_of(venv) == [second, first]
    changing.converge(**entry(venv, state="rolled_back"))
    assert target_of(venv) == f"venv.d/{second}"
    assert builds_of(venv) == [second, first]


def test_after_a_rollback_a_new_build_comes_after_the_one_in_use(changing: ChangingHost, venv: str) -> None:
    changing.converge(**entry(venv, "flask==2.0", keep=5))
    changing.converge(**entry(venv, "flask==3.0", keep=5))
    first, second = builds_of(venv)
    changing.converge(**entry(venv, state="rolled_back", keep=5))
    changing.converge(**entry(venv, "black", keep=5))
    assert builds_of(venv)[:2] == [second, first]
    changing.converge(**entry(venv, state="rolled_back", keep=5))
    assert target_of(venv) == f"venv.d/{first}"


def test_builds_beyond_those_to_keep_go(changing: ChangingHost, venv: str) -> None:
    for packages in (["flask==2.0"], ["flask==3.0"], ["black"]):
        changing.converge(**entry(venv, *packages, keep=3))
    _, second, third = builds_of(venv)
    assert actions(changing.converge(**entry(venv, "black", keep=2))) == ["prune"]
    assert builds_of(venv) == [second, third]
    changing.converge(**entry(venv, "httpie", keep=1))
    assert len(builds_of(venv)) == 1


def test_an_environment_in_place_becomes_one_with_builds_and_back(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask==2.0"]}])
    changing.converge(**entry(venv, "flask"))
    assert Path(venv).is_symlink()
    assert changing.packages(venv) == {"flask": "2.0", "click": "8.0"}
    outcome = changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    assert not Path(venv).is_symlink()
    assert changing.packages(venv) == {"flask": "2.0", "click": "8.0"}
    (warning,) = outcome.warnings
    assert warning.startswith(f"{venv} is made in place now. What was started before may still run from a build")


def test_latest_makes_a_build_with_the_newest(changing: ChangingHost, venv: str) -> None:
    changing.converge(**entry(venv, "flask", state="latest"))
    changing.index["flask"].append("4.0")
    changing.index["click"].append("9.0")
    changing.converge(**entry(venv, "flask", state="latest"))
    assert changing.packages(venv) == {"flask": "4.0", "click": "8.0"}
    assert len(builds_of(venv)) == 2


def test_a_damaged_build_is_replaced_by_another_with_the_versions_it_had(changing: ChangingHost, venv: str) -> None:
    changing.converge(**entry(venv, "flask"))
    (first,) = builds_of(venv)
    changing.index["click"].append("9.0")
    changing.take_away(venv, "click")
    changing.converge(**entry(venv, "flask"))
    assert changing.packages(venv) == {"flask": "3.0", "click": "8.0"}
    assert target_of(venv) == f"venv.d/{first}-2"


def test_where_an_index_does_not_answer_the_old_build_stays_in_use(changing: ChangingHost, venv: str) -> None:
    changing.converge(**entry(venv, "flask"))
    (first,) = builds_of(venv)
    with pytest.raises(CommandFailed, match="No matching distribution found for nowhere"):
        changing.converge(**entry(venv, "flask", "nowhere"))
    assert target_of(venv) == f"venv.d/{first}"
    changing.converge(**entry(venv, "flask", "black"))
    assert builds_of(venv)[0] == first
    assert len(builds_of(venv)) == 2


def test_what_killed_runs_left_goes(changing: ChangingHost, venv: str) -> None:
    changing.converge(**entry(venv, "flask"))
    (first,) = builds_of(venv)
    left = f"{venv}.d/{'0' * 12}"
    Path(left).mkdir(parents=True)
    Path(f"{venv}.d/{'1' * 12}.pep668-old").mkdir(parents=True)
    Path(f"{venv}.pep668-new").symlink_to("nowhere")
    assert actions(changing.converge(**entry(venv, "flask"))) == ["prune"]
    assert names_in(changing.path("srv")) == ["venv", "venv.d"]
    assert names_in(f"{venv}.d") == [first]


def test_what_is_absent_is_gone_with_its_builds(changing: ChangingHost, venv: str) -> None:
    changing.converge(**entry(venv, "flask"))
    changing.converge(**entry(venv, state="absent"))
    assert names_in(changing.path("srv")) == []


def test_what_is_not_ours_among_the_builds_stays_and_is_told(changing: ChangingHost, venv: str) -> None:
    changing.converge(**entry(venv, "flask"))
    Path(f"{venv}.d/notes.txt").write_text("mine\n")
    outcome = changing.converge(**entry(venv, state="absent"))
    assert outcome.warnings == (f"{venv}.d stays, for these in it are not ours: notes.txt.",)
    assert names_in(changing.path("srv")) == ["venv.d"]
    assert names_in(f"{venv}.d") == ["notes.txt"]


def test_where_the_link_cannot_take_the_place_of_a_directory_that_is_back(
    changing: ChangingHost, venv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    rename = os.rename

    def refuse(source: str, target: str, **options: Any) -> None:
        if target == venv and Path(source).is_symlink():
            raise PermissionError(13, "Permission denied", target)
        rename(source, target, **options)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(Exception, match="Permission denied"):
        changing.converge(**entry(venv, "flask"))
    assert not Path(venv).is_symlink()
    assert changing.packages(venv) == {"flask": "3.0", "click": "8.0"}


def test_who_looks_while_it_is_switched_meets_one_or_the_other(changing: ChangingHost, venv: str) -> None:
    changing.converge(**entry(venv, "flask==2.0"))
    seen: list[dict[str, str]] = []

    def look(_command: Command) -> None:
        seen.append(changing.packages(venv))

    changing.on_command = look
    changing.converge(**entry(venv, "flask==3.0"))
    assert seen
    assert all(one["flask"] in ("2.0", "3.0") for one in seen)
