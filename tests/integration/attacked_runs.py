"""Runs on a test host as root: provisions while another account exchanges directories and links under its hands.

    attacked_runs.py ENGINE  <case.json

ENGINE is the folder above the package ``engine``. The case:

    rounds      how often; after each, what is wrong is told
    prepare     a shell command before each round, as root
    user        who attacks ("" for nobody), with ``exchange``: pairs of paths that take each other's place
    plant       shell command that the attacker repeats instead
    declared    what the run is to bring the host to
    umask       of the run, in octal digits
    environ     variables beside the run's own
    protected   folders in which nothing may change
    traces      paths that must not be there: what a planted program leaves when the wrong account runs it

Each line of the output is JSON: {"done": bool, "said": what the run said, "wrong": [what is], "exchanged": how often}.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pty
import pwd
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from engine.converge import converge  # noqa: E402  # where the test has put it
from engine.desired import validate  # noqa: E402
from engine.errors import ProvisionError  # noqa: E402
from engine.host import Host  # noqa: E402

Case = Mapping[str, Any]
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
#: Seconds a run may take: one that waits for a pipe waits for ever.
_LONGEST = 60


def exchange(first: str, second: str) -> bool:
    """One is in the place of the other, in one step; says whether that worked."""
    libc = ctypes.CDLL(None, use_errno=True)
    return not libc.renameat2(_AT_FDCWD, first.encode(), _AT_FDCWD, second.encode(), _RENAME_EXCHANGE)


def attack(case: Case, counted: int) -> None:
    """Until it is killed, as the attacker; writes a byte for each time."""
    os.setpgid(0, 0)
    account = pwd.getpwnam(case["user"])
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    while True:
        # Away for a moment, then back for longer: so a run gets now this far and now that far before it meets one.
        for pauses in ((0, 0.0003, 0.003), (0, 0.003, 0.01, 0.03)):
            for first, second in case.get("exchange", ()):
                if exchange(first, second):
                    os.write(counted, b"x")
            time.sleep(random.choice(pauses))
        if case.get("plant"):
            subprocess.run(["sh", "-c", case["plant"]], check=False, stderr=subprocess.DEVNULL)
            os.write(counted, b"x")


def start_attack(case: Case) -> tuple[int, int]:
    """The process that attacks, and where it counts."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    child = os.fork()
    if child:
        os.close(writing)
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
        return child, reading
    try:
        attack(case, writing)
    except BlockingIOError:
        # So many are enough to be counted.
        os.close(writing)
        os.dup2(os.open("/dev/null", os.O_WRONLY), writing)
        attack(case, writing)
    finally:
        os._exit(1)


def describe(folders: Sequence[str]) -> dict[str, tuple[object, ...]]:
    """Every file in these folders: kind, mode, owner, when it was changed, and where a link leads."""
    found: dict[str, tuple[object, ...]] = {}
    for folder in folders:
        for top, names, files in os.walk(folder):
            for path in (top, *(f"{top}/{name}" for name in (*names, *files))):
                one = os.lstat(path)
                target = str(Path(path).readlink()) if Path(path).is_symlink() else ""
                found[path] = (one.st_mode, one.st_uid, one.st_gid, one.st_size, one.st_mtime_ns, one.st_ino, target)
    return found


def run(case: Case) -> tuple[bool, str, list[str]]:
    """Whether the run got to its end, what it said, and what is wrong with how it ended."""
    reading, writing = os.pipe()
    # With a terminal, as a run has that somebody starts by hand.
    child, terminal = pty.fork()
    if child == 0:
        said: dict[str, object]
        try:
            os.umask(int(case.get("umask", "022"), 8))
            environ = {**os.environ, **case.get("environ", {})}
            outcome = converge(validate(case["declared"]), Host(environ=environ))
            steps = [f"{step.action} {step.name}: {'; '.join(step.reasons)}" for step in outcome.plan.steps]
            said = {"done": True, "said": "\n".join([*steps, *outcome.warnings])}
        except ProvisionError as error:
            said = {"done": False, "said": str(error), "more": getattr(error, "stderr", "")}
        except BaseException:
            said = {"fault": traceback.format_exc()}
        with os.fdopen(writing, "w") as stream:
            json.dump(said, stream)
        os._exit(0)
    os.close(writing)
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(child, signal.SIGKILL))
    signal.alarm(_LONGEST)
    with os.fdopen(reading) as stream:
        text = stream.read()
    signal.alarm(0)
    os.waitpid(child, 0)
    os.close(terminal)
    if not text:
        return False, "", [f"the run did not end within {_LONGEST} seconds"]
    answer = json.loads(text)
    if "fault" in answer:
        return False, "", [answer["fault"]]
    return answer["done"], f"{answer['said']}\n{answer.get('more', '')}".strip(), []


def play(case: Case) -> dict[str, object]:
    if case.get("prepare"):
        subprocess.run(["sh", "-ec", case["prepare"]], check=True)
    before = describe(case.get("protected", ()))
    attacker = start_attack(case) if case.get("user") else None
    done, said, wrong = run(case)
    exchanged = 0
    if attacker is not None:
        os.killpg(attacker[0], signal.SIGKILL)
        os.waitpid(attacker[0], 0)
        with os.fdopen(attacker[1], "rb") as stream:
            exchanged = len(stream.read())
    after = describe(case.get("protected", ()))
    changed = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    wrong += [f"{path} was {before.get(path)} and is {after.get(path)}" for path in changed]
    wrong += [f"{path} is there: {Path(path).read_text()}" for path in case.get("traces", ()) if Path(path).exists()]
    return {"done": done, "said": said, "wrong": wrong, "exchanged": exchanged}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    for _ in range(asked.get("rounds", 1)):
        print(json.dumps(play(asked)), flush=True)
