"""The repository on a host that its ansible-pull reads, and the command that systemd would start."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

from container_engine import podman
from hosts import ROLE, Host, Variables

SERVICE = "/etc/systemd/system/pep668-provision-pull.service"
# systemd would read a path like this otherwise, were it not quoted.
ON_HOST = "/srv/100%.git"


def push(host: Host, folder: Path, state: Variables) -> None:
    """The repository has one more commit, whose playbook has this declared; the folder is its working copy."""
    git = ["git", "-C", str(folder), "-c", "user.name=tests", "-c", "user.email=tests@example.org"]
    if not folder.exists():
        folder.mkdir()
        subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], check=True)
    play = {"hosts": "localhost", "gather_facts": False, "vars": dict(state), "roles": [{"role": ROLE}]}
    (folder / "local.yml").write_text(json.dumps([play]))
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message=state"], check=True)
    host.run(["rm", "-rf", ON_HOST])
    podman("cp", str(folder / ".git"), f"{host.name}:{ON_HOST}")
    host.run(["chown", "-R", "root:root", ON_HOST])


def started_words(service: str) -> list[str]:
    """The words that systemd would start, by its rules for quotes, specifiers and variables (systemd.service(5))."""
    line = next(line for line in service.splitlines() if line.startswith("ExecStart="))
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line.removeprefix("ExecStart="))]


def pull_command(host: Host) -> list[str]:
    """The command of the host's service in the environment it has there, and in none of ours."""
    service = host.read(SERVICE)
    given = [
        shlex.split(line.removeprefix("Environment="))[0].replace("%%", "%")
        for line in service.splitlines()
        if line.startswith("Environment=")
    ]
    bare = ["env", "--ignore-environment", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    return [*bare, *given, *started_words(service)]
