#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: write_right
short_description: Leave directories to be written to by their owners alone
description:
  - Takes the right to write from the group and from everybody, as C(chmod go-w) does.
  - No link is followed, on the way to a directory or inside of it; one in the place of a directory is refused.
  - Look first at what others have put there. It is run or imported by whoever uses the directory.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
attributes:
  diff_mode:
    support: full
    details: It shows each path with its mode.
options:
  directories:
    description: The directories, by absolute path. One that is missing is an error.
    type: list
    elements: str
    required: true
  recursive:
    description: Whether all directories and files in them lose that right too.
    type: bool
    default: false
notes:
  - Of the group's settings this module uses O(python_lock_timeout).
"""

EXAMPLES = r"""
- name: Leave the directories of modules and of programs to root
  pep668.provision.write_right:
    directories: [/usr/local/lib/python3.11/dist-packages, /usr/local/bin]
    recursive: true
  become: true
"""

RETURN = r"""
closed:
  description: What others could write to, with its mode before and after.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The directory or file.
      type: str
      sample: /usr/local/bin
    before:
      description: Its mode before, in octal digits.
      type: str
      sample: "0777"
    after:
      description: Its mode after.
      type: str
      sample: "0755"
restore:
  description: The commands that give the rights back.
  returned: success
  type: list
  elements: str
  sample: [chmod 0777 /usr/local/bin]
"""

from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError
from ansible_collections.pep668.provision.plugins.module_utils.engine.host import Host
from ansible_collections.pep668.provision.plugins.module_utils.engine.write_right import (
    check_directories,
    close_to_others,
    foresee_closing,
    restoring,
)
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import fail, make_module


def main() -> None:
    module = make_module(
        directories={"type": "list", "elements": "str", "required": True},
        recursive={"type": "bool", "default": False},
    )
    options, host = module.params, Host()
    recursive, timeout = options["recursive"], options["python_lock_timeout"]
    try:
        directories = check_directories(options["directories"])
        if module.check_mode:
            closed = foresee_closing(host, directories, recursive=recursive)
        else:
            closed = close_to_others(host, directories, recursive=recursive, lock_timeout=timeout)
    except ProvisionError as error:
        fail(module, error)
        raise
    before, after = (
        "".join(f"{getattr(one, side):04o} {one.path}\n" for one in closed) for side in ("before", "after")
    )
    module.exit_json(
        changed=bool(closed),
        closed=[{"path": one.path, "before": f"{one.before:04o}", "after": f"{one.after:04o}"} for one in closed],
        restore=list(restoring(closed)),
        **({"diff": {"before": before, "after": after}} if closed else {}),
    )


if __name__ == "__main__":
    main()
