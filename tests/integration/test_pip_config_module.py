"""The pip_config module on real hosts: what it writes is what real pip obeys, each by check, run, check, run."""

from __future__ import annotations

from typing import Any

import pytest

from converging import Result, converge, refuse
from hosts import Host
from local_index import ON_HOST, LocalIndex

pytestmark = [pytest.mark.releases("debian13", full=["debian11"]), pytest.mark.usefixtures("untouched_system_python")]

SYSTEM = "/etc/pip.conf"
ALICES = "/home/alice/.config/pip/pip.conf"
PIP = ["python3", "-m", "pip"]
INSTALL = [*PIP, "install", "--no-index", f"--find-links={ON_HOST}/files"]
SECRET = "hunter2"
INDEX = f"https://deploy:{SECRET}@pypi.example/simple"
THEIRS = "# ours\n[global]\ntimeout = 60\n; as before\nBreak_System_Packages: yes\n\n[install]\nuser = no\n"


@pytest.fixture(scope="module")
def with_pip(host: Host, index: LocalIndex) -> Host:
    """A host with the release's own pip, and an index with a distribution for it."""
    index.add("alpha", "1.0")
    host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-pip")
    return host


def configure(host: Host, *, changed: bool = True, **options: Any) -> Result:
    """The file is as asked, by check, run, check, run; returns what the run said."""
    done = converge(host, "pip_config", options, changed=changed)
    assert done["level"] == options["level"]
    return done


def listed(host: Host, *, user: str = "root") -> dict[str, str]:
    """What real pip reads from its files."""
    lines = host.run([*PIP, "config", "list"], user=user, login=True).stdout.splitlines()
    # Test hosts may reach their index by variables.
    return dict(line.split("=", 1) for line in lines if not line.startswith(":env:"))


def installs(host: Host) -> bool:
    """Whether real pip installs into the system's Python; what it has installed is gone again."""
    done = host.run([*INSTALL, "alpha"], check=False)
    if done.rc == 0:
        host.run([*PIP, "uninstall", "--yes", "alpha"])
    else:
        assert "externally-managed-environment" in done.stderr, done
    return done.rc == 0


def test_pip_passes_over_the_marker_while_it_is_told_to_and_refuses_again(with_pip: Host, release: str) -> None:
    # Of the old one neither the marker nor the setting is known.
    unhindered = release == "debian11"
    assert installs(with_pip) is unhindered
    done = configure(with_pip, level="system", break_system_packages="present", i_accept_the_risk=True)
    assert (done["path"], done["reasons"]) == (SYSTEM, ["break-system-packages is not set"])
    assert (done["diff"]["before"], done["diff"]["after"]) == ("", "[global]\nbreak-system-packages = true\n")
    assert with_pip.state_of(SYSTEM)[SYSTEM].startswith("f 644 root:root")
    assert listed(with_pip) == {"global.break-system-packages": "'true'"}
    assert installs(with_pip)
    gone = configure(with_pip, level="system", break_system_packages="absent")
    assert gone["diff"]["after"] == with_pip.read(SYSTEM) == ""
    assert installs(with_pip) is unhindered


@pytest.mark.releases("debian13")
def test_the_risk_has_to_be_accepted(with_pip: Host) -> None:
    before = with_pip.state_of("/etc")
    message = refuse(with_pip, "pip_config", {"level": "system", "break_system_packages": "present"})
    for part in ("operating system's own programs", "module venv", "module tool", "i_accept_the_risk: true"):
        assert part in message
    assert with_pip.state_of("/etc") == before


def test_only_what_is_asked_for_changes_and_a_backup_is_kept(with_pip: Host) -> None:
    with_pip.write(SYSTEM, THEIRS, mode="0640")
    with_pip.run(["chgrp", "alice", SYSTEM])
    options: dict[str, Any] = {"level": "system", "break_system_packages": "absent", "find_links": [f"{ON_HOST}/files"]}
    done = configure(with_pip, backup=True, **options)
    assert done["diff"]["before"] == THEIRS
    assert with_pip.read(SYSTEM) == done["diff"]["after"]
    assert with_pip.read(SYSTEM) == (
        f"# ours\n[global]\ntimeout = 60\nfind-links = {ON_HOST}/files\n; as before\n\n[install]\nuser = no\n"
    )
    assert listed(with_pip) == {
        "global.timeout": "'60'",
        "global.find-links": f"'{ON_HOST}/files'",
        "install.user": "'no'",
    }
    state = with_pip.state_of(SYSTEM)[SYSTEM]
    assert state.startswith("f 640 root:alice")
    # The second run of converge() has changed nothing, so it kept none.
    assert with_pip.run(f"ls {SYSTEM}.*~").stdout.splitlines() == [done["backup_file"]]
    assert with_pip.read(done["backup_file"]) == THEIRS
    assert with_pip.state_of(done["backup_file"])[done["backup_file"]].startswith("f 640 root:alice")
    with_pip.run(["rm", SYSTEM, done["backup_file"]])


def test_an_accounts_file_is_that_accounts_and_its_links_lead_nowhere_else(with_pip: Host) -> None:
    done = configure(
        with_pip, level="user", user="alice", index_url=INDEX, extra_index_urls=["https://a/", "https://b/"]
    )
    assert done["path"] == ALICES
    assert with_pip.owners("/home/alice/.config") == {"alice"}
    assert with_pip.state_of(ALICES)[ALICES].startswith("f 600 alice:alice")
    assert listed(with_pip, user="alice") == {
        "global.index-url": f"'{INDEX}'",
        "global.extra-index-url": r"'\nhttps://a/\nhttps://b/'",
    }
    # A link of hers to a file that is not hers is followed with her rights.
    with_pip.write("/etc/not-hers.conf", "[global]\n")
    with_pip.run(["ln", "-sf", "/etc/not-hers.conf", ALICES], user="alice")
    message = refuse(with_pip, "pip_config", {"level": "user", "user": "alice", "index_url": INDEX})
    assert f"{ALICES} cannot be written: alice may not write in /etc." in message
    assert with_pip.read("/etc/not-hers.conf") == "[global]\n"
    with_pip.run(["rm", ALICES])


@pytest.mark.releases("debian13")
def test_no_credential_is_shown_of_what_is_written_and_what_was_there(with_pip: Host) -> None:
    with_pip.write(ALICES, f"[global]\nindex-url = https://deploy:{SECRET}-old@pypi.example/simple\n", owner="alice")
    options = {"level": "user", "user": "alice", "index_url": INDEX, "proxy": f"http://me:{SECRET}-proxy@proxy:3128"}
    task = {"name": "Set", "pep668.provision.pip_config": options, "no_log": False}
    play = [{"hosts": "all", "gather_facts": False, "tasks": [task]}]
    shown = with_pip.play(play, {}, diff=True, arguments=["-vvv"])
    assert not shown.failed, shown.text
    assert SECRET in with_pip.read(ALICES)
    # The playbook itself is printed by nobody; what the module returned is.
    assert SECRET not in str(shown.tasks[0].result)
    assert "pypi.example/simple" in shown.tasks[0].result["diff"]["after"]
    (warning,) = shown.tasks[0].result["warnings"]
    assert "mode 0644 lets others read it" in warning
    with_pip.run(["rm", ALICES])


def test_an_interpreters_file_is_in_its_prefix(with_pip: Host, release: str) -> None:
    version = "3.9" if release == "debian11" else "3.13"
    done = configure(with_pip, level="interpreter", python=version, trusted_hosts=["pypi.example"])
    assert done["path"] == "/usr/pip.conf"
    assert listed(with_pip) == {"global.trusted-host": "'pypi.example'"}
    configure(with_pip, level="interpreter", python="python3", trusted_hosts=[])
    assert listed(with_pip) == {}
    with_pip.run(["rm", "/usr/pip.conf"])
    assert "Found were: 3." in refuse(with_pip, "pip_config", {"level": "interpreter", "python": "3.4"})


def test_a_broken_file_is_refused_with_its_line(with_pip: Host) -> None:
    broken = f"[global]\ntimeout = 60\n{SECRET}\n"
    with_pip.write(SYSTEM, broken)
    message = refuse(with_pip, "pip_config", {"level": "system", "break_system_packages": "absent"})
    assert "/etc/pip.conf, line 3, is not valid" in message
    assert SECRET not in message
    # pip says the same of it.
    assert with_pip.run([*PIP, "config", "list"], check=False).rc != 0
    assert with_pip.read(SYSTEM) == broken
    with_pip.run(["rm", SYSTEM])
