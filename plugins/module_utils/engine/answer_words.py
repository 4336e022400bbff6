# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the line begins with which a script or a call of the engine answers, among all that a host may print."""

from __future__ import annotations

PREFIX = "pep668.provision:"
#: Words that follow the prefix where a call of the engine answers.
ANSWER, ERROR = "answer", "error"
