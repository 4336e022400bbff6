"""The lock of a host: one run at a time, waited for, and gone with its process."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from made_up_host import NOW, MadeUpHost
from pep668_provision.engine.errors import LockTimeout, ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.lock import holding_lock, lock_path


def host_at(home: Path) -> Host:
    """A host whose caller is not root, so that the lock is below ``home``."""
    return Host(environ={"HOME": str(home)}, uid=61002, clock=lambda: NOW)


def test_a_second_run_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with holding_lock(host_at(tmp_path), timeout=0):
        with pytest.raises(LockTimeout) as raised, holding_lock(host_at(tmp_path), timeout=0):
            pytest.fail("two runs hold the lock")
        assert f"process {os.getpid()} of" in raised.value.message
        assert "since 2023-11-14 22:13:20 UTC" in raised.value.message
        assert "python_lock_timeout" in raised.value.advice


def test_the_lock_is_free_after_a_run_and_after_a_failed_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="failed"), holding_lock(host_at(tmp_path), timeout=0):
        raise ValueError("failed")
    with holding_lock(host_at(tmp_path), timeout=0):
        assert Path(lock_path(host_at(tmp_path))).is_file()
    assert Path(lock_path(host_at(tmp_path))).read_text() == ""


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with holding_lock(host_at(tmp_path), timeout=0):
            os.write(writing, b"held")
            signal.pause()
        os._exit(0)
    assert os.read(reading, 4) == b"held"
    with pytest.raises(LockTimeout, match=f"process {child} "), holding_lock(host_at(tmp_path), timeout=0):
        pytest.fail("two runs hold the lock")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    with holding_lock(host_at(tmp_path), timeout=0):
        assert f"process {os.getpid()} of" in Path(lock_path(host_at(tmp_path))).read_text()


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "pep668-provision.lock").symlink_to(victim)
    with pytest.raises(ProvisionError, match="cannot be opened"), holding_lock(host_at(tmp_path), timeout=0):
        pytest.fail("a link was taken for the lock")
    assert victim.read_text() == "mine"


def test_root_locks_for_the_whole_host(made_up: MadeUpHost) -> None:
    assert lock_path(made_up.with_directory("/run").host) == "/run/pep668-provision.lock"
    assert lock_path(made_up.without("/run").host) == "/var/run/pep668-provision.lock"


def test_without_a_home_in_the_environment_it_is_the_accounts(tmp_path: Path) -> None:
    made_up = MadeUpHost(tmp_path, uid=61002)
    del made_up.environ["HOME"]
    assert lock_path(made_up.host) == "/home/alice/.cache/pep668-provision.lock"


def test_a_second_run_waits_until_the_first_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as first:
        first.enter_context(holding_lock(host_at(tmp_path), timeout=0))
        monkeypatch.setattr(time, "sleep", lambda _seconds: first.close())
        with holding_lock(host_at(tmp_path), timeout=3600):
            assert f"process {os.getpid()} of" in Path(lock_path(host_at(tmp_path))).read_text()
