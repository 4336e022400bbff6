"""Where the pages' commands are typed: a folder with the files that they name, and inventories of a host."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from documented_host import INDEX_PASSWORD

from hosts import Host, Outcome, Variables, ansible_environment, read_outcome
from pyinfra_runs import Pyinfra, Run, reach
from tests.docs.code_blocks import Block

#: A block's first line that says which file it is.
FILE_NAME = re.compile(r"# (~/)?([\w/.]+\.(?:py|yml))\b")
#: This project's programs, and those that it brings something for.
OURS = ("ansible-playbook", "pyinfra")
WEB = ("web1.example.org", "web2.example.org")


def file_of(block: Block) -> str:
    """The name of the file that a block shows, "" where it says none."""
    named = FILE_NAME.match(block.text)
    return named.group(2) if named else ""


def command_lines(block: Block) -> Iterator[str]:
    """The lines of a block that call one of this project's programs, as they are typed."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.split(" ")[0].rpartition("/")[2] in OURS:
            yield line


@dataclass(frozen=True)
class Desk:
    """A folder in which commands are typed, about a host; ``user`` is the account that they reach it as."""

    folder: Path
    host: Host
    pyinfra: Pyinfra
    variables: Variables
    user: str = ""

    def lay_out(self, files: Mapping[str, str]) -> Desk:
        """The folder has these files, and inventories; a file that is there is replaced."""
        hosts = {"web1": {**self.host.connection(self.user or "root"), **self.variables, "ansible_pipelining": True}}
        inventory = {"all": {"hosts": hosts, "children": {name: {"hosts": {"web1": {}}} for name in ("web", "app")}}}
        mine = {name: json.dumps(inventory) for name in ("inventory.yml", "inventory.json")}
        for name, text in {**mine, **files}.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def _environment(self) -> dict[str, str]:
        programs = (self.pyinfra.program.parent, Path(sys.executable).parent)
        path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
        own = {"PATH": path, "INDEX_PASSWORD": INDEX_PASSWORD, "ANSIBLE_GATHERING": "smart"}
        return {**ansible_environment(), **own}

    def _type(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-ec", line],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def ansible(self, line: str, *, dry: bool) -> Outcome:
        """The line has been typed; dry: in check mode, as far as it is not."""
        words = "".join(f" {option}" for option in ("--check", "--diff") if dry and option not in line)
        # The same hosts in another notation.
        done = self._type(line.replace("inventory.ini", "inventory.json") + words)
        return read_outcome(done.returncode, done.stdout, done.stderr)

    def run_pyinfra(self, line: str, *, dry: bool, data: Mapping[str, Any] | None = None) -> Run:
        """The line has been typed, about the first host where it changes something; dry: it changes nothing."""
        words = {"ssh_hostname": self.host.address, **reach(self.host, self.user or "root"), **(data or {})}
        if not self.user:
            del words["ssh_user"]
        options = ["--json", *(option for key, value in words.items() for option in ("--data", f"{key}={value}"))]
        if dry:
            line = line.replace("pyinfra -y", "pyinfra --dry")
        else:
            # The other one is the same host.
            options += ["--limit", WEB[0]]
        done = self._type(line.replace("pyinfra ", f"pyinfra {shlex.join(options)} ", 1))
        # A deploy file may print something before.
        said = done.stdout[done.stdout.rfind('\n{"plan"') + 1 :]
        report = json.loads(said) if said.startswith("{") else {}
        return Run(done.returncode, report, done.stdout, done.stderr)


def as_files(blocks: Sequence[Block]) -> dict[str, str]:
    """The files that these blocks show, the first of each name."""
    files: dict[str, str] = {}
    for block in blocks:
        if file_of(block):
            files.setdefault(file_of(block), block.text)
    return files
