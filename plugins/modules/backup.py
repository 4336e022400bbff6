#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Keep files and directories in an archive before they change
description:
  - Writes what is at some paths into one tar archive that its account alone can read, and returns the command that puts
    it back. Owners, modes, times, links and extended attributes are in it.
  - Each call that finds something makes an archive; one is never overwritten.
  - What is in another account's space is read, and by the command put back, with that account's rights.
  - A directory that other accounts could redirect is refused.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
attributes:
  diff_mode:
    support: full
    details: It shows each path with how much is there, or the archives that go.
options:
  paths:
    description: Absolute paths. What is not there is no error.
    type: list
    elements: str
    default: []
  label:
    description: What the archive is for, as a part of its name.
    type: str
    default: ""
  directory:
    description:
      - Where archives are. The default is C(/var/backups/pep668-provision), for an account without root's rights
        C(~/.local/state/pep668-provision/backups).
      - It is made where it is missing, with the mode 0700.
    type: str
    default: ""
  state:
    description:
      - V(present) keeps O(paths) in a new archive.
      - V(absent) removes the oldest archives of O(directory), so that O(keep) of them stay.
    type: str
    choices: [present, absent]
    default: present
  keep:
    description: How many archives stay with O(state=absent), which needs it.
    type: int
notes:
  - Of the group's settings this module uses O(python_lock_timeout).
"""

EXAMPLES = r"""
- name: Keep what is about to be taken away
  pep668.provision.backup:
    paths: [/usr/local/lib/python3.11/dist-packages/requests]
    label: requests

- name: Have no more than the newest ten archives
  pep668.provision.backup:
    state: absent
    keep: 10
"""

RETURN = r"""
archive:
  description: The archive; empty where nothing was there, and in check mode.
  returned: with O(state=present)
  type: str
  sample: /var/backups/pep668-provision/20261121T053000Z-requests.tar
paths:
  description: What is in it, with links on the way followed.
  returned: with O(state=present)
  type: list
  elements: str
  sample: [/usr/local/lib/python3.11/dist-packages/requests]
missing:
  description: Paths at which there was nothing.
  returned: with O(state=present)
  type: list
  elements: str
  sample: []
restore:
  description: Commands that put it back, one for each account whose it is. What has come since stays beside it.
  returned: with O(state=present)
  type: list
  elements: str
  sample:
    - >-
      tar --extract --preserve-permissions --numeric-owner --directory=/
      --file=/var/backups/pep668-provision/20261121T053000Z-requests.tar
removed:
  description: The archives that were (or in check mode would be) removed.
  returned: with O(state=absent)
  type: list
  elements: str
  sample: [/var/backups/pep668-provision/20260101T053000Z-requests.tar]
"""

from ansible_collections.pep668.provision.plugins.module_utils.engine.backup import (
    Backup,
    WantedBackup,
    foresee_backup,
    make_backup,
    old_archives,
    read_wanted,
    remove_old_archives,
)
from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError
from ansible_collections.pep668.provision.plugins.module_utils.engine.host import Host
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import fail, make_module


def main() -> None:
    module = make_module(
        paths={"type": "list", "elements": "str", "default": []},
        label={"type": "str", "default": ""},
        directory={"type": "str", "default": ""},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        keep={"type": "int"},
    )
    options, host = module.params, Host()
    act = _remove if options["state"] == "absent" else _keep
    try:
        result = act(read_wanted(options), host, check=module.check_mode, timeout=options["python_lock_timeout"])
    except ProvisionError as error:
        fail(module, error)
        raise
    module.exit_json(**result)


def _keep(wanted: WantedBackup, host: Host, *, check: bool, timeout: int) -> dict:
    done: Backup = foresee_backup(wanted, host) if check else make_backup(wanted, host, lock_timeout=timeout)
    result = {
        "changed": done.changed,
        "archive": done.archive,
        "paths": list(done.paths),
        "missing": list(done.missing),
        "restore": list(done.restore),
    }
    if done.changed:
        header = done.archive or f"{done.directory} (a new archive)"
        result["diff"] = {"before": "", "after": done.listing, "before_header": header, "after_header": header}
    return result


def _remove(wanted: WantedBackup, host: Host, *, check: bool, timeout: int) -> dict:
    removed = old_archives(wanted, host) if check else remove_old_archives(wanted, host, lock_timeout=timeout)
    result = {"changed": bool(removed), "removed": list(removed)}
    if removed:
        result["diff"] = {"before": "".join(f"{one}\n" for one in removed), "after": ""}
    return result


if __name__ == "__main__":
    main()
