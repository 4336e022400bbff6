"""Measures this project beside what users have today: scripts/benchmark [--parts ...] [--hosts N] [--rounds N]."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from audit_cost import measure_audit
from checkout import CACHE
from cold import measure_cold
from container_engine import EngineUnavailable, prepare_engine
from converged import measure_converged
from engines import measure_engines
from fleet import Fleet
from growth import measure_growth
from machine import describe_machine
from measuring import RunFailed
from on_target import measure_on_target
from progress import say
from publish import missing_parts, publish
from samples import Sample
from saved import Results, load
from states import States
from tables import report_block
from tuning import measure_tuning

RESULTS = CACHE / "benchmark" / "results.json"
PARTS = ("cold", "converged", "target", "growth", "audit", "tuning", "engines")
# Differences between settings, and along a curve, are large or do not matter.
MOST_ROUNDS = {"growth": 3, "tuning": 2, "engines": 3}


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """What to measure. Ends the process where the arguments make no sense."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)}; default all")
    parser.add_argument("--hosts", default="1,16", help="numbers of hosts for converged runs; default 1,16")
    parser.add_argument("--rounds", type=int, default=5, help="of converged runs; default 5")
    parser.add_argument("--cold-rounds", type=int, default=1, help="of cold runs; default 1")
    options = parser.parse_args(arguments)
    options.parts = [part for part in options.parts.split(",") if part]
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    options.hosts = [int(count) for count in options.hosts.split(",")]
    return options


def measure_part(
    part: str, states: States, options: argparse.Namespace
) -> Iterator[tuple[list[Sample], dict[str, Any]]]:
    """The samples and facts of one part, as soon as they can be kept."""
    rounds = min(options.rounds, MOST_ROUNDS.get(part, options.rounds))
    if part == "cold":
        yield list(measure_cold(states, options.cold_rounds)), {}
    elif part == "converged":
        for count in options.hosts:
            yield list(measure_converged(states, count, rounds)), {}
    elif part == "growth":
        yield list(measure_growth(states, rounds)), {}
    elif part == "tuning":
        yield list(measure_tuning(states, max(options.hosts), rounds)), {}
    elif part == "engines":
        yield list(measure_engines(states, options.hosts, rounds)), {}
    elif part == "audit":
        yield [], measure_audit(states)
    else:
        yield [], measure_on_target(states)


def show(results: Results) -> None:
    """The tables are on standard output, and in the documents where every part has been measured here."""
    print(report_block(results))
    missing = missing_parts(results)
    if missing:
        say(f"the documents stay as they are, for this was not measured in this checkout: {', '.join(missing)}")
    else:
        publish(results)
        say("written: docs/benchmark.md, docs/benchmark.json, docs/benchmark.svg, docs/scale.md, README.md")


def main(arguments: Sequence[str]) -> int:
    """Each part asked for has been measured and its results are kept."""
    options = read_arguments(arguments)
    try:
        prepare_engine()
        with Fleet() as fleet:
            states = States(fleet)
            for part in PARTS:
                if part in options.parts:
                    machine = describe_machine(fleet)
                    say(f"== {part}: {machine['machine']}, {machine['other work']}")
                    for samples, facts in measure_part(part, states, options):
                        results = load(RESULTS)
                        results.replace_part(part, samples, facts, machine)
                        results.save(RESULTS)
    except (EngineUnavailable, RunFailed) as reason:
        print(f"error: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("stopped; the hosts are gone")
        return 130
    show(load(RESULTS))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
