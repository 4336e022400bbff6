"""What cannot be meant is refused on a real host, in words that help, before anything on the host changes.

Here is how a user of the role meets it; tests/unit/engine/test_desired.py judges every misuse by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from hosts import ROLE, Host

pytestmark = pytest.mark.usefixtures("untouched_system_python")

GOOD = {"path": "/srv/good", "packages": ["wanted"]}

# Everything but what Ansible itself keeps there: name, kind, size, owner and time of each file. The lists are left out,
# too: that there is no Python 3.99 is known only when the repositories have been looked at.
ALL_FILES = """
find / -xdev \\( -path /proc -o -path /sys -o -path /tmp -o -path /root/.ansible -o -path /run -o -name __pycache__ \\
    -o -path /var/lib/apt/lists -o -path /var/cache/apt \\) -prune -o \\
    ! -path / ! -path /root -printf '%p %y %s %u %T@\\n' | sort
"""


@dataclass(frozen=True)
class Misuse:
    """What is declared, and what the refusal says: the entry, the value, what is allowed."""

    declared: Mapping[str, Any]
    parts: Sequence[str]


def venvs(*entries: object) -> dict[str, Any]:
    """A good entry and these."""
    return {"python_venvs": [GOOD, *entries]}


MISUSES = {
    "misspelt key": Misuse(
        venvs({"path": "/srv/v", "pakages": ["wanted"]}),
        ["python_venvs[1]", "/srv/v", "'pakages'", "did you mean packages?"],
    ),
    "wrong type": Misuse(
        {**venvs(), "python_tools": [{"name": "black", "include_deps": "sometimes"}]},
        ["python_tools[0]", "black", "include_deps is 'sometimes'", "true or false"],
    ),
    "text for an entry": Misuse(venvs("/srv/v"), ["python_venvs[1]", "'/srv/v'", "an entry with the keys path"]),
    "text for a list": Misuse(
        venvs({"path": "/srv/v", "packages": "wanted"}),
        ["python_venvs[1]", "/srv/v", "packages is 'wanted'", "a list"],
    ),
    "relative path": Misuse(venvs({"path": "app/.venv"}), ["python_venvs[1]", "path is 'app/.venv'", "absolute path"]),
    "unknown state": Misuse(
        venvs({"path": "/srv/v", "state": "newest"}),
        ["python_venvs[1]", "/srv/v", "state is 'newest'", "present, latest, exact, absent"],
    ),
    "option among requirements": Misuse(
        venvs({"path": "/srv/v", "packages": ["--pre"]}),
        ["python_venvs[1]", "/srv/v", "'--pre'", "starts with '-'", "PEP 508 requirement"],
    ),
    "two entries for one path": Misuse(
        venvs({"path": "/srv//good/"}), ["python_venvs[1]", "python_venvs[0]", "/srv/good", "one entry for a path"]
    ),
    "python that YAML takes for a number": Misuse(
        venvs({"path": "/srv/v", "python": 3.10}),
        ["python_venvs[1]", "/srv/v", "python is 3.1", 'in quotes, like python: "3.12"'],
    ),
    "owner that is no account": Misuse(
        venvs({"path": "/srv/v", "owner": "nobody-here"}),
        ["/srv/v", "nobody-here", "no account on this host", "Create the account"],
    ),
    "user that is no account": Misuse(
        {**venvs(), "python_tools": [{"name": "black", "scope": "user", "user": "nobody-here"}]},
        ["black", "nobody-here", "no account on this host", "Create the account"],
    ),
    "unknown setting": Misuse(
        {**venvs(), "python_pipx_source": "distro"}, ["python_pipx_source", "distro", "auto, system, index"]
    ),
    "path where something else is": Misuse(
        venvs({"path": "/etc/ssl"}), ["/etc/ssl", "is not a virtual environment", "another path"]
    ),
    "python that is not there": Misuse(
        venvs({"path": "/srv/v", "python": "3.99"}), ["/srv/v", "Python 3.99", "Found were: 3."]
    ),
    "requirements file that is not there": Misuse(
        venvs({"path": "/srv/v", "requirements": ["/srv/no-such-file.txt"]}), ["/srv/v", "/srv/no-such-file.txt"]
    ),
}


@dataclass(frozen=True)
class Refusals:
    """What the role said to each misuse, and the host before and after all of them."""

    messages: Mapping[str, str]
    before: str
    after: str


@pytest.fixture(scope="module")
def refusals(host: Host) -> Refusals:
    """Every misuse was declared to the role by itself; all in one playbook, for each is refused."""
    tasks = [
        {
            "block": [{"ansible.builtin.include_role": {"name": ROLE}, "vars": misuse.declared}],
            "rescue": [{"name": name, "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}],
        }
        for name, misuse in MISUSES.items()
    ]
    # The first connection leaves the tests' key and Ansible's own folder on the host.
    host.module("python_info", {})
    before = host.run(ALL_FILES).stdout
    outcome = host.play([{"hosts": "all", "gather_facts": False, "tasks": tasks}], {})
    after = host.run(ALL_FILES).stdout
    assert not outcome.failed, outcome.text
    assert outcome.changed == 0
    assert "Traceback" not in outcome.text
    return Refusals({task.name: str(task.result.get("msg", "")) for task in outcome.tasks}, before, after)


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_refused_by_entry_value_and_what_is_allowed(refusals: Refusals, name: str) -> None:
    assert name in refusals.messages, "it was not refused"
    message = refusals.messages[name]
    for part in MISUSES[name].parts:
        assert part in message
    assert len(message.removeprefix("Validation of arguments failed:\n").splitlines()) == 1, message


def test_nothing_changes_on_a_host_when_the_declared_is_refused(refusals: Refusals) -> None:
    assert refusals.after == refusals.before


def test_check_mode_refuses_the_same(host: Host) -> None:
    declared = {"python_venvs": [{"path": "/srv/v", "state": "newest"}]}
    checked, run = host.apply(declared, check=True), host.apply(declared)
    assert checked.failed
    assert checked.message == run.message


def test_variable_that_is_nearly_one_of_ours_is_warned_of(host: Host) -> None:
    outcome = host.apply({"python_venv": [GOOD], "python_versions_of_mine": ["3.12"]})
    assert not outcome.failed, outcome.text
    assert outcome.changed == 0
    warnings = outcome.of("plan")[0].result["warnings"]
    assert warnings == ["python_venv is not a variable of this project; did you mean python_venvs?"]


def test_modules_refuse_the_same_by_themselves(host: Host) -> None:
    refused = host.module("venv", {"path": "srv/v", "packages": ["wanted=1"]}, expect_failure=True)
    assert "path is 'srv/v': allowed is an absolute path on the host" in refused["msg"]
    assert "'wanted=1'" in refused["msg"]
    refused = host.module("tool", {"tools": [{"name": "black", "spec": "--editable=/srv"}]}, expect_failure=True)
    assert "python_tools[0] (name: 'black')" in refused["msg"]
    assert "starts with '-'" in refused["msg"]


def test_a_password_in_what_is_refused_is_shown_nowhere(host: Host) -> None:
    address = "https://reader:s3cr3t-w0rd@index.example/simple"
    declared = {"python_index_url": address, "python_venvs": [{"path": "srv/v", "packages": [f"x @ {address}"]}]}
    refused = host.apply(declared, arguments=["-vvv"])
    assert refused.failed
    assert "path is 'srv/v'" in refused.message
    assert "s3cr3t-w0rd" not in refused.text
