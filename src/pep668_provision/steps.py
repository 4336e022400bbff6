# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the plan that the engine made on a host to pyinfra's commands, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pyinfra import logger
from pyinfra.api.command import PyinfraCommand, StringCommand
from pyinfra.api.exceptions import FactProcessError, PyinfraError
from pyinfra.context import ctx_host, host, state

from .declared import Declared
from .engine.os_packages import package_operation_options
from .engine.package_manager import MANAGERS
from .facts import ProvisionPlan, StateFact
from .remote import Call, EngineCommand, FailingCommand, show_error, show_warnings

#: The kinds of steps a plan has, in the order they are taken; a package manager is repaired with the first to need it.
EVERY_KIND = ("system_package", "marker", "pip_config", "system_pip", "venv", "tool")

Commands = Iterable[PyinfraCommand | str]


@dataclass(frozen=True)
class Step:
    """A step of a plan: what it does and why, and the commands that do it."""

    text: str
    commands: Commands = ()


class _Plan(ProvisionPlan):
    """The plan, or the error that was met: get_fact would end the whole run after the last host's, with a traceback."""

    def process(self, output: list[str]) -> dict[str, Any]:
        try:
            return super().process(output)
        except FactProcessError as error:
            return {"error": str(error)}


# As which it is printed.
_Plan.name = ProvisionPlan.name


def take_steps(declared: Declared, kinds: Sequence[str]) -> Iterator[Step]:
    """Yield the steps of these kinds to a declared state; in a run each is planned after those before it were taken."""
    found = _find_plan(declared)
    if found.get("missing"):
        refused = _why_no_python(declared, found["missing"])
        if refused:
            _show_error(refused)
            yield from _stop()
            return
        yield from _bring_python(declared, found["missing"])
        if not state.is_executing:
            host.log("What else is missing can be told only once the host has a Python.")
            return
        found = _find_plan(declared)
        if found.get("missing"):
            names = " ".join(found["missing"]["packages"])
            _show_error(f"{names} is installed, and still no Python that is new enough runs on the host.")
            found = {}
    if state.is_executing and found.get("system_packages") and found["lists_need_refresh"]:
        yield from _repair_steps(declared, found)
        refresh = _refresh_lists(found["package_manager"])
        yield Step(refresh.text, _when_ready(declared, found, refresh.commands))
        # Only now it is known which packages there are.
        found = _find_plan(declared)
        found.update({"is_ready": True} if found else {})
    if not found:
        yield from _stop()
        return
    show_warnings(host, found["warnings"])
    if found["converged"]:
        host.noop(f"everything is there: {declared}")
    elif not any(one["kind"] in kinds for one in found["steps"]):
        host.noop(f"no {' or '.join(kinds)} is missing: {declared}".replace("_", " "))
    for steps_of in dict.fromkeys(_STEPS_OF[kind] for kind in kinds):
        yield from steps_of(declared, found)


def _find_plan(declared: Declared) -> dict[str, Any]:
    """Return what the host lacks; empty after an error, which then was shown and has failed the host."""
    rehearsing = not state.is_executing
    wants_stdin = Call(_Plan.ask, declared, {"rehearsing": rehearsing}, has_stdin=True).stdin
    if wants_stdin and _arguments().get("_su_password"):
        _show_error(_why_not_both(declared))
        return {}
    found = ask_host(_Plan, declared, rehearsing=rehearsing)
    if "error" in found:
        _show_error(found["error"])
        return {}
    return found


def _why_not_both(declared: Declared) -> str:
    """Return why what the host is to be told does not reach it beside a password for su."""
    if declared.secrets:
        return (
            "A password for su and credentials of an index cannot both reach the host, for su's takes the standard "
            "input. Use sudo, connect as root, or put the index's credentials into a pip.conf or .netrc of the host."
        )
    return (
        "A password for su and a declared state of this size cannot both reach the host, for both take the "
        "standard input. Use sudo, or connect as root."
    )


def _converge(declared: Declared) -> PyinfraCommand:
    """Return the command that brings a host to this part of what is declared."""
    call = Call("converge", declared, has_stdin=True)
    if call.stdin and _arguments().get("_su_password"):
        _show_error(_why_not_both(declared))
        return FailingCommand()
    return EngineCommand(call)


def ask_host(fact: type[StateFact], declared: Declared, **further: object) -> dict[str, Any]:
    """Return a fact about a declared state; empty where the host could not be asked, which then was shown."""
    stdin = Call(fact.ask, declared, further, has_stdin=True).stdin
    arguments: dict[str, Any] = {**further, **({"_stdin": stdin} if stdin else {})}
    try:
        found = host.get_fact(fact, declared=declared, **arguments)
    except PyinfraError:
        # No host is left. While operations are prepared that ends everything; in a run pyinfra ends them by itself.
        if not state.is_executing:
            raise
        return {}
    if not found and ctx_host.get() not in state.failed_hosts:
        # pyinfra takes an account that is not there for one that an earlier operation makes.
        text = "The host gave no answer. Is there the account this is to run as?"
        host.log_styled(text, fg="red" if state.is_executing else "yellow", log_func=logger.warning)
    return found


def _arguments() -> Mapping[str, Any]:
    """Return pyinfra's global arguments of the operation."""
    arguments: Mapping[str, Any] = host.current_op_global_arguments or {}
    return arguments


def _why_no_python(declared: Declared, missing: Mapping[str, Any]) -> str:
    """Return why the host cannot be brought its first Python, empty where it can."""
    if declared.desired.manage_system_packages and missing["is_root"]:
        return ""
    why = "this runs without root's rights" if not missing["is_root"] else "python_manage_system_packages is false"
    return f"The host has no Python that is new enough, {' '.join(missing['packages'])} would bring one, and {why}."


def _bring_python(declared: Declared, missing: Mapping[str, Any]) -> Iterator[Step]:
    manager, names = missing["package_manager"], missing["packages"]
    if missing["needs_refresh"]:
        yield _refresh_lists(manager)
    text = f"install {' '.join(names)}: the host has no Python that is new enough"
    yield Step(text, _install(declared, manager, names))


def _repair_steps(declared: Declared, found: Mapping[str, Any]) -> list[Step]:
    return [Step(text, [_make_ready(declared, foreseen=True)]) for text in _texts("package_manager", found)]


def _make_ready(declared: Declared, *, foreseen: bool) -> EngineCommand:
    """Return the call that waits for the package manager, and has it repaired where a killed run has left it."""
    return EngineCommand(
        Call("make_ready", further={"lock_timeout": declared.desired.lock_timeout, "foreseen": foreseen})
    )


def _package_steps(declared: Declared, found: Mapping[str, Any]) -> Iterator[Step]:
    if not found["system_packages"]:
        return
    yield from _repair_steps(declared, found)
    if found["lists_need_refresh"] and not state.is_executing:
        yield _refresh_lists(found["package_manager"])
    steps = [one for one in found["steps"] if one["kind"] == "system_package"]
    texts = [f"{one['name']} ({'; '.join(one['reasons'])})" for one in steps]
    install = _install(declared, found["package_manager"], found["system_packages"])
    yield Step(f"install {', '.join(texts)}", _when_ready(declared, found, install))


def _when_ready(declared: Declared, found: Mapping[str, Any], commands: Commands) -> Iterator[PyinfraCommand | str]:
    """Yield commands of the package manager, in a run after the call that waits for it; none where there are none."""
    is_ready = found.get("is_ready") or _texts("package_manager", found)
    waits = state.is_executing and not is_ready and MANAGERS[found["package_manager"]].needs_root
    for position, command in enumerate(commands):
        if waits and not position:
            yield _make_ready(declared, foreseen=False)
        yield command


def _marker_steps(declared: Declared, found: Mapping[str, Any]) -> Iterator[Step]:
    if found["markers"] and not found["system_packages"]:
        yield from _repair_steps(declared, found)
    yield from _taken_at_once(_texts("marker", found), declared.only(python_restore_marker=True))


def _pip_config_steps(declared: Declared, found: Mapping[str, Any]) -> Iterator[Step]:
    return _taken_at_once(_texts("pip_config", found), declared.only(python_pip_conf_override="absent"))


def _taken_at_once(texts: Iterable[str], declared: Declared) -> Iterator[Step]:
    """Yield steps with the one call that takes them all."""
    *others, last = [*texts] or [""]
    for text in others:
        yield Step(text)
    if last:
        yield Step(last, [_converge(declared)])


def _texts(kind: str, found: Mapping[str, Any]) -> list[str]:
    return [_text(one) for one in found["steps"] if one["kind"] == kind]


def _system_pip_steps(declared: Declared, found: Mapping[str, Any]) -> Iterator[Step]:
    entries: Any = declared.values.get("python_system_pip") or ()
    for one in found["system_pip"]:
        part = declared.only(python_system_pip=[entries[one["position"]]])
        yield Step(_text({**one, "kind": "system_pip"}), [_converge(part)])


def _environment_steps(declared: Declared, found: Mapping[str, Any]) -> Iterator[Step]:
    """Yield environments and tools, each with the call that makes them side by side with others."""
    for batch in found["batches"]:
        entries = {}
        for name, positions in (("python_venvs", batch["venvs"]), ("python_tools", batch["tools"])):
            every: Any = declared.values.get(name) or ()
            entries.update({name: [every[position] for position in positions]} if positions else {})
        yield from _taken_at_once(map(_text, batch["steps"]), declared.only(**entries))


_STEPS_OF = {
    "system_package": _package_steps,
    "marker": _marker_steps,
    "pip_config": _pip_config_steps,
    "system_pip": _system_pip_steps,
    "venv": _environment_steps,
    "tool": _environment_steps,
}


def _text(step: Mapping[str, Any]) -> str:
    kind = step["kind"].replace("_", " ")
    return f"{step['action']} {kind} {step['name']}: {'; '.join(step['reasons'])}"


def _install(declared: Declared, manager: str, names: Sequence[str]) -> Commands:
    """Return the commands of the family's own operation of pyinfra that install OS packages."""
    operations = import_module(f"pyinfra.operations.{MANAGERS[manager].operations}")
    options = package_operation_options(MANAGERS[manager], lock_timeout=declared.desired.lock_timeout)
    commands: Commands = operations.packages._inner(packages=list(names), **options)
    return commands


def _refresh_lists(manager: str) -> Step:
    command = MANAGERS[manager].in_shell(MANAGERS[manager].unattended_refresh)
    return Step(f"fetch the lists of {manager}'s repositories", [StringCommand(command)])


def _show_error(text: str) -> None:
    """The error was shown, and the host is left out of what is still prepared."""
    show_error(host, text)
    if not state.is_executing:
        state.fail_hosts({ctx_host.get()})


def _stop() -> Iterator[Step]:
    """End a run of the operation as one that failed; why has been shown."""
    if state.is_executing:
        yield Step("", [FailingCommand()])
