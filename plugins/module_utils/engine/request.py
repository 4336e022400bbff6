# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of an installer, and the digest by which an unchanged request is recognised."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from .desired import VenvEntry
from .errors import ProvisionError
from .host import Host
from .redact import redact, redact_declared
from .requirement import Requirement

if TYPE_CHECKING:
    from .requirements_file import RequirementsTree

#: Files that decide what a project is when its code is used in place.
_PROJECT_METADATA = ("pyproject.toml", "setup.cfg", "setup.py")
#: What builds and tools leave in a source tree; it is no source.
_NOT_SOURCES = ("build", "dist", "node_modules", "__pycache__")


@dataclass(frozen=True)
class Request:
    """What is asked of one environment, read from the host: declared entry, files and a digest over all of it.

    ``problem`` says why the request cannot be read (a file that is missing); then ``digest`` is empty.
    """

    digest: str = ""
    names: Tuple[str, ...] = ()
    problem: str = ""


def read_request(host: Host, entry: VenvEntry) -> Request:
    """Read every file an entry names and return its request; the digest holds contents and never a credential."""
    tree = None
    if entry.requirements or entry.constraints:
        from .requirements_file import RequirementsFileError  # noqa: PLC0415  # few entries have any

        try:
            tree = read_files(host, entry.requirements, entry.constraints)
        except (RequirementsFileError, ProvisionError) as error:
            return Request(problem=str(error))
    if tree is not None and entry.require_hashes:
        # Of what is there already no installer asks for a hash.
        bare = [line for line in tree.requirements if not line.hashes and "#sha" not in line.text]
        if bare:
            places = ", ".join(f"{line.path}:{line.line} ({redact(line.text)})" for line in bare[:5])
            more = f" and {len(bare) - 5} more" if len(bare) > 5 else ""
            needed = "With require_hashes every requirement, dependencies too, needs ==version and a --hash"
            return Request(problem=f"{needed}: {places}{more} {'has' if len(bare) == 1 else 'have'} none.")
    asked: Dict[str, object] = {
        "packages": sorted(redact_declared(text) for text in entry.packages),
        "requirements": [_content_digest(file.content) for file in tree.files] if tree is not None else [],
        "require_hashes": entry.require_hashes,
        "exact": entry.state == "exact",
        "pip_args": [redact_declared(text) for text in entry.pip_args],
    }
    if entry.lock:
        content = host.read_bytes(entry.lock)
        if content is None:
            return Request(problem=f"The lock file {entry.lock} does not exist, or cannot be read.")
        asked["lock"] = [_content_digest(content), sorted(entry.lock_extras), sorted(entry.lock_groups)]
    if entry.project:
        if not any(host.is_file(f"{entry.project}/{name}") for name in _PROJECT_METADATA):
            problem = f"The project {entry.project} has none of {', '.join(_PROJECT_METADATA)}."
            return Request(problem=problem)
        asked["project"] = [entry.project, entry.editable, sorted(entry.extras), _project_digest(host, entry)]
    data = json.dumps(asked, sort_keys=True).encode()
    names = [Requirement.parse(text).name for text in entry.packages]
    if tree is not None:
        names += [name for name in (_name_of(line.text) for line in tree.requirements) if name]
    return Request("sha256:" + hashlib.sha256(data).hexdigest(), tuple(dict.fromkeys(names)))


def read_files(host: Host, requirements: Sequence[str], constraints: Sequence[str] = ()) -> RequirementsTree:
    """Read requirements files and all they include; raises RequirementsFileError with the file and the line."""

    from .requirements_file import read_requirements  # noqa: PLC0415  # as above

    def read(path: str) -> bytes:
        data = host.read_bytes(path)
        if data is None:
            # The reader turns this into a message with file and line.
            raise FileNotFoundError(path)
        return data

    return read_requirements(requirements, read_bytes=read, environ=host.environ, constraint_paths=constraints)


def _name_of(text: str) -> str:
    try:
        return Requirement.parse(text).name
    except ValueError:
        return ""


def _content_digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _project_digest(host: Host, entry: VenvEntry) -> str:
    """Digest what decides the installed result: the metadata for an editable install, every source file otherwise."""
    digest = hashlib.sha256()
    if entry.editable:
        files = [name for name in _PROJECT_METADATA if host.is_file(f"{entry.project}/{name}")]
    else:
        files = _source_files(host, entry.project)
    for name in files:
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
        digest.update(hashlib.sha256(host.read_bytes(f"{entry.project}/{name}") or b"").digest())
    return digest.hexdigest()


def _source_files(host: Host, project: str) -> List[str]:
    found: List[str] = []
    top = host.real(project)
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _NOT_SOURCES
            and not name.endswith(".egg-info")
            and not os.path.lexists(os.path.join(folder, name, "pyvenv.cfg"))
        )
        found += [
            os.path.relpath(os.path.join(folder, name), top) for name in sorted(files) if not name.endswith(".pyc")
        ]
    return found


@dataclass(frozen=True)
class InstallRequest:
    """One call of an installer.

    ``pins`` are "name==version" strings that must not move, ``also`` requirements beside the entry's own (what a
    rebuild brings back), ``upgrade`` asks for the newest of what the entry names, ``again`` for all of it to be fetched
    and installed even where its version is there.
    """

    entry: VenvEntry
    upgrade: bool = False
    pins: Tuple[str, ...] = ()
    also: Tuple[str, ...] = ()
    again: bool = False

    @property
    def project_requirement(self) -> Optional[str]:
        if not self.entry.project:
            return None
        extras = f"[{','.join(sorted(self.entry.extras))}]" if self.entry.extras else ""
        return self.entry.project + extras

    @property
    def is_empty(self) -> bool:
        entry = self.entry
        return not (entry.packages or entry.requirements or entry.lock or entry.project or self.also)
