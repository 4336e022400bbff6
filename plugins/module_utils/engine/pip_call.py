# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways of calling pip that differ in what the EXTERNALLY-MANAGED marker means for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Iterator, Tuple

from .pip_release import OVERRIDE

#: What takes an install out of the environment that the marker protects (pip's InstallCommand).
ELSEWHERE = ("target", "prefix", "root")
#: The options that matter here and the command they belong to; the rest belongs to both.
INSTALL_OPTIONS = frozenset(("user", *ELSEWHERE, "dry-run", "report"))


@dataclass(frozen=True)
class Call:
    """A way of calling pip: "install" or "uninstall", and those of its options that matter, by their long names."""

    command: str = "install"
    options: Tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The call as one writes it, without values: "install --user"."""
        return " ".join((self.command, *(f"--{name}" for name in self.options)))

    @property
    def known_options(self) -> FrozenSet[str]:
        """The options that this command has in the newest pip."""
        return (INSTALL_OPTIONS if self.command == "install" else frozenset()) | {OVERRIDE, "require-virtualenv"}

    def has(self, name: str) -> bool:
        return name in self.options


INSTALL = Call()
_PLACES: Tuple[Tuple[str, ...], ...] = ((), ("user",), *((name,) for name in ELSEWHERE))
_REHEARSALS: Tuple[Tuple[str, ...], ...] = (("dry-run",), ("dry-run", "report"))


def _other_calls() -> Iterator[Call]:
    for options in (*_PLACES, *_REHEARSALS):
        yield Call("install", options)
        yield Call("install", (*options, OVERRIDE))
    yield Call("install", ("isolated",))
    yield Call("uninstall")
    yield Call("uninstall", (OVERRIDE,))
    yield Call("uninstall", ("isolated",))


#: Every way of calling that is told of beside the plain install.
OTHER_CALLS = tuple(call for call in _other_calls() if call != INSTALL)
