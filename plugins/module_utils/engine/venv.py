# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands at a virtual environment's path, read from its files: whole, broken (and why), or something else."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field, replace
from typing import Dict, Mapping, Optional

from .desired import BUILDS_SUFFIX
from .errors import printable
from .host import Host
from .interpreter import Interpreters, release_by_name
from .receipt import HALF_WRITTEN, Receipt, identify_interpreter, read_receipt
from .requirement import normalize_name

_LIBRARY = re.compile(r"^(?:python|pypy)(\d+\.\d+)$")
# pip renames what it is about to remove to "~ame-1.0.dist-info"; left behind by a kill, that is no distribution.
# Another directory's name could be an option, a path or a line to an installer.
METADATA_DIRECTORY = re.compile(
    r"^(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*?[A-Za-z0-9])?)-(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_~]*?)"
    r"(-py\d[\d.]*)?\.(dist-info|egg-info)\Z",
    re.ASCII,
)
EGG_LINK = re.compile(r"^(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\.egg-link\Z")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_~-]{0,255}")
_RELEASE = re.compile(r"\d{1,9}(?:\.[A-Za-z0-9]{1,20}){0,9}", re.ASCII)
#: What is wrong with an environment that has nothing in it.
HALF_BUILT = "it is half-built: it holds neither pip nor anything else"
#: Appended to the path of an environment whose successor is being built.
ASIDE_SUFFIX = ".pep668-old"
#: The directory in an environment where a run keeps its own files while it lasts.
SCRATCH_NAME = ".pep668-provision.tmp"


#: Hexadecimal digits of a build's name: enough that two declarations of one environment do not meet.
BUILD_DIGITS = 12
BUILD_NAME = re.compile(rf"^[0-9a-f]{{{BUILD_DIGITS}}}(-\d+)?$")


@dataclass(frozen=True)
class VenvState:
    """A path where an environment is, or should be.

    ``kind``: missing, empty (directory), venv, directory (something else) or other (a file, a link to nothing).
    ``problem``: why the environment is not usable, "" when it is. ``base`` is the file behind bin/python,
    ``version`` the Python version it was made with, ``distributions`` maps normalised names to versions.
    ``kept`` is what a rebuild has to bring back: the recorded set, or all that an index can give again.
    ``aside`` says that an interrupted rebuild left the previous environment beside it. ``build`` is the name of the
    build that a link at the path leads to, whether that is there or not.
    """

    path: str
    kind: str = "missing"
    uid: int = -1
    base: str = ""
    version: str = ""
    made_by: str = ""
    system_site_packages: bool = False
    distributions: Mapping[str, str] = field(default_factory=dict)
    receipt: Optional[Receipt] = None
    problem: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)
    aside: bool = False
    build: str = ""

    @property
    def release(self) -> str:
        return ".".join(self.version.split(".")[:2])

    @property
    def python(self) -> str:
        return f"{self.path}/bin/python"

    @property
    def is_finished(self) -> bool:
        """Whether a run of ours got to its end here, whatever happened to the environment since."""
        return self.receipt is not None and not self.receipt.unfinished

    @property
    def is_usable(self) -> bool:
        return self.kind == "venv" and not self.problem


def parse_pyvenv_cfg(text: str) -> Dict[str, str]:
    """Return pyvenv.cfg's keys in lower case (PEP 405: ``key = value`` lines)."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            found[key.strip().lower()] = value.strip()
    return found


def _version_in(cfg: Mapping[str, str]) -> str:
    """Return the version of Python that pyvenv.cfg says, "" where it says none."""
    version = ".".join(cfg.get("version", cfg.get("version_info", "")).split("+")[0].split(".")[:3])
    return version if _RELEASE.fullmatch(version) else ""


def distributions_in(host: Host, directory: str) -> Dict[str, str]:
    """Return the distributions in a site directory, by the names of their metadata directories alone."""
    found = {}
    for entry in host.names_in(directory):
        matched = METADATA_DIRECTORY.match(entry)
        if matched:
            found[normalize_name(matched.group("name"))] = matched.group("version")
            continue
        linked = EGG_LINK.match(entry)
        if linked:
            found[normalize_name(linked.group("name"))] = _version_behind(host, f"{directory}/{entry}")
    return found


def _version_behind(host: Host, egg_link: str) -> str:
    """Return the version of a development install by an old setuptools, which stands in the project; "" if nowhere."""
    project = (host.read_text(egg_link) or "").split("\n")[0].strip()
    for name in host.names_in(project) if project.startswith("/") else ():
        if name.endswith(".egg-info"):
            for line in (host.read_text(f"{project}/{name}/PKG-INFO") or "").splitlines():
                if line.startswith("Version:"):
                    version = line.partition(":")[2].strip()
                    return version if _VERSION.fullmatch(version) else ""
    return ""


def site_packages(host: Host, venv: str, release: str) -> str:
    """Return the directory of an environment's distributions, "" where there is none for this release."""
    for name in host.names_in(f"{venv}/lib"):
        matched = _LIBRARY.match(name)
        if matched and (not release or matched.group(1) == release):
            return f"{venv}/lib/{name}/site-packages"
    return ""


def observe_venv(host: Host, path: str, interpreters: Interpreters) -> VenvState:
    """Read what stands at ``path``; a process starts only for a base neither recorded nor named by its version."""
    aside = host.lstat(path + ASIDE_SUFFIX) is not None
    entry = host.lstat(path)
    # A rebuild that was killed right after it had set the old one aside left nothing at the path, or a new directory.
    kept = kept_packages(host, path + ASIDE_SUFFIX) if aside else {}
    if entry is None:
        return VenvState(path, aside=aside, kept=kept)
    build = linked_build(host, path) if stat.S_ISLNK(entry.st_mode) else ""
    target = host.stat(path)
    if target is None or not stat.S_ISDIR(target.st_mode):
        return VenvState(path, kind="other", uid=entry.st_uid, aside=aside, build=build)
    receipt = read_receipt(host, path)
    text = host.read_text(f"{path}/pyvenv.cfg", follow=False)
    if text is None and receipt is None:
        # A run that was killed before it had written its record leaves that alone.
        foreign = [name for name in host.names_in(path) if not name.startswith(HALF_WRITTEN)]
        kind = "directory" if foreign else "empty"
        return VenvState(path, kind=kind, uid=target.st_uid, aside=aside, build=build, kept=kept)
    cfg = parse_pyvenv_cfg(text or "")
    version = _version_in(cfg)
    release = ".".join(version.split(".")[:2])
    directory = site_packages(host, path, release)
    base = _base_interpreter(host, path, cfg)
    distributions = distributions_in(host, directory) if directory else {}
    made_by = "uv" if "uv" in cfg else "virtualenv" if "virtualenv" in cfg else "venv"
    state = VenvState(
        path,
        kind="venv",
        uid=target.st_uid,
        base=base,
        version=version,
        made_by=made_by,
        system_site_packages=cfg.get("include-system-site-packages", "false").lower() == "true",
        distributions=distributions,
        receipt=receipt,
        aside=aside,
        build=build,
    )
    problem = _find_problem(host, state, directory, interpreters)
    # The environment beside it is the last whole one only while this one has no finished run on record.
    kept = kept if aside and not state.is_finished else kept_packages(host, path)
    return replace(state, problem=printable(problem), kept=kept)


def linked_build(host: Host, path: str) -> str:
    """Return the name of the build that a link leads to, "" for one that leads elsewhere."""
    target = os.path.normpath(os.path.join(os.path.dirname(path), host.readlink(path) or ""))
    folder, __, name = target.rpartition("/")
    return name if folder == path + BUILDS_SUFFIX else ""


def kept_packages(host: Host, venv: str) -> Dict[str, str]:
    """Return the set an environment was finished with; without a record, all in it that came from an index."""
    receipt = read_receipt(host, venv)
    if receipt is not None and receipt.packages:
        found = dict(receipt.packages)
        directory = site_packages(host, venv, ".".join(receipt.interpreter.version.split(".")[:2]))
    else:
        version = _version_in(parse_pyvenv_cfg(host.read_text(f"{venv}/pyvenv.cfg", follow=False) or ""))
        directory = site_packages(host, venv, ".".join(version.split(".")[:2]))
        found = distributions_in(host, directory) if directory else {}
    return from_index(host, directory, found)


def from_index(host: Host, directory: str, found: Mapping[str, str]) -> Dict[str, str]:
    """Return the part of an installed set that an index can give again: without what came from a path or a URL.

    Such a distribution has a direct_url.json (PEP 610), and no index has it under its version.
    """
    direct = set()
    for name in host.names_in(directory) if directory else ():
        matched = METADATA_DIRECTORY.match(name)
        if matched and host.is_file(f"{directory}/{name}/direct_url.json"):
            direct.add(normalize_name(matched.group("name")))
            continue
        linked = EGG_LINK.match(name)
        if linked:
            direct.add(normalize_name(linked.group("name")))
    return {name: version for name, version in found.items() if version and name not in direct}


def _base_interpreter(host: Host, path: str, cfg: Mapping[str, str]) -> str:
    """Return the real file that runs the environment; for one made of copies, the one it was copied from."""
    python = host.resolve(f"{path}/bin/python")
    home = cfg.get("home", "")
    if python.startswith(host.resolve(path) + "/") and home.startswith("/") and host.is_file(python):
        release = ".".join((_version_in(cfg) or "3").split(".")[:2])
        for name in (f"python{release}", "python3"):
            if host.is_executable(f"{home}/{name}"):
                return host.resolve(f"{home}/{name}")
    return python


def _find_problem(host: Host, state: VenvState, directory: str, interpreters: Interpreters) -> str:
    """Say why an environment cannot be used as it is, "" when it can."""
    if state.receipt is not None and state.receipt.unfinished:
        return f"a run ({state.receipt.unfinished}) did not get to its end"
    if not state.version:
        return "pyvenv.cfg is missing or does not say a version"
    if host.lstat(state.python) is None:
        return "bin/python is missing"
    if not host.is_executable(state.base):
        return f"its interpreter {state.base} is gone"
    running = _running_version(host, state, interpreters)
    if not running:
        return f"its interpreter {state.base} does not run"
    if ".".join(running.split(".")[:2]) != state.release:
        return f"its interpreter moved from {state.release} to {'.'.join(running.split('.')[:2])}"
    if not directory or not host.is_dir(directory):
        return f"its site-packages for {state.release} is missing"
    return "" if state.receipt is not None else _damage(host, state, directory)


def _damage(host: Host, state: VenvState, directory: str) -> str:
    """Say what is amiss in an environment that no record of ours vouches for, "" when nothing is."""
    # python -m venv without the distribution's venv package leaves a tree that looks complete, without pip.
    if not state.distributions and state.made_by == "venv":
        return HALF_BUILT
    for name in host.names_in(directory):
        if name.endswith(".dist-info") and not host.is_file(f"{directory}/{name}/METADATA"):
            return f"{name} in it has no METADATA"
    return ""


def _running_version(host: Host, state: VenvState, interpreters: Interpreters) -> str:
    """Return the version that bin/python would run, without starting it where a file tells."""
    recorded = state.receipt.interpreter if state.receipt is not None else None
    if recorded is not None and identify_interpreter(host, state.base, recorded.version) == recorded:
        return recorded.version
    named = release_by_name(state.base)
    if named:
        return named
    interpreter = interpreters.probe(state.base, named_by=state.python)
    return "" if interpreter is None else interpreter.version


def runs_selected(host: Host, selector: str, version: str, base: str) -> bool:
    """Say whether an environment of this ``version`` and ``base`` file runs the Python a selector asks for.

    Decided by files and names alone: "" accepts any, a number or a name compares versions, a path the file itself.
    """
    if not selector:
        return True
    if selector.startswith("/"):
        return host.resolve(selector) == base
    wanted = selector
    for prefix in ("python", "pypy"):
        if wanted.startswith(prefix):
            wanted = wanted[len(prefix) :]
            if ("pypy" in base) != (prefix == "pypy"):
                return False
    parts = wanted.split(".")
    return version.split(".")[: len(parts)] == parts or release_by_name(base) == wanted
