# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uv's command lines, environment and messages: the only place that spells them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Iterable, List, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

from .errors import ProvisionError
from .installer import Installer, Prepared, Resolution, Workplace
from .installer_pip import install_arguments, working_directory
from .installer_uv_options import UvOptions, translate, upgrades_eagerly
from .installer_uv_settings import OF_INDEXES, strategy_environment, uv_settings, with_arguments
from .interpreter import Interpreter
from .json_text import read_json
from .process import Command, Completed
from .redact import MASK
from .request import InstallRequest, read_files
from .requirement import RequirementError, normalize_name, parse_spec
from .venv import METADATA_DIRECTORY, site_packages

_CHANGE = re.compile(r"^[ \t]*[+~] (?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)", re.MULTILINE)
_DIRECT = re.compile(r"^[ \t]*[+~] (?P<name>[A-Za-z0-9._-]+) @ (?P<address>[A-Za-z][A-Za-z0-9+.-]*:\S+)", re.MULTILINE)
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)", re.MULTILINE)


_NO_OPTIONS = UvOptions()

_KNOWN_FAILURES = (
    (
        "CertificateRequired",
        "The index wants a certificate of who asks: name a file with it and its key in python_client_cert.",
    ),
    ("407 Proxy", "The proxy wants a user and a password: write them into python_proxy, percent-encoded."),
    ("Authentication failed for", "The repository wants another user or password: write them into its URL."),
    ("401 Unauthorized", "The index wants a user and a password: set python_index_username and python_index_password."),
    ("403 Forbidden", "The index lets this user not in: check python_index_username and python_index_password."),
    (
        "certificate not valid yet",
        "The host's clock may be wrong: set it, then run again.",
    ),
    ("certificate expired", "The host's clock may be wrong, or the index's certificate is out of date."),
    ("invalid peer certificate", "The index's certificate is not trusted: name your CA's file in python_ca_bundle."),
    ("HTTP status server error", "The index itself fails: try again later, or set python_index_url to another."),
    (
        "end of file before message length",
        "A file of the index came in part: see to the network and the index, or set python_index_url.",
    ),
    ("dns error", "The index cannot be reached: check the host's network and name server, or set python_index_url."),
    ("Failed to fetch", "The index cannot be reached: check the host's network, python_index_url and python_proxy."),
    (
        "invalid package format",
        "A file of the index is damaged or no wheel: see to the index, or set python_index_url to another.",
    ),
    (
        "No solution found",
        "Check names and versions: these requirements cannot be met together from this index (python_index_url).",
    ),
    (
        "Hash mismatch",
        "A file of the index is not the one whose hash was given: do not install it before you know why.",
    ),
    (
        "all requirements must have",
        "With require_hashes every requirement, dependencies too, needs ==version and a --hash; constraints ==version.",
    ),
    (
        "no trusted hash was provided",
        "With require_hashes every requirement, dependencies too, needs ==version and a --hash; constraints ==version.",
    ),
    (
        "Failed to extract archive",
        "A file of the index came in part: see to the network and the index, or set python_index_url.",
    ),
    ("Read-only file system", "Mount that file system writable, or declare another path."),
    ("No space left on device", "Free some space on the host and run again."),
    ("Permission denied", "The account that runs this cannot write there: set owner, or become root."),
)


class UvInstaller(Installer):
    """One uv of the host, which fills any environment from outside."""

    name = "uv"
    # What is to be replaced is removed first; a disk that is full then leaves neither.
    puts_back = False
    known_failures = _KNOWN_FAILURES

    def __init__(self, program: str) -> None:
        self.program = program

    def _command(
        self, work: Workplace, venv: str, argv: Iterable[str], *, options: UvOptions = _NO_OPTIONS, cwd: str = "/"
    ) -> Command:
        """Return a call; credentials are only given to one that asks an index, which is one that installs."""
        index = with_arguments(work.index, options.settings)
        settings = uv_settings(work.host, work.account, index, prefix=venv, scratch=work.scratch)
        words = tuple(argv)
        if words[:2] != ("pip", "install"):
            env = {name: value for name, value in settings.environment.items() if name not in OF_INDEXES}
            return Command((self.program, *words), env=env, account=work.account, cwd=cwd)
        if settings.no_index:
            # The one setting that uv takes by no variable.
            words = (*words[:2], "--no-index", *words[2:])
        env = {**settings.environment, **options.environment}
        return Command((self.program, *words), env=env, account=work.account, cwd=cwd)

    def _install(self, work: Workplace, venv: str, request: InstallRequest, how: Tuple[str, ...] = ()) -> Prepared:
        in_files, many_indexes = _options_in_files(work, request)
        options = translate((*request.entry.pip_args, *in_files))
        if options.refused:
            raise ProvisionError(
                f"uv has nothing for {', '.join(options.refused)} in pip_args.", advice="Set installer: pip for it."
            )
        asked = install_arguments(
            work, venv, replace(request, upgrade=False, entry=replace(request.entry, pip_args=options.arguments))
        )
        # Of pip's own variables uv knows none, and what they say is in the settings.
        options.environment.update({name: value for name, value in asked.environment.items() if value is not None})
        if many_indexes:
            options.environment.update(strategy_environment(work.host.environ))
        again = (*self._upgraded(work, request), *_built_again(work, venv, request))
        argv = ["pip", "install", *how, "--python", f"{venv}/bin/python", *again, *asked.words]
        return Prepared(self._command(work, venv, argv, options=options, cwd=working_directory(request)), asked.files)

    def _upgraded(self, work: Workplace, request: InstallRequest) -> List[str]:
        """Return what asks for the newest of what the entry names; uv's own --upgrade moves all it depends on, too."""
        if not request.upgrade:
            return []
        if upgrades_eagerly(request.entry.pip_args):
            return ["--upgrade"]
        tree = read_files(work.host, request.entry.requirements, request.entry.constraints)
        texts = (*request.entry.packages, *(line.text for line in tree.requirements))
        names = tuple(dict.fromkeys(filter(None, map(_name_of, texts))))
        return [word for name in names for word in ("--upgrade-package", name)]

    def create(
        self, work: Workplace, interpreter: Interpreter, path: str, *, system_site_packages: bool = False
    ) -> Prepared:
        # The directory is there already, with the record of an unfinished run in it.
        argv = ["venv", "--no-project", "--allow-existing", "--python", interpreter.path]
        if system_site_packages:
            argv.append("--system-site-packages")
        return Prepared(self._command(work, path, [*argv, path]))

    # uv works from outside of an environment and needs nothing in it.
    def prepare(self, work: Workplace, venv: str, distributions: Mapping[str, str]) -> Optional[Prepared]:  # noqa: ARG002
        return None

    def install(self, work: Workplace, venv: str, request: InstallRequest) -> Prepared:
        return self._install(work, venv, request)

    def uninstall(self, work: Workplace, venv: str, names: Tuple[str, ...]) -> Prepared:
        return Prepared(self._command(work, venv, ["pip", "uninstall", "--python", f"{venv}/bin/python", *names]))

    def resolve(self, work: Workplace, venv: str, request: InstallRequest, *, everything: bool) -> Prepared:
        return self._install(work, venv, request, ("--dry-run", *(["--reinstall"] if everything else [])))

    def read_resolution(self, done: Completed) -> Resolution:
        text = done.stdout + "\n" + done.stderr
        direct = _DIRECT.findall(text)
        found = _CHANGE.findall(text) or ([] if direct else _PINNED.findall(done.stdout))
        packages = {normalize_name(name): version for name, version in found}
        packages.update({normalize_name(name): "" for name, __ in direct})
        # A credential is masked in what uv prints, and such an address leads nowhere.
        return Resolution(packages, tuple(address for __, address in direct if MASK not in address))

    def look_into(self, work: Workplace, venv: str, addresses: Tuple[str, ...], folder: str) -> Prepared:
        argv = ["pip", "install", "--no-deps", "--target", folder, "--python", f"{venv}/bin/python", *addresses]
        return Prepared(self._command(work, venv, argv))


def _name_of(text: str) -> str:
    try:
        return parse_spec(text).name or ""
    except RequirementError:
        return ""


def _options_in_files(work: Workplace, request: InstallRequest) -> Tuple[List[str], bool]:
    """Return options in requirements files that uv takes as arguments alone, and whether the files name indexes."""
    entry = request.entry
    if not (entry.requirements or entry.constraints):
        return [], False
    from .requirements_file import RequirementsFileError  # noqa: PLC0415  # few entries have any

    try:
        tree = read_files(work.host, entry.requirements, entry.constraints)
    except (RequirementsFileError, ProvisionError):
        return [], False
    found: List[str] = []
    for option in tree.options:
        if option.name == "--pre":
            found.append(option.name)
        elif option.name == "--trusted-host" and option.value:
            found.append(f"{option.name}={option.value}")
    return found, any(option.name == "--extra-index-url" for option in tree.options)


def _built_again(work: Workplace, venv: str, request: InstallRequest) -> List[str]:
    """Return what makes uv build a project again whose source may have changed, as pip always does.

    By itself uv looks at the dates of the project's metadata alone, in the environment as well as in its cache.
    """
    entry = request.entry
    if not entry.project or entry.editable:
        return []
    folder = site_packages(work.host, venv, "")
    for name in work.host.names_in(folder) if folder else ():
        matched = METADATA_DIRECTORY.match(name)
        if matched is None:
            continue
        try:
            url = urlsplit(str(read_json(work.host.read_text(f"{folder}/{name}/direct_url.json") or "{}")["url"]))
        except (ValueError, KeyError, TypeError):
            continue
        if url.scheme == "file" and unquote(url.path).rstrip("/") == entry.project.rstrip("/"):
            return ["--refresh", "--reinstall-package", normalize_name(matched.group("name"))]
    return ["--refresh"]
