"""The playbook pull: a host that converges itself. No systemd runs in a test host, so the test is the timer."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from checkout import CHECKOUT
from hosts import Host, Variables
from local_index import LocalIndex
from pull_repository import ON_HOST, SERVICE, pull_command, push, started_words
from pyinfra_runs import Pyinfra

PLAYBOOK = CHECKOUT / "playbooks" / "pull.yml"
UNITS = "/etc/systemd/system"
TIMER = f"{UNITS}/pep668-provision-pull.timer"
EXTRA = ["--extra-vars", "note='$HOME \"there\"'"]


@pytest.fixture(scope="module")
def stocked(index: LocalIndex, pyinfra: Pyinfra, tmp_path_factory: pytest.TempPathFactory) -> LocalIndex:
    """The index has this checkout's wheel, what ansible-core needs on the newest Debian, and something to install."""
    index.mirror("ansible-core>=2.19,<2.20", python="3.13")
    index.add_wheel(pyinfra.wheel(tmp_path_factory.mktemp("wheel")))
    index.add("hello", "1.0")
    return index


def options(index: LocalIndex, **variables: object) -> Variables:
    return {"pull_repository": f"file://{ON_HOST}", "python_index_url": index.url, **variables}


def pull(host: Host) -> str:
    """What the service does has been done; returns what it printed."""
    return host.run(pull_command(host)).stdout


def test_a_host_converges_itself(host: Host, stocked: LocalIndex, tmp_path: Path, summary_lines: list[str]) -> None:
    wanted = options(stocked, pull_environment={"ANSIBLE_NOCOLOR": "true", "NOTE": '50% "off"'}, pull_arguments=EXTRA)
    foreseen = host.play(PLAYBOOK, wanted, check=True)
    assert not foreseen.failed, foreseen.text
    assert foreseen.changed
    assert not host.exists(SERVICE)
    assert not host.exists("/opt/pep668-provision")

    first = host.play(PLAYBOOK, wanted)
    assert not first.failed, first.text
    assert {SERVICE, TIMER} == {f"{UNITS}/{name}" for name in host.listing(UNITS) if "pep668" in name}
    again = host.play(PLAYBOOK, wanted)
    assert (again.rc, again.changed) == (0, 0), again.text

    state = {"python_venvs": [{"path": "/srv/app", "packages": ["hello==1.0"]}], "python_index_url": stocked.url}
    push(host, tmp_path / "fleet", state)
    assert started_words(host.read(SERVICE))[-3:] == [*EXTRA, "local.yml"]
    assert 'NOTE=50% "off"' in pull_command(host)
    assert "$$HOME" in host.read(SERVICE)
    assert "changed=1 " in pull(host)
    assert host.packages("/srv/app")["hello"] == "1.0"
    # What differs is put right at every turn; ansible-pull could be told to do nothing where nothing was pushed.
    host.run("rm -r /srv/app/lib/python3*/site-packages/hello*")
    pull(host)
    assert host.packages("/srv/app")["hello"] == "1.0"
    verify_units(host, tmp_path, summary_lines)

    gone = host.play(PLAYBOOK, {"pull_state": "absent"})
    assert not gone.failed, gone.text
    assert not [
        path
        for path in (SERVICE, TIMER, "/opt/pep668-provision/pull", "/var/lib/pep668-provision/pull")
        if host.exists(path)
    ]
    assert host.play(PLAYBOOK, {"pull_state": "absent"}).changed == 0
    # What it had pulled stays.
    assert host.packages("/srv/app")["hello"] == "1.0"


def verify_units(host: Host, folder: Path, summary_lines: list[str]) -> None:
    """systemd takes the units, where this machine has its program to ask; where not, that is said."""
    if shutil.which("systemd-analyze") is None:
        summary_lines.append("NOT RUN: systemd-analyze verify of the units of the playbook pull: it is not installed")
        return
    root = folder / "root"
    (root / UNITS.lstrip("/")).mkdir(parents=True)
    for path in (SERVICE, TIMER):
        (root / path.lstrip("/")).write_text(host.read(path))
    program = root / started_words(host.read(SERVICE))[0].lstrip("/")
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    for name in ("network-online.target", "timers.target", "sysinit.target", "basic.target", "shutdown.target"):
        (root / UNITS.lstrip("/") / name).write_text("[Unit]\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", Path(SERVICE).name, Path(TIMER).name],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        pytest.param({}, "pull_repository", id="no repository"),
        pytest.param(
            {"pull_repository": "https://me:s3cret@git.example.org/fleet.git"}, "holds a password", id="a password"
        ),
        pytest.param({"pull_repository": "file:///r", "pull_state": "there"}, "pull_state", id="no such state"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_changes(host: Host, variables: Variables, said: str) -> None:
    before = host.listing("/opt")
    outcome = host.play(PLAYBOOK, variables)
    assert outcome.failed
    assert said in outcome.message, outcome.text
    assert "s3cret" not in outcome.text
    assert host.listing("/opt") == before
