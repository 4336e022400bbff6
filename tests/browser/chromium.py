"""The browser of these tests: which one, and how it is started."""

from __future__ import annotations

import os
import shutil

#: Nothing of the browser itself uses a network.
QUIET = [
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-domain-reliability"),
]


def find_browser() -> str | None:
    """The program that PROVISION_BROWSER names, else the ``chromium`` on the PATH, if there is one."""
    return os.environ.get("PROVISION_BROWSER") or shutil.which("chromium")
