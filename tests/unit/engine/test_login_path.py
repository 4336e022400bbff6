"""A user's tools on the PATH of the next login: which file, whether it is there already, and the least edit."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from made_up_host import ACCOUNTS, FILES_UID, MadeUpHost
from pep668_provision.engine.account import Account
from pep668_provision.engine.host import Host
from pep668_provision.engine.login_path import observe_login_path, put_on_login_path

ALICE = next(account for account in ACCOUNTS if account.name == "alice")
BOB = next(account for account in ACCOUNTS if account.name == "bob")
HOME = ALICE.home


@pytest.mark.parametrize(
    ("shell", "files", "expected"),
    [
        pytest.param("/bin/bash", [], ".profile", id="bash"),
        pytest.param("/bin/bash", [".bash_profile", ".profile"], ".bash_profile", id="bash with .bash_profile"),
        pytest.param("/bin/bash", [".bash_login", ".profile"], ".bash_login", id="bash with .bash_login"),
        pytest.param("/bin/bash", [".bash_profile", ".bash_login"], ".bash_profile", id="bash with both"),
        pytest.param("/bin/sh", [".bash_profile"], ".profile", id="sh"),
        pytest.param("", [], ".profile", id="no shell"),
        pytest.param("/usr/bin/zsh", [], ".zprofile", id="zsh"),
        pytest.param("/usr/bin/fish", [], ".config/fish/conf.d/pep668-provision.fish", id="fish"),
    ],
)
def test_the_file_is_the_one_a_login_shell_reads(
    made_up: MadeUpHost, shell: str, files: list[str], expected: str
) -> None:
    for name in files:
        made_up.with_file(f"{HOME}/{name}", "# mine\n")
    found = observe_login_path(made_up.host, replace(ALICE, shell=shell))
    assert (found.file, found.is_set) == (f"{HOME}/{expected}", False)


@pytest.mark.parametrize(
    ("text", "is_set"),
    [
        ('PATH="$HOME/.local/bin:$PATH"\n', True),
        ('if [ -d "$HOME/.local/bin" ] ; then\n    PATH="$HOME/.local/bin:$PATH"\nfi\n', True),
        ("export PATH=/home/alice/.local/bin:$PATH\n", True),
        ("# PATH=$HOME/.local/bin:$PATH\n", False),
        ("   # ~/.local/bin\n", False),
        ("PATH=$HOME/bin:$PATH\n", False),
        ("", False),
    ],
)
def test_a_line_about_it_is_enough_and_a_comment_is_not(made_up: MadeUpHost, text: str, is_set: bool) -> None:
    assert observe_login_path(made_up.with_file(f"{HOME}/.profile", text).host, ALICE).is_set is is_set


@pytest.mark.parametrize("name", [".zprofile", ".zshenv", ".zshrc", ".zlogin"])
def test_zsh_may_set_it_in_any_of_its_files(made_up: MadeUpHost, name: str) -> None:
    made_up.with_file(f"{BOB.home}/{name}", "path+=~/.local/bin\n")
    found = observe_login_path(made_up.host, BOB)
    assert (found.file, found.is_set) == (f"{BOB.home}/{name}", True)


def test_a_startup_file_of_bytes_that_are_no_text_is_read(made_up: MadeUpHost) -> None:
    made_up.with_file(f"{HOME}/.profile", b"\xff\xfe\nPATH=~/.local/bin:$PATH\n")
    assert observe_login_path(made_up.host, ALICE).is_set


def real_account(home: Path, shell: str = "/bin/sh") -> Account:
    """An account that is whoever runs the tests, with a home of its own."""
    return Account("me", FILES_UID, os.getgid(), str(home), shell)


def test_after_the_edit_a_login_shell_has_it_once(tmp_path: Path) -> None:
    account, host = real_account(tmp_path), Host()
    (tmp_path / ".profile").write_text("export MINE=kept\n")
    (tmp_path / ".profile").chmod(0o600)
    for _ in range(2):
        found = observe_login_path(host, account)
        if not found.is_set:
            put_on_login_path(host, found)
    assert observe_login_path(host, account).is_set
    text = (tmp_path / ".profile").read_text()
    assert text.startswith("export MINE=kept\n")
    assert text.count("export PATH") == 1
    assert (tmp_path / ".profile").stat().st_mode & 0o777 == 0o600
    script = '. "$HOME/.profile"; . "$HOME/.profile"; echo "$MINE $PATH"'
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"kept {tmp_path}/.local/bin:/usr/bin:/bin\n"


def test_a_startup_file_that_is_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "profile").write_text("# mine\n")
    (tmp_path / ".profile").symlink_to("dotfiles/profile")
    put_on_login_path(Host(), observe_login_path(Host(), real_account(tmp_path)))
    assert (tmp_path / ".profile").is_symlink()
    assert ".local/bin" in (tmp_path / "dotfiles" / "profile").read_text()


def test_fish_gets_a_file_of_its_own(tmp_path: Path) -> None:
    account = real_account(tmp_path, "/usr/bin/fish")
    put_on_login_path(Host(), observe_login_path(Host(), account))
    assert observe_login_path(Host(), account).is_set
    assert "fish_add_path" in (tmp_path / ".config/fish/conf.d/pep668-provision.fish").read_text()
