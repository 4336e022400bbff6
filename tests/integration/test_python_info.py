"""python_info on real hosts: what it says of the release, and what it predicts of pip, held against that pip itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from hosts import DEBIANS, Host
from local_index import ON_HOST, LocalIndex

pytestmark = pytest.mark.releases(*DEBIANS)


@dataclass(frozen=True)
class Release:
    """What a release is known for: the versions of its packages, and whether its Python is marked."""

    version: str
    python: str
    pip: str
    marked: bool
    pipx: str

    @property
    def marker(self) -> str:
        return f"/usr/lib/python{self.python}/EXTERNALLY-MANAGED"


RELEASES = {
    "debian11": Release("11", "3.9", "20.3.4", marked=False, pipx=""),
    "debian12": Release("12", "3.11", "23.0.1", marked=True, pipx="1.1.0"),
    "debian13": Release("13", "3.13", "25.1.1", marked=True, pipx="1.7.1"),
}

#: Where pip's override can come from: files with their text, and variables.
OVERRIDES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "none": ({}, {}),
    "/etc/pip.conf": ({"/etc/pip.conf": "[global]\nbreak-system-packages = true\n"}, {}),
    "[install]": ({"/etc/pip.conf": "[install]\nbreak-system-packages = yes\n"}, {}),
    "the user's file": ({"/root/.config/pip/pip.conf": "[global]\nbreak-system-packages = 1\n"}, {}),
    "the user's file against /etc": (
        {
            "/etc/pip.conf": "[global]\nbreak-system-packages = true\n",
            "/root/.config/pip/pip.conf": "[global]\nbreak-system-packages = false\n",
        },
        {},
    ),
    "the variable": ({}, {"PIP_BREAK_SYSTEM_PACKAGES": "1"}),
    "the variable says 0": (
        {"/etc/pip.conf": "[global]\nbreak-system-packages = true\n"},
        {"PIP_BREAK_SYSTEM_PACKAGES": "0"},
    ),
    "an empty variable": (
        {"/etc/pip.conf": "[global]\nbreak-system-packages = true\n"},
        {"PIP_BREAK_SYSTEM_PACKAGES": ""},
    ),
    "a named file": ({"/srv/own.conf": "[global]\nbreak-system-packages = on\n"}, {"PIP_CONFIG_FILE": "/srv/own.conf"}),
    "files switched off": (
        {"/etc/pip.conf": "[global]\nbreak-system-packages = true\n"},
        {"PIP_CONFIG_FILE": "/dev/null"},
    ),
    "a value pip refuses": ({}, {"PIP_BREAK_SYSTEM_PACKAGES": "maybe"}),
}

#: What pip would use of each: the value, and where it comes from.
USED: dict[str, tuple[bool | None, str]] = {
    "none": (None, ""),
    "/etc/pip.conf": (True, "/etc/pip.conf"),
    "[install]": (True, "/etc/pip.conf"),
    "the user's file": (True, "/root/.config/pip/pip.conf"),
    "the user's file against /etc": (False, "/root/.config/pip/pip.conf"),
    "the variable": (True, "PIP_BREAK_SYSTEM_PACKAGES"),
    "the variable says 0": (False, "PIP_BREAK_SYSTEM_PACKAGES"),
    "an empty variable": (True, "/etc/pip.conf"),
    "a named file": (True, "/srv/own.conf"),
    "files switched off": (None, ""),
    "a value pip refuses": (None, "PIP_BREAK_SYSTEM_PACKAGES"),
}

#: What an old pip and a new one can differ about; where files are read is the same for all.
EVERYWHERE = ("none", "/etc/pip.conf", "the variable", "a value pip refuses")


@pytest.fixture(scope="module")
def with_pip(host: Host, index: LocalIndex) -> Host:
    """A host with the release's own pip and, where there is one, its pipx."""
    index.add("alpha", "1.0")
    names = "python3-pip $(apt-cache show pipx >/dev/null 2>&1 && echo pipx)"
    host.run(f"apt-get -q update && apt-get -q install --yes --no-install-recommends {names}")
    return host


def look(host: Host, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    task = {"name": "Look", "pep668.provision.python_info": {}, "environment": dict(environment or {})}
    outcome = host.play([{"hosts": "all", "gather_facts": False, "tasks": [task]}], {})
    assert outcome.rc == 0, outcome.text
    assert outcome.changed == 0
    return outcome.tasks[0].result


def test_a_host_without_pip_is_described(fresh_host: Host, release: str) -> None:
    known = RELEASES[release]
    before = fresh_host.state_of("/usr/lib/python3")
    seen = look(fresh_host)
    assert seen["host"] == {
        "distribution": "debian",
        "name": "Debian GNU/Linux",
        "version": known.version,
        "family": "debian",
        "package_manager": "apt",
    }
    (python,) = seen["interpreters"]
    assert python["real_path"] == f"/usr/bin/python{known.python}"
    assert (
        python["version"]
        == fresh_host.run(["python3", "-c", "import platform as p; print(p.python_version())"]).stdout.strip()
    )
    assert (python["implementation"], python["origin"]) == ("cpython", "distribution")
    assert python["origin_evidence"] == (
        f"in /usr/bin, the distribution's own directory; package python{known.python}-minimal owns "
        f"/usr/bin/python{known.python}"
    )
    assert (seen["unusable"], seen["pip_commands"]) == ([], [])
    assert python["can_create_venv"] is False
    assert python["pip"] is None
    assert python["system_install"] == "unsupported"
    assert "no pip" in python["reason"]
    assert (seen["pipx"], seen["uv"]) == ([], "")
    assert fresh_host.state_of("/usr/lib/python3") == before


def test_marker_pip_and_pipx_are_those_of_the_release(with_pip: Host, release: str) -> None:
    known = RELEASES[release]
    with_pip.write("/usr/local/bin/python3.8", "#!/bin/sh\nexit 127\n", mode="0755")
    seen = look(with_pip)
    with_pip.run(["rm", "/usr/local/bin/python3.8"])
    (python,) = seen["interpreters"]
    assert seen["unusable"] == [{"path": "/usr/local/bin/python3.8", "reason": "ends with exit status 127"}]
    assert {(one["path"], one["warning"]) for one in seen["pip_commands"]} >= {("/usr/bin/pip3", "")}
    assert python["externally_managed"] is known.marked
    assert python["marker"]["path"] == known.marker
    assert python["marker"]["state"] == ("valid" if known.marked else "absent")
    assert ("apt install" in python["marker"]["message"]) is known.marked
    assert with_pip.exists(known.marker) is known.marked
    assert python["pip"]["version"] == known.pip
    assert python["pip"]["path"] == "/usr/lib/python3/dist-packages/pip"
    assert python["pip"]["checks_marker"] is known.marked
    assert python["pip"]["has_override_flag"] is known.marked
    assert [one["version"] for one in seen["pipx"]] == ([known.pipx] if known.pipx else [])
    assert python["decided_by"] == (known.marker if known.marked else "")
    calls = python["calls"]
    assert calls["install --user"] == calls["uninstall"] == python["system_install"]
    assert calls["install --target"] == "allowed"
    # Debian 11's pip has neither the flag nor a rehearsal.
    assert (calls["install --break-system-packages"] == "allowed") is known.marked
    assert (calls["install --dry-run --report"] == "allowed") is known.marked


@pytest.mark.parametrize(
    "override",
    [
        pytest.param(name, marks=[] if name in EVERYWHERE else pytest.mark.releases("debian12"), id=name)
        for name in OVERRIDES
    ],
)
def test_the_prediction_is_what_pip_then_does(with_pip: Host, release: str, override: str) -> None:
    files, environment = OVERRIDES[override]
    for path, text in files.items():
        with_pip.write(path, text)
    try:
        (python,) = look(with_pip, environment)["interpreters"]
        command = [
            "python3",
            "-m",
            "pip",
            "install",
            "--no-index",
            f"--find-links={ON_HOST}/files",
            "--no-deps",
            "alpha",
        ]
        tried = with_pip.run(command, environment=environment, check=False)
    finally:
        with_pip.run(["rm", "-f", *files])
        with_pip.run(["sh", "-c", "rm -rf /usr/local/lib/python3*/dist-packages/alpha*"])
    assert (python["override"]["value"], python["override"]["source"]) == USED[override]
    outcome = {0: "allowed", 1: "blocked", 2: "unsupported"}[tried.rc]
    assert python["system_install"] == outcome, f"{python['reason']}\n{tried}"
    assert ("externally-managed-environment" in tried.stderr) is (outcome == "blocked")
    assert python["reason"]
    if not RELEASES[release].marked:
        assert outcome == "allowed"


def test_a_virtual_environment_on_the_path_is_told_from_the_system(with_pip: Host, release: str) -> None:
    with_pip.run("apt-get -q install --yes --no-install-recommends python3-venv && python3 -m venv /srv/v")
    seen = look(with_pip, {"PATH": "/srv/v/bin:/usr/bin:/bin"})["interpreters"]
    by_path = {one["path"]: one for one in seen}
    inside = by_path.pop("/srv/v/bin/python3")
    assert (inside["origin"], inside["externally_managed"], inside["system_install"]) == ("venv", False, "allowed")
    (system,) = by_path.values()
    assert system["origin"] == "distribution"
    assert system["can_create_venv"] is True
    assert system["externally_managed"] is RELEASES[release].marked
