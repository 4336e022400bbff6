"""What an audit finds of the system's Python packages on real hosts: caused by real pips, found exactly, and repaired.

Each finding's repairs are taken through the modules as it names them. Then nothing is found any more, and the package
manager finds its packages whole.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hosts import Host
from local_index import LocalIndex

pytestmark = pytest.mark.releases("debian12", full=["debian11", "debian13", "fedora44", "arch", "opensuse"])

#: Of what else is wrong other tests speak.
TOPICS = ("EM2", "EM6")
#: Libraries that every family packages.
LIBRARIES = ("click", "idna")
#: A pip that does not know the marker, and on Debian deletes what packages own.
OLD_PIP = "22.3.1"
ACCOUNTS = ["root", "alice"]
Key = tuple[str, str]


@dataclass(frozen=True)
class Family:
    """How packages are installed, what they are called, and how they are found whole."""

    install: str
    prefix: str
    verify: str
    check: str = "true"


APT_INSTALL = "apt-get -q update && apt-get -q install --yes --no-install-recommends"
FAMILIES = {
    "debian": Family(APT_INSTALL, "python3-", "dpkg --verify", "apt-get check"),
    "fedora": Family("dnf5 --quiet install --assumeyes", "python3-", "rpm --verify", "dnf5 check"),
    "arch": Family("pacman -S --noconfirm", "python-", "pacman -Qkkq", "pacman -Dk"),
    "opensuse": Family("zypper --quiet --non-interactive install", "python314-", "rpm --verify"),
}


@dataclass
class Packaged:
    """A host with pip and two libraries of the distribution's own."""

    host: Host
    index: LocalIndex
    family: Family

    @property
    def libraries(self) -> list[str]:
        return [f"{self.family.prefix}{name}" for name in LIBRARIES]

    def ask(self, expression: str, *, user: str = "root") -> str:
        """What the host's own Python says."""
        code = f"import importlib.util, site, sys, sysconfig; print({expression})"
        return self.host.run(["python3", "-c", code], user=user).stdout.strip()

    def pip(self, arguments: str, *, user: str = "root") -> None:
        """The distribution's pip has installed it, over the marker where there is one."""
        index = f"--index-url {self.index.url} --disable-pip-version-check"
        override = "PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore"
        self.host.run(f"cd /; {override} python3 -m pip install {index} {arguments}", user=user, login=user != "root")

    def site_of(self, name: str) -> str:
        code = f"import importlib.metadata as m; print(m.distribution('{name}').locate_file(''))"
        return self.host.run(["python3", "-c", code]).stdout.strip()

    def audit(self) -> dict[Key, dict[str, Any]]:
        """What is found; nothing of it was left out."""
        result = self.host.module("audit", {"accounts": ACCOUNTS})
        assert [one for one in result["unread"] if one["rule"].startswith(TOPICS)] == []
        found = [one for one in result["findings"] if one["id"].startswith(TOPICS)]
        keys = [(one["id"], one["subject"]) for one in found]
        assert len(set(keys)) == len(keys)
        return dict(zip(keys, found, strict=True))

    def damage(self) -> str:
        """What the package manager says of the libraries' files."""
        return self.host.run(f"{self.family.verify} {' '.join(self.libraries)}", check=False).stdout.strip()

    def repair(self, *keys: Key) -> None:
        """Exactly this is found, what it keeps is there, and by its repairs nothing of it is left."""
        found = self.audit()
        assert set(found) == set(keys)
        for key in sorted(found):
            for repair in found[key]["repairs"]:
                for path in repair["keeps"]:
                    assert self.host.exists(path), path
                self.host.module(repair["module"], repair["arguments"])
        assert self.audit() == {}
        assert self.damage() == ""
        self.host.run(self.family.check)


@pytest.fixture(scope="module")
def packaged(host: Host, index: LocalIndex, release: str) -> Iterator[Packaged]:
    for name in LIBRARIES:
        index.add(name, "90.0", modules={name: "__version__ = '90.0'\n"})
    index.add("corp-agent", "4.2", scripts=["corp-agent"])
    index.mirror(f"pip=={OLD_PIP}")
    made = Packaged(host, index, FAMILIES[release.rstrip("0123456789")])
    host.run(f"{made.family.install} {made.family.prefix}pip {' '.join(made.libraries)}")
    yield made
    # Whatever was done to them in between.
    assert made.damage() == ""


def test_a_clean_host_has_none(packaged: Packaged, release: str, summary_lines: list[str]) -> None:
    assert packaged.audit() == {}
    seconds = []
    for module in ("ansible.builtin.ping", "audit"):
        started = time.monotonic()
        packaged.host.module(module)
        seconds.append(time.monotonic() - started)
    summary_lines.append(f"An audit of {release}: {seconds[1]:.2f} s, where a ping takes {seconds[0]:.2f} s")


def test_what_pip_installs_beside_packages_goes_with_its_programs(packaged: Packaged) -> None:
    packaged.pip("corp-agent")
    site = packaged.site_of("corp-agent")
    program = packaged.host.run("command -v corp-agent").stdout.strip()
    key = ("EM201", f"corp-agent 4.2 in {site}")
    (repair,) = packaged.audit()[key]["repairs"]
    assert set(repair["keeps"]) == {f"{site}/corp_agent.py", f"{site}/corp_agent-4.2.dist-info", program}
    packaged.repair(key)
    assert not packaged.host.exists(program)


def test_what_comes_before_a_package_is_told_with_both_versions(packaged: Packaged, release: str) -> None:
    theirs = packaged.ask("importlib.util.find_spec('click').origin")
    packaged.pip("--ignore-installed click")
    site = packaged.site_of("click")
    key = ("EM202", f"click 90.0 in {site}")
    evidence = packaged.audit()[key]["evidence"]
    library = f"{packaged.family.prefix}click"
    assert f"of the OS package {library} in " in evidence
    keys = [key]
    if "90.0" in packaged.host.read(theirs):
        # pip installs into the directory of the packages here.
        keys.append(("EM203", library))
        assert f"Files of it stand in place of files of {library}" in evidence
    else:
        assert packaged.damage() == ""
    packaged.repair(*keys)
    assert packaged.ask("importlib.util.find_spec('click').origin") == theirs, release


@pytest.mark.releases("debian12", full=["debian11"])
def test_what_an_upstream_pip_deletes_comes_back(packaged: Packaged) -> None:
    packaged.pip(f"--ignore-installed pip=={OLD_PIP}")
    packaged.pip("--upgrade click idna")
    # An older dpkg says of what is gone that it differs.
    assert packaged.damage()
    # It is no less the upstream pip that has it gone again.
    packaged.repair(
        *(("EM202", f"{name} 90.0 in {packaged.site_of(name)}") for name in LIBRARIES),
        *(("EM203", library) for library in packaged.libraries),
    )
    packaged.host.run("PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip uninstall --yes pip")


def test_files_that_are_gone_or_changed_come_back(packaged: Packaged) -> None:
    click, idna = (packaged.ask(f"importlib.util.find_spec('{name}').origin") for name in LIBRARIES)
    packaged.host.run(["rm", click])
    packaged.host.run(f"echo '# mine' >>{idna}")
    assert packaged.damage()
    found = packaged.audit()
    gone, changed = (found[("EM203", library)] for library in packaged.libraries)
    assert f"1 file is missing ({click})." in gone["evidence"]
    assert f"1 file is changed ({idna})." in changed["evidence"]
    assert changed["repairs"][0]["keeps"] == [idna]
    foretold = packaged.host.module("package_manager", changed["repairs"][0]["arguments"], check=True, diff=True)
    assert (foretold["changed"], foretold["reinstalled"]) == (True, [packaged.libraries[1]])
    assert f"{idna}: changed" in foretold["diff"]["before"]
    packaged.repair(*found)
    again = packaged.host.module("package_manager", changed["repairs"][0]["arguments"])
    assert (again["changed"], again["commands"]) == (False, [])


def test_accounts_own_are_found_and_roots_removed(packaged: Packaged) -> None:
    packaged.pip("--user corp-agent")
    roots = packaged.ask("site.getusersitepackages()")
    packaged.repair(("EM204", roots))
    assert not packaged.host.exists("/root/.local/bin/corp-agent")
    packaged.pip("--user corp-agent", user="alice")
    alices = packaged.ask("site.getusersitepackages()", user="alice").replace("/root", "/home/alice")
    found = packaged.audit()
    assert [(key, one["repairs"]) for key, one in found.items()] == [(("EM205", alices), [])]
    packaged.host.run("rm -r ~/.local", user="alice", login=True)
    assert packaged.audit() == {}


def test_what_others_can_write_to_is_theirs_no_more(packaged: Packaged) -> None:
    site = packaged.ask("importlib.util.find_spec('click').origin").rpartition("/click/")[0]
    # pip takes the directory with the last program in it.
    packaged.host.run(f"chmod o+w {site} {site}/click; mkdir -p /usr/local/bin; chmod 1777 /usr/local/bin")
    found = packaged.audit()
    assert set(found) == {("EM601", site), ("EM602", "/usr/local/bin")}
    for one in found.values():
        command = re.search(r"chmod .*$", one["remedy"])
        assert command is not None
        packaged.host.run(command.group())
    assert packaged.audit() == {}
    packaged.host.run("chmod 0755 /usr/local/bin")
