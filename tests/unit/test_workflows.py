"""What the workflows of the repository's host run, and by which actions."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: ([\w-]+/[\w./-]+)@([0-9a-f]{40})  # v[\d.]+$")


def default_sessions() -> list[str]:
    """The parts that scripts/test runs without arguments: nox.options.sessions."""
    for node in ast.parse((CHECKOUT / "noxfile.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "nox.options.sessions":
            sessions: list[str] = ast.literal_eval(node.value)
            return sessions
    raise AssertionError("noxfile.py sets no nox.options.sessions")


def jobs_of(name: str) -> dict[str, Any]:
    workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / name).read_text())
    jobs: dict[str, Any] = workflow["jobs"]
    return jobs


def test_ci_runs_every_part_of_the_tests() -> None:
    jobs = jobs_of("ci.yml")
    commands = "\n".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    parts = {*jobs["checks"]["strategy"]["matrix"]["part"], *re.findall(r"scripts/test ([a-z]+)", commands)}
    assert sorted(parts) == sorted(default_sessions())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_action_is_pinned_by_the_digest_of_a_commit(path: Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not PINNED.match(line)] == []


def test_an_action_has_one_digest_in_all_workflows() -> None:
    digests: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, digest in re.findall(r"uses: (\S+)@(\S+)", path.read_text()):
            digests.setdefault(action, set()).add(digest)
    assert {action: found for action, found in digests.items() if len(found) > 1} == {}
