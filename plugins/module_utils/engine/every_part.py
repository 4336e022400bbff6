# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every part that ``parts`` loads by its name: a module that imports this is sent with all of them."""

from __future__ import annotations

from . import (  # noqa: F401  # pylint: disable=unused-import  # to be there is all they are imported for
    apply_builds,
    apply_system_pip,
    builds,
    marker_restore,
    package_manager_ready,
    pins,
    pip_conf,
    pip_conf_override,
    preview,
    pylock,
    shipped_marker,
    system_pip_inquiry,
    system_pip_observe,
    system_pip_plan,
)
