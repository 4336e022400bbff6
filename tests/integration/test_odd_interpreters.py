"""Interpreters that no distribution's package put where it is: found, told apart, and pip's answer to each foreseen.

What is real: Debian's own Python and PyPy with their packages, a virtual environment, uv from the index and the Python
that it installs and marks. Stand-ins are a source build below /usr/local, pyenv's and conda's Pythons, a vendor's and a
snap: each is the host's own CPython laid down again below another prefix, with the directories and files those tools
would add. The archive that uv installs from is such a copy too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from hosts import Host
from local_index import ON_HOST, LocalIndex

pytestmark = pytest.mark.releases("debian13")

HOME = "/root"
CONDA_MARKER = "[externally-managed]\nError=This environment is managed by conda. Use conda install.\n"
UV_TEXT = "This Python installation is managed by uv and should not be modified."

# The host's CPython again, below another prefix: it finds its own by lib/python3.13/os.py. sitecustomize.py is a link
# into /etc, which uv takes for an attack in an archive.
LAY_DOWN = """
set -e
lay_down() {
    mkdir -p "$1/bin" "$1/lib"
    cp /usr/bin/python3.13 "$1/bin/"
    cp -a /usr/lib/python3.13 "$1/lib/"
    rm -f "$1/lib/python3.13/EXTERNALLY-MANAGED" "$1/lib/python3.13/sitecustomize.py"
    ln -sf python3.13 "$1/bin/python3"
}
"""

MAKE = f"""{LAY_DOWN}
apt-get -q update
apt-get -q install --yes --no-install-recommends python3-pip python3-venv pypy3
python3 -m venv /srv/v
python3 -m venv --without-pip /srv/uv
python3 -m pip --python /srv/uv/bin/python install --quiet uv

lay_down /usr/local
lay_down {HOME}/.pyenv/versions/3.13.9
mkdir {HOME}/.pyenv/shims
lay_down /opt/conda
mkdir /opt/conda/conda-meta
touch /opt/conda/conda-meta/history
lay_down /opt/vendor
lay_down /snap/python/12
ln -s 12 /snap/python/current
mkdir /snap/bin
ln -s /usr/bin/snap /snap/bin/python3.13

lay_down /tmp/archive/python
tar -C /tmp/archive -cf - python | gzip -1 >/tmp/archive/python.tar.gz
"""

#: What uv reads in place of its own list of downloads.
DOWNLOADS = """
import hashlib, json, pathlib, platform
archive = pathlib.Path("/tmp/archive/python.tar.gz")
version, family = platform.python_version(), platform.machine()
major, minor, patch = map(int, version.split("."))
entry = {"name": "cpython", "arch": {"family": family, "variant": None}, "os": "linux", "libc": "gnu", "major": major,
    "minor": minor, "patch": patch, "prerelease": "", "variant": None, "build": "20260101", "url": archive.as_uri(),
    "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}
archive.with_name("downloads.json").write_text(json.dumps({f"cpython-{version}-linux-{family}-gnu": entry}))
"""

INSTALL = f"""set -e
uv=/srv/uv/bin/uv
$uv python install --quiet --managed-python --python-downloads-json-url /tmp/archive/downloads.json 3.13 2>&1
rm -r /tmp/archive
for prefix in /usr/local /opt/conda /opt/vendor {HOME}/.local/share/uv/python/cpython-3.13-linux-*; do
    $uv pip install --quiet --break-system-packages --python "$prefix/bin/python3.13" pip
done
# Debian's patched CPython puts programs here.
ln -s /opt/vendor/local/bin/pip /usr/local/bin/pip
"""

SHIM = f'#!/bin/sh\nexec {HOME}/.pyenv/versions/3.13.9/bin/python3.13 "$@"\n'
BROKEN_SHIM = '#!/bin/sh\necho "pyenv: python3.9: command not found" >&2\nexit 127\n'
SNAP = '#!/bin/sh\nexec "/snap/python/current/bin/${0##*/}" "$@"\n'


@dataclass(frozen=True)
class Known:
    """What is to be said of an interpreter: where it comes from and by what, its marker, and pip's answer."""

    origin: str
    evidence: str
    marker: str = "absent"
    outcome: str = "allowed"
    implementation: str = "cpython"


INTERPRETERS = {
    "/usr/bin/python3.13": Known(
        "distribution",
        "in /usr/bin, the distribution's own directory; package python3.13-minimal owns /usr/bin/python3.13",
        marker="valid",
        outcome="blocked",
    ),
    "/usr/bin/pypy3.11": Known(
        "distribution",
        "in /usr/bin, the distribution's own directory; package pypy3 owns /usr/bin/pypy3.11",
        marker="valid",
        outcome="blocked",
        implementation="pypy",
    ),
    "/usr/local/bin/python3.13": Known("local", "below /usr/local, which the distribution leaves to the administrator"),
    f"{HOME}/.pyenv/versions/3.13.9/bin/python3.13": Known(
        "pyenv", f"below {HOME}/.pyenv/versions", outcome="unsupported"
    ),
    "/opt/conda/bin/python3.13": Known(
        "conda",
        "conda-meta in its prefix /opt/conda, and its marker names conda",
        marker="valid",
        outcome="blocked",
    ),
    f"{HOME}/.local/share/uv/python/*/bin/python3.13": Known(
        "uv",
        f"below {HOME}/.local/share/uv/python, and its marker names uv",
        marker="valid",
        outcome="blocked",
    ),
    "/snap/python/12/bin/python3.13": Known("snap", "below /snap/python", outcome="unsupported"),
    "/opt/vendor/bin/python3.13": Known("other", "in /opt/vendor/bin, which is nobody's known place"),
    "/srv/v/bin/python3": Known("venv", "pyvenv.cfg in /srv/v"),
}


@pytest.fixture(scope="module")
def odd(host: Host, index: LocalIndex) -> Host:
    """A host with all of them."""
    index.add("alpha", "1.0")
    host.run(MAKE)
    host.run(["python3", "-"], stdin=DOWNLOADS)
    host.run(INSTALL)
    host.write("/opt/conda/lib/python3.13/EXTERNALLY-MANAGED", CONDA_MARKER)
    host.write(f"{HOME}/.pyenv/shims/python3.13", SHIM, mode="0755")
    host.write(f"{HOME}/.pyenv/shims/python3.9", BROKEN_SHIM, mode="0755")
    host.write("/usr/bin/snap", SNAP, mode="0755")
    return host


@pytest.fixture(scope="module")
def seen(odd: Host) -> dict[str, Any]:
    """What python_info says of it with pyenv's shims first on the search path, and two interpreters named."""
    path = f"{HOME}/.pyenv/shims:/usr/local/bin:/usr/bin:/bin"
    return look(odd, ["/srv/v", "/opt/vendor/bin/python3", "/opt/gone/bin/python3"], {"PATH": path})


def look(host: Host, interpreters: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    task = {"pep668.provision.python_info": {"interpreters": [*interpreters]}, "environment": dict(environment or {})}
    outcome = host.play([{"hosts": "all", "gather_facts": False, "tasks": [{"name": "Look", **task}]}], {})
    assert (outcome.rc, outcome.changed) == (0, 0), outcome.text
    return outcome.tasks[0].result


def described(host: Host, seen: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The description of the interpreter at this path (a pattern may stand for it), of that file unless in a venv."""
    named = path.startswith("/srv/v/")
    files = [path] if named else host.run(f"realpath {path}").stdout.split()
    found: list[dict[str, Any]] = [
        one
        for one in seen["interpreters"]
        if one["path" if named else "real_path"] in files and (named or one["origin"] != "venv")
    ]
    assert len(found) == 1, seen["interpreters"]
    return found[0]


def test_every_interpreter_is_found_and_none_twice(seen: dict[str, Any]) -> None:
    origins = sorted(one["origin"] for one in seen["interpreters"])
    assert origins == sorted(known.origin for known in INTERPRETERS.values()), seen["interpreters"]


@pytest.mark.parametrize("path", INTERPRETERS)
def test_the_origin_is_told_with_its_evidence(odd: Host, seen: dict[str, Any], path: str) -> None:
    known, found = INTERPRETERS[path], described(odd, seen, path)
    assert (found["origin"], found["origin_evidence"]) == (known.origin, known.evidence)
    assert found["implementation"] == known.implementation
    if known.origin != "venv":
        assert found["marker"]["state"] == known.marker
        assert found["externally_managed"] is (known.marker == "valid")


@pytest.mark.parametrize("path", INTERPRETERS)
def test_the_prediction_is_what_its_own_pip_then_does(odd: Host, seen: dict[str, Any], path: str) -> None:
    found = described(odd, seen, path)
    arguments = ["-m", "pip", "install", "--no-index", f"--find-links={ON_HOST}/files", "--no-deps", "alpha"]
    tried = odd.run([found["path"], *arguments], check=False)
    outcome = {0: "allowed", 1: "blocked"}[tried.rc]
    if "No module named pip" in tried.stderr:
        outcome = "unsupported"
    assert (found["system_install"], outcome) == (INTERPRETERS[path].outcome, INTERPRETERS[path].outcome), tried
    assert ("externally-managed-environment" in tried.stderr) is (outcome == "blocked")


def test_uv_wrote_the_marker_itself(seen: dict[str, Any]) -> None:
    (found,) = (one for one in seen["interpreters"] if one["origin"] == "uv")
    assert found["marker"]["message"] == UV_TEXT


def test_what_does_not_run_is_named_with_the_reason(seen: dict[str, Any]) -> None:
    assert seen["unusable"] == [
        {
            "path": f"{HOME}/.pyenv/shims/python3.9",
            "reason": "ends with exit status 127: pyenv: python3.9: command not found",
        },
        {"path": "/opt/gone/bin/python3", "reason": "is missing"},
    ]


def test_a_pip_of_another_interpreter_is_warned_of(odd: Host, seen: dict[str, Any]) -> None:
    pip, pip3 = seen["pip_commands"]
    version = odd.run(["python3", "-c", "import platform; print(platform.python_version())"]).stdout.strip()
    assert (pip["name"], pip["path"], pip["interpreter"]) == ("pip", "/usr/local/bin/pip", "/opt/vendor/bin/python3.13")
    assert pip["warning"] == (
        f"/usr/local/bin/pip installs into /opt/vendor/bin/python3.13 (other, Python {version}), not into the host's "
        f"own /usr/local/bin/python3 (Python {version}); for that one use /usr/local/bin/python3 -m pip."
    )
    assert odd.run(["/usr/local/bin/pip", "--version"]).stdout.split()[3].startswith("/opt/vendor/")
    assert (pip3["path"], pip3["interpreter"]) == ("/usr/bin/pip3", "/usr/bin/python3")
    assert "installs into /usr/bin/python3 (distribution" in pip3["warning"]


def test_the_hosts_own_pip_is_not_warned_of(odd: Host) -> None:
    odd.run("mv /usr/local/bin/python3 /usr/local/bin/pip /tmp")
    try:
        commands = look(odd)["pip_commands"]
    finally:
        odd.run("mv /tmp/python3 /tmp/pip /usr/local/bin")
    assert [(one["path"], one["warning"]) for one in commands] == [("/usr/bin/pip", ""), ("/usr/bin/pip3", "")]


def test_a_relative_path_is_refused(odd: Host) -> None:
    failed = odd.module("python_info", {"interpreters": ["bin/python3"]}, expect_failure=True)
    assert "'bin/python3' is not an absolute path" in failed["msg"]
