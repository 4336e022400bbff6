# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments that nobody declared to this project, searched for below directories.

What is walked through is anybody's: it may be as wide and as deep as somebody wants it to be, so every search has
bounds, and says what it left out.
"""

from __future__ import annotations

import os
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Collection, Dict, FrozenSet, Iterator, List, Set, Tuple

from ..desired import BUILDS_SUFFIX
from ..errors import printable
from ..host import Host
from ..receipt import FILE_NAME
from ..venv import ASIDE_SUFFIX, BUILD_NAME, SCRATCH_NAME

if TYPE_CHECKING:
    from .survey import Survey

#: How many directories below a root an environment may be, and how many are read altogether.
DEEPEST = 6
MOST_DIRECTORIES = 20_000
_MOST_ENTRIES = 100_000
_CFG = "pyvenv.cfg"
#: What is a directory of a cache (Cache Directory Tagging Specification); what is in it comes again by itself.
_CACHE_TAG = "CACHEDIR.TAG"
#: Directories that hold no environment anybody starts something from, or that a program makes anew by itself.
_PASSED_BY = frozenset(
    {
        *("node_modules", "site-packages", "dist-packages", "__pycache__", ".tox", ".nox", SCRATCH_NAME),
        *(".git", ".hg", ".svn", ".snapshots", ".zfs", "Trash"),
    }
)
#: In an environment: its own directories.
_OF_A_VENV = frozenset({"bin", "include", "lib", "lib64", "share"})
#: Other systems are kept there: what they have of environments runs with their interpreters, not with this host's.
_OTHER_SYSTEMS = re.compile(
    r"/(lib|share)/(docker|containers|containerd|buildkit|kubelet|rancher|lxc|lxd|incus|machines|portables|flatpak|snapd)\Z"
)
#: So do directories that look like a system's top.
_TOP_OF_A_SYSTEM = ({"etc", "usr", "bin"}, {"etc", "usr", "lib"})
#: File systems of this host; others are entered only where a root is in them, as they may be slow, shared or hang.
_LOCAL = frozenset(
    {
        *("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "nilfs2", "reiserfs", "xfs", "zfs"),
        *("exfat", "ntfs3", "ramfs", "tmpfs", "udf", "vfat"),
    }
)
_ESCAPED = re.compile(r"\\([0-7]{3})")
_NAMED_EACH = 5


@dataclass(frozen=True)
class _Place:
    """A directory to look at, ``depth`` directories below the ``root`` it is looked at for."""

    path: str
    root: str
    depth: int = 0


def find_venvs(
    survey: Survey, *, left_out: Collection[str] = (), deepest: int = DEEPEST, most: int = MOST_DIRECTORIES
) -> Tuple[str, ...]:
    """Return the paths of the environments below the roots, sorted; those nearest to a root are found first.

    ``left_out`` are directories that are not entered. Links are not followed. Of an environment with versioned layout
    it is the path that leads to its current build; neither other builds nor what a rebuild set aside is one. What the
    bounds, the time budget or missing rights left out is said in ``unread``.
    """
    host = survey.host
    roots = dict.fromkeys(host.resolve(root) for root in survey.scope.roots if host.is_dir(root))
    search = _Search(survey, frozenset(left_out), set(roots))
    queue = deque(_Place(root, root) for root in roots)
    read = 0
    while queue and read < most and not survey.is_out_of_time:
        place = queue.popleft()
        queue.extend(one for one in search.look_at(place) if one.depth <= deepest)
        read += 1
    why = f"{most} directories were read before" if read == most else "the time budget was used up"
    for root in dict.fromkeys(place.root for place in queue):
        survey.leave_unread(f"what else is below {printable(root)}", why)
    search.say_hidden()
    return tuple(sorted(search.found))


class _Search:
    """One search: what it ``found``, what it ``entered``, and by root what is ``hidden`` from this account."""

    def __init__(self, survey: Survey, left_out: FrozenSet[str], entered: Set[str]) -> None:
        self.survey, self.left_out, self.entered = survey, left_out, entered
        self.mounts = _other_mounts(survey.host)
        self.found: Set[str] = set()
        self.hidden: Dict[str, List[str]] = {}

    def look_at(self, place: _Place) -> Iterator[_Place]:
        """Yield the directories in one that are to be looked at too; an environment there is found."""
        path, host = place.path, self.survey.host
        entries = host.entries_in(path, _MOST_ENTRIES)
        if entries is None:
            self.hidden.setdefault(place.root, []).append(path)
            return
        if len(entries) == _MOST_ENTRIES:
            self.survey.leave_unread(printable(path), f"it has more than {_MOST_ENTRIES} entries")
        names = {name for name, __ in entries}
        is_venv = _CFG in names or FILE_NAME in names
        if is_venv:
            self.found |= set(_what_stands_for(host, path, names))
        elif _CACHE_TAG in names or (place.depth and any(top <= names for top in _TOP_OF_A_SYSTEM)):
            return
        for name, is_directory in entries:
            below = f"{path.rstrip('/')}/{name}"
            if is_directory and not _is_passed_by(below, name, in_venv=is_venv) and self._may_enter(below):
                yield _Place(below, place.root, place.depth + 1)

    def _may_enter(self, path: str) -> bool:
        if path in self.entered or path in self.left_out:
            return False
        self.entered.add(path)
        if path in self.mounts:
            self.survey.leave_unread(printable(path), f"it is another file system ({self.mounts[path]})")
            return False
        return True

    def say_hidden(self) -> None:
        """Say what could not be read, each root in one line: there can be hundreds for an account without rights."""
        for root, paths in self.hidden.items():
            if paths == [root]:
                self.survey.leave_unread(printable(root), "this account cannot read it")
                continue
            shown = [os.path.relpath(path, root) for path in paths[:_NAMED_EACH]]
            more = [f"{len(paths) - _NAMED_EACH} more"] if len(paths) > _NAMED_EACH else []
            what = f"below {root}: {', '.join((*shown, *more))}"
            self.survey.leave_unread(printable(what), "this account cannot read that")


def _is_passed_by(path: str, name: str, *, in_venv: bool) -> bool:
    if name in _PASSED_BY or name.endswith(ASIDE_SUFFIX) or (in_venv and name in _OF_A_VENV):
        return True
    return _OTHER_SYSTEMS.search(path) is not None


def _what_stands_for(host: Host, path: str, names: Collection[str]) -> Tuple[str, ...]:
    """Return the path under which an environment is known; of a build that is the link to the current one."""
    folder, __, name = path.rpartition("/")
    if FILE_NAME not in names or not folder.endswith(BUILDS_SUFFIX) or not BUILD_NAME.match(name):
        return (path,)
    link = folder[: -len(BUILDS_SUFFIX)]
    return (link,) if host.is_link(link) else ()


def _other_mounts(host: Host) -> Dict[str, str]:
    """Return the mount points that are not entered, each with the type of its file system (proc(5), mounts)."""
    found: Dict[str, str] = {}
    for line in (host.read_text("/proc/self/mounts") or "").splitlines():
        words = line.split(" ")
        if len(words) > 2:
            found[_ESCAPED.sub(lambda digits: chr(int(digits.group(1), 8)), words[1])] = words[2]
    return {path: printable(kind) for path, kind in found.items() if kind not in _LOCAL}
