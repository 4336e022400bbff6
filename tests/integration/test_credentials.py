"""No credential is left, shown or passed as an argument: everything a run leaves and prints is searched.

One declared state holds a credential of every kind, each at a server that lets nobody else in. It is provided by
Ansible and by pyinfra, with pip and with uv, to its end, refused, and killed.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from credential_search import Search

from checkout import CACHE
from container_engine import podman
from hosts import Host, Outcome
from local_index import ON_HOST, LocalIndex
from pyinfra_runs import PROVISION, Pyinfra, Run, reach
from recording import Process, read_recording, recorder, wait_for_recorder
from tally import Tally

pytestmark = pytest.mark.releases("debian13")

SERVERS = Path(__file__).with_name("guarded_servers.py")
CONFIGURATION = "/srv/guarded/servers.json"
LOG, SYSLOG = "/srv/guarded/requests.log", "/var/log/syslog"
PKI = "/srv/guarded/pki"
#: Kinds of credentials, each with a server of its own. What is given in a netrc cannot hold everything.
KINDS = (
    *("index", "extra", "links", "argument", "archive", "repository", "file", "variable", "system", "proxy", "conf"),
    *("spec", "inject", "netrc"),
)
IN_NETRC = ("spec", "inject", "netrc")
PORTS = {kind: 8101 + position for position, kind in enumerate(KINDS)}
TLS_PORT, NOBODY = 8100, 8199
HOSTILE = "@:/%$'\"\\ ö"


def core(kind: str) -> str:
    return f"zq{kind.title()}Secret"


def password(kind: str) -> str:
    """A password with every character that means something in a URL, a shell, a configuration file or JSON."""
    return core(kind) + ("@:/%$#&" if kind in IN_NETRC else HOSTILE)


def login(kind: str, *, wrong: bool = False) -> str:
    """The user part of a URL."""
    return f"{kind}-user:{quote(password(kind) + 'wrong' * wrong, safe='')}@"


def url(kind: str, path: str, *, wrong: bool = False) -> str:
    return f"http://{login(kind, wrong=wrong)}{kind}.test:{PORTS[kind]}/{path}"


#: The client's key is a secret, too; its text is known once it is made.
SEARCHED = Search(*(core(kind) for kind in KINDS))


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    """Made-up distributions, a repository, and the real ones that pip, pipx and uv need."""
    for name in ("alpha", "extra-only", "links-only", "argument-only", "archive", "from-file", "from-variable"):
        index.add(name, "1.0")
    for name in ("hello", "greeter", "injected", "on-system"):
        index.add(name, "1.0", scripts=[name])
    index.mirror("pip", "setuptools", "wheel", "pipx", "uv", python="3.13")
    make_repository(index.folder)
    return index


def make_repository(folder: Path) -> None:
    """A repository of a distribution is in the folder, as servers without git's own protocol serve one."""
    work = folder / "work"
    work.mkdir()
    (work / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='repo', version='1.0', py_modules=['repo'])\n"
    )
    (work / "repo.py").write_text("")
    (work / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools", "wheel"]\n')
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@index.test", "-c", "init.defaultBranch=main"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, "-C", str(work), *command], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(folder / "repo.git")], check=True)
    subprocess.run(["git", "-C", str(folder / "repo.git"), "update-server-info"], check=True)
    shutil.rmtree(work)
    subprocess.run(["chmod", "-R", "a+rX", str(folder / "repo.git")], check=True)


@dataclass
class World:
    """A host with its guarded servers, and the search in all that was done there."""

    host: Host
    tally: Tally
    search: Search
    scratch: Path
    allowed: tuple[str, ...] = ()

    def requests(self) -> list[str]:
        return self.host.read(LOG).splitlines()

    def accounts(self) -> set[str]:
        """Those who were let in since the log was emptied."""
        return {line.split()[2] for line in self.requests()} - {"-"}

    def empty_log(self) -> None:
        self.host.run(["truncate", "-s", "0", LOG])

    def provide(
        self, declared: Mapping[str, Any], *, arguments: tuple[str, ...] = ("-vvvvv",), check: bool = False
    ) -> Outcome:
        """A run of the role, itself recorded with all it starts, here and on the host; it is searched."""
        with self.recorded("ansible") as folder:
            # One connection for each recorded run, which ends with it.
            connection = {"ansible_ssh_args": "-o ControlMaster=no"}
            outcome = self.host.apply(
                {**declared, **connection}, check=check, diff=True, arguments=arguments, around=recorder(folder)
            )
        self.judge(outcome.text)
        return outcome

    @contextmanager
    def recorded(self, name: str) -> Iterator[Path]:
        """What is started by the command that is put behind ``recorder`` is searched at the end."""
        folder = self.scratch / f"trace-{name}-{time.monotonic_ns()}"
        folder.mkdir()
        yield folder
        wait_for_recorder(folder)
        self.judge_processes(read_recording(folder))
        shutil.rmtree(folder)

    def judge_processes(self, processes: tuple[Process, ...]) -> None:
        assert [
            process
            for process in processes
            if process.is_installer or "ansible" in process.path or "pyinfra" in process.path
        ]
        self.tally.add("searches", "arguments of a process", len(processes))
        assert self.search.in_processes(processes) == []

    def judge(self, *texts: str) -> None:
        """Nothing is in these texts, on the host's file system or in the controller's temporary directories."""
        self.tally.add("searches", "output of a run", len(texts))
        found = [one for text in texts for one in self.search.in_text("output", text)]
        self.tally.add("searches", "file system of a host")
        found += self.search.on_host(self.host, *self.allowed)
        self.tally.add("searches", "temporary files of a controller")
        found += self.search.in_folders(self.scratch / "tmp", CACHE / "ansible")
        assert found == []


@pytest.fixture(scope="module")
def world(host: Host, stocked: LocalIndex, tally: Tally, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:  # noqa: ARG001
    scratch = tmp_path_factory.mktemp("controller")
    (scratch / "tmp").mkdir()
    host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-venv python3-pip git")
    host.run(f"echo 127.0.0.1 {' '.join(f'{kind}.test' for kind in KINDS)} >>/etc/hosts")
    key = make_certificates(host, scratch)
    start_servers(host)
    token = quote(password("variable"), safe="")
    host.write("/etc/security/pam_env.conf", f"CREDENTIAL_OF_TEST DEFAULT={token}\n")
    lines = [f"from-file @ {url('file', 'files/from_file-1.0-py3-none-any.whl')}"]
    lines.append(
        f"from-variable @ http://variable-user:${{CREDENTIAL_OF_TEST}}@variable.test:{PORTS['variable']}/files/from_variable-1.0-py3-none-any.whl"
    )
    host.write("/srv/guarded/requirements.txt", "\n".join(lines) + "\n", owner="app", mode="0600")
    allowed = (CONFIGURATION, "/etc/security/pam_env.conf", "/srv/guarded/requirements.txt", f"{PKI}/client.pem")
    previous = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(scratch / "tmp")
    yield World(host, tally, Search(*SEARCHED.cores, key), scratch, allowed)
    if previous is None:
        del os.environ["TMPDIR"]
    else:
        os.environ["TMPDIR"] = previous


def make_certificates(host: Host, scratch: Path) -> str:
    """An authority, a server's and a client's certificate with its key are on the host; returns a line of that key."""
    folder = scratch / "pki"
    folder.mkdir()

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    openssl(*new, "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem")
    for name, alternative in (("server", "DNS:index.test"), ("client", "DNS:client.test")):
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", f"subjectAltName={alternative}"]
        signed += ["-addext", "basicConstraints=critical,CA:FALSE"]
        openssl(*new, "-subj", f"/CN={name}", *signed, "-keyout", f"{name}.key", "-out", f"{name}.crt")
        text = (folder / f"{name}.crt").read_text() + (folder / f"{name}.key").read_text()
        host.write(f"{PKI}/{name}.pem", text, owner="app", mode="0600")
    host.write(f"{PKI}/ca.pem", (folder / "ca.pem").read_text())
    return (folder / "client.key").read_text().splitlines()[5]


def start_servers(host: Host) -> None:
    servers: list[dict[str, Any]] = []
    for kind, port in PORTS.items():
        server = {"port": port, "folder": ON_HOST, "username": f"{kind}-user", "password": password(kind)}
        server["moved"] = f"http://{login(kind)}{kind}.test:{NOBODY}/simple/"
        # Then pip's own cache keeps who asked; of logins that the host itself tells pip nothing is known here.
        servers.append({**server, "proxy": kind == "proxy", "varies": kind not in ("conf", "netrc")})
    tls = {"certificate": f"{PKI}/server.pem", "clients": f"{PKI}/ca.pem"}
    servers.append({"port": TLS_PORT, "folder": ON_HOST, **tls})
    settings = {"log": LOG, "syslog": SYSLOG, "servers": servers}
    host.write(CONFIGURATION, json.dumps(settings), mode="0600")
    host.write("/srv/guarded/servers.py", SERVERS.read_text())
    host.write(LOG, "")
    host.start(["python3", "/srv/guarded/servers.py", CONFIGURATION])
    host.wait_for_port(servers[0]["port"])


def settings_with(*, wrong: bool = False) -> dict[str, Any]:
    """Where distributions come from, with a login at each place, through a proxy that wants one."""
    return {
        "python_index_url": f"http://index.test:{PORTS['index']}/simple",
        "python_index_username": "index-user",
        "python_index_password": password("index") + "wrong" * wrong,
        "python_extra_index_urls": [url("extra", "simple")],
        "python_find_links": [url("links", "files/")],
        "python_trusted_hosts": [f"{kind}.test" for kind in KINDS],
        "python_proxy": f"http://{login('proxy')}proxy.test:{PORTS['proxy']}",
    }


def index_alone(*, wrong: bool = False) -> dict[str, Any]:
    """The same without what has the distributions as well."""
    return {**settings_with(wrong=wrong), "python_extra_index_urls": [], "python_find_links": []}


def everything(where: str, installer: str) -> dict[str, Any]:
    """A state with a credential of every kind that can be declared."""
    declared: dict[str, Any] = {
        **settings_with(),
        "python_installer": installer,
        "python_uv": installer == "uv",
        "python_pipx_source": "index",
        "python_venvs": [
            {
                "path": f"/srv/{where}/venv",
                "owner": "app",
                "packages": [
                    "alpha",
                    f"archive @ {url('archive', 'files/archive-1.0-py3-none-any.whl')}",
                    f"repo @ git+{url('repository', 'repo.git')}",
                ],
                "requirements": ["/srv/guarded/requirements.txt"],
                "pip_args": [f"--extra-index-url={url('argument', 'simple')}"],
            }
        ],
        "python_tools": [
            {"name": "hello", "suffix": f"@{where}"},
            {
                "name": "greeter",
                "suffix": f"@{where}",
                "spec": f"greeter @ {url('spec', 'files/greeter-1.0-py3-none-any.whl')}",
                "inject": [f"injected @ {url('inject', 'files/injected-1.0-py3-none-any.whl')}"],
            },
        ],
    }
    if installer == "pip":
        name = f"on-system @ {url('system', 'files/on_system-1.0-py3-none-any.whl')}"
        declared["python_system_pip"] = [{"name": [name], "externally_managed": "break"}]
    return declared


#: Who has to have been let in when everything is there; pip takes from the index what the others have as well.
LET_IN = {
    f"{kind}-user" for kind in ("index", "extra", "links", "argument", "archive", "repository", "file", "variable")
}
LET_IN |= {f"{kind}-user" for kind in ("proxy", "spec", "inject")}


@pytest.mark.parametrize("installer", ["pip", pytest.param("uv", marks=pytest.mark.full)])
def test_a_run_with_every_credential_leaves_none(world: World, installer: str) -> None:
    where = f"whole-{installer}"
    declared = everything(where, installer)
    world.empty_log()
    done = world.provide(declared)
    assert done.rc == 0, done.text
    assert world.host.packages(f"/srv/{where}/venv").keys() >= {
        "alpha",
        "archive",
        "repo",
        "from-file",
        "from-variable",
    }
    assert world.host.run(f"greeter@{where}", login=True, user="alice").stdout == "greeter 1.0\n"
    assert world.accounts() == LET_IN | ({"system-user"} if installer == "pip" else set())
    # It was logged, and pipx recorded it: there were places to search.
    assert "ansible-pep668.provision.environments: Invoked with" in world.host.read(SYSLOG).replace(
        "-pep668.", "-pep668."
    )
    record = world.host.read_json(f"/opt/pipx/venvs/greeter@{where}/pipx_metadata.json")
    assert "spec.test" in record["main_package"]["package_or_url"]
    again = world.provide(declared)
    assert (again.rc, again.changed) == (0, 0), again.text


def test_pyinfra_leaves_none_either(world: World, pyinfra: Pyinfra) -> None:
    declared = everything("by-pyinfra", "pip")
    world.empty_log()
    for dry in (True, False):
        run = provide_by_pyinfra(world, pyinfra, declared, dry=dry)
        assert run.succeeded, run.text
    assert world.accounts() >= LET_IN
    run = provide_by_pyinfra(world, pyinfra, {**declared, **index_alone(wrong=True), **more_wanted(declared)})
    assert not run.succeeded
    assert "python_index_username and python_index_password" in run.text


def provide_by_pyinfra(world: World, pyinfra: Pyinfra, declared: Mapping[str, Any], *, dry: bool = False) -> Run:
    """A run of pyinfra that tells everything it can, recorded here and, for sshd is nobody's child, on the host."""
    verbose = ["-vvv", "--debug", "--diff", *(["--debug-facts", "--debug-operations"] if dry else [])]
    with world.recorded("pyinfra") as folder, following(world.host, folder):
        inventory = {world.host.address: {**reach(world.host), **declared}}
        run = pyinfra.run(inventory, *verbose, PROVISION, dry=dry, around=recorder(folder))
    world.judge(run.text)
    return run


@contextmanager
def following(host: Host, folder: Path) -> Iterator[None]:
    """What the processes that run on the host start is recorded in the folder as well."""
    processes = [f"--attach={number}" for number in podman("top", host.name, "hpid").stdout.split()[1:]]
    traced = ["-e", "trace=execve,execveat", "-e", "signal=none", "-s", "65536", "-o", str(folder / "trace.host")]
    command = ["strace", "-ff", "-qq", *traced, *processes]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as strace:
        time.sleep(0.5)
        yield
        strace.send_signal(signal.SIGINT)


def more_wanted(declared: Mapping[str, Any]) -> dict[str, Any]:
    """The environment is to have one distribution more, so that there is something to do."""
    (venv,) = declared["python_venvs"]
    return {"python_venvs": [{**venv, "packages": [*venv["packages"], "hello"], "pip_args": []}]}


@pytest.mark.parametrize("installer", ["pip", pytest.param("uv", marks=pytest.mark.full)])
@pytest.mark.full
def test_a_refused_login_is_not_told(world: World, installer: str) -> None:
    """The failures that are registered are shown by another task, as somebody does who wonders what is wrong."""
    settings = {**index_alone(wrong=True), "python_installer": installer}
    moved = f"http://index.test:{PORTS['index']}/moved/"
    archive = f"archive @ {url('archive', 'files/archive-1.0-py3-none-any.whl', wrong=True)}"
    tool = {
        "name": "greeter",
        "suffix": "@refused",
        "spec": f"greeter @ {url('spec', 'files/greeter-1.0-py3-none-any.whl', wrong=True)}",
    }
    calls: dict[str, dict[str, Any]] = {
        "a wrong password": {"venv": {"path": "/srv/refused/a", "packages": ["alpha", "hello"]}},
        "a wrong password of an address": {"venv": {"path": "/srv/refused/b", "packages": [archive]}},
        "a wrong password of a repository": {
            "venv": {"path": "/srv/refused/c", "packages": [f"repo @ git+{url('repository', 'repo.git', wrong=True)}"]}
        },
        "a redirection with a login": {
            "venv": {"path": "/srv/refused/d", "packages": ["alpha"], **index_alone(), "python_index_url": moved}
        },
        "a wrong password of a tool": {"tool": {"tools": [tool]}},
    }
    if installer == "pip":
        name = f"on-system @ {url('system', 'files/on_system-2.0-py3-none-any.whl', wrong=True)}"
        calls["a wrong password of a call of pip"] = {"pip": {"name": [name], "externally_managed": "break"}}
    tasks: list[dict[str, Any]] = []
    for title, call in calls.items():
        ((module, arguments),) = call.items()
        task = {"name": title, "ignore_errors": True, "register": "result", "diff": True}
        tasks.append({**task, f"pep668.provision.{module}": {**settings, **arguments}})
        tasks.append({"name": "Show it", "ansible.builtin.debug": {"var": "result"}})
    with world.recorded("ansible") as folder:
        play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
        connection = {"ansible_ssh_args": "-o ControlMaster=no"}
        outcome = world.host.play([play], connection, arguments=["-vvv"], around=recorder(folder))
    world.judge(outcome.text)
    assert outcome.rc == 0, outcome.text
    told = {task.name: task for task in outcome.tasks if task.name != "Show it"}
    assert [name for name, task in told.items() if not task.failed] == []
    message = str(told["a wrong password"].result["msg"])
    assert "python_index_username and python_index_password" in message
    for title in calls:
        world.tally.add("faults", f"{title} ({installer})")


@pytest.mark.parametrize("installer", ["pip", pytest.param("uv", marks=pytest.mark.full)])
def test_a_killed_run_leaves_them_to_its_account_alone_and_the_next_none(world: World, installer: str) -> None:
    """What is killed waits for a wheel, with all its logins in hand."""
    declared = everything(f"killed-{installer}", installer)
    outcome: list[Outcome] = []
    world.host.run(["touch", f"{LOG}.hold"])
    run = threading.Thread(target=lambda: outcome.append(world.host.apply(declared, arguments=["-vvv"])))
    run.start()
    end = time.monotonic() + 120
    while not world.host.exists(f"{LOG}.held") and time.monotonic() < end:
        time.sleep(0.1)
    try:
        world.host.run(["python3", "-"], stdin=KILL_RUN)
    finally:
        world.host.run(["rm", "-f", f"{LOG}.hold", f"{LOG}.held"])
        run.join()
    assert outcome[0].failed, outcome[0].text
    assert world.search.in_text("output", outcome[0].text) == []
    world.tally.add("kills", f"a run with credentials ({installer})")
    left = world.search.on_host(world.host, *world.allowed)
    world.tally.add("searches", "file system of a host")
    for found in left:
        path = found.partition(": ")[2]
        assert world.host.run(["test", "-r", path], user="alice", check=False).rc != 0, found
        assert ".pep668" in path, found
    done = world.provide(declared)
    assert done.rc == 0, done.text


# The module of the run and all that it has started are killed.
KILL_RUN = """
import os, pathlib, signal
parents, run = {}, set()
for entry in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        if b"AnsiballZ_" in (entry / "cmdline").read_bytes():
            run.add(int(entry.name))
    except OSError:
        continue
assert run
while True:
    further = {number for number, parent in parents.items() if parent in run} - run
    if not further:
        break
    run |= further
for number in run:
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


@pytest.mark.parametrize("installer", ["pip", pytest.param("uv", marks=pytest.mark.full)])
@pytest.mark.full
def test_an_index_that_asks_for_a_certificate_gets_it(world: World, installer: str) -> None:
    declared = {
        "python_installer": installer,
        "python_uv": False,
        "python_index_url": f"https://index.test:{TLS_PORT}/simple",
        "python_ca_bundle": f"{PKI}/ca.pem",
        "python_venvs": [{"path": f"/srv/certificate-{installer}/venv", "owner": "app", "packages": ["alpha"]}],
    }
    refused = world.provide(declared)
    assert refused.failed
    # pip may meet the end of the connection before it is told why.
    assert installer == "pip" or "python_client_cert" in refused.message, refused.message
    assert "Traceback" not in refused.text
    world.empty_log()
    proxy = f"http://{login('proxy')}proxy.test:{PORTS['proxy']}"
    done = world.provide({**declared, "python_client_cert": f"{PKI}/client.pem", "python_proxy": proxy})
    assert done.rc == 0, done.text
    assert world.host.packages(f"/srv/certificate-{installer}/venv").keys() >= {"alpha"}
    assert any(line.startswith(f"{TLS_PORT} 200 ") for line in world.requests())
    assert "proxy-user" in world.accounts()


@pytest.mark.parametrize("installer", ["pip", pytest.param("uv", marks=pytest.mark.full)])
@pytest.mark.full
def test_what_the_host_itself_is_told_stays_there(world: World, installer: str) -> None:
    host = world.host
    hosts = " ".join(f"{kind}.test" for kind in KINDS)
    lines = ["[global]", f"index-url = {url('conf', 'simple')}", f"trusted-host = {hosts}"]
    lines.append(f"extra-index-url = http://netrc.test:{PORTS['netrc']}/simple")
    host.write("/etc/pip.conf", "\n".join(lines) + "\n")
    host.write(
        "/home/app/.netrc",
        f"machine netrc.test login netrc-user password {password('netrc')}\n",
        owner="app",
        mode="0600",
    )
    allowed = world.allowed
    world.allowed = (*allowed, "/etc/pip.conf", "/home/app/.netrc")
    world.empty_log()
    venv = {"path": f"/srv/own-{installer}/venv", "owner": "app", "packages": ["alpha"]}
    try:
        done = world.provide({"python_installer": installer, "python_venvs": [venv]})
        assert done.rc == 0, done.text
        assert world.accounts() == {"conf-user", "netrc-user"}
    finally:
        world.allowed = allowed
        host.run(["rm", "/etc/pip.conf", "/home/app/.netrc"])


def test_a_short_password_takes_no_result_apart(world: World) -> None:
    declared = {"python_tools": [{"name": "hello"}], "python_pipx_source": "system"}
    settings = {"python_index_username": "i", "python_index_password": "p"}
    plan = world.host.module("plan", {**declared, **settings})
    assert plan["system_packages"] == ["pipx"]
    assert plan["invocation"]["module_args"]["python_index_password"] == "****"


def test_a_value_of_another_type_is_refused_without_being_shown(world: World) -> None:
    outcome = world.provide({"python_index_password": {"of": core("index")}, "python_proxy": [url("proxy", "")]})
    assert outcome.failed


def test_what_is_planted_is_found(world: World, tmp_path: Path) -> None:
    """The search can fail: in each place, in each spelling that is looked for."""
    secret, search = f"{core('index')}Planted", Search(f"{core('index')}Planted")
    host = world.host
    encoded = base64.b64encode(f"someone:{secret}".encode()).decode()
    spellings = {
        "plain": secret,
        "url": quote(f"@{secret}@", safe=""),
        "basic": encoded,
        "json": json.dumps(f'"{secret}"'),
    }
    for name, text in spellings.items():
        host.write(f"/var/lib/planted/{name}", f"before {text} after\n")
        assert search.in_text(name, text), name
    assert len(search.on_host(host)) == len(spellings)
    assert len(search.on_host(host, "/var/lib/planted/plain")) == len(spellings) - 1
    host.run(["rm", "-r", "/var/lib/planted"])
    assert search.on_host(host) == []
    (tmp_path / "left").write_text(encoded)
    assert search.in_folders(tmp_path)
    packed = base64.b64encode(zlib.compress(json.dumps({"declared": secret, "and": list(range(99))}).encode())).decode()
    folder = tmp_path / "trace"
    folder.mkdir()
    with following(host, folder):
        host.run(["true", secret])
        child = "import subprocess, sys; subprocess.run(['true', *sys.argv[1:]])"
        subprocess.run([*recorder(folder), sys.executable, "-c", child, packed], check=True)
    wait_for_recorder(folder)
    found = search.in_processes(read_recording(folder))
    assert [one for one in found if "true" in one], found
    world.tally.add("searches", "a place where a secret was planted", len(spellings) + 2)
