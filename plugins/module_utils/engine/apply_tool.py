# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the steps for one tool: always a fresh environment by pipx, with the previous one kept until it works.

An installation over an existing environment is never asked of pipx: older ones remove the environment when it fails.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import List, Optional, Tuple

from .account import act_as
from .desired import Desired, ToolEntry
from .difference import foreign_link
from .errors import CommandFailed, ProvisionError
from .files import remove_directory, remove_tree, replacing, scratch_directory, write_atomically
from .host import Host
from .installer import LOG_NAME
from .installer_pipx import (
    has_common_libraries,
    inject_arguments,
    install_arguments,
    pin_arguments,
    pipx_command,
    pipx_environment,
)
from .interpreter import Interpreters
from .observe import find_uv, own_program_entry
from .pipx import (
    METADATA_NAME,
    Pipx,
    ToolSpace,
    ToolState,
    exposed_links,
    find_pipx,
    judge_links,
    links_into,
    observe_tool,
    parse_tool_record,
    tool_space,
)
from .request import pins_of
from .steps import ToolStep
from .work import make_installer, run_checked


def needs_common_libraries(host: Host, desired: Desired, step: ToolStep) -> str:
    """Return the pipx home in which a step would have pipx make the libraries it shares between tools, "" for none.

    Two pipx at once would both make them.
    """
    space, builds = step.observed.space, step.action in ("create", "rebuild")
    if space is None or not builds or is_filled_by_uv(host, desired, step):
        return ""
    return "" if has_common_libraries(host, space) else space.home


def is_filled_by_uv(host: Host, desired: Desired, step: ToolStep) -> bool:
    """Say whether pipx has uv fill the environment of a tool: it is to, and can."""
    uv = find_uv(host)
    pipx = step.pipx or _first_pipx(host)
    wanted = desired.installer_of(step.observed.entry, has_uv=bool(uv)) == "uv"
    return bool(uv) and wanted and pipx is not None and pipx.can_use_uv


def _first_pipx(host: Host) -> Optional[Pipx]:
    found = find_pipx(host, own_program_entry(host, "pipx").path)
    return found[0] if found else None


def backend_of(entry: ToolEntry, desired: Desired) -> str:
    """Return pip, uv or auto: what is to fill a tool's environment."""
    return entry.installer if entry.installer != "auto" else desired.installer


class ToolRun:
    """Takes one step for one tool. ``warnings`` collects what the user should know afterwards."""

    def __init__(self, host: Host, desired: Desired, step: ToolStep, warnings: List[str]) -> None:
        self.host, self.desired, self.step, self.warnings = host, desired, step, warnings
        self.secrets = desired.secrets
        self.observed, self.entry = step.observed, step.observed.entry
        if step.observed.space is None or step.observed.state is None:
            raise ProvisionError(f"The tool {self.entry.name} has no place on this host.")
        self.state = step.observed.state
        # Which home a pipx uses by default is known only now that there is one.
        self.pipx = step.pipx or _first_pipx(host)
        self.space: ToolSpace = step.observed.space
        if not self.state.is_installed:
            self.space = tool_space(self.host, self.space.account, self.entry.scope, self.pipx)
        self.path = self.space.venv_path(self.entry)
        self.aside = self.space.aside_path(self.entry)
        self.account = None if self.space.account.uid == self.host.uid else self.space.account

    def take(self) -> None:
        if self.step.action == "remove":
            self._remove()
            return
        if self.step.action in ("create", "rebuild"):
            try:
                with replacing(self.path, self.aside, self.account):
                    self._install(keep=self.step.keeps_versions)
                    self._refuse_foreign_links()
            except ProvisionError:
                self._restore_links()
                self._unlink(only_dangling=True)
                raise
        self._restore_links()
        record = self._look().record
        if record is not None and record.pinned != self.entry.pinned:
            self._pipx(pin_arguments(self.entry, pinned=self.entry.pinned), f"Pinning {self.entry.name}")

    def _install(self, *, keep: bool) -> None:
        pins = pins_of(dict(self.state.kept)) if keep else ()
        if not pins:
            self._install_once(())
            return
        try:
            self._install_once(pins)
        except CommandFailed:
            act_as(self.account, lambda: remove_tree(self.path))
            self._install_once(())
            self.warnings.append(
                f"{self.entry.name}: not every version of before could be kept; what is declared is installed."
            )

    def _install_once(self, pins: Tuple[str, ...]) -> None:
        python = self.observed.interpreter.path if self.entry.python and self.observed.interpreter else ""
        injected = self.entry.inject if self.entry.inject is not None else self.state.kept_injected
        with scratch_directory(self.account, self.space.scratch_path(self.entry)) as scratch:
            files = {"log_file": f"{scratch}/{LOG_NAME}"}
            if pins:
                files["pins_file"] = f"{scratch}/pins.txt"
                write_atomically(files["pins_file"], "\n".join(pins) + "\n", account=self.account)
            self._pipx(install_arguments(self.entry, python=python), f"Installing the tool {self.entry.name}", **files)
            if injected:
                self._pipx(inject_arguments(self.entry, injected), f"Injecting into {self.entry.name}", **files)

    def _pipx(self, arguments: Tuple[str, ...], what: str, *, pins_file: str = "", log_file: str = "") -> None:
        if self.pipx is None:
            raise ProvisionError(f"{what} needs pipx, and there is none on this host.", advice="The role provides it.")
        backend = backend_of(self.entry, self.desired)
        by_uv = is_filled_by_uv(self.host, self.desired, self.step)
        uv = find_uv(self.host)
        env = pipx_environment(
            self.host,
            self.space,
            self.desired.index,
            prefix=self.path,
            uv=uv if by_uv else "",
            backend="" if backend == "auto" else backend,
            pins_file=pins_file,
            upgrade=self.entry.state == "latest",
            log_file=log_file,
        )
        command = replace(pipx_command(self.pipx, self.space, arguments, env), account=self.account)
        installer = make_installer("uv" if by_uv else "pip", uv)
        run_checked(self.host, command, what, self.secrets, installer, log_file=log_file)

    def _look(self) -> ToolState:
        return observe_tool(self.host, self.space, self.entry, Interpreters(self.host))

    def _restore_links(self) -> None:
        """Leave a link for every app of the tool; a file that is somebody else's stays."""
        state = self._look()
        if state.record is None or state.problem:
            return
        links = exposed_links(self.space, self.path, state.record)

        def link() -> None:
            os.makedirs(self.space.bin_dir, exist_ok=True)
            for path, target in links.items():
                dangling = os.path.islink(path) and not os.path.exists(path)
                if os.path.lexists(target) and (dangling or not os.path.lexists(path)):
                    remove_tree(path)
                    os.symlink(target, path)

        if state.missing_links:
            act_as(self.account, link)

    def _refuse_foreign_links(self) -> None:
        """Raise when a command's name is taken; pipx only warns of it, and which commands there are shows late."""
        record = parse_tool_record(self.host.read_text(f"{self.path}/{METADATA_NAME}") or "")
        foreign = judge_links(self.host, self.space, self.path, record)[1] if record is not None else ()
        if foreign:
            refusal = foreign_link(self.entry, self.space, foreign[0])
            raise ProvisionError(refusal.refusal, advice=refusal.advice)

    def _unlink(self, *, only_dangling: bool = False) -> None:
        links = links_into(self.host, self.space, self.path)

        def unlink() -> None:
            for path in links:
                if not (only_dangling and os.path.exists(path)):
                    os.unlink(path)

        act_as(self.account, unlink)

    def _remove(self) -> None:
        self._unlink()
        remove_directory(self.path, self.aside, self.account)
