# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be done to an environment or a tool, as other accounts could redirect it or decide what is run."""

from __future__ import annotations

from typing import Optional, Tuple

from .account import Account
from .desired import BUILDS_SUFFIX
from .host import Host
from .host_state import ObservedTool, ObservedVenv
from .interpreter import Interpreter, exchanged_by
from .path_control import Danger, find_danger, find_danger_inside, openings_of
from .venv import ASIDE_SUFFIX, SCRATCH_NAME


def danger_of_venv(host: Host, observed: ObservedVenv, action: str) -> Optional[Danger]:
    """Say why nothing may be done about an environment: its path, what is in it, or its interpreter is not safe."""
    entry, account = observed.entry, observed.account
    is_declared = bool(entry.owner)
    beside = tuple(entry.path + suffix for suffix in (ASIDE_SUFFIX, BUILDS_SUFFIX))
    danger = find_danger(host, entry.path, account, is_declared=is_declared, beside=beside)
    if danger is None and observed.builds is not None:
        # Whatever is in that directory.
        danger = find_danger(host, f"{observed.builds.directory}/{SCRATCH_NAME}", account, is_declared=is_declared)
    if danger is not None or action in ("remove", "switch", "prune"):
        return danger
    if observed.builds is None and action == "rebuild" and account is not None and account.uid != observed.state.uid:
        danger = _danger_of_foreign(host, observed, account)
    elif action == "update" or observed.state.kind == "empty":
        danger = find_danger_inside(host, entry.path, account)
    if danger is not None:
        return danger
    runs: Tuple[str, ...] = ()
    if action in ("create", "rebuild") or observed.builds is not None:
        runs = _run_to_build(entry.python, observed.interpreter)
    if action == "update":
        runs += (observed.state.python,)
    return _danger_of_interpreters(host, f"The environment {entry.path}", runs, account, "owner")


def _danger_of_foreign(host: Host, observed: ObservedVenv, account: Account) -> Optional[Danger]:
    """Say why another account's environment stays in the owner's space, who cannot remove it; root must not."""
    path = observed.entry.path
    if not any(one.uid == account.uid for one in openings_of(host, path)):
        return None
    holder = host.account_by_uid(observed.state.uid).name
    return Danger(
        f"{path} belongs to {holder}, and {account.name}, whose it is to be, controls a directory on the way to it:"
        f" there root removes nothing, and {account.name} cannot remove it.",
        f"Remove it (rm -r {path}), or give it to its owner (chown -hR {account.name}: {path}), then run again.",
    )


def danger_of_tool(host: Host, observed: ObservedTool, action: str) -> Optional[Danger]:
    """Say why root may do nothing about a tool: the places of its scope or its interpreter are not safe."""
    space = observed.space
    if space is None or not host.is_root:
        return None
    for path in (space.venv_path(observed.entry), space.aside_path(observed.entry), space.bin_dir):
        danger = find_danger(host, path, space.account)
        if danger is not None:
            return danger
    danger = find_danger_inside(host, space.home, space.account) or find_danger_inside(
        host, space.bin_dir, space.account
    )
    if danger is not None or action not in ("create", "rebuild"):
        return danger
    entry = observed.entry
    runs = _run_to_build(entry.python, observed.interpreter)
    return _danger_of_interpreters(host, f"The tool {entry.name}", runs, space.account, "user")


def _run_to_build(selector: str, interpreter: Optional[Interpreter]) -> Tuple[str, ...]:
    """Return the files that are run: the one that was selected by its path may be a shim for the interpreter."""
    named = (selector,) if selector.startswith("/") else ()
    return named if interpreter is None else (*named, interpreter.path)


def _danger_of_interpreters(
    host: Host, what: str, pythons: Tuple[str, ...], account: Optional[Account], key: str
) -> Optional[Danger]:
    """Say who could exchange an interpreter that is run, as root or as the account it is for."""
    for python in pythons if host.is_root else ():
        by_others = exchanged_by(host, python, account) if host.stat(python) is not None else ""
        if by_others:
            runs_as = account.name if account is not None else host.caller.name
            return Danger(
                f"{what} is to run {python} as {runs_as}, and that file could be exchanged by {by_others}.",
                f"Set {key} to that account, or select an interpreter that only root and {runs_as} can change.",
            )
    return None


def warnings_of_venv(host: Host, observed: ObservedVenv, action: str) -> Tuple[str, ...]:
    """Say of what root installs from that another account can change it: what stands there is run by root."""
    entry = observed.entry
    if action == "remove" or not host.is_root or observed.account is not None:
        return ()
    sources = (*entry.requirements, *entry.constraints, *filter(None, (entry.project,)))
    found = ((path, exchanged_by(host, path)) for path in sources)
    return tuple(
        f"{entry.path} is root's, and {path}, which decides what root runs for it, could be exchanged by {who}."
        " Set owner to have that account run the installation."
        for path, who in found
        if who
    )
