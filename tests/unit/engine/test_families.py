"""Each family's names for what is needed, the package manager a host has, what its database and repositories say."""

from __future__ import annotations

import re
import subprocess

import pytest

from made_up_host import MadeUpHost
from pep668_provision.engine.bootstrap import bootstrap_script
from pep668_provision.engine.desired import validate
from pep668_provision.engine.distro import FAMILIES, Distribution, Family, identify, observe_distribution
from pep668_provision.engine.os_packages import (
    available_packages,
    installed_packages,
    lists_need_refresh,
    package_module_options,
)

OS_RELEASE = {
    "debian": "ID=debian\nVERSION_ID=13\n",
    "el": 'ID=rocky\nID_LIKE="rhel centos fedora"\nVERSION_ID=9.6\n',
    "fedora": "ID=fedora\nVERSION_ID=44\n",
    "arch": "ID=arch\nBUILD_ID=rolling\n",
    "opensuse": 'ID=opensuse-tumbleweed\nID_LIKE="opensuse suse"\nVERSION_ID=20261101\n',
    "alpine": "ID=alpine\nVERSION_ID=3.23.0\n",
}
PROGRAMS = {
    "debian": "/usr/bin/apt-get",
    "el": "/usr/bin/dnf-3",
    "fedora": "/usr/bin/dnf5",
    "arch": "/usr/bin/pacman",
    "opensuse": "/usr/bin/zypper",
    "alpine": "/sbin/apk",
}
FLASK = {"path": "/srv/app/.venv", "packages": ["flask==3.0.3"]}


def with_family(made_up: MadeUpHost, name: str, python: str = "3.13.5") -> MadeUpHost:
    """A host of this family with its package manager and python3; its repositories' lists are at hand."""
    made_up.with_os_release(OS_RELEASE[name]).with_program(PROGRAMS[name])
    made_up.with_interpreter(python, prefix="/usr").with_lists()
    for folder, file in [
        ("/var/cache/libdnf5", "fedora-1a2b"),
        ("/var/cache/dnf", "baseos.solv"),
        ("/var/lib/pacman/sync", "extra.db"),
        ("/var/cache/zypp/solv", "repo-oss"),
        ("/var/cache/apk", "APKINDEX.1a2b.tar.gz"),
    ]:
        made_up.with_file(f"{folder}/{file}")
    return made_up


def family_of(name: str) -> Family:
    return next(family for family in FAMILIES if family.name == name)


def observed(made_up: MadeUpHost, name: str, python: str = "3.13.5") -> Distribution:
    return observe_distribution(with_family(made_up, name, python).host)


@pytest.mark.parametrize(
    ("family", "program", "manager", "module"),
    [
        ("debian", "/usr/bin/apt-get", "apt", "ansible.builtin.apt"),
        ("fedora", "/usr/bin/dnf5", "dnf5", "ansible.builtin.dnf5"),
        ("fedora", "/usr/bin/dnf-3", "dnf", "ansible.builtin.dnf"),
        ("el", "/usr/bin/dnf-3", "dnf", "ansible.builtin.dnf"),
        ("el", "/usr/bin/dnf", "dnf", "ansible.builtin.dnf"),
        ("el", "/usr/bin/dnf5", "dnf5", "ansible.builtin.dnf5"),
        ("arch", "/usr/bin/pacman", "pacman", "community.general.pacman"),
        ("opensuse", "/usr/bin/zypper", "zypper", "community.general.zypper"),
        ("alpine", "/sbin/apk", "apk", "community.general.apk"),
        ("alpine", "/usr/bin/apk", "apk", "community.general.apk"),
    ],
)
def test_the_package_manager_is_the_one_the_host_has(
    made_up: MadeUpHost, family: str, program: str, manager: str, module: str
) -> None:
    distribution = observe_distribution(made_up.with_os_release(OS_RELEASE[family]).with_program(program).host)
    assert distribution.manager is not None
    assert distribution.manager.name == manager
    assert package_module_options(distribution, needs_refresh=False, lock_timeout=9)["use"] == module


@pytest.mark.parametrize(
    ("family", "python", "library", "package"),
    [
        ("debian", "3.13.5", "pyyaml", "python3-yaml"),
        ("debian", "3.13.5", "pillow", "python3-pil"),
        ("debian", "3.13.5", "beautifulsoup4", "python3-bs4"),
        ("debian", "3.13.5", "psycopg2", "python3-psycopg2"),
        ("debian", "3.13.5", "python-dateutil", "python3-dateutil"),
        ("debian", "3.13.5", "protobuf", "python3-protobuf"),
        ("debian", "3.13.5", "opencv-python", "python3-opencv"),
        ("fedora", "3.14.1", "pyyaml", "python3dist(pyyaml)"),
        ("fedora", "3.14.1", "python-dateutil", "python3dist(python-dateutil)"),
        ("fedora", "3.14.1", "psycopg2-binary", "python3dist(psycopg2)"),
        ("el", "3.9.2", "requests", "python3dist(requests)"),
        ("arch", "3.14.1", "pyyaml", "python-yaml"),
        ("arch", "3.14.1", "pillow", "python-pillow"),
        ("arch", "3.14.1", "python-dateutil", "python-dateutil"),
        ("arch", "3.14.1", "jinja2", "python-jinja"),
        ("arch", "3.14.1", "opencv-python", "python-opencv"),
        ("opensuse", "3.13.5", "pyyaml", "python3.13dist(pyyaml)"),
        ("opensuse", "3.11.2", "opencv-python", "python3.11dist(opencv)"),
        ("alpine", "3.12.1", "pyyaml", "py3-yaml"),
        ("alpine", "3.12.1", "python-dateutil", "py3-dateutil"),
    ],
)
def test_a_library_has_the_familys_name(
    made_up: MadeUpHost, family: str, python: str, library: str, package: str
) -> None:
    assert observed(made_up, family, python).library_package(library) == package


@pytest.mark.parametrize(
    ("family", "selector", "package"),
    [
        ("debian", "3.12", "python3.12"),
        ("debian", "python3.12", "python3.12"),
        ("fedora", "3.12", "python3.12"),
        ("el", "3.11", "python3.11"),
        ("el", "3.8", "python38"),
        ("opensuse", "3.12", "python312"),
        ("arch", "3.12", ""),
        ("alpine", "3.12", ""),
        ("debian", "3.12.4", ""),
        ("debian", "pypy3", ""),
        ("debian", "/usr/bin/python3.12", ""),
        ("debian", "", ""),
    ],
)
def test_an_interpreter_has_the_familys_name(made_up: MadeUpHost, family: str, selector: str, package: str) -> None:
    assert observed(made_up, family).selected_package(selector) == package


@pytest.mark.parametrize(
    ("family", "pipx"),
    [
        ("debian", "pipx"),
        ("fedora", "pipx"),
        ("arch", "python-pipx"),
        ("opensuse", "python313-pipx"),
        ("alpine", "pipx"),
    ],
)
def test_pipx_has_the_familys_name(made_up: MadeUpHost, family: str, pipx: str) -> None:
    distribution = observed(made_up, family)
    assert (distribution.pipx_package(), distribution.packages_pipx()) == (pipx, True)


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("available", [True, False])
def test_pipx_on_el_comes_from_the_index_whatever_further_repositories_have(
    made_up: MadeUpHost, *, lists: bool, available: bool
) -> None:
    made_up.with_os_release(OS_RELEASE["el"]).with_program("/usr/bin/dnf").with_interpreter("3.9.2", prefix="/usr")
    if lists:
        made_up.with_file("/var/cache/dnf/epel.solv").with_repositories(pipx=available)
    planned = made_up.plan(python_tools=[{"name": "black"}])
    assert [(step.kind, step.name) for step in planned.steps] == [
        ("venv", "/opt/pep668-provision/pipx"),
        ("tool", "black"),
    ]


def test_pipx_on_el_comes_from_a_further_repository_when_that_is_asked_for(made_up: MadeUpHost) -> None:
    wanted = validate({"python_tools": [{"name": "black"}], "python_pipx_source": "system"})
    with_family(made_up, "el", "3.9.2").with_repositories(pipx=True)
    assert [step.name for step in made_up.plan(wanted).steps] == ["pipx", "black"]
    assert "does not package" in made_up.with_repositories(pipx=False).plan(wanted).refusals[0].message


# Installed packages


def test_rpm_is_asked_for_what_a_package_provides(made_up: MadeUpHost) -> None:
    distribution = observed(made_up, "fedora")
    made_up.rpms.add("python3dist(requests)")
    found = installed_packages(made_up.host, distribution, ["python3dist(requests)", "python3dist(pyyaml)"])
    assert found == {"python3dist(requests)"}


def test_pacmans_database_is_read(made_up: MadeUpHost) -> None:
    distribution = observed(made_up, "arch")
    for entry in ("python-yaml-6.0.2-1", "python-requests-toolbelt-1.0.0-3", "python-3.14.1-1", "ALPM_DB_VERSION"):
        made_up.with_file(f"/var/lib/pacman/local/{entry}/desc")
    # Of one that was killed there is no description.
    made_up.with_file("/var/lib/pacman/local/python-requests-2.32.5-1/mtree")
    wanted = ["python-yaml", "python-requests", "python", "python-requests-toolbelt"]
    assert installed_packages(made_up.host, distribution, wanted) == {
        "python-yaml",
        "python",
        "python-requests-toolbelt",
    }


@pytest.mark.parametrize("path", ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"])
def test_apks_database_is_read_where_it_is(made_up: MadeUpHost, path: str) -> None:
    distribution = observed(made_up, "alpine")
    made_up.with_file(path, "C:Q1x=\nP:py3-yaml\nV:6.0.2-r0\n\nC:Q1y=\nP:pipx\nV:1.7.1-r1\nT:P:py3-requests\n\n")
    found = installed_packages(made_up.host, distribution, ["py3-yaml", "pipx", "py3-requests", "py3"])
    assert found == {"py3-yaml", "pipx"}


def test_homebrews_cellar_is_read(made_up: MadeUpHost) -> None:
    made_up.with_file(
        "/System/Library/CoreServices/SystemVersion.plist",
        "<dict>\n\t<key>ProductVersion</key>\n\t<string>15.6.1</string>\n</dict>",
    )
    made_up.with_program("/opt/homebrew/bin/brew").with_directory("/opt/homebrew/Cellar/pipx/1.8.0")
    made_up.with_directory("/opt/homebrew/Cellar/uv")
    distribution = observe_distribution(made_up.host)
    assert (distribution.id, distribution.version) == ("macos", "15.6.1")
    assert installed_packages(made_up.host, distribution, ["pipx", "uv"]) == {"pipx"}
    assert distribution.library_package("requests") == ""


def test_homebrew_is_used_without_roots_rights(tmp_path_factory: pytest.TempPathFactory) -> None:
    made_up = MadeUpHost(tmp_path_factory.mktemp("mac"), uid=61002)
    made_up.with_file(
        "/System/Library/CoreServices/SystemVersion.plist",
        "<dict><key>ProductVersion</key><string>15.6</string></dict>",
    )
    made_up.with_program("/opt/homebrew/bin/brew").with_interpreter("3.14.0", prefix="/opt/homebrew")
    planned = made_up.plan(python_tools=[{"name": "black", "scope": "user"}])
    assert not planned.refusals
    assert [(step.kind, step.name) for step in planned.steps] == [("system_package", "pipx"), ("tool", "black")]


# What repositories have


def test_a_library_that_the_repositories_lack_is_refused_with_other_ways(made_up: MadeUpHost) -> None:
    with_family(made_up, "arch").with_repositories(**{"python-no-such": False})
    refusal = made_up.plan(python_libraries=["no-such"]).refusals[0]
    assert "no package python-no-such" in refusal.message
    assert "python_venvs" in refusal.advice
    assert "python_tools" in refusal.advice


@pytest.mark.parametrize("family", ["debian", "fedora", "el", "opensuse"])
def test_an_interpreter_is_installed_where_the_repositories_have_it(made_up: MadeUpHost, family: str) -> None:
    with_family(made_up, family)
    package = family_of(family).interpreter.format(version="3.12", compact="312")
    made_up.with_repositories(**{package: True})
    for selected, called in (("3.12", "Python 3.12"), ("python3.12", "python3.12")):
        planned = made_up.plan(python_venvs=[{**FLASK, "python": selected}])
        assert not planned.refusals
        extra = [f"{package}-venv"] if family == "debian" else []
        assert [step.name for step in planned.steps] == [package, *extra, FLASK["path"]]
        assert all(called in " ".join(step.reasons) for step in planned.steps[:-1])


def test_uv_makes_environments_of_such_an_interpreter_without_the_package_for_them(made_up: MadeUpHost) -> None:
    with_family(made_up, "debian").with_repositories(**{"python3.12": True}).with_program("/usr/local/bin/uv")
    planned = made_up.plan(python_venvs=[{**FLASK, "python": "3.12"}])
    assert [step.name for step in planned.steps] == ["python3.12", FLASK["path"]]


def test_an_interpreter_of_the_distribution_counts_as_there_where_nobody_knows(made_up: MadeUpHost) -> None:
    made_up.with_os_release(OS_RELEASE["debian"]).with_program(PROGRAMS["debian"]).with_interpreter("3.13.5")
    planned = made_up.plan(python_venvs=[{**FLASK, "python": "3.12"}])
    assert [step.name for step in planned.steps] == ["python3.12", "python3.12-venv", FLASK["path"]]


@pytest.mark.parametrize("family", ["debian", "fedora", "el", "opensuse"])
def test_an_interpreter_nobody_has_is_refused_with_what_there_is(made_up: MadeUpHost, family: str) -> None:
    with_family(made_up, family)
    offered = family_of(family).interpreter.format(version="3.11", compact="311")
    also = family_of(family).interpreter.format(version="3.14", compact="314")
    made_up.with_repositories(**{offered: True, also: True})
    planned = made_up.plan(python_venvs=[{**FLASK, "python": "3.12"}])
    assert not planned.steps
    assert "Python 3.12 is wanted" in planned.refusals[0].message
    assert "3.13.5" in planned.refusals[0].advice
    assert f"repositories have {offered}, {also}." in planned.refusals[0].advice


@pytest.mark.parametrize("family", ["arch", "alpine"])
def test_a_family_without_further_interpreters_refuses(made_up: MadeUpHost, family: str) -> None:
    planned = with_family(made_up, family).plan(python_tools=[{"name": "black", "python": "3.12"}])
    assert "Python 3.12 is wanted" in planned.refusals[0].message


def test_a_package_that_is_installed_and_brings_no_interpreter_is_not_asked_for_again(made_up: MadeUpHost) -> None:
    with_family(made_up, "debian").with_package("python3.12")
    assert made_up.plan(python_venvs=[{**FLASK, "python": "3.12"}]).refusals


def test_an_interpreter_is_not_installed_where_packages_may_not_be(made_up: MadeUpHost) -> None:
    with_family(made_up, "fedora").with_repositories(**{"python3.12": True})
    planned = made_up.plan(python_venvs=[{**FLASK, "python": "3.12"}], python_manage_system_packages=False)
    assert "python3.12" in planned.refusals[0].message
    assert "dnf install" in planned.refusals[0].advice


def test_without_lists_nobody_can_tell_what_repositories_have(made_up: MadeUpHost) -> None:
    made_up.with_os_release(OS_RELEASE["arch"]).with_program(PROGRAMS["arch"])
    distribution = observe_distribution(made_up.host)
    assert lists_need_refresh(made_up.host, distribution)
    assert available_packages(made_up.host, distribution, ["python-yaml"]) == {}
    assert package_module_options(distribution, needs_refresh=True, lock_timeout=9)["update_cache"] is True


@pytest.mark.parametrize("family", ["fedora", "el", "arch", "opensuse"])
def test_lists_that_do_not_age_are_not_refreshed(made_up: MadeUpHost, family: str) -> None:
    distribution = observed(made_up, family)
    made_up.now += 365 * 86400
    assert not lists_need_refresh(made_up.host, distribution)


def test_repositories_are_asked_only_about_what_is_missing(made_up: MadeUpHost) -> None:
    with_family(made_up, "debian").with_package("python3-yaml")
    made_up.plan(python_venvs=[FLASK], python_libraries=["pyyaml"])
    assert made_up.runner.queries == []
    made_up.plan(python_libraries=["pyyaml", "requests"])
    assert [query.argv[-1] for query in made_up.runner.queries] == ["python3-requests"]


# Systems nobody knows


def test_on_an_unknown_system_what_needs_no_package_works(made_up: MadeUpHost) -> None:
    made_up.with_os_release("ID=plan9\nNAME=Plan\n").with_interpreter("3.13.5", prefix="/usr")
    planned = made_up.plan(python_venvs=[FLASK], python_tools=[{"name": "black"}])
    assert not planned.refusals
    assert [step.name for step in planned.steps] == ["/opt/pep668-provision/pipx", FLASK["path"], "black"]
    assert "Plan is not among the distributions" in planned.warnings[0]
    assert "pipx from the index" in planned.warnings[0]


# The bootstrap script


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_bootstrap_script_is_plain_shell(dry_run: bool) -> None:
    script = bootstrap_script(dry_run=dry_run)
    checked = subprocess.run(["/bin/sh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    "family", [family for family in FAMILIES if family.managers[0].needs_root], ids=lambda it: it.name
)
def test_the_bootstrap_script_knows_each_family(family: Family) -> None:
    script = bootstrap_script()
    assert re.search(rf"^    {re.escape('|'.join(family.ids))}\)$", script, re.MULTILINE)
    assert all(program in script for manager in family.managers for program in manager.programs)


def test_the_bootstrap_script_sees_a_python_that_is_there() -> None:
    ran = subprocess.run(["/bin/sh"], input=bootstrap_script(dry_run=True), capture_output=True, text=True, check=False)
    assert re.fullmatch(r"pep668\.provision: present /\S+/python3\S*\n", ran.stdout), ran


def test_families_are_told_apart() -> None:
    names = [family.name for family in FAMILIES]
    ids = [identity for family in FAMILIES for identity in family.ids]
    assert len(set(names)) == len(names)
    assert len(set(ids)) == len(ids)
    found = [identify(text).family for text in OS_RELEASE.values()]
    assert [family.name for family in found if family is not None] == list(OS_RELEASE)
