#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: environments
short_description: Give a host several environments and tools, side by side
description:
  - Makes, fills, updates, rebuilds or removes virtual environments and command-line tools as
    M(pep668.provision.venv) and M(pep668.provision.tool) do, as many at a time as the host has processors.
  - One that fails stops none of the others; the module fails when all have ended, with what was wrong with each.
  - The OS packages they need have to be there. The role C(pep668.provision.python) sees to these too.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
attributes:
  diff_mode:
    support: full
options:
  python_venvs:
    description: Virtual environments, each with the options of M(pep668.provision.venv).
    type: raw
    default: []
  python_tools:
    description: Command-line tools, each with the keys of O(pep668.provision.tool#module:tools), C(scope) and C(user).
    type: raw
    default: []
"""

EXAMPLES = r"""
- name: Give the application its environment and its tools
  pep668.provision.environments:
    python_venvs:
      - path: /srv/app/.venv
        packages: ["flask==3.0.3"]
        owner: app
    python_tools:
      - name: black
        spec: black[d]==24.10.0
      - name: httpie
        scope: user
        user: alice
"""

RETURN = r"""
venvs:
  description: Each environment as M(pep668.provision.venv) returns it, without its diff.
  returned: success
  type: list
  elements: dict
  sample:
    - action: created
      build: ""
      packages: {click: 8.1.7, flask: 3.0.3}
      path: /srv/app/.venv
      python_version: 3.13.5
      reasons: [it is not there]
tools:
  description: Each tool, as M(pep668.provision.tool) returns it.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: black, version: 24.10.0, action: created, apps: [black, blackd], bin_dir: /usr/local/bin}
reasons:
  description: Why each tool that changed had to.
  returned: success
  type: dict
  sample: {black: [it is not installed]}
failures:
  description: Each error, with C(cmd), C(rc), C(stdout) and C(stderr) where it is a command's.
  returned: when more than one failed
  type: list
  elements: dict
"""

from ansible_collections.pep668.provision.plugins.module_utils.changing_module import (
    meet,
    tool_diff,
    tool_reasons,
    tool_result,
    venv_result,
)
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import make_module, read_desired

ENTRIES = ("python_venvs", "python_tools")


def main() -> None:
    # Not a list for Ansible: it would make one of a text, and what is declared is judged as it is.
    module = make_module(**{name: {"type": "raw", "default": []} for name in ENTRIES})
    desired = read_desired(module, **{name: module.params[name] for name in ENTRIES})
    outcome = meet(module, desired)
    venvs = [venv_result(outcome, one) for one in outcome.state.venvs]
    diffs = [one.pop("diff") for one in venvs if "diff" in one]
    if tool_reasons(outcome):
        diffs.append({**tool_diff(outcome), "before_header": "tools (before)", "after_header": "tools (after)"})
    module.exit_json(
        changed=outcome.changed,
        venvs=venvs,
        tools=[tool_result(outcome, one) for one in outcome.state.tools],
        reasons=tool_reasons(outcome),
        diff=diffs,
    )


if __name__ == "__main__":
    main()
