# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that pip is given in files which others can read."""

from __future__ import annotations

import posixpath
import shlex
import stat
from typing import Iterator, Tuple

from ..host import Host
from ..pip_conf_edit import Placed
from ..redact import mask_userinfo, secrets_in
from .finding import Found, Repair, Rule
from .overrides import settings_of
from .settings_files import SettingsFile
from .since import timestamp
from .survey import Survey


def _readable_by_others(survey: Survey) -> Iterator[Found]:
    for file in survey.pip_confs:
        if not _is_open(survey.host, file):
            continue
        found = [one for one in settings_of(survey, file) if _has_credential(one)]
        if not found:
            continue
        lines = ", ".join(f"line {one.line}: {one.name} in [{one.section}]" for one in found)
        evidence = (
            f"{file.path} (mode {file.mode:04o}) holds a credential in {lines}, and every account of the host can read "
            f"it. It was last written at {timestamp(file.changed)}."
        )
        yield Found(file.path, evidence, _remedy(file), _repairs(file))


def _remedy(file: SettingsFile) -> str:
    path = shlex.quote(file.path)
    new_one = "Have the credential replaced then, as others may have read it."
    if file.level == "user":
        return f"Take the right away: chmod 0600 {path}. {new_one}"
    return (
        f"Take the right away: chmod 0600 {path}; where accounts other than its owner need it, give it to a group of "
        f"these and use chmod 0640. Which accounts need it nobody can tell from here, so no module does it. {new_one}"
    )


def _repairs(file: SettingsFile) -> Tuple[Repair, ...]:
    # Of an account's own file everybody else is done without.
    if file.level != "user":
        return ()
    return (Repair("pip_config", {"level": "user", "user": file.account, "path": file.path, "mode": "0600"}),)


def _has_credential(setting: Placed) -> bool:
    # A proxy may lack its scheme.
    bare = " ".join(word for word in setting.value.split() if "://" not in word)
    return bool(secrets_in([setting.value])) or mask_userinfo(bare) != bare


def _is_open(host: Host, file: SettingsFile) -> bool:
    """Say whether everybody may read a file, and may look into each directory on its way."""
    if not file.mode & stat.S_IROTH:
        return False
    folder = posixpath.dirname(host.resolve(file.path))
    while True:
        found = host.stat(folder)
        if found is None or not found.st_mode & stat.S_IXOTH:
            return False
        if folder == "/":
            return True
        folder = posixpath.dirname(folder)


RULES = (
    Rule(
        "EM104",
        "Others can read the credentials in a pip.conf",
        "error",
        "Users, passwords and tokens in the addresses of each pip.conf of EM101, the file's mode and that of the "
        "directories on its way.",
        "Whoever has an account on the host, and whatever runs there as one, can take packages from the index as its "
        "owner, and upload some where the credential allows it.",
        _readable_by_others,
    ),
)
