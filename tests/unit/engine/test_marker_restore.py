"""Markers restored by each package manager: the commands it gets, where the package comes from, what is refused."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from made_up_host import MARKER, MadeUpHost
from package_databases import BREWED, FILE, OTHER, digest_of, with_apk, with_dpkg, with_homebrew, with_pacman
from pep668_provision.engine import marker_restore
from pep668_provision.engine.errors import CommandFailed, ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.marker_restore import foresee_restoration, restore_markers, take_restoration
from pep668_provision.engine.package_manager import APK, APT, DNF5, PACMAN, ZYPPER, PackageManager
from pep668_provision.engine.package_transaction import recovery_of
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.shipped_marker import ShippedMarker, observe_shipped_markers

RPM_FILE = "/usr/lib64/python3.13/EXTERNALLY-MANAGED"
LISTS = {
    "apt": "/var/lib/apt/lists/deb.example_Packages",
    "pacman": "/var/lib/pacman/sync/core.db",
    "zypper": "/var/cache/zypp/solv/repo-oss",
    "dnf5": "/var/cache/libdnf5/fedora-4567",
    "apk": "/var/cache/apk/APKINDEX.1.tar.gz",
}


@dataclass
class PackageManagerStandIn:
    """Stands in for a package manager: it has the commands it got, and a reinstallation lays the marker down.

    ``answers`` are outputs by a word of a command; ``failing`` are words that make one fail; ``works`` says whether a
    reinstallation has its effect.
    """

    made_up: MadeUpHost
    path: str = FILE
    answers: dict[str, str] = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    works: bool = True
    commands: list[Command] = field(default_factory=list)

    def __call__(self, command: Command, _environ: Mapping[str, str]) -> Completed:
        self.commands.append(command)
        printed = next((text for word, text in self.answers.items() if word in command.argv), "")
        if any(word in " ".join(command.argv) for word in self.failing):
            return Completed(command, 1, printed, "E: It does not work.\n")
        # Questions and refreshes are none.
        reinstalls = {"--reinstall", "--force", "--replacepkgs", "reinstall", "--noconfirm"} & {*command.argv}
        if reinstalls and self.works and "--simulate" not in command.argv:
            self.made_up.without(self.path).with_file(self.path, MARKER)
        return Completed(command, 0, printed, "")

    @property
    def host(self) -> Host:
        return replace(self.made_up.host, runner=self)

    @property
    def lines(self) -> list[str]:
        return [" ".join(command.argv) for command in self.commands]

    def environment_of(self, word: str) -> Mapping[str, str | None]:
        return next(command.env for command in self.commands if word in command.argv)

    def restore(self, *, lock_timeout: float = 60.4) -> tuple[str, ...]:
        return take_restoration(self.host, observe_shipped_markers(self.host), lock_timeout=lock_timeout)


def with_rpm(made_up: MadeUpHost) -> MadeUpHost:
    return made_up.with_program("/usr/bin/rpm").with_directory(RPM_FILE.rpartition("/")[0])


def rpm_says() -> dict[str, str]:
    line = f"python313-base\t1:3.13.7-1.1\tx86_64\t{RPM_FILE}\t{digest_of('sha256')}\t0\n"
    return {"--file": line}


@dataclass(frozen=True)
class Way:
    """One family's package manager: its databases, where its cache has the package, and the command lines."""

    build: Callable[[MadeUpHost], MadeUpHost]
    manager: PackageManager
    os_release: str
    cache: str
    from_cache: str
    from_repositories: str
    questions: tuple[str, ...] = ()
    path: str = FILE


WAYS = {
    "apt": Way(
        with_dpkg,
        APT,
        "ID=debian\n",
        "/var/cache/apt/archives/libpython3.13-stdlib_1.0-1_amd64.deb",
        "apt-get --quiet --option=DPkg::Lock::Timeout=60 install --reinstall --yes --no-install-recommends "
        "--no-download /var/cache/apt/archives/libpython3.13-stdlib_1.0-1_amd64.deb",
        "apt-get --quiet --option=DPkg::Lock::Timeout=60 install --reinstall --yes --no-install-recommends "
        "libpython3.13-stdlib:amd64=1.0-1",
        ("apt-mark showhold libpython3.13-stdlib:amd64",),
    ),
    "pacman": Way(
        with_pacman,
        PACMAN,
        "ID=arch\n",
        "/var/cache/pacman/pkg/python-1:3.13.7-1-x86_64.pkg.tar.zst",
        "pacman --upgrade --noconfirm /var/cache/pacman/pkg/python-1:3.13.7-1-x86_64.pkg.tar.zst",
        "pacman --sync --noconfirm python",
        ("pacman --sync --print --print-format %n %v python",),
    ),
    "zypper": Way(
        with_rpm,
        ZYPPER,
        "ID=opensuse-tumbleweed\nID_LIKE=opensuse\n",
        "/var/cache/zypp/packages/repo-oss/x86_64/python313-base-3.13.7-1.1.x86_64.rpm",
        "rpm --upgrade --replacepkgs --quiet "
        "/var/cache/zypp/packages/repo-oss/x86_64/python313-base-3.13.7-1.1.x86_64.rpm",
        "zypper --quiet --non-interactive install --force --no-recommends python313-base.x86_64=1:3.13.7-1.1",
        path=RPM_FILE,
    ),
    "dnf5": Way(
        with_rpm,
        DNF5,
        "ID=fedora\n",
        "/var/cache/libdnf5/updates/packages/python313-base-3.13.7-1.1.x86_64.rpm",
        "rpm --upgrade --replacepkgs --quiet /var/cache/libdnf5/updates/packages/python313-base-3.13.7-1.1.x86_64.rpm",
        "dnf5 --quiet reinstall --assumeyes python313-base-1:3.13.7-1.1.x86_64",
        path=RPM_FILE,
    ),
    "apk": Way(
        with_apk,
        APK,
        "ID=alpine\n",
        "/etc/apk/cache/python3-3.13.7-r0.0a1b2c3d.apk",
        "apk --quiet --no-network --wait 60 fix --reinstall python3",
        "apk --quiet --wait 60 fix --reinstall python3",
        ("apk fix --simulate --reinstall python3",),
    ),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture
def stand_in(made_up: MadeUpHost, way: Way) -> PackageManagerStandIn:
    """A host of the family whose marker is gone, with fresh lists."""
    way.build(made_up.with_os_release(way.os_release)).with_program(way.manager.programs[0])
    # Lists are as old as the files of the test.
    made_up.now = time.time()
    answers = rpm_says() if way.path == RPM_FILE else {}
    return PackageManagerStandIn(made_up.with_file(LISTS[way.manager.name]), way.path, answers)


def changes(stand_in: PackageManagerStandIn, way: Way) -> list[str]:
    """The commands that were not mere questions."""
    mere_questions = (*way.questions, " ".join(recovery_of(way.manager).last_transaction))
    return [line for line in stand_in.lines if line not in mere_questions and "--query" not in line]


def test_the_repositories_file_is_taken_where_the_cache_has_none(stand_in: PackageManagerStandIn, way: Way) -> None:
    # Those of other versions and packages are none.
    folder, _, name = way.cache.rpartition("/")
    stand_in.made_up.with_file(f"{folder}/other-{name}").with_file(way.cache.replace("1", "2"))
    stand_in.made_up.with_file(f"{way.cache}.sig").with_file(f"{way.cache}.part")
    assert stand_in.restore() == ()
    assert changes(stand_in, way) == [way.from_repositories]
    for name, value in {**way.manager.environment, **way.manager.reinstallation.environment}.items():
        program = way.from_repositories.split()[0]
        assert stand_in.environment_of(program)[name] == value.replace("{lock_timeout}", "60")
    # The law: nothing is left to do.
    before = len(stand_in.commands)
    assert stand_in.restore() == ()
    assert changes(stand_in, way)[1:] == []
    assert len([line for line in stand_in.lines[before:] if "--query" not in line]) == 0


def test_the_caches_file_is_taken_where_it_is_there(stand_in: PackageManagerStandIn, way: Way) -> None:
    stand_in.made_up.with_file(way.cache).with_file(f"{way.cache}.sig").without(LISTS[way.manager.name])
    assert stand_in.restore() == ()
    assert changes(stand_in, way) == [way.from_cache]


def test_a_file_of_the_cache_that_does_not_serve_leaves_the_repositories(
    stand_in: PackageManagerStandIn, way: Way
) -> None:
    stand_in.made_up.with_file(way.cache)
    stand_in.failing = (way.from_cache,)
    (warning,) = stand_in.restore()
    assert changes(stand_in, way) == [way.from_cache, way.from_repositories]
    assert f"{way.cache} did not serve to restore {way.path}" in warning
    assert "It does not work." in warning


def test_absent_lists_are_fetched_first(stand_in: PackageManagerStandIn, way: Way) -> None:
    stand_in.made_up.without(LISTS[way.manager.name])
    stand_in.restore()
    assert changes(stand_in, way) == [" ".join(way.manager.unattended_refresh), way.from_repositories]


def test_where_they_cannot_be_fetched_that_is_said(stand_in: PackageManagerStandIn, way: Way) -> None:
    stand_in.made_up.without(LISTS[way.manager.name])
    stand_in.failing = (" ".join(way.manager.unattended_refresh),)
    with pytest.raises(
        CommandFailed, match=r"lists failed \(exit status 1\): E: It does not work\. It takes the network"
    ):
        stand_in.restore()
    assert way.from_repositories not in stand_in.lines


def test_a_package_manager_that_fails_is_quoted(stand_in: PackageManagerStandIn, way: Way) -> None:
    stand_in.failing = (way.from_repositories,)
    with pytest.raises(CommandFailed) as caught:
        stand_in.restore()
    error = caught.value
    assert " ".join(error.command) == way.from_repositories
    assert (error.status, error.stderr) == (1, "E: It does not work.\n")
    assert "It does not work." in str(error)
    assert f"By hand it is: {way.from_repositories.split()[0]}" in str(error)


def test_one_that_ends_well_and_restores_nothing_has_failed(stand_in: PackageManagerStandIn, way: Way) -> None:
    stand_in.works = False
    with pytest.raises(ProvisionError, match=f"ended without an error, and still {way.path} is missing"):
        stand_in.restore()


def test_only_root_may(stand_in: PackageManagerStandIn, way: Way) -> None:
    stand_in.made_up.uid = 61002
    with pytest.raises(ProvisionError, match=f"alice may not have {way.manager.name} restore it") as caught:
        stand_in.restore()
    assert "become: true" in str(caught.value)
    assert changes(stand_in, way) == []


def test_what_stands_there_as_a_directory_is_for_the_administrator(stand_in: PackageManagerStandIn, way: Way) -> None:
    # pacman stops in the middle of the package over one.
    stand_in.made_up.with_directory(way.path)
    with pytest.raises(ProvisionError, match="Move it away"):
        stand_in.restore()
    assert changes(stand_in, way) == []


def test_without_its_package_manager_a_marker_cannot_be_restored(stand_in: PackageManagerStandIn, way: Way) -> None:
    stand_in.made_up.without(way.manager.programs[0])
    with pytest.raises(ProvisionError, match=r"no package manager here that restores \S+\. Install \S+ \S+ again"):
        stand_in.restore()


def test_an_unknown_distribution_has_the_package_manager_of_its_database(
    stand_in: PackageManagerStandIn, way: Way
) -> None:
    stand_in.made_up.with_os_release("ID=plan9\n")
    stand_in.restore()
    assert changes(stand_in, way) == [way.from_repositories]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("apt", "Reinstallation of libpython3.13-stdlib is not possible, it cannot be downloaded.\n"),
        ("apt", "E: Version '1.0-1' for 'libpython3.13-stdlib' was not found\n"),
        ("zypper", "No provider of 'python313-base=1:3.13.7-1.1' found.\n"),
    ],
)
def test_a_version_that_is_not_to_be_had_is_named(made_up: MadeUpHost, name: str, said: str) -> None:
    way = WAYS[name]
    way.build(made_up.with_os_release(way.os_release)).with_program(way.manager.programs[0])
    made_up.with_file(LISTS[name])
    stand_in = PackageManagerStandIn(made_up, way.path, rpm_says() if way.path == RPM_FILE else {}, works=False)
    stand_in.answers["--no-recommends" if name == "zypper" else "--reinstall"] = said
    with pytest.raises(CommandFailed, match=r"the repositories do not have \S+ 1[^ ]* \(exit status 0\)") as caught:
        stand_in.restore()
    upgrade = " ".join(way.manager.reinstallation.upgrade)
    assert f"Run {upgrade} first" in str(caught.value)


def test_a_mirror_that_lacks_the_file_does_not_matter_where_another_has_it(made_up: MadeUpHost) -> None:
    with_dpkg(made_up.with_debian("13")).with_program("/usr/bin/apt-get")
    said = "Ign:1 http://mirror.example trixie/main amd64 libpython3.13-stdlib\n  404  Not Found\n"
    assert PackageManagerStandIn(made_up, answers={"--reinstall": said}).restore() == ()


def pacman_with(made_up: MadeUpHost, offered: str) -> PackageManagerStandIn:
    with_pacman(made_up.with_os_release("ID=arch\n")).with_program("/usr/bin/pacman")
    return PackageManagerStandIn(made_up.with_file(LISTS["pacman"]), answers={"--print": offered})


@pytest.mark.parametrize(
    "offered",
    ["python 1:3.13.7-1\n", "libpython 2\npython 1:3.13.7-1\n", ""],
    ids=["the same", "and others", "nothing"],
)
def test_what_the_repositories_have_in_the_same_version_is_installed_again(made_up: MadeUpHost, offered: str) -> None:
    stand_in = pacman_with(made_up, offered)
    stand_in.restore()
    assert stand_in.lines[-1] == "pacman --sync --noconfirm python"


def test_no_package_is_upgraded_alone(made_up: MadeUpHost) -> None:
    stand_in = pacman_with(made_up, "libpython 2\npython 1:3.14.0-1\n")
    markers = observe_shipped_markers(stand_in.host)
    for refused in (lambda: foresee_restoration(stand_in.host, markers), stand_in.restore):
        with pytest.raises(ProvisionError) as caught:
            refused()
        assert str(caught.value) == (
            f"{FILE} is missing, and python 1:3.13.7-1 cannot be installed again: the repositories have 1:3.14.0-1, "
            "and this one package alone in that version could break others. Run pacman --sync --refresh --sysupgrade "
            "first, or lay the file of the installed version into /var/cache/pacman/pkg, then run again."
        )
    assert not [line for line in stand_in.lines if "--noconfirm" in line]
    # The file of the installed version is another matter.
    made_up.with_file(WAYS["pacman"].cache)
    assert stand_in.restore() == ()
    assert stand_in.lines[-1] == WAYS["pacman"].from_cache


def test_lists_that_were_absent_are_looked_at_before_the_installation(made_up: MadeUpHost) -> None:
    stand_in = pacman_with(made_up, "python 1:3.14.0-1\n")
    made_up.without(LISTS["pacman"])
    foresee_restoration(stand_in.host, observe_shipped_markers(stand_in.host))
    # As the refresh leaves them.
    with pytest.raises(ProvisionError, match=r"the repositories have 1:3\.14\.0-1"):
        stand_in.restore()
    assert not [line for line in stand_in.lines if "--noconfirm" in line]


@pytest.mark.parametrize("name", ["held", "lost"])
def test_a_held_package_stays_held(made_up: MadeUpHost, name: str) -> None:
    with_dpkg(made_up.with_debian("13")).with_program("/usr/bin/apt-get")
    stand_in = PackageManagerStandIn(made_up, answers={"showhold": "libpython3.13-stdlib\n"})
    stand_in.failing = ("apt-mark hold",) if name == "lost" else ()
    warnings = stand_in.restore()
    assert stand_in.lines[-1] == "apt-mark hold libpython3.13-stdlib:amd64"
    assert [one.startswith("libpython3.13-stdlib was held at its version") for one in warnings] == (
        [True] if name == "lost" else []
    )


def test_it_is_held_again_after_a_failure(made_up: MadeUpHost) -> None:
    with_dpkg(made_up.with_debian("13")).with_program("/usr/bin/apt-get")
    stand_in = PackageManagerStandIn(made_up, answers={"showhold": "libpython3.13-stdlib\n"}, failing=("--reinstall",))
    with pytest.raises(CommandFailed):
        stand_in.restore()
    assert stand_in.lines[-1] == "apt-mark hold libpython3.13-stdlib:amd64"


def test_of_several_only_those_that_need_it_are_touched(made_up: MadeUpHost) -> None:
    with_dpkg(with_dpkg(made_up.with_debian("13")), OTHER).with_program("/usr/bin/apt-get").with_file(OTHER, MARKER)
    stand_in = PackageManagerStandIn(made_up)
    stand_in.restore()
    assert [line for line in stand_in.lines if "3.11" in line] == []
    assert stand_in.lines[-1].endswith("libpython3.13-stdlib:amd64=1.0-1")


@pytest.mark.parametrize("state", ["intact", "diverted", "excluded"])
def test_what_needs_no_restoring_costs_nothing(made_up: MadeUpHost, state: str) -> None:
    stand_in = PackageManagerStandIn(made_up)
    marker = ShippedMarker(FILE, "libpython3.13-stdlib", state, "So it is.", "1.0-1", "amd64", "dpkg")
    assert take_restoration(stand_in.host, [marker], lock_timeout=1) == ()
    assert stand_in.commands == []


def test_an_epoch_is_in_the_name_as_apt_writes_it(made_up: MadeUpHost) -> None:
    with_dpkg(made_up.with_debian("13")).with_program("/usr/bin/apt-get")
    status = made_up.real("/var/lib/dpkg/status")
    status.write_text(status.read_text().replace("Version: 1.0-1", "Version: 1:1.0-1"))
    cached = "/var/cache/apt/archives/libpython3.13-stdlib_1%3a1.0-1_amd64.deb"
    stand_in = PackageManagerStandIn(made_up.with_file(cached))
    stand_in.restore()
    assert stand_in.lines[-1].endswith(f"--no-download {cached}")


def brewed(made_up: MadeUpHost, offered: str = "") -> PackageManagerStandIn:
    with_homebrew(made_up.with_os_release("ID=debian\n")).with_program("/opt/homebrew/bin/brew")
    return PackageManagerStandIn(made_up, f"{BREWED}/EXTERNALLY-MANAGED", answers={"outdated": offered})


def test_homebrew_works_as_the_account_whose_it_is(made_up: MadeUpHost) -> None:
    stand_in = brewed(made_up)
    if os.getuid() == 0:
        os.chown(made_up.real(BREWED), 61002, 61002)
    stand_in.restore()
    # Nothing is refreshed because the distribution's lists are absent.
    assert stand_in.lines == [
        "brew outdated --formula --verbose python@3.13",
        "brew reinstall --formula --quiet python@3.13",
    ]
    command = stand_in.commands[-1]
    assert command.account is not None
    assert command.account.uid == made_up.real(BREWED).stat().st_uid != 0
    assert command.env["HOMEBREW_NO_AUTO_UPDATE"] == "1"


@pytest.mark.parametrize("pinned", ["", " [pinned at 3.13.7_1]"])
def test_homebrew_upgrades_nothing_by_it(made_up: MadeUpHost, pinned: str) -> None:
    with pytest.raises(ProvisionError, match=r"python@3\.13 3\.13\.7_1 cannot .* the repositories have 3\.14\.0,"):
        brewed(made_up, f"python@3.13 (3.13.7_1) < 3.14.0{pinned}\n").restore()


@pytest.mark.parametrize(
    ("said", "offered"),
    [
        pytest.param("(1/1) Reinstalling python3 (3.13.7-r0)\nOK: 50 MiB\n", "", id="the same"),
        pytest.param("(1/1) Upgrading python3 (3.13.7-r0 -> 3.13.8-r1)\nOK: 50 MiB\n", "3.13.8-r1", id="newer"),
        pytest.param("(1/1) Downgrading python3 (3.13.7-r0 -> 3.12.1-r0)\nOK: 50 MiB\n", "3.12.1-r0", id="older"),
        pytest.param("(1/2) Upgrading libpython3 (1 -> 2)\n(2/2) Reinstalling python3 (3.13.7-r0)\n", "", id="another"),
    ],
)
def test_apk_upgrades_nothing_by_it(made_up: MadeUpHost, said: str, offered: str) -> None:
    with_apk(made_up.with_os_release("ID=alpine\n")).with_program("/sbin/apk").with_file(LISTS["apk"])
    made_up.now = time.time()
    stand_in = PackageManagerStandIn(made_up, answers={"--simulate": said})
    if offered:
        with pytest.raises(ProvisionError, match=f"the repositories have {offered}, and this"):
            stand_in.restore()
    else:
        stand_in.restore()
    reinstalled = [line for line in stand_in.lines if "--simulate" not in line]
    assert reinstalled == ([] if offered else [WAYS["apk"].from_repositories])


def test_a_version_that_changed_all_the_same_is_told(tmp_path: Path) -> None:
    made_up = MadeUpHost(tmp_path).with_debian("13")
    with_dpkg(made_up).with_program("/usr/bin/apt-get")
    stand_in = PackageManagerStandIn(made_up)

    def upgrade(command: Command, environ: Mapping[str, str]) -> Completed:
        done = stand_in(command, environ)
        status = made_up.real("/var/lib/dpkg/status")
        status.write_text(status.read_text().replace("Version: 1.0-1", "Version: 2.0-1"))
        return done

    markers = observe_shipped_markers(made_up.host)
    warnings = take_restoration(replace(made_up.host, runner=upgrade), markers, lock_timeout=1)
    assert warnings == ("libpython3.13-stdlib was 1.0-1 and is 2.0-1 now.",)


# Under the host's lock


def test_what_is_as_shipped_waits_for_nobody(made_up: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    with_dpkg(made_up).with_file(FILE, MARKER)
    monkeypatch.delattr(marker_restore, "holding_lock")
    assert restore_markers(made_up.host, observe_shipped_markers(made_up.host), lock_timeout=0) == ()


def test_what_who_held_the_lock_restored_is_not_laid_down_again(
    made_up: MadeUpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_dpkg(made_up.with_debian("13")).with_program("/usr/bin/apt-get")
    markers = observe_shipped_markers(made_up.host)
    assert [one.state for one in markers] == ["missing"]

    @contextlib.contextmanager
    def wait_for(_host: Host, *, timeout: float) -> Iterator[None]:
        assert timeout == 5
        made_up.with_file(FILE, MARKER)
        yield

    monkeypatch.setattr(marker_restore, "holding_lock", wait_for)
    assert restore_markers(made_up.host, markers, lock_timeout=5) == ()
    assert made_up.runner.commands == []
