# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip working in an interpreter's own site, the system's or an account's: its command lines, and what it answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .desired import IndexSettings, VenvEntry
from .errors import printable
from .host import Host
from .installer import LOG_NAME, Prepared, Workplace
from .installer_pip import install_arguments, pip_environment, pip_with_report, working_directory
from .interpreter import Interpreter
from .json_text import read_json
from .pip_config import VARIABLE
from .process import Command, Completed, child_environment
from .redact import has_credentials
from .request import InstallRequest
from .requirement import Requirement
from .system_pip import SystemPipEntry

Environment = Dict[str, Optional[str]]

#: What pip draws before the sentences of an error.
_DRAWN = ("\u00d7", "\u2570")
_LEADING = re.compile(r"^\W+")
#: Asks pip itself where it puts the parts of a distribution: distributions change that in Python and in pip.
_PLACES = r"""
import json, sysconfig
try:
    from pip._internal.locations import get_scheme
    scheme = get_scheme("name", user=False)
    found = {key: getattr(scheme, key) for key in ("purelib", "platlib", "scripts", "data")}
except Exception:
    found = {key: sysconfig.get_path(key) for key in ("purelib", "platlib", "scripts", "data")}
print(json.dumps(found))
"""


@dataclass(frozen=True)
class SitePip:
    """The pip of an interpreter, working in that interpreter's own site as an entry asks.

    ``overrides`` says that the marker is passed over, by the variable, which older pips do not stumble over.
    """

    work: Workplace
    interpreter: Interpreter
    entry: SystemPipEntry
    overrides: bool = False

    @property
    def _flags(self) -> Tuple[str, ...]:
        # -I would hide the account's own packages.
        return () if self.entry.scope == "user" else ("-I",)

    @property
    def _pip(self) -> List[str]:
        return [self.interpreter.path, *self._flags, "-m", "pip"]

    def environment(self) -> Dict[str, Optional[str]]:
        env = pip_environment(self.work.index, log_file=f"{self.work.scratch}/{LOG_NAME}" if self.work.scratch else "")
        env["PIP_USER"] = "1" if self.entry.scope == "user" else "0"
        if self.overrides:
            env[VARIABLE] = "1"
        return env

    def _command(
        self,
        argv: Sequence[str],
        *,
        asks_index: bool = False,
        further: Optional[Mapping[str, Optional[str]]] = None,
        stdin: str = "",
        cwd: str = "",
    ) -> Command:
        """Return a call; credentials are only given to one that asks an index."""
        pip = self if asks_index else replace(self, work=replace(self.work, index=IndexSettings()))
        return Command(
            tuple(argv),
            env={**pip.environment(), **(further or {})},
            account=self.work.account,
            stdin=stdin,
            cwd=cwd or self.entry.chdir,
            umask=self.entry.umask,
        )

    def _asking(self, argv: Sequence[str]) -> Prepared:
        """Return a call about what is asked."""
        entry = self.entry
        # What has a credential in it becomes a line of a private file.
        editable = [text for text in entry.name if entry.editable and not has_credentials(text)]
        others = [text for text in entry.name if text not in editable]
        wanted = VenvEntry(
            path="/",
            packages=tuple(f"-e {text}" if entry.editable else text for text in others),
            requirements=entry.requirements,
            pip_args=(*entry.pip_args, *(word for text in editable for word in ("-e", text))),
        )
        request = InstallRequest(wanted, upgrade=entry.state == "latest")
        asked = install_arguments(self.work, "", request)
        cwd = entry.chdir if entry.chdir != "/" else working_directory(request)
        command = self._command([*argv, *asked.words], asks_index=True, further=asked.environment, cwd=cwd)
        return Prepared(command, asked.files)

    def install(self) -> Prepared:
        """Return the command that installs what is asked."""
        return self._asking([*self._pip, "install"])

    def uninstall(self, names: Sequence[str]) -> Prepared:
        """Return the command that removes these distributions."""
        return Prepared(self._command([*self._pip, "uninstall", "--yes", *names]))

    def ask_uninstall(self, name: str) -> Prepared:
        """Return the command that asks pip what it would remove, and answers its question with no."""
        command = self._command([*self._pip, "uninstall", name], stdin="n\n")
        # It has to ask, whatever a configuration says.
        return Prepared(replace(command, env={**command.env, "PIP_NO_INPUT": "0", "PIP_YES": "0"}))

    def resolve(self) -> Prepared:
        """Return the dry run of ``install``; the marker does not concern one that reports (pip's InstallCommand)."""
        own = self.interpreter.pip.version if self.interpreter.pip is not None else ""
        pip = pip_with_report(self.work, self.interpreter.path, own, self._flags)
        return self._asking([*pip, "install", "--quiet", "--dry-run", "--report", "-"])

    def fetch_wheels(self, found: Mapping[str, "Found"], folder: str) -> Prepared:
        """Return the command that leaves the wheels of what a dry run found in a directory, built where need be."""
        lines = "".join(f"{one.requirement}\n" for one in found.values())
        path = f"{self.work.scratch}/found.txt"
        options = ["--no-deps", "--wheel-dir", folder]
        # The report tells addresses without their logins.
        private = [text for text in self.entry.name if has_credentials(text)]
        variables, logins = _hand_over(self.work, private) if private else ({}, {})
        command = self._command([*self._pip, "wheel", *options, "-r", path], asks_index=True, further=variables)
        return Prepared(command, {path: lines, **logins})

    def places(self) -> Prepared:
        """Return the command that tells where pip puts the parts of a distribution, for ``read_places``."""
        return Prepared(self._command([self.interpreter.path, *self._flags, "-c", _PLACES]))


def _hand_over(work: Workplace, texts: Sequence[str]) -> Tuple[Environment, Dict[str, str]]:
    from .logins import hand_over  # noqa: PLC0415  # few entries have any

    return hand_over(work.host, work.account, work.scratch, texts)


@dataclass(frozen=True)
class Found:
    """A distribution that pip would install: its version, and the requirement that means exactly this file of it."""

    version: str
    requirement: str


def read_found(report: str) -> Dict[str, Found]:
    """Return what a dry run's report would install, by normalised names; raises ValueError for something else."""
    try:
        parsed = read_json(report[max(report.find("{"), 0) :])
        return dict(_read_item(item) for item in parsed["install"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no report: {error}") from error


def _read_item(item: Mapping[str, Any]) -> Tuple[str, Found]:
    name, version = item["metadata"]["name"], item["metadata"]["version"]
    url = item["download_info"]["url"]
    details = item["download_info"].get("vcs_info") or {}
    if details:
        url = f"{details['vcs']}+{url}@{details['commit_id']}"
    folder = item["download_info"].get("subdirectory") or ""
    if folder:
        url += f"#subdirectory={folder}"
    # It goes back to pip: an address with a blank would be two words there.
    requirement = Requirement.parse(f"{name} @ {url}")
    if requirement.url != url:
        raise ValueError("an address that is none")
    return requirement.name, Found(printable(version), f"{name} @ {url}")


@dataclass(frozen=True)
class Removal:
    """What pip answered to ``ask_uninstall``: files it would remove, why it cannot, or neither: it declines."""

    files: Tuple[str, ...] = ()
    problem: str = ""


def read_removal(answer: Completed) -> Removal:
    """Read what pip would remove; patterns among its files stand as it prints them."""
    lines = [line.strip() for line in answer.stdout.splitlines()]
    if "Would remove:" in lines:
        listed = lines[lines.index("Would remove:") + 1 :]
        end = next((place for place, line in enumerate(listed) if not line.startswith("/")), len(listed))
        return Removal(tuple(listed[:end]) or ("files that it does not name",))
    return Removal() if answer.succeeded else Removal(problem=_sentence(answer.stderr))


def _sentence(stderr: str) -> str:
    """Return what pip says went wrong, without what it draws around it and without its hints."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    drawn = [_LEADING.sub("", line).rstrip(".") for line in lines if line.lstrip().startswith(_DRAWN)]
    plain = [line.partition("ERROR: ")[2] for line in lines if line.startswith("ERROR: ")]
    return ". ".join(drawn or plain or lines[:1]) or "it said nothing"


def read_places(answer: Completed) -> Dict[str, str]:
    """Return the directories of purelib, platlib, scripts and data; empty where the interpreter did not answer."""
    try:
        found = read_json(answer.stdout) if answer.succeeded else {}
        return {key: str(found[key]) for key in ("purelib", "platlib", "scripts", "data")}
    except (ValueError, KeyError, TypeError):
        return {}


def host_as_child(host: Host, pip: SitePip) -> Host:
    """Return the host with the environment of a pip that is started for an entry; its configuration is read by it."""
    command = Command((), env=pip.environment(), account=pip.work.account)
    return replace(host, environ=child_environment(command, host.environ))
