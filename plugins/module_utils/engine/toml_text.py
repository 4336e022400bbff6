# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TOML read by a parser that the host has: Python's own from 3.11 on, else the one that pip brings along."""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Dict, Iterator, Mapping, Tuple

from .bundled_wheels import SHARED_WHEELS, bundled_wheels
from .errors import ProvisionError
from .host import Host
from .interpreter import search_directories
from .process import Command

# Arguments are wheels to look into where the interpreter itself has no parser. pip has had one since 21.2; some
# distributions keep it in a wheel beside pip's.
PROGRAM = r"""
import importlib, json, sys
parser = None
for place in [""] + sys.argv[1:]:
    if place:
        sys.path.insert(0, place)
    for name in [one for one in sys.modules if one.partition(".")[0] == "pip"]:
        del sys.modules[name]
    for name in ("tomllib", "tomli", "pip._vendor.tomli"):
        try:
            parser = parser or importlib.import_module(name)
        except Exception:
            pass
if parser is None:
    print(json.dumps({"parser": None}))
else:
    try:
        print(json.dumps({"parser": parser.__name__, "table": parser.loads(sys.stdin.read())}, default=str))
    except (ValueError, RecursionError) as error:
        print(json.dumps({"parser": parser.__name__, "error": str(error)}))
"""
_HAS_TOMLLIB = re.compile(r"^python3\.(1[1-9]|[2-9]\d)$")


class TomlError(ValueError):
    """A text is not TOML; the message is the parser's, with line and column."""


def read_toml(host: Host, text: str) -> Mapping[str, Any]:
    """Return the table in a TOML text, dates as texts.

    Raises TomlError for what is no TOML, and ProvisionError where the host has nothing that reads it.
    """
    try:
        import tomllib  # noqa: PLC0415  # only from Python 3.11 on
    except ImportError:
        return _read_elsewhere(host, text)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise TomlError(str(error)) from None


def _read_elsewhere(host: Host, text: str) -> Mapping[str, Any]:
    for python, wheels in _interpreters(host):
        done = host.run(Command((python, "-I", "-c", PROGRAM, *wheels), stdin=text, timeout=60))
        try:
            answer: Dict[str, Any] = json.loads(done.stdout) if done.succeeded else {}
        except ValueError:
            continue
        if answer.get("error") is not None:
            raise TomlError(str(answer["error"]))
        if isinstance(answer.get("table"), dict):
            return answer["table"]  # type: ignore[no-any-return]
    raise ProvisionError(
        f"This host has nothing that reads TOML: Python {sys.version.split()[0]} does not, nor does its pip.",
        advice="Install Python 3.11 or newer, or pip 21.2 or newer for this one; or have the lock as a requirements"
        " file with hashes (uv export --format requirements-txt, pip-compile --generate-hashes) and declare that with"
        " requirements and require_hashes: true.",
    )


def _interpreters(host: Host) -> Iterator[Tuple[str, Tuple[str, ...]]]:
    """Yield interpreters that may be able to, each with the wheels it can look into: the one that runs this first."""
    wheels = [wheel for __, wheel in bundled_wheels(host, sys.executable)]
    wheels += [f"{SHARED_WHEELS}/{name}" for name in host.names_in(SHARED_WHEELS) if name.startswith("tomli-")]
    yield sys.executable, tuple(wheels)
    for folder in search_directories(host):
        for name in host.names_in(folder):
            if _HAS_TOMLLIB.match(name) and host.is_executable(f"{folder}/{name}"):
                yield f"{folder}/{name}", ()
