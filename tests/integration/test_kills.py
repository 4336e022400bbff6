"""A run is killed anywhere, and the next one brings the host to what is declared, with nothing lost and nothing left.

The killed run is the engine's own on the host: what a module or an operation starts there. Over SSH it is killed in
test_faults_of_the_session.py, and with the package manager in test_package_managers_under_faults.py.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from checkout import CHECKOUT
from container_engine import podman
from hosts import Host
from local_index import LocalIndex
from tally import Tally

pytestmark = pytest.mark.releases("debian12")

HERE = CHECKOUT / "tests" / "integration"
ENGINE = "/opt/engine-of-the-test"
#: The moments of a short run are always the same; a full run has others each time, or those of PROVISION_SEED again.
SEED = 668


@dataclass(frozen=True)
class Case:
    """What is killed: see killed_runs.py."""

    before: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    after: Mapping[str, Any]
    places: tuple[str, ...]
    works: tuple[str, ...]
    prepare: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def venv(path: str, *packages: str, **more: object) -> dict[str, Any]:
    return {"python_venvs": [{"path": path, "packages": list(packages), **more}]}


def tool(**entry: object) -> dict[str, Any]:
    return {"python_tools": [{"name": "tool", **entry}]}


VENV = "/srv/kills/venv"
VENV_PLACES = ("/srv/kills",)
TOOL_PLACES = ("/opt/pipx", "/usr/local/bin", "/usr/local/share/man")
NO_VENV = {"python_venvs": [{"path": VENV, "state": "absent"}]}
WANTED = f"{VENV}/bin/python -c 'import wanted, helper'"


#: How many builds there are.
BUILDS = f"test $(ls {VENV}.d | wc -l) = {{}}"


def versioned(*packages: str, **more: object) -> dict[str, Any]:
    return venv(VENV, *packages, layout="versioned", **more)


def shows(program: str, version: str) -> str:
    return f"test \"$({program})\" = '{re.split('[/ ]', program)[-1]} {version}'"


CASES = {
    "venv, create": Case(NO_VENV, venv(VENV, "wanted"), VENV_PLACES, (WANTED,)),
    "venv of an owner, create": Case(
        {}, venv(VENV, "wanted", owner="app"), VENV_PLACES, (f"su app -c {VENV}/bin/wanted",)
    ),
    "venv, update": Case(
        venv(VENV, "wanted==1.0"), venv(VENV, "wanted==2.0", "tool"), VENV_PLACES, (shows(f"{VENV}/bin/wanted", "2.0"),)
    ),
    "venv, rebuild": Case(
        venv(VENV, "wanted==1.0"),
        venv(VENV, "wanted", system_site_packages=True),
        VENV_PLACES,
        (shows(f"{VENV}/bin/wanted", "1.0"),),
    ),
    "venv of an owner, rebuild": Case(
        venv(VENV, "wanted==1.0", owner="app"),
        venv(VENV, "wanted", owner="app"),
        VENV_PLACES,
        (shows(f"{VENV}/bin/wanted", "1.0"), f'test -z "$(find {VENV} ! -user app)"'),
        prepare=(f"rm {VENV}/bin/python*",),
    ),
    "venv by uv, create": Case(NO_VENV, venv(VENV, "wanted", installer="uv"), VENV_PLACES, (WANTED,)),
    "venv by uv, update to an exact set": Case(
        venv(VENV, "wanted==1.0", "tool", installer="uv"),
        venv(VENV, "wanted==2.0", installer="uv", state="exact"),
        VENV_PLACES,
        (shows(f"{VENV}/bin/wanted", "2.0"), f"test ! -e {VENV}/bin/tool"),
    ),
    "venv, remove": Case(
        venv(VENV, "wanted"),
        NO_VENV,
        VENV_PLACES,
        (f"test ! -e {VENV}",),
    ),
    "versioned venv, the first build": Case(NO_VENV, versioned("wanted"), VENV_PLACES, (WANTED, BUILDS.format(1))),
    "versioned venv by uv, next build and none kept": Case(
        (NO_VENV, versioned("wanted==1.0", installer="uv")),
        versioned("wanted==2.0", installer="uv", keep=1),
        VENV_PLACES,
        (shows(f"{VENV}/bin/wanted", "2.0"), BUILDS.format(1)),
        always=(f"{VENV}/bin/wanted",),
    ),
    "versioned venv, declared as before": Case(
        (NO_VENV, versioned("wanted==1.0"), versioned("wanted==2.0")),
        versioned("wanted==1.0"),
        VENV_PLACES,
        (shows(f"{VENV}/bin/wanted", "1.0"), BUILDS.format(2)),
        always=(f"{VENV}/bin/wanted",),
    ),
    "versioned venv, to the usual layout": Case(
        (NO_VENV, versioned("wanted==1.0")),
        venv(VENV, "wanted"),
        VENV_PLACES,
        (shows(f"{VENV}/bin/wanted", "1.0"), f"test ! -L {VENV}", BUILDS.format(1)),
    ),
    "versioned venv, next build": Case(
        (NO_VENV, versioned("wanted==1.0", owner="app")),
        versioned("wanted==2.0", owner="app"),
        VENV_PLACES,
        (shows(f"{VENV}/bin/wanted", "2.0"), f"su app -c {VENV}/bin/wanted"),
        always=(f"{VENV}/bin/wanted | grep -E '1.0|2.0'",),
    ),
    "versioned venv, rolled back": Case(
        (
            NO_VENV,
            versioned("wanted==1.0"),
            versioned("wanted==2.0"),
        ),
        {"python_venvs": [{"path": VENV, "layout": "versioned", "state": "rolled_back"}]},
        VENV_PLACES,
        (shows(f"{VENV}/bin/wanted", "1.0"),),
        always=(f"{VENV}/bin/wanted | grep -E '1.0|2.0'",),
    ),
    "versioned venv, from the usual layout": Case(
        (NO_VENV, venv(VENV, "wanted==1.0")),
        versioned("wanted==2.0"),
        VENV_PLACES,
        (shows(f"{VENV}/bin/wanted", "2.0"),),
    ),
    "versioned venv, remove": Case((NO_VENV, versioned("wanted==1.0")), NO_VENV, VENV_PLACES, (f"test ! -e {VENV}.d",)),
    "tool, install": Case(tool(state="absent"), tool(), TOOL_PLACES, (shows("/usr/local/bin/tool", "2.0"),)),
    "tool, install the first": Case(
        tool(state="absent"), tool(), TOOL_PLACES, (shows("/usr/local/bin/tool", "2.0"),), prepare=("rm -r /opt/pipx",)
    ),
    "tool of a user, install": Case(
        tool(scope="user", user="alice", state="absent"),
        tool(scope="user", user="alice"),
        ("/home/alice",),
        (shows("su - alice -c tool", "2.0"),),
        prepare=("rm -rf /home/alice/.local /home/alice/.profile; cp /etc/skel/.profile /home/alice/",),
    ),
    "tool, upgrade": Case(
        tool(spec="tool==1.0"), tool(spec="tool==2.0"), TOOL_PLACES, (shows("/usr/local/bin/tool", "2.0"),)
    ),
    "tool, inject": Case(
        tool(spec="tool==1.0"),
        tool(spec="tool==1.0", inject=["wanted"]),
        TOOL_PLACES,
        (shows("/usr/local/bin/tool", "1.0"), "/opt/pipx/venvs/tool/bin/python -c 'import wanted'"),
    ),
    "tool, remove": Case(
        tool(),
        tool(state="absent"),
        TOOL_PLACES,
        ("test ! -e /usr/local/bin/tool", "test ! -e /opt/pipx/venvs/tool"),
    ),
    "pip.conf, write": Case(
        {},
        {"python_pip_conf_override": "absent"},
        ("/etc/pip.conf",),
        ("! grep -q break /etc/pip.conf", "grep -q '# kept' /etc/pip.conf", "test $(stat -c %a /etc/pip.conf) = 640"),
        prepare=(
            r"printf '[global]\n# kept\ntimeout = 30\nbreak-system-packages = true\n' >/etc/pip.conf",
            "chmod 640 /etc/pip.conf",
        ),
    ),
    # The marker is written by the package manager, with every other file of the package it belongs to.
    "marker, restore": Case(
        {},
        {"python_restore_marker": True},
        ("/usr/lib/python3.11/EXTERNALLY-MANAGED",),
        ("test -s /usr/lib/python3.11/EXTERNALLY-MANAGED", 'test -z "$(dpkg --audit; dpkg -V libpython3.11-stdlib)"'),
        prepare=("rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED",),
        beside=("/usr/lib/python3.11", "/usr/share", "/var/lib/dpkg", "/var/lib/apt", "/var/cache"),
    ),
}

#: The cases of a short run: one of each kind of change.
SHORT = (
    *("venv of an owner, create", "venv, update", "venv of an owner, rebuild", "venv, remove"),
    *("versioned venv, next build", "tool, install the first", "tool, inject", "tool, remove"),
    *("pip.conf, write", "marker, restore"),
)


@pytest.fixture(scope="module")
def ready(host: Host, index: LocalIndex) -> Host:
    """A host that has pipx and what environments are made with, so that no run needs the package manager."""
    for name in ("wanted", "tool"):
        for version in ("1.0", "2.0"):
            index.add(name, version, requires=["helper"], scripts=[name])
    index.add("helper", "1.0")
    index.mirror("uv")
    settings = {"python_index_url": index.url, "python_installer": "pip", "python_uv": True}
    outcome = host.apply({**tool(), **venv(VENV), **settings})
    assert not outcome.failed, outcome.text
    host.run(f"rm -rf /srv/kills; mkdir -p /srv/kills /usr/local/share/man {ENGINE}")
    podman("cp", str(CHECKOUT / "plugins" / "module_utils" / "engine"), f"{host.name}:{ENGINE}/engine")
    host.write(f"{ENGINE}/killed_runs.py", (HERE / "killed_runs.py").read_text())
    return host


@pytest.mark.parametrize(
    "name", [name if name in SHORT else pytest.param(name, marks=pytest.mark.full) for name in CASES]
)
def test_the_next_run_converges_and_nothing_is_lost(
    ready: Host, index: LocalIndex, tally: Tally, full: bool, summary_lines: list[str], name: str
) -> None:
    case = CASES[name]
    seed = int(os.environ.get("PROVISION_SEED") or random.randrange(10**6)) if full else SEED
    settings = {"python_index_url": index.url, "python_installer": "pip"}
    before = [case.before] if isinstance(case.before, Mapping) else case.before
    asked = {
        "before": [{**declared, **settings} for declared in before],
        "after": {**case.after, **settings},
        "places": case.places,
        "works": case.works,
        "always": case.always,
        "beside": case.beside,
        "prepare": case.prepare,
        "seed": seed,
        "steps": 8 if full else 1,
        "times": 3 if full else 1,
    }
    done = ready.run(["python3", f"{ENGINE}/killed_runs.py", ENGINE], stdin=json.dumps(asked), check=False)
    assert done.rc == 0, done
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    summary_lines.append(f"kills, {name}: seed {seed}, {len(lines) - 1} moments of {lines[0]['steps']} steps")
    kills = [line for line in lines[1:] if line["killed"]]
    wrong = [f"{line['at']}: {one}" for line in kills for one in line["wrong"]]
    assert not wrong, "\n".join([f"{name}, seed {seed}:", *wrong])
    assert kills, done
    tally.add("kills", name, len(kills))
