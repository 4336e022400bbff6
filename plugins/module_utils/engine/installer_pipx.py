# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pipx's command lines and environment, which reaches the pip or the uv that it starts."""

from __future__ import annotations

import os
from typing import Dict, Mapping, Optional, Sequence, Tuple

from .desired import IndexSettings, ToolEntry
from .host import Host
from .installer_pip import pip_environment
from .installer_uv_settings import UvSettings, uv_settings
from .interpreter import search_directories
from .pipx import Pipx, ToolSpace, as_argument
from .process import Command

#: In seconds: a day less than pipx lets the libraries it shares between tools grow old.
_COMMON_LIBRARIES_AGE = 29 * 24 * 3600.0


def pipx_environment(
    host: Host,
    space: ToolSpace,
    index: IndexSettings,
    *,
    prefix: str,
    backend: str,
    uv: str = "",
    pins_file: str = "",
    upgrade: bool = False,
    log_file: str = "",
) -> Dict[str, Optional[str]]:
    """Return what makes every pipx version use this space; the index settings reach pip and uv by the environment.

    ``prefix`` is the tool's environment, ``uv`` the host's uv, which a pipx that can makes use of.
    """
    env = pip_environment(index, pins_file=pins_file, upgrade=upgrade, log_file=log_file)
    if uv and backend != "pip":
        settings = uv_settings(host, space.account, index, prefix=prefix, scratch=os.path.dirname(log_file))
        env.update(_environment_for_uv(host, settings, uv=uv, pins_file=pins_file))
    env.update(
        PIPX_HOME=space.home,
        PIPX_BIN_DIR=space.bin_dir,
        PIPX_MAN_DIR=f"{space.share_dir}/man",
        PIPX_COMPLETION_DIR=space.share_dir,
        PIPX_SHARED_LIBS=None,
        PIPX_DEFAULT_PYTHON=None,
        PIPX_DEFAULT_BACKEND=backend or None,
        USE_EMOJI="0",
    )
    return env


def _environment_for_uv(host: Host, settings: UvSettings, *, uv: str, pins_file: str) -> Dict[str, Optional[str]]:
    env = settings.as_environment()
    if pins_file:
        # uv does not read pip's variable, and what the host says to pip of constraints counts beside it.
        also = env.get("UV_CONSTRAINT") or host.environ.get("UV_CONSTRAINT", "")
        env["UV_CONSTRAINT"] = f"{pins_file} {also}".strip()
    # pipx takes the uv that it finds there.
    env["PATH"] = ":".join(dict.fromkeys((os.path.dirname(uv), *search_directories(host))))
    return env


def install_arguments(entry: ToolEntry, *, python: str) -> Tuple[str, ...]:
    """Return pipx's arguments that install a tool into an environment that is not there yet."""
    arguments = ["install"]
    if entry.suffix:
        arguments.append(f"--suffix={entry.suffix}")
    if entry.include_deps:
        arguments.append("--include-deps")
    if python:
        arguments.append(f"--python={python}")
    return (*arguments, as_argument(entry.install_spec))


def install_together_arguments(entries: Sequence[ToolEntry]) -> Tuple[str, ...]:
    """Return pipx's arguments that install several tools of which none needs an option."""
    return ("install", *(as_argument(entry.install_spec) for entry in entries))


def inject_arguments(entry: ToolEntry, specs: Tuple[str, ...]) -> Tuple[str, ...]:
    return ("inject", entry.venv_name, *map(as_argument, specs))


def pin_arguments(entry: ToolEntry, *, pinned: bool) -> Tuple[str, ...]:
    return ("pin" if pinned else "unpin", entry.venv_name)


def has_common_libraries(host: Host, space: ToolSpace) -> bool:
    """Say whether the libraries that pipx shares between tools are there, and young enough for it not to renew them.

    pipx renews them when their pip is older than 30 days (pipx/shared_libs.py).
    """
    made = host.stat(f"{space.home}/shared/bin/pip")
    return made is not None and host.clock() - made.st_mtime < _COMMON_LIBRARIES_AGE


def pipx_command(pipx: Pipx, space: ToolSpace, arguments: Tuple[str, ...], env: Mapping[str, Optional[str]]) -> Command:
    return Command((pipx.path, *arguments), env=env, account=space.account)
