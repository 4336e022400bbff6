# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Python interpreter is: found on the host, asked once, described by facts."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import Dict, Iterable, Optional, Tuple

from .host import Host
from .pip_policy import Pip
from .process import Command

#: Directories of interpreters that a non-interactive PATH may lack.
_STANDARD_DIRECTORIES = ("/usr/local/bin", "/usr/bin", "/bin")
_NAME = re.compile(r"^(python3(\.\d+)?|pypy3(\.\d+)?)$")
_RELEASE_IN_NAME = re.compile(r"python(3\.\d+)$")

# Runs inside any interpreter, so it keeps to what Python 3.6 understands. "-I" alone (with site) also sees the
# site directories, where pip lives; "-I -S" is enough for the rest and half as long.
PROBE = r"""
import json, os, platform, sys, sysconfig
facts = {
    "version": platform.python_version(),
    "implementation": sys.implementation.name,
    "executable": sys.executable,
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "stdlib": sysconfig.get_path("stdlib"),
    "path": sys.path,
}
for folder in sys.path:
    init = os.path.join(folder, "pip", "__init__.py")
    if os.path.isfile(init):
        version = ""
        with open(init, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if line.startswith("__version__"):
                    version = line.split("=", 1)[1].strip().strip("'\"")
                    break
        facts["pip"] = {"version": version, "path": os.path.dirname(init)}
        break
print(json.dumps(facts))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that runs.

    ``path`` is how it is called, ``real_path`` the file behind every link, ``version`` like "3.11.2", ``prefix`` and
    ``stdlib`` its own directories, ``origin`` who put it there (see ``classify_origin``).
    """

    path: str
    real_path: str
    version: str
    implementation: str
    prefix: str
    stdlib: str
    is_venv: bool
    can_create_venv: bool
    origin: str
    pip: Optional[Pip] = None

    @property
    def release(self) -> str:
        """The minor version, "3.11"."""
        return ".".join(self.version.split(".")[:2])


def search_directories(host: Host) -> Tuple[str, ...]:
    """Return the directories interpreters are looked for in: PATH, then the standard ones."""
    named = [folder for folder in host.environ.get("PATH", "").split(":") if folder.startswith("/")]
    return tuple(dict.fromkeys([folder.rstrip("/") or "/" for folder in named] + list(_STANDARD_DIRECTORIES)))


def find_program(host: Host, name: str) -> Optional[str]:
    """Return where a program is found, in the order of ``search_directories``."""
    for folder in search_directories(host):
        if host.is_executable(f"{folder}/{name}"):
            return f"{folder}/{name}"
    return None


def release_by_name(real_path: str) -> str:
    """Return "3.11" for a file named python3.11, "" where the name does not say."""
    found = _RELEASE_IN_NAME.search(os.path.basename(real_path))
    return found.group(1) if found else ""


class Interpreters:
    """The interpreters of one host, each asked at most once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._probed: Dict[Tuple[str, bool], Optional[Interpreter]] = {}

    def probe(self, path: str, *, with_site: bool = False) -> Optional[Interpreter]:
        """Ask the interpreter at ``path`` what it is; ``None`` when it does not run (a shim, a broken build)."""
        key = (path if with_site else self._identity(path), with_site)
        if key not in self._probed:
            self._probed[key] = self._ask(path, with_site=with_site)
        return self._probed[key]

    def _identity(self, path: str) -> str:
        """Return what tells interpreters apart: the real file, and the environment by whose bin it is called."""
        folder = os.path.dirname(os.path.dirname(path))
        environment = f"{folder}:" if self._host.exists(f"{folder}/pyvenv.cfg") else ""
        return environment + self._host.resolve(path)

    def _ask(self, path: str, *, with_site: bool) -> Optional[Interpreter]:
        if not self._host.is_executable(path):
            return None
        flags = ("-I",) if with_site else ("-I", "-S")
        # A shim may go looking for a version for a while; a Python answers in milliseconds.
        answer = self._host.run(Command((path, *flags, "-c", PROBE), timeout=30))
        if not answer.succeeded:
            return None
        try:
            return _describe(self._host, path, json.loads(answer.stdout))
        except (ValueError, KeyError, TypeError):
            return None

    def default(self) -> Optional[Interpreter]:
        """Return the host's own python3: the first on the search path that runs and is no virtual environment."""
        return self._first("python3")

    def select(self, selector: str) -> Optional[Interpreter]:
        """Return the interpreter for "", "3.12", "3.12.1", "python3.12" or an absolute path, or ``None``."""
        if not selector:
            return self.default()
        if selector.startswith("/"):
            return self.probe(selector)
        if selector[0].isdigit():
            wanted = selector.split(".")
            found = self._first("python" + ".".join(wanted[:2]))
            if found is None:
                found = self.default()
            return found if found is not None and found.version.split(".")[: len(wanted)] == wanted else None
        return self._first(selector)

    def _first(self, name: str) -> Optional[Interpreter]:
        for folder in search_directories(self._host):
            path = f"{folder}/{name}"
            if not self._host.is_executable(path) or self._host.exists(f"{os.path.dirname(folder)}/pyvenv.cfg"):
                continue
            found = self.probe(path)
            if found is not None and not found.is_venv:
                return found
        return None

    def discover(self, *, with_pip: bool = True) -> Tuple[Interpreter, ...]:
        """Return every interpreter on the search path that runs, each file once."""
        found: Dict[str, Interpreter] = {}
        for folder in search_directories(self._host):
            for name in self._host.names_in(folder):
                if not _NAME.match(name) or not self._host.is_executable(f"{folder}/{name}"):
                    continue
                identity = self._identity(f"{folder}/{name}")
                if identity in found:
                    continue
                interpreter = self.probe(f"{folder}/{name}", with_site=with_pip)
                if interpreter is not None:
                    found.setdefault(identity if interpreter.is_venv else interpreter.real_path, interpreter)
        return tuple(found.values())


def _describe(host: Host, path: str, facts: Dict[str, object]) -> Interpreter:
    executable = str(facts["executable"]) or path
    # A shim answers for the interpreter it starts: the real one is what gets used.
    if host.resolve(path) != host.resolve(executable) and host.head(path, 2) == b"#!":
        path = executable
    prefix, stdlib = str(facts["prefix"]), str(facts["stdlib"])
    is_venv = prefix != str(facts["base_prefix"]) or host.exists(f"{os.path.dirname(os.path.dirname(path))}/pyvenv.cfg")
    pip = facts.get("pip")
    return Interpreter(
        path=path,
        real_path=host.resolve(path),
        version=str(facts["version"]).rstrip("+"),
        implementation=str(facts["implementation"]),
        prefix=prefix,
        stdlib=stdlib,
        is_venv=is_venv,
        can_create_venv=host.is_dir(f"{stdlib}/venv") and host.is_file(f"{stdlib}/ensurepip/__init__.py"),
        origin="venv" if is_venv else classify_origin(host, host.resolve(path), prefix),
        pip=Pip(str(pip["version"]), str(pip["path"])) if isinstance(pip, dict) else None,
    )


def classify_origin(host: Host, real_path: str, prefix: str) -> str:
    """Return who an interpreter comes from: distribution, conda, pyenv, uv, homebrew, snap, local or other."""
    if host.is_dir(f"{prefix}/conda-meta"):
        return "conda"
    for part, origin in (
        ("/.pyenv/versions/", "pyenv"),
        ("/uv/python/", "uv"),
        ("/Cellar/", "homebrew"),
        ("/snap/", "snap"),
    ):
        if part in real_path:
            return origin
    if real_path.startswith("/usr/local/"):
        return "local"
    return "distribution" if real_path.startswith(("/usr/bin/", "/bin/", "/usr/libexec/")) else "other"


def describe_found(interpreters: Iterable[Interpreter]) -> str:
    """Return interpreters as a phrase for a message: "3.11.2 (/usr/bin/python3.11), …"."""
    return ", ".join(f"{one.version} ({one.path})" for one in interpreters) or "none"
