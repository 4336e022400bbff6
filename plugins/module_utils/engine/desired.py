# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared state: role variables, host data or module options, accepted as a whole or refused with reasons."""

from __future__ import annotations

import difflib
import posixpath
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import InvalidState
from .redact import redact
from .requirement import Requirement, RequirementError, normalize_name, parse_spec

VENV_STATES = ("present", "latest", "exact", "absent")
TOOL_STATES = ("present", "latest", "absent")
SCOPES = ("global", "user")
INSTALLERS = ("auto", "pip", "uv")
REBUILDS = ("auto", "never")
PIPX_SOURCES = ("auto", "system", "index")

_PYTHON = re.compile(r"^(\d+\.\d+(\.\d+)?|(python|pypy)\d(\.\d+)?)$")
_ACCOUNT = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]*\$?$")
_SUFFIX = re.compile(r"^[A-Za-z0-9._@+-]+$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: No environment lives in these; one given by mistake must not be taken for one.
_RESERVED_PATHS = (
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",  # noqa: S108  # named to be refused
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/var",
)


@dataclass(frozen=True)
class VenvEntry:
    """One entry of ``python_venvs``; see the data model in the README for each key."""

    path: str
    state: str = "present"
    python: str = ""
    packages: Tuple[str, ...] = ()
    requirements: Tuple[str, ...] = ()
    constraints: Tuple[str, ...] = ()
    project: str = ""
    editable: bool = False
    extras: Tuple[str, ...] = ()
    require_hashes: bool = False
    system_site_packages: bool = False
    owner: str = ""
    installer: str = "auto"
    rebuild: str = "auto"
    pip_args: Tuple[str, ...] = ()


@dataclass(frozen=True)
class ToolEntry:
    """One entry of ``python_tools``; ``inject`` is ``None`` where it is not given: what is injected stays then."""

    name: str
    spec: str = ""
    state: str = "present"
    scope: str = "global"
    user: str = ""
    python: str = ""
    inject: Optional[Tuple[str, ...]] = None
    suffix: str = ""
    include_deps: bool = False
    pinned: bool = False
    installer: str = "auto"

    @property
    def venv_name(self) -> str:
        """The name of the tool's own environment: the normalised distribution name and the suffix."""
        return normalize_name(self.name) + self.suffix

    @property
    def install_spec(self) -> str:
        return self.spec or self.name


@dataclass(frozen=True)
class IndexSettings:
    """Where distributions come from. URLs are without the credentials, which stand beside them."""

    index_url: str = ""
    extra_index_urls: Tuple[str, ...] = ()
    find_links: Tuple[str, ...] = ()
    no_index: bool = False
    username: str = ""
    password: str = ""
    ca_bundle: str = ""
    proxy: str = ""
    trusted_hosts: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Desired:
    """The whole declared state of one host. ``libraries`` are normalised PyPI names, ``lock_timeout`` is in seconds."""

    venvs: Tuple[VenvEntry, ...] = ()
    tools: Tuple[ToolEntry, ...] = ()
    libraries: Tuple[str, ...] = ()
    installer: str = "auto"
    uv: bool = False
    pipx_source: str = "auto"
    index: IndexSettings = IndexSettings()
    manage_system_packages: bool = True
    lock_timeout: float = 300.0


class _Refused(Exception):
    """A value that is not allowed; the text says what is."""


def _shown(value: object) -> str:
    text = redact(repr(value))
    return text if len(text) <= 80 else text[:77] + "..."


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Refused("allowed is a string")
    if _CONTROL.search(value):
        raise _Refused("control characters and line breaks are not allowed")
    if len(value) > 4096:
        raise _Refused("it is longer than 4096 characters")
    return value


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "yes", "on", "false", "no", "off"):
        return value.lower() in ("true", "yes", "on")
    raise _Refused("allowed is true or false")


def _choice(*allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in allowed:
            raise _Refused(f"allowed is one of {', '.join(allowed)}")
        return str(value)

    return check


def _absolute(value: object) -> str:
    text = _text(value)
    if not text.startswith("/"):
        raise _Refused("allowed is an absolute path on the host")
    if ".." in text.split("/"):
        raise _Refused("allowed is an absolute path without '..'")
    return posixpath.normpath("/" + text.lstrip("/"))


def _optional(check: Callable[[object], str]) -> Callable[[object], str]:
    return lambda value: "" if value is None or value == "" else check(value)


def _venv_path(value: object) -> str:
    path = _absolute(value)
    if path in _RESERVED_PATHS:
        raise _Refused("allowed is a directory of its own, not one of the system's")
    return path


def _python(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise _Refused('YAML reads a bare 3.10 as the number 3.1: write it in quotes, like python: "3.12"')
    text = _text(value)
    if text.startswith("/"):
        return _absolute(text)
    if not _PYTHON.match(text):
        raise _Refused('allowed is a version like "3.12", a name like "python3.12" or an absolute path')
    return text


def _account(value: object) -> str:
    text = _text(value)
    if not _ACCOUNT.match(text):
        raise _Refused("allowed is the name of an account on the host")
    return text


def _requirement(value: object) -> str:
    text = _text(value).strip()
    try:
        Requirement.parse(text)
    except RequirementError as error:
        raise _Refused(f'{error}; allowed is a PEP 508 requirement like "flask==3.0.3"') from None
    return text


def _spec(value: object) -> str:
    text = _text(value).strip()
    try:
        parse_spec(text)
    except RequirementError as error:
        raise _Refused(f"{error}; allowed is a PEP 508 requirement, a URL or an absolute path") from None
    return text


def _name(value: object) -> str:
    text = _text(value).strip()
    try:
        parsed = Requirement.parse(text)
    except RequirementError as error:
        raise _Refused(f'{error}; allowed is a distribution name like "black"') from None
    if parsed.extras or str(parsed.specifier) or parsed.url or parsed.marker:
        raise _Refused("allowed is a distribution name alone; versions and extras belong into spec")
    return text


def _library(value: object) -> str:
    return normalize_name(_name(value))


def _extra(value: object) -> str:
    return normalize_name(_name(value))


def _suffix(value: object) -> str:
    text = _text(value)
    if not _SUFFIX.match(text) or text.startswith("-"):
        raise _Refused("allowed are letters, digits and . _ @ + -, not starting with -")
    return text


def _url(value: object) -> str:
    text = _text(value)
    if text.startswith("-") or " " in text:
        raise _Refused("allowed is a URL or an absolute path")
    if not text.startswith("/") and "://" not in text:
        raise _Refused("allowed is a URL or an absolute path")
    return text


def _host_name(value: object) -> str:
    text = _text(value)
    if not re.match(r"^[A-Za-z0-9.\[\]:_-]+$", text) or text.startswith("-"):
        raise _Refused("allowed is a host name, with a port if need be")
    return text


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise _Refused("allowed is a number of seconds, 0 or more")
    return float(value)


def _list_of(check: Callable[[object], str]) -> Callable[[object], Tuple[str, ...]]:
    def check_all(value: object) -> Tuple[str, ...]:
        if not isinstance(value, (list, tuple)):
            raise _Refused("allowed is a list")
        found: List[str] = []
        for position, item in enumerate(value):
            try:
                found.append(check(item))
            except _Refused as refusal:
                raise _Refused(f"item {position} is {_shown(item)}: {refusal}") from None
        return tuple(dict.fromkeys(found))

    return check_all


_VENV_FIELDS: Dict[str, Callable[[object], Any]] = {
    "path": _venv_path,
    "state": _choice(*VENV_STATES),
    "python": _optional(_python),
    "packages": _list_of(_requirement),
    "requirements": _list_of(_absolute),
    "constraints": _list_of(_absolute),
    "project": _optional(_absolute),
    "editable": _boolean,
    "extras": _list_of(_extra),
    "require_hashes": _boolean,
    "system_site_packages": _boolean,
    "owner": _optional(_account),
    "installer": _choice(*INSTALLERS),
    "rebuild": _choice(*REBUILDS),
    "pip_args": _list_of(_text),
}
_TOOL_FIELDS: Dict[str, Callable[[object], Any]] = {
    "name": _name,
    "spec": _optional(_spec),
    "state": _choice(*TOOL_STATES),
    "scope": _choice(*SCOPES),
    "user": _optional(_account),
    "python": _optional(_python),
    "inject": _list_of(_spec),
    "suffix": _optional(_suffix),
    "include_deps": _boolean,
    "pinned": _boolean,
    "installer": _choice(*INSTALLERS),
}
_SETTINGS: Dict[str, Tuple[str, Callable[[object], Any]]] = {
    "python_installer": ("installer", _choice(*INSTALLERS)),
    "python_uv": ("uv", _boolean),
    "python_pipx_source": ("pipx_source", _choice(*PIPX_SOURCES)),
    "python_manage_system_packages": ("manage_system_packages", _boolean),
    "python_lock_timeout": ("lock_timeout", _seconds),
}
_INDEX_SETTINGS: Dict[str, Tuple[str, Callable[[object], Any]]] = {
    "python_index_url": ("index_url", _optional(_url)),
    "python_extra_index_urls": ("extra_index_urls", _list_of(_url)),
    "python_find_links": ("find_links", _list_of(_url)),
    "python_no_index": ("no_index", _boolean),
    "python_index_username": ("username", _optional(_text)),
    "python_index_password": ("password", _optional(_text)),
    "python_ca_bundle": ("ca_bundle", _optional(_absolute)),
    "python_proxy": ("proxy", _optional(_url)),
    "python_trusted_hosts": ("trusted_hosts", _list_of(_host_name)),
}
#: Every variable of the data model, for front-ends that pick them out of a larger set.
VARIABLES = ("python_venvs", "python_tools", "python_libraries", *_SETTINGS, *_INDEX_SETTINGS)


def validate(declared: Mapping[str, object]) -> Desired:
    """Return the declared state as data; raises InvalidState with every refused value, where it is and what is allowed.

    ``declared`` has the keys of the data model (``python_venvs``, …); a missing key or ``None`` means its default.
    """
    problems: List[str] = []
    for key in declared:
        if key not in VARIABLES:
            problems.append(f"{key}: there is no such variable{_suggestion(key, VARIABLES)}.")
    venvs = _entries("python_venvs", declared.get("python_venvs"), _VENV_FIELDS, "path", VenvEntry, problems)
    tools = _entries("python_tools", declared.get("python_tools"), _TOOL_FIELDS, "name", ToolEntry, problems)
    _check_venvs(venvs, problems)
    _check_tools(tools, problems)
    libraries = _value("python_libraries", declared.get("python_libraries"), _list_of(_library), (), problems)
    settings = _group(declared, _SETTINGS, problems)
    index = _group(declared, _INDEX_SETTINGS, problems)
    if problems:
        raise InvalidState(problems)
    return Desired(
        venvs=tuple(entry for _, entry in venvs),
        tools=tuple(entry for _, entry in tools),
        libraries=libraries,
        index=IndexSettings(**index),
        **settings,
    )


def suggestions(names: Sequence[str]) -> Tuple[str, ...]:
    """Return a sentence for every variable name that looks like a misspelt one of the data model."""
    found = []
    for name in names:
        if name not in VARIABLES and difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.85):
            found.append(f"{name} is not a variable of this project{_suggestion(name, VARIABLES)}")
    return tuple(found)


def _suggestion(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else f"; allowed are {', '.join(known)}"


def _value(where: str, value: object, check: Callable[[object], Any], default: Any, problems: List[str]) -> Any:
    if value is None:
        return default
    try:
        return check(value)
    except _Refused as refusal:
        problems.append(f"{where} is {_shown(value)}: {refusal}.")
        return default


def _group(
    declared: Mapping[str, object], fields: Mapping[str, Tuple[str, Callable[[object], Any]]], problems: List[str]
) -> Dict[str, Any]:
    found = {}
    for key, (field, check) in fields.items():
        # An empty string is how a role says "not set".
        if declared.get(key) in (None, ""):
            continue
        secret = key in ("python_index_password", "python_proxy")
        before = len(problems)
        found[field] = _value(key, declared[key], check, None, problems)
        if secret and len(problems) > before:
            problems[-1] = f"{key}: the value (not shown) is not allowed here."
    return found


def _entries(
    variable: str,
    declared: object,
    fields: Mapping[str, Callable[[object], Any]],
    required: str,
    make: Callable[..., Any],
    problems: List[str],
) -> List[Tuple[str, Any]]:
    if declared is None:
        return []
    if not isinstance(declared, (list, tuple)):
        problems.append(f"{variable} is {_shown(declared)}: allowed is a list of entries.")
        return []
    made = []
    for position, entry in enumerate(declared):
        where = f"{variable}[{position}]"
        if not isinstance(entry, Mapping):
            problems.append(f"{where} is {_shown(entry)}: allowed is an entry with the keys {', '.join(fields)}.")
            continue
        if entry.get(required) not in (None, ""):
            where += f" ({required}: {_shown(entry[required])})"
        before = len(problems)
        values = _entry_values(where, entry, fields, required, problems)
        if len(problems) == before:
            made.append((where, make(**values)))
    return made


def _entry_values(
    where: str,
    entry: Mapping[object, object],
    fields: Mapping[str, Callable[[object], Any]],
    required: str,
    problems: List[str],
) -> Dict[str, Any]:
    values = {}
    for key, value in entry.items():
        if key not in fields:
            problems.append(f"{where}: there is no key {_shown(key)}{_suggestion(str(key), tuple(fields))}.")
        elif value is not None and (key, value) != (required, ""):
            values[str(key)] = _value(f"{where}: {key}", value, fields[str(key)], None, problems)
    if entry.get(required) in (None, ""):
        problems.append(f"{where}: the key {required} is missing; every entry needs it.")
    return values


def _check_venvs(venvs: Sequence[Tuple[str, VenvEntry]], problems: List[str]) -> None:
    seen: Dict[str, str] = {}
    for where, entry in venvs:
        if entry.path in seen:
            problems.append(f"{where}: {seen[entry.path]} already declares this path; allowed is one entry for a path.")
        seen.setdefault(entry.path, where)
        if entry.editable and not entry.project:
            problems.append(
                f"{where}: editable is true without a project; allowed is project: the absolute path of its sources."
            )
        if entry.extras and not entry.project:
            problems.append(
                f"{where}: extras are the project's, and there is no project; allowed for others is "
                'packages: ["name[extra]"].'
            )
        if entry.require_hashes and (entry.packages or entry.project):
            problems.append(
                f"{where}: require_hashes needs a hash for everything; allowed with it are requirements files that "
                "carry them, not packages or a project."
            )


def _check_tools(tools: Sequence[Tuple[str, ToolEntry]], problems: List[str]) -> None:
    seen: Dict[Tuple[str, str, str], str] = {}
    for where, entry in tools:
        identity = (entry.scope, entry.user, entry.venv_name)
        if identity in seen:
            problems.append(
                f"{where}: {seen[identity]} already declares this tool; allowed is one entry (or a suffix)."
            )
        seen.setdefault(identity, where)
        if entry.user and entry.scope != "user":
            problems.append(
                f"{where}: user is {_shown(entry.user)} with scope {entry.scope}; allowed is user with scope: user."
            )
        parsed = parse_spec(entry.install_spec)
        if isinstance(parsed, Requirement) and parsed.name != normalize_name(entry.name):
            problems.append(
                f"{where}: spec is {_shown(entry.spec)}, which is {parsed.name}; allowed is a spec of "
                f"{normalize_name(entry.name)}."
            )
