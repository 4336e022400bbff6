"""Tools that an audit finds broken, behind other programs or off the PATH, on made-up hosts."""

from __future__ import annotations

import os
from typing import Any

import pytest

import audited
from made_up_host import ACCOUNTS, MadeUpHost
from pep668_provision.engine.desired import validate
from pep668_provision.engine.login_directories import read_login_directories

TOOL_RULES = ("EM501", "EM502", "EM503", "EM504")
ALICE = next(account for account in ACCOUNTS if account.name == "alice")
OLD, NEW, BIN = "/home/alice/.local/pipx", "/home/alice/.local/share/pipx", "/home/alice/.local/bin"
DEBIAN_PROFILE = """if [ -f "$HOME/.bashrc" ]; then
    . "$HOME/.bashrc"
fi
if [ -d "$HOME/.local/bin" ] ; then
    PATH="$HOME/.local/bin:$PATH"
fi
"""
DEBIAN_SYSTEM_PROFILE = """if [ "$(id -u)" -eq 0 ]; then
  PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
else
  PATH="/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
fi
export PATH
"""


def report(made_up: MadeUpHost, *accounts: str) -> dict[str, Any]:
    return audited.audit(made_up, *TOOL_RULES, roots=["/opt", "/home"], accounts=list(accounts or ("root", "alice")))


def audit(made_up: MadeUpHost) -> list[dict[str, Any]]:
    """The findings about tools; nothing but an interpreter was started for them."""
    found: list[dict[str, Any]] = report(made_up)["findings"]
    assert all("python" in program for program in made_up.runner.started)
    return found


def subjects(made_up: MadeUpHost) -> list[tuple[str, str]]:
    return [(one["id"], one["subject"]) for one in audit(made_up)]


def arguments_of(found: dict[str, Any]) -> dict[str, Any]:
    """The arguments of its only repair, which the module accepts."""
    (repair,) = found["repairs"]
    assert repair["module"] == "tool"
    arguments: dict[str, Any] = repair["arguments"]
    shared = {"scope": arguments["scope"], "user": arguments.get("user", "")}
    validate({"python_tools": [{**one, **shared} for one in arguments["tools"]]})
    return arguments


@pytest.fixture
def homes(debian: MadeUpHost) -> MadeUpHost:
    """A made-up Debian 12 whose root and alice have homes with its startup files."""
    for account in (*ACCOUNTS[:1], ALICE):
        debian.with_directory(account.home)
    debian.with_file("/etc/profile", DEBIAN_SYSTEM_PROFILE)
    return debian.with_file("/home/alice/.profile", DEBIAN_PROFILE).with_file("/home/alice/.bashrc", "# mine\n")


def test_whole_tools_are_no_finding(homes: MadeUpHost) -> None:
    homes.with_tool("black", "24.1", apps=("black", "blackd")).with_tool("httpie", "3.2", suffix="@3")
    homes.with_tool("yamllint", "1.35", home=OLD, bin_dir=BIN, inject={"pyyaml": "6.0"})
    assert audit(homes) == []
    assert report(homes)["unread"] == []


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        pytest.param("bin/python", "bin/python is missing", id="no python"),
        pytest.param("bin/black", "its command black is missing", id="no command"),
        pytest.param("lib/python3.11/site-packages/black-24.1.dist-info", "black is missing from its", id="no package"),
        pytest.param("pipx_metadata.json", "pipx_metadata.json is missing or damaged", id="no record"),
    ],
)
def test_a_tool_with_a_part_gone_is_installed_again(homes: MadeUpHost, gone: str, said: str) -> None:
    homes.with_tool("black", "24.1", spec="black" if "json" in gone else "black[d]==24.1", packages={"click": "8.1"})
    (found,) = audit(homes.without(f"/opt/pipx/venvs/black/{gone}"))
    assert (found["id"], found["severity"], found["subject"]) == ("EM501", "error", "/opt/pipx/venvs/black")
    assert said in found["evidence"]
    assert "PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx reinstall black" in found["remedy"]
    declared: dict[str, Any] = {"name": "black"} if "json" in gone else {"name": "black", "spec": "black[d]==24.1"}
    assert arguments_of(found) == {"scope": "global", "tools": [declared]}
    assert found["repairs"][0]["keeps"] == ["/opt/pipx/venvs/black"]


def test_a_tool_is_declared_as_it_was_installed(homes: MadeUpHost) -> None:
    homes.with_interpreter("3.12.1", prefix="/usr/local", default=False)
    homes.with_tool("black", "24.1", home=OLD, bin_dir=BIN, suffix="@24", python="3.12", include_deps=True, pinned=True)
    (found,) = audit(homes.without(f"{OLD}/venvs/black@24/bin/black"))
    assert arguments_of(found) == {
        "scope": "user",
        "user": "alice",
        "tools": [{"name": "black", "suffix": "@24", "include_deps": True, "pinned": True, "python": "3.12"}],
    }
    assert "as alice: PIPX_HOME=" in found["remedy"]


def test_the_planned_repair_of_a_broken_tool_leaves_nothing_to_find(homes: MadeUpHost) -> None:
    homes.with_tool("black", "24.1").without("/opt/pipx/venvs/black/bin/black")
    (found,) = audit(homes)
    arguments = arguments_of(found)
    (step,) = homes.plan(python_tools=[{**one, "scope": "global"} for one in arguments["tools"]]).tools
    assert (step.action, step.observed.state.kept if step.observed.state else None) == ("rebuild", {"black": "24.1"})


@pytest.mark.parametrize("link", ["", "/nowhere"])
def test_a_command_without_its_link_is_linked_again(homes: MadeUpHost, link: str) -> None:
    homes.with_tool("black", "24.1").without("/usr/local/bin/black")
    if link:
        homes.with_link("/usr/local/bin/black", link)
    (found,) = audit(homes)
    assert (found["id"], found["subject"]) == ("EM501", "/opt/pipx/venvs/black")
    assert "/usr/local/bin/black is missing, or leads nowhere" in found["evidence"]
    arguments_of(found)


def test_links_of_tools_that_were_removed_by_hand_are_named(homes: MadeUpHost) -> None:
    homes.with_tool("black", "24.1").without("/opt/pipx/venvs/black")
    homes.with_link("/usr/local/bin/other", "/nowhere")
    (found,) = audit(homes)
    assert (found["id"], found["subject"], found["repairs"]) == ("EM501", "/usr/local/bin/black", [])
    assert "rm /usr/local/bin/black" in found["remedy"]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param("git+https://me:secret@git.example/black", id="a login"),
        pytest.param("./black", id="a relative path"),
        pytest.param("black-fork", id="another distribution"),
    ],
)
def test_what_nobody_can_ask_for_again_is_left_to_its_owner(homes: MadeUpHost, spec: str) -> None:
    homes.with_tool("black", "24.1", spec=spec).without("/opt/pipx/venvs/black/bin/python")
    (found,) = audit(homes)
    assert found["repairs"] == []
    assert "secret" not in str(found)


def test_a_home_that_the_module_does_not_use_is_left_to_its_owner(homes: MadeUpHost) -> None:
    homes.environ["PIPX_HOME"] = "/srv/pipx"
    homes.with_tool("black", "24.1", home=OLD, bin_dir=BIN).with_tool("isort", "5", home=NEW, bin_dir=BIN)
    homes.with_tool("httpie", "3.2", home="/srv/pipx", bin_dir="/root/.local/bin")
    homes.without(f"{NEW}/venvs/isort/bin/python").without("/srv/pipx/venvs/httpie/bin/python")
    httpie, isort = sorted((one for one in audit(homes) if one["id"] == "EM501"), key=lambda one: "isort" in str(one))
    assert httpie["repairs"] == isort["repairs"] == []
    assert f"PIPX_HOME={NEW} PIPX_BIN_DIR={BIN} pipx reinstall isort" in isort["remedy"]


@pytest.mark.parametrize("file", ["/etc/environment", "/home/alice/.profile"])
def test_homes_that_files_of_logins_name_are_read_with_their_commands(homes: MadeUpHost, file: str) -> None:
    homes.with_tool("black", "24.1", bin_dir="/opt/pipx_bin").with_file(file, 'PIPX_HOME="/opt/pipx"\n')
    with homes.real(file).open("a") as stream:
        stream.write("export PIPX_BIN_DIR=/opt/pipx_bin/\n")
    assert audit(homes) == []
    (found,) = audit(homes.without("/opt/pipx_bin/black"))
    assert "/opt/pipx_bin/black is missing" in found["evidence"]
    assert found["repairs"] == []
    # Named where they are anyway, they are the module's.
    homes.with_file(file, "export PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin\n")
    (found,) = audit(homes)
    arguments_of(found)


def test_hostile_records_and_links_lead_nowhere(homes: MadeUpHost) -> None:
    homes.with_tool("black", "24.1", home=OLD, bin_dir=BIN).without(f"{OLD}/venvs/black/pipx_metadata.json")
    os.mkfifo(homes.real(f"{OLD}/venvs/black/pipx_metadata.json"))
    homes.with_link(f"{OLD}/venvs/loop", "loop").with_directory(f"{OLD}/venvs/Bad\nName")
    homes.with_link(f"{BIN}/evil", f"{OLD}/venvs/\x1b[2J")
    found = audit(homes)
    assert [one["id"] for one in found] == ["EM501", "EM501"]
    assert "\x1b" not in str([one["evidence"] + one["remedy"] + one["subject"] for one in found])
    assert [one["what"] for one in report(homes)["unread"]] == [f"{OLD}/venvs/Bad\nName"]


# EM502


def test_a_tool_behind_another_program_is_named_with_it(homes: MadeUpHost) -> None:
    homes.with_tool("black", "24.1").with_program("/usr/local/sbin/black").with_program("/usr/bin/black")
    (found,) = audit(homes)
    assert (found["id"], found["severity"], found["subject"]) == ("EM502", "warning", "/usr/local/bin/black")
    assert "gets /usr/local/sbin/black, another file" in found["evidence"]
    assert found["repairs"] == []
    # A link to the same is the same.
    homes.without("/usr/local/sbin/black").with_link("/usr/local/sbin/black", "/opt/pipx/venvs/black/bin/black")
    assert audit(homes) == []


def test_a_command_that_is_not_the_tools_is_named(homes: MadeUpHost) -> None:
    homes.with_tool("black", "24.1", links=False).with_program("/usr/local/bin/black")
    (found,) = audit(homes)
    assert (found["id"], found["subject"]) == ("EM502", "/usr/local/bin/black")
    assert "is not the command of the tool black" in found["evidence"]


def test_what_comes_first_depends_on_where_the_account_has_its_directory(homes: MadeUpHost) -> None:
    homes.with_tool("black", "24.1", home=OLD, bin_dir=BIN).with_program("/usr/bin/black")
    assert audit(homes) == []
    # As pipx ensurepath puts it there.
    homes.with_file("/home/alice/.profile", f'export PATH="$PATH:{BIN}"\n')
    (found,) = audit(homes)
    assert (found["id"], found["subject"]) == ("EM502", f"{BIN}/black")
    assert "logs in as alice and types black gets /usr/bin/black" in found["evidence"]


# EM503


def test_a_directory_off_the_path_is_put_there_by_providing_a_tool(homes: MadeUpHost) -> None:
    homes.with_tool("black", "24.1", home=OLD, bin_dir=BIN).with_file("/home/alice/.profile", "# mine\n")
    (found,) = audit(homes)
    assert (found["id"], found["severity"], found["subject"]) == ("EM503", "warning", BIN)
    assert "/etc/profile, /home/alice/.profile" in found["evidence"]
    assert arguments_of(found) == {"scope": "user", "user": "alice", "tools": [{"name": "black"}]}
    assert found["repairs"][0]["keeps"] == ["/home/alice/.profile"]
    (step,) = homes.plan(python_tools=[{"name": "black", "scope": "user", "user": "alice"}]).tools
    assert step.action == "link"


def test_an_account_without_a_shell_types_nothing(homes: MadeUpHost) -> None:
    homes.with_tool("black", "24.1", home="/srv/app/.local/pipx", bin_dir="/srv/app/.local/bin")
    assert report(homes, "app")["findings"] == []


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        (".profile", 'PATH="$HOME/.local/bin:$PATH"', "first"),
        (".profile", "export PATH=~/.local/bin:$PATH", "first"),
        (".profile", "export PATH=$PATH:${HOME}/.local/bin", "last"),
        (".profile", 'PATH="${PATH:+${PATH}:}/home/alice/.local/bin"; export PATH', "last"),
        (".profile", 'PATH="$HOME/.local/bin"${PATH:+:${PATH}}', "first"),
        (".profile", '  *) PATH="$HOME/.local/bin:$PATH" ;;', "first"),
        (".profile", "pathmunge ~/.local/bin", "first"),
        (".profile", "# PATH=~/.local/bin:$PATH", "none"),
        (".profile", "MYPATH=/home/alice/.local/bin.d", "first"),
        (".profile", "PATH=$HOME/bin:$PATH", "none"),
        (".profile", "PATH=$(evil .local):$PATH", "none"),
        (".bash_profile", '[ -f ~/.bashrc ] && . ~/.bashrc\n# and\nsource "$HOME/.paths"', "none"),
    ],
)
def test_the_directories_of_a_login_are_read_from_its_files(
    made_up: MadeUpHost, file: str, text: str, expected: str
) -> None:
    made_up.with_directory("/home/alice").with_file(f"/home/alice/{file}", f"{text}\n")
    directories = read_login_directories(made_up.host, ALICE).directories
    assert "/usr/bin" in directories
    position = directories.index(BIN) if BIN in directories else None
    assert {"first": 0, "last": len(directories) - 1, "none": None}[expected] == position


def test_files_that_startup_files_read_count_and_loops_end(made_up: MadeUpHost) -> None:
    made_up.with_file("/home/alice/.bash_profile", "if [ -f ~/.bashrc ]; then\n    . ~/.bashrc\nfi\n")
    made_up.with_file(
        "/home/alice/.bashrc", '. /etc/bashrc\n. ~/.bash_profile\nPATH="$HOME/.local/bin:$HOME/bin:$PATH"\n'
    )
    found = read_login_directories(made_up.host, ALICE)
    assert found.directories[:2] == (BIN, "/home/alice/bin")
    assert found.files == ["/home/alice/.bash_profile", "/home/alice/.bashrc"]
    # openSUSE's, for every account.
    made_up.without("/home/alice/.bashrc").with_file("/etc/profile.d/x.sh", "for d in $HOME/bin $HOME/.local/bin; do\n")
    assert BIN in read_login_directories(made_up.host, ALICE).directories


@pytest.mark.parametrize(("account", "first"), [(ACCOUNTS[0], "/usr/local/sbin"), (ALICE, "/usr/local/bin")])
def test_roots_path_is_not_that_of_others(made_up: MadeUpHost, account: Any, first: str) -> None:
    made_up.with_file("/etc/profile", DEBIAN_SYSTEM_PROFILE)
    assert read_login_directories(made_up.host, account).directories[0] == first


def test_a_startup_file_that_cannot_be_read_is_said_and_no_finding(homes: MadeUpHost) -> None:
    homes.with_tool("black", "24.1", home=OLD, bin_dir=BIN).without("/home/alice/.profile")
    os.mkfifo(homes.real("/home/alice/.profile"))
    assert audit(homes) == []
    assert "/home/alice/.profile" in [one["what"] for one in report(homes)["unread"]]


# EM504


@pytest.mark.parametrize(("version", "found"), [("1.1.0", False), ("1.2.1", False), ("1.3.0", True), ("1.7.1", True)])
def test_the_old_home_is_named_where_pipx_has_a_new_one(homes: MadeUpHost, version: str, found: bool) -> None:
    homes.without("/usr/lib/python3/dist-packages").with_pipx(version).with_tool("black", "24.1", home=OLD, bin_dir=BIN)
    assert subjects(homes) == ([("EM504", OLD)] if found else [])


def test_the_remedy_for_an_old_home_is_what_is_right_there(homes: MadeUpHost) -> None:
    homes.without("/usr/lib/python3/dist-packages").with_pipx("1.7.1").with_directory(OLD)
    assert f"rm -r {OLD}" in audit(homes)[0]["remedy"]
    homes.with_tool("black", "24.1", home=OLD, bin_dir=BIN)
    (found,) = audit(homes)
    assert f"mv {OLD} {NEW} && pipx reinstall-all" in found["remedy"]
    assert (found["severity"], found["repairs"]) == ("info", [])
    assert "has tools already" in audit(homes.with_tool("isort", "5", home=NEW, bin_dir=BIN))[0]["remedy"]
