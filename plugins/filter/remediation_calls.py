# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that repair what an audit found, as a filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: remediation_calls
author: pep668.provision maintainers (@pep668)
version_added: 0.1.0
short_description: The calls that repair what an audit found
description:
  - Chooses from what M(pep668.provision.audit) returned the calls of modules that repair findings of the rules that are
    allowed, in the order in which they are to be made.
  - Only some modules with some of their options are ever called; what an audit names beside these is left.
positional: _input, rules, wanted
options:
  _input:
    description: What M(pep668.provision.audit) returned.
    type: dict
    required: true
  rules:
    description: Ids of the rules whose findings are repaired.
    type: list
    elements: str
    required: true
  wanted:
    description: Pairs of id and subject; where they are given, no other finding is repaired.
    type: list
    elements: list
"""

EXAMPLES = r"""
- name: Repair
  pep668.provision.repair:
    module: "{{ item.module }}"
    arguments: "{{ item.arguments }}"
    keeps: "{{ item.keeps }}"
  loop: "{{ (audited | pep668.provision.remediation_calls(['EM001'])).calls }}"
  loop_control:
    label: "{{ item.label }}"
"""

RETURN = r"""
_value:
  description:
    - C(calls), each with C(module), C(arguments), C(keeps), the C(findings) it repairs and a C(label).
    - C(left), the other findings, with C(id), C(subject) and C(why).
  type: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.pep668.provision.plugins.module_utils.engine.audit.remediation import choose_calls


def remediation_calls(audit, rules, wanted=None):
    if not isinstance(audit, dict) or not isinstance(rules, (list, tuple)):
        raise AnsibleFilterError("remediation_calls takes what the module audit returned, and a list of ids of rules")
    keys = None if wanted is None else frozenset((str(one[0]), str(one[1])) for one in wanted)
    return choose_calls(audit, [str(one) for one in rules], keys)


class FilterModule:
    """Makes the filter known to Jinja."""

    def filters(self):
        return {"remediation_calls": remediation_calls}
