"""The break-system-packages override: which file or variable wins, and what pip refuses."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import MadeUpHost
from pep668_provision.engine.ini_text import LARGEST
from pep668_provision.engine.pip_config import (
    Override,
    PipConfiguration,
    configuration_files,
    observe_configuration,
    observe_override,
)

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
        *[(word, True) for word in ("1", "y", "yes", "t", "true", "on", "True", "YES")],
        *[(word, False) for word in ("0", "n", "no", "f", "false", "off", "Off")],
    ],
)
def test_pip_understands_these_values(made_up: MadeUpHost, text: str, value: bool) -> None:
    assert override(made_up, {"/etc/pip.conf": f"[global]\nbreak-system-packages = {text}\n"}).value is value
    assert override(made_up, {}, {VARIABLE: text}) == Override(value, VARIABLE)


def test_blanks_around_a_value_count_in_a_variable_alone(made_up: MadeUpHost) -> None:
    assert override(made_up, {"/etc/pip.conf": "[global]\nbreak-system-packages =  on \n"}).value is True
    refused = override(made_up, {}, {VARIABLE: " on "}).refused
    assert refused == f"{VARIABLE} sets break-system-packages to ' on ', which pip refuses"


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
        pytest.param("[global]\n--Break-System-Packages = yes\n", True, id="as on the command line, in any case"),
        pytest.param("[DEFAULT]\nbreak-system-packages = yes\n", None, id="a default of no section"),
        pytest.param("[DEFAULT]\nbreak-system-packages = yes\n[install]\n", True, id="a default of a section"),
        pytest.param("[global]\nbreak-system-packages =\n", None, id="an empty value"),
        pytest.param(f"{ON}[install]\nbreak-system-packages =\n", True, id="an empty value hides no other section's"),
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


def test_a_commands_section_wins_over_global_in_a_later_file(made_up: MadeUpHost) -> None:
    files = {"/etc/pip.conf": "[install]\nbreak-system-packages = true\n", "/root/.config/pip/pip.conf": OFF}
    assert override(made_up, files) == Override(True, "/etc/pip.conf")


def test_an_empty_value_in_a_later_file_hides_the_earlier_one_of_its_section(made_up: MadeUpHost) -> None:
    files = {"/etc/pip.conf": ON, "/usr/pip.conf": "[global]\nbreak-system-packages =\n"}
    assert override(made_up, files) == Override()


def test_a_refused_value_counts_even_where_another_section_wins(made_up: MadeUpHost) -> None:
    bad = "[global]\nbreak-system-packages = maybe\n"
    assert override(made_up, {"/etc/pip.conf": bad}, {VARIABLE: "1"}).refused.startswith("/etc/pip.conf sets")


def test_a_refused_value_is_forgotten_where_a_later_file_has_the_same_section(made_up: MadeUpHost) -> None:
    bad = "[global]\nbreak-system-packages = maybe\n"
    assert override(made_up, {"/etc/pip.conf": bad, "/usr/pip.conf": ON}) == Override(True, "/usr/pip.conf")


@pytest.mark.parametrize("name", ["PIP_break_system_packages", "PIP_Break-System-Packages"])
def test_a_variable_is_known_in_any_spelling(made_up: MadeUpHost, name: str) -> None:
    assert override(made_up, {}, {name: "1"}) == Override(True, name)


def test_a_named_file_that_is_there_takes_the_place_of_the_users(made_up: MadeUpHost) -> None:
    files = {"/root/.pip/pip.conf": ON, "/root/.config/pip/pip.conf": ON, "/srv/named.conf": "[global]\n"}
    assert override(made_up, files, {"PIP_CONFIG_FILE": "/srv/named.conf"}) == Override()
    assert configuration_files(made_up.host, "/usr") == (
        "/etc/xdg/pip/pip.conf",
        "/etc/pip.conf",
        "/usr/pip.conf",
        "/srv/named.conf",
    )


def configuration(made_up: MadeUpHost, files: Mapping[str, str | bytes], **environ: str) -> PipConfiguration:
    for path, content in files.items():
        made_up.with_file(path, content)
    made_up.environ.update(environ)
    return observe_configuration(made_up.host, "/usr")


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        pytest.param("/etc/xdg/pip/pip.conf", True, id="the host's"),
        pytest.param("/etc/pip.conf", True, id="the host's own"),
        pytest.param("/usr/pip.conf", True, id="the interpreter's"),
        pytest.param("/root/.pip/pip.conf", False, id="the user's old one"),
        pytest.param("/root/.config/pip/pip.conf", False, id="the user's"),
    ],
)
def test_isolated_leaves_out_the_users_files(made_up: MadeUpHost, path: str, counts: bool) -> None:
    found = configuration(made_up, {path: ON})
    assert found.flag_of("break-system-packages", "install").value is True
    assert found.flag_of("break-system-packages", "install", isolated=True).value is (True if counts else None)


def test_isolated_leaves_out_variables_and_not_the_file_one_names(made_up: MadeUpHost) -> None:
    environ = {VARIABLE: "0", "PIP_CONFIG_FILE": "/srv/named.conf"}
    found = configuration(made_up, {"/srv/named.conf": ON}, **environ)
    assert found.flag_of("break-system-packages", "install") == Override(False, VARIABLE)
    assert found.flag_of("break-system-packages", "install", isolated=True) == Override(True, "/srv/named.conf")


@pytest.mark.parametrize(
    ("section", "install", "uninstall"),
    [("global", True, True), ("install", True, None), ("uninstall", None, True), ("download", None, None)],
)
def test_a_section_is_for_its_command(
    made_up: MadeUpHost, section: str, install: bool | None, uninstall: bool | None
) -> None:
    found = configuration(made_up, {"/etc/pip.conf": f"[{section}]\nbreak-system-packages = 1\n"})
    assert found.flag_of("break-system-packages", "install").value is install
    assert found.flag_of("break-system-packages", "uninstall").value is uninstall


def test_options_with_values_have_the_winning_source(made_up: MadeUpHost) -> None:
    text = "[global]\ntarget = /a\n[install]\ntarget = /b\n"
    found = configuration(made_up, {"/etc/pip.conf": text}, PIP_PREFIX="/c", PIP_ROOT="")
    target, prefix = found.text_of("target", "install"), found.text_of("prefix", "install")
    assert target is not None
    assert (target.value, target.source) == ("/b", "/etc/pip.conf")
    assert prefix is not None
    assert prefix.source == "PIP_PREFIX"
    assert found.text_of("root", "install") is None


def test_one_key_in_two_spellings_is_a_problem_of_the_newest_pips_alone(made_up: MadeUpHost) -> None:
    text = "[global]\nbreak-system-packages = 0\nbreak_system_packages = 1\n"
    found = configuration(made_up, {"/etc/pip.conf": text})
    (damaged,) = found.damaged
    assert (damaged.path, damaged.since) == ("/etc/pip.conf", "26.3")
    assert "already exists" in damaged.reason
    assert found.flag_of("break-system-packages", "install") == Override(True, "/etc/pip.conf")


def test_dev_null_as_the_configuration_file_switches_all_files_off(made_up: MadeUpHost) -> None:
    files = dict.fromkeys(ORDER, ON)
    assert override(made_up, files, {"PIP_CONFIG_FILE": "/dev/null"}) == Override()
    assert configuration_files(made_up.host, "/usr") == ()


def test_the_environment_counts_with_all_files_off(made_up: MadeUpHost) -> None:
    assert override(made_up, {}, {"PIP_CONFIG_FILE": "/dev/null", VARIABLE: "1"}).value is True


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("no section = 1\n", id="no section"),
        pytest.param("[global\n", id="half a section"),
        pytest.param("[global]\n[global]\nx=1\nx=2\n", id="a section twice"),
        pytest.param("[global]\nx=1\nx=2\n", id="a key twice"),
        pytest.param(b"[global]\nx=\xff\n", id="not UTF-8"),
        pytest.param(b"\xef\xbb\xbf[global]\n", id="a byte order mark"),
    ],
)
def test_a_damaged_file_is_a_problem_with_its_name(made_up: MadeUpHost, text: str | bytes) -> None:
    found = override(made_up, {"/etc/pip.conf": text})
    assert found.value is None
    assert found.problem.startswith("/etc/pip.conf is not a valid configuration file")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("no section = 1\n", "File contains no section headers", id="no section"),
        pytest.param(
            "[global]\nx=1\nx=2\n",
            "While reading from '/etc/pip.conf' [line  3]: option 'x' in section 'global' already exists",
            id="a key twice",
        ),
        pytest.param(b"[global]\nx=\xff\n", "it is not UTF-8", id="not UTF-8"),
        pytest.param(f"#{'x' * LARGEST}", f"it is larger than {LARGEST} bytes", id="very large"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_a_line(made_up: MadeUpHost, text: str | bytes, reason: str) -> None:
    found = override(made_up, {"/etc/pip.conf": text})
    assert found.problem == f"/etc/pip.conf is not a valid configuration file: {reason}"
    assert found.source == "/etc/pip.conf"


def test_a_line_on_what_is_wrong_is_no_page(made_up: MadeUpHost) -> None:
    found = configuration(made_up, {"/etc/pip.conf": f"[global]\n{'x' * 600}=1\n{'x' * 600}=2\n"})
    assert [len(one.reason) for one in found.damaged] == [500]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_may_end_as_on_another_system(made_up: MadeUpHost, end: str) -> None:
    text = f"[global]{end}break-system-packages = true{end}"
    assert override(made_up, {"/etc/pip.conf": text}) == Override(True, "/etc/pip.conf")


def test_what_is_no_file_is_passed_over(made_up: MadeUpHost) -> None:
    made_up.with_directory("/etc/pip.conf").with_link("/usr/pip.conf", "/nowhere")
    assert override(made_up, {"/root/.pip/pip.conf": ON}) == Override(True, "/root/.pip/pip.conf")


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
