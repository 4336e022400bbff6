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
attributes:
  diff_mode:
    support: none
options:
  python_venvs:
    description: Virtual environments, each with the options of M(pep668.provision.venv).
    type: raw
    default: []
  python_tools:
    description: Command-line tools, each with the keys of O(pep668.provision.tool#module:tools).
    type: raw
    default: []
  python_libraries:
    description: Libraries by their name on PyPI, to be provided by the distribution's own packages.
    type: raw
    default: []
  python_restore_marker:
    description:
      - Whether each C(EXTERNALLY-MANAGED) marker that an OS package ships is to be there as the package has it, as
        M(pep668.provision.marker) restores it.
    type: bool
    default: false
  python_pip_conf_override:
    description:
      - V(absent) is to leave no C(break-system-packages) in the files that pip reads for the whole host, for this
        account and for the host's own python3, removed as by M(pep668.provision.pip_config).
      - V(keep) leaves them as they are.
    type: str
    choices: [keep, absent]
    default: keep
  python_system_pip:
    description: What pip is really meant to do in a system's or an account's own Python, see M(pep668.provision.pip).
    type: raw
    default: []
  variable_names:
    description: Names of variables the caller has; those like a misspelt one of this collection are warned about.
    type: list
    elements: str
    default: []
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
  description: The environments that need work, as position in O(python_venvs), path, action and reasons.
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

from ansible_collections.pep668.provision.plugins.module_utils.engine.desired import VARIABLES, suggestions
from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError
from ansible_collections.pep668.provision.plugins.module_utils.engine.host import Host
from ansible_collections.pep668.provision.plugins.module_utils.engine.look import look, report_plan
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import fail, make_module, read_desired

ENTRIES = ("python_venvs", "python_tools", "python_libraries", "python_system_pip")


def main() -> None:
    # Not a list for Ansible: it would make one of a text, and what is declared is judged as it is.
    module = make_module(
        **{name: {"type": "raw", "default": []} for name in ENTRIES},
        python_restore_marker={"type": "bool", "default": False},
        python_pip_conf_override={"type": "str", "choices": ["keep", "absent"], "default": "keep"},
        variable_names={"type": "list", "elements": "str", "default": []},
    )
    desired = read_desired(module, **{name: module.params[name] for name in VARIABLES if name in module.params})
    host = Host()
    try:
        state, plan = look(desired, host, rehearsing=module.check_mode)
    except ProvisionError as error:
        fail(module, error)
        return
    for warning in (*suggestions(module.params["variable_names"]), *plan.warnings):
        module.warn(warning)
    module.exit_json(changed=False, **report_plan(desired, state, plan, processors=host.processors))


if __name__ == "__main__":
    main()
