#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pip_config
short_description: Set what a pip.conf says of the marker and of the index
description:
  - Sets, changes or removes C(break-system-packages) and the settings of the index in one of the files pip reads.
  - What is not asked for stays as it is, with its comments, its order and every other byte.
  - A key is set wherever C(pip install) finds it in the file, in either spelling (C(index-url), C(index_url)) and
    section (C([global]), C([install])); one that is nowhere is added to C([global]). It is removed from all of these.
  - A file that pip's own parser refuses is refused with the number of the line.
  - A symbolic link is followed, as pip follows it, so that a file which is kept elsewhere is changed there. What is in
    another account's folder is read and written with that account's rights, so its links lead nowhere it may not go.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
attributes:
  diff_mode:
    support: full
    details: Passwords and tokens are masked.
options:
  level:
    description:
      - Whose pip reads the file.
      - V(system) is C(/etc/pip.conf), for every pip of the host.
      - V(user) is C(~/.config/pip/pip.conf) of O(user).
      - V(interpreter) is C(pip.conf) in the prefix of O(python), which can be a virtual environment's.
    type: str
    choices: [system, user, interpreter]
    required: true
  user:
    description: The account of O(level=user); default is the one the module runs as. Root can name any.
    type: str
    default: ""
  python:
    description: The interpreter of O(level=interpreter), as a version, a name or an absolute path.
    type: str
    default: ""
  path:
    description:
      - Which of the level's files is meant, an absolute path; the default is the one that C(pip config set) writes to.
      - The further ones are C(/etc/xdg/pip/pip.conf) with O(level=system) and C(~/.pip/pip.conf) with O(level=user).
    type: str
    default: ""
  break_system_packages:
    description:
      - Whether the file makes pip pass over EXTERNALLY-MANAGED.
      - V(present) needs O(i_accept_the_risk=true).
      - V(absent) removes it, from C([uninstall]) too, and V(keep) leaves it as it is.
    type: str
    choices: [absent, present, keep]
    default: keep
  i_accept_the_risk:
    description:
      - Says that pip may overwrite or break what the package manager installed.
      - Better ways are M(pep668.provision.venv), M(pep668.provision.tool) and the distribution's own packages.
    type: bool
    default: false
  index_url:
    description:
      - The index. As with each of the following options, one that is not given stays as it is, an empty one is removed.
      - A user and a password in it are written as they are given. A new file then has the mode 0600.
    type: str
  extra_index_urls:
    description: Further indexes.
    type: list
    elements: str
  find_links:
    description: Directories or pages with distributions.
    type: list
    elements: str
  no_index:
    description: Whether O(find_links) alone are used; V(false) removes the setting.
    type: bool
  trusted_hosts:
    description: Hosts whose certificates are not checked.
    type: list
    elements: str
  proxy:
    description: The proxy through which indexes are reached, a URL.
    type: str
  cert:
    description: A file on the host with the certificates that indexes are checked against.
    type: str
  mode:
    description:
      - The mode of the file, as octal digits in quotes, such as V("0600") for one with a password in it. It makes no
        file.
      - By default a file keeps its mode.
    type: str
  backup:
    description: Whether the file as it was is kept beside it, with its owner and mode, when it changes.
    type: bool
    default: false
notes:
  - A file keeps its owner. A new one belongs to the account whose it is and has the mode 0644.
  - The group's settings (O(python_index_url) and so on) are taken so that one group of module defaults serves every
    module; of them this one uses O(python_lock_timeout).
"""

EXAMPLES = r"""
- name: Have pip respect the marker again, for everybody
  pep668.provision.pip_config:
    level: system
    break_system_packages: absent

- name: Give every pip of the host the index of the company
  pep668.provision.pip_config:
    level: system
    index_url: https://pypi.example.org/simple
    extra_index_urls: []
    cert: /etc/ssl/certs/example-ca.pem
    backup: true

- name: Let one account's pip install into the system's Python, in a throw-away container
  pep668.provision.pip_config:
    level: user
    user: builder
    break_system_packages: present
    i_accept_the_risk: true

- name: Have nobody else read the password in an account's file
  pep668.provision.pip_config:
    level: user
    user: builder
    mode: "0600"

- name: Give one environment an index of its own
  pep668.provision.pip_config:
    level: interpreter
    python: /srv/app/.venv/bin/python
    index_url: "https://deploy:{{ vaulted_index_password }}@pypi.example.org/simple"
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: /etc/pip.conf
level:
  description: The level that was asked for.
  returned: success
  type: str
  sample: system
reasons:
  description: Why the file has to change, key by key.
  returned: success
  type: list
  elements: str
  sample: [break-system-packages is set, index-url has another value]
backup_file:
  description: The file as it was.
  returned: when O(backup) is true and a file that was there has changed
  type: str
  sample: /etc/pip.conf.4711.2026-11-21@05:30:00~
"""

from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError
from ansible_collections.pep668.provision.plugins.module_utils.engine.host import Host
from ansible_collections.pep668.provision.plugins.module_utils.engine.pip_conf import (
    ConfigChange,
    converge_config,
    foresee_config,
)
from ansible_collections.pep668.provision.plugins.module_utils.engine.pip_conf_edit import mask_text
from ansible_collections.pep668.provision.plugins.module_utils.engine.pip_conf_wanted import read_wanted
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import fail, make_module


def main() -> None:
    texts = {"type": "list", "elements": "str"}
    module = make_module(
        level={"type": "str", "choices": ["system", "user", "interpreter"], "required": True},
        user={"type": "str", "default": ""},
        python={"type": "str", "default": ""},
        path={"type": "str", "default": ""},
        break_system_packages={"type": "str", "choices": ["absent", "present", "keep"], "default": "keep"},
        i_accept_the_risk={"type": "bool", "default": False},
        index_url={"type": "str"},
        extra_index_urls=texts,
        find_links=texts,
        no_index={"type": "bool"},
        trusted_hosts=texts,
        proxy={"type": "str"},
        cert={"type": "str"},
        mode={"type": "str"},
        backup={"type": "bool", "default": False},
    )
    options, host = module.params, Host()
    try:
        wanted = read_wanted(options)
        if module.check_mode:
            change = foresee_config(wanted, host)
        else:
            timeout = options["python_lock_timeout"]
            change = converge_config(wanted, host, lock_timeout=timeout, backup=options["backup"])
    except ProvisionError as error:
        fail(module, error)
        raise
    for warning in change.warnings:
        module.warn(warning)
    module.exit_json(level=wanted.level, **_result(change))


def _result(change: ConfigChange) -> dict:
    path = change.file.path
    result = {"changed": change.changed, "path": path, "reasons": list(change.reasons)}
    if change.backup_file:
        result["backup_file"] = change.backup_file
    if change.changed:
        headers = {"before_header": f"{path} (before)", "after_header": f"{path} (after)"}
        result["diff"] = {"before": mask_text(change.before), "after": mask_text(change.after), **headers}
    return result


if __name__ == "__main__":
    main()
