"""What the tests of the engine start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from changing_host import ChangingHost
from made_up_host import MadeUpHost
from pep668_provision.engine import bundled_wheels, interpreter, observe
from pep668_provision.engine.distro import identify

# How long an example takes is the machine's affair.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def made_up(tmp_path: Path) -> MadeUpHost:
    """A made-up host with nothing on it; root looks at it."""
    return MadeUpHost(tmp_path)


@pytest.fixture
def debian(tmp_path: Path) -> MadeUpHost:
    """A made-up Debian 12 with its own python3, which can make environments, and its own pipx."""
    return MadeUpHost(tmp_path).with_debian("12").with_debian_python().with_pipx("1.1.0")


@pytest.fixture
def changing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChangingHost:
    """A host in a directory that is changed for real, with an interpreter, pipx and a made-up index."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    # What the machine itself has does not count.
    monkeypatch.setattr(interpreter, "_STANDARD_DIRECTORIES", ())
    monkeypatch.setattr(bundled_wheels, "SHARED_WHEELS", str(tmp_path / "wheels"))
    monkeypatch.setattr(observe, "observe_distribution", lambda _host: identify("ID=debian\nVERSION_ID=12\n"))
    index = {"flask": ["2.0", "3.0"], "click": ["7.0", "8.0"], "black": ["23.0", "24.0"], "httpie": ["3.0"]}
    return ChangingHost(tmp_path, index=index, needs={"flask": ["click"]}).with_pipx()
