#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: python_info
short_description: Tell which Pythons a host has and what pip would do there
description:
  - Looks at a host and reports its interpreters, their EXTERNALLY-MANAGED markers (PEP 668), their pips, what overrides
    the marker, and whether each can make virtual environments.
  - Only reads. Starts each interpreter once and no pip.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
attributes:
  diff_mode:
    support: none
notes:
  - The settings (O(python_index_url) and so on) are taken so that one group of module defaults serves every module;
    this one makes no use of them.
"""

EXAMPLES = r"""
- name: Look at the host's Pythons
  pep668.provision.python_info:
  register: python

- name: Say what a plain pip install would meet
  ansible.builtin.debug:
    msg: "{{ item.path }}: {{ item.system_install }} ({{ item.reason }})"
  loop: "{{ python.interpreters }}"
"""

RETURN = r"""
host:
  description: The distribution, by its own os-release, and the family whose package names apply.
  returned: success
  type: dict
  sample: {distribution: debian, name: Debian GNU/Linux, version: "12", family: debian, package_manager: apt}
interpreters:
  description: Every interpreter on the search path that runs, each file once.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: How it is called.
      type: str
      sample: /usr/bin/python3
    real_path:
      description: The file behind every link.
      type: str
      sample: /usr/bin/python3.11
    version:
      description: Its version.
      type: str
      sample: 3.11.2
    implementation:
      description: Its implementation, as sys.implementation names it.
      type: str
      sample: cpython
    origin:
      description: Who it comes from, one of distribution, local, pyenv, conda, uv, homebrew, snap, venv or other.
      type: str
      sample: distribution
    externally_managed:
      description: Whether a marker makes a pip that checks it refuse.
      type: bool
    marker:
      description: Its marker's path, state (absent, valid, empty, garbage, unreadable, directory, dangling) and text.
      type: dict
    pip:
      description: The version and path of its pip, whether that pip checks the marker and has a flag to override it.
      type: dict
    override:
      description: The value of break-system-packages that pip would use, and the file or variable it comes from.
      type: dict
    can_create_venv:
      description: Whether it has the modules venv and ensurepip.
      type: bool
    system_install:
      description: What a plain C(pip install) through it would meet, V(allowed), V(blocked) or V(unsupported).
      type: str
      sample: blocked
    reason:
      description: Why.
      type: str
pipx:
  description: The pipx programs of the host with path and version.
  returned: success
  type: list
  elements: dict
uv:
  description: The path of the host's uv, empty without one.
  returned: success
  type: str
"""

from ansible_collections.pep668.provision.plugins.module_utils.engine.host import Host
from ansible_collections.pep668.provision.plugins.module_utils.engine.report import report_host
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import make_module


def main() -> None:
    module = make_module()
    module.exit_json(changed=False, **report_host(Host()))


if __name__ == "__main__":
    main()
