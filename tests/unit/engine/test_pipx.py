"""pipx on made-up hosts: where it is, where its tools are, and what its records of every format say."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_host import ACCOUNTS, MadeUpHost, tool_of
from pep668_provision.engine.desired import IndexSettings
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.installer_pipx import (
    inject_arguments,
    install_arguments,
    pin_arguments,
    pipx_command,
    pipx_environment,
)
from pep668_provision.engine.pipx import Pipx, ToolSpace, find_pipx, links_into, parse_tool_record, tool_space

ALICE = next(account for account in ACCOUNTS if account.name == "alice")
OWN = "/opt/pep668-provision/pipx"
SPACE = ToolSpace(ALICE, "/opt/pipx", "/usr/local/bin", "/usr/local/share")

# The keys each format of pipx_metadata.json has in main_package; later ones add to earlier ones.
FORMAT_01: dict[str, Any] = {
    "package": "black",
    "package_or_url": "black[d]==24.1",
    "pip_args": [],
    "include_dependencies": False,
    "include_apps": True,
    "apps": ["black", "blackd"],
    "app_paths": [{"__type__": "Path", "__Path__": "/opt/pipx/venvs/black/bin/black"}],
    "apps_of_dependencies": ["dep-app"],
    "app_paths_of_dependencies": {"dep": []},
    "package_version": "24.1",
}
FORMAT_02 = {**FORMAT_01, "suffix": ""}
FORMAT_04 = {**FORMAT_02, "man_pages": [], "man_paths": [], "man_pages_of_dependencies": []}
FORMAT_05 = {**FORMAT_04, "pinned": True}


def record_text(main: Any, *, version: str, **keys: Any) -> str:
    return json.dumps(
        {
            "pipx_metadata_version": version,
            "main_package": main,
            "python_version": "Python 3.11.2",
            "venv_args": [],
            "injected_packages": {},
            **keys,
        }
    )


@pytest.mark.parametrize(
    ("version", "main", "keys", "pinned"),
    [
        pytest.param("0.1", FORMAT_01, {}, False, id="0.1"),
        pytest.param("0.2", FORMAT_02, {}, False, id="0.2"),
        pytest.param("0.3", FORMAT_04, {}, False, id="0.3"),
        pytest.param("0.4", FORMAT_04, {"source_interpreter": None}, False, id="0.4"),
        pytest.param("0.5", FORMAT_05, {"source_interpreter": {"__type__": "Path", "__Path__": "/x"}}, True, id="0.5"),
        pytest.param("9.9", {**FORMAT_05, "new": [1]}, {"backend": "uv"}, True, id="a later one"),
    ],
)
def test_a_record_of_any_format_is_read(version: str, main: Any, keys: dict[str, Any], pinned: bool) -> None:
    found = parse_tool_record(record_text(main, version=version, **keys))
    assert found is not None
    assert (found.main.name, found.main.spec, found.main.version) == ("black", "black[d]==24.1", "24.1")
    assert found.main.apps == ("black", "blackd")
    assert (found.python_version, found.pinned, found.include_deps) == ("3.11.2", pinned, False)


def test_injected_packages_and_apps_of_dependencies_are_read() -> None:
    plugin = {**FORMAT_05, "package": "My_Plugin", "package_or_url": "my-plugin>=1", "include_apps": False}
    main = {**FORMAT_05, "include_dependencies": True}
    found = parse_tool_record(record_text(main, version="0.5", injected_packages={"My_Plugin": plugin}))
    assert found is not None
    assert found.main.apps == ("black", "blackd", "dep-app")
    assert [(name, one.spec, one.apps) for name, one in found.injected.items()] == [("my-plugin", "my-plugin>=1", ())]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '"text"',
        "[" * 100_000,
        record_text(None, version="0.5"),
        record_text([], version="0.5"),
        record_text({}, version="0.5"),
        record_text(FORMAT_05, version="0.5", injected_packages=[1]),
        record_text(FORMAT_05, version="0.5", injected_packages={"a": None}),
        record_text(FORMAT_05, version="0.5")[:-20],
    ],
)
def test_a_damaged_record_is_none(text: str) -> None:
    assert parse_tool_record(text) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(FORMAT_05)), JSON, st.sampled_from(["injected_packages", "python_version"]), JSON)
def test_no_record_makes_the_engine_crash(key: str, value: Any, outer: str, outer_value: Any) -> None:
    parse_tool_record(record_text({**FORMAT_05, key: value}, version="0.5", **{outer: outer_value}))
    parse_tool_record(json.dumps(value))


@given(st.sampled_from(sorted(FORMAT_05)), JSON)
def test_no_record_makes_planning_crash(key: str, value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made_up = MadeUpHost(Path(folder)).with_debian("12").with_debian_python().with_pipx("1.7.1")
        made_up.with_tool("black", "24.1")
        text = record_text({**FORMAT_05, key: value}, version="0.5")
        made_up.with_file("/opt/pipx/venvs/black/pipx_metadata.json", text)
        made_up.plan(python_tools=[{"name": "black", "spec": "black[d]>=24"}])


@pytest.mark.parametrize("version", ["1.1.0", "1.7.1"])
def test_the_distributions_pipx_is_found_with_its_version(made_up: MadeUpHost, version: str) -> None:
    assert find_pipx(made_up.with_pipx(version).host, OWN) == (Pipx("/usr/bin/pipx", version),)
    assert made_up.runner.started == []


def test_the_projects_own_pipx_comes_first_and_once(debian: MadeUpHost) -> None:
    debian.with_own_program("pipx", "1.15.0")
    assert find_pipx(debian.host, OWN) == (Pipx(f"{OWN}/bin/pipx", "1.15.0"), Pipx("/usr/bin/pipx", "1.1.0"))


def test_a_pipx_installed_by_pip_is_found(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.9.2").with_program("/usr/local/bin/pipx")
    made_up.with_distributions("/usr/local/lib/python3.9/dist-packages", {"pipx": "1.4.3"})
    assert find_pipx(made_up.host, OWN) == (Pipx("/usr/local/bin/pipx", "1.4.3"),)


def test_a_pipx_without_a_version_is_still_one(made_up: MadeUpHost) -> None:
    found = find_pipx(made_up.with_program("/usr/local/bin/pipx").host, OWN)
    assert found == (Pipx("/usr/local/bin/pipx", ""),)
    assert not found[0].is_at_least("0.1")


@pytest.mark.parametrize(
    ("existing", "version", "home"),
    [
        pytest.param((), "1.1.0", ".local/pipx", id="old pipx"),
        pytest.param((), "1.3.0", ".local/share/pipx", id="new pipx"),
        pytest.param((), "", ".local/share/pipx", id="unknown version"),
        pytest.param((), None, ".local/share/pipx", id="no pipx yet"),
        pytest.param((".local/pipx",), "1.15.0", ".local/pipx", id="new pipx, old home is there"),
        pytest.param((".local/share/pipx",), "1.1.0", ".local/share/pipx", id="old pipx, new home is there"),
        pytest.param((".local/pipx", ".local/share/pipx"), "1.15.0", ".local/pipx", id="both are there"),
    ],
)
def test_a_users_tools_are_where_the_pipx_at_hand_has_them(
    made_up: MadeUpHost, existing: tuple[str, ...], version: str | None, home: str
) -> None:
    for folder in existing:
        made_up.with_directory(f"{ALICE.home}/{folder}")
    pipx = None if version is None else Pipx("/usr/bin/pipx", version)
    found = tool_space(made_up.host, ALICE, "user", pipx)
    assert (found.home, found.bin_dir) == (f"{ALICE.home}/{home}", f"{ALICE.home}/.local/bin")


@pytest.mark.parametrize("version", ["1.1.0", "1.7.1", "1.15.0"])
def test_global_tools_are_in_the_same_place_for_every_pipx(made_up: MadeUpHost, version: str) -> None:
    space = tool_space(made_up.host, ALICE, "global", Pipx("/usr/bin/pipx", version))
    env = pipx_environment(made_up.host, space, IndexSettings(), prefix="/opt/pipx/venvs/black", backend="")
    assert {name: env[name] for name in ("PIPX_HOME", "PIPX_BIN_DIR", "PIPX_MAN_DIR")} == {
        "PIPX_HOME": "/opt/pipx",
        "PIPX_BIN_DIR": "/usr/local/bin",
        "PIPX_MAN_DIR": "/usr/local/share/man",
    }


def test_only_links_into_the_environment_are_its_own(debian: MadeUpHost) -> None:
    debian.with_tool("black", "24.1").with_tool("black-plus", "1.0").with_program("/usr/local/bin/mine")
    debian.with_link("/usr/local/bin/gone", "/opt/pipx/venvs/black/bin/gone")
    debian.with_link("/usr/local/share/man/man1/black.1", "/opt/pipx/venvs/black/share/man/man1/black.1")
    assert set(links_into(debian.host, SPACE, "/opt/pipx/venvs/black")) == {
        "/usr/local/bin/black",
        "/usr/local/bin/gone",
        "/usr/local/share/man/man1/black.1",
    }


@pytest.mark.parametrize(
    ("keys", "python", "expected"),
    [
        ({}, "", ("install", "black")),
        ({"spec": "black[d]==24.1"}, "", ("install", "black[d]==24.1")),
        ({"suffix": "@24"}, "", ("install", "--suffix=@24", "black")),
        (
            {"include_deps": True},
            "/usr/bin/python3.12",
            ("install", "--include-deps", "--python=/usr/bin/python3.12", "black"),
        ),
    ],
)
def test_installing_is_spelt_as_every_pipx_understands_it(
    keys: dict[str, Any], python: str, expected: tuple[str, ...]
) -> None:
    assert install_arguments(tool_of(name="black", **keys), python=python) == expected


def test_other_commands_name_the_tools_environment() -> None:
    entry = tool_of(name="Black", suffix="@24")
    assert inject_arguments(entry, ("plugin>=1",)) == ("inject", "black@24", "plugin>=1")
    assert pin_arguments(entry, pinned=True) == ("pin", "black@24")
    assert pin_arguments(entry, pinned=False) == ("unpin", "black@24")


def test_credentials_reach_pipx_by_its_environment_alone(made_up: MadeUpHost) -> None:
    index = IndexSettings(index_url="https://index.test/simple", username="me", password="s3cret")
    env = pipx_environment(
        made_up.host, SPACE, index, prefix="/opt/pipx/venvs/black", backend="uv", uv="/opt/uv/bin/uv"
    )
    command = pipx_command(
        Pipx("/usr/bin/pipx", "1.7.1"), SPACE, install_arguments(tool_of(name="black"), python=""), env
    )
    assert env["PIP_INDEX_URL"] == "https://me:s3cret@index.test/simple"
    assert env["UV_DEFAULT_INDEX"] == "https://me:s3cret@index.test/simple"
    assert env["PIPX_DEFAULT_BACKEND"] == "uv"
    assert str(env["PATH"]).startswith("/opt/uv/bin:")
    assert "s3cret" not in " ".join(command.argv)
    assert command.account == ALICE


def test_the_callers_settings_do_not_lead_pipx_astray(made_up: MadeUpHost) -> None:
    made_up.environ["PIP_CONSTRAINT"] = "/etc/limits.txt"
    env = pipx_environment(
        *(made_up.host, SPACE, IndexSettings()),
        prefix="/opt/pipx/venvs/black",
        backend="",
        uv="/usr/bin/uv",
        pins_file="/tmp/pins.txt",
        upgrade=True,
    )
    assert (env["PIP_CONSTRAINT"], env["PIP_UPGRADE"], env["PIP_USER"]) == ("/tmp/pins.txt", "1", "0")
    assert env["UV_CONSTRAINT"] == "/tmp/pins.txt /etc/limits.txt"
    assert [env[name] for name in ("PIPX_SHARED_LIBS", "PIPX_DEFAULT_PYTHON", "PIPX_DEFAULT_BACKEND")] == [None] * 3


def test_a_tool_is_set_aside_where_pipx_does_not_look() -> None:
    entry = tool_of(name="Black", suffix="@24")
    assert SPACE.venv_path(entry) == "/opt/pipx/venvs/black@24"
    assert not SPACE.aside_path(entry).startswith("/opt/pipx/venvs/")
    assert replace(SPACE, home="/x").venv_path(entry) == "/x/venvs/black@24"


def test_an_account_without_a_home_can_have_no_tools_of_its_own(made_up: MadeUpHost) -> None:
    with pytest.raises(ProvisionError, match="has the home '', which is no directory that tools could be in"):
        tool_space(made_up.host, replace(ALICE, home=""), "user", None)
    assert tool_space(made_up.host, replace(ALICE, home=""), "global", None).home == "/opt/pipx"
