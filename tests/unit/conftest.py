"""What the tests with bad input count and say, see bad_input/hostile.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile import IS_FULL, SEED, TALLY
from made_up_host import MadeUpHost


def pytest_report_header() -> str:
    return f"bad input: full, PROVISION_SEED={SEED}" if IS_FULL else "bad input: short, the same each time"


@pytest.fixture
def made_up(tmp_path: Path) -> MadeUpHost:
    """A made-up host with nothing on it; root looks at it."""
    return MadeUpHost(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def keep_tally() -> Iterator[None]:
    """What was tried is added to the tally of the run."""
    yield
    TALLY.keep()
