# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call of pip asks for, be it written as a command or as a task; options are read here and never written."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .known_names import words as words_of

_PIP = re.compile(r"pip(?P<version>[23](?:\.\d+)?)?")
_PYTHON = re.compile(r"(?:python|pypy)(?P<version>[23](?:\.\d+)?)?")
#: Where interpreters and their pips are that serve the whole host or an account, and are no environment's.
_SYSTEM_DIRECTORIES = {"", "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"}
_ACCOUNT_DIRECTORY = "/.local/bin"
#: Ansible's own names for the interpreter that its modules run with, which is the host's as a rule.
_ANSIBLES_PYTHON = re.compile(r"\{\{\s*(?:ansible_python_interpreter|discovered_interpreter_python|ansible_python\b)")
_VENV_LIKE = re.compile(r"(?:^|/)[^/]*v?env[^/]*(?:/[^/]+)*/bin/?$|VIRTUAL_ENV\}?/bin/?$", re.IGNORECASE)

#: Options of pip that are followed by a value; those that are none of pip's are refused by pip itself.
_WITH_VALUE = words_of(
    """
    -r --requirement -c --constraint -e --editable -i --index-url --extra-index-url -f --find-links -t --target
    --prefix --root --src --python --proxy --retries --timeout --exists-action --trusted-host --cert --client-cert
    --cache-dir --log --keyring-provider --use-feature --use-deprecated --platform --python-version --implementation
    --abi --upgrade-strategy --config-settings -C --global-option --no-binary --only-binary --progress-bar
    --root-user-action --report --build-constraint --uploaded-prior-to --resume-retries --group
    """
)
#: With these pip does not look at the marker, or works in another interpreter.
_ELSEWHERE = words_of("-t --target --prefix --root --python -h --help")
#: Options that say nothing about what is to be there afterwards.
_IDLE = words_of(
    """
    -q -qq -qqq --quiet -v -vv -vvv --verbose --no-cache-dir --no-input --disable-pip-version-check --no-color
    --no-warn-script-location -y --yes --no-python-version-warning --root-user-action --progress-bar
    """
)
#: Options that say something of the call which is told apart.
_MEANT = words_of("-U --upgrade --user --break-system-packages") | _ELSEWHERE
#: Options whose values are part of what is asked for.
_TOLD = {
    **dict.fromkeys(("-r", "--requirement"), "requirements"),
    **dict.fromkeys(("-c", "--constraint"), "constraints"),
    **dict.fromkeys(("-e", "--editable"), "editables"),
}


@dataclass(frozen=True)
class Asked:
    """What pip is to do; ``names`` are requirements as they are written, ``others`` arguments that are pip's own.

    ``python`` is the version in the name of the program, "" for the host's own. ``is_elsewhere`` says that pip works
    where no marker counts.
    """

    names: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    editables: tuple[str, ...] = ()
    state: str = "present"
    others: tuple[str, ...] = ()
    python: str = ""
    chdir: str = ""
    is_for_user: bool = False
    overrides: bool = False
    is_elsewhere: bool = False


def is_system_program(program: str) -> bool:
    """Say whether a program is called by its bare name or from a directory that is no environment's."""
    directory, slash, _ = program.rpartition("/")
    is_accounts = slash and directory.endswith(_ACCOUNT_DIRECTORY) and "{{" not in directory
    return directory in _SYSTEM_DIRECTORIES or bool(is_accounts)


def is_environments_path(path: str) -> bool:
    """Say whether what a PATH starts with looks like the commands of a virtual environment."""
    first = path.strip("\"' ").partition(":")[0]
    return _VENV_LIKE.search(first) is not None


def pip_arguments(words: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return the version in the name of the system's pip that is called, and its arguments; None for no pip."""
    if not words:
        return None
    program, rest = words[0], list(words[1:])
    name = posixpath.basename(program)
    called = _PIP.fullmatch(name)
    if called is not None:
        return (called["version"] or "", rest) if is_system_program(program) else None
    python = _PYTHON.fullmatch(name)
    if python is None and not _ANSIBLES_PYTHON.match(program):
        return None
    if python is not None and not is_system_program(program):
        return None
    while rest and rest[0].startswith("-") and rest[0] != "-m":
        # An interpreter's own options; what "-c" runs is no pip.
        if rest[0] == "-c":
            return None
        del rest[0 : 2 if rest[0] in ("-W", "-X") else 1]
    if len(rest) >= 2 and rest[0] == "-m" and _PIP.fullmatch(rest[1]):
        return (python["version"] if python else "") or "", rest[2:]
    return None


def pip_version(program: str) -> str:
    """Return the version of Python in the name of a pip, "" where it has none or is the host's own."""
    called = _PIP.fullmatch(posixpath.basename(program))
    version = (called["version"] or "") if called is not None else ""
    return version if "." in version or version == "2" else ""


def read_call(words: Sequence[str]) -> Asked | None:
    """Return what an ``install`` or ``uninstall`` of the system's pip asks for; None for every other command."""
    called = pip_arguments(words)
    if called is None:
        return None
    version, arguments = called
    command = subcommand(arguments)
    if command not in ("install", "uninstall"):
        return None
    arguments = list(arguments)
    arguments.remove(command)
    asked = read_arguments(arguments)
    if command == "uninstall":
        asked = replace(asked, state="absent")
    return replace(asked, python=version if "." in version or version == "2" else "")


def subcommand(arguments: Sequence[str]) -> str:
    """Return pip's subcommand, the first argument that is neither an option nor the value of one; "" for none."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            return word
        if word in _WITH_VALUE:
            next(words, None)
    return ""


def read_arguments(arguments: Sequence[str]) -> Asked:
    """Return what the arguments of an ``install`` mean."""
    names: list[str] = []
    told: dict[str, list[str]] = {"requirements": [], "constraints": [], "editables": []}
    others: list[str] = []
    options: set[str] = set()
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            names.append(word)
            continue
        option, value = _split(word)
        if value is None and option in _WITH_VALUE:
            value = next(words, "")
        options.add(option)
        if option in _TOLD:
            told[_TOLD[option]].append(value or "")
        elif option not in _IDLE and option not in _MEANT:
            others.append(option if value is None else f"{option}{'=' * option.startswith('--')}{value}")
    return Asked(
        names=tuple(names),
        requirements=tuple(told["requirements"]),
        constraints=tuple(told["constraints"]),
        editables=tuple(told["editables"]),
        state="latest" if options & {"-U", "--upgrade"} else "present",
        others=tuple(others),
        is_for_user="--user" in options,
        overrides="--break-system-packages" in options,
        is_elsewhere=bool(options & _ELSEWHERE),
    )


def _split(word: str) -> tuple[str, str | None]:
    """Return an option and the value in the same word, None where there is none in it."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        return option, value if equals else None
    if word[:2] in _WITH_VALUE and len(word) > 2:
        return word[:2], word[2:]
    return word, None
