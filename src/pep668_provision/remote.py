# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine on a host without anything installed there: its source and a request travel in one command.

The host's own Python runs it from memory; nothing is written. The command stays well below the 128 KiB that Linux
allows for one argument (MAX_ARG_STRLEN in execve(2)), whatever it is wrapped in; what would not fit takes the standard
input.
"""

from __future__ import annotations

import base64
import difflib
import json
import re
import zlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Unpack

from pyinfra import logger
from pyinfra.api.arguments import ConnectorArguments
from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import FactProcessError
from pyinfra.api.hiddenvalue import HiddenValue
from pyinfra.api.host import Host
from pyinfra.api.state import State
from pyinfra.connectors.util import CommandOutput

from .declared import Declared
from .engine.answer_words import ANSWER, ERROR, PREFIX
from .engine.bootstrap import MISSING, python_script
from .engine.call import LOADED_FOR
from .engine.parts import needed_parts, spared_modules

_ENGINE = Path(__file__).parent / "engine"
#: Characters of engine and request that fit into a command with all that it may be wrapped in.
_LARGEST_WORDS = 125 * 1024

# Runs on the host with Python 3.8 or newer. Without quotes that a shell would have to quote again.
_LOADER = """\
import binascii, json, sys, zlib
from importlib.machinery import ModuleSpec
sent = [word if word != "-" else sys.stdin.readline() for word in sys.argv[1:]]
engine, request = [json.loads(zlib.decompress(binascii.a2b_base64(one))) for one in sent]
class Engine:
    def find_spec(self, name, path=None, target=None):
        package, _, module = name.partition(".")
        if package == "pep668_engine" and (module or "__init__") in engine:
            holds = not module or any(one.startswith(module + ".") for one in engine)
            return ModuleSpec(name, self, is_package=holds)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        name = module.__name__.partition(".")[2] or "__init__"
        exec(compile(engine[name], "engine/%s.py" % name, "exec", dont_inherit=True), module.__dict__)
sys.meta_path.insert(0, Engine())
from pep668_engine.call import main
from pep668_engine.host import Host
sys.exit(main(request, Host()))
"""


class HiddenLines(list[str]):
    """Lines for standard input that are not printed, where pyinfra prints the arguments it was called with."""

    def __repr__(self) -> str:
        return "*MASKED*"


# Modules of the engine import each other as "from .name import" or "from . import name, name", those of a package in it
# with a dot more.
_IMPORTED = re.compile(r"^( *)from (\.+)(?:([\w.]+) import | import ([\w, ]+|\([^)]*\)))", re.MULTILINE)

# The parser of the standard library would take a fifth of a second of each run. Each of these starts with a character
# of its own, so that the search goes from one such character to the next.
_TEXTS = re.compile(
    "|".join(
        (
            r'"""(?:[^"\\]++|\\.|"(?!""))*+"""',
            r"'''(?:[^'\\]++|\\.|'(?!''))*+'''",
            r'"(?:[^"\\\n]++|\\.)*+"',
            r"'(?:[^'\\\n]++|\\.)*+'",
            r"#[^\n]*+",
        )
    ),
    re.DOTALL,
)


def hidden_lines(declared: Declared) -> HiddenLines:
    """Return what a call about this state is given on standard input: the state, where it holds a credential."""
    return HiddenLines([json.dumps(dict(declared.values))] if declared.secrets else [])


@dataclass(frozen=True)
class Call:
    """One call of the engine on a host: what is asked, of which declared state, and what else the request says."""

    ask: str
    declared: Declared | None = None
    further: Mapping[str, object] = field(default_factory=dict)
    has_stdin: bool = False

    @property
    def stdin(self) -> HiddenLines:
        """The engine, where it is too large for the command, and what is declared, where it holds a credential.

        An argument list can be read by every account of a host, and has an end. Without ``has_stdin`` the engine stays
        in the command, for a fact that a user asks for has no standard input.
        """
        hidden = hidden_lines(self.declared) if self.declared is not None else HiddenLines()
        return HiddenLines([self._packed_engine()] * self._is_large() + hidden)

    def __str__(self) -> str:
        """The call as it is printed in place of the engine's source."""
        shown = self._request(masked=True)
        request = json.dumps({name: value for name, value in shown.items() if name != "ask"})
        return f"python3 -I -S -X utf8 -c *pep668_provision.engine* {self.ask} {request}"

    def script(self) -> HiddenValue:
        """Return the shell script that makes the call, which is printed as this call's text."""
        engine = "-" if self._is_large() else self._packed_engine()
        arguments = ("-I", "-S", "-X", "utf8", "-c", _LOADER, engine, self._packed_request())
        return HiddenValue(python_script(arguments), masked_value=str(self))

    def _packed_request(self) -> str:
        request = self._request()
        if self.declared is not None and self.declared.secrets:
            request["declared"] = None
        return _packed(json.dumps(request))

    def _is_large(self) -> bool:
        words = len(self._packed_engine()) + len(self._packed_request())
        return self.has_stdin and words > _LARGEST_WORDS

    def _packed_engine(self) -> str:
        return packed_engine(*self.modules)

    @property
    def modules(self) -> tuple[frozenset[str], frozenset[str]]:
        """The modules of the engine that this call loads beyond what each does, and those that it does not."""
        values = self.declared.values if self.declared is not None else {}
        loaded = {*LOADED_FOR[self.ask], *needed_parts(values, only_plans=self.ask == "plan")}
        others = {module for modules in LOADED_FOR.values() for module in modules} - {*spared_modules({})}
        others |= {*spared_modules(values)}
        others -= loaded
        return frozenset(loaded), frozenset(others)

    def _request(self, *, masked: bool = False) -> dict[str, Any]:
        declared: dict[str, Any] = {}
        if self.declared is not None:
            declared = {"declared": self.declared.masked() if masked else dict(self.declared.values)}
        return {"ask": self.ask, **self.further, **declared}


class EngineCommand(StringCommand):
    """A call that changes the host. Its warnings are shown; of one that fails pyinfra shows what it printed."""

    def __init__(self, call: Call) -> None:
        call = replace(call, has_stdin=True)
        arguments: ConnectorArguments = {"_stdin": call.stdin} if call.stdin else {}
        super().__init__(call.script(), **arguments)

    def execute(self, state: State, host: Host, connector_arguments: ConnectorArguments) -> tuple[bool, CommandOutput]:
        succeeded, output = super().execute(state, host, connector_arguments)
        if not succeeded:
            return succeeded, output
        try:
            answer = read_answer(output.stdout_lines)
        except FactProcessError as error:
            show_error(host, str(error))
            return False, output
        show_warnings(host, answer["warnings"])
        if state.config.DIFF:
            show_differences(host, answer["before"], answer["after"])
        return succeeded, output


class FailingCommand(StringCommand):
    """Runs nothing and fails, for what was found to be impossible only while the operation was under way."""

    def execute(self, *_: Any, **__: Unpack[ConnectorArguments]) -> tuple[bool, CommandOutput]:
        return False, CommandOutput([])


def read_answer(lines: Iterable[str]) -> dict[str, Any]:
    """Return what the engine answered, from what a call printed.

    On a host without a Python that the engine runs with that is ``missing``: {package_manager, packages, needs_refresh,
    is_root}. Raises FactProcessError with the engine's own text where it met an error, and when there is no answer.
    """
    for line in reversed(list(lines)):
        prefix, _, rest = line.partition(" ")
        word, _, content = rest.partition(" ")
        if prefix != PREFIX:
            continue
        if word == MISSING:
            manager, lists, uid, *packages = content.split()
            missing = {"package_manager": manager, "packages": packages, "needs_refresh": lists == "absent"}
            return {"missing": {**missing, "is_root": uid == "0"}}
        if word == ERROR:
            raise FactProcessError(str(json.loads(content)["message"]))
        if word == ANSWER:
            answer: dict[str, Any] = json.loads(content)
            return answer
    raise FactProcessError("The host did not answer: its shell or its python3 printed something else.")


def show_error(host: Host, text: str) -> None:
    """The error was printed for this host."""
    for line in text.splitlines():
        host.log_styled(line, fg="red", log_func=logger.error)


def show_warnings(host: Host, warnings: Iterable[str]) -> None:
    """The warnings were printed for this host."""
    for warning in warnings:
        host.log_styled(f"Warning: {warning}", fg="yellow", log_func=logger.warning)


def show_differences(
    host: Host, before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]
) -> None:
    """For each environment and tool what is in it before and after was printed, as a diff."""
    for name in dict.fromkeys([*before, *after]):
        old, new = (sorted(f"{one}=={at}" for one, at in side.get(name, {}).items()) for side in (before, after))
        for line in difflib.unified_diff(old, new, f"{name} (before)", f"{name} (after)", lineterm="", n=0):
            colour = {"+": "green", "-": "red"}.get(line[0])
            host.log_styled(f"    {line}", fg=colour)


@cache
def packed_engine(loaded: frozenset[str], left_out: frozenset[str]) -> str:
    """Return the engine's source as one word: base64 of zlib of a JSON object, module to source."""
    return _packed(json.dumps(engine_source(loaded, left_out)))


def _packed(text: str) -> str:
    # Once in a run, and so that the engine still fits into a command.
    return base64.b64encode(zlib.compress(text.encode(), level=9)).decode()


def engine_source(loaded: Iterable[str] = (), left_out: Container[str] = ()) -> dict[str, str]:
    """Return the modules a call needs by name, without comments and docstrings; line numbers stay what they are.

    These are ``loaded`` and what they import. A function's import of a module that is ``left_out`` is none of a call
    that does not call it.
    """
    found: dict[str, str] = {}
    wanted = ["__init__", "call", *sorted(loaded)]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = _compact(source_file(name).read_text(encoding="utf-8"))
            imported = _IMPORTED.findall(found[name])
            for indent, dots, module, names in imported:
                folder = _package_of(name, len(dots))
                asked = [module] if module else re.findall(r"\w+", names)
                wanted += [folder + one for one in asked if not indent or folder + one not in left_out]
            # What is in a package is found by way of it.
            wanted += [name.rpartition(".")[0]] if "." in name else []
    return found


def source_file(name: str) -> Path:
    """Return the file of a module of the engine, "audit.rules" for one in a package."""
    path = _ENGINE.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _package_of(name: str, dots: int) -> str:
    """Return what comes before the name of what a module imports with so many dots, "" or "audit."."""
    parts = name.split(".") if source_file(name).name == "__init__.py" and name != "__init__" else name.split(".")[:-1]
    return "".join(f"{part}." for part in parts[: len(parts) - dots + 1])


def _compact(source: str) -> str:
    def shorten(found: re.Match[str]) -> str:
        text = found.group()
        if text.startswith("#"):
            return ""
        before = source[source.rfind("\n", 0, found.start()) + 1 : found.start()]
        # A docstring stands on lines of its own.
        if text.startswith('"""') and not before.strip() and source.startswith("\n", found.end()):
            return '""' + "\n" * text.count("\n")
        return text

    return _TEXTS.sub(shorten, source)
