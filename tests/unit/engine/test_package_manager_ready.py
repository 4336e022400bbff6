"""A package manager is waited for and repaired: by which commands, in which order, and what is said where it fails."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest

from made_up_host import MadeUpHost
from pep668_provision.engine import package_manager_ready
from pep668_provision.engine.errors import CommandFailed, LockTimeout, ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.package_manager import MANAGERS
from pep668_provision.engine.package_manager_ready import Readiness, bring_ready, foresee_ready, make_ready
from pep668_provision.engine.process import Command, Completed

STATUS = "/var/lib/dpkg/status"
LOCAL = "/var/lib/pacman/local"
LOCK = "/var/lib/pacman/db.lck"
CONFIGURE = "dpkg --force-confdef --force-confold --configure --pending"
FIX = (
    "apt-get --quiet --option=DPkg::Lock::Timeout=60 --option=DPkg::Options::=--force-confdef "
    "--option=DPkg::Options::=--force-confold install --fix-broken --yes --no-remove --no-install-recommends"
)


def status(state: str) -> str:
    return f"Package: half\nStatus: install ok {state}\nArchitecture: all\n\n"


@dataclass
class RepairStandIn:
    """Stands in for a package manager: a command has the effect that its beginning has, and fails where it has none."""

    made_up: MadeUpHost
    effects: Mapping[str, Callable[[], object]]
    lines: list[str] = field(default_factory=list)

    def __call__(self, command: Command, _environ: Mapping[str, str]) -> Completed:
        line = " ".join(command.argv)
        self.lines.append(line)
        effect = next((effect for start, effect in self.effects.items() if line.startswith(start)), None)
        if effect is None:
            return Completed(command, 1, "", "dpkg: error processing package half (--configure):\n it does not work\n")
        effect()
        return Completed(command, 0)

    @property
    def host(self) -> Host:
        return replace(self.made_up.host, runner=self)

    def make_ready(self, manager: str, *, lock_timeout: float = 60.4, may_repair: bool = True) -> Readiness:
        return make_ready(self.host, MANAGERS[manager], lock_timeout=lock_timeout, may_repair=may_repair)


@pytest.fixture
def with_lists(made_up: MadeUpHost) -> MadeUpHost:
    return made_up.with_file("/var/lib/apt/lists/example_Packages")


def test_nothing_is_run_where_nothing_is_half_way(made_up: MadeUpHost) -> None:
    stand_in = RepairStandIn(made_up.with_file(STATUS, status("installed")), {})
    assert stand_in.make_ready("apt") == Readiness("apt")
    assert stand_in.lines == []


def test_what_only_has_to_be_configured_is(with_lists: MadeUpHost) -> None:
    with_lists.with_file(STATUS, status("unpacked"))
    stand_in = RepairStandIn(with_lists, {"dpkg": lambda: with_lists.with_file(STATUS, status("installed"))})
    assert stand_in.make_ready("apt") == Readiness("apt", ("half is unpacked",), (CONFIGURE,))


def test_what_lacks_another_package_gets_it(with_lists: MadeUpHost) -> None:
    with_lists.with_file(STATUS, status("unpacked"))
    stand_in = RepairStandIn(with_lists, {"apt-get": lambda: with_lists.with_file(STATUS, status("installed"))})
    assert stand_in.make_ready("apt").commands == (CONFIGURE, FIX)


def test_what_apt_takes_for_whole_is_laid_down_again(with_lists: MadeUpHost) -> None:
    # As dpkg leaves it when it is killed while it unpacks a package over itself.
    with_lists.with_file(STATUS, status("half-installed").replace(" ok ", " reinstreq "))
    whole = {
        "dpkg": lambda: None,
        FIX: lambda: None,
        "apt-get": lambda: with_lists.with_file(STATUS, status("installed")),
    }
    again = FIX.replace("--fix-broken", "--reinstall") + " half"
    assert RepairStandIn(with_lists, whole).make_ready("apt").commands == (CONFIGURE, FIX, again)


def test_a_package_whose_script_fails_is_named_and_not_tried_again(with_lists: MadeUpHost) -> None:
    stand_in = RepairStandIn(with_lists.with_file(STATUS, status("half-configured")), {})
    with pytest.raises(CommandFailed) as failed:
        stand_in.make_ready("apt")
    assert stand_in.lines == [CONFIGURE]
    assert str(failed.value) == (
        "apt cannot repair what it has left half-way: half is half-configured. dpkg: error processing package half "
        f"(--configure): it does not work. By hand it is: {CONFIGURE}. What needs no OS package can be provided "
        "meanwhile."
    )


def test_nothing_is_repaired_where_packages_are_not_managed(with_lists: MadeUpHost) -> None:
    stand_in = RepairStandIn(with_lists.with_file(STATUS, status("unpacked")), {})
    with pytest.raises(ProvisionError, match=r"half is unpacked.*python_manage_system_packages is false.*dpkg"):
        stand_in.make_ready("apt", may_repair=False)
    assert stand_in.lines == []


def test_an_account_without_roots_rights_does_not_look(made_up: MadeUpHost) -> None:
    made_up.uid = 61002
    stand_in = RepairStandIn(made_up.with_file(STATUS, status("unpacked")), {})
    assert stand_in.make_ready("apt") == Readiness("apt")


def test_pacman_lays_down_again_what_is_its_own(made_up: MadeUpHost) -> None:
    files = "./usr type=dir\n./usr/bin/a\\040b,c size=1\n./usr/bin/later size=1\n./.PKGINFO size=1\n"
    made_up.with_file(f"{LOCAL}/pip-26.2-1/mtree", files).with_file(LOCK).with_file("/usr/bin/a b,c")
    made_up.with_file("/var/lib/pacman/sync/core.db")

    def install() -> None:
        # Its lock is gone by now, and its entry where it finds nothing unreadable.
        assert not made_up.host.exists(LOCK)
        assert not made_up.host.exists(f"{LOCAL}/pip-26.2-1")
        made_up.with_file(f"{LOCAL}/pip-26.2-1/desc")

    stand_in = RepairStandIn(made_up, {"pacman": install})
    done = stand_in.make_ready("pacman")
    assert stand_in.lines == ["pacman --sync --noconfirm pip --overwrite usr/bin/a b?c"]
    assert done.commands[:2] == (
        f"mv {LOCAL}/pip-26.2-1 /var/lib/pacman/pep668-provision",
        f"rm {LOCK}",
    )
    assert not made_up.host.exists("/var/lib/pacman/pep668-provision")


def test_a_repair_of_pacman_that_fails_is_taken_up_again(made_up: MadeUpHost) -> None:
    made_up.with_file(f"{LOCAL}/pip-26.2-1/mtree", "./usr/bin/pip size=1\n").with_file("/usr/bin/pip")
    made_up.with_file("/var/lib/pacman/sync/core.db")
    with pytest.raises(CommandFailed, match="half installed: pip"):
        RepairStandIn(made_up, {}).make_ready("pacman")
    again = RepairStandIn(made_up, {"pacman": lambda: made_up.with_file(f"{LOCAL}/pip-26.2-1/desc")})
    assert again.make_ready("pacman").changed
    assert again.lines == ["pacman --sync --noconfirm pip --overwrite usr/bin/pip"]
    assert not again.make_ready("pacman").changed


def test_a_lock_that_nobody_holds_is_removed(made_up: MadeUpHost) -> None:
    stand_in = RepairStandIn(made_up.with_file(LOCK), {})
    assert stand_in.make_ready("pacman").commands == (f"rm {LOCK}",)
    assert stand_in.lines == []


def test_who_keeps_it_busy_is_named(made_up: MadeUpHost) -> None:
    process = str(os.getpid())
    made_up.with_file("/run/zypp.pid", process).with_file(f"/proc/{process}/cmdline", "zypper\0update\0")
    with pytest.raises(LockTimeout) as timeout:
        RepairStandIn(made_up, {}).make_ready("zypper", lock_timeout=0)
    assert str(timeout.value) == (
        f"The package manager zypper is locked by process {process} (zypper update), which holds /run/zypp.pid. "
        "0 seconds were waited: let it end or end it, then run again, or raise python_lock_timeout."
    )


def test_a_host_without_a_package_manager_is_ready(made_up: MadeUpHost) -> None:
    assert foresee_ready(made_up.host) == bring_ready(made_up.host, lock_timeout=0) == Readiness("")


def test_what_would_be_repaired_is_foreseen_and_nothing_is_run(with_lists: MadeUpHost) -> None:
    with_lists.with_debian("12").with_program("/usr/bin/apt-get").with_file(STATUS, status("unpacked"))
    stand_in = RepairStandIn(with_lists, {})
    assert foresee_ready(stand_in.host) == Readiness("apt", ("half is unpacked",))
    with_lists.with_file(STATUS, status("installed"))
    assert foresee_ready(stand_in.host) == Readiness("apt")
    assert stand_in.lines == []


def test_it_is_repaired_under_the_hosts_lock(with_lists: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    with_lists.with_debian("12").with_program("/usr/bin/apt-get").with_file(STATUS, status("unpacked"))
    stand_in = RepairStandIn(with_lists, {"dpkg": lambda: with_lists.with_file(STATUS, status("installed"))})
    seen: list[tuple[float, list[str]]] = []

    @contextlib.contextmanager
    def hold(_host: Host, *, timeout: float) -> Iterator[None]:
        before = len(stand_in.lines)
        yield
        seen.append((timeout, stand_in.lines[before:]))

    monkeypatch.setattr(package_manager_ready, "holding_lock", hold)
    done = bring_ready(stand_in.host, lock_timeout=60.4)
    assert done == Readiness("apt", ("half is unpacked",), (CONFIGURE,))
    assert done.text == "apt was interrupted before, and was repaired: half is unpacked."
    assert seen == [(60.4, [CONFIGURE])]


def test_an_account_without_roots_rights_waits_for_no_lock(
    with_lists: MadeUpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_lists.with_debian("12").with_program("/usr/bin/apt-get").with_file(STATUS, status("unpacked"))
    with_lists.uid = 61002
    monkeypatch.delattr(package_manager_ready, "holding_lock")
    assert bring_ready(with_lists.host, lock_timeout=0) == foresee_ready(with_lists.host) == Readiness("apt")
