# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bootstrap script as a lookup."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bootstrap_script
author: pep668.provision maintainers (@pep668)
version_added: 0.1.0
short_description: The shell script that brings a host its first Python
description:
  - Returns a POSIX shell script for M(ansible.builtin.raw). On a host that has a Python new enough for its modules
    it changes nothing; elsewhere it installs the distribution's own, as root.
  - Its last line is C(pep668.provision:) followed by C(present) and a path, or C(installed) or C(missing) and packages.
options:
  _terms:
    description: None are taken.
  dry_run:
    description: Whether it only tells what is missing.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Bring the host its first Python
  ansible.builtin.raw: "{{ lookup('pep668.provision.bootstrap_script') }}"
  register: bootstrap
  changed_when: "'pep668.provision: installed' in bootstrap['stdout']"
  become: true
"""

RETURN = r"""
_raw:
  description: The script.
  type: list
  elements: str
"""

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.pep668.provision.plugins.module_utils.engine.bootstrap import bootstrap_script


class LookupModule(LookupBase):
    """Returns the script."""

    def run(self, terms, variables=None, **kwargs):
        if terms:
            raise AnsibleError(f"bootstrap_script takes no terms, and got {terms}")
        self.set_options(var_options=variables, direct=kwargs)
        return [bootstrap_script(dry_run=self.get_option("dry_run"))]
