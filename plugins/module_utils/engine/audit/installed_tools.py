# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools that pipx keeps on a host, for everybody and for single accounts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Optional, Tuple

from ..account import Account
from ..desired import ToolEntry, validate
from ..errors import InvalidState, printable
from ..host import Host
from ..own_programs import own_program_entry
from ..pipx import (
    METADATA_NAME,
    Pipx,
    ToolRecord,
    ToolSpace,
    ToolState,
    exposed_links,
    find_pipx,
    observe_tool,
    parse_tool_record,
    tool_space,
)
from ..redact import has_credentials
from .finding import Repair

if TYPE_CHECKING:
    from .survey import Survey

#: Of one home.
_MOST_TOOLS = 500
_VARIABLE = re.compile(r"\b(PIPX_(?:GLOBAL_)?(?:HOME|BIN_DIR))=(\"[^\"$]*\"|'[^']*'|[^\s;\"'$]+)")


@dataclass(frozen=True)
class ToolHome:
    """A home of pipx. ``scope`` is how tools there are declared, "" where the module ``tool`` keeps none there."""

    space: ToolSpace
    scope: str = ""

    @property
    def who(self) -> str:
        return "everybody" if self.scope == "global" else self.space.account.name


@dataclass(frozen=True)
class InstalledTool:
    """A tool that is there, or what is left of one; ``entry`` declares it as it was installed."""

    home: ToolHome
    entry: ToolEntry
    state: ToolState

    @property
    def path(self) -> str:
        return self.state.venv.path

    @property
    def links(self) -> Mapping[str, str]:
        """Its commands' links, each with what it should lead to."""
        record = self.state.record
        return exposed_links(self.home.space, self.path, record) if record is not None else {}


def pipx_of(host: Host, account: Account) -> Optional[Pipx]:
    """Return the pipx that an account would use; one in another account's home it cannot."""
    found = find_pipx(host, own_program_entry(host, "pipx").path)
    own = account.home.rstrip("/") + "/"
    return next(
        (one for one in found if one.path.startswith(own) or not one.path.startswith(("/root/", "/home/"))), None
    )


def old_home(account: Account) -> str:
    return f"{account.home}/.local/pipx"


def new_home(account: Account) -> str:
    return f"{account.home}/.local/share/pipx"


def tool_homes(survey: "Survey") -> Tuple[ToolHome, ...]:
    """Return the homes of pipx that are there; homes of accounts that cannot be read are said to be left out."""
    host = survey.host
    homes: Dict[str, ToolHome] = {}
    everybodys = tool_space(host, host.account_by_uid(0), "global", None)
    homes[everybodys.home] = ToolHome(everybodys, "global")
    for account in survey.accounts:
        if host.entries_in(account.home, 1) is None and not host.is_dir(f"{account.home}/.local"):
            survey.leave_unread(printable(account.home), "this account cannot read it")
            continue
        declared = tool_space(host, account, "user", pipx_of(host, account)).home
        for home in (old_home(account), new_home(account)):
            space = ToolSpace(account, home, f"{account.home}/.local/bin", f"{account.home}/.local/share")
            homes[home] = ToolHome(space, "user" if home == declared else "")
    for space in _named_spaces(survey):
        known = homes.get(space.home)
        if known is None or known.space.bin_dir != space.bin_dir:
            homes[space.home] = ToolHome(space)
    return tuple(home for home in homes.values() if host.is_dir(home.space.home))


def _named_spaces(survey: "Survey") -> Iterator[ToolSpace]:
    """Yield what PIPX_HOME names, with the commands where PIPX_BIN_DIR has them; the module keeps no tools there."""
    texts: Dict[str, str] = {}
    for file in survey.environment_files:
        texts[file.account] = f"{texts.get(file.account, '')}\n{file.text}"
    named = [{name: value.strip("\"'") for name, value in _VARIABLE.findall(text)} for text in texts.values()]
    for variables in (survey.host.environ, *named):
        for prefix in ("PIPX", "PIPX_GLOBAL"):
            home, bin_dir = variables.get(f"{prefix}_HOME", ""), variables.get(f"{prefix}_BIN_DIR", "")
            found = survey.host.stat(home) if home.startswith("/") else None
            if found is not None:
                account = survey.host.account_by_uid(found.st_uid)
                bin_dir = bin_dir if bin_dir.startswith("/") else f"{account.home}/.local/bin"
                yield ToolSpace(account, home.rstrip("/"), bin_dir.rstrip("/"), f"{account.home}/.local/share")


def read_tools(survey: "Survey") -> Tuple[InstalledTool, ...]:
    """Return every tool of the homes, read from pipx's records and from files; others' interpreters may run."""
    found: List[InstalledTool] = []
    for home in survey.tool_homes:
        folder = f"{home.space.home}/venvs"
        entries = survey.host.entries_in(folder, _MOST_TOOLS)
        if entries is None:
            if survey.host.is_dir(folder):
                survey.leave_unread(printable(folder), "it cannot be read by this account")
            continue
        if len(entries) == _MOST_TOOLS:
            survey.leave_unread(printable(folder), f"it has more than {_MOST_TOOLS} entries")
        for name, is_directory in entries:
            if survey.is_out_of_time:
                survey.leave_unread(
                    f"the tools from {printable(folder)}/{printable(name)} on", "the time budget was used up"
                )
                return tuple(found)
            if is_directory:
                found += _read_tool(survey, home, name)
    return tuple(found)


def _read_tool(survey: "Survey", home: ToolHome, name: str) -> Iterator[InstalledTool]:
    host, path = survey.host, f"{home.space.home}/venvs/{name}"
    record = parse_tool_record(host.read_text(f"{path}/{METADATA_NAME}", follow=False) or "")
    entry = _entry(home, name, record)
    if entry.venv_name != name:
        survey.leave_unread(printable(path), "it has a name that pipx does not give")
        return
    yield InstalledTool(home, entry, observe_tool(host, home.space, entry, survey.interpreters))


def _entry(home: ToolHome, name: str, record: Optional[ToolRecord]) -> ToolEntry:
    user = home.space.account.name if home.scope == "user" else ""
    scope = home.scope or "user"
    if record is None:
        return ToolEntry(name, scope=scope, user=user)
    entry = ToolEntry(
        record.main.name,
        spec="" if record.main.spec == record.main.name else record.main.spec,
        scope=scope,
        user=user,
        suffix=record.suffix,
        include_deps=record.include_deps,
        pinned=record.pinned,
    )
    return entry if entry.venv_name == name else ToolEntry(name, scope=scope, user=user)


def repair_of(survey: "Survey", tool: InstalledTool) -> Tuple[Repair, ...]:
    """Return the call that brings a tool back with its versions, none where that would be another tool than it was."""
    entry, state = tool.entry, tool.state
    if not tool.home.scope or printable(tool.path) != tool.path or has_credentials(entry.install_spec):
        return ()
    if entry.name != state.record.main.name if state.record is not None else entry.name not in state.kept:
        return ()
    declared: Dict[str, object] = {"name": entry.name}
    for key in ("spec", "suffix", "include_deps", "pinned"):
        value = getattr(entry, key)
        if value:
            declared[key] = value
    python = survey.python_like(state.venv.release) if state.problem else ""
    if python:
        declared["python"] = python
    arguments: Dict[str, object] = {"scope": entry.scope, "tools": [declared]}
    if entry.user:
        arguments["user"] = entry.user
    try:
        validate({"python_tools": [{**declared, "scope": entry.scope, "user": entry.user}]})
    except InvalidState:
        # What pipx was given by hand, a relative path say, need not be anything that is accepted here.
        return ()
    return (Repair("tool", arguments, (tool.path,)),)
