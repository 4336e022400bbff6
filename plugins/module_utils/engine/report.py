# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's Python looks like, as one report: interpreters, markers, pips, overrides, pipx and uv."""

from __future__ import annotations

from typing import Dict

from .distro import observe_distribution
from .host import Host
from .interpreter import Interpreter, Interpreters
from .marker import observe_marker
from .observe import find_uv, own_program_entry
from .pip_config import observe_override
from .pip_policy import predict_system_install
from .pipx import find_pipx


def report_host(host: Host) -> Dict[str, object]:
    """Return {host, interpreters, pipx, uv} as the README's reference of ``python_info`` has it; reads only."""
    distribution = observe_distribution(host)
    family, manager = distribution.family, distribution.manager
    return {
        "host": {
            "distribution": distribution.id,
            "name": distribution.name,
            "version": distribution.version,
            "family": family.name if family is not None else "",
            "package_manager": manager.name if manager is not None else "",
        },
        "interpreters": [_report_interpreter(host, one) for one in Interpreters(host).discover()],
        "pipx": [
            {"path": one.path, "version": one.version} for one in find_pipx(host, own_program_entry(host, "pipx").path)
        ],
        "uv": find_uv(host),
    }


def _report_interpreter(host: Host, interpreter: Interpreter) -> Dict[str, object]:
    locale = host.environ.get("LC_ALL") or host.environ.get("LC_MESSAGES") or host.environ.get("LANG") or ""
    marker = observe_marker(host, interpreter.stdlib, locale)
    override = observe_override(host, interpreter.prefix)
    pip = interpreter.pip
    predicted = predict_system_install(is_venv=interpreter.is_venv, pip=pip, marker=marker, override=override)
    return {
        "path": interpreter.path,
        "real_path": interpreter.real_path,
        "version": interpreter.version,
        "implementation": interpreter.implementation,
        "origin": interpreter.origin,
        "externally_managed": marker.blocks and not interpreter.is_venv,
        "marker": {"path": marker.path, "state": marker.state, "message": marker.message},
        "pip": {
            "version": pip.version,
            "path": pip.path,
            "checks_marker": pip.checks_marker,
            "has_override_flag": pip.has_override_flag,
        }
        if pip is not None
        else None,
        "override": {"value": override.value, "source": override.source},
        "can_create_venv": interpreter.can_create_venv,
        "system_install": predicted.outcome,
        "reason": predicted.reason,
    }
