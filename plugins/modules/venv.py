#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: venv
short_description: Give a host one virtual environment with what it should hold
description:
  - Makes, fills, updates, rebuilds or removes a virtual environment.
  - An environment that was finished before is compared by its record, so nothing is started and no network is used when
    nothing changed.
  - A broken environment (half-built, its interpreter gone or moved to another minor version, a distribution changed by
    hand) is brought back with its owner and its versions. The old one is kept until the new one works.
  - With O(layout=versioned) every change is a new environment beside the one in use, and can be taken back.
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
  path:
    description: Where the environment is, an absolute path.
    type: str
    required: true
  state:
    description:
      - V(present) has what is asked for there, and upgrades nothing that satisfies already.
      - V(latest) has the newest of it that the index has.
      - V(exact) has nothing else in it.
      - V(absent) removes it, if it is a virtual environment, with all its builds.
      - V(rolled_back), with O(layout=versioned) alone, has O(path) lead to the build before the newest, as it is on the
        host. No index and no installer is asked. What else the entry says counts again with another state.
    type: str
    choices: [present, latest, exact, absent, rolled_back]
    default: present
  python:
    description:
      - Which interpreter, as a version like V("3.12"), a name like V(python3.12) or an absolute path.
      - Default is the host's python3.
    type: str
    default: ""
  packages:
    description: Requirements (PEP 508).
    type: list
    elements: str
    default: []
  requirements:
    description: Requirements files on the host; nested ones are followed.
    type: list
    elements: str
    default: []
  constraints:
    description: Constraints files on the host.
    type: list
    elements: str
    default: []
  project:
    description: The directory of a project on the host to install.
    type: str
    default: ""
  editable:
    description: Whether the project's code is used in place.
    type: bool
    default: false
  extras:
    description: Extras of the project.
    type: list
    elements: str
    default: []
  lock:
    description:
      - A lock file on the host (PEP 751), named C(pylock.toml) or C(pylock.NAME.toml).
      - What it names for this environment is installed, each file with its hash checked, and no dependencies beside.
      - The files come from the configured index, and those with a C(path) from there.
      - Goes with O(state=present) and O(state=exact), and without O(packages), O(requirements), O(constraints) and
        O(project).
    type: str
    default: ""
  lock_extras:
    description: Extras to select of the lock.
    type: list
    elements: str
    default: []
  lock_groups:
    description: Dependency groups to select of the lock, beside its default ones.
    type: list
    elements: str
    default: []
  require_hashes:
    description: Whether each requirement must have a hash in its file.
    type: bool
    default: false
  system_site_packages:
    description: Whether the environment sees the distributions of its interpreter.
    type: bool
    default: false
  owner:
    description:
      - The account that owns it and runs the installation.
      - A path that other accounts than root and this one can redirect is refused, with the directory that is to blame,
        and so is an environment of root's below another account's directory.
    type: str
    default: ""
  installer:
    description: Which program fills it; V(auto) follows O(python_installer).
    type: str
    choices: [auto, pip, uv]
    default: auto
  rebuild:
    description: Whether it may be rebuilt when its interpreter moved or is gone, or when it is damaged.
    type: str
    choices: [auto, never]
    default: auto
  pip_args:
    description: Further arguments for pip; uv is told the same in its own words, and what it has none for is refused.
    type: list
    elements: str
    default: []
  layout:
    description:
      - V(in_place) changes the environment where it is.
      - V(versioned) makes each change in a new environment, a build, C(<path>.d/<digest>). O(path) is a link to the
        one in use and is switched at once when the next is finished, so that who opens it never meets nothing.
        What was started from an earlier build stays in its files until it is started anew.
      - A build holds what is asked for and its dependencies, nothing that was added by hand. The versions of the build
        before it are kept where they satisfy. One that is there already for what is declared is switched to, without
        asking the index or an installer.
    type: str
    choices: [in_place, versioned]
    default: in_place
  keep:
    description: With O(layout=versioned), how many builds stay, the one in use included. Those beyond are removed.
    type: int
    default: 2
"""

EXAMPLES = r"""
- name: Give the application its environment
  pep668.provision.venv:
    path: /srv/app/.venv
    requirements: [/srv/app/requirements.txt]
    owner: app

- name: Leave nothing but what is asked for in it
  pep668.provision.venv:
    path: /opt/report
    packages: ["flask==3.0.3", "requests[socks]>=2.31"]
    python: "3.12"
    state: exact

- name: Leave exactly what a lock file names in it, each file with its hash checked
  pep668.provision.venv:
    path: /srv/app/.venv
    lock: /srv/app/pylock.toml
    state: exact

- name: Have each release of the application beside the one before it
  pep668.provision.venv:
    path: /srv/app/.venv
    packages: ["example-app==2.1"]
    owner: app
    layout: versioned
    keep: 3
  notify: Restart the application

- name: Go back to the release before
  pep668.provision.venv:
    path: /srv/app/.venv
    layout: versioned
    state: rolled_back
  notify: Restart the application

- name: Remove it
  pep668.provision.venv:
    path: /opt/report
    state: absent
"""

RETURN = r"""
path:
  description: The environment.
  returned: success
  type: str
action:
  description:
    - What happened or would happen, one of created, rebuilt, updated, removed or unchanged.
    - With O(layout=versioned) also switched, to a build that was there, and pruned, when only what is left over went.
  returned: success
  type: str
build:
  description: The build that O(path) leads to (in check mode, would), empty for an environment in place.
  returned: success
  type: str
  sample: 3f1c09aa52be
python_version:
  description: The version of its interpreter, empty where there is none.
  returned: success
  type: str
packages:
  description: What is in it (in check mode, would be), name to version, without pip, setuptools and wheel.
  returned: success
  type: dict
reasons:
  description: Why something happened.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.pep668.provision.plugins.module_utils.changing_module import meet, venv_result
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import (
    SETTINGS,
    make_module,
    read_desired,
)


def main() -> None:
    texts = {"type": "list", "elements": "str", "default": []}
    module = make_module(
        path={"type": "str", "required": True},
        state={
            "type": "str",
            "choices": ["present", "latest", "exact", "absent", "rolled_back"],
            "default": "present",
        },
        python={"type": "str", "default": ""},
        packages=texts,
        requirements=texts,
        constraints=texts,
        project={"type": "str", "default": ""},
        editable={"type": "bool", "default": False},
        extras=texts,
        lock={"type": "str", "default": ""},
        lock_extras=texts,
        lock_groups=texts,
        require_hashes={"type": "bool", "default": False},
        system_site_packages={"type": "bool", "default": False},
        owner={"type": "str", "default": ""},
        installer={"type": "str", "choices": ["auto", "pip", "uv"], "default": "auto"},
        rebuild={"type": "str", "choices": ["auto", "never"], "default": "auto"},
        pip_args=texts,
        layout={"type": "str", "choices": ["in_place", "versioned"], "default": "in_place"},
        keep={"type": "int", "default": 2},
    )
    entry = {name: value for name, value in module.params.items() if name not in SETTINGS}
    desired = read_desired(module, python_venvs=[entry])
    outcome = meet(module, desired)
    module.exit_json(changed=outcome.changed, **venv_result(outcome, outcome.state.venvs[0]))


if __name__ == "__main__":
    main()
