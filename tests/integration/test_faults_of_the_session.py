"""SSH that ends in the middle of a run: what it started ends with it or goes on, and the next run knows which."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from footprint import LOCK, changes, footprint, lock_is_free
from hosts import Host
from local_index import IndexServer, LocalIndex
from pyinfra_runs import Pyinfra
from tally import Tally

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian11")]

PATH = "/srv/session/.venv"
# Every process that serves a connection; the host's first process is the one that listens.
DROP = "kill -KILL $(pgrep -x sshd | grep -vx 1)"


@pytest.fixture(scope="module")
def slow_index(host: Host, index: LocalIndex) -> IndexServer:
    """An index that can be told to keep installers waiting, for a host that can make environments."""
    index.add("wanted", "1.0", scripts=["wanted"])
    index.add("wanted", "2.0", scripts=["wanted"])
    first = host.apply({"python_venvs": [{"path": PATH, "packages": ["wanted==1.0"]}], "python_index_url": index.url})
    assert not first.failed, first.text
    return index.serve(host)


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2) as executor:
        yield executor


def declared(index: IndexServer, version: str, **more: object) -> dict[str, object]:
    entry = {"path": PATH, "packages": [f"wanted=={version}"]}
    return {"python_venvs": [entry], "python_index_url": index.url, **more}


def is_at(host: Host, version: str) -> bool:
    return host.run([f"{PATH}/bin/wanted"], user="alice", check=False).stdout == f"wanted {version}\n"


def wait_until_free(host: Host, *, seconds: float = 60) -> None:
    """Nothing holds the lock. Raises AssertionError after seconds."""
    end = time.monotonic() + seconds
    while not lock_is_free(host):
        assert time.monotonic() < end, host.read(LOCK)
        time.sleep(0.2)


def test_run_that_goes_on_without_its_connection_is_waited_for(
    host: Host, slow_index: IndexServer, background: ThreadPoolExecutor, tally: Tally
) -> None:
    with slow_index.holding():
        cut_off = background.submit(host.apply, declared(slow_index, "2.0"))
        slow_index.wait_until_held()
        host.run(DROP)
        assert cut_off.result().failed
        refused = host.apply(declared(slow_index, "2.0", python_lock_timeout=0))
        holder = re.search(r"Another run is changing this host: process (\d+) of root", refused.message)
        assert holder is not None, refused.text
        assert host.exists(f"/proc/{holder[1]}")
        waiting = background.submit(host.apply, declared(slow_index, "2.0"))
        # As long as it waits nothing is changed.
        time.sleep(1)
        assert not waiting.done()
    waited = waiting.result()
    assert not waited.failed, waited.text
    assert is_at(host, "2.0")
    assert host.apply(declared(slow_index, "2.0")).changed == 0
    assert lock_is_free(host)
    tally.add("faults", "SSH dropped, the run goes on")


def test_run_that_ends_with_its_connection_is_made_good(
    host: Host, slow_index: IndexServer, background: ThreadPoolExecutor, tally: Tally
) -> None:
    # A terminal is what Ansible asks for by default; when its connection ends, the kernel hangs up what runs in it.
    terminal = {"ansible_ssh_use_tty": True}
    before = footprint(host, without=["/srv/session"])
    with slow_index.holding():
        cut_off = background.submit(host.apply, {**declared(slow_index, "1.0"), **terminal})
        slow_index.wait_until_held()
        host.run(DROP)
        assert cut_off.result().failed
        wait_until_free(host)
    healed = host.apply(declared(slow_index, "1.0"))
    assert not healed.failed, healed.text
    assert healed.changed
    assert is_at(host, "1.0")
    assert host.apply(declared(slow_index, "1.0")).changed == 0
    left = changes(before, footprint(host, without=["/srv/session"]))
    # What Ansible unpacked its module into stays, and logins write their message of the day.
    assert [line for line in left if not re.match(r"\+ /tmp/ansible_|[+!] /run/motd", line)] == []
    tally.add("faults", "SSH dropped, the run ends")


def test_run_of_pyinfra_without_its_connection_is_waited_for(
    host: Host, slow_index: IndexServer, background: ThreadPoolExecutor, pyinfra: Pyinfra, tally: Tally
) -> None:
    with slow_index.holding():
        cut_off = background.submit(pyinfra.provision, host, declared(slow_index, "2.0"))
        slow_index.wait_until_held()
        host.run(DROP)
        assert not cut_off.result().succeeded
        refused = pyinfra.provision(host, declared(slow_index, "2.0", python_lock_timeout=0))
        assert "Another run is changing this host: process" in refused.text
        waiting = background.submit(pyinfra.provision, host, declared(slow_index, "2.0"))
        time.sleep(1)
        assert not waiting.done()
    assert waiting.result().succeeded, waiting.result().text
    assert is_at(host, "2.0")
    assert pyinfra.provision(host, declared(slow_index, "2.0")).changed == 0
    assert lock_is_free(host)
    tally.add("faults", "SSH dropped under pyinfra")
