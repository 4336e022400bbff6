#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: marker
short_description: Restore the EXTERNALLY-MANAGED markers of OS packages, or mark an interpreter of your own
description:
  - Finds the C(EXTERNALLY-MANAGED) markers (PEP 668) that the host's OS packages ship, and which of them are missing or
    were changed. The package manager lays these down again from the package that owns them.
  - With O(text) an interpreter that no package manages, such as one below C(/usr/local), gets a marker of its own.
  - Never removes a marker.
  - What is shipped is read from the package databases of dpkg, pacman, apk and rpm, with the digest of each file. A
    package keeps its version. Where only a newer one is to be had, that is an error, for a package that is upgraded
    alone can break others.
  - The package's file in the package manager's cache is taken where it is there, and then no network is used. Otherwise
    the lists of the repositories are refreshed where they are absent or (apt, apk) older than a day.
  - A marker that C(dpkg-divert) puts elsewhere, or that the package manager is told not to write (dpkg's
    C(path-exclude), pacman's C(NoExtract) and C(NoUpgrade)), was made so on purpose. It stays as it is, and a warning
    names the ways out, unless O(end_diversion) says otherwise.
  - Homebrew records neither files nor digests. A marker of its is taken for missing where the formula that is kept
    with the installed keg names it, and for changed where there is no message in it that pip can read.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
extends_documentation_fragment:
  - pep668.provision.settings
  - pep668.provision.settings.attributes
attributes:
  check_mode:
    details:
      - What only the repositories know, such as whether they still have the installed version, is found by the run.
  diff_mode:
    support: full
    details:
      - Of a marker of an OS package it shows the text that goes and the package whose file comes.
options:
  python:
    description:
      - The interpreter whose marker is meant, as a version, a name or an absolute path. The default is every one that
        has a marker of an OS package.
      - Required with O(text).
    type: str
    default: ""
  path:
    description: The marker of an OS package that is meant, an absolute path, in place of O(python).
    type: str
    default: ""
  text:
    description:
      - The text that pip and other installers show when they refuse to install into the interpreter O(python), in every
        language that O(translations) does not have. It can have several lines; empty ones are kept.
      - Refused is a line that is indented or starts with C(#) or C(;), for no tool would show it so.
      - Refused for a virtual environment and for an interpreter that a package or another tool manages.
    type: str
  translations:
    description: The same text in other languages, by language (V(de)) or language and country (V(de_CH)).
    type: dict
    default: {}
  end_diversion:
    description:
      - Whether a marker that an administrator has diverted (C(dpkg-divert --local)) comes back, too.
      - Where another file stands in its place, and where a package made the diversion, it is left with a warning.
    type: bool
    default: false
notes:
  - Of the group's settings this module uses O(python_lock_timeout) and O(python_manage_system_packages); without the
    latter a marker that is missing or changed is an error.
  - zypper takes a package that it installs again for one that was asked for by name.
"""

EXAMPLES = r"""
- name: Have every marker as the distribution ships it
  pep668.provision.marker:

- name: Have the marker of one interpreter as the distribution ships it
  pep668.provision.marker:
    python: "3.13"

- name: Have the marker back that somebody put aside with dpkg-divert
  pep668.provision.marker:
    path: /usr/lib/python3.13/EXTERNALLY-MANAGED
    end_diversion: true

- name: Mark the Python that was built below /usr/local
  pep668.provision.marker:
    python: /usr/local/bin/python3.14
    text: |
      This Python is the build team's.

      Make a virtual environment: python3.14 -m venv DIRECTORY
    translations:
      de: |
        Dieses Python gehört dem Build-Team.

        Eine virtuelle Umgebung geht immer: python3.14 -m venv VERZEICHNIS
"""

RETURN = r"""
path:
  description: The marker. Of several the first that something is done about, else the first; empty where there is none.
  returned: success
  type: str
  sample: /usr/lib/python3.13/EXTERNALLY-MANAGED
owner_package:
  description: The OS package that ships it, empty for one that none ships.
  returned: success
  type: str
  sample: libpython3.13-stdlib
markers:
  description: Each marker that was looked at.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The marker.
      type: str
      sample: /usr/lib/python3.13/EXTERNALLY-MANAGED
    owner_package:
      description: The OS package that ships it.
      type: str
      sample: libpython3.13-stdlib
    state:
      description: How it was found, one of intact, missing, changed, diverted and excluded.
      type: str
      sample: missing
    action:
      description: What was done, one of restored, written, left (diverted or excluded) and unchanged.
      type: str
      sample: restored
    detail:
      description: By what that is known.
      type: str
      sample: libpython3.13-stdlib 3.13.5-2 has /usr/lib/python3.13/EXTERNALLY-MANAGED, and the file is gone.
reasons:
  description: Why something has to be done.
  returned: success
  type: list
  elements: str
  sample: [/usr/lib/python3.13/EXTERNALLY-MANAGED is missing]
msg:
  description: That there is no marker to restore.
  returned: when no OS package ships one
  type: str
  sample: No OS package of this host ships an EXTERNALLY-MANAGED marker, so there is none to restore.
"""

from dataclasses import asdict

from ansible_collections.pep668.provision.plugins.module_utils.engine.errors import ProvisionError
from ansible_collections.pep668.provision.plugins.module_utils.engine.host import Host
from ansible_collections.pep668.provision.plugins.module_utils.engine.marker_change import (
    MarkerChange,
    converge_marker,
    foresee_marker,
    read_wanted,
)
from ansible_collections.pep668.provision.plugins.module_utils.provision_module import fail, make_module


def main() -> None:
    module = make_module(
        python={"type": "str", "default": ""},
        path={"type": "str", "default": ""},
        text={"type": "str"},
        translations={"type": "dict", "default": {}},
        end_diversion={"type": "bool", "default": False},
    )
    options, host = module.params, Host()
    may = options["python_manage_system_packages"]
    try:
        wanted = read_wanted(options)
        if module.check_mode:
            change = foresee_marker(wanted, host, may_use_packages=may)
        else:
            timeout = options["python_lock_timeout"]
            change = converge_marker(wanted, host, lock_timeout=timeout, may_use_packages=may)
    except ProvisionError as error:
        fail(module, error)
        raise
    for warning in change.warnings:
        module.warn(warning)
    module.exit_json(**_result(change))


def _result(change: MarkerChange) -> dict:
    path = change.first.path if change.first else ""
    result = {
        "changed": change.changed,
        "path": path,
        "owner_package": change.first.owner_package if change.first else "",
        "markers": [asdict(one) for one in change.markers],
        "reasons": list(change.reasons),
    }
    if change.message:
        result["msg"] = change.message
    if change.changed:
        headers = {"before_header": f"{path} (before)", "after_header": f"{path} (after)"}
        result["diff"] = {"before": change.before, "after": change.after, **headers}
    return result


if __name__ == "__main__":
    main()
