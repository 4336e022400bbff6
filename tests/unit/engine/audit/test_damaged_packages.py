"""Files of the distribution's Python packages that are missing or changed, and what brings them back."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from packaged_python import INFO, PACKAGED, SIX_FILES, STDLIB, audit, findings, with_packaged, with_packaged_python

from made_up_host import MadeUpHost

SIX = f"{PACKAGED}/six.py"


@pytest.fixture
def clean(made_up: MadeUpHost) -> MadeUpHost:
    return with_packaged_python(made_up)


def test_a_clean_host_has_none(clean: MadeUpHost) -> None:
    assert findings(clean, "EM203") == []


def test_what_is_gone_and_what_is_changed_is_told_of_each_package(clean: MadeUpHost) -> None:
    clean.without(SIX).with_file(f"{PACKAGED}/six-1.16.0.egg-info/PKG-INFO", "Name: six\nVersion: 1.17.0\n")
    clean.with_file(f"{STDLIB}/os.py", "import evil\n")
    first, second = findings(clean, "EM203")
    assert (first["subject"], second["subject"]) == ("libpython3.11-stdlib", "python3-six")
    assert first["evidence"] == f"Of libpython3.11-stdlib 1.0-1 1 file is changed ({STDLIB}/os.py)."
    assert second["evidence"] == (
        f"Of python3-six 1.0-1 1 file is missing ({SIX}) and 1 file is changed"
        f" ({PACKAGED}/six-1.16.0.egg-info/PKG-INFO)."
    )
    assert second["remedy"].endswith("install --reinstall --yes --no-install-recommends python3-six:amd64=1.0-1")
    (repair,) = second["repairs"]
    assert repair == {
        "module": "package_manager",
        "arguments": {"reinstall": ["python3-six"]},
        "keeps": [f"{PACKAGED}/six-1.16.0.egg-info/PKG-INFO"],
    }


def test_of_many_files_the_first_are_named(clean: MadeUpHost) -> None:
    with_packaged(clean, "python3-many", {f"{PACKAGED}/many/m{number}.py": "" for number in range(9)})
    clean.without(f"{PACKAGED}/many")
    (found,) = findings(clean, "EM203")
    assert found["evidence"].startswith(f"Of python3-many 1.0-1 9 files are missing ({PACKAGED}/many/m0.py, ")
    assert found["evidence"].endswith("m4.py and 4 more).")


def test_programs_of_such_packages_count_and_other_packages_do_not(clean: MadeUpHost) -> None:
    with_packaged(clean, "python3-tool", {f"{PACKAGED}/tool.py": "", "/usr/bin/tool": "#!python\n", "/usr/share/t": ""})
    clean.with_program("/usr/bin/tool", "#!pip's\n").without("/usr/share/t").without("/bin/bash")
    (found,) = findings(clean, "EM203")
    assert (found["subject"], "/usr/share/t" in found["evidence"]) == ("python3-tool", False)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("/etc/dpkg/dpkg.cfg.d/docker", f"path-exclude {PACKAGED}/*\n", id="left out by dpkg"),
        pytest.param("/var/lib/dpkg/diversions", f"{SIX}\n{SIX}.distrib\n:\n", id="diverted"),
    ],
)
def test_what_is_kept_away_on_purpose_is_not_missed(clean: MadeUpHost, path: str, text: str) -> None:
    assert findings(clean.without(SIX).with_file(path, text), "EM203") == []


def test_markers_links_configuration_and_byte_code_are_not_judged(clean: MadeUpHost) -> None:
    listed = [f"{STDLIB}/sitecustomize.py", "/etc/python3.11/sitecustomize.py", f"{PACKAGED}/link.py"]
    clean.with_file(f"{INFO}/python3-more.list", "\n".join(listed) + "\n").without(f"{STDLIB}/EXTERNALLY-MANAGED")
    with_packaged(clean, "python3-code", {f"{PACKAGED}/__pycache__/x.cpython-311.pyc": "code"})
    assert findings(clean.without(f"{PACKAGED}/__pycache__"), "EM203") == []


def test_of_what_pip_does_not_write_only_that_it_is_there_counts(clean: MadeUpHost) -> None:
    assert findings(clean.with_file(f"{STDLIB}/lib-dynload/_ssl.so", "another build"), "EM203") == []
    assert len(findings(clean.without(f"{STDLIB}/lib-dynload/_ssl.so"), "EM203")) == 1


def test_what_was_not_touched_since_its_package_was_laid_down_is_not_read(clean: MadeUpHost) -> None:
    clean.with_file(SIX, "changed")
    later = clean.real(SIX).stat().st_ctime + 60
    os.utime(clean.real(f"{INFO}/python3-six.list"), (later, later))
    assert findings(clean, "EM203") == []
    os.utime(clean.real(f"{INFO}/python3-six.list"), (1, 1))
    assert len(findings(clean, "EM203")) == 1


@pytest.mark.parametrize(
    "standing",
    [
        pytest.param("link", id="a link to nothing"),
        pytest.param("directory", id="a directory"),
        pytest.param("pipe", id="a pipe"),
    ],
)
def test_what_is_no_file_is_a_change(clean: MadeUpHost, standing: str) -> None:
    clean.without(SIX)
    if standing == "link":
        clean.with_link(SIX, "/nowhere")
    elif standing == "directory":
        clean.with_directory(SIX)
    else:
        os.mkfifo(clean.real(SIX))
    (found,) = findings(clean, "EM203")
    assert f"1 file is changed ({SIX})" in found["evidence"]


def test_a_damaged_database_makes_up_nothing(clean: MadeUpHost) -> None:
    clean.with_file(f"{INFO}/-x.list", f"{PACKAGED}/x.py\n").with_file(
        f"{INFO}/-x.md5sums", "0" * 32 + f"  {PACKAGED[1:]}/x.py\n"
    )
    clean.with_file(f"{INFO}/python3-odd.list", f"{PACKAGED}/../../../../etc/shadow\n{PACKAGED}/a\x1bb.py\n")
    clean.with_file(f"{INFO}/python3-odd.md5sums", bytes(range(256)) * 4)
    assert findings(clean, "EM203") == []


def test_nobodys_files_are_judged_without_a_database(clean: MadeUpHost) -> None:
    found = audit(clean.without(INFO), "EM203")
    assert (found["findings"], [one["what"] for one in found["unread"]]) == ([], ["files of packages"])


def test_what_another_account_may_not_see_is_not_missing(clean: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    clean.without(SIX)
    monkeypatch.setattr("os.access", lambda path, _mode: str(path) != str(clean.real(PACKAGED)))
    clean.uid = 61002
    found = audit(clean, "EM203")
    assert found["findings"] == []
    assert [(one["what"], one["reason"]) for one in found["unread"]] == [
        ("1 files of packages", "alice may not read them")
    ]


def test_what_there_is_no_time_for_is_said(clean: MadeUpHost) -> None:
    clean.with_file(SIX, "changed")
    host = clean.host
    ticks = iter([*[clean.now] * 2, *[clean.now + 100.0] * 10_000])
    found = audit(clean, "EM203", host=replace(host, clock=lambda: next(ticks)))
    assert found["findings"] == []
    assert "it would have taken too long" in [one["reason"] for one in found["unread"]]


def test_every_file_of_the_fixture_is_recorded(clean: MadeUpHost) -> None:
    # So that what the other tests take away is what they mean.
    for path in SIX_FILES:
        assert path in clean.real(f"{INFO}/python3-six.list").read_text()
