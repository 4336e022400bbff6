"""What a declared state says of the marker: which pip.conf and markers are found, what is planned, what is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from made_up_host import FILES_UID, MARKER, MadeUpHost
from package_databases import OTHER, OTHER_TEXT, with_dpkg
from pep668_provision.engine.apply import Applier
from pep668_provision.engine.desired import validate
from pep668_provision.engine.host import Host
from pep668_provision.engine.look import look, report_plan
from pep668_provision.engine.plan import plan
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.steps import Plan

NO_OVERRIDE: dict[str, Any] = {"python_pip_conf_override": "absent"}
RESTORED: dict[str, Any] = {"python_restore_marker": True}
ON = "[global]\nbreak-system-packages = true\n"
# As images of GitHub's runners have it.
RUNNERS = "[global]\nbreak-system-packages = true\nroot-user-action = ignore\n"
PACKAGE = "libpython3.11-stdlib"


@pytest.fixture
def keeper(tmp_path: Path) -> MadeUpHost:
    """A made-up host looked at by the account that owns its files, so that writing needs no other rights."""
    made_up = MadeUpHost(tmp_path, uid=FILES_UID, environ={"HOME": "/srv/keeper"}).with_directory("/srv/keeper")
    return made_up.with_debian("12").with_debian_python().with_directory("/etc")


@pytest.fixture
def marked(debian: MadeUpHost) -> MadeUpHost:
    """A Debian whose marker is in dpkg's database."""
    return with_dpkg(debian, OTHER).with_program("/usr/bin/apt-get")


def told(planned: Plan) -> list[tuple[str, str, str]]:
    assert planned.refusals == ()
    return [(step.action, step.kind, step.name) for step in planned.steps]


def refusal(made_up: MadeUpHost, **declared: Any) -> str:
    (found,) = made_up.plan(**declared).refusals
    return str(found)


def take(made_up: MadeUpHost, host: Host | None = None, **declared: Any) -> Applier:
    """The plan of what is declared was applied; what is left to plan then would have been an error."""
    desired = validate(declared)
    applier = Applier(desired, host or made_up.host)
    applier.apply(look(desired, applier.host)[1])
    return applier


# pip.conf


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/etc/xdg/pip/pip.conf", id="whole host, XDG"),
        pytest.param("/etc/pip.conf", id="whole host"),
        pytest.param("/srv/keeper/.pip/pip.conf", id="account, old place"),
        pytest.param("/srv/keeper/.config/pip/pip.conf", id="account"),
        pytest.param("/usr/pip.conf", id="interpreter"),
    ],
)
def test_the_override_goes_out_of_each_file_pip_reads(keeper: MadeUpHost, path: str) -> None:
    keeper.with_file(path, RUNNERS, mode=0o640)
    assert told(keeper.plan(**NO_OVERRIDE)) == [("update", "pip_config", path)]
    take(keeper, **NO_OVERRIDE)
    assert keeper.real(path).read_text() == "[global]\nroot-user-action = ignore\n"
    assert keeper.real(path).stat().st_mode & 0o777 == 0o640
    assert keeper.plan(**NO_OVERRIDE).is_empty


def test_all_of_them_at_once_in_the_order_pip_reads_them(keeper: MadeUpHost) -> None:
    paths = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", "/srv/keeper/.pip/pip.conf", "/usr/pip.conf"]
    for path in paths:
        keeper.with_file(path, ON)
    planned = keeper.plan(**NO_OVERRIDE)
    assert told(planned) == [("update", "pip_config", path) for path in paths]
    # Each goes, so none warns of another.
    assert planned.warnings == ()
    assert [step.reasons for step in planned.steps] == [("break-system-packages is set",)] * 4
    take(keeper, **NO_OVERRIDE)
    assert [keeper.real(path).read_text() for path in paths] == [""] * 4


@pytest.mark.parametrize("declared", [{}, {"python_pip_conf_override": "keep"}], ids=["not given", "keep"])
def test_what_is_not_asked_for_is_not_looked_at(keeper: MadeUpHost, declared: dict[str, Any]) -> None:
    keeper.with_file("/etc/pip.conf", "no configuration at all").with_file("/usr/pip.conf", ON)
    assert keeper.plan(**declared).is_empty
    assert keeper.runner.started == []


def test_other_settings_and_other_accounts_files_are_no_concern(keeper: MadeUpHost) -> None:
    keeper.with_file("/etc/pip.conf", "[global]\nindex-url = https://index.example\n")
    keeper.with_file("/home/alice/.config/pip/pip.conf", ON)
    assert keeper.plan(**NO_OVERRIDE).is_empty


def test_a_host_without_python_has_no_file_of_its_own(tmp_path: Path) -> None:
    made_up = MadeUpHost(tmp_path).with_debian("12").with_file("/etc/pip.conf", ON)
    assert told(made_up.plan(**NO_OVERRIDE)) == [("update", "pip_config", "/etc/pip.conf")]


def test_a_damaged_file_is_refused_with_its_line(keeper: MadeUpHost) -> None:
    keeper.with_file("/etc/pip.conf", "[global]\ntimeout = 60\nwhat is this\n").with_file("/usr/pip.conf", ON)
    message = refusal(keeper, **NO_OVERRIDE)
    assert "/etc/pip.conf, line 3, is not valid: it is no section" in message
    assert "Correct that line" in message
    assert not keeper.plan(**NO_OVERRIDE).is_empty


@pytest.mark.skipif(FILES_UID == 0, reason="root may write anywhere")
def test_a_file_this_account_may_not_write_is_refused(keeper: MadeUpHost) -> None:
    keeper.with_file("/etc/pip.conf", ON).real("/etc").chmod(0o555)
    message = refusal(keeper, **NO_OVERRIDE)
    keeper.real("/etc").chmod(0o755)
    assert "/etc/pip.conf cannot be written: keeper may not write in /etc." in message


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        pytest.param(
            {"PIP_BREAK_SYSTEM_PACKAGES": "1"}, ["PIP_BREAK_SYSTEM_PACKAGES=1 in the environment"], id="switched on"
        ),
        pytest.param({"PIP_BREAK_SYSTEM_PACKAGES": "0"}, [], id="switched off"),
        pytest.param({"PIP_CONFIG_FILE": "/srv/ci.conf"}, ["PIP_CONFIG_FILE", "/srv/ci.conf"], id="file with it"),
        pytest.param({"PIP_CONFIG_FILE": "/srv/other.conf"}, [], id="file without it"),
        pytest.param({"PIP_CONFIG_FILE": "/srv/gone.conf"}, [], id="no such file"),
        pytest.param({"PIP_CONFIG_FILE": "/dev/null"}, [], id="no file at all"),
    ],
)
def test_an_override_of_the_environment_stays_with_a_warning(
    keeper: MadeUpHost, environ: dict[str, str], parts: list[str]
) -> None:
    keeper.with_file("/srv/ci.conf", ON).with_file("/srv/other.conf", "[global]\ntimeout = 60\n")
    keeper.environ.update(environ)
    planned = keeper.plan(**NO_OVERRIDE)
    assert planned.is_empty
    assert len(planned.warnings) == bool(parts)
    for part in parts:
        assert part in planned.warnings[0]
    # Who does not ask for it is not told of it.
    assert keeper.plan().warnings == ()


def test_one_of_pips_own_files_that_a_variable_names_goes_like_the_others(keeper: MadeUpHost) -> None:
    keeper.environ["PIP_CONFIG_FILE"] = "/etc/pip.conf"
    keeper.with_file("/etc/pip.conf", ON)
    planned = keeper.plan(**NO_OVERRIDE)
    assert (told(planned), planned.warnings) == ([("update", "pip_config", "/etc/pip.conf")], ())


# Markers


@pytest.mark.parametrize("state", ["missing", "changed"])
def test_a_marker_is_restored_from_its_package(marked: MadeUpHost, state: str) -> None:
    marked.without(OTHER)
    if state == "changed":
        marked.with_file(OTHER, OTHER_TEXT)
    planned = marked.plan(**RESTORED)
    assert told(planned) == [("restore", "marker", OTHER)]
    assert planned.steps[0].reasons == (f"it is {state}, and {PACKAGE} ships it",)
    commands = []

    def install(command: Command, _environ: object) -> Completed:
        commands.append(" ".join(command.argv))
        if "--reinstall" in command.argv:
            marked.without(OTHER).with_file(OTHER, MARKER)
        return Completed(command, 0, "", "")

    take(marked, replace(marked.host, runner=install), **RESTORED)
    assert [one for one in commands if f"{PACKAGE}:amd64=1.0-1" in one and "--reinstall" in one]
    assert marked.plan(**RESTORED).is_empty


def test_whole_markers_and_what_nobody_asked_for_are_left_alone(marked: MadeUpHost) -> None:
    planned = marked.plan(**RESTORED)
    assert (planned.is_empty, planned.warnings) == (True, ())
    marked.without(OTHER)
    assert marked.plan().is_empty
    assert marked.plan(python_restore_marker=False).is_empty
    assert marked.runner.started == []


@pytest.mark.parametrize(
    ("path", "text", "way_out"),
    [
        pytest.param(
            "/var/lib/dpkg/diversions", f"{OTHER}\n{OTHER}.orig\n:\n", "dpkg-divert --local --rename", id="diverted"
        ),
        pytest.param(
            "/etc/dpkg/dpkg.cfg.d/lean", f"path-exclude={OTHER}\n", "/etc/dpkg/dpkg.cfg.d/lean", id="excluded"
        ),
    ],
)
def test_what_was_taken_away_on_purpose_stays_with_the_way_out(
    marked: MadeUpHost, path: str, text: str, way_out: str
) -> None:
    marked.without(OTHER).with_file(path, text)
    planned = marked.plan(**RESTORED)
    assert planned.is_empty
    (warning,) = planned.warnings
    assert warning.startswith(f"{OTHER} is not restored: ")
    assert way_out in warning


def test_the_package_manager_is_left_alone_where_it_has_to_be(marked: MadeUpHost) -> None:
    marked.without(OTHER)
    message = refusal(marked, **RESTORED, python_manage_system_packages=False)
    assert f"{OTHER} is missing, and python_manage_system_packages is false" in message
    assert f"Install {PACKAGE} again by hand." in message
    marked.with_file(OTHER, MARKER)
    assert marked.plan(**RESTORED, python_manage_system_packages=False).is_empty


def test_what_cannot_be_restored_is_refused_before_anything_is_done(marked: MadeUpHost) -> None:
    marked.without(OTHER).uid = 61002
    assert "alice may not have apt restore it. It takes root's rights" in refusal(marked, **RESTORED)
    marked.uid = 0
    assert "A directory stands at" in refusal(marked.with_directory(OTHER), **RESTORED)


# What pip will do in the system's Python once the protection is back


SYSTEM_PIP: dict[str, Any] = {"python_system_pip": [{"name": "alpha"}]}


def test_pip_is_expected_to_meet_the_marker_that_comes_back(marked: MadeUpHost) -> None:
    marked.without(OTHER)
    assert marked.plan(**SYSTEM_PIP).refusals == ()
    message = refusal(marked, **SYSTEM_PIP, **RESTORED)
    assert "would refuse to install alpha" in message
    assert f"Marked as externally managed by {OTHER}" in message
    # Whoever means it says so, and it is said before anything is done.
    meant: dict[str, Any] = {"python_system_pip": [{"name": "alpha", "externally_managed": "break"}]}
    assert marked.plan(**meant, **RESTORED).refusals == ()


def test_pip_is_expected_to_meet_no_override_that_goes(debian: MadeUpHost) -> None:
    debian.with_file("/etc/pip.conf", ON)
    planned = debian.plan(**SYSTEM_PIP)
    assert told(planned) == [("install", "system_pip", "alpha")]
    message = refusal(debian, **SYSTEM_PIP, **NO_OVERRIDE)
    assert "would refuse to install alpha" in message
    # One that stays still counts.
    debian.environ["PIP_BREAK_SYSTEM_PACKAGES"] = "1"
    assert ("install", "system_pip", "alpha") in told(debian.plan(**SYSTEM_PIP, **NO_OVERRIDE))


# Both, and what the role loops over


def test_protection_comes_after_packages_and_before_environments(marked: MadeUpHost) -> None:
    marked.without(OTHER).with_file("/etc/pip.conf", ON)
    declared = {**RESTORED, **NO_OVERRIDE, "python_venvs": [{"path": "/srv/v"}], "python_libraries": ["requests"]}
    desired = validate({**declared, "python_tools": [{"name": "black"}]})
    state, planned = look(desired, marked.host)
    assert [kind for _, kind, _ in told(planned)] == ["system_package", "marker", "pip_config", "venv", "tool"]
    report = report_plan(desired, state, planned, processors=1)
    reasons = ["it is missing, and libpython3.11-stdlib ships it"]
    assert report["markers"] == [{"path": OTHER, "package": PACKAGE, "reasons": reasons}]
    removal = {"level": "system", "path": "/etc/pip.conf", "python": "", "reasons": ["break-system-packages is set"]}
    assert report["pip_configs"] == [removal]
    assert report["converged"] is False


def test_the_step_for_an_interpreters_file_names_the_interpreter(debian: MadeUpHost) -> None:
    desired = validate(NO_OVERRIDE)
    report = report_plan(desired, *look(desired, debian.with_file("/usr/pip.conf", ON).host), processors=1)
    removals: Any = report["pip_configs"]
    (removal,) = removals
    assert (removal["level"], removal["path"], removal["python"]) == (
        "interpreter",
        "/usr/pip.conf",
        "/usr/bin/python3",
    )


def test_the_same_state_gives_the_same_plan(marked: MadeUpHost) -> None:
    marked.without(OTHER).with_file("/etc/pip.conf", ON)
    desired = validate({**RESTORED, **NO_OVERRIDE})
    state, planned = look(desired, marked.host)
    assert plan(desired, state) == plan(desired, state) == planned


@pytest.mark.parametrize(
    ("package", "planned"),
    [
        pytest.param(PACKAGE, [("repair", "package_manager", "apt")], id="the marker's"),
        pytest.param("somebody-elses", [], id="another"),
    ],
)
def test_a_package_whose_marker_is_back_is_not_left_half_way(
    marked: MadeUpHost, package: str, planned: list[tuple[str, str, str]]
) -> None:
    marked.with_package(package, status="install ok half-configured", architecture="arm64")
    assert told(look(validate(RESTORED), marked.host)[1]) == planned
    assert told(look(validate({}), marked.host)[1]) == []


@pytest.mark.parametrize(
    ("installed", "planned"),
    [
        pytest.param(True, [("repair", "package_manager", "pacman")], id="what is declared"),
        pytest.param(False, [], id="nothing that is declared"),
    ],
)
def test_a_lock_left_by_who_was_killed_at_its_very_end_is_taken_away(
    made_up: MadeUpHost, installed: bool, planned: list[tuple[str, str, str]]
) -> None:
    made_up.with_os_release("ID=arch\n").with_program("/usr/bin/pacman").with_interpreter("3.14.2")
    made_up.with_file("/var/lib/pacman/local/python-requests-2.34-1/desc").with_file("/var/lib/pacman/db.lck")
    declared = {"python_libraries": ["requests"]} if installed else {}
    assert told(look(validate(declared), made_up.host)[1]) == planned
