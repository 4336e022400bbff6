"""Made-up fleets, as the hosts' modules would have answered: for tests and for the picture in the README.

    python -m tests.browser.sample --hosts 200 DIRECTORY     writes the four files of the report there

The rules are the engine's own; hosts, findings and evidence are made up, the same each time.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping
from typing import Any

from plugins.module_utils.engine.audit.rules import RULES
from plugins.plugin_utils.audit_report.answers import read_answers
from plugins.plugin_utils.audit_report.as_csv import as_csv
from plugins.plugin_utils.audit_report.as_html import as_html
from plugins.plugin_utils.audit_report.as_markdown import as_markdown
from plugins.plugin_utils.audit_report.model import Report, RuleText
from plugins.plugin_utils.audit_report.writing import write_files

CREATED = "2026-11-21T06:00:00Z"

#: id: share of the hosts that have it, subject, evidence, remedy, repairs.
FINDINGS: dict[str, tuple[float, str, str, str, list[dict[str, Any]]]] = {
    "EM001": (
        0.06,
        "/usr/lib/python3.11/EXTERNALLY-MANAGED",
        "libpython3.11-stdlib 3.11.2-6+deb12u6 ships it, and it is not there.",
        "Restore it from its package: apt-get install --reinstall libpython3.11-stdlib",
        [{"module": "marker", "arguments": {"path": "/usr/lib/python3.11/EXTERNALLY-MANAGED"}, "keeps": []}],
    ),
    "EM101": (
        0.2,
        "/etc/pip.conf",
        "break-system-packages = true in [global], line 2 (level: system); the file was changed on 2024-03-08.",
        "Remove the line, or have the module pip_config do it: level: system, break_system_packages: absent",
        [
            {
                "module": "pip_config",
                "arguments": {"level": "system", "break_system_packages": "absent"},
                "keeps": ["/etc/pip.conf"],
            }
        ],
    ),
    "EM102": (
        0.08,
        "/etc/environment",
        "PIP_BREAK_SYSTEM_PACKAGES=1 in line 3; the file was changed on 2023-11-30.",
        "Remove line 3 of /etc/environment; logins after that no longer have it.",
        [],
    ),
    "EM103": (
        0.15,
        "/etc/environment",
        "PIP_INDEX_URL=https://pypi.example.org/simple in line 4.",
        "Nothing has to be done where this is meant for every login.",
        [],
    ),
    "EM104": (
        0.03,
        "/etc/pip.conf",
        "index-url = https://deploy:***@pypi.example.org/simple in [global]; the file's mode is 0644.",
        "chmod 0640 /etc/pip.conf, and change the password: others could read it.",
        [],
    ),
    "EM201": (
        0.12,
        "/usr/local/lib/python3.11/dist-packages",
        "pip installed 3 distributions for /usr/bin/python3: requests 2.31.0, urllib3 2.2.1, certifi 2024.2.2",
        "Move what needs them to an environment, then: python3 -m pip uninstall requests urllib3 certifi",
        [],
    ),
    "EM202": (
        0.05,
        "requests",
        "pip's 2.31.0 in /usr/local/lib/python3.11/dist-packages is imported, not the 2.28.1 of python3-requests.",
        "python3 -m pip uninstall --yes requests",
        [{"module": "pip", "arguments": {"name": ["requests"], "state": "absent"}, "keeps": []}],
    ),
    "EM203": (
        0.015,
        "python3-urllib3",
        "2 files are not as the package has them:\n/usr/lib/python3/dist-packages/urllib3/{__init__,_version}.py",
        "apt-get install --reinstall python3-urllib3",
        [],
    ),
    "EM205": (
        0.1,
        "/home/alice/.local/lib/python3.11/site-packages",
        "pip installed 2 distributions there for alice: black 24.2.0, click 8.1.7.",
        "Nothing has to be done; alice's tools are better off with pipx.",
        [],
    ),
    "EM301": (
        0.04,
        "/usr/local/bin/pip",
        "It installs for /usr/local/bin/python3.12, while python3 is /usr/bin/python3 (3.11.2).",
        "Call python3 -m pip, or remove /usr/local/bin/pip where nothing needs it.",
        [],
    ),
    "EM401": (
        0.07,
        "/srv/app/.venv",
        "bin/python leads to /usr/bin/python3.9, which is not there.",
        "Make it anew from what the application declares: the module venv with rebuild: auto does that.",
        [],
    ),
    "EM402": (
        0.1,
        "/opt/report/.venv",
        "Its interpreter is Python 3.8.18; 3.8 has had no security fixes since 2024-10-07.",
        "Make it anew with a supported Python.",
        [],
    ),
    "EM501": (
        0.05,
        "black",
        "/root/.local/share/pipx/venvs/black/bin/python leads to /usr/bin/python3.9, which is not there.",
        "pipx reinstall black",
        [{"module": "tool", "arguments": {"tools": [{"name": "black"}]}, "keeps": []}],
    ),
    "EM503": (
        0.25,
        "/root/.local/bin",
        "pipx puts commands there, and root's PATH does not have it.",
        "pipx ensurepath",
        [],
    ),
    "EM601": (
        0.01,
        "/usr/local/lib/python3.11/dist-packages",
        "Its mode is 0777: every account can change what root imports.",
        "chmod 0755 /usr/local/lib/python3.11/dist-packages",
        [],
    ),
}

SYSTEMS = [
    ("debian", "Debian GNU/Linux", "13", "debian", "apt"),
    ("debian", "Debian GNU/Linux", "12", "debian", "apt"),
    ("ubuntu", "Ubuntu", "24.04", "debian", "apt"),
    ("fedora", "Fedora Linux", "44", "redhat", "dnf"),
    ("almalinux", "AlmaLinux", "9.6", "redhat", "dnf"),
    ("arch", "Arch Linux", "", "arch", "pacman"),
]
ROLES = ["web", "db", "build", "queue", "cache"]


def rule_texts() -> list[RuleText]:
    return [RuleText(rule.id, rule.title, rule.severity, rule.looks_at, rule.why) for rule in RULES]


def made_up_answers(number: int) -> dict[str, Any]:
    """What the task of the playbook registers for each of so many hosts; some are unreachable or have no Python."""
    chosen = random.Random(number)
    names = [f"{ROLES[at % len(ROLES)]}{at // len(ROLES) + 1:02}.example.org" for at in range(number)]
    return {name: _answer(at, chosen) for at, name in enumerate(names)}


def _answer(at: int, chosen: random.Random) -> dict[str, Any]:
    if at % 29 == 3:
        said = "Failed to connect to the host via ssh: connect to host 192.0.2.17 port 22: Connection timed out"
        return {"unreachable": True, "changed": False, "msg": f"Task failed: {said}"}
    if at % 83 == 51:
        return {"failed": True, "rc": 127, "msg": "The module interpreter '/usr/bin/python3' was not found."}
    ((distribution, name, version, family, manager),) = chosen.choices(SYSTEMS, weights=(6, 8, 5, 2, 3, 1))
    is_root = at % 11 != 7
    rules = {rule.id: rule for rule in rule_texts()}
    # What goes wrong does on some hosts often, and on most never.
    neglect = chosen.choice([0.0, 0.0, 0.5, 1.0, 2.5])
    findings = [
        {"id": id_, "title": rules[id_].title, "severity": rules[id_].severity, "subject": subject}
        | {"evidence": evidence, "remedy": remedy, "repairs": repairs}
        for id_, (share, subject, evidence, remedy, repairs) in FINDINGS.items()
        if chosen.random() < share * neglect
    ]
    return {
        "changed": False,
        "failed": False,
        "host": {"distribution": distribution, "name": name, "version": version}
        | {"family": family, "package_manager": manager},
        "is_root": is_root,
        "rules": [{"id": rule.id, "title": rule.title, "severity": rule.severity} for rule in rules.values()],
        "findings": findings,
        "unread": [] if is_root else [{"rule": "EM001", "what": "/root", "reason": "no right to read it"}],
    }


def report_of(answers: Mapping[str, object]) -> Report:
    return read_answers(answers, rule_texts(), created=CREATED, collection="0.1.0")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the report of a made-up fleet.")
    parser.add_argument("--hosts", type=int, default=60)
    parser.add_argument("directory")
    asked = parser.parse_args()
    report = report_of(made_up_answers(asked.hosts))
    texts = {"audit.json": report.as_json(), "audit.csv": as_csv(report)}
    texts |= {"audit.md": as_markdown(report), "audit.html": as_html(report)}
    print("\n".join(write_files(asked.directory, texts)))


if __name__ == "__main__":
    main()
