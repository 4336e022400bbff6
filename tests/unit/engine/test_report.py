"""The report that python_info returns, on hosts that are not at hand: openSUSE, Homebrew, and others."""

from __future__ import annotations

from typing import Any

import pytest

from made_up_host import MARKER, MadeUpHost
from pep668_provision.engine.errors import InvalidState
from pep668_provision.engine.report import report_host


def interpreters_of(made_up: MadeUpHost, *named: str) -> list[dict[str, Any]]:
    found = report_host(made_up.host, named)["interpreters"]
    assert isinstance(found, list)
    return found


def test_the_marker_of_opensuse_lies_below_lib64(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.13.5", pip="25.1.1").without("/usr/lib/python3.13")
    made_up.pythons["/usr/bin/python3.13"].stdlib = "/usr/lib64/python3.13"
    made_up.with_file("/usr/lib64/python3.13/EXTERNALLY-MANAGED", MARKER)
    (found,) = interpreters_of(made_up)
    assert found["marker"]["path"] == "/usr/lib64/python3.13/EXTERNALLY-MANAGED"
    assert (found["externally_managed"], found["system_install"]) == (True, "blocked")
    assert found["origin"] == "distribution"


@pytest.mark.parametrize("root", ["/opt/homebrew", "/home/linuxbrew/.linuxbrew"])
def test_homebrews_python_is_found_without_being_on_the_path(made_up: MadeUpHost, root: str) -> None:
    prefix = f"{root}/Cellar/python@3.12/3.12.4"
    made_up.with_interpreter("3.12.4", prefix=prefix, marker=MARKER, pip="24.0")
    made_up.with_link(f"{root}/bin/python3.12", "../Cellar/python@3.12/3.12.4/bin/python3.12")
    (found,) = interpreters_of(made_up)
    assert (found["path"], found["origin"]) == (f"{root}/bin/python3.12", "homebrew")
    assert found["origin_evidence"] == f"below {root}/Cellar"
    assert found["system_install"] == "blocked"


def test_a_source_build_beside_the_marked_python_is_not_marked(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.13.5", marker=MARKER, pip="25.1.1")
    made_up.with_interpreter("3.14.0", prefix="/usr/local", pip="25.2")
    build, own = interpreters_of(made_up)
    assert (build["origin"], build["externally_managed"], build["system_install"]) == ("local", False, "allowed")
    assert (own["origin"], own["externally_managed"], own["system_install"]) == ("distribution", True, "blocked")


def test_the_package_database_decides_what_is_the_distributions(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.13.5").with_interpreter("3.14.0", default=False)
    made_up.with_file("/var/lib/dpkg/info/python3.13-minimal.list", "/usr/bin/python3.13\n")
    evidence = {one["real_path"]: (one["origin"], one["origin_evidence"]) for one in interpreters_of(made_up)}
    assert evidence == {
        "/usr/bin/python3.13": (
            "distribution",
            "in /usr/bin, the distribution's own directory; package python3.13-minimal owns /usr/bin/python3.13",
        ),
        "/usr/bin/python3.14": ("other", "in /usr/bin, but no package owns /usr/bin/python3.14"),
    }


def test_named_interpreters_and_directories_are_looked_at(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.13.5").with_interpreter("3.12.4", prefix="/opt/a").with_venv("/srv/v", python="3.13")
    found = interpreters_of(made_up, "/opt/a/bin/python3.12", "/srv/v/", "/opt/a")
    assert [(one["path"], one["origin"]) for one in found] == [
        ("/usr/bin/python3", "distribution"),
        ("/opt/a/bin/python3.12", "other"),
        ("/srv/v/bin/python3", "venv"),
    ]


def test_what_does_not_run_is_reported_with_the_reason(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.13.5").with_interpreter("3.9.1", prefix="/usr/local", status=127, default=False)
    assert report_host(made_up.host, ["/opt/gone/python3"])["unusable"] == [
        {"path": "/usr/local/bin/python3.9", "reason": "ends with exit status 127"},
        {"path": "/opt/gone/python3", "reason": "is missing"},
    ]


@pytest.mark.parametrize("path", ["", "python3", "./bin/python3", "~/bin/python3"])
def test_a_relative_path_is_refused(made_up: MadeUpHost, path: str) -> None:
    with pytest.raises(InvalidState, match="not an absolute path"):
        report_host(made_up.host, ["/usr/bin/python3", path])


def test_each_interpreter_is_started_once_and_no_pip(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.13.5", pip="25.1.1").with_interpreter("3.12.4", prefix="/root/.pyenv/versions/3.12.4")
    made_up.with_interpreter("3.11.2", prefix="/opt/conda").with_program("/usr/bin/pip", "#!/usr/bin/python3\n")
    report_host(made_up.host)
    assert sorted(made_up.runner.started) == [
        "/opt/conda/bin/python3",
        "/root/.pyenv/versions/3.12.4/bin/python3",
        "/usr/bin/python3",
    ]


def test_each_way_of_calling_pip_is_told_of(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.13.5", pip="25.1.1", marker=MARKER)
    made_up.with_file("/etc/pip.conf", "[install]\nbreak-system-packages = true\n")
    (found,) = interpreters_of(made_up)
    assert (found["system_install"], found["decided_by"]) == ("allowed", "/etc/pip.conf")
    assert found["reason"] == f"The marker {found['marker']['path']} is overridden by /etc/pip.conf."
    calls = found["calls"]
    assert (calls["install --user"], calls["install --target"]) == ("allowed", "allowed")
    assert (calls["uninstall"], calls["uninstall --break-system-packages"]) == ("blocked", "allowed")


@pytest.mark.parametrize(
    ("cfg", "outcome"),
    [
        pytest.param("include-system-site-packages = false\n", "unsupported", id="no system packages"),
        pytest.param("include-system-site-packages = true\n", "allowed", id="with system packages"),
    ],
)
def test_an_environment_takes_the_users_packages_where_it_sees_them(
    made_up: MadeUpHost, cfg: str, outcome: str
) -> None:
    made_up.with_interpreter("3.12.1", prefix="/srv/v", pip="24.0").with_file("/srv/v/pyvenv.cfg", cfg)
    found = next(one for one in interpreters_of(made_up, "/srv/v") if one["origin"] == "venv")
    assert (found["system_install"], found["calls"]["install --user"]) == ("allowed", outcome)


def test_newer_pips_are_said_to_refuse_what_python_has_switched_off(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.13.5", pip="26.3").environ["PYTHONNOUSERSITE"] = "1"
    (found,) = interpreters_of(made_up)
    assert (found["system_install"], found["calls"]["install --user"]) == ("allowed", "unsupported")


def test_the_marker_speaks_the_users_language(made_up: MadeUpHost) -> None:
    marker = "[externally-managed]\nError=plain\nError-de=deutsch\nError-fr=francais\n"
    made_up.with_interpreter("3.13.5", pip="26.3", marker=marker).environ.update(LANG="fr_FR.UTF-8", LC_MESSAGES="de")
    (found,) = interpreters_of(made_up)
    assert found["marker"]["message"] == "deutsch"
