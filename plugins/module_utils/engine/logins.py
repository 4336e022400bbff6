# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of URLs that would become arguments: they reach pip, uv and git by private files, the URLs without them.

pip and uv give git the address of a repository as an argument. pipx does so with what it installs, records it, and
writes it to its log. pip calls itself for what a build needs, with each index and the proxy as arguments (pip's
build_env.py). What reads logins from files is the netrc format, for pip and for uv, and the store of git's own
credential helper for repositories.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote, unquote

from .account import Account, act_as
from .errors import ProvisionError
from .host import Host
from .process import Command
from .redact import has_credentials, without_login

Environment = Dict[str, Optional[str]]

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<userinfo>[^/\s]+)@(?P<place>[^/\s?#]+)")
#: What not every reader of a netrc takes as a part of a word: Python before 3.11 has another than since, uv a third.
_NOT_IN_NETRC = re.compile(r"[\s\\\"']|^#|[^\x20-\x7e]|^$")
#: What Python before 3.11 does not; later ones take everything in quotes (netrc.py).
_NOT_IN_OLD_NETRC = re.compile(r"[\s\\]|^\"|[^\x20-\x7e]|^$")
_QUOTED_SINCE = (3, 11)
_INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")
_INDEX_LINES = ("--extra-index-url ", "--find-links ")
_PROXIES = tuple(one for name in ("http_proxy", "https_proxy", "all_proxy") for one in (name, name.upper()))
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
    user, __, password = found["userinfo"].partition(":")
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


def without_index_logins(
    host: Host, command: Command, scratch: str, files: Mapping[str, str]
) -> Tuple[Command, Dict[str, str]]:
    """Return a call of pip and its files with the logins of its indexes in a private file, and of its proxy elsewhere.

    A login stays in its URL where the file cannot hold it: there are two for one host, or the Python is one before
    3.11 and there are blanks, backslashes or letters beyond ASCII in the password. pip then shows it in the process
    list while it fetches what a build needs.
    """
    env, files = dict(command.env), dict(files)
    packages = f"{scratch}/packages.txt"
    lines = files.get(packages, "").splitlines()
    options = [line for line in lines if line.startswith(_INDEX_LINES)]
    words = [word for name in _INDEXES for word in (env.get(name) or "").split()] + options
    quotes = _python_version(host, command.argv[0]) >= _QUOTED_SINCE
    known: Dict[str, Tuple[str, str]] = {}
    left = set()
    for login in filter(None, map(login_of, words)):
        name, pair = _PORT.sub("", login.place), (login.user, login.password)
        is_readable = login.user and (quotes or not any(map(_NOT_IN_OLD_NETRC.search, pair)))
        is_taken = f"machine {name} " in files.get(f"{scratch}/netrc", "")
        if not is_readable or is_taken or known.setdefault(name, pair) != pair:
            left.add(name)

    def hide(text: str) -> str:
        login = login_of(text)
        return text if login is None or _PORT.sub("", login.place) in left else without_login(text)

    moved = {name: pair for name, pair in known.items() if name not in left}
    if moved:
        for name in _INDEXES:
            if env.get(name):
                env[name] = " ".join(map(hide, (env[name] or "").split()))
        if options:
            files[packages] = "".join(f"{hide(line) if line in options else line}\n" for line in lines)
        path = f"{scratch}/netrc"
        own = files.get(path) or _own_netrc(host, command.account) + "\n"
        entries = [
            f"machine {name} login {_word(user, quotes)} password {_word(password, quotes)}\n"
            for name, (user, password) in moved.items()
        ]
        files[path] = "".join((own.lstrip("\n"), *entries))
        env["NETRC"] = path
    proxy = env.get("PIP_PROXY")
    if proxy and has_credentials(proxy):
        # Without these a host that is excepted would be reached without the proxy.
        env.update(dict.fromkeys(("PIP_PROXY", "NO_PROXY", "no_proxy")), **dict.fromkeys(_PROXIES, proxy))
    return replace(command, env=env), files


def _word(text: str, quotes: bool) -> str:  # noqa: FBT001  # it is how the reader reads
    if not quotes or not _NOT_IN_NETRC.search(text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _python_version(host: Host, python: str) -> Tuple[int, ...]:
    """Return the version of an interpreter by files, of an environment or of the system; (0,) where it is not known."""
    folder = python.rpartition("/bin/")[0]
    said = re.search(r"(?m)^version(?:_info)? *= *(\d+)\.(\d+)", host.read_text(f"{folder}/pyvenv.cfg") or "")
    named = said or re.search(r"/python(\d+)\.(\d+)$", host.resolve(python))
    return (int(named[1]), int(named[2])) if named else (0,)
