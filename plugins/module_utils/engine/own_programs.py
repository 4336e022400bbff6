# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that this project provides from the index, in environments of its own: pipx and uv."""

from __future__ import annotations

from .desired import VenvEntry
from .host import Host
from .interpreter import exchanged_by, search_directories


def support_directory(host: Host) -> str:
    """Return where this project keeps environments of its own (pipx, uv) for the account it runs as."""
    if host.is_root:
        return "/opt/pep668-provision"
    return f"{host.environ.get('HOME') or host.caller.home}/.local/share/pep668-provision"


def own_program_entry(host: Host, name: str, version: str = "") -> VenvEntry:
    """Return the environment in which this project provides a program from the index, "" for its newest version."""
    package = f"{name}=={version}" if version else name
    return VenvEntry(path=f"{support_directory(host)}/{name}", packages=(package,), installer="pip")


def own_program_link(host: Host, name: str) -> str:
    home = host.environ.get("HOME") or host.caller.home
    return f"/usr/local/bin/{name}" if host.is_root else f"{home}/.local/bin/{name}"


def find_uv(host: Host) -> str:
    """Return the path of the host's uv, "" without one.

    To root, one in somebody's home is none: the accounts for which root acts cannot run it.
    """
    own = f"{own_program_entry(host, 'uv').path}/bin"
    for folder in (own, *search_directories(host)):
        program = f"{folder}/uv"
        if not host.is_executable(program):
            continue
        if not host.is_root or not (folder.startswith(("/root/", "/home/")) or exchanged_by(host, program)):
            return program
    return ""
