# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds tasks, commands and files of an existing code base that fail or do harm where Python is externally managed."""
