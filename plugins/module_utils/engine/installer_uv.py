# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uv's command lines, environment and messages: the only place that spells them."""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from .desired import IndexSettings
from .installer import Installer, Prepared, Resolution, Workplace
from .installer_pip import install_arguments, working_directory
from .interpreter import Interpreter
from .process import Command, Completed
from .redact import with_credentials
from .request import InstallRequest
from .requirement import normalize_name

_CHANGE = re.compile(r"^\s*[+~] (?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)", re.MULTILINE)
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)", re.MULTILINE)


def uv_environment(index: IndexSettings) -> Dict[str, Optional[str]]:
    """Return the index settings as uv's environment variables, and what keeps it to the interpreter it is given."""
    env: Dict[str, Optional[str]] = {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
        # Links into a cache would break when the cache is cleaned by another account.
        "UV_LINK_MODE": "copy",
        "UV_PYTHON": None,
    }
    if index.index_url:
        env["UV_DEFAULT_INDEX"] = with_credentials(index.index_url, index.username, index.password)
    if index.extra_index_urls:
        env["UV_INDEX"] = " ".join(index.extra_index_urls)
    if index.find_links:
        env["UV_FIND_LINKS"] = ",".join(index.find_links)
    if index.ca_bundle:
        env["SSL_CERT_FILE"] = index.ca_bundle
    if index.proxy:
        env["HTTPS_PROXY"] = env["HTTP_PROXY"] = index.proxy
    if index.trusted_hosts:
        env["UV_INSECURE_HOST"] = " ".join(index.trusted_hosts)
    return env


_KNOWN_FAILURES = (
    ("dns error", "The index cannot be reached: check the host's network and name server, or set python_index_url."),
    ("Failed to fetch", "The index cannot be reached: check the host's network, python_index_url and python_proxy."),
    ("invalid peer certificate", "The index's certificate is not trusted: name your CA's file in python_ca_bundle."),
    (
        "No solution found",
        "Check names and versions: these requirements cannot be met together from this index for this Python.",
    ),
    (
        "Hash mismatch",
        "A file of the index is not the one whose hash was given: do not install it before you know why.",
    ),
    ("No space left on device", "Free some space on the host and run again."),
    ("Permission denied", "The account that runs this cannot write there: set owner, or become root."),
)


class UvInstaller(Installer):
    """One uv of the host, which fills any environment from outside."""

    name = "uv"
    known_failures = _KNOWN_FAILURES

    def __init__(self, program: str) -> None:
        self.program = program

    def _command(self, work: Workplace, argv: Iterable[str], *, cwd: str = "/") -> Command:
        return Command((self.program, *argv), env=uv_environment(work.index), account=work.account, cwd=cwd)

    def _arguments(self, work: Workplace, request: InstallRequest) -> Tuple[List[str], Dict[str, str]]:
        arguments, files = install_arguments(work, request)
        # The one index setting that uv takes by no variable.
        return (["--no-index"] if work.index.no_index else []) + arguments, files

    def create(self, work: Workplace, interpreter: Interpreter, path: str, *, system_site_packages: bool) -> Prepared:
        # The directory is there already, with the record of an unfinished run in it.
        argv = ["venv", "--no-project", "--allow-existing", "--python", interpreter.path]
        if system_site_packages:
            argv.append("--system-site-packages")
        return Prepared(self._command(work, [*argv, path]))

    # uv works from outside of an environment and needs nothing in it.
    def prepare(self, work: Workplace, venv: str, distributions: Mapping[str, str]) -> Optional[Prepared]:  # noqa: ARG002
        return None

    def install(self, work: Workplace, venv: str, request: InstallRequest) -> Prepared:
        arguments, files = self._arguments(work, request)
        return Prepared(
            self._command(
                work, ["pip", "install", "--python", f"{venv}/bin/python", *arguments], cwd=working_directory(request)
            ),
            files,
        )

    def uninstall(self, work: Workplace, venv: str, names: Tuple[str, ...]) -> Prepared:
        return Prepared(self._command(work, ["pip", "uninstall", "--python", f"{venv}/bin/python", *names]))

    def resolve(self, work: Workplace, venv: str, request: InstallRequest, *, everything: bool) -> Prepared:
        arguments, files = self._arguments(work, request)
        options = ["pip", "install", "--dry-run", "--python", f"{venv}/bin/python"]
        if everything:
            options.append("--reinstall")
        return Prepared(self._command(work, [*options, *arguments], cwd=working_directory(request)), files)

    def read_resolution(self, done: Completed) -> Resolution:
        text = done.stdout + "\n" + done.stderr
        found = _CHANGE.findall(text) or _PINNED.findall(done.stdout)
        return Resolution({normalize_name(name): version for name, version in found})
