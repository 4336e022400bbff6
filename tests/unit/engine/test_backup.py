"""Backups: what tar puts back is what was there, and nobody else reads or redirects it."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pep668_provision.engine import backup
from pep668_provision.engine.backup import (
    ROOTS_DIRECTORY,
    Backup,
    foresee_backup,
    make_backup,
    old_archives,
    read_wanted,
    remove_old_archives,
)
from pep668_provision.engine.errors import InvalidState, ProvisionError
from pep668_provision.engine.host import Host

NOW = 1_700_000_000.0
STAMP = "20231114T221320Z"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "home").mkdir()
    return Host(environ={"HOME": str(tmp_path / "home")}, clock=lambda: NOW)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with a bit of everything that a file system holds."""
    top = tmp_path / "tree"
    (top / "deep" / "deeper").mkdir(parents=True)
    (top / "deep" / "deeper" / "code.py").write_bytes(b"print(1)\n" * 1000)
    (top / "deep" / "deeper" / "code.py").chmod(0o4750)
    (top / "empty").touch()
    (top / "gone").symlink_to("/nowhere/at all")
    os.link(top / "empty", top / "also")  # Python 3.8
    (top / "zwölf Wörter").write_text("ü")
    Path(os.fsdecode(bytes(top) + b"/\xff")).write_bytes(b"\0\xff")
    os.mkfifo(top / "pipe")
    (top / "deep").chmod(0o2711)
    os.utime(top / "empty", (NOW, NOW + 0.25))
    return top


def keep(host: Host, *paths: Path | str, **options: Any) -> Backup:
    given = {"directory": f"{host.environ['HOME']}/kept", "label": "test", **options}
    wanted = read_wanted({"paths": [str(path) for path in paths], **given})
    return make_backup(wanted, host, lock_timeout=5)


def state_of(top: Path) -> dict[str, tuple[object, ...]]:
    """Everything that is to come back, by name."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [top, *sorted(top.rglob("*"))]:
        status = path.lstat()
        content: object = b""
        if stat.S_ISREG(status.st_mode):
            content = path.read_bytes()
        elif stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)  # noqa: PTH115  # Python 3.8
        time = status.st_mtime_ns if stat.S_ISREG(status.st_mode) else 0
        found[str(path)] = (status.st_mode, status.st_uid, status.st_gid, status.st_nlink, time, content)
    return found


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_there_comes_back(host: Host, tree: Path, tmp_path: Path) -> None:
    before = state_of(tree)
    done = keep(host, tree, directory=str(tmp_path / "kept"))
    assert done.archive == f"{tmp_path}/kept/{STAMP}-test.tar"
    assert [(one.path, one.entries) for one in done.kept] == [(str(tree), len(before))]
    shutil.rmtree(tree)
    (command,) = done.restore
    subprocess.run(command, shell=True, check=True)  # noqa: S602  # as a user pastes it
    assert state_of(tree) == before


def test_it_is_for_its_account_alone(host: Host, tree: Path, tmp_path: Path) -> None:
    done = keep(host, tree, directory=str(tmp_path / "new" / "kept"))
    assert stat.S_IMODE(Path(done.archive).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(done.directory).stat().st_mode) == 0o700


def test_the_same_files_make_the_same_archive(host: Host, tree: Path) -> None:
    first, second = keep(host, tree), keep(host, tree, tree / "deep", f"{tree}/")
    assert Path(first.archive).read_bytes() == Path(second.archive).read_bytes()
    assert second.archive == first.archive.replace("test.tar", "test-2.tar")


def test_extended_attributes_come_back(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    try:
        os.setxattr(path, "user.bytes=50%", b"\0\xffx")
    except OSError:
        pytest.skip("the file system of the temporary directory has no extended attributes")
    done = keep(host, path)
    path.unlink()
    subprocess.run(done.restore[0], shell=True, check=True)  # noqa: S602  # as a user pastes it
    assert os.getxattr(path, "user.bytes=50%") == b"\0\xffx"


def test_what_is_missing_is_no_error(host: Host, tree: Path, tmp_path: Path) -> None:
    done = keep(host, tmp_path / "nothing", tree / "empty")
    assert (done.missing, done.paths) == ((f"{tmp_path}/nothing",), (f"{tree}/empty",))
    none = keep(host, tmp_path / "nothing")
    assert (none.changed, none.archive, none.restore) == (False, "", ())


def test_links_on_the_way_are_followed_and_the_one_at_the_path_is_kept(host: Host, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    done = keep(host, tmp_path / "link" / "empty", tmp_path / "link")
    assert done.paths == (f"{tmp_path}/link",)
    assert keep(host, tmp_path / "link" / "empty").paths == (f"{tree}/empty",)


def test_a_socket_is_left_out(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d").mkdir()
    # The name of a socket may not be long.
    monkeypatch.chdir(tmp_path / "d")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert keep(host, tmp_path / "d").kept[0].entries == 1


def test_check_mode_writes_nothing_and_says_the_same(host: Host, tree: Path, tmp_path: Path) -> None:
    wanted = read_wanted({"paths": [str(tree)], "directory": str(tmp_path / "kept")})
    foreseen = foresee_backup(wanted, host)
    assert not (tmp_path / "kept").exists()
    assert foreseen.kept == make_backup(wanted, host, lock_timeout=5).kept


def test_a_directory_that_others_can_redirect_is_refused(host: Host, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for directory in (tmp_path / "open", tmp_path / "open" / "kept"):
        with pytest.raises(ProvisionError, match="can have something else stand in its place"):
            keep(host, tree, directory=str(directory))
    assert not list((tmp_path / "open").iterdir())


def test_what_cannot_be_read_leaves_no_archive(host: Host, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(tree))

    monkeypatch.setattr(backup, "add_to_archive", refuse)
    with pytest.raises(ProvisionError, match="Permission denied"):
        keep(host, tree, directory=str(tree.parent / "kept"))
    assert list((tree.parent / "kept").iterdir()) == []


def test_what_a_killed_run_left_is_removed(host: Host, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / ".pep668-x").touch()
    done = keep(host, tree, directory=str(tmp_path / "kept"))
    assert names_in(Path(done.directory)) == [Path(done.archive).name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_what_is_an_accounts_is_read_and_put_back_with_its_rights(host: Host, tmp_path: Path) -> None:
    nobody = host.account_by_name("nobody")
    assert nobody is not None
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    own = tmp_path / "own"
    own.mkdir()
    (own / "file").write_text("x")
    (tmp_path / "roots").write_text("y")
    for path in (own, own / "file"):
        os.chown(path, nobody.uid, nobody.gid)
    done = keep(host, own / "file", tmp_path / "roots")
    roots, theirs = done.restore
    assert "su -s /bin/sh nobody" in theirs
    (own / "file").unlink()
    (tmp_path / "roots").unlink()
    for command in (roots, theirs):
        subprocess.run(command, shell=True, check=True)  # noqa: S602  # as a user pastes it
    assert ((own / "file").read_text(), (tmp_path / "roots").read_text()) == ("x", "y")
    assert (own / "file").stat().st_uid == nobody.uid
    (own / "file").chmod(0)
    os.chown(own / "file", 0, 0)
    with pytest.raises(ProvisionError, match=r"As nobody: .*Permission denied"):
        keep(host, own / "file")


def test_the_oldest_archives_are_removed_and_nothing_else(host: Host, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    names = [f"2026010{day}T000000Z-x.tar" for day in range(1, 6)]
    for name in (*names, "other.tar"):
        (folder / name).touch()
    (folder / "20250101T000000Z-x.tar").symlink_to("other.tar")
    wanted = read_wanted({"state": "absent", "keep": 2, "directory": str(folder)})
    expected = tuple(f"{folder}/{name}" for name in names[:3])
    assert old_archives(wanted, host) == expected
    assert len(names_in(folder)) == 7
    assert remove_old_archives(wanted, host, lock_timeout=5) == expected
    assert remove_old_archives(wanted, host, lock_timeout=5) == ()
    assert names_in(folder) == ["20250101T000000Z-x.tar", *names[3:], "other.tar"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"paths": []}, "paths: what is to be kept is missing"),
        ({"paths": ["etc/pip.conf"]}, "no absolute path"),
        ({"paths": ["/"]}, "no absolute path"),
        ({"paths": ["/etc/../root"]}, "no absolute path"),
        ({"paths": ["/etc//pip.conf"]}, "no absolute path"),
        ({"paths": ["/etc/\0"]}, "no absolute path"),
        ({"paths": ["/etc"], "directory": "kept"}, "directory:"),
        ({"state": "absent"}, "keep:"),
        ({"state": "absent", "keep": -1}, "keep:"),
        ({"state": "absent", "keep": 1, "paths": ["/etc"]}, "no path is named"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidState, match=said):
        read_wanted(options)


def test_a_label_is_a_part_of_a_name() -> None:
    assert read_wanted({"paths": ["/etc/x"], "label": "../EM202 requests/;$(x)"}).label == "EM202-requests-x"
    assert read_wanted({"paths": ["/etc/x"], "label": "..."}).label == "backup"


def test_roots_are_below_var_backups(made_up: Any) -> None:
    assert foresee_backup(read_wanted({"paths": ["/etc/x"]}), made_up.host).directory == ROOTS_DIRECTORY
