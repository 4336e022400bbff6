"""Tools made, changed and removed by pipx: links, what is kept, what a failure leaves."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from changing_host import ChangingHost, names_in, target_of
from pep668_provision.engine.apply_tool import ToolRun
from pep668_provision.engine.errors import CommandFailed, ProvisionError, SeveralFailed
from pep668_provision.engine.look import look
from pep668_provision.engine.process import Command


def tools(*entries: Any, **keys: Any) -> dict[str, Any]:
    """Tools of the account itself, by their names or as entries."""
    wanted = [{"name": one} if isinstance(one, str) else one for one in entries]
    return {"python_tools": [{"scope": "user", **one, **keys} for one in wanted]}


def link_of(changing: ChangingHost, app: str) -> str:
    return changing.path(f"home/.local/bin/{app}")


def venv_of(changing: ChangingHost, name: str) -> str:
    return changing.path(f"home/.local/share/pipx/venvs/{name}")


def record_of(changing: ChangingHost, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(venv_of(changing, name), "pipx_metadata.json").read_text())
    return found


def leftovers(changing: ChangingHost) -> list[str]:
    """What is in pipx's home beside the tools and what they share."""
    return sorted(set(names_in(changing.path("home/.local/share/pipx"))) - {"venvs", "shared"})


def test_a_tool_is_installed_linked_and_on_the_path_of_a_new_login(changing: ChangingHost) -> None:
    outcome = changing.converge(**tools("black"))
    assert Path(link_of(changing, "black")).read_text() == "black 24.0\n"
    assert ".local/bin" in Path(changing.path("home/.profile")).read_text()
    assert outcome.after == {"black": {"black": "24.0"}}
    assert leftovers(changing) == []


def test_tools_that_need_no_option_share_calls_of_a_pipx_that_takes_many(changing: ChangingHost) -> None:
    changing.with_pipx("1.18.0").converge(**tools("black", "httpie", "flask", {"name": "click", "suffix": "@8"}))
    installing = [command.argv[2:] for command in changing.calls("install")]
    # The first makes what the tools of that home share.
    assert installing == [("black",), ("--suffix=@8", "click"), ("httpie", "flask")]
    assert all(Path(link_of(changing, app)).exists() for app in ("black", "httpie", "flask", "click@8"))


def test_of_tools_that_share_a_call_those_that_can_be_installed_are(changing: ChangingHost) -> None:
    changing.with_pipx("1.18.0").converge(**tools("black"))
    changing.broken["httpie"] = "No space left on device"
    with pytest.raises(CommandFailed, match="Installing the tool httpie"):
        changing.converge(**tools("black", "httpie", "flask"))
    assert Path(link_of(changing, "flask")).exists()
    assert not os.path.lexists(venv_of(changing, "httpie"))


def test_what_shared_a_call_that_took_too_long_leaves_no_half(changing: ChangingHost) -> None:
    changing.with_pipx("1.18.0").converge(**tools("black"))

    def half(command: Command) -> None:
        changing.too_slow = True
        for name in command.argv[2:]:
            Path(f"{venv_of(changing, name)}/bin").mkdir(parents=True)

    changing.on_command = half
    with pytest.raises(CommandFailed, match="raise python_install_timeout"):
        changing.converge(**tools("black", "httpie", "flask"), python_install_timeout=1)
    assert names_in(changing.path("home/.local/share/pipx/venvs")) == ["black"]


def test_a_command_whose_name_is_taken_is_refused_and_what_shared_the_call_stays(changing: ChangingHost) -> None:
    changing.with_pipx("1.18.0").converge(**tools("black"))
    mine = Path(link_of(changing, "http"))
    mine.write_text("mine\n")
    changing.apps["httpie"] = ["http"]
    with pytest.raises(ProvisionError, match=r"/http exists and is not of the tool httpie\."):
        changing.converge(**tools("black", "httpie", "flask"))
    assert mine.read_text() == "mine\n"
    assert not os.path.lexists(venv_of(changing, "httpie"))
    assert Path(link_of(changing, "flask")).exists()


def test_a_tool_whose_commands_name_is_taken_is_not_left_there(changing: ChangingHost) -> None:
    changing.apps["httpie"] = ["http"]
    mine = Path(link_of(changing, "http"))
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    with pytest.raises(ProvisionError, match=r"/http exists and is not of the tool httpie\. Move it away"):
        changing.converge(**tools("httpie"))
    assert mine.read_text() == "mine\n"
    assert not os.path.lexists(venv_of(changing, "httpie"))
    assert leftovers(changing) == []


def test_what_is_asked_for_anew_takes_the_place_of_what_was_there(changing: ChangingHost) -> None:
    changing.converge(**tools({"name": "black", "spec": "black==23.0"}))
    changing.converge(**tools({"name": "black", "spec": "black>=24"}))
    assert Path(link_of(changing, "black")).read_text() == "black 24.0\n"
    assert leftovers(changing) == []


def test_a_rebuild_that_fails_leaves_the_old_tool_and_its_links(changing: ChangingHost) -> None:
    changing.converge(**tools({"name": "black", "spec": "black==23.0"}))
    with pytest.raises(CommandFailed, match="No matching distribution found"):
        changing.converge(**tools({"name": "black", "spec": "black==99"}))
    assert Path(link_of(changing, "black")).read_text() == "black 23.0\n"
    assert leftovers(changing) == []


def test_tools_that_fail_are_told_one_by_one(changing: ChangingHost) -> None:
    with pytest.raises(SeveralFailed) as several:
        changing.converge(**tools("nowhere", "nobody", "black"))
    assert "Installing the tool nowhere" in str(several.value)
    assert "Installing the tool nobody" in str(several.value)
    assert Path(link_of(changing, "black")).exists()


def test_a_repair_keeps_the_versions_of_before(changing: ChangingHost) -> None:
    changing.needs["black"] = ["click"]
    changing.converge(**tools("black"))
    changing.index["click"].append("9.0")
    changing.index["black"].append("25.0")
    Path(f"{venv_of(changing, 'black')}/bin/python").unlink()
    changing.converge(**tools("black"))
    assert changing.packages(venv_of(changing, "black")) == {"black": "24.0", "click": "8.0"}


def test_where_the_index_lost_the_version_of_before_another_is_installed_and_said(changing: ChangingHost) -> None:
    changing.converge(**tools("black"))
    changing.index["black"] = ["25.0"]
    Path(f"{venv_of(changing, 'black')}/bin/python").unlink()
    outcome = changing.converge(**tools("black"))
    assert outcome.warnings == ("black: not every version of before could be kept; what is declared is installed.",)
    assert Path(link_of(changing, "black")).read_text() == "black 25.0\n"


def test_what_took_too_long_is_not_tried_without_the_versions_of_before(changing: ChangingHost) -> None:
    changing.converge(**tools("black"))
    Path(f"{venv_of(changing, 'black')}/bin/python").unlink()
    changing.too_slow = True
    started = len(changing.commands)
    with pytest.raises(CommandFailed, match="raise python_install_timeout"):
        changing.converge(**tools("black"), python_install_timeout=1)
    assert len(changing.commands) == started + 1


def test_what_is_injected_and_pinned_is_so_in_the_record_and_stays_over_a_repair(changing: ChangingHost) -> None:
    declared = tools({"name": "flask", "inject": ["black"], "pinned": True})
    changing.converge(**declared)
    assert changing.packages(venv_of(changing, "flask")) == {"flask": "3.0", "click": "8.0", "black": "24.0"}
    assert record_of(changing, "flask")["main_package"]["pinned"] is True
    Path(f"{venv_of(changing, 'flask')}/bin/python").unlink()
    # Not declared any more, and nobody asked for it to go.
    changing.converge(**tools({"name": "flask", "pinned": True}))
    assert "black" in changing.packages(venv_of(changing, "flask"))
    changing.converge(**tools("flask"))
    assert record_of(changing, "flask")["main_package"]["pinned"] is False


def test_a_link_that_is_missing_comes_back_without_pipx(changing: ChangingHost) -> None:
    changing.apps["httpie"] = ["http", "https"]
    changing.converge(**tools("httpie"))
    Path(link_of(changing, "http")).unlink()
    Path(link_of(changing, "https")).unlink()
    Path(link_of(changing, "https")).symlink_to("/nowhere")
    changing.commands.clear()
    changing.converge(**tools("httpie"))
    assert changing.commands == []
    assert Path(link_of(changing, "http")).read_text() == Path(link_of(changing, "https")).read_text() == "httpie 3.0\n"


def test_a_tool_for_another_python_and_with_a_suffix(changing: ChangingHost) -> None:
    changing.with_python("3.12.1")
    changing.converge(**tools({"name": "black", "suffix": "@23", "spec": "black==23.0", "python": "3.12"}))
    assert Path(link_of(changing, "black@23")).read_text() == "black 23.0\n"
    assert target_of(f"{venv_of(changing, 'black@23')}/bin/python") == changing.path("usr/bin/python3.12")


def test_what_is_absent_is_gone_with_its_links_and_what_a_killed_run_left(changing: ChangingHost) -> None:
    changing.converge(**tools("black", "httpie"))
    Path(changing.path("home/.local/share/pipx/.pep668-old/black")).mkdir(parents=True)
    changing.converge(**tools({"name": "black", "state": "absent"}, "httpie"))
    assert not os.path.lexists(link_of(changing, "black"))
    assert names_in(changing.path("home/.local/share/pipx/venvs")) == ["httpie"]
    assert leftovers(changing) == []


def test_the_newest_is_installed_where_that_is_declared(changing: ChangingHost) -> None:
    changing.converge(**tools("black", state="latest"))
    changing.index["black"].append("25.0")
    changing.converge(**tools("black", state="latest"))
    assert Path(link_of(changing, "black")).read_text() == "black 25.0\n"


def test_a_pipx_that_goes_away_meanwhile_is_said(changing: ChangingHost) -> None:
    desired = changing.desired(**tools("black"))
    _, planned = look(desired, changing.host)
    Path(changing.path("usr/bin/pipx")).unlink()
    (step,) = planned.tools
    with pytest.raises(ProvisionError, match="Installing the tool black needs pipx, and there is none on this host"):
        ToolRun(changing.host, desired, replace(step, pipx=None), []).take()
    assert leftovers(changing) == []


def test_pipx_has_uv_fill_the_environment_where_it_can(changing: ChangingHost) -> None:
    changing.with_uv().with_pipx("1.18.0").converge(**tools("black"), python_installer="uv")
    (command,) = changing.calls("install")
    assert command.env["PIPX_DEFAULT_BACKEND"] == "uv"
    assert str(command.env["PATH"]).startswith(changing.path("usr/bin"))


def test_a_password_in_an_address_is_in_no_argument_and_nowhere_afterwards(changing: ChangingHost) -> None:
    handed_over: list[str] = []

    def look_around(command: Command) -> None:
        assert not any("hunter2" in word for word in command.argv)
        netrc = Path(str(command.env["NETRC"]))
        handed_over.append(netrc.read_text())
        assert netrc.stat().st_mode & 0o777 == 0o600

    changing.on_command = look_around
    changing.converge(**tools({"name": "black", "spec": "black @ https://me:hunter2@x.test/black-24.0.whl"}))
    assert any("hunter2" in text for text in handed_over)
    files = (path for path in changing.folder.rglob("*") if path.is_file())
    assert not any(b"hunter2" in path.read_bytes() for path in files)
