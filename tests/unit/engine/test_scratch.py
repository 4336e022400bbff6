"""Directories for what a run needs while it runs: where they are, who removes those of killed runs, who may not."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from pep668_provision.engine import scratch
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.scratch import scratch_directory


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The places where temporary files may go, the best first."""
    found = (tmp_path / "best", tmp_path / "next")
    for place in found:
        place.mkdir()
    monkeypatch.setattr(scratch, "_temporary_folders", lambda: list(map(str, found)))
    return found


def names_in(folders: Sequence[Path]) -> list[str]:
    return sorted(path.name for folder in folders for path in folder.iterdir())


def test_it_is_private_in_the_first_place_and_gone_afterwards(places: tuple[Path, Path]) -> None:
    with scratch_directory(None) as path:
        assert os.path.dirname(path) == str(places[0])  # noqa: PTH120  # the engine hands on text
        assert Path(path).stat().st_mode & 0o777 == 0o700
        Path(path, "pins.txt").touch()
    assert names_in(places) == []


@pytest.mark.parametrize("takes_directories", [True, False], ids=["that is full", "that is read-only"])
def test_a_place_is_passed_over(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, takes_directories: bool
) -> None:
    make = tempfile.mkdtemp

    def make_there(*, prefix: str, dir: str) -> str:  # noqa: A002  # tempfile's own name
        path = make(prefix=prefix, dir=dir)
        if dir == str(places[0]):
            if not takes_directories:
                Path(path).rmdir()
                raise OSError(30, "Read-only file system", path)
            # What cannot be written in fails as a full place does.
            Path(path, "probe").mkdir()
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", make_there)
    with scratch_directory(None) as path:
        assert Path(path).parent == places[1]
        assert names_in(places[:1]) == []


def test_where_no_place_takes_a_file_that_is_said(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_options: str) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(OSError, match="No space left on device"), scratch_directory(None):
        pass
    monkeypatch.setattr(scratch, "_temporary_folders", list)
    with pytest.raises(OSError, match="there is no directory for temporary files"), scratch_directory(None):
        pass
    assert names_in(places) == []


def test_what_killed_runs_left_goes_and_what_is_in_use_or_somebody_elses_stays(places: tuple[Path, Path]) -> None:
    (places[0] / ".pep668-left").mkdir()
    (places[1] / ".pep668-used").mkdir()
    (places[0] / "mine").mkdir()
    handle = os.open(places[1] / ".pep668-used", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with scratch_directory(None):
            pass
    finally:
        os.close(handle)
    assert names_in(places) == [".pep668-used", "mine"]


@pytest.mark.usefixtures("places")
def test_what_locks_each_of_them_at_once_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(_handle: int, _how: int) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(fcntl, "flock", locked)
    with pytest.raises(ProvisionError, match="locks or removes each temporary directory"), scratch_directory(None):
        pass


def test_one_at_a_path_of_its_own_is_empty_also_after_a_kill(tmp_path: Path) -> None:
    at = tmp_path / "venv" / ".tmp"
    (at / "left").mkdir(parents=True)
    with scratch_directory(None, str(at)) as path:
        assert (path, names_in([at])) == (str(at), [])
    assert not at.exists()


@pytest.mark.parametrize("taken", [1, 3])
def test_one_that_another_run_took_for_left_over_is_made_anew(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    made: list[str] = []
    make = tempfile.mkdtemp

    def make_and_lose(*, prefix: str, dir: str) -> str:  # noqa: A002  # tempfile's own name
        made.append(make(prefix=prefix, dir=dir))
        if len(made) <= taken:
            Path(made[-1]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_lose)
    with scratch_directory(None) as path:
        assert path == made[taken]
        assert Path(path).parent == places[0]
        assert list(Path(path).iterdir()) == []
    assert names_in(places) == []
