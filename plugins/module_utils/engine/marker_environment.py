# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What environment markers ask for, as Python that finds it out in any interpreter: ``environment`` holds it then."""

from __future__ import annotations

#: The names are those of PEP 508.
MARKER_ENVIRONMENT = r"""
import os, platform, sys
version = platform.python_version()
info = sys.implementation.version
kind = info.releaselevel[0] + str(info.serial) if info.releaselevel != "final" else ""
environment = {
    "implementation_name": sys.implementation.name,
    "implementation_version": "%d.%d.%d%s" % (info.major, info.minor, info.micro, kind),
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_full_version": version,
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
}
"""
