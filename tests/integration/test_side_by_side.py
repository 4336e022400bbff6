"""Several environments and tools in one call: made side by side, and each says what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from hosts import Host
from local_index import LocalIndex

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian12", full=["debian13"])]

TOOLS = ("spanner", "pliers", "hammer", "chisel", "mallet")


@pytest.fixture(scope="module")
def settings(index: LocalIndex) -> dict[str, Any]:
    """An index with tools and a library, and what pipx itself needs."""
    for name in (*TOOLS, "alpha"):
        index.add(name, "1.0", scripts=[name])
    index.mirror("pip", "pipx", "setuptools", "wheel")
    return {"python_index_url": index.url}


def venvs(*names: str) -> list[dict[str, Any]]:
    return [{"path": f"/srv/{name}", "packages": ["alpha"]} for name in names]


def test_one_that_fails_stops_none_of_the_others_and_each_says_what_is_wrong(
    host: Host, settings: dict[str, Any]
) -> None:
    broken = {"path": "/srv/broken", "packages": ["no-such-library"]}
    missing = [{"name": "no-such-tool"}, {"name": "pliers", "spec": "pliers==9.9"}]
    declared = {
        "python_venvs": [*venvs("one"), broken, *venvs("two", "three")],
        "python_tools": [{"name": "spanner"}, *missing, {"name": "hammer"}],
        **settings,
    }
    outcome = host.apply(declared)
    assert outcome.failed
    for wrong in ("/srv/broken", "no-such-library", "no-such-tool", "pliers==9.9"):
        assert wrong in outcome.message
    (task,) = outcome.of("environments")
    failures = [failure for result in task.result["results"] for failure in result["failures"]]
    assert len(failures) == 3
    # What each installer said is kept apart from what the others did.
    for failure, name in zip(failures, ("no-such-library", "no-such-tool", "pliers"), strict=True):
        assert failure["rc"] != 0
        assert name in failure["stderr"] + failure["stdout"] + failure["msg"]
        others = {"no-such-library", "no-such-tool", "pliers"} - {name}
        assert not any(other in failure["stderr"] for other in others)
    for name in ("one", "two", "three"):
        assert host.packages(f"/srv/{name}")["alpha"] == "1.0"
    for name in ("spanner", "hammer"):
        assert host.run([name], user="alice", login=True).rc == 0
    assert not host.exists("/srv/broken")
    assert not host.exists("/usr/local/bin/pliers")

    whole = {
        "python_venvs": venvs("one", "two", "three"),
        "python_tools": [{"name": name} for name in TOOLS],
        **settings,
    }
    again = host.apply(whole)
    assert not again.failed, again.text
    assert {tool["name"]: tool["action"] for tool in again.of("environments")[0].result["results"][0]["tools"]} == {
        name: "created" for name in TOOLS if name not in ("spanner", "hammer")
    }
    assert host.apply(whole).changed == 0


def test_tools_of_one_account_put_their_directory_on_its_path_once(host: Host, settings: dict[str, Any]) -> None:
    host.run(["useradd", "--create-home", "--skel", "/var/empty", "--shell", "/bin/bash", "carol"])
    tools = [{"name": name, "scope": "user", "user": "carol"} for name in TOOLS]
    outcome = host.run_module("environments", {"python_tools": tools, **settings})
    assert not outcome.failed, outcome.text
    assert host.run(["cat", "/home/carol/.profile"]).stdout.count("PATH=") == 1
    for name in TOOLS:
        assert host.run([name], user="carol", login=True).rc == 0
    assert host.run_module("environments", {"python_tools": tools, **settings}).changed == 0


def test_check_asks_for_all_of_them_and_tells_what_a_run_does(host: Host, settings: dict[str, Any]) -> None:
    declared = {"python_venvs": venvs("four", "five", "six"), **settings}
    checked, done = (host.run_module("environments", declared, check=check, diff=True) for check in (True, False))
    assert not checked.failed, checked.text
    assert not done.failed, done.text
    assert checked.changed == done.changed == 1
    assert checked.diffs == done.diffs
    assert [one["after"] for one in done.diffs] == ["alpha==1.0\n"] * 3
