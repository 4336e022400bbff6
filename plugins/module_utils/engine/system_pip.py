# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of ``python_system_pip``: what pip is declared to do in a system's or an account's own site, and how far."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Tuple

from . import values
from .installer_pip_options import constraints_in, ignores_installed, read_options
from .requirement import Requirement, RequirementError, normalize_name, parse_spec

STATES = ("present", "latest", "absent")
SCOPES = ("system", "user")
#: What to do where pip refuses over the marker.
POLICIES = ("refuse", "prefer_system_package", "break")
#: The end of a requirement that a comma has cut off: "flask>=1,<2".
_CONTINUES = re.compile(r"^\s*(===|==|~=|!=|<=|>=|<|>)")
_UMASK = re.compile(r"^(0o?)?[0-7]{3}$")
#: Characters; what is longer is no requirement.
_LONGEST = 4096
_EXECUTABLE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")


@dataclass(frozen=True)
class SystemPipEntry:
    """One entry of ``python_system_pip``, which is also what the module ``pip`` is asked; see the README for each key.

    ``name`` are requirements, URLs or absolute paths; ``pip_args`` the words of ``extra_args`` that are pip's.
    """

    name: Tuple[str, ...] = ()
    requirements: Tuple[str, ...] = ()
    state: str = "present"
    externally_managed: str = "refuse"
    allow_overwrite: Tuple[str, ...] = ()
    scope: str = "system"
    user: str = ""
    python: str = ""
    executable: str = ""
    editable: bool = False
    pip_args: Tuple[str, ...] = ()
    umask: int = 0o022
    chdir: str = "/"

    @property
    def label(self) -> str:
        """How it is called in steps and messages; requirements are told by their names alone."""
        return ", ".join([*(_label_of(text) for text in self.name), *self.requirements])

    @property
    def constraints(self) -> Tuple[str, ...]:
        """The constraints files that pip's arguments name, as absolute paths."""
        return constraints_in(self.pip_args, self.chdir)

    @property
    def ignores_installed(self) -> bool:
        """Whether pip is told to leave alone what is there, and to put the new beside it."""
        return ignores_installed(self.pip_args)

    @property
    def title(self) -> str:
        """How what it changes is headed, beside environments and tools."""
        return f"pip of {self.user or 'the account'}: {self.label}" if self.scope == "user" else f"pip: {self.label}"


def _label_of(text: str) -> str:
    spec = parse_spec(text)
    return spec.name or spec.redacted


def names(value: object) -> Tuple[str, ...]:
    """Return what is to be installed from a list, or from a text with commas as ansible.builtin.pip takes it."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)):
        raise values.Refused("allowed is a name or a list of names")
    whole: List[object] = []
    open_brackets = 0
    for part in parts:
        if not isinstance(part, str):
            raise values.Refused(f"item {len(whole)} is {values.shown(part)}: allowed is a string")
        # Extras and versions have commas of their own, which a list made from a text is cut at too.
        goes_on = bool(whole) and (open_brackets > 0 or bool(_CONTINUES.match(part)))
        if goes_on and len(str(whole[-1])) <= _LONGEST:
            whole[-1] = f"{whole[-1]},{part.strip()}"
        else:
            whole.append(part.strip())
            open_brackets = 0
        open_brackets += part.count("[") - part.count("]")
    return values.list_of(_spec)([one for one in whole if one != ""])


def _spec(value: object) -> str:
    text = values.plain_text(value).strip()
    # Where a relative path leads is for chdir to say.
    return text if text.startswith(".") else values.spec(text)


def _umask(value: object) -> int:
    text = value if isinstance(value, str) else ""
    if isinstance(value, int) and not isinstance(value, bool):
        raise values.Refused('YAML reads a bare 0022 as a number: write it in quotes, like umask: "0022"')
    if not _UMASK.match(text):
        raise values.Refused('allowed are three octal digits, like "0022"')
    return int(text.replace("o", ""), 8)


def _executable(value: object) -> str:
    text = values.plain_text(value)
    if text.startswith("/"):
        return values.absolute(text)
    if not _EXECUTABLE.match(text):
        raise values.Refused("allowed is the name of a pip such as pip3.11, or its absolute path")
    return text


def _words(value: object) -> Tuple[str, ...]:
    if isinstance(value, str):
        try:
            value = shlex.split(values.plain_text(value))
        except ValueError:
            raise values.Refused("its quotes do not match") from None
    return values.list_of(values.argument)(value)


#: What an entry may hold, as the module's options and the role's keys have it.
FIELDS: Dict[str, Callable[[object], Any]] = {
    "name": names,
    "version": values.optional(values.plain_text),
    "requirements": lambda value: values.list_of(values.plain_text)([value] if isinstance(value, str) else value),
    "state": values.choice(*STATES),
    "externally_managed": values.choice(*POLICIES),
    "break_system_packages": values.boolean,
    "allow_overwrite": values.list_of(values.library),
    "scope": values.choice(*SCOPES),
    "user": values.optional(values.account),
    "python": values.optional(values.python),
    "executable": values.optional(_executable),
    "editable": values.boolean,
    "extra_args": _words,
    "umask": lambda value: 0o022 if value in (None, "") else _umask(value),
    "chdir": lambda value: values.absolute(value) if value else "/",
}


def make_entry(**accepted: Any) -> SystemPipEntry:
    """Return the entry of accepted values; raises Refused for what contradicts itself.

    What pip's arguments say that the entry has a word for is taken for that word (see read_options).
    """
    version, words = accepted.pop("version", "") or "", accepted.pop("extra_args", ()) or ()
    if accepted.pop("break_system_packages", False):
        accepted["externally_managed"] = "break"
    # An empty list is what a variable can come to: nothing is asked for then.
    if accepted.get("name") is None and accepted.get("requirements") is None:
        raise values.Refused("name and requirements are missing; one of them says what it is about")
    entry = SystemPipEntry(**{key: value for key, value in accepted.items() if value is not None})
    entry = replace(
        entry,
        name=tuple(values.spec(below(entry.chdir, text)) if text.startswith(".") else text for text in entry.name),
        requirements=tuple(values.absolute(below(entry.chdir, path)) for path in entry.requirements),
    )
    if version:
        entry = replace(entry, name=(_with_version(entry, version),))
    if entry.python and entry.executable:
        raise values.Refused("python and executable both select an interpreter; allowed is one of them")
    if entry.state == "absent":
        _check_absent(entry)
    elif entry.editable and any(_is_plain(text) for text in entry.name):
        raise values.Refused("editable is about paths and URLs; allowed for a name is an entry of its own")
    entry = _read_options(entry, words)
    if entry.user and entry.scope != "user":
        raise values.Refused("user names whose own site it is; allowed is user with scope: user")
    return entry


def below(folder: str, path: str) -> str:
    """Return a relative path (".[extra]" too) as an absolute one below ``chdir``; "/" stands for none."""
    if path.startswith("/") or folder == "/":
        return path
    plain, bracket, extras = path.partition("[")
    return posixpath.normpath(posixpath.join(folder, plain)) + bracket + extras


def _with_version(entry: SystemPipEntry, version: str) -> str:
    if len(entry.name) != 1:
        raise values.Refused("version is about one name, and there are others; allowed is a version in each name")
    name = entry.name[0]
    spec = parse_spec(name)
    if not isinstance(spec, Requirement) or str(spec.specifier) or spec.url or spec.marker:
        raise values.Refused("version is given, and name says one already; allowed is one of them")
    if entry.state != "present":
        raise values.Refused(f"version goes with state: present; with {entry.state} leave it out")
    # Any other beginning would be read as the end of the name: "flask" and "latest" make "flasklatest".
    if not version[:1].isdigit() and not _CONTINUES.match(version):
        raise values.Refused(f'version is {values.shown(version)}; allowed is one like "2.31" or ">=2,<3"')
    text = f"{name}=={version}" if version[:1].isdigit() else f"{name}{version}"
    try:
        Requirement.parse(text)
    except RequirementError as error:
        raise values.Refused(f"version: {error}") from None
    return text


def _is_plain(text: str) -> bool:
    spec = parse_spec(text)
    return isinstance(spec, Requirement) and not spec.url


def _check_absent(entry: SystemPipEntry) -> None:
    unnamed = [text for text in entry.name if not parse_spec(text).name]
    if unnamed:
        raise values.Refused(f"{values.shown(unnamed[0])} does not tell a name; allowed with state: absent are names")


def _read_options(entry: SystemPipEntry, words: Tuple[str, ...]) -> SystemPipEntry:
    read = read_options(words)
    if read.refused:
        raise values.Refused(f"extra_args has {read.refused}")
    return replace(
        entry,
        pip_args=read.others,
        scope="user" if read.is_for_user else entry.scope,
        externally_managed="break" if read.overrides else entry.externally_managed,
        state="latest" if read.upgrades and entry.state == "present" else entry.state,
    )


def normalized_names(entry: SystemPipEntry) -> Tuple[str, ...]:
    """Return the normalised names that an entry's own texts tell, without those of requirements files."""
    found = (parse_spec(text).name for text in entry.name)
    return tuple(dict.fromkeys(normalize_name(name) for name in found if name))
