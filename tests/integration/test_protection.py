"""The marker's protection as part of what is declared: by the role and by pyinfra, judged by what real pip does."""

from __future__ import annotations

from typing import Any

import pytest

from hosts import Host, Outcome
from pyinfra_runs import Pyinfra

SYSTEM = "/etc/pip.conf"
# As the images of GitHub's Ubuntu runners have it, with a comment and a setting of somebody's own.
RUNNERS = "# kept\n[global]\nbreak-system-packages = true\nroot-user-action = ignore\n"
KEPT = "# kept\n[global]\nroot-user-action = ignore\n"
FURTHER = ("/etc/xdg/pip/pip.conf", "/root/.config/pip/pip.conf", "/usr/pip.conf")
ON = "[install]\nbreak_system_packages = 1\n"
NO_OVERRIDE = {"python_pip_conf_override": "absent"}
RESTORED = {"python_restore_marker": True}
VENV = {"python_venvs": [{"path": "/srv/protected"}]}
WITH_PIP = {
    "debian12": "apt-get -q update && apt-get -q install --yes --no-install-recommends python3-pip python3-venv",
    "debian13": "apt-get -q update && apt-get -q install --yes --no-install-recommends python3-pip python3-venv",
    "arch": "pacman --sync --noconfirm python-pip",
}


@pytest.fixture(scope="module")
def with_pip(host: Host, release: str) -> Host:
    host.run(WITH_PIP[release])
    assert refuses(host)
    return host


def refuses(host: Host, *, user: str = "root") -> bool:
    """Whether the marker stops real pip."""
    done = host.run(["python3", "-m", "pip", "install", "--no-index", "nothing"], user=user, check=False)
    blocked = "externally-managed-environment" in done.stderr
    assert blocked or "No matching distribution found for nothing" in done.stderr, done
    return blocked


def marker_of(host: Host) -> str:
    code = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    return f"{host.run(['python3', '-c', code]).stdout.strip()}/EXTERNALLY-MANAGED"


def provide(host: Host, state: dict[str, Any]) -> Outcome:
    """The host is as declared, by check, run, check, run; what the first check foretold was done. Returns the run."""
    before = host.state_of("/etc") | host.state_of("/usr/lib")
    foretold = host.apply(state, check=True, diff=True)
    assert foretold.rc == 0, foretold.text
    assert host.state_of("/etc") | host.state_of("/usr/lib") == before
    done = host.apply(state, diff=True)
    assert (done.rc, done.changed) == (0, foretold.changed), done.text
    assert done.changed, done.text
    assert [plan.result["steps"] for plan in done.of("plan")] == [plan.result["steps"] for plan in foretold.of("plan")]
    for again in (host.apply(state, check=True), host.apply(state, record=True)):
        assert (again.rc, again.changed, again.installers) == (0, 0, ()), again.text
        # One call, and an include that was skipped.
        assert [(task.action.rpartition(".")[2], task.skipped) for task in again.tasks] == [
            ("validate_argument_spec", False),
            ("plan", False),
            ("include_tasks", True),
        ]
    return done


@pytest.mark.releases("debian13", full=["debian12"])
def test_the_override_of_a_runners_image_goes_and_pip_refuses_again(with_pip: Host) -> None:
    with_pip.write(SYSTEM, RUNNERS, mode="0640")
    for path in FURTHER:
        with_pip.write(path, ON)
    assert not refuses(with_pip)
    done = provide(with_pip, {**VENV, **NO_OVERRIDE})
    assert with_pip.read(SYSTEM) == KEPT
    assert with_pip.state_of(SYSTEM)[SYSTEM].startswith("f 640 root:root")
    assert [with_pip.read(path) for path in FURTHER] == [""] * 3
    assert refuses(with_pip)
    (plan,) = done.of("plan")
    steps = [(step["kind"], step["name"]) for step in plan.result["steps"]]
    files = [FURTHER[0], SYSTEM, *FURTHER[1:]]
    assert steps == [*(("pip_config", path) for path in files), ("venv", "/srv/protected")]
    assert {"before": RUNNERS, "after": KEPT}.items() <= done.diffs[1].items()
    assert not done.of("plan")[0].result.get("warnings")
    with_pip.run(["rm", "-r", *files, "/srv/protected"])


@pytest.mark.releases("debian13", "arch")
def test_a_marker_that_is_gone_comes_back_with_everything_else(with_pip: Host) -> None:
    marker = marker_of(with_pip)
    text = with_pip.read(marker)
    with_pip.run(["rm", marker])
    with_pip.write(SYSTEM, RUNNERS)
    # Without being asked nobody looks after it.
    assert with_pip.apply(NO_OVERRIDE).changed == 1
    assert not with_pip.exists(marker)
    assert not refuses(with_pip)
    done = provide(with_pip, RESTORED)
    assert with_pip.read(marker) == text
    assert refuses(with_pip)
    assert [(step["kind"], step["name"]) for step in done.of("plan")[0].result["steps"]] == [("marker", marker)]
    assert f"{marker}: missing" in done.diffs[0]["before"]
    with_pip.run(["rm", SYSTEM])


@pytest.mark.releases("debian13")
def test_what_cannot_be_done_is_refused_and_what_stays_is_told(with_pip: Host) -> None:
    marker = marker_of(with_pip)
    with_pip.write(SYSTEM, "[global]\ntimeout = 60\nthat is no setting\n")
    refused = with_pip.apply({**VENV, **NO_OVERRIDE})
    assert refused.failed
    assert f"{SYSTEM}, line 3, is not valid" in refused.message
    assert not with_pip.exists("/srv/protected")
    with_pip.run(["rm", SYSTEM])
    refused = with_pip.apply({"python_pip_conf_override": "present"})
    assert "one of: keep, absent" in refused.message

    with_pip.run(["dpkg-divert", "--local", "--rename", "--add", marker])
    told = with_pip.apply(RESTORED)
    assert (told.rc, told.changed) == (0, 0), told.text
    (warning,) = told.of("plan")[0].result["warnings"]
    assert "dpkg-divert --local --rename --remove" in warning
    with_pip.run(["dpkg-divert", "--local", "--rename", "--remove", marker])
    assert refuses(with_pip)


@pytest.mark.releases("debian13")
def test_pyinfra_does_the_same(with_pip: Host, pyinfra: Pyinfra) -> None:
    marker = marker_of(with_pip)
    text = with_pip.read(marker)
    with_pip.run(["rm", marker])
    with_pip.write(SYSTEM, RUNNERS)
    data = {**RESTORED, **NO_OVERRIDE}
    dry = pyinfra.provision(with_pip, data, dry=True)
    assert (dry.rc, dry.foreseen) == (0, 1), dry.text
    assert f"update pip config {SYSTEM}: break-system-packages is set" in dry.said(with_pip)
    assert (with_pip.exists(marker), with_pip.read(SYSTEM)) == (False, RUNNERS)
    run = pyinfra.provision(with_pip, data)
    assert (run.rc, run.changed) == (0, 1), run.text
    assert (with_pip.read(marker), with_pip.read(SYSTEM)) == (text, KEPT)
    assert refuses(with_pip)
    again = pyinfra.provision(with_pip, data, "-vv")
    assert (again.rc, again.changed, again.unchanged) == (0, 0, 1), again.text
    # Neither front-end finds anything to do after the other.
    assert with_pip.apply(data).changed == 0
    with_pip.run(["rm", SYSTEM])
