# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the steps for one tool: always a fresh environment by pipx, with the previous one kept until it works.

An installation over an existing environment is never asked of pipx: older ones remove the environment when it fails.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .account import act_as
from .danger import danger_of_tool
from .desired import Desired, IndexSettings, ToolEntry
from .difference import foreign_link
from .errors import CommandFailed, ProvisionError, raise_all, refused_by_system
from .files import remove_as, remove_directory, remove_tree, replacing, write_atomically
from .host import Host
from .installer import LOG_NAME
from .installer_pipx import (
    has_common_libraries,
    inject_arguments,
    install_arguments,
    install_together_arguments,
    pin_arguments,
    pipx_command,
    pipx_environment,
)
from .interpreter import Interpreters
from .own_programs import find_uv, own_program_entry
from .pipx import (
    MANY_SINCE,
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
from .redact import has_credentials
from .requirement import Requirement, parse_spec
from .scratch import scratch_directory
from .seeds import pins_of
from .steps import ToolStep
from .work import make_installer, run_checked, with_temporary_files, write_private_files


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
        self.pipx = step.pipx or self._first_pipx()
        self.space: ToolSpace = step.observed.space
        if not self.state.is_installed:
            self.space = tool_space(self.host, self.space.account, self.entry.scope, self.pipx)
        self.path = self.space.venv_path(self.entry)
        self.aside = self.space.aside_path(self.entry)
        self.account = None if self.space.account.uid == self.host.uid else self.space.account

    def _first_pipx(self) -> Optional[Pipx]:
        found = find_pipx(self.host, own_program_entry(self.host, "pipx").path)
        return found[0] if found else None

    @property
    def home_to_prepare(self) -> str:
        """The pipx home in which this has pipx make the libraries that tools share there, "" where it does not.

        Two pipx at once would both make them.
        """
        builds = self.step.action in ("create", "rebuild")
        return self.space.home if builds and not self._by_uv and not has_common_libraries(self.host, self.space) else ""

    @property
    def _by_uv(self) -> bool:
        """Whether pipx has uv fill the environment: it is to, and can."""
        uv = find_uv(self.host)
        wanted = self.desired.installer_of(self.entry, has_uv=bool(uv)) == "uv"
        return bool(uv) and wanted and self.pipx is not None and self.pipx.can_use_uv

    @property
    def shares(self) -> Optional[Tuple[object, ...]]:
        """What has to be the same for one call of pipx to install several tools; ``None`` where this needs its own."""
        entry, pipx = self.entry, self.pipx
        has_logins = any(map(has_credentials, _specs_of(entry)))
        has_options = (
            has_logins or entry.suffix or entry.include_deps or entry.python or entry.inject or self.state.kept
        )
        is_new = self.step.action == "create" and not os.path.lexists(self.path) and not os.path.lexists(self.aside)
        # From an address pipx learns the name by installing it first.
        is_named = isinstance(parse_spec(entry.install_spec), Requirement)
        if has_options or not is_new or not is_named or pipx is None or not pipx.is_at_least(MANY_SINCE):
            return None
        return (self.space, pipx, entry.installer, entry.state)

    def take(self) -> None:
        # As it is now: the plan was made a while ago.
        danger = danger_of_tool(self.host, self.observed, self.step.action)
        if danger is not None:
            raise ProvisionError(danger.message, advice=danger.advice)
        if self.step.action == "remove":
            self._remove()
            return
        if self.step.action in ("create", "rebuild"):
            try:
                with replacing(self.path, self.aside, self.account):
                    self._install(keep=self.step.keeps_versions)
                    self._refuse_foreign_links()
            except (ProvisionError, OSError):
                self._restore_links()
                self._unlink(only_dangling=True)
                raise
        self._finish()

    def _finish(self) -> None:
        self._restore_links()
        record = self._look().record
        if record is not None and record.pinned != self.entry.pinned:
            self._pipx(pin_arguments(self.entry, pinned=self.entry.pinned), f"Pinning {self.entry.name}")

    def install_together(self, others: "Sequence[ToolRun]") -> None:
        """Have pipx install this tool and others that share the call; after an error some may be there."""
        entries = [self.entry, *(run.entry for run in others)]
        names = ", ".join(entry.name for entry in entries)
        with scratch_directory(self.account, self.space.scratch_path(self.entry)) as scratch:
            self._pipx(install_together_arguments(entries), f"Installing {names}", scratch=scratch)

    def take_made(self) -> None:
        """Take the step for a tool that may have been installed with others; from its start where it was not."""
        state = self._look()
        if state.record is None or state.problem:
            self.take()
            return
        try:
            self._refuse_foreign_links()
        except ProvisionError:
            remove_as(self.account, self.path)
            self._unlink(only_dangling=True)
            raise
        self._finish()

    def leave_no_half(self) -> None:
        """Leave nothing of a tool that was installed with others and did not get so far as to be recorded."""
        state = self._look()
        if state.record is None or state.problem:
            remove_as(self.account, self.path)
            self._unlink(only_dangling=True)

    def _install(self, *, keep: bool) -> None:
        pins = pins_of(dict(self.state.kept)) if keep else ()
        if not pins:
            self._install_once(())
            return
        try:
            self._install_once(pins)
        except CommandFailed as error:
            # What took too long would do so again.
            if error.status is None:
                raise
            remove_as(self.account, self.path)
            self._install_once(())
            self.warnings.append(
                f"{self.entry.name}: not every version of before could be kept; what is declared is installed."
            )

    def _install_once(self, pins: Tuple[str, ...]) -> None:
        python = self.observed.interpreter.path if self.entry.python and self.observed.interpreter else ""
        injected = self.entry.inject if self.entry.inject is not None else self.state.kept_injected
        with scratch_directory(self.account, self.space.scratch_path(self.entry)) as scratch:
            files = {"scratch": scratch}
            if pins:
                files["pins_file"] = f"{scratch}/pins.txt"
                write_atomically(files["pins_file"], "\n".join(pins) + "\n", account=self.account)
            self._pipx(install_arguments(self.entry, python=python), f"Installing the tool {self.entry.name}", **files)
            if injected:
                self._pipx(inject_arguments(self.entry, injected), f"Injecting into {self.entry.name}", **files)

    def _pipx(self, arguments: Tuple[str, ...], what: str, *, pins_file: str = "", scratch: str = "") -> None:
        if self.pipx is None:
            raise ProvisionError(f"{what} needs pipx, and there is none on this host.", advice="The role provides it.")
        backend = self.entry.installer if self.entry.installer != "auto" else self.desired.installer
        by_uv, uv = self._by_uv, find_uv(self.host)
        log_file = f"{scratch}/{LOG_NAME}" if scratch else ""
        env = pipx_environment(
            self.host,
            self.space,
            # What asks no index gets no credentials.
            self.desired.index if scratch else IndexSettings(),
            prefix=self.path,
            uv=uv if by_uv else "",
            backend="" if backend == "auto" else backend,
            pins_file=pins_file,
            upgrade=self.entry.state == "latest",
            log_file=log_file,
        )
        command = replace(pipx_command(self.pipx, self.space, arguments, env), account=self.account)
        command = replace(command, timeout=self.desired.index.timeout or None)
        private = [spec for spec in _specs_of(self.entry) if has_credentials(spec)]
        if scratch:
            files: Mapping[str, str] = {}
            if private:
                from .logins import hand_over  # noqa: PLC0415  # few tools have any

                logins, files = hand_over(self.host, self.account, scratch, private)
                command = replace(command, env={**command.env, **logins})
            command = write_private_files(self.host, command, scratch, files)
            command = with_temporary_files(self.host, command, scratch)
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
        record = parse_tool_record(self.host.read_text(f"{self.path}/{METADATA_NAME}", follow=False) or "")
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


def _specs_of(entry: ToolEntry) -> Tuple[str, ...]:
    return (entry.install_spec, *(entry.inject or ()))


def take_together(runs: "Sequence[ToolRun]") -> None:
    """Take the steps for tools that one call of pipx installs; raises what was wrong with each that failed."""
    if len(runs) > 1:
        try:
            runs[0].install_together(runs[1:])
        except CommandFailed as error:
            # Which of them failed and why shows when it is installed by itself; what took too long would do so again.
            if error.status is None:
                for run in runs:
                    run.leave_no_half()
                raise
    errors: List[ProvisionError] = []
    for run in runs:
        try:
            if len(runs) > 1:
                run.take_made()
            else:
                run.take()
        except ProvisionError as error:
            errors.append(error)
        except OSError as error:
            errors.append(refused_by_system(error, what=f"The tool {run.entry.name}"))
    raise_all(errors)


def in_calls(runs: "Sequence[ToolRun]", calls: int) -> "List[List[ToolRun]]":
    """Return how tools are divided into calls of pipx, each kind of those that can share one into so many."""
    found: List[List[ToolRun]] = []
    kinds: Dict[Tuple[object, ...], List[ToolRun]] = {}
    for run in runs:
        shares = run.shares
        if shares is None:
            found.append([run])
        else:
            kinds.setdefault(shares, []).append(run)
    for kind in kinds.values():
        found += [kind[start::calls] for start in range(min(calls, len(kind)))]
    return found
