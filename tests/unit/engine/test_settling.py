"""The module in each build that keeps a process in it, with the Python that runs the tests: a real environment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pep668_provision.engine.apply_builds import SETTLE_NAME, settling_module

SHOW = """
import json, sys, sysconfig
print(json.dumps([sys.prefix, sys.exec_prefix, sys.executable, sysconfig.get_path("purelib"), sys.path,
                  [str(finder) for finder in sys.meta_path]]))
"""


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """A link to a build with the module in it, and with a directory that a .pth file adds."""
    link, build = tmp_path / "venv", tmp_path / "venv.d" / "abc"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(build)], check=True)
    (site,) = build.glob("lib/python*/site-packages")
    (site / f"{SETTLE_NAME}.py").write_text(settling_module(str(link), str(build)))
    (site / f"{SETTLE_NAME}.pth").write_text(f"import {SETTLE_NAME}\n")
    (site / "added").mkdir()
    (site / "later.pth").write_text("added\n")
    link.symlink_to("venv.d/abc")
    return link


@pytest.mark.parametrize("flags", [(), ("-I",)], ids=["plain", "isolated"])
@pytest.mark.parametrize("by", ["link", "link to the link", "build"])
def test_a_process_has_the_paths_of_the_build_however_it_is_called(link: Path, by: str, flags: tuple[str, ...]) -> None:
    build = link.parent / "venv.d" / "abc"
    further = link.parent / "further"
    further.symlink_to(link)
    prefix = {"link": link, "link to the link": further, "build": build}[by]
    shown = subprocess.run([f"{prefix}/bin/python", *flags, "-c", SHOW], check=True, capture_output=True, cwd="/")
    found_prefix, exec_prefix, executable, purelib, path, finders = json.loads(shown.stdout)
    assert found_prefix == exec_prefix == str(build)
    assert executable == f"{build}/bin/python"
    assert purelib.startswith(f"{build}/lib/")
    assert [one for one in path if one.startswith(str(link.parent))] == [purelib, f"{purelib}/added"]
    # It has left again.
    assert not any(SETTLE_NAME in finder or "AtTheEnd" in finder for finder in finders)
