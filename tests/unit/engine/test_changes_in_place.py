"""Environments made, changed, rebuilt and removed in place: what is there afterwards, and after a failure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from changing_host import ChangingHost, names_in, target_of
from pep668_provision.engine.apply import Applier
from pep668_provision.engine.apply_venv import VenvRun
from pep668_provision.engine.errors import CommandFailed, ProvisionError, SeveralFailed
from pep668_provision.engine.look import look
from pep668_provision.engine.process import Command
from pep668_provision.engine.receipt import FILE_NAME
from pep668_provision.engine.steps import Refusal


@pytest.fixture
def venv(changing: ChangingHost) -> str:
    return changing.path("srv/venv")


def reasons(outcome: Any) -> list[tuple[str, tuple[str, ...]]]:
    return [(step.action, step.reasons) for step in outcome.plan.steps]


def record(venv: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(venv, FILE_NAME).read_text())
    return found


# Made


def test_an_environment_is_made_and_recorded_and_nothing_is_left_beside_it(changing: ChangingHost, venv: str) -> None:
    outcome = changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    assert changing.packages(venv) == {"flask": "3.0", "click": "8.0"}
    assert record(venv)["packages"] == {"flask": "3.0", "click": "8.0"}
    assert (outcome.before, outcome.after) == ({venv: {}}, {venv: {"flask": "3.0", "click": "8.0"}})
    assert names_in(changing.path("srv")) == ["venv"]
    assert names_in(changing.path("tmp")) == []
    assert not list(Path(venv).glob(".pep668-provision.tmp"))


def test_an_empty_environment_is_made_without_asking_an_index(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "system_site_packages": True}])
    assert not changing.calls("install")
    assert "include-system-site-packages = true" in Path(venv, "pyvenv.cfg").read_text()


def test_an_empty_directory_keeps_who_made_it(changing: ChangingHost, venv: str) -> None:
    Path(venv).mkdir(parents=True)
    there = Path(venv).stat().st_ino
    changing.converge(python_venvs=[{"path": venv, "packages": ["click"]}])
    assert Path(venv).stat().st_ino == there
    assert changing.packages(venv) == {"click": "8.0"}


def test_environments_below_and_above_each_other_are_made_one_after_the_other(changing: ChangingHost) -> None:
    outer, inner = changing.path("srv/a"), changing.path("srv/a/inner/b")
    changing.processors = 4
    changing.converge(python_venvs=[{"path": outer, "packages": ["click"]}, {"path": inner, "packages": ["black"]}])
    assert changing.packages(outer) == {"click": "8.0"}
    assert changing.packages(inner) == {"black": "24.0"}


def test_what_ensurepip_said_is_told_where_venv_keeps_it_to_itself(changing: ChangingHost, venv: str) -> None:
    said: list[str] = []

    def half(command: Command) -> None:
        # As venv leaves it when ensurepip fails.
        if command.argv[1:4] == ("-I", "-m", "venv"):
            Path(f"{venv}/bin").mkdir(parents=True, exist_ok=True)
            Path(venv, "bin/python").symlink_to(changing.python)
        if "ensurepip" in command.argv:
            said.append("asked once more")
            changing.too_slow = True

    changing.broken[venv] = "Command '[...] -m ensurepip' returned non-zero exit status 1."
    changing.on_command = half
    with pytest.raises(CommandFailed, match=r"Making the environment .* took longer"):
        changing.converge(python_venvs=[{"path": venv, "packages": ["click"]}])
    assert said == ["asked once more"]


def test_a_failure_to_make_one_leaves_the_next_run_to_do_it(changing: ChangingHost, venv: str) -> None:
    changing.broken[venv] = "No space left on device"
    with pytest.raises(CommandFailed, match="Free some space on the host"):
        changing.converge(python_venvs=[{"path": venv, "packages": ["click"]}])
    changing.broken.clear()
    changing.converge(python_venvs=[{"path": venv, "packages": ["click"]}])
    assert changing.packages(venv) == {"click": "8.0"}


def test_one_that_fails_does_not_keep_the_others(changing: ChangingHost) -> None:
    wrong, right, worse = (changing.path(f"srv/{name}") for name in ("wrong", "right", "worse"))
    changing.broken = {wrong: "No space left on device", worse: "Read-only file system"}
    declared = [{"path": path, "packages": ["click"]} for path in (wrong, right, worse)]
    with pytest.raises(SeveralFailed) as several:
        changing.converge(python_venvs=declared)
    assert all(path in str(several.value) for path in (wrong, worse))
    assert changing.packages(right) == {"click": "8.0"}


# Changed


def test_what_is_asked_for_beside_is_added_and_the_rest_stays(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask==2.0"]}])
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask", "black"]}])
    assert changing.packages(venv) == {"flask": "2.0", "click": "8.0", "black": "24.0"}


def test_latest_takes_the_newest_of_what_is_named(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    changing.index["flask"].append("4.0")
    changing.index["click"].append("9.0")
    assert not changing.rehearse(python_venvs=[{"path": venv, "packages": ["flask"]}]).changed
    outcome = changing.converge(python_venvs=[{"path": venv, "packages": ["flask"], "state": "latest"}])
    assert reasons(outcome) == [("update", ("flask 4.0 is newer than 3.0",))]
    assert changing.packages(venv) == {"flask": "4.0", "click": "8.0"}


def test_a_distribution_that_was_removed_comes_back_at_its_version(changing: ChangingHost, venv: str) -> None:
    declared = [{"path": venv, "packages": ["flask"]}]
    changing.converge(python_venvs=declared)
    changing.index["click"].append("9.0")
    changing.take_away(venv, "click")
    outcome = changing.converge(python_venvs=declared)
    assert reasons(outcome) == [("update", ("click is missing",))]
    assert changing.packages(venv) == {"flask": "3.0", "click": "8.0"}


def test_where_the_index_lost_the_version_of_before_what_is_declared_is_installed_and_said(
    changing: ChangingHost, venv: str
) -> None:
    declared = [{"path": venv, "packages": ["flask"]}]
    changing.converge(python_venvs=declared)
    changing.index["click"] = ["9.0"]
    changing.take_away(venv, "click")
    changing.take_away(venv, "flask")
    outcome = changing.converge(python_venvs=declared)
    assert outcome.warnings == (f"{venv}: not every version of before could be kept; what is declared is installed.",)
    assert changing.packages(venv) == {"flask": "3.0", "click": "9.0"}


def test_exact_leaves_what_is_asked_for_and_its_dependencies_alone(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask", "black"]}])
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"], "state": "exact"}])
    assert changing.packages(venv) == {"flask": "3.0", "click": "8.0"}
    changing.lay_down(venv, "httpie", "3.0")
    outcome = changing.converge(python_venvs=[{"path": venv, "packages": ["flask"], "state": "exact"}])
    assert reasons(outcome) == [("update", ("httpie is there and not asked for",))]
    assert changing.packages(venv) == {"flask": "3.0", "click": "8.0"}
    changing.converge(python_venvs=[{"path": venv, "state": "exact"}])
    assert changing.packages(venv) == {}


def test_what_somebody_else_put_there_is_not_recorded_as_asked_for(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    changing.lay_down(venv, "httpie", "3.0")
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask", "black"]}])
    assert "httpie" in changing.packages(venv)
    assert "httpie" not in record(venv)["packages"]


def test_an_environment_without_a_record_is_taken_over_with_what_is_in_it(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask==2.0"]}])
    Path(f"{venv}/{FILE_NAME}").unlink()
    outcome = changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    assert reasons(outcome) == [("update", ("there is no record yet of what was asked for here",))]
    assert changing.packages(venv) == {"flask": "2.0", "click": "8.0"}


@pytest.mark.parametrize("is_recorded", [True, False], ids=["of ours", "somebody else's"])
def test_after_a_change_that_fails_it_is_as_finished_as_before(
    changing: ChangingHost, venv: str, *, is_recorded: bool
) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    before = record(venv)
    if not is_recorded:
        Path(f"{venv}/{FILE_NAME}").unlink()
    with pytest.raises(CommandFailed, match="No matching distribution found for nowhere"):
        changing.converge(python_venvs=[{"path": venv, "packages": ["flask", "nowhere"]}])
    assert changing.packages(venv) == {"flask": "3.0", "click": "8.0"}
    assert Path(venv, FILE_NAME).exists() is is_recorded
    assert not is_recorded or record(venv) == before


def test_after_a_change_that_failed_half_way_the_next_run_makes_it_anew(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask==2.0"]}])
    changing.broken["flask"] = "No space left on device"
    with pytest.raises(CommandFailed, match="No space left"):
        changing.converge(python_venvs=[{"path": venv, "packages": ["flask==3.0"]}])
    changing.broken.clear()
    outcome = changing.converge(python_venvs=[{"path": venv, "packages": ["flask==3.0"]}])
    assert reasons(outcome) == [("rebuild", ("a run (update) did not get to its end",))]
    assert changing.packages(venv) == {"flask": "3.0", "click": "8.0"}


def test_what_takes_too_long_is_not_tried_a_second_time(changing: ChangingHost, venv: str) -> None:
    declared = [{"path": venv, "packages": ["flask"]}]
    changing.converge(python_venvs=declared)
    changing.take_away(venv, "click")
    changing.too_slow = True
    started = len(changing.commands)
    with pytest.raises(CommandFailed, match="raise python_install_timeout"):
        changing.converge(python_venvs=declared, python_install_timeout=1)
    assert len(changing.commands) == started + 1


# By uv


def test_uv_fills_an_environment_that_has_no_pip(changing: ChangingHost, venv: str) -> None:
    declared: dict[str, Any] = {"python_venvs": [{"path": venv, "packages": ["flask==2.0"]}]}
    changing.with_uv().converge(**declared, python_installer="uv")
    assert changing.packages(venv) == {"flask": "2.0", "click": "8.0"}
    assert not list(Path(venv).glob("lib/*/site-packages/pip-*"))
    assert record(venv)["installer"] == "uv"
    declared = {"python_venvs": [{"path": venv, "packages": ["flask"], "state": "exact"}]}
    changing.lay_down(venv, "black", "24.0")
    changing.converge(**declared, python_installer="uv")
    assert changing.packages(venv) == {"flask": "2.0", "click": "8.0"}


def test_what_uv_took_away_before_it_failed_is_put_back(changing: ChangingHost, venv: str) -> None:
    changing.with_uv().converge(python_venvs=[{"path": venv, "packages": ["flask==2.0"]}], python_installer="uv")
    before = record(venv)
    changing.broken["flask"] = "No space left on device"
    with pytest.raises(CommandFailed, match="No space left"):
        changing.converge(python_venvs=[{"path": venv, "packages": ["flask==3.0"]}], python_installer="uv")
    assert changing.packages(venv) == {"flask": "2.0", "click": "8.0"}
    assert record(venv) == before


def test_pip_is_put_into_what_uv_made_before_it_fills_it(changing: ChangingHost, venv: str) -> None:
    changing.with_uv().converge(python_venvs=[{"path": venv, "packages": ["flask"]}], python_installer="uv")
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask", "black"]}], python_installer="pip")
    assert changing.calls("ensurepip", "--default-pip")
    assert changing.packages(venv) == {"flask": "3.0", "click": "8.0", "black": "24.0"}


# Rebuilt, removed


def test_a_rebuild_brings_back_what_was_there(changing: ChangingHost, venv: str) -> None:
    changing.with_python("3.12.1")
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask==2.0"]}])
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"], "python": "3.12"}])
    assert changing.packages(venv) == {"flask": "2.0", "click": "8.0"}
    assert target_of(f"{venv}/bin/python") == changing.path("usr/bin/python3.12")
    assert names_in(changing.path("srv")) == ["venv"]


def test_an_exact_rebuild_leaves_what_is_not_asked_for_behind(changing: ChangingHost, venv: str) -> None:
    changing.with_python("3.12.1")
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask==2.0", "black"]}])
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"], "python": "3.12", "state": "exact"}])
    assert changing.packages(venv) == {"flask": "2.0", "click": "8.0"}


def test_a_rebuild_that_fails_leaves_the_old_environment(changing: ChangingHost, venv: str) -> None:
    changing.with_python("3.12.1")
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    before = record(venv)
    changing.broken["flask"] = "No space left on device"
    with pytest.raises(CommandFailed):
        changing.converge(python_venvs=[{"path": venv, "packages": ["flask"], "python": "3.12"}])
    assert (changing.packages(venv), record(venv)) == ({"flask": "3.0", "click": "8.0"}, before)
    assert names_in(changing.path("srv")) == ["venv"]


def test_what_a_killed_rebuild_left_beside_a_whole_environment_goes(changing: ChangingHost, venv: str) -> None:
    declared = [{"path": venv, "packages": ["flask"]}]
    changing.converge(python_venvs=declared)
    Path(f"{venv}.pep668-old/bin").mkdir(parents=True)
    outcome = changing.converge(python_venvs=declared)
    assert reasons(outcome) == [("update", ("an earlier rebuild left the previous environment beside it",))]
    assert names_in(changing.path("srv")) == ["venv"]
    # What is built anew then comes after what was left.
    Path(f"{venv}.pep668-old/bin").mkdir(parents=True)
    Path(f"{venv}/bin/python").unlink()
    changing.converge(python_venvs=declared)
    assert names_in(changing.path("srv")) == ["venv"]


def test_what_is_absent_is_gone_with_what_a_killed_run_left(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])
    Path(f"{venv}.pep668-old").mkdir(parents=True)
    outcome = changing.converge(python_venvs=[{"path": venv, "state": "absent"}])
    assert (outcome.before, outcome.after) == ({venv: {"flask": "3.0", "click": "8.0"}}, {venv: {}})
    assert names_in(changing.path("srv")) == []


# What stops a run


def test_who_changes_the_host_at_the_same_time_is_noticed(changing: ChangingHost, venv: str) -> None:
    def interfere(command: Command) -> None:
        if "install" in command.argv:
            changing.on_command = lambda _command: None
            Path(f"{venv}.pep668-old").mkdir(parents=True)

    changing.on_command = interfere
    desired = [{"path": venv, "packages": ["click"]}]
    Path(venv).mkdir(parents=True)
    with pytest.raises(ProvisionError, match="Every step ended without an error, and still something differs"):
        changing.converge(python_venvs=desired)


def test_a_program_of_our_own_is_made_first_and_linked(changing: ChangingHost) -> None:
    Path(changing.path("usr/bin/pipx")).unlink()
    changing.index["pipx"] = ["1.7.1"]
    changing.converge(python_tools=[{"name": "black", "scope": "user"}], python_pipx_source="index")
    link = changing.path("home/.local/bin/pipx")
    assert target_of(link) == changing.path("home/.local/share/pep668-provision/pipx/bin/pipx")
    assert target_of(changing.path("home/.local/bin/black")).endswith("venvs/black/bin/black")


def test_what_uv_is_not_packaged_as_comes_from_the_index_in_the_pinned_version(changing: ChangingHost) -> None:
    changing.index["uv"] = ["0.8", "0.9"]
    wheel = Path(changing.path("usr/lib/python3.11/ensurepip/_bundled/pip-25.0-py3-none-any.whl"))
    wheel.parent.mkdir()
    wheel.touch()
    changing.converge(python_uv=True, python_uv_pin="0.8")
    program = Path(changing.path("home/.local/bin/uv"))
    assert program.read_text() == "uv 0.8\n"
    # By the interpreter's own wheel: no pip is kept there.
    assert {command.argv[2] for command in changing.calls("install")} == {f"{wheel}/pip"}
    assert not list(Path(changing.path("home/.local/share/pep668-provision/uv")).glob("lib/*/*/pip-*"))
    outcome = changing.converge(python_uv=True, python_uv_pin="0.9")
    assert reasons(outcome) == [("update", ("python_uv_pin is 0.9",))]
    assert program.read_text() == "uv 0.9\n"


def test_an_interpreter_that_goes_away_meanwhile_is_said(changing: ChangingHost, venv: str) -> None:
    desired = changing.desired(python_venvs=[{"path": venv, "packages": ["flask"]}])
    _, planned = look(desired, changing.host)
    (step,) = planned.venvs
    with pytest.raises(ProvisionError, match=f"There is no interpreter for {venv}"):
        VenvRun(changing.host, desired, replace(step, interpreter=None), []).take()


def test_a_plan_with_refusals_is_not_taken(changing: ChangingHost, venv: str) -> None:
    desired = changing.desired(python_venvs=[{"path": venv, "packages": ["flask"]}])
    _, planned = look(desired, changing.host)
    refused = replace(planned, refusals=(Refusal("The library x is nowhere.", "Declare it elsewhere."),))
    with pytest.raises(ProvisionError, match=r"The library x is nowhere\. Declare it elsewhere\."):
        Applier(desired, changing.host).apply(refused)
    assert not Path(venv).exists()


@pytest.mark.parametrize("layout", ["in_place", "versioned"])
def test_what_became_unsafe_since_it_was_planned_is_not_done(changing: ChangingHost, venv: str, layout: str) -> None:
    folder = Path(changing.path("srv"))
    folder.mkdir()
    desired = changing.desired(python_venvs=[{"path": venv, "packages": ["flask"], "layout": layout}])
    _, planned = look(desired, changing.host)
    folder.chmod(0o777)
    with pytest.raises(ProvisionError, match="is not safe: others, as everybody may write there"):
        Applier(desired, changing.host).apply(planned)
    assert names_in(str(folder)) == []


# With hashes

HASHED = "flask==3.0 --hash=sha256:" + "a" * 64 + "\nclick==8.0 --hash=sha256:" + "b" * 64 + "\n"


def hashed(changing: ChangingHost, venv: str) -> list[dict[str, Any]]:
    """An entry whose packages come with hashes."""
    Path(changing.path("requirements.txt")).write_text(HASHED)
    return [{"path": venv, "requirements": [changing.path("requirements.txt")], "require_hashes": True}]


def test_it_is_recorded_that_every_hash_was_checked(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=hashed(changing, venv))
    assert record(venv)["hashes"] is True
    (command,) = changing.calls("--require-hashes")
    # Of what was there before there is no hash.
    assert "-c" not in command.argv


def test_what_came_without_its_hash_being_checked_is_fetched_again(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask==3.0"]}])
    assert "hashes" not in record(venv)
    changing.converge(python_venvs=hashed(changing, venv))
    assert changing.calls("--force-reinstall")
    assert record(venv)["hashes"] is True
    changing.commands.clear()
    changing.take_away(venv, "click")
    changing.converge(python_venvs=hashed(changing, venv))
    assert not changing.calls("--force-reinstall")
    assert record(venv)["hashes"] is True


# Indexes


def test_a_password_is_in_no_argument_and_nowhere_afterwards(changing: ChangingHost, venv: str) -> None:
    seen: list[bool] = []

    def look_around(command: Command) -> None:
        assert not any("hunter2" in word for word in command.argv)
        # pip's cache would keep who asked.
        assert "install" not in command.argv or command.env["PIP_NO_CACHE_DIR"] == "1"
        seen.append(any("hunter2" in (value or "") for value in command.env.values()) or has_password(changing))

    changing.on_command = look_around
    changing.converge(
        python_venvs=[{"path": venv, "packages": ["flask"]}],
        python_index_url="https://index.test/simple",
        python_index_username="me",
        python_index_password="hunter2",
    )
    assert any(seen)
    assert not has_password(changing)


def has_password(changing: ChangingHost) -> bool:
    return any(b"hunter2" in path.read_bytes() for path in changing.folder.rglob("*") if path.is_file())


def test_an_index_that_did_not_answer_does_not_make_what_is_there_the_newest(changing: ChangingHost, venv: str) -> None:
    changing.converge(python_venvs=[{"path": venv, "packages": ["flask"]}])

    def log(command: Command) -> None:
        Path(str(command.env["PIP_LOG"])).write_text(
            "Could not fetch URL https://me:hunter2@x.test/simple/flask/: Read timed out - skipping\n"
        )

    changing.on_command = log
    with pytest.raises(ProvisionError) as refused:
        changing.converge(python_venvs=[{"path": venv, "packages": ["flask"], "state": "latest"}])
    assert f"What is newest for {venv} cannot be told: Could not fetch URL https://****@x.test" in str(refused.value)
    assert "The index is too slow or does not answer" in str(refused.value)
