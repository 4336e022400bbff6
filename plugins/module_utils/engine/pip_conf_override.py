# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the host's own pip, run by this account, is told to pass over the marker: in files, and elsewhere."""

from __future__ import annotations

from typing import Iterator, Tuple

from .errors import ProvisionError
from .host import Host
from .host_state import ObservedConfig
from .interpreter import Interpreters
from .pip_conf import files_of_level, foresee_config
from .pip_conf_edit import find_damage, has_key
from .pip_conf_wanted import WantedConfig, without_override
from .pip_config import TRUE_WORDS, VARIABLE
from .pip_release import OVERRIDE

_CONFIG_FILE = "PIP_CONFIG_FILE"


def observe_overrides(host: Host, interpreters: Interpreters) -> Tuple[ObservedConfig, ...]:
    """Return the files with the override that pip reads at the levels system, user and interpreter, in its order.

    A file that pip cannot read, and one from which this account may not take it, are returned with why.
    """
    observed = (_observe(wanted, host, interpreters) for wanted in _files(host, interpreters))
    return tuple(one for one in observed if one.reasons or one.problem)


def lasting_overrides(host: Host, interpreters: Interpreters) -> Tuple[str, ...]:
    """Return a sentence for each override that is in none of these files, so that it stays."""
    found = []
    value, named = host.environ.get(VARIABLE, ""), host.environ.get(_CONFIG_FILE, "")
    if value.lower() in TRUE_WORDS:
        found.append(
            f"{VARIABLE}={value} in the environment makes pip pass over the marker, and no file of pip's has it: unset "
            "it where it is set, in /etc/environment or a profile for example."
        )
    if named not in ("", "/dev/null", *(wanted.path for wanted in _files(host, interpreters))):
        text = host.read_text(named) or ""
        if find_damage(text) is None and any(has_key(text, key) for key in without_override("system").keys):
            found.append(
                f"{_CONFIG_FILE} in the environment has pip read {named}, where {OVERRIDE} is set; that file stays as "
                "it is."
            )
    return tuple(found)


def _files(host: Host, interpreters: Interpreters) -> Iterator[WantedConfig]:
    levels = [without_override("system"), without_override("user")]
    python = interpreters.default()
    if python is not None:
        levels.append(without_override("interpreter", python=python.path))
    for level in levels:
        for path in files_of_level(level, host, interpreters):
            yield without_override(level.level, python=level.python, path=path)


def _observe(wanted: WantedConfig, host: Host, interpreters: Interpreters) -> ObservedConfig:
    try:
        return ObservedConfig(wanted, foresee_config(wanted, host, interpreters).reasons)
    except ProvisionError as error:
        return ObservedConfig(wanted, problem=error.message, advice=error.advice)
