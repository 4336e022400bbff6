"""The tool module on real hosts, with the pipx each release has: 1.1, 1.7, or one from the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from converging import Result, converge, refuse
from hosts import Host
from local_index import ON_HOST, LocalIndex

PYTHON = {"debian11": "3.9", "debian12": "3.11", "debian13": "3.13"}
OPT_PIPX = "/opt/pipx/venvs"


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    """An index with made-up tools, and the real distributions that pipx itself needs."""
    for version in ("1.0", "1.1", "2.0"):
        index.add("hello", version, scripts=["hello"])
    index.add("volume", "1.0", scripts=["turn-volume"])
    index.add("colour", "1.0")
    index.add("colour", "1.1")
    index.add("greeter", "1.0", requires=["hello<2"], extras={"loud": ["volume"]}, scripts=["greet"])
    index.add("PyGreet", "1.0", scripts=["pygreet"])
    for name in ("first", "simple", "injected-into", "broken-later", "pinnable", "selected", "leaving"):
        index.add(name, "1.0", scripts=[name])
    index.add("foreign", "1.0", scripts=["alien", "foreign"])
    index.mirror("pip", "setuptools", "wheel", "pipx")
    return index


@pytest.fixture(scope="module")
def tooled(host: Host, stocked: LocalIndex) -> Host:
    """A host that has pipx, because the role has installed a first tool."""
    done = host.apply({"python_tools": [{"name": "first"}], "python_index_url": stocked.url})
    assert done.rc == 0, done.text
    return host


def tool(host: Host, *tools: Mapping[str, Any], changed: bool = True, **options: Any) -> Result:
    """The tools are as asked, by check, run, check, run; returns what the run said."""
    arguments = {"tools": list(tools), "python_index_url": f"file://{ON_HOST}/simple", **options}
    return converge(host, "tool", arguments, changed=changed)


def says(host: Host, app: str, user: str = "alice") -> str:
    """What the app prints in a fresh login shell of an ordinary account."""
    return host.run(app, user=user, login=True).stdout.strip()


def links(host: Host, names: Sequence[str]) -> dict[str, str]:
    found = {name: host.run(["readlink", f"/usr/local/bin/{name}"], check=False).stdout.strip() for name in names}
    return {name: target for name, target in found.items() if target}


@pytest.mark.releases("debian13", full=["debian11", "debian12"])
def test_a_global_tool_is_everybodys_and_belongs_to_root(tooled: Host) -> None:
    made = tool(tooled, {"name": "simple"})
    assert [(one["action"], one["version"], one["apps"]) for one in made["tools"]] == [("created", "1.0", ["simple"])]
    assert made["diff"] == {"before": "", "after": "simple==1.0\n"}
    assert tooled.run("command -v simple", user="alice", login=True).stdout == "/usr/local/bin/simple\n"
    assert says(tooled, "simple") == "simple 1.0"
    assert links(tooled, ["simple"]) == {"simple": f"{OPT_PIPX}/simple/bin/simple"}
    assert tooled.owners("/opt/pipx") == {"root"}
    assert tooled.owners("/usr/local/bin") == {"root"}
    assert not tooled.exists("/root/.local/bin")


@pytest.mark.releases("debian13", full=["debian11", "debian12"])
def test_a_version_moves_up_and_down_and_extras_are_added(tooled: Host) -> None:
    tool(tooled, {"name": "hello", "spec": "hello==1.0"})
    up = tool(tooled, {"name": "hello", "spec": "hello==2.0"})
    assert up["diff"] == {"before": "hello==1.0\n", "after": "hello==2.0\n"}
    assert says(tooled, "hello") == "hello 2.0"
    down = tool(tooled, {"name": "hello", "spec": "hello>=1.1,<2"})
    assert down["diff"] == {"before": "hello==2.0\n", "after": "hello==1.1\n"}
    assert says(tooled, "hello") == "hello 1.1"
    # What satisfies is not upgraded.
    tool(tooled, {"name": "hello", "spec": "hello>=1"}, changed=False)


@pytest.mark.releases("debian11")
def test_extras_are_added_and_recognised_again(tooled: Host) -> None:
    tool(tooled, {"name": "greeter"})
    assert "volume" not in tooled.packages(f"{OPT_PIPX}/greeter")
    extended = tool(tooled, {"name": "greeter", "spec": "Greeter[loud]==1.0"})
    assert extended["reasons"] == {"greeter": ["greeter is installed without the extra loud"]}
    assert "volume" in tooled.packages(f"{OPT_PIPX}/greeter")


@pytest.mark.releases("debian12")
def test_a_suffix_keeps_versions_side_by_side(tooled: Host) -> None:
    tool(tooled, {"name": "hello", "spec": "hello==1.1"}, {"name": "hello", "spec": "hello==2.0", "suffix": "@2"})
    assert says(tooled, "hello") == "hello 1.1"
    assert says(tooled, "hello@2") == "hello 2.0"
    tool(tooled, {"name": "hello", "suffix": "@2", "state": "absent"})
    assert links(tooled, ["hello", "hello@2"]).keys() == {"hello"}


@pytest.mark.releases("debian12")
def test_commands_of_dependencies_are_linked_when_asked_for(tooled: Host, stocked: LocalIndex) -> None:
    stocked.add("umbrella", "1.0", requires=["helper"])
    stocked.add("helper", "1.0", scripts=["help-me"])
    tool(tooled, {"name": "umbrella", "include_deps": True})
    assert says(tooled, "help-me") == "helper 1.0"
    tool(tooled, {"name": "umbrella", "state": "absent"})
    assert not tooled.exists("/usr/local/bin/help-me")


@pytest.mark.releases("debian12")
def test_injected_distributions_grow_shrink_and_are_left_alone(tooled: Host) -> None:
    entry = {"name": "injected-into"}
    environment = f"{OPT_PIPX}/injected-into"

    def injected() -> dict[str, str]:
        return {name: v for name, v in tooled.packages(environment).items() if name in ("colour", "volume")}

    tool(tooled, {**entry, "inject": ["Colour==1.0"]})
    assert injected() == {"colour": "1.0"}
    tool(tooled, {**entry, "inject": ["colour==1.0", "volume"]})
    assert injected() == {"colour": "1.0", "volume": "1.0"}
    tool(tooled, {**entry, "inject": ["colour>1.0", "volume"]})
    assert injected() == {"colour": "1.1", "volume": "1.0"}
    tool(tooled, entry, changed=False)
    assert injected() == {"colour": "1.1", "volume": "1.0"}
    fewer = tool(tooled, {**entry, "inject": ["volume"]})
    assert fewer["reasons"] == {"injected-into": ["colour is injected and not declared"]}
    assert injected() == {"volume": "1.0"}
    tool(tooled, {**entry, "inject": []})
    assert injected() == {}
    assert says(tooled, "injected-into") == "injected-into 1.0"


@pytest.mark.releases("debian12", "debian13")
def test_a_tool_is_pinned_and_unpinned_by_any_pipx(tooled: Host) -> None:
    record = f"{OPT_PIPX}/pinnable/pipx_metadata.json"
    tool(tooled, {"name": "pinnable", "pinned": True})
    assert tooled.read_json(record)["main_package"]["pinned"] is True
    # The pipx of this host, old as it may be, still serves other tools.
    tool(tooled, {"name": "hello", "spec": "hello==1.0"})
    tool(tooled, {"name": "pinnable"})
    assert tooled.read_json(record)["main_package"]["pinned"] is False


@pytest.mark.releases("debian12")
def test_latest_upgrades_once(tooled: Host, stocked: LocalIndex) -> None:
    stocked.add("growing", "1.0", scripts=["growing"])
    tool(tooled, {"name": "growing", "state": "latest"})
    stocked.add("growing", "1.1", scripts=["growing"])
    try:
        tool(tooled, {"name": "growing"}, changed=False)
        upgraded = tool(tooled, {"name": "growing", "state": "latest"})
        assert upgraded["diff"] == {"before": "growing==1.0\n", "after": "growing==1.1\n"}
        assert says(tooled, "growing") == "growing 1.1"
    finally:
        stocked.remove("growing", "1.1")


@pytest.mark.releases("debian12")
def test_absent_removes_a_tool_with_its_commands(tooled: Host) -> None:
    tool(tooled, {"name": "leaving"})
    removed = tool(tooled, {"name": "leaving", "state": "absent"})
    assert removed["diff"] == {"before": "leaving==1.0\n", "after": ""}
    assert not tooled.exists(f"{OPT_PIPX}/leaving")
    assert not tooled.exists("/usr/local/bin/leaving")
    assert says(tooled, "first") == "first 1.0"


def test_python_is_selected_and_a_missing_one_is_answered_with_those_there(tooled: Host, release: str) -> None:
    version = PYTHON[release]
    tool(tooled, {"name": "selected", "python": version})
    assert tooled.exists(f"{OPT_PIPX}/selected/lib/python{version}")
    tool(tooled, {"name": "selected", "python": f"/usr/bin/python{version}"}, changed=False)
    asked = {"tools": [{"name": "selected", "python": "3.4"}]}
    message = refuse(tooled, "tool", asked)
    assert "3.4" in message
    assert f"{version}." in message
    assert says(tooled, "selected") == "selected 1.0"


@pytest.mark.releases("debian12")
def test_a_mixed_case_name_is_recognised_again(tooled: Host) -> None:
    tool(tooled, {"name": "PyGreet"})
    assert says(tooled, "pygreet") == "PyGreet 1.0"
    tool(tooled, {"name": "pygreet", "spec": "PYGREET>=1"}, changed=False)


@pytest.mark.releases("debian11")
def test_a_broken_tool_keeps_no_other_from_converging_and_is_mended(tooled: Host) -> None:
    both = ({"name": "broken-later"}, {"name": "hello", "spec": "hello==1.0"})
    tool(tooled, *both)
    tooled.run(["ln", "-sfn", "/nonexistent/python", f"{OPT_PIPX}/broken-later/bin/python"])
    tool(tooled, {"name": "hello", "spec": "hello==2.0"})
    assert says(tooled, "hello") == "hello 2.0"
    mended = tool(tooled, both[0], {"name": "hello"})
    assert {one["name"]: one["action"] for one in mended["tools"]} == {"broken-later": "rebuilt", "hello": "unchanged"}
    assert says(tooled, "broken-later") == "broken-later 1.0"


def test_a_failing_upgrade_leaves_the_old_tool_working(tooled: Host, stocked: LocalIndex) -> None:
    tooled.module("tool", {"tools": [{"name": "hello", "spec": "hello==1.0"}], "python_index_url": stocked.url})
    before = tooled.state_of(f"{OPT_PIPX}/hello")
    stocked.add_broken("hello", "3.0")
    try:
        for spec, index_url in (("hello==3.0", stocked.url), ("hello==2.0", "http://127.0.0.1:9/simple")):
            asked = {"tools": [{"name": "hello", "spec": spec}], "python_index_url": index_url}
            failed = tooled.run_module("tool", asked)
            assert failed.failed
            assert "Installing the tool hello failed" in failed.message
            assert "Traceback" not in failed.text
            assert says(tooled, "hello") == "hello 1.0"
            assert tooled.state_of(f"{OPT_PIPX}/hello") == before
    finally:
        stocked.remove("hello", "3.0")
    assert tooled.listing("/opt/pipx/.pep668-old") == []
    tool(tooled, {"name": "hello", "spec": "hello==1.0"}, changed=False)


def test_somebody_elses_command_of_the_same_name_is_not_overwritten(tooled: Host) -> None:
    tooled.write("/usr/local/bin/foreign", "#!/bin/sh\necho mine\n", mode="0755")
    asked = {"tools": [{"name": "foreign"}], "python_index_url": f"file://{ON_HOST}/simple"}
    failed = tooled.run_module("tool", asked)
    assert failed.failed
    assert "/usr/local/bin/foreign exists and is not of the tool foreign." in failed.message
    assert "give the tool a suffix" in failed.message
    assert not tooled.exists(f"{OPT_PIPX}/foreign")
    assert not tooled.exists("/usr/local/bin/alien")
    assert says(tooled, "foreign") == "mine"
    tool(tooled, {"name": "foreign", "suffix": "_ours"})
    assert says(tooled, "foreign_ours") == "foreign 1.0"
    assert says(tooled, "foreign") == "mine"


@pytest.mark.releases("debian12", "debian13")
@pytest.mark.parametrize(
    "spec",
    [
        f"file://{ON_HOST}/files/hello-2.0-py3-none-any.whl",
        f"{ON_HOST}/files/hello-1.0-py3-none-any.whl",
        f"hello @ file://{ON_HOST}/files/hello-2.0-py3-none-any.whl",
    ],
    ids=["URL", "path", "name @ URL"],
)
def test_a_tool_comes_from_where_its_spec_says(tooled: Host, spec: str) -> None:
    tool(tooled, {"name": "hello", "spec": "hello==1.1"})
    tool(tooled, {"name": "hello", "spec": spec})
    assert says(tooled, "hello") == f"hello {spec.partition('hello-')[2][:3]}"


# The accounts: name, login shell, and what a fresh home has in its startup files.
PROFILES = {
    "alice": ("/bin/bash", None),
    "plain": ("/bin/sh", "umask 022"),
    "zoe": ("/usr/bin/zsh", ""),
}
ACCOUNTS = [
    pytest.param("alice", id="as Debian makes it"),
    pytest.param("plain", id="a profile of her own", marks=pytest.mark.releases("debian13")),
    pytest.param("zoe", id="zsh", marks=pytest.mark.releases("debian12")),
]


@pytest.mark.releases("debian13", full=["debian11", "debian12"])
@pytest.mark.parametrize("user", ACCOUNTS)
def test_a_users_tool_is_hers_and_on_the_path_of_her_next_login(tooled: Host, user: str) -> None:
    shell, profile = PROFILES[user]
    if "zsh" in shell:
        tooled.run("command -v zsh || apt-get -q install --yes --no-install-recommends zsh")
    if profile is not None:
        tooled.run(["useradd", "--create-home", f"--shell={shell}", user])
        tooled.run(["rm", "-f", f"/home/{user}/.bash_profile", f"/home/{user}/.bash_login"])
        tooled.write(f"/home/{user}/.profile", profile, owner=user)
    made = tool(tooled, {"name": "simple"}, {"name": "PyGreet"}, scope="user", user=user)
    assert {one["bin_dir"] for one in made["tools"]} == {f"/home/{user}/.local/bin"}
    found = tooled.run("command -v pygreet", user=user, login=True).stdout
    assert found == f"/home/{user}/.local/bin/pygreet\n"
    assert says(tooled, "pygreet", user) == "PyGreet 1.0"
    assert tooled.owners(f"/home/{user}") == {user}
    assert "pygreet" in tooled.run("pipx list --short || pipx list", user=user, login=True).stdout.lower()
    if profile:
        assert tooled.read(f"/home/{user}/.profile").startswith(profile)
    tool(tooled, {"name": "simple", "state": "absent"}, scope="user", user=user)
    assert tooled.listing(f"/home/{user}/.local/bin") == ["pygreet"]


@pytest.mark.releases("debian12")
def test_a_user_without_an_account_is_refused(tooled: Host) -> None:
    message = refuse(tooled, "tool", {"tools": [{"name": "simple"}], "scope": "user", "user": "nosuch"})
    assert "nosuch" in message
    assert "no account on this host" in message


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("system", marks=pytest.mark.releases("debian11", "debian13")),
        pytest.param("index", marks=pytest.mark.releases("debian12")),
    ],
)
def test_pipx_comes_from_where_it_is_asked_from(
    fresh_host: Host, stocked: LocalIndex, release: str, source: str
) -> None:
    packaged = release != "debian11"
    declared = {
        "python_tools": [{"name": "hello", "spec": "hello==1.0"}],
        "python_pipx_source": source,
        "python_index_url": stocked.url,
    }
    done = fresh_host.apply(declared)
    if source == "system" and not packaged:
        assert done.failed
        assert "Debian GNU/Linux 11 does not package" in done.message
        assert "python_pipx_source: auto" in done.message
        assert not fresh_host.exists("/opt") or fresh_host.listing("/opt") == []
        return
    assert done.rc == 0, done.text
    assert says(fresh_host, "hello") == "hello 1.0"
    again = fresh_host.apply(declared)
    assert (again.rc, again.changed) == (0, 0), again.text
    system = fresh_host.run("dpkg-query --show --showformat='${db:Status-Status}' pipx", check=False).stdout
    from_system = packaged and source != "index"
    assert (system == "installed") is from_system
    assert fresh_host.exists("/opt/pep668-provision/pipx") is not from_system
    assert fresh_host.run("pipx --version", user="alice", login=True).rc == 0
