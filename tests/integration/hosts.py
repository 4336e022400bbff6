"""Test hosts as objects: real containers of the images that molecule/images makes, driven by real Ansible.

    def test_venv_is_made(host):
        outcome = host.apply({"python_venvs": [{"path": "/srv/v", "packages": ["click"]}]})
        assert outcome.changed, outcome.text
        assert host.run(["/srv/v/bin/python", "-c", "import click"]).rc == 0

Everything a host is asked runs inside it as root unless said otherwise.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge_address import keep_bridge_address
from checkout import CACHE, link_collection
from container_engine import host_environment, host_volumes, podman
from host_images import HostImage, provide_image, read_recipes, ssh_key
from recording import Process, read_connections, read_recording, recorder, wait_for_recorder

# Their pip, pipx and Python are of three generations: 20.3 without a marker, 23.0 and 25.1 with one; no pipx, 1.1, 1.7.
DEBIANS = ("debian11", "debian12", "debian13")
NEWEST_DEBIAN = DEBIANS[-1]
ROLE = "pep668.provision.python"
NETWORK = "podman"
# What is left of runs that were killed: podman rm --force --filter label=org.pep668.provision.test
LABEL = "org.pep668.provision.test"

# Arguments: path, owner, mode. Folders that are missing are made from the top down.
WRITE_FILE = """
folder=$(dirname "$1"); missing=
while [ ! -e "$folder" ]; do missing="$folder $missing"; folder=$(dirname "$folder"); done
for folder in $missing; do mkdir "$folder"; chown "$2:" "$folder"; done
cat >"$1"; chown "$2:" "$1"; chmod "$3" "$1"
"""

Variables = Mapping[str, Any]
Command = str | Sequence[str]


class CommandFailed(AssertionError):
    """A command inside a host failed; the text has its outputs."""


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    command: str
    rc: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return f"$ {self.command}\nexit status {self.rc}\n{self.stdout}{self.stderr}"


@dataclass(frozen=True)
class Task:
    """What one task came to on the host; ``result`` is what the module returned, ``play`` the name of its play."""

    name: str
    action: str
    result: dict[str, Any]
    play: str = ""

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def skipped(self) -> bool:
        return bool(self.result.get("skipped"))


@dataclass(frozen=True)
class Outcome:
    """A run of ansible-playbook against one host.

    rc: its exit status; changed: how many tasks changed something; tasks: those that ran, in order; stdout, stderr: its
    outputs (stdout is JSON); processes, connections: what was started and who was called on the network, with
    ``record=True``.
    """

    rc: int
    changed: int
    tasks: tuple[Task, ...]
    stdout: str
    stderr: str
    processes: tuple[Process, ...] = field(default=(), repr=False)
    connections: tuple[str, ...] = field(default=(), repr=False)

    @property
    def failed(self) -> bool:
        return self.rc != 0

    @property
    def message(self) -> str:
        """The messages of what failed, those of loop items included, as a user reads them."""
        found = []
        for task in self.tasks:
            for result in (task.result, *task.result.get("results", ())):
                if result.get("failed") and result.get("msg"):
                    found.append(str(result["msg"]))
        return "\n".join(found) or self.stderr

    @property
    def text(self) -> str:
        """Everything the run printed: for the message of an assert, and to look for what must not be there."""
        return f"exit status {self.rc}\n{self.stdout}\n{self.stderr}"

    @property
    def installers(self) -> tuple[Process, ...]:
        """The pip, pipx, uv and venv processes of a recorded run."""
        return tuple(process for process in self.processes if process.is_installer)

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that a recorded run started on the host, by their names, as often as they were."""
        return tuple(filter(None, (process.module for process in self.processes)))

    @property
    def diffs(self) -> list[dict[str, Any]]:
        """The diffs the tasks showed, with ``diff=True``, those of loop items included."""
        shown: list[dict[str, Any]] = []
        for task in self.tasks:
            for result in (task.result, *task.result.get("results", ())):
                difference = result.get("diff") or []
                shown += difference if isinstance(difference, list) else [difference]
        return [difference for difference in shown if difference]

    def of(self, action: str) -> list[Task]:
        """The tasks that used this module, by its full or its short name."""
        return [task for task in self.tasks if action in (task.action, task.action.rpartition(".")[2])]


class Host:
    """A running test host. Make one with ``Host.start_from``; the fixtures in conftest.py do."""

    def __init__(self, name: str, image: HostImage) -> None:
        self.name = name
        self.image = image
        self._reachable: set[str] = set()

    def __repr__(self) -> str:
        return f"<{self.image.release} in container {self.name}>"

    @classmethod
    def start_from(cls, release: str, *, with_python: bool = True, volumes: Sequence[str] = ()) -> Host:
        """A new host of this release runs. Without with_python it is as distributions publish it: no Python.

        release: a name in molecule/images/recipes.toml. volumes: podman's ``source:target:options``.
        """
        image = provide_image(read_recipes()[release], with_python=with_python)
        name = f"pep668-test-{release}-{uuid.uuid4().hex[:8]}"
        options = [f"--env={key}={value}" for key, value in host_environment().items()]
        options += [f"--volume={volume}" for volume in (*host_volumes(), *volumes)]
        podman("run", "--detach", "--name", name, "--hostname", release, f"--label={LABEL}", *options, image.image)
        keep_bridge_address()
        return cls(name, image)

    def remove(self) -> None:
        """The host is gone."""
        podman("rm", "--force", "--time=0", "--volumes", self.name, check=False)

    # Commands and files.

    def run(
        self,
        command: Command,
        *,
        user: str = "root",
        login: bool = False,
        check: bool = True,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """The command has ended; an argument list as it is, a text by ``sh -c``.

        login: in a fresh login shell of the user, as ``su - USER`` gives (its PATH, nothing of our environment).
        Raises CommandFailed with check and a status that is not 0.
        """
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        if login:
            argv = ["su", "-", user, "-c", command if isinstance(command, str) else shlex.join(command)]
        options = ["--interactive", f"--user={'root' if login else user}"]
        options += [f"--env={name}={value}" for name, value in (environment or {}).items()]
        done = subprocess.run(
            ["podman", "exec", *options, self.name, *argv], input=stdin, capture_output=True, text=True, check=False
        )
        shown = command if isinstance(command, str) else shlex.join(command)
        finished = Finished(shown, done.returncode, done.stdout, done.stderr)
        if check and finished.rc:
            raise CommandFailed(f"{self}: {finished}")
        return finished

    def start(self, command: Sequence[str], *, stdin: str = "") -> None:
        """The command goes on in the background after reading stdin, until it ends or the host is removed."""
        started = f"printf %s {shlex.quote(stdin)} | {shlex.join(command)} >/tmp/background.log 2>&1"
        podman("exec", "--detach", self.name, "sh", "-c", started)

    def wait_for_port(self, port: int, *, seconds: float = 20) -> None:
        """Something listens on this TCP port of the host's loopback interface. Raises CommandFailed after seconds."""
        end = time.monotonic() + seconds
        probe = ["python3", "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"]
        while self.run(probe, check=False).rc:
            if time.monotonic() > end:
                log = self.run("cat /tmp/background.log", check=False).stdout
                raise CommandFailed(f"{self}: nothing listens on port {port}: {log}")
            time.sleep(0.1)

    def write(self, path: str, text: str, *, owner: str = "root", mode: str = "0644") -> None:
        """The file has this text, owner and mode; missing parent folders were made and belong to the owner."""
        self.run(["sh", "-ec", WRITE_FILE, "sh", path, owner, mode], stdin=text)

    def read(self, path: str) -> str:
        """The file's text. Raises CommandFailed when it cannot be read."""
        return self.run(["cat", path]).stdout

    def read_json(self, path: str) -> Any:
        return json.loads(self.read(path))

    def exists(self, path: str) -> bool:
        """Whether there is anything at the path; a link that points nowhere counts."""
        return self.run(["sh", "-c", 'test -e "$1" || test -L "$1"', "sh", path], check=False).rc == 0

    def listing(self, path: str) -> list[str]:
        """Names in a folder, hidden ones too, sorted; empty when there is no such folder."""
        return sorted(self.run(["ls", "-A", path], check=False).stdout.splitlines())

    def owners(self, path: str) -> set[str]:
        """The accounts that own anything at or below the path."""
        return set(self.run(["find", path, "-printf", "%u\\n"]).stdout.split())

    def state_of(self, path: str) -> dict[str, str]:
        """What is at and below a path, for comparing before and after: path -> type, mode, owner, link and digest.

        Byte code is left out: running a program may write it.
        """
        listed = self.run(
            ["find", path, "-name", "__pycache__", "-prune", "-o", "-printf", "%p\\t%y %m %u:%g %l\\n"], check=False
        )
        state = dict(line.split("\t", 1) for line in listed.stdout.splitlines())
        digests = self.run(
            ["find", path, "-name", "__pycache__", "-prune", "-o", "-type", "f", "-exec", "sha256sum", "{}", "+"],
            check=False,
        )
        for line in digests.stdout.splitlines():
            digest, _, name = line.partition("  ")
            state[name] = f"{state.get(name, '')} {digest}"
        return state

    def packages(self, venv: str) -> dict[str, str]:
        """Distributions in a virtual environment, by normalised name, read from its folder by its own Python."""
        code = (
            "import importlib.metadata as m, json, re, sysconfig; p = [sysconfig.get_path('purelib')]; "
            "print(json.dumps({re.sub(r'[-_.]+', '-', d.metadata['Name']).lower(): d.version"
            " for d in m.distributions(path=p)}))"
        )
        found: dict[str, str] = json.loads(self.run([f"{venv}/bin/python", "-I", "-c", code]).stdout)
        return found

    # The network.

    def cut_network(self) -> None:
        """The host has no network but its loopback interface, and no name resolution. Ansible still reaches it."""
        podman("network", "disconnect", "--force", NETWORK, self.name)

    def restore_network(self) -> None:
        """The host has a network again, with another address perhaps."""
        podman("network", "connect", NETWORK, self.name)

    @contextmanager
    def without_network(self) -> Iterator[None]:
        """The network is cut inside the block."""
        self.cut_network()
        try:
            yield
        finally:
            self.restore_network()

    @property
    def address(self) -> str:
        """Its address on the bridge, where sshd listens."""
        return podman("inspect", "--format={{.NetworkSettings.IPAddress}}", self.name).stdout.strip()

    def authorize(self, user: str) -> Path:
        """The account lets the tests' own key in; returns that key."""
        key = ssh_key()
        if user not in self._reachable:
            home = self.run(f"getent passwd {shlex.quote(user)} | cut -d: -f6").stdout.strip()
            self.write(f"{home}/.ssh/authorized_keys", key.with_suffix(".pub").read_text(), owner=user, mode="0600")
            self.run(["chmod", "0700", f"{home}/.ssh"])
            self._reachable.add(user)
        return key

    # File systems.

    @contextmanager
    def mounted(self, path: str, options: str) -> Iterator[None]:
        """A file system in memory is mounted at this path inside the block; options are mount's: "size=20m"."""
        self.run(["mkdir", "-p", path])
        self.mount(path, options)
        try:
            yield
        finally:
            self.unmount(path)

    def mount(self, path: str, options: str) -> None:
        """A file system in memory is mounted here; with "remount,..." the one that is there has these options."""
        self._mount_command("mount", "--types=tmpfs", f"--options={options}", "tmpfs", path)

    def mount_over(self, path: str, text: str) -> None:
        """The host has a file with this text in place of one that is mounted there, and can write in it."""
        own = f"/var/lib/mounted{path.replace('/', '-')}"
        self.write(own, text)
        self._mount_command("mount", "--bind", own, path)

    def unmount(self, path: str) -> None:
        """What was mounted over this path is gone, and what is beneath can be seen."""
        self._mount_command("umount", path)

    def _mount_command(self, *command: str) -> None:
        # A container's own root may not mount; this machine's may, in the container's view of files.
        number = podman("inspect", "--format={{.State.Pid}}", self.name).stdout.strip()
        subprocess.run(["nsenter", f"--target={number}", "--mount", "--", *command], check=True, capture_output=True)

    # Ansible.

    def apply(
        self,
        variables: Variables,
        *,
        check: bool = False,
        diff: bool = False,
        record: bool = False,
        arguments: Sequence[str] = (),
        user: str = "root",
        around: Sequence[str] = (),
    ) -> Outcome:
        """A playbook with the role pep668.provision.python and these variables has run against the host.

        record: what was started is in ``processes`` and ``installers`` of the outcome. arguments: more of
        ansible-playbook's, such as ``-vvv``. user: the account Ansible connects as.
        """
        play = {"hosts": "all", "gather_facts": False, "roles": [{"role": ROLE}]}
        return self.play(
            [play], variables, check=check, diff=diff, record=record, arguments=arguments, user=user, around=around
        )

    def module(
        self,
        name: str,
        arguments: Variables | None = None,
        *,
        check: bool = False,
        diff: bool = False,
        record: bool = False,
        expect_failure: bool = False,
    ) -> dict[str, Any]:
        """The result of one task with a module of this collection (short name) or any other (full name).

        Raises AssertionError when it fails, or with expect_failure when it does not.
        """
        outcome = self.run_module(name, arguments, check=check, diff=diff, record=record)
        if outcome.failed is not expect_failure or not outcome.tasks:
            raise AssertionError(f"{self}: {name} {'did not fail' if expect_failure else 'failed'}: {outcome.text}")
        return outcome.tasks[-1].result

    def run_module(
        self,
        name: str,
        arguments: Variables | None = None,
        *,
        check: bool = False,
        diff: bool = False,
        record: bool = False,
    ) -> Outcome:
        """As module(), with the whole outcome, whatever it is."""
        full_name = name if "." in name else f"pep668.provision.{name}"
        task = {"name": f"Run {name}", full_name: dict(arguments or {})}
        play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
        return self.play([play], {}, check=check, diff=diff, record=record)

    def connection(self, user: str = "root", folder: Path | None = None) -> Variables:
        """How Ansible reaches the host as its users do: SSH, with the tests' own key.

        The connection is made inside the host, so that one whose network is cut is reached too. folder: where the
        programs that are started over this connection are recorded.
        """
        key = self.authorize(user)
        serve = ["podman", "exec", "--interactive", self.name, "/usr/sbin/sshd", "-i"]
        proxy = shlex.join([*(recorder(folder) if folder else ()), *serve])
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        return {
            "ansible_connection": "ansible.builtin.ssh",
            "ansible_host": self.name,
            "ansible_user": user,
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": f"{options} -o {shlex.quote(f'ProxyCommand={proxy}')}",
            # What a run started goes on when the run is killed, as it does without a terminal.
            "ansible_ssh_use_tty": False,
            # A kept connection is good for this host; for one recorded run, where it is recorded.
            "ansible_control_path": f"{folder or tempfile.gettempdir()}/{self.name[-20:]}-{user}",
        }

    def play(
        self,
        plays: Sequence[Mapping[str, Any]] | Path,
        variables: Variables,
        *,
        check: bool = False,
        diff: bool = False,
        record: bool = False,
        arguments: Sequence[str] = (),
        user: str = "root",
        around: Sequence[str] = (),
    ) -> Outcome:
        """These plays, or the playbook of that path, have run against the host; variables are inventory variables.

        around: words to put before the command ansible-playbook, which then is recorded itself; not with record.
        """
        with tempfile.TemporaryDirectory(prefix="pep668-play-") as scratch:
            folder = Path(scratch)
            connection = self.connection(user, folder / "trace" if record else None)
            inventory = {"all": {"hosts": {"host": {**connection, **variables}}}}
            (folder / "inventory.json").write_text(json.dumps(inventory))
            playbook = plays if isinstance(plays, Path) else folder / "playbook.json"
            if not isinstance(plays, Path):
                playbook.write_text(json.dumps(plays))
            command = [*around, str(Path(sys.executable).with_name("ansible-playbook"))]
            command += ["--inventory", str(folder / "inventory.json"), str(playbook), *arguments]
            command += ["--check"] * check + ["--diff"] * diff
            if record:
                (folder / "trace").mkdir()
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                cwd=folder,
                env=ansible_environment(),
            )
            if record:
                close_connection(connection["ansible_control_path"])
                wait_for_recorder(folder / "trace")
            processes = read_recording(folder / "trace") if record else ()
            connections = read_connections(folder / "trace") if record else ()
        if record and not processes:
            raise AssertionError(f"nothing was recorded; is strace installed? {done.stderr}")
        return read_outcome(done.returncode, done.stdout, done.stderr, processes, connections)


def close_connection(control_path: str) -> None:
    """The connection that Ansible keeps for the next task is asked to end, if there is one."""
    subprocess.run(["ssh", "-o", f"ControlPath={control_path}", "-O", "exit", "host"], capture_output=True, check=False)


def ansible_environment() -> dict[str, str]:
    """The environment tests start Ansible with: this checkout as the collection, results as JSON, no one's settings."""
    # ansible-core takes no device for a configuration file, so "none" is an empty one.
    configuration = CACHE / "ansible" / "empty.cfg"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return kept | {
        "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH") or str(link_collection()),
        "ANSIBLE_CONFIG": str(configuration),
        "ANSIBLE_HOME": str(CACHE / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    }


def read_outcome(
    rc: int, stdout: str, stderr: str, processes: tuple[Process, ...] = (), connections: tuple[str, ...] = ()
) -> Outcome:
    """The outcome that ansible-playbook reported with the ansible.posix.json callback."""
    # A playbook that cannot be read ends before there is any JSON.
    start = stdout.find("{\n")
    try:
        report: dict[str, Any] = json.loads(stdout[start:]) if start >= 0 else {}
    except json.JSONDecodeError:
        report = {}
    tasks = [
        Task(task["task"]["name"], str(result.get("action", "")), result, play["play"]["name"])
        for play in report.get("plays", ())
        for task in play["tasks"]
        for result in task["hosts"].values()
    ]
    changed = sum(numbers["changed"] for numbers in report.get("stats", {}).values())
    return Outcome(rc, changed, tuple(tasks), stdout, stderr, processes, connections)
