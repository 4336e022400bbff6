# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be found, and what is said of each."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of finding; ``hosts`` says what happens where, ``instead`` what serves better."""

    id: str
    title: str
    hosts: str
    instead: str


KINDS = {
    kind.id: kind
    for kind in (
        Kind(
            "PM001",
            "ansible.builtin.pip without a virtual environment",
            "Fails on hosts whose Python is marked as externally managed; elsewhere it changes what OS packages own.",
            "An environment of its own, a tool of its own, or the distribution's package.",
        ),
        Kind(
            "PM002",
            "--break-system-packages",
            "Fails with 'no such option' before pip 23.0.1; elsewhere pip may replace files of OS packages.",
            "What needs no override: an environment, a tool, or the distribution's package.",
        ),
        Kind(
            "PM003",
            "PIP_BREAK_SYSTEM_PACKAGES",
            "Every pip that gets this variable passes over the marker, and may replace files of OS packages.",
            "Leave it out, once no task below it calls pip in the system's Python.",
        ),
        Kind(
            "PM004",
            "EXTERNALLY-MANAGED is removed or moved",
            "Takes the protection from every account of a marked host, until an update of Python brings the file back.",
            "Leave the marker, or bring it back with pep668.provision.marker.",
        ),
        Kind(
            "PM005",
            "break-system-packages in pip's configuration",
            "Every pip that reads the file passes over the marker, and may replace files of OS packages.",
            "Take it out with pep668.provision.pip_config.",
        ),
        Kind(
            "PM006",
            "pip in a command, outside of a virtual environment",
            "Fails on hosts whose Python is marked as externally managed, and reports a change each time elsewhere.",
            "An environment of its own, a tool of its own, or the distribution's package.",
        ),
        Kind(
            "PM007",
            "pip in an image build, outside of a virtual environment",
            "Fails where the base image's Python is marked as externally managed.",
            "An environment that comes first on the image's PATH.",
        ),
        Kind(
            "PM008",
            "get-pip.py",
            "Fails on hosts whose Python is marked as externally managed; elsewhere it shadows the distribution's pip.",
            "Nothing: environments and tools of this collection need no pip on the host.",
        ),
        Kind(
            "PM009",
            "pip with --user",
            "Fails on hosts whose Python is marked as externally managed; elsewhere it shadows OS packages.",
            "A tool with scope: user, or an environment that the account owns.",
        ),
    )
}


@dataclass(frozen=True, order=True)
class Edit:
    """A part of a file's text, from ``start`` to before ``end``, and what stands there afterwards."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Finding:
    """One finding; ``proposal`` is what to write instead, as text of the same kind of file, "" for nothing.

    ``edits`` have ``--fix`` write it; without any ``left`` says why that is left to the reader. ``steps`` lead from the
    document's root to the task that is edited. ``registers`` is the name of a result that only this project's modules'
    common keys may be read of, for the edits to be safe.
    """

    id: str
    path: str
    line: int
    what: str
    proposal: str = ""
    edits: tuple[Edit, ...] = ()
    left: str = ""
    steps: tuple[int | str, ...] = ()
    registers: str = ""
    column: int = 1

    @property
    def kind(self) -> Kind:
        return KINDS[self.id]


_SILENCED = re.compile(r"#\s*noqa:?\s*(?P<ids>[A-Za-z0-9_,\[\]\- ]+)")


def is_silenced(line: str, id_: str) -> bool:
    """Say whether the comment in a line leaves this finding out, in ansible-lint's words: ``# noqa: PM001``."""
    found = _SILENCED.search(line)
    return found is not None and id_ in re.split(r"[\s,]+", found["ids"])
