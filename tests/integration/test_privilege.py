"""Root provisions for accounts it does not trust: what these could redirect is refused, or done with their rights alone.

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
SECRET = "root:$y$j9T$secret-of-root:20000:0:99999:7:::"

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
    index.mirror("uv", "setuptools", "wheel")
    outcome = host.apply(
        {
            "python_index_url": index.url,
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
    host.run(f"rm -rf /var/tmp/saved; cp -a {SPACE} /var/tmp/saved")
    return host


#: The owner's space with nothing in it, and with a finished environment.
NEW = f"rm -rf {SPACE}; mkdir -p {SPACE}/real {SPACE}/other; ln -s {VICTIM} {SPACE}/link; chown -hR app: {SPACE}"
MADE = f"rm -rf {SPACE}; cp -a /var/tmp/saved {SPACE}"
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
    rounds = (8 if by_pip else 40) if full else 1 if by_pip else 3
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


@pytest.mark.parametrize("what", ["environment", "previous environment", "link"])
def test_whoever_comes_first_in_a_shared_directory_gains_nothing(
    ready: Host, index: LocalIndex, tally: Tally, full: bool, what: str
) -> None:
    path = "/tmp/shared-venv"
    planted = {"environment": path, "previous environment": f"{path}.pep668-old", "link": path}[what]
    plant = f"ln -s {VICTIM} {planted}" if what == "link" else f"cp -r {VICTIM}/.venv {planted}"
    rounds = 20 if full else 3
    again = f"while rm -rf {planted}; do {plant}; done"
    played = attacked(
        ready,
        index,
        venv(path),
        f"rm -rf {path}*",
        user="mallory",
        plant=again.replace("; done", " && sleep 0.0$$; done"),
        rounds=rounds,
    )
    for one in played:
        assert not one.wrong
        if one.done:
            break
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
