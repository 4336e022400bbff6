"""No credential is left, shown or passed as an argument: everything a run leaves and prints is searched.

One declared state holds a credential of every kind, each at a server that lets nobody else in. It is provided by
Ansible and by pyinfra, with pip and with uv, to its end, refused, and killed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from credential_search import Search

from checkout import CACHE
from hosts import Host, Outcome
from local_index import ON_HOST, LocalIndex
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
    shown: list[str] = field(default_factory=list)

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
        servers.append({**server, "proxy": kind == "proxy"})
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


@pytest.mark.parametrize("installer", ["pip", "uv"])
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
    record = world.host.read_json(f"/opt/pipx/venvs/greeter-{where}/pipx_metadata.json")
    assert "spec.test" in record["main_package"]["package_or_url"]
    again = world.provide(declared)
    assert (again.rc, again.changed) == (0, 0), again.text
