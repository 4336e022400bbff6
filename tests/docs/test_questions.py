"""docs/faq.md: the texts are the real ones, and the answers are short."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checkout import CACHE, CHECKOUT, download_pip

TEXT = (CHECKOUT / "docs" / "faq.md").read_text()
SECTIONS = dict(re.findall(r"^## `([^\n]*)`\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def said_by(*command: str | Path, **environment: str) -> str:
    """What a program says, on either stream."""
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "LC_ALL": "C.UTF-8", **environment},
    )
    assert done.returncode != 0, done.stdout
    return done.stdout


def pip_of(version: str) -> str:
    return f"{download_pip(version, CACHE / 'pips')}/pip"


def environment_in(folder: Path) -> tuple[str, Path]:
    """An environment without a pip: its Python, and where its packages are."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    return str(folder / "bin" / "python"), packages


def ansible(module: str, arguments: str) -> str:
    interpreter = f"ansible_python_interpreter={sys.executable}"
    return said_by("ansible", "localhost", "-e", interpreter, "-m", module, "-a", arguments)


def no_such_option(_folder: Path) -> str:
    return said_by(sys.executable, pip_of("22.3.1"), "install", "--break-system-packages", "x")


def not_a_value(_folder: Path) -> str:
    return said_by(sys.executable, "-m", "pip", "install", "x", PIP_BREAK_SYSTEM_PACKAGES="maybe")


def no_pip(folder: Path) -> str:
    return said_by(environment_in(folder / "v")[0], "-m", "pip")


def no_command(folder: Path) -> str:
    return said_by(str(shutil.which("bash")), "-c", "pip install x", PATH=str(folder))


def no_interpreter(folder: Path) -> str:
    tool = folder / "tool"
    tool.write_text("#!/nowhere/python\n")
    tool.chmod(0o755)
    return said_by("bash", "-c", str(tool)).replace("bad interpreter", "cannot execute: required file not found")


def no_version(_folder: Path) -> str:
    return said_by(sys.executable, "-m", "pip", "download", "--no-index", "nosuch-package-xyz")


def distutils(folder: Path) -> str:
    python, packages = environment_in(folder / "v")
    (packages / "PyYAML-5.3.1.egg-info").write_text("Metadata-Version: 1.1\nName: PyYAML\nVersion: 5.3.1\n")
    text = said_by(python, pip_of("23.0.1"), "uninstall", "-y", "PyYAML")
    assert text.removeprefix("Found existing installation: PyYAML 5.3.1\nERROR: ").strip() in block_of(DISTUTILS)
    return text.replace("'PyYAML'", "X")


def no_record(folder: Path) -> str:
    python, packages = environment_in(folder / "v")
    information = packages / "requests-2.32.3.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: requests\nVersion: 2.32.3\n")
    (information / "INSTALLER").write_text("debian\n")
    text = said_by(python, pip_of("25.1.1"), "uninstall", "-y", "requests")
    assert block_of("error: uninstall-no-record-file").strip() in text
    return text


def no_pip_for_ansible(_folder: Path) -> str:
    return ansible("ansible.builtin.pip", "name=x executable=nosuch-pip").replace("nosuch-pip", "pip3")


def no_virtualenv(folder: Path) -> str:
    arguments = f"name=x virtualenv={folder}/v virtualenv_command=nosuch-virtualenv"
    # As a string in JSON, which Ansible prints.
    return ansible("ansible.builtin.pip", arguments).replace("nosuch-virtualenv", "virtualenv").replace('\\"', '"')


def half_built(folder: Path) -> str:
    environment_in(folder / "v")
    return ansible("ansible.builtin.pip", f"name=x virtualenv={folder}/v")


def no_pipx(_folder: Path) -> str:
    return ansible("community.general.pipx", "name=x")


DISTUTILS = "Cannot uninstall X. It is a distutils installed project"
#: What makes a real program say the text of a heading, here.
CAUSES: dict[str, Callable[[Path], str]] = {
    "no such option: --break-system-packages": no_such_option,
    "is not a valid value for break-system-packages option": not_a_value,
    "pip: command not found": no_command,
    "command not found": no_command,
    "No module named pip": no_pip,
    DISTUTILS: distutils,
    "error: uninstall-no-record-file": no_record,
    "Could not find a version that satisfies the requirement": no_version,
    "Unable to find any of pip3 to use.  pip needs to be installed.": no_pip_for_ansible,
    'Failed to find required executable "virtualenv" in paths': no_virtualenv,
    "Unable to find pip in the virtualenv": half_built,
    "No module named pipx": no_pipx,
    "cannot execute: required file not found": no_interpreter,
}
#: Where the others were seen, for they take a host of that distribution: each was run there by hand.
SEEN = {
    "error: externally-managed-environment": "Debian 12, pip 23.0.1",
    "ensurepip is not available": "Debian 13 without python3-venv",
    "The virtual environment was not created successfully because ensurepip is not available": "the same",
    "No module named ensurepip": "Debian 12 without python3-venv",
    "WARNING: Running pip as the 'root' user": "Debian 12, pip 23.0.1",
    "pipx: error: unrecognized arguments: --global": "Debian 12, pipx 1.1.0",
    "is not on your PATH environment variable": "Debian 12, pipx 1.1.0",
}


def block_of(title: str) -> str:
    (block,) = re.findall(r"```text\n(.*?)```", SECTIONS[title], re.DOTALL)
    return str(block)


def test_every_heading_is_one_that_was_caused_or_seen() -> None:
    assert len(SECTIONS) == TEXT.count("\n## ")
    assert set(SECTIONS) == {*CAUSES, *SEEN}


@pytest.mark.parametrize("title", CAUSES)
def test_a_real_program_says_it(title: str, tmp_path: Path) -> None:
    said = CAUSES[title](tmp_path)
    assert " ".join(title.split()) in " ".join(said.split()), said


@pytest.mark.parametrize("title", SECTIONS)
def test_an_answer_is_short_and_complete(title: str) -> None:
    prose = re.sub(r"```text\n.*?```\n", "", SECTIONS[title], flags=re.DOTALL)
    lines = [line for line in prose.splitlines() if line.strip()]
    # The lines that name the distributions of its texts are not part of the first answer.
    limit = 12 if title == "error: externally-managed-environment" else 10
    assert 0 < len(lines) <= limit, len(lines)
    assert max(map(len, lines)) <= 170
    if "#" not in prose or len(lines) > 1:
        assert re.search(r"By hand|by hand", prose), "what to do by hand"
        assert "Declare" in prose, "what to declare"


def test_the_marker_of_debian_is_quoted_to_the_letter() -> None:
    markers = sorted(Path("/usr/lib").glob("python3.*/EXTERNALLY-MANAGED"))
    of_debian = [one for one in markers if "non-Debian-packaged" in one.read_text()]
    if not of_debian:
        pytest.skip("this machine has no marker of Debian's to compare with")
    shown = re.findall(r"```text\n(.*?)```", SECTIONS["error: externally-managed-environment"], re.DOTALL)[0]
    version = of_debian[-1].parent.name
    words = " ".join(of_debian[-1].read_text().partition("Error=")[2].split()).replace(version, "python3.11")
    assert words in " ".join(shown.split())


def test_warnings_about_root_are_pips() -> None:
    (package,) = Path(sys.prefix).glob("lib/python3*/site-packages/pip")
    sources = package.rglob("*.py")
    assert any("Running pip as the 'root' user can result in broken permissions" in one.read_text() for one in sources)
