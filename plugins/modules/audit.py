#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit
short_description: Tell what is wrong with a host's Python
description:
  - Looks for markers (PEP 668) that are gone, edited or diverted, for settings that override them, for what pip has
    installed, overwritten or shadowed in the system's Python, for broken environments and tools, and for files that
    others can write to or read where they should not.
  - Each finding says by what it is known and what to do, with the exact command for the host.
  - Only reads. It starts each interpreter at most once, package managers only to verify the packages of interpreters,
    no pip, and uses no network. What another account controls is read with that account's rights.
  - Every rule is described in C(docs/findings.md) of the project.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
options:
  roots:
    description: Directories below which virtual environments are looked for, by absolute path.
    type: list
    elements: str
    default: [/opt, /srv, /home, /root, /usr/local, /var/lib, /var/www]
  accounts:
    description:
      - The accounts whose homes are looked at. By default root's and those of persons in C(/etc/passwd).
    type: list
    elements: str
    default: []
  left_out:
    description: Ids of rules that are not to be checked.
    type: list
    elements: str
    default: []
  time_budget:
    description:
      - Seconds that may be spent on the host. What is not looked at by then is returned in RV(unread).
    type: float
    default: 60
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
attributes:
  diff_mode:
    support: none
notes:
  - Without root's rights some of a host cannot be read, and RV(unread) names it.
  - The settings (O(python_index_url) and so on) are taken so that one group of module defaults serves every module;
    this one makes no use of them.
"""

EXAMPLES = r"""
- name: Audit the host's Pythons
  pep668.provision.audit:
  become: true
  register: audit

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ item.id }} {{ item.severity }} {{ item.subject }}: {{ item.remedy }}"
  loop: "{{ audit.findings }}"

- name: Look for environments in one place, and leave two rules out
  pep668.provision.audit:
    roots: [/srv]
    left_out: [EM103, EM503]
    time_budget: 10
"""

RETURN = r"""
host:
  description: The distribution, by its own os-release, and the family whose package names apply.
  returned: success
  type: dict
  sample: {distribution: debian, name: Debian GNU/Linux, version: "12", family: debian, package_manager: apt}
is_root:
  description: Whether it was looked at with root's rights.
  returned: success
  type: bool
rules:
  description: The rules that were checked.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Its id, which stays the same in every version.
      type: str
      sample: EM001
    title:
      description: What it looks for.
      type: str
      sample: The marker that a package ships is missing
    severity:
      description: V(error), V(warning) or V(info).
      type: str
      sample: error
findings:
  description: What was found, the worst first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The rule's id.
      type: str
      sample: EM001
    title:
      description: The rule's title.
      type: str
      sample: The marker that a package ships is missing
    severity:
      description: V(error), V(warning) or V(info).
      type: str
      sample: error
    subject:
      description: What it is about, a path, a distribution or a package. A rule finds each once.
      type: str
      sample: /usr/lib/python3.11/EXTERNALLY-MANAGED
    evidence:
      description: What was read where, with versions and times. Credentials are masked.
      type: str
      sample: libpython3.11-stdlib 3.11.2-6 has /usr/lib/python3.11/EXTERNALLY-MANAGED, and the file is gone.
    remedy:
      description: What to do, with the exact command.
      type: str
      sample: "Restore it from its package: apt-get install --reinstall libpython3.11-stdlib"
    repairs:
      description: The calls of modules of this collection that do it, in their order; none where it takes a decision.
      type: list
      elements: dict
      contains:
        module:
          description: The module.
          type: str
          sample: marker
        arguments:
          description: Its options.
          type: dict
          sample: {path: /usr/lib/python3.11/EXTERNALLY-MANAGED}
        keeps:
          description: Absolute paths to back up before, as the module does not put them back.
          type: list
          elements: str
unread:
  description: What a rule could not look at.
  returned: success
  type: list
  elements: dict
  contains:
    rule:
      description: The rule's id.
      type: str
      sample: EM101
    what:
      description: What was left out.
      type: str
      sample: /home/alice
    reason:
      description: Why.
      type: str
      sample: app may not look into this home
"""

from ansible_collections.pep668.provision.plugins.module_utils.engine.audit.audit_host import audit_host
from ansible_collections.pep668.provision.plugins.module_utils.engine.audit.scope import read_scope
from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError
from ansible_collections.pep668.provision.plugins.module_utils.engine.host import Host
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import fail, make_module


def main() -> None:
    texts = {"type": "list", "elements": "str"}
    module = make_module(
        roots={**texts, "default": ["/opt", "/srv", "/home", "/root", "/usr/local", "/var/lib", "/var/www"]},
        accounts={**texts, "default": []},
        left_out={**texts, "default": []},
        time_budget={"type": "float", "default": 60},
    )
    host = Host()
    try:
        report = audit_host(host, read_scope(module.params, host))
    except ProvisionError as error:
        fail(module, error)
        raise
    module.exit_json(changed=False, **report)


if __name__ == "__main__":
    main()
