"""Hosts that have W1 already, each the work of one contender: converged once, kept as an image, started many times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checkout import CHECKOUT
from contenders import CONTENDERS, HERE, Contender
from fleet import BenchmarkHost, Fleet
from host_images import HostImage, digest_of
from measuring import enter, measure, settle
from progress import say
from samples import Sample

# Who makes a state. pyinfra's runs find everything done in what Ansible's made, on either side.
MAKERS = {"existing": "peer_ansible", "project": "role", "project-uv": "role_uv"}


class States:
    """The states of one fleet, and the hosts that are started from them."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    def digest(self, state: str) -> str:
        """Changes with all that the state's making depends on in this checkout."""
        files = sorted([*HERE.glob("*.yml"), *HERE.glob("*_pyinfra.py")])
        if state != "existing":
            files += [path for folder in ("plugins", "roles") for path in sources(CHECKOUT / folder)]
        return digest_of(self.fleet.base.image, *files)

    def make(self, contender: Contender, part: str) -> Sample:
        """A fresh host has been converged by the contender, and kept where a state is made by it."""
        host = self.fleet.start(self.fleet.base)
        try:
            sample = measure(part, enter(contender, [host]), converged=False)
            if MAKERS.get(contender.state) == contender.name:
                # pyinfra's operations keep a stamp of their own for the age of apt's lists.
                settle(enter(one, [host]) for one in CONTENDERS.values() if one.state == contender.state)
                say(f"keeping the host as the state {contender.state}")
                self.fleet.keep(host, contender.state, self.digest(contender.state))
        finally:
            self.fleet.remove([host])
        return sample

    def image(self, state: str) -> HostImage:
        """The image of the state, made now where it is missing."""
        found = self.fleet.image_of(state, self.digest(state))
        if found is None:
            say(f"making a host in the state {state}")
            say(str(self.make(CONTENDERS[MAKERS[state]], "prepare")))
            found = self.fleet.image_of(state, self.digest(state))
        assert found is not None
        return found

    @contextmanager
    def hosts(self, count: int, *states: str) -> Iterator[dict[str, list[BenchmarkHost]]]:
        """As many hosts of each of the states run inside the block."""
        images = {state: self.image(state) for state in states}
        started: dict[str, list[BenchmarkHost]] = {state: [] for state in states}
        say(f"starting {count} x {len(states)} hosts")
        try:
            for state, image in images.items():
                for _ in range(count):
                    started[state].append(self.fleet.start(image))
            yield started
        finally:
            self.fleet.remove([host for hosts in started.values() for host in hosts])


def sources(folder: Path) -> list[Path]:
    """The files below a folder, byte code left out."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
