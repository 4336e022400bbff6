"""Commands: the environment they get, what comes back, and that a failure is an answer."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from made_up_host import ACCOUNTS
from pep668_provision.engine.process import Command, child_environment, run

ALICE = next(account for account in ACCOUNTS if account.name == "alice")


def cleaned(environ: Mapping[str, str], command: Command | None = None) -> dict[str, str]:
    return dict(child_environment(command or Command(("true",)), environ))


@pytest.mark.parametrize(
    "name",
    [
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONUSERBASE",
        "PYTHONDONTWRITEBYTECODE",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "__PYVENV_LAUNCHER__",
        "ANSIBLE_CONFIG",
        "LANGUAGE",
    ],
)
def test_what_would_change_a_python_child_is_dropped(name: str) -> None:
    assert name not in cleaned({name: "x", "PATH": "/bin"})


@pytest.mark.parametrize("name", ["PATH", "HOME", "http_proxy", "PIP_INDEX_URL", "SSL_CERT_FILE", "TMPDIR", "LANG"])
def test_what_the_caller_set_for_good_reasons_stays(name: str) -> None:
    assert cleaned({name: "/x"})[name] == "/x"


def test_a_child_speaks_utf_8_and_finds_programs() -> None:
    found = cleaned({"LC_ALL": "de_DE.ISO-8859-1"})
    assert found["LC_ALL"] == "C.UTF-8"
    assert "/usr/bin" in found["PATH"].split(":")


def test_a_command_for_an_account_is_at_home_there() -> None:
    environ = {"HOME": "/root", "USER": "root", "LOGNAME": "root", "XDG_CACHE_HOME": "/root/.cache", "PATH": "/bin"}
    found = cleaned(environ, Command(("true",), account=ALICE))
    assert (found["HOME"], found["USER"], found["LOGNAME"]) == (ALICE.home, "alice", "alice")
    assert "XDG_CACHE_HOME" not in found
    assert cleaned(environ)["XDG_CACHE_HOME"] == "/root/.cache"


def test_the_commands_own_variables_count_most_and_none_removes() -> None:
    command = Command(("true",), env={"PIP_TARGET": None, "PYTHONPATH": "/mine", "HOME": "/elsewhere"}, account=ALICE)
    found = cleaned({"PIP_TARGET": "/x"}, command)
    assert "PIP_TARGET" not in found
    assert (found["PYTHONPATH"], found["HOME"]) == ("/mine", "/elsewhere")


def python(code: str, **keys: object) -> Command:
    return Command((sys.executable, "-I", "-c", code), **keys)  # type: ignore[arg-type]


def test_a_command_is_answered_whole() -> None:
    code = "import sys; print(sys.stdin.read() + 'é'); print('e', file=sys.stderr); sys.exit(3)"
    done = run(python(code, stdin="in "), {})
    assert (done.status, done.stdout, done.stderr, done.succeeded) == (3, "in é\n", "e\n", False)


def test_bytes_that_are_no_text_do_not_hurt() -> None:
    done = run(python("import sys; sys.stdout.buffer.write(b'a\\xffb')"), {})
    assert (done.status, done.stdout) == (0, "a\ufffdb")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(Command(("/nowhere/at-all",)), id="missing"),
        pytest.param(Command(("/etc/passwd",)), id="not executable"),
        pytest.param(Command(("a\0b",)), id="an impossible name"),
        pytest.param(Command(("true",), cwd="/nowhere/at-all"), id="a directory that is missing"),
    ],
)
def test_a_command_that_cannot_start_is_an_answer(command: Command) -> None:
    done = run(command, {})
    assert (done.status, done.succeeded) == (None, False)
    assert done.stderr


def test_a_command_that_takes_too_long_is_an_answer() -> None:
    done = run(python("import time; time.sleep(60)", timeout=0.2), {})
    assert done.status is None
    assert "no answer within" in done.stderr


def test_a_child_makes_files_that_others_can_read() -> None:
    done = run(python("import os; print(oct(os.umask(0)), os.getcwd())"), {})
    assert done.stdout == "0o22 /\n"


def test_what_a_command_started_is_ended_with_it(tmp_path: Path) -> None:
    started = tmp_path / "started"
    # The one below takes no notice of an interrupt and holds the output open.
    below = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
    above = (
        f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-I', '-c', {below!r}])\n"
        f"open({str(started)!r}, 'w').write(str(child.pid)); child.wait()"
    )
    done = run(python(above, timeout=2), {})
    assert done.timed_out
    # One whose parent is gone too stays as a zombie until init takes notice.
    status = Path("/proc", started.read_text(), "status")
    assert not status.exists() or "\nState:\tZ" in status.read_text()
