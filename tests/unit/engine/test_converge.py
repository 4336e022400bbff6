"""A run that calls the package manager too, and one of pip for a system's Python: what is done, said and returned."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from made_up_host import MadeUpHost
from pep668_provision.engine import converge as converging
from pep668_provision.engine.converge import Outcome, converge
from pep668_provision.engine.desired import validate
from pep668_provision.engine.errors import CommandFailed, ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.process import Command, Completed

STATUS = "/var/lib/dpkg/status"


@dataclass
class StandInApt:
    """Stands in for the process runner: apt-get installs, dpkg configures what is half-way."""

    made_up: MadeUpHost
    lines: list[str] = field(default_factory=list)
    fails: bool = False

    def __call__(self, command: Command, environ: Mapping[str, str]) -> Completed:
        if command.argv[0] not in ("apt-get", "dpkg"):
            return self.made_up.runner(command, environ)
        # Without the options before it.
        words = [word for word in command.argv if not word.startswith("-")]
        self.lines.append(" ".join(words))
        if self.fails:
            return Completed(command, 100, "", "E: Unable to locate package\n")
        if words[0] == "dpkg":
            self.made_up.with_file(STATUS)
        elif words[1] == "install":
            for name in words[2:]:
                self.made_up.with_package(name)
        return Completed(command, 0)


@pytest.fixture
def apt(debian: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> StandInApt:
    @contextlib.contextmanager
    def hold(_host: Host, *, timeout: float) -> Iterator[None]:
        assert timeout == 7
        yield

    monkeypatch.setattr(converging, "holding_lock", hold)
    return StandInApt(debian.with_program("/usr/bin/apt-get"))


def run(apt: StandInApt, *, installs_packages: bool = True, **declared: Any) -> Outcome:
    host = replace(apt.made_up.host, runner=apt)
    return converge(validate({"python_lock_timeout": 7, **declared}), host, installs_packages=installs_packages)


def test_packages_are_installed_once(apt: StandInApt) -> None:
    assert run(apt, python_libraries=["requests", "yaml"]).changed
    assert apt.lines == ["apt-get install python3-requests python3-yaml"]
    assert not run(apt, python_libraries=["requests", "yaml"]).changed
    assert len(apt.lines) == 1


def test_lists_that_are_not_there_are_fetched_first(apt: StandInApt) -> None:
    apt.made_up.without("/var/lib/apt/lists")
    run(apt, python_libraries=["requests"])
    assert apt.lines == ["apt-get update", "apt-get install python3-requests"]


def test_what_a_killed_package_manager_left_is_repaired_first_and_said(apt: StandInApt) -> None:
    apt.made_up.with_package("half", status="install ok unpacked")
    outcome = run(apt, python_libraries=["requests"])
    assert apt.lines == ["dpkg", "apt-get install python3-requests"]
    assert outcome.warnings == ("apt was interrupted before, and was repaired: half is unpacked.",)


def test_a_package_manager_that_fails_is_told(apt: StandInApt) -> None:
    apt.fails = True
    with pytest.raises(CommandFailed, match="could not install python3-requests: E: Unable to locate package"):
        run(apt, python_libraries=["requests"])


def test_who_does_not_call_it_is_told_what_is_missing_and_how_to_have_it(apt: StandInApt) -> None:
    with pytest.raises(ProvisionError) as refused:
        run(apt, installs_packages=False, python_libraries=["requests"])
    assert "OS packages are missing (python3-requests: it provides the library requests)." in str(refused.value)
    assert "or run: apt-get" in str(refused.value)
    assert apt.lines == []


def test_what_a_package_provides_is_no_matter_of_pip_any_more(apt: StandInApt) -> None:
    site = "/usr/lib/python3/dist-packages"
    apt.made_up.python_of().sites = (site,)
    entry = {"name": ["requests", "yaml"], "externally_managed": "prefer_system_package"}

    def install(command: Command, environ: Mapping[str, str]) -> Completed:
        done = apt(command, environ)
        if command.argv[0] == "apt-get":
            apt.made_up.with_distributions(site, {"requests": "2.28", "yaml": "6.0"})
        return done

    host = replace(apt.made_up.host, runner=install)
    already = {"name": ["six"], "externally_managed": "prefer_system_package"}
    apt.made_up.with_distributions(site, {"six": "1.16"})
    desired = validate({"python_lock_timeout": 7, "python_system_pip": [entry, already]})
    outcome = converge(desired, host, installs_packages=True)
    assert apt.lines == ["apt-get install python3-requests python3-yaml"]
    title = desired.system_pip[0].title
    assert dict(outcome.before) == {title: {}}
    assert {name: dict(there) for name, there in outcome.after.items()} == {title: {"requests": "2.28", "yaml": "6.0"}}
