"""Errors as a user meets them: of the operating system, of commands that fail with a traceback or take too long."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from made_up_host import ACCOUNTS
from pep668_provision.engine.errors import CommandFailed, ProvisionError, refused_by_system, telling_refusals
from pep668_provision.engine.host import Host
from pep668_provision.engine.installer_pip import PipInstaller
from pep668_provision.engine.installer_uv import UvInstaller
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.side_by_side import Job, run_side_by_side
from pep668_provision.engine.work import run_checked


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(errno.ENOSPC, "/srv/v: No space left on device. Free some space", id="full"),
        pytest.param(errno.EROFS, "/srv/v: Read-only file system. Mount that file system writable", id="read-only"),
        pytest.param(errno.EACCES, "/srv/v: Permission denied. Check the rights", id="no permission"),
        pytest.param(errno.EBUSY, "/srv/v: Device or resource busy. Check the path", id="anything else"),
    ],
)
def test_an_error_of_the_system_says_where_and_what_to_do(number: int, expected: str) -> None:
    error = OSError(number, os.strerror(number), "/srv/v")
    assert str(refused_by_system(error)).startswith(expected)
    assert str(refused_by_system(error, account=ACCOUNTS[0].name)).startswith(f"As {ACCOUNTS[0].name}: /srv/v")


@pytest.mark.parametrize("limit", [1, 2], ids=["one at a time", "two at a time"])
def test_an_error_of_the_system_is_one_of_its_job_alone(tmp_path: Path, limit: int) -> None:
    ended = run_side_by_side([Job((tmp_path / "none" / "file").touch), Job(lambda: None)], limit)
    assert "none/file: No such file or directory." in str(ended[0].error)
    assert ended[1].error is None


def test_an_error_of_the_system_is_told_wherever_it_is_met(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="No such file or directory"):
        telling_refusals((tmp_path / "none" / "file").touch)()


def answer(done: Completed) -> Host:
    return Host(runner=lambda _command, _environ: done)


PIP_CRASHED = """\
ERROR: Exception:
Traceback (most recent call last):
  File "/srv/v/lib/python3.11/site-packages/pip/_internal/cli/base_command.py", line 160, in exc_logging_wrapper
    status = run_func(*args)
UnicodeDecodeError: 'utf-8' codec can't decode byte 0x80 in position 128: invalid start byte
"""


def test_a_traceback_of_an_installer_is_its_last_line() -> None:
    command = Command(("pip", "install", "x"))
    with pytest.raises(CommandFailed) as raised:
        run_checked(answer(Completed(command, 2, "", PIP_CRASHED)), command, "Installing", frozenset())
    assert str(raised.value) == (
        "Installing failed (exit status 2): UnicodeDecodeError: 'utf-8' codec can't decode byte 0x80 in position 128: "
        "invalid start byte What answers there is no package index: check python_index_url."
    )
    assert raised.value.stderr == PIP_CRASHED


def test_a_command_that_took_too_long_says_which_setting_counts() -> None:
    command = Command(("pip", "install", "x"), timeout=60)
    with pytest.raises(CommandFailed) as raised:
        run_checked(answer(Completed(command, None, timed_out=True)), command, "Installing", frozenset())
    assert "Installing took longer than 60 seconds and was ended." in str(raised.value)
    assert "python_install_timeout" in str(raised.value)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param("[SSL: CERTIFICATE_VERIFY_FAILED] certificate is not yet valid", "clock", id="pip, too early"),
        pytest.param("[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired", "clock", id="pip, too late"),
        pytest.param("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed", "python_ca_bundle", id="pip, not trusted"),
        pytest.param("Max retries exceeded (too many 500 error responses)", "index itself", id="pip, index fails"),
    ],
)
def test_advice_is_of_what_is_told_most_closely(said: str, expected: str) -> None:
    assert expected in PipInstaller().advice(f"{said}\nERROR: No matching distribution found for x")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param("invalid peer certificate: certificate not valid yet", "clock", id="too early"),
        pytest.param("invalid peer certificate: certificate expired", "clock", id="too late"),
        pytest.param("invalid peer certificate: UnknownIssuer", "python_ca_bundle", id="not trusted"),
    ],
)
def test_advice_to_users_of_uv_is_of_what_is_told_most_closely(said: str, expected: str) -> None:
    assert expected in UvInstaller("/usr/local/bin/uv").advice(f"Failed to fetch: {said}")
