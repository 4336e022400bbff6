# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whether the controller has a module."""

from __future__ import annotations

DOCUMENTATION = r"""
name: available_module
author: pep668.provision maintainers (@pep668)
version_added: 0.1.0
short_description: Whether the controller has a module
description: Is true when the module of that name can be found on the controller, its collection being installed.
options:
  _input:
    description: The full name of a module.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Stop where community.general is missing
  ansible.builtin.fail:
    msg: community.general is not installed
  when: "'community.general.pacman' is not pep668.provision.available_module"
"""

RETURN = r"""
_value:
  description: Whether it is there.
  type: bool
"""

from ansible.plugins.loader import module_loader


def is_available_module(name):
    return bool(module_loader.find_plugin_with_context(name).resolved)


class TestModule:
    """Makes the test known to Jinja."""

    def tests(self):
        return {"available_module": is_available_module}
