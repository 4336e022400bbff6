# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running an installer for one environment: its files, its rights, its failures told in full."""

from __future__ import annotations

from dataclasses import replace
from typing import FrozenSet, List, Mapping, Optional

from .account import Account
from .desired import IndexSettings
from .errors import CommandFailed, ProvisionError
from .files import write_atomically
from .host import Host
from .installer import LOG_NAME, Installer, Prepared, Workplace
from .installer_pip import PipInstaller
from .installer_pip_bundled import BundledPipInstaller
from .installer_uv import UvInstaller
from .interpreter import Interpreter
from .process import Command, Completed
from .redact import redact
from .request import InstallRequest
from .scratch import scratch_directory
from .venv import distributions_in

_TOLD_OF_INDEXES = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_PROXY"),
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "HTTPS_PROXY"),
)


def make_installer(name: str, uv: str) -> Installer:
    """Return pip, uv, or the pip that an interpreter brings along and no environment has to keep (bundled)."""
    if name == "uv":
        return UvInstaller(uv)
    return BundledPipInstaller() if name == "bundled" else PipInstaller()


def run_checked(
    host: Host,
    command: Command,
    what: str,
    secrets: FrozenSet[str],
    installer: Optional[Installer] = None,
    log_file: str = "",
) -> Completed:
    """Run a command that has to succeed; raises CommandFailed with everything it said, credentials masked.

    The advice also considers the installer's own ``log_file``.
    """
    done = host.run(command)
    if done.succeeded:
        return done
    stdout, stderr = redact(done.stdout, secrets), redact(done.stderr, secrets)
    if done.timed_out:
        raise CommandFailed(
            f"{what} took longer than {command.timeout:.0f} seconds and was ended.",
            command=[redact(word, secrets) for word in command.argv],
            status=None,
            stdout=stdout,
            stderr=stderr,
            advice="Look at the host's network and its index, or raise python_install_timeout.",
        )
    said = _without_frames((stderr.strip() or stdout.strip()).splitlines())
    errors = [place for place, line in enumerate(said) if line.lstrip().lower().startswith(("error", "fatal"))]
    # From the first error on: uv says what is wrong first, and with what in the lines after it.
    told = " ".join(" ".join(said[errors[0] :] if errors else said[-1:]).split()) or "it said nothing"
    last = told if len(told) <= 400 else told[:397] + "..."
    status = "could not be run" if done.status is None else f"exit status {done.status}"
    log = (host.read_text(log_file, follow=False) or "") if log_file else ""
    raise CommandFailed(
        f"{what} failed ({status}): {last}",
        command=[redact(word, secrets) for word in command.argv],
        status=done.status,
        stdout=stdout,
        stderr=stderr,
        advice=(installer or PipInstaller()).advice(done.stdout + done.stderr + log),
    )


#: How lines begin that are around an error: pip's, Python's own, those of its logging where that fails.
_FRAMES = (
    *("ERROR: Exception:", " ", "Traceback (most recent", "During handling of", "The above exception"),
    *("--- Logging error ---", "Call stack:", "Message: ", "Arguments: "),
)


def _without_frames(said: List[str]) -> List[str]:
    """Return what a program said with each traceback shortened to its last line, the error."""
    if not any(line.startswith("Traceback (most recent call last)") for line in said):
        return said
    return [line for line in said if line.strip() and not line.startswith(_FRAMES)]


def run_prepared(
    work: Workplace, prepared: Prepared, what: str, secrets: FrozenSet[str], installer: Installer
) -> Completed:
    command = replace(prepared.command, timeout=work.index.timeout or None)
    command = write_private_files(work.host, command, work.scratch, prepared.files)
    command = with_temporary_files(work.host, command, work.scratch)
    return run_checked(work.host, command, what, secrets, installer, f"{work.scratch}/{LOG_NAME}")


def write_private_files(host: Host, command: Command, scratch: str, files: Mapping[str, str]) -> Command:
    """Write the files of a command; returns it, with what pip would hand on or keep of credentials in a file, too."""
    has_files = any(f"{scratch}/{name}" in files for name in ("packages.txt", "netrc"))
    if has_files or any("@" in (command.env.get(name) or "") for name in _TOLD_OF_INDEXES):
        from .logins import without_index_logins  # noqa: PLC0415  # few hosts have any

        command, files = without_index_logins(host, command, scratch, files)
        # Where an answer says that it depends on who asks (Vary: Authorization), the caches of both keep who asked.
        command = replace(command, env={**command.env, "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"})
    for path, content in files.items():
        write_atomically(path, content, account=command.account, mode=0o600)
    return command


def with_temporary_files(host: Host, command: Command, folder: str) -> Command:
    """Return a command whose temporary files are in a folder, where the next run finds and removes a killed one's.

    A caller's own choice (TMPDIR) stays, for what runs as the caller.
    """
    if command.account is None and host.environ.get("TMPDIR"):
        return command
    return replace(command, env={**command.env, "TMPDIR": folder})


def resolve(
    host: Host,
    installer: Installer,
    venv: str,
    request: InstallRequest,
    *,
    account: Optional[Account],
    index: IndexSettings,
    secrets: FrozenSet[str],
    everything: bool = False,
) -> Mapping[str, str]:
    """Return what an installer would install into an environment, by its own dry run: normalised names to versions."""
    with scratch_directory(account) as scratch:
        work = Workplace(host, account, scratch, index)
        prepared = installer.resolve(work, venv, request, everything=everything)
        done = run_prepared(
            work, prepared, f"Asking {installer.name} what it would install into {venv}", secrets, installer
        )
        failure = (
            installer.index_failure(host.read_text(f"{scratch}/{LOG_NAME}", follow=False) or "")
            if request.upgrade
            else ""
        )
        if failure:
            raise ProvisionError(
                f"What is newest for {venv} cannot be told: {redact(failure, secrets)}.",
                advice=installer.advice(failure),
            )
        return _read_resolution(work, installer, venv, done, secrets)


def _read_resolution(
    work: Workplace, installer: Installer, venv: str, done: Completed, secrets: FrozenSet[str]
) -> Mapping[str, str]:
    """Return what a dry run told, with the versions of what it gave an address alone for."""
    found = installer.read_resolution(done)
    folder = f"{work.scratch}/untold"
    prepared = installer.look_into(work, venv, found.untold, folder) if found.untold else None
    if prepared is None:
        return found.packages
    run_prepared(work, prepared, "Looking at what is given by address", secrets, installer)
    return {**found.packages, **distributions_in(work.host, folder)}


def resolve_new(
    host: Host,
    interpreter: Interpreter,
    request: InstallRequest,
    *,
    account: Optional[Account],
    index: IndexSettings,
    secrets: FrozenSet[str],
    uv: str = "",
) -> Mapping[str, str]:
    """Return what pip, or the program ``uv``, would install into an environment that does not exist yet.

    It is asked in a throw-away one.
    """
    installer = UvInstaller(uv) if uv else PipInstaller()
    with scratch_directory(account) as scratch:
        work = Workplace(host, account, scratch, index)
        venv = f"{scratch}/venv"
        if isinstance(installer, PipInstaller):
            empty = installer.create(work, interpreter, venv, with_pip=False)
        else:
            empty = installer.create(work, interpreter, venv)
        run_prepared(work, empty, "Making a throw-away environment", secrets, installer)
        prepared = installer.resolve(work, venv, request, everything=False)
        done = run_prepared(work, prepared, f"Asking {installer.name} what it would install", secrets, installer)
        return _read_resolution(work, installer, venv, done, secrets)
