# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python_require_pins: what is declared names one version, or one content, of everything it names.

Of what is declared alone. What that depends on is the index's to choose, except in a lock file and where hashes are
required.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, List, Sequence, Tuple

from .desired import ToolEntry, VenvEntry
from .errors import ProvisionError
from .host import Host
from .redact import redact
from .request import read_files
from .requirement import DirectSpec, Requirement, RequirementError, parse_spec
from .requirements_file import RequirementLine, RequirementsFileError

if TYPE_CHECKING:
    from .system_pip import SystemPipEntry

ALLOWED = (
    "allowed with python_require_pins are name==version (without *), name===version, a URL that ends in "
    "#sha256=DIGEST, and git+ or hg+ and a URL that ends in @ and a whole commit"
)
_HASH = re.compile(r"(sha256=[0-9a-fA-F]{64}|sha384=[0-9a-fA-F]{96}|sha512=[0-9a-fA-F]{128})")
_COMMIT = re.compile(r"(git|hg)\+[a-z]+:.*@([0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE)
#: Arguments for pip that name something to install, or have it choose anew.
_INSTALLING = ("-r", "--requirement", "-e", "--editable", "-U", "--upgrade", "--group")


def is_pinned(text: str) -> bool:
    """Say whether a requirement, URL or path always means the same; a path never says what is in it."""
    try:
        spec = parse_spec(text)
    except RequirementError:
        return False
    if isinstance(spec, DirectSpec):
        return _is_pinned_address(spec.url or "")
    if spec.url is not None:
        return _is_pinned_address(spec.url)
    return any(
        one.operator == "===" or (one.operator == "==" and not one.is_wildcard) for one in spec.specifier.specifiers
    )


def _is_pinned_address(url: str) -> bool:
    plain, __, fragment = url.partition("#")
    if "+" in plain.partition(":")[0]:
        return _COMMIT.fullmatch(plain) is not None
    return any(_HASH.fullmatch(part) for part in fragment.split("&"))


def unpinned_entries(
    venvs: Sequence[Tuple[str, VenvEntry]],
    tools: Sequence[Tuple[str, ToolEntry]],
    system_pip: "Sequence[Tuple[str, SystemPipEntry]]",
) -> List[str]:
    """Return a sentence for everything of these entries, each with its place, that is not pinned by its own text."""
    problems: List[str] = []
    for where, venv in venvs:
        if venv.state != "absent":
            problems += _of_state(where, venv.state)
            problems += _of_texts(f"{where}: packages", venv.packages)
            problems += _of_arguments(f"{where}: pip_args", venv.pip_args)
    for where, tool in tools:
        if tool.state != "absent":
            problems += _of_state(where, tool.state)
            problems += _of_texts(f"{where}: {'spec' if tool.spec else 'name'}", (tool.install_spec,))
            problems += _of_texts(f"{where}: inject", tool.inject or ())
    for where, entry in system_pip:
        if entry.state != "absent":
            problems += _of_state(where, entry.state)
            problems += _of_texts(f"{where}: name", entry.name)
            problems += _of_arguments(f"{where}: extra_args", entry.pip_args)
    return problems


def _of_state(where: str, state: str) -> List[str]:
    if state != "latest":
        return []
    return [f"{where}: state is latest, which no pin allows for; allowed with python_require_pins is present."]


def _of_texts(where: str, texts: Sequence[str]) -> List[str]:
    return [f"{where}: {redact(text)!r} is not pinned; {ALLOWED}." for text in texts if not is_pinned(text)]


def _of_arguments(where: str, words: Sequence[str]) -> List[str]:
    found = []
    for position, word in enumerate(words):
        option = word.partition("=")[0]
        option = option if option.startswith("--") else option[:2]
        # What follows an option may be its value.
        is_named = not word.startswith("-") and not (position and words[position - 1].startswith("-"))
        if option in _INSTALLING or is_named:
            found.append(f"{where}: {redact(word)!r} would install what no pin is known of; write it into the entry.")
    return found


def unpinned_lines(host: Host, requirements: Sequence[str]) -> str:
    """Say what in requirements files on the host is not pinned, each line with its place; "" for nothing."""
    try:
        tree = read_files(host, requirements)
    except (RequirementsFileError, ProvisionError):
        # Whoever installs from them says what is wrong with them.
        return ""
    places = [
        f"{line.path}:{line.line} ({redact(line.text)})" for line in tree.requirements if not _is_pinned_line(line)
    ]
    places += [f"{redact(url)}, which is included and can change at any time" for url in tree.remote]
    if not places:
        return ""
    return f"these requirements are not pinned: {'; '.join(places)}. In a file {ALLOWED}, or a file with --hash"


def _is_pinned_line(line: RequirementLine) -> bool:
    if line.editable:
        return False
    try:
        spec = parse_spec(line.text)
    except RequirementError:
        # A relative path: what is there has this hash.
        return bool(line.hashes)
    is_address = isinstance(spec, DirectSpec) or (isinstance(spec, Requirement) and spec.url is not None)
    return is_pinned(line.text) or (is_address and bool(line.hashes))
