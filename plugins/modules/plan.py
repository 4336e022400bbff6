#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Tell what a host lacks of a declared state
description:
  - Compares what is declared with what is on the host and returns the fewest steps between the two, each with a reason.
  - Only reads. On a host that has everything it starts no pip, pipx or uv and uses no network, except for entries with
    C(state=latest), for which the index is asked.
  - Refuses what is misspelt, of a wrong type or contradictory, naming the entry, the value and what is allowed.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
  - pep668.provision.plan
attributes:
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: See what is missing
  pep668.provision.plan:
    python_venvs:
      - path: /srv/app/.venv
        packages: ["flask==3.0.3"]
    python_tools:
      - name: black
  register: missing

- name: Show each step with its reason
  ansible.builtin.debug:
    msg: "{{ item.action }} {{ item.kind }} {{ item.name }}: {{ item.reasons | join('; ') }}"
  loop: "{{ missing.steps }}"
"""

RETURN = r"""
converged:
  description: Whether nothing is missing.
  returned: success
  type: bool
system_packages:
  description: OS packages to install.
  returned: success
  type: list
  elements: str
  sample: [python3-venv]
package_manager:
  description: The package manager that installs them, empty on a system it is not known for.
  returned: success
  type: str
  sample: apt
package_manager_repair:
  description: What a killed transaction of the package manager left half-way, to be repaired before it is used.
  returned: success
  type: list
  elements: str
  sample: [python3-venv is unpacked]
lists_need_refresh:
  description: Whether its lists of packages are absent or old, so that they are fetched before something is installed.
  returned: success
  type: bool
package_options:
  description: Arguments for M(ansible.builtin.package); C(use) names the module that installs packages on this host.
  returned: success
  type: dict
  sample: {use: ansible.builtin.apt, install_recommends: false, lock_timeout: 300, update_cache: true}
markers:
  description: The markers to restore, as path, package and reasons.
  returned: success
  type: list
  elements: dict
pip_configs:
  description: The files of pip to take the override of the marker out of, as level, path, python and reasons.
  returned: success
  type: list
  elements: dict
system_pip:
  description: The entries that need work, as position in O(python_system_pip), name, action and reasons.
  returned: success
  type: list
  elements: dict
venvs:
  description:
    - The environments that need work, as position in O(python_venvs), path, action and reasons.
    - C(build) is the build that the path of one with C(layout=versioned) leads to afterwards.
  returned: success
  type: list
  elements: dict
tools:
  description: The tools that need work, as position in O(python_tools), name, action and reasons.
  returned: success
  type: list
  elements: dict
batches:
  description:
    - How these environments and tools are divided into calls of M(pep668.provision.environments), each of which makes
      its own side by side.
    - Each has C(venvs) and C(tools), positions in O(python_venvs) and O(python_tools), C(steps) as below, with those of
      the programs this project provides for them, and C(label), the same in one line.
  returned: success
  type: list
  elements: dict
steps:
  description: Every step in order, as action, kind, name and reasons.
  returned: success
  type: list
  elements: dict
"""

from ansible_collections.pep668.provision.plugins.module_utils.plan_module import main

if __name__ == "__main__":
    main()
