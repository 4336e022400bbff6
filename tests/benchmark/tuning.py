"""What Ansible's and pyinfra's own settings do for this project's converged run, on as many hosts as are measured."""

from __future__ import annotations

from collections.abc import Iterator

from contenders import CONTENDERS, W1, Settings
from measuring import Entrant, take_turns
from samples import Sample
from states import States
from with_mitogen import mitogen_settings

PART = "tuning"
BESIDE = "as measured elsewhere"
MITOGEN = "mitogen"
# What each setting is called in results and tables, by contender.
SETTINGS = {
    "role": {
        BESIDE: Settings(),
        "pipelining off": Settings(environment={"ANSIBLE_PIPELINING": "false"}),
        "facts gathered": Settings(play={"gather_facts": True}),
        "forks 5, Ansible's default": Settings(at_once=5),
        "strategy free": Settings(play={"strategy": "free"}),
        "serial 4": Settings(play={"serial": 4}),
        "connections not kept": Settings(environment={"ANSIBLE_SSH_ARGS": "-o ControlMaster=no"}),
    },
    "deploy": {
        BESIDE: Settings(),
        "--parallel 1": Settings(at_once=1),
        "--parallel 4": Settings(at_once=4),
    },
}


def measure_tuning(states: States, count: int, rounds: int) -> Iterator[Sample]:
    """Each setting has been measured, in turns."""
    mitogen = mitogen_settings()
    with states.hosts(count, "project") as hosts:
        entrants = [
            Entrant(contender=CONTENDERS[name], hosts=hosts["project"], workload=W1, case=case, settings=settings)
            for name, cases in SETTINGS.items()
            for case, settings in (cases | {MITOGEN: mitogen} if name == "role" and mitogen else cases).items()
        ]
        yield from take_turns(PART, entrants, rounds)
