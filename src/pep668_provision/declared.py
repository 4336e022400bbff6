# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared state of a host: ``python_*`` keys of its data or of a variable file written for the Ansible role."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pyinfra.api.exceptions import OperationValueError
from pyinfra.api.host import Host

from .engine.desired import VARIABLES, Desired, suggestions, validate
from .engine.errors import ProvisionError
from .engine.redact import redact, redact_declared

#: What an entry of the host is about; every other variable is a setting, which says how it is provided.
ENTRIES = {
    "python_venvs": ("environment", "environments"),
    "python_tools": ("tool", "tools"),
    "python_libraries": ("library", "libraries"),
    "python_system_pip": ("call of pip", "calls of pip"),
}
#: The same of what is no list: when it asks for something, and how that is called.
PROTECTION: Mapping[str, tuple[Callable[[Desired], bool], str]] = {
    "python_restore_marker": (lambda desired: desired.restore_marker, "markers as they are shipped"),
    "python_pip_conf_override": (lambda desired: desired.pip_conf_override == "absent", "no override in pip.conf"),
}


@dataclass(frozen=True, repr=False)
class Declared:
    """A declared state that was accepted; ``values`` are its variables as they were given."""

    values: Mapping[str, object]
    desired: Desired

    @classmethod
    def accept(cls, values: Mapping[str, object]) -> Declared:
        """Return the state, accepted; raises OperationValueError with each refused value and what is allowed."""
        try:
            desired = validate(values)
        except ProvisionError as error:
            raise OperationValueError(str(error)) from None
        return cls(values, desired)

    @property
    def secrets(self) -> frozenset[str]:
        """The strings in it that must never be shown."""
        return self.desired.secrets

    def only(self, **entries: object) -> Declared:
        """Return these entries with the settings of this state, and none of its other entries."""
        return Declared.accept({**settings_in(self.values), **entries})

    def without_credentials(self) -> Declared:
        """Return the same with every credential masked: enough to plan with, not to ask an index that wants them."""
        # Not by its text: a short password may stand in the name of a package, too.
        masked = _masked(self.values, frozenset())
        # A user without a password is a token.
        left_out = ("python_index_username", "python_index_password")
        return Declared.accept({name: value for name, value in masked.items() if name not in left_out})

    def masked(self) -> dict[str, Any]:
        """Return the variables as they may be printed."""
        masked: dict[str, Any] = _masked(self.values, self.secrets)
        return masked

    def __str__(self) -> str:
        """What it is about, in a few words and without anything that must not be printed."""
        parts = []
        for name, (one, many) in ENTRIES.items():
            found = [_called(entry) for entry in _entries(self.values, name)]
            if found:
                parts.append(f"{one if len(found) == 1 else many} {', '.join(found)}" if len(found) < 4 else "")
                parts[-1] = parts[-1] or f"{len(found)} {many}"
        parts += [words for asks, words in PROTECTION.values() if asks(self.desired)]
        return ", ".join(parts) or "nothing"

    __repr__ = __str__


def declared_by(host: Host, variables: str | None = None) -> Declared:
    """Return what the data of a host declares; a file of variables for the role is laid over it, key by key.

    Raises OperationValueError for what is not allowed, or for a file that cannot be read.
    """
    values = data_of(host)
    if variables is not None:
        values |= read_variables(Path(variables))
    return accepted(host, values)


def accepted(host: Host, values: Mapping[str, object]) -> Declared:
    """Return what is declared of a host, accepted; the error of one that is not names the host."""
    try:
        return Declared.accept(values)
    except OperationValueError as error:
        raise OperationValueError(f"{host.name}: {error}") from None


def data_of(host: Host) -> dict[str, object]:
    """Return the variables of the data model that are in a host's data, its groups' included."""
    return _chosen(host.data.dict())


def settings_in(values: Mapping[str, object]) -> dict[str, object]:
    """Return the variables that only say how things are provided."""
    return {name: value for name, value in values.items() if name not in ENTRIES and name not in PROTECTION}


def near_misses(host: Host, variables: str | None = None) -> tuple[str, ...]:
    """Return a sentence for each ``python_*`` key that looks like a misspelt one of the data model."""
    names = list(host.data.dict())
    if variables is not None:
        names += _load(Path(variables))
    return suggestions([name for name in dict.fromkeys(names) if name.startswith("python_")])


def read_variables(path: Path) -> dict[str, object]:
    """Return the data model's variables in a YAML or JSON file written for the role.

    Raises OperationValueError when it cannot be read, and for a template: only Ansible fills those in.
    """
    values = _chosen(_load(path))
    for name, value in values.items():
        for text in _texts(value):
            if "{{" in text or "{%" in text:
                # The text is not shown: it may be a password.
                raise OperationValueError(
                    f"{path}: {name} holds a template, which only Ansible fills in. "
                    "Write the value itself, or set this key in the inventory's data, which is Python."
                )
    return values


def _load(path: Path) -> Mapping[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise OperationValueError(f"The file of variables {path} cannot be read: {error.strerror}.") from None
    except UnicodeError as error:
        raise OperationValueError(f"The file of variables {path} is not plain YAML: {error}.") from None
    try:
        loaded = _parse(text)
    except yaml.YAMLError as error:
        # PyYAML's own text quotes the line, which may hold a password.
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        hint = " Values encrypted by Ansible's vault are not read." if "!vault" in str(problem) else ""
        text = f"The file of variables {path} is not plain YAML: {problem or 'it cannot be parsed'}{where}.{hint}"
        raise OperationValueError(text) from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise OperationValueError(f"The file of variables {path} holds no variables: allowed is NAME: VALUE.")
    return {str(name): value for name, value in loaded.items()}


# The same file is read for every host of a run.
@cache
def _parse(text: str) -> object:
    return yaml.safe_load(text)


def _chosen(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name in VARIABLES}


def _entries(values: Mapping[str, object], name: str) -> list[object]:
    found = values.get(name)
    return list(found) if isinstance(found, (list, tuple)) else []


def _called(entry: object) -> str:
    """Return what an entry is called: its path, or the name of a tool or library."""
    if not isinstance(entry, Mapping):
        return redact_declared(str(entry))
    name = entry.get("path") or entry.get("name") or entry.get("requirements") or ""
    names = name if isinstance(name, (list, tuple)) else [name]
    # What pip is to install can be an address.
    return ", ".join(redact_declared(str(one)) for one in names) + str(entry.get("suffix") or "")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)


def _masked(value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, Mapping):
        return {name: _masked(one, secrets) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(one, secrets) for one in value]
    return value
