"""The benchmark's workload W1, with its real distributions from the public index: it converges, then costs nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hosts import Host, Outcome

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian12")]

W1: dict[str, Any] = yaml.safe_load(Path(__file__).parents[1].joinpath("benchmark", "w1.yml").read_text())
IMPORTS = "import requests, flask, click, jinja2, yaml, rich"
PINS = {
    "requests": "2.32.3",
    "flask": "3.0.3",
    "click": "8.1.7",
    "jinja2": "3.1.4",
    "pyyaml": "6.0.2",
    "rich": "13.9.4",
}


@pytest.fixture(scope="module")
def first(host: Host) -> Outcome:
    """The run that provides W1 on a host without any of it."""
    return host.apply(W1)


def test_w1_converges(first: Outcome) -> None:
    assert not first.failed, first.text
    assert first.changed


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize("path", [entry["path"] for entry in W1["python_venvs"]])
def test_environment_has_its_pins_and_imports_them(host: Host, path: str) -> None:
    assert PINS.items() <= host.packages(path).items()
    host.run([f"{path}/bin/python", "-c", IMPORTS], user="alice")


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("black --version", "24.10.0"),
        ("ruff --version", "0.7.0"),
        ("http --version", "3.2.3"),
        ("cowsay --version", "6.1"),
        ("pycowsay moo", "moo"),
        ("yamllint --version", "1.35.1"),
        ("isort --version", "5.13.2"),
        ("flake8 --version", "7.1.1"),
        ("tox --version", "4.23.0"),
    ],
)
def test_tool_runs_for_every_user(host: Host, command: str, said: str) -> None:
    assert said in host.run(command, user="alice", login=True).stdout


def test_second_run_changes_nothing_starts_no_installer_and_needs_no_network(host: Host, first: Outcome) -> None:
    assert not first.failed, first.text
    before = host.state_of("/opt") | host.state_of("/usr/local")
    with host.without_network():
        second = host.apply(W1, record=True)
    assert (second.rc, second.changed, second.diffs) == (0, 0, []), second.text
    assert second.installers == ()
    # The recording did see the run: its one module was started on the host.
    assert set(re.findall(r"AnsiballZ_\w+", " ".join(map(str, second.processes)))) == {"AnsiballZ_plan"}
    assert host.state_of("/opt") | host.state_of("/usr/local") == before
