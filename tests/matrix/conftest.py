"""Fixtures of the version matrix: a test meets every version of versions.toml, with --ends the first and last."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hosts import Host
from local_index import LocalIndex
from required_engine import require_engine
from tests.matrix.controllers import Controller, provide_collection, provide_controller
from tests.matrix.targets import Target, start_target

VERSIONS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("versions.toml").read_text())
CONTROLLERS = [
    (name, version, python)
    for name, table in (("ansible-core", "ansible_core"), ("pyinfra", "pyinfra"))
    for version, python in VERSIONS[table].items()
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ends", action="store_true", help="the first and the last of the versions alone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    ends = metafunc.config.getoption("--ends")
    if "target" in metafunc.fixturenames:
        listed = list(VERSIONS["python"].items())
        chosen = [listed[0], listed[-1]] if ends else listed
        metafunc.parametrize("target", chosen, indirect=True, ids=[one[0] for one in chosen], scope="module")
    if "controller" in metafunc.fixturenames:
        wanted = [one for one in CONTROLLERS if not ends or one in _ends_of_each()]
        metafunc.parametrize("controller", wanted, indirect=True, ids=[f"{one[0]}-{one[1]}" for one in wanted])
    if "pipx_version" in metafunc.fixturenames:
        versions = VERSIONS["pipx"]["versions"]
        metafunc.parametrize("pipx_version", [versions[0], versions[-1]] if ends else versions)


def _ends_of_each() -> list[tuple[str, str, str]]:
    of_each = [[one for one in CONTROLLERS if one[0] == name] for name in dict.fromkeys(one[0] for one in CONTROLLERS)]
    return [one for listed in of_each for one in (listed[0], listed[-1])]


@pytest.fixture(scope="session")
def container_engine() -> None:
    """A container engine works, or the tests are skipped with the reason; with CI=true they fail instead."""
    require_engine()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> LocalIndex:
    made = LocalIndex(tmp_path_factory.mktemp("index"))
    for version in ("1.0", "1.1"):
        made.add("hello", version, scripts=["hello"])
    made.add("extra", "1.0", scripts=["extra"])
    # pipx brings its shared one up to date.
    made.mirror("pip", python="3.11")
    return made


@pytest.fixture(scope="module")
def target(
    container_engine: None,  # noqa: ARG001  # without one there is nothing to start
    request: pytest.FixtureRequest,
    index: LocalIndex,
) -> Iterator[Target]:
    python, release = request.param
    started = start_target(python, release, [index.volume])
    if started is None:
        pytest.skip(f"this machine has no Python {python} to lay into a host")
    yield started
    started.host.remove()


@pytest.fixture(scope="session")
def collection() -> None:
    provide_collection()


@pytest.fixture
def controller(collection: None, request: pytest.FixtureRequest) -> Controller:  # noqa: ARG001  # it looks for it
    name, version, python = request.param
    provided = provide_controller(name, version, python)
    if provided is None:
        pytest.skip(f"{name} {version} is tried on Python {python}, which this machine does not have")
    return provided


@pytest.fixture(scope="module")
def debian(container_engine: None, index: LocalIndex) -> Iterator[Host]:  # noqa: ARG001  # as above
    """A Debian with its own Python and pip, to put versions of pipx on."""
    host = Host.start_from("debian12", volumes=[index.volume])
    host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-venv")
    yield host
    host.remove()
