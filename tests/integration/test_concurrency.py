"""Eight runs at once on one host, of Ansible and of pyinfra: one at a time changes it, and what they leave is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from footprint import lock_is_free
from hosts import Host, Outcome
from local_index import IndexServer, LocalIndex
from pyinfra_runs import Pyinfra, Run
from tally import Tally

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian12")]

EACH = 4
HELD = re.compile(r"Another run is changing this host: process \d+ of \w+ or an installer it started, since 20")


@pytest.fixture(scope="module")
def busy_index(host: Host, index: LocalIndex, full: bool) -> IndexServer:
    """An index that can be told to keep installers waiting, for a host that can make environments, with full tools."""
    for version in ("1.0", "2.0"):
        index.add("wanted", version, scripts=["wanted"])
        index.add("spanner", version, scripts=["spanner"])
    index.mirror("pip", "setuptools", "wheel")
    ready = {
        "python_venvs": [{"path": "/srv/first", "packages": ["wanted"]}],
        "python_tools": [spanner("1.0")] if full else [],
        "python_index_url": index.url,
    }
    first = host.apply(ready)
    assert not first.failed, first.text
    host.authorize("root")
    return index.serve(host)


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2 * EACH) as executor:
        yield executor


Runs = list[Future[Outcome] | Future[Run]]


def start(crowd: ThreadPoolExecutor, host: Host, pyinfra: Pyinfra, states: list[dict[str, Any]]) -> Runs:
    """Runs with these states, every other one of pyinfra."""
    runs: Runs = []
    for number, state in enumerate(states):
        if number % 2:
            runs.append(crowd.submit(pyinfra.provision, host, state))
        else:
            runs.append(crowd.submit(host.apply, state))
    return runs


def texts_of_failed(runs: Runs) -> list[str]:
    """What those that did not succeed said."""
    return [done.text for done in (run.result() for run in runs) if done.rc != 0]


def spanner(version: str) -> dict[str, str]:
    return {"name": "spanner", "spec": f"spanner=={version}"}


def test_runs_with_the_same_state_all_succeed_and_do_it_once(
    host: Host, busy_index: IndexServer, crowd: ThreadPoolExecutor, pyinfra: Pyinfra, tally: Tally, full: bool
) -> None:
    state = {
        "python_venvs": [{"path": f"/srv/same/{name}", "packages": ["wanted==2.0"]} for name in ("one", "two")],
        "python_tools": [spanner("2.0")] if full else [],
        "python_index_url": busy_index.url,
    }
    runs = start(crowd, host, pyinfra, [state] * 2 * EACH)
    assert texts_of_failed(runs) == []
    for name in ("one", "two"):
        assert host.run([f"/srv/same/{name}/bin/wanted"], user="alice").stdout == "wanted 2.0\n"
    if full:
        assert host.run(["spanner"], user="alice", login=True).stdout == "spanner 2.0\n"
    # The index was asked for each wheel once for each that has it: none was made twice.
    fetched = [
        line
        for line in busy_index.requests()
        if line.endswith(("wanted-2.0-py3-none-any.whl", "spanner-2.0-py3-none-any.whl"))
    ]
    assert len(fetched) <= 3, fetched
    again = host.apply(state)
    assert (again.rc, again.changed) == (0, 0), again.text
    assert lock_is_free(host)
    tally.add("races", "same state, Ansible and pyinfra", len(runs))


@pytest.mark.full
def test_runs_with_different_states_leave_each_its_own_and_one_of_what_they_dispute(
    host: Host, busy_index: IndexServer, crowd: ThreadPoolExecutor, pyinfra: Pyinfra, tally: Tally, full: bool
) -> None:
    having_their_own = range(2 * EACH) if full else range(2)
    states = [
        {
            "python_venvs": [
                {"path": "/srv/different/disputed", "packages": [f"wanted=={1 + number // 2 % 2}.0"]},
                *([{"path": f"/srv/different/{number}", "packages": ["wanted==1.0"], "owner": "app"}])
                * (number in having_their_own),
            ],
            "python_tools": [spanner(f"{1 + number // 2 % 2}.0")] if full else [],
            "python_index_url": busy_index.url,
        }
        for number in range(2 * EACH)
    ]
    runs = start(crowd, host, pyinfra, states)
    assert texts_of_failed(runs) == []
    for number in having_their_own:
        assert host.run([f"/srv/different/{number}/bin/wanted"], user="alice").stdout == "wanted 1.0\n"
    for command in ["/srv/different/disputed/bin/wanted", *["/usr/local/bin/spanner"] * full]:
        assert re.fullmatch(r"\w+ [12]\.0\n", host.run([command], user="alice").stdout)
    host.run(["/srv/different/disputed/bin/python", "-m", "pip", "check"])
    # Whoever comes last alone gets what it asks for, and then has it.
    last = host.apply(states[0])
    assert not last.failed, last.text
    again = host.apply(states[0])
    assert (again.rc, again.changed) == (0, 0), again.text
    assert host.run(["/srv/different/disputed/bin/wanted"]).stdout == "wanted 1.0\n"
    assert lock_is_free(host)
    tally.add("races", "different states, Ansible and pyinfra", len(runs))


def test_those_that_would_wait_too_long_say_who_holds_the_lock_and_the_others_succeed(
    host: Host, busy_index: IndexServer, crowd: ThreadPoolExecutor, pyinfra: Pyinfra, tally: Tally
) -> None:
    def state(number: int, **more: object) -> dict[str, Any]:
        venvs = [{"path": f"/srv/patience/{number}", "packages": ["wanted==1.0"]}]
        return {"python_venvs": venvs, "python_index_url": busy_index.url, **more}

    with busy_index.holding():
        holding = start(crowd, host, pyinfra, [state(0)])
        busy_index.wait_until_held()
        impatient = start(crowd, host, pyinfra, [state(number, python_lock_timeout=1) for number in (1, 2, 3, 4)])
        patient = start(crowd, host, pyinfra, [state(number) for number in (5, 6, 7)])
        refused = texts_of_failed(impatient)
        assert len(refused) == len(impatient)
        assert all(HELD.search(text) and "python_lock_timeout" in text for text in refused), refused
        assert not any("Traceback" in text for text in refused), refused
    assert texts_of_failed([*holding, *patient]) == []
    assert host.listing("/srv/patience") == ["0", "5", "6", "7"]
    for number in (0, 5, 6, 7):
        assert host.run([f"/srv/patience/{number}/bin/wanted"]).stdout == "wanted 1.0\n"
    assert lock_is_free(host)
    tally.add("races", "some with little patience", len(holding + impatient + patient))


def test_root_and_another_account_at_once_do_not_meet(
    host: Host, busy_index: IndexServer, crowd: ThreadPoolExecutor, pyinfra: Pyinfra, tally: Tally, full: bool
) -> None:
    if not full:
        pytest.skip("one of the races of --full")
    mine = {
        "python_venvs": [{"path": "/home/alice/work/.venv", "packages": ["wanted==2.0"]}],
        "python_tools": [{**spanner("2.0"), "scope": "user"}],
        "python_index_url": busy_index.url,
    }
    roots = {
        "python_venvs": [{"path": "/srv/roots", "packages": ["wanted==2.0"]}],
        "python_tools": [spanner("1.0")],
        "python_index_url": busy_index.url,
    }
    runs: Runs = [
        crowd.submit(host.apply, mine, user="alice"),
        crowd.submit(pyinfra.provision, host, mine, user="alice"),
    ]
    runs += start(crowd, host, pyinfra, [roots, roots])
    assert texts_of_failed(runs) == []
    assert host.run(["/home/alice/work/.venv/bin/wanted"], user="alice").stdout == "wanted 2.0\n"
    assert host.owners("/home/alice/work") == {"alice"}
    assert host.run(["/home/alice/.local/bin/spanner"], user="alice").stdout == "spanner 2.0\n"
    assert host.run(["/usr/local/bin/spanner"], user="alice").stdout == "spanner 1.0\n"
    assert host.run(["/srv/roots/bin/wanted"], user="alice").stdout == "wanted 2.0\n"
    assert host.apply(mine, user="alice").changed == 0
    assert host.apply(roots).changed == 0
    tally.add("races", "root and another account", len(runs))
