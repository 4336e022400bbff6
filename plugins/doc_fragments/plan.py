# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that plan a whole declared state."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  python_venvs:
    description: Virtual environments, each with the options of M(pep668.provision.venv).
    type: raw
    default: []
  python_tools:
    description: Command-line tools, each with the keys of O(pep668.provision.tool#module:tools).
    type: raw
    default: []
  python_libraries:
    description: Libraries by their name on PyPI, to be provided by the distribution's own packages.
    type: raw
    default: []
  python_restore_marker:
    description:
      - Whether each C(EXTERNALLY-MANAGED) marker that an OS package ships is to be there as the package has it, as
        M(pep668.provision.marker) restores it.
    type: bool
    default: false
  python_pip_conf_override:
    description:
      - V(absent) is to leave no C(break-system-packages) in the files that pip reads for the whole host, for this
        account and for the host's own python3, removed as by M(pep668.provision.pip_config).
      - V(keep) leaves them as they are.
    type: str
    choices: [keep, absent]
    default: keep
  python_system_pip:
    description: What pip is really meant to do in a system's or an account's own Python, see M(pep668.provision.pip).
    type: raw
    default: []
  variable_names:
    description: Names of variables the caller has; those like a misspelt one of this collection are warned about.
    type: list
    elements: str
    default: []
"""
