# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the arguments for pip in an existing task say that is for the engine to know."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from .errors import ProvisionError
from .redact import has_credentials, redact_declared

#: Options that would make the call another one than the entry says, and what says it instead.
_REFUSED_OPTIONS = {
    **dict.fromkeys(("-t", "--target", "--prefix", "--root"), "a directory of its own is what python_venvs is for"),
    **dict.fromkeys(("--python", "--dry-run", "--report", "--yes", "-y"), "this is for the engine to say"),
    **dict.fromkeys(("-r", "--requirement"), "write the file into requirements"),
    **dict.fromkeys(("-e", "--editable"), "write the path into name, with editable: true"),
}


#: Options whose value can be a URL with a login in it, by what pip takes that from instead: a variable, or a line of a
#: requirements file, where these options are known as well.
_AS_VARIABLE = {
    **dict.fromkeys(("-i", "--index-url", "--pypi-url"), "PIP_INDEX_URL"),
    "--proxy": "PIP_PROXY",
}
_AS_LINE = {
    "--extra-index-url": "--extra-index-url",
    **dict.fromkeys(("-f", "--find-links"), "--find-links"),
    **dict.fromkeys(("-c", "--constraint"), "--constraint"),
    **dict.fromkeys(("-r", "--requirement"), "--requirement"),
    **dict.fromkeys(("-e", "--editable"), "--editable"),
}


@dataclass(frozen=True)
class PipOptions:
    """Arguments as they were read: what some of them mean, and the ``others``, which pip is given as they are.

    ``refused`` is the first that may not stand there, and what does instead; "" for none.
    """

    others: Tuple[str, ...] = ()
    is_for_user: bool = False
    overrides: bool = False
    upgrades: bool = False
    refused: str = ""


def read_options(words: Sequence[str]) -> PipOptions:
    """Return what these arguments mean: --user, --upgrade and --break-system-packages are no others."""
    for word in words:
        option = _option_of(word)
        if option in _REFUSED_OPTIONS:
            return PipOptions(refused=f"{option}: {_REFUSED_OPTIONS[option]}")
    others = tuple(word for word in words if word not in ("--user", "--break-system-packages", "--upgrade", "-U"))
    return PipOptions(
        others,
        is_for_user="--user" in words,
        overrides="--break-system-packages" in words,
        upgrades="--upgrade" in words or "-U" in words,
    )


def _option_of(word: str) -> str:
    option = word.partition("=")[0]
    # The value of a short option may follow it in the same word: "-t/opt/x".
    return option if option.startswith("--") else option[:2]


def constraints_in(words: Sequence[str], folder: str) -> Tuple[str, ...]:
    """Return the constraints files that arguments name, as absolute paths; relative ones are below ``folder``."""
    found = []
    for position, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in ("-c", "--constraint"):
            value = value if equals else "".join(words[position + 1 : position + 2])
        elif word.startswith("-c"):
            value = word[len("-c") :]
        else:
            continue
        if value and "://" not in value:
            found.append(posixpath.normpath(posixpath.join(folder, value)))
    return tuple(found)


def ignores_installed(words: Sequence[str]) -> bool:
    """Say whether arguments tell pip to leave alone what is there, and to put the new beside it."""
    return "--ignore-installed" in words or "-I" in words


def without_private(words: Sequence[str]) -> Tuple[List[str], List[str], Dict[str, Optional[str]]]:
    """Return the arguments without those that hold a login; these as lines of a requirements file, and as variables.

    Raises ProvisionError for one that pip takes as an argument alone.
    """
    kept: List[str] = []
    lines: List[str] = []
    variables: Dict[str, Optional[str]] = {}
    for word in words:
        if not has_credentials(word):
            kept.append(word)
            continue
        option, value = _split(word)
        if not option and kept and (kept[-1] in _AS_VARIABLE or kept[-1] in _AS_LINE):
            option = kept.pop()
        if option in _AS_VARIABLE:
            variables[_AS_VARIABLE[option]] = value
        elif option in _AS_LINE:
            lines.append(f"{_AS_LINE[option]} {shlex.quote(value)}")
        elif not option:
            lines.append(value)
        else:
            raise ProvisionError(
                f"The password in {redact_declared(word)} would stand in the process list of the host.",
                advice="Write it into the index's settings, or into a pip.conf or .netrc of the host.",
            )
    return kept, lines, variables


def _split(word: str) -> Tuple[str, str]:
    """Return the option in a word and its value; without an option the word is the value."""
    if word.startswith("--"):
        option, __, value = word.partition("=")
        return option, value
    return (word[:2], word[2:]) if word.startswith("-") else ("", word)
