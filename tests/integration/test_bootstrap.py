"""A host without any Python gets its first: by the playbook, by the role, as root or through sudo and doas."""

from __future__ import annotations

import pytest

from checkout import CHECKOUT
from hosts import Host
from local_index import LocalIndex

pytestmark = pytest.mark.releases("debian13")

PLAYBOOK = CHECKOUT / "playbooks" / "bootstrap.yml"
BECOME = {"ansible_become": True}


def no_python(host: Host) -> bool:
    return host.run("command -v python3", check=False).rc != 0


def test_the_playbook_brings_the_first_python_and_changes_nothing_after_that(bare_host: Host) -> None:
    assert no_python(bare_host)
    foreseen = bare_host.play(PLAYBOOK, {}, check=True)
    assert (foreseen.rc, foreseen.changed) == (0, 1), foreseen.text
    assert "missing python3" in foreseen.text
    assert no_python(bare_host)

    first = bare_host.play(PLAYBOOK, {})
    assert (first.rc, first.changed) == (0, 1), first.text
    assert bare_host.run(["python3", "-c", "import apt"]).rc == 0

    second = bare_host.play(PLAYBOOK, {})
    assert (second.rc, second.changed) == (0, 0), second.text
    # One round trip: besides the include nothing else ran.
    assert [task.action for task in second.tasks if "include" not in task.action] == ["ansible.builtin.raw"]
    assert "present /usr/bin/python3" in second.text


def test_the_role_brings_the_first_python_and_goes_on(bare_host: Host, index: LocalIndex) -> None:
    index.add("hello", "1.0")
    state = {
        "python_bootstrap": True,
        "python_venvs": [{"path": "/srv/v", "packages": ["hello"]}],
        "python_index_url": index.url,
    }
    foreseen = bare_host.apply(state, check=True)
    assert (foreseen.rc, foreseen.changed) == (0, 1), foreseen.text
    assert "only once the host has a Python" in foreseen.text
    assert no_python(bare_host)

    assert bare_host.apply(state).changed
    assert bare_host.packages("/srv/v")["hello"] == "1.0"

    again = bare_host.apply(state)
    assert (again.rc, again.changed) == (0, 0), again.text
    on_host = ("ansible.builtin.raw", "pep668.provision.plan", "pep668.provision.venv")
    ran = [task.action for task in again.tasks if not task.skipped and task.action in on_host]
    assert ran == ["ansible.builtin.raw", "pep668.provision.plan"]


@pytest.mark.parametrize("method", ["ansible.builtin.sudo", "community.general.doas"])
def test_an_ordinary_account_needs_become(bare_host: Host, method: str) -> None:
    bare_host.write("/etc/sudoers.d/alice", "alice ALL=(ALL) NOPASSWD: ALL\n", mode="0440")
    if "doas" in method:
        bare_host.run("command -v doas || { apt-get -q update && apt-get -q install --yes opendoas; }")
        bare_host.write("/etc/doas.conf", "permit nopass alice as root\n", mode="0400")

    refused = bare_host.play(PLAYBOOK, {}, user="alice")
    assert refused.failed
    assert "takes root's rights" in refused.text
    assert "Run with become" in refused.text
    assert no_python(bare_host)

    outcome = bare_host.play(PLAYBOOK, {**BECOME, "ansible_become_method": method}, user="alice")
    assert (outcome.rc, outcome.changed) == (0, 1), outcome.text
    assert bare_host.run(["python3", "-c", "import apt"]).rc == 0


def test_an_unknown_system_is_told_what_to_do(bare_host: Host) -> None:
    bare_host.run("rm /etc/os-release; printf 'ID=plan9\\nNAME=\"Plan 9\"\\n' >/etc/os-release")
    outcome = bare_host.play(PLAYBOOK, {})
    assert outcome.failed
    assert "how to install one on Plan 9 is not known here" in outcome.text
    assert "ansible_python_interpreter" in outcome.text
