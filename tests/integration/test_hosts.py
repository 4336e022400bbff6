"""The test hosts themselves: what later tests take for granted must be true."""

from __future__ import annotations

import pytest

from hosts import Host
from local_index import LocalIndex
from recording import is_installer


def test_bare_host_has_no_python_and_ordinary_accounts(bare_host: Host) -> None:
    assert bare_host.run("command -v python3", check=False).rc != 0
    assert bare_host.run("echo $HOME", user="alice", login=True).stdout == "/home/alice\n"
    assert bare_host.run("sudo -n id -u", user="alice").stdout == "0\n"
    assert bare_host.listing("/var/lib/apt/lists") == []


def test_files_are_written_for_their_owner(host: Host) -> None:
    host.write("/srv/made/up/file.txt", "it's $HOME\n", owner="app", mode="0600")
    assert host.read("/srv/made/up/file.txt") == "it's $HOME\n"
    assert host.owners("/srv/made") == {"app"}
    assert host.listing("/srv/made") == ["up"]
    assert host.state_of("/srv/made")["/srv/made/up/file.txt"].startswith("f 600 app:app")


def test_network_can_be_cut_and_restored(host: Host) -> None:
    connect = ["python3", "-c", "import socket; socket.create_connection(('deb.debian.org', 80), 5)"]
    assert host.run(connect, check=False).rc == 0
    with host.without_network():
        assert host.run(connect, check=False).rc != 0
        assert host.module("ansible.builtin.ping")["ping"] == "pong"
    assert host.run(connect, check=False).rc == 0


def test_module_results_and_failures_are_told_apart(host: Host) -> None:
    made = host.module("ansible.builtin.file", {"path": "/srv/folder", "state": "directory", "mode": "0755"}, diff=True)
    assert made["changed"]
    assert made["diff"]["after"]["state"] == "directory"
    again = host.run_module("ansible.builtin.file", {"path": "/srv/folder", "state": "directory", "mode": "0755"})
    assert again.rc == 0
    assert again.changed == 0
    failed = host.run_module("ansible.builtin.fail", {"msg": "as intended"})
    assert failed.failed
    assert failed.message == "as intended"


def test_recording_sees_an_installer_however_it_is_called(host: Host) -> None:
    for command in (["python3", "-m", "pip", "--version"], ["sh", "-c", "/usr/bin/env python3 -I -m venv --help"]):
        recorded = host.run_module("ansible.builtin.command", {"argv": command}, record=True)
        assert [str(process) for process in recorded.installers] == [
            " ".join(command).removeprefix("sh -c /usr/bin/env ")
        ]


def test_recording_sees_a_connection_and_the_module_that_made_it(host: Host) -> None:
    recorded = host.run_module("ansible.builtin.wait_for", {"port": 22, "timeout": 5}, record=True)
    assert recorded.modules == ("wait_for",)
    assert any("htons(22)" in connection for connection in recorded.connections), recorded.connections


def test_recording_is_silent_about_everything_else(host: Host) -> None:
    recorded = host.run_module("ansible.builtin.command", {"argv": ["python3", "-I", "-c", "print(1)"]}, record=True)
    assert recorded.rc == 0
    assert recorded.installers == ()
    assert recorded.connections == ()
    assert any(process.argv[-2:] == ("-c", "print(1)") for process in recorded.processes)


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/pip3.11 list",
        "/usr/bin/python3 -Im pip list",
        "python3 -X utf8 -mpip",
        "/opt/x/bin/python /opt/x/bin/pipx list",
        "uv pip list",
    ],
)
def test_installers_are_recognised(command: str) -> None:
    assert is_installer(command.split())


@pytest.mark.parametrize(
    "command", ["python3 -m json.tool pip", "python3 script.py -m pip", "python3 -I -S -", "grep pip"]
)
def test_other_programs_are_not_taken_for_installers(command: str) -> None:
    assert not is_installer(command.split())


def test_local_index_serves_real_installers_with_and_without_credentials(fresh_host: Host, index: LocalIndex) -> None:
    index.add("hello", "1.0", scripts=["hello"])
    index.add("hello", "1.1", scripts=["hello"])
    index.add("greeting", "2.0", requires=["hello<1.1"], extras={"loud": ["volume"]})
    index.add("volume", "0.1")
    index.add_broken("volume", "0.2")
    fresh_host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-venv")
    fresh_host.run(["python3", "-m", "venv", "/srv/v"])
    pip = ["/srv/v/bin/python", "-m", "pip", "install"]
    with fresh_host.without_network():
        fresh_host.run([*pip, "--index-url", index.url, "greeting[loud]", "volume<0.2"])
        assert fresh_host.run(["/srv/v/bin/hello", "you"], user="alice").stdout == "hello 1.0 you\n"
        assert {"greeting": "2.0", "hello": "1.0", "volume": "0.1"}.items() <= fresh_host.packages("/srv/v").items()
        assert fresh_host.run([*pip, "--index-url", index.url, "volume==0.2"], check=False).rc != 0
        server = index.serve(fresh_host, username="reader", password="secret")
        refused = fresh_host.run([*pip, "--no-input", "--index-url", server.url, "hello==1.1"], check=False)
        assert refused.rc != 0
        fresh_host.run([*pip, "--index-url", server.url_with("reader", "secret"), "hello==1.1"])
        assert "200 reader /simple/hello/" in server.requests()
        assert "401 - /simple/hello/" in server.requests()
