"""One declared state, two front-ends: fresh hosts of each family end up the same, each satisfied by the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkout import CHECKOUT
from hosts import Host
from pep668_provision.engine.desired import VARIABLES
from pep668_provision.engine.distro import identify
from pyinfra_runs import PROVISION, Pyinfra, reach

pytestmark = pytest.mark.releases("debian13", "fedora44", full=["debian12", "ubuntu2404", "arch"])

SHARED = CHECKOUT / "molecule" / "shared"
STATE = SHARED / "vars" / "state.yml"

DESCRIPTION = Path(__file__).with_name("host_description.py")
TOOL_HOMES = ("/opt/pipx", "/home/alice/.local/share/pipx", "/home/alice/.local/pipx")
OS_PACKAGES = {
    "dpkg": "dpkg-query --show --showformat='${binary:Package} ${Version} ${db:Status-Status}\\n'",
    "rpm": "rpm --query --all",
    "pacman": "pacman --query",
}


@pytest.fixture(scope="module")
def variables() -> dict[str, Any]:
    """The state of the scenarios, as the role gets it."""
    loaded: dict[str, Any] = yaml.safe_load(STATE.read_text())
    return {name: value for name, value in loaded.items() if name in VARIABLES}


def describe(host: Host) -> dict[str, Any]:
    """Environments, tools and links to commands of a host."""
    described: dict[str, Any] = json.loads(
        host.run(["python3", "-", *TOOL_HOMES], stdin=DESCRIPTION.read_text()).stdout
    )
    return described


def os_packages(host: Host) -> list[str]:
    """The OS packages of a host with their versions, after what Ansible's own package module imports is there too."""
    distribution = identify(host.read("/etc/os-release"))
    assert distribution.family is not None
    manager = next(one for one in distribution.family.managers if any(map(host.exists, one.programs)))
    needs = distribution.family.module_needs.get(manager.name)
    if needs:
        host.run(manager.in_shell([*manager.unattended_install, needs]))
    return sorted(host.run(OS_PACKAGES[manager.database]).stdout.splitlines())


def test_the_role_and_pyinfra_lead_to_the_same_host(
    make_host: Callable[..., Host], pyinfra: Pyinfra, variables: dict[str, Any]
) -> None:
    by_role, by_pyinfra = make_host(with_python=False), make_host(with_python=False)
    files = SHARED.joinpath("declared_files.sh").read_text()
    for host in (by_role, by_pyinfra):
        host.run(["sh"], stdin=files)

    role = by_role.apply({**variables, "python_bootstrap": True})
    assert not role.failed, role.text
    run = pyinfra.run({by_pyinfra.address: reach(by_pyinfra)}, PROVISION, f"vars={STATE}")
    assert (run.rc, run.changed) == (0, 1), run.text

    described = describe(by_role)
    # Nothing is the same because nothing was looked at.
    assert {path.rpartition("/")[2] for path in described["venvs"]} == {".venv", "exact", "project", "shared"}
    assert len(described["tools"]) == 4
    assert {"/usr/local/bin/cowsay", "/home/alice/.local/bin/pycowsay"} <= described["links"].keys()
    assert described == describe(by_pyinfra)
    assert os_packages(by_role) == os_packages(by_pyinfra)

    # Each on the host of the other.
    role = by_pyinfra.apply(variables)
    assert (role.rc, role.changed) == (0, 0), role.text
    assert not role.of("environments") + role.of("package"), role.text
    run = pyinfra.run({by_role.address: reach(by_role)}, PROVISION, f"vars={STATE}")
    assert (run.rc, run.changed, run.unchanged) == (0, 0, 1), run.text
