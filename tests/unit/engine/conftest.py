"""What the tests of the engine start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from made_up_host import MadeUpHost

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
