"""Fixtures for the tests of what scripts/build makes.

artefacts      what scripts/build makes of this checkout as it is now
install        a function that makes an environment with what it is given, and nothing else
index          a package index for hosts, with a tool and a library
bare_host      a Debian host as its distribution publishes it, without Python
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checkout import CHECKOUT, REQUIREMENTS
from hosts import NEWEST_DEBIAN, Host
from local_index import LocalIndex
from required_engine import require_engine
from tests.package.installations import Artefacts, Installation

Install = Callable[..., Installation]


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    folder = tmp_path_factory.mktemp("artefacts")
    subprocess.run([str(CHECKOUT / "scripts" / "build"), str(folder)], check=True)
    return Artefacts(folder)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the extras may bring, each file of the version and the hash that is pinned."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    options = ["--require-hashes", "--only-binary=:all:", f"--dest={folder}"]
    subprocess.run([*pip, *options, f"--requirement={REQUIREMENTS / 'package.txt'}"], check=True)
    return folder


@pytest.fixture
def install(wheels: Path, tmp_path: Path) -> Install:
    """install("ansible-core") is the test's environment, with what pip takes for that from the folder of wheels."""

    def make(*requirements: str) -> Installation:
        made = Installation(tmp_path / "environment")
        if not made.folder.exists():
            subprocess.run([sys.executable, "-m", "venv", str(made.folder)], check=True)
            made.home.mkdir()
        arguments = ["install", "--quiet", "--no-index", f"--find-links={wheels}", *requirements]
        made.run("python", "-m", "pip", "--disable-pip-version-check", *arguments)
        return made

    return make


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> LocalIndex:
    made = LocalIndex(tmp_path_factory.mktemp("index"))
    made.add("alpha", "1.0")
    made.add("hello", "1.0", scripts=["hello"])
    # What pipx keeps its own pip up to date with.
    made.mirror("pip", "setuptools", "wheel")
    return made


@pytest.fixture
def bare_host(index: LocalIndex) -> Iterator[Host]:
    require_engine()
    host = Host.start_from(NEWEST_DEBIAN, with_python=False, volumes=[index.volume])
    yield host
    host.remove()
