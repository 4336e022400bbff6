#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation alone: what it does, plugins/action/repair.py does on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: repair
short_description: Make one call that an audit names as a repair
description:
  - Backs up what O(keeps) names with M(pep668.provision.backup), then calls the module O(module). In check mode both
    only say what they would do.
  - Only the modules M(pep668.provision.backup), M(pep668.provision.write_right), M(pep668.provision.pip) (to remove),
    M(pep668.provision.package_manager), M(pep668.provision.marker), M(pep668.provision.pip_config) (to remove the
    override or rights), M(pep668.provision.venv) and M(pep668.provision.tool) are called, each with some of its
    options. Where others are named nothing is done.
  - Without the backup nothing is done either.
  - The playbook C(pep668.provision.remediate) calls it for what M(pep668.provision.audit) returned.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
attributes:
  action:
    description: Runs on the controller, which has the modules run on the host.
    support: full
  diff_mode:
    support: full
    details: As far as the called module has one.
options:
  module:
    description: The short name of the module.
    type: str
    required: true
  arguments:
    description: Its options.
    type: dict
    default: {}
  keeps:
    description: Absolute paths on the host that are backed up first. Required for what removes something.
    type: list
    elements: str
    default: []
  label:
    description: What the backup is for, as a part of its name.
    type: str
    default: ""
  backup_directory:
    description: Where the backup is kept, as O(pep668.provision.backup#module:directory).
    type: str
    default: ""
notes:
  - The group's settings are handed on to the called module.
"""

EXAMPLES = r"""
- name: Repair what the audit found of one rule
  pep668.provision.repair:
    module: "{{ item.module }}"
    arguments: "{{ item.arguments }}"
    keeps: "{{ item.keeps }}"
    label: EM001
  loop: "{{ (audited | pep668.provision.remediation_calls(['EM001'])).calls }}"
  loop_control:
    label: "{{ item.label }}"
"""

RETURN = r"""
backup:
  description:
    - What M(pep668.provision.backup) returned; empty without O(keeps).
    - Everything else is what the called module returns.
  returned: always
  type: dict
  sample:
    archive: /var/backups/pep668-provision/20261121T053000Z-EM101.tar
    missing: []
    paths: [/etc/pip.conf]
    restore:
      - >-
        tar --extract --preserve-permissions --numeric-owner --directory=/
        --file=/var/backups/pep668-provision/20261121T053000Z-EM101.tar
"""
