# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Independent pieces of work at the same time, each in a process of its own, as many as there are processors.

Processes and not threads: a piece of work takes another account's rights on, which is a matter of the whole process.
"""

from __future__ import annotations

import json
import os
import selectors
import traceback
from dataclasses import dataclass
from typing import Callable, Dict, Generic, List, Optional, Sequence, TypeVar

from .errors import ProvisionError, error_as_data, error_from_data, refused_by_system

Result = TypeVar("Result")


@dataclass(frozen=True)
class Job(Generic[Result]):
    """A piece of work: ``work`` returns what JSON carries as it is, and may raise ProvisionError.

    ``after``: the position of an earlier job that has to have ended before this one starts, well or not.
    """

    work: Callable[[], Result]
    after: Optional[int] = None


@dataclass(frozen=True)
class Ended(Generic[Result]):
    """How a job ended: with its result, or with the error it raised."""

    result: Optional[Result] = None
    error: Optional[ProvisionError] = None


def run_side_by_side(jobs: Sequence[Job[Result]], limit: int) -> List[Ended[Result]]:
    """Do every job, at most ``limit`` at a time, and return how each ended, in the order of the jobs.

    A job that fails stops no other. With a limit of 1, and for a single job, no process is started for it.
    Raises RuntimeError with the traceback of a job that raised something else than ProvisionError or OSError.
    """
    if limit <= 1 or len(jobs) == 1:
        return [_do(job) for job in jobs]
    ended: Dict[int, Ended[Result]] = {}
    waiting = list(range(len(jobs)))
    running: Dict[int, "_Running[Result]"] = {}
    with selectors.DefaultSelector() as selector:
        while waiting or running:
            for position in [one for one in waiting if jobs[one].after is None or jobs[one].after in ended]:
                if len(running) == limit:
                    break
                waiting.remove(position)
                running[position] = _start(jobs[position])
                selector.register(running[position].answers, selectors.EVENT_READ, position)
            for key, _events in selector.select():
                position = key.data
                if not running[position].read():
                    selector.unregister(key.fileobj)
                    ended[position] = running.pop(position).finish()
    return [ended[position] for position in range(len(jobs))]


def _do(job: Job[Result]) -> Ended[Result]:
    try:
        return Ended(job.work())
    except ProvisionError as error:
        return Ended(error=error)
    except OSError as error:
        return Ended(error=refused_by_system(error))


@dataclass
class _Running(Generic[Result]):
    """A job in its own process, whose answer comes through a pipe as JSON."""

    process: int
    answers: int
    data: bytes = b""

    def read(self) -> bool:
        """Take what the process has said; ``False`` at the end of it."""
        said = os.read(self.answers, 65536)
        self.data += said
        return bool(said)

    def finish(self) -> Ended[Result]:
        os.close(self.answers)
        os.waitpid(self.process, 0)
        if not self.data:
            return Ended(error=ProvisionError("The process that did this ended without an answer: it was killed."))
        answer = json.loads(self.data.decode())
        if "fault" in answer:
            raise RuntimeError(answer["fault"])
        if "error" in answer:
            return Ended(error=error_from_data(answer["error"]))
        return Ended(answer["result"])


def _start(job: Job[Result]) -> _Running[Result]:
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return _Running(process, reading)
    try:
        os.close(reading)
        answer: Dict[str, object]
        try:
            ended = _do(job)
            answer = {"error": error_as_data(ended.error)} if ended.error is not None else {"result": ended.result}
        except BaseException:  # the parent raises it again, whatever it is
            answer = {"fault": traceback.format_exc()}
        with os.fdopen(writing, "wb") as stream:
            stream.write(json.dumps(answer).encode())
    finally:
        os._exit(0)
    raise AssertionError("unreachable")
