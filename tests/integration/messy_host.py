"""Hosts in a mess: every condition that the audit looks for, caused by the commands that cause it in real life.

    expected = make_messy(host, release, index)     # {("EM101", "/etc/pip.conf"), ...}

What is caused differs by release, for not everything can be: no Fedora has a marker that could be missing, and no pipx
of Debian 12 calls another place its old one. Files are edited with the programs people edit them with; packages are
real, or packed here by the package manager's own program; distributions are of the tests' index, the old pip is the
real one. No release goes past its end while tests run: where the distribution's own Python has, a copy of it stands in
for one that was built by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hosts import Host
from local_index import LocalIndex

Key = tuple[str, str]

#: A mess has one of these at least; Debian 11 is one whose pip knows no marker.
DEBIANS = ("debian11", "debian12", "debian13")
#: By release what installs packages, then pip, and libraries that pip then replaces: the distributions' own.
PACKAGES = {
    **dict.fromkeys(DEBIANS, ("apt-get -q update && apt-get -q install --yes --no-install-recommends", "python3-")),
    "fedora44": ("dnf5 --quiet install --assumeyes", "python3-"),
    "arch": ("pacman -S --noconfirm", "python-"),
    "opensuse": ("zypper --non-interactive install", "python314-"),
    "el9": ("dnf -y install", "python3-"),
}
MESSY = tuple(PACKAGES)
#: Releases whose Python is marked, and what happens to its marker.
OWN_MARKER = {"debian12": "edited", "debian13": "missing", "arch": "edited", "opensuse": "missing"}
#: A pip that does not know the marker, and deletes what packages own, where the distribution's own pip does neither.
OLD_PIP = "22.3.1"
#: Where it runs, and finds what it deletes.
TAKES_OLD_PIP = ("debian11", "debian12")
#: The library of which files are damaged; where it is not six, that is not packaged.
DAMAGED = dict.fromkeys(("fedora44", "arch", "opensuse"), "certifi")
#: Releases whose own Python is past its end of life.
ENDED = ("debian11", "el9")
#: Releases whose pipx has moved since.
MOVED_PIPX = ("debian13", "fedora44", "arch", "opensuse")
VENDORS_REPOSITORY = "/srv/vendors"
EDIT_VERSION = "s/^version.*/version = 3.8.20/"

PACK_MARKER = """
set -e
folder=$(mktemp -d)
mkdir -p "$folder/DEBIAN" "$folder$(dirname "$2")" /srv/vendors
printf '[externally-managed]\\nError=This Python is the vendor'"'"'s.\\n' >"$folder$2"
cat >"$folder/DEBIAN/control" <<END
Package: $1
Version: 1.0
Architecture: all
Maintainer: Vendor <vendor@example.org>
Description: a vendor's Python
END
dpkg-deb --root-owner-group --build "$folder" "/srv/vendors/$1.deb"
dpkg --install "/srv/vendors/$1.deb"
{
  dpkg-deb --field "/srv/vendors/$1.deb"
  echo "Filename: ./$1.deb"
  echo "Size: $(stat -c %s "/srv/vendors/$1.deb")"
  echo "SHA256: $(sha256sum "/srv/vendors/$1.deb" | cut -d' ' -f1)"
  echo
} >>/srv/vendors/Packages
echo 'deb [trusted=yes] file:/srv/vendors ./' >/etc/apt/sources.list.d/vendors.list
apt-get -q update
"""


@dataclass
class Mess:
    """A host on its way into a mess, and what an audit finds by now."""

    host: Host
    release: str
    index: LocalIndex
    expected: set[Key] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.short = self.ask("'%d.%d' % sys.version_info[:2]")
        self.stdlib = self.ask("sysconfig.get_path('stdlib')")

    @property
    def damaged(self) -> str:
        return DAMAGED.get(self.release, "six")

    def ask(self, expression: str, *, user: str = "root") -> str:
        """What the host's own Python says."""
        code = f"import importlib, site, sys, sysconfig; print({expression})"
        return self.host.run(["python3", "-I", "-c", code], user=user).stdout.strip()

    def do(self, command: str, *found: Key, user: str = "root") -> None:
        """The command has ended well, and an audit finds this from now on."""
        self.host.run(command, user=user, login=user != "root")
        self.expected.update(found)

    def pip(self, arguments: str, *found: Key, user: str = "root") -> None:
        """The pip that python3 imports has done it, over the marker where there is one."""
        index = f"--index-url {self.index.url} --disable-pip-version-check"
        override = "PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore"
        self.do(f"cd /; {override} python3 -m pip install {index} {arguments}", *found, user=user)

    def site_of(self, distribution: str, *, user: str = "root") -> str:
        """The directory in which the host's Python finds a distribution."""
        code = f"import importlib.metadata as m; print(m.distribution('{distribution}').locate_file(''))"
        return self.host.run(f'python3 -c "{code}"', user=user, login=user != "root").stdout.strip()


def forget_test_settings(host: Host) -> None:
    """/etc/environment does not tell pip of this machine's certificates any more, which no distribution's does."""
    settings = host.read("/etc/environment").splitlines(keepends=True)
    host.mount_over("/etc/environment", "".join(line for line in settings if not line.startswith("PIP_")))


def stock(index: LocalIndex) -> None:
    """The index has what a mess is made of."""
    for name in ("alpha", "beta"):
        index.add(name, "1.0")
    for name in ("idna", "six"):
        index.add(name, "90.0", modules={name: "__version__ = '90.0'\n"})
    index.add("hello", "1.0", scripts=["hello"])
    index.add("greet", "1.0", scripts=["greet"])
    index.mirror(f"pip=={OLD_PIP}")
    index.mirror("pip", "setuptools", "wheel", "pipx")


def make_messy(host: Host, release: str, index: LocalIndex) -> frozenset[Key]:
    """The host is in every mess there can be on it; returns what an audit of it finds, and nothing else."""
    forget_test_settings(host)
    mess = Mess(host, release, index)
    for cause in CAUSES:
        cause(mess)
    return frozenset(mess.expected)


def half_an_environment(mess: Mess) -> None:
    """On Debian, python3 -m venv without python3-venv leaves a directory that looks like an environment."""
    if mess.release in DEBIANS:
        mess.do("! python3 -m venv /opt/half", ("EM401", "/opt/half"))
    install, prefix = PACKAGES[mess.release]
    names = ["pip", "idna", mess.damaged] + ["venv"] * (mess.release in DEBIANS)
    mess.do(f"{install} {' '.join(prefix + name for name in names)}")


def broken_tools(mess: Mess) -> None:
    """A tool has lost its code, another name comes first on the PATH, and a login does not find an account's tools."""
    tools = [{"name": "hello"}, {"name": "greet"}, {"name": "greet", "scope": "user", "user": "alice"}]
    outcome = mess.host.apply({"python_tools": tools, "python_index_url": mess.index.url})
    assert outcome.rc == 0, outcome.text
    mess.do("rm -r /opt/pipx/venvs/hello/lib/python3*/site-packages/hello*", ("EM501", "/opt/pipx/venvs/hello"))
    mess.do("printf '#!/bin/sh\\necho mine\\n' >/usr/local/sbin/greet")
    mess.do("chmod 0755 /usr/local/sbin/greet", ("EM502", "/usr/local/bin/greet"))
    mess.do("rm -f ~/.profile ~/.bash_profile ~/.bash_login ~/.bashrc ~/.zprofile", user="alice")
    mess.expected.add(("EM503", "/home/alice/.local/bin"))
    if mess.release in MOVED_PIPX:
        pipx = mess.host.run("command -v pipx || echo /opt/pipx/.program/bin/pipx").stdout.strip()
        mess.do(
            f"PIPX_HOME=$HOME/.local/pipx {pipx} install --index-url {mess.index.url} hello",
            ("EM504", "/home/app/.local/pipx"),
            user="app",
        )


def broken_environments(mess: Mess) -> None:
    """One of the Python before an upgrade, one whose link leads nowhere, and one of a Python past its end."""
    index = f"--index-url {mess.index.url} --disable-pip-version-check"
    mess.do("python3 -m venv /srv/upgraded")
    mess.do(f"/srv/upgraded/bin/pip install {index} alpha")
    mess.do(f"mv /srv/upgraded/lib/python{mess.short} /srv/upgraded/lib/python3.8")
    mess.do(f"sed -i '{EDIT_VERSION}' /srv/upgraded/pyvenv.cfg", ("EM401", "/srv/upgraded"))
    mess.do("python3 -m venv ~/venv && ln -sf /opt/gone/python3 ~/venv/bin/python3", user="app")
    mess.do(":", ("EM401", "/home/app/venv"))
    if mess.release in ENDED:
        mess.do(f"mkdir -p /opt/old/bin && cp /usr/bin/python{mess.short} /opt/old/bin/")
        mess.do(f"/opt/old/bin/python{mess.short} -m venv /srv/old", ("EM402", "/srv/old"))


def pip_in_the_system(mess: Mess) -> None:
    """pip installs beside, before and over what packages brought, for everybody, for root and for an account."""
    mess.pip("alpha")
    mess.expected.add(("EM201", f"alpha 1.0 in {mess.site_of('alpha')}"))
    mess.pip("--ignore-installed idna")
    mess.expected.add(("EM202", f"idna 90.0 in {mess.site_of('idna')}"))
    mess.pip("--user beta", user="root")
    mess.expected.add(("EM204", mess.ask("site.getusersitepackages()")))
    mess.pip("--user beta", user="alice")
    mess.expected.add(("EM205", mess.ask("site.getusersitepackages()", user="alice")))


def another_pip(mess: Mess) -> None:
    """pip is replaced by upstream's, that by an upgrade what packages own, and pip3 leads into an environment."""
    is_old = mess.release in TAKES_OLD_PIP
    mess.pip(f"--ignore-installed pip{f'=={OLD_PIP}' if is_old else ''}")
    mess.expected.add(("EM302", f"{mess.site_of('pip')}/pip"))
    if is_old and mess.release in OWN_MARKER:
        mess.expected.add(("EM303", "/usr/bin/python3"))
    if is_old:
        mess.pip(f"--upgrade {mess.damaged}")
        mess.expected.add(("EM202", f"{mess.damaged} 90.0 in {mess.site_of(mess.damaged)}"))
    else:
        # Newer ones find no record of the package's files and stop.
        code = mess.ask(f"importlib.import_module('{mess.damaged}').__file__")
        mess.do(f"echo '# mended' >>{code}")
    mess.expected.add(("EM203", PACKAGES[mess.release][1] + mess.damaged))
    mess.do("python3 -m venv /srv/other && ln -sf /srv/other/bin/pip3 /usr/local/bin/pip3")
    mess.expected.add(("EM301", "/usr/local/bin/pip3"))


def markers(mess: Mess) -> None:
    """The distribution's own marker is edited or gone; of two vendors' one is removed, and one diverted."""
    marker, state = f"{mess.stdlib}/EXTERNALLY-MANAGED", OWN_MARKER.get(mess.release)
    if state == "edited":
        mess.do(f"echo '# We know what we do.' >>{marker}", ("EM002", marker))
    elif state == "missing":
        mess.do(f"rm {marker}", ("EM001", marker))
    if mess.release in DEBIANS:
        for name in ("first", "second"):
            mess.host.run(["sh", "-c", PACK_MARKER, "sh", f"vendor-{name}", vendors_marker(name)])
        mess.do(f"rm {vendors_marker('first')}", ("EM001", vendors_marker("first")))
        diverted = vendors_marker("second")
        mess.do(f"dpkg-divert --local --rename --add {diverted}", ("EM003", diverted))


def vendors_marker(name: str) -> str:
    return f"/opt/{name}/lib/python3.12/EXTERNALLY-MANAGED"


def overrides(mess: Mess) -> None:
    """The marker is passed over in pip's own files and in those of logins, which have a login to an index, too."""
    mess.do("python3 -m pip config --global set global.break-system-packages true", ("EM101", "/etc/pip.conf"))
    mess.do("python3 -m pip config --user set install.break-system-packages true", user="alice")
    mess.expected.add(("EM101", "/home/alice/.config/pip/pip.conf"))
    mess.do("echo PIP_BREAK_SYSTEM_PACKAGES=1 >>/etc/environment", ("EM102", "/etc/environment"))
    mess.do("echo 'export PIP_DEFAULT_TIMEOUT=60' >/etc/profile.d/pip.sh", ("EM103", "/etc/profile.d/pip.sh"))
    url = "https://robot:hunter2hunter2@pypi.example.org/simple"
    mess.do(f"python3 -m pip config --global set global.index-url {url}", ("EM104", "/etc/pip.conf"))
    mess.do("chmod 0644 /etc/pip.conf")


def open_directories(mess: Mess) -> None:
    """Somebody has met "permission denied" and found a way."""
    site = mess.ask("site.getusersitepackages()", user="alice")
    mess.do(f"chmod 0777 {site}", ("EM601", site))
    mess.do("chmod 0777 /usr/local/sbin", ("EM602", "/usr/local/sbin"))


CAUSES: tuple[Callable[[Mess], None], ...] = (
    half_an_environment,
    broken_tools,
    broken_environments,
    pip_in_the_system,
    another_pip,
    markers,
    overrides,
    open_directories,
)
