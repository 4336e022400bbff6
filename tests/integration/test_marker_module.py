"""The marker module on real hosts: what it finds, restores and writes is what real pip obeys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from converging import Result, converge, refuse
from hosts import Host

MARKED = ("debian13", "arch", "opensuse")
PIP = ["python3", "-m", "pip"]
WITH_PIP = {
    "debian13": "apt-get -q update && apt-get -q install --yes --no-install-recommends python3-pip",
    "arch": "pacman --sync --noconfirm python-pip",
    "opensuse": "zypper --quiet --non-interactive install python3-pip",
    "fedora44": "dnf5 --quiet install --assumeyes python3-pip",
}
NAME_AND_VERSION = {
    "debian13": "dpkg-query --show --showformat='${Package} ${Version}' libpython3.13-stdlib",
    "arch": "pacman --query python",
    "opensuse": "rpm --query --queryformat '%{NAME} %{EVR}' python314-base",
}
#: Puts the installed version's file into the package manager's cache, as an upgrade leaves it where caches are kept.
KEEP_IN_CACHE = {
    "debian13": (
        "rm /etc/apt/apt.conf.d/docker-clean; cd /var/cache/apt/archives && "
        "apt-get -q --option=APT::Sandbox::User=root download libpython3.13-stdlib && rm -r /var/lib/apt/lists/*"
    ),
    # The repository is on the host itself.
    "arch": "cp /srv/packages/python-3*.zst /var/cache/pacman/pkg/; mv /srv/packages /srv/gone",
    "opensuse": (
        "cp $(find /srv/packages -name 'python314-base-3*.rpm') /var/cache/zypp/packages/repo-oss/x86_64/; "
        "mv /srv/packages /srv/gone"
    ),
}
LAY_DOWN = """
set -e
mkdir -p /usr/local/bin /usr/local/lib
cp /usr/bin/python3.13 /usr/local/bin/
cp -a /usr/lib/python3.13 /usr/local/lib/
rm -f /usr/local/lib/python3.13/EXTERNALLY-MANAGED
apt-get -q update
apt-get -q install --yes --no-install-recommends locales python3-venv
localedef -i de_DE -f UTF-8 de_DE.UTF-8
"""
OWN = "/usr/local/bin/python3.13"
OWN_MARKER = "/usr/local/lib/python3.13/EXTERNALLY-MANAGED"
ENGLISH = "This Python is the build team's: 100 % of it.\n\n[Make] an environment = python3 -m venv DIRECTORY"
GERMAN = "Dieses Python gehört dem Build-Team.\n\nEine Umgebung macht: python3 -m venv VERZEICHNIS"


@dataclass(frozen=True)
class Marked:
    """A host with a marker that a package ships: where it is, whose it is, what is in it."""

    host: Host
    path: str
    package: str
    version: str
    text: str

    def owner(self, release: str) -> str:
        return self.host.run(NAME_AND_VERSION[release]).stdout.strip()

    def assert_as_shipped(self) -> None:
        """The file is the package's, and real pip refuses."""
        assert self.host.read(self.path) == self.text
        assert self.host.state_of(self.path)[self.path].startswith("f 644 root:root")
        assert refuses(self.host)


@pytest.fixture(scope="module")
def marked(host: Host, release: str) -> Marked:
    host.run(WITH_PIP[release])
    stdlib = host.run(["python3", "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"]).stdout.strip()
    package, version = host.run(NAME_AND_VERSION[release]).stdout.split()
    path = f"{stdlib}/EXTERNALLY-MANAGED"
    found = Marked(host, path, package, version, host.read(path))
    found.assert_as_shipped()
    return found


def refuses(host: Host, *python: str, language: str = "C.UTF-8") -> str:
    """What real pip says when it refuses to install into an interpreter, "" when the marker does not stop it."""
    pip = [*python, "-m", "pip"] if python else PIP
    environment = {"LC_ALL": language, "PYTHONPATH": "/usr/lib/python3/dist-packages" if python else ""}
    done = host.run([*pip, "install", "--no-index", "nothing"], check=False, environment=environment)
    assert done.rc == 1, done
    blocked = "externally-managed-environment" in done.stderr
    assert blocked or "No matching distribution found for nothing" in done.stderr, done
    return done.stderr if blocked else ""


def restore(marked: Marked, state: str, **options: Any) -> Result:
    """The marker is found in that state and restored; the package has the version it had."""
    done = converge(marked.host, "marker", options)
    assert (done["path"], done["owner_package"]) == (marked.path, marked.package)
    assert done["reasons"] == [f"{marked.path} is {state}"]
    (one,) = done["markers"]
    assert (one["state"], one["action"]) == (state, "restored")
    assert marked.package in one["detail"]
    assert f"{marked.path}: the file of {marked.package} {marked.version}" in done["diff"]["after"]
    marked.assert_as_shipped()
    return done


@pytest.mark.releases(*MARKED)
def test_a_deleted_marker_comes_back_also_where_there_are_no_lists(marked: Marked, release: str) -> None:
    if release == "debian13":
        marked.host.run("rm -r /var/lib/apt/lists/*; apt-mark hold libpython3.13-stdlib")
        automatic = marked.host.run("apt-mark showauto").stdout
        assert marked.package in automatic
    marked.host.run(["rm", marked.path])
    assert not refuses(marked.host)
    done = restore(marked, "missing")
    assert done["diff"]["before"] == f"{marked.path}: missing\n"
    assert marked.owner(release) == f"{marked.package} {marked.version}"
    if release == "debian13":
        # What else the package manager knows of the package is what it was.
        assert marked.host.run("apt-mark showauto").stdout == automatic
        assert marked.host.run("apt-mark showhold").stdout.split() == [marked.package]
        marked.host.run(["apt-mark", "unhold", marked.package])


@pytest.mark.releases(*MARKED)
@pytest.mark.parametrize(
    ("spoil", "shown"),
    [
        pytest.param("echo '[nothing]' >{}", "  [nothing]\n", id="edited"),
        pytest.param("ln -sf /dev/null {}", "", id="link to nothing"),
    ],
)
def test_a_changed_marker_is_restored(marked: Marked, release: str, spoil: str, shown: str) -> None:
    marked.host.run(spoil.format(marked.path))
    done = restore(marked, "changed", python="python3")
    assert done["diff"]["before"] == f"{marked.path}: changed\n{shown}"
    assert marked.owner(release) == f"{marked.package} {marked.version}"


@pytest.mark.releases(*MARKED)
def test_an_intact_marker_is_left_alone(marked: Marked) -> None:
    before = marked.host.state_of(marked.path)
    done = converge(marked.host, "marker", {"path": marked.path}, changed=False)
    assert (done["path"], done["owner_package"], done["reasons"]) == (marked.path, marked.package, [])
    assert [(one["state"], one["action"]) for one in done["markers"]] == [("intact", "unchanged")]
    assert marked.host.state_of(marked.path) == before
    # That is known without asking a package manager; rpm's database alone has to be asked of rpm.
    started = {process.path.rpartition("/")[2] for process in marked.host.run_module("marker", record=True).processes}
    assert not started & {"apt-get", "apt-mark", "dpkg", "dpkg-query", "pacman", "zypper"}


@pytest.mark.releases("debian13")
def test_a_diverted_marker_is_found_which_dpkg_does_not_tell(marked: Marked) -> None:
    marked.host.run(["dpkg-divert", "--local", "--rename", "--add", marked.path])
    assert not refuses(marked.host)
    assert marked.host.run(["dpkg", "--verify", marked.package]).stdout == ""
    done = converge(marked.host, "marker", {}, changed=False)
    (one,) = done["markers"]
    assert (one["state"], one["action"], one["owner_package"]) == ("diverted", "left", marked.package)
    assert f"{marked.path}.distrib" in one["detail"]
    (warning,) = done["warnings"]
    assert f"{marked.path} is not restored: a diversion of an administrator" in warning
    # What the warning names is a way out.
    _, _, command = warning.rstrip(".").partition("the way out is ")
    marked.host.run(command)
    converge(marked.host, "marker", {}, changed=False)
    marked.assert_as_shipped()


@pytest.mark.releases("debian13", "arch")
def test_a_marker_the_package_manager_is_told_not_to_write_is_left(marked: Marked, release: str) -> None:
    if release == "arch":
        marked.host.run(r"sed -i '/^.options/a NoExtract = usr/lib/python*/EXTERNALLY-MANAGED' /etc/pacman.conf")
        undo = "sed -i /NoExtract/d /etc/pacman.conf"
    else:
        marked.host.write("/etc/dpkg/dpkg.cfg.d/no-marker", "path-exclude=/usr/lib/python3*/EXTERNALLY-MANAGED\n")
        undo = "rm /etc/dpkg/dpkg.cfg.d/no-marker"
    marked.host.run(["rm", marked.path])
    done = converge(marked.host, "marker", {}, changed=False)
    assert [(one["state"], one["action"]) for one in done["markers"]] == [("excluded", "left")]
    (warning,) = done["warnings"]
    assert "/etc/pacman.conf" in warning or "/etc/dpkg/dpkg.cfg.d/no-marker" in warning
    marked.host.run(undo)
    restore(marked, "missing")


@pytest.mark.releases(*MARKED)
def test_without_a_network_the_package_managers_cache_serves(marked: Marked, release: str) -> None:
    marked.host.run(KEEP_IN_CACHE[release])
    with marked.host.without_network():
        marked.host.run(["rm", marked.path])
        restore(marked, "missing")
    marked.host.run("rm -f /var/cache/apt/archives/*.deb; [ ! -e /srv/gone ] || mv /srv/gone /srv/packages")


@pytest.fixture
def only_another_version(marked: Marked, release: str) -> Iterator[str]:
    """The repositories have another version than the installed one, which is in no cache; gives what it is called."""
    host = marked.host
    if release == "arch":
        # The host has an older one, as far as it knows.
        local = "/var/lib/pacman/local/python-"
        host.run(f"mv {local}{marked.version} {local}3.14.1-1; rm -r /var/cache/pacman/pkg/*")
        host.run(f"sed -i s/^{marked.version}$/3.14.1-1/ {local}3.14.1-1/desc")
        yield marked.version
        host.run(f"mv {local}3.14.1-1 {local}{marked.version}")
        host.run(f"sed -i s/^3.14.1-1$/{marked.version}/ {local}{marked.version}/desc")
    else:
        package = "Package: nothing\nVersion: 1\nArchitecture: all\nFilename: ./nothing.deb\nSize: 1\n"
        host.write("/srv/empty/Packages", package)
        host.run("mv /etc/apt/sources.list.d /etc/apt/sources.list /srv/ || :")
        host.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/empty ./\n")
        host.run("rm -rf /var/lib/apt/lists/*; apt-get -q update")
        yield ""
        host.run("rm /etc/apt/sources.list; mv /srv/sources.list.d /srv/sources.list /etc/apt/ || :; apt-get -q update")


@pytest.mark.releases("debian13", "arch")
def test_no_package_gets_another_version(marked: Marked, release: str, only_another_version: str) -> None:
    host = marked.host
    host.run(["mv", marked.path, "/srv/marker"])
    before = marked.owner(release)
    outcome = host.run_module("marker", {})
    message = outcome.message
    assert outcome.failed, outcome.text
    assert f"{marked.path} is missing" in message
    if release == "arch":
        assert f"python 3.14.1-1 cannot be installed again: the repositories have {only_another_version}" in message
        assert "pacman --sync --refresh --sysupgrade" in message
        # That much is known without a run.
        assert refuse(host, "marker", {}) == message
    else:
        assert f"the repositories do not have {marked.package} {marked.version}" in message
        assert "apt-get update" in message
        assert "/var/cache/apt/archives" in message
    assert marked.owner(release) == before
    assert not host.exists(marked.path)
    host.run(["mv", "/srv/marker", marked.path])


@pytest.mark.releases("debian13")
def test_it_takes_the_rights_and_the_permission_to_use_the_package_manager(marked: Marked) -> None:
    marked.host.run(["rm", marked.path])
    task = {"name": "Restore", "pep668.provision.marker": {}}
    for check in (True, False):
        outcome = marked.host.play(
            [{"hosts": "all", "gather_facts": False, "tasks": [task]}], {}, user="alice", check=check
        )
        assert outcome.failed
        assert "alice may not have apt restore it" in outcome.message
        assert "become" in outcome.message
    message = refuse(marked.host, "marker", {"python_manage_system_packages": False})
    assert "python_manage_system_packages is false" in message
    assert marked.package in message
    restore(marked, "missing")


@pytest.fixture(scope="module")
def own(marked: Marked) -> Host:
    """A host with an administrator's own Python below /usr/local, and German."""
    marked.host.run(LAY_DOWN)
    return marked.host


@pytest.mark.releases("debian13")
def test_an_own_interpreter_is_marked_and_real_pip_shows_the_message_in_two_languages(own: Host) -> None:
    assert not refuses(own, OWN)
    options = {"python": OWN, "text": f"{ENGLISH}\n", "translations": {"de": GERMAN}}
    done = converge(own, "marker", options)
    assert (done["path"], done["owner_package"]) == (OWN_MARKER, "")
    assert done["reasons"] == [f"{OWN} has no marker"]
    assert [(one["state"], one["action"]) for one in done["markers"]] == [("missing", "written")]
    assert own.read(OWN_MARKER) == done["diff"]["after"]
    assert own.state_of(OWN_MARKER)[OWN_MARKER].startswith("f 644 root:root")
    # The host has no French.
    for language, text in (("C.UTF-8", ENGLISH), ("de_DE.UTF-8", GERMAN), ("fr_FR.UTF-8", ENGLISH)):
        said = refuses(own, OWN, language=language)
        # pip draws a frame to the left of it.
        assert text in "\n".join(re.sub(r"^(╰─>| ) +", "", line) for line in said.splitlines()), said
    changed = converge(own, "marker", {"python": OWN, "text": "Something else."})
    assert changed["reasons"] == [f"the marker of {OWN} has another text"]
    assert changed["diff"]["before"] == done["diff"]["after"]
    assert "Something else." in refuses(own, OWN)
    # The distribution's own is what it was.
    assert "build team" not in refuses(own)
    own.run(["rm", OWN_MARKER])


@pytest.mark.releases("debian13")
@pytest.mark.parametrize(
    ("options", "parts"),
    [
        pytest.param({"python": "/usr/bin/python3"}, ["the package python3.13-minimal owns"], id="of a package"),
        pytest.param({"python": "/srv/v/bin/python"}, ["virtual environment", "no marker"], id="environment"),
        pytest.param({"python": "bin/python3"}, ["absolute path"], id="relative path"),
        pytest.param({"python": OWN, "text": " \n"}, ["text is", "not empty"], id="empty text"),
        pytest.param({"python": OWN, "text": "a\n  b"}, ["line 2 is indented"], id="text that would not survive"),
        pytest.param({"python": OWN, "translations": {"German": "x"}}, ["'German'", "de_CH"], id="no language"),
        pytest.param({}, ["python is missing"], id="no interpreter"),
    ],
)
def test_what_cannot_be_marked_is_refused(own: Host, options: dict[str, Any], parts: list[str]) -> None:
    own.run("[ -e /srv/v ] || python3 -m venv /srv/v")
    before = own.state_of("/usr/local/lib/python3.13")
    message = refuse(own, "marker", {"text": "No.", **options})
    for part in parts:
        assert part in message
    assert own.state_of("/usr/local/lib/python3.13") == before


@pytest.mark.releases("fedora44")
def test_where_no_package_ships_one_nothing_is_done(host: Host, release: str) -> None:
    host.run(WITH_PIP[release])
    for options in ({}, {"python": "python3"}):
        done = converge(host, "marker", options, changed=False)
        assert (done["path"], done["owner_package"], done["markers"]) == ("", "", [])
        assert done["msg"].startswith("No OS package of this host ships an EXTERNALLY-MANAGED marker")
    assert not refuses(host)
