"""The playbook explain on real hosts: what it says pip does is what that host's own pip does, in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from checkout import CHECKOUT
from hosts import Host, Outcome

pytestmark = pytest.mark.releases("debian12", "fedora44", "arch")

PLAYBOOK = CHECKOUT / "playbooks" / "explain.yml"
#: What brings each family's own pip, and what its package of requests is called.
PIP = {
    "debian12": "apt-get -q update && apt-get -q install --yes --no-install-recommends python3-pip",
    "fedora44": "dnf --quiet install --assumeyes python3-pip",
    "arch": "pacman --sync --refresh --needed --noconfirm python-pip",
}
REQUESTS = {"debian12": "python3-requests", "fedora44": "python3dist(requests)", "arch": "python-requests"}
OVERRIDE = "[global]\nbreak-system-packages = true\n"


@pytest.fixture(scope="module")
def with_pip(host: Host, release: str) -> Host:
    host.run(PIP[release])
    return host


def lines_of(outcome: Outcome) -> list[str]:
    """The lines that were printed, each a string of its own."""
    assert (outcome.rc, outcome.changed) == (0, 0), outcome.text
    (shown,) = [task.result["msg"] for task in outcome.tasks if task.action.endswith("debug") and not task.skipped]
    assert isinstance(shown, list)
    assert not [line for line in shown if "\n" in line]
    return shown


def explain(host: Host, variables: Mapping[str, Any] | None = None, *, check: bool = False) -> str:
    return " ".join(" ".join(lines_of(host.play(PLAYBOOK, dict(variables or {}), check=check))).split())


def real_pip(host: Host) -> tuple[int, str]:
    """The exit status of an install, and what it says in one line, without the frame it is set in."""
    tried = host.run("python3 -m pip install --no-index no-such-distribution", check=False)
    words = [word for word in (tried.stdout + tried.stderr).split() if word.isascii()]
    return tried.rc, " ".join(words)


def test_it_says_what_pip_says(with_pip: Host, release: str) -> None:
    _, said = real_pip(with_pip)
    text = explain(with_pip)
    blocked = "error: externally-managed-environment" in said
    assert blocked is (release != "fedora44")
    assert ("error: externally-managed-environment" in text) is blocked
    if blocked:
        # The first sentence of the marker's text, as pip prints it and as it is explained.
        begin = text.partition("error: externally-managed-environment ")[2][:60]
        assert begin in said, said
        assert "stops before it does anything" in text
    else:
        assert "-m pip install goes through" in text
    assert REQUESTS[release] in text
    assert "/opt/venvs/requests" in text


def test_check_mode_says_the_same_and_names_are_answered(with_pip: Host, release: str) -> None:
    before = [with_pip.state_of(path) for path in ("/etc", "/usr/local")]
    assert explain(with_pip, check=True) == explain(with_pip)
    text = explain(with_pip, {"explain_names": ["requests", "no-such-library==1.5"]})
    assert "/bin/pip install requests no-such-library==1.5" in text
    assert [with_pip.state_of(path) for path in ("/etc", "/usr/local")] == before
    assert REQUESTS[release] in text


@pytest.mark.releases("debian12", "arch")
def test_an_override_is_named_with_the_task_that_removes_it(with_pip: Host) -> None:
    with_pip.write("/etc/pip.conf", OVERRIDE)
    try:
        _, said = real_pip(with_pip)
        text = explain(with_pip)
        assert "externally-managed-environment" not in said + text
        assert "is overridden by /etc/pip.conf" in text
        assert "pep668.provision.pip_config: {level: system, break_system_packages: absent}" in text
        removes = {"level": "system", "break_system_packages": "absent"}
        assert with_pip.module("pip_config", removes)["changed"] is True
        assert "error: externally-managed-environment" in explain(with_pip)
        assert "externally-managed-environment" in real_pip(with_pip)[1]
    finally:
        with_pip.run(["rm", "-f", "/etc/pip.conf"])


@pytest.mark.releases("debian12")
def test_the_commands_it_gives_work(with_pip: Host) -> None:
    """What an administrator would type for the first way; the others take an index."""
    lines = lines_of(with_pip.play(PLAYBOOK, {"explain_names": ["six"]}))
    first = next(line for line in lines if line.startswith("1. "))
    command = next(line for line in lines[lines.index(first) :] if line.startswith("     "))
    assert "python3-six" in first
    with_pip.run(f"yes | {command.strip()}")
    assert with_pip.run(["python3", "-c", "import six"]).rc == 0


@pytest.mark.releases("debian12")
def test_a_host_without_python_is_told_so(bare_host: Host) -> None:
    text = explain(bare_host)
    assert "There is no Python 3.8 or newer on this host" in text
    assert "pep668.provision.bootstrap" in text
    assert bare_host.run("command -v python3", check=False).rc != 0
    assert explain(bare_host, check=True) == text


@pytest.mark.releases("debian12")
def test_a_python_without_pip_is_told_so_in_pythons_words(fresh_host: Host) -> None:
    rc, said = real_pip(fresh_host)
    assert (rc, said) == (1, "/usr/bin/python3: No module named pip")
    assert "fails: No module named pip." in explain(fresh_host)
