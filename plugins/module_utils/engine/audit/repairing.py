# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which calls may repair something: of which modules, with which of their options, in which order.

What an audit of a host names comes from that host. Nothing is called that is not in this table, whoever asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import FrozenSet, Mapping, Sequence, Tuple

_TOOL_KEYS = frozenset(("name", "spec", "state", "python", "inject", "suffix", "include_deps", "pinned", "installer"))


@dataclass(frozen=True)
class Repairing:
    """What a module may be told for a repair.

    ``options`` are those that may be given, ``only`` those of them that may have some values alone, and ``needed``
    those that have to be given. ``removes``: what is there before is gone afterwards, so that it has to be backed up.
    """

    options: FrozenSet[str]
    only: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    needed: Tuple[str, ...] = ()
    removes: bool = False


def _repairing(
    *options: str, needed: Tuple[str, ...] = (), removes: bool = False, **only: Tuple[str, ...]
) -> Repairing:
    return Repairing(frozenset((*options, *only)), only, needed, removes)


#: In the order of the calls. First nobody else writes where something is repaired. What shadows packages goes before
#: these are laid down again, these bring markers along, environments and tools are made with what is whole by then; an
#: override of the marker serves nobody after that.
REPAIRING: Mapping[str, Repairing] = {
    "backup": _repairing("paths", "label", state=("present",)),
    "write_right": _repairing("directories", "recursive"),
    "pip": _repairing(
        *("name", "python", "scope", "user", "externally_managed", "break_system_packages", "allow_overwrite"),
        state=("absent",),
        needed=("state",),
        removes=True,
    ),
    "package_manager": _repairing("reinstall", state=("ready",)),
    "marker": _repairing("path", "python", "end_diversion"),
    "pip_config": _repairing(
        *("level", "user", "python", "path"), break_system_packages=("absent", "keep"), mode=("0600", "0640")
    ),
    "venv": _repairing(
        *("path", "python", "packages", "requirements", "constraints", "project", "editable", "extras", "lock"),
        *("lock_extras", "lock_groups", "require_hashes", "system_site_packages", "owner", "installer", "rebuild"),
        *("layout", "keep"),
        state=("present",),
        removes=True,
    ),
    "tool": _repairing("scope", "user", "tools"),
}
ORDER = tuple(REPAIRING)


def find_refusal(module: object, arguments: object, keeps: object) -> str:
    """Say why a call may not repair anything, "" where it may."""
    repairing = REPAIRING.get(module) if isinstance(module, str) else None
    if repairing is None:
        return f"the module {module!r} is none of those that repair ({', '.join(ORDER)})"
    if not isinstance(arguments, Mapping):
        return f"the options of {module} are no mapping"
    unknown = sorted(set(map(str, arguments)) - repairing.options)
    if unknown:
        return f"{module} may not be told {', '.join(unknown)} by a repair"
    for name, values in repairing.only.items():
        if (name in arguments or name in repairing.needed) and arguments.get(name) not in values:
            return f"{name} of {module} has to be {' or '.join(values)}, and is {arguments.get(name)!r}"
    if module == "tool" and not _are_tools(arguments.get("tools")):
        return f"tools of {module} is no list of tools"
    if not isinstance(keeps, (list, tuple)) or not all(
        isinstance(path, str) and path.startswith("/") for path in keeps
    ):
        return "what is to be backed up is no list of absolute paths"
    removes = repairing.removes or any(one.get("state") == "absent" for one in arguments.get("tools", ()))
    if removes and not keeps:
        return f"{module} would change what is there, and the audit names nothing to back up"
    return ""


def _are_tools(tools: object) -> bool:
    return (
        isinstance(tools, Sequence)
        and not isinstance(tools, str)
        and all(isinstance(one, Mapping) and not set(map(str, one)) - _TOOL_KEYS for one in tools)
    )
