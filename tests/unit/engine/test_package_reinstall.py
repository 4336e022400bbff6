"""Packages that are installed again because files of theirs are damaged, by each package database."""

from __future__ import annotations

import base64
import gzip
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from packaged_python import PACKAGED, SIX_FILES, with_packaged_python

from made_up_host import MadeUpHost
from package_databases import LOCAL as PACMAN_LOCAL
from package_databases import digest_of
from pep668_provision.engine.errors import CommandFailed, ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.package_damage import check_files
from pep668_provision.engine.package_files import PackagedFile, files_of_packages, packaged_below
from pep668_provision.engine.package_reinstall import foresee_reinstallation, reinstall_packages
from pep668_provision.engine.process import Command, Completed

SITE = "/usr/lib/python3.14/site-packages"
SIX = f"{SITE}/six.py"
FILES = {SIX: "# 1.17.0\n", f"{SITE}/six-1.17.0.dist-info/METADATA": "Name: six\n", "/usr/bin/six": "#!\n"}


def with_pacman(made_up: MadeUpHost) -> MadeUpHost:
    entry = f"{PACMAN_LOCAL}/python-six-1.17.0-1"
    lines = [
        f".{path} time=1.0 mode=644 size=1 sha256digest={digest_of('sha256', text)}" for path, text in FILES.items()
    ]
    mtree = "\n".join(["#mtree", "/set type=file uid=0 gid=0", *lines, f".{SITE}/link time=1.0 type=link link=six.py"])
    made_up.with_file(f"{entry}/mtree", gzip.compress(f"{mtree}\n".encode()))
    made_up.with_file(
        f"{entry}/files", "\n".join(["%FILES%", "usr/", *(path[1:] for path in FILES), f"{SITE[1:]}/link"])
    )
    made_up.with_file(f"{PACMAN_LOCAL}/bash-5.3-1/files", "%FILES%\nusr/bin/bash\n")
    made_up.with_file(f"{PACMAN_LOCAL}/bash-5.3-1/desc", "%NAME%\nbash\n")
    made_up.with_file("/var/lib/pacman/sync/core.db").with_program("/usr/bin/pacman")
    return made_up.with_file(f"{entry}/desc", "%NAME%\npython-six\n\n%ARCH%\nany\n\n%INSTALLDATE%\n1\n")


def with_apk(made_up: MadeUpHost) -> MadeUpHost:
    lines = ["P:bash", "V:1", "A:x86_64", "F:usr/bin", "R:bash", "Z:Q1AAAA", "", "P:py3-six", "V:1.17.0-r0", "A:noarch"]
    for path, text in FILES.items():
        folder, _, name = path[1:].rpartition("/")
        encoded = base64.b64encode(bytes.fromhex(digest_of("sha1", text))).decode()
        lines += [f"F:{folder}", f"R:{name}", "a:0:0:644", f"Z:Q1{encoded}"]
    made_up.with_file("/var/cache/apk/APKINDEX.1.tar.gz").with_program("/sbin/apk")
    return made_up.with_file("/lib/apk/db/installed", "\n".join(lines) + "\n\n")


def with_rpm(made_up: MadeUpHost) -> MadeUpHost:
    return made_up.with_program("/usr/bin/rpm").with_program("/usr/bin/dnf5").with_file("/var/cache/libdnf5/fedora-1")


def rpm_lines() -> str:
    rows = [f"{path}\t{digest_of('sha256', text)}\t0\t0" for path, text in FILES.items()]
    # Configuration, what need not be there, what is made by scripts, and what was left out.
    rows += [f"{SITE}/{name}\t{'0' * 64}\t0\t{flags}" for name, flags in (("a.py", 1), ("b.py", 8), ("c.py", 64))]
    rows += [f"{SITE}/d.py\t{'0' * 64}\t2\t0", f"{SITE}\t\t0\t0"]
    return "".join(f"python3-six\t1.17.0-1.fc44\tnoarch\t{row}\n" for row in rows)


@dataclass
class Manager:
    """Stands in for package managers: it has the commands it got, and a reinstallation lays the files down."""

    made_up: MadeUpHost
    files: Mapping[str, str] = field(default_factory=lambda: FILES)
    works: bool = True
    commands: list[str] = field(default_factory=list)

    def __call__(self, command: Command, _environ: Mapping[str, str]) -> Completed:
        line = " ".join(command.argv)
        self.commands.append(line)
        if "--query" in command.argv:
            is_list = "--all" in command.argv
            printed = f"bash\t/usr/bin/\npython3-six\t{SITE}/\npython3-six\t/usr/bin/\n" if is_list else rpm_lines()
            return Completed(command, 0, printed)
        if self.works and {"--reinstall", "reinstall", "--noconfirm"} & {*command.argv} and "--simulate" not in line:
            for path, text in self.files.items():
                self.made_up.without(path).with_file(path, text)
        return Completed(command, 0, "", "")

    @property
    def host(self) -> Host:
        return replace(self.made_up.host, runner=self)

    @property
    def changes(self) -> list[str]:
        questions = ("--query", "--print", "--simulate", "showhold", "history", "--audit")
        return [line for line in self.commands if not any(word in line for word in questions)]


@dataclass(frozen=True)
class Family:
    build: Callable[[MadeUpHost], MadeUpHost]
    os_release: str
    package: str
    command: str


FAMILIES = {
    "pacman": Family(with_pacman, "ID=arch\n", "python-six", "pacman --sync --noconfirm python-six"),
    "apk": Family(with_apk, "ID=alpine\n", "py3-six", "apk --quiet --wait 60 fix --reinstall py3-six"),
    "rpm": Family(
        with_rpm, "ID=fedora\n", "python3-six", "dnf5 --quiet reinstall --assumeyes python3-six-1.17.0-1.fc44.noarch"
    ),
}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    return FAMILIES[request.param]


@pytest.fixture
def manager(made_up: MadeUpHost, family: Family) -> Manager:
    family.build(made_up.with_os_release(family.os_release))
    for path, text in FILES.items():
        made_up.with_file(path, text)
    made_up.now = time.time()
    return Manager(made_up)


@pytest.fixture(autouse=True)
def _lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("pep668_provision.engine.lock.lock_path", lambda _host: str(tmp_path / "lock"))


def test_what_packages_have_below_directories_is_read(manager: Manager, family: Family) -> None:
    found = packaged_below(manager.host, [SITE], ["/usr/bin"])
    assert {one.path for one in found if one.digest and not one.exclusion} == set(FILES)
    assert {one.package for one in found} == {family.package}
    assert {one.path for one in packaged_below(manager.host, [SITE]) if one.digest and not one.exclusion} == set(
        FILES
    ) - {"/usr/bin/six"}
    assert packaged_below(manager.host, []) == ()
    assert [one for one in check_files(manager.host, found) if one.state not in ("intact", "left")] == []


def test_the_files_of_a_package_are_read(manager: Manager, family: Family) -> None:
    assert {one.path for one in files_of_packages(manager.host, [family.package]) if one.digest} >= set(FILES)
    assert files_of_packages(manager.host, ["-x", "", "a b"]) == ()


def test_a_whole_package_is_left_alone(manager: Manager, family: Family) -> None:
    done = reinstall_packages(manager.host, [family.package], lock_timeout=60)
    assert (done.packages, done.reasons, done.commands, done.before) == ((), (), (), "")
    assert manager.changes == []


def test_a_damaged_package_is_installed_again(manager: Manager, family: Family) -> None:
    manager.made_up.without(SIX).with_file(f"{SITE}/six-1.17.0.dist-info/METADATA", "Name: six\nVersion: 9\n")
    foreseen = foresee_reinstallation(manager.host, [family.package])
    assert manager.changes == []
    done = reinstall_packages(manager.host, [family.package], lock_timeout=60)
    assert manager.changes == [family.command]
    assert done.commands == (family.command,)
    assert (foreseen.packages, foreseen.reasons) == (done.packages, done.reasons) == ((family.package,), done.reasons)
    assert f"1 file is missing ({SIX}) and 1 file is changed ({SITE}/six-1.17.0.dist-info/METADATA)" in done.reasons[0]
    assert done.before == f"{SITE}/six-1.17.0.dist-info/METADATA: changed\n{SIX}: missing\n"
    assert f"{SIX}: the file of {family.package} 1.17.0" in done.after
    assert done.warnings == ()
    # The law: nothing is left to do.
    assert reinstall_packages(manager.host, [family.package], lock_timeout=60).packages == ()
    assert manager.changes == [family.command]


def test_one_that_ends_well_and_brings_nothing_has_failed(manager: Manager, family: Family) -> None:
    manager.works = False
    manager.made_up.without(SIX)
    with pytest.raises(ProvisionError, match=f"ended without an error, and still {SIX} is missing"):
        reinstall_packages(manager.host, [family.package], lock_timeout=60)


def test_only_root_may(manager: Manager, family: Family) -> None:
    manager.made_up.without(SIX).uid = 61002
    with pytest.raises(ProvisionError, match=r"alice may not have .* restore it"):
        foresee_reinstallation(manager.host, [family.package])


def test_where_packages_are_not_to_be_managed_that_is_an_error(manager: Manager, family: Family) -> None:
    foresee_reinstallation(manager.host, [family.package], may_use_packages=False)
    manager.made_up.without(SIX)
    with pytest.raises(ProvisionError, match="python_manage_system_packages is false") as caught:
        reinstall_packages(manager.host, [family.package], lock_timeout=60, may_use_packages=False)
    assert str(caught.value).endswith(f"Install again by hand: {family.package}.")


@pytest.fixture
def debian_manager(made_up: MadeUpHost) -> Manager:
    return Manager(with_packaged_python(made_up).with_program("/usr/bin/dpkg"), SIX_FILES)


def test_apt_gets_the_version_that_is_installed(debian_manager: Manager) -> None:
    debian_manager.made_up.without(f"{PACKAGED}/six.py")
    done = reinstall_packages(debian_manager.host, ["python3-six", "libpython3.11-stdlib"], lock_timeout=60)
    assert done.packages == ("python3-six",)
    (command,) = done.commands
    assert command.endswith("install --reinstall --yes --no-install-recommends python3-six:amd64=1.0-1")


def test_one_that_is_not_installed_is_named(debian_manager: Manager) -> None:
    with pytest.raises(ProvisionError, match=r"No OS package nothing, python3-none is installed here"):
        foresee_reinstallation(debian_manager.host, ["python3-six", "python3-none", "nothing"])


def test_one_without_files_is_whole(debian_manager: Manager) -> None:
    debian_manager.made_up.with_package("python3-meta").with_file("/var/lib/dpkg/info/python3-meta.list", "/.\n")
    assert foresee_reinstallation(debian_manager.host, ["python3-meta"]).packages == ()


def test_a_package_manager_that_fails_is_quoted(debian_manager: Manager) -> None:
    debian_manager.made_up.without(f"{PACKAGED}/six.py")
    run = debian_manager.__call__

    def failing(command: Command, environ: Mapping[str, str]) -> Completed:
        if "--reinstall" in command.argv:
            return Completed(command, 100, "", "E: It does not work.\n")
        return run(command, environ)

    with pytest.raises(CommandFailed, match=r"Installing python3-six again .* failed .*It does not work"):
        reinstall_packages(replace(debian_manager.host, runner=failing), ["python3-six"], lock_timeout=60)


def test_a_file_without_a_digest_is_not_judged(debian_manager: Manager) -> None:
    file = PackagedFile("/usr/lib/python3.11/gone.py", "x", "1", "dpkg")
    assert check_files(debian_manager.host, [file]) == ()
