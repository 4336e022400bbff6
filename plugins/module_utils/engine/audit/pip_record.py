# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pip recorded of a distribution that it installed, and what of it has to be kept before it is removed."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Iterator, Tuple

from ..errors import printable
from ..host import Host
from ..site import Installed, recorded_files

_PREFIX = re.compile(r"^(?P<prefix>.*)/lib(32|64)?/(python|pypy)3[^/]*/(site|dist)-packages\Z")
#: Where distributions put further files, below the prefix that their site is in; programs lie in the first.
_PLACES = ("bin", "share", "etc", "include")
#: Of one with more it is not told one by one what has to be kept.
_MOST_KEPT = 2000
_LONGEST_NAME = 40


@dataclass(frozen=True)
class PipRecord:
    """What an installer recorded of a distribution.

    ``is_pips``: it has a record of an installer. ``installer`` is the name that one gave ("" for none), ``since`` when
    the record was written (seconds since 1970), ``files`` are the recorded ones. ``keeps`` are the paths that hold all
    of them, its modules and metadata as a whole; ``problem`` says why they cannot be told.
    """

    is_pips: bool
    installer: str = ""
    since: float = 0.0
    files: Tuple[str, ...] = ()
    keeps: Tuple[str, ...] = ()
    problem: str = ""


def read_record(host: Host, installed: Installed, site: str) -> PipRecord:
    """Return what was recorded of a distribution in a site; whatever is in its files, ``keeps`` stays where pip works.

    That is the site itself, and bin, share, etc and include of the prefix that it is in.
    """
    name = (host.read_text(f"{installed.metadata}/INSTALLER", 4096, follow=False) or "").strip()
    installer = printable(name[:_LONGEST_NAME]) if name.isprintable() else ""
    files = recorded_files(host, installed) or tuple(_files_of_old_pip(host, installed))
    found = host.lstat(installed.metadata)
    since = found.st_mtime if found is not None else 0.0
    if installed.directory != site:
        # The metadata of a development install of an old setuptools stands in the project.
        return PipRecord(True, installer, since, problem="it is used in place, from a project's directory")
    if not files:
        return PipRecord(bool(installer), installer, since, problem="there is no list of its files that can be read")
    keeps, problem = _keeps(host, installed, site, files)
    return PipRecord(True, installer, since, files, keeps, problem)


def _files_of_old_pip(host: Host, installed: Installed) -> Iterator[str]:
    """Yield the files of what a pip without wheels had setup.py install; their paths start at the metadata."""
    for line in (host.read_text(f"{installed.metadata}/installed-files.txt", follow=False) or "").splitlines():
        if line.strip():
            yield posixpath.normpath(posixpath.join(installed.metadata, line.strip()))


def _keeps(host: Host, installed: Installed, site: str, files: Tuple[str, ...]) -> Tuple[Tuple[str, ...], str]:
    matched = _PREFIX.match(site)
    prefix = matched.group("prefix") if matched is not None else ""
    places = tuple(f"{prefix}/{place}/" for place in _PLACES) if prefix else ()
    real_places = tuple(f"{host.resolve(place)}/" for place in places)
    kept = {installed.metadata}
    for path in files:
        if not path.isprintable():
            return (), "its list of files has what is no path"
        if path.startswith(f"{site}/"):
            top = path[len(site) + 1 :].partition("/")[0]
            # Byte code of others is in there, too, and its own is made anew.
            kept |= {f"{site}/{top}"} if top != "__pycache__" else set()
        elif path.startswith(places) and f"{host.resolve(posixpath.dirname(path))}/".startswith(real_places):
            kept.add(path)
        elif host.lstat(path) is not None:
            return (), f"its list of files has {path[:200]}, which is not where pip puts files"
        if len(kept) > _MOST_KEPT:
            return (), f"it has files in more than {_MOST_KEPT} places"
    return tuple(sorted(path for path in kept if host.lstat(path) is not None)), ""
