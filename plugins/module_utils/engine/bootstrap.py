# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell scripts for hosts that may have no Python yet: one brings it, one runs code with it or tells what brings it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, Sequence

from .answer_words import PREFIX
from .distro import FAMILIES, NEWEST_MINOR, OLDEST_MINOR, Family
from .package_manager import PackageManager

if TYPE_CHECKING:
    from .package_recovery import Recovery

#: Words that follow the prefix in the script's last line of output, before what it is about.
PRESENT, INSTALLED, MISSING, REPAIRED = "present", "installed", "missing", "repaired"

_FIND_PYTHON = """\
find_python() {{
    for python in {names}; do
        if "$python" -I -S -c 'import sys; sys.exit(sys.version_info < (3, {oldest}))' >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}}
fail() {{
    printf '%s\\n' "$@" >&2
    exit 1
}}
"""

# Leaves the distribution's packages in $packages, empty where the system is not known.
_FIND_PACKAGES = """\
ID= ID_LIKE= NAME=
if [ -r /etc/os-release ]; then
    . /etc/os-release
elif [ -r /usr/lib/os-release ]; then
    . /usr/lib/os-release
fi
packages=
for id in $(printf '%s' "$ID $ID_LIKE" | tr '[:upper:]' '[:lower:]'); do
    case $id in
{cases}    esac
    [ -z "$packages" ] || break
done
what="There is no Python 3.{oldest} or newer on this host"
unknown="$what, and how to install one on ${{NAME:-this system}} is not known here."
"""

_BRING_HEAD = """\
# Brings this host a Python that Ansible's modules run with. One of three lines tells what was done:
#   {prefix} {present} PATH, {prefix} {installed} PACKAGE..., {prefix} {missing} PACKAGE... (in a dry run)
# Before it can stand that the package manager was left half-way by a killed run: {prefix} {repaired} NAME
"""

_BRING_PRESENT = """\
if find_python; then
    echo "{prefix} {present} $(command -v "$python")"
    exit 0
fi
"""

_BRING_TAIL = """\
if [ -z "$packages" ]; then
    fail "$unknown" "Install it by hand, or name one that is somewhere else in ansible_python_interpreter."
fi
if {dry_run}; then
    echo "{prefix} {missing} $packages"
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    fail "$what, and installing $packages takes root's rights." "Run with become."
fi
# One that was killed at work installs nothing before it is repaired.
if is_interrupted; then
    said=$(repair_packages 2>&1) && ! is_interrupted || fail "$said" "What $manager left half-way cannot be repaired."
    echo "{prefix} {repaired} $manager"
fi
# The lists of the repositories may be absent or old, and often they are not.
if ! said=$(install_packages $packages 2>&1); then
    said=$( (refresh_lists && install_packages $packages) 2>&1) || fail "$said" "Installing $packages failed."
fi
find_python || fail "$said" "$packages was installed, and still no Python 3.{oldest} or newer runs."
echo "{prefix} {installed} $packages"
"""

_RUN = """\
find_python && exec "$python" {arguments}
"""

_RUN_TAIL = """\
[ -n "$packages" ] || fail "$unknown" "Install it by hand, so that python3 is found."
echo "{prefix} {missing} $manager $lists $(id -u) $packages"
"""


def bootstrap_script(*, dry_run: bool = False) -> str:
    """Return a POSIX shell script that installs the distribution's Python where none that is new enough runs.

    On a host that has one it changes nothing and takes one round trip. With ``dry_run`` it only tells what is missing.
    """
    words = {**_words(), "dry_run": "true" if dry_run else "false", "cases": _cases(_installing)}
    parts = (_BRING_HEAD, _FIND_PYTHON, _BRING_PRESENT, _FIND_PACKAGES, _BRING_TAIL)
    return "".join(part.format(**words) for part in parts)


def python_script(arguments: Sequence[str]) -> str:
    """Return a POSIX shell script that becomes the host's first Python that is new enough, with these arguments.

    Where there is none it prints PREFIX, MISSING, the package manager's name, whether its lists of packages can be
    relied on (present or absent), the user's number, and the packages that would bring one; on a system it does not
    know it fails and says so. It changes nothing.
    """
    words = {**_words(), "arguments": " ".join(map(shlex.quote, arguments)), "cases": _cases(_naming)}
    return "".join(part.format(**words) for part in (_FIND_PYTHON, _RUN, _FIND_PACKAGES, _RUN_TAIL))


def _words() -> Dict[str, str]:
    names = ["python3", *(f"python3.{minor}" for minor in range(NEWEST_MINOR, OLDEST_MINOR - 1, -1))]
    return {
        "prefix": PREFIX,
        "present": PRESENT,
        "installed": INSTALLED,
        "missing": MISSING,
        "repaired": REPAIRED,
        "oldest": str(OLDEST_MINOR),
        "names": " ".join(names),
    }


def _cases(lines_for: Callable[[Family, PackageManager], Iterable[str]]) -> str:
    """Return the cases that choose packages by what a system calls itself, and by the package manager it has."""
    lines: List[str] = []
    for family in FAMILIES:
        # What needs no root needs no shell either: its systems bring a Python along.
        if not all(manager.needs_root for manager in family.managers):
            continue
        lines.append(f"    {'|'.join(family.ids)})")
        for manager in family.managers:
            programs = " || ".join(f"[ -x {program} ]" for program in manager.programs)
            lines.append(f'        if [ -z "$packages" ] && {{ {programs}; }}; then')
            lines.append(f"            packages={family.python}")
            if family.newer_python:
                lines.append(f"            ! command -v python3 >/dev/null || packages={family.newer_python}")
            lines += [f"            {line}" for line in lines_for(family, manager)]
            lines.append("        fi")
        lines.append("        ;;")
    return "".join(line + "\n" for line in lines)


def _installing(family: Family, manager: PackageManager) -> Iterable[str]:
    """Return the lines that say how one package manager brings packages, and what Ansible's module for it needs."""
    yield f'install_packages() {{ {manager.in_shell(manager.unattended_install)} "$@"; }}'
    yield f"refresh_lists() {{ {manager.in_shell(manager.unattended_refresh)}; }}"
    yield f"manager={manager.name}"
    yield from _repairing(manager)
    if family.module_needs.get(manager.name):
        yield f'packages="$packages {family.module_needs[manager.name]}"'


def _repairing(manager: PackageManager) -> Iterable[str]:
    """Return the lines that say whether one was killed half-way, where a shell can tell, and how it is repaired."""
    from . import package_recovery  # noqa: PLC0415  # only a host without Python gets them

    recovery = package_recovery.RECOVERIES.get(manager.name, package_recovery.Recovery())
    if recovery.audit:
        repairs = [_in_shell(manager, recovery, one) for one in recovery.commands]
        yield f'is_interrupted() {{ [ -n "$({manager.in_shell(recovery.audit)} 2>/dev/null)" ]; }}'
        # dpkg passes over what it cannot configure, and ends well.
        further = "".join(f"; ! is_interrupted || {{ refresh_lists; {one}; }}" for one in repairs[1:])
        yield f"repair_packages() {{ {repairs[0]}{further}; }}"
    else:
        yield "is_interrupted() { false; }"


def _in_shell(manager: PackageManager, recovery: "Recovery", argv: Sequence[str]) -> str:
    """Return a command of a repair as a shell runs it, which itself has to find out what is laid down again."""
    command = manager.in_shell([word.format(lock_timeout=300) for word in argv if word != "{package}"])
    return f"{command} $({recovery.listing})" if "{package}" in argv else command


def _naming(__: Family, manager: PackageManager) -> Iterable[str]:
    """Return the lines that say which package manager it is, and whether its lists have to be fetched first."""
    yield f"manager={manager.name} lists=absent"
    if manager.lists_fresh_for is None:
        for folder, part in manager.lists:
            yield f'for list in {folder}/*{part}*; do [ ! -e "$list" ] || lists=present; done'
