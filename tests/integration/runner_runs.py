"""ansible-runner and ansible-builder as their users have them, and private data directories.

runner = provide_runner()
make_private_data(folder, hosts, variables)
run = runner.run("run", str(folder), "--playbook", "provision.yml")
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout import CACHE, CHECKOUT, REQUIREMENTS, copy_tracked
from host_images import locked, ssh_key
from hosts import Host, Variables

EXAMPLES = CHECKOUT / "examples"


@dataclass(frozen=True)
class Runner:
    """The programs of one environment."""

    programs: Path

    def run(
        self, name: str, *arguments: str, folder: Path | None = None, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        """One of the programs has ended, whatever it came to."""
        return subprocess.run(
            [str(self.programs / name), *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            cwd=folder,
            env=self.environment(),
        )

    def environment(self) -> dict[str, str]:
        """The programs' own ansible-core comes first, and nobody's settings count."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return kept | {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "true"}


def provide_runner() -> Runner:
    """The programs of requirements/runner.txt, and this checkout's collection beside their ansible-core."""
    pins = REQUIREMENTS / "runner.txt"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()
    folder = CACHE / "runner-environment"
    stamp = folder / "complete"
    with locked(folder.name):
        if not stamp.is_file() or stamp.read_text() != digest:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "install", "--require-hashes", f"--requirement={pins}"], check=True)
            stamp.write_text(digest)
    return Runner(folder / "bin")


def build_collection(folder: Path) -> Path:
    """The collection's archive, made of the tracked files as they are now, is in the folder."""
    source = folder / "source"
    copy_tracked(source)
    galaxy = str(Path(sys.executable).with_name("ansible-galaxy"))
    command = [galaxy, "collection", "build", "--output-path", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.tar.gz"))


def install_collection(runner: Runner, archive: Path, folder: Path) -> None:
    """The folder, one of collections, has what is in the archive; its dependencies are not asked for."""
    done = runner.run(
        "ansible-galaxy", "collection", "install", "--no-deps", f"--collections-path={folder}", str(archive)
    )
    assert done.returncode == 0, done.stderr.decode()


def make_private_data(folder: Path, hosts: Sequence[Host], variables: Variables, collections: Path) -> Path:
    """The folder is a private data directory: the examples' project and settings, these hosts, the tests' own key."""
    folder.mkdir()
    shutil.copytree(EXAMPLES / "awx", folder / "project", ignore=shutil.ignore_patterns("inventory"))
    shutil.copytree(collections, folder / "project" / "collections", dirs_exist_ok=True)
    shutil.copytree(EXAMPLES / "ansible-runner" / "env", folder / "env")
    shutil.copy(ssh_key(), folder / "env" / "ssh_key")
    options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    common = {
        "ansible_user": "root",
        "ansible_ssh_common_args": options,
        "ansible_python_interpreter": "/usr/bin/python3",
        **variables,
    }
    for host in hosts:
        host.authorize("root")
    (folder / "inventory").mkdir()
    addresses = {host.name: {"ansible_host": host.address} for host in hosts}
    (folder / "inventory" / "hosts.json").write_text(json.dumps({"all": {"hosts": addresses, "vars": common}}))
    return folder


def read_totals(folder: Path, ident: str) -> dict[str, dict[str, int]]:
    """What the artifacts of a run say it came to: of each host how many tasks were ok, changed and so on, by host."""
    artifacts = folder / "artifacts" / ident
    events = [json.loads(path.read_text()) for path in sorted(artifacts.glob("job_events/*.json"))]
    totals: list[Mapping[str, Any]] = [one["event_data"] for one in events if one["event"] == "playbook_on_stats"]
    assert len(totals) == 1, (artifacts / "stdout").read_text()
    found: dict[str, dict[str, int]] = {}
    for kind in ("ok", "changed", "failures", "dark"):
        for host, count in totals[0][kind].items():
            found.setdefault(host, {})[kind] = count
    return found
