"""python_system_pip on real hosts: the declared exceptions, by the role and by pyinfra's deploy, with the same end."""

from __future__ import annotations

from typing import Any

import pytest

from hosts import Host
from local_index import LocalIndex
from pyinfra_runs import Pyinfra


def declared(index: LocalIndex) -> dict[str, Any]:
    """A library of the distribution's instead of pip's, one by pip after all, one of an account's own, and one gone."""
    return {
        "python_system_pip": [
            {"name": ["requests>=2"], "externally_managed": "prefer_system_package"},
            {"name": "alpha", "version": "1.0", "externally_managed": "break"},
            {"name": "gamma", "scope": "user", "user": "alice", "extra_args": "--break-system-packages"},
            {"name": "nobody", "state": "absent"},
        ],
        "python_index_url": index.url,
    }


def fill(index: LocalIndex) -> None:
    index.add("beta", "1.0")
    index.add("alpha", "1.0", requires=["beta"])
    index.add("gamma", "1.0")


def assert_is_there(host: Host) -> None:
    host.run(["python3", "-I", "-c", "import requests, alpha, beta"])
    host.run(["python3", "-c", "import gamma"], user="alice", login=True)
    assert host.run(["python3", "-I", "-c", "import gamma"], check=False).rc == 1


@pytest.mark.releases("debian12", "arch")
def test_the_role_meets_exceptions_and_costs_one_call_afterwards(fresh_host: Host, index: LocalIndex) -> None:
    """pip itself is brought by the distribution's package where an entry needs it."""
    fill(index)
    state = declared(index)
    foreseen = fresh_host.apply(state, check=True)
    assert foreseen.rc == 0, foreseen.text
    assert not fresh_host.exists("/home/alice/.local/lib")
    done = fresh_host.apply(state)
    assert (done.rc, done.changed > 0) == (0, True), done.text
    assert_is_there(fresh_host)
    assert fresh_host.owners("/home/alice/.local") == {"alice"}

    again = fresh_host.apply(state, record=True)
    assert (again.rc, again.changed, again.installers) == (0, 0, ()), again.text
    used = [task.action.rpartition(".")[2] for task in again.tasks if not task.skipped]
    assert used == ["validate_argument_spec", "plan"]
    assert fresh_host.apply(state, check=True).changed == 0


@pytest.mark.releases("debian12", "arch")
def test_what_pip_would_refuse_stops_the_role_before_anything_changes(fresh_host: Host, index: LocalIndex) -> None:
    fill(index)
    state = {**declared(index), "python_venvs": [{"path": "/srv/v", "packages": ["beta"]}]}
    state["python_system_pip"] = [{"name": "alpha"}]
    refused = fresh_host.apply(state)
    assert refused.failed
    assert "Marked as externally managed by" in refused.message
    assert "pep668.provision.venv:" in refused.message
    assert not fresh_host.exists("/srv/v")


@pytest.mark.releases("debian12")
def test_pyinfra_s_deploy_meets_the_same(fresh_host: Host, index: LocalIndex, pyinfra: Pyinfra) -> None:
    fill(index)
    state = declared(index)
    foreseen = pyinfra.provision(fresh_host, state, dry=True)
    assert foreseen.foreseen == 1, foreseen.text
    done = pyinfra.provision(fresh_host, state)
    assert done.succeeded, done.text
    assert done.changed == 1
    assert_is_there(fresh_host)
    again = pyinfra.provision(fresh_host, state)
    assert (again.changed, again.unchanged) == (0, 1), again.text
    # What one has brought the other finds there.
    outcome = fresh_host.apply(state)
    assert (outcome.rc, outcome.changed) == (0, 0), outcome.text
