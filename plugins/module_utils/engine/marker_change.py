# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markers as they were asked for: those of OS packages as shipped, one of an administrator's own with its message.

No marker is ever removed.
"""

from __future__ import annotations

import os
import posixpath
import shlex
import stat
from dataclasses import dataclass, field
from typing import Any, Callable, Container, Dict, List, Mapping, Optional, Tuple

from . import values
from .account import Account, act_as
from .errors import CommandFailed, InvalidState, ProvisionError
from .files import write_atomically
from .host import Host
from .interpreter import Interpreter, Interpreters, describe_found
from .lock import holding_lock
from .marker import FILE_NAME
from .marker_restore import foresee_restoration, restore_markers
from .marker_text import check_locale, check_message, compose_marker
from .package_owner import package_owners
from .path_control import keeper_of
from .process import Command
from .shipped_marker import ShippedMarker, can_end_diversion, observe_shipped_markers

#: Whose Pythons are marked by others than an administrator, and who that is.
_MANAGED = {
    "distribution": "the distribution",
    "homebrew": "Homebrew",
    "snap": "snapd",
    "conda": "conda",
    "uv": "uv",
}
_BY_PACKAGE = "Whether it is marked is for its package to say; without a text a marker that it ships is restored."


@dataclass(frozen=True)
class WantedMarker:
    """What was asked for: the markers of OS packages, all or one, or with ``messages`` (by locale) one of our own.

    ``end_diversion``: one that an administrator has diverted comes back, too.
    """

    python: str = ""
    path: str = ""
    messages: Mapping[str, str] = field(default_factory=dict)
    end_diversion: bool = False


@dataclass(frozen=True)
class MarkerOutcome:
    """What was found at a marker's path, and what is done: restored, written, left or unchanged."""

    path: str
    owner_package: str
    state: str
    action: str
    detail: str


@dataclass(frozen=True)
class MarkerChange:
    """What is done, or would be: marker by marker, as a difference of texts, and what the user has to know.

    ``message`` says what else there is to say, that no package ships a marker for example. ``account`` is with whose
    rights a marker of our own is written (``None``: the caller's).
    """

    markers: Tuple[MarkerOutcome, ...] = ()
    before: str = ""
    after: str = ""
    reasons: Tuple[str, ...] = ()
    warnings: Tuple[str, ...] = ()
    message: str = ""
    account: Optional[Account] = None

    @property
    def changed(self) -> bool:
        return any(one.action in ("restored", "written") for one in self.markers)

    @property
    def first(self) -> Optional[MarkerOutcome]:
        """The marker that something is done about, else the first."""
        changed = [one for one in self.markers if one.action in ("restored", "written")]
        return next(iter([*changed, *self.markers]), None)


def read_wanted(options: Mapping[str, object]) -> WantedMarker:
    """Return what the options of the module ask for; raises InvalidState with every one that is refused."""
    problems: List[str] = []

    def accept(name: str, value: object, check: Callable[[object], Any]) -> Any:
        try:
            return check(value)
        except values.Refused as refusal:
            problems.append(f"{name} is {values.shown(value)}: {refusal}.")
            return ""

    python = accept("python", options.get("python"), values.optional(values.python))
    path = accept("path", options.get("path"), values.optional(_marker_path))
    messages: Dict[str, str] = {}
    if options.get("text") is not None:
        messages[""] = accept("text", options["text"], check_message)
    translations: Any = options.get("translations") or {}
    for locale, text in translations.items():
        messages[accept("translations has a key that", locale, check_locale)] = accept(
            f"translations[{locale}]", text, check_message
        )
    problems += _contradictions(options)
    if problems:
        raise InvalidState(problems)
    return WantedMarker(python, path, messages, options.get("end_diversion") is True)


def _marker_path(value: object) -> str:
    path = values.absolute(value)
    if posixpath.basename(path) != FILE_NAME:
        raise values.Refused(f"allowed is the path of a marker, which ends in /{FILE_NAME}")
    return path


def _contradictions(options: Mapping[str, object]) -> List[str]:
    found = []
    marks = options.get("text") is not None or options.get("translations")
    if options.get("translations") and options.get("text") is None:
        found.append("text is missing: it is what is shown in every language that translations does not have.")
    if marks and not options.get("python"):
        found.append("python is missing: a text is for one interpreter, and python says for which.")
    if options.get("end_diversion") and marks:
        found.append("end_diversion: it is for the markers of OS packages; leave out text.")
    if options.get("path") and (marks or options.get("python")):
        found.append("path: it selects a marker of an OS package by itself; leave out python and text.")
    return found


def foresee_marker(wanted: WantedMarker, host: Host, *, may_use_packages: bool = True) -> MarkerChange:
    """Return what a run would do, without doing it; raises ProvisionError with what would stand in its way."""
    if wanted.messages:
        return _foresee_own(wanted, host)
    interpreter = _select(wanted.python, host) if wanted.python else None
    markers = _selected(wanted, interpreter, host)
    diverted = [one for one in markers if wanted.end_diversion and can_end_diversion(host, one)]
    needing = [one for one in markers if one.needs_restoring or one in diverted]
    if needing and not may_use_packages:
        told = " ".join(f"{one.path} is {one.state}: {one.detail}" for one in needing)
        raise ProvisionError(
            f"The package manager may not be used (python_manage_system_packages is false), and {told}",
            advice=f"Install again by hand: {', '.join(dict.fromkeys(one.package for one in needing))}.",
        )
    foresee_restoration(host, needing)
    if diverted and not host.is_root:
        raise ProvisionError(
            f"{diverted[0].path} is diverted, and {host.caller.name} may not end that.",
            advice="It takes root's rights, by become: true for example.",
        )
    kept = [one for one in markers if one.state in ("diverted", "excluded") and one not in diverted]
    return MarkerChange(
        tuple(_outcome(one, is_restored=one in needing) for one in markers),
        before="".join(_shown_before(host, one) for one in needing),
        after="".join(f"{one.path}: the file of {one.package} {one.version}\n" for one in needing),
        reasons=tuple(f"{one.path} is {one.state}" for one in needing),
        warnings=tuple(f"{one.path} is not restored: {one.detail}" for one in kept),
        message="" if markers else _message_without(wanted, interpreter),
    )


def converge_marker(
    wanted: WantedMarker, host: Host, *, lock_timeout: float, may_use_packages: bool = True
) -> MarkerChange:
    """Leave the markers as they were asked for, under the host's lock (waited for in seconds); return what was done."""
    change = foresee_marker(wanted, host, may_use_packages=may_use_packages)
    if not change.changed:
        return change
    if not wanted.messages:
        chosen = {one.path for one in change.markers}
        if wanted.end_diversion:
            with holding_lock(host, timeout=lock_timeout):
                _end_diversions(host, chosen)
        markers = [one for one in observe_shipped_markers(host) if one.path in chosen]
        warnings = restore_markers(host, markers, lock_timeout=lock_timeout)
        return MarkerChange(change.markers, change.before, change.after, change.reasons, (*change.warnings, *warnings))
    with holding_lock(host, timeout=lock_timeout):
        # Whoever held the lock may have written it.
        change = _foresee_own(wanted, host)
        if change.changed:
            write_own(change, host)
        return change


def write_own(change: MarkerChange, host: Host) -> None:
    """Leave the marker of an administrator's own interpreter as it was foreseen, for all to read."""
    path = change.markers[0].path
    real = host.real(posixpath.join(host.resolve(posixpath.dirname(path)), FILE_NAME))
    try:
        write_atomically(real, change.after, account=change.account)
    except OSError as error:
        raise _not_written(path, str(error.strerror)) from error


def _select(selector: str, host: Host) -> Interpreter:
    interpreters = Interpreters(host)
    found = interpreters.select(selector)
    if found is None:
        raise ProvisionError(
            f"The interpreter {selector} is not on this host or does not run.",
            advice=f"Found were: {describe_found(interpreters.discover(with_pip=False))}.",
        )
    return found


def _selected(wanted: WantedMarker, interpreter: Optional[Interpreter], host: Host) -> Tuple[ShippedMarker, ...]:
    markers = observe_shipped_markers(host)
    folder = interpreter.stdlib if interpreter is not None else posixpath.dirname(wanted.path)
    if not folder:
        return markers
    real = host.resolve(folder)
    return tuple(one for one in markers if host.resolve(posixpath.dirname(one.path)) == real)


def _end_diversions(host: Host, paths: Container[str]) -> None:
    """Leave no diversion of an administrator's at these paths; raises CommandFailed where dpkg-divert fails."""
    for marker in observe_shipped_markers(host):
        if marker.path not in paths or not can_end_diversion(host, marker):
            continue
        done = host.run(Command(marker.way_back))
        if not done.succeeded:
            said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
            raise CommandFailed(
                f"The diversion of {marker.path} could not be ended: {said}",
                command=done.command.argv,
                status=done.status,
                stdout=done.stdout,
                stderr=done.stderr,
                advice=f"By hand it is: {shlex.join(marker.way_back)}",
            )


def _outcome(marker: ShippedMarker, *, is_restored: bool) -> MarkerOutcome:
    action = "restored" if is_restored else "unchanged" if marker.state == "intact" else "left"
    return MarkerOutcome(marker.path, marker.package, marker.state, action, marker.detail)


def _shown_before(host: Host, marker: ShippedMarker) -> str:
    """Return what stands in a package's place. What the package has instead is known when it is restored."""
    text = host.read_text(marker.path) or ""
    return f"{marker.path}: {marker.state}\n" + "".join(f"  {line}\n" for line in text.splitlines())


def _message_without(wanted: WantedMarker, interpreter: Optional[Interpreter]) -> str:
    if wanted.path:
        return f"No OS package of this host ships {wanted.path}."
    if interpreter is None:
        return f"No OS package of this host ships an {FILE_NAME} marker, so there is none to restore."
    return (
        f"No OS package of this host ships an {FILE_NAME} marker for {interpreter.path}, so there is none to restore."
    )


def _foresee_own(wanted: WantedMarker, host: Host) -> MarkerChange:
    """Return what is done about the marker of an administrator's own interpreter."""
    interpreter = _select(wanted.python, host)
    _check_own(interpreter, host)
    path = posixpath.join(interpreter.stdlib, FILE_NAME)
    text = compose_marker(wanted.messages)
    found = host.lstat(path)
    if found is not None and host.is_dir(path):
        raise ProvisionError(f"{path} is a directory.", advice="Move it away, then run again.")
    before = host.read_text(path) or ""
    if found is None:
        state, reasons = "missing", (f"{interpreter.path} has no marker",)
    elif before != text:
        state, reasons = "changed", (f"the marker of {interpreter.path} has another text",)
    elif not stat.S_ISREG(found.st_mode) or found.st_mode & 0o444 != 0o444:
        state, reasons = "changed", (f"the marker of {interpreter.path} is a link, or not readable by all",)
    else:
        return MarkerChange((MarkerOutcome(path, "", "intact", "unchanged", "It has the message."),), text, text)
    account = keeper_of(host, path)
    folder = host.real(host.resolve(interpreter.stdlib))
    if not act_as(account, lambda: os.access(folder, os.W_OK | os.X_OK)):
        raise _not_written(path, f"{(account or host.caller).name} may not write in {interpreter.stdlib}")
    outcome = MarkerOutcome(path, "", state, "written", f"{reasons[0][0].upper()}{reasons[0][1:]}.")
    return MarkerChange((outcome,), before, text, reasons, account=account)


def _check_own(interpreter: Interpreter, host: Host) -> None:
    """Refuse to mark what is not the administrator's own."""
    if interpreter.is_venv:
        raise ProvisionError(
            f"{interpreter.path} is in a virtual environment, where pip looks for no marker.",
            advice="Name the interpreter that the environment was made with, if it is that one which is to be marked.",
        )
    for path in dict.fromkeys((interpreter.real_path, posixpath.join(interpreter.stdlib, "os.py"))):
        owners = package_owners(host, path, "python")
        if owners:
            raise ProvisionError(
                f"{interpreter.path} is not the administrator's own: the package {owners[0]} owns {path}.",
                advice=_BY_PACKAGE,
            )
    if interpreter.origin in _MANAGED:
        raise ProvisionError(
            f"{interpreter.path} is not the administrator's own: {_MANAGED[interpreter.origin]} manages it "
            f"({interpreter.origin_evidence}).",
            advice=_BY_PACKAGE,
        )


def _not_written(path: str, reason: str) -> ProvisionError:
    return ProvisionError(
        f"{path} cannot be written: {reason}.",
        advice="It takes an account that may write there, by become: true for example.",
    )
