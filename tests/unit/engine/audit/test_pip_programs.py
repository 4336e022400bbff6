"""EM301-EM303: pips that are not what whoever types pip takes them for."""

from __future__ import annotations

import pytest

from audited import audit, findings, subjects
from made_up_host import MARKER, MadeUpHost

PIPS = ("EM301", "EM302", "EM303")
UPSTREAM = "/usr/local/lib/python3.11/dist-packages/pip"
PACKAGED = "/usr/lib/python3/dist-packages/pip"


@pytest.fixture
def host(debian: MadeUpHost) -> MadeUpHost:
    """Debian 12 with its packaged pip."""
    debian.with_program("/usr/bin/pip", "#!/usr/bin/python3\n").with_link("/usr/bin/pip3", "pip")
    return debian.with_file("/var/lib/dpkg/info/python3-pip.list", f"/.\n{PACKAGED}/__init__.py\n")


def test_the_distributions_own_pip_is_no_finding(host: MadeUpHost) -> None:
    report = audit(host, *PIPS)
    assert (report["findings"], report["unread"]) == ([], [])


def test_a_pip_of_another_interpreter_is_a_warning(host: MadeUpHost) -> None:
    host.with_interpreter("3.12.4", prefix="/opt/py", default=False)
    host.with_program("/usr/local/bin/pip", "#!/opt/py/bin/python3.12\n")
    (found,) = findings(host, *PIPS)
    assert (found["id"], found["severity"], found["subject"]) == ("EM301", "warning", "/usr/local/bin/pip")
    assert "installs into /opt/py/bin/python3.12" in found["evidence"]
    assert found["remedy"] == (
        "Call /usr/bin/python3 -m pip for the host's own python3. Unless this one is meant, remove it: "
        "rm /usr/local/bin/pip"
    )


def test_a_pip_that_a_package_brought_is_not_to_be_deleted(host: MadeUpHost) -> None:
    host.with_interpreter("3.12.4", prefix="/opt/py", default=False)
    host.with_program("/usr/local/bin/pip", "#!/opt/py/bin/python3.12\n")
    host.with_file("/var/lib/dpkg/info/vendor-pip.list", "/.\n/usr/local/bin/pip\n")
    (found,) = findings(host, *PIPS)
    assert "the package vendor-pip owns it" in found["remedy"]
    assert "rm " not in found["remedy"]


def test_pip_and_pip3_of_another_interpreter_are_two(host: MadeUpHost) -> None:
    host.with_program("/usr/local/bin/pip", "#!/usr/bin/python3.9\n")
    host.with_program("/usr/local/bin/pip3", "#!/usr/bin/python3.9\n")
    assert subjects(host, *PIPS) == [("EM301", "/usr/local/bin/pip"), ("EM301", "/usr/local/bin/pip3")]


def test_a_pip_that_does_not_tell_is_said(host: MadeUpHost) -> None:
    report = audit(host.with_program("/usr/local/bin/pip", "#!/usr/bin/env bash\n"), *PIPS)
    assert report["findings"] == []
    assert [(one["rule"], one["what"]) for one in report["unread"]] == [("EM301", "/usr/local/bin/pip")]


def test_the_pip_of_an_environment_that_the_caller_works_in_is_passed_over(host: MadeUpHost) -> None:
    host.with_venv("/srv/v").with_program("/srv/v/bin/pip", "#!/srv/v/bin/python\n")
    host.environ = {**host.environ, "PATH": f"/srv/v/bin:{host.environ['PATH']}"}
    assert findings(host, *PIPS) == []


def test_an_upstream_pip_before_the_packaged_one_is_a_warning_with_both_versions(host: MadeUpHost) -> None:
    host.python_of().upstream_pip = "25.3"
    (found,) = findings(host, *PIPS)
    assert (found["id"], found["severity"], found["subject"], found["repairs"]) == ("EM302", "warning", UPSTREAM, [])
    assert f"imports pip 25.3 from {UPSTREAM}, which no package owns" in found["evidence"]
    assert f"pip 23.0.1 of the package python3-pip in {PACKAGED} comes after it" in found["evidence"]
    assert "PIP_BREAK_SYSTEM_PACKAGES=1 /usr/bin/python3 -m pip uninstall pip" in found["remedy"]


def test_a_pip_that_hides_none_of_a_package_is_no_such(host: MadeUpHost) -> None:
    host.python_of().upstream_pip = "25.3"
    assert findings(host.with_file("/var/lib/dpkg/info/python3-pip.list", "/.\n"), *PIPS) == []


def test_in_an_administrators_own_python_nothing_is_hidden(host: MadeUpHost) -> None:
    host.with_interpreter("3.12.4", prefix="/usr/local", pip="24.0", default=False)
    host.python_of("3.12").upstream_pip = "25.3"
    assert findings(host, *PIPS) == []


@pytest.mark.parametrize(
    ("pip", "marker", "text"),
    [
        pytest.param("22.3.1", MARKER, "pip 22.3.1 in", id="does not check"),
        pytest.param("23.0", MARKER, "cannot be overridden", id="cannot be overridden"),
        pytest.param("23.0.1", MARKER, "", id="checks and can be overridden"),
        pytest.param("20.3.4", None, "", id="no marker to check"),
        pytest.param("", MARKER, "", id="no pip"),
    ],
)
def test_a_pip_that_is_too_old_for_a_marker_is_told(
    made_up: MadeUpHost, pip: str, marker: str | None, text: str
) -> None:
    made_up.with_debian("12").with_interpreter("3.11.2", marker=marker, pip=pip)
    found = findings(made_up, *PIPS)
    assert [(one["id"], one["severity"], one["subject"]) for one in found] == [
        ("EM303", "info", "/usr/bin/python3")
    ] * bool(text)
    assert all(text in one["evidence"] for one in found)
    # Which this pip would refuse whatever it is told.
    assert all(("rm -r " in one["remedy"]) is (pip == "23.0") for one in found)
