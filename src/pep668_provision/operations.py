# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pyinfra operations: environments, tools, libraries, OS packages for them, and the protection that the marker gives.

Each plans on the host itself and yields the steps of that plan, none on a host that has everything. The settings of the
data model (``python_index_url``, ``python_installer`` and so on) are read from the host's data.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, cast

from pyinfra.api.arguments import all_global_arguments
from pyinfra.api.arguments_typed import PyinfraOperation
from pyinfra.api.command import PyinfraCommand
from pyinfra.api.operation import OperationMeta, operation
from pyinfra.context import host, state

from .declared import Declared, accepted, data_of, settings_in
from .engine.desired import VenvEntry
from .facts import ProvisionRehearsal
from .remote import show_differences, show_warnings
from .steps import EVERY_KIND, ask_host, take_steps

P = ParamSpec("P")


@operation()
def _provide(declared: Declared, kinds: Sequence[str]) -> Generator[PyinfraCommand | str]:
    """Yield what a run does for the steps of these kinds, or what it would do, which is printed as a whole."""
    if state.is_executing:
        for step in take_steps(declared, kinds):
            if step.text:
                host.log(step.text)
            yield from step.commands
        return
    # pyinfra looks no further than the first command here, and the user wants to see all of them.
    commands: list[PyinfraCommand | str] = []
    for step in take_steps(declared, kinds):
        host.log(step.text)
        for command in step.commands:
            host.log(f"    {command}")
            commands.append(command)
    if commands and state.config.DIFF and "venv" in kinds:
        rehearsal = ask_host(ProvisionRehearsal, declared)
        show_warnings(host, rehearsal.get("warnings", ()))
        show_differences(host, rehearsal.get("before", {}), rehearsal.get("after", {}))
    yield from commands


def provide(declared: Declared, kinds: Sequence[str] = EVERY_KIND, **arguments: Any) -> OperationMeta:
    """The host has what is declared, as far as these kinds of steps bring it.

    ``arguments`` are pyinfra's global ones. The operation gets a name, for without one pyinfra prints what it is given,
    and that can hold credentials.
    """
    operate: Callable[..., OperationMeta] = _provide
    return operate(declared, kinds, **{"name": f"Provide {declared}", **arguments})


def _operation(kinds: Sequence[str]) -> Callable[[Callable[P, Declared]], PyinfraOperation[P]]:
    """Make an operation of a function that returns what is declared."""

    def decorate(declare: Callable[P, Declared]) -> PyinfraOperation[P]:
        @wraps(declare)
        def call(*args: Any, **kwargs: Any) -> OperationMeta:
            arguments = {name: kwargs.pop(name) for name, _ in all_global_arguments() if name in kwargs}
            return provide(declare(*args, **kwargs), kinds, **arguments)

        def inner(*args: P.args, **kwargs: P.kwargs) -> Generator[PyinfraCommand | str]:
            return _provide._inner(declare(*args, **kwargs), kinds)

        made = cast("PyinfraOperation[P]", call)
        made._inner = inner
        return made

    return decorate


@_operation(EVERY_KIND)
def venv(
    path: str,
    state: str = "present",
    python: str = "",
    packages: Sequence[str] = (),
    requirements: Sequence[str] = (),
    constraints: Sequence[str] = (),
    project: str = "",
    editable: bool = False,  # noqa: FBT001, FBT002  # pyinfra's typing has no place for keyword-only arguments
    extras: Sequence[str] = (),
    lock: str = "",
    lock_extras: Sequence[str] = (),
    lock_groups: Sequence[str] = (),
    require_hashes: bool = False,  # noqa: FBT001, FBT002  # the same
    system_site_packages: bool = False,  # noqa: FBT001, FBT002  # the same
    owner: str = "",
    installer: str = "auto",
    rebuild: str = "auto",
    pip_args: Sequence[str] = (),
    layout: str = "in_place",
    keep: int = 2,
) -> Declared:
    """One virtual environment has what is asked for; what it needs of the OS is installed first.

    The arguments are the keys of an entry of ``python_venvs``; see the data model in the README.

    .. code:: python

        venv(
            name="Give the application its environment",
            path="/srv/app/.venv",
            requirements=["/srv/app/requirements.txt"],
            owner="app",
            _sudo=True,
        )
    """
    given = dict(locals())
    # What is left as it is by default only makes the printed command longer.
    said = {name: value for name, value in given.items() if value and value != getattr(VenvEntry, name, None)}
    return _with_settings(python_venvs=[said])


@_operation(EVERY_KIND)
def tools(tools: Sequence[Mapping[str, object] | str], scope: str = "global", user: str = "") -> Declared:
    """Command-line tools are there, for every account of the host or for one.

    + tools: entries of ``python_tools``, or names alone
    + scope: global or user, for those that do not say it themselves
    + user: whose they are, with scope user

    .. code:: python

        tools(
            name="Give every user of the host two tools",
            tools=["httpie", {"name": "black", "spec": "black[d]==24.10.0"}],
            _sudo=True,
        )
    """
    if isinstance(tools, (str, Mapping)):
        # Not taken apart: it is refused with what is allowed.
        return _with_settings(python_tools=tools)
    shared = {"scope": scope, **({"user": user} if user else {})}
    entries = [{"name": tool} if isinstance(tool, str) else tool for tool in tools]
    return _with_settings(python_tools=[{**shared, **entry} for entry in entries])


@_operation(EVERY_KIND)
def libraries(libraries: Sequence[str]) -> Declared:
    """Libraries, by their name on PyPI, are provided by the distribution's own packages.

    .. code:: python

        libraries(name="Have what the system's scripts import", libraries=["requests", "pyyaml"], _sudo=True)
    """
    return _with_settings(python_libraries=libraries)


@_operation(EVERY_KIND)
def system_pip(entries: Sequence[Mapping[str, object] | str]) -> Declared:
    """pip did what it is really meant to do in a system's or an account's own Python.

    + entries: entries of ``python_system_pip``, or names alone

    .. code:: python

        system_pip(
            name="Have what the system's scripts import",
            entries=[{"name": "requests", "externally_managed": "prefer_system_package"}],
            _sudo=True,
        )
    """
    if isinstance(entries, (str, Mapping)):
        # As with tools.
        return _with_settings(python_system_pip=entries)
    return _with_settings(python_system_pip=[{"name": one} if isinstance(one, str) else one for one in entries])


@_operation(("system_package",))
def system_packages(
    python_venvs: Sequence[Mapping[str, object]] = (),
    python_tools: Sequence[Mapping[str, object]] = (),
    python_libraries: Sequence[str] = (),
    python_system_pip: Sequence[Mapping[str, object]] = (),
) -> Declared:
    """The OS packages that environments, tools, libraries and pip need are installed, and nothing else is done.

    For what has root's rights before somebody without them does the rest.

    .. code:: python

        system_packages(python_venvs=[{"path": "/srv/app/.venv"}], python_tools=[{"name": "black"}], _sudo=True)
    """
    return _with_settings(**locals())


@_operation(("marker", "pip_config"))
def protection(
    restore_marker: bool = True,  # noqa: FBT001, FBT002  # as above
    pip_conf_override: str = "absent",
) -> Declared:
    """pip respects the marker: those of OS packages are as they are shipped, and no pip.conf overrides them.

    + restore_marker: whether a marker that is missing or changed comes back from its package
    + pip_conf_override: keep, or absent: taken out of the files for the host, the account and the host's own python3

    .. code:: python

        protection(name="Have pip respect the marker again", _sudo=True)
    """
    return _with_settings(python_restore_marker=restore_marker, python_pip_conf_override=pip_conf_override)


def _with_settings(**entries: object) -> Declared:
    """Return these entries with the settings in the host's data."""
    data = accepted(host, data_of(host)).values
    return accepted(host, {**settings_in(data), **entries})
