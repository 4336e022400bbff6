"""What is seen of transactions of package managers: who has one under way, and what a killed one left."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from made_up_host import MadeUpHost
from pep668_provision.engine.host import Host
from pep668_provision.engine.package_manager import MANAGERS
from pep668_provision.engine.package_recovery import RECOVERIES
from pep668_provision.engine.package_transaction import Holder, Interruption, find_holder, find_interruption
from pep668_provision.engine.process import Command, Completed

STATUS = """\
Package: whole
Status: install ok installed
Architecture: all

Package: gone
Status: deinstall ok config-files
Architecture: all

"""
LOCAL = "/var/lib/pacman/local"
STARTED = "[2026-11-21T18:24:56+0000] [ALPM] transaction started\n"
COMPLETED = "[2026-11-21T18:24:57+0000] [ALPM] transaction completed\n"
INSTALLED = "[2026-11-21T18:24:56+0000] [ALPM] installed python-idna (3.20-1)\n"

# As dnf5 5.4.6 prints them.
DNF5 = """\
Transaction ID : 10
Begin time     : 2026-11-21 18:19:32
Status         : {status}
Description    : dnf5 -y upgrade slow
Packages altered:
  Action   Package           Reason Repository
  Upgrade  slow-0:2-1.noarch User   extra
  Install  later-0:1-1.noarch User   extra
  Replaced slow-0:1-1.noarch User   @System
"""
# As dnf 4.5.2 prints them.
DNF4 = """\
Transaction ID : 1
Begin time     : Sat Nov 21 18:23:14 2026
End rpmdb      : {end}
Packages Altered:
 ** Install slow-1-1.noarch  @extra
 ** Install third-1-1.noarch @extra
"""
ZYPPER = """\
2026-11-21 18:00:00|command|root@host|'zypper' 'install' 'before'|
2026-11-21 18:00:00|install|before|1-1|noarch||extra|8679|
2026-11-21 18:20:50|command|root@host|'zypper' 'install' 'slow'|
2026-11-21 18:20:50|install|slow|2-1|noarch||extra|dfaf|
# 2026-11-21 18:20:50 slow installed ok
"""


def stanza(status: str, package: str = "half") -> str:
    return f"Package: {package}\nStatus: {status}\nArchitecture: all\n\n"


def with_answers(host: Host, answers: Mapping[str, str]) -> Host:
    """The host with commands that print these, by their beginnings; others fail."""

    def run(command: Command, _environ: Mapping[str, str]) -> Completed:
        line = " ".join(command.argv)
        printed = next((text for start, text in answers.items() if line.startswith(start)), None)
        return Completed(command, 1 if printed is None else 0, printed or "")

    return replace(host, runner=run)


def left(host: Host, manager: str) -> Interruption | None:
    return find_interruption(host, MANAGERS[manager])


@pytest.mark.parametrize(
    ("status", "unpacked"),
    [
        pytest.param("install ok unpacked", True, id="unpacked"),
        pytest.param("install ok half-configured", False, id="half-configured"),
        pytest.param("install ok triggers-pending", False, id="triggers"),
        pytest.param("install reinstreq half-installed", True, id="half-installed"),
        pytest.param("hold reinstreq installed", True, id="to be installed again"),
    ],
)
def test_packages_that_dpkg_left_half_way_are_named(made_up: MadeUpHost, status: str, unpacked: bool) -> None:
    made_up.with_file("/var/lib/dpkg/status", STATUS + stanza(status))
    found = left(made_up.host, "apt")
    assert found is not None
    assert found.reasons == (f"half is {status.rsplit(maxsplit=1)[-1]}",)
    assert found.unpacked is unpacked
    assert found.packages == (("half",) if "reinstreq" in status else ())


def test_changes_that_dpkg_has_not_taken_over_count_before_its_status(made_up: MadeUpHost) -> None:
    made_up.with_file("/var/lib/dpkg/status", STATUS + stanza("install ok unpacked"))
    made_up.with_file("/var/lib/dpkg/updates/0000", stanza("install ok installed"))
    made_up.with_file("/var/lib/dpkg/updates/0001", stanza("install ok half-configured", "other"))
    made_up.with_file("/var/lib/dpkg/updates/tmp.i", "")
    found = left(made_up.host, "apt")
    assert found is not None
    assert found.reasons == ("dpkg was interrupted in /var/lib/dpkg/updates", "other is half-configured")


def test_what_dpkg_has_in_order_is_no_interruption(made_up: MadeUpHost) -> None:
    made_up.with_file("/var/lib/dpkg/status", STATUS)
    assert left(made_up.host, "apt") is None
    assert left(MadeUpHost(made_up.root / "empty").host, "apt") is None


def test_an_entry_without_a_description_is_half_installed(made_up: MadeUpHost) -> None:
    made_up.with_file(f"{LOCAL}/python-pip-26.2-1/mtree").with_file(f"{LOCAL}/bash-5.3-1/desc")
    made_up.with_file("/var/lib/pacman/pep668-provision/glibc-2.42-1/mtree").with_file("/var/lib/pacman/db.lck")
    found = left(made_up.host, "pacman")
    assert found is not None
    assert found.reasons == (
        "the lock /var/lib/pacman/db.lck is of a process that is gone",
        "half installed: glibc, python-pip",
    )
    assert found.packages == ("glibc", "python-pip")
    assert found.stale_lock == "/var/lib/pacman/db.lck"


@pytest.mark.parametrize(
    ("log", "packages"),
    [
        pytest.param(COMPLETED + STARTED + INSTALLED, ("python-idna",), id="killed"),
        pytest.param(STARTED + INSTALLED + COMPLETED, (), id="completed"),
        pytest.param(STARTED + INSTALLED + STARTED, (), id="killed before anything was done"),
        pytest.param("", (), id="no transaction"),
    ],
)
def test_pacmans_log_tells_what_its_killed_transaction_did(
    made_up: MadeUpHost, log: str, packages: tuple[str, ...]
) -> None:
    made_up.with_file("/var/log/pacman.log", log)
    found = left(made_up.host, "pacman")
    assert (found.packages if found else ()) == packages


@pytest.mark.parametrize(
    ("manager", "printed", "packages"),
    [
        pytest.param("dnf5", DNF5.format(status="Started"), ("slow-0:2-1.noarch",), id="dnf5, killed"),
        pytest.param("dnf5", DNF5.format(status="Ok"), (), id="dnf5, done"),
        pytest.param("dnf5", DNF5.format(status="Error"), (), id="dnf5, failed"),
        pytest.param("dnf", DNF4.format(end=" **"), ("slow-1-1.noarch",), id="dnf, killed"),
        pytest.param("dnf", DNF4.format(end="13:7e61f89d"), (), id="dnf, done"),
    ],
)
def test_of_a_killed_transaction_of_dnf_the_installed_packages_are_named(
    made_up: MadeUpHost, manager: str, printed: str, packages: tuple[str, ...]
) -> None:
    # What was not installed yet, the next installation installs.
    missing = "package later-0:1-1.noarch is not installed\npackage third-1-1.noarch is not installed\n"
    answers = {f"{manager} history info last": printed, "rpm --query slow": f"slow\n{missing}"}
    found = left(with_answers(made_up.host, answers), manager)
    assert (found.packages if found else ()) == packages


@pytest.mark.parametrize(
    ("process", "packages"),
    [
        pytest.param("4194304\n", ("slow.noarch=2-1",), id="of a process that is gone"),
        pytest.param("", (), id="emptied at the end"),
    ],
)
def test_zypper_leaves_the_number_of_its_process(made_up: MadeUpHost, process: str, packages: tuple[str, ...]) -> None:
    made_up.with_file("/run/zypp-rpm.pid", process).with_file("/var/log/zypp/history", ZYPPER)
    found = left(with_answers(made_up.host, {"rpm --query slow-2-1.noarch": "slow\n"}), "zypper")
    assert (found.packages if found else ()) == packages


HOLD = """
import fcntl, sys
stream = open(sys.argv[1], "w")
fcntl.lockf(stream, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holding(made_up: MadeUpHost) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of dpkg's front-ends."""
    made_up.with_file("/var/lib/dpkg/lock-frontend")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, made_up.host.real("/var/lib/dpkg/lock-frontend")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with process:
        yield process
        process.kill()


def test_the_process_with_a_record_lock_is_named(made_up: MadeUpHost, holding: subprocess.Popen[str]) -> None:
    made_up.with_file(f"/proc/{holding.pid}/cmdline", "apt-get\0upgrade\0")
    made_up.with_file(f"/proc/{holding.pid}/stat", f"{holding.pid} (apt-get) S {' '.join(['0'] * 18)} 6000 0 0")
    made_up.with_file("/proc/stat", "cpu 1\nbtime 1795270000\n")
    who = f"process {holding.pid} (apt-get upgrade), since 2026-11-21 14:07:40 UTC"
    assert str(find_holder(made_up.host, MANAGERS["apt"])) == f"{who}, which holds /var/lib/dpkg/lock-frontend"


def test_what_is_half_way_while_somebody_is_at_work_is_no_interruption(
    made_up: MadeUpHost,
    holding: subprocess.Popen[str],
) -> None:
    made_up.with_file("/var/lib/dpkg/status", stanza("install ok unpacked"))
    assert left(made_up.host, "apt") is None
    holding.kill()
    holding.wait()
    assert left(made_up.host, "apt") is not None


@pytest.mark.parametrize(
    ("mapped", "words", "holds"),
    [
        pytest.param("/usr/lib/libalpm.so.16", "pamac-daemon", True, id="another program with its library"),
        pytest.param("/usr/bin/pacman", "pacman", True, id="pacman"),
        pytest.param("/usr/bin/bash", "sh\0-c\0. /tmp/alpm_x/.INSTALL", True, id="a package's script"),
        pytest.param("/usr/bin/vim", "vim\0/etc/pacman.conf", False, id="an editor"),
    ],
)
def test_pacmans_lock_is_held_while_a_process_uses_pacman(
    made_up: MadeUpHost, mapped: str, words: str, holds: bool
) -> None:
    made_up.with_file("/var/lib/pacman/db.lck")
    made_up.with_file("/proc/77/maps", f"7f00-7f01 r--p 00000000 00:4c 1 {mapped}\n").with_file(
        "/proc/77/cmdline", words
    )
    found = find_holder(made_up.host, MANAGERS["pacman"])
    assert (found.process if found else None) == (77 if holds else None)
    assert (left(made_up.host, "pacman") is None) is holds


def test_a_file_with_the_number_of_a_process_is_a_lock_while_that_lives(made_up: MadeUpHost) -> None:
    made_up.with_file("/run/zypp.pid", "77")
    assert find_holder(made_up.host, MANAGERS["zypper"]) is None
    made_up.with_file("/proc/77/cmdline", "zypper\0update\0")
    assert "process 77 (zypper update)" in str(find_holder(made_up.host, MANAGERS["zypper"]))


def test_recoveries_are_of_package_managers() -> None:
    assert set(RECOVERIES) == set(MANAGERS) - {"apk", "brew"}


def test_who_cannot_be_seen_is_named_by_what_is_held() -> None:
    assert (
        str(Holder("/var/lib/dpkg/lock", 0))
        == "a process that cannot be seen from here, which holds /var/lib/dpkg/lock"
    )
