"""What pip put beside, before or over the distribution's Python packages: found, told, and what removes it."""

from __future__ import annotations

import posixpath
from typing import Any

import pytest
from packaged_python import (
    LOCAL,
    PACKAGED,
    PYTHON,
    SIX_FILES,
    audit,
    findings,
    with_installed,
    with_packaged,
    with_packaged_python,
)

from made_up_host import MadeUpHost
from package_databases import INFO
from pep668_provision.engine.audit.pip_record import read_record
from pep668_provision.engine.site import Installed

RULES = ("EM201", "EM202", "EM204", "EM205")
ROOTS = "/root/.local/lib/python3.11/site-packages"
ALICES = "/home/alice/.local/lib/python3.11/site-packages"


@pytest.fixture
def clean(made_up: MadeUpHost) -> MadeUpHost:
    return with_packaged_python(made_up)


def one_finding(made_up: MadeUpHost, rule: str) -> dict[str, Any]:
    (found,) = findings(made_up, *RULES)
    assert found["id"] == rule
    return found


def test_a_clean_host_has_none(clean: MadeUpHost) -> None:
    assert findings(clean, *RULES) == []
    # One process for each interpreter, and none for what is in its directories.
    assert clean.runner.started == ["/usr/bin/python3"]


def test_what_pip_installed_is_found_once(clean: MadeUpHost) -> None:
    with_installed(clean, "corp_agent", "4.2", files=["corp_agent/__init__.py", "../../../bin/corp-agent"])
    clean.with_program("/usr/local/bin/corp-agent")
    found = one_finding(clean, "EM201")
    assert found["subject"] == f"corp-agent 4.2 in {LOCAL}"
    assert found["severity"] == "warning"
    assert found["evidence"].startswith("No OS package brought it. pip put it there at 20")
    assert found["remedy"].endswith(
        f"By hand it is: PIP_BREAK_SYSTEM_PACKAGES=1 {PYTHON} -m pip uninstall corp-agent".replace(
            PYTHON, "/usr/bin/python3"
        )
    )
    (repair,) = found["repairs"]
    assert repair["module"] == "pip"
    assert repair["arguments"] == {
        "name": ["corp-agent"],
        "state": "absent",
        "externally_managed": "break",
        "python": "/usr/bin/python3",
    }
    assert repair["keeps"] == [
        "/usr/local/bin/corp-agent",
        f"{LOCAL}/corp_agent",
        f"{LOCAL}/corp_agent-4.2.dist-info",
    ]


@pytest.mark.parametrize("installer", ["uv", "poetry 1.8", ""])
def test_any_installer_but_a_package_manager_counts(clean: MadeUpHost, installer: str) -> None:
    evidence = one_finding(with_installed(clean, "rich", "13.0", installer=installer), "EM201")["evidence"]
    assert (f"{installer} put it there" if installer else "It was put there") in evidence


def test_a_package_counts_by_the_database_and_not_by_its_installer(clean: MadeUpHost) -> None:
    metadata = f"{PACKAGED}/rich-13.0.dist-info"
    files = {
        f"{metadata}/INSTALLER": "pip\n",
        f"{metadata}/RECORD": "rich.py,,\n",
        f"{metadata}/METADATA": "Name: rich\n",
    }
    with_packaged(clean, "python3-rich", files)
    assert findings(clean, *RULES) == []


def test_what_only_names_its_installer_is_a_package_managers(clean: MadeUpHost) -> None:
    metadata = f"{PACKAGED}/rich-13.0.dist-info"
    clean.with_file(f"{metadata}/INSTALLER", "debian\n").with_file(f"{metadata}/METADATA", "Name: rich\n")
    assert findings(clean, *RULES) == []


def test_one_that_an_older_pip_had_setup_py_install_is_found(clean: MadeUpHost) -> None:
    metadata = f"{LOCAL}/old-1.0.egg-info"
    clean.with_file(f"{metadata}/installed-files.txt", "../old.py\n../../../../bin/old\nPKG-INFO\n")
    clean.with_file(f"{LOCAL}/old.py").with_program("/usr/local/bin/old").with_file(f"{metadata}/PKG-INFO")
    (repair,) = one_finding(clean, "EM201")["repairs"]
    assert repair["keeps"] == ["/usr/local/bin/old", metadata, f"{LOCAL}/old.py"]


def test_what_no_installer_recorded_is_none(clean: MadeUpHost) -> None:
    clean.with_file(f"{LOCAL}/site-1.0.egg-info/PKG-INFO", "Name: site\n").with_file(f"{LOCAL}/site.py")
    assert findings(clean, *RULES) == []


def test_the_interpreters_of_others_are_theirs(clean: MadeUpHost) -> None:
    site = "/opt/python/3.13/lib/python3.13/site-packages"
    clean.with_interpreter("3.13.1", prefix="/usr/local", default=False)
    clean.pythons["/usr/local/bin/python3.13"].sites = (site,)
    with_installed(clean, "rich", "13.0", site=site)
    assert findings(clean, *RULES) == []


def test_one_before_a_packages_own_is_told_with_both_versions(clean: MadeUpHost) -> None:
    found = one_finding(with_installed(clean, "six", "1.17.0"), "EM202")
    assert found["severity"] == "error"
    assert found["subject"] == f"six 1.17.0 in {LOCAL}"
    assert f"in place of six 1.16.0 of the OS package python3-six in {PACKAGED}." in found["evidence"]
    assert [one["module"] for one in found["repairs"]] == ["pip"]


def test_where_the_packages_own_is_gone_it_comes_back_first(clean: MadeUpHost) -> None:
    # As an upstream pip on Debian 12 leaves it.
    with_installed(clean, "six", "1.17.0")
    for path in SIX_FILES:
        clean.without(path)
    clean.without(f"{PACKAGED}/six-1.16.0.egg-info")
    found = one_finding(clean, "EM202")
    assert "whose metadata is not there any more" in found["evidence"]
    assert [one["module"] for one in found["repairs"]] == ["package_manager", "pip"]
    assert found["repairs"][0] == {
        "module": "package_manager",
        "arguments": {"reinstall": ["python3-six"]},
        "keeps": [],
    }


def test_one_laid_over_a_package_has_that_installed_again_afterwards(clean: MadeUpHost) -> None:
    # Where pip installs into the very directory of the packages, as on Arch and Alpine.
    clean.without(f"{PACKAGED}/six-1.16.0.egg-info")
    found = one_finding(with_installed(clean, "six", "1.17.0", site=PACKAGED), "EM202")
    assert "Files of it stand in place of files of python3-six." in found["evidence"]
    assert "remove it, and install python3-six again." in found["remedy"]
    assert [one["module"] for one in found["repairs"]] == ["pip", "package_manager"]
    # What is overwritten by the package's own.
    assert found["repairs"][1]["keeps"] == [f"{PACKAGED}/six.py"]


def test_an_upstream_pip_before_the_packaged_one_has_a_rule_of_its_own(clean: MadeUpHost) -> None:
    with_installed(clean, "pip", "26.0")
    assert [one["id"] for one in findings(clean, *RULES)] == ["EM201"]
    with_packaged(clean, "python3-pip", {f"{PACKAGED}/pip-23.0.1.dist-info/METADATA": "Name: pip\n"})
    assert findings(clean, *RULES) == []


def test_one_behind_another_is_not_removed_for_the_user(clean: MadeUpHost) -> None:
    with_installed(clean, "rich", "13.0", site=PACKAGED)
    with_installed(clean, "rich", "14.0")
    first, second = findings(clean, *RULES)
    assert (first["subject"], second["subject"]) == (f"rich 13.0 in {PACKAGED}", f"rich 14.0 in {LOCAL}")
    assert (first["repairs"] == [], second["repairs"] == []) == (True, False)
    assert "pip removes the one that comes before it first" in first["remedy"]


def test_one_beside_the_packages_own_in_one_directory_is_removed_by_hand(clean: MadeUpHost) -> None:
    found = one_finding(with_installed(clean, "six", "1.17.0", site=PACKAGED), "EM202")
    assert found["repairs"] == []
    metadata = f"{PACKAGED}/six-1.17.0.dist-info"
    assert found["remedy"].endswith(f"By hand it is: rm -r {metadata}; apt-get install --reinstall python3-six")


def test_a_development_install_is_left_to_the_user(clean: MadeUpHost) -> None:
    clean.with_file(f"{LOCAL}/app.egg-link", "/srv/app\n.").with_file(
        "/srv/app/app.egg-info/PKG-INFO", "Version: 1.0\n"
    )
    found = one_finding(clean, "EM201")
    assert found["repairs"] == []
    assert "not removed for you, as it is used in place, from a project's directory" in found["remedy"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("../../../../../etc/shadow", id="above"),
        pytest.param("/etc/shadow", id="absolute"),
        pytest.param("rich/../../../../../../etc/shadow", id="inside and out"),
        pytest.param("../../../share/../../../etc/shadow", id="by a place of data"),
        pytest.param("../../../share/link/shadow", id="by a link"),
        pytest.param("../../../../../usr/bin/apt-get", id="of the system"),
        pytest.param("rich\x1b[2J.py", id="a terminal's"),
    ],
)
def test_a_record_leads_nowhere_else(clean: MadeUpHost, path: str) -> None:
    clean.with_file("/etc/shadow", "root:secret").with_link("/usr/local/share/link", "../../../etc")
    with_installed(clean, "rich", "13.0", files=[path, "rich/__init__.py"])
    found = one_finding(clean, "EM201")
    assert found["repairs"] == []
    assert "It is not removed for you, as its list of files has" in found["remedy"]
    assert "\x1b" not in str(found)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"", id="empty"),
        pytest.param(bytes(range(256)) * 8, id="binary"),
        pytest.param(b"a" * (33 * 1024 * 1024), id="huge"),
        pytest.param(b",,\n" * 1000, id="nothing but commas"),
    ],
)
def test_a_record_that_cannot_be_read_leaves_it_to_the_user(clean: MadeUpHost, record: bytes) -> None:
    with_installed(clean, "rich", "13.0").with_file(f"{LOCAL}/rich-13.0.dist-info/RECORD", record)
    found = one_finding(clean, "EM201")
    assert found["repairs"] == []
    assert "not removed for you" in found["remedy"]


def test_a_record_of_very_many_places_is_left_to_the_user(clean: MadeUpHost) -> None:
    with_installed(clean, "rich", "13.0", files=[f"module{number}.py" for number in range(2500)])
    assert "in more than 2000 places" in one_finding(clean, "EM201")["remedy"]


@pytest.mark.parametrize("site", [LOCAL, ROOTS, "/usr/lib64/python3.14/site-packages"])
def test_what_is_kept_is_where_pip_puts_files(clean: MadeUpHost, site: str) -> None:
    files = [
        "rich/a.py",
        "rich/b/c.py",
        "one.py",
        "__pycache__/one.pyc",
        "../../../bin/rich",
        "../../../share/man/man1/r.1",
    ]
    prefix = posixpath.normpath(f"{site}/../../..")
    with_installed(clean, "rich", "13.0", site=site, files=files)
    record = read_record(clean.host, Installed("rich", "13.0", f"{site}/rich-13.0.dist-info"), site)
    assert record.problem == ""
    expected = {f"{site}/{name}" for name in ("rich", "one.py", "rich-13.0.dist-info")}
    assert set(record.keeps) == expected | {f"{prefix}/bin/rich", f"{prefix}/share/man/man1/r.1"}


def test_roots_own_are_found_with_what_removes_them(clean: MadeUpHost) -> None:
    with_installed(clean, "rich", "13.0", site=ROOTS, files=["rich/__init__.py", "../../../bin/rich"])
    with_installed(clean, "attrs", "22.0", site=ROOTS)
    found = one_finding(clean, "EM204")
    assert (found["subject"], found["severity"]) == (ROOTS, "warning")
    assert found["evidence"].startswith("2 distributions: attrs 22.0, rich 13.0, which root's")
    (repair,) = found["repairs"]
    assert repair["arguments"] == {
        "name": ["attrs", "rich"],
        "state": "absent",
        "scope": "user",
        "user": "root",
        "externally_managed": "break",
        "python": "/usr/bin/python3",
    }
    assert set(repair["keeps"]) == {
        "/root/.local/bin/rich",
        f"{ROOTS}/attrs.py",
        f"{ROOTS}/attrs-22.0.dist-info",
        f"{ROOTS}/rich",
        f"{ROOTS}/rich-13.0.dist-info",
    }


def test_those_of_a_python_that_is_gone_are_only_told(clean: MadeUpHost) -> None:
    site = ROOTS.replace("3.11", "3.9")
    found = one_finding(with_installed(clean, "rich", "13.0", site=site), "EM204")
    assert found["repairs"] == []
    assert found["remedy"] == f"No Python 3.9 is here to read it; once nothing in it is wanted: rm -r {site}"


def test_those_of_other_accounts_are_worth_knowing(clean: MadeUpHost) -> None:
    found = one_finding(with_installed(clean, "rich", "13.0", site=ALICES), "EM205")
    assert (found["subject"], found["severity"], found["repairs"]) == (ALICES, "info", [])


def test_an_account_cannot_make_up_more_than_names(clean: MadeUpHost) -> None:
    clean.with_file(f"{ALICES}/evil\x1b[2J-1.0.dist-info/METADATA").with_link(f"{ALICES}/pip-1.0.dist-info", "/etc")
    clean.with_link("/home/alice/.local/lib/python3.12", "/dev").with_directory(f"{ALICES}/-x-1.dist-info")
    found = one_finding(clean, "EM205")
    assert found["evidence"].startswith("1 distribution: pip 1.0, which")


def test_without_a_package_database_nobody_knows_whose_they_are(clean: MadeUpHost) -> None:
    with_installed(clean, "rich", "13.0").without(INFO)
    found = audit(clean, *RULES)
    assert found["findings"] == []
    assert [(one["rule"], one["what"]) for one in found["unread"]] == [
        ("EM201", "distributions"),
        ("EM202", "distributions"),
    ]


def test_rpm_that_does_not_answer_is_said(clean: MadeUpHost) -> None:
    clean.without(INFO).with_program("/usr/bin/rpm")
    found = audit(clean, *RULES)
    assert found["findings"] == []
    assert {one["rule"] for one in found["unread"]} == {"EM201", "EM202"}
    assert all("rpm does not say which packages are installed" in one["reason"] for one in found["unread"])


def test_what_is_closed_to_the_account_is_said(clean: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = {str(clean.real(path)) for path in ("/root", LOCAL)}
    monkeypatch.setattr("os.access", lambda path, _mode: str(path) not in closed)
    clean.uid = 61002
    found = audit(clean, *RULES)
    assert found["findings"] == []
    assert [(one["rule"], one["what"], one["reason"]) for one in found["unread"]] == [
        ("EM201", LOCAL, "alice may not look into it"),
        ("EM202", LOCAL, "alice may not look into it"),
        ("EM204", "/root", "alice may not look into it"),
    ]
