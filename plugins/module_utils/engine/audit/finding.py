# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule of the audit is, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, Dict, Iterable, Mapping, Tuple

if TYPE_CHECKING:
    from .survey import Survey

#: From the worst on. error: something is broken, or harms the host already. warning: it will with the next command or
#: upgrade. info: worth knowing, nothing has to be done.
SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Repair:
    """A call of one of the collection's modules that removes what was found.

    ``module`` is its short name, ``arguments`` its options, without credentials. ``keeps`` are absolute paths that are
    to be backed up before, as the module itself does not put them back.
    """

    module: str
    arguments: Mapping[str, object]
    keeps: Tuple[str, ...] = ()

    def as_dict(self) -> Dict[str, object]:
        return {"module": self.module, "arguments": dict(self.arguments), "keeps": list(self.keeps)}


@dataclass(frozen=True)
class Found:
    """One occurrence of what a rule looks for.

    ``subject`` is what it is about, as short as it is unmistakable on this host: a path, a distribution, a package; a
    rule finds each subject once. ``evidence`` is a sentence or several: what was read where, with versions and times.
    ``remedy`` says what to do, with the exact command for this host. ``repairs`` are the calls that do it, in their
    order, none where it takes a decision or cannot be undone; then ``remedy`` says so.
    """

    subject: str
    evidence: str
    remedy: str
    repairs: Tuple[Repair, ...] = ()


@dataclass(frozen=True)
class Rule:
    """What is looked for: ``check`` reads a survey of the host and yields each occurrence.

    ``id`` is "EM" and three digits and stays the same for good. ``looks_at`` and ``why`` are for the documentation:
    what is read, and what harm it does.
    """

    id: str
    title: str
    severity: str
    looks_at: str
    why: str
    check: Callable[[Survey], Iterable[Found]] = field(repr=False)

    def as_dict(self) -> Dict[str, str]:
        return {"id": self.id, "title": self.title, "severity": self.severity}
