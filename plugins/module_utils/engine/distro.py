# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributions as data: from os-release to a family, and from a need to the names of OS packages.

The only place that names a distribution or one of its packages. A family is one entry of ``FAMILIES``.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from typing import Dict, Mapping, Optional, Tuple

from .errors import printable
from .host import Host
from .interpreter import release_by_name
from .package_manager import APK, APT, BREW, DNF4, DNF5, MANAGERS, PACMAN, ZYPPER, PackageManager


@dataclass(frozen=True)
class Family:
    """One way of packaging Python.

    ``ids`` are values of os-release ID and ID_LIKE. ``managers`` are the package managers its releases have, the
    preferred first. Names may hold ``{version}``, an interpreter's "3.12", and ``{compact}``, the same as "312".

    ``python`` is the package of the host's own python3, ``pip`` that of its pip ("" where it comes along),
    ``newer_python`` one to take where that is too old for the
    engine, ``interpreter`` the package of any other minor version ("" where there is none); ``module_needs`` says by
    package manager what Ansible's module for it imports. ``venv_default`` is what the host's own python3 needs to make
    virtual environments, ``venv_versioned`` any other interpreter, ``venv_of`` one of another implementation than
    CPython; empty where they come with the interpreter.
    ``pipx_since`` is the first release that packages pipx by os-release ID, "*" for every other ID, "further" where
    only a further repository may have it; without an entry each release counts as having it. ``uv`` and ``uv_since``
    are the same of uv, "" where it is not packaged.

    ``library`` is the package of a library by its normalised PyPI name, after its prefix "python-" is dropped where
    ``drops_python_prefix``; "" where libraries are not packaged. ``irregular_libraries`` has the exceptions.
    """

    name: str
    ids: Tuple[str, ...]
    managers: Tuple[PackageManager, ...]
    python: str
    pip: str
    pipx: str
    library: str
    uv: str = ""
    newer_python: str = ""
    module_needs: Mapping[str, str] = field(default_factory=dict)
    interpreter: str = ""
    irregular_interpreters: Mapping[str, str] = field(default_factory=dict)
    venv_default: str = ""
    venv_versioned: str = ""
    venv_of: Mapping[str, str] = field(default_factory=dict)
    pipx_since: Mapping[str, str] = field(default_factory=dict)
    uv_since: Mapping[str, str] = field(default_factory=dict)
    drops_python_prefix: bool = False
    irregular_libraries: Mapping[str, str] = field(default_factory=dict)


# Debian's policy for Python: python3-NAME by the name that is imported. These are the ones that differ from PyPI's.
_DEBIAN_LIBRARIES = {
    "ansible-core": "ansible-core",
    "argon2-cffi": "python3-argon2",
    "attrs": "python3-attr",
    "beautifulsoup4": "python3-bs4",
    "cython": "cython3",
    "dbus-python": "python3-dbus",
    "discord-py": "python3-discord",
    "dogpile-cache": "python3-dogpile.cache",
    "gitpython": "python3-git",
    "google-api-python-client": "python3-googleapi",
    "jaraco-classes": "python3-jaraco.classes",
    "jaraco-functools": "python3-jaraco.functools",
    "libvirt-python": "python3-libvirt",
    "mysqlclient": "python3-mysqldb",
    "opencv-python": "python3-opencv",
    "opencv-python-headless": "python3-opencv",
    "oslo-config": "python3-oslo.config",
    "pillow": "python3-pil",
    "psycopg2-binary": "python3-psycopg2",
    "py-cpuinfo": "python3-cpuinfo",
    "pybluez": "python3-bluez",
    "pycryptodomex": "python3-pycryptodome",
    "pycups": "python3-cups",
    "pygobject": "python3-gi",
    "pyjwt": "python3-jwt",
    "pykerberos": "python3-kerberos",
    "pynacl": "python3-nacl",
    "pyopenssl": "python3-openssl",
    "pyserial": "python3-serial",
    "pysnmp": "python3-pysnmp4",
    "pysocks": "python3-socks",
    "python-memcached": "python3-memcache",
    "python-pam": "python3-pampy",
    "pytz": "python3-tz",
    "pyusb": "python3-usb",
    "pywinrm": "python3-winrm",
    "pyxdg": "python3-xdg",
    "pyyaml": "python3-yaml",
    "pyzmq": "python3-zmq",
    "ruamel-yaml": "python3-ruamel.yaml",
    "scikit-image": "python3-skimage",
    "scikit-learn": "python3-sklearn",
    "systemd-python": "python3-systemd",
    "vtk": "python3-vtk9",
    "websocket-client": "python3-websocket",
    "wxpython": "python3-wxgtk4.0",
    "zope-interface": "python3-zope.interface",
}

_ARCH_LIBRARIES = {
    "ansible-core": "ansible-core",
    "cython": "cython",
    "dbus-python": "python-dbus",
    "jinja2": "python-jinja",
    "libvirt-python": "libvirt-python",
    "opencv-python": "python-opencv",
    "opencv-python-headless": "python-opencv",
    "prompt-toolkit": "python-prompt_toolkit",
    "psycopg2-binary": "python-psycopg2",
    "pygobject": "python-gobject",
    "pysmbc": "python-pysmbc",
    "pyyaml": "python-yaml",
    "systemd-python": "python-systemd",
    "typing-extensions": "python-typing_extensions",
    "wxpython": "python-wxpython",
}

_ALPINE_LIBRARIES = {
    "ansible-core": "ansible-core",
    "cython": "cython",
    "dbus-python": "py3-dbus",
    "libvirt-python": "py3-libvirt",
    "opencv-python": "py3-opencv",
    "opencv-python-headless": "py3-opencv",
    "psycopg2-binary": "py3-psycopg2",
    "pygobject": "py3-gobject3",
    "pyjwt": "py3-jwt",
    "pyopenssl": "py3-openssl",
    "python-ldap": "py3-pyldap",
    "pytz": "py3-tz",
    "pyusb": "py3-usb",
    "pyyaml": "py3-yaml",
    "ruamel-yaml": "py3-ruamel.yaml",
    "systemd-python": "py3-systemd",
}

# What rpm calls a library besides its package's name is made from its metadata, and so by its PyPI name; these are
# known on PyPI under another one.
_RPM_LIBRARIES = {
    "opencv-python": "opencv",
    "opencv-python-headless": "opencv",
    "psycopg2-binary": "psycopg2",
}

FAMILIES: Tuple[Family, ...] = (
    Family(
        name="debian",
        ids=("debian", "ubuntu", "deepin"),
        managers=(APT,),
        python="python3",
        module_needs={"apt": "python3-apt"},
        interpreter="python{version}",
        pip="python3-pip",
        pipx="pipx",
        pipx_since={"debian": "12", "ubuntu": "20.04"},
        venv_default="python3-venv",
        venv_versioned="python{version}-venv",
        venv_of={"pypy": "pypy3-venv"},
        library="python3-{name}",
        drops_python_prefix=True,
        irregular_libraries=_DEBIAN_LIBRARIES,
    ),
    Family(
        name="el",
        ids=("rhel", "centos", "rocky", "almalinux", "ol", "amzn", "eurolinux", "scientific", "virtuozzo"),
        managers=(DNF5, DNF4),
        python="python3",
        # EL 8's python3 is 3.6.
        newer_python="python3.12",
        module_needs={"dnf5": "python3-libdnf5"},
        interpreter="python{version}",
        # EL 8's modules of these versions have names of the old kind.
        irregular_interpreters={"3.8": "python38", "3.9": "python39"},
        pip="python3-pip",
        pipx="pipx",
        # EPEL has it, where that is configured.
        pipx_since={"*": "further"},
        library="python3dist({name})",
        irregular_libraries={name: f"python3dist({other})" for name, other in _RPM_LIBRARIES.items()},
    ),
    Family(
        name="fedora",
        ids=("fedora", "nobara", "ultramarine"),
        managers=(DNF5, DNF4),
        python="python3",
        module_needs={"dnf5": "python3-libdnf5", "dnf": "python3-dnf"},
        interpreter="python{version}",
        pip="python3-pip",
        pipx="pipx",
        uv="uv",
        library="python3dist({name})",
        irregular_libraries={name: f"python3dist({other})" for name, other in _RPM_LIBRARIES.items()},
    ),
    Family(
        name="arch",
        ids=("arch", "archarm", "manjaro", "endeavouros", "cachyos", "artix"),
        managers=(PACMAN,),
        python="python",
        pip="python-pip",
        pipx="python-pipx",
        uv="uv",
        library="python-{name}",
        drops_python_prefix=True,
        irregular_libraries=_ARCH_LIBRARIES,
    ),
    Family(
        name="opensuse",
        ids=("opensuse", "suse", "sles", "sled", "opensuse-leap", "opensuse-tumbleweed", "opensuse-microos"),
        managers=(ZYPPER,),
        python="python3",
        # Leap's and SLE's python3 was 3.6 up to release 15.
        newer_python="python311",
        interpreter="python{compact}",
        pip="python{compact}-pip",
        pipx="python{compact}-pipx",
        library="python{version}dist({name})",
        irregular_libraries={name: f"python{{version}}dist({other})" for name, other in _RPM_LIBRARIES.items()},
    ),
    Family(
        name="alpine",
        ids=("alpine", "postmarketos"),
        managers=(APK,),
        python="python3",
        pip="py3-pip",
        pipx="pipx",
        uv="uv",
        # Older releases have it too, but older ones than a pipx of today works with (0.9.17).
        uv_since={"alpine": "3.24"},
        library="py3-{name}",
        drops_python_prefix=True,
        irregular_libraries=_ALPINE_LIBRARIES,
    ),
    Family(
        name="homebrew",
        ids=("macos",),
        managers=(BREW,),
        python="python3",
        interpreter="python@{version}",
        pip="",
        pipx="pipx",
        uv="uv",
        library="",
    ),
)

#: The minor versions of Python 3 whose packages are looked for: from the oldest the engine runs with to one to come.
OLDEST_MINOR, NEWEST_MINOR = 8, 15
#: Characters of a value in os-release; shlex takes time by the square of the length.
_LONGEST_VALUE = 1000
_SELECTED = re.compile(r"^(?:python)?(3\.\d+)$")


@dataclass(frozen=True)
class Distribution:
    """The distribution of a host: os-release's own words, the family whose package names apply, its package manager.

    ``family`` is ``None`` for an unknown distribution. ``python_version`` is the minor version of its own python3, like
    "3.11", as far as the file's name tells ("" where it does not).
    """

    id: str
    name: str
    version: str
    family: Optional[Family]
    manager: Optional[PackageManager] = None
    python_version: str = ""

    def as_dict(self) -> Dict[str, str]:
        """Return it as modules do, in words."""
        return {
            "distribution": self.id,
            "name": self.name,
            "version": self.version,
            "family": self.family.name if self.family is not None else "",
            "package_manager": self.manager.name if self.manager is not None else "",
        }

    def packages_pipx(self, *, further: bool = False) -> bool:
        """Say whether this release has a package of pipx, as far as a table can know.

        With ``further`` also one that only a further repository may have.
        """
        return self.family is not None and self._has_since(self.family.pipx_since, further=further)

    def packages_uv(self) -> bool:
        """Say whether this release has a package of uv, as far as a table can know."""
        return self.family is not None and bool(self.family.uv) and self._has_since(self.family.uv_since)

    def _has_since(self, releases: Mapping[str, str], *, further: bool = False) -> bool:
        since = releases.get(self.id, releases.get("*", ""))
        if since == "further":
            return further
        # Derivatives and rolling releases count as current ones.
        return not since or not self.version or _release(self.version) >= _release(since)

    def pip_package(self) -> str:
        """Return the package of the pip of the distribution's own python3, "" where it has none of its own."""
        return self._fill(self.family.pip, self.python_version) if self.family is not None else ""

    def pipx_package(self) -> str:
        """Return the package of pipx, "" for an unknown distribution."""
        return self._fill(self.family.pipx, self.python_version) if self.family is not None else ""

    def uv_package(self) -> str:
        """Return the package of uv, "" where it is not packaged."""
        return self.family.uv if self.family is not None and self.packages_uv() else ""

    def interpreter_package(self, version: str) -> str:
        """Return the package of the interpreter of a minor version such as "3.12", "" where there can be none."""
        if self.family is None:
            return ""
        irregular = self.family.irregular_interpreters.get(version)
        return irregular or self._fill(self.family.interpreter, version)

    def selected_package(self, selector: str) -> str:
        """Return the package that brings an interpreter selected as "3.12" or "python3.12", "" where none can."""
        version = _SELECTED.match(selector)
        return self.interpreter_package(version.group(1)) if version else ""

    def interpreter_packages(self) -> Dict[str, str]:
        """Return the packages of every interpreter the engine runs with, by minor version."""
        versions = (f"3.{minor}" for minor in range(OLDEST_MINOR, NEWEST_MINOR + 1))
        packages = {version: self.interpreter_package(version) for version in versions}
        return {version: package for version, package in packages.items() if package}

    def venv_package(self, version: str, *, is_default: bool, implementation: str = "cpython") -> str:
        """Return the package that lets an interpreter of the distribution make virtual environments, or ""."""
        if self.family is None:
            return ""
        if implementation != "cpython":
            return self.family.venv_of.get(implementation, "")
        return self._fill(self.family.venv_default if is_default else self.family.venv_versioned, version)

    def library_package(self, name: str) -> str:
        """Return the distribution's package for a library, given its normalised PyPI name."""
        if self.family is None:
            return ""
        irregular = self.family.irregular_libraries.get(name)
        if irregular:
            return self._fill(irregular, self.python_version)
        plain = name[len("python-") :] if self.family.drops_python_prefix and name.startswith("python-") else name
        return self._fill(self.family.library, self.python_version, name=plain)

    def install_hint(self, packages: Tuple[str, ...]) -> str:
        """Return the command an administrator would type to install these packages."""
        if self.manager is None:
            return "install " + " ".join(packages) + " with the system's package manager"
        return " ".join(shlex.quote(word) for word in self.manager.install + packages)

    @staticmethod
    def _fill(template: str, version: str, name: str = "") -> str:
        # A host whose python3 does not tell its version in its name is asked for what serves any.
        template = template if version else template.replace("python{version}", "python3").replace("{compact}", "3")
        return template.format(version=version, compact=version.replace(".", ""), name=name)


def _release(version: str) -> Tuple[int, ...]:
    return tuple(int(part[:9]) for part in version.split(".") if part.isdecimal())


def parse_os_release(text: str) -> Dict[str, str]:
    """Return os-release(5) as a dictionary; lines that are none of its assignments are passed over."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or not name.isidentifier():
            continue
        if len(value) > _LONGEST_VALUE:
            continue
        try:
            words = shlex.split(value)
        except ValueError:
            continue
        found[name] = printable(words[0]) if words else ""
    return found


def identify(text: str) -> Distribution:
    """Return the distribution an os-release text describes; its family by ID, then by ID_LIKE."""
    fields = parse_os_release(text)
    identity = fields.get("ID", "unknown").lower()
    candidates = [identity] + fields.get("ID_LIKE", "").lower().split()
    family = next((family for candidate in candidates for family in FAMILIES if candidate in family.ids), None)
    manager = family.managers[0] if family is not None else None
    return Distribution(identity, fields.get("NAME", identity), fields.get("VERSION_ID", ""), family, manager)


def observe_distribution(host: Host) -> Distribution:
    """Read which distribution the host runs (os-release(5): /etc before /usr/lib) and which package manager it has."""
    text = host.read_text("/etc/os-release", 65536) or host.read_text("/usr/lib/os-release", 65536) or _macos(host)
    found = identify(text)
    if found.family is None:
        return found
    present = (one for one in found.family.managers if any(map(host.is_executable, one.programs)))
    return replace(
        found,
        manager=next(present, found.manager),
        python_version=release_by_name(host.resolve("/usr/bin/python3")),
    )


def _macos(host: Host) -> str:
    """Return what os-release would say on macOS, which has a property list in its place; "" elsewhere."""
    text = host.read_text("/System/Library/CoreServices/SystemVersion.plist") or ""
    version = re.search(r"<key>ProductVersion</key>\s*<string>([\d.]+)</string>", text)
    return f"ID=macos\nNAME=macOS\nVERSION_ID={version.group(1)}\n" if version else ""


def manager_with(host: Host, distribution: Distribution, database: str) -> Optional[PackageManager]:
    """Return the package manager here that keeps a kind of database, the distribution's own where it does."""
    own = [distribution.manager] if distribution.manager is not None else []
    fitting = (one for one in [*own, *MANAGERS.values()] if one.database == database)
    return next((one for one in fitting if any(host.is_executable(program) for program in one.programs)), None)
