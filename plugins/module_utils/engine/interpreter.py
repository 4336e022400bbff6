# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Python interpreter is: found on the host, asked once, described by facts."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, Optional, Sequence, Tuple

from .account import Account
from .errors import ProvisionError, printable
from .host import Host
from .json_text import read_json
from .pip_release import Pip
from .process import Command

#: Directories of interpreters that a non-interactive PATH may lack.
_STANDARD_DIRECTORIES = ("/usr/local/bin", "/usr/bin", "/bin")
#: Where else interpreters lie, and the variable that moves the first part; "*" stands for each name there.
_WELL_KNOWN = (
    ("PYENV_ROOT", "~/.pyenv", "/versions/*/bin"),
    ("UV_PYTHON_INSTALL_DIR", "~/.local/share/uv/python", "/*/bin"),
    ("ASDF_DATA_DIR", "~/.asdf", "/installs/python/*/bin"),
    ("MISE_DATA_DIR", "~/.local/share/mise", "/installs/python/*/bin"),
    *(
        ("", root, folder)
        for root in ("/opt/conda", "/opt/miniconda3", "~/miniconda3", "~/anaconda3", "~/miniforge3")
        for folder in ("/bin", "/envs/*/bin")
    ),
    *(
        ("", root, folder)
        for root in ("/opt/homebrew", "/home/linuxbrew/.linuxbrew")
        for folder in ("/bin", "/Cellar/*/*/bin")
    ),
    ("", "/opt/python", "/*/bin"),
    ("", "/snap/bin", ""),
    ("", "/usr/libexec", ""),
)
#: Where the distribution has programs; root's own commands are found there too.
_SYSTEM_DIRECTORIES = (*_STANDARD_DIRECTORIES, "/usr/local/sbin", "/usr/sbin", "/sbin")
_NAME = re.compile(r"^(python3(\.\d+t?)?|pypy3(\.\d+)?|platform-python(3\.\d+)?)\Z", re.ASCII)
_VERSION = re.compile(r"\d{1,4}\.\d{1,4}[A-Za-z0-9.+-]{0,60}", re.ASCII)
_RELEASE_IN_NAME = re.compile(r"python(3\.\d+)\Z", re.ASCII)

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
pips = []
for folder in sys.path:
    init = os.path.join(folder, "pip", "__init__.py")
    if os.path.isfile(init):
        version = ""
        with open(init, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if line.startswith("__version__"):
                    version = line.split("=", 1)[1].strip().strip("'\"")
                    break
        pips.append({"version": version, "path": os.path.dirname(init)})
if pips:
    facts["pip"], facts["hidden_pips"] = pips[0], pips[1:]
print(json.dumps(facts))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that runs.

    ``path`` is how it is called, ``real_path`` the file behind every link, ``version`` like "3.11.2", ``prefix`` and
    ``stdlib`` its own directories, ``origin`` who put it there and ``origin_evidence`` by what that is known (see
    ``tell_origin``). ``hidden_pips`` are those that it would have if ``pip`` did not come first on its path.
    ``search_path`` is where it looks for modules, without an account's own directories; of one that was asked without
    its site (see Interpreters.probe) without any distributions.
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
    origin_evidence: str = ""
    hidden_pips: Tuple[Pip, ...] = ()
    search_path: Tuple[str, ...] = ()

    @property
    def release(self) -> str:
        """The minor version, "3.11"."""
        return ".".join(self.version.split(".")[:2])


def search_directories(host: Host) -> Tuple[str, ...]:
    """Return the directories interpreters are looked for in: PATH, then the standard ones."""
    named = [folder for folder in host.environ.get("PATH", "").split(":") if folder.startswith("/")]
    return tuple(dict.fromkeys([folder.rstrip("/") or "/" for folder in named] + list(_STANDARD_DIRECTORIES)))


def well_known_directories(host: Host) -> Tuple[str, ...]:
    """Return the directories that are there of tools which bring Pythons of their own, the caller's and the host's."""
    home = host.environ.get("HOME") or host.caller.home
    found: Dict[str, None] = {}
    for variable, root, folder in _WELL_KNOWN:
        named = host.environ.get(variable, "") if variable else ""
        start = named.rstrip("/") if named.startswith("/") else root.replace("~", home.rstrip("/"), 1)
        found.update(dict.fromkeys(path for path in _match(host, start, folder) if host.is_dir(path)))
    return tuple(found)


def _match(host: Host, start: str, folder: str) -> Iterator[str]:
    before, star, after = folder.partition("/*")
    if not star:
        yield start + folder
        return
    for name in host.names_in(start + before):
        yield from _match(host, f"{start}{before}/{name}", after)


def find_program(host: Host, name: str, *, to_run: bool = False) -> Optional[str]:
    """Return where a program is found, in the order of ``search_directories``.

    One that root is ``to_run`` is none that another account could exchange.
    """
    for folder in search_directories(host):
        program = f"{folder}/{name}"
        if host.is_executable(program) and not (to_run and host.is_root and exchanged_by(host, program)):
            return program
    return None


def exchanged_by(host: Host, program: str, account: Optional[Account] = None) -> str:
    """Say who else than root and ``account`` could put another program in its place, "" for nobody."""
    if os.path.dirname(program) in _SYSTEM_DIRECTORIES and not host.is_link(program):
        return ""
    from .path_control import control_of  # noqa: PLC0415  # most hosts have no other programs

    return control_of(host, program, account)


def release_by_name(real_path: str) -> str:
    """Return "3.11" for a file named python3.11, "" where the name does not say."""
    found = _RELEASE_IN_NAME.search(os.path.basename(real_path))
    return found.group(1) if found else ""


class Interpreters:
    """The interpreters of one host, each asked at most once.

    ``only_safe``: as root it finds none by its name or version that another account could exchange; ``passed_over``
    then has each of those, and says who.
    """

    def __init__(self, host: Host, *, only_safe: bool = False) -> None:
        self._host = host
        self._only_safe = only_safe and host.is_root
        self.passed_over: Dict[str, str] = {}
        self._probed: Dict[Tuple[str, bool], Optional[Interpreter]] = {}
        #: Why each of those that were asked and gave no answer gave none.
        self.failures: Dict[str, str] = {}

    def probe(self, path: str, *, with_site: bool = False, named_by: str = "") -> Optional[Interpreter]:
        """Ask the interpreter at ``path`` what it is; ``None`` when it does not run (a shim, a broken build).

        ``named_by`` is the file that leads to it, where there is one: whoever can exchange that chooses what is run.
        """
        # An answer with site says all that one without it does.
        if not with_site and (path, True) in self._probed:
            return self._probed[(path, True)]
        key = (path if with_site else self._identity(path), with_site)
        if key not in self._probed:
            self._probed[key] = self._ask(path, with_site=with_site, named_by=named_by or path)
            if with_site and self._probed[key] is not None:
                self._probed.setdefault((self._identity(path), False), self._probed[key])
        return self._probed[key]

    def _identity(self, path: str) -> str:
        """Return what tells interpreters apart: the real file, and the environment by whose bin it is called."""
        folder = os.path.dirname(os.path.dirname(path))
        environment = f"{folder}:" if self._host.exists(f"{folder}/pyvenv.cfg") else ""
        real_path = self._host.resolve(path)
        return environment + (path if _is_launcher(real_path) else real_path)

    def _ask(self, path: str, *, with_site: bool, named_by: str) -> Optional[Interpreter]:
        if not self._host.is_executable(path):
            self.failures[path] = "cannot be executed" if self._host.exists(path) else "is missing"
            return None
        flags = ("-I",) if with_site else ("-I", "-S")
        try:
            account = environment_owner(self._host, named_by)
        except ProvisionError as error:
            self.failures[path] = f"is not started: {error.message}"
            return None
        # A shim may go looking for a version for a while; a Python answers in milliseconds.
        command = Command((path, *flags, "-c", PROBE), account=account, timeout=30)
        answer = self._host.run(command)
        if not answer.succeeded:
            said = "".join(f": {printable(line.strip())}" for line in answer.stderr.strip().splitlines()[:1])
            status = "did not run" if answer.status is None else f"ends with exit status {answer.status}"
            self.failures[path] = status + said[:200]
            return None
        try:
            return _describe(self._host, path, read_json(answer.stdout))
        except (ValueError, KeyError, TypeError):
            self.failures[path] = "does not answer as a Python does"
            return None

    def default(self) -> Optional[Interpreter]:
        """Return the host's own python3: the first on the search path that runs and is no virtual environment."""
        return self._first("python3")

    def select(self, selector: str, *, with_site: bool = False) -> Optional[Interpreter]:
        """Return the interpreter for "", "3.12", "3.12.1", "python3.12" or an absolute path, or ``None``."""
        if not selector:
            return self._first("python3", with_site=with_site)
        if selector.startswith("/"):
            return self.probe(selector, with_site=with_site)
        if selector[0].isdigit():
            wanted = selector.split(".")
            found = self._first("python" + ".".join(wanted[:2]), with_site=with_site)
            if found is None:
                found = self._first("python3", with_site=with_site)
            return found if found is not None and found.version.split(".")[: len(wanted)] == wanted else None
        return self._first(selector, with_site=with_site)

    def _first(self, name: str, *, with_site: bool = False) -> Optional[Interpreter]:
        for folder in search_directories(self._host):
            path = f"{folder}/{name}"
            if not self._host.is_executable(path) or self._host.exists(f"{os.path.dirname(folder)}/pyvenv.cfg"):
                continue
            by_others = exchanged_by(self._host, path) if self._only_safe else ""
            if by_others:
                self.passed_over[path] = by_others
                continue
            found = self.probe(path, with_site=with_site)
            if found is not None and not found.is_venv:
                return found
        return None

    def discover(self, *, with_pip: bool = True, elsewhere: Sequence[str] = ()) -> Tuple[Interpreter, ...]:
        """Return every interpreter on the search path or ``elsewhere`` (paths of interpreters) that runs, each once."""
        found: Dict[str, Interpreter] = {}
        tried = set()
        on_path = (path for folder in search_directories(self._host) for path in self.names_of_python(folder))
        for path in (*on_path, *elsewhere):
            identity = self._identity(path)
            if identity in tried:
                continue
            tried.add(identity)
            interpreter = self.probe(path, with_site=with_pip)
            if interpreter is not None:
                found.setdefault(identity if interpreter.is_venv else interpreter.real_path, interpreter)
        return tuple(found.values())

    def names_of_python(self, folder: str) -> Tuple[str, ...]:
        """Return the paths of the programs in a directory that have the name of an interpreter."""
        paths = (f"{folder}/{name}" for name in self._host.names_in(folder) if _NAME.match(name))
        return tuple(path for path in paths if self._host.is_executable(path))


def environment_owner(host: Host, python: str) -> Optional[Account]:
    """Return as whom root has to start an interpreter that is another account's to change, ``None`` for root itself.

    That is the owner of its environment, else who can exchange the file. Raises ProvisionError where everybody can.
    """
    if not host.is_root or not exchanged_by(host, python):
        return None
    from .path_control import runner_of  # noqa: PLC0415  # as above

    return runner_of(host, python)


def _is_launcher(real_path: str) -> bool:
    """Say whether the file behind the links is one that starts many programs by the name it is called (snap, mise)."""
    return re.match(r"(platform-)?python|pypy", os.path.basename(real_path)) is None


def _describe(host: Host, path: str, facts: Dict[str, object]) -> Interpreter:
    executable = str(facts["executable"]) or path
    version, prefix, stdlib = str(facts["version"]), str(facts["prefix"]), str(facts["stdlib"])
    # What is said here gets into commands and names of packages.
    if not all(one.startswith("/") and one.isprintable() for one in (executable, prefix, stdlib)):
        raise ValueError("a path that is none")
    if not _VERSION.fullmatch(version):
        raise ValueError("a version that is none")
    real_path = host.resolve(path)
    # A shim answers for the interpreter it starts: the real one is what gets used.
    if real_path != host.resolve(executable) and (host.head(path, 2) == b"#!" or _is_launcher(real_path)):
        path, real_path = executable, host.resolve(executable)
    is_venv = prefix != str(facts["base_prefix"]) or host.exists(f"{os.path.dirname(os.path.dirname(path))}/pyvenv.cfg")
    from .origin import tell_origin  # noqa: PLC0415  # nothing is asked on a host that has everything

    origin = tell_origin(host, path, executable, prefix, stdlib, is_venv=is_venv)
    pip, hidden = facts.get("pip"), facts.get("hidden_pips")
    return Interpreter(
        path=path,
        real_path=real_path,
        version=version.rstrip("+"),
        implementation=printable(str(facts["implementation"])),
        prefix=prefix,
        stdlib=stdlib,
        is_venv=is_venv,
        can_create_venv=host.is_dir(f"{stdlib}/venv") and host.is_file(f"{stdlib}/ensurepip/__init__.py"),
        origin=origin.name,
        pip=_read_pip(pip) if isinstance(pip, dict) else None,
        origin_evidence=origin.evidence,
        hidden_pips=tuple(map(_read_pip, hidden)) if isinstance(hidden, list) else (),
        search_path=_search_path(facts.get("path")),
    )


def _read_pip(pip: Dict[str, object]) -> Pip:
    return Pip(printable(str(pip["version"])), printable(str(pip["path"])))


def _search_path(found: object) -> Tuple[str, ...]:
    paths = found if isinstance(found, list) else []
    return tuple(one for one in paths if isinstance(one, str) and one.startswith("/") and one.isprintable())


def describe_found(interpreters: Iterable[Interpreter]) -> str:
    """Return interpreters as a phrase for a message: "3.11.2 (/usr/bin/python3.11), …"."""
    return ", ".join(f"{one.version} ({one.path})" for one in interpreters) or "none"
