"""How environments and tools are divided: into calls of a module by the plan, and tools into calls of pipx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from pep668_provision.engine.apply_tool import ToolRun, in_calls, take_together
from pep668_provision.engine.desired import ToolEntry, VenvEntry
from pep668_provision.engine.errors import CommandFailed, ProvisionError, SeveralFailed
from pep668_provision.engine.host_state import ObservedTool, ObservedVenv
from pep668_provision.engine.request import Request
from pep668_provision.engine.steps import Plan, ToolStep, VenvStep, batches_of
from pep668_provision.engine.venv import VenvState


def venv_step(position: int | None) -> VenvStep:
    path = f"/srv/{position}"
    return VenvStep("create", ObservedVenv(VenvEntry(path), VenvState(path), Request()), ("it is not there",), position)


def tool_step(position: int) -> ToolStep:
    return ToolStep("create", ObservedTool(ToolEntry(f"tool{position}")), ("it is not installed",), position)


def test_each_processor_has_some_steps_in_a_batch_and_every_step_is_in_one() -> None:
    plan = Plan(venvs=tuple(map(venv_step, range(20))), tools=tuple(map(tool_step, range(5, 20))))
    batches = batches_of(plan, 2)
    assert [len(batch.steps) for batch in batches] == [16, 16, 3]
    assert [position for batch in batches for position in batch.venvs] == list(range(20))
    assert [position for batch in batches for position in batch.tools] == list(range(5, 20))
    assert len(batches_of(plan, 64)) == 1
    assert len(batches_of(plan, 0)) == len(batches_of(plan, 1)) == 5


def test_programs_of_this_project_come_with_the_first_batch_or_in_one_of_their_own() -> None:
    own = (venv_step(None),)
    first, *others = batches_of(Plan(own=own, venvs=tuple(map(venv_step, range(10)))), 1)
    assert [step.name for step in first.steps][:2] == ["/srv/None", "/srv/0"]
    assert "/srv/None" not in [step.name for batch in others for step in batch.steps]
    (alone,) = batches_of(Plan(own=own), 4)
    assert alone.as_dict() == {
        "venvs": [],
        "tools": [],
        "label": "/srv/None (it is not there)",
        "steps": [{"action": "create", "kind": "venv", "name": "/srv/None", "reasons": ["it is not there"]}],
    }
    assert batches_of(Plan(), 4) == ()


@dataclass
class StandInRun:
    """Stands in for a tool's run: what it shares a call by, and what goes wrong with it."""

    name: str
    shares: Any = "same"
    wrong: str = ""
    is_made: bool = True
    log: list[str] = field(default_factory=list)

    def install_together(self, others: Sequence[StandInRun]) -> None:
        self.log.append("together " + " ".join([self.name, *(run.name for run in others)]))
        if not all(run.is_made for run in (self, *others)):
            raise CommandFailed("One of them failed.", command=["pipx"], status=1)

    def take(self) -> None:
        self.log.append(f"alone {self.name}")
        if self.wrong:
            raise ProvisionError(self.wrong)

    def take_made(self) -> None:
        if not self.is_made:
            self.take()


def runs(*stand_ins: StandInRun) -> list[ToolRun]:
    return cast("list[ToolRun]", list(stand_ins))


def names(calls: list[list[ToolRun]]) -> list[list[str]]:
    return [[cast("StandInRun", run).name for run in call] for call in calls]


def test_tools_that_may_share_a_call_are_spread_over_as_many_as_there_are_processors() -> None:
    tools = runs(*(StandInRun(name) for name in "abcde"))
    assert names(in_calls(tools, 2)) == [["a", "c", "e"], ["b", "d"]]
    assert names(in_calls(tools, 8)) == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert names(in_calls(tools, 1)) == [["a", "b", "c", "d", "e"]]


def test_a_tool_that_needs_a_call_of_its_own_has_one_and_kinds_are_not_mixed() -> None:
    tools = runs(StandInRun("a"), StandInRun("b", shares=None), StandInRun("c", shares="other"), StandInRun("d"))
    assert names(in_calls(tools, 1)) == [["b"], ["a", "d"], ["c"]]
    assert in_calls([], 4) == []


def test_what_a_call_left_out_is_installed_by_itself_and_says_what_is_wrong() -> None:
    log: list[str] = []
    tools = runs(
        StandInRun("a", log=log),
        StandInRun("b", is_made=False, wrong="b is nowhere.", log=log),
        StandInRun("c", is_made=False, log=log),
        StandInRun("d", is_made=False, wrong="d is broken.", log=log),
    )
    with pytest.raises(SeveralFailed) as several:
        take_together(tools)
    assert log == ["together a b c d", "alone b", "alone c", "alone d"]
    assert str(several.value) == "b is nowhere.\nd is broken."


def test_a_single_tool_is_installed_as_ever() -> None:
    log: list[str] = []
    take_together(runs(StandInRun("a", log=log)))
    assert log == ["alone a"]
