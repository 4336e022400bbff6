#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation alone: what it does, plugins/action/remediation_report.py does on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: remediation_report
short_description: Write what a remediation came to on all hosts of a play
description:
  - Writes C(remediation.json) and C(remediation.md) on the controller - what was found on each host, what was done,
    fixed and left, and why.
  - It is the last part of the playbook C(pep668.provision.remediate), and reads what that registers on each host of the
    play, C(remediate_before), C(remediate_chosen), C(remediate_repairs) and C(remediate_after). Run it once.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
attributes:
  action:
    description: Runs on the controller alone.
    support: full
  check_mode:
    details:
      - In check mode no file is written, and everything is returned.
  diff_mode:
    support: none
options:
  directory:
    description: Where the files are written, on the controller. It is made where it is missing.
    type: path
    required: true
  rules:
    description: Ids of the rules whose findings were to be repaired.
    type: list
    elements: str
    required: true
  wanted:
    description: By host, pairs of id and subject that a report narrowed it to; other hosts are left out.
    type: dict
  applied:
    description: Whether something was to be changed.
    type: bool
    required: true
"""

EXAMPLES = r"""
- name: Write what it came to
  pep668.provision.remediation_report:
    directory: ./audit
    rules: [EM001, EM101]
    applied: true
  run_once: true
"""

RETURN = r"""
files:
  description: What was written.
  returned: success
  type: list
  elements: str
  sample: [./audit/remediation.json, ./audit/remediation.md]
summary:
  description: Lines for a terminal.
  returned: success
  type: list
  elements: str
  sample: ["web1: 2 fixed, 0 still there, 0 new"]
failures:
  description: The hosts on which a repair failed or which were not audited, as C(remediation.json) has them.
  returned: success
  type: dict
  sample: {}
"""
