"""What a sample is made of: the stopwatch, and what runs print."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import machine
import stopwatch
from contenders import CONTENDERS
from on_target import imports_of_plan

RECAP = """
PLAY RECAP *********************************************************************
10.88.0.2                  : ok=3    changed=2    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
10.88.0.3                  : ok=3    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
"""


def clock(tmp_path: Path, *command: str) -> tuple[int, dict[str, float]]:
    report = tmp_path / "cost.json"
    done = subprocess.run([sys.executable, stopwatch.__file__, str(report), *command], check=False)
    cost: dict[str, float] = json.loads(report.read_text())
    return done.returncode, cost


def test_stopwatch_hands_on_the_exit_status(tmp_path: Path) -> None:
    assert clock(tmp_path, "sh", "-c", "exit 3")[0] == 3


def test_stopwatch_ends_and_counts_what_was_left_running(tmp_path: Path) -> None:
    left = tmp_path / "left"
    burn = (
        "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass\nprint(); time.sleep(60)"
    )
    # The command waits until the other has burnt its time, and leaves it running.
    script = 'mkfifo "$0.pipe"; "$1" -u -c "$2" >"$0.pipe" & echo $! >"$0"; read line <"$0.pipe"'
    status, cost = clock(tmp_path, "sh", "-c", script, str(left), sys.executable, burn)
    assert status == 0
    assert 0.19 <= cost["cpu_seconds"] < 10
    assert cost["seconds"] < 30
    assert not Path("/proc", left.read_text().strip()).exists()


def test_busy_ticks_are_among_all_ticks() -> None:
    busy, total = machine.processor_times()
    assert 0 < busy <= total


def test_changes_of_ansible_are_summed_over_the_hosts() -> None:
    assert CONTENDERS["role"].count_changes(RECAP) == 3


@pytest.mark.parametrize(
    ("printed", "changes"),
    [
        pytest.param('{"results": {"totals": {"success": 2, "no_change": 5}}}', 2, id="operations"),
        pytest.param("", 0, id="nothing"),
    ],
)
def test_changes_of_pyinfra_are_the_operations_that_ran_commands(printed: str, changes: int) -> None:
    assert CONTENDERS["deploy"].count_changes(printed) == changes


def test_imports_of_the_module_plan_are_found() -> None:
    statements = imports_of_plan().splitlines()
    assert "from engine.host import Host" in statements
    assert any(one.startswith("from engine.look import") for one in statements)
