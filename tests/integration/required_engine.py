"""What a test that needs a container engine does where there is none."""

from __future__ import annotations

import os

import pytest

from container_engine import EngineUnavailable, prepare_engine


def require_engine() -> None:
    """A container engine works, or the test is skipped with the reason; with CI=true it fails instead."""
    try:
        prepare_engine()
    except EngineUnavailable as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no container engine: {reason}")
        pytest.skip(f"no container engine: {reason}")
