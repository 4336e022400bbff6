# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who put an interpreter where it is, and by what that is known."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Optional, Tuple

from .host import Host
from .marker import observe_marker

#: Parts of a path that belong to one tool alone; what comes before and with the part is named as evidence.
_PLACES = (
    ("/uv/python/", "uv"),
    ("/Cellar/", "homebrew"),
    ("/.asdf/installs/", "other"),
    ("/mise/installs/", "other"),
    ("/pipx/py/", "other"),
    ("/nix/store/", "other"),
    ("/gnu/store/", "other"),
)
_PYENV = re.compile(r"^(?P<root>.+)/versions/[^/]+/bin/[^/]+$")
#: Where distributions put interpreters; EL 8 has its own Python in the last.
_DISTRIBUTION = ("/usr/bin/", "/bin/", "/usr/libexec/")


@dataclass(frozen=True)
class Origin:
    """Who an interpreter comes from, and the evidence in a short phrase.

    ``name``: distribution, local, pyenv, conda, uv, homebrew, snap, venv or other.
    """

    name: str
    evidence: str


def tell_origin(host: Host, path: str, executable: str, prefix: str, stdlib: str, *, is_venv: bool) -> Origin:
    """Return who an interpreter comes from.

    ``path`` is how it is called, ``executable`` what it calls itself: a launcher's are not the same. What the
    interpreter's own directories hold comes before where they lie: conda's Python can lie below pyenv's versions.
    """
    if is_venv:
        folder = os.path.dirname(os.path.dirname(path))
        return Origin("venv", f"pyvenv.cfg in {folder if host.exists(f'{folder}/pyvenv.cfg') else prefix}")
    text = observe_marker(host, stdlib).message
    if host.is_dir(f"{prefix}/conda-meta"):
        return Origin("conda", f"conda-meta in its prefix {prefix}" + _named_in_marker(text, "conda"))
    real_path = host.resolve(path)
    if executable.startswith("/snap/") or real_path.startswith("/snap/"):
        inside = executable if executable.startswith("/snap/") else real_path
        return Origin("snap", f"below {'/'.join(inside.split('/')[:3])}")
    pyenv = _PYENV.match(real_path)
    if pyenv is not None and _is_pyenv(host, pyenv.group("root")):
        return Origin("pyenv", f"below {pyenv.group('root')}/versions")
    for part, name in _PLACES:
        before, found, __ = real_path.partition(part)
        if found:
            named = _named_in_marker(text, "uv") if name == "uv" else ""
            return Origin(name, f"below {before}{part.rstrip('/')}{named}")
    if _names(text, "uv"):
        return Origin("uv", "its marker says that uv manages it")
    if real_path.startswith("/usr/local/"):
        return Origin("local", "below /usr/local, which the distribution leaves to the administrator")
    if real_path.startswith(_DISTRIBUTION):
        return Origin("distribution", f"in {os.path.dirname(real_path)}, the distribution's own directory")
    return Origin("other", f"in {os.path.dirname(real_path)}, which is nobody's known place")


def weigh_owner(origin: Origin, real_path: str, owners: Optional[Tuple[str, ...]]) -> Origin:
    """Return the origin with what the package database says of the file; ``None``: there is none that can be read."""
    if owners is None or origin.name not in ("distribution", "local", "other"):
        return origin
    if owners:
        noun, verb = ("package", "owns") if len(owners) == 1 else ("packages", "own")
        return Origin(origin.name, f"{origin.evidence}; {noun} {', '.join(owners)} {verb} {real_path}")
    if origin.name == "distribution":
        return Origin("other", f"in {os.path.dirname(real_path)}, but no package owns {real_path}")
    return origin


def _is_pyenv(host: Host, root: str) -> bool:
    return os.path.basename(root) == ".pyenv" or host.is_dir(f"{root}/shims") or host.exists(f"{root}/libexec/pyenv")


def _names(text: str, tool: str) -> bool:
    # uv's: "This Python installation is managed by uv and should not be modified."
    return re.search(rf"\b{tool}\b", text) is not None


def _named_in_marker(text: str, tool: str) -> str:
    return f", and its marker names {tool}" if _names(text, tool) else ""
