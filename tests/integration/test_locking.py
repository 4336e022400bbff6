"""One run at a time changes a host: a second one waits, says who it waits for, and no lock outlives its run."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hosts import Host
from local_index import IndexServer, LocalIndex

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian11")]

LOCK = "/run/pep668-provision.lock"
# The processes that have the lock's file open, as folders below /proc.
HOLDERS = f"find /proc/[0-9]*/fd -lname {LOCK} 2>/dev/null | cut -d/ -f1-3 | sort -u"
MODULES = f"for folder in $({HOLDERS}); do grep -q AnsiballZ_ $folder/cmdline && echo $folder; done; true"


@pytest.fixture(scope="module")
def slow_index(host: Host, index: LocalIndex) -> IndexServer:
    """An index that can be told to keep installers waiting, for a host that can make environments."""
    index.add("wanted", "1.0", scripts=["wanted"])
    outcome = host.apply(
        {"python_venvs": [{"path": "/srv/first", "packages": ["wanted"]}], "python_index_url": index.url}
    )
    assert not outcome.failed, outcome.text
    return index.serve(host)


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2) as executor:
        yield executor


def venv(path: str, index: IndexServer, **more: object) -> dict[str, object]:
    return {"path": path, "packages": ["wanted==1.0"], "python_index_url": index.url, **more}


def wait_until_another_waits(host: Host, *, seconds: float = 60) -> None:
    """Two modules have the lock's file open: the one that holds it and one that wants it."""
    end = time.monotonic() + seconds
    while len(host.run(MODULES).stdout.split()) < 2:
        assert time.monotonic() < end, "no second run came to the lock"
        time.sleep(0.1)


@pytest.mark.parametrize("second", ["/srv/other", "/srv/same"])
def test_two_runs_at_once_both_end_well(
    host: Host, slow_index: IndexServer, background: ThreadPoolExecutor, second: str
) -> None:
    host.run("rm -rf /srv/same /srv/other")
    with slow_index.holding():
        runs = [background.submit(host.module, "venv", venv("/srv/same", slow_index))]
        slow_index.wait_until_held()
        runs.append(background.submit(host.module, "venv", venv(second, slow_index)))
        wait_until_another_waits(host)
    results = [run.result() for run in runs]
    # Who waited looks again: where the first run did the work, nothing is left to change.
    assert [result["changed"] for result in results] == [True, second != "/srv/same"]
    for path in ("/srv/same", second):
        assert host.run([f"{path}/bin/wanted"]).stdout == "wanted 1.0\n"


def test_run_that_would_wait_too_long_says_who_holds_the_lock(
    host: Host, slow_index: IndexServer, background: ThreadPoolExecutor
) -> None:
    host.run("rm -rf /srv/same /srv/other")
    with slow_index.holding():
        first = background.submit(host.module, "venv", venv("/srv/same", slow_index))
        slow_index.wait_until_held()
        refused = host.module("venv", venv("/srv/other", slow_index, python_lock_timeout=1), expect_failure=True)
        holder = re.search(
            r"Another run is changing this host: process (\d+) of root or an installer it started, since 20",
            refused["msg"],
        )
        assert holder is not None, refused["msg"]
        assert "AnsiballZ" in host.read(f"/proc/{holder[1]}/cmdline")
        assert "python_lock_timeout" in refused["msg"]
        assert not host.exists("/srv/other")
    assert first.result()["changed"]


def test_converged_state_needs_no_lock(host: Host, slow_index: IndexServer, background: ThreadPoolExecutor) -> None:
    host.run("rm -rf /srv/same")
    with slow_index.holding():
        first = background.submit(host.module, "venv", venv("/srv/same", slow_index))
        slow_index.wait_until_held()
        converged = {"path": "/srv/first", "packages": ["wanted"], "python_lock_timeout": 0}
        assert not host.module("venv", converged)["changed"]
        checked = host.module("venv", {**converged, "state": "absent"}, check=True)
        assert checked["changed"]
    assert first.result()["changed"]


def test_lock_is_gone_with_its_killed_run(host: Host, slow_index: IndexServer, background: ThreadPoolExecutor) -> None:
    host.run("rm -rf /srv/same")
    with slow_index.holding():
        first = background.submit(host.run_module, "venv", venv("/srv/same", slow_index))
        slow_index.wait_until_held()
        host.run(f"kill -KILL $({HOLDERS} | cut -d/ -f3)")
        assert first.result().failed
        # This needs the lock at once, and nothing of the index.
        assert host.module("venv", {"path": "/srv/same", "state": "absent", "python_lock_timeout": 0})["changed"]
    assert not host.exists("/srv/same")


def test_installer_that_outlives_its_killed_run_keeps_others_waiting(
    host: Host, slow_index: IndexServer, background: ThreadPoolExecutor
) -> None:
    host.run("rm -rf /srv/same")
    with slow_index.holding():
        first = background.submit(host.run_module, "venv", venv("/srv/same", slow_index))
        slow_index.wait_until_held()
        host.run(f"kill -KILL $({{ {MODULES}; }} | cut -d/ -f3)")
        assert first.result().failed
        refused = host.module("venv", venv("/srv/same", slow_index, python_lock_timeout=0), expect_failure=True)
        assert "Another run is changing this host" in refused["msg"]
    healed = host.module("venv", venv("/srv/same", slow_index))
    assert healed["changed"]
    assert host.run(["/srv/same/bin/wanted"]).stdout == "wanted 1.0\n"
    assert not host.module("venv", venv("/srv/same", slow_index))["changed"]
