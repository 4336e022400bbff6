# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule of the audit, in the order of their ids."""

from __future__ import annotations

from typing import Tuple

from . import (
    credentials,
    damaged_packages,
    environments,
    markers,
    overrides,
    pip_programs,
    system_site,
    tools,
    writable,
)
from .finding import Rule

_TOPICS = (
    markers.RULES,
    overrides.RULES,
    credentials.RULES,
    system_site.RULES,
    damaged_packages.RULES,
    pip_programs.RULES,
    environments.RULES,
    tools.RULES,
    writable.RULES,
)

RULES: Tuple[Rule, ...] = tuple(sorted((rule for topic in _TOPICS for rule in topic), key=lambda rule: rule.id))
