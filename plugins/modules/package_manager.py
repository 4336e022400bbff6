#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_manager
short_description: Have the package manager able to install
description:
  - Waits at most O(python_lock_timeout) seconds while another process keeps the host's package manager busy, and fails
    with that process, its command and its start when it does not end.
  - What a transaction that was killed left half-way is brought back by the package manager's own commands -
    C(dpkg --configure --pending), and C(apt-get install --fix-broken) where that is not enough; with DNF, Zypper and
    pacman the packages that the transaction had begun are installed again. The lock that a killed pacman leaves is
    removed, when no process uses pacman.
  - With O(reinstall) packages whose files were deleted or overwritten, by pip for example, get them back.
  - The role and the deploy of pyinfra have it ready before they install OS packages, and only then. A host that lacks
    none is not touched, whatever state its packages are in.
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
  state:
    description: V(ready) is that it can install.
    type: str
    choices: [ready]
    default: ready
  reinstall:
    description:
      - Names of installed OS packages that are to be whole. One with files that are missing is installed again, in the
        version it has, and one with Python files, metadata of distributions or programs of another content than it
        brought.
      - What a diversion or the package manager's configuration keeps away is not missed, and configuration files are
        not looked at.
      - What stands in place of a file is overwritten; back up before what was changed on purpose.
    type: list
    elements: str
    default: []
notes:
  - With O(python_manage_system_packages=false) nothing is repaired or installed again, and what would have to be is an
    error.
  - A package is never given another version. Where the repositories have only that, the error says so, and what helps.
  - Homebrew sees to its locks by itself. Of apk it is not known what a killed transaction leaves.
"""

EXAMPLES = r"""
- name: Have the package manager ready before other tasks install packages
  pep668.provision.package_manager:

- name: Wait an hour for unattended upgrades
  pep668.provision.package_manager:
    python_lock_timeout: 3600

- name: Have two packages whole again after pip was let loose on them
  pep668.provision.package_manager:
    reinstall: [python3-six, python3-requests]
"""

RETURN = r"""
package_manager:
  description: The host's package manager, empty on a system it is not known for.
  returned: success
  type: str
  sample: apt
reasons:
  description:
    - What was half-way, and was (or in check mode would be) repaired, and which files of O(reinstall) were damaged.
  returned: success
  type: list
  elements: str
  sample: [python3-venv is unpacked]
reinstalled:
  description: The packages of O(reinstall) that were (or in check mode would be) installed again.
  returned: success
  type: list
  elements: str
  sample: [python3-six]
commands:
  description: The commands that were run; empty in check mode.
  returned: success
  type: list
  elements: str
  sample: [dpkg --force-confdef --force-confold --configure --pending]
"""

from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError
from ansible_collections.pep668.provision.plugins.module_utils.engine.host import Host
from ansible_collections.pep668.provision.plugins.module_utils.engine.package_manager_ready import (
    bring_ready,
    foresee_ready,
)
from ansible_collections.pep668.provision.plugins.module_utils.engine.package_reinstall import (
    foresee_reinstallation,
    reinstall_packages,
)
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import fail, make_module


def main() -> None:
    module = make_module(
        state={"type": "str", "choices": ["ready"], "default": "ready"},
        reinstall={"type": "list", "elements": "str", "default": []},
    )
    options = module.params
    may_use_packages, lock_timeout = options["python_manage_system_packages"], options["python_lock_timeout"]
    try:
        if module.check_mode:
            ready = foresee_ready(Host())
            done = foresee_reinstallation(Host(), options["reinstall"], may_use_packages=may_use_packages)
        else:
            ready = bring_ready(Host(), lock_timeout=lock_timeout, may_repair=may_use_packages)
            done = reinstall_packages(
                Host(), options["reinstall"], lock_timeout=lock_timeout, may_use_packages=may_use_packages
            )
    except ProvisionError as error:
        fail(module, error)
        raise
    for warning in done.warnings:
        module.warn(warning)
    difference = {"diff": {"before": done.before, "after": done.after}} if done.packages else {}
    module.exit_json(
        changed=ready.changed or bool(done.packages),
        package_manager=ready.manager,
        reasons=[*ready.reasons, *done.reasons],
        reinstalled=list(done.packages),
        commands=[*ready.commands, *done.commands],
        **difference,
    )


if __name__ == "__main__":
    main()
