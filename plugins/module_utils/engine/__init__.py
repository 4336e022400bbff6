# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this project knows about Python on externally managed systems: observe, plan, apply.

Nothing in here imports Ansible or pyinfra; everything outside of the process (the file system root, the
environment, the clock, the process runner) comes in through a :class:`host.Host`.
"""
