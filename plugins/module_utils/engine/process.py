# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on the host: argument lists, a clean environment, the right account, everything captured."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass, field
from typing import Callable, Dict, Mapping, Optional, Tuple

from .account import Account, drop_privileges

#: Variables of the caller that would change what a Python child does (an activated environment, a Python home).
_DROPPED = ("VIRTUAL_ENV", "__PYVENV_LAUNCHER__", "CONDA_PREFIX")
_DROPPED_PREFIXES = ("PYTHON", "ANSIBLE_")
#: Of the caller's session and accounts elsewhere: for another account of the host they are not meant.
_PRIVATE = ("KUBECONFIG", "KRB5CCNAME", "XAUTHORITY", "DISPLAY", "WAYLAND_DISPLAY", "MAIL", "GITHUB_TOKEN", "GH_TOKEN")
_PRIVATE_PREFIXES = (
    "XDG_",
    "SUDO_",
    "SSH_",
    "DBUS_",
    "GPG_",
    "AWS_",
    "AZURE_",
    "ARM_",
    "GOOGLE_",
    "VAULT_",
    "ACTIONS_",
)
#: As many files as the guard of a command looks at; the engine has a few open.
_MOST_FILES = 1024
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Command:
    """One command to run.

    ``argv`` is an argument list, never a shell string. ``env`` is laid over the cleaned environment of the
    caller (a value of ``None`` removes a variable). ``account`` is who runs it (``None``: the caller). ``stdin``
    carries what must not stand in an argument list. ``timeout`` is in seconds, ``cwd`` a directory, ``umask`` what
    new files are not allowed (a caller's of 077 would leave environments that nobody but root can read).
    """

    argv: Tuple[str, ...]
    env: Mapping[str, Optional[str]] = field(default_factory=dict)
    account: Optional[Account] = None
    stdin: str = ""
    timeout: Optional[float] = None
    cwd: str = "/"
    umask: int = 0o022


@dataclass(frozen=True)
class Completed:
    """How a command ended; ``status`` is ``None`` when it could not be started or, ``timed_out``, took too long."""

    command: Command
    status: Optional[int]
    stdout: str = ""
    stderr: str = ""
    timed_out: bool = False

    @property
    def succeeded(self) -> bool:
        return self.status == 0


Runner = Callable[[Command, Mapping[str, str]], Completed]


def child_environment(command: Command, environ: Mapping[str, str]) -> Dict[str, str]:
    """Return the environment a command gets: the caller's without what would redirect a Python, in UTF-8."""
    clean = {
        name: value
        for name, value in environ.items()
        if name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)
    }
    clean.setdefault("PATH", _PATH)
    clean.pop("LANGUAGE", None)
    clean["LC_ALL"] = "C.UTF-8"
    if command.account is not None:
        for name in [name for name in clean if name in _PRIVATE or name.startswith(_PRIVATE_PREFIXES)]:
            del clean[name]
        clean.update(HOME=command.account.home, USER=command.account.name, LOGNAME=command.account.name)
    for name, value in command.env.items():
        if value is None:
            clean.pop(name, None)
        else:
            clean[name] = value
    return clean


def run(command: Command, environ: Mapping[str, str]) -> Completed:
    """Run a command to its end and return how it ended; never raises for a command that fails or is missing."""
    is_for_other = command.account is not None and command.account.uid != os.geteuid()

    def prepare() -> None:
        os.umask(command.umask)
        if is_for_other:
            _leave_a_guard()
        drop_privileges(command.account)

    try:
        # The engine has no AnsibleModule whose run_command could be called.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            list(command.argv),
            executable=_find_program(command.argv[0]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            encoding="utf-8",
            errors="replace",
            env=child_environment(command, environ),
            cwd=command.cwd,
            preexec_fn=prepare,  # noqa: PLW1509  # the engine has no threads
            # Python opens every file closed for children; what is left open for them is the lock of this run. Another
            # account could release it or keep it: for that one the guard has it.
            close_fds=is_for_other,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Completed(command, None, "", str(error))
    try:
        stdout, stderr = process.communicate(command.stdin, command.timeout)
    except subprocess.TimeoutExpired:
        from .process_end import end_with_descendants  # noqa: PLC0415  # few commands take that long

        stdout, stderr = end_with_descendants(process)
        said = f"no answer within {command.timeout:.0f} seconds\n{stderr}".strip()
        return Completed(command, None, stdout, said, timed_out=True)
    return Completed(command, process.returncode, stdout, stderr)


def _find_program(name: str) -> Optional[str]:
    """Return where root has a program that is given by its name alone, whatever comes first on a PATH it was given."""
    if os.geteuid() != 0 or "/" in name:
        return None
    paths = (f"{folder}/{name}" for folder in _PATH.split(":"))
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _leave_a_guard() -> None:
    """Go on in a child; this process keeps its rights and the lock as long as that runs.

    Both are in a session of their own without a terminal: what has the caller's open could type into it
    (ioctl_tty(2), TIOCSTI).
    """
    os.setsid()
    child = os.fork()
    if child == 0:
        return
    status = 255
    try:
        # It ends when what it waits for has put things back.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for handle in range(_MOST_FILES):
            # Its pipes belong to the command alone; what only a child may have stays open here.
            with contextlib.suppress(OSError):
                if handle < 3 or not os.get_inheritable(handle):
                    os.close(handle)
        ended = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(ended):
            # SIGKILL has no other handler.
            with contextlib.suppress(OSError):
                signal.signal(os.WTERMSIG(ended), signal.SIG_DFL)
            os.kill(os.getpid(), os.WTERMSIG(ended))
        status = os.WEXITSTATUS(ended)
    finally:
        os._exit(status)
