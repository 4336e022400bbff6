"""Root provisions for accounts it does not trust: what they could redirect is refused, or done with their rights.

The attacked run is the engine's own on the host, what a module or an operation starts there (attacked_runs.py); the
attackers are real accounts, ``app``, who owns environments, and ``mallory``, who has nothing to do with them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from checkout import CHECKOUT
from container_engine import podman
from hosts import Host
from local_index import LocalIndex
from tally import Tally

pytestmark = pytest.mark.releases("debian13")

HERE = CHECKOUT / "tests" / "integration"
ENGINE = "/opt/engine-of-the-test"
SPACE = "/srv/space"
VENV = f"{SPACE}/real/.venv"
VICTIM = "/srv/victim"
#: What a planted program leaves when root runs it.
RUN_BY_ROOT = "/tmp/run-by-0"
TELL = '#!/bin/sh\nid >/tmp/run-by-$(id -u)\nexec /usr/bin/python3 "$@"\n'
SETUP = """
import json, os, fcntl
try:
    terminal = os.open("/dev/tty", os.O_RDWR)
except OSError:
    terminal = None
files = {}
for name in os.listdir("/proc/self/fd"):
    try:
        files[name] = os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        pass
umask = os.umask(0o022)
told = {
    "uid": os.getresuid(), "gid": os.getresgid(), "groups": os.getgroups(), "terminal": terminal, "umask": umask,
    "files": files, "environ": dict(os.environ),
}
with open(f"/tmp/told-by-{os.getuid()}", "w") as stream:
    json.dump(told, stream)
from setuptools import setup
setup(name="project", version="1.0", py_modules=[])
"""


@dataclass(frozen=True)
class Played:
    """One attacked run: whether it got to its end, what it said, what was wrong, how often it was attacked."""

    done: bool
    said: str
    wrong: list[str]
    exchanged: int


@dataclass(frozen=True)
class Race:
    """What is exchanged while a run does what, in ``SPACE``, which belongs to ``app``."""

    declared: Mapping[str, Any]
    exchange: tuple[tuple[str, str], ...]
    prepare: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def ready(host: Host, index: LocalIndex) -> Host:
    """A host that has uv, pipx and what environments are made with, a third account, and a victim of root's."""
    for version in ("1.0", "2.0"):
        index.add("wanted", version, scripts=["wanted"])
    index.add("tool", "1.0", scripts=["tool"])
    index.mirror("uv", "pip", "setuptools", "wheel")
    outcome = host.apply(
        {
            "python_index_url": index.url,
            "python_installer": "pip",
            "python_uv": True,
            "python_tools": [{"name": "tool"}],
            "python_venvs": [{"path": "/srv/own", "packages": ["wanted==1.0"]}],
        }
    )
    assert not outcome.failed, outcome.text
    host.run(["useradd", "--create-home", "mallory"])
    host.run(f"mkdir -p {ENGINE}")
    podman("cp", str(CHECKOUT / "plugins" / "module_utils" / "engine"), f"{host.name}:{ENGINE}/engine")
    host.write(f"{ENGINE}/attacked_runs.py", (HERE / "attacked_runs.py").read_text())
    # Like an environment of root's, and what a run could take for its own beside it.
    host.run(
        f"mkdir {VICTIM}; cp -a /srv/own {VICTIM}/.venv; cp -a /srv/own {VICTIM}/.venv.pep668-old;"
        f"cp -a /srv/own/. {VICTIM}/; chmod -R go+rX {VICTIM}"
    )
    made = attacked(host, index, {"python_venvs": [{"path": VENV, "packages": ["wanted==1.0"], "owner": "app"}]}, NEW)
    assert made[0].done, made
    host.run(f"cp -a {SPACE} /var/tmp/saved")
    for version, prepare in (("1.0", NEW), ("2.0", "")):
        made = attacked(host, index, versioned(f"wanted=={version}"), prepare)
        assert made[0].done, made
    host.run(f"cp -a {SPACE} /var/tmp/saved-versioned")
    return host


#: The owner's space with nothing in it, and with a finished environment.
NEW = f"rm -rf {SPACE}; mkdir -p {SPACE}/real {SPACE}/other; ln -s {VICTIM} {SPACE}/link; chown -hR app: {SPACE}"
MADE = f"rm -rf {SPACE}; cp -a /var/tmp/saved {SPACE}"
MADE_VERSIONED = f"rm -rf {SPACE}; cp -a /var/tmp/saved-versioned {SPACE}"
INSIDE = f"{MADE}; ln -s {VICTIM} {VENV}/link; ln -s {VICTIM}/lib {VENV}/link-to-lib; chown -h app: {VENV}/link*"


def attacked(
    host: Host, index: LocalIndex, declared: Mapping[str, Any], prepare: str = "", **case: Any
) -> list[Played]:
    """The run has been played so often, attacked as the case says; root has run nothing that was planted."""
    asked = {
        "declared": {"python_index_url": index.url, "python_installer": "uv", **declared},
        "prepare": f"rm -f {RUN_BY_ROOT}; {prepare or ':'}",
        "protected": [VICTIM],
        "traces": [RUN_BY_ROOT],
        **case,
    }
    done = host.run(["python3", f"{ENGINE}/attacked_runs.py", ENGINE], stdin=json.dumps(asked))
    return [Played(**json.loads(line)) for line in done.stdout.splitlines()]


def venv(path: str = VENV, **more: object) -> dict[str, Any]:
    return {"python_venvs": [{"path": path, "packages": ["wanted"], **more}]}


def versioned(*packages: str, **more: object) -> dict[str, Any]:
    entry = {"path": VENV, "packages": list(packages), "owner": "app", "layout": "versioned"}
    return {"python_venvs": [{**entry, **more}]}


BUILDS = ((f"{VENV}.d", f"{SPACE}/link"),)
ABOVE = ((f"{SPACE}/real", f"{SPACE}/link"),)
ITSELF = ((VENV, f"{SPACE}/link"),)
IN_IT = ((f"{VENV}/lib", f"{VENV}/link-to-lib"), (f"{VENV}/bin", f"{VENV}/link"))
OWNED = venv(owner="app")
NEWER = {"python_venvs": [{"path": VENV, "packages": ["wanted==2.0"], "owner": "app"}]}
ABSENT = {"python_venvs": [{"path": VENV, "state": "absent"}]}
BROKEN = f"{MADE}; rm {VENV}/bin/python*"
#: Root's own directory, in one of the owner's: who owns the parent says nothing of who can exchange it.
ROOTS_IN_OWNERS = f"{NEW}; chown root: {SPACE}/real; chmod 777 {SPACE}/real"
RACES = {
    "directory above it exchanged, create": Race(OWNED, ABOVE, NEW),
    "directory above it exchanged, create by pip": Race({**OWNED, "python_installer": "pip"}, ABOVE, NEW),
    "directory above it exchanged, update": Race(NEWER, ABOVE, MADE),
    "directory above it exchanged, rebuild": Race(OWNED, ABOVE, BROKEN),
    "directory above it exchanged, remove": Race(ABSENT, ABOVE, MADE),
    "root's directory in the owner's exchanged, create": Race(OWNED, ABOVE, ROOTS_IN_OWNERS.replace("777", "755")),
    "environment exchanged, create": Race(OWNED, ITSELF, f"{NEW}; mkdir {VENV}; chown app: {VENV}"),
    "environment exchanged, update": Race(NEWER, ITSELF, MADE),
    "environment exchanged, rebuild": Race(OWNED, ITSELF, BROKEN),
    "environment exchanged, remove": Race(ABSENT, ITSELF, MADE),
    "directory of builds exchanged, create": Race(versioned("wanted"), BUILDS, f"{NEW}; install -d -o app {VENV}.d"),
    "directory of builds exchanged, update": Race(versioned("wanted", "tool"), BUILDS, MADE_VERSIONED),
    "directory of builds exchanged, switch": Race(versioned("wanted==1.0"), BUILDS, MADE_VERSIONED),
    "directory of builds exchanged, roll back": Race(versioned(state="rolled_back"), BUILDS, MADE_VERSIONED),
    "directory of builds exchanged, remove": Race(ABSENT, BUILDS, MADE_VERSIONED),
    "directories in it exchanged, update": Race(NEWER, IN_IT, INSIDE),
    "directories in it exchanged, rebuild": Race(OWNED, IN_IT, f"{INSIDE}; rm {VENV}/bin/python*"),
    "directories in it exchanged, remove": Race(ABSENT, IN_IT, INSIDE),
    "directories in it exchanged, remove from root's directory": Race(
        {"python_venvs": [{"path": "/srv/roots/.venv", "state": "absent"}]},
        tuple((a.replace(VENV, "/srv/roots/.venv"), b.replace(VENV, "/srv/roots/.venv")) for a, b in IN_IT),
        f"{INSIDE}; rm -rf /srv/roots; mkdir /srv/roots; mv {VENV} /srv/roots/.venv",
    ),
}


@pytest.mark.parametrize("name", RACES)
def test_an_owner_that_exchanges_what_root_works_on_leads_it_nowhere(
    ready: Host, index: LocalIndex, tally: Tally, full: bool, summary_lines: list[str], name: str
) -> None:
    race = RACES[name]
    by_pip = race.declared.get("python_installer") == "pip"
    rounds = (8 if by_pip else 40) if full else 1 if by_pip else 2
    played = attacked(ready, index, race.declared, race.prepare, user="app", exchange=race.exchange, rounds=rounds)
    summary_lines.append(
        f"attacks, {name}: {sum(one.exchanged for one in played)} exchanges in {rounds} runs, "
        f"{sum(one.done for one in played)} of which got to their end"
    )
    assert not [wrong for one in played for wrong in one.wrong]
    assert sum(one.exchanged for one in played) > 0
    tally.add("attacks", name, rounds)
    # In peace it converges.
    again = attacked(ready, index, race.declared, race.prepare)[0]
    assert not again.wrong
    refused = "root's directory" in name and "create" in name
    assert again.done is not refused, again.said


SECRET = "secret-of-root"
DEEP = """
import os, sys
os.chdir(sys.argv[1])
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
"""
#: What an owner lays in the place of what root reads, by what it is.
PLANTED = {
    "pipe as the receipt": "rm {v}/.pep668-provision.json; mkfifo {v}/.pep668-provision.json",
    "pipe as pyvenv.cfg": "rm {v}/pyvenv.cfg; mkfifo {v}/pyvenv.cfg",
    "device as the receipt": "ln -sf /dev/zero {v}/.pep668-provision.json",
    "link to root's file as the receipt": "ln -sf /root/receipt.json {v}/.pep668-provision.json",
    "link to root's file as pyvenv.cfg": "ln -sf /root/pyvenv.cfg {v}/pyvenv.cfg",
    "program of its own as the interpreter": (
        "rm {v}/.pep668-provision.json; cp /tmp/tell {v}/../tell; ln -sf {v}/../tell {v}/bin/python"
    ),
    "program of root's as the interpreter": (
        "rm {v}/.pep668-provision.json; ln -sf /usr/local/sbin/tell {v}/bin/python"
    ),
    "program of its own as a copied interpreter": (
        "rm {v}/.pep668-provision.json; rm {v}/bin/python; cp /tmp/tell {v}/bin/python"
    ),
    "directories too deep to go through": "python3 /tmp/deep.py {v}; rm {v}/bin/python*",
}


@pytest.mark.parametrize("what", PLANTED)
def test_what_an_owner_lays_there_is_neither_waited_for_nor_told_nor_run_as_root(
    ready: Host, index: LocalIndex, tally: Tally, what: str
) -> None:
    for path in ("/tmp/tell", "/usr/local/sbin/tell"):
        ready.write(path, TELL, mode="0755")
    ready.write("/root/pyvenv.cfg", f"home = /usr/bin\nversion = 3.{SECRET}\n", mode="0600")
    record = {"path": f"/{SECRET}", "version": SECRET, "size": 1, "mtime_ns": 1}
    receipt = {"format": 1, "digest": SECRET, "installer": "pip", "interpreter": record, "packages": {SECRET: "1.0"}}
    ready.write("/root/receipt.json", json.dumps(receipt), mode="0600")
    ready.write("/tmp/deep.py", DEEP)
    ready.write("/tmp/plant.sh", PLANTED[what].format(v=VENV))
    played = attacked(ready, index, OWNED, f"{MADE}; su app -c 'sh /tmp/plant.sh'")[0]
    assert not played.wrong
    # A program that is no interpreter of the environment's makes the installer fail, as the owner.
    assert played.done or "program" in what, played.said
    assert SECRET not in played.said
    assert ready.run(["grep", "-rl", SECRET, SPACE], check=False).stdout == ""
    assert ready.owners(SPACE) == {"app"}
    tally.add("attacks", what)


def test_an_accounts_profile_is_read_with_its_rights_as_well(
    ready: Host, index: LocalIndex, tally: Tally, full: bool, summary_lines: list[str]
) -> None:
    ready.write("/root/secret", f"{SECRET}\n", mode="0600")
    tools = {"python_installer": "pip", "python_tools": [{"name": "tool", "scope": "user", "user": "app"}]}
    assert attacked(ready, index, tools)[0].done
    # Without the lines that speak of ~/.local/bin.
    reset = (
        "cd /home/app; rm -f .profile link; sed /local/d /etc/skel/.profile >.profile;"
        " ln -s /root/secret link; chown -h app: .profile link"
    )
    rounds = 60 if full else 3
    played = attacked(
        ready,
        index,
        tools,
        f'test -z "$(grep -rl {SECRET} /home/app)"; {reset}',
        user="app",
        exchange=(("/home/app/.profile", "/home/app/link"),),
        protected=["/root/secret", "/etc/shadow"],
        rounds=rounds,
    )
    assert not [wrong for one in played for wrong in one.wrong]
    assert ready.run(["grep", "-rl", SECRET, "/home/app"], check=False).stdout == ""
    exchanged = sum(one.exchanged for one in played)
    assert exchanged > 0
    summary_lines.append(f"attacks, ~/.profile: {exchanged} exchanges in {rounds} runs")
    tally.add("attacks", "~/.profile exchanged for a link to a file of root's", rounds)


#: Programs that a run looks for on its PATH.
NAMES = ("python3", "python3.13", "uv", "pipx", "apt-cache", "dpkg", "rpm")


@pytest.mark.parametrize("folder", ["/srv/open", "/home/mallory/bin"])
def test_root_runs_no_program_that_others_can_exchange(
    ready: Host, index: LocalIndex, tally: Tally, full: bool, folder: str
) -> None:
    for name in NAMES:
        ready.write(f"{folder}/{name}", TELL, owner="mallory", mode="0755")
    ready.run(f"case {folder} in /srv/*) chown root: {folder}; chmod 777 {folder};; esac")
    environ = {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin"}
    tools = {"python_tools": [{"name": "wanted"}], "python_installer": "pip"} if full else {}
    played = attacked(ready, index, {**venv("/srv/by-path"), **tools}, "rm -rf /srv/by-path", environ=environ)[0]
    assert not played.wrong
    assert played.done, played.said
    assert f"{folder}/python3 is passed over: it could be exchanged by" in played.said
    tally.add("attacks", f"programs planted in {folder} on root's PATH", len(NAMES))
    # One that is named is run as nobody but who can exchange it.
    refused = attacked(ready, index, venv("/srv/named", python=f"{folder}/python3"))[0]
    assert not refused.wrong
    assert not refused.done
    assert f"is to run {folder}/python3 as root, and that file could be exchanged by" in refused.said
    if folder.startswith("/home"):
        owned = attacked(ready, index, venv("/home/mallory/venv", python=f"{folder}/python3", owner="mallory"))[0]
        assert not owned.wrong
        assert owned.done, owned.said
        assert ready.owners("/home/mallory/venv") == {"mallory"}


def test_what_an_owner_runs_has_its_rights_and_nothing_of_roots(ready: Host, index: LocalIndex, tally: Tally) -> None:
    ready.write("/srv/project/setup.py", SETUP, owner="app")
    private = {"AWS_SECRET_ACCESS_KEY": SECRET, "SSH_AUTH_SOCK": "/tmp/agent", "SUDO_COMMAND": SECRET}
    played = attacked(
        ready,
        index,
        {"python_venvs": [{"path": VENV, "project": "/srv/project", "owner": "app", "installer": "pip"}]},
        f"rm -f /tmp/told-by-*; {NEW}",
        environ={**private, "PIP_RETRIES": "1"},
        umask="000",
    )[0]
    assert not played.wrong
    assert played.done, played.said
    uid, gid = (int(ready.run(["id", option, "app"]).stdout) for option in ("-u", "-g"))
    assert ready.run("ls /tmp/told-by-*").stdout == f"/tmp/told-by-{uid}\n"
    told = ready.read_json(f"/tmp/told-by-{uid}")
    assert (told["uid"], told["gid"]) == ([uid] * 3, [gid] * 3)
    assert set(told["groups"]) == set(map(int, ready.run(["id", "-G", "app"]).stdout.split()))
    assert told["terminal"] is None
    assert told["umask"] == 0o022
    assert not {name for name in private if name in told["environ"]}
    assert told["environ"]["PIP_RETRIES"] == "1"
    assert not [
        path for path in told["files"].values() if "lock" in path or path.startswith(("/root", "/run", "/dev/p"))
    ]
    assert ready.owners(VENV) == {"app"}
    assert ready.run(["find", VENV, "-perm", "/022", "!", "-type", "l"]).stdout == ""
    tally.add("attacks", "reach of what an owner's installer runs: rights, files, terminal, variables", 4)


def test_global_tools_are_roots_and_nobody_else_writes_in_them(
    ready: Host, index: LocalIndex, tally: Tally, full: bool
) -> None:
    for umask in ("000", "002", "077") if full else ("000",):
        make_global_tools(ready, index, umask)
        tally.add("attacks", f"umask {umask} of the run that makes global tools")


def make_global_tools(ready: Host, index: LocalIndex, umask: str) -> None:
    declared = {"python_tools": [{"name": "tool"}, {"name": "wanted", "python": "3.13"}], "python_uv": True}
    remove = "rm -rf /opt/pipx /opt/pep668-provision /usr/local/bin/tool /usr/local/bin/wanted /usr/local/bin/uv"
    played = attacked(ready, index, {**declared, "python_installer": "pip"}, remove, umask=umask)[0]
    assert not played.wrong
    assert played.done, played.said
    places = ["/opt/pipx", "/opt/pep668-provision", "/usr/local/bin"]
    assert ready.run(["find", *places, "!", "-user", "root", "-o", "-perm", "/022", "!", "-type", "l"]).stdout == ""
    for program in ("tool", "wanted", "uv"):
        assert ready.run([f"/usr/local/bin/{program}", "--version"], user="mallory").rc == 0


@pytest.mark.parametrize(
    ("path", "prepare", "options", "expected"),
    [
        pytest.param(
            "/srv/open-to-all/.venv",
            "install -d -o app -m 777 /srv/open-to-all",
            {"owner": "app"},
            "everybody may write there: /srv/open-to-all (owner app, mode 0777)",
            id="everybody's directory",
        ),
        pytest.param(
            "/home/mallory/app/.venv",
            "install -d -o app /home/mallory/app",
            {"owner": "app"},
            "mallory, who owns /home/mallory (mode 07",
            id="a third account's directory",
        ),
        pytest.param(
            "/home/alice/.venv",
            ":",
            {},
            "Set owner: alice if it is for that account",
            id="root's below a home",
        ),
    ],
)
def test_what_another_account_can_redirect_is_refused_with_what_to_do(
    ready: Host, index: LocalIndex, tally: Tally, path: str, prepare: str, options: Mapping[str, str], expected: str
) -> None:
    refused = attacked(ready, index, venv(path, **options), prepare)[0]
    assert not refused.done
    assert expected in refused.said
    assert not ready.exists(path)
    tally.add("attacks", "environment declared where another account can redirect it")


def test_the_module_refuses_as_the_engine_does(ready: Host) -> None:
    for check in (True, False):
        refused = ready.module("venv", {"path": "/home/alice/.venv"}, check=check, expect_failure=True)
        assert "alice, who owns /home/alice (mode 07" in refused["msg"]
        assert "Set owner: alice if it is for that account" in refused["msg"]
    assert not ready.exists("/home/alice/.venv")


def test_a_shared_group_of_the_owner_alone_is_no_obstacle(ready: Host, index: LocalIndex) -> None:
    ready.run("install -d -o app -g app -m 2775 /srv/private-group; install -d -m 775 /srv/roots-group")
    for path, owner in (("/srv/private-group/.venv", "app"), ("/srv/roots-group/.venv", "")):
        made = attacked(ready, index, venv(path, **({"owner": owner} if owner else {})))[0]
        assert made.done, made.said
        assert ready.owners(path) == {owner or "root"}


@pytest.mark.parametrize("what", ["environment", "previous environment", "link"])
def test_whoever_comes_first_in_a_shared_directory_gains_nothing(
    ready: Host, index: LocalIndex, tally: Tally, full: bool, what: str
) -> None:
    path = "/tmp/shared-venv"
    planted = {"environment": path, "previous environment": f"{path}.pep668-old", "link": path}[what]
    plant = f"ln -s {VICTIM} {planted}" if what == "link" else f"cp -r {VICTIM}/.venv {planted}"
    rounds = 20 if full else 2
    again = f"rm -rf {planted}; {plant}"
    played = attacked(ready, index, venv(path), f"rm -rf {path}*", user="mallory", plant=again, rounds=rounds)
    assert not [wrong for one in played for wrong in one.wrong]
    tally.add("attacks", f"{what} planted in /tmp while root makes one there", rounds)
    ready.run("rm -rf /tmp/shared-venv*")
    refused = attacked(ready, index, venv(path), f"su mallory -c '{plant}'")[0]
    assert not refused.done
    assert "mallory, who has put it into /tmp (owner root, mode 1777)" in refused.said
    ready.run("rm -rf /tmp/shared-venv*")
    # What nobody has planted is made, and is root's.
    made = attacked(ready, index, venv(path))[0]
    assert made.done, made.said
    assert ready.owners(path) == {"root"}
    ready.run("rm -rf /tmp/shared-venv*")
