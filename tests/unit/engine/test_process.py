"""Commands: the environment they get, what comes back, and that a failure is an answer."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from made_up_host import ACCOUNTS
from pep668_provision.engine.account import find_account
from pep668_provision.engine.host import Host
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


NOBODY = find_account("nobody")
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or NOBODY is None, reason="only root can act as another account, and there is none called nobody"
)


@pytest.mark.parametrize(
    "name",
    ["XDG_RUNTIME_DIR", "SUDO_COMMAND", "SSH_AUTH_SOCK", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "KUBECONFIG"],
)
def test_what_is_the_callers_alone_reaches_no_other_account(name: str) -> None:
    assert name not in cleaned({name: "x"}, Command(("true",), account=ALICE))
    assert cleaned({name: "x"})[name] == "x"


@pytest.mark.parametrize("name", ["PIP_INDEX_URL", "UV_INDEX", "https_proxy", "GIT_TOKEN", "CFLAGS", "SSL_CERT_FILE"])
def test_what_an_installer_is_told_reaches_every_account(name: str) -> None:
    # Requirements files take credentials from variables of any name, ${GIT_TOKEN} for example.
    assert cleaned({name: "x"}, Command(("true",), account=ALICE))[name] == "x"


@needs_root
def test_another_account_gets_its_rights_a_session_of_its_own_and_no_open_file(tmp_path: Path) -> None:
    code = (
        "import json, os; print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), os.getsid(0),"
        " os.umask(0), sorted(map(int, os.listdir('/proc/self/fd')))]))"
    )
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        told = run(Command(("/usr/bin/python3", "-I", "-S", "-c", code), account=NOBODY), {})
    assert told.succeeded, told
    assert NOBODY is not None
    uids, gids, groups, session, umask, files = json.loads(told.stdout)
    assert (uids, gids) == ([NOBODY.uid] * 3, [NOBODY.gid] * 3)
    assert set(groups) <= set(os.getgrouplist(NOBODY.name, NOBODY.gid))
    assert session != os.getsid(0)
    assert umask == 0o022
    # The last one is the folder's own.
    assert files[:-1] == [0, 1, 2]


@needs_root
def test_the_lock_lasts_as_long_as_what_another_account_runs(tmp_path: Path) -> None:
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.set_inheritable(lock, True)
    started, say = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.set_inheritable(say, True)
            run(Command(("/bin/sh", "-c", "sleep 1"), account=NOBODY), {})
        os._exit(0)
    os.close(lock)
    os.close(say)
    again = os.open(tmp_path / "lock", os.O_RDWR)
    # The run is killed, and its command goes on.
    while not command_of(child):
        pass
    os.kill(child, 9)
    os.waitpid(child, 0)
    with pytest.raises(BlockingIOError):
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # The pipe ends with the guard, which holds it open as it does the lock; the kernel lets go of both soon after.
    assert os.read(started, 1) == b""
    fcntl.flock(again, fcntl.LOCK_EX)
    os.close(again)


def command_of(child: int) -> bool:
    """Whether a process has a child whose child runs sleep or the shell for it."""
    guards = Path(f"/proc/{child}/task/{child}/children").read_text().split()
    return any(
        Path(f"/proc/{one}/comm").read_text().strip() in ("sh", "sleep")
        for guard in guards
        for one in Path(f"/proc/{guard}/task/{guard}/children").read_text().split()
    )


@needs_root
@pytest.mark.parametrize(("code", "status"), [("exit 3", 3), ("kill -9 $$", -9), ("kill -15 $$", -15)])
def test_how_another_accounts_command_ended_is_told(code: str, status: int) -> None:
    done = run(Command(("/bin/sh", "-c", "cat; echo e >&2; " + code), account=NOBODY, stdin="in"), {})
    assert (done.status, done.stdout, done.stderr) == (status, "in", "e\n")


@needs_root
def test_another_accounts_command_that_takes_too_long_is_ended() -> None:
    done = run(Command(("/bin/sh", "-c", "sleep 60"), account=NOBODY, timeout=0.3), {})
    assert "no answer within" in done.stderr


@needs_root
def test_what_cannot_be_started_as_another_account_is_an_answer() -> None:
    done = run(Command(("/nowhere/at-all",), account=NOBODY), {})
    assert done.status is None
    assert "/nowhere/at-all" in done.stderr


def test_what_a_command_started_is_ended_with_it(tmp_path: Path) -> None:
    started = tmp_path / "started"
    # The one below takes no notice of an interrupt and holds the output open.
    below = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
    above = (
        f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-I', '-c', {below!r}])\n"
        f"open({str(started)!r}, 'w').write(str(child.pid)); child.wait()"
    )
    done = run(python(above, timeout=4), {})
    assert done.timed_out
    # One whose parent is gone too stays as a zombie until init takes notice; a signal may take a moment.
    status = Path("/proc", started.read_text(), "status")
    end = time.monotonic() + 60
    while status.exists() and "\nState:\tZ" not in status.read_text():
        assert time.monotonic() < end, "it goes on"
        time.sleep(0.05)


@needs_root
def test_root_runs_what_its_system_has_by_a_name_whatever_comes_first_on_the_path(tmp_path: Path) -> None:
    planted = tmp_path / "true"
    planted.write_text(f"#!/bin/sh\ntouch {tmp_path}/run\n")
    planted.chmod(0o755)
    assert run(Command(("true",)), {"PATH": f"{tmp_path}:/usr/bin:/bin"}).succeeded
    assert not (tmp_path / "run").exists()
    # What the system does not have is found on the PATH.
    planted.rename(tmp_path / "only-here")
    assert run(Command(("only-here",)), {"PATH": f"{tmp_path}:/usr/bin:/bin"}).succeeded
    assert (tmp_path / "run").exists()


@pytest.mark.parametrize("home", ["", "/nonexistent/home", None], ids=["empty", "not there", "unset"])
def test_home_is_the_accounts_own_where_the_environment_names_none(
    home: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home)
    assert Host().environ["HOME"] == pwd.getpwuid(os.geteuid()).pw_dir
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Host().environ["HOME"] == str(tmp_path)
