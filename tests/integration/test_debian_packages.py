"""What the role asks of apt on Debian: only what is missing, no recommends, lists and lock treated with care."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from hosts import CommandFailed, Host
from local_index import LocalIndex

pytestmark = pytest.mark.releases("debian12")

LISTS = "/var/lib/apt/lists"
STAMP = "/var/lib/apt/periodic/update-success-stamp"
HOUR, DAY = 3600, 86400
#: Holds dpkg's frontend lock, as another apt-get does, while there is a file that says so.
HOLD_LOCK = """
import fcntl, os, pathlib, time
handle = os.open("/var/lib/dpkg/lock-frontend", os.O_RDWR | os.O_CREAT, 0o640)
fcntl.lockf(handle, fcntl.LOCK_EX)
pathlib.Path("/tmp/lock-is-held").touch()
while os.path.exists("/tmp/lock-is-held"):
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    index.add("alpha", "1.0")
    index.add("hello", "1.0", scripts=["hello"])
    index.mirror("pip", "setuptools", "wheel", "pipx")
    return index


@pytest.fixture(scope="module")
def refreshed(host: Host) -> Host:
    """A host with fresh lists."""
    host.run("apt-get -q update")
    return host


def installed(host: Host) -> set[str]:
    """The names of the host's installed packages."""
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Package}\n"]
    lines = host.run(query).stdout.splitlines()
    return {line.split()[1] for line in lines if line.startswith("ii")}


def needed_by(host: Host, name: str, among: set[str]) -> set[str]:
    """The package and what of ``among`` it depends on, directly or not; recommends do not count."""
    found: set[str] = set()
    pending = [name]
    while pending:
        package = pending.pop()
        if package in found or package not in among:
            continue
        found.add(package)
        fields = host.run(["dpkg-query", "--show", "--showformat=${Depends},${Pre-Depends}", package]).stdout
        pending += [word.split()[0].partition(":")[0] for word in re.split(r"[,|]", fields) if word.strip()]
    return found


def age_lists(host: Host, seconds: int) -> int:
    """apt's lists were refreshed this many seconds ago; returns the time they now have."""
    then = int(host.run(["date", "+%s"]).stdout) - seconds
    host.run(f"mkdir -p $(dirname {STAMP}) && touch {STAMP} && touch -d @{then} {LISTS} {STAMP}")
    return then


def refreshed_at(host: Host) -> int:
    return int(host.run(["stat", "--format=%Y", LISTS]).stdout)


@pytest.mark.releases("debian13")
def test_only_what_is_missing_is_installed_and_no_recommends(
    fresh_host: Host, stocked: LocalIndex, release: str
) -> None:
    host = fresh_host
    with_venv = {"python_venvs": [{"path": "/srv/v", "packages": ["alpha"]}], "python_index_url": stocked.url}
    with_tool = {**with_venv, "python_tools": [{"name": "hello"}]}
    before = installed(host)
    assert "python3-apt" in before

    refused = host.apply({**with_venv, "python_manage_system_packages": False})
    assert refused.failed
    assert "apt-get install --no-install-recommends python3-venv" in refused.message
    assert "python_manage_system_packages is false" in refused.message
    without_root = host.apply({"python_venvs": [{"path": "/home/alice/v"}]}, user="alice")
    assert without_root.failed
    assert "As root, run: apt-get install --no-install-recommends python3-venv" in without_root.message
    foretold = host.apply(with_tool, check=True)
    assert foretold.rc == 0, foretold.text
    named = [task.result["msg"] for task in foretold.of("debug") if not task.skipped]
    assert named == ["python3-venv" if release == "debian11" else "pipx python3-venv"]
    assert installed(host) == before
    assert host.listing(LISTS) == []
    assert not host.exists("/srv/v")
    assert not host.exists("/home/alice/v")

    done = host.apply(with_venv)
    assert done.rc == 0, done.text
    after_venv = installed(host)
    added = after_venv - before
    assert "python3-venv" in added
    assert added == needed_by(host, "python3-venv", added)
    assert host.packages("/srv/v")["alpha"] == "1.0"
    assert any("_Packages" in name for name in host.listing(LISTS))

    done = host.apply(with_tool)
    assert done.rc == 0, done.text
    added = installed(host) - after_venv
    assert added == (set() if release == "debian11" else needed_by(host, "pipx", added))
    assert ("pipx" in added) is (release != "debian11")

    then = age_lists(host, 10 * DAY)
    again = host.apply(with_tool)
    assert (again.rc, again.changed) == (0, 0), again.text
    assert refreshed_at(host) == then


def test_libraries_are_the_distributions_own_and_fresh_lists_are_not_refreshed(refreshed: Host) -> None:
    host = refreshed
    before = installed(host)
    then = age_lists(host, HOUR)
    declared = {"python_libraries": ["requests", "PyYAML"]}
    done = host.apply(declared)
    assert done.rc == 0, done.text
    assert done.changed == 1
    assert refreshed_at(host) == then
    assert host.run(["python3", "-c", "import requests, yaml; print(yaml.__file__)"]).stdout.startswith("/usr/lib/")
    added = installed(host) - before
    assert added == needed_by(host, "python3-requests", added) | needed_by(host, "python3-yaml", added)
    again = host.apply(declared)
    assert (again.rc, again.changed) == (0, 0), again.text
    checked = host.apply(declared, check=True)
    assert (checked.rc, checked.changed) == (0, 0), checked.text


def test_old_lists_are_refreshed_when_something_must_be_installed(refreshed: Host) -> None:
    # apt leaves lists that are still current as they are: one that is gone shows whether it looked.
    (gone,) = (name for name in refreshed.listing(LISTS) if name.endswith("-updates_InRelease"))
    for age, looked in ((HOUR, False), (2 * DAY, True)):
        refreshed.run(["rm", "-f", f"{LISTS}/{gone}"])
        age_lists(refreshed, age)
        done = refreshed.apply({"python_libraries": ["attrs" if looked else "idna"]})
        assert done.rc == 0, done.text
        assert refreshed.exists(f"{LISTS}/{gone}") is looked
    assert refreshed.run(["python3", "-c", "import attr, idna"]).rc == 0


def test_a_library_the_distribution_has_not_is_named(refreshed: Host) -> None:
    before = installed(refreshed)
    failed = refreshed.apply({"python_libraries": ["nosuch-library"]})
    assert failed.failed
    assert "python3-nosuch-library" in failed.message
    assert installed(refreshed) == before


def test_a_missing_library_is_named_with_the_command_before_anything_changes(refreshed: Host) -> None:
    declared = {"python_libraries": ["tabulate"], "python_venvs": [{"path": "/srv/held-back", "installer": "pip"}]}
    failed = refreshed.apply({**declared, "python_manage_system_packages": False})
    assert failed.failed
    assert re.search(r"apt-get install --no-install-recommends .*python3-tabulate", failed.message)
    assert "it provides the library tabulate" in failed.message
    assert not refreshed.exists("/srv/held-back")
    assert "python3-tabulate" not in installed(refreshed)


@contextmanager
def lock_held(host: Host) -> Iterator[None]:
    """Another process holds the package manager's lock until the block ends, or until the file is removed in it."""
    host.write("/tmp/hold_lock.py", HOLD_LOCK)
    host.start(["python3", "/tmp/hold_lock.py"])
    wait_for(host, "test -e /tmp/lock-is-held")
    try:
        yield
    finally:
        host.run(["rm", "-f", "/tmp/lock-is-held"])


def wait_for(host: Host, condition: str, *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while host.run(condition, check=False).rc:
        if time.monotonic() > end:
            raise CommandFailed(f"{host}: still not true: {condition}")
        time.sleep(0.2)


# Processes by their command lines, without pgrep, which a minimal host does not have.
INSTALLING = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q AnsiballZ_apt"


def test_a_held_lock_is_waited_for(refreshed: Host) -> None:
    with ThreadPoolExecutor(1) as pool, lock_held(refreshed):
        running = pool.submit(refreshed.apply, {"python_libraries": ["simplejson"]})
        wait_for(refreshed, INSTALLING)
        time.sleep(3)
        assert not running.done(), running.result().text
        assert "python3-simplejson" not in installed(refreshed)
        refreshed.run(["rm", "-f", "/tmp/lock-is-held"])
        done = running.result()
    assert done.rc == 0, done.text
    assert "python3-simplejson" in installed(refreshed)


def test_a_lock_held_for_too_long_is_told(refreshed: Host) -> None:
    with lock_held(refreshed):
        failed = refreshed.apply({"python_libraries": ["toml"], "python_lock_timeout": 1})
    assert failed.failed
    assert "lock" in failed.message.lower()
    assert "python3-toml" not in installed(refreshed)
