# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read on a host to tell what the pip of one of its interpreters would do; no pip is started for it."""

from __future__ import annotations

from .host import Host
from .interpreter import Interpreter
from .marker import observe_marker
from .pip_config import observe_configuration
from .pip_policy import PipFacts
from .venv import parse_pyvenv_cfg


def observe_pip_facts(host: Host, interpreter: Interpreter) -> PipFacts:
    """Read marker and configuration as this interpreter's pip, started in this environment, would meet them."""
    return PipFacts(
        pip=interpreter.pip,
        marker=observe_marker(host, interpreter.stdlib, message_locale(host), interpreter.version),
        configuration=observe_configuration(host, interpreter.prefix),
        is_venv=interpreter.is_venv,
        sees_user_site=_sees_user_site(host, interpreter.prefix),
        user_site_is_off=bool(host.environ.get("PYTHONNOUSERSITE")),
    )


def message_locale(host: Host) -> str:
    """Return the locale that programs speak to the user in, "" where no variable says (POSIX's order of three)."""
    return next((host.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if host.environ.get(name)), "")


def _sees_user_site(host: Host, venv: str) -> bool:
    """Return what pip takes from pyvenv.cfg (its ``virtualenv_no_global``); it counts in environments alone."""
    text = host.read_text(f"{venv}/pyvenv.cfg")
    return text is not None and parse_pyvenv_cfg(text).get("include-system-site-packages") != "false"
