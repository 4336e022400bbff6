# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pipx: where it is, where it keeps tools, what its own records say, and its command lines."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Tuple

from .account import Account
from .desired import ToolEntry
from .errors import ProvisionError
from .host import Host
from .interpreter import Interpreter, Interpreters, exchanged_by, search_directories
from .json_text import read_json
from .pip_release import Pip
from .redact import without_login
from .requirement import Requirement, RequirementError, parse_spec
from .venv import VenvState, distributions_in, kept_packages, observe_venv, site_packages

METADATA_NAME = "pipx_metadata.json"
#: Of a command, so that its link is in the directory of commands.
_FILE_NAME = re.compile(r"[^/\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}")
_VERSION = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9.!+_~-]{0,255})?")
#: pipx pin and unpin exist since this version (its change log).
PIN_SINCE = "1.6.0"
#: pipx install takes several tools since this version (its parser).
MANY_SINCE = "1.4.0"
#: pipx fills tools by uv since this version, which runs on this Python (its change log, and each release's metadata).
UV_SINCE = "1.12.0"
UV_SINCE_PYTHON = "3.10"
#: From this version on a user's tools are in ~/.local/share/pipx; an older ~/.local/pipx still wins.
NEW_HOME_SINCE = "1.3.0"
#: Where apps have companions, below the share directory: manual pages and shell completions.
_COMPANIONS = (
    *(f"man/man{section}" for section in range(1, 10)),
    "bash-completion/completions",
    "zsh/site-functions",
    "fish/vendor_completions.d",
)


@dataclass(frozen=True)
class Pipx:
    """A pipx on the host: the program and its version ("" when it cannot be told from files)."""

    path: str
    version: str

    def is_at_least(self, version: str) -> bool:
        return Pip(self.version, "").is_at_least(version)

    @property
    def can_use_uv(self) -> bool:
        return self.is_at_least(UV_SINCE)


def can_pin(version: str) -> bool:
    """Say whether a pipx of this version pins tools."""
    return Pip(version, "").is_at_least(PIN_SINCE)


def has_pipx_for_uv(python: Optional[Interpreter]) -> bool:
    """Say whether the newest pipx for an interpreter is one that can use uv."""
    return python is not None and Pip(python.version, "").is_at_least(UV_SINCE_PYTHON)


@dataclass(frozen=True)
class ToolSpace:
    """Where the tools of one scope are: ``account`` is who owns and runs pipx there, ``home`` is PIPX_HOME."""

    account: Account
    home: str
    bin_dir: str
    share_dir: str

    def venv_path(self, entry: ToolEntry) -> str:
        return f"{self.home}/venvs/{entry.venv_name}"

    def aside_path(self, entry: ToolEntry) -> str:
        # Not inside of venvs: pipx takes every directory there for a tool.
        return f"{self.home}/.pep668-old/{entry.venv_name}"

    def scratch_path(self, entry: ToolEntry) -> str:
        # No tool's name or suffix holds a tilde.
        return f"{self.aside_path(entry)}~tmp"


@dataclass(frozen=True)
class PackageRecord:
    """What pipx recorded of one distribution in a tool's environment."""

    name: str
    spec: str
    version: str
    apps: Tuple[str, ...] = ()


@dataclass(frozen=True)
class ToolRecord:
    """pipx_metadata.json as far as planning needs it, the same for each of its format versions."""

    main: PackageRecord
    injected: Mapping[str, PackageRecord] = field(default_factory=dict)
    python_version: str = ""
    suffix: str = ""
    include_deps: bool = False
    pinned: bool = False


@dataclass(frozen=True)
class ToolState:
    """One tool on the host. ``problem`` says why it is not usable, ``missing_links`` are apps without
    their link, ``foreign_links`` apps whose name in the bin directory is somebody else's file. ``kept`` and
    ``kept_injected`` are what a rebuild has to bring back; after an interrupted one they come from the previous
    environment, which ``aside`` says is still there.
    """

    venv: VenvState
    record: Optional[ToolRecord] = None
    problem: str = ""
    missing_links: Tuple[str, ...] = ()
    foreign_links: Tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    kept_injected: Tuple[str, ...] = ()
    aside: bool = False

    @property
    def is_installed(self) -> bool:
        return self.venv.kind != "missing"


def tool_space(host: Host, account: Account, scope: str, pipx: Optional[Pipx]) -> ToolSpace:
    """Return where tools of a scope are kept on this host.

    Global tools are where ``pipx --global`` has them since 1.5, on every version. A user's are where the pipx at hand
    looks by default, so that the user's own ``pipx list`` shows them.
    """
    if scope == "global":
        return ToolSpace(account, "/opt/pipx", "/usr/local/bin", "/usr/local/share")
    if not account.home.startswith("/"):
        raise ProvisionError(
            f"The account {account.name} has the home {account.home!r}, which is no directory that tools could be in.",
            advice="Give it a home (usermod --home), or provide the tool with scope: global.",
        )
    old, new = f"{account.home}/.local/pipx", f"{account.home}/.local/share/pipx"
    home = new
    if host.is_dir(old) or (
        pipx is not None and pipx.version and not pipx.is_at_least(NEW_HOME_SINCE) and not host.is_dir(new)
    ):
        home = old
    return ToolSpace(account, home, f"{account.home}/.local/bin", f"{account.home}/.local/share")


def find_pipx(host: Host, own: str) -> Tuple[Pipx, ...]:
    """Return the pipx programs of the host, files only; ``own`` is the environment this project keeps one in.

    To root, one that another account could exchange is none, but for those in homes: they may be for their account.
    """
    found: Dict[str, Pipx] = {}
    for folder in (f"{own}/bin", *search_directories(host)):
        program = f"{folder}/pipx"
        if host.is_executable(program):
            if host.is_root and not folder.startswith(("/root/", "/home/")) and exchanged_by(host, program):
                continue
            real = host.resolve(program)
            found.setdefault(real, Pipx(program, _version_of(host, real)))
    return tuple(found.values())


def _version_of(host: Host, program: str) -> str:
    """Return the version of the pipx whose script this is: from its environment, or the distribution's directory."""
    prefix = os.path.dirname(os.path.dirname(program))
    folders = [site_packages(host, prefix, ""), f"{prefix}/lib/python3/dist-packages"]
    folders += [
        f"{prefix}/lib/{name}/{kind}"
        for name in host.names_in(f"{prefix}/lib")
        for kind in ("site-packages", "dist-packages")
        if name.startswith("python3")
    ]
    for folder in folders:
        version = distributions_in(host, folder).get("pipx") if folder else None
        if version:
            return version
    return ""


def parse_tool_record(text: str) -> Optional[ToolRecord]:
    """Return what a pipx_metadata.json says, ``None`` where it is damaged."""
    try:
        data = read_json(text)
        if not isinstance(data, dict):
            return None
        main = _package_record(data["main_package"])
        injected = {record.name: record for record in map(_package_record, data.get("injected_packages", {}).values())}
        main_data = data["main_package"]
        return ToolRecord(
            main=main,
            injected=injected,
            python_version=str(data.get("python_version") or "").replace("Python", "").strip(),
            suffix=_suffix(main_data.get("suffix") or ""),
            include_deps=bool(main_data.get("include_dependencies")),
            pinned=bool(main_data.get("pinned")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _suffix(value: object) -> str:
    if value == "":
        return ""
    text = str(value)
    if not _FILE_NAME.fullmatch(text):
        raise ValueError("a suffix that leads elsewhere")
    return text


def _package_record(data: Mapping[str, object]) -> PackageRecord:
    """Return one distribution of the record; raises ValueError for what would be an option, or lead elsewhere.

    The account whose record it is may have written it, and so may a wheel whose scripts it lists.
    """
    apps: List[str] = []
    if data.get("include_apps", True):
        apps += _words(data.get("apps"))
    if data.get("include_dependencies"):
        apps += _words(data.get("apps_of_dependencies"))
    # Requirement.parse takes a name alone for one, and nothing that is more.
    name, version = Requirement.parse(str(data["package"])), str(data.get("package_version") or "")
    if str(name) != name.name or not _VERSION.fullmatch(version):
        raise ValueError("a name or a version that is none")
    if not all(map(_FILE_NAME.fullmatch, apps)) or not {"", ".", ".."}.isdisjoint(apps):
        raise ValueError("an app that leads elsewhere")
    spec = str(data.get("package_or_url") or data["package"])
    return PackageRecord(
        name=name.name,
        spec=spec if not spec.lstrip().startswith("-") and spec.isprintable() else name.name,
        version=version,
        apps=tuple(dict.fromkeys(apps)),
    )


def _words(value: object) -> List[str]:
    return [str(word) for word in value] if isinstance(value, list) else []


def observe_tool(host: Host, space: ToolSpace, entry: ToolEntry, interpreters: Interpreters) -> ToolState:
    """Read one tool from pipx's own records and its environment's files; starts nothing for a healthy one."""
    path = space.venv_path(entry)
    aside = host.lstat(space.aside_path(entry)) is not None
    venv = observe_venv(host, path, interpreters)
    interrupted = aside or host.lstat(space.scratch_path(entry)) is not None
    whole = space.aside_path(entry) if aside else path
    kept_record = parse_tool_record(host.read_text(f"{whole}/{METADATA_NAME}", follow=False) or "")
    kept_injected = tuple(sorted(map(_spec_again, kept_record.injected.values()))) if kept_record else ()
    kept = {**_recorded_versions(kept_record), **kept_packages(host, whole)}
    if venv.kind == "missing":
        return ToolState(venv, kept_injected=kept_injected, kept=kept, aside=aside)
    record = parse_tool_record(host.read_text(f"{path}/{METADATA_NAME}", follow=False) or "")
    problem = _tool_problem(venv, record)
    if interrupted and not problem:
        problem = "a rebuild of it did not get to its end"
    if record is None or problem:
        return ToolState(venv, record, problem, kept=kept, kept_injected=kept_injected, aside=aside)
    gone = _commands_gone(host, space, path, record)
    if gone:
        problem = f"its command {gone[0]} is missing from its environment"
        return ToolState(venv, record, problem, kept=kept, kept_injected=kept_injected, aside=aside)
    missing, foreign = judge_links(host, space, path, record)
    return ToolState(venv, record, "", missing, foreign, venv.kept, kept_injected, aside)


def _commands_gone(host: Host, space: ToolSpace, venv_path: str, record: ToolRecord) -> Tuple[str, ...]:
    """Return the commands of a tool whose links pipx made, and which are not there any more."""
    links = exposed_links(space, venv_path, record)
    gone = (link for link, target in links.items() if host.lstat(target) is None and host.readlink(link) == target)
    return tuple(map(os.path.basename, gone))


def judge_links(
    host: Host, space: ToolSpace, venv_path: str, record: ToolRecord
) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """Return the apps of a tool whose link is missing, and those whose name is taken by somebody else's file."""
    missing: List[str] = []
    foreign: List[str] = []
    for link, target in exposed_links(space, venv_path, record).items():
        if host.lstat(target) is None or host.readlink(link) == target or host.resolve(link) == host.resolve(target):
            continue
        (missing if host.lstat(link) is None or not host.exists(link) else foreign).append(os.path.basename(link))
    return tuple(missing), tuple(foreign)


def _recorded_versions(record: Optional[ToolRecord]) -> Dict[str, str]:
    """Return what pipx recorded of a tool's distributions that come from an index: also of one that is missing now."""
    packages = (record.main, *record.injected.values()) if record is not None else ()
    return {package.name: package.version for package in packages if package.version and _is_from_index(package.spec)}


def _spec_again(package: PackageRecord) -> str:
    """Return what pipx is asked for to have a distribution again: the name where the record has no spec."""
    try:
        parse_spec(package.spec)
    except RequirementError:
        return package.name
    return package.spec


def _is_from_index(spec: str) -> bool:
    try:
        parsed = parse_spec(spec)
    except RequirementError:
        return False
    return isinstance(parsed, Requirement) and not parsed.url


def _tool_problem(venv: VenvState, record: Optional[ToolRecord]) -> str:
    if venv.kind != "venv":
        return "its environment is not a virtual environment"
    if record is None:
        return "its pipx_metadata.json is missing or damaged: an installation did not get to its end"
    # A tool's environment may be without pip and without a receipt of ours: pipx's metadata is its record.
    if venv.problem:
        return venv.problem
    for package in (record.main, *record.injected.values()):
        installed = venv.distributions.get(package.name)
        if installed is None:
            return f"{package.name} is missing from its environment"
        if package.version and normalize_version(installed) != normalize_version(package.version):
            return f"{package.name} in its environment is {installed}, pipx recorded {package.version}"
    return ""


def normalize_version(version: str) -> str:
    """Return a version so that the spellings of file names and metadata compare equal."""
    return version.lower().replace("_", "+").replace("-", "+")


def _exposed_apps(record: ToolRecord) -> Tuple[str, ...]:
    apps = list(record.main.apps)
    for package in record.injected.values():
        apps += package.apps
    return tuple(f"{app}{record.suffix}" for app in dict.fromkeys(apps))


def _app_without_suffix(app: str, suffix: str) -> str:
    return app[: len(app) - len(suffix)] if suffix and app.endswith(suffix) else app


def exposed_links(space: ToolSpace, venv_path: str, record: ToolRecord) -> Dict[str, str]:
    """Return every app link a tool has: link path to target."""
    return {
        f"{space.bin_dir}/{app}": f"{venv_path}/bin/{_app_without_suffix(app, record.suffix)}"
        for app in _exposed_apps(record)
    }


def links_into(host: Host, space: ToolSpace, venv_path: str) -> Tuple[str, ...]:
    """Return the links in the space's bin and share directories that lead into an environment, dangling ones too."""
    found = []
    for folder in (space.bin_dir, *(f"{space.share_dir}/{name}" for name in _COMPANIONS)):
        for name in host.names_in(folder):
            target = host.readlink(f"{folder}/{name}")
            if target is not None and (target == venv_path or target.startswith(venv_path + "/")):
                found.append(f"{folder}/{name}")
    return tuple(found)


def reinstall_by_hand(name: str, *, home: str, bin_dir: str = "", python: str = "") -> str:
    """Return what somebody types to have what is in an environment of pipx installed anew, by every pipx."""
    words = [f"PIPX_HOME={shlex.quote(home)}", f"PIPX_BIN_DIR={shlex.quote(bin_dir)}" if bin_dir else ""]
    words += ["pipx reinstall", f"--python={shlex.quote(python)}" if python else "", shlex.quote(name)]
    return " ".join(filter(None, words))


def as_argument(spec: str) -> str:
    """Return a spec as pipx takes it: a file:// URL as its path, since pipx wants a host name in each URL.

    A login is not in it: pipx hands its arguments on as arguments, records them, and writes them to its log.
    """
    if not spec.startswith("file://"):
        return without_login(spec)
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415  # few specs are URLs, and it takes long to import

    parts = urlsplit(spec)
    return spec if parts.netloc or parts.query or parts.fragment else unquote(parts.path)
