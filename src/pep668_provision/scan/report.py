# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found, as text for people, as JSON for programs, and as annotations for GitHub."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator

from ..engine.errors import printable
from ..engine.redact import redact
from .finding import Finding
from .scan import Scanned

_NEEDED = (
    "Environments and tools are made with OS packages that the modules venv and tool do not install:\n"
    'see "Before the first run" in docs/migration.md.'
)
SCHEMA = "pep668.provision.scan/1"


def as_text(result: Scanned) -> str:
    """Return each finding with its place, why it matters, and what to write instead."""
    blocks = ["\n".join(_lines(one)) for one in result.findings]
    made = (*result.findings, *result.fixed)
    if any(module in one.proposal for one in made for module in ("provision.venv:", "provision.tool:")):
        blocks.append(_NEEDED)
    return "".join(f"{block}\n\n" for block in blocks) + f"{summary(result)}\n"


def _lines(finding: Finding) -> Iterator[str]:
    kind = finding.kind
    yield shown(f"{finding.path}:{finding.line}: {finding.id} {kind.title}: {finding.what}")
    yield f"    {kind.hosts}"
    if finding.proposal:
        yield "    Instead:"
        yield from (f"        {line}".rstrip() for line in shown(finding.proposal).split("\n"))
    else:
        yield f"    Instead: {kind.instead}"
    if finding.left:
        yield shown(f"    Not for --fix: {finding.left}.")


def summary(result: Scanned) -> str:
    """Return one line with the numbers."""
    fixable = sum(bool(one.edits) for one in result.findings)
    parts = [f"{_counted(len(result.findings), 'finding')} in {_counted(result.files, 'file')}"]
    parts += [f"{fixable} can be rewritten by --fix"] if fixable else []
    parts += (
        [f"{len(result.fixed)} rewritten in {_counted(len({one.path for one in result.fixed}), 'file')}"]
        if result.fixed
        else []
    )
    return ", ".join(parts) + "."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def as_json(result: Scanned) -> str:
    """Return everything as JSON; docs/migration.md has the fields."""
    made = json.dumps(
        {
            "schema": SCHEMA,
            "files": result.files,
            "findings": [_fields(one) for one in result.findings],
            "fixed": [_fields(one) for one in result.fixed],
            "skipped": [{"path": path, "reason": reason} for path, reason in result.skipped],
            "unreadable": [{"path": path, "reason": reason} for path, reason in result.unreadable],
        },
        indent=2,
    )
    return f"{made}\n"


def _fields(finding: Finding) -> dict[str, object]:
    kind = finding.kind
    return {
        "path": finding.path,
        "line": finding.line,
        "id": finding.id,
        "title": kind.title,
        "what": redact(finding.what),
        "hosts": kind.hosts,
        "instead": kind.instead,
        "proposal": redact(finding.proposal),
        "fixable": bool(finding.edits),
        "left": finding.left,
    }


def as_github(result: Scanned) -> str:
    """Return the findings as workflow commands, which GitHub shows at their lines."""
    lines = []
    for one in result.findings:
        place = f"file={_property(one.path)},line={one.line},title={_property(f'{one.id} {one.kind.title}')}"
        lines.append(f"::warning {place}::{_data(f'{one.what}. {one.kind.hosts}')}")
    return "".join(f"{line}\n" for line in lines)


def _data(text: str) -> str:
    return redact(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def difference(result: Scanned) -> str:
    """Return what a run with ``--fix`` changes, as a patch."""
    parts: list[str] = []
    for path, (before, after) in result.changed.items():
        for line in difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"a/{path.lstrip('/')}",
            f"b/{path.lstrip('/')}",
        ):
            parts.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return shown("".join(parts))


def shown(text: str) -> str:
    """Return a text as it may be printed: without logins in URLs, and without what a terminal acts on."""
    return printable(redact(text))
