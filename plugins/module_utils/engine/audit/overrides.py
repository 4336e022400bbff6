# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that have pip pass over the marker, in files of pip's own and in files that set variables."""

from __future__ import annotations

import shlex
from typing import Dict, Iterator, List, Optional, Tuple

from ..errors import printable
from ..pip_conf_edit import Placed, find_damage, mask_text, settings_in
from ..pip_config import TRUE_WORDS, VARIABLE
from ..pip_release import OVERRIDE
from .finding import Found, Repair, Rule
from .settings_files import Assignment, SettingsFile, assignments_in
from .since import timestamp
from .survey import Survey

#: Of install and uninstall, which alone look for the marker, each has a section of its own.
_SECTIONS = ("DEFAULT", "global", "install", "uninstall")
_NEXT_LOGIN = "Whoever is logged in keeps the variable until the next login."
#: Characters of a value, and variables of a file, that are shown.
_LONGEST, _MOST_SHOWN = 200, 20


def _in_pip_conf(survey: Survey) -> Iterator[Found]:
    for file in survey.pip_confs:
        settings = settings_of(survey, file)
        found = [
            one
            for one in settings
            if one.name == OVERRIDE and one.section in _SECTIONS and one.value.lower() in TRUE_WORDS
        ]
        if not found:
            continue
        lines = ", ".join(f"line {one.line}: {one.name} = {one.value} in [{one.section}]" for one in found)
        evidence = f"{file.path}, {lines}. Level {file.level}: {file.whose} reads it. {_written(file)}"
        arguments = _arguments_of_pip_config(file)
        command = f"sed -i '/^[[:space:]]*break[-_]system[-_]packages/Id' {shlex.quote(file.path)}"
        remedy = f"Take it out: {command}"
        if arguments is None:
            yield Found(file.path, evidence, remedy)
            continue
        options = ", ".join(f"{name}: {value}" for name, value in arguments.items())
        remedy += f" (as a task: pep668.provision.pip_config: {{{options}}})"
        yield Found(file.path, evidence, remedy, (Repair("pip_config", arguments, (file.path,)),))


def settings_of(survey: Survey, file: SettingsFile) -> Tuple[Placed, ...]:
    """Return the settings of a pip.conf; one that pip cannot read has none, and that is said."""
    damage = find_damage(file.text)
    if damage is None:
        return settings_in(file.text)
    survey.leave_unread(file.path, f"line {damage.line} is not valid: {damage.what}; every pip that reads it ends")
    return ()


def _arguments_of_pip_config(file: SettingsFile) -> Optional[Dict[str, object]]:
    """Return the options with which the module pip_config takes the override out, ``None`` where it cannot."""
    whose: Dict[str, object] = {}
    if file.level == "user":
        whose = {"user": file.account}
    elif file.level == "interpreter":
        whose = {"python": file.python}
    elif file.level != "system":
        return None
    return {"level": file.level, **whose, "path": file.path, "break_system_packages": "absent"}


def _in_environment(survey: Survey) -> Iterator[Found]:
    for file in survey.environment_files:
        found = [one for one in assignments_in(file.text) if _overrides(one)]
        if not found:
            continue
        if all(one.is_alone for one in found):
            remedy = f"Take the line out: sed -i '/{VARIABLE}=/d' {shlex.quote(file.path)}"
            if f"{VARIABLE}=" not in file.text:
                remedy = f"Take {_lines(found)} out of {file.path}"
        else:
            remedy = f"Take {VARIABLE} out of {_lines(found)} of {file.path} by hand, as other things are set there"
        yield Found(file.path, _evidence(file, found), f"{remedy}. {_NEXT_LOGIN}")


def _others_in_environment(survey: Survey) -> Iterator[Found]:
    for file in survey.environment_files:
        found = [one for one in assignments_in(file.text) if not _overrides(one)]
        if found:
            remedy = (
                f"Nothing, where {_names(found)} is meant for these logins alone. To have it for every pip of the "
                f"host, and not only where the file is read, take {_lines(found)} out of {file.path} and set it with "
                "the module pep668.provision.pip_config; a credential belongs into a pip.conf with mode 0600."
            )
            yield Found(file.path, _evidence(file, found), remedy)


def _overrides(assignment: Assignment) -> bool:
    return assignment.name.upper() == VARIABLE and assignment.value.lower() in TRUE_WORDS


def _evidence(file: SettingsFile, found: List[Assignment]) -> str:
    shown = [f"line {one.line}: {_shown(one)}" for one in found[:_MOST_SHOWN]]
    if len(found) > _MOST_SHOWN:
        shown.append(f"and {len(found) - _MOST_SHOWN} more")
    whose = f"Read for {file.whose}."
    return f"{file.path}, {', '.join(shown)}. {whose} {_written(file)}"


def _shown(assignment: Assignment) -> str:
    text = printable(mask_text(f"{assignment.name}={assignment.value}"))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _lines(found: List[Assignment]) -> str:
    numbers = list(dict.fromkeys(str(one.line) for one in found))
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def _names(found: List[Assignment]) -> str:
    return ", ".join(dict.fromkeys(one.name for one in found))


def _written(file: SettingsFile) -> str:
    return f"It was last written at {timestamp(file.changed)}."


RULES = (
    Rule(
        "EM101",
        "A pip.conf has pip pass over the marker",
        "warning",
        "break-system-packages in the pip.conf of every level: /etc/pip.conf and /etc/xdg, those of the accounts and "
        "of the system's interpreters, and those that PIP_CONFIG_FILE names in a file of EM102.",
        "Every pip that reads it installs into and removes from the distribution's own Python, without anybody having "
        "asked for it on the command line, and can overwrite what the package manager put there.",
        _in_pip_conf,
    ),
    Rule(
        "EM102",
        "A variable has pip pass over the marker",
        "warning",
        "PIP_BREAK_SYSTEM_PACKAGES in /etc/environment, /etc/environment.d, /etc/profile and /etc/profile.d, in what "
        "shells and pam_env read for everybody, and in the same files of the accounts.",
        "As EM101; a variable also wins over every pip.conf, and programs started by a login inherit it.",
        _in_environment,
    ),
    Rule(
        "EM103",
        "Files set other variables of pip's",
        "info",
        "Other variables that begin with PIP_ in the files of EM102; credentials are masked.",
        "They change what pip does in logins and not in services, cron jobs and runs by sudo, so that the same command "
        "does different things on one host.",
        _others_in_environment,
    ),
)
