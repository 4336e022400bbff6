#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: python_info
short_description: Tell which Pythons a host has and what pip would do there
description:
  - Looks at a host and reports its interpreters, their EXTERNALLY-MANAGED markers (PEP 668), their pips, what overrides
    the marker, and whether each can make virtual environments.
  - Explains in words what C(pip install) does with the host's own C(python3), why, and what to do instead.
  - Looks on the search path, in the directories where pyenv, uv, conda, Homebrew, snap and others keep Pythons for the
    whole host or for the account it runs as, and at O(interpreters).
  - Only reads. Starts each interpreter once and no pip.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
options:
  interpreters:
    description:
      - Further interpreters to look at, by absolute path; a directory stands for C(bin/python3) in it.
      - What does not run is returned in RV(unusable).
    type: list
    elements: path
    default: []
  packages:
    description:
      - What somebody wants to install, as requirements (PEP 508), URLs or absolute paths.
      - RV(explanation) then ends with the ways for these. Which of them the distribution packages is asked of the lists
        that the package manager has at hand. Without any the ways are general, with examples.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
attributes:
  diff_mode:
    support: none
notes:
  - The settings (O(python_index_url) and so on) are taken so that one group of module defaults serves every module;
    this one makes no use of them.
"""

EXAMPLES = r"""
- name: Look at the host's Pythons
  pep668.provision.python_info:
  register: python

- name: Say what a plain pip install would meet
  ansible.builtin.debug:
    msg: "{{ item.path }}: {{ item.system_install }} ({{ item.reason }})"
  loop: "{{ python.interpreters }}"

- name: Ask how to have two libraries there
  pep668.provision.python_info:
    packages: [requests, "pyyaml>=6"]
  register: python

- name: Show it
  ansible.builtin.debug:
    msg: "{{ python.explanation.splitlines() }}"

- name: Look at two more that are on no search path
  pep668.provision.python_info:
    interpreters: [/srv/app/.venv, /opt/vendor/bin/python3.12]
"""

RETURN = r"""
host:
  description: The distribution, by its own os-release, and the family whose package names apply.
  returned: success
  type: dict
  sample: {distribution: debian, name: Debian GNU/Linux, version: "12", family: debian, package_manager: apt}
explanation:
  description:
    - What a plain C(pip install) does with the host's own C(python3), in pip's words where a marker blocks it, why, and
      what to do instead, the best first. Some twenty lines of plain text.
  returned: success
  type: str
  sample: |-
    Debian GNU/Linux 12: /usr/bin/python3 is Python 3.11.2 (the distribution's own), with pip 23.0.1.
    /usr/bin/python3 -m pip install stops before it does anything, and says:
        error: externally-managed-environment
        To install Python packages system-wide, try apt install python3-xyz, where xyz is the package
        you are trying to install.
    Why: marked as externally managed by /usr/lib/python3.11/EXTERNALLY-MANAGED. That is how a Python
    says that apt looks after its packages (PEP 668): ...
    What to do, the best first:
    1. The distribution's packages, for example python3-requests. For what the system's own Python is to
       import. They are updated along with the system.
         apt-get install --no-install-recommends python3-requests
    2. A virtual environment, /opt/venvs/requests. ...
interpreters:
  description: Every interpreter that was found and runs, each file once.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: How it is called.
      type: str
      sample: /usr/bin/python3
    real_path:
      description: The file behind every link.
      type: str
      sample: /usr/bin/python3.11
    version:
      description: Its version.
      type: str
      sample: 3.11.2
    implementation:
      description: Its implementation, as sys.implementation names it.
      type: str
      sample: cpython
    origin:
      description: Who it comes from, one of distribution, local, pyenv, conda, uv, homebrew, snap, venv or other.
      type: str
      sample: distribution
    origin_evidence:
      description: By what that is known.
      type: str
      sample: in /usr/bin, the distribution's own directory; package python3.11-minimal owns /usr/bin/python3.11
    externally_managed:
      description: Whether a marker makes a pip that checks it refuse.
      type: bool
    marker:
      description: Its marker's path, state (absent, valid, empty, garbage, unreadable, directory, dangling) and text.
      type: dict
    pip:
      description: The version and path of its pip, whether that pip checks the marker and has a flag to override it.
      type: dict
    override:
      description: The value of break-system-packages that pip would use, and the file or variable it comes from.
      type: dict
    can_create_venv:
      description: Whether it has the modules venv and ensurepip.
      type: bool
    system_install:
      description: What a plain C(pip install) through it would meet, V(allowed), V(blocked) or V(unsupported).
      type: str
      sample: blocked
    reason:
      description: Why, as a sentence.
      type: str
      sample: Marked as externally managed by /usr/lib/python3.11/EXTERNALLY-MANAGED.
    decided_by:
      description: The file or variable that decides RV(interpreters[].system_install), empty where none does.
      type: str
      sample: /usr/lib/python3.11/EXTERNALLY-MANAGED
    calls:
      description:
        - What the other ways of calling pip would meet, each V(allowed), V(blocked) or V(unsupported).
        - An option without a value stands for any value. C(--isolated) leaves variables and the user's files out.
      type: dict
      sample:
        install --break-system-packages: allowed
        install --user: blocked
        install --user --break-system-packages: allowed
        install --target: allowed
        install --target --break-system-packages: allowed
        install --prefix: allowed
        install --prefix --break-system-packages: allowed
        install --root: allowed
        install --root --break-system-packages: allowed
        install --dry-run: blocked
        install --dry-run --break-system-packages: allowed
        install --dry-run --report: allowed
        install --dry-run --report --break-system-packages: allowed
        install --isolated: blocked
        uninstall: blocked
        uninstall --break-system-packages: allowed
        uninstall --isolated: blocked
unusable:
  description: What has the name of an interpreter, or was asked for, and does not run.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: How it is called.
      type: str
      sample: /root/.pyenv/shims/python3.8
    reason:
      description: Why.
      type: str
      sample: "ends with exit status 127: pyenv: python3.8: command not found"
pip_commands:
  description: The C(pip) and C(pip3) that are first on the search path.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: V(pip) or V(pip3).
      type: str
    path:
      description: Where it is found.
      type: str
      sample: /usr/local/bin/pip
    interpreter:
      description: The interpreter named in its first line, which is the one it installs into; empty where none is.
      type: str
      sample: /usr/local/bin/python3.13
    warning:
      description: What is wrong with it, empty where it installs into the host's own C(python3).
      type: str
      sample: >-
        /usr/local/bin/pip installs into /usr/local/bin/python3.13 (local, Python 3.13.5), not into the host's own
        /usr/bin/python3 (Python 3.11.2); for that one use /usr/bin/python3 -m pip.
pipx:
  description: The pipx programs of the host with path and version.
  returned: success
  type: list
  elements: dict
uv:
  description: The path of the host's uv, empty without one.
  returned: success
  type: str
"""

from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError
from ansible_collections.pep668.provision.plugins.module_utils.engine.host import Host
from ansible_collections.pep668.provision.plugins.module_utils.engine.report import report_host
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import fail, make_module


def main() -> None:
    module = make_module(
        interpreters={"type": "list", "elements": "path", "default": []},
        packages={"type": "list", "elements": "str", "default": []},
    )
    try:
        report = report_host(Host(), module.params["interpreters"], module.params["packages"])
    except ProvisionError as error:
        fail(module, error)
        raise
    module.exit_json(changed=False, **report)


if __name__ == "__main__":
    main()
