# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributions as data: from os-release to a family, and from a need to the names of OS packages.

The only place that names a distribution or one of its packages. A family is one entry of ``FAMILIES``.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Dict, Mapping, Optional, Tuple

from .host import Host


@dataclass(frozen=True)
class Family:
    """One way of packaging Python.

    ``ids`` are values of os-release ID and ID_LIKE. Names may hold ``{version}``, an interpreter's "3.12".
    ``venv_default`` is what the host's own python3 needs to make virtual environments, ``venv_versioned`` any
    other interpreter; empty where they come with the interpreter. ``pipx_since`` is the first release that packages
    pipx, by os-release ID. ``module_options`` are handed to the Ansible package module; ``module_lock_option`` is how
    that calls the seconds it waits for the package manager's lock.
    """

    name: str
    ids: Tuple[str, ...]
    package_manager: str
    package_database: str
    install_command: Tuple[str, ...]
    refresh_command: Tuple[str, ...]
    lists_directory: str
    system_prefix: str
    pip: str
    pipx: str
    venv_default: str
    venv_versioned: str
    library: str
    irregular_libraries: Mapping[str, str] = field(default_factory=dict)
    pipx_since: Mapping[str, str] = field(default_factory=dict)
    module_options: Mapping[str, object] = field(default_factory=dict)
    module_lock_option: str = "lock_timeout"


_DEBIAN_LIBRARIES = {
    "attrs": "python3-attr",
    "beautifulsoup4": "python3-bs4",
    "dbus-python": "python3-dbus",
    "gitpython": "python3-git",
    "mysqlclient": "python3-mysqldb",
    "opencv-python": "python3-opencv",
    "opencv-python-headless": "python3-opencv",
    "pillow": "python3-pil",
    "psycopg2-binary": "python3-psycopg2",
    "pygobject": "python3-gi",
    "pyopenssl": "python3-openssl",
    "pyserial": "python3-serial",
    "python-apt": "python3-apt",
    "python-dateutil": "python3-dateutil",
    "python-ldap": "python3-ldap",
    "python-magic": "python3-magic",
    "pyusb": "python3-usb",
    "pywinrm": "python3-winrm",
    "pyyaml": "python3-yaml",
    "pyzmq": "python3-zmq",
    "ruamel-yaml": "python3-ruamel.yaml",
    "scikit-image": "python3-skimage",
    "scikit-learn": "python3-sklearn",
    "zope-interface": "python3-zope.interface",
}

FAMILIES: Tuple[Family, ...] = (
    Family(
        name="debian",
        ids=("debian", "ubuntu"),
        package_manager="apt",
        package_database="dpkg",
        install_command=("apt-get", "install", "--no-install-recommends"),
        refresh_command=("apt-get", "update"),
        lists_directory="/var/lib/apt/lists",
        system_prefix="/usr/bin/",
        pip="python3-pip",
        pipx="pipx",
        venv_default="python3-venv",
        venv_versioned="python{version}-venv",
        library="python3-{name}",
        irregular_libraries=_DEBIAN_LIBRARIES,
        pipx_since={"debian": "12", "ubuntu": "20.04"},
        module_options={"install_recommends": False},
    ),
)


@dataclass(frozen=True)
class Distribution:
    """The distribution of a host: os-release's own words, and the family whose package names apply, if known."""

    id: str
    name: str
    version: str
    family: Optional[Family]

    def packages_pipx(self) -> bool:
        """Say whether this release has a package of pipx."""
        if self.family is None:
            return False
        since = self.family.pipx_since.get(self.id)
        if since is None or not self.version:
            # Derivatives and rolling releases count as current ones.
            return True
        return _release(self.version) >= _release(since)

    def venv_package(self, version: str, *, is_default: bool) -> str:
        """Return the package that lets an interpreter of the distribution make virtual environments, or ""."""
        if self.family is None:
            return ""
        template = self.family.venv_default if is_default else self.family.venv_versioned
        return template.format(version=version)

    def library_package(self, name: str) -> str:
        """Return the distribution's package for a library, given its normalised PyPI name."""
        if self.family is None:
            return ""
        irregular = self.family.irregular_libraries.get(name)
        # Debian policy for Python: python3-NAME by import name, dashes as they are; "python-foo" is "foo".
        return irregular or self.family.library.format(name=name)

    def install_hint(self, packages: Tuple[str, ...]) -> str:
        """Return the command an administrator would type to install these packages."""
        if self.family is None:
            return "install " + " ".join(packages) + " with the system's package manager"
        return " ".join(shlex.quote(word) for word in self.family.install_command + packages)


def _release(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def parse_os_release(text: str) -> Dict[str, str]:
    """Return os-release(5) as a dictionary; lines that are none of its assignments are passed over."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or not name.isidentifier():
            continue
        try:
            words = shlex.split(value)
        except ValueError:
            continue
        found[name] = words[0] if words else ""
    return found


def identify(text: str) -> Distribution:
    """Return the distribution an os-release text describes; its family by ID, then by ID_LIKE."""
    fields = parse_os_release(text)
    identity = fields.get("ID", "unknown").lower()
    candidates = [identity] + fields.get("ID_LIKE", "").lower().split()
    family = next((family for candidate in candidates for family in FAMILIES if candidate in family.ids), None)
    return Distribution(identity, fields.get("NAME", identity), fields.get("VERSION_ID", ""), family)


def observe_distribution(host: Host) -> Distribution:
    """Read which distribution the host runs (os-release(5): /etc before /usr/lib)."""
    text = host.read_text("/etc/os-release") or host.read_text("/usr/lib/os-release") or ""
    return identify(text)
