"""An existing playbook before and after ``pep668-provision scan --fix``, on a real host whose Python is marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hosts import Host, Outcome
from local_index import LocalIndex
from pep668_provision.scan.cli import FOUND, NOTHING, main

pytestmark = pytest.mark.releases("debian13", full=["debian12"])

BEFORE = """---
- name: The shop   # as it was written for Debian 11
  hosts: all
  gather_facts: false
  tasks:
    - name: Have what modules import
      ansible.builtin.pip:
        name: requests   # for the module uri's sake

    - name: Have the application
      ansible.builtin.pip:
        requirements: /srv/shop/requirements.txt
        extra_args: --index-url {{ index }}
      become: true
      become_user: app

    - name: Have the report
      ansible.builtin.shell: >-
        pip3 install --index-url {{ index }}
        'beta>=1'
      register: report
      changed_when: report is succeeded and report.changed

    - name: Have a command
      ansible.builtin.command:
        cmd: python3 -m pip install --index-url {{ index }} yamllint   # nobody imports it

    - name: Have pip work
      ansible.builtin.file:
        path: "{{ marker }}"
        state: absent
"""
TASKS = ("Have what modules import", "Have the application", "Have the report", "Have a command")


@pytest.fixture(scope="module")
def shop(host: Host, index: LocalIndex) -> Host:
    """A host with pip and the application's requirements, and an index that has what is asked for."""
    index.add("alpha", "1.0", requires=["beta>=1"])
    index.add("beta", "1.0")
    index.add("yamllint", "1.0", scripts=["yamllint"])
    # What pipx keeps its own pip up to date with.
    index.mirror("pip", "setuptools", "wheel", "pipx")
    # What the documentation has readers install before the first run.
    packages = "python3-pip python3-packaging python3-venv pipx"
    host.run(f"apt-get -q update && apt-get -q install --yes --no-install-recommends {packages}")
    host.run("mkdir -p /srv/shop && chown app: /srv/shop")
    host.write("/srv/shop/requirements.txt", "alpha\n", owner="app")
    return host


def play(host: Host, playbook: Path, index: LocalIndex, arguments: Sequence[str] = ()) -> Outcome:
    found = host.run("ls /usr/lib/python3*/EXTERNALLY-MANAGED").stdout.split()
    variables = {"index": index.url, "marker": found[0], "ansible_ssh_pipelining": True}
    return host.play(playbook, variables, arguments=arguments)


def test_what_fails_is_rewritten_and_then_works_and_changes_nothing_more(
    shop: Host, index: LocalIndex, tmp_path: Path
) -> None:
    playbook = tmp_path / "shop.yml"
    playbook.write_text(BEFORE)
    for name in TASKS:
        outcome = play(shop, playbook, index, ["--start-at-task", name])
        assert outcome.rc != 0
        assert "externally-managed-environment" in outcome.text
    # A path in a variable does not tell that it is the marker's.
    playbook.write_text(BEFORE.replace('"{{ marker }}"', "/usr/lib/python3.13/EXTERNALLY-MANAGED"))
    assert main(["scan", str(playbook)]) == FOUND
    assert main(["scan", "--fix", str(playbook)]) == NOTHING
    assert "# for the module uri's sake" in playbook.read_text()
    first = play(shop, playbook, index)
    assert first.rc == 0, first.text
    assert [task.changed for task in first.tasks] == [True, True, True, True, False], first.text
    second = play(shop, playbook, index)
    assert (second.rc, second.changed) == (0, 0), second.text
    assert set(shop.packages("/srv/shop/.venv")) >= {"alpha", "beta"}
    assert set(shop.packages("/opt/venvs/beta")) >= {"beta"}
    assert shop.run(["stat", "--format=%U", "/srv/shop/.venv"]).stdout.strip() == "app"
    assert shop.run("yamllint").rc == 0
    assert shop.run(["python3", "-I", "-c", "import requests; print(requests.__file__)"]).stdout.startswith("/usr/lib/")
    assert shop.run("ls /usr/lib/python3*/EXTERNALLY-MANAGED").rc == 0
