"""Which processes were started on a host, as the kernel saw it.

strace follows every child of the command that serves an SSH connection inside the container, so everything Ansible
starts over it is seen, whatever it is called by: ``pip``, ``python -m pip``, a script's path. Nothing on the host is
replaced or changed for it, and ansible-playbook itself runs unobserved, at its usual speed.
"""

from __future__ import annotations

import ast
import os
import re
import select
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

EXECUTED = re.compile(
    r'^execve(?:at)?\((?:[^"]*, )?"(?P<path>(?:[^"\\]|\\.)*)", (?P<argv>\[.*?\]), (?:0x|\[|NULL).*= 0$'
)
CONNECTED = re.compile(r"^connect\(\d+, \{sa_family=AF_INET6?,")
INSTALLER = re.compile(r"^(pip[\d.]*|pipx|uv|uvx|easy_install)$")
INSTALLER_MODULES = {"pip", "pipx", "uv", "ensurepip", "venv", "virtualenv"}
MODULE = re.compile(r"/AnsiballZ_(\w+)\.py$")
PYTHON = re.compile(r"^(python|pypy)[\d.]*$")


@dataclass(frozen=True)
class Process:
    """One program that was started: its path and its arguments, the first being its own name."""

    path: str
    argv: tuple[str, ...]

    @property
    def is_installer(self) -> bool:
        """Whether it is pip, pipx, uv or what makes a virtual environment, in any of their forms."""
        return INSTALLER.match(PurePosixPath(self.path).name) is not None or is_installer(self.argv)

    @property
    def module(self) -> str:
        """The module of Ansible that this is, empty where it is none."""
        found = (
            MODULE.search(self.argv[1]) if len(self.argv) > 1 and PYTHON.match(PurePosixPath(self.path).name) else None
        )
        return found[1] if found else ""

    def __str__(self) -> str:
        return " ".join(self.argv)


def is_installer(argv: Sequence[str]) -> bool:
    """Whether these arguments start an installer: by its own name, or as a module, script or code given to Python."""
    if not argv:
        return False
    if INSTALLER.match(PurePosixPath(argv[0]).name):
        return True
    if not PYTHON.match(PurePosixPath(argv[0]).name):
        return False
    rest = list(argv[1:])
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            return INSTALLER.match(PurePosixPath(word).name) is not None
        if word in ("-X", "-W"):
            rest = rest[1:]
        elif not word.startswith("--") and "m" in word:
            module = word.partition("m")[2] or (rest[0] if rest else "")
            return module.partition(".")[0] in INSTALLER_MODULES
        elif not word.startswith("--") and "c" in word:
            code = word.partition("c")[2] or (rest[0] if rest else "")
            return re.search(r"\bpip\._internal|\bimport (pip|pipx)\b|run_module\(.(pip|pipx|venv)\b", code) is not None
    return False


def recorder(folder: Path) -> list[str]:
    """The words to put before a command so that what it starts is recorded in the folder."""
    leaving_its_number = ["sh", "-c", 'echo $$ >"$0"; exec "$@"', str(folder / "recorder")]
    traced = ["-e", "trace=execve,execveat,connect", "-e", "signal=none", "-s", "65536"]
    return [*leaving_its_number, "strace", "-ff", "-qq", "--seccomp-bpf", *traced, "-o", str(folder / "trace"), "--"]


def wait_for_recorder(folder: Path, *, seconds: float = 60) -> None:
    """What is recorded in the folder is complete: the recorder, asked to end, has ended. Raises AssertionError."""
    try:
        process = os.pidfd_open(int((folder / "recorder").read_text()))
    except (FileNotFoundError, ProcessLookupError):
        return  # It was never started, or is gone already.
    try:
        ended, _, _ = select.select([process], [], [], seconds)
        assert ended, f"the recorder goes on {seconds} seconds after its end was asked for"
    finally:
        os.close(process)


def read_recording(folder: Path) -> tuple[Process, ...]:
    """The programs that were started, those of one process in their order. Attempts that failed do not count."""
    lines = (line for path in sorted(folder.glob("trace.*")) for line in path.read_text(errors="replace").splitlines())
    return tuple(read_lines(lines))


def read_connections(folder: Path) -> tuple[str, ...]:
    """The attempts of programs to reach something over the network, as the kernel saw them; sshd's own are left out.

    sshd asks for names of its own, and its processes that start no program are sshd.
    """
    found = []
    for path in sorted(folder.glob("trace.*")):
        program = "sshd"
        for line in path.read_text(errors="replace").splitlines():
            executed = EXECUTED.match(line)
            if executed:
                program = PurePosixPath(executed["path"]).name
            elif CONNECTED.match(line) and not program.startswith("sshd"):
                found.append(f"{program}: {line}")
    return tuple(found)


def read_lines(lines: Iterable[str]) -> Iterable[Process]:
    for line in lines:
        found = EXECUTED.match(line)
        if found:
            # strace marks what it shortened with dots after the closing quote.
            argv = ast.literal_eval(re.sub(r'"\.\.\.(?=[,\]])', '"', found["argv"]).replace(", ...]", "]"))
            yield Process(found["path"], tuple(argv))
