"""Markers, overrides, credentials and pips that an audit finds on a real host: each caused, found, and repaired.

What a finding says is done as it says: the command of its remedy is run, and its repairs are taken through the modules.
Either way nothing is found any more, and real pip is what it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from hosts import Host
from local_index import LocalIndex

pytestmark = pytest.mark.releases("debian12")

MARKER = "/usr/lib/python3.11/EXTERNALLY-MANAGED"
REINSTALL = "apt-get install --reinstall libpython3.11-stdlib"
UPSTREAM = "/usr/local/lib/python3.11/dist-packages/pip"
PIP_INSTALL = "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --disable-pip-version-check --ignore-installed"
UNINSTALL = "PIP_BREAK_SYSTEM_PACKAGES=1 /usr/bin/python3 -m pip uninstall pip"
SECRET_INDEX = "https://deploy:hunter2@pypi.example/simple"
#: Of what else is wrong then other tests speak.
TOPICS = ("EM0", "EM1", "EM3")
#: Where this machine's certificates come from an environment, test hosts have them for pip in this file.
OF_TEST_HOSTS = ("EM103", "/etc/environment")
Key = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """What is caused by a command of which account, what is found then, and what is done by hand.

    ``remedy`` is a part of what the finding says; ``by_hand`` is what is typed, ``remedy`` itself as a rule.
    """

    cause: str
    found: tuple[Key, ...]
    remedy: str
    user: str = "root"
    by_hand: str = ""
    evidence: str = ""
    is_repaired: bool = True


CASES = {
    "gone": Case(f"rm {MARKER}", (("EM001", MARKER),), REINSTALL),
    "edited": Case(
        f"sed -i s/python3-xyz/our-own-xyz/ {MARKER}", (("EM002", MARKER),), REINSTALL, evidence="last written at 20"
    ),
    "a link to nothing": Case(f"ln -sf /dev/null {MARKER}", (("EM002", MARKER),), REINSTALL),
    "diverted": Case(
        f"dpkg-divert --local --rename --divert {MARKER}.distrib --add {MARKER}",
        (("EM003", MARKER),),
        f"dpkg-divert --local --rename --remove {MARKER}",
    ),
    "diverted, another in its place": Case(
        f"dpkg-divert --local --rename --divert {MARKER}.distrib --add {MARKER}; echo ours >{MARKER}",
        (("EM003", MARKER),),
        f"mv {MARKER} {MARKER}.old; dpkg-divert --local --rename --remove {MARKER}",
        is_repaired=False,
    ),
    "excluded": Case(
        f"echo path-exclude={MARKER} >/etc/dpkg/dpkg.cfg.d/marker; rm {MARKER}",
        (("EM003", MARKER),),
        REINSTALL,
        by_hand=f"rm /etc/dpkg/dpkg.cfg.d/marker; {REINSTALL}",
        evidence="/etc/dpkg/dpkg.cfg.d/marker keeps dpkg from writing it",
        is_repaired=False,
    ),
    "override for all": Case(
        "python3 -m pip config --global set global.break-system-packages true",
        (("EM101", "/etc/pip.conf"),),
        "sed -i '/^[[:space:]]*break[-_]system[-_]packages/Id' /etc/pip.conf",
        evidence="/etc/pip.conf, line 2: break-system-packages = true in [global]. Level system",
    ),
    "override of an account": Case(
        "python3 -m pip config --user set install.break-system-packages 1",
        (("EM101", "/home/alice/.config/pip/pip.conf"),),
        "sed -i '/^[[:space:]]*break[-_]system[-_]packages/Id' /home/alice/.config/pip/pip.conf",
        user="alice",
        evidence="every pip that alice runs",
    ),
    "override of the interpreter": Case(
        "python3 -m pip config --site set global.break-system-packages yes",
        (("EM101", "/usr/pip.conf"),),
        "sed -i '/^[[:space:]]*break[-_]system[-_]packages/Id' /usr/pip.conf",
        evidence="the pip of /usr/bin/python3",
    ),
    "variable for all": Case(
        "echo export PIP_BREAK_SYSTEM_PACKAGES=1 >>/etc/profile",
        (("EM102", "/etc/profile"),),
        "sed -i '/PIP_BREAK_SYSTEM_PACKAGES=/d' /etc/profile",
        is_repaired=False,
    ),
    "variable of an account": Case(
        "echo 'export PIP_BREAK_SYSTEM_PACKAGES=1' >>~/.profile",
        (("EM102", "/home/alice/.profile"),),
        "sed -i '/PIP_BREAK_SYSTEM_PACKAGES=/d' /home/alice/.profile",
        user="alice",
        is_repaired=False,
    ),
    "another variable": Case(
        f"echo export PIP_INDEX_URL={SECRET_INDEX} >/etc/profile.d/pip.sh",
        (("EM103", "/etc/profile.d/pip.sh"),),
        "take line 1 out of /etc/profile.d/pip.sh",
        by_hand="sed -i 1d /etc/profile.d/pip.sh",
        evidence="PIP_INDEX_URL=https://****@pypi.example/simple",
        is_repaired=False,
    ),
    "a variable that names a file": Case(
        "echo PIP_CONFIG_FILE=/srv/pip.ini >/etc/profile.d/pip.sh; echo [global] >/srv/pip.ini; "
        "echo break_system_packages=on >>/srv/pip.ini",
        (("EM101", "/srv/pip.ini"), ("EM103", "/etc/profile.d/pip.sh")),
        "sed -i '/^[[:space:]]*break[-_]system[-_]packages/Id' /srv/pip.ini",
        by_hand="sed -i '/^[[:space:]]*break[-_]system[-_]packages/Id' /srv/pip.ini; rm /etc/profile.d/pip.sh",
        is_repaired=False,
    ),
    "a credential for all to read": Case(
        f"python3 -m pip config --global set global.index-url {SECRET_INDEX}",
        (("EM104", "/etc/pip.conf"),),
        "chmod 0600 /etc/pip.conf",
        is_repaired=False,
    ),
    "a credential of an account": Case(
        f"python3 -m pip config --user set global.index-url {SECRET_INDEX} && chmod 0755 ~",
        (("EM104", "/home/alice/.config/pip/pip.conf"),),
        "chmod 0600 /home/alice/.config/pip/pip.conf",
        user="alice",
    ),
    "a pip of an environment": Case(
        "python3 -m venv /opt/own && ln -s /opt/own/bin/pip /usr/local/bin/pip",
        (("EM301", "/usr/local/bin/pip"),),
        "rm /usr/local/bin/pip",
        evidence="installs into /opt/own/bin/python3",
        is_repaired=False,
    ),
    "an upstream pip": Case(
        f"{PIP_INSTALL} --no-index --find-links /srv/pips pip",
        (("EM302", UPSTREAM),),
        UNINSTALL,
        evidence="pip 23.0.1 of the package python3-pip in /usr/lib/python3/dist-packages/pip comes after it",
        is_repaired=False,
    ),
    "an old one": Case(
        f"{PIP_INSTALL} --no-index --find-links /srv/pips pip==22.3.1",
        (("EM302", UPSTREAM), ("EM303", "/usr/bin/python3")),
        UNINSTALL,
        is_repaired=False,
    ),
}
#: What a case leaves where it was not undone by what it tests.
TIDY = """
rm -rf /etc/pip.conf /usr/pip.conf /srv/pip.ini /etc/profile.d/pip.sh /opt/own /usr/local/bin/pip*
rm -f /etc/dpkg/dpkg.cfg.d/marker /usr/lib/python3.11/EXTERNALLY-MANAGED.old
rm -rf /usr/local/lib/python3.11/dist-packages/pip* /home/alice/.config/pip
sed -i /PIP_/d /etc/profile /home/alice/.profile
"""


@pytest.fixture(scope="module")
def audited(host: Host, index: LocalIndex) -> Host:
    """A host with the distribution's pip, on which nothing is found, and two further pips to install."""
    host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-pip python3-venv")
    index.mirror("pip==22.3.1")
    index.mirror("pip==25.3")
    host.run(f"mkdir /srv/pips && python3 -m pip download --no-deps -d /srv/pips --index-url {index.url} pip==22.3.1")
    host.run(f"python3 -m pip download --no-deps -d /srv/pips --index-url {index.url} pip==25.3")
    host.run("touch /home/alice/.profile && chown alice: /home/alice/.profile")
    assert found(host) == []
    return host


def audit(host: Host, **options: object) -> dict[str, Any]:
    result = host.module("audit", options)
    assert result["changed"] is False
    return result


def of_topics(findings: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found = (one for one in findings if (one["id"], one["subject"]) != OF_TEST_HOSTS)
    return [one for one in found if one["id"].startswith(TOPICS)]


def found(host: Host) -> list[dict[str, Any]]:
    """The findings of these topics."""
    return of_topics(audit(host)["findings"])


def keys(findings: Iterable[dict[str, Any]]) -> list[Key]:
    return [(one["id"], one["subject"]) for one in findings]


def refuses(host: Host) -> bool:
    done = host.run("cd /; PIP_CONFIG_FILE=/dev/null python3 -m pip install --no-index nothing", check=False)
    return "externally-managed-environment" in done.stderr


@pytest.mark.parametrize("name", CASES)
def test_what_is_caused_is_found_and_goes_by_what_is_said(audited: Host, name: str) -> None:
    case = CASES[name]
    try:
        audited.run(case.cause, user=case.user, login=case.user != "root")
        findings = found(audited)
        assert sorted(keys(findings)) == sorted(case.found)
        told = next(one for one in findings if one["id"] == case.found[0][0])
        assert case.remedy in told["remedy"]
        assert case.evidence in told["evidence"]
        assert "hunter2" not in str(findings)
        assert bool(told["repairs"]) is case.is_repaired
        # Where pip asks whether it is meant, it is.
        audited.run(f"cd /; {case.by_hand or case.remedy}", stdin="y\n")
        assert found(audited) == []
        assert refuses(audited)
    finally:
        audited.run(TIDY)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.is_repaired])
def test_what_is_caused_goes_by_its_repairs(audited: Host, name: str) -> None:
    case = CASES[name]
    try:
        audited.run(case.cause, user=case.user, login=case.user != "root")
        for finding in found(audited):
            for repair in finding["repairs"]:
                assert audited.module(repair["module"], repair["arguments"])["changed"] is True
                assert audited.module(repair["module"], repair["arguments"])["changed"] is False
        assert found(audited) == []
        assert refuses(audited)
    finally:
        audited.run(TIDY)


def test_without_rights_it_is_said_what_was_not_seen(audited: Host) -> None:
    audited.run("chmod 0700 /home/alice; echo export PIP_BREAK_SYSTEM_PACKAGES=1 >>/etc/profile")
    try:
        task = {"name": "Audit", "pep668.provision.audit": {}}
        outcome = audited.play([{"hosts": "all", "gather_facts": False, "tasks": [task]}], {}, user="app")
        assert outcome.rc == 0, outcome.text
        result = outcome.tasks[-1].result
        assert keys(of_topics(result["findings"])) == [("EM102", "/etc/profile")]
        unread = {(one["rule"], one["what"]): one["reason"] for one in result["unread"]}
        assert unread[("EM101", "/home/alice")] == "app may not look into this home"
        assert ("EM102", "/home/alice") in unread
    finally:
        audited.run(TIDY)


def test_what_cannot_be_meant_is_refused_with_all_of_it(audited: Host) -> None:
    options = {"roots": ["srv"], "left_out": ["EM01"], "accounts": ["nobody-here"], "time_budget": 0}
    message = audited.module("audit", options, expect_failure=True)["msg"]
    assert [line.partition(" ")[0] for line in message.splitlines()] == ["roots", "accounts", "left_out", "time_budget"]
    assert "did you mean EM001?" in message
