# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip's configuration as far as it decides whether an install or an uninstall goes through."""

from __future__ import annotations

import configparser
import io
import stat
from dataclasses import dataclass
from typing import List, Optional, Tuple

from .errors import printable
from .host import Host
from .ini_text import LARGEST, check_bounds
from .pip_release import OVERRIDE

#: What pip takes for true (distutils.util.strtobool, which pip still follows).
TRUE_WORDS = ("1", "y", "yes", "t", "true", "on")
_FALSE = ("0", "n", "no", "f", "false", "off")
VARIABLE = "PIP_BREAK_SYSTEM_PACKAGES"
#: The section that variables stand for; pip gives it this name too.
ENVIRONMENT = ":env:"
#: Since this pip a-b and a_b in one section are one key, given twice; before it the later one won.
SPELLINGS_ARE_ONE_SINCE = "26.3"


@dataclass(frozen=True)
class Override:
    """The value of a setting that is on or off, as pip would use it, and the file or variable it comes from.

    ``value`` is ``None`` where nothing sets it; ``problem`` says that a file is not understood, with which every pip
    ends, ``refused`` that the value is not, with which those end that know the setting.
    """

    value: Optional[bool] = None
    source: str = ""
    problem: str = ""
    refused: str = ""


@dataclass(frozen=True)
class Setting:
    """One key of one section; ``source`` is its file or variable, ``is_users`` says that --isolated leaves it out."""

    section: str
    name: str
    value: str
    source: str
    is_users: bool = False


@dataclass(frozen=True)
class DamagedFile:
    """A file with which pip ends, from the version ``since`` on (any where empty), and what is wrong with it."""

    path: str
    reason: str
    since: str = ""


@dataclass(frozen=True)
class PipConfiguration:
    """Every setting that pip finds, in the order it reads them, and the files it cannot read."""

    settings: Tuple[Setting, ...] = ()
    damaged: Tuple[DamagedFile, ...] = ()

    def values_of(self, name: str, command: str, *, isolated: bool = False) -> Tuple[Setting, ...]:
        """Return what sets an option for a command: at most one of each section, the winning one last.

        In a section the later file counts, and an empty value there is none. A command's own section wins over
        [global] whichever file each is in, a variable over both (pip's ``ConfigOptionParser``).
        """
        last = {one.section: one for one in self.settings if one.name == name and not (isolated and one.is_users)}
        order = [last[section] for section in ("global", command, ENVIRONMENT) if section in last]
        return tuple(one for one in order if one.value)

    def text_of(self, name: str, command: str, *, isolated: bool = False) -> Optional[Setting]:
        """Return what an option with a value is set by."""
        found = self.values_of(name, command, isolated=isolated)
        return found[-1] if found else None

    def flag_of(self, name: str, command: str, *, isolated: bool = False) -> Override:
        """Return what an option without a value is set to; one refused value is enough, even one that would lose."""
        result = Override()
        for setting in self.values_of(name, command, isolated=isolated):
            result = _read_value(name, setting)
            if result.refused:
                break
        return result


def configuration_files(host: Host, prefix: str) -> Tuple[str, ...]:
    """Return the files pip reads for an interpreter's ``prefix``, later ones winning (pip manual, Configuration)."""
    return tuple(path for path, __ in _files(host, prefix))


def _files(host: Host, prefix: str) -> List[Tuple[str, bool]]:
    """Return each file with whether it is the user's own; a PIP_CONFIG_FILE that is there takes their place."""
    named = host.environ.get("PIP_CONFIG_FILE", "")
    if named == "/dev/null":
        return []
    home = host.environ.get("HOME") or host.caller.home
    users = () if named and host.exists(named) else user_files(home, host.environ.get("XDG_CONFIG_HOME", ""))
    files = [(path, False) for path in system_files(host)]
    files += [(path, True) for path in users] + [(f"{prefix}/pip.conf", False)]
    return files + ([(named, False)] if named else [])


def system_files(host: Host) -> Tuple[str, ...]:
    """Return the files every pip of the host reads, in its order."""
    folders = (host.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    return (*(f"{folder}/pip/pip.conf" for folder in folders if folder), "/etc/pip.conf")


def user_files(home: str, folder: str = "") -> Tuple[str, ...]:
    """Return the files every pip of an account reads, in its order; ``folder`` is what its XDG_CONFIG_HOME names."""
    return (f"{home}/.pip/pip.conf", f"{folder or home + '/.config'}/pip/pip.conf")


def observe_configuration(host: Host, prefix: str) -> PipConfiguration:
    """Read what a pip of the interpreter with this ``prefix`` finds in files, in their order, and in variables."""
    settings: List[Setting] = []
    damaged: List[DamagedFile] = []
    for path, is_users in _files(host, prefix):
        data = host.read_bytes(path, limit=LARGEST)
        if data is None:
            found = host.stat(path)
            if found is not None and stat.S_ISREG(found.st_mode) and found.st_size > LARGEST:
                damaged.append(DamagedFile(path, f"it is larger than {LARGEST} bytes"))
            continue
        try:
            parser = _parse(data, path)
        except UnicodeDecodeError:
            damaged.append(DamagedFile(path, "it is not UTF-8"))
            continue
        except configparser.Error as error:
            damaged.append(DamagedFile(path, _first_line(error)))
            continue
        try:
            _parse(data, path, one_spelling=True)
        except configparser.Error as error:
            damaged.append(DamagedFile(path, _first_line(error), SPELLINGS_ARE_ONE_SINCE))
        settings += [
            Setting(section, _normalize(name), value, path, is_users)
            for section in parser.sections()
            for name, value in parser.items(section)
        ]
    for variable, value in host.environ.items():
        if variable.startswith("PIP_"):
            settings.append(Setting(ENVIRONMENT, _normalize(variable[4:]), value, variable, is_users=True))
    return PipConfiguration(tuple(settings), tuple(damaged))


def _first_line(error: configparser.Error) -> str:
    return printable(str(error).splitlines()[0][:500].rstrip("."))


class _OneSpelling(configparser.RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return _normalize(optionstr)


def _parse(data: bytes, path: str, *, one_spelling: bool = False) -> configparser.RawConfigParser:
    parser = _OneSpelling() if one_spelling else configparser.RawConfigParser()
    text = data.decode("utf-8")
    check_bounds(text, path)
    # Read like a file: a line may end as on another system.
    parser.read_file(io.StringIO(text, newline=None), source=path)
    return parser


def _normalize(name: str) -> str:
    name = name.lower().replace("_", "-")
    return name[2:] if name.startswith("--") else name


def observe_override(host: Host, prefix: str) -> Override:
    """Read what ``pip install`` would take as break-system-packages."""
    return read_override(observe_configuration(host, prefix))


def read_override(configuration: PipConfiguration) -> Override:
    """Return what ``pip install`` takes as break-system-packages, or what keeps any pip from reading it."""
    for one in configuration.damaged:
        if not one.since:
            return Override(None, one.path, f"{one.path} is not a valid configuration file: {one.reason}")
    return configuration.flag_of(OVERRIDE, "install")


def _read_value(name: str, setting: Setting) -> Override:
    value = setting.value.lower()
    if value in TRUE_WORDS:
        return Override(True, setting.source)
    if value in _FALSE:
        return Override(False, setting.source)
    refused = f"{setting.source} sets {name} to {setting.value!r}, which pip refuses"
    return Override(None, setting.source, refused=refused)
