"""Package managers that a killed run left half-way, that somebody else keeps busy, or that cannot install any more."""

from __future__ import annotations

import os
import random
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from checkout import CHECKOUT
from hosts import Host, Outcome
from local_index import LocalIndex
from pyinfra_runs import Pyinfra
from tally import Tally

FAMILIES = ("debian13", "fedora44", "arch", "opensuse")
#: What is declared: OS packages that need others, so that a transaction has several steps to be killed at.
STATE = {"python_libraries": ["requests"]}
NEEDED = ("requests", "urllib3", "charset-normalizer", "idna", "certifi")
#: The moments of a short run are always the same; a full run has others each time, or those of PROVISION_SEED again.
SEED = 668

#: Kills everything on the host but its first process, as soon as a path is there and seconds after that have passed.
KILL = """
import os, sys, time
path, seconds, patience = sys.argv[1], float(sys.argv[2]), time.monotonic() + 120
try:
    os.nice(-20)
except OSError:
    pass
print("ready", flush=True)
while not os.path.lexists(path):
    if time.monotonic() > patience:
        sys.exit("%s never came to be" % path)
time.sleep(seconds)
try:
    os.kill(-1, 9)
except ProcessLookupError:
    pass  # everything has ended
print("killed", flush=True)
"""


@dataclass(frozen=True)
class Manager:
    """How a package manager is used by hand: what installs and removes, and what tells whether all is whole.

    Names of packages begin with ``prefix``; ``other`` is one that is not declared.
    """

    name: str
    install: str
    remove: str
    prefix: str
    other: str
    audit: str


MANAGERS = {
    "debian13": Manager(
        "apt",
        "apt-get --quiet install --yes --no-install-recommends",
        "apt-get --quiet purge --yes --auto-remove",
        "python3-",
        "python3-yaml",
        "dpkg --audit; apt-get check; ls /var/lib/dpkg/updates; dpkg-query --show; dpkg --verify",
    ),
    "fedora44": Manager(
        "dnf5",
        "dnf5 --quiet install --assumeyes",
        "dnf5 --quiet remove --assumeyes --no-autoremove",
        "python3-",
        "python3-pyyaml",
        "dnf5 check; rpm --query --all | sort; rpm --verify --all --nomtime",
    ),
    "arch": Manager(
        "pacman",
        "pacman --sync --noconfirm",
        "pacman --remove --nosave --noconfirm",
        "python-",
        "python-yaml",
        "pacman --query; pacman --query --check; pacman --database --check; ls /var/lib/pacman",
    ),
    "opensuse": Manager(
        "zypper",
        "zypper --quiet --non-interactive install --no-recommends",
        "zypper --quiet --non-interactive remove",
        "python314-",
        "python314-PyYAML",
        "zypper --quiet verify --dry-run; rpm --query --all | sort; rpm --verify --all --nomtime",
    ),
}


@pytest.fixture(scope="module")
def manager(host: Host, release: str) -> Manager:
    """The release's package manager, with its lists and the packages it downloads kept at hand."""
    host.run("rm -f /etc/apt/apt.conf.d/docker-clean")
    return MANAGERS[release]


@pytest.fixture(scope="module")
def whole(host: Host, manager: Manager) -> tuple[str, str]:
    """What an audit says of the host with what is declared, and where the distribution's packages for Python lie."""
    outcome = host.apply(STATE)
    assert outcome.changed, outcome.text
    found = host.run(["python3", "-c", "import importlib.util as u; print(u.find_spec('requests').origin)"])
    return audit(host, manager), found.stdout.strip().removesuffix("/requests/__init__.py")


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2) as executor:
        yield executor


def audit(host: Host, manager: Manager) -> str:
    found = host.run(manager.audit, check=False)
    return f"{found.stdout}{found.stderr}"


def take_away(host: Host, manager: Manager, folder: str = "") -> None:
    """The packages of what is declared are gone, and with a folder all that lay in it of them."""
    # By name: what a killed transaction brought is not remembered as somebody's dependency.
    host.run(f"{manager.remove} {' '.join(manager.prefix + name for name in NEEDED)}")
    for name in NEEDED if folder else ():
        # What was imported has left byte code.
        host.run(["rm", "-rf", f"{folder}/{name.replace('-', '_')}"])


def kill_when(host: Host, path: str, seconds: float, run: Callable[[], Any], background: ThreadPoolExecutor) -> bool:
    """A run was started, and everything on the host was killed so long after the path came to be.

    Returns whether the run was killed by that, and not at its end already.
    """
    watcher = subprocess.Popen(
        ["podman", "exec", host.name, "python3", "-u", "-c", KILL, path, str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watcher.stdout is not None
    assert watcher.stdout.readline() == "ready\n"
    running = background.submit(run)
    printed, error = watcher.communicate()
    ended = running.result()
    assert printed == "killed\n", error
    return bool(ended.rc)


def kill_points(manager: Manager, folder: str, *, full: bool) -> list[tuple[str, float]]:
    """Where a transaction is killed: when these paths come to be, and at random times after the first one did."""
    # Packages of apt are unpacked, then configured, which compiles them; those of others come one after the other.
    second = "requests/__pycache__" if manager.name == "apt" else "charset_normalizer"
    fixed = [f"{folder}/urllib3/contrib", f"{folder}/{second}"]
    seed = int(os.environ.get("PROVISION_SEED") or random.randrange(10**6)) if full else SEED
    print(f"PROVISION_SEED={seed}")
    chance = random.Random(seed)
    times = (13 if manager.name == "apt" else 3) if full else (1 if manager.name == "apt" else 0)
    span = 2.5 if manager.name == "apt" else 0.6
    if not full and manager.name != "apt":
        # pacman writes its database at a package's end, RPM begins with one of the largest.
        fixed = fixed[:1] if manager.name == "pacman" else fixed[1:]
    return [(path, 0.0) for path in fixed] + [(fixed[0], chance.uniform(0, span)) for _ in range(times)]


@pytest.mark.releases(*FAMILIES)
def test_what_a_killed_transaction_left_is_repaired_by_the_next_run(
    host: Host,
    manager: Manager,
    whole: tuple[str, str],
    full: bool,  # a fixture
    tally: Tally,
    pyinfra: Pyinfra,
    background: ThreadPoolExecutor,
) -> None:
    expected, folder = whole
    by_hand = f"{manager.install} {manager.prefix}requests"
    starters: list[Callable[[], Any]] = [
        lambda: host.apply(STATE),
        lambda: host.run(by_hand, check=False),
        lambda: pyinfra.provision(host, STATE),
    ]
    repaired = 0
    for number, (path, seconds) in enumerate(kill_points(manager, folder, full=full)):
        take_away(host, manager, folder)
        # A transaction can be over before the one who kills is given a processor.
        delay = seconds
        while not kill_when(host, path, delay, starters[number % len(starters)], background):
            take_away(host, manager, folder)
            delay /= 2
        broken = audit(host, manager)
        foreseen = host.apply(STATE, check=True) if full or not number else None
        healed = pyinfra.provision(host, STATE) if number % 2 else host.apply(STATE)
        told = f"{number}: killed {seconds:.3f} s after {path} was there\n{broken}"
        assert healed.rc == 0, f"{told}\n{healed.text}"
        assert audit(host, manager) == expected, f"{told}\n{healed.text}"
        if foreseen is not None and repairs_in(foreseen):
            repaired += 1
            assert "repair package manager" in healed.text or "Have the package manager ready (" in healed.text, told
            again = host.apply(STATE)
            assert (again.rc, again.changed) == (0, 0), f"{told}\n{again.text}"
        tally.add("kills", f"package transaction, {manager.name}")
    # Killed at a fixed point each of them left something half-way.
    assert repaired >= 1


def repairs_in(outcome: Outcome) -> list[dict[str, Any]]:
    """The steps of a run's plan that repair the package manager."""
    steps = [step for task in outcome.of("pep668.provision.plan") for step in task.result["steps"]]
    return [step for step in steps if step["kind"] == "package_manager"]


@contextmanager
def asking(host: Host, manager: Manager) -> Iterator[str]:
    """A real package manager waits for an answer to its question, with its locks; yields its process."""
    command = re.sub(r" --(yes|assumeyes|noconfirm|non-interactive|quiet)", "", f"{manager.install} {manager.other}")
    program = command.split()[0]
    # zypper asks nobody but a terminal, and the others end well when there is nobody any more.
    terminal = "python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])'" if program == "zypper" else ""
    host.start(["sh", "-c", f"sleep 600 | {terminal} {command}"])
    end = time.monotonic() + 60
    while not (found := host.run(["pgrep", "-f", f"^{command}"], check=False).stdout.split()):
        assert time.monotonic() < end, host.read("/tmp/background.log")
        time.sleep(0.2)
    while not re.search(r"\[[Yy]/|Continue\?", said := host.read("/tmp/background.log")):
        assert time.monotonic() < end, said
        time.sleep(0.2)
    try:
        yield found[-1]
    finally:
        host.run("pkill -x sleep", check=False)
        if terminal:
            host.run(["kill", "-KILL", found[-1]])


@pytest.mark.releases(*FAMILIES)
def test_a_busy_package_manager_is_waited_for_and_its_user_is_named(
    host: Host, manager: Manager, whole: tuple[str, str], full: bool, tally: Tally, background: ThreadPoolExecutor
) -> None:
    if not full and manager.name not in ("apt", "pacman"):
        pytest.skip("without --full apt and pacman, which keep their locks in two ways, stand for all")
    take_away(host, manager)
    with asking(host, manager) as process:
        refused = host.apply({**STATE, "python_lock_timeout": 1})
        assert refused.failed
        assert f"The package manager {manager.name} is locked by process {process} (" in refused.message
        assert manager.other in refused.message
        assert "since 20" in refused.message
        assert "python_lock_timeout" in refused.message
        waiting = background.submit(host.apply, {**STATE, "python_lock_timeout": 120})
        wait_for_module(host, waiting)
    healed = waiting.result()
    assert healed.rc == 0, healed.text
    assert not any(task.changed for task in healed.of("pep668.provision.package_manager"))
    assert audit(host, manager) == whole[0]
    tally.add("faults", f"package manager locked by another process, {manager.name}", 2)


def wait_for_module(host: Host, run: Future[Any]) -> None:
    """The run has come to where it waits for the package manager."""
    while host.run(["pgrep", "-f", "AnsiballZ_package_manager"], check=False).rc:
        assert not run.done(), run.result()
        time.sleep(0.1)
    time.sleep(1)
    assert not run.done(), run.result()


PACKAGE = """
set -e
mkdir -p /tmp/{name}/DEBIAN
printf '%s\\n' 'Package: {name}' 'Version: 1' 'Architecture: all' 'Maintainer: tests' 'Description: tests' \
    >/tmp/{name}/DEBIAN/control
printf '#!/bin/sh\\n{postinst}\\n' >/tmp/{name}/DEBIAN/postinst
chmod 0755 /tmp/{name}/DEBIAN/postinst
dpkg-deb --build /tmp/{name} >/dev/null
"""


def test_a_transaction_that_is_under_way_is_not_taken_for_one_that_was_killed(
    host: Host, manager: Manager, whole: tuple[str, str], tally: Tally, background: ThreadPoolExecutor
) -> None:
    take_away(host, manager)
    host.run(PACKAGE.format(name="slow", postinst="while [ ! -e /run/go ]; do sleep 0.1; done"))
    installing = background.submit(host.run, "apt-get install --yes /tmp/slow.deb")
    # Where a transaction is under way, packages are half-configured as well.
    while "half-configured" not in host.run("dpkg-query --show --showformat='${Status}' slow", check=False).stdout:
        assert not installing.done(), installing.result()
    foreseen = host.apply(STATE, check=True)
    assert foreseen.rc == 0, foreseen.text
    assert repairs_in(foreseen) == []
    waiting = background.submit(host.apply, STATE)
    wait_for_module(host, waiting)
    host.run("touch /run/go")
    assert waiting.result().rc == 0, waiting.result().text
    assert not any(task.changed for task in waiting.result().of("pep668.provision.package_manager"))
    installing.result()
    host.run("apt-get purge --yes slow; rm -rf /run/go /tmp/slow*")
    assert audit(host, manager) == whole[0]
    tally.add("faults", "package manager locked by another process, apt")


@pytest.mark.usefixtures("whole")
def test_a_package_that_cannot_be_configured_is_named_and_stops_only_what_needs_packages(
    host: Host, manager: Manager, tally: Tally, index: LocalIndex
) -> None:
    index.add("hello", "1.0")
    environment = {"python_venvs": [{"path": "/srv/v", "packages": ["hello"]}], "python_index_url": index.url}
    host.run(f"{manager.install} python3-venv")
    take_away(host, manager)
    host.run(PACKAGE.format(name="broken", postinst="echo The disk is on fire. >&2; exit 3"))
    assert host.run("apt-get install --yes /tmp/broken.deb", check=False).rc
    before = host.run("dpkg-query --show --showformat='${Package} ${Version} ${Status}\\n'").stdout

    # What needs no package is provided, and the broken one is left as it is.
    provided = host.apply(environment)
    assert (provided.rc, host.packages("/srv/v")["hello"]) == (0, "1.0"), provided.text

    refused = host.apply(STATE)
    assert refused.failed
    assert "broken is half-configured" in refused.message
    assert "post-installation script" in refused.message
    assert "dpkg --force-confdef --force-confold --configure --pending" in refused.message
    assert host.run("dpkg-query --show --showformat='${Package} ${Version} ${Status}\\n'").stdout == before
    assert host.apply(environment).changed == 0

    host.run("sed -i '/exit 3/d' /var/lib/dpkg/info/broken.postinst")
    healed = host.apply(STATE)
    assert healed.rc == 0, healed.text
    assert "Have the package manager ready (broken is half-configured)" in healed.text
    assert not host.run("dpkg --audit; ls /var/lib/dpkg/updates").stdout
    host.run("apt-get purge --yes broken; rm -rf /tmp/broken* /srv/v")
    tally.add("faults", "half-configured package whose script fails")


def test_the_first_python_comes_to_a_host_whose_apt_was_killed(bare_host: Host, tally: Tally) -> None:
    install = "apt-get --quiet update && apt-get --quiet install --yes --no-install-recommends python3"
    begun = "/usr/lib/python3.13/encodings"
    # Without Python there is but the shell to kill everything around it.
    killed = f"({install}) >/tmp/killed.log 2>&1 & while [ ! -e {begun} ]; do :; done; kill -9 -1"
    bare_host.run(["sh", "-c", killed], check=False)
    assert bare_host.run(["dpkg", "--audit"]).stdout
    outcome = bare_host.play(CHECKOUT / "playbooks" / "bootstrap.yml", {})
    assert outcome.rc == 0, outcome.text
    assert "pep668.provision: repaired apt" in outcome.text
    assert bare_host.run(["python3", "-c", "import apt"]).rc == 0
    assert not bare_host.run("dpkg --audit; ls /var/lib/dpkg/updates").stdout
    tally.add("kills", "package transaction, apt")
