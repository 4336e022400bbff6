# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks audit and remediate are to look at, as a lookup."""

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_scope
author: pep668.provision maintainers (@pep668)
version_added: 0.1.0
short_description: What an audit looks at
description:
  - Checks the options of M(pep668.provision.audit) on the controller, so that one that every host would refuse is
    refused before any host is asked. Whether a host has an account is known there alone.
  - An option that is not given, or is null, is as the module has it by default.
options:
  roots:
    description: Directories below which virtual environments are looked for, by absolute path.
    type: list
    elements: str
  accounts:
    description: The accounts whose homes are looked at.
    type: list
    elements: str
  left_out:
    description: Ids of rules that are not to be checked.
    type: list
    elements: str
  time_budget:
    description: Seconds that may be spent on a host.
    type: float
"""

EXAMPLES = r"""
- name: Refuse a rule that there is not
  ansible.builtin.set_fact:
    audit_scope: "{{ lookup('pep668.provision.audit_scope', left_out=['EM103']) }}"
"""

RETURN = r"""
_raw:
  description: The options as they count, with C(roots), C(accounts), C(left_out) and C(time_budget).
  type: list
  elements: dict
"""

from dataclasses import asdict

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.pep668.provision.plugins.module_utils.engine.audit.scope import read_scope
from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError


class LookupModule(LookupBase):
    """Returns the options."""

    def run(self, terms, variables=None, **kwargs):  # noqa: ARG002  # it takes options alone
        self.set_options(var_options=variables, direct=kwargs)
        try:
            return [asdict(read_scope(self.get_options(), None))]
        except ProvisionError as error:
            raise AnsibleError(str(error)) from error
