# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the arguments for pip in an existing task say that is for the engine to know."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Sequence, Tuple

#: Options that would make the call another one than the entry says, and what says it instead.
_REFUSED_OPTIONS = {
    **dict.fromkeys(("-t", "--target", "--prefix", "--root"), "a directory of its own is what python_venvs is for"),
    **dict.fromkeys(("--python", "--dry-run", "--report", "--yes", "-y"), "this is for the engine to say"),
    **dict.fromkeys(("-r", "--requirement"), "write the file into requirements"),
    **dict.fromkeys(("-e", "--editable"), "write the path into name, with editable: true"),
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
