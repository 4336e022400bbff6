"""What an audit finds on real hosts: in a mess exactly what was caused, on a clean one nothing."""

from __future__ import annotations

from typing import Any

import pytest

from hosts import Host
from local_index import LocalIndex
from messy_host import MESSY, PACKAGES, Key, forget_test_settings, make_messy, stock

#: What runs each time; the others take --full.
OFTEN = ("fedora44",)
SELDOM = tuple(release for release in MESSY if release not in OFTEN)
CLEAN = ("debian13",)
SELDOM_CLEAN = (*(one for one in MESSY if one not in CLEAN), "ubuntu2204", "ubuntu2404", "ubuntu2604", "fedora43")


def keys(audited: dict[str, Any]) -> set[Key]:
    return {(one["id"], one["subject"]) for one in audited["findings"]}


@pytest.mark.releases(*OFTEN, full=SELDOM)
def test_a_messy_host_has_exactly_what_was_caused(host: Host, release: str, index: LocalIndex) -> None:
    stock(index)
    expected = make_messy(host, release, index)
    before = host.state_of("/etc")
    audited = host.module("audit", {})
    assert keys(audited) == set(expected)
    assert len(audited["findings"]) == len(expected)
    assert audited["changed"] is False
    # Who repairs by hand is told how.
    assert all(one["remedy"] and one["evidence"] for one in audited["findings"])
    assert "hunter2" not in str(audited)
    assert host.state_of("/etc") == before
    # Without rights some of it is not seen, nothing else is, and that is said.
    task = {"name": "Audit", "pep668.provision.audit": {}}
    outcome = host.play([{"hosts": "all", "gather_facts": False, "tasks": [task]}], {}, user="alice")
    assert outcome.rc == 0, outcome.text
    seen = outcome.tasks[-1].result
    assert keys(seen) < set(expected), outcome.text
    assert seen["unread"]


@pytest.mark.releases(*CLEAN, full=SELDOM_CLEAN)
def test_a_clean_host_has_nothing(bare_host: Host, release: str, index: LocalIndex) -> None:
    """As its distribution has it, then with what people install, and with this project's environments and tools."""
    stock(index)
    host = bare_host
    forget_test_settings(host)
    declared = {
        "python_bootstrap": True,
        "python_venvs": [{"path": "/srv/v", "packages": ["alpha"]}],
        "python_tools": [{"name": "hello"}, {"name": "greet", "scope": "user", "user": "alice"}],
        "python_libraries": ["requests"],
        "python_index_url": index.url,
    }
    assert host.apply({"python_bootstrap": True}).rc == 0
    audited = host.module("audit", {})
    assert audited["findings"] == []
    outcome = host.apply(declared)
    assert outcome.rc == 0, outcome.text
    if release in PACKAGES:
        install, prefix = PACKAGES[release]
        host.run(f"{install} {prefix}pip")
    audited = host.module("audit", {})
    assert audited["findings"] == []
    assert audited["unread"] == []
