# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip's command lines, environment and messages: the only place that spells them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote

from .bundled_wheels import bundled_wheels
from .desired import IndexSettings
from .errors import ProvisionError, printable
from .installer import LOG_NAME, Installer, Prepared, Resolution, Workplace
from .installer_pip_options import without_private
from .interpreter import Interpreter, Interpreters
from .json_text import read_json
from .parts import load
from .pip_release import Pip
from .process import Command, Completed
from .redact import has_credentials, host_of, with_credentials, without_login
from .request import InstallRequest
from .requirement import normalize_name
from .venv import distributions_in, site_packages

if TYPE_CHECKING:
    from pep668_provision.engine.pylock import LockedPackage

#: pip install --dry-run --report exists since this version (pip release notes).
REPORT_SINCE = "22.2"
#: pip --python, by which a pip works in an environment that has none, since this one.
OTHER_PYTHON_SINCE = "22.3"
#: Settings of the caller that would send an installation elsewhere than into the environment.
_REDIRECTIONS = (
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_PYTHON",
    "PIP_DRY_RUN",
    "PIP_REQUIREMENT",
    "PIP_EDITABLE",
    "PIP_UPGRADE",
    "PIP_IGNORE_INSTALLED",
    "PIP_FORCE_REINSTALL",
    "PIP_NO_DEPS",
    "PIP_QUIET",
    "PIP_VERBOSE",
    "PIP_REQUIRE_VIRTUALENV",
)


def index_environment(index: IndexSettings) -> Dict[str, Optional[str]]:
    """Return the index settings as pip's environment variables, where a credential shows in no process list."""
    env: Dict[str, Optional[str]] = {}
    if index.index_url:
        env["PIP_INDEX_URL"] = with_credentials(index.index_url, index.username, index.password)
    if index.extra_index_urls:
        own_host = host_of(index.index_url)
        env["PIP_EXTRA_INDEX_URL"] = " ".join(
            with_credentials(url, index.username, index.password) if host_of(url) == own_host else url
            for url in index.extra_index_urls
        )
    if index.find_links:
        env["PIP_FIND_LINKS"] = " ".join(index.find_links)
    if index.no_index:
        env["PIP_NO_INDEX"] = "1"
    if index.ca_bundle:
        # pip's own library takes these over what pip is told (requests' merge_environment_settings).
        env.update(PIP_CERT=index.ca_bundle, REQUESTS_CA_BUNDLE=None, CURL_CA_BUNDLE=None)
    if index.client_cert:
        env["PIP_CLIENT_CERT"] = index.client_cert
    if index.proxy:
        env["PIP_PROXY"] = index.proxy
    if index.trusted_hosts:
        env["PIP_TRUSTED_HOST"] = " ".join(index.trusted_hosts)
    return env


def pip_environment(
    index: IndexSettings, *, pins_file: str = "", upgrade: bool = False, log_file: str = ""
) -> Dict[str, Optional[str]]:
    """Return what pip gets, also one that another program starts: no questions, no redirection, these indexes."""
    env: Dict[str, Optional[str]] = dict.fromkeys(_REDIRECTIONS)
    env.update(
        PIP_NO_INPUT="1",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_PROGRESS_BAR="off",
        PIP_NO_COLOR="1",
        # A pip.conf with user = true makes pip refuse every virtual environment.
        PIP_USER="0",
        PIP_ROOT_USER_ACTION="ignore",
    )
    env.update(index_environment(index))
    if pins_file:
        # pip takes the value apart at blanks, but an address has none.
        env["PIP_CONSTRAINT"] = pins_file if pins_file.split() == [pins_file] else f"file://{quote(pins_file)}"
    if upgrade:
        env["PIP_UPGRADE"] = "1"
    if log_file:
        env["PIP_LOG"] = log_file
    return env


_NO_INDEX = IndexSettings()

_KNOWN_FAILURES = (
    (
        "ALERT_CERTIFICATE_REQUIRED",
        "The index wants a certificate of who asks: name a file with it and its key in python_client_cert.",
    ),
    ("invalid path: ", "A file of certificates that is named (python_ca_bundle, python_client_cert) is not there."),
    ("407 Client Error", "The proxy wants a user and a password: write them into python_proxy, percent-encoded."),
    ("407 Proxy", "The proxy wants a user and a password: write them into python_proxy, percent-encoded."),
    ("Authentication failed for", "The repository wants another user or password: write them into its URL."),
    (
        "Temporary failure in name resolution",
        "The index cannot be reached: check the host's network and name server, or set python_index_url.",
    ),
    (
        "Failed to establish a new connection",
        "The index cannot be reached: check the host's network, python_index_url and python_proxy.",
    ),
    ("Connection refused", "The index does not answer: check python_index_url and python_proxy."),
    ("certificate is not yet valid", "The host's clock may be wrong: set it, then run again."),
    ("certificate has expired", "The host's clock may be wrong, or the index's certificate is out of date."),
    ("CERTIFICATE_VERIFY_FAILED", "The index's certificate is not trusted: name your CA's file in python_ca_bundle."),
    ("401 Client Error", "The index wants a user and a password: set python_index_username and python_index_password."),
    ("403 Client Error", "The index lets this user not in: check python_index_username and python_index_password."),
    ("error responses", "The index itself fails: try again later, or set python_index_url to another."),
    ("Read timed out", "The index is too slow or does not answer: check the host's network and python_index_url."),
    ("401 Error", "The index wants a user and a password: set python_index_username and python_index_password."),
    (
        "THESE PACKAGES DO NOT MATCH THE HASHES",
        "A file of the index is not the one whose hash was given: do not install it before you know why.",
    ),
    ("Hashes are required", "With require_hashes every requirement, dependencies too, needs ==version and a --hash."),
    (
        "must have their versions pinned with ==",
        "With require_hashes every requirement, dependencies too, needs ==version and a --hash.",
    ),
    (
        "No matching distribution found",
        "Check the spelling and the version, and that the index (python_index_url) has it for this Python.",
    ),
    (
        "incomplete-download",
        "A file of the index came in part: see to the network and the index, or set python_index_url.",
    ),
    ("ResolutionImpossible", "These requirements contradict each other: loosen one of them."),
    ("is invalid", "A file of the index is damaged or no wheel: see to the index, or set python_index_url to another."),
    ("BadZipFile", "A file of the index is damaged or no wheel: see to the index, or set python_index_url to another."),
    ("UnicodeDecodeError", "What answers there is no package index: check python_index_url."),
    ("Read-only file system", "Mount that file system writable, or declare another path."),
    ("No space left on device", "Free some space on the host and run again."),
    ("Permission denied", "The account that runs this cannot write there: set owner, or become root."),
)


#: pip passes over an index that fails, and what is installed is the newest then; an index without a name is no failure.
_SKIPPED_INDEX = re.compile(r"(Could not fetch URL \S{1,2000}: (?!404 ).{0,2000}) - skipping")


class PipInstaller(Installer):
    """pip inside of each environment."""

    name = "pip"
    known_failures = _KNOWN_FAILURES

    def _command(
        self, work: Workplace, argv: Iterable[str], *, index: IndexSettings = _NO_INDEX, cwd: str = "/"
    ) -> Command:
        """Return a call; credentials are only given to one that asks an ``index``."""
        return Command(
            tuple(argv),
            env=pip_environment(index, log_file=f"{work.scratch}/{LOG_NAME}"),
            account=work.account,
            cwd=cwd,
        )

    def _installing(self, work: Workplace, venv: str, argv: Iterable[str], request: InstallRequest) -> Prepared:
        asked = install_arguments(work, venv, request)
        command = self._command(work, (*argv, *asked.words), index=work.index, cwd=working_directory(request))
        return Prepared(replace(command, env={**command.env, **asked.environment}), asked.files)

    def create(
        self,
        work: Workplace,
        interpreter: Interpreter,
        path: str,
        *,
        system_site_packages: bool = False,
        with_pip: bool = True,
    ) -> Prepared:
        argv = [interpreter.path, "-I", "-m", "venv"]
        if system_site_packages:
            argv.append("--system-site-packages")
        if not with_pip:
            argv.append("--without-pip")
        return Prepared(self._command(work, [*argv, path]))

    def prepare(self, work: Workplace, venv: str, distributions: Mapping[str, str]) -> Optional[Prepared]:
        if "pip" in distributions:
            return None
        return Prepared(self._command(work, [f"{venv}/bin/python", "-I", "-m", "ensurepip", "--default-pip"]))

    def install(self, work: Workplace, venv: str, request: InstallRequest) -> Prepared:
        return self._installing(work, venv, [f"{venv}/bin/python", "-I", "-m", "pip", "install"], request)

    def uninstall(self, work: Workplace, venv: str, names: Tuple[str, ...]) -> Prepared:
        return Prepared(self._command(work, [f"{venv}/bin/python", "-I", "-m", "pip", "uninstall", "--yes", *names]))

    def resolve(self, work: Workplace, venv: str, request: InstallRequest, *, everything: bool) -> Prepared:
        options = ["--quiet", "--dry-run", "--report", "-"] + (["--ignore-installed"] if everything else [])
        return self._installing(work, venv, [*self._pip_with_report(work, venv), "install", *options], request)

    def read_resolution(self, done: Completed) -> Resolution:
        try:
            report = read_json(done.stdout[max(done.stdout.find("{"), 0) :])
            found = {
                normalize_name(item["metadata"]["name"]): printable(item["metadata"]["version"])
                for item in report["install"]
            }
        except (ValueError, KeyError, TypeError):
            raise ProvisionError("pip said something else than the report it was asked for.") from None
        return Resolution(found)

    def index_failure(self, log: str) -> str:
        found = _SKIPPED_INDEX.search(log)
        return found.group(1) if found else ""

    def _pip_with_report(self, work: Workplace, venv: str) -> List[str]:
        own = distributions_in(work.host, site_packages(work.host, venv, "")).get("pip", "")
        return pip_with_report(work, f"{venv}/bin/python", own)


def pip_with_report(work: Workplace, python: str, own: str, flags: Tuple[str, ...] = ("-I",)) -> List[str]:
    """Return how to call a pip that can report a dry run for an interpreter whose own pip has the version ``own``.

    May fetch one into the scratch directory; ``flags`` are the interpreter's. Raises ProvisionError for none.
    """
    if Pip(own, "").is_at_least(REPORT_SINCE):
        return [python, *flags, "-m", "pip"]
    wheels = bundled_wheels(work.host, python)
    for version, wheel in wheels:
        if Pip(version, "").is_at_least(REPORT_SINCE):
            return [python, *flags, f"{wheel}/pip"]
    beside = Interpreters(work.host).probe(work.host.resolve(python), with_site=True, named_by=python)
    if beside is not None and beside.pip is not None and beside.pip.is_at_least(OTHER_PYTHON_SINCE):
        # The interpreter's own pip, looking into the environment: nothing of the system is its target.
        return [beside.path, "-I", "-m", "pip", "--python", python]
    older = [python, *flags, "-m", "pip"] if own else [python, *flags, f"{wheels[0][1]}/pip"] if wheels else None
    if older is None:
        raise ProvisionError("There is no pip on this host yet that could say what it would install.")
    fetch = ("download", "--no-deps", "--only-binary", ":all:", "--dest", work.scratch, "pip")
    env = pip_environment(work.index, log_file=f"{work.scratch}/{LOG_NAME}")
    fetched = work.host.run(Command((*older, *fetch), env=env, account=work.account))
    names = [name for name in work.host.names_in(work.scratch) if name.startswith("pip-")]
    if not fetched.succeeded or not names:
        raise ProvisionError(
            f"The pip here is too old to say what it would install ({REPORT_SINCE} can), and none was fetched."
        )
    return [python, *flags, f"{work.scratch}/{names[0]}/pip"]


def locked_lines(packages: "Sequence[LockedPackage]") -> str:
    """Return packages of a lock file as a requirements file that has a hash for each file."""
    folders = dict.fromkeys(folder for package in packages for folder in package.folders)
    lines = [f"--find-links file://{quote(folder)}" for folder in folders]
    lines += [" ".join([one.requirement, *(f"--hash={digest}" for digest in one.hashes)]) for one in packages]
    return "".join(f"{line}\n" for line in lines)


def working_directory(request: InstallRequest) -> str:
    """Return where pip has to run: it takes relative paths in requirements files from its working directory."""
    return os.path.dirname(request.entry.requirements[0]) if request.entry.requirements else "/"


@dataclass(frozen=True)
class InstallArguments:
    """What a request is on pip's command line: the words, the files (path to content) that they name, and variables."""

    words: Tuple[str, ...]
    files: Mapping[str, str]
    environment: Mapping[str, Optional[str]]


def install_arguments(work: Workplace, venv: str, request: InstallRequest) -> InstallArguments:
    """Return the arguments that stand for a request; uv's pip interface takes the same."""
    entry = request.entry
    files: Dict[str, str] = {}
    arguments: List[str] = []
    if request.upgrade:
        arguments.append("--upgrade")
    if request.again:
        arguments.append("--force-reinstall")
    if entry.checks_hashes:
        arguments.append("--require-hashes")
    # A password in a URL would stand in the process list: such a one goes through a private file.
    words, private, environment = without_private(entry.pip_args)
    arguments += words
    if entry.lock:
        # The lock has what each package depends on.
        files[f"{work.scratch}/locked.txt"] = locked_lines(load("pylock").locked_packages(work, entry, venv))
        arguments += ["--no-deps", "-r", f"{work.scratch}/locked.txt"]
    for path in entry.requirements:
        arguments += ["-r", path]
    for path in entry.constraints:
        arguments += ["-c", path]
    if request.pins and not entry.checks_hashes:
        files[f"{work.scratch}/pins.txt"] = "\n".join(request.pins) + "\n"
        arguments += ["-c", f"{work.scratch}/pins.txt"]
    private += [text for text in entry.packages if has_credentials(text)]
    if private:
        from .logins import hand_over, is_for_git  # noqa: PLC0415  # few entries have any

        # What stands in the file is an argument again where it is git's.
        for_git = [text for text in private if is_for_git(text)]
        lines = [without_login(text) if text in for_git else text for text in private]
        variables, logins = hand_over(work.host, work.account, work.scratch, for_git)
        files.update(logins)
        environment.update(variables)
        files[f"{work.scratch}/packages.txt"] = "\n".join(lines) + "\n"
        arguments += ["-r", f"{work.scratch}/packages.txt"]
    project = request.project_requirement
    if project is not None:
        arguments += ["-e", project] if entry.editable else [project]
    arguments += [text for text in entry.packages if not has_credentials(text)]
    arguments += request.also
    return InstallArguments(tuple(arguments), files, environment)
