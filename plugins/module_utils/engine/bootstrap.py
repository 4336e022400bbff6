# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell script that brings a host without Python to the point where everything else of this project runs."""

from __future__ import annotations

import shlex
from typing import Iterable, List

from .distro import FAMILIES, NEWEST_MINOR, OLDEST_MINOR, Family
from .package_manager import PackageManager

#: What the script's last line of output starts with, followed by one of these words and what it is about.
PREFIX = "pep668.provision:"
PRESENT, INSTALLED, MISSING = "present", "installed", "missing"

_HEAD = """\
# Brings this host a Python that Ansible's modules run with. One of three lines tells what was done:
#   {prefix} {present} PATH, {prefix} {installed} PACKAGE..., {prefix} {missing} PACKAGE... (in a dry run)
find_python() {{
    for python in {names}; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, {oldest}))' >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}}
fail() {{
    printf '%s\\n' "$@" >&2
    exit 1
}}
if find_python; then
    echo "{prefix} {present} $(command -v "$python")"
    exit 0
fi
ID= ID_LIKE= NAME=
if [ -r /etc/os-release ]; then
    . /etc/os-release
elif [ -r /usr/lib/os-release ]; then
    . /usr/lib/os-release
fi
packages=
for id in $(printf '%s' "$ID $ID_LIKE" | tr '[:upper:]' '[:lower:]'); do
    case $id in
"""

_TAIL = """\
    esac
    [ -z "$packages" ] || break
done
what="There is no Python 3.{oldest} or newer on this host"
if [ -z "$packages" ]; then
    fail "$what, and how to install one on ${{NAME:-this system}} is not known here." \\
        "Install it by hand, or name one that is somewhere else in ansible_python_interpreter."
fi
if {dry_run}; then
    echo "{prefix} {missing} $packages"
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    fail "$what, and installing $packages takes root's rights." "Run with become."
fi
# The lists of the repositories may be absent or old, and often they are not.
if ! said=$(install_packages $packages 2>&1); then
    said=$( (refresh_lists && install_packages $packages) 2>&1) || fail "$said" "Installing $packages failed."
fi
find_python || fail "$said" "$packages was installed, and still no Python 3.{oldest} or newer runs."
echo "{prefix} {installed} $packages"
"""


def bootstrap_script(*, dry_run: bool = False) -> str:
    """Return a POSIX shell script that installs the distribution's Python where none that is new enough runs.

    On a host that has one it changes nothing and takes one round trip. With ``dry_run`` it only tells what is missing.
    """
    names = ["python3", *(f"python3.{minor}" for minor in range(NEWEST_MINOR, OLDEST_MINOR - 1, -1))]
    words = {
        "prefix": PREFIX,
        "present": PRESENT,
        "installed": INSTALLED,
        "missing": MISSING,
        "oldest": str(OLDEST_MINOR),
        "names": " ".join(names),
        "dry_run": "true" if dry_run else "false",
    }
    # What needs no root needs no shell either: its systems bring a Python along.
    families = [family for family in FAMILIES if all(manager.needs_root for manager in family.managers)]
    cases = "".join(line + "\n" for family in families for line in _case(family))
    return _HEAD.format(**words) + cases + _TAIL.format(**words)


def _case(family: Family) -> Iterable[str]:
    """Return the lines that choose packages and package manager for the systems of one family."""
    lines = [f"    {'|'.join(family.ids)})"]
    for manager in family.managers:
        programs = " || ".join(f"[ -x {program} ]" for program in manager.programs)
        lines += [
            f'        if [ -z "$packages" ] && {{ {programs}; }}; then',
            f'            install_packages() {{ {_command(manager, manager.unattended_install)} "$@"; }}',
            f"            refresh_lists() {{ {_command(manager, manager.unattended_refresh)}; }}",
            f"            packages={family.python}",
        ]
        if family.newer_python:
            lines.append(f"            ! command -v python3 >/dev/null || packages={family.newer_python}")
        if family.module_needs.get(manager.name):
            lines.append(f'            packages="$packages {family.module_needs[manager.name]}"')
        lines.append("        fi")
    return [*lines, "        ;;"]


def _command(manager: PackageManager, argv: Iterable[str]) -> str:
    settings: List[str] = [f"{name}={shlex.quote(value)}" for name, value in manager.environment.items()]
    return " ".join([*settings, *map(shlex.quote, argv)])
