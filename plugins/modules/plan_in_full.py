#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: plan_in_full
short_description: Tell what a host lacks of a declared state, with every part of the engine
description:
  - What M(pep668.provision.plan) runs on a host when something is declared that few states have - an entry with
    C(state=latest), O(python_system_pip), O(python_restore_marker) or O(python_pip_conf_override). Everybody else is
    spared sending these parts of the engine to every host.
  - There is no need to call it by itself. M(pep668.provision.plan) takes the same options and returns the same.
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
seealso:
  - module: pep668.provision.plan
"""

EXAMPLES = r"""
- name: See what is missing
  pep668.provision.plan:
    python_tools:
      - name: black
        state: latest
  register: missing
"""

RETURN = r"""
converged:
  description: Whether nothing is missing. The other values are those of M(pep668.provision.plan).
  returned: success
  type: bool
"""

# To be sent along is all it is imported for.
from ansible_collections.pep668.provision.plugins.module_utils.engine import every_part  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.pep668.provision.plugins.module_utils.plan_module import main

if __name__ == "__main__":
    main()
