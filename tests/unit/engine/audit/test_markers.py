"""EM001-EM003: markers that are not as their packages ship them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from audited import audit, findings, subjects
from made_up_host import MARKER, MadeUpHost
from package_databases import FILE, OTHER_TEXT, with_apk, with_dpkg, with_pacman
from pep668_provision.engine.process import Command, Completed

ENDING = {"module": "marker", "arguments": {"path": FILE, "end_diversion": True}, "keeps": []}
MARKERS = ("EM001", "EM002", "EM003")
DATABASES = [
    pytest.param(with_dpkg, "/usr/bin/apt-get", "apt-get install --reinstall libpython3.13-stdlib", id="dpkg"),
    pytest.param(with_pacman, "/usr/bin/pacman", "pacman --sync python", id="pacman"),
    pytest.param(with_apk, "/sbin/apk", "apk fix --reinstall python3", id="apk"),
]


@pytest.mark.parametrize(("build", "program", "command"), DATABASES)
def test_a_marker_that_is_gone_is_an_error_with_the_command_that_brings_it_back(
    made_up: MadeUpHost, build: Callable[[MadeUpHost], MadeUpHost], program: str, command: str
) -> None:
    build(made_up).with_program(program).with_file(FILE, MARKER)
    assert findings(made_up, *MARKERS) == []
    (found,) = findings(made_up.without(FILE), *MARKERS)
    assert (found["id"], found["severity"], found["subject"]) == ("EM001", "error", FILE)
    assert found["remedy"] == f"Restore it from its package: {command}"
    assert "the file is gone" in found["evidence"]
    assert found["repairs"] == [{"module": "marker", "arguments": {"path": FILE}, "keeps": []}]


def test_an_edited_marker_is_a_warning_that_says_since_when(made_up: MadeUpHost) -> None:
    with_dpkg(made_up).with_program("/usr/bin/apt-get").with_file(FILE, OTHER_TEXT)
    (found,) = findings(made_up, *MARKERS)
    assert (found["id"], found["severity"], found["subject"]) == ("EM002", "warning", FILE)
    assert "It was last written at 20" in found["evidence"]
    # What somebody wrote there is worth keeping.
    assert found["repairs"] == [{"module": "marker", "arguments": {"path": FILE}, "keeps": [FILE]}]


def test_a_directory_in_its_place_is_for_a_human(made_up: MadeUpHost) -> None:
    with_dpkg(made_up).with_program("/usr/bin/apt-get").with_directory(FILE)
    (found,) = findings(made_up, *MARKERS)
    assert (found["id"], found["repairs"]) == ("EM002", [])
    assert f"mv {FILE} {FILE}.old; apt-get install --reinstall libpython3.13-stdlib" in found["remedy"]


@pytest.mark.parametrize(
    ("by", "stands", "command", "repairs"),
    [
        pytest.param(":", False, f"dpkg-divert --local --rename --remove {FILE}", [ENDING], id="local"),
        pytest.param("site", False, f"dpkg-divert --package site --rename --remove {FILE}", [], id="package"),
        pytest.param(
            ":",
            True,
            f"mv {FILE} {FILE}.old; dpkg-divert --local --rename --remove {FILE}",
            [],
            id="another stands there",
        ),
    ],
)
def test_a_diverted_marker_comes_with_the_way_back(
    made_up: MadeUpHost, by: str, stands: bool, command: str, repairs: list[object]
) -> None:
    with_dpkg(made_up).with_file("/var/lib/dpkg/diversions", f"{FILE}\n{FILE}.distrib\n{by}\n")
    if stands:
        made_up.with_file(FILE, OTHER_TEXT)
    (found,) = findings(made_up, *MARKERS)
    assert (found["id"], found["severity"], found["subject"], found["repairs"]) == ("EM003", "warning", FILE, repairs)
    assert found["remedy"].endswith(command)


def test_a_marker_that_is_kept_from_being_written_comes_with_what_keeps_it(made_up: MadeUpHost) -> None:
    with_dpkg(made_up).with_program("/usr/bin/apt-get")
    made_up.with_file("/etc/dpkg/dpkg.cfg.d/marker", f"path-exclude {FILE}\n")
    (found,) = findings(made_up, *MARKERS)
    assert (found["id"], found["repairs"]) == ("EM003", [])
    assert "/etc/dpkg/dpkg.cfg.d/marker keeps dpkg from writing it" in found["evidence"]
    assert found["remedy"].endswith("apt-get install --reinstall libpython3.13-stdlib")
    # It is there still: only the next time it would not be written.
    assert subjects(made_up.with_file(FILE, MARKER), *MARKERS) == []


def test_without_a_package_manager_there_is_no_repair(made_up: MadeUpHost) -> None:
    (found,) = findings(with_dpkg(made_up), *MARKERS)
    assert (found["id"], found["repairs"]) == ("EM001", [])
    assert found["remedy"] == "Install libpython3.13-stdlib again as it was installed before."


def test_a_database_that_cannot_be_read_is_said(made_up: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up.with_program("/usr/bin/rpm").with_directory("/usr/lib64/python3.13")

    def damaged(command: Command, _environ: Mapping[str, str]) -> Completed:
        return Completed(command, 1, "", "error: rpmdb: damaged header")

    monkeypatch.setattr(made_up, "runner", damaged)
    report = audit(made_up, *MARKERS)
    assert report["findings"] == []
    assert [one["rule"] for one in report["unread"]] == list(MARKERS)
    assert all("rpm does not say what packages own" in one["reason"] for one in report["unread"])
