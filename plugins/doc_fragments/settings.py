# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and attributes that the modules of this collection share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  python_installer:
    description:
      - Which program fills virtual environments.
      - V(auto) takes uv where the host has it or O(python_uv) asks for it, else pip.
    type: str
    choices: [auto, pip, uv]
    default: auto
  python_uv:
    description:
      - Whether to provide uv on the host when it has none.
      - The distribution's is taken where it packages one, else that of the index in an environment of its own.
    type: bool
    default: false
  python_pipx_source:
    description:
      - Where pipx comes from when a tool needs it.
      - V(auto) takes the distribution's pipx when it can do what is asked, else one from the index in an environment of
        its own.
    type: str
    choices: [auto, system, index]
    default: auto
  python_pipx_pin:
    description: The version of a pipx that comes from the index; empty for the newest.
    type: str
    default: ""
  python_uv_pin:
    description: The version of a uv that comes from the index; empty for the newest.
    type: str
    default: ""
  python_require_pins:
    description:
      - Whether everything that is declared has to be pinned, by C(==), a URL with a hash or a commit, or a lock file.
      - What is not is refused, each with its place, before anything changes.
    type: bool
    default: false
  python_manage_system_packages:
    description: Whether the operating system's package manager may be used for what is missing.
    type: bool
    default: true
  python_lock_timeout:
    description: How many seconds to wait for another run on the same host.
    type: int
    default: 300
  python_install_timeout:
    description:
      - How many seconds one call of pip, uv or pipx may take. One that takes longer is ended, with what it started, and
        the entry has failed. V(0) is no limit.
    type: int
    default: 3600
  python_index_url:
    description: The package index, in place of the one that the host's own configuration names.
    type: str
    default: ""
  python_extra_index_urls:
    description: Further indexes.
    type: list
    elements: str
    default: []
  python_find_links:
    description: Directories or pages with distributions.
    type: list
    elements: str
    default: []
  python_no_index:
    description: Whether to use O(python_find_links) alone.
    type: bool
    default: false
  python_index_username:
    description: The user at the index; it reaches the installer through its environment and shows in no process list.
    type: str
    default: ""
  python_index_password:
    description: The password at the index.
    type: str
    default: ""
  python_ca_bundle:
    description: A file on the host with the certificates that the index is checked against.
    type: path
    default: ""
  python_client_cert:
    description:
      - A PEM file on the host with the certificate and the private key that are shown to an index that asks for one.
      - The account that runs the installer has to be able to read it; give it the mode 0600 or 0640.
    type: path
    default: ""
  python_proxy:
    description: The proxy through which the index is reached.
    type: str
    default: ""
  python_trusted_hosts:
    description: Hosts whose certificates are not checked.
    type: list
    elements: str
    default: []
"""

    ATTRIBUTES = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
  platform:
    description: Target operating systems this works on.
    support: full
    platforms: posix
  action_group:
    description: Can be given defaults through C(group/pep668.provision.provision) in C(module_defaults).
    support: full
    membership:
      - pep668.provision.provision
"""
