"""What broke on a host is put right by one run, which keeps owners and versions, and the next run changes nothing.

Everything is broken for real first. The cases share one host and one run: a run meets all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from hosts import Host, Outcome
from local_index import IndexServer, LocalIndex

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian13", full=["debian11"])]

RECEIPT = ".pep668-provision.json"
PIPX_HOME = "/opt/pipx"
# The release each of ours is upgraded to, by its name in the archive. What comes after the newest still moves.
NEXT_RELEASE = {"debian11": "bookworm", "debian12": "trixie"}


def at(name: str) -> str:
    """The path of the environment of that name."""
    return f"/srv/healing/{name}"


def venv(name: str, **more: object) -> dict[str, object]:
    return {"path": at(name), "packages": ["wanted>=0.5"], "owner": "app", **more}


def site_packages(host: Host, environment: str) -> str:
    return host.run(f"ls -d {environment}/lib/python3*/site-packages").stdout.strip()


def offer(index: LocalIndex, *, newer: bool) -> None:
    """The index has the versions of the first run, with newer also later ones of everything."""
    for name, versions in {"wanted": ("0.9", "1.0"), "helper": ("1.0",), "tool": ("1.0",)}.items():
        index.remove_all(name)
        for version in (*versions, "2.0") if newer else versions:
            requires = () if name == "helper" else ("helper",)
            index.add(name, version, requires=requires, scripts=[name])
    for name in TOOLS:
        index.remove_all(name)
        for version in ("1.0", "2.0") if newer else ("1.0",):
            index.add(name, version, requires=["helper"], scripts=[name])


def settings(index: LocalIndex) -> dict[str, object]:
    return {"python_index_url": index.url}


# How each environment is broken. The half-built one is made before all others, on a host without python3-venv.


def remove_its_interpreter(host: Host) -> None:
    host.run(["rm", "/opt/own-python/bin/python3"])
    assert host.run([f"{at('interpreter-gone')}/bin/python", "-V"], check=False).rc != 0


def remove_a_distribution(host: Host) -> None:
    host.run(f"rm -r {site_packages(host, at('distribution-removed'))}/helper*")


def install_another_version(host: Host) -> None:
    argv = [f"{at('distribution-changed')}/bin/python", "-m", "pip", "install", "--quiet"]
    host.run([*argv, "--index-url", "file:///srv/index/simple", "wanted==0.9"], user="app")
    assert host.packages(at("distribution-changed"))["wanted"] == "0.9"


def make_one_by_hand(host: Host) -> None:
    path = at("made-by-hand")
    host.run(["install", "-d", "-o", "app", path])
    host.run(["python3", "-m", "venv", path], user="app")
    argv = [f"{path}/bin/python", "-m", "pip", "install", "--quiet", "--index-url", "file:///srv/index/simple"]
    host.run([*argv, "wanted==1.0", "helper==1.0"], user="app")


def interrupt_nothing(host: Host) -> None:
    """The environment was broken before the first run."""


@dataclass(frozen=True)
class Breakage:
    """One broken environment: how it is broken, and the reason a user reads when it is put right."""

    broken_by: Callable[[Host], None]
    reason: str
    is_there_first: bool = True


VENVS = {
    "half-built": Breakage(interrupt_nothing, "half-built"),
    "interpreter-gone": Breakage(
        remove_its_interpreter, "its interpreter /opt/own-python/bin/python3 is gone", is_there_first=False
    ),
    "distribution-removed": Breakage(remove_a_distribution, "helper is missing"),
    "distribution-changed": Breakage(install_another_version, "wanted is 0.9, recorded is 1.0"),
    "made-by-hand": Breakage(make_one_by_hand, "there is no record yet", is_there_first=False),
}


def let_python_dangle(host: Host) -> None:
    host.run(f"ln -sf /opt/no-such-python/bin/python3 {PIPX_HOME}/venvs/dangling/bin/python")
    assert host.run(["/usr/local/bin/dangling"], check=False).rc != 0


def remove_its_package(host: Host) -> None:
    host.run(f"rm -r {site_packages(host, f'{PIPX_HOME}/venvs/emptied')}/emptied*")
    assert host.run(["/usr/local/bin/emptied"], check=False).rc != 0


def truncate_its_metadata(host: Host) -> None:
    host.run(["truncate", "--size=40", f"{PIPX_HOME}/venvs/truncated/pipx_metadata.json"])


def leave_alone(host: Host) -> None:
    """Nothing happens to the tool."""


TOOLS = {
    "dangling": Breakage(let_python_dangle, "/opt/no-such-python/bin/python3 is gone"),
    "emptied": Breakage(remove_its_package, "emptied is missing from its environment"),
    "truncated": Breakage(truncate_its_metadata, "pipx_metadata.json is missing or damaged"),
    "spared": Breakage(leave_alone, ""),
}
BROKEN_TOOLS = [name for name in TOOLS if name != "spared"]


def identities(host: Host, path: str) -> str:
    """Every file below a path with its inode and its times: equal texts mean nothing was written."""
    return host.run(f"find {path} -name __pycache__ -prune -o -printf '%p %i %T@ %C@ %l\\n' | sort").stdout


def leftovers(host: Host) -> list[str]:
    """What a run puts aside or makes for its own use; afterwards there is none."""
    found = host.run(f"find / -xdev -name '.pep668*' -not -name {RECEIPT} -o -name '*.pep668-old'").stdout
    return [path for path in found.splitlines() if not path.startswith("/proc")]


@dataclass(frozen=True)
class Story:
    """The runs that met the broken things, and what was there before it was broken."""

    first: Outcome
    healing: Outcome
    again: Outcome
    before: Mapping[str, str]

    def reasons(self, name: str) -> str:
        """Why the entry of that name was changed, as the plan of the run that did it says."""
        plan = (self.first if name == "half-built" else self.healing).of("plan")[0].result
        steps: list[dict[str, Any]] = plan["venvs"] + plan["tools"]
        mine = [step for step in steps if name in (step.get("name"), step.get("path", "").rpartition("/")[2])]
        return "; ".join(reason for step in mine for reason in step["reasons"])


@pytest.fixture(scope="module")
def story(host: Host, index: LocalIndex) -> Story:
    """Everything was set up by a first run, then broken, then met by the healing run, and by one more."""
    offer(index, newer=False)
    index.mirror("pip", "pipx", "setuptools", "wheel")
    half_built = at("half-built")
    host.run(["install", "-d", "-o", "app", half_built])
    assert host.run(["python3", "-m", "venv", half_built], user="app", check=False).rc != 0
    assert host.exists(f"{half_built}/bin/python")
    assert not host.exists(f"{half_built}/bin/pip")
    # A second interpreter that can be taken away: the same program at another place.
    host.run("mkdir -p /opt/own-python/bin && cp -L /usr/bin/python3 /opt/own-python/bin/python3")
    declared = {"python_tools": [{"name": name} for name in TOOLS], **settings(index)}
    first = host.apply(
        {"python_venvs": [venv(name) for name, breakage in VENVS.items() if breakage.is_there_first], **declared}
    )
    assert not first.failed, first.text
    host.module("venv", {**venv("interpreter-gone", python="/opt/own-python/bin/python3"), **settings(index)})
    for breakage in (*VENVS.values(), *TOOLS.values()):
        breakage.broken_by(host)
    before = {
        "spared": identities(host, f"{PIPX_HOME}/venvs/spared"),
        "made-by-hand": identities(host, site_packages(host, at("made-by-hand"))),
    }
    offer(index, newer=True)
    declared["python_venvs"] = [venv(name) for name in VENVS]
    return Story(first, host.apply(declared), host.apply(declared, record=True), before)


def test_one_run_puts_everything_right_and_the_next_finds_nothing_to_do(story: Story) -> None:
    assert not story.healing.failed, story.healing.text
    assert story.healing.changed, story.healing.text
    assert not story.again.failed, story.again.text
    assert story.again.changed == 0, story.again.text
    assert story.again.installers == ()


@pytest.mark.parametrize("name", VENVS)
def test_environment_is_healed_with_its_owner_and_its_versions(host: Host, story: Story, name: str) -> None:
    assert VENVS[name].reason in story.reasons(name), story.healing.text
    path = at(name)
    packages = host.packages(path)
    assert {key: packages.get(key) for key in ("wanted", "helper")} == {"wanted": "1.0", "helper": "1.0"}
    assert host.owners(path) == {"app"}
    shown = host.run([f"{path}/bin/wanted", "works"], user="app").stdout
    assert shown == "wanted 1.0 works\n"
    assert host.run([f"{path}/bin/python", "-m", "pip", "check"], user="app").rc == 0
    assert host.exists(f"{path}/{RECEIPT}")


def test_environment_made_by_hand_is_adopted_as_it_is(host: Host, story: Story) -> None:
    assert identities(host, site_packages(host, at("made-by-hand"))) == story.before["made-by-hand"]


@pytest.mark.parametrize("name", BROKEN_TOOLS)
def test_broken_tool_works_again_in_its_version(host: Host, story: Story, name: str) -> None:
    assert TOOLS[name].reason in story.reasons(name), story.healing.text
    assert host.run([name, "works"], user="alice", login=True).stdout == f"{name} 1.0 works\n"
    packages = host.packages(f"{PIPX_HOME}/venvs/{name}")
    assert {key: packages.get(key) for key in (name, "helper")} == {name: "1.0", "helper": "1.0"}
    record = host.read_json(f"{PIPX_HOME}/venvs/{name}/pipx_metadata.json")
    assert record["main_package"]["package_version"] == "1.0"


def test_tool_that_was_in_order_is_left_alone(host: Host, story: Story) -> None:
    assert story.reasons("spared") == ""
    assert identities(host, f"{PIPX_HOME}/venvs/spared") == story.before["spared"]
    assert host.run(["spared"]).stdout == "spared 1.0\n"


@pytest.mark.usefixtures("story")
def test_nothing_is_left_beside_what_was_rebuilt(host: Host) -> None:
    assert leftovers(host) == []


# Rebuilds that do not succeed.


@pytest.mark.releases("debian12")
@pytest.mark.usefixtures("story")
def test_environment_stays_as_it_was_when_its_rebuild_fails(host: Host) -> None:
    path = at("distribution-removed")
    before = identities(host, f"{path}/lib"), host.read(f"{path}/{RECEIPT}")
    # Another kind of environment has to be built anew; this one works, so there is something to lose.
    declared = {**venv("distribution-removed", system_site_packages=True), "python_index_url": "file:///no-such-index"}
    failure = host.module("venv", declared, expect_failure=True)
    assert "file:///no-such-index" in failure["stderr"] + failure["stdout"]
    assert path in failure["msg"]
    assert (identities(host, f"{path}/lib"), host.read(f"{path}/{RECEIPT}")) == before
    assert host.run([f"{path}/bin/wanted"], user="app").stdout == "wanted 1.0\n"
    assert leftovers(host) == []


@pytest.mark.releases("debian12")
@pytest.mark.usefixtures("story")
def test_tool_stays_as_it_was_when_its_rebuild_fails(host: Host) -> None:
    declared = {
        "tools": [{"name": "spared", "spec": "spared>=2"}],
        "python_index_url": "file:///no-such-index",
    }
    before = identities(host, f"{PIPX_HOME}/venvs/spared/lib")
    failure = host.module("tool", declared, expect_failure=True)
    assert "spared" in failure["msg"]
    assert identities(host, f"{PIPX_HOME}/venvs/spared/lib") == before
    assert host.run(["spared"], user="alice", login=True).stdout == "spared 1.0\n"
    assert leftovers(host) == []


# Runs that are killed.


@pytest.fixture(scope="module")
def held_index(host: Host, index: LocalIndex, story: Story) -> IndexServer:  # noqa: ARG001  # it needs the host's Python
    return index.serve(host, port=8085)


# A run's own processes: the module, which Ansible starts from a file of that name, and what it started itself.
KILL = """
pids=
for folder in /proc/[0-9]*; do
    words=$(tr '\\0' ' ' 2>/dev/null <"$folder/cmdline") || continue
    case $words in
        *AnsiballZ_*|*"/bin/pipx "*|*" pip "*|*"/pip "*|*" venv "*|*ensurepip*) pids="$pids ${folder#/proc/}" ;;
    esac
done
test -n "$pids" && kill -s KILL $pids
"""


def kill_run(host: Host) -> None:
    """The module and every installer it started are killed at once."""
    # By standard input: a command line with these words in it would be taken for one of the run's.
    host.run(["bash", "-s"], stdin=KILL)


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2) as executor:
        yield executor


@pytest.mark.releases("debian13")
@pytest.mark.parametrize(
    ("name", "more"),
    [
        pytest.param("killed-at-creation", {}, id="while it is created"),
        pytest.param("distribution-changed", {"system_site_packages": True}, id="while it is rebuilt"),
        pytest.param("interpreter-gone", {"packages": ["wanted>=0.5", "tool"]}, id="while something is added"),
    ],
)
def test_environment_is_whole_after_a_killed_run_and_one_more(
    host: Host, held_index: IndexServer, background: ThreadPoolExecutor, name: str, more: dict[str, object]
) -> None:
    existed = host.exists(at(name))
    declared = {**venv(name, **more), "python_index_url": held_index.url}
    with held_index.holding():
        run = background.submit(host.run_module, "venv", declared)
        held_index.wait_until_held()
        kill_run(host)
        assert run.result().failed
    healed = host.module("venv", declared)
    assert healed["changed"]
    again = host.module("venv", declared)
    assert not again["changed"], again
    assert host.run([f"{at(name)}/bin/wanted"], user="app").stdout == f"wanted {'1.0' if existed else '2.0'}\n"
    assert host.owners(at(name)) == {"app"}
    assert leftovers(host) == []


@pytest.mark.releases("debian12")
@pytest.mark.parametrize(
    ("name", "spec", "version"),
    [
        pytest.param("tool", "tool==1.0", "1.0", id="while it is created"),
        pytest.param("truncated", "truncated>=2", "2.0", id="while it is replaced by a newer version"),
    ],
)
def test_tool_is_whole_after_a_killed_run_and_one_more(
    host: Host, held_index: IndexServer, background: ThreadPoolExecutor, name: str, spec: str, version: str
) -> None:
    declared = {"tools": [{"name": name, "spec": spec}], "python_index_url": held_index.url}
    with held_index.holding():
        run = background.submit(host.run_module, "tool", declared)
        held_index.wait_until_held()
        kill_run(host)
        assert run.result().failed
    healed = host.module("tool", declared)
    assert healed["changed"]
    again = host.module("tool", declared)
    assert not again["changed"], again
    assert host.run([name], user="alice", login=True).stdout == f"{name} {version}\n"
    assert leftovers(host) == []


# The last one on this host, for it changes the host for good.

UPGRADE = """
set -eu
export DEBIAN_FRONTEND=noninteractive
printf 'deb http://deb.debian.org/debian %s main\\n' "$1" >/etc/apt/sources.list.d/next-release.list
printf 'Acquire::Check-Valid-Until "false";\\n' >/etc/apt/apt.conf.d/99next-release
apt-get -q update
packages="python3 python3-apt python3-venv python3-pip-whl python3-setuptools-whl"
if test -e /usr/bin/pipx; then packages="$packages pipx"; fi
apt-get -q install --yes --no-install-recommends --target-release "$1" $packages
"""


@pytest.mark.releases(full=["debian11", "debian12"])
def test_upgrade_of_the_distribution_moves_environments_and_tools_to_its_new_python(
    host: Host, story: Story, index: LocalIndex, release: str
) -> None:
    """A real one, of Python and pipx alone: the packages of the next release move /usr/bin/python3 on."""
    del story
    old = host.run(["python3", "-c", "import sys; print(*sys.version_info[:2], sep='.')"]).stdout.strip()
    host.run(["sh", "-c", UPGRADE, "sh", NEXT_RELEASE[release]])
    new = host.run(["python3", "-c", "import sys; print(*sys.version_info[:2], sep='.')"]).stdout.strip()
    assert new != old
    assert host.run([f"{at('made-by-hand')}/bin/python", "-c", "import wanted"], check=False).rc != 0
    declared = {
        "python_venvs": [venv("made-by-hand")],
        "python_tools": [{"name": "emptied"}],
        **settings(index),
    }
    healing = host.apply(declared)
    assert not healing.failed, healing.text
    assert f"its interpreter moved from {old} to {new}" in healing.text
    packages = host.packages(at("made-by-hand"))
    assert (packages["wanted"], packages["helper"]) == ("1.0", "1.0")
    assert host.owners(at("made-by-hand")) == {"app"}
    assert host.run([f"{at('made-by-hand')}/bin/wanted"], user="app").stdout == "wanted 1.0\n"
    assert host.run(["emptied"], user="alice", login=True).stdout == "emptied 1.0\n"
    again = host.apply(declared)
    assert not again.failed, again.text
    assert again.changed == 0, again.text
    assert leftovers(host) == []
