"""Faults of an index, of file systems and of what surrounds a run: each is told, and what worked goes on working."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fault_state import FOLDER, PIPX_HOME, FaultState, stock
from hosts import Host
from local_index import IndexServer, LocalIndex
from tally import Tally

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian12")]

NOWHERE = "http://127.0.0.1:9/simple"
NO_NAME = "http://index.invalid/simple"
AWAY = "http://192.0.2.1/simple"


@pytest.fixture(scope="module")
def state(host: Host, index: LocalIndex) -> Iterator[FaultState]:
    """Environments and tools that work, on file systems of their own."""
    stock(index)
    with host.mounted(FOLDER, "size=300m"), host.mounted(PIPX_HOME, "size=300m"):
        found = FaultState(host)
        found.provide(index.url)
        yield found


@pytest.fixture(scope="module")
def server(state: FaultState, index: LocalIndex) -> IndexServer:
    return index.serve(state.host)


# The index: what it does, and what users of pip and of uv are told to do.
INDEX_FAULTS = {
    "500": ("The index itself fails", "The index itself fails"),
    "cut": ("do not install it before", "came in part"),
    "not-a-zip": ("no wheel", "no wheel"),
    "401": ("python_index_username", "python_index_username"),
    "403": ("python_index_username", "python_index_username"),
    "404": ("(python_index_url)", "(python_index_url)"),
    "garbage": ("(python_index_url)", "(python_index_url)"),
    "binary": ("no package index", "(python_index_url)"),
    "truncated": ("do not install it before", "came in part"),
    "hash": ("do not install it before", "do not install it before"),
}
SHORT = ("500", "not-a-zip")


@pytest.mark.parametrize("fault", INDEX_FAULTS)
def test_index_that_fails_breaks_nothing(
    state: FaultState, server: IndexServer, tally: Tally, full: bool, fault: str
) -> None:
    if not full and fault not in SHORT:
        pytest.skip("one of the faults of --full")
    with server.failing(fault):
        failed = state.refused(state.declared(server.url, state.other, new=full or fault == SHORT[0]))
    for line in failed.message.splitlines():
        by_uv = "/uv failed" in line or "/new-uv failed" in line
        assert INDEX_FAULTS[fault][by_uv] in line, failed.message
    tally.add("faults", f"index: {fault}")
    if full:
        state.converges(server.url, new=True)
