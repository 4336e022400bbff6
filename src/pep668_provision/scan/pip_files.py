# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip's configuration as playbooks write it: files of their own, and settings in the host's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .commands import sets_override
from .finding import Finding
from .replacement import Decision, Options, Replacement

_ABSENT: Options = (("break_system_packages", "absent"),)
#: The files that pip reads, by the level that the module pip_config has for them and what else it has to be told.
_FILES: tuple[tuple[str, str], ...] = (
    (r"/etc/pip\.conf", "system"),
    (r"(?P<path>/etc/xdg/pip/pip\.conf)", "system"),
    (r"(?:~|/home/(?P<user>[\w.-]+)|/(?P<root>root))/\.config/pip/pip\.conf", "user"),
    (r"(?P<path>(?:/home/(?P<user>[\w.-]+)|/(?P<root>root))/\.pip/pip\.conf)", "user"),
)
_LEVELS = {"--global": "system", "--user": "user"}


def pip_conf_task(words: Sequence[str], path: str = "") -> Decision:
    """Return the task that takes the override out of the file at ``path``, or the one ``pip config`` writes to."""
    if words:
        level = next((_LEVELS[word] for word in words if word in _LEVELS), "user")
        if "--site" in words:
            return Decision((_task((("level", "interpreter"),)),), "which interpreter's file it is does not show")
        return Decision((_task((("level", level),)),))
    for pattern, level in _FILES:
        found = re.fullmatch(pattern, path)
        if found is not None:
            parts = found.groupdict()
            user = parts.get("user") or parts.get("root") or ""
            options: Options = (("level", level),)
            options += (("user", user),) if user else ()
            options += (("path", parts["path"]),) if parts.get("path") else ()
            return Decision((_task(options),))
    return Decision((_task((("level", "system"),)),), "whether pip reads that file, and for whom, does not show")


def _task(options: Options) -> Replacement:
    return Replacement("pip_config", (*options, *_ABSENT), title="Have pip respect the marker")


def check_pip_conf(text: str) -> Iterator[Finding]:
    """The overrides in the text of a pip.conf, or of the template of one."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.lstrip().startswith(("#", ";")) and sets_override(line):
            yield Finding("PM005", "", number, " ".join(line.split()), left="leave the line out")
