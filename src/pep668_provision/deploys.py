# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pyinfra deploy that provides all that is declared of a host."""

from __future__ import annotations

from pyinfra.api.deploy import deploy
from pyinfra.context import host

from .declared import declared_by, near_misses
from .operations import provide
from .remote import show_warnings


@deploy("pep668.provision")
def provision(vars: str | None = None) -> None:  # noqa: A002  # what users type
    """The host has what the ``python_*`` keys of its data declare, and is told of keys that look misspelt.

    + vars: a file of variables written for the Ansible role, laid over the data key by key

    .. code:: sh

        pyinfra inventory.py pep668_provision.deploys.provision
        pyinfra @local pep668_provision.deploys.provision vars=site.yml
    """
    show_warnings(host, near_misses(host, vars))
    # One name for every host: pyinfra prints all that an operation has.
    provide(declared_by(host, vars), name="Provide what is declared")
