# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook remediate may repair, as a lookup."""

from __future__ import annotations

DOCUMENTATION = r"""
name: remediation_scope
author: pep668.provision maintainers (@pep668)
version_added: 0.1.0
short_description: What a remediation may repair
description:
  - Checks the ids of rules that a user allows, and reads the report that narrows on which hosts what is repaired.
  - Of the report only the names of hosts, and the ids and subjects of their findings, are taken.
options:
  _terms:
    description: Ids of rules of the audit, as texts or in lists.
    required: true
  report:
    description: Path of an C(audit.json) on the controller; without one nothing is narrowed.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Keep what may be repaired
  ansible.builtin.set_fact:
    remediate_scope: "{{ lookup('pep668.provision.remediation_scope', 'EM001', 'EM101', report='audit/audit.json') }}"
"""

RETURN = r"""
_raw:
  description:
    - C(rules), the ids, and C(wanted), by host a list of pairs of id and subject; null without a report.
  type: list
  elements: dict
"""

import os

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.pep668.provision.plugins.module_utils.engine.audit.remediation import read_scope
from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError


class LookupModule(LookupBase):
    """Returns the scope."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        path = self.get_option("report")
        try:
            listed = [one for term in terms for one in (term if isinstance(term, (list, tuple)) else [term])]
            scope = read_scope(listed, self._read(path) if path else None)
        except (ProvisionError, OSError, UnicodeDecodeError) as error:
            raise AnsibleError(str(error)) from error
        wanted = None
        if scope.wanted is not None:
            wanted = {host: sorted(map(list, keys)) for host, keys in scope.wanted.items()}
        return [{"rules": list(scope.rules), "wanted": wanted}]

    @staticmethod
    def _read(path):
        with open(os.path.expanduser(path), encoding="utf-8") as stream:
            return stream.read()
