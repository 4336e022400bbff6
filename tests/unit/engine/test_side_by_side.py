"""Independent work at the same time: what it returns, what it raises, what waits for what."""

from __future__ import annotations

import json
import os
import time
from functools import partial
from pathlib import Path

import pytest

from pep668_provision.engine.errors import (
    CommandFailed,
    ProvisionError,
    SeveralFailed,
    error_as_data,
    error_from_data,
    raise_all,
)
from pep668_provision.engine.side_by_side import Job, run_side_by_side

LIMITS = pytest.mark.parametrize("limit", [1, 2, 8])


def failing(error: Exception) -> Job[str]:
    def work() -> str:
        raise error

    return Job(work)


@LIMITS
def test_results_are_in_the_order_of_the_jobs(limit: int) -> None:
    ended = run_side_by_side([Job(partial(divmod, number, 7)) for number in range(20)], limit)
    assert [list(one.result or ()) for one in ended] == [[number // 7, number % 7] for number in range(20)]


@LIMITS
def test_a_failure_stops_no_other_job_and_is_returned_whole(limit: int) -> None:
    failure = CommandFailed(
        "It failed.", command=["pip", "install"], status=2, stdout="out", stderr="err", advice="Do."
    )
    jobs = [Job(lambda: "first"), failing(failure), Job(lambda: "third"), failing(ProvisionError("No.", advice="Go."))]
    ended = run_side_by_side(jobs, limit)
    assert [one.result for one in ended] == ["first", None, "third", None]
    first, second = (one.error for one in ended if one.error is not None)
    assert isinstance(first, CommandFailed)
    assert vars(first) == vars(failure)
    assert str(second) == "No. Go."


def test_jobs_are_in_processes_of_their_own_and_no_more_than_the_limit_at_once(tmp_path: Path) -> None:
    def work() -> list[int]:
        mine = tmp_path / str(os.getpid())
        mine.touch()
        beside = 0
        # Until as many are there as may be: more would be counted too.
        for _ in range(50):
            beside = max(beside, len(list(tmp_path.iterdir())))
            if beside >= 3:
                break
            time.sleep(0.01)
        mine.unlink()
        return [os.getpid(), beside]

    ended = run_side_by_side([Job(work) for _ in range(9)], 3)
    found = [one.result for one in ended if one.result is not None]
    assert len({process for process, _ in found}) == 9
    assert os.getpid() not in {process for process, _ in found}
    assert max(beside for _, beside in found) == 3


def test_a_single_job_and_a_limit_of_one_need_no_process() -> None:
    assert [one.result for one in run_side_by_side([Job(os.getpid)], 4)] == [os.getpid()]
    assert [one.result for one in run_side_by_side([Job(os.getpid), Job(os.getpid)], 1)] == [os.getpid()] * 2


@pytest.mark.parametrize("fails", [False, True])
@LIMITS
def test_a_job_starts_when_the_one_it_comes_after_has_ended(tmp_path: Path, limit: int, fails: bool) -> None:
    made = tmp_path / "made"

    def make() -> bool:
        time.sleep(0.05)
        made.touch()
        if fails:
            raise ProvisionError("Made, and failed.")
        return True

    jobs = [Job(make), Job(lambda: True), Job(made.exists, after=0), Job(made.exists, after=2)]
    ended = run_side_by_side(jobs, limit)
    assert [one.result for one in ended][1:] == [True, True, True]


def test_a_result_larger_than_a_pipe_comes_whole() -> None:
    ended = run_side_by_side([Job(lambda: "x" * 1_000_000), Job(lambda: "y" * 500_000)], 2)
    assert [len(one.result or "") for one in ended] == [1_000_000, 500_000]


def test_a_process_that_is_killed_is_an_error_of_its_job_alone() -> None:
    def work() -> bool:
        os.kill(os.getpid(), 9)
        return True

    killed, other = run_side_by_side([Job(work), Job(lambda: True)], 2)
    assert killed.error is not None
    assert "was killed" in str(killed.error)
    assert other.result is True


def test_a_fault_of_the_program_is_raised_with_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        run_side_by_side([Job(lambda: 1 // 0), Job(lambda: 1)], 2)


def test_no_jobs_end_at_once() -> None:
    assert run_side_by_side([], 4) == []


def test_several_errors_are_one_that_says_each() -> None:
    failed = CommandFailed("First.", command=["uv"], status=1)
    raise_all([])
    with pytest.raises(CommandFailed):
        raise_all([failed])
    with pytest.raises(SeveralFailed) as several:
        raise_all([failed, SeveralFailed([ProvisionError("Second."), ProvisionError("Third.", advice="Stop.")])])
    assert str(several.value) == "First.\nSecond.\nThird. Stop."
    again = error_from_data(json.loads(json.dumps(error_as_data(several.value))))
    assert isinstance(again, SeveralFailed)
    assert [type(one) for one in again.errors] == [CommandFailed, ProvisionError, ProvisionError]
    assert str(again) == str(several.value)
