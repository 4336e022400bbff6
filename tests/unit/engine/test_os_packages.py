"""OS packages as the package manager's own files have them: installed or not, lists fresh or not."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import NOW, MadeUpHost
from pep668_provision.engine.distro import identify
from pep668_provision.engine.os_packages import (
    installed_packages,
    lists_need_refresh,
    package_module_options,
)
from pep668_provision.engine.package_manager import APT

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
