"""Tries changed versions of what decides in the engine against its tests; each one that they pass is accounted for.

run.py MUTMUT [FILE...]     FILE: one of [tool.mutmut] in pyproject.toml, as "plan"; default all of them

mutmut makes the changed versions ("mutants") and runs the tests that reach each. One that no test fails with
("survivor") has an entry in survivors.toml that says why, and each entry has its survivors: otherwise this fails.
Survivors that differ in the wording of a sentence alone are only counted: tests hold on to the words that matter, so
that the others can be improved. mutmut works on a copy in .cache/mutation, where the link to the engine is a folder.
After a run of all files in which nothing was amiss docs/development.md tells the figures.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
COPY = CHECKOUT / ".cache" / "mutation"
SURVIVORS = Path(__file__).with_name("survivors.toml")
DOCUMENT = CHECKOUT / "docs" / "development.md"
START, END = "<!-- figures: written by nox -s mutation -->\n", "<!-- end of figures -->"
PACKAGE = "pep668_provision.engine."
KILLED = ("killed", "timeout")


@dataclass(frozen=True)
class Mutant:
    """A changed version of a function ("plan._Planner.finish"); ``diff`` is kept of those that were not killed."""

    function: str
    status: str
    diff: str = ""

    @property
    def file(self) -> str:
        return self.function.partition(".")[0]

    @property
    def outcome(self) -> str:
        """What it counts as: killed, wording or survived."""
        if self.status in KILLED:
            return "killed"
        return "wording" if is_wording(self.diff) else "survived"


@dataclass(frozen=True)
class Entry:
    """Survivors in one function that were looked at, and why no test should fail with them."""

    function: str
    reason: str
    diffs: list[str]


def main() -> int:
    mutmut, *chosen = sys.argv[1:]
    files = mutated_files()
    if unknown := sorted(set(chosen) - set(files)):
        sys.stdout.write(f"no file {', '.join(unknown)}; there are {', '.join(files)}\n")
        return 2
    make_copy()
    started = time.monotonic()
    mutants = try_mutants(mutmut, chosen or files)
    table = figures(mutants)
    sys.stdout.write(f"{table}\nin {(time.monotonic() - started) / 60:.0f} minutes\n")
    amiss = unaccounted(mutants, [one for one in read_entries() if one.function.partition(".")[0] in (chosen or files)])
    sys.stdout.write("".join(f"\n{one}" for one in amiss))
    if not amiss and not chosen:
        before, _, rest = DOCUMENT.read_text().partition(START)
        _, _, after = rest.partition(END)
        DOCUMENT.write_text(f"{before}{START}\n{table}\n{END}{after}")
    return int(bool(amiss))


def mutated_files() -> list[str]:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["mutmut"]
    return [Path(path).stem for path in settings["only_mutate"]]


def make_copy() -> None:
    """The copy has sources and tests as they are now, and nothing of an earlier run."""
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in ("src", "tests"):
        shutil.copytree(CHECKOUT / folder, COPY / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", COPY)


def try_mutants(mutmut: str, files: list[str]) -> list[Mutant]:
    """Return every mutant of these files with what came of it."""
    log = COPY / "mutmut.log"
    sys.stdout.write(f"trying the mutants of {', '.join(files)}; mutmut writes to {log}\n")
    sys.stdout.flush()
    with log.open("w") as output:
        command = [mutmut, "run", *(f"{PACKAGE}{file}.*" for file in files)]
        done = subprocess.run(command, cwd=COPY, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise SystemExit(f"mutmut ended with {done.returncode}:\n{log.read_text()[-3000:]}")
    mutants = []
    for line in ask(mutmut, "results", "--all", "true").splitlines():
        name, status = line.strip().rsplit(": ", 1)
        # PACKAGE + "plan.x_plan__mutmut_1", of a method PACKAGE + "plan.xǁ_Plannerǁfinish__mutmut_1".
        file, _, mangled = name.removeprefix(PACKAGE).partition(".")
        if file in files:
            function = f"{file}.{mangled[2:].partition('__mutmut_')[0].replace('ǁ', '.')}"
            diff = "" if status in KILLED else changed_lines(ask(mutmut, "show", name))
            mutants.append(Mutant(function, status, diff))
    return mutants


def ask(mutmut: str, *arguments: str) -> str:
    return subprocess.run([mutmut, *arguments], cwd=COPY, capture_output=True, text=True, check=True).stdout


def changed_lines(shown: str) -> str:
    """Return the lines that a unified diff takes away and adds, without their indentation."""
    lines = [line for line in shown.splitlines() if re.match(r"[-+](?!--|\+\+)", line)]
    return "".join(f"{line[0]} {line[1:].strip()}\n" for line in lines)


def is_wording(diff: str) -> bool:
    """Say whether all that changes is how one text of several words is written."""
    old, new = ("\n".join(re.findall(rf"^\{sign} (.*)", diff, re.MULTILINE)) for sign in "-+")
    # Single quotes stand inside of double ones.
    for quoted in (r"'([^']*)'", r'"([^"]*)"'):
        texts = list(zip(re.findall(quoted, old), re.findall(quoted, new), strict=False))
        changed = [(one, re.sub("^XX|XX$", "", other)) for one, other in texts if one != other]
        if len(changed) == 1 and changed[0][0].casefold() == changed[0][1].casefold():
            return " " in changed[0][0] and bool(re.search("[A-Za-z]", changed[0][0]))
    return False


def read_entries() -> list[Entry]:
    return [Entry(**one) for one in tomllib.loads(SURVIVORS.read_text())["survivors"]]


def unaccounted(mutants: list[Mutant], entries: list[Entry]) -> list[str]:
    """Return survivors without an entry, what is in entries and did not survive, and entries without a reason."""
    survived = [one for one in mutants if one.outcome == "survived"]
    found = {(one.function, one.diff) for one in survived}
    known = {(one.function, diff) for one in entries for diff in one.diffs}
    return [
        *(
            f"{one.status}, and not in {SURVIVORS.name}: {one.function}\n{one.diff}"
            for one in survived
            if (one.function, one.diff) not in known
        ),
        *(f"in {SURVIVORS.name}, and survives no more: {name}\n{diff}" for name, diff in sorted(known - found)),
        *(f"{SURVIVORS.name} gives no reason: {one.function}\n" for one in entries if not one.reason.strip()),
    ]


def figures(mutants: list[Mutant]) -> str:
    """Return how many mutants each file has, and what came of them, as a table."""
    outcomes = ("killed", "wording", "survived")
    lines = ["| file | mutants | killed | wording | survived |", "|---|--:|--:|--:|--:|"]
    for name in (*dict.fromkeys(one.file for one in mutants), "all"):
        of_file = [one.outcome for one in mutants if name in (one.file, "all")]
        row = (f"`{name}.py`" if name != "all" else name, len(of_file), *(of_file.count(one) for one in outcomes))
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
