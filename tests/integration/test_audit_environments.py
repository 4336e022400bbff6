"""What an audit finds of environments and tools on real hosts, and that its repairs bring back what can be.

Everything is caused by what causes it in real life. No release is upgraded while tests run: an environment that says it
was made with Python 3.8 stands in for one of before an upgrade.
"""

from __future__ import annotations

from typing import Any

import pytest

from hosts import Host
from local_index import LocalIndex

RULES = ("EM401", "EM402", "EM501", "EM502", "EM503", "EM504")
DEBIANS = ("debian12", "debian13")
#: The pipx of these has another home than older ones, which it leaves where it is.
NEW_HOME = ("debian13", "fedora44", "arch")
Key = tuple[str, str]
Findings = dict[Key, dict[str, Any]]

pytestmark = pytest.mark.releases("debian12", full=["debian13", "fedora44", "arch"])


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    """An index with what is installed here, and the real distributions that pip and pipx need."""
    for name in ("alpha", "beta"):
        index.add(name, "1.0")
    for name in ("hello", "greet", "volume", "behind", "old-style"):
        index.add(name, "1.0", scripts=[name])
    index.mirror("pip", "setuptools", "wheel", "pipx")
    return index


@pytest.fixture(scope="module")
def clean(host: Host, stocked: LocalIndex) -> Host:  # noqa: ARG001  # the host has the index mounted
    assert audit(host) == {}
    return host


@pytest.fixture(scope="module")
def caused(clean: Host, release: str, stocked: LocalIndex) -> frozenset[Key]:
    """The host has everything that is looked for; returns what an audit is to find."""
    found: set[Key] = set()
    for cause in (half_an_environment, whole_ones, broken_environments, broken_tools, hidden_tools):
        found |= cause(clean, release, stocked)
    return frozenset(found)


def audit(host: Host, **options: Any) -> Findings:
    """The findings of these rules, by id and subject; nothing was left out for them."""
    report = host.module("audit", options)
    assert report["changed"] is False
    assert [one for one in report["unread"] if one["rule"] in RULES] == []
    assert {one["id"] for one in report["rules"]} >= set(RULES)
    return {(one["id"], one["subject"]): one for one in report["findings"] if one["id"] in RULES}


def half_an_environment(host: Host, release: str, _index: LocalIndex) -> set[Key]:
    """Debian's python3 -m venv without python3-venv ends with an error, and leaves what looks like an environment."""
    if release not in DEBIANS:
        return set()
    assert host.run("python3 -m venv /srv/half", check=False).rc == 1
    assert host.exists("/srv/half/bin/python")
    return {("EM401", "/srv/half")}


def whole_ones(host: Host, _release: str, index: LocalIndex) -> set[Key]:
    """What is whole is never found, however it was made."""
    venvs = [
        {"path": "/srv/declared", "packages": ["alpha", "beta"]},
        {"path": "/srv/versions", "packages": ["alpha"], "layout": "versioned"},
    ]
    tools = [{"name": name} for name in ("behind", "hello", "greet", "volume")]
    done = host.apply({"python_venvs": venvs, "python_tools": tools, "python_index_url": index.url})
    assert done.rc == 0, done.text
    host.run("python3 -m venv /srv/whole && python3 -m venv --without-pip /srv/bare")
    assert audit(host).keys() <= {("EM401", "/srv/half")}
    return set()


def broken_environments(host: Host, _release: str, index: LocalIndex) -> set[Key]:
    install = f"pip install --quiet --disable-pip-version-check --index-url {index.url}"
    short = host.run(["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).stdout.strip()
    by_hand = f"/usr/local/bin/python{short}"
    for command in (
        # A Python that was built by hand, for which a copy stands in, is removed.
        f"cp $(readlink -f /usr/bin/python3) {by_hand} && {by_hand} -m venv /srv/gone",
        f"/srv/gone/bin/{install} alpha beta && rm {by_hand}",
        "mkdir /srv/app && chown app: /srv/app",
        f"runuser -u app -- sh -ec 'python3 -m venv /srv/app/v && /srv/app/v/bin/{install} alpha'",
        f"mv /srv/app/v/lib/python{short} /srv/app/v/lib/python3.8",
        "sed -i 's/^version.*/version = 3.8.20/' /srv/app/v/pyvenv.cfg",
        f"python3 -m venv /srv/direct && /srv/direct/bin/{install} beta && mkdir /srv/wheels",
        "cp $(find /srv/index -name 'alpha-1.0-*.whl' | head -n 1) /srv/wheels",
        f"/srv/direct/bin/{install} /srv/wheels/alpha-1.0-*.whl && rm /srv/direct/bin/python*",
        "python3 -m venv /srv/full && echo data >/srv/full/data && rm /srv/full/bin/python*",
        "rm -r /srv/declared/lib/python3*/site-packages/beta*",
        "rm /srv/versions/bin/python*",
    ):
        host.run(command)
    return {("EM401", f"/srv/{name}") for name in ("gone", "app/v", "direct", "full", "declared", "versions")}


def broken_tools(host: Host, _release: str, _index: LocalIndex) -> set[Key]:
    host.run("rm /opt/pipx/venvs/hello/bin/hello")
    host.run("rm /usr/local/bin/greet")
    host.run("rm -r /opt/pipx/venvs/volume")
    return {
        ("EM501", "/opt/pipx/venvs/hello"),
        ("EM501", "/opt/pipx/venvs/greet"),
        ("EM501", "/usr/local/bin/volume"),
    }


def hidden_tools(host: Host, release: str, index: LocalIndex) -> set[Key]:
    """Commands that are there and not started: behind another, off the PATH of a login, or in the home of before."""
    host.run("printf '#!/bin/sh\\n' >/usr/local/sbin/behind && chmod 0755 /usr/local/sbin/behind")
    host.module("tool", {"scope": "user", "user": "alice", "tools": [{"name": "hello"}], "python_index_url": index.url})
    host.run("rm -f ~/.profile ~/.bash_profile ~/.bash_login ~/.bashrc", user="alice", login=True)
    found = {("EM502", "/usr/local/bin/behind"), ("EM503", "/home/alice/.local/bin")}
    if release not in NEW_HOME:
        return found
    pipx = host.run("command -v pipx || echo /opt/pep668-provision/pipx/bin/pipx").stdout.strip()
    install = f"PIPX_HOME=$HOME/.local/pipx {pipx} install --index-url {index.url} old-style"
    host.run(f"{install} && echo 'PATH=$HOME/.local/bin:$PATH' >~/.profile", user="app", login=True)
    home = host.run("getent passwd app | cut -d: -f6").stdout.strip()
    return {*found, ("EM504", f"{home}/.local/pipx")}


def test_exactly_what_was_caused_is_found(clean: Host, caused: frozenset[Key]) -> None:
    assert audit(clean).keys() == caused


def test_the_repairs_bring_back_what_can_be_and_the_rest_says_what_to_do(
    clean: Host, caused: frozenset[Key], stocked: LocalIndex
) -> None:
    before = audit(clean)
    assert before.keys() == caused
    for finding in before.values():
        for repair in finding["repairs"]:
            clean.module(repair["module"], {**repair["arguments"], "python_index_url": stocked.url})
    after = audit(clean)
    assert after.keys() == {key for key, finding in before.items() if not finding["repairs"]}
    assert {subject for _, subject in after} <= {
        *("/srv/direct", "/srv/full", "/srv/versions", "/usr/local/bin/volume", "/usr/local/bin/behind"),
        *(subject for rule, subject in caused if rule == "EM504"),
    }
    for path in ("/srv/gone", "/srv/app/v", "/srv/declared"):
        clean.run([f"{path}/bin/python", "-c", "import alpha"])
    assert clean.owners("/srv/app") == {"app"}
    assert clean.run("greet && hello", user="app", login=True).stdout == "greet 1.0\nhello 1.0\n"
    assert clean.run("command -v hello", user="alice", login=True).stdout == "/home/alice/.local/bin/hello\n"


def test_what_an_account_may_not_read_is_said(clean: Host, caused: frozenset[Key]) -> None:
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"name": "Audit", "pep668.provision.audit": {}}]}
    clean.run("chmod 0700 /root /home/alice")
    report = clean.play([play], {}, user="app").tasks[-1].result
    assert report["is_root"] is False
    assert {"/root", "/home/alice"} <= {one["what"].replace("below /home: ", "/home/") for one in report["unread"]}
    assert {(one["id"], one["subject"]) for one in report["findings"] if one["id"] in RULES} <= caused
