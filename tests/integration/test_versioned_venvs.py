"""Environments with versioned layout on a real host: built beside the one in use, switched at once, gone back to.

uv fills them where it makes no difference, for it takes a tenth of pip's time. Runs that are killed anywhere in between
are in test_kills.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from test_healing import kill_run

from converging import Result, converge, refuse, with_action
from hosts import Host
from local_index import ON_HOST, IndexServer, LocalIndex
from pyinfra_runs import Pyinfra
from tally import Tally

RECEIPT = ".pep668-provision.json"
#: Index settings under which every question to an index fails.
NO_INDEX: dict[str, Any] = {"python_index_url": "file:///no-such-index"}


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    """An application in two versions, with a module it loads late."""
    for version in ("1.0", "2.0"):
        code = f"__version__ = {version!r}\n\n\ndef main():\n    from app import late\n\n    print(late.VERSION)\n"
        modules = {"app/__init__": code, "app/late": f"VERSION = {version!r}\n"}
        index.add("app", version, requires=["helper"], modules=modules, scripts=["app"])
    index.add("helper", "1.0")
    index.add("other", "1.0")
    index.mirror("uv")
    return index


@pytest.fixture(scope="module")
def ready(host: Host, stocked: LocalIndex) -> Host:
    made = host.apply({"python_uv": True, "python_index_url": stocked.url})
    assert made.rc == 0, made.text
    host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-venv")
    return host


def arguments(path: str, *packages: str, **options: Any) -> dict[str, Any]:
    index = {"python_index_url": f"file://{ON_HOST}/simple"}
    return {"path": path, "packages": list(packages), "layout": "versioned", **index, **options}


def deploy(host: Host, path: str, *packages: str, changed: bool = True, **options: Any) -> Result:
    """The environment is as asked, by check, run, check, run; returns what the run said."""
    result = converge(host, "venv", arguments(path, *packages, **options), changed=changed)
    if options.get("state") != "absent" and options.get("layout") != "in_place":
        # A link from beside it, so that it leads there below another root too.
        assert host.run(["readlink", path]).stdout == f"{path.rpartition('/')[2]}.d/{result['build']}\n"
    return result


def put(host: Host, path: str, *packages: str, **options: Any) -> Result:
    """The same by one run alone: what a test starts from."""
    return with_action(host.module("venv", arguments(path, *packages, **options), diff=True))


def builds(host: Host, path: str) -> list[str]:
    return host.listing(f"{path}.d")


def runs(host: Host, path: str) -> str:
    """The version that the application says by its command and by its interpreter, which are the same."""
    # Byte code would be root's.
    by_command = host.run([f"{path}/bin/app"], environment={"PYTHONDONTWRITEBYTECODE": "1"}).stdout
    assert host.run([f"{path}/bin/python", "-B", "-c", "import app; app.main()"]).stdout == by_command
    return by_command.strip()


def leftovers(host: Host, path: str) -> list[str]:
    """What a run puts aside or makes for its own use; afterwards there is none."""
    found = host.run(f"find {path.rpartition('/')[0]} -name '*.pep668*' -not -name {RECEIPT}").stdout
    return found.splitlines()


def test_each_change_is_a_build_of_its_own_and_going_back_needs_no_index(ready: Host) -> None:
    path = "/srv/story/.venv"
    first = deploy(ready, path, "app==1.0")
    assert (first["action"], first["packages"], runs(ready, path)) == (
        "created",
        {"app": "1.0", "helper": "1.0"},
        "1.0",
    )
    second = deploy(ready, path, "app==2.0")
    assert (second["action"], second["packages"]) == ("updated", {"app": "2.0", "helper": "1.0"})
    assert second["diff"]["before_header"] == f"{path} -> {first['build']} (before)"
    assert second["diff"]["after_header"] == f"{path} -> {second['build']} (updated)"
    assert (second["diff"]["before"], second["diff"]["after"]) == (
        "app==1.0\nhelper==1.0\n",
        "app==2.0\nhelper==1.0\n",
    )
    assert runs(ready, path) == "2.0"
    assert builds(ready, path) == sorted([first["build"], second["build"]])
    # Its scripts name the directory it was made in.
    assert ready.read(f"{path}/bin/app").startswith(f"#!{path}.d/{second['build']}/bin/python")

    before = ready.state_of(f"{path}.d/{first['build']}")
    back = deploy(ready, path, "app==1.0", **NO_INDEX)
    assert (back["action"], back["build"], runs(ready, path)) == ("switched", first["build"], "1.0")
    assert any(second["build"] in reason for reason in back["reasons"])
    after = ready.state_of(f"{path}.d/{first['build']}")
    record = f"{path}.d/{first['build']}/{RECEIPT}"
    assert {name: state for name, state in before.items() if after.get(name) != state}.keys() <= {record}

    third = deploy(ready, path, "app==2.0", "other", keep=3)
    assert (third["action"], len(builds(ready, path))) == ("updated", 3)
    # Lowered: what goes is the one that was declared longest ago, and that is not the one that was made first.
    pruned = deploy(ready, path, "app==2.0", "other", **NO_INDEX)
    assert (pruned["action"], pruned["build"]) == ("pruned", third["build"])
    assert builds(ready, path) == sorted([first["build"], third["build"]])
    assert leftovers(ready, path) == []


def test_rolled_back_leads_to_the_build_before_and_present_forward_again(ready: Host) -> None:
    path = "/srv/back/.venv"
    first = put(ready, path, "app==1.0", owner="app")
    message = refuse(ready, "venv", arguments(path, state="rolled_back"))
    assert f"{path} cannot be rolled back" in message
    assert first["build"] in message
    second = put(ready, path, "app==2.0", owner="app")
    back = deploy(ready, path, "app==2.0", owner="app", state="rolled_back", **NO_INDEX)
    assert (back["action"], back["build"], back["packages"]["app"]) == ("switched", first["build"], "1.0")
    recorded = ready.run_module("venv", arguments(path, state="rolled_back", **NO_INDEX), record=True)
    assert (recorded.changed, recorded.installers) == (0, ())
    assert runs(ready, path) == "1.0"
    forward = deploy(ready, path, "app==2.0", owner="app", **NO_INDEX)
    assert (forward["action"], forward["build"], runs(ready, path)) == ("switched", second["build"], "2.0")
    assert ready.owners(f"{path}.d/{second['build']}") == {"app"}
    # What is declared after a rollback follows what ran last, and what was rolled back is what goes.
    put(ready, path, "app==2.0", owner="app", state="rolled_back", **NO_INDEX)
    third = put(ready, path, "app==2.0", "other", owner="app")
    assert builds(ready, path) == sorted([first["build"], third["build"]])
    again = put(ready, path, owner="app", state="rolled_back", **NO_INDEX)
    assert again["build"] == first["build"]


# Says which version it has, and which build its interpreter is of, each time a line comes in; it imports late.
SERVICE = """
import sys
sys.stdin.readline()
import app.late
from importlib import metadata
print(app.late.VERSION, metadata.version("app"), sys.prefix, sys.executable, flush=True)
import subprocess
child = "import app, sys; print(app.__version__, sys.prefix)"
print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout, end="", flush=True)
"""


@pytest.mark.parametrize("installer", [pytest.param("pip", marks=pytest.mark.full), "uv"])
def test_a_process_stays_in_the_build_it_was_started_from(ready: Host, installer: str) -> None:
    path = f"/srv/service-{installer}/.venv"
    first = put(ready, path, "app==1.0", installer=installer)
    ready.run(["mkfifo", f"{path}.in", f"{path}.out"])
    ready.write("/srv/service.py", SERVICE)
    # By the link, as a unit of systemd has it.
    ready.start(["sh", "-c", f"{path}/bin/python /srv/service.py <{path}.in >{path}.out"])
    with ThreadPoolExecutor() as executor:
        said = executor.submit(ready.run, ["cat", f"{path}.out"])
        # The other end is open until the line is written.
        ready.start(["sh", "-c", f"exec 3>{path}.in; until test -e {path}.go; do sleep 0.1; done; echo >&3"])
        second = put(ready, path, "app==2.0", installer=installer)
        ready.run(["touch", f"{path}.go"])
        old = f"{path}.d/{first['build']}"
        assert said.result().stdout.splitlines() == [f"1.0 1.0 {old} {old}/bin/python", f"1.0 {old}"]
    fresh = ready.run([f"{path}/bin/python", "-c", "import app, sys; print(app.__version__, sys.prefix, sys.path)"])
    assert fresh.stdout.startswith(f"2.0 {path}.d/{second['build']} ")
    # Each directory once, and none of them by way of the link.
    assert fresh.stdout.count("site-packages") == 1
    assert f"{path}/" not in fresh.stdout


# One process looks all the time, another one starts programs; both end with an error when something is not there.
READER = """
import os, subprocess, sys
path, looked, started = sys.argv[1], 0, 0
child = os.fork()
while not os.path.exists(path + ".stop"):
    if child:
        subprocess.run([path + "/bin/python", "-c", "import app.late"], check=True)
        started += 1
        continue
    for _ in range(100000):
        os.stat(path + "/bin/app")
        looked += 1
if not child:
    os._exit(0 if looked else 1)
if os.waitpid(child, 0)[1]:
    sys.exit("the path was missing for a moment")
print(started)
"""


def test_a_reader_never_meets_nothing(ready: Host) -> None:
    path = "/srv/read/.venv"
    for version in ("1.0", "2.0"):
        put(ready, path, f"app=={version}")
    ready.write("/srv/reader.py", READER)
    switches = 6
    with ThreadPoolExecutor() as executor:
        reading = executor.submit(ready.run, ["python3", "/srv/reader.py", path])
        plays = [
            {"name": f"Switch to {version}", "pep668.provision.venv": arguments(path, f"app=={version}")}
            for version in ("1.0", "2.0") * (switches // 2)
        ]
        outcome = ready.play([{"hosts": "all", "gather_facts": False, "tasks": plays}], {})
        ready.run(["touch", f"{path}.stop"])
        started = int(reading.result().stdout)
    assert outcome.changed == switches, outcome.text
    assert started > switches


@pytest.mark.full
def test_latest_is_a_new_build_where_the_index_has_something_newer(ready: Host, stocked: LocalIndex) -> None:
    path = "/srv/newest/.venv"
    stocked.add("growing", "1.0", requires=["helper"])
    first = put(ready, path, "growing", state="latest")
    stocked.add("growing", "1.1", requires=["helper"])
    try:
        newer = deploy(ready, path, "growing", state="latest")
        assert newer["reasons"] == ["growing 1.1 is newer than 1.0"]
        assert newer["packages"] == {"growing": "1.1", "helper": "1.0"}
        assert newer["build"] != first["build"]
        # The same is declared by both; the one that came last is meant.
        back = put(ready, path, "growing", state="rolled_back", **NO_INDEX)
        assert back["packages"]["growing"] == "1.0"
        assert put(ready, path, "growing", **NO_INDEX)["build"] == newer["build"]
    finally:
        stocked.remove("growing", "1.1")


@pytest.mark.full
def test_a_build_has_what_is_asked_for_and_keeps_the_versions_of_before(ready: Host, stocked: LocalIndex) -> None:
    path = "/srv/kept/.venv"
    put(ready, path, "app==1.0", "other")
    stocked.add("helper", "2.0")
    try:
        changed = deploy(ready, path, "app")
        # The version that satisfies stays, and what nobody asks for any more is not in the next build.
        assert changed["packages"] == {"app": "1.0", "helper": "1.0"}
        changed = deploy(ready, path, "app>1")
        assert changed["packages"] == {"app": "2.0", "helper": "1.0"}
    finally:
        stocked.remove("helper", "2.0")


def test_a_broken_build_is_replaced_and_not_touched(ready: Host) -> None:
    path = "/srv/broken/.venv"
    first = put(ready, path, "app==1.0")
    ready.run(f"rm -r {path}/lib/python3*/site-packages/helper*")
    broken = ready.state_of(f"{path}.d/{first['build']}")
    replaced = deploy(ready, path, "app==1.0")
    assert replaced["build"] == f"{first['build']}-2"
    assert replaced["reasons"] == ["helper is missing"]
    assert replaced["packages"] == {"app": "1.0", "helper": "1.0"}
    assert ready.state_of(f"{path}.d/{first['build']}") == broken
    # To go back to what is broken would help nobody.
    assert "cannot be rolled back" in refuse(ready, "venv", arguments(path, state="rolled_back"))
    ready.run(["rm", "-r", f"{path}.d/{replaced['build']}"])
    assert put(ready, path, "app==1.0")["action"] == "rebuilt"
    assert runs(ready, path) == "1.0"
    # Its record alone is damaged.
    ready.write(f"{path}/{RECEIPT}", "{")
    assert put(ready, path, "app==1.0")["packages"] == {"app": "1.0", "helper": "1.0"}


def test_a_failing_build_leaves_what_is_in_use_and_nothing_else(ready: Host) -> None:
    path = "/srv/failing/.venv"
    made = put(ready, path, "app==1.0", owner="app")
    before = ready.state_of("/srv/failing")
    failed = ready.run_module("venv", arguments(path, "app==7", owner="app"))
    assert failed.failed
    assert "app==7" in failed.message
    assert ready.state_of("/srv/failing") == before
    assert builds(ready, path) == [made["build"]]


@pytest.mark.full
def test_the_layout_changes_both_ways(ready: Host) -> None:
    path = "/srv/layout/.venv"
    in_place = put(ready, path, "app==1.0", layout="in_place")
    assert in_place["build"] == ""
    versioned = deploy(ready, path, "app==1.0")
    assert versioned["reasons"] == ["it is an environment in place, declared is layout: versioned"]
    assert versioned["packages"] == {"app": "1.0", "helper": "1.0"}
    assert leftovers(ready, path) == []
    back = deploy(ready, path, "app==1.0", layout="in_place")
    assert (back["action"], back["build"]) == ("rebuilt", "")
    assert ready.run(["test", "-L", path], check=False).rc != 0
    assert runs(ready, path) == "1.0"
    # What was started from a build may still run.
    assert builds(ready, path) == [versioned["build"]]
    assert any(f"{path}.d" in warning for warning in back["warnings"])
    again = put(ready, path, "app==1.0", **NO_INDEX)
    assert (again["action"], again["build"]) == ("switched", versioned["build"])
    assert leftovers(ready, path) == []
    # An entry that only says absent leaves no builds either.
    removed = converge(ready, "venv", {"path": path, "state": "absent"})
    assert removed["diff"]["before"] == "app==1.0\nhelper==1.0\n"
    assert ready.listing("/srv/layout") == []


@pytest.mark.full
def test_what_is_not_ours_stays(ready: Host) -> None:
    path = "/srv/foreign/.venv"
    ready.write("/srv/elsewhere/keep", "precious\n")
    ready.write(f"{path}.d/notes", "precious\n")
    ready.write(f"{path}.d/0123456789ab/notes", "precious\n")
    ready.run(["ln", "-s", "/srv/elsewhere", path])
    for state in ("present", "absent"):
        message = refuse(ready, "venv", arguments(path, "app==1.0", state=state))
        assert f"{path} is a link to /srv/elsewhere" in message
        assert f"rm {path}" in message
    ready.run(["rm", path])
    put(ready, path, "app==1.0", keep=1)
    put(ready, path, "app==2.0", keep=1)
    assert len(builds(ready, path)) == 3
    removed = deploy(ready, path, state="absent")
    assert any("notes" in warning for warning in removed["warnings"])
    assert builds(ready, path) == ["0123456789ab", "notes"]
    assert ready.read(f"{path}.d/0123456789ab/notes") == ready.read("/srv/elsewhere/keep") == "precious\n"
    ready.write("/srv/foreign/file.d", "precious\n")
    message = refuse(ready, "venv", arguments("/srv/foreign/file", "app==1.0"))
    assert "/srv/foreign/file.d is not a directory" in message


# Runs that are killed.


@pytest.fixture(scope="module")
def held_index(ready: Host, stocked: LocalIndex) -> IndexServer:
    return stocked.serve(ready, port=8085)


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2) as executor:
        yield executor


@pytest.mark.full
def test_what_a_killed_build_leaves_is_removed_and_the_one_in_use_stays(
    ready: Host, held_index: IndexServer, background: ThreadPoolExecutor, tally: Tally
) -> None:
    path = "/srv/killed/.venv"
    first = put(ready, path, "app==1.0", owner="app")
    asked = arguments(path, "app==2.0", owner="app", system_site_packages=True, installer="pip")
    asked["python_index_url"] = held_index.url
    with held_index.holding():
        run = background.submit(ready.run_module, "venv", asked)
        held_index.wait_until_held()
        kill_run(ready)
        assert run.result().failed
    tally.add("kills", "a versioned build")
    assert runs(ready, path) == "1.0"
    (half_built,) = {*builds(ready, path)} - {first["build"]}
    # What was declared before still is what it was; only the half one goes.
    pruned = deploy(ready, path, "app==1.0", owner="app", **NO_INDEX)
    assert pruned["reasons"] == [f"an earlier run that was stopped left {path}.d/{half_built}"]
    assert builds(ready, path) == [first["build"]]
    assert ready.owners(f"{path}.d/{first['build']}") == {"app"}
    assert leftovers(ready, path) == []


def test_pyinfra_deploys_and_rolls_back(ready: Host, pyinfra: Pyinfra) -> None:
    path = "/srv/by-pyinfra/.venv"

    def provide(state: str, *packages: str, changed: int = 1, **settings: Any) -> None:
        entry = {"path": path, "layout": "versioned", "state": state, "packages": list(packages), "owner": "app"}
        data = {"python_venvs": [entry], "python_index_url": f"file://{ON_HOST}/simple", **settings}
        run = pyinfra.provision(ready, data)
        assert run.succeeded, run.text
        assert run.changed == changed, run.text
        assert pyinfra.fact(ready, "pep668_provision.facts.ProvisionPlan", data=data)["converged"]

    provide("present", "app==1.0")
    provide("present", "app==2.0")
    provide("present", "app==2.0", changed=0)
    assert runs(ready, path) == "2.0"
    provide("rolled_back", **NO_INDEX)
    provide("rolled_back", **NO_INDEX, changed=0)
    assert runs(ready, path) == "1.0"
    provide("absent")
    assert ready.listing("/srv/by-pyinfra") == []


def test_the_role_has_several_at_once_and_a_second_run_starts_nothing(ready: Host) -> None:
    entries = [
        {"path": f"/srv/fleet-{one}/.venv", "layout": "versioned", "packages": ["app==1.0"], "owner": "app"}
        for one in range(3)
    ]
    declared = {"python_venvs": entries, "python_index_url": f"file://{ON_HOST}/simple"}
    first = ready.apply(declared, diff=True)
    assert first.rc == 0, first.text
    again = ready.apply(declared, record=True)
    assert (again.rc, again.changed, again.installers) == (0, 0, ()), again.text
    assert [runs(ready, str(entry["path"])) for entry in entries] == ["1.0"] * 3
