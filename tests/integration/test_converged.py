"""A host that has what is declared is left alone, and check mode foretells exactly what a run does.

The state is small and its distributions are made up; the Molecule scenarios do the same with real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hosts import Host, Outcome
from local_index import LocalIndex

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian13", full=["debian11"])]

LIBRARIES = ("alpha", "beta", "gamma", "delta")
TOOLS = ("spanner", "pliers")


def fill(index: LocalIndex) -> None:
    """The index has two versions of everything, and what pipx itself needs."""
    for name in (*LIBRARIES, *TOOLS, "plugin"):
        index.remove_all(name)
        for version in ("1.0", "1.1"):
            requires = [] if name == "delta" else ["delta"]
            index.add(name, version, requires=requires, extras={"more": ["gamma"]}, scripts=[name])
    index.mirror("pip", "pipx", "setuptools", "wheel")


def settings(index: LocalIndex) -> dict[str, object]:
    return {"python_index_url": index.url}


def state(index: LocalIndex) -> dict[str, object]:
    """A little of everything: accounts, files, extras, scopes, injections, a library of the distribution."""
    return {
        "python_venvs": [
            {"path": "/srv/one", "packages": ["alpha==1.0", "beta[more]"], "owner": "app"},
            {"path": "/srv/two", "requirements": ["/srv/two.txt"], "constraints": ["/srv/two-constraints.txt"]},
            {"path": "/home/alice/three", "packages": ["gamma"], "state": "exact", "owner": "alice"},
            {"path": "/srv/four", "state": "absent"},
        ],
        "python_tools": [
            {"name": "spanner", "spec": "spanner==1.0", "inject": ["plugin"]},
            {"name": "pliers", "scope": "user", "user": "alice"},
            {"name": "hammer", "state": "absent"},
        ],
        "python_libraries": ["six"],
        **settings(index),
    }


def prepare(host: Host) -> None:
    host.write("/srv/two.txt", "alpha\n-r more/two.txt\n")
    host.write("/srv/more/two.txt", "delta==1.0\n")
    host.write("/srv/two-constraints.txt", "alpha<1.1\n")


def steps_of(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """What each module task of a run said it did, by environment and tool."""
    told: dict[str, dict[str, Any]] = {}
    for task in outcome.tasks:
        for result in task.result.get("results", ()):
            diffs = {one["before_header"]: one for one in result.get("diff", ())}
            for venv in result.get("venvs", ()):
                told[venv["path"]] = {key: venv[key] for key in ("action", "packages", "reasons")}
                told[venv["path"]]["diff"] = diffs[f"{venv['path']} (before)"]
            for tool in result.get("tools", ()):
                told[tool["name"]] = {
                    "tool": {key: tool[key] for key in ("version", "action", "bin_dir")},
                    "reasons": result["reasons"][tool["name"]],
                    "diff": diffs["tools (before)"],
                }
    return told


def lines(packages: Mapping[str, str]) -> str:
    return "".join(f"{name}=={version}\n" for name, version in sorted(packages.items()))


@pytest.fixture(scope="module")
def ready_index(host: Host, index: LocalIndex) -> LocalIndex:
    fill(index)
    prepare(host)
    return index


@pytest.mark.releases("debian13")
def test_check_of_a_new_host_names_the_os_packages_that_a_run_then_installs(
    host: Host, ready_index: LocalIndex
) -> None:
    declared = {
        "python_venvs": [{"path": "/srv/first", "packages": ["alpha==1.0"]}],
        "python_tools": [{"name": "pliers", "spec": "pliers==1.0"}],
        **settings(ready_index),
    }
    before = host.run(["dpkg-query", "--show"]).stdout
    checked = host.apply(declared, check=True, diff=True)
    assert not checked.failed, checked.text
    assert host.run(["dpkg-query", "--show"]).stdout == before
    assert not host.exists("/srv/first")
    run = host.apply(declared, diff=True)
    assert not run.failed, run.text
    assert checked.changed == run.changed
    named = checked.of("plan")[0].result["system_packages"]
    assert named
    installed = host.run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *named]).stdout
    assert installed.split()[1::2] == ["installed"] * len(named)
    foretold, done = steps_of(checked), steps_of(run)
    # Only what stands in the state itself can be known before there is anything to ask.
    assert foretold["/srv/first"]["packages"]["alpha"] == done["/srv/first"]["packages"]["alpha"] == "1.0"
    assert foretold["pliers"]["tool"] == done["pliers"]["tool"]
    for again in (host.apply(declared, check=True, diff=True), host.apply(declared, diff=True)):
        assert (again.rc, again.changed, again.diffs) == (0, 0, []), again.text


@pytest.fixture(scope="module")
def runs(host: Host, ready_index: LocalIndex) -> dict[str, Outcome]:
    """Check, run, check, run: on a host that can make environments and has none of the declared."""
    warm_up = {"python_venvs": [{"path": "/srv/first", "packages": ["alpha==1.0"]}]}
    tools = [{"name": "pliers", "spec": "pliers==1.0"}]
    outcome = host.apply({**warm_up, "python_tools": tools, **settings(ready_index)})
    assert not outcome.failed, outcome.text
    declared = state(ready_index)
    return {
        "check": host.apply(declared, check=True, diff=True),
        "run": host.apply(declared, diff=True),
        "second check": host.apply(declared, check=True, diff=True),
        "second run": host.apply(declared, diff=True, record=True),
    }


def test_check_foretells_every_change_of_the_run(host: Host, runs: dict[str, Outcome]) -> None:
    assert not runs["check"].failed, runs["check"].text
    assert not runs["run"].failed, runs["run"].text
    foretold, done = steps_of(runs["check"]), steps_of(runs["run"])
    assert sorted(done) == ["/home/alice/three", "/srv/one", "/srv/two", "pliers", "spanner"]
    assert foretold == done
    assert runs["check"].changed == runs["run"].changed
    for path in ("/srv/one", "/srv/two", "/home/alice/three"):
        there = {name: version for name, version in host.packages(path).items() if name in LIBRARIES}
        assert done[path]["packages"] == there
        assert done[path]["diff"]["after"] == lines(there)
    assert done["/srv/one"]["packages"] == {"alpha": "1.0", "beta": "1.1", "delta": "1.1", "gamma": "1.1"}
    assert done["/srv/two"]["packages"] == {"alpha": "1.0", "delta": "1.0"}


@pytest.mark.parametrize("which", ["second check", "second run"])
def test_nothing_is_changed_on_a_converged_host(runs: dict[str, Outcome], which: str) -> None:
    outcome = runs[which]
    assert not outcome.failed, outcome.text
    assert outcome.changed == 0, outcome.text
    assert outcome.diffs == []
    assert outcome.of("plan")[0].result["converged"]


def test_a_converged_run_costs_one_module_no_installer_and_no_connection(runs: dict[str, Outcome]) -> None:
    second = runs["second run"]
    assert second.installers == ()
    assert second.connections == ()
    # What was recorded is the run: of all modules this one was started on the host, once.
    assert second.modules == ("plan",)
    # What Ansible shows of it: the plan and one include that was skipped.
    assert [task.skipped for task in second.tasks if task.action != "ansible.builtin.validate_argument_spec"] == [
        False,
        True,
    ]
    assert not any(process.path.endswith(("/apt-get", "/dpkg", "/dpkg-query")) for process in second.processes)


def test_converged_host_does_not_notice_that_its_network_is_cut(
    host: Host, ready_index: LocalIndex, runs: dict[str, Outcome]
) -> None:
    assert not runs["run"].failed, runs["run"].text
    declared = {**state(ready_index), "python_index_url": "https://index.invalid/simple"}
    before = host.state_of("/srv") | host.state_of("/opt/pipx") | host.state_of("/home")
    with host.without_network():
        for check in (True, False):
            outcome = host.apply(declared, check=check)
            assert (outcome.rc, outcome.changed) == (0, 0), outcome.text
    assert host.state_of("/srv") | host.state_of("/opt/pipx") | host.state_of("/home") == before


@pytest.mark.releases("debian13")
@pytest.mark.usefixtures("runs")
def test_check_foretells_a_changed_state_too(host: Host, ready_index: LocalIndex) -> None:
    declared: dict[str, Any] = state(ready_index)
    declared["python_venvs"] = [
        {"path": "/srv/one", "packages": ["alpha>=1.1", "beta"], "owner": "app", "state": "latest"},
        {"path": "/srv/two", "state": "absent"},
        {"path": "/home/alice/three", "packages": ["delta==1.0"], "state": "exact", "owner": "alice"},
    ]
    declared["python_tools"] = [
        {"name": "spanner", "spec": "spanner>1.0", "inject": []},
        {"name": "pliers", "scope": "user", "user": "alice", "state": "absent"},
    ]
    checked, run = host.apply(declared, check=True, diff=True), host.apply(declared, diff=True)
    assert not checked.failed, checked.text
    assert not run.failed, run.text
    assert steps_of(checked) == steps_of(run)
    assert {name: told.get("action", told.get("tool", {}).get("action")) for name, told in steps_of(run).items()} == {
        "/srv/one": "updated",
        "/srv/two": "removed",
        "/home/alice/three": "updated",
        "spanner": "rebuilt",
        "pliers": "removed",
    }
    assert host.packages("/home/alice/three").keys() & set(LIBRARIES) == {"delta"}
    assert host.run(["spanner"], user="alice", login=True).stdout == "spanner 1.1\n"
    assert not host.exists("/home/alice/.local/bin/pliers")
    for again in (host.apply(declared, check=True, diff=True), host.apply(declared, diff=True)):
        assert (again.rc, again.changed, again.diffs) == (0, 0, []), again.text
