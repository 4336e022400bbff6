# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping


def write_files(directory: str, texts: Mapping[str, str]) -> list[str]:
    """Have each of the texts in a file of that name in the directory, which is made; returns their paths.

    All are written beside their places before the first takes its place, so that one report's files do not stand beside
    another's. A new file is its owner's alone (mode 0600), for it says where hosts are weak; one that was there keeps
    its mode. Raises OSError.
    """
    os.makedirs(directory, mode=0o750, exist_ok=True)
    written: list[tuple[str, str]] = []
    try:
        for name, text in texts.items():
            path = os.path.join(directory, name)
            descriptor, beside = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
            written.append((beside, path))
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if os.path.isfile(path):
                os.chmod(beside, stat.S_IMODE(os.stat(path).st_mode))
        paths = [path for __, path in written]
        while written:
            os.replace(*written[0])
            del written[0]
    finally:
        for beside, __ in written:
            os.unlink(beside)
    return paths
