"""What goes on is said while it runs, with the time since the start."""

from __future__ import annotations

import sys
import time

STARTED = time.monotonic()


def say(text: str) -> None:
    """The line is on standard error."""
    minutes, seconds = divmod(int(time.monotonic() - STARTED), 60)
    print(f"[{minutes:2d}:{seconds:02d}] {text}", file=sys.stderr, flush=True)
