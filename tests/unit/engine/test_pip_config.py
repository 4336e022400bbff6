"""The break-system-packages override: which file or variable wins, and what pip refuses."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import MadeUpHost
from pep668_provision.engine.pip_config import Override, configuration_files, observe_override

ON, OFF = "[global]\nbreak-system-packages = true\n", "[global]\nbreak-system-packages = false\n"
VARIABLE = "PIP_BREAK_SYSTEM_PACKAGES"


def override(
    made_up: MadeUpHost, files: Mapping[str, str | bytes], environ: Mapping[str, str] | None = None
) -> Override:
    for path, content in files.items():
        made_up.with_file(path, content)
    made_up.environ.update(environ or {})
    return observe_override(made_up.host, "/usr")


ORDER = [
    "/etc/xdg/pip/pip.conf",
    "/etc/pip.conf",
    "/root/.pip/pip.conf",
    "/root/.config/pip/pip.conf",
    "/usr/pip.conf",
    "/srv/named.conf",
]


@pytest.mark.parametrize("path", ORDER)
def test_every_file_that_pip_reads_counts(made_up: MadeUpHost, path: str) -> None:
    assert override(made_up, {path: ON}, {"PIP_CONFIG_FILE": "/srv/named.conf"}) == Override(True, path)


@pytest.mark.parametrize(("earlier", "later"), [(ORDER[n], ORDER[n + 1]) for n in range(5)])
@pytest.mark.parametrize(("first", "second", "value"), [(ON, OFF, False), (OFF, ON, True)], ids=["off wins", "on wins"])
def test_a_later_file_wins(made_up: MadeUpHost, earlier: str, later: str, first: str, second: str, value: bool) -> None:
    found = override(made_up, {earlier: first, later: second}, {"PIP_CONFIG_FILE": "/srv/named.conf"})
    assert found == Override(value, later)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, True) for word in ("1", "y", "yes", "t", "true", "on", "True", "YES", " on ")],
        *[(word, False) for word in ("0", "n", "no", "f", "false", "off", "Off")],
    ],
)
def test_pip_understands_these_values(made_up: MadeUpHost, text: str, value: bool) -> None:
    assert override(made_up, {"/etc/pip.conf": f"[global]\nbreak-system-packages = {text}\n"}).value is value
    assert override(made_up, {}, {VARIABLE: text}) == Override(value, VARIABLE)


@pytest.mark.parametrize("text", ["maybe", "2", "tru e", "-"])
def test_a_value_that_pip_refuses_is_a_problem(made_up: MadeUpHost, text: str) -> None:
    found = override(made_up, {"/etc/pip.conf": f"[install]\nbreak-system-packages = {text}\n"})
    assert (found.value, found.source) == (None, "/etc/pip.conf")
    assert text in found.refused


@pytest.mark.parametrize(
    ("content", "value"),
    [
        pytest.param("[install]\nbreak-system-packages = yes\n", True, id="section install"),
        pytest.param("[global]\nbreak_system_packages = yes\n", True, id="with underscores"),
        pytest.param("[uninstall]\nbreak-system-packages = yes\n", None, id="another command's section"),
        pytest.param(f"{OFF}[install]\nbreak-system-packages=yes\n", True, id="install wins"),
        pytest.param(f"[install]\nbreak-system-packages=yes\n{OFF}", True, id="either order"),
        pytest.param("[global]\nindex-url = https://x\n", None, id="nothing said"),
        pytest.param("", None, id="an empty file"),
        pytest.param("[global]\nbreak-system-packages = %(x)s1\n", None, id="no interpolation"),
    ],
)
def test_a_section_counts_for_install(made_up: MadeUpHost, content: str, value: bool | None) -> None:
    assert override(made_up, {"/etc/pip.conf": content}).value is value


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        pytest.param("0", Override(False, VARIABLE), id="off beats a file's on"),
        pytest.param("1", Override(True, VARIABLE), id="on"),
        pytest.param("", Override(True, "/etc/pip.conf"), id="an empty one is ignored"),
    ],
)
def test_the_environment_wins_over_files(made_up: MadeUpHost, variable: str, expected: Override) -> None:
    assert override(made_up, {"/etc/pip.conf": ON}, {VARIABLE: variable}) == expected


def test_dev_null_as_the_configuration_file_switches_all_files_off(made_up: MadeUpHost) -> None:
    files = dict.fromkeys(ORDER, ON)
    assert override(made_up, files, {"PIP_CONFIG_FILE": "/dev/null"}) == Override()
    assert configuration_files(made_up.host, "/usr") == ()


def test_the_environment_counts_with_all_files_off(made_up: MadeUpHost) -> None:
    assert override(made_up, {}, {"PIP_CONFIG_FILE": "/dev/null", VARIABLE: "1"}).value is True


@pytest.mark.parametrize("text", ["no section = 1\n", "[global\n", "[global]\n[global]\nx=1\nx=2\n"])
def test_a_damaged_file_is_a_problem_with_its_name(made_up: MadeUpHost, text: str) -> None:
    found = override(made_up, {"/etc/pip.conf": text})
    assert found.value is None
    assert found.problem.startswith("/etc/pip.conf is not a valid configuration file")


def test_where_configuration_lies_follows_the_environment(made_up: MadeUpHost) -> None:
    made_up.environ.update(HOME="/home/alice", XDG_CONFIG_HOME="/home/alice/conf", XDG_CONFIG_DIRS="/a:/b")
    assert configuration_files(made_up.host, "/opt/py") == (
        "/a/pip/pip.conf",
        "/b/pip/pip.conf",
        "/etc/pip.conf",
        "/home/alice/.pip/pip.conf",
        "/home/alice/conf/pip/pip.conf",
        "/opt/py/pip.conf",
    )


def test_without_a_home_in_the_environment_it_is_the_accounts(made_up: MadeUpHost) -> None:
    del made_up.environ["HOME"]
    assert "/root/.pip/pip.conf" in configuration_files(made_up.host, "/usr")


@given(st.binary(max_size=120), st.text(max_size=20, alphabet=st.characters(blacklist_characters="\x00")))
def test_no_configuration_makes_the_engine_crash(content: bytes, variable: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made_up = MadeUpHost(Path(folder)).with_file("/etc/pip.conf", content)
        made_up.with_file("/root/.pip/pip.conf", b"[global]\n" + content).environ[VARIABLE] = variable
        found = observe_override(made_up.host, "/usr")
        assert found.value in (True, False, None)
