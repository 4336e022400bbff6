# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels of pip that an interpreter, or its distribution, keeps for new environments."""

from __future__ import annotations

import os
from typing import List, Tuple

from .host import Host

#: Where distributions that take ensurepip's wheels out of Python keep them (sysconfig WHEEL_PKG_DIR).
SHARED_WHEELS = "/usr/share/python-wheels"


def bundled_wheels(host: Host, python: str) -> List[Tuple[str, str]]:
    """Return (version, path) of the pip wheels that ensurepip would install for this interpreter."""
    base = host.resolve(python)
    release = os.path.basename(base)
    prefix = os.path.dirname(os.path.dirname(base))
    found = []
    for folder in (
        f"{prefix}/lib/{release}/ensurepip/_bundled",
        f"{prefix}/lib64/{release}/ensurepip/_bundled",
        SHARED_WHEELS,
    ):
        for name in host.names_in(folder):
            if name.startswith("pip-") and name.endswith(".whl"):
                found.append((name.split("-")[1], f"{folder}/{name}"))
    return found
