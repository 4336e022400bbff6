"""What is planned where uv is the installer: uv itself, a pipx that can use it, and what pip needs to take over."""

from __future__ import annotations

from typing import Any

import pytest

from made_up_host import MadeUpHost, entry_of

VENV = "/srv/app/.venv"
FLASK = {"path": VENV, "packages": ["flask==3.0.3"]}
INSTALLED = {"flask": "3.0.3"}
BLACK = {"name": "black"}
OWN_UV, OWN_PIPX = "/opt/pep668-provision/uv", "/opt/pep668-provision/pipx"
SYSTEMS = {
    "debian": ("ID=debian\nVERSION_ID=13\n", "/usr/bin/apt-get"),
    "el": ('ID=rocky\nID_LIKE="rhel centos fedora"\nVERSION_ID=9.6\n', "/usr/bin/dnf-3"),
    "fedora": ("ID=fedora\nVERSION_ID=44\n", "/usr/bin/dnf5"),
    "arch": ("ID=arch\nBUILD_ID=rolling\n", "/usr/bin/pacman"),
    "opensuse": ('ID=opensuse-tumbleweed\nID_LIKE="opensuse suse"\nVERSION_ID=20261101\n', "/usr/bin/zypper"),
    "alpine": ("ID=alpine\nVERSION_ID=3.24.0\n", "/sbin/apk"),
}
UV: dict[str, Any] = {"python_installer": "uv", "python_uv": True}


def with_system(made_up: MadeUpHost, name: str) -> MadeUpHost:
    text, manager = SYSTEMS[name]
    made_up.with_os_release(text).with_program(manager).with_interpreter("3.13.5").with_lists()
    made_up.with_file("/var/lib/pacman/sync/extra.db").with_file("/var/cache/apk/APKINDEX.1a2b.tar.gz")
    return made_up.with_file("/var/cache/libdnf5/fedora-1a2b")


def steps(made_up: MadeUpHost, **declared: Any) -> list[tuple[str, str]]:
    planned = made_up.plan(**declared)
    assert not planned.refusals, planned.refusals
    return [(step.kind, step.name) for step in planned.steps]


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("fedora", ("system_package", "uv")),
        ("arch", ("system_package", "uv")),
        ("alpine", ("system_package", "uv")),
        ("debian", ("venv", OWN_UV)),
        ("el", ("venv", OWN_UV)),
        ("opensuse", ("venv", OWN_UV)),
    ],
)
def test_uv_is_the_distributions_where_it_has_one(made_up: MadeUpHost, family: str, expected: tuple[str, str]) -> None:
    assert steps(with_system(made_up, family), python_uv=True) == [expected]


@pytest.mark.parametrize("version", ["3.18.4", "3.23.0"])
def test_an_alpine_whose_uv_is_none_or_too_old_has_it_from_the_index(made_up: MadeUpHost, version: str) -> None:
    with_system(made_up, "alpine").with_os_release(f"ID=alpine\nVERSION_ID={version}\n")
    assert steps(made_up, python_uv=True) == [("venv", OWN_UV)]


def test_a_package_of_uv_that_is_not_to_be_had_is_not_waited_for(made_up: MadeUpHost) -> None:
    with_system(made_up, "arch").with_repositories(uv=False)
    assert steps(made_up, python_uv=True) == [("venv", OWN_UV)]
    assert steps(made_up, python_uv=True, python_manage_system_packages=False) == [("venv", OWN_UV)]


def test_a_package_of_uv_counts_as_there_where_nobody_knows(made_up: MadeUpHost) -> None:
    with_system(made_up, "arch").without("/var/lib/pacman/sync")
    (package,) = made_up.plan(python_uv=True).packages
    assert (package.name, package.reasons) == ("uv", ("python_uv asks for it and the host has none",))


def test_uv_comes_first_then_pipx_by_it(debian: MadeUpHost) -> None:
    planned = debian.plan(python_venvs=[FLASK], python_tools=[BLACK], **UV)
    assert [(step.observed.entry.path, step.installer) for step in planned.own] == [
        (OWN_UV, "bundled"),
        (OWN_PIPX, "uv"),
    ]
    assert [step.installer for step in planned.venvs] == ["uv"]
    assert not planned.packages


def test_of_os_packages_uv_needs_only_what_makes_its_own_environment(made_up: MadeUpHost) -> None:
    made_up.with_debian("13").with_debian_python(ensurepip=False)
    planned = made_up.plan(python_venvs=[FLASK], python_tools=[BLACK], **UV)
    assert [step.name for step in planned.packages] == ["python3-venv"]
    made_up.with_program("/usr/local/bin/uv")
    planned = made_up.plan(python_venvs=[FLASK], python_tools=[BLACK], **UV)
    assert not planned.packages


@pytest.mark.parametrize(
    ("there", "source", "settings", "expected"),
    [
        pytest.param("1.7.1", "auto", UV, [("venv", OWN_PIPX), ("tool", "black")], id="too old"),
        pytest.param("1.15.0", "auto", UV, [("tool", "black")], id="new enough"),
        pytest.param("1.7.1", "system", UV, [("tool", "black")], id="too old and asked for"),
        pytest.param("1.7.1", "auto", {"python_installer": "auto"}, [("tool", "black")], id="nobody asked for uv"),
        pytest.param("1.7.1", "auto", {"python_installer": "pip"}, [("tool", "black")], id="pip"),
        pytest.param("", "auto", {}, [("venv", OWN_PIPX), ("tool", "black")], id="none, and uv is there"),
        pytest.param(
            "",
            "system",
            UV,
            [("system_package", "pipx"), ("tool", "black")],
            id="none, and the distribution's asked for",
        ),
    ],
)
def test_a_pipx_that_cannot_use_uv_is_enough_only_where_uv_is_not_asked_for(
    made_up: MadeUpHost, there: str, source: str, settings: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    made_up.with_debian("13").with_debian_python().with_program("/usr/local/bin/uv")
    if there:
        made_up.with_pipx(there)
    assert steps(made_up, python_tools=[BLACK], python_pipx_source=source, **settings) == expected


def test_a_tool_that_is_for_pip_stays_with_the_pipx_that_is_there(debian: MadeUpHost) -> None:
    debian.with_program("/usr/local/bin/uv")
    assert steps(debian, python_tools=[{**BLACK, "installer": "pip"}], **UV) == [("tool", "black")]


def test_where_no_pipx_for_this_python_can_use_uv_any_is_enough(made_up: MadeUpHost) -> None:
    made_up.with_debian("11").with_debian_python().with_program("/usr/local/bin/uv").with_own_program("pipx", "1.8.0")
    assert steps(made_up, python_tools=[BLACK], **UV) == [("tool", "black")]


@pytest.mark.parametrize(
    ("has_uv", "expected"),
    [
        pytest.param(True, "/usr/bin/pipx", id="uv: the one that can use it"),
        pytest.param(False, f"{OWN_PIPX}/bin/pipx", id="no uv: the first"),
    ],
)
def test_of_two_pipx_the_one_that_can_use_uv_is_used_with_it(made_up: MadeUpHost, has_uv: bool, expected: str) -> None:
    made_up.with_debian("13").with_debian_python().with_own_program("pipx", "1.8.0").with_pipx("1.18.0")
    if has_uv:
        made_up.with_program("/usr/local/bin/uv")
    (tool,) = made_up.plan(python_tools=[BLACK]).tools
    assert tool.pipx is not None
    assert tool.pipx.path == expected


def test_a_packaged_pipx_brings_what_it_makes_environments_with(made_up: MadeUpHost) -> None:
    made_up.with_debian("13").with_debian_python(ensurepip=False).with_pipx("1.7.1")
    assert steps(made_up, python_tools=[BLACK]) == [("tool", "black")]


def test_a_packaged_pipx_fills_environments_by_pip_even_where_uv_is(made_up: MadeUpHost) -> None:
    made_up.with_debian("13").with_debian_python().with_interpreter("3.12.4", ensurepip=False, default=False)
    made_up.with_program("/usr/local/bin/uv")
    tool = {**BLACK, "python": "3.12"}
    assert steps(made_up, python_tools=[tool], python_pipx_source="system") == [
        ("system_package", "pipx"),
        ("system_package", "python3.12-venv"),
        ("tool", "black"),
    ]


@pytest.mark.parametrize(
    ("release", "packages"),
    [
        pytest.param("13", [], id="pipx can use uv"),
        pytest.param("11", [("system_package", "python3-venv")], id="no pipx for this Python can"),
    ],
)
def test_a_pipx_that_uv_is_going_to_make_needs_the_venv_package_where_it_uses_pip(
    made_up: MadeUpHost, release: str, packages: list[tuple[str, str]]
) -> None:
    made_up.with_debian(release).with_debian_python(ensurepip=False).with_program("/usr/local/bin/uv")
    assert steps(made_up, python_tools=[BLACK]) == [*packages, ("venv", OWN_PIPX), ("tool", "black")]


def test_a_tool_of_pip_is_refused_where_nothing_makes_its_environment(made_up: MadeUpHost) -> None:
    made_up.with_os_release("ID=plan9\nNAME=Plan\n").with_interpreter("3.13.5", ensurepip=False)
    made_up.with_own_program("pipx", "1.18.0")
    (refused,) = made_up.plan(python_tools=[BLACK]).refusals
    assert refused.message.startswith("For the tool black the interpreter /usr/bin/python3 is wanted, which lacks")


def test_uv_fills_a_tools_environment_of_any_python_without_the_venv_package(made_up: MadeUpHost) -> None:
    made_up.with_debian("13").with_debian_python().with_interpreter("3.12.4", ensurepip=False, default=False)
    made_up.with_own_program("pipx", "1.18.0").with_program("/usr/local/bin/uv")
    assert steps(made_up, python_tools=[{**BLACK, "python": "3.12"}]) == [("tool", "black")]


def test_an_own_pipx_that_uv_made_needs_the_venv_package_for_a_tool_of_pip(made_up: MadeUpHost) -> None:
    made_up.with_debian("13").with_debian_python(ensurepip=False).with_own_program("pipx", "1.18.0")
    made_up.with_program("/usr/local/bin/uv")
    assert steps(made_up, python_tools=[BLACK], **UV) == [("tool", "black")]
    assert steps(made_up, python_tools=[BLACK]) == [("tool", "black")]
    pip = steps(made_up, python_tools=[BLACK], python_installer="pip")
    assert pip == [("system_package", "python3-venv"), ("tool", "black")]


def test_pip_takes_over_what_uv_made_with_what_the_system_lacks(made_up: MadeUpHost) -> None:
    made_up.with_debian("13").with_debian_python(ensurepip=False)
    made_up.with_venv(VENV, INSTALLED, made_by="uv", receipt=entry_of(**FLASK))
    # The installer alone is no change.
    for installer in ("pip", "auto"):
        assert steps(made_up, python_venvs=[FLASK], python_installer=installer) == []
    more = {**FLASK, "packages": ["flask==3.0.3", "rich"]}
    assert steps(made_up, python_venvs=[more]) == [("system_package", "python3-venv"), ("venv", VENV)]
    assert made_up.plan(python_venvs=[more]).venvs[0].action == "update"
    # uv itself needs no pip in it.
    assert steps(made_up.with_program("/usr/local/bin/uv"), python_venvs=[more]) == [("venv", VENV)]


@pytest.mark.parametrize(
    ("keys", "settings", "installer"),
    [
        ({"pip_args": ["--no-deps"]}, {}, "uv"),
        ({"pip_args": ["--prefer-binary"]}, {}, "pip"),
        ({"pip_args": ["--prefer-binary"], "installer": "pip"}, {"python_installer": "uv"}, "pip"),
    ],
)
def test_arguments_that_uv_has_nothing_for_are_for_pip(
    debian: MadeUpHost, keys: dict[str, Any], settings: dict[str, Any], installer: str
) -> None:
    debian.with_program("/usr/local/bin/uv")
    planned = debian.plan(python_venvs=[{**FLASK, **keys}], **settings)
    assert [step.installer for step in planned.venvs] == [installer]


def test_arguments_that_uv_has_nothing_for_are_refused_where_uv_is_asked_for(debian: MadeUpHost) -> None:
    debian.with_program("/usr/local/bin/uv")
    arguments = ["--prefer-binary", "--ignore-requires-python"]
    planned = debian.plan(python_venvs=[{**FLASK, "pip_args": arguments, "installer": "uv"}])
    (refused,) = planned.refusals
    assert refused.message == f"{VENV}: uv has nothing for --prefer-binary, --ignore-requires-python in pip_args."
    assert "set installer: pip" in refused.advice
    assert not planned.steps


def test_a_tool_for_uv_where_there_is_none_is_refused(debian: MadeUpHost) -> None:
    planned = debian.plan(python_tools=[BLACK], python_installer="uv")
    (refused,) = planned.refusals
    assert refused.message == "The tool black asks for the installer uv, and this host has none."
    assert "python_uv: true" in refused.advice


def test_a_uv_in_somebodys_home_is_none_for_root(made_up: MadeUpHost) -> None:
    made_up.with_debian("13").with_debian_python().with_program("/root/.local/bin/uv")
    made_up.environ["PATH"] = f"/root/.local/bin:{made_up.environ['PATH']}"
    assert [step.installer for step in made_up.plan(python_venvs=[FLASK]).venvs] == ["pip"]
    assert steps(made_up, python_uv=True) == [("venv", OWN_UV)]
