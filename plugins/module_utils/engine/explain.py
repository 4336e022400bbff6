# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Python in words: what a plain pip install does there, why, and what to do instead. Nothing is looked at here."""

from __future__ import annotations

import textwrap
from typing import Iterator, List, Optional, Sequence

from .better_ways import Way
from .distro import Distribution
from .interpreter import Interpreter
from .pip_config import VARIABLE
from .pip_policy import PipFacts, Prediction, predict
from .pip_program import PipProgram
from .pip_release import OVERRIDE, OVERRIDE_SINCE

#: Characters of a line of text; commands are not broken.
_WIDTH = 100
#: Lines of a marker's own text that are repeated; distributions go on with what the ways below say for this host.
_QUOTED_LINES = 3
#: What pip says over a marker that has no text for it (its exceptions.py), with its sys.prefix.
_PIPS_OWN_TEXT = "The Python environment under {prefix} is managed externally, and may not be manipulated by the user."
_ORIGINS = {
    "distribution": "the distribution's own",
    "local": "built on this host, below /usr/local",
    "venv": "a virtual environment",
    "other": "of unknown origin",
}
_DAMAGED = {
    "empty": "The marker is empty; for pip any file is enough.",
    "garbage": "The marker is not in PEP 668's form; for pip any file is enough.",
    "unreadable": "The marker cannot be read by this account; for pip it is enough that it is there.",
    "directory": "A directory stands where the marker belongs; for pip only a file counts.",
    "dangling": "A link to nothing stands where the marker belongs; for pip only a file counts.",
}
_REPAIR = "Reinstalling its package mends it."


def explain(
    distribution: Distribution,
    interpreter: Optional[Interpreter],
    facts: Optional[PipFacts],
    ways: Sequence[Way] = (),
    *,
    origin: str = "",
    programs: Sequence[PipProgram] = (),
) -> str:
    """Return a text for somebody who wants to install something with this interpreter, and wonders why it fails.

    ``facts`` are the interpreter's; both are ``None`` where the host has no Python. ``ways`` are what is better there,
    the best first. ``origin`` is who it comes from, where more is known than by the interpreter alone; ``programs`` are
    the pips that a shell would find.
    """
    system = f"{distribution.name} {distribution.version}".strip()
    if interpreter is None or facts is None:
        return "\n".join(
            _wrap(
                f"{system}: there is no python3 on this host's search path, so there is no pip to call either. The "
                "playbook pep668.provision.bootstrap brings the distribution's own."
            )
        )
    origin = origin or interpreter.origin
    pip = f"with {facts.pip.title}" if facts.pip is not None else "without pip"
    lines = _wrap(
        f"{system}: {interpreter.path} is Python {interpreter.version} ({_ORIGINS.get(origin, origin)}), {pip}."
    )
    predicted = predict(facts)
    lines += _what_pip_does(interpreter, facts, predicted, origin)
    lines += _wrap(_why(distribution, facts, predicted, origin))
    lines += _what_overrides(interpreter, facts, predicted)
    if not facts.is_venv and facts.marker.state in _DAMAGED:
        lines += _wrap(f"{_DAMAGED[facts.marker.state]} {_REPAIR}")
    # pip and pip3 mostly are the same, and one of them is enough to be warned.
    astray = {program.interpreter: program.warning for program in reversed(programs) if program.warning}
    for warning in astray.values():
        lines += _wrap(f"Beware: {warning}")
    if ways and not facts.is_venv:
        lines += _list_ways(ways, predicted)
    return "\n".join(lines)


def _what_pip_does(interpreter: Interpreter, facts: PipFacts, predicted: Prediction, origin: str) -> Iterator[str]:
    call = f"{interpreter.path} -m pip install"
    if facts.pip is None:
        yield f"{call} fails: No module named pip."
    elif predicted.outcome == "blocked":
        yield f"{call} stops before it does anything, and says:"
        yield "    error: externally-managed-environment"
        yield from _quote(predicted.message or _PIPS_OWN_TEXT.format(prefix=interpreter.prefix))
    elif predicted.outcome == "unsupported":
        yield f"{call} fails, whatever it is to install."
    elif facts.is_venv:
        yield from _wrap(f"{call} goes through, and changes this environment alone.")
    else:
        whose = "the system's own programs" if origin == "distribution" else "everything that uses it"
        yield from _wrap(f"{call} goes through, and changes this Python for {whose}.")


def _quote(message: str) -> Iterator[str]:
    """Yield the beginning of a marker's text, broken anew."""
    paragraph = message.strip().split("\n\n")[0]
    words = textwrap.shorten(paragraph, _QUOTED_LINES * (_WIDTH - 10), placeholder=" ...")
    yield from _wrap(words, indent="    ")


def _why(distribution: Distribution, facts: PipFacts, predicted: Prediction, origin: str) -> str:
    reason = predicted.reason
    # A sentence goes on in lower case; a variable keeps its name.
    why = f"Why: {reason[:1].lower() if reason[1:2].islower() else reason[:1]}{reason[1:]}"
    if predicted.outcome != "blocked":
        blocks = facts.pip is None and facts.marker.blocks and not facts.is_venv
        marked = f" With a pip the marker {facts.marker.path} (PEP 668) would stop it." if blocks else ""
        return why + marked
    keeper = "something else than pip"
    if origin == "distribution":
        keeper = distribution.manager.name if distribution.manager is not None else "the system's package manager"
    elif origin not in _ORIGINS:
        keeper = origin
    return (
        f"{why} That is how a Python says that {keeper} looks after its packages (PEP 668): what pip adds or replaces "
        "there can break programs that came with them, so pip leaves it alone."
    )


def _what_overrides(interpreter: Interpreter, facts: PipFacts, predicted: Prediction) -> List[str]:
    """Return what to know and do where only break-system-packages lets pip past the marker."""
    pip, source = facts.pip, predicted.decided_by
    if predicted.outcome != "allowed" or facts.is_venv or not facts.marker.blocks or not source:
        return []
    if pip is None or not pip.is_at_least(OVERRIDE_SINCE) or _sets_override(facts) != source:
        return []
    lines = _wrap(
        f"Somebody set {OVERRIDE} there (images of CI runners such as GitHub's have it): pip installs over what "
        "the package manager put there, and either can break."
    )
    if not source.startswith("/"):
        return lines + _wrap(f"To have pip respect the marker again, unset {VARIABLE} where it is set.")
    level = _level_of(interpreter, facts, source)
    if not level:
        return lines + _wrap(f"To have pip respect the marker again, remove {OVERRIDE} from {source}.")
    # YAML, on one line where that is not too long.
    module, options = "    pep668.provision.pip_config:", f"{{{level}, break_system_packages: absent}}"
    fits = len(module) + 1 + len(options) <= _WIDTH
    lines.append("To have pip respect the marker again, in a playbook:")
    return lines + ([f"{module} {options}"] if fits else [module, f"      {options}"])


def _sets_override(facts: PipFacts) -> str:
    return facts.configuration.flag_of(OVERRIDE, "install").source


def _level_of(interpreter: Interpreter, facts: PipFacts, source: str) -> str:
    """Return the options with which the module pip_config means this file, "" where it has none for it."""
    if source == "/etc/pip.conf":
        return "level: system"
    if source == f"{interpreter.prefix}/pip.conf":
        return f"level: interpreter, python: {interpreter.path}"
    is_users = any(one.is_users for one in facts.configuration.settings if one.source == source)
    # The other file of a user, ~/.pip/pip.conf, is of another age.
    return "level: user" if is_users and source.endswith("/pip/pip.conf") else ""


def _list_ways(ways: Sequence[Way], predicted: Prediction) -> Iterator[str]:
    yield "Better all the same, the best first:" if predicted.outcome == "allowed" else "What to do, the best first:"
    for number, way in enumerate(ways, start=1):
        yield from _wrap(f"{number}. {way.title[:1].upper()}{way.title[1:]}. {way.text}", following="   ")
        # Without a command to type the module's name says where to go on.
        for line in (way.command or "").splitlines() or [f"as a task: {way.task.splitlines()[1].strip()}"]:
            yield f"     {line}"


def _wrap(text: str, *, indent: str = "", following: str = "") -> List[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + following,
        break_long_words=False,
        break_on_hyphens=False,
    )
