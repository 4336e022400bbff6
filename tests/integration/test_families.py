"""What families do differently: interpreters and libraries from their repositories, and what they have not."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

import hosts
from checkout import CHECKOUT
from hosts import Host
from local_index import LocalIndex

SITE_COLLECTIONS = Path(sysconfig.get_path("purelib")) / "ansible_collections"
#: Releases whose repositories have a second interpreter, and which one.
SECOND_PYTHON = {"ubuntu2604": "3.13", "fedora44": "3.13", "opensuse": "3.13"}


@pytest.fixture
def known_host(bare_host: Host, index: LocalIndex) -> Host:
    """A host with a Python, and hello 1.0 in the index."""
    index.add("hello", "1.0")
    assert bare_host.apply({"python_bootstrap": True}).changed
    return bare_host


@pytest.mark.releases(*SECOND_PYTHON)
def test_an_interpreter_comes_from_the_repositories(known_host: Host, index: LocalIndex, release: str) -> None:
    wanted = SECOND_PYTHON[release]
    state = {
        "python_venvs": [{"path": "/srv/v", "packages": ["hello"], "python": wanted}],
        "python_index_url": index.url,
    }
    first = known_host.apply(state)
    assert first.changed, first.text
    version = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
    assert known_host.run(["/srv/v/bin/python", "-c", version]).stdout.strip() == wanted

    again = known_host.apply(state)
    assert (again.rc, again.changed) == (0, 0), again.text


@pytest.mark.releases("debian13", "fedora44", "arch", "opensuse")
def test_an_interpreter_nobody_has_is_refused_with_what_there_is(known_host: Host) -> None:
    state = {"python_venvs": [{"path": "/srv/v", "python": "3.9"}]}
    outcome = known_host.apply(state)
    assert outcome.failed
    assert "Python 3.9 is wanted, which is not on this host" in outcome.message
    assert "(/usr/bin/python3" in outcome.message
    assert not known_host.exists("/srv/v")


@pytest.mark.releases("debian13", "fedora44", "arch", "opensuse")
def test_a_library_nobody_packages_is_refused_with_other_ways(known_host: Host) -> None:
    outcome = known_host.apply({"python_libraries": ["no-such-library"]})
    assert outcome.failed
    assert "no package" in outcome.message
    assert "python_venvs" in outcome.message
    assert "python_tools" in outcome.message

    # Now the lists are there, and a dry run knows it too.
    foreseen = known_host.apply({"python_libraries": ["no-such-library"]}, check=True)
    assert foreseen.failed
    assert "no package" in foreseen.message


@pytest.mark.releases("arch")
def test_without_the_collection_that_drives_pacman_nothing_starts(
    known_host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A controller that has this collection, and of the others only the one that makes the report.
    collections = tmp_path / "ansible_collections"
    for path, found in [("pep668/provision", CHECKOUT), ("ansible/posix", SITE_COLLECTIONS / "ansible" / "posix")]:
        (collections / path).parent.mkdir(parents=True)
        (collections / path).symlink_to(found)
    controller = {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    environment = hosts.ansible_environment()
    monkeypatch.setattr(hosts, "ansible_environment", lambda: {**environment, **controller})

    outcome = known_host.apply({"python_libraries": ["requests"], "python_venvs": [{"path": "/srv/v"}]})
    assert outcome.failed
    assert "community.general.pacman" in outcome.message
    assert "ansible-galaxy collection install community.general" in outcome.message
    assert not known_host.exists("/srv/v")


def test_an_unknown_system_gets_what_needs_no_package_of_its_own(known_host: Host, index: LocalIndex) -> None:
    index.add("waver", "2.0", scripts=["waver"])
    index.mirror("pip", "setuptools", "wheel", "pipx")
    # Its Python can make environments; that is all it shares with the distribution it was.
    known_host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-venv")
    known_host.run("rm /etc/os-release && printf 'ID=plan9\\nNAME=Plan\\n' >/etc/os-release")
    state = {
        "python_venvs": [{"path": "/srv/v", "packages": ["hello"]}],
        "python_tools": [{"name": "waver"}],
        "python_index_url": index.url,
    }
    first = known_host.apply(state)
    assert first.changed, first.text
    assert "Plan is not among the distributions whose packages are known here" in first.text
    assert known_host.packages("/srv/v")["hello"] == "1.0"
    assert known_host.run("waver", user="alice", login=True).stdout == "waver 2.0\n"
    assert known_host.exists("/opt/pep668-provision/pipx/bin/pipx")
    again = known_host.apply(state)
    assert (again.rc, again.changed) == (0, 0), again.text

    refused = known_host.apply({"python_libraries": ["requests"]})
    assert refused.failed
    assert "how Plan calls the packages of libraries is not known here" in refused.message
