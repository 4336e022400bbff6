# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a host's Python: findings, by rules that only read.

``audit_host`` is the way in, ``rules`` lists the rules, ``finding`` says what one is. Each other file holds the rules
of one topic, and ``survey`` what they look at together.
"""
