"""A host for each version of Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hosts import Host
from pythons import running_pythons

# What a CPython that was built on another Debian 12 needs of the system.
LIBRARIES = "libssl3 libffi8 libsqlite3-0 libbz2-1.0 liblzma5 libreadline8 zlib1g"


@dataclass(frozen=True)
class Target:
    """A host, the version of its Python as people say it, and where that is."""

    python: str
    host: Host
    interpreter: str


def start_target(python: str, release: str, volumes: Sequence[str]) -> Target | None:
    """A host runs that has this Python and no other; ``None`` where neither a release nor this machine has it."""
    if release:
        return Target(python, Host.start_from(release, volumes=volumes), "/usr/bin/python3")
    own = running_pythons().get(int(python.split(".")[1]))
    if own is None:
        return None
    program = Path(own).resolve()
    prefix = program.parents[1]
    host = Host.start_from("debian12", with_python=False, volumes=[*volumes, f"{prefix}:{prefix}:ro"])
    host.run(f"apt-get -q update && apt-get -q install --yes --no-install-recommends {LIBRARIES}")
    host.run(["ln", "-s", str(program), "/usr/local/bin/python3"])
    return Target(python, host, "/usr/local/bin/python3")
