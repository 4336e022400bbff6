# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's own tools on the PATH of the next login shell, with the least edit of the user's files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Tuple

from .account import Account, act_as
from .errors import ProvisionError
from .host import Host

_BLOCK = """
# Tools of this account (pep668.provision)
case ":$PATH:" in
    *":$HOME/.local/bin:"*) ;;
    *) PATH="$HOME/.local/bin:$PATH" ;;
esac
export PATH
"""
#: Bytes of a startup file.
_LARGEST = 4 * 1024 * 1024
_FISH = """# Tools of this account (pep668.provision)
fish_add_path --path "$HOME/.local/bin"
"""


@dataclass(frozen=True)
class LoginPath:
    """The file a login shell of the account reads, and whether ~/.local/bin gets on the PATH by it."""

    account: Account
    file: str
    is_set: bool


def startup_files(host: Host, account: Account) -> Tuple[str, ...]:
    """Return the files a login shell reads, the one to write to first (bash(1) INVOCATION, zshall(1), fish docs)."""
    home = account.home
    shell = os.path.basename(account.shell)
    if shell == "fish":
        return (f"{home}/.config/fish/conf.d/pep668-provision.fish", f"{home}/.config/fish/config.fish")
    if shell == "zsh":
        return (f"{home}/.zprofile", f"{home}/.zshenv", f"{home}/.zshrc", f"{home}/.zlogin")
    if shell == "bash":
        # Only the first of these that exists is read.
        for name in (".bash_profile", ".bash_login"):
            if host.is_file(f"{home}/{name}"):
                return (f"{home}/{name}",)
    return (f"{home}/.profile",)


def observe_login_path(host: Host, account: Account) -> LoginPath:
    """Read whether a line of the account's startup files, comments aside, speaks of .local/bin."""
    files = startup_files(host, account)
    for path in files:
        for line in (host.read_text(path) or "").splitlines():
            if ".local/bin" in line and not line.lstrip().startswith("#"):
                return LoginPath(account, path, True)
    return LoginPath(account, files[0], False)


def put_on_login_path(host: Host, login_path: LoginPath) -> None:
    """Append the lines that put ~/.local/bin on the PATH to the account's startup file, written as the account."""
    from .files import make_directory, write_atomically  # noqa: PLC0415  # nothing is written on a host that has it

    file = login_path.file
    addition = _FISH if file.endswith(".fish") else _BLOCK

    # Read with the account's rights as well: a link of the account's would have root read for it.
    def append() -> None:
        make_directory(os.path.dirname(host.real(file)))
        found = host.stat(file)
        data = host.read_bytes(file, limit=_LARGEST) if found is not None else b""
        if data is None:
            raise ProvisionError(
                f"{file} cannot be read, or is no file of at most {_LARGEST} bytes: it stays as it is.",
                advice=f"Put ~/.local/bin on the PATH of {login_path.account.name} by hand, or move that file away.",
            )
        mode = found.st_mode & 0o777 if found is not None else 0o644
        # Every byte of what somebody wrote stays, in whatever encoding.
        previous = data.decode("utf-8", "surrogateescape")
        # A startup file that is a link into somebody's dotfiles stays one.
        write_atomically(host.real(host.resolve(file)), previous + addition, mode=mode)

    act_as(login_path.account, append)
