"""OS packages as the package manager's own files have them: installed or not, lists fresh or not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import NOW, MadeUpHost
from pep668_provision.engine.distro import Distribution, identify
from pep668_provision.engine.errors import CommandFailed, ProvisionError
from pep668_provision.engine.os_packages import (
    available_packages,
    candidate_versions,
    install_packages,
    installed_packages,
    lists_are_here,
    lists_need_refresh,
    package_module_options,
    upstream_version,
)
from pep668_provision.engine.package_manager import APK, APT, DNF4, DNF5, PACMAN, ZYPPER, PackageManager
from pep668_provision.engine.process import Command, Completed

LISTS_FRESH_FOR = APT.lists_fresh_for or 0
DEBIAN = identify("ID=debian\nVERSION_ID=12\n")
UNKNOWN = identify("ID=plan9\n")
STATUS = "/var/lib/dpkg/status"


def installed(made_up: MadeUpHost, *names: str) -> set[str]:
    return set(installed_packages(made_up.host, DEBIAN, names))


@pytest.mark.parametrize(
    ("status", "is_installed"),
    [
        ("install ok installed", True),
        ("deinstall ok config-files", False),
        ("purge ok not-installed", False),
        ("install ok half-installed", False),
        ("install ok unpacked", False),
        ("install ok half-configured", False),
        ("install reinstreq half-installed", False),
    ],
)
def test_only_a_package_that_is_installed_counts(made_up: MadeUpHost, status: str, is_installed: bool) -> None:
    made_up.with_package("before").with_package("pipx", status=status).with_package("after")
    assert installed(made_up, "pipx") == ({"pipx"} if is_installed else set())


def test_a_package_marked_to_be_kept_is_installed(made_up: MadeUpHost) -> None:
    # apt-mark hold writes this.
    assert installed(made_up.with_package("pipx", status="hold ok installed"), "pipx") == {"pipx"}


def test_a_package_of_any_architecture_counts(made_up: MadeUpHost) -> None:
    made_up.with_package("libfoo", status="deinstall ok config-files", architecture="i386")
    made_up.with_package("libfoo", architecture="amd64")
    assert installed(made_up, "libfoo") == {"libfoo"}


@pytest.mark.parametrize("name", ["python3", "python3-venv-x", "x-python3-venv", "Python3-venv", "python3.venv"])
def test_a_name_is_compared_whole(made_up: MadeUpHost, name: str) -> None:
    assert installed(made_up.with_package("python3-venv"), name) == set()


def test_first_and_last_packages_are_found(made_up: MadeUpHost) -> None:
    made_up.with_file(
        STATUS, "Package: first\nStatus: install ok installed\n\nPackage: last\nStatus: install ok installed\n"
    )
    assert installed(made_up, "first", "last") == {"first", "last"}


def test_the_next_packages_status_is_not_this_ones(made_up: MadeUpHost) -> None:
    made_up.with_file(STATUS, "Package: pipx\nVersion: 1\n\nPackage: other\nStatus: install ok installed\n")
    assert installed(made_up, "pipx") == set()


def test_words_of_a_description_are_no_status(made_up: MadeUpHost) -> None:
    made_up.with_file(
        STATUS, "Package: pipx\nStatus: deinstall ok config-files\nDescription: x\n Status: install ok installed\n\n"
    )
    assert installed(made_up, "pipx") == set()


def test_without_a_database_or_a_question_nothing_is_installed(made_up: MadeUpHost) -> None:
    assert installed(made_up, "pipx") == set()
    assert installed(made_up.with_package("pipx")) == set()
    assert installed_packages(made_up.host, UNKNOWN, ["pipx"]) == frozenset()


@given(st.binary(max_size=200))
def test_no_database_makes_the_engine_crash(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made_up = MadeUpHost(Path(folder)).with_file(STATUS, b"Package: pipx\n" + data)
        assert installed(made_up, "pipx") <= {"pipx"}


@pytest.mark.parametrize(
    ("age", "needed"),
    [
        pytest.param(0, False, id="just now"),
        pytest.param(LISTS_FRESH_FOR - 1, False, id="almost a day"),
        pytest.param(LISTS_FRESH_FOR + 1, True, id="more than a day"),
        pytest.param(-3600, False, id="in the future: a clock that was set back"),
    ],
)
def test_lists_are_refreshed_when_they_are_old(made_up: MadeUpHost, age: float, needed: bool) -> None:
    assert lists_need_refresh(made_up.with_lists(age=age).host, DEBIAN) is needed


def test_lists_that_are_absent_are_refreshed(made_up: MadeUpHost) -> None:
    assert lists_need_refresh(made_up.host, DEBIAN)
    made_up.with_file("/var/lib/apt/lists/lock").with_directory("/var/lib/apt/lists/partial")
    assert lists_need_refresh(made_up.host, DEBIAN)


def test_a_look_at_the_archive_that_brought_nothing_new_counts(made_up: MadeUpHost) -> None:
    made_up.with_lists(age=LISTS_FRESH_FOR * 9).with_file("/var/lib/apt/periodic/update-success-stamp")
    os.utime(made_up.real("/var/lib/apt/periodic/update-success-stamp"), (NOW - 60, NOW - 60))
    assert not lists_need_refresh(made_up.host, DEBIAN)


def test_an_unknown_distribution_has_no_lists(made_up: MadeUpHost) -> None:
    assert not lists_need_refresh(made_up.host, UNKNOWN)


def test_the_package_module_is_told_to_wait_and_when_to_refresh() -> None:
    assert package_module_options(DEBIAN, needs_refresh=False, lock_timeout=30.0) == {
        "use": "ansible.builtin.apt",
        "install_recommends": False,
        "lock_timeout": 30,
    }
    assert package_module_options(DEBIAN, needs_refresh=True, lock_timeout=30.0)["update_cache"] is True
    assert package_module_options(UNKNOWN, needs_refresh=True, lock_timeout=30.0) == {}


# Versions of the repositories


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.28.1-1", "2.28.1"),
        ("2.28.1", "2.28.1"),
        ("1:2.28.1-1", "2.28.1"),
        ("1:2.28.1", "2.28.1"),
        ("2.28.1-1ubuntu2.1", "2.28.1"),
        ("2.28.1-1+deb12u1", "2.28.1"),
        ("2.28.1-1~bpo11+1", "2.28.1"),
        ("1:2.28.1+dfsg-1", "2.28.1"),
        ("2.28.1+dfsg1-3", "2.28.1"),
        ("2.28.1.dfsg-1", "2.28.1"),
        ("2.28.1~dfsg-1", "2.28.1"),
        ("2.28.1~ds-1", "2.28.1"),
        ("2.28.1+ds1-1", "2.28.1"),
        ("2.28.1+repack-1", "2.28.1"),
        # Debian's way back to an older version: the one in front is not what is packaged.
        ("3.0+really2.28.1-1", "2.28.1"),
        ("1:3.0.is.really.2.28.1+dfsg-1", "2.28.1"),
        ("3.0+really-1", ""),
        ("1.0+git20230101.abc-1", "1.0"),
        ("1.0rc1-1", "1.0rc1"),
        ("1.0.post2-1", "1.0.post2"),
        ("2023.12-1", "2023.12"),
        # What is no version says nothing.
        ("2.0~rc1-1", ""),
        ("20230101-snapshot-1", ""),
        ("latest", ""),
        ("", ""),
        ("-1", ""),
    ],
)
def test_the_upstream_version_is_seen_in_that_of_a_package(text: str, expected: str) -> None:
    assert upstream_version(text) == expected


class StandInManager:
    """Stands in for the process runner: a package manager that prints, and ends with, what it is told to."""

    def __init__(self, printed: Mapping[str, str] | None = None, *, failing: str = "", stderr: str = "") -> None:
        self.printed, self.failing, self.stderr = printed or {}, failing, stderr
        self.commands: list[Command] = []

    def __call__(self, command: Command, _environ: Mapping[str, str]) -> Completed:
        self.commands.append(command)
        if self.failing and self.failing in command.argv:
            return Completed(command, 100, "", self.stderr)
        if self.printed and command.argv[-1] not in self.printed:
            return Completed(command, 1, "Version: 6.6.6\n", "no such package")
        return Completed(command, 0, self.printed.get(command.argv[-1], ""))


def distribution_of(manager: PackageManager) -> Distribution:
    return replace(DEBIAN, manager=manager)


@pytest.mark.parametrize(
    ("manager", "printed"),
    [
        pytest.param(APT, "Package: x\nDepends: y (>= 9)\nVersion: 1:2.3+dfsg-1\nDescription: z\n", id="apt"),
        pytest.param(DNF5, "2.3\n", id="dnf5"),
        pytest.param(DNF4, "2.3\n2.2\n", id="dnf"),
        pytest.param(PACMAN, "Repository      : extra\nName            : x\nVersion         : 2.3-1\n", id="pacman"),
    ],
)
def test_the_repositories_tell_which_version_they_have(
    made_up: MadeUpHost, manager: PackageManager, printed: str
) -> None:
    runner = StandInManager({"x": printed, "odd": printed.replace("2.3", "trixie"), "dumb": "what?"})
    host = replace(made_up.host, runner=runner)
    names = ["x", "x", "odd", "dumb", "none"]
    assert candidate_versions(host, distribution_of(manager), names) == {"x": "2.3"}
    assert [command.argv for command in runner.commands] == [
        (*manager.version_query, name) for name in ("x", "odd", "dumb", "none")
    ]


def test_who_does_not_tell_versions_is_not_asked(made_up: MadeUpHost) -> None:
    runner = StandInManager()
    host = replace(made_up.host, runner=runner)
    assert candidate_versions(host, distribution_of(APK), ["x"]) == {}
    assert candidate_versions(host, UNKNOWN, ["x"]) == {}
    assert runner.commands == []


@pytest.mark.parametrize(
    ("status", "known"),
    [
        pytest.param(104, {"x": False}, id="it has none"),
        pytest.param(7, {}, id="another process keeps it busy"),
        pytest.param(None, {}, id="it does not run"),
    ],
)
def test_a_package_is_missing_only_where_the_package_manager_says_so(
    made_up: MadeUpHost, status: int | None, known: Mapping[str, bool]
) -> None:
    host = replace(made_up.host, runner=lambda command, _environ: Completed(command, status, "", ""))
    assert available_packages(host, distribution_of(replace(ZYPPER, lists=())), ["x"]) == known


# Installing


@pytest.mark.parametrize("manager", [APT, DNF5, PACMAN, APK], ids=lambda one: one.name)
@pytest.mark.parametrize("needs_refresh", [False, True], ids=["lists are fresh", "lists are old"])
def test_packages_are_installed_unattended_after_the_lists_they_need(
    made_up: MadeUpHost, manager: PackageManager, needs_refresh: bool
) -> None:
    runner = StandInManager()
    host = replace(made_up.host, runner=runner)
    install_packages(host, distribution_of(manager), ["a", "b"], needs_refresh=needs_refresh)
    refresh = [manager.unattended_refresh] if needs_refresh else []
    assert [command.argv for command in runner.commands] == [*refresh, (*manager.unattended_install, "a", "b")]
    assert all(command.env == manager.environment for command in runner.commands)


@pytest.mark.parametrize(("failing", "commands"), [("update", 1), ("install", 2)])
def test_what_the_package_manager_says_last_is_told(made_up: MadeUpHost, failing: str, commands: int) -> None:
    runner = StandInManager(failing=failing, stderr="W: a warning\nE: Unable to locate package a\n")
    host = replace(made_up.host, runner=runner)
    with pytest.raises(CommandFailed, match=r"could not install a, b: E: Unable to locate package a$") as caught:
        install_packages(host, DEBIAN, ["a", "b"], needs_refresh=True)
    assert len(runner.commands) == commands
    assert (caught.value.status, caught.value.command) == (100, runner.commands[-1].argv)


def test_a_package_manager_that_says_nothing_is_told(made_up: MadeUpHost) -> None:
    host = replace(made_up.host, runner=StandInManager(failing="install"))
    with pytest.raises(CommandFailed, match="it said nothing"):
        install_packages(host, DEBIAN, ["a"], needs_refresh=False)


def test_on_an_unknown_distribution_nothing_is_installed(made_up: MadeUpHost) -> None:
    runner = StandInManager()
    with pytest.raises(ProvisionError, match="How to install a, b here is not known"):
        install_packages(replace(made_up.host, runner=runner), UNKNOWN, ["a", "b"], needs_refresh=True)
    assert runner.commands == []


def test_a_system_without_a_package_manager_has_no_lists(made_up: MadeUpHost) -> None:
    unknown = identify("ID=guix\n")
    assert unknown.manager is None
    assert not lists_are_here(made_up.host, unknown)
    with pytest.raises(ProvisionError, match="How to install python3-six here is not known"):
        install_packages(made_up.host, unknown, ["python3-six"], needs_refresh=False)
