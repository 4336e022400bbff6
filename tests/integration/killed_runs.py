"""Runs on a test host: one provisioning is killed at one moment after the other, and each time a normal run follows.

    killed_runs.py ENGINE  <case.json

ENGINE is the folder above the package ``engine``. The case:

    before          declared states that the host is brought to first, one after the other
    after           the declared state that the run that is killed brings it to
    prepare         shell commands between the two, which break what the second is to mend
    places          what a run may change; put back before each kill, and the rest of the host has to stay as it is
    beside          what a package manager may change as well
    works           commands that have to succeed after the normal run
    always          commands that have to succeed right after the kill already
    seed, steps, times   which moments: so many of the run's own steps (null: all), and so many random ones

A step is what Python calls an audit event: a file opened for writing, renamed, removed, a program started. The run is
killed right before it, with its whole process group; what had left the group is killed as well. Each line of the output
is JSON: first {"steps": how many there are}, then one for each kill with what was wrong after it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from engine.converge import converge
from engine.desired import validate
from engine.host import Host
from engine.lock import lock_path
from engine.look import look

Case = Mapping[str, Any]
Declared = Mapping[str, Any]
Rest = Mapping[str, tuple[int, ...]]

SAVED = "/var/tmp/killed-runs"
CHANGING = {
    *("os.chmod", "os.chown", "os.fork", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"),
    *("os.truncate", "os.utime", "shutil.rmtree", "subprocess.Popen"),
}
REMOVING = {"os.remove", "os.rmdir"}
PR_SET_CHILD_SUBREAPER = 36
# Not of the host's disk, or filled by whoever runs a Python or an installer.
PASSED_OVER = (
    "/proc",
    "/sys",
    "/dev",
    "/run/pep668-provision.lock",
    "/var/tmp",
    "/root/.cache",
    "/var/cache/apt",
    "/var/log",
)


def main() -> None:
    case = json.load(sys.stdin)
    # Whatever a killed run leaves behind becomes a child of this process.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for declared in case["before"]:
        must_converge(declared)
    for command in case["prepare"]:
        subprocess.run(command, shell=True, check=True)
    save(case["places"])
    untouched = describe_rest([*case["places"], *case["beside"]])
    steps, seconds = rehearse(case)
    tell({"steps": len(steps), "seconds": round(seconds, 2)})
    for moment in choose(case, steps, seconds):
        put_back(case["places"])
        where, killed = run_killed(case["after"], **moment)
        tell({"at": where, "killed": killed, "wrong": judge(case, untouched) if killed else []})


def tell(line: Mapping[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def must_converge(declared: Declared) -> None:
    status, said = in_process(lambda: converge(validate(declared), Host()) and None)
    if status:
        raise SystemExit(f"{declared} could not be met: {said}")


def rehearse(case: Case) -> tuple[list[tuple[str, ...]], float]:
    """The run that is going to be killed, to its end: its steps as (event, what), and how long it took in seconds."""
    log = f"{SAVED}/steps"
    open(log, "w").close()
    started = time.monotonic()
    status, said = in_process(lambda: converge(validate(case["after"]), Host()) and None, Watch(log=log))
    if status:
        raise SystemExit(f"{case['after']} could not be met: {said}")
    seconds = time.monotonic() - started
    must_work(case["works"])
    with open(log) as stream:
        return [tuple(line.rstrip("\n").split("\t")) for line in stream], seconds


def must_work(commands: Sequence[str]) -> None:
    for command in commands:
        done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise SystemExit(f"{command}: {done.stdout.decode()}")


def choose(case: Case, steps: Sequence[tuple[str, ...]], seconds: float) -> list[dict[str, Any]]:
    """The moments to kill at. Of files removed one after the other the first, the middle and the last count."""
    at_steps: list[int] = []
    start = 0
    while start < len(steps):
        end = start + 1
        if steps[start][0] in REMOVING:
            while end < len(steps) and steps[end][0] in REMOVING:
                end += 1
        at_steps += sorted({start, (start + end - 1) // 2, end - 1})
        start = end
    generator = random.Random(case["seed"])
    if case["steps"] is not None and case["steps"] < len(at_steps):
        at_steps = sorted(generator.sample(at_steps, case["steps"]))
    moments: list[dict[str, Any]] = [{"step": step, "what": " ".join(steps[step])} for step in at_steps]
    return moments + [{"after": generator.uniform(0, seconds)} for _ in range(case["times"])]


class Watch:
    """Follows a process and those it forks by their audit events: writes them down, or kills the group at one."""

    def __init__(self, log: str = "", step: int = -1) -> None:
        self.log, self.step, self.to = log, step, -1
        self.count = mmap.mmap(-1, 8)

    def start(self) -> None:
        self.to = os.open(self.log, os.O_WRONLY | os.O_APPEND) if self.log else -1
        sys.addaudithook(self.see)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            if not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or arguments[0] == "/dev/null":
                return
        elif event not in CHANGING:
            return
        number = int.from_bytes(self.count[:8], "little")
        self.count[:8] = (number + 1).to_bytes(8, "little")
        if self.to >= 0:
            what = " ".join(str(one) for one in arguments[:2] if isinstance(one, (str, list, tuple)))
            os.write(self.to, f"{event}\t{' '.join(what.split())[:200]}\n".encode())
        elif number == self.step:
            os.killpg(0, signal.SIGKILL)


def in_process(work: Callable[[], object], watch: Watch | None = None) -> tuple[int, str]:
    """Do that in a process with a group of its own, and return its status and what it said."""
    child, reading = start(work, watch)
    with os.fdopen(reading, errors="replace") as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    return status, said


def start(work: Callable[[], object], watch: Watch | None = None) -> tuple[int, int]:
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    status = 1
    try:
        os.setsid()
        os.close(reading)
        if watch is not None:
            watch.start()
        try:
            work()
            status = 0
        except Exception as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(status)


def run_killed(declared: Declared, step: int = -1, what: str = "", after: float | None = None) -> tuple[str, bool]:
    """A run is killed at a moment; returns where, and whether it was killed before its end."""
    watch = Watch(step=step) if step >= 0 else None
    child, reading = start(lambda: converge(validate(declared), Host()), watch)
    where = f"before step {step}, {what}" if after is None else f"after {after:.3f} s"
    if after is not None:
        time.sleep(after)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    os.close(reading)
    kill_orphans()
    return where, killed


def kill_orphans() -> None:
    """What the killed run had started in groups of its own is gone too."""
    while True:
        with open(f"/proc/self/task/{os.getpid()}/children") as stream:
            children = [int(word) for word in stream.read().split()]
        if not children:
            return
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def judge(case: Case, untouched: Rest) -> list[str]:
    """What is wrong after a kill, the normal run that follows, and what it left."""
    wrong = [f"right after the kill: {one}" for one in failing(case["always"])]
    handle = os.open(lock_path(Host()), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        wrong.append("the lock is held")
    os.close(handle)
    status, said = in_process(lambda: converge(validate(case["after"]), Host()) and None)
    if status:
        return [*wrong, f"the next run: {said or status}"]
    status, said = in_process(lambda: must_be_done(case["after"]))
    if status:
        wrong.append(f"the run after the next one: {said}")
    wrong += failing(case["works"])
    wrong += [f"left behind: {path}" for path in find_leftovers(case["places"])]
    after = describe_rest([*case["places"], *case["beside"]])
    changed = {path for path in untouched.keys() | after.keys() if untouched.get(path) != after.get(path)}
    return wrong + [f"not ours, and changed: {path}" for path in sorted(changed)[:10]]


def failing(commands: Sequence[str]) -> list[str]:
    found = []
    for command in commands:
        done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            found.append(f"{command}: {done.stdout.decode(errors='replace')[-500:]}")
    return found


def must_be_done(declared: Declared) -> None:
    _, plan = look(validate(declared), Host())
    if not plan.is_empty:
        raise RuntimeError(", ".join(f"{one.action} {one.name}: {one.reasons}" for one in plan.steps))


def find_leftovers(places: Sequence[str]) -> list[str]:
    """What runs keep to themselves while they last; an empty folder for it goes with the next that is kept there."""
    found = []
    for top in (*places, *{os.path.dirname(place) for place in places}, "/tmp"):
        for folder, folders, files in os.walk(top):
            for name in (*folders, *files):
                path = f"{folder}/{name}"
                is_expected = name == ".pep668-provision.json" or (name == ".pep668-old" and not os.listdir(path))
                if (".pep668-" in name or name.startswith("~")) and not is_expected:
                    found.append(path)
            if top not in places and top != "/tmp":
                break
    return sorted(set(found))


def describe_rest(places: Sequence[str]) -> Rest:
    """Every file of the host outside of these places, by path: kind, mode, owner, and what shows a change."""
    found: dict[str, tuple[int, ...]] = {}
    passed_over = (*PASSED_OVER, *places)
    pending = ["/"]
    while pending:
        folder = pending.pop()
        for entry in os.scandir(folder):
            if entry.path in passed_over or entry.name == "__pycache__":
                continue
            status = entry.stat(follow_symlinks=False)
            what = (status.st_mode, status.st_uid, status.st_gid)
            if entry.is_dir(follow_symlinks=False):
                found[entry.path] = what
                pending.append(entry.path)
            else:
                found[entry.path] = (*what, status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def save(places: Sequence[str]) -> None:
    shutil.rmtree(SAVED, ignore_errors=True)
    os.mkdir(SAVED)
    for position, place in enumerate(places):
        if os.path.lexists(place):
            subprocess.run(["cp", "-a", place, f"{SAVED}/{position}"], check=True)


def put_back(places: Sequence[str]) -> None:
    for position, place in enumerate(places):
        if os.path.isdir(place) and not os.path.islink(place):
            shutil.rmtree(place)
        elif os.path.lexists(place):
            os.unlink(place)
        if os.path.lexists(f"{SAVED}/{position}"):
            subprocess.run(["cp", "-a", f"{SAVED}/{position}", place], check=True)


main()
