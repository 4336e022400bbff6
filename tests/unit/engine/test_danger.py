"""What others could redirect or exchange, as the plan tells it: refused, passed over, or said."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from made_up_host import MadeUpHost, entry_of
from pep668_provision.engine.account import Account
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.files import make_directory, remove_tree
from pep668_provision.engine.own_programs import find_uv
from pep668_provision.engine.request import InstallRequest

OPEN = "/srv/open"
VENV = f"{OPEN}/.venv"


@pytest.fixture
def opened(debian: MadeUpHost) -> MadeUpHost:
    """A host with a directory that everybody may write in, without a sticky bit."""
    debian.with_directory(OPEN)
    debian.real(OPEN).chmod(0o777)
    return debian


def text_of(made_up: MadeUpHost, **declared: Any) -> str:
    return "\n".join(map(str, made_up.plan(**declared).refusals))


@pytest.mark.parametrize("state", ["present", "exact", "absent"])
def test_an_environment_that_everybody_can_redirect_is_refused(opened: MadeUpHost, state: str) -> None:
    if state == "absent":
        opened.with_venv(VENV)
    said = text_of(opened, python_venvs=[{"path": VENV, "state": state}])
    assert f"{VENV} is not safe: others, as everybody may write there: {OPEN}" in said
    assert "mode 0777" in said
    assert f"chmod go-w {OPEN}" in said


def test_one_that_is_as_declared_is_not_looked_at(opened: MadeUpHost) -> None:
    entry = {"path": VENV, "packages": ["flask==3.0.3"]}
    opened.with_venv(VENV, {"flask": "3.0.3"}, receipt=entry_of(**entry))
    assert opened.plan(python_venvs=[entry]).is_empty


def test_it_takes_no_module_on_a_host_that_has_everything(debian: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"path": "/srv/safe", "packages": ["flask==3.0.3"]}
    debian.with_venv("/srv/safe", {"flask": "3.0.3"}, receipt=entry_of(**entry)).with_program("/usr/local/bin/uv")
    debian.with_tool("black", "24.10.0")
    names = ("pep668_provision.engine.danger", "pep668_provision.engine.path_control")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert debian.plan(python_venvs=[entry], python_tools=[{"name": "black"}]).is_empty
    assert not [name for name in names if name in sys.modules]


def test_what_is_newest_is_not_asked_in_one_that_everybody_can_redirect(opened: MadeUpHost) -> None:
    entry = {"path": VENV, "packages": ["flask"], "state": "latest"}
    opened.with_venv(VENV, {"flask": "3.0.3"}, receipt=entry_of(**entry))
    asked = []

    def inquire(venv: str, _request: InstallRequest, _account: Account | None) -> Mapping[str, str]:
        asked.append(venv)
        return {"flask": "9.0"}

    plan = opened.plan(inquire=inquire, python_venvs=[entry])
    assert not asked
    assert "is not safe" in str(plan.refusals[0])


def test_an_environment_whose_directory_others_write_in_is_not_updated(opened: MadeUpHost) -> None:
    opened.with_venv("/srv/safe", {"flask": "3.0.3"}, receipt=entry_of(path="/srv/safe", packages=["flask==3.0.3"]))
    opened.real("/srv/safe").chmod(0o777)
    said = text_of(opened, python_venvs=[{"path": "/srv/safe", "packages": ["flask==3.1"]}])
    assert "/srv/safe (owner" in said
    assert "chmod go-w /srv/safe" in said


def test_an_interpreter_on_the_path_that_everybody_can_exchange_is_passed_over(opened: MadeUpHost) -> None:
    opened.with_interpreter("3.12.1", prefix=f"{OPEN}/python")
    opened.real(f"{OPEN}/python/bin").chmod(0o777)
    opened.environ["PATH"] = f"{OPEN}/python/bin:/usr/bin"
    plan = opened.plan(python_venvs=[{"path": "/srv/safe"}])
    assert not plan.refusals
    assert plan.venvs[0].interpreter is not None
    assert plan.venvs[0].interpreter.path == "/usr/bin/python3"
    assert any(
        f"{OPEN}/python/bin/python3 is passed over: it could be exchanged by others" in one for one in plan.warnings
    )
    assert not [one for one in opened.runner.started if one.startswith(OPEN)]


def test_what_is_passed_over_is_told_where_a_tool_alone_is_to_come(opened: MadeUpHost) -> None:
    opened.with_pipx("1.7.1").with_interpreter("3.12.1", prefix=f"{OPEN}/python")
    opened.real(f"{OPEN}/python/bin").chmod(0o777)
    opened.environ["PATH"] = f"{OPEN}/python/bin:/usr/bin"
    plan = opened.plan(python_tools=[{"name": "black"}])
    assert [step.kind for step in plan.steps] == ["tool"]
    assert any(f"{OPEN}/python/bin/python3 is passed over" in one for one in plan.warnings)


def test_an_interpreter_that_is_named_and_that_everybody_can_exchange_is_not_started(opened: MadeUpHost) -> None:
    opened.with_interpreter("3.12.1", prefix=f"{OPEN}/python")
    said = text_of(opened, python_venvs=[{"path": "/srv/safe", "python": f"{OPEN}/python/bin/python3.12"}])
    assert f"is to run {OPEN}/python/bin/python3.12 as root, and that file could be exchanged by others" in said
    assert not [one for one in opened.runner.started if one.startswith(OPEN)]


@pytest.mark.parametrize(("uid", "expected"), [(0, ""), (61002, f"{OPEN}/uv")])
def test_root_finds_no_uv_that_everybody_can_exchange(tmp_path: Path, uid: int, expected: str) -> None:
    made_up = MadeUpHost(tmp_path, uid=uid, environ={"PATH": OPEN}).with_program(f"{OPEN}/uv")
    made_up.real(OPEN).chmod(0o777)
    assert find_uv(made_up.host) == expected


def test_root_is_told_of_sources_that_others_can_exchange(opened: MadeUpHost) -> None:
    opened.with_file(f"{OPEN}/requirements.txt", "flask\n")
    plan = opened.plan(python_venvs=[{"path": "/srv/safe", "requirements": [f"{OPEN}/requirements.txt"]}])
    assert not plan.refusals
    assert any(f"{OPEN}/requirements.txt, which decides what root runs for it" in one for one in plan.warnings)


def test_a_tool_whose_place_everybody_writes_in_is_refused(opened: MadeUpHost) -> None:
    opened.with_directory("/opt/pipx")
    opened.real("/opt/pipx").chmod(0o777)
    said = text_of(opened, python_tools=[{"name": "black"}])
    assert "/opt/pipx" in said
    assert "mode 0777" in said


# The file system itself


def test_a_directory_that_another_account_has_made_meanwhile_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_mkdir = os.mkdir

    def beaten(path: str, mode: int = 0o777) -> None:
        (tmp_path / "made").symlink_to(tmp_path)
        real_mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", beaten)
    with pytest.raises(ProvisionError, match="was put there by another account"):
        make_directory(str(tmp_path / "made"))


def test_a_tree_of_any_depth_with_pipes_in_it_is_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    try:
        for _ in range(2000):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.mkfifo("pipe", dir_fd=here)
    finally:
        os.close(here)
    try:
        remove_tree(str(top))
        assert not top.exists()
    finally:
        # pytest cannot remove what is that deep.
        subprocess.run(["rm", "-rf", str(top)], check=True)


def test_a_tree_that_changes_while_it_is_removed_leads_nowhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (victim / "inner").mkdir(parents=True)
    (victim / "inner" / "file").write_text("mine")
    top = tmp_path / "top"
    ended = threading.Event()

    def exchange() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                for one in list(top.iterdir()):
                    one.rename(tmp_path / "moved")
                    one.symlink_to(victim)
                    one.unlink()
                    (tmp_path / "moved").rename(one)

    attacker = threading.Thread(target=exchange)
    attacker.start()
    try:
        for _ in range(12):
            built = tmp_path / "built"
            for name in range(10):
                (built / str(name) / "inner").mkdir(parents=True)
                (built / str(name) / "inner" / "file").touch()
            with contextlib.suppress(OSError):
                remove_tree(str(top))
            with contextlib.suppress(OSError):
                built.rename(top)
            if built.exists():
                remove_tree(str(built))
    finally:
        ended.set()
        attacker.join()
    assert (victim / "inner" / "file").read_text() == "mine"
