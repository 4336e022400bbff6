# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared state: role variables, host data or module options, accepted as a whole or refused with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple, Union

from . import values
from .errors import InvalidState
from .parts import load
from .redact import secrets_in, spellings
from .requirement import Requirement, normalize_name, parse_spec

if TYPE_CHECKING:
    from .system_pip import SystemPipEntry

VENV_STATES = ("present", "latest", "exact", "absent", "rolled_back")
LAYOUTS = ("in_place", "versioned")
TOOL_STATES = ("present", "latest", "absent")
SCOPES = ("global", "user")
INSTALLERS = ("auto", "pip", "uv")
REBUILDS = ("auto", "never")
PIPX_SOURCES = ("auto", "system", "index")
PIP_CONF_OVERRIDES = ("keep", "absent")
#: Appended to the path of an environment with versioned layout: the directory of its builds.
BUILDS_SUFFIX = ".d"


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
    lock: str = ""
    lock_extras: Tuple[str, ...] = ()
    lock_groups: Tuple[str, ...] = ()
    require_hashes: bool = False
    system_site_packages: bool = False
    owner: str = ""
    installer: str = "auto"
    rebuild: str = "auto"
    pip_args: Tuple[str, ...] = ()
    layout: str = "in_place"
    keep: int = 2

    @property
    def builds_directory(self) -> str:
        """Where its builds are, each in a directory of its own, when its layout is versioned."""
        return self.path + BUILDS_SUFFIX

    @property
    def checks_hashes(self) -> bool:
        """Whether each file has to have the hash that is given for it; a lock always gives one."""
        return self.require_hashes or bool(self.lock)


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
        # pipx normalises the name and the suffix together.
        return normalize_name(self.name + self.suffix)

    @property
    def install_spec(self) -> str:
        return self.spec or self.name


@dataclass(frozen=True)
class IndexSettings:
    """Where distributions come from. URLs are without the credentials, which stand beside them.

    ``timeout`` is how many seconds one call of an installer may take; 0 is no limit.
    """

    index_url: str = ""
    extra_index_urls: Tuple[str, ...] = ()
    find_links: Tuple[str, ...] = ()
    no_index: bool = False
    username: str = ""
    password: str = ""
    ca_bundle: str = ""
    client_cert: str = ""
    proxy: str = ""
    trusted_hosts: Tuple[str, ...] = ()
    timeout: float = 3600.0


@dataclass(frozen=True)
class Desired:
    """The whole declared state of one host. ``libraries`` are normalised PyPI names, ``lock_timeout`` is in seconds.

    ``pipx_pin`` and ``uv_pin``: the versions of those that come from the index, "" for the newest. ``require_pins``:
    nothing is declared that is not pinned. ``restore_marker``: the markers of OS packages are as these ship them;
    ``pip_conf_override`` absent: no pip.conf makes pip pass over them.
    """

    venvs: Tuple[VenvEntry, ...] = ()
    tools: Tuple[ToolEntry, ...] = ()
    libraries: Tuple[str, ...] = ()
    restore_marker: bool = False
    pip_conf_override: str = "keep"
    system_pip: Tuple[SystemPipEntry, ...] = ()
    installer: str = "auto"
    uv: bool = False
    pipx_source: str = "auto"
    pipx_pin: str = ""
    uv_pin: str = ""
    require_pins: bool = False
    index: IndexSettings = IndexSettings()
    manage_system_packages: bool = True
    lock_timeout: float = 300.0

    def installer_of(self, entry: Union[VenvEntry, ToolEntry], *, has_uv: bool) -> str:
        """Return pip or uv for an entry; uv also where it is asked for and the host has none."""
        wanted = entry.installer if entry.installer != "auto" else self.installer
        return wanted if wanted != "auto" else "uv" if has_uv else "pip"

    @property
    def secrets(self) -> FrozenSet[str]:
        """Every string of it that must never be shown."""
        texts = [self.index.index_url, self.index.proxy, *self.index.extra_index_urls, *self.index.find_links]
        for venv in self.venvs:
            texts += [*venv.packages, *venv.pip_args]
        for tool in self.tools:
            texts += [tool.spec, *(tool.inject or ())]
        for entry in self.system_pip:
            texts += [*entry.name, *entry.pip_args]
        index = self.index
        # A user without a password is a token.
        own = spellings(index.password, index.username) if index.password else spellings(index.username)
        return secrets_in(texts) | own


_VENV_FIELDS: Dict[str, Callable[[object], Any]] = {
    "path": values.venv_path,
    "state": values.choice(*VENV_STATES),
    "python": values.optional(values.python),
    "packages": values.list_of(values.requirement),
    "requirements": values.list_of(values.absolute),
    "constraints": values.list_of(values.absolute),
    "project": values.optional(values.installable),
    "editable": values.boolean,
    "extras": values.list_of(values.extra),
    "lock": values.optional(values.lock_file),
    "lock_extras": values.list_of(values.extra),
    "lock_groups": values.list_of(values.extra),
    "require_hashes": values.boolean,
    "system_site_packages": values.boolean,
    "owner": values.optional(values.account),
    "installer": values.choice(*INSTALLERS),
    "rebuild": values.choice(*REBUILDS),
    "pip_args": values.list_of(values.argument),
    "layout": values.choice(*LAYOUTS),
    "keep": values.count,
}
_TOOL_FIELDS: Dict[str, Callable[[object], Any]] = {
    "name": values.name,
    "spec": values.optional(values.spec),
    "state": values.choice(*TOOL_STATES),
    "scope": values.choice(*SCOPES),
    "user": values.optional(values.account),
    "python": values.optional(values.python),
    "inject": values.list_of(values.spec),
    "suffix": values.optional(values.suffix),
    "include_deps": values.boolean,
    "pinned": values.boolean,
    "installer": values.choice(*INSTALLERS),
}
#: What a host is to have beside the lists; unlike settings these bring steps of their own.
_PROTECTION: Dict[str, Tuple[str, Callable[[object], Any]]] = {
    "python_restore_marker": ("restore_marker", values.boolean),
    "python_pip_conf_override": ("pip_conf_override", values.choice(*PIP_CONF_OVERRIDES)),
}
_SETTINGS: Dict[str, Tuple[str, Callable[[object], Any]]] = {
    "python_installer": ("installer", values.choice(*INSTALLERS)),
    "python_uv": ("uv", values.boolean),
    "python_pipx_source": ("pipx_source", values.choice(*PIPX_SOURCES)),
    "python_pipx_pin": ("pipx_pin", values.optional(values.version)),
    "python_uv_pin": ("uv_pin", values.optional(values.version)),
    "python_require_pins": ("require_pins", values.boolean),
    "python_manage_system_packages": ("manage_system_packages", values.boolean),
    "python_lock_timeout": ("lock_timeout", values.seconds),
}
_INDEX_SETTINGS: Dict[str, Tuple[str, Callable[[object], Any]]] = {
    "python_install_timeout": ("timeout", values.seconds),
    "python_index_url": ("index_url", values.optional(values.url)),
    "python_extra_index_urls": ("extra_index_urls", values.list_of(values.url)),
    "python_find_links": ("find_links", values.list_of(values.url)),
    "python_no_index": ("no_index", values.boolean),
    "python_index_username": ("username", values.optional(values.plain_text)),
    "python_index_password": ("password", values.optional(values.plain_text)),
    "python_ca_bundle": ("ca_bundle", values.optional(values.absolute)),
    "python_client_cert": ("client_cert", values.optional(values.absolute)),
    "python_proxy": ("proxy", values.optional(values.url)),
    "python_trusted_hosts": ("trusted_hosts", values.list_of(values.host_name)),
}
#: Every variable of the data model, for front-ends that pick them out of a larger set.
VARIABLES = (
    *("python_venvs", "python_tools", "python_libraries", "python_system_pip"),
    *(*_PROTECTION, *_SETTINGS, *_INDEX_SETTINGS),
)


def validate(declared: Mapping[str, object]) -> Desired:
    """Return the declared state as data; raises InvalidState with every refused value, where it is and what is allowed.

    ``declared`` has the keys of the data model (``python_venvs``, …); a missing key or ``None`` means its default.
    """
    problems: List[str] = []
    for key in declared:
        if key not in VARIABLES:
            name = key if isinstance(key, str) and key.isidentifier() and len(key) <= 80 else values.shown(key)
            problems.append(f"{name}: there is no such variable{_suggestion(name, VARIABLES)}")
    venvs = _entries("python_venvs", declared.get("python_venvs"), _VENV_FIELDS, "path", VenvEntry, problems)
    tools = _entries("python_tools", declared.get("python_tools"), _TOOL_FIELDS, "name", ToolEntry, problems)
    system_pip = _system_pip_entries(declared.get("python_system_pip"), problems)
    _check_venvs(venvs, problems)
    _check_tools(tools, problems)
    libraries = _value(
        "python_libraries", declared.get("python_libraries"), values.list_of(values.library), (), problems
    )
    settings = _group(declared, {**_PROTECTION, **_SETTINGS}, problems)
    index = _group(declared, _INDEX_SETTINGS, problems)
    if settings.get("require_pins") and (venvs or tools or system_pip):
        problems += load("pins").unpinned_entries(venvs, tools, system_pip)
    if problems:
        raise InvalidState(problems)
    return Desired(
        venvs=tuple(entry for __, entry in venvs),
        tools=tuple(entry for __, entry in tools),
        libraries=libraries,
        system_pip=tuple(entry for __, entry in system_pip),
        index=IndexSettings(**index),
        **settings,
    )


def _system_pip_entries(declared: object, problems: List[str]) -> "Sequence[Tuple[str, SystemPipEntry]]":
    if not declared and isinstance(declared, (list, tuple, type(None))):
        return ()
    from .system_pip import FIELDS, make_entry  # noqa: PLC0415  # few hosts have any

    return _entries("python_system_pip", declared, FIELDS, "", make_entry, problems)


def suggestions(names: Sequence[str]) -> Tuple[str, ...]:
    """Return a sentence for every variable name that looks like a misspelt one of the data model."""
    found = []
    for name in names:
        if name not in VARIABLES and _close_matches(name, VARIABLES, cutoff=0.85):
            found.append(f"{name} is not a variable of this project{_suggestion(name, VARIABLES)}")
    return tuple(found)


def _close_matches(name: str, known: Sequence[str], *, cutoff: float) -> List[str]:
    import difflib  # noqa: PLC0415  # only where something is misspelt

    return difflib.get_close_matches(name, known, n=1, cutoff=cutoff)


def _suggestion(key: str, known: Sequence[str]) -> str:
    """Return the end of a sentence about an unknown key: the one that was meant, or all there are."""
    close = _close_matches(key, known, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else f"; allowed are {', '.join(known)}."


def _value(where: str, value: object, check: Callable[[object], Any], default: Any, problems: List[str]) -> Any:
    if value is None:
        return default
    try:
        return check(value)
    except values.Refused as refusal:
        problems.append(f"{where} is {values.shown(value)}: {refusal}.")
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
        problems.append(f"{variable} is {values.shown(declared)}: allowed is a list of entries.")
        return []
    made = []
    for position, entry in enumerate(declared):
        where = f"{variable}[{position}]"
        if not isinstance(entry, Mapping):
            problems.append(f"{where} is {values.shown(entry)}: allowed is an entry with the keys {', '.join(fields)}.")
            continue
        if required and entry.get(required) not in (None, ""):
            where += f" ({required}: {values.shown(entry[required])})"
        before = len(problems)
        accepted = _entry_values(where, entry, fields, required, problems)
        if len(problems) == before:
            try:
                made.append((where, make(**accepted)))
            except values.Refused as refusal:
                problems.append(f"{where}: {refusal}.")
    return made


def _entry_values(
    where: str,
    entry: Mapping[object, object],
    fields: Mapping[str, Callable[[object], Any]],
    required: str,
    problems: List[str],
) -> Dict[str, Any]:
    accepted = {}
    for key, value in entry.items():
        if key not in fields:
            problems.append(
                f"{where}: there is no key {values.shown(key)}{_suggestion(values.shown(key), tuple(fields))}"
            )
        elif value is not None and (key, value) != (required, ""):
            accepted[str(key)] = _value(f"{where}: {key}", value, fields[str(key)], None, problems)
    if required and entry.get(required) in (None, ""):
        problems.append(f"{where}: the key {required} is missing; every entry needs it.")
    return accepted


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
        _check_lock(where, entry, problems)
        if entry.require_hashes and (entry.packages or entry.project):
            problems.append(
                f"{where}: require_hashes needs a hash for everything; allowed with it are requirements files that "
                "carry them, not packages or a project."
            )
        if entry.state == "rolled_back" and entry.layout != "versioned":
            problems.append(
                f"{where}: state is rolled_back without earlier builds to go back to; allowed is it with "
                "layout: versioned."
            )
        if entry.layout == "versioned":
            _check_builds(where, entry, venvs, problems)


def _check_builds(where: str, entry: VenvEntry, venvs: Sequence[Tuple[str, VenvEntry]], problems: List[str]) -> None:
    """Refuse what would stand in the builds of an environment: they come and go as a whole."""
    for other_where, other in venvs:
        for folder in (entry.path, entry.builds_directory):
            if other.path == entry.builds_directory or other.path.startswith(folder + "/"):
                problems.append(
                    f"{other_where}: this is a place in {folder}, where {where} has its builds; allowed is a path "
                    "outside of it."
                )
                break


def _check_lock(where: str, entry: VenvEntry, problems: List[str]) -> None:
    if not entry.lock:
        if entry.lock_extras or entry.lock_groups:
            problems.append(f"{where}: lock_extras and lock_groups select from a lock, and there is no lock.")
        return
    others = [key for key in ("packages", "requirements", "constraints", "project") if getattr(entry, key)]
    if others:
        problems.append(
            f"{where}: lock names everything that is to be in it; allowed with it is none of packages, requirements, "
            f"constraints and project, and there is {', '.join(others)}."
        )
    if entry.system_site_packages:
        problems.append(
            f"{where}: with system_site_packages what the interpreter has would count as what the lock names; allowed "
            "with a lock is system_site_packages: false."
        )
    if entry.state == "latest":
        problems.append(f"{where}: a lock says every version; allowed with it are the states present and exact.")


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
                f"{where}: user is {values.shown(entry.user)} with scope {entry.scope}; "
                "allowed is user with scope: user."
            )
        parsed = parse_spec(entry.install_spec)
        if isinstance(parsed, Requirement) and parsed.name != normalize_name(entry.name):
            problems.append(
                f"{where}: spec is {values.shown(entry.spec)}, which is {parsed.name}; allowed is a spec of "
                f"{normalize_name(entry.name)}."
            )
