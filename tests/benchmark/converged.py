"""What a run costs on hosts that have everything: all contenders side by side, on one host and on many."""

from __future__ import annotations

from collections.abc import Iterator

from contenders import CONTENDERS
from measuring import enter, settle, take_turns
from samples import Sample
from saved import CONVERGED
from states import MAKERS, States


def measure_converged(states: States, count: int, rounds: int) -> Iterator[Sample]:
    """Each contender has run on so many hosts, round by round."""
    with states.hosts(count, *MAKERS) as hosts:
        entrants = [enter(one, hosts[one.state]) for one in CONTENDERS.values()]
        if count == 1:
            settle(entrants)
        yield from take_turns(CONVERGED, entrants, rounds)
