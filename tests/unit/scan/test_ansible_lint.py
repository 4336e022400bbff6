"""The rules for ansible-lint, by a real ansible-lint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pep668_provision.scan.cli import main
from pep668_provision.scan.finding import KINDS

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]


def lint(folder: Path, *arguments: str) -> tuple[int, list[tuple[str, int, str]]]:
    """The exit status of ansible-lint, and path, line and id of what our rules find."""
    program = Path(sys.executable).with_name("ansible-lint")
    rules = CHECKOUT / "src" / "pep668_provision" / "scan" / "ansible_lint_rules"
    done = subprocess.run(
        [program, "--offline", "-q", "-f", "json", "-c", "lint.yml", "-r", rules, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(CHECKOUT / "src"),
            "ANSIBLE_HOME": str(folder / ".ansible"),
            "NO_COLOR": "1",
        },
    )
    assert done.returncode in (0, 2), done.stdout + done.stderr
    found = [
        (one["location"]["path"], one["location"]["lines"]["begin"], one["check_name"])
        for one in json.loads(done.stdout)
    ]
    return done.returncode, found


def test_ansible_lint_finds_the_same_on_the_same_lines(tmp_path: Path) -> None:
    (tmp_path / "lint.yml").write_text("profile: null\n")
    tasks = (HERE / "fixtures" / "docker_host" / "tasks" / "main.yml").read_text()
    indented = "".join(f"    {line}" if line.strip() else line for line in tasks.removeprefix("---\n").splitlines(True))
    (tmp_path / "site.yml").write_text(f"- hosts: all\n  tasks:\n{indented}")
    status, found = lint(tmp_path, "site.yml")
    assert status == 2
    assert found == [
        *[("site.yml", line, id_) for line, id_ in [(13, "PM002"), (22, "PM001"), (31, "PM001"), (35, "PM001")]],
        *[("site.yml", line, id_) for line, id_ in [(41, "PM003"), (50, "PM004"), (63, "PM004")]],
    ]


def test_what_is_silenced_or_skipped_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "lint.yml").write_text("skip_list: [PM006]\n")
    (tmp_path / "site.yml").write_text(
        "- name: All\n  hosts: all\n  tasks:\n"
        "    - name: One\n      ansible.builtin.pip: {name: docker}  # noqa: PM001\n"
        "    - name: Two\n      ansible.builtin.command: pip install docker\n      changed_when: true\n"
    )
    status, found = lint(tmp_path, "site.yml")
    assert (status, found) == (0, [])


def test_the_directory_of_the_rules_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint-rules"]) == 0
    (file,) = Path(capsys.readouterr().out.strip()).glob("*.py")
    assert file.name == "externally_managed.py"


def test_every_kind_has_a_rule_that_says_what_to_do() -> None:
    assert sorted(KINDS) == [f"PM00{number}" for number in range(1, 10)]
    for kind in KINDS.values():
        assert kind.title
        assert kind.hosts.endswith(".")
        assert kind.instead.endswith(".")
