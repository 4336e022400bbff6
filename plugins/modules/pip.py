#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pip
short_description: Let pip install or remove in a system's Python where that is really meant
description:
  - Takes the common parameters of M(ansible.builtin.pip), so that existing tasks do the right thing on every host, and
    say why, until they are moved to a virtual environment.
  - Where the interpreter is marked as externally managed (PEP 668) pip would refuse. The module then refuses before
    anything is started, with the better ways spelled out for the host, unless O(externally_managed) says otherwise.
  - What is there already, dependencies included, is told from metadata, so nothing is started when nothing changes.
  - Before pip installs into or removes from a system's Python it is asked what it would do. Where that would delete or
    overwrite files of OS packages the module refuses, however O(externally_managed) is set, unless O(allow_overwrite)
    names each distribution.
  - With O(virtualenv) the environment is made and healed as M(pep668.provision.venv) does it.
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
  name:
    description:
      - What is to be there or gone, as a list or as a text with commas. Requirements (PEP 508), URLs or absolute paths.
    type: raw
  version:
    description: The version of a single O(name), as V(2.31) or as a specifier.
    type: str
  requirements:
    description: Requirements files on the host; nested ones are followed.
    type: list
    elements: str
  state:
    description:
      - V(present) has it there, and upgrades nothing that satisfies already.
      - V(latest) has the newest that the index has.
      - V(absent) has it gone. What an OS package provides stays, with a warning, unless O(allow_overwrite) names it.
    type: str
    choices: [present, latest, absent]
    default: present
  externally_managed:
    description:
      - What to do where pip would refuse over the marker.
      - V(refuse) fails with the better ways on this host.
      - V(prefer_system_package) installs the distribution's own packages instead, on marked and on unmarked hosts; what
        the distribution does not have is left to pip, which may refuse.
      - V(break) has pip pass over the marker, by a variable that pips which do not know it ignore.
    type: str
    choices: [refuse, prefer_system_package, break]
    default: refuse
  break_system_packages:
    description: V(true) is V(break) of O(externally_managed), by the name that M(ansible.builtin.pip) has for it.
    type: bool
    default: false
  allow_overwrite:
    description: Distributions for which files of OS packages may be deleted or overwritten.
    type: list
    elements: str
    default: []
  scope:
    description: V(system) is what every account of the host sees, V(user) one account's own (C(--user)).
    type: str
    choices: [system, user]
    default: system
  user:
    description: The account of O(scope=user); default is the one the module runs as.
    type: str
    default: ""
  python:
    description: Which interpreter's pip, as a version, a name or an absolute path; default is the host's python3.
    type: str
    default: ""
  executable:
    description: The same, named by a pip, such as V(pip3.11) or its path.
    type: str
  editable:
    description: Whether the code of paths and URLs is used in place.
    type: bool
    default: false
  extra_args:
    description:
      - Further arguments of pip. C(--user), C(--upgrade) and C(--break-system-packages) are taken for O(scope),
        O(state) and O(externally_managed).
    type: str
  umask:
    description: What new files are not allowed, as octal digits in quotes; default is V("0022").
    type: str
  chdir:
    description: The directory pip runs in; relative paths of the other options are taken from it.
    type: path
  virtualenv:
    description:
      - The environment to work in instead, an absolute path. It is made where it is missing and healed where it is
        broken; what else is in it stays.
    type: str
  virtualenv_python:
    description: Its interpreter, as O(python) names one; an environment of another is rebuilt.
    type: str
  virtualenv_site_packages:
    description: Whether it sees the distributions of its interpreter, when it is made.
    type: bool
    default: false
  virtualenv_command:
    description:
      - Taken so that existing tasks need no change. Environments are made with the interpreter's C(venv); one that is
        named here is used.
    type: str
notes:
  - V(forcereinstall) of M(ansible.builtin.pip) is not there; a damaged distribution is removed and installed.
"""

EXAMPLES = r"""
- name: Have a library for the scripts of the system, from wherever it is right on this host
  pep668.provision.pip:
    name: requests
    externally_managed: prefer_system_package

- name: Really have pip install into the system's Python
  pep668.provision.pip:
    name: ["corp-agent==4.2"]
    externally_managed: break

- name: Let it replace what the distribution has of one library, knowing that it may break what uses that
  pep668.provision.pip:
    name: requests
    version: ">=2.32"
    externally_managed: break
    allow_overwrite: [requests]

- name: Fill an environment with what an existing task asks for
  pep668.provision.pip:
    requirements: /srv/app/requirements.txt
    virtualenv: /srv/app/.venv
    virtualenv_command: python3.11 -m venv
"""

RETURN = r"""
action:
  description: What happened or would happen, one of installed, updated, removed, created, rebuilt or unchanged.
  returned: success
  type: str
decision:
  description: What was decided about the call of pip.
  returned: success
  type: dict
  contains:
    outcome:
      description:
        - What pip would do, V(allowed), V(blocked) or V(unsupported); V(system_package) where the distribution's
          packages are taken instead, V(virtual_environment) where O(virtualenv) was made.
      type: str
      sample: allowed
    why:
      description: Why, as a sentence.
      type: str
      sample: The marker /usr/lib/python3.13/EXTERNALLY-MANAGED is overridden by PIP_BREAK_SYSTEM_PACKAGES.
    arguments:
      description: The variables and words with which pip is called, without what is installed; empty where it is not.
      type: list
      elements: str
      sample: [PIP_BREAK_SYSTEM_PACKAGES=1, /usr/bin/python3, -m, pip, install]
packages:
  description: What is there of the distributions asked for (in check mode, would be), name to version.
  returned: success
  type: dict
reasons:
  description: Why something happened.
  returned: success
  type: list
  elements: str
system_packages:
  description: The OS packages that were or would be installed.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.pep668.provision.plugins.module_utils.changing_module import meet, package_lines
from ansible_collections.pep668.provision.plugins.module_utils.engine import every_part  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.pep668.provision.plugins.module_utils.engine.converge import Outcome
from ansible_collections.pep668.provision.plugins.module_utils.engine.desired import Desired
from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError
from ansible_collections.pep668.provision.plugins.module_utils.engine.host import Host
from ansible_collections.pep668.provision.plugins.module_utils.engine.system_pip_report import report_pip
from ansible_collections.pep668.provision.plugins.module_utils.engine.venv_for_pip import read_venv, split_for_venv
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import fail, make_module, read_desired

#: The options that are keys of an entry of python_system_pip.
ENTRY = {
    "name": {"type": "raw"},
    "version": {"type": "str"},
    "requirements": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": ["present", "latest", "absent"], "default": "present"},
    "externally_managed": {
        "type": "str",
        "choices": ["refuse", "prefer_system_package", "break"],
        "default": "refuse",
    },
    "break_system_packages": {"type": "bool", "default": False},
    "allow_overwrite": {"type": "list", "elements": "str", "default": []},
    "scope": {"type": "str", "choices": ["system", "user"], "default": "system"},
    "user": {"type": "str", "default": ""},
    "python": {"type": "str", "default": ""},
    "executable": {"type": "str"},
    "editable": {"type": "bool", "default": False},
    "extra_args": {"type": "str"},
    "umask": {"type": "str"},
    "chdir": {"type": "path"},
}


def main() -> None:
    module = make_module(
        **ENTRY,
        virtualenv={"type": "str"},
        virtualenv_python={"type": "str"},
        virtualenv_site_packages={"type": "bool", "default": False},
        virtualenv_command={"type": "str"},
    )
    options = module.params
    entry = {name: options[name] for name in ENTRY if options[name] is not None}
    if options["virtualenv"] and "requirements" not in entry:
        # An environment alone may be asked for.
        entry.setdefault("name", [])
    desired = read_desired(module, python_system_pip=[entry])
    if not options["virtualenv"]:
        module.exit_json(**_result(desired, [meet(module, desired, installs_packages=True)]))
    try:
        parts = split_for_venv(desired, read_venv(options), Host())
    except ProvisionError as error:
        fail(module, error)
        raise
    if module.check_mode:
        # pip cannot be asked in an environment that is not there.
        parts = parts[:1]
    module.exit_json(**_result(desired, [meet(module, part, installs_packages=True) for part in parts]))


def _result(desired: Desired, outcomes: list[Outcome]) -> dict:
    report = report_pip(desired, outcomes)
    before, after = report.pop("before"), report.pop("after")
    if report["changed"]:
        label = desired.system_pip[0].label
        headers = {"before_header": f"{label} (before)", "after_header": f"{label} ({report['action']})"}
        report["diff"] = {"before": package_lines(before), "after": package_lines(after), **headers}
    return report


if __name__ == "__main__":
    main()
