# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributions that every environment starts with, and sets of distributions without them."""

from __future__ import annotations

from typing import Dict, Mapping, Tuple

from .requirement import normalize_name

#: What an environment starts with; never recorded and never removed unless asked for by name. Debian's ensurepip up to
#: Python 3.9 adds a pkg-resources 0.0.0, which no index has.
SEEDS = frozenset({"pip", "setuptools", "wheel", "pkg-resources"})


def pins_of(packages: Dict[str, str]) -> Tuple[str, ...]:
    """Return a recorded set as requirements that hold each at its version."""
    return tuple(
        f"{normalize_name(name)}=={version}"
        for name, version in sorted(packages.items())
        if version and name not in SEEDS
    )


def without_seeds(packages: Mapping[str, str]) -> Dict[str, str]:
    """Return a set of distributions without what every environment starts with."""
    return {name: version for name, version in packages.items() if name not in SEEDS}
