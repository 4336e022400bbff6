"""Where distributions come from: indexes with credentials, several of them, folders, and one that is gone."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from converging import converge, run_tasks
from hosts import Host
from local_index import ON_HOST, IndexServer, LocalIndex

pytestmark = pytest.mark.releases("debian11")

USERNAME = "reader"
#: Every character in it that means something in a URL, a configuration file or a shell.
PASSWORD = "s3cr3t/p@ss:w%rd#$1"
NOWHERE = "http://127.0.0.1:9/simple"


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    """An index with made-up distributions, and the real ones that pip and pipx need."""
    index.add("alpha", "1.0")
    index.add("alpha", "2.0")
    index.add("hello", "1.0", scripts=["hello"])
    index.mirror("pip", "setuptools", "wheel", "pipx")
    return index


@pytest.fixture(scope="module")
def ready(host: Host, stocked: LocalIndex) -> Host:
    """A host whose Python makes virtual environments, with an environment that is finished."""
    host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-venv")
    made = host.module("venv", {"path": "/srv/v", "packages": ["alpha==1.0"], "python_index_url": stocked.url})
    assert made["packages"] == {"alpha": "1.0"}
    return host


@pytest.fixture(scope="module")
def guarded(ready: Host, stocked: LocalIndex) -> IndexServer:
    """The index over HTTP, for one account only."""
    return stocked.serve(ready, username=USERNAME, password=PASSWORD)


def credentials(server: IndexServer, password: str = PASSWORD) -> dict[str, str]:
    return {
        "python_index_url": server.url,
        "python_index_username": USERNAME,
        "python_index_password": password,
    }


SPELLINGS = (PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD))


def shows_password(text: str) -> bool:
    return any(spelling in text for spelling in SPELLINGS)


def test_credentials_are_used_and_shown_nowhere(ready: Host, guarded: IndexServer) -> None:
    declared = {
        "python_venvs": [{"path": "/srv/v", "packages": ["alpha==2.0"]}],
        "python_tools": [{"name": "hello"}],
        "python_pipx_source": "index",
        **credentials(guarded),
    }
    foretold = ready.apply(declared, check=True, diff=True, arguments=["-vvv"])
    done = ready.apply(declared, diff=True, record=True, arguments=["-vvv"])
    assert (foretold.rc, done.rc) == (0, 0), done.text
    assert ready.packages("/srv/v")["alpha"] == "2.0"
    assert ready.run("hello", user="alice", login=True).stdout == "hello 1.0\n"
    assert f"200 {USERNAME} /simple/alpha/" in guarded.requests()
    # Ansible's module arguments do reach the host, through a file; no process ever had them in its argument list.
    assert done.installers
    assert not [str(process) for process in done.processes if shows_password(str(process))]
    assert not shows_password(foretold.text)
    assert not shows_password(done.text)
    for spelling in SPELLINGS:
        places = ["/srv/v", "/opt", "/usr/local", "/etc", "/root", "/home", "/tmp", "/var/tmp", "/run"]
        found = ready.run(["grep", "-rlF", "--", spelling, *places], check=False)
        assert found.stdout == ""
    again = ready.apply(declared, diff=True, arguments=["-vvv"])
    assert (again.rc, "changed=1" in again.text) == (0, False)
    assert not shows_password(again.text)


def test_a_wrong_password_is_answered_with_advice_and_breaks_nothing(ready: Host, guarded: IndexServer) -> None:
    before = ready.state_of("/srv/v")
    wrong = "wr0ng-p4ss"
    asked = {"path": "/srv/v", "packages": ["alpha", "hello"], **credentials(guarded, wrong)}
    failed = ready.run_module("venv", asked, diff=True)
    assert failed.failed
    assert "python_index_username and python_index_password" in failed.message
    assert wrong not in failed.text
    assert ready.state_of("/srv/v") == before
    without = {name: value for name, value in asked.items() if "index_user" not in name and "index_pass" not in name}
    failed = ready.run_module("venv", without)
    assert failed.failed
    assert "python_index_username and python_index_password" in failed.message
    assert ready.state_of("/srv/v") == before


def test_a_second_index_serves_what_the_first_has_not(ready: Host, stocked: LocalIndex) -> None:
    other = LocalIndex(stocked.folder / "other")
    other.add("elsewhere", "1.0", requires=["alpha<2"])
    settings = {"python_index_url": stocked.url, "python_extra_index_urls": [f"file://{ON_HOST}/other/simple"]}
    made = converge(ready, "venv", {"path": "/srv/two", "packages": ["elsewhere"], **settings})
    assert made["packages"] == {"alpha": "1.0", "elsewhere": "1.0"}


def test_folders_of_wheels_serve_without_any_index(ready: Host, stocked: LocalIndex) -> None:
    settings: dict[str, Any] = {"python_find_links": [stocked.find_links], "python_no_index": True}
    with ready.without_network():
        made = converge(ready, "venv", {"path": "/srv/folder-v", "packages": ["alpha"], **settings})
    assert made["packages"] == {"alpha": "2.0"}
    failed = ready.run_module("venv", {"path": "/srv/folder-v", "packages": ["nosuch-thing"], **settings})
    assert "Check the spelling" in failed.message


def test_an_index_that_is_gone_is_named_and_breaks_nothing(ready: Host, stocked: LocalIndex) -> None:
    path = "/srv/steady"
    first = {"path": path, "packages": ["alpha==1.0"]}
    ready.module("venv", {**first, "python_index_url": stocked.url})
    before = ready.state_of(path)
    failed = ready.run_module("venv", {"path": path, "packages": ["alpha==2.0"], "python_index_url": NOWHERE})
    assert failed.failed
    assert "python_index_url" in failed.message
    assert "Traceback" not in failed.text
    assert ready.state_of(path) == before
    # A host that has everything does not notice, in check mode neither.
    unnoticed = run_tasks(ready, "venv", [({**first, "python_index_url": NOWHERE}, check) for check in (True, False)])
    assert (unnoticed.rc, unnoticed.changed) == (0, 0), unnoticed.text
    assert ready.state_of(path) == before
