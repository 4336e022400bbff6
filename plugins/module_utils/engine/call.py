# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine called in a process of its own on the host: a request as JSON comes in, an answer as JSON goes out.

For front-ends that run commands on a host rather than modules.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, Tuple

from .answer_words import ANSWER, ERROR, PREFIX
from .desired import validate
from .errors import CommandFailed, ProvisionError, SeveralFailed, printable
from .host import Host

if TYPE_CHECKING:
    from .converge import Outcome

Request = Mapping[str, object]


def _answer_host(request: Request, host: Host) -> Dict[str, object]:
    interpreters, packages = request.get("interpreters") or (), request.get("packages") or ()
    if not isinstance(interpreters, (list, tuple)):
        raise ProvisionError("interpreters: allowed is a list of absolute paths.")
    if not isinstance(packages, (list, tuple)):
        raise ProvisionError("packages: allowed is a list of requirements.")
    from .report import report_host  # noqa: PLC0415  # each request loads no more than it needs

    return report_host(host, [str(path) for path in interpreters], [str(name) for name in packages])


def _answer_audit(request: Request, host: Host) -> Dict[str, object]:
    from .audit.audit_host import audit_host  # noqa: PLC0415  # as above
    from .audit.scope import read_scope  # noqa: PLC0415  # as above

    return audit_host(host, read_scope(request, host))


def _answer_plan(request: Request, host: Host) -> Dict[str, object]:
    from .look import look, report_plan  # noqa: PLC0415  # as above

    desired = validate(_declared(request))
    state, plan = look(desired, host, rehearsing=bool(request.get("rehearsing")))
    return {**report_plan(desired, state, plan, processors=host.processors), "warnings": list(plan.warnings)}


def _answer_converge(request: Request, host: Host) -> Dict[str, object]:
    from .converge import converge  # noqa: PLC0415  # as above

    return _report_outcome(converge(validate(_declared(request)), host))


def _answer_rehearse(request: Request, host: Host) -> Dict[str, object]:
    from .converge import rehearse  # noqa: PLC0415  # as above

    return _report_outcome(rehearse(validate(_declared(request)), host))


def _answer_make_ready(request: Request, host: Host) -> Dict[str, object]:
    from .package_manager_ready import bring_ready  # noqa: PLC0415  # as above

    ready = bring_ready(host, lock_timeout=float(str(request["lock_timeout"])))
    told = [ready.text] if ready.changed and not request.get("foreseen") else []
    return {"changed": ready.changed, "before": {}, "after": {}, "warnings": told}


def _report_outcome(outcome: "Outcome") -> Dict[str, object]:
    return {
        "changed": outcome.changed,
        "steps": [step.as_dict() for step in outcome.plan.steps],
        "before": {name: dict(packages) for name, packages in outcome.before.items()},
        "after": {name: dict(packages) for name, packages in outcome.after.items()},
        "warnings": list(outcome.warnings),
    }


def _declared(request: Request) -> Mapping[str, object]:
    declared = request["declared"]
    if declared is None:
        declared = json.loads(sys.stdin.readline())
    return declared if isinstance(declared, Mapping) else {}


#: Modules that an answer loads beyond what each does, by what is asked; ``parts`` has what only some states need.
LOADED_FOR: Mapping[str, Tuple[str, ...]] = {
    "python_info": ("report", "environment_marker"),
    "audit": ("audit.audit_host", "audit.scope", "environment_marker", "login_path"),
    "plan": ("look", "package_transaction", "package_recovery"),
    "rehearse": ("look", "converge", "preview"),
    "converge": ("look", "converge", "apply", "files"),
    "make_ready": ("package_manager_ready", "package_transaction", "package_recovery"),
}

#: What can be asked, in ``ask`` of a request: ``python_info`` with ``interpreters`` and ``packages``, ``audit`` with
#: the module's options, ``plan`` with ``declared`` and ``rehearsing``, ``rehearse`` and ``converge`` with ``declared``,
#: ``make_ready`` (the package manager) with ``lock_timeout`` and ``foreseen``, whether its repair has been told of.
#: Only the last two change something. Where ``declared`` is null, what is declared comes as a line of JSON on standard
#: input: then it holds credentials.
ANSWERS: Mapping[str, Callable[[Request, Host], Dict[str, object]]] = {
    "python_info": _answer_host,
    "audit": _answer_audit,
    "plan": _answer_plan,
    "rehearse": _answer_rehearse,
    "converge": _answer_converge,
    "make_ready": _answer_make_ready,
}


def main(request: Request, host: Host) -> int:
    """Answer a request on standard output; returns the exit status.

    The answer is a line: PREFIX, ANSWER or ERROR, and JSON. An error of a request that only reads is an answer too and
    has exit status 0; of one that changes something it is a text on standard error, and the exit status is 1.
    """
    ask = str(request.get("ask"))
    try:
        answer = ANSWERS[ask](request, host)
    except ProvisionError as error:
        if ask in ("converge", "make_ready"):
            sys.stderr.write("\n".join(_lines(error)) + "\n")
            return 1
        _write(ERROR, {"message": "\n".join(_lines(error))})
        return 0
    _write(ANSWER, answer)
    return 0


def _write(word: str, content: Mapping[str, object]) -> None:
    sys.stdout.write(f"{PREFIX} {word} {json.dumps(content)}\n")


def _lines(error: ProvisionError) -> List[str]:
    """Return what is wrong and what can be done; of a command that failed also what it was and all that it said."""
    if isinstance(error, SeveralFailed):
        return [line for one in error.errors for line in _lines(one)]
    lines = str(error).splitlines()
    if isinstance(error, CommandFailed):
        lines.append("The command was: " + " ".join(error.command))
        lines += (error.stderr.strip() or error.stdout.strip()).splitlines()
    return [printable(line) for line in lines]
