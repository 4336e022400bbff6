"""Fixtures for tests on real hosts.

    host           a host with Python, shared by the tests of one module
    fresh_host     a host of its own for one test
    bare_host      the same without Python, as distributions publish it
    index          a LocalIndex both kinds of host have mounted, shared by the tests of one module
    pyinfra        pyinfra with this project installed as its users install it
    release        the release's name, where a test needs to know it
    untouched_system_python   the system's own Python is judged after a module's tests
    summary_lines  lines to be shown at the end of the run
    full           whether every fault is to be caused (--full), or some of each kind
    tally          counts what faults, kills and attacks the tests have caused

A test runs on the newest Debian; on others where ``@pytest.mark.releases(...)`` on it, its parameter or its module
says that they make a difference; ``full=...`` in it names more of them for ``--full`` (see tests/conftest.py).
``--release debian12`` (more than once if wanted) narrows a run to what is to run there; ``--keep-hosts`` leaves hosts
running to look at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from checkout import CHECKOUT
from host_images import read_recipes
from hosts import NEWEST_DEBIAN, Host
from local_index import LocalIndex
from pyinfra_runs import Pyinfra, provide_pyinfra
from required_engine import require_engine
from tally import Tally

SUMMARY = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--release", action="append", default=[], help="run on this release only; may be repeated")
    parser.addoption("--keep-hosts", action="store_true", help="leave the hosts running")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"releases(*names, full=names): the releases it makes a difference on, those of full with --full alone; "
        f"without it, {NEWEST_DEBIAN} alone",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "release" in metafunc.fixturenames:
        metafunc.parametrize("release", asked_releases(metafunc.config), scope="module")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each test stays on the releases it is marked for; a parameter's count before the test's and the module's."""
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        release = item.callspec.params.get("release") if hasattr(item, "callspec") else None
        # A test's own marks come before its parameters'.
        own = [mark for mark in item.own_markers if mark.name == "releases"]
        marker = own[-1] if own else item.get_closest_marker("releases")
        wanted = marker.args if marker else (NEWEST_DEBIAN,)
        if marker and config.getoption("--full"):
            wanted = (*wanted, *marker.kwargs.get("full", ()))
        (kept if release is None or release in wanted else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def asked_releases(config: pytest.Config) -> list[str]:
    """The releases this run is narrowed to; all there are recipes for otherwise. Raises pytest.UsageError."""
    known = list(read_recipes())
    asked: list[str] = config.getoption("--release") or known
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise pytest.UsageError(f"no release {', '.join(unknown)}; there are {', '.join(known)}")
    return asked


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(SUMMARY, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def summary_lines(request: pytest.FixtureRequest) -> list[str]:
    """What is appended is shown at the end of the run, whether tests pass or fail."""
    return request.config.stash.setdefault(SUMMARY, [])


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether every fault is to be caused; else tests that cause many cause some of each kind."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def tally() -> Iterator[Tally]:
    """Counts what faults, kills and attacks the tests have caused."""
    counted = Tally()
    yield counted
    counted.keep()


@pytest.fixture(scope="session")
def container_engine() -> None:
    """A container engine works, or the test is skipped with the reason; with CI=true it fails instead."""
    require_engine()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> LocalIndex:
    return LocalIndex(tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="session")
def pyinfra() -> Pyinfra:
    return provide_pyinfra()


HostMaker = Callable[..., Host]

SYSTEM_PYTHON = CHECKOUT / "molecule" / "shared" / "system_python.py"


@pytest.fixture(scope="module")
def make_host(
    container_engine: None,  # noqa: ARG001  # without one there is nothing to make
    request: pytest.FixtureRequest,
    release: str,
    index: LocalIndex,
) -> Iterator[HostMaker]:
    """A function that starts further hosts of the release; all are removed after the module."""
    made: list[Host] = []

    def make(*, with_python: bool = True) -> Host:
        made.append(Host.start_from(release, with_python=with_python, volumes=[index.volume]))
        return made[-1]

    yield make
    for host in made:
        if request.config.getoption("--keep-hosts"):
            print(f"kept {host}: podman exec -it {host.name} bash --login")
        else:
            host.remove()


@pytest.fixture(scope="module")
def host(make_host: HostMaker) -> Host:
    return make_host()


@pytest.fixture(scope="module")
def untouched_system_python(host: Host) -> Iterator[None]:
    """After the module's tests each EXTERNALLY-MANAGED is what it was, and nothing was installed beside packages."""
    before = read_system_python(host)
    yield
    after = read_system_python(host)
    assert {path: after["markers"].get(path) for path in before["markers"]} == before["markers"]
    assert after["outside"] == before["outside"] == []
    assert not host.run(OWNED_BY_NO_PACKAGE).stdout


# Files in the system's own site directory that no package put there; byte code is left out.
OWNED_BY_NO_PACKAGE = """
find /usr/lib/python3*/dist-packages /usr/lib/python3*/site-packages -name __pycache__ -prune -o -type f -print \
    2>/dev/null | sort >/tmp/found
cat /var/lib/dpkg/info/*.list | sort -u >/tmp/owned
comm -23 /tmp/found /tmp/owned
"""


def read_system_python(host: Host) -> dict[str, Any]:
    """The host's markers with their digests, and what was installed into its interpreters outside the packages."""
    found: dict[str, Any] = json.loads(host.run(["python3", "-"], stdin=SYSTEM_PYTHON.read_text()).stdout)
    return found


@pytest.fixture
def fresh_host(make_host: HostMaker, request: pytest.FixtureRequest) -> Iterator[Host]:
    host = make_host()
    yield host
    if not request.config.getoption("--keep-hosts"):
        host.remove()


@pytest.fixture
def bare_host(make_host: HostMaker, request: pytest.FixtureRequest) -> Iterator[Host]:
    host = make_host(with_python=False)
    yield host
    if not request.config.getoption("--keep-hosts"):
        host.remove()
