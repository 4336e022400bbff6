"""What it takes to bring one fresh host to W1: nothing is there but the distribution's Python, no lists, no caches."""

from __future__ import annotations

from collections.abc import Iterator

from contenders import CONTENDERS
from progress import say
from samples import Sample
from states import States

PART = "cold"


def measure_cold(states: States, rounds: int) -> Iterator[Sample]:
    """Each contender but the floors has converged a fresh host of its own, one at a time."""
    for number in range(1, rounds + 1):
        for contender in CONTENDERS.values():
            if contender.kind != "floor":
                sample = states.make(contender, PART)
                say(f"{PART} {number}/{rounds}: {sample}")
                yield sample
