"""Distributions: from os-release texts to a family, and from needs to the names of packages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import MadeUpHost
from pep668_provision.engine.distro import FAMILIES, identify, observe_distribution, parse_os_release
from pep668_provision.engine.requirement import normalize_name

BOOKWORM = """PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
"""
SID = 'PRETTY_NAME="Debian GNU/Linux forky/sid"\nNAME="Debian GNU/Linux"\nVERSION_CODENAME=forky\nID=debian\n'
NOBLE = 'NAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n'
MINT = 'NAME="Linux Mint"\nVERSION_ID="21.3"\nID=linuxmint\nID_LIKE="ubuntu debian"\n'
RASPBIAN = "NAME='Raspbian GNU/Linux'\nVERSION_ID='11'\nID=raspbian\nID_LIKE=debian\n"
PLAN = "ID=plan9\nNAME=Plan\n"


@pytest.mark.parametrize(
    ("text", "identity", "version", "family"),
    [
        pytest.param(BOOKWORM, "debian", "12", "debian", id="Debian 12"),
        pytest.param(SID, "debian", "", "debian", id="Debian unstable, without a number"),
        pytest.param(NOBLE, "ubuntu", "24.04", "debian", id="Ubuntu"),
        pytest.param(MINT, "linuxmint", "21.3", "debian", id="a derivative of a derivative"),
        pytest.param(RASPBIAN, "raspbian", "11", "debian", id="quoted by single quotes"),
        pytest.param(PLAN, "plan9", "", None, id="unknown"),
        pytest.param("", "unknown", "", None, id="empty"),
        pytest.param("ID=DEBIAN\n", "debian", "", "debian", id="capitals"),
        pytest.param("ID=x\nID_LIKE=DEBIAN\n", "x", "", "debian", id="capitals in ID_LIKE"),
    ],
)
def test_a_distribution_is_known_by_its_os_release(text: str, identity: str, version: str, family: str | None) -> None:
    found = identify(text)
    assert (found.id, found.version, found.family.name if found.family else None) == (identity, version, family)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("A=b\n# comment\n\n C = d\nE='f g'\n", {"A": "b", "E": "f g"}, id="comments and blanks"),
        pytest.param('A="b\\"c"\n', {"A": 'b"c'}, id="escapes"),
        pytest.param("A=\nB\n", {"A": ""}, id="nothing after the sign, no sign"),
        pytest.param('A="open\nB=c\n', {"B": "c"}, id="a quote that is not closed"),
        pytest.param("A-B=c\n1=2\n", {}, id="names that are none"),
        pytest.param("A=1\nA=2\n", {"A": "2"}, id="the last one counts"),
        pytest.param("A=b\r\n", {"A": "b"}, id="line ends of another system"),
    ],
)
def test_os_release_is_read_line_by_line(text: str, expected: dict[str, str]) -> None:
    assert parse_os_release(text) == expected


@given(st.text(max_size=300))
def test_no_os_release_makes_the_engine_crash(text: str) -> None:
    assert identify(text).id
    assert identify(f"ID=debian\nVERSION_ID={text}").packages_pipx() in (True, False)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00ID", b"ID=debian\n\xff=\xff\n", b""])
def test_binary_files_are_read_too(made_up: MadeUpHost, data: bytes) -> None:
    assert observe_distribution(made_up.with_file("/etc/os-release", data).host).id


def test_etc_comes_before_usr_lib(made_up: MadeUpHost) -> None:
    made_up.with_file("/usr/lib/os-release", BOOKWORM)
    assert observe_distribution(made_up.host).id == "debian"
    assert observe_distribution(made_up.with_file("/etc/os-release", NOBLE).host).id == "ubuntu"


def test_os_release_is_a_link_as_distributions_have_it(made_up: MadeUpHost) -> None:
    made_up.with_file("/usr/lib/os-release", BOOKWORM).with_link("/etc/os-release", "../usr/lib/os-release")
    assert observe_distribution(made_up.host).version == "12"


def test_a_host_without_os_release_is_unknown(made_up: MadeUpHost) -> None:
    found = observe_distribution(made_up.host)
    assert (found.id, found.family, found.packages_pipx()) == ("unknown", None, False)


@pytest.mark.parametrize(
    ("identity", "version", "packaged"),
    [
        ("debian", "10", False),
        ("debian", "11", False),
        ("debian", "11.9", False),
        ("debian", "12", True),
        ("debian", "13", True),
        ("debian", "", True),
        ("debian", "12\u00b9", False),
        ("ubuntu", "18.04", False),
        ("ubuntu", "20.04", True),
        ("ubuntu", "24.04", True),
    ],
)
def test_pipx_is_packaged_since(identity: str, version: str, packaged: bool) -> None:
    assert identify(f"ID={identity}\nVERSION_ID={version}\n").packages_pipx() is packaged


@pytest.mark.parametrize(
    ("release", "is_default", "package"),
    [("3.11", True, "python3-venv"), ("3.12", False, "python3.12-venv"), ("3.11", False, "python3.11-venv")],
)
def test_making_environments_takes_a_package(release: str, is_default: bool, package: str) -> None:
    assert identify(BOOKWORM).venv_package(release, is_default=is_default) == package
    assert not identify(PLAN).venv_package(release, is_default=is_default)


def test_another_implementation_has_its_own_package() -> None:
    assert identify(BOOKWORM).venv_package("3.11", is_default=False, implementation="pypy") == "pypy3-venv"
    assert not identify(BOOKWORM).venv_package("3.11", is_default=False, implementation="graalpy")


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("requests", "python3-requests"),
        ("typing-extensions", "python3-typing-extensions"),
        ("pyyaml", "python3-yaml"),
        ("pillow", "python3-pil"),
    ],
)
def test_a_library_has_a_package(name: str, package: str) -> None:
    assert identify(BOOKWORM).library_package(name) == package
    assert not identify(PLAN).library_package(name)


def test_irregular_names_are_looked_up_as_they_are_normalised() -> None:
    for family in FAMILIES:
        assert [name for name in family.irregular_libraries if normalize_name(name) != name] == []


def test_the_hint_is_the_command_to_type() -> None:
    assert identify(BOOKWORM).install_hint(("pipx", "python3-venv")) == (
        "apt-get install --no-install-recommends pipx python3-venv"
    )
    assert "pipx" in identify(PLAN).install_hint(("pipx",))


def test_an_unknown_system_has_no_packages_of_interpreters() -> None:
    assert identify("ID=guix\n").interpreter_package("3.12") == ""
    assert identify("ID=debian\n").interpreter_package("3.12") == "python3.12"


def test_an_absurd_value_is_passed_over() -> None:
    assert parse_os_release(f"NAME={'a' * 5000}\nID=debian\n") == {"ID": "debian"}
