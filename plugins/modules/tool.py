#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tool
short_description: Give a host command-line tools, each in its own environment
description:
  - Installs, updates or removes command-line tools through pipx. Where there is no pipx, one is made from the index if
    the host can make virtual environments; OS packages are installed by the role, not by this module.
  - Works the same with every pipx from 1.1 on. What is installed is read from pipx's own records, so nothing is started
    when nothing changed.
  - A tool that has to change gets a fresh environment; the old one is kept until the new one works.
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
  scope:
    description: V(global) tools are in C(/usr/local/bin), V(user) ones in C(~/.local/bin) of O(user).
    type: str
    choices: [global, user]
    default: global
  user:
    description: The account of O(scope=user) tools; default is the one the module runs as.
    type: str
    default: ""
  tools:
    description: The tools.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the distribution.
        type: str
        required: true
      spec:
        description: What to install, a requirement (PEP 508), a URL or a path. Default is the name.
        type: str
        default: ""
      state:
        description: V(latest) is the newest that the index has for the spec.
        type: str
        choices: [present, latest, absent]
        default: present
      python:
        description: Which interpreter, as a version, a name or an absolute path.
        type: str
        default: ""
      inject:
        description: What else is in the tool's environment. Where it is not given, nothing is injected or removed.
        type: list
        elements: str
      suffix:
        description: Appended to the names of its environment and its commands, for several versions side by side.
        type: str
        default: ""
      include_deps:
        description: Whether the commands of its dependencies are linked too.
        type: bool
        default: false
      pinned:
        description: Whether C(pipx upgrade-all) passes it over.
        type: bool
        default: false
      installer:
        description: Which program pipx uses, where it can choose; V(auto) follows O(python_installer).
        type: str
        choices: [auto, pip, uv]
        default: auto
"""

EXAMPLES = r"""
- name: Give every user of the host two tools
  pep668.provision.tool:
    tools:
      - name: black
        spec: "black[d]==24.10.0"
      - name: httpie

- name: Give one user a tool of her own
  pep668.provision.tool:
    scope: user
    user: alice
    tools:
      - name: yamllint
        state: latest
"""

RETURN = r"""
tools:
  description: Each tool with name, version, action (created, rebuilt, updated, removed, unchanged), apps and bin_dir.
  returned: success
  type: list
  elements: dict
  sample: [{name: black, version: 24.10.0, action: created, apps: [black, blackd], bin_dir: /usr/local/bin}]
reasons:
  description: Why something happened, by tool.
  returned: success
  type: dict
"""

from ansible_collections.pep668.provision.plugins.module_utils.changing_module import (
    meet,
    tool_diff,
    tool_reasons,
    tool_result,
)
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import make_module, read_desired


def main() -> None:
    module = make_module(
        scope={"type": "str", "choices": ["global", "user"], "default": "global"},
        user={"type": "str", "default": ""},
        tools={
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "spec": {"type": "str", "default": ""},
                "state": {"type": "str", "choices": ["present", "latest", "absent"], "default": "present"},
                "python": {"type": "str", "default": ""},
                "inject": {"type": "list", "elements": "str"},
                "suffix": {"type": "str", "default": ""},
                "include_deps": {"type": "bool", "default": False},
                "pinned": {"type": "bool", "default": False},
                "installer": {"type": "str", "choices": ["auto", "pip", "uv"], "default": "auto"},
            },
        },
    )
    shared = {"scope": module.params["scope"], "user": module.params["user"]}
    desired = read_desired(module, python_tools=[{**tool, **shared} for tool in module.params["tools"]])
    outcome = meet(module, desired)
    result = {"tools": [tool_result(outcome, one) for one in outcome.state.tools], "reasons": tool_reasons(outcome)}
    if outcome.changed:
        result["diff"] = tool_diff(outcome)
    module.exit_json(changed=outcome.changed, **result)


if __name__ == "__main__":
    main()
