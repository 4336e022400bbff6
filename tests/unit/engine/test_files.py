"""Changes to real files: whole or not at all, also when a run fails or is killed in the middle."""

from __future__ import annotations

import errno
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from pep668_provision.engine.account import Account, act_as, find_account
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.files import (
    keep_by_links,
    make_directory,
    put_back_kept,
    remove_as,
    remove_directory,
    remove_tree,
    replacing,
    write_atomically,
)
from pep668_provision.engine.scratch import scratch_directory

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as others")


def tree(path: Path, text: str) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_text(text)
    return path


def names_in(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def content(path: Path) -> str | None:
    return (path / "file").read_text() if path.is_dir() else None


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_written_whole_with_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_text("a longer text than the new one")
    write_atomically(str(path), "né\n", mode=mode)
    assert path.read_bytes() == "né\n".encode()
    assert path.stat().st_mode & 0o777 == mode
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("target", ["victim", "nothing"])
def test_a_link_is_replaced_and_never_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "link").symlink_to(target)
    write_atomically(str(tmp_path / "link"), "new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_text() == "new"
    assert names_in(tmp_path) == ["link", "victim"]
    assert (tmp_path / "victim").read_text() == "mine"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(str(tmp_path / "file"), "\ud800")
    assert (tmp_path / "file").read_text() == "old"
    assert names_in(tmp_path) == ["file"]


def test_a_directory_is_made_with_its_parents_that_others_can_enter(tmp_path: Path) -> None:
    previous = os.umask(0o077)
    try:
        make_directory(str(tmp_path / "a/b/c"), None)
        make_directory(str(tmp_path / "a/b/c"), None)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(previous)
    assert (tmp_path / "a/b/c").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755


@needs_root
@pytest.mark.parametrize(
    ("inside", "owner"),
    [pytest.param("", 1234, id="empty, as a killed run leaves it"), pytest.param("file", 0, id="somebody's files")],
)
def test_an_empty_directory_of_the_callers_becomes_the_accounts(tmp_path: Path, inside: str, owner: int) -> None:
    path = tmp_path / "there"
    path.mkdir()
    if inside:
        (path / inside).touch()
    make_directory(str(path), Account("app", 1234, 1234, "/srv", ""))
    assert path.stat().st_uid == owner


@pytest.mark.parametrize("kind", ["missing", "file", "link", "dangling", "directory"])
def test_removing_leaves_nothing_and_follows_no_link(tmp_path: Path, kind: str) -> None:
    tree(tmp_path / "elsewhere", "mine")
    path = tmp_path / "path"
    if kind == "file":
        path.write_text("x")
    elif kind == "link":
        path.symlink_to("elsewhere")
    elif kind == "dangling":
        path.symlink_to("nowhere")
    elif kind == "directory":
        tree(path, "x")
        (path / "inner").symlink_to("../elsewhere")
    remove_tree(str(path))
    assert not os.path.lexists(path)
    assert content(tmp_path / "elsewhere") == "mine"


class Killed(BaseException):
    """Stands in for what is no ordinary error: an interrupt, an exit."""


@pytest.mark.parametrize("old", ["old", None], ids=["something there", "nothing there"])
@pytest.mark.parametrize("failure", [None, RuntimeError, KeyboardInterrupt, Killed])
@pytest.mark.parametrize("aside", ["path.aside", ".aside/path"])
def test_replacing_leaves_the_new_one_or_puts_the_old_one_back(
    tmp_path: Path, old: str | None, failure: type[BaseException] | None, aside: str
) -> None:
    path = tmp_path / "path"
    if old is not None:
        tree(path, old)
    try:
        with replacing(str(path), str(tmp_path / aside), None):
            assert not path.exists()
            tree(path, "new")
            if failure is not None:
                raise failure
    except (RuntimeError, KeyboardInterrupt, Killed):
        assert failure is not None
    assert content(path) == (old if failure is not None else "new")
    assert names_in(tmp_path) == (["path"] if content(path) else [])


def die_while_replacing(path: Path, aside: Path, *, text: str) -> None:
    """A child builds half of the new directory and is killed for real."""
    child = os.fork()
    if child == 0:
        with replacing(str(path), str(aside), None):
            tree(path, text)
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


@pytest.mark.parametrize("kills", [1, 2, 3])
def test_after_a_kill_the_last_whole_one_is_kept_until_a_new_one_works(tmp_path: Path, kills: int) -> None:
    path, aside = tree(tmp_path / "path", "old"), tmp_path / "aside"
    for number in range(kills):
        die_while_replacing(path, aside, text=f"half {number}")
        assert (content(path), content(aside)) == (f"half {number}", "old")
    with pytest.raises(RuntimeError), replacing(str(path), str(aside), None):
        raise RuntimeError
    assert (content(path), content(aside)) == ("old", None)
    die_while_replacing(path, aside, text="half")
    with replacing(str(path), str(aside), None):
        tree(path, "new")
    assert names_in(tmp_path) == ["path"]
    assert content(path) == "new"


def test_replacing_a_link_leaves_what_it_points_to(tmp_path: Path) -> None:
    tree(tmp_path / "elsewhere", "mine")
    (tmp_path / "path").symlink_to("elsewhere")
    with replacing(str(tmp_path / "path"), str(tmp_path / "aside"), None):
        tree(tmp_path / "path", "new")
    assert content(tmp_path / "path") == "new"
    assert content(tmp_path / "elsewhere") == "mine"


@pytest.mark.parametrize(
    ("there", "aside"),
    [(True, False), (False, True), (True, True), (False, False)],
    ids=["it", "aside", "both", "none"],
)
def test_removing_a_directory_takes_what_a_kill_left_with_it(tmp_path: Path, there: bool, aside: bool) -> None:
    if there:
        tree(tmp_path / "path", "x")
    if aside:
        tree(tmp_path / ".aside" / "path", "y")
    remove_directory(str(tmp_path / "path"), str(tmp_path / ".aside" / "path"), None)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("fails", [False, True])
def test_a_scratch_directory_is_private_and_goes_away(tmp_path: Path, fails: bool) -> None:
    try:
        with scratch_directory(None, str(tmp_path / "scratch")) as scratch:
            assert Path(scratch).parent == tmp_path
            assert Path(scratch).stat().st_mode & 0o777 == 0o700
            tree(Path(scratch) / "deep" / "deeper", "x")
            if fails:
                raise RuntimeError
    except RuntimeError:
        assert fails
    assert names_in(tmp_path) == []


def test_a_scratch_directory_left_by_a_kill_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "old").touch()
    with scratch_directory(None, str(tmp_path / "scratch")) as scratch:
        assert list(Path(scratch).iterdir()) == []
    assert not (tmp_path / "scratch").exists()


def test_what_a_killed_write_left_goes_with_the_next_one(tmp_path: Path) -> None:
    def write() -> None:
        with patch("os.rename", lambda *_: os.kill(os.getpid(), signal.SIGKILL)):
            write_atomically(str(tmp_path / "a.conf"), "half")

    assert in_killed_process(write)
    assert len(names_in(tmp_path)) == 1
    (tmp_path / ".b.conf.pep668-x").write_text("another file's")
    write_atomically(str(tmp_path / "a.conf"), "new")
    assert names_in(tmp_path) == [".b.conf.pep668-x", "a.conf"]


def test_a_temporary_directory_left_by_a_kill_goes_with_the_next_one_and_one_in_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def work() -> None:
        with scratch_directory(None) as scratch:
            Path(scratch, "left").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_killed_process(work)
    (tmp_path / "somebody-elses").mkdir()
    assert len(names_in(tmp_path)) == 2
    with scratch_directory(None) as first:
        Path(first, "kept").touch()
        with scratch_directory(None) as second:
            assert names_in(tmp_path) == sorted([Path(first).name, Path(second).name, "somebody-elses"])
            assert Path(first, "kept").exists()
    assert names_in(tmp_path) == ["somebody-elses"]


def test_temporary_files_go_to_the_first_place_that_takes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaves_a_file_when_killed() -> str:
        raise AssertionError("Python's own way to find the place")

    monkeypatch.setattr(tempfile, "_get_default_tempdir", leaves_a_file_when_killed)
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "good").mkdir()
    for variable, folder in (
        ("TMPDIR", "/proc/self"),
        ("TEMP", str(tmp_path / "none")),
        ("TMP", str(tmp_path / "good")),
    ):
        monkeypatch.setenv(variable, folder)
    with scratch_directory(None) as scratch:
        assert (Path(scratch).parent, names_in(Path(scratch))) == (tmp_path / "good", [])


def in_killed_process(work: Callable[[], None]) -> bool:
    """Do that in a process; says whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_what_is_kept_by_links_comes_back_whatever_became_of_its_place(tmp_path: Path) -> None:
    path, scratch = tmp_path / "venv", tmp_path / "venv" / "scratch"
    (path / "lib" / "package").mkdir(parents=True)
    (path / "lib" / "package" / "code.py").write_text("old")
    (path / "lib64").symlink_to("lib")
    (path / "pyvenv.cfg").write_text("home = /usr/bin")
    scratch.mkdir()
    assert keep_by_links(str(path), str(scratch / "kept"), ["scratch"])
    # As an installer replaces: removed and made anew, or put in its place by a rename.
    (path / "lib" / "package" / "code.py").unlink()
    (path / "lib" / "package" / "code.py").write_text("new")
    (path / "lib" / "half").mkdir()
    (path / "share").mkdir()
    put_back_kept(str(scratch / "kept"), str(path), ["scratch"])
    assert sorted(found.name for found in path.iterdir()) == ["lib", "lib64", "pyvenv.cfg", "scratch"]
    assert [found.name for found in (path / "lib").iterdir()] == ["package"]
    assert (path / "lib64" / "package" / "code.py").read_text() == "old"
    assert list((scratch / "kept").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts as another account")
def test_files_that_an_account_may_not_link_to_are_not_kept() -> None:
    if Path("/proc/sys/fs/protected_hardlinks").read_text().strip() != "1":
        pytest.skip("this kernel lets every account link to every file")
    nobody = find_account("nobody")
    assert nobody is not None
    path = Path(tempfile.mkdtemp())
    (path / "pyvenv.cfg").write_text("home = /usr/bin")
    (path / "pyvenv.cfg").chmod(0o600)
    os.chown(path, nobody.uid, nobody.gid)
    assert not act_as(nobody, lambda: keep_by_links(str(path), str(path / "kept"), ["kept"]))
    assert sorted(found.name for found in path.iterdir()) == ["pyvenv.cfg"]
    remove_tree(str(path))


def test_nothing_to_remove_is_no_error_on_a_file_system_that_is_read_only(tmp_path: Path) -> None:
    # unlink(2) says EROFS before it looks.
    with patch("os.unlink", side_effect=OSError(errno.EROFS, "Read-only file system")):
        remove_tree(str(tmp_path / "none"))
        (tmp_path / "file").touch()
        with pytest.raises(OSError, match="Read-only"):
            remove_tree(str(tmp_path / "file"))


@pytest.fixture
def seen_by_all() -> Iterator[Path]:
    """A directory that others may look into: pytest closes its own whenever another run of it starts."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


@needs_root
def test_what_an_account_cannot_see_is_not_taken_for_gone(seen_by_all: Path) -> None:
    account = find_account("nobody")
    tree(seen_by_all / "closed" / "venv", "whole")
    (seen_by_all / "closed").chmod(0o700)
    with pytest.raises(ProvisionError, match="Permission denied"):
        act_as(account, lambda: remove_tree(f"{seen_by_all}/closed/venv"))
    assert names_in(seen_by_all / "closed") == ["venv"]


def test_below_a_file_there_is_nothing_to_remove(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    remove_tree(str(tmp_path / "file" / "venv"))
    assert names_in(tmp_path) == ["file"]


@needs_root
def test_byte_code_of_root_is_in_no_owners_way(seen_by_all: Path) -> None:
    account = find_account("nobody")
    assert account is not None
    mine = seen_by_all / "mine"
    (mine / "venv" / "lib").mkdir(parents=True)
    for path in (mine, mine / "venv", mine / "venv" / "lib"):
        os.chown(path, account.uid, account.gid)
    (mine / "venv" / "lib" / "__pycache__").mkdir()
    (mine / "venv" / "lib" / "__pycache__" / "module.cpython-313.pyc").write_bytes(b"")
    with pytest.raises(ProvisionError, match="Permission denied"):
        act_as(account, lambda: remove_tree(str(mine / "venv")))
    remove_as(account, str(mine / "venv"))
    assert names_in(mine) == []
    # Anything else of root's stays, and is told.
    (mine / "venv" / "data").mkdir(parents=True)
    (mine / "venv" / "data" / "of-root").touch()
    os.chown(mine / "venv", account.uid, account.gid)
    with pytest.raises(ProvisionError, match="Permission denied"):
        remove_as(account, str(mine / "venv"))
    assert (mine / "venv" / "data" / "of-root").exists()
