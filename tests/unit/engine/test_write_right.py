"""Directories that others could write to: closed without a link being followed, and opened again by what is said."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.write_right import check_directories, close_to_others, foresee_closing, restoring


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "home").mkdir()
    return Host(environ={"HOME": str(tmp_path / "home")})


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Directories and files that others may write to, beside what is none of both."""
    top = tmp_path / "a tree"
    (top / "open" / "inner").mkdir(parents=True)
    (top / "module.py").touch()
    (top / "program").touch()
    (tmp_path / "outside").touch()
    (top / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(top / "pipe")
    for path, mode in (
        *((top, 0o2777), (top / "open", 0o1777), (top / "open" / "inner", 0o775), (top / "module.py", 0o666)),
        *((top / "program", 0o755), (tmp_path / "outside", 0o666), (top / "pipe", 0o666)),
    ):
        path.chmod(mode)
    return top


def modes(tree: Path) -> dict[str, str]:
    return {
        str(path.relative_to(tree.parent)): f"{stat.S_IMODE(path.lstat().st_mode):04o}"
        for path in (tree, *tree.rglob("*"), tree.parent / "outside")
        if not path.is_symlink()
    }


def test_a_directory_is_closed_and_what_is_in_it_is_not(host: Host, tree: Path) -> None:
    before = modes(tree)
    closed = close_to_others(host, (str(tree),), recursive=False, lock_timeout=5)
    assert [(one.path, one.before, one.after) for one in closed] == [(str(tree), 0o2777, 0o2755)]
    assert modes(tree) == {**before, tree.name: "2755"}


def test_all_that_is_in_it_is_closed_too_and_links_lead_nowhere(host: Host, tree: Path) -> None:
    before = modes(tree)
    foreseen = foresee_closing(host, (str(tree),), recursive=True)
    assert modes(tree) == before
    closed = close_to_others(host, (str(tree),), recursive=True, lock_timeout=5)
    assert closed == foreseen
    changed = {tree.name: "2755", "a tree/open": "1755", "a tree/open/inner": "0755", "a tree/module.py": "0644"}
    assert modes(tree) == {**before, **changed}
    assert close_to_others(host, (str(tree),), recursive=True, lock_timeout=5) == ()
    for command in restoring(closed):
        subprocess.run(command, shell=True, check=True)  # noqa: S602  # as a user pastes it
    assert modes(tree) == before


@pytest.mark.parametrize("at", ["a tree/link", "way/open"], ids=["at its end", "on the way"])
def test_a_link_is_refused(host: Host, tree: Path, at: str) -> None:
    (tree.parent / "way").symlink_to(tree)
    before = modes(tree)
    with pytest.raises(ProvisionError, match="without following a link"):
        close_to_others(host, (str(tree.parent / at),), recursive=True, lock_timeout=5)
    assert modes(tree) == before


def test_what_is_missing_is_an_error(host: Host, tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="nowhere: No such file or directory"):
        foresee_closing(host, (str(tmp_path / "nowhere"),), recursive=False)


@pytest.mark.parametrize("directories", [[], None, ["srv"], ["/srv/../etc"], ["/srv/"], [1], ["/srv\0"]])
def test_paths_have_to_be_absolute_and_plain(directories: object) -> None:
    with pytest.raises(ProvisionError):
        check_directories(directories)


def test_the_upper_ones_come_first() -> None:
    assert check_directories(["/usr/local/lib/x", "/usr/local", "/usr/local"]) == ("/usr/local", "/usr/local/lib/x")
