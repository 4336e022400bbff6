# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of URLs that would become arguments: they reach pip, uv and git by private files, the URLs without them.

git is given the address of a repository as an argument by pip and by uv, and pipx hands what it installs to pip as one;
pipx also records it, and writes it to its log. What reads logins from files there is the netrc format for archives, for
pip and for uv, and the store of git's own credential helper for repositories.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote, unquote

from .account import Account, act_as
from .errors import ProvisionError
from .host import Host
from .redact import has_credentials

Environment = Dict[str, Optional[str]]

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<userinfo>[^/\s]+)@(?P<place>[^/\s?#]+)")
#: What no reader of a netrc takes as a part of a word, or not every one: Python's are two, uv has another.
_NOT_IN_NETRC = re.compile(r"[\s\\\"']|^#|[^\x20-\x7e]")
#: Readers of netrc know hosts without ports.
_PORT = re.compile(r":\d+$")


@dataclass(frozen=True)
class Login:
    """A user and a password as they are, not encoded, for a place: a host, with a port where there is one."""

    scheme: str
    place: str
    user: str
    password: str

    @property
    def is_for_git(self) -> bool:
        return self.scheme.startswith("git+")


def login_of(text: str) -> Optional[Login]:
    """Return what the URL of a requirement, spec or argument says of a login over HTTP; ``None`` for nothing."""
    found = _URL.search(text)
    if found is None or found["scheme"].lower().rpartition("+")[2] not in ("http", "https"):
        return None
    user, _, password = found["userinfo"].partition(":")
    return Login(found["scheme"].lower(), found["place"], unquote(user), unquote(password))


def is_for_git(text: str) -> bool:
    """Say whether a text holds a login for a git repository over HTTP."""
    login = login_of(text) if has_credentials(text) else None
    return login is not None and login.is_for_git


def hand_over(
    host: Host, account: Optional[Account], scratch: str, texts: Iterable[str]
) -> Tuple[Environment, Dict[str, str]]:
    """Return the variables and the private files by which pip, uv and git get the logins of these texts.

    Raises ProvisionError for what the files cannot hold.
    """
    logins = [login for login in map(login_of, texts) if login is not None]
    env: Environment = {}
    files: Dict[str, str] = {}
    for_git = [login for login in logins if login.is_for_git]
    others = [login for login in logins if not login.is_for_git]
    if for_git:
        path = f"{scratch}/git-logins"
        _check_one_each([(login.place, login) for login in for_git])
        files[path] = "".join(f"{line}\n" for line in dict.fromkeys(map(_as_url, for_git)))
        env.update(_git_environment(host.environ, path, for_git))
    if others:
        path = f"{scratch}/netrc"
        named = [(_PORT.sub("", login.place), login) for login in others]
        _check_one_each(named)
        lines = [f"machine {name} login {login.user} password {login.password}" for name, login in named]
        files[path] = "".join(f"{line}\n" for line in (_own_netrc(host, account), *dict.fromkeys(lines)) if line)
        env["NETRC"] = path
    return env, files


def _check_one_each(named: Sequence[Tuple[str, Login]]) -> None:
    known: Dict[str, Tuple[str, str]] = {}
    for name, login in named:
        pair = (login.user, login.password)
        if known.setdefault(name, pair) != pair:
            raise ProvisionError(
                f"Two URLs of what is to be installed at once name different users or passwords for {name}.",
                advice="Give them one login for this host, or put each into an entry of its own.",
            )
        if not login.is_for_git and (any(map(_NOT_IN_NETRC.search, pair)) or not login.user):
            raise ProvisionError(
                f"The user or the password in the URL for {name} has a character in it that netrc files cannot hold.",
                advice=(
                    "As an argument every account of the host could read it. Without blanks, quotes, backslashes and "
                    "letters beyond ASCII it can be handed on; or serve the file from the index."
                ),
            )


def _as_url(login: Login) -> str:
    user = quote(login.user, safe="") + (f":{quote(login.password, safe='')}" if login.password else "")
    return f"{login.scheme.rpartition('+')[2]}://{user}@{login.place}"


def _git_environment(environ: Mapping[str, str], path: str, logins: Sequence[Login]) -> Environment:
    """Return what has git ask the store at ``path`` for these places alone, and not those that would remember it.

    The variable is what ``git -c`` hands on; one for the same purpose with a documented form exists since git 2.31.
    """
    words: List[str] = []
    for place in dict.fromkeys(f"{login.scheme.rpartition('+')[2]}://{login.place}" for login in logins):
        key = f"credential.{place}.helper"
        # The empty one takes away those that are configured.
        words += [f"{key}=", f"{key}=store --file={shlex.quote(path)}"]
    before = environ.get("GIT_CONFIG_PARAMETERS", "")
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    return {"GIT_CONFIG_PARAMETERS": f"{before} {quoted}".strip(), "GIT_TERMINAL_PROMPT": "0"}


def _own_netrc(host: Host, account: Optional[Account]) -> str:
    """Return what the account that installs has in a netrc of its own, which would not be read beside another."""
    home = account.home if account is not None else host.environ.get("HOME") or host.caller.home
    named = "" if account is not None else host.environ.get("NETRC", "")
    path = named or f"{home}/.netrc"
    try:
        text = act_as(account if host.is_root and host.root == "/" else None, lambda: host.read_text(path))
    except ProvisionError:
        text = None
    return (text or "").rstrip("\n")
