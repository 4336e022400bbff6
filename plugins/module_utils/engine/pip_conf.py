# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pip.conf that has the settings that were asked for: which file that is, what it has, how it is written."""

from __future__ import annotations

import os
import posixpath
import stat
import time
from dataclasses import dataclass, replace
from typing import Any, List, Optional, Tuple

from .account import Account, act_as
from .errors import ProvisionError
from .files import make_directory, write_atomically
from .host import Host
from .ini_text import LARGEST
from .interpreter import Interpreters, describe_found
from .lock import holding_lock
from .path_control import keeper_of
from .pip_conf_edit import edit, find_damage, has_key
from .pip_conf_wanted import WantedConfig
from .pip_config import system_files, user_files
from .redact import has_credentials


@dataclass(frozen=True)
class ConfigFile:
    """A pip.conf as it is: ``real_path`` is the file behind every link, ``text`` is ``None`` where there is none.

    ``account`` is with whose rights it is read and written (``None``: the caller's), ``others`` are files of the same
    level that pip reads before it, ``obstacle`` says why it could not be written.
    """

    path: str
    real_path: str
    account: Optional[Account]
    text: Optional[str] = None
    mode: int = 0o644
    owner: Optional[Tuple[int, int]] = None
    others: Tuple[str, ...] = ()
    obstacle: str = ""


@dataclass(frozen=True)
class ConfigChange:
    """What is done to a file, or would be: its text before and after, why, and what the user has to know.

    ``mode`` is the one it is to have, ``None`` where it keeps the one it has.
    """

    file: ConfigFile
    before: str
    after: str
    reasons: Tuple[str, ...] = ()
    warnings: Tuple[str, ...] = ()
    backup_file: str = ""
    mode: Optional[int] = None

    @property
    def changed(self) -> bool:
        return self.before != self.after or self.changes_mode

    @property
    def changes_mode(self) -> bool:
        return self.mode is not None and self.file.text is not None and self.mode != self.file.mode


def files_of_level(wanted: WantedConfig, host: Host, interpreters: Optional[Interpreters] = None) -> Tuple[str, ...]:
    """Return the files that pip reads at a level, in its order: the last is the one it writes to."""
    file = _locate_written(wanted, interpreters or Interpreters(host), host)
    return (*file.others, file.path)


def foresee_config(wanted: WantedConfig, host: Host, interpreters: Optional[Interpreters] = None) -> ConfigChange:
    """Return what a run would do to the file, without doing it."""
    file = _observe(host, _locate(wanted, interpreters or Interpreters(host), host))
    before = file.text or ""
    _check_valid(file.path, before)
    after = edit(before, wanted.keys)
    if file.text is None and has_credentials(after):
        file = replace(file, mode=0o600)
    change = ConfigChange(file, before, after, _reasons(before, wanted), mode=wanted.mode)
    if change.changed and file.obstacle:
        raise _not_written(file, file.obstacle)
    if change.changes_mode:
        change = replace(change, reasons=(*change.reasons, f"its mode is {file.mode:04o}"))
    final = file if wanted.mode is None else replace(file, mode=wanted.mode)
    return replace(change, warnings=_warnings(wanted, host, final))


def converge_config(wanted: WantedConfig, host: Host, *, lock_timeout: float, backup: bool = False) -> ConfigChange:
    """Leave the file with what is wanted, under the host's lock (waited for in seconds); return what was done."""
    change = foresee_config(wanted, host)
    if not change.changed:
        return change
    with holding_lock(host, timeout=lock_timeout):
        # Whoever held the lock may have done some of it.
        change = foresee_config(wanted, host)
        return write_config(change, host, backup=backup) if change.changed else change


def write_config(change: ConfigChange, host: Host, *, backup: bool = False) -> ConfigChange:
    """Write what was foreseen, with the file's owner and mode; return the same with the name of the backup if any."""
    file, backup_file = change.file, ""
    real = host.real(file.real_path)
    try:
        act_as(file.account, lambda: make_directory(os.path.dirname(real)))
        if backup and file.text is not None:
            # Named as Ansible's own modules name theirs.
            now = time.strftime("%Y-%m-%d@%H:%M:%S", time.localtime(host.clock()))
            backup_file = f"{file.real_path}.{os.getpid()}.{now}~"
            write_atomically(host.real(backup_file), file.text, account=file.account, mode=file.mode, owner=file.owner)
        mode = file.mode if change.mode is None else change.mode
        write_atomically(real, change.after, account=file.account, mode=mode, owner=file.owner)
    except OSError as error:
        raise _not_written(file, str(error.strerror)) from error
    return replace(change, backup_file=backup_file)


def _not_written(file: ConfigFile, reason: str) -> ProvisionError:
    return ProvisionError(
        f"{file.path} cannot be written: {reason}.",
        advice="It takes an account that may write there, by become: true for example.",
    )


def _locate(wanted: WantedConfig, interpreters: Interpreters, host: Host) -> ConfigFile:
    """Return which file it is, and with whose rights it is touched."""
    file = _locate_written(wanted, interpreters, host)
    if not wanted.path:
        return file
    if wanted.path not in (file.path, *file.others):
        allowed = ", ".join((*file.others, file.path))
        raise ProvisionError(
            f"{wanted.path} is no file that pip reads at the level {wanted.level}.", advice=f"Allowed is: {allowed}."
        )
    # Whoever names one file knows of the others.
    return replace(file, path=wanted.path, others=())


def _locate_written(wanted: WantedConfig, interpreters: Interpreters, host: Host) -> ConfigFile:
    """Return the file of a level that pip itself writes to, the last in its order (pip manual, Configuration)."""
    if wanted.level == "system":
        *others, path = system_files(host)
        return ConfigFile(path, "", None, others=tuple(others))
    if wanted.level == "user":
        account, home = _find_user(wanted.user, host)
        # The variable is the caller's own and says nothing of another account.
        named = host.environ.get("XDG_CONFIG_HOME") if wanted.user in ("", host.caller.name) else ""
        *others, path = user_files(home, named or "")
        return ConfigFile(path, "", account, others=tuple(others))
    # Without its site an environment's Python up to 3.13 tells the prefix of the one it was made with.
    is_environments = host.exists(f"{os.path.dirname(os.path.dirname(wanted.python))}/pyvenv.cfg")
    found = interpreters.select(wanted.python, with_site=is_environments)
    if found is None:
        raise ProvisionError(
            f"The interpreter {wanted.python} is not on this host or does not run.",
            advice=f"Found were: {describe_found(interpreters.discover(with_pip=False))}.",
        )
    return ConfigFile(
        posixpath.join(found.prefix, "pip.conf"), "", keeper_of(host, posixpath.join(found.prefix, "pip.conf"))
    )


def _find_user(name: str, host: Host) -> Tuple[Optional[Account], str]:
    caller = host.caller
    if not name or name == caller.name:
        home = host.environ.get("HOME") or caller.home
        # sudo may leave root the home of who called it.
        return keeper_of(host, posixpath.join(home, ".config")), home
    account = host.account_by_name(name)
    if account is None:
        raise ProvisionError(f"The user {name} is no account on this host.", advice="Create the account first.")
    if not host.is_root:
        raise ProvisionError(
            f"The pip.conf of {name} cannot be written by {caller.name}.", advice=f"Run as root, or as {name}."
        )
    if not host.is_dir(account.home):
        raise ProvisionError(f"{account.home}, the home of {name}, is not there.", advice="Create it first.")
    return account, account.home


def _observe(host: Host, file: ConfigFile) -> ConfigFile:
    """Read a file. Links are followed, as pip follows them: whoever made one keeps the file where it points."""

    def barred(path: str) -> str:
        """Return the folder in which a file would be made if nothing can be made there."""
        folder = posixpath.dirname(path)
        while not os.path.lexists(host.real(folder)):
            folder = posixpath.dirname(folder)
        return "" if os.access(host.real(folder), os.W_OK | os.X_OK) else folder

    def read() -> List[Any]:
        path = host.resolve(file.path)
        try:
            found = os.stat(host.real(path))
        except FileNotFoundError:
            return [path, "", 0, 0, 0, barred(path)]
        if not stat.S_ISREG(found.st_mode):
            return [path, "", found.st_mode, 0, 0, ""]
        with open(host.real(path), "rb") as stream:
            # A byte that is no UTF-8 is judged later: the text may come back from another process.
            data = stream.read(LARGEST + 1)
            if len(data) > LARGEST:
                raise ProvisionError(f"{file.path} is larger than {LARGEST} bytes.", advice="pip.conf has a few lines.")
            text = data.decode("utf-8", "surrogateescape")
        return [path, text, found.st_mode, found.st_uid, found.st_gid, barred(path)]

    try:
        path, text, mode, uid, gid, folder = act_as(file.account, read)
    except OSError as error:
        raise ProvisionError(
            f"{file.path} cannot be read: {error.strerror}.", advice="It takes an account that may read it."
        ) from error
    name = (file.account or host.caller).name
    file = replace(file, real_path=path, obstacle=f"{name} may not write in {folder}" if folder else "")
    if not mode:
        return file
    if not stat.S_ISREG(mode):
        raise ProvisionError(f"{file.path} is no file.", advice="Move away what is there, then run again.")
    return replace(file, text=text, mode=stat.S_IMODE(mode), owner=(uid, gid))


def _check_valid(path: str, text: str) -> None:
    damage = find_damage(text)
    if damage:
        raise ProvisionError(
            f"{path}, line {damage.line}, is not valid: {damage.what}.",
            advice="Every pip that reads the file ends with an error. Correct that line, or move the file away.",
        )


def _reasons(before: str, wanted: WantedConfig) -> Tuple[str, ...]:
    """Return why the file has to change, key by key; no value of one is told."""
    found = []
    for key, words in wanted.keys.items():
        if edit(before, {key: words}) != before:
            differs = "has another value" if has_key(before, key) else "is not set"
            found.append(f"{key.names[0]} {differs if words else 'is set'}")
    return tuple(found)


def _warnings(wanted: WantedConfig, host: Host, file: ConfigFile) -> Tuple[str, ...]:
    found = []
    for other in file.others:
        text = host.read_text(other) or ""
        if find_damage(text) is None:
            left = [key.names[0] for key, words in wanted.keys.items() if not words and has_key(text, key)]
            found += [f"pip also reads {other}, where {name} is set; that file stays as it is." for name in left]
    if not any(has_credentials(word) for words in wanted.keys.values() for word in words):
        return tuple(found)
    if file.mode & 0o044:
        found.append(f"{file.path} holds a credential, and its mode {file.mode:04o} lets others read it.")
    elif wanted.level != "user":
        found.append(f"{file.path} holds a credential, so its mode is {file.mode:04o}: for others pip passes it over.")
    return tuple(found)
