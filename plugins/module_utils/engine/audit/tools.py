# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools of pipx that do not work, or that are not what their command starts."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import Dict, Iterator, List, Tuple

from ..account import Account
from ..errors import printable
from ..login_directories import LoginDirectories, read_login_directories
from ..login_path import observe_login_path
from ..pipx import NEW_HOME_SINCE, links_into, reinstall_by_hand
from ..redact import redact
from .finding import Found, Repair, Rule
from .installed_tools import InstalledTool, ToolHome, new_home, old_home, pipx_of, repair_of
from .survey import Survey

_NO_SHELLS = ("nologin", "false", "sync", "halt", "shutdown", "")


def _broken(survey: Survey) -> Iterator[Found]:
    for tool in survey.tools:
        problem = tool.state.problem
        if tool.state.missing_links:
            links = ", ".join(f"{tool.home.space.bin_dir}/{app}" for app in tool.state.missing_links)
            problem = f"its command has no link: {links} is missing, or leads nowhere"
        if problem:
            evidence = f"The tool {_named(tool)} in {printable(tool.path)}: {printable(redact(problem))}."
            yield Found(printable(tool.path), evidence, f"By hand: {_reinstall(tool)}.", repair_of(survey, tool))
    for home in survey.tool_homes:
        yield from _left_behind(survey, home)


def _left_behind(survey: Survey, home: ToolHome) -> Iterator[Found]:
    """Yield the links of tools that are not there any more."""
    host, known = survey.host, set()
    for tool in survey.tools:
        # All links of a broken one are its own matter: they may come back with it.
        known |= set(links_into(host, tool.home.space, tool.path) if tool.state.problem else tool.links)
    for link in links_into(host, home.space, f"{home.space.home}/venvs"):
        if link not in known and not host.exists(link):
            shown, target = printable(link), printable(host.readlink(link) or "")
            yield Found(
                shown,
                f"{shown} leads to {target}, which is not there: what it belonged to was removed by hand.",
                f"Remove it, {_as(home)}rm {shlex.quote(shown)}. Or install the tool again.",
            )


def _named(tool: InstalledTool) -> str:
    return f"{printable(tool.entry.name)}{printable(tool.entry.suffix)} (of {tool.home.who})"


def _as(home: ToolHome) -> str:
    return f"as {home.space.account.name}: "


def _reinstall(tool: InstalledTool) -> str:
    """Return what is typed to have a tool anew, and as whom."""
    name = printable(tool.path.rpartition("/")[2])
    return _as(tool.home) + reinstall_by_hand(name, home=tool.home.space.home, bin_dir=tool.home.space.bin_dir)


class _Searched:
    """Where each account's logins look for commands, read once; files that cannot be read are said to be left out."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._found: Dict[int, LoginDirectories] = {}

    def by(self, account: Account) -> LoginDirectories:
        if account.uid not in self._found:
            found = self._found[account.uid] = read_login_directories(self._survey.host, account)
            for path in found.hidden:
                self._survey.leave_unread(printable(path), "this account cannot read it, or it is no file")
        return self._found[account.uid]


def _shadowed(survey: Survey) -> Iterator[Found]:
    searched = _Searched(survey)
    for tool in survey.tools:
        for app in tool.state.foreign_links:
            path = printable(f"{tool.home.space.bin_dir}/{app}")
            yield Found(
                path,
                f"{path} is not the command of the tool {_named(tool)}, but {_what_is(survey, path)}.",
                f"Decide which of them it is to be: move that file away and have the tool anew ({_reinstall(tool)}), or"
                " remove the tool.",
            )
        if not tool.state.problem:
            directories = searched.by(tool.home.space.account).directories
            yield from _behind_others(survey, tool, directories)


def _behind_others(survey: Survey, tool: InstalledTool, directories: Tuple[str, ...]) -> Iterator[Found]:
    """Yield the commands of a tool before which another of the same name is found."""
    host, bin_dir, who = survey.host, tool.home.space.bin_dir, tool.home.space.account.name
    before = directories[: directories.index(bin_dir)] if bin_dir in directories else ()
    for link, target in tool.links.items():
        app = os.path.basename(link)
        first = next((f"{folder}/{app}" for folder in before if host.is_executable(f"{folder}/{app}")), "")
        is_own = host.resolve(first) in (host.resolve(link), host.resolve(target)) if first else True
        if is_own or app in tool.state.foreign_links:
            continue
        yield Found(
            printable(link),
            f"Who logs in as {who} and types {printable(app)} gets {printable(first)}, {_what_is(survey, first)}, and"
            f" not the tool {_named(tool)}: {os.path.dirname(first)} comes before {printable(bin_dir)} on the PATH.",
            f"Remove {printable(first)} if the tool is meant, or the tool if it is not.",
        )


def _what_is(survey: Survey, path: str) -> str:
    target = survey.host.readlink(path)
    return f"a link to {printable(target)}" if target is not None else "another file"


def _off_path(survey: Survey) -> Iterator[Found]:
    searched = _Searched(survey)
    by_account: Dict[int, List[InstalledTool]] = {}
    for tool in survey.tools:
        account = tool.home.space.account
        # One whose login runs no shell never types a command.
        if tool.home.space.bin_dir == f"{account.home}/.local/bin" and _shell(account) not in _NO_SHELLS:
            by_account.setdefault(account.uid, []).append(tool)
    for tools in by_account.values():
        space = tools[0].home.space
        found = searched.by(space.account)
        if space.bin_dir in found.directories or found.hidden:
            continue
        file = observe_login_path(survey.host, space.account).file
        names = ", ".join(sorted({printable(tool.entry.name) for tool in tools}))
        yield Found(
            printable(space.bin_dir),
            f"{space.account.name} has {names} in {printable(space.bin_dir)}, and no file that a login reads puts that"
            f" on the PATH. Read were: {', '.join(map(printable, found.files)) or 'none, as there are none'}.",
            f'Add to {printable(file)}: export PATH="$HOME/.local/bin:$PATH"',
            _put_on_path(survey, tools, file),
        )


def _shell(account: Account) -> str:
    return os.path.basename(account.shell)


def _put_on_path(survey: Survey, tools: List[InstalledTool], file: str) -> Tuple[Repair, ...]:
    """Return the call that provides one of these tools again: its directory gets on the PATH with it."""
    keeps = (file,) if survey.host.is_file(file) else ()
    for tool in sorted(tools, key=lambda one: bool(one.state.problem or one.state.foreign_links)):
        for repair in repair_of(survey, tool):
            return (replace(repair, keeps=(*keeps, *(repair.keeps if tool.state.problem else ()))),)
    return ()


def _in_old_home(survey: Survey) -> Iterator[Found]:
    for account in survey.accounts:
        old, new = old_home(account), new_home(account)
        pipx = pipx_of(survey.host, account)
        if pipx is None or not pipx.version or not pipx.is_at_least(NEW_HOME_SINCE) or not survey.host.is_dir(old):
            continue
        count = sum(tool.home.space.home == old for tool in survey.tools)
        evidence = (
            f"{old} is there with {count} tool{'' if count == 1 else 's'}, and {printable(pipx.path)} is pipx"
            f" {pipx.version}. Since {NEW_HOME_SINCE} its home is {new}, but for the old one as long as that is there."
        )
        if not count:
            remedy = f"Remove it: rm -r {shlex.quote(old)}"
        elif survey.host.is_dir(new):
            remedy = f"Install what is in {old}/venvs again once {old} is moved away; {new} has tools already."
        else:
            remedy = f"As {account.name}: mv {shlex.quote(old)} {shlex.quote(new)} && pipx reinstall-all"
        yield Found(printable(old), evidence, f"{remedy}. Nothing has to be done as long as that pipx works with it.")


RULES = (
    Rule(
        "EM501",
        "A tool is broken",
        "error",
        "pipx's records, the environments and the links of tools for everybody (/opt/pipx, PIPX_HOME) and of the"
        " looked-at accounts (~/.local/share/pipx, ~/.local/pipx).",
        "Its command does not start, and pipx list fails for every tool of that home.",
        _broken,
    ),
    Rule(
        "EM502",
        "A tool's command is another program",
        "warning",
        "the commands of tools, and what the files that a login shell reads put before them on the PATH; of tools for"
        " everybody it is root's login.",
        "Who types it gets another program, often an older version of the same.",
        _shadowed,
    ),
    Rule(
        "EM503",
        "The directory of an account's tools is not on its PATH",
        "warning",
        "the files that a login shell of the account reads. Conditions in them are not judged: what they may put on the"
        " PATH counts as put there.",
        "Its tools are installed and cannot be found.",
        _off_path,
    ),
    Rule(
        "EM504",
        "pipx keeps tools in its old place",
        "info",
        f"~/.local/pipx of the looked-at accounts whose pipx is {NEW_HOME_SINCE} or newer; before, that is its place.",
        "What looks for tools where pipx keeps them now does not find these.",
        _in_old_home,
    ),
)
