"""Plans for made-up hosts: which steps, why, and when there are none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from made_up_host import FILES_UID, NEWEST, MadeUpHost, entry_of, tool_of
from pep668_provision.engine.account import Account
from pep668_provision.engine.desired import validate
from pep668_provision.engine.difference import extra_distributions
from pep668_provision.engine.look import look
from pep668_provision.engine.receipt import FILE_NAME, Receipt
from pep668_provision.engine.request import InstallRequest

VENV = "/srv/app/.venv"
FLASK = {"path": VENV, "packages": ["flask==3.0.3"]}
INSTALLED = {"flask": "3.0.3", "jinja2": "3.1.4"}


def finished(made_up: MadeUpHost, **keys: Any) -> MadeUpHost:
    """The environment of FLASK (with other keys laid over it) as a finished run leaves it."""
    return made_up.with_venv(VENV, INSTALLED, receipt=entry_of(**{**FLASK, **keys}))


def steps_of(made_up: MadeUpHost, **declared: Any) -> list[tuple[str, str, str]]:
    return [(step.action, step.kind, step.name) for step in made_up.plan(**declared).steps]


def only_reasons(made_up: MadeUpHost, **declared: Any) -> tuple[str, ...]:
    steps = made_up.plan(**declared).steps
    assert len(steps) == 1, steps
    return steps[0].reasons


def refusals_of(made_up: MadeUpHost, **declared: Any) -> list[str]:
    return [str(refusal) for refusal in made_up.plan(**declared).refusals]


# Environments: what is there, and what happens to it


def nothing(made_up: MadeUpHost) -> None:
    assert not made_up.real(VENV).exists()


def empty_directory(made_up: MadeUpHost) -> None:
    made_up.with_directory(VENV)


def whole(made_up: MadeUpHost) -> None:
    finished(made_up)


def whole_without_record(made_up: MadeUpHost) -> None:
    made_up.with_venv(VENV, INSTALLED)


def unfinished(made_up: MadeUpHost) -> None:
    made_up.with_venv(VENV, INSTALLED, receipt=Receipt(unfinished="update"))


def with_a_damaged_record(made_up: MadeUpHost) -> None:
    finished(made_up).with_file(f"{VENV}/{FILE_NAME}", b"\x00\xff{")


def half_built(made_up: MadeUpHost) -> None:
    # What Debian's python3 -m venv leaves without python3-venv.
    made_up.with_venv(VENV, {}, seeds={})


def only_a_record(made_up: MadeUpHost) -> None:
    made_up.with_file(f"{VENV}/{FILE_NAME}", Receipt(unfinished="create").to_json())


def without_python(made_up: MadeUpHost) -> None:
    finished(made_up).without(f"{VENV}/bin/python")


def without_base(made_up: MadeUpHost) -> None:
    finished(made_up).with_link(f"{VENV}/bin/python", "/usr/bin/python3.7")


def moved(made_up: MadeUpHost) -> None:
    # A distribution upgrade: the link in bin/ leads to python3, which is another release now.
    finished(made_up).with_link(f"{VENV}/bin/python", "/usr/bin/python3")
    made_up.with_interpreter("3.13.5", default=True)


def without_site_packages(made_up: MadeUpHost) -> None:
    finished(made_up).without(f"{VENV}/lib/python3.11/site-packages")


def without_cfg(made_up: MadeUpHost) -> None:
    finished(made_up).without(f"{VENV}/pyvenv.cfg")


def package_removed(made_up: MadeUpHost) -> None:
    finished(made_up).without(f"{VENV}/lib/python3.11/site-packages/jinja2-3.1.4.dist-info")


def package_changed(made_up: MadeUpHost) -> None:
    package_removed(made_up)
    made_up.with_distributions(f"{VENV}/lib/python3.11/site-packages", {"jinja2": "2.0"})


def package_added(made_up: MadeUpHost) -> None:
    finished(made_up).with_distributions(f"{VENV}/lib/python3.11/site-packages", {"extra-one": "1.0"})


def asked_differently(made_up: MadeUpHost) -> None:
    finished(made_up, packages=["flask"])


def damaged_metadata(made_up: MadeUpHost) -> None:
    whole_without_record(made_up)
    made_up.without(f"{VENV}/lib/python3.11/site-packages/jinja2-3.1.4.dist-info/METADATA")


def rebuild_interrupted_before_it_began(made_up: MadeUpHost) -> None:
    made_up.with_venv(f"{VENV}.pep668-old", INSTALLED, receipt=entry_of(**FLASK))


def rebuild_interrupted(made_up: MadeUpHost) -> None:
    rebuild_interrupted_before_it_began(made_up)
    only_a_record(made_up)


def rebuild_finished_and_not_cleaned(made_up: MadeUpHost) -> None:
    finished(made_up)
    rebuild_interrupted_before_it_began(made_up)


def made_by_uv(made_up: MadeUpHost) -> None:
    made_up.with_venv(VENV, INSTALLED, made_by="uv", receipt=entry_of(**FLASK))


def made_by_virtualenv(made_up: MadeUpHost) -> None:
    made_up.with_venv(VENV, INSTALLED, made_by="virtualenv", receipt=entry_of(**FLASK))


@pytest.mark.parametrize(
    ("there", "action", "reason"),
    [
        pytest.param(nothing, "create", "it is not there", id="missing"),
        pytest.param(empty_directory, "create", "its directory is empty", id="empty directory"),
        pytest.param(whole, "", "", id="whole"),
        pytest.param(made_by_uv, "", "", id="whole, made by uv without pip in it"),
        pytest.param(made_by_virtualenv, "", "", id="whole, made by virtualenv"),
        pytest.param(whole_without_record, "update", "no record yet", id="whole, somebody else's"),
        pytest.param(with_a_damaged_record, "update", "no record yet", id="record damaged"),
        pytest.param(unfinished, "rebuild", "(update) did not get to its end", id="unfinished update"),
        pytest.param(only_a_record, "rebuild", "(create) did not get to its end", id="killed right after the record"),
        pytest.param(half_built, "rebuild", "half-built", id="half-built"),
        pytest.param(without_python, "rebuild", "bin/python is missing", id="without bin/python"),
        pytest.param(without_base, "rebuild", "/usr/bin/python3.7 is gone", id="interpreter gone"),
        pytest.param(moved, "rebuild", "moved from 3.11 to 3.13", id="interpreter moved"),
        pytest.param(without_site_packages, "rebuild", "site-packages for 3.11 is missing", id="no site-packages"),
        pytest.param(without_cfg, "rebuild", "pyvenv.cfg is missing", id="no pyvenv.cfg"),
        pytest.param(damaged_metadata, "rebuild", "jinja2-3.1.4.dist-info in it has no METADATA", id="metadata gone"),
        pytest.param(package_removed, "update", "jinja2 is missing", id="a recorded distribution removed"),
        pytest.param(package_changed, "update", "jinja2 is 2.0, recorded is 3.1.4", id="a recorded one changed"),
        pytest.param(package_added, "", "", id="one more than recorded, state present"),
        pytest.param(asked_differently, "update", "differs from the last finished run", id="asked differently"),
        pytest.param(rebuild_interrupted_before_it_began, "create", "it is not there", id="set aside, then killed"),
        pytest.param(rebuild_interrupted, "rebuild", "did not get to its end", id="killed during a rebuild"),
        pytest.param(rebuild_finished_and_not_cleaned, "update", "left the previous environment", id="not cleaned"),
    ],
)
def test_an_environment_gets_the_step_it_needs_and_the_reason(
    debian: MadeUpHost, there: Callable[[MadeUpHost], None], action: str, reason: str
) -> None:
    there(debian)
    planned = debian.plan(python_venvs=[FLASK])
    assert not planned.refusals
    assert [(step.action, step.name) for step in planned.steps] == ([(action, VENV)] if action else [])
    assert all(reason in " ".join(step.reasons) for step in planned.steps)


@pytest.mark.parametrize(
    ("state", "action"),
    [pytest.param("present", "", id="present"), pytest.param("exact", "update", id="exact")],
)
def test_a_distribution_nobody_asked_for_matters_to_state_exact_alone(
    debian: MadeUpHost, state: str, action: str
) -> None:
    finished(debian, state=state).with_distributions(f"{VENV}/lib/python3.11/site-packages", {"extra-one": "1.0"})
    planned = debian.plan(python_venvs=[{**FLASK, "state": state}])
    assert [(step.action, step.reasons) for step in planned.steps] == (
        [(action, ("extra-one is there and not asked for",))] if action else []
    )


@pytest.mark.parametrize("seed", ["pip", "setuptools", "wheel"])
def test_what_every_environment_starts_with_is_no_extra(debian: MadeUpHost, seed: str) -> None:
    finished(debian, state="exact").with_distributions(f"{VENV}/lib/python3.11/site-packages", {seed: "99"})
    assert debian.plan(python_venvs=[{**FLASK, "state": "exact"}]).is_empty


@pytest.mark.parametrize(
    "there",
    [pytest.param(whole, id="whole"), pytest.param(half_built, id="half-built"), pytest.param(moved, id="moved")],
)
def test_an_environment_declared_absent_is_removed_whatever_its_condition(
    debian: MadeUpHost, there: Callable[[MadeUpHost], None]
) -> None:
    there(debian)
    (step,) = debian.plan(python_venvs=[{"path": VENV, "state": "absent"}]).steps
    assert (step.action, step.kind, step.name) == ("remove", "venv", VENV)
    assert step.reasons == ("it is declared absent",)


@pytest.mark.parametrize("there", [pytest.param(nothing, id="missing"), pytest.param(empty_directory, id="empty")])
def test_there_is_nothing_to_remove_where_no_environment_is(
    debian: MadeUpHost, there: Callable[[MadeUpHost], None]
) -> None:
    there(debian)
    assert debian.plan(python_venvs=[{"path": VENV, "state": "absent"}]).is_empty


@pytest.mark.parametrize("made_by", ["venv", "uv"])
@pytest.mark.parametrize("keys", [{"installer": "uv"}, {"installer": "pip"}, {"packages": ["flask"]}])
def test_removing_an_environment_takes_nothing_that_making_one_does(
    made_up: MadeUpHost, made_by: str, keys: dict[str, Any]
) -> None:
    made_up.with_debian("12").with_debian_python(ensurepip=False).with_venv(VENV, INSTALLED, made_by=made_by)
    planned = made_up.plan(python_venvs=[{"path": VENV, "state": "absent", **keys}])
    assert not planned.refusals
    assert [(step.action, step.name) for step in planned.steps] == [("remove", VENV)]


def test_what_an_interrupted_rebuild_set_aside_is_removed_with_the_environment(debian: MadeUpHost) -> None:
    rebuild_interrupted_before_it_began(debian)
    assert steps_of(debian, python_venvs=[{"path": VENV, "state": "absent"}]) == [("remove", "venv", VENV)]


def a_directory(made_up: MadeUpHost) -> None:
    made_up.with_file(f"{VENV}/important.txt")


def a_file(made_up: MadeUpHost) -> None:
    made_up.with_file(VENV, "text")


def a_link_to_nothing(made_up: MadeUpHost) -> None:
    made_up.with_link(VENV, "/nowhere")


def a_link_to_a_directory(made_up: MadeUpHost) -> None:
    made_up.with_file("/srv/data/important.txt").with_link(VENV, "/srv/data")


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(a_directory, id="a directory"),
        pytest.param(a_file, id="a file"),
        pytest.param(a_link_to_nothing, id="a link to nothing"),
        pytest.param(a_link_to_a_directory, id="a link to a directory"),
    ],
)
@pytest.mark.parametrize("state", ["present", "latest", "exact", "absent"])
def test_what_is_no_environment_is_left_alone(
    debian: MadeUpHost, there: Callable[[MadeUpHost], None], state: str
) -> None:
    there(debian)
    planned = debian.plan(python_venvs=[{"path": VENV, "state": state}])
    assert not planned.steps
    (refusal,) = planned.refusals
    assert VENV in refusal.message
    assert "not a virtual environment" in refusal.message
    assert ("Remove it yourself" if state == "absent" else "declare another path") in refusal.advice


def test_an_environment_behind_a_link_is_an_environment(debian: MadeUpHost) -> None:
    debian.with_venv("/data/venv", INSTALLED, receipt=entry_of(**FLASK)).with_link(VENV, "/data/venv")
    assert debian.plan(python_venvs=[FLASK]).is_empty


def test_rebuild_never_tells_every_reason(debian: MadeUpHost) -> None:
    finished(debian)
    (refused,) = debian.plan(
        python_venvs=[{**FLASK, "rebuild": "never", "python": "3.12", "system_site_packages": True}]
    ).refusals
    reasons = "it runs Python 3.11.2, asked for is 3.12; system_site_packages is false in it"
    assert refused.message == f"{VENV} has to be rebuilt ({reasons}), and its entry says rebuild: never."


def test_what_nobody_asked_for_is_everything_where_there_is_no_record(debian: MadeUpHost) -> None:
    whole_without_record(debian)
    (step,) = debian.plan(python_venvs=[{**FLASK, "state": "exact"}]).venvs
    assert extra_distributions(step.observed) == ("flask", "jinja2")


def test_rebuild_never_refuses_instead_of_rebuilding(debian: MadeUpHost) -> None:
    moved(debian)
    planned = debian.plan(python_venvs=[{**FLASK, "rebuild": "never"}])
    assert not planned.steps
    assert "moved from 3.11 to 3.13" in str(planned.refusals[0])
    assert "rebuild: auto" in planned.refusals[0].advice


@pytest.mark.parametrize("there", [nothing, package_removed, whole])
def test_rebuild_never_does_not_keep_from_making_and_updating(
    debian: MadeUpHost, there: Callable[[MadeUpHost], None]
) -> None:
    there(debian)
    assert not debian.plan(python_venvs=[{**FLASK, "rebuild": "never"}]).refusals


# The Python of an environment


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        pytest.param("3.11", "", id="the release it has"),
        pytest.param("3.11.2", "", id="the version it has"),
        pytest.param("python3.11", "", id="its name"),
        pytest.param("python3", "", id="a name of any Python 3"),
        pytest.param("/usr/bin/python3.11", "", id="its path"),
        pytest.param("/usr/bin/python3", "", id="a link to it"),
        pytest.param("/usr/local/bin/python3.12", "asked for is /usr/local/bin/python3.12", id="another path"),
        pytest.param("3.12", "it runs Python 3.11.2, asked for is 3.12", id="another release"),
        pytest.param("python3.12", "asked for is python3.12", id="another name"),
    ],
)
def test_an_environment_is_rebuilt_only_for_another_python(debian: MadeUpHost, asked: str, reason: str) -> None:
    finished(debian).with_interpreter("3.12.4", prefix="/usr/local", default=False)
    planned = debian.plan(python_venvs=[{**FLASK, "python": asked}])
    assert not planned.refusals
    assert [step.action for step in planned.steps] == (["rebuild"] if reason else [])
    assert all(reason in " ".join(step.reasons) for step in planned.steps)


@pytest.mark.parametrize("asked", ["3.9", "3.11.99", "python3.9", "pypy3", "/usr/bin/python3.9"])
def test_a_python_the_host_lacks_is_refused_with_the_ones_it_has(debian: MadeUpHost, asked: str) -> None:
    planned = debian.plan(python_venvs=[{**FLASK, "python": asked}])
    assert not planned.steps
    (refused,) = planned.refusals
    assert refused.message.startswith(f"For the environment {VENV} ")
    assert asked in refused.message
    assert refused.advice.startswith("Found were: 3.11.2 (/usr/bin/python3")
    assert refused.advice.endswith("). Install it, or select one of these.")
    # An earlier task may still bring it.
    assert refused.pending


def test_a_shim_that_does_not_run_is_no_interpreter(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.12.4", prefix="/usr/local", status=127, default=False)
    assert "3.12" in refusals_of(debian, python_venvs=[{**FLASK, "python": "3.12"}])[0]


@pytest.mark.parametrize("wanted", [True, False])
def test_sight_of_the_system_packages_is_part_of_what_an_environment_is(debian: MadeUpHost, wanted: bool) -> None:
    debian.with_venv(VENV, INSTALLED, receipt=entry_of(**FLASK), system_site_packages=not wanted)
    reasons = only_reasons(debian, python_venvs=[{**FLASK, "system_site_packages": wanted}])
    assert reasons == (f"system_site_packages is {str(not wanted).lower()} in it",)


# Owners


def test_an_environment_of_another_owner_is_rebuilt(debian: MadeUpHost) -> None:
    finished(debian)
    assert only_reasons(debian, python_venvs=[{**FLASK, "owner": "app"}]) == (
        f"it belongs to account number {FILES_UID}, declared is app",
    )


def test_an_environment_of_the_declared_owner_is_left_alone(debian: MadeUpHost) -> None:
    finished(debian)
    assert debian.plan(python_venvs=[{**FLASK, "owner": "keeper"}]).is_empty


@pytest.mark.parametrize("there", [nothing, whole])
def test_an_owner_without_an_account_is_refused(debian: MadeUpHost, there: Callable[[MadeUpHost], None]) -> None:
    there(debian)
    planned = debian.plan(python_venvs=[{**FLASK, "owner": "nobody-here"}])
    assert not planned.steps
    assert "nobody-here" in planned.refusals[0].message
    assert "Create the account" in planned.refusals[0].advice


def test_only_root_gives_an_environment_to_somebody(tmp_path: Path) -> None:
    made_up = MadeUpHost(tmp_path, uid=61002).with_debian("12").with_debian_python()
    planned = made_up.plan(python_venvs=[{**FLASK, "owner": "app"}])
    assert not planned.steps
    assert "only root" in planned.refusals[0].message
    assert "leave owner out" in planned.refusals[0].advice
    assert not planned.refusals[0].pending


@pytest.mark.parametrize("owner", ["", "alice"])
def test_without_root_ones_own_environment_can_be_had(tmp_path: Path, owner: str) -> None:
    made_up = MadeUpHost(tmp_path, uid=61002).with_debian("12").with_debian_python()
    planned = made_up.plan(python_venvs=[{**FLASK, "owner": owner}])
    assert [step.action for step in planned.steps] == ["create"]
    assert not planned.refusals


# Requests that cannot be read


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        pytest.param({"requirements": ["/srv/none.txt"]}, "/srv/none.txt", id="a requirements file that is missing"),
        pytest.param({"constraints": ["/srv/none.txt"]}, "/srv/none.txt", id="a constraints file that is missing"),
        pytest.param({"project": "/srv/none"}, "/srv/none", id="a project that is missing"),
        pytest.param({"requirements": ["/srv/nested.txt"]}, "/srv/inner.txt", id="a nested file that is missing"),
    ],
)
def test_a_file_that_is_missing_is_refused_by_name(debian: MadeUpHost, keys: dict[str, Any], named: str) -> None:
    debian.with_file("/srv/nested.txt", "-r inner.txt\n")
    planned = debian.plan(python_venvs=[{"path": VENV, **keys}])
    assert not planned.steps
    assert VENV in planned.refusals[0].message
    assert named in planned.refusals[0].message
    # An earlier task may bring it.
    assert planned.refusals[0].pending


@pytest.mark.parametrize("name", ["requirements.txt", "nested.txt", "constraints.txt"])
def test_a_changed_file_is_a_changed_request(debian: MadeUpHost, name: str) -> None:
    entry = {"path": VENV, "requirements": ["/srv/requirements.txt"], "constraints": ["/srv/constraints.txt"]}
    debian.with_file("/srv/requirements.txt", "-r nested.txt\n").with_file("/srv/nested.txt", "flask==3.0.3\n")
    debian.with_file("/srv/constraints.txt", "jinja2<4\n").with_venv(VENV, INSTALLED, receipt=entry_of(**entry))
    assert debian.plan(python_venvs=[entry]).is_empty
    with debian.real(f"/srv/{name}").open("a") as stream:
        stream.write("click\n")
    assert only_reasons(debian, python_venvs=[entry]) == ("what is asked for differs from the last finished run",)


# Newest versions


def newest(_: str, request: InstallRequest, __: Account | None) -> Mapping[str, str]:
    """Stands in for an installer's dry run: the index has NEWEST of flask and nothing new of anything else."""
    assert request.upgrade
    return {"flask": NEWEST, "jinja2": "3.1.4", "not-there": "1"}


def test_state_latest_asks_for_newer_versions(debian: MadeUpHost) -> None:
    entry = {"path": VENV, "packages": ["flask"], "state": "latest"}
    debian.with_venv(VENV, INSTALLED, receipt=entry_of(**entry))
    planned = debian.plan(inquire=newest, python_venvs=[entry])
    assert [(step.action, step.reasons) for step in planned.steps] == [
        ("update", (f"flask {NEWEST} is newer than 3.0.3",))
    ]


def test_state_present_never_asks_for_newer_versions(debian: MadeUpHost) -> None:
    entry = {"path": VENV, "packages": ["flask"]}
    debian.with_venv(VENV, INSTALLED, receipt=entry_of(**entry))
    assert debian.plan(inquire=newest, python_venvs=[entry]).is_empty


def test_a_tool_of_state_latest_is_rebuilt_for_a_newer_version(debian: MadeUpHost) -> None:
    def newer_black(*_: object) -> Mapping[str, str]:
        return {"black": NEWEST, "click": NEWEST}

    debian.with_tool("black", "24.1")
    planned = debian.plan(inquire=newer_black, python_tools=[{"name": "black", "state": "latest"}])
    assert [(step.action, step.reasons) for step in planned.steps] == [("rebuild", (f"black {NEWEST} is newer",))]
    assert planned.tools[0].keeps_versions is False


# OS packages


@pytest.mark.parametrize(
    ("release", "package"),
    [("11", "python3-venv"), ("12", "python3-venv"), ("13", "python3-venv")],
)
def test_debian_gets_its_venv_package_for_its_own_python(made_up: MadeUpHost, release: str, package: str) -> None:
    made_up.with_debian(release).with_debian_python(ensurepip=False)
    assert steps_of(made_up, python_venvs=[FLASK]) == [
        ("install", "system_package", package),
        ("create", "venv", VENV),
    ]


def test_another_python_of_the_distribution_gets_its_own_venv_package(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.12.4", ensurepip=False, default=False)
    steps = steps_of(debian, python_venvs=[{**FLASK, "python": "3.12"}])
    assert steps == [("install", "system_package", "python3.12-venv"), ("create", "venv", VENV)]


def test_a_package_that_several_entries_need_is_planned_once_with_one_reason(made_up: MadeUpHost) -> None:
    made_up.with_debian("12").with_debian_python(ensurepip=False)
    planned = made_up.plan(python_venvs=[FLASK, {"path": "/opt/second"}])
    assert [(step.name, step.reasons) for step in planned.packages] == [
        ("python3-venv", ("/usr/bin/python3 cannot make environments without it",))
    ]


def test_uv_makes_environments_without_the_venv_package(made_up: MadeUpHost) -> None:
    made_up.with_debian("12").with_debian_python(ensurepip=False).with_program("/usr/local/bin/uv")
    planned = made_up.plan(python_venvs=[FLASK])
    assert [step.installer for step in planned.venvs] == ["uv"]
    assert not planned.packages


def test_an_environment_with_pip_in_it_is_updated_without_the_venv_package(made_up: MadeUpHost) -> None:
    finished(made_up.with_debian("12").with_debian_python(ensurepip=False))
    assert steps_of(made_up, python_venvs=[{**FLASK, "packages": ["flask==3.1.0"]}]) == [("update", "venv", VENV)]


def test_an_environment_without_pip_takes_the_venv_package_of_the_python_it_runs(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.12.4", ensurepip=False, default=False)
    debian.with_venv(VENV, INSTALLED, python="3.12", made_by="uv")
    assert steps_of(debian, python_venvs=[FLASK]) == [
        ("install", "system_package", "python3.12-venv"),
        ("update", "venv", VENV),
    ]


def test_another_implementation_has_a_venv_package_of_its_own(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.9.16", implementation="pypy", ensurepip=False, default=False)
    (package,) = debian.plan(python_venvs=[{**FLASK, "python": "3.9"}]).packages
    assert package.name == "pypy3-venv"


@pytest.mark.parametrize("made_by", ["", "uv"], ids=["to be made", "to be filled"])
def test_what_an_interpreter_is_wanted_for_is_told(made_up: MadeUpHost, made_by: str) -> None:
    made_up.with_os_release("ID=plan9\nNAME=Plan\n").with_interpreter("3.11.2", ensurepip=False)
    if made_by:
        made_up.with_venv(VENV, INSTALLED, made_by=made_by)
    (refused,) = made_up.plan(python_venvs=[FLASK]).refusals
    assert refused.message.startswith(f"For the environment {VENV} the interpreter /usr/bin/python3")
    assert refused.advice == "Complete that Python, or select another one."


def test_a_python_built_by_hand_that_cannot_make_environments_is_refused(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.12.4", prefix="/usr/local", ensurepip=False, default=False)
    planned = debian.plan(python_venvs=[{**FLASK, "python": "3.12"}])
    assert not planned.steps
    assert "/usr/local/bin/python3.12" in planned.refusals[0].message
    assert "ensurepip" in planned.refusals[0].message


def test_an_unknown_distribution_refuses_by_what_its_python_lacks(made_up: MadeUpHost) -> None:
    made_up.with_os_release("ID=plan9\nNAME=Plan\n").with_interpreter("3.11.2", ensurepip=False)
    assert "ensurepip" in refusals_of(made_up, python_venvs=[FLASK])[0]


def test_an_unknown_distribution_with_a_whole_python_gets_its_environment(made_up: MadeUpHost) -> None:
    made_up.with_os_release("ID=plan9\nNAME=Plan\n").with_interpreter("3.11.2")
    assert steps_of(made_up, python_venvs=[FLASK]) == [("create", "venv", VENV)]


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param({"python_uv": True}, id="uv"),
        pytest.param({"python_venvs": [FLASK]}, id="an environment"),
        pytest.param({"python_tools": [{"name": "black", "pinned": True}]}, id="a tool"),
        pytest.param({"python_libraries": ["requests"]}, id="a refusal"),
    ],
)
def test_an_unknown_distribution_is_warned_about_where_something_is_to_be_done(
    made_up: MadeUpHost, declared: dict[str, Any]
) -> None:
    made_up.with_os_release("ID=plan9\nNAME=Plan\n").with_interpreter("3.11.2").with_own_program("pipx", "1.8.0")
    made_up.with_tool("black", "24.1", links="python_tools" not in declared)
    (warning,) = made_up.plan(**declared).warnings
    assert warning.startswith("Plan is not among the distributions whose packages are known here")
    assert made_up.plan().warnings == ()


@pytest.mark.parametrize(
    ("as_root", "manage", "why"),
    [
        pytest.param(False, True, "this runs without root's rights", id="not root"),
        pytest.param(True, False, "python_manage_system_packages is false", id="not to be touched"),
    ],
)
def test_packages_that_may_not_be_installed_are_named_with_the_command(
    tmp_path: Path, as_root: bool, manage: bool, why: str
) -> None:
    made_up = MadeUpHost(tmp_path, uid=0 if as_root else 61002).with_debian("12").with_debian_python(ensurepip=False)
    planned = made_up.plan(python_venvs=[FLASK], python_libraries=["requests"], python_manage_system_packages=manage)
    assert planned.refusals[-1].message == (
        "OS packages are missing: python3-requests (it provides the library requests); python3-venv"
        f" (/usr/bin/python3 cannot make environments without it), and {why}."
    )
    assert planned.refusals[-1].advice == (
        "As root, run: apt-get install --no-install-recommends python3-requests python3-venv"
    )


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("requests", "python3-requests"),
        ("PyYAML", "python3-yaml"),
        ("Pillow", "python3-pil"),
        ("beautifulsoup4", "python3-bs4"),
        ("typing_extensions", "python3-typing-extensions"),
        ("python-dateutil", "python3-dateutil"),
        ("ruamel.yaml", "python3-ruamel.yaml"),
        ("zope.interface", "python3-zope.interface"),
        ("scikit-learn", "python3-sklearn"),
        ("attrs", "python3-attr"),
        ("psycopg2-binary", "python3-psycopg2"),
        ("pyOpenSSL", "python3-openssl"),
    ],
)
def test_a_library_is_the_distributions_package(debian: MadeUpHost, library: str, package: str) -> None:
    planned = debian.plan(python_libraries=[library])
    assert [step.name for step in planned.packages] == [package]
    assert debian.with_package(package).plan(python_libraries=[library]).is_empty


def test_a_library_of_an_unknown_distribution_is_refused_with_another_way(made_up: MadeUpHost) -> None:
    made_up.with_os_release("ID=plan9\nNAME=Plan\n")
    planned = made_up.plan(python_libraries=["requests"])
    assert not planned.steps
    assert "library requests" in planned.refusals[0].message
    assert "Plan" in planned.refusals[0].message
    assert "python_venvs (packages: [requests])" in planned.refusals[0].advice


# Where pipx comes from

OWN_PIPX, OWN_UV = "/opt/pep668-provision/pipx", "/opt/pep668-provision/uv"
BLACK = {"name": "black"}


@pytest.mark.parametrize(
    ("release", "source", "expected"),
    [
        pytest.param("11", "auto", [("create", "venv", OWN_PIPX)], id="11 has none: from the index"),
        pytest.param("12", "auto", [("install", "system_package", "pipx")], id="12: the package"),
        pytest.param("13", "auto", [("install", "system_package", "pipx")], id="13: the package"),
        pytest.param("12", "index", [("create", "venv", OWN_PIPX)], id="12, index"),
        pytest.param("12", "system", [("install", "system_package", "pipx")], id="12, system"),
        pytest.param("13", "index", [("create", "venv", OWN_PIPX)], id="13, index"),
    ],
)
def test_a_tool_brings_the_pipx_it_needs(
    made_up: MadeUpHost, release: str, source: str, expected: list[tuple[str, str, str]]
) -> None:
    made_up.with_debian(release).with_debian_python()
    planned = made_up.plan(python_tools=[BLACK], python_pipx_source=source)
    first, tool = planned.steps
    assert [(first.action, first.kind, first.name)] == expected
    assert first.reasons == ("the tool black is installed with it",)
    assert (tool.action, tool.kind, tool.name) == ("create", "tool", "black")
    assert [one.pipx for one in planned.tools] == [None]
    assert {one.installer for one in planned.own} <= {"pip"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("auto", "black", id="any"),
        pytest.param("index", OWN_PIPX, id="the one from the index"),
    ],
)
def test_the_distributions_pipx_is_not_used_where_another_is_asked_for(
    debian: MadeUpHost, source: str, expected: str
) -> None:
    planned = debian.plan(python_tools=[BLACK], python_pipx_source=source)
    assert planned.steps[0].name == expected


def test_the_projects_own_pipx_is_not_used_where_the_distributions_is_asked_for(made_up: MadeUpHost) -> None:
    made_up.with_debian("12").with_debian_python().with_own_program("pipx", "1.15.0")
    steps = steps_of(made_up, python_tools=[BLACK], python_pipx_source="system")
    assert steps == [("install", "system_package", "pipx"), ("create", "tool", "black")]


def test_debian_11_cannot_have_a_pipx_from_its_packages(made_up: MadeUpHost) -> None:
    made_up.with_debian("11").with_debian_python()
    planned = made_up.plan(python_tools=[BLACK], python_pipx_source="system")
    assert not planned.steps
    message = "The tool black needs pipx, which Debian GNU/Linux 11 does not package."
    assert planned.refusals[0].message == message
    assert "python_pipx_source: auto" in planned.refusals[0].advice


@pytest.mark.parametrize("source", ["auto", "system"])
def test_a_pipx_that_is_there_is_used(debian: MadeUpHost, source: str) -> None:
    planned = debian.plan(python_tools=[BLACK], python_pipx_source=source)
    assert [step.kind for step in planned.steps] == ["tool"]
    assert planned.tools[0].pipx is not None
    assert planned.tools[0].pipx.path == "/usr/bin/pipx"


def test_the_projects_own_pipx_is_used_where_it_is_asked_for(debian: MadeUpHost) -> None:
    debian.with_own_program("pipx", "1.15.0")
    planned = debian.plan(python_tools=[BLACK], python_pipx_source="index")
    assert planned.tools[0].pipx is not None
    assert planned.tools[0].pipx.path == f"{OWN_PIPX}/bin/pipx"


def test_the_projects_own_pipx_is_mended_before_it_is_used(made_up: MadeUpHost) -> None:
    made_up.with_debian("11").with_debian_python().with_own_program("pipx", "1.15.0")
    made_up.without(f"{OWN_PIPX}/bin/python")
    planned = made_up.plan(python_tools=[BLACK])
    assert [(step.action, step.name) for step in planned.steps] == [("rebuild", OWN_PIPX), ("create", "black")]
    first, second = planned.own[0].reasons
    assert first == "the tool black is installed with it"
    assert "bin/python is missing" in second


def something_else_in_its_place(made_up: MadeUpHost) -> None:
    made_up.with_debian("11").with_debian_python().with_file(f"{OWN_PIPX}/notes")


def no_python(made_up: MadeUpHost) -> None:
    made_up.with_debian("11")


def python_that_cannot_make_environments(made_up: MadeUpHost) -> None:
    made_up.with_os_release("ID=plan9\nNAME=Plan\n").with_interpreter("3.11.2", ensurepip=False)


def python_that_cannot_fill_what_uv_made(made_up: MadeUpHost) -> None:
    python_that_cannot_make_environments(made_up)
    made_up.with_venv(OWN_PIPX, {"pipx": "1.7.0"}, made_by="uv").with_program(f"{OWN_PIPX}/bin/pipx")


@pytest.mark.parametrize(
    ("there", "why"),
    [
        pytest.param(something_else_in_its_place, f"{OWN_PIPX} exists and is not a virtual", id="something else"),
        pytest.param(no_python, "pipx needs a Python to run with, and none was found.", id="no Python"),
        pytest.param(python_that_cannot_make_environments, "For pipx the interpreter /usr/bin/python3", id="no venv"),
        pytest.param(python_that_cannot_fill_what_uv_made, "For pipx the interpreter /usr/bin/python3", id="no pip"),
    ],
)
def test_without_a_pipx_to_come_no_tool_is_planned(
    made_up: MadeUpHost, there: Callable[[MadeUpHost], None], why: str
) -> None:
    there(made_up)
    planned = made_up.plan(python_tools=[BLACK])
    assert [why in one.message for one in planned.refusals] == [True]
    assert planned.is_empty or not planned.steps


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        pytest.param(
            "pipx", {"python_tools": [BLACK], "python_pipx_source": "index", "python_pipx_pin": "1.18"}, id="pipx"
        ),
        pytest.param("uv", {"python_uv": True, "python_uv_pin": "0.6.0"}, id="uv"),
    ],
)
def test_a_program_of_the_projects_own_without_pip_beside_it_is_updated_with_what_the_system_lacks(
    made_up: MadeUpHost, name: str, keys: dict[str, Any]
) -> None:
    path = f"/opt/pep668-provision/{name}"
    made_up.with_debian("13").with_debian_python(ensurepip=False)
    made_up.with_venv(path, {name: "0.5.0"}, made_by="uv").with_program(f"{path}/bin/{name}")
    planned = made_up.plan(**keys)
    assert not planned.refusals
    assert [(one.action, one.observed.entry.path, one.interpreter) for one in planned.own] == [("update", path, None)]
    assert [one.name for one in planned.packages] == ["python3-venv"]
    if name == "pipx":
        # uv needs none of that.
        planned = made_up.with_program("/usr/local/bin/uv").plan(**keys)
        assert [(one.action, one.installer) for one in planned.own] == [("update", "uv")]
        assert not planned.packages


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param("1.1.0", [OWN_PIPX, "black"], id="1.1 cannot pin"),
        pytest.param("1.5.0", [OWN_PIPX, "black"], id="1.5 cannot pin"),
        pytest.param("1.6.0", ["black"], id="1.6 can"),
        pytest.param("1.7.1", ["black"], id="1.7 can"),
        pytest.param("1.15.0", ["black"], id="1.15 can"),
    ],
)
def test_a_pinned_tool_takes_a_pipx_that_can_pin(made_up: MadeUpHost, version: str, expected: list[str]) -> None:
    made_up.with_debian("12").with_debian_python().with_pipx(version)
    planned = made_up.plan(python_tools=[{**BLACK, "pinned": True}])
    assert [step.name for step in planned.steps] == expected


@pytest.mark.parametrize("pinned", [True, False], ids=["to be pinned", "pinned no more"])
def test_what_changes_a_pin_is_a_pipx_that_can(debian: MadeUpHost, pinned: bool) -> None:
    debian.with_tool("black", "24.1", pinned=not pinned)
    planned = debian.plan(python_tools=[{**BLACK, "pinned": pinned}])
    assert [(step.action, step.name) for step in planned.steps] == [("create", OWN_PIPX), ("link", "black")]
    assert not debian.plan(python_tools=[{**BLACK, "pinned": not pinned}]).steps


def test_a_pinned_tool_is_refused_where_only_an_old_pipx_may_be_used(debian: MadeUpHost) -> None:
    refused = refusals_of(debian, python_tools=[{**BLACK, "pinned": True}], python_pipx_source="system")
    assert "a pipx that can pin" in refused[0]


@pytest.mark.parametrize(
    ("there", "pin", "refused"),
    [
        pytest.param("1.5.0", "", "1.5.0", id="the one that is there"),
        pytest.param("1.5.0", "1.5.0", "1.5.0", id="the one that is there, by its pin"),
        pytest.param("", "1.5.0", "1.5.0", id="the one that is to come"),
        pytest.param("1.7.1", "1.5.0", "1.5.0", id="the one that takes its place"),
        pytest.param("1.5.0", "1.6.0", "", id="the one that is to come can"),
        pytest.param("1.6.0", "", "", id="the one that is there can"),
        pytest.param("", "", "", id="the newest can"),
    ],
)
def test_a_pinned_tool_is_refused_where_the_projects_own_pipx_is_to_be_an_old_one(
    made_up: MadeUpHost, there: str, pin: str, refused: str
) -> None:
    made_up.with_debian("11").with_debian_python()
    if there:
        made_up.with_own_program("pipx", there, pin=pin if pin == there else "")
    planned = made_up.plan(python_tools=[{**BLACK, "pinned": True}], python_pipx_pin=pin)
    assert [refused in one.message and "1.6.0" in one.advice for one in planned.refusals] == [True] * bool(refused)
    assert len(planned.tools) == (0 if refused else 1)


def test_a_user_without_root_gets_pipx_from_the_index(tmp_path: Path) -> None:
    made_up = MadeUpHost(tmp_path, uid=61002).with_debian("12").with_debian_python()
    planned = made_up.plan(python_tools=[{**BLACK, "scope": "user"}])
    assert [step.name for step in planned.steps] == ["/home/alice/.local/share/pep668-provision/pipx", "black"]
    assert not planned.refusals


def test_a_program_called_pipx_that_is_somebody_elses_keeps_its_place(made_up: MadeUpHost) -> None:
    made_up.with_debian("11").with_debian_python().with_file("/usr/local/bin/pipx", "notes, not executable")
    planned = made_up.plan(python_tools=[BLACK])
    assert [step.links for step in planned.own] == [()]


# Tools: what is there, and what happens to it


def rebuilt(*reasons: str) -> tuple[str, tuple[str, ...]]:
    return ("rebuild", reasons)


LINKED = "link"
WHOLE = ("", ())


@pytest.mark.parametrize(
    ("installed", "declared", "expected"),
    [
        pytest.param({}, {}, WHOLE, id="whole"),
        pytest.param({"spec": "black==24.1"}, {"spec": "black==24.1"}, WHOLE, id="the pin it has"),
        pytest.param({}, {"spec": "black>=24"}, WHOLE, id="a range it satisfies"),
        pytest.param({}, {"spec": "Black>=23,<25"}, WHOLE, id="another spelling of the name"),
        pytest.param({}, {"spec": "black==24.1.0"}, WHOLE, id="another spelling of the version"),
        pytest.param({}, {"spec": "black==24.2"}, rebuilt("black is 24.1, asked for is ==24.2"), id="another version"),
        pytest.param({}, {"spec": "black<24"}, rebuilt("black is 24.1, asked for is <24"), id="an older version"),
        pytest.param(
            {}, {"spec": "black[d]"}, rebuilt("black is installed without the extra d"), id="an extra is lacking"
        ),
        pytest.param(
            {},
            {"spec": "black[jupyter,d]"},
            rebuilt("black is installed without the extra d, jupyter"),
            id="extras are lacking",
        ),
        pytest.param({"spec": "black[d]"}, {"spec": "black[d]"}, WHOLE, id="the extra it has"),
        pytest.param({"spec": "black[d,jupyter]"}, {"spec": "black[d]"}, WHOLE, id="an extra more than asked for"),
        pytest.param(
            {"spec": "https://x.test/black-24.1.tar.gz"},
            {},
            rebuilt("black came from https://x.test/black-24.1.tar.gz, asked for is black"),
            id="from a URL, asked for from the index",
        ),
        pytest.param(
            {},
            {"spec": "https://x.test/black-24.1.tar.gz"},
            rebuilt("black came from black"),
            id="from the index, asked for from a URL",
        ),
        pytest.param(
            {"spec": "black @ https://x.test/black.whl"},
            {"spec": "black @ https://x.test/black.whl"},
            WHOLE,
            id="the URL it came from",
        ),
        pytest.param(
            {},
            {"spec": "black @ https://x.test/black.whl"},
            rebuilt("black came from black"),
            id="from the index, asked for from a URL by its name",
        ),
        pytest.param(
            {"spec": "/srv/blackX"},
            {"spec": "/srv/black"},
            rebuilt("black came from /srv/blackX"),
            id="another directory",
        ),
        pytest.param({"spec": "/srv/black"}, {"spec": "/srv/black/"}, WHOLE, id="the directory it came from"),
        pytest.param({"spec": "/srv/me@ work"}, {"spec": "/srv/me@ work"}, WHOLE, id="a directory with an @ in it"),
        pytest.param({"spec": "black@ /srv/black"}, {"spec": "/srv/black"}, WHOLE, id="the directory, with its name"),
        pytest.param(
            {"spec": "./black"}, {}, rebuilt("black came from ./black, asked for is black"), id="from a relative path"
        ),
        pytest.param({}, {"include_deps": True}, rebuilt("include_deps is false for it"), id="dependencies' apps"),
        pytest.param(
            {"include_deps": True}, {}, rebuilt("include_deps is true for it"), id="dependencies' apps no more"
        ),
        pytest.param({}, {"inject": ["plugin"]}, rebuilt("plugin is not injected"), id="to be injected"),
        pytest.param({"inject": {"plugin": "1.0"}}, {"inject": ["plugin"]}, WHOLE, id="injected"),
        pytest.param({"inject": {"Plug-in": "1.0"}}, {"inject": ["plug_in"]}, WHOLE, id="injected, spelt otherwise"),
        pytest.param({"inject": {"plugin": "1.0"}}, {}, WHOLE, id="injected, nothing said about it"),
        pytest.param(
            {"inject": {"plugin": "1.0"}},
            {"inject": []},
            rebuilt("plugin is injected and not declared"),
            id="injected, declared empty",
        ),
        pytest.param(
            {"inject": {"plugin": "1.0"}},
            {"inject": ["plugin>=2"]},
            rebuilt("injected plugin is 1.0, asked for is >=2"),
            id="injected in an older version",
        ),
        pytest.param(
            {"inject": {"plugin": "1.0"}},
            {"spec": "black==24.2", "inject": ["plugin>=2"]},
            rebuilt("black is 24.1, asked for is ==24.2", "injected plugin is 1.0, asked for is >=2"),
            id="another version, and of what is injected",
        ),
        pytest.param(
            {},
            {"include_deps": True, "inject": ["plugin"]},
            rebuilt("include_deps is false for it", "plugin is not injected"),
            id="dependencies' apps, and to be injected",
        ),
        pytest.param(
            {"inject": {"one": "1"}},
            {"inject": ["two"]},
            rebuilt("two is not injected", "one is injected and not declared"),
            id="another one injected",
        ),
        pytest.param({"links": False}, {}, (LINKED, ("its link /usr/local/bin/black is missing",)), id="link missing"),
        pytest.param({"suffix": "@24"}, {"suffix": "@24"}, WHOLE, id="suffix"),
        pytest.param({}, {"suffix": "@24"}, ("create", ("it is not installed",)), id="another suffix is another tool"),
        pytest.param(
            {"suffix": "@24", "links": False},
            {"suffix": "@24"},
            (LINKED, ("its link /usr/local/bin/black@24 is missing",)),
            id="link with a suffix missing",
        ),
        pytest.param({"pinned": True}, {"pinned": True}, WHOLE, id="pinned"),
        pytest.param({}, {"pinned": True}, (LINKED, ("it is not pinned",)), id="to be pinned"),
        pytest.param({"pinned": True}, {}, (LINKED, ("it is pinned",)), id="pinned no more"),
        pytest.param(
            {"links": False},
            {"pinned": True},
            (LINKED, ("its link /usr/local/bin/black is missing", "it is not pinned")),
            id="link missing, and to be pinned",
        ),
        pytest.param({}, {"state": "absent"}, ("remove", ("it is declared absent",)), id="to be removed"),
        pytest.param({}, {"python": "3.11"}, WHOLE, id="the Python it has"),
        pytest.param({}, {"python": "/usr/bin/python3"}, WHOLE, id="the Python it has, by path"),
        pytest.param({}, {"python": "3.12"}, rebuilt("it runs Python 3.11.2, asked for is 3.12"), id="another Python"),
    ],
)
def test_a_tool_gets_the_step_it_needs_and_the_reason(
    made_up: MadeUpHost, installed: dict[str, Any], declared: dict[str, Any], expected: tuple[str, tuple[str, ...]]
) -> None:
    made_up.with_debian("12").with_debian_python().with_pipx("1.7.1").with_interpreter("3.12.4", default=False)
    made_up.with_tool("black", "24.1", **installed)
    planned = made_up.plan(python_tools=[{**BLACK, **declared}])
    assert not planned.refusals
    assert [(step.action, step.reasons) for step in planned.steps] == ([expected] if expected[0] else [])


@pytest.mark.parametrize("python", ["3.11", "python3", "/usr/bin/python3"])
def test_a_tool_that_selects_its_python_can_be_rebuilt_with_it(debian: MadeUpHost, python: str) -> None:
    debian.with_tool("black", "24.1")
    planned = debian.plan(python_tools=[{**BLACK, "python": python, "spec": "black==25.0"}])
    assert not planned.refusals
    found = planned.tools[0].observed.interpreter
    assert found is not None
    assert found.real_path == "/usr/bin/python3.11"


def tool_without_record(made_up: MadeUpHost) -> None:
    made_up.without("/opt/pipx/venvs/black/pipx_metadata.json")


def tool_with_a_damaged_record(made_up: MadeUpHost) -> None:
    made_up.with_file("/opt/pipx/venvs/black/pipx_metadata.json", "{")


def tool_without_interpreter(made_up: MadeUpHost) -> None:
    made_up.with_link("/opt/pipx/venvs/black/bin/python", "/usr/bin/python3.7")


def tool_whose_distribution_is_gone(made_up: MadeUpHost) -> None:
    made_up.without("/opt/pipx/venvs/black/lib/python3.11/site-packages/black-24.1.dist-info")


def tool_upgraded_by_hand(made_up: MadeUpHost) -> None:
    tool_whose_distribution_is_gone(made_up)
    made_up.with_distributions("/opt/pipx/venvs/black/lib/python3.11/site-packages", {"black": "25.0"})


def tool_whose_rebuild_was_interrupted(made_up: MadeUpHost) -> None:
    made_up.with_directory("/opt/pipx/.pep668-old/black")


def tool_that_is_an_empty_directory(made_up: MadeUpHost) -> None:
    made_up.without("/opt/pipx/venvs/black").with_directory("/opt/pipx/venvs/black")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(tool_without_record, "pipx_metadata.json is missing", id="without its record"),
        pytest.param(tool_with_a_damaged_record, "pipx_metadata.json is missing or damaged", id="damaged record"),
        pytest.param(tool_without_interpreter, "/usr/bin/python3.7 is gone", id="interpreter gone"),
        pytest.param(tool_whose_distribution_is_gone, "black is missing", id="distribution removed"),
        pytest.param(tool_upgraded_by_hand, "is 25.0, pipx recorded 24.1", id="changed by hand"),
        pytest.param(tool_whose_rebuild_was_interrupted, "did not get to its end", id="rebuild interrupted"),
        pytest.param(tool_that_is_an_empty_directory, "not a virtual environment", id="an empty directory"),
    ],
)
def test_a_broken_tool_is_rebuilt_and_the_others_are_left_alone(
    debian: MadeUpHost, broken: Callable[[MadeUpHost], None], reason: str
) -> None:
    debian.with_tool("black", "24.1", packages={"click": "8.1.7"}).with_tool("ruff", "0.7.0")
    broken(debian)
    planned = debian.plan(python_tools=[BLACK, {"name": "ruff"}])
    assert [(step.action, step.name) for step in planned.steps] == [("rebuild", "black")]
    assert reason in planned.steps[0].reasons[0]
    assert planned.tools[0].keeps_versions


def test_a_tool_set_aside_by_an_interrupted_rebuild_is_installed_again(debian: MadeUpHost) -> None:
    debian.with_tool("black", "24.1", inject={"plugin": "1.0"}, links=False)
    debian.real("/opt/pipx/.pep668-old").mkdir()
    debian.real("/opt/pipx/venvs/black").rename(debian.real("/opt/pipx/.pep668-old/black"))
    planned = debian.plan(python_tools=[BLACK])
    assert [(step.action, step.name) for step in planned.steps] == [("create", "black")]
    state = planned.tools[0].observed.state
    assert state is not None
    assert state.kept == {"black": "24.1", "plugin": "1.0"}
    assert state.kept_injected == ("plugin",)


def test_a_program_of_that_name_that_is_somebody_elses_is_never_replaced(debian: MadeUpHost) -> None:
    debian.with_tool("black", "24.1", links=False).with_program("/usr/local/bin/black")
    planned = debian.plan(python_tools=[BLACK])
    assert not planned.steps
    assert planned.refusals[0].message.startswith("/usr/local/bin/black exists and is not ")
    assert "suffix" in planned.refusals[0].advice


def test_a_link_that_leads_to_nothing_is_made_anew(debian: MadeUpHost) -> None:
    debian.with_tool("black", "24.1", links=False).with_link("/usr/local/bin/black", "/gone/black")
    assert only_reasons(debian, python_tools=[BLACK]) == ("its link /usr/local/bin/black is missing",)


def test_a_link_made_by_another_way_to_the_same_file_is_good(debian: MadeUpHost) -> None:
    debian.with_tool("black", "24.1", links=False).with_link(
        "/usr/local/bin/black", "../../../opt/pipx/venvs/black/bin/black"
    )
    assert debian.plan(python_tools=[BLACK]).is_empty


# Tools of users


def test_a_users_tool_is_found_in_the_users_own_space(debian: MadeUpHost) -> None:
    debian.with_file("/home/alice/.profile", 'PATH="$HOME/.local/bin:$PATH"\n')
    debian.with_tool("black", "24.1", home="/home/alice/.local/pipx", bin_dir="/home/alice/.local/bin")
    assert debian.plan(python_tools=[{**BLACK, "scope": "user", "user": "alice"}]).is_empty
    assert steps_of(debian, python_tools=[{**BLACK, "scope": "user", "user": "bob"}]) == [("create", "tool", "black")]


def test_a_users_tools_get_on_the_path_of_the_next_login(debian: MadeUpHost) -> None:
    debian.with_tool("black", "24.1", home="/home/alice/.local/pipx", bin_dir="/home/alice/.local/bin")
    assert only_reasons(debian, python_tools=[{**BLACK, "scope": "user", "user": "alice"}]) == (
        "/home/alice/.local/bin is not on the PATH of a new login",
    )
    debian.without("/home/alice/.local/bin/black")
    assert only_reasons(debian, python_tools=[{**BLACK, "scope": "user", "user": "alice"}]) == (
        "its link /home/alice/.local/bin/black is missing",
        "/home/alice/.local/bin is not on the PATH of a new login",
    )


def test_a_tool_for_nobody_is_refused(debian: MadeUpHost) -> None:
    (refused,) = debian.plan(python_tools=[{**BLACK, "scope": "user", "user": "nobody-here"}]).refusals
    assert refused.message == "The user nobody-here of the tool black is no account on this host."
    assert "Create the account first" in refused.advice
    # An earlier task may.
    assert refused.pending


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        pytest.param({}, "is to be global, and only root can do that", id="global"),
        pytest.param({"scope": "user", "user": "bob"}, "is for bob, and only root can act for others", id="another's"),
    ],
)
def test_without_root_only_ones_own_tools_can_be_had(tmp_path: Path, keys: dict[str, Any], text: str) -> None:
    made_up = MadeUpHost(tmp_path, uid=61002).with_debian("13").with_debian_python().with_pipx("1.7.1")
    planned = made_up.plan(python_tools=[{**BLACK, **keys}])
    assert not planned.steps
    assert text in planned.refusals[0].message
    assert planned.refusals[0].advice.startswith("Run it as root (become, or _sudo with pyinfra)")
    assert ("scope: user" in planned.refusals[0].advice) is (keys.get("scope") != "user")
    assert not planned.refusals[0].pending


@pytest.mark.parametrize("user", ["", "alice"])
def test_without_root_ones_own_tools_can_be_had(tmp_path: Path, user: str) -> None:
    made_up = MadeUpHost(tmp_path, uid=61002).with_debian("13").with_debian_python().with_pipx("1.7.1")
    planned = made_up.plan(python_tools=[{**BLACK, "scope": "user", "user": user}])
    assert [step.action for step in planned.steps] == ["create"]
    assert not planned.refusals


@pytest.mark.parametrize(
    ("home", "expected"),
    [("/root", ["pipx", "black"]), ("/home/bob", ["pipx", "black"]), ("/home/alice", ["black"])],
)
def test_a_pipx_in_somebody_elses_home_is_not_used(tmp_path: Path, home: str, expected: list[str]) -> None:
    path = f"{home}/.local/bin:/usr/bin"
    made_up = MadeUpHost(tmp_path, environ={"PATH": path}).with_debian("12").with_debian_python()
    made_up.with_program(f"{home}/.local/bin/pipx")
    planned = made_up.plan(python_tools=[{**BLACK, "scope": "user", "user": "alice"}])
    assert [step.name for step in planned.steps] == expected


def test_a_tool_is_rebuilt_with_a_pipx_and_linked_or_removed_without(made_up: MadeUpHost) -> None:
    made_up.with_debian("12").with_debian_python().with_tool("black", "24.1", links=False)
    for keys, action in (({}, "link"), ({"state": "absent"}, "remove")):
        planned = made_up.plan(python_tools=[{**BLACK, **keys}])
        assert [(step.action, step.name) for step in planned.steps] == [(action, "black")]
        assert planned.tools[0].pipx is None
    steps = steps_of(made_up, python_tools=[{**BLACK, "spec": "black==25.0"}])
    assert steps == [("install", "system_package", "pipx"), ("rebuild", "tool", "black")]


def test_pinning_takes_nothing_that_installing_does(made_up: MadeUpHost) -> None:
    made_up.with_debian("13").with_debian_python(ensurepip=False).with_own_program("pipx", "1.18.0")
    made_up.with_tool("black", "24.1")
    planned = made_up.plan(python_tools=[{**BLACK, "pinned": True}])
    assert [(step.action, step.name) for step in planned.steps] == [("link", "black")]
    assert planned.tools[0].pipx is not None


def test_a_tools_python_that_is_missing_is_refused(debian: MadeUpHost) -> None:
    assert (
        "For the tool black Python 3.9 is wanted" in refusals_of(debian, python_tools=[{**BLACK, "python": "3.9"}])[0]
    )


# uv and the choice of installer


@pytest.mark.parametrize(
    ("has_uv", "keys", "settings", "installer"),
    [
        pytest.param(False, {}, {}, "pip", id="no uv"),
        pytest.param(True, {}, {}, "uv", id="the host has uv"),
        pytest.param(True, {"installer": "pip"}, {}, "pip", id="the entry asks for pip"),
        pytest.param(True, {}, {"python_installer": "pip"}, "pip", id="the host asks for pip"),
        pytest.param(True, {"installer": "uv"}, {"python_installer": "pip"}, "uv", id="the entry's word counts more"),
        pytest.param(False, {}, {"python_uv": True}, "uv", id="uv is to be provided"),
        pytest.param(False, {"installer": "pip"}, {"python_uv": True}, "pip", id="uv is to be provided, not used"),
    ],
)
def test_the_installer_is_chosen(
    debian: MadeUpHost, has_uv: bool, keys: dict[str, Any], settings: dict[str, Any], installer: str
) -> None:
    if has_uv:
        debian.with_program("/usr/local/bin/uv")
    planned = debian.plan(python_venvs=[{**FLASK, **keys}], **settings)
    assert [step.installer for step in planned.venvs] == [installer]
    moved(debian)
    planned = debian.plan(python_venvs=[{**FLASK, **keys}], **settings)
    assert [(step.action, step.installer) for step in planned.venvs] == [("rebuild", installer)]


@pytest.mark.parametrize(("keys", "settings"), [({"installer": "uv"}, {}), ({}, {"python_installer": "uv"})])
def test_uv_asked_for_and_not_there_is_refused_with_the_way_to_get_it(
    debian: MadeUpHost, keys: dict[str, Any], settings: dict[str, Any]
) -> None:
    planned = debian.plan(python_venvs=[{**FLASK, **keys}], **settings)
    (refused,) = planned.refusals
    assert refused.message == f"{VENV} asks for the installer uv, and this host has none."
    assert refused.advice == "Set python_uv: true to provide it."
    assert not planned.steps


def test_uv_cannot_be_provided_where_no_python_is_whole(made_up: MadeUpHost) -> None:
    made_up.with_os_release("ID=plan9\nNAME=Plan\n").with_interpreter("3.11.2", ensurepip=False)
    planned = made_up.plan(python_uv=True)
    assert not planned.steps
    assert "ensurepip" in planned.refusals[0].message


def test_uv_is_not_put_where_something_else_is(debian: MadeUpHost) -> None:
    planned = debian.with_file("/opt/pep668-provision/uv/notes").plan(python_uv=True)
    assert not planned.steps
    assert "not a virtual environment" in planned.refusals[0].message


@pytest.mark.parametrize(("name", "keys"), [("uv", {"python_uv": True}), ("pipx", {"python_tools": [BLACK]})])
def test_a_program_of_the_projects_own_that_was_removed_is_put_back(
    made_up: MadeUpHost, name: str, keys: dict[str, Any]
) -> None:
    made_up.with_debian("11").with_debian_python().with_own_program(name, "1.15.0")
    made_up.without(f"/opt/pep668-provision/{name}/bin/{name}")
    planned = made_up.plan(**keys)
    assert [(step.action, step.observed.entry.path) for step in planned.own] == [
        ("rebuild", f"/opt/pep668-provision/{name}")
    ]
    assert f"bin/{name} is missing" in " ".join(planned.own[0].reasons)


def test_uv_asked_for_comes_in_an_environment_of_its_own_and_before_what_needs_it(debian: MadeUpHost) -> None:
    planned = debian.plan(python_venvs=[FLASK], python_uv=True)
    assert [step.name for step in planned.steps] == ["/opt/pep668-provision/uv", VENV]
    assert planned.own[0].links == (("/usr/local/bin/uv", "/opt/pep668-provision/uv/bin/uv"),)


@pytest.mark.parametrize(
    ("pin", "reasons"),
    [
        pytest.param("", None, id="none"),
        pytest.param("0.5.0", None, id="the version that is there"),
        pytest.param("0.6.0", ("python_uv_pin is 0.6.0",), id="another version"),
    ],
)
def test_the_projects_own_uv_follows_its_pin(debian: MadeUpHost, pin: str, reasons: tuple[str, ...] | None) -> None:
    debian.with_own_program("uv", "0.5.0", pin="0.5.0" if pin == "0.5.0" else "")
    planned = debian.plan(python_uv=True, python_uv_pin=pin, python_require_pins=bool(pin))
    assert not planned.refusals
    found = [(one.action, one.observed.entry.path, one.reasons, one.installer, one.interpreter) for one in planned.own]
    assert found == ([("update", OWN_UV, reasons, "bundled", None)] if reasons else [])


def test_the_projects_own_uv_with_a_pin_is_made_again_where_its_python_moved(debian: MadeUpHost) -> None:
    """As after an upgrade of the distribution, with nothing else declared."""
    debian.with_own_program("uv", "0.5.0", pin="0.5.0").with_interpreter("3.13.5", default=True)
    debian.with_link(f"{OWN_UV}/bin/python", "/usr/bin/python3")
    planned = debian.plan(python_uv=True, python_uv_pin="0.5.0")
    assert not planned.refusals
    (step,) = planned.own
    assert (step.action, step.installer) == ("rebuild", "bundled")
    assert step.reasons == ("python_uv_pin is 0.5.0", "its interpreter moved from 3.11 to 3.13")
    assert step.interpreter is not None
    assert step.interpreter.release == "3.13"


def test_a_uv_that_is_not_the_projects_own_follows_no_pin(debian: MadeUpHost) -> None:
    assert debian.with_program("/usr/bin/uv").plan(python_uv=True, python_uv_pin="0.6.0").is_empty


@pytest.mark.parametrize("where", ["/usr/local/bin/uv", "/usr/bin/uv", "/opt/pep668-provision/uv/bin/uv"])
def test_a_uv_that_is_there_is_enough(debian: MadeUpHost, where: str) -> None:
    assert debian.with_program(where).plan(python_uv=True).is_empty


# What a plan says


def test_a_credential_never_gets_into_a_plan(debian: MadeUpHost) -> None:
    url = "https://me:s3cret@x.test/black-24.1.tar.gz"
    debian.with_tool("black", "24.1", spec=url)
    planned = debian.plan(
        python_tools=[BLACK], python_venvs=[{"path": VENV, "requirements": ["/srv/me:s3cret@x/none.txt"]}]
    )
    shown = json.dumps([step.as_dict() for step in planned.steps])
    assert "rebuild" in shown
    assert "s3cret" not in shown


def test_a_program_that_several_tools_need_is_planned_once_with_each_reason(made_up: MadeUpHost) -> None:
    made_up.with_debian("11").with_debian_python()
    planned = made_up.plan(python_tools=[BLACK, {"name": "ruff"}])
    assert [(step.name, step.reasons) for step in planned.steps if step.kind == "venv"] == [
        (OWN_PIPX, ("the tool black is installed with it", "the tool ruff is installed with it"))
    ]


def test_a_package_that_is_missing_is_told_with_each_reason(made_up: MadeUpHost) -> None:
    made_up.with_debian("12").with_debian_python()
    settings: dict[str, Any] = {"python_pipx_source": "system", "python_manage_system_packages": False}
    (refused,) = made_up.plan(python_tools=[BLACK, {"name": "ruff"}], **settings).refusals
    assert "pipx (the tool black is installed with it, the tool ruff is installed with it)" in refused.message


def test_a_pipx_that_is_packaged_brings_what_it_makes_environments_with(made_up: MadeUpHost) -> None:
    made_up.with_debian("12").with_debian_python(ensurepip=False)
    planned = made_up.plan(python_tools=[BLACK], python_pipx_source="system")
    assert not planned.refusals
    assert [step.name for step in planned.packages] == ["pipx"]


def test_a_package_manager_that_was_killed_is_brought_back_for_the_reason_that_was_found(made_up: MadeUpHost) -> None:
    made_up.with_debian("12").with_debian_python().with_package("half", status="install ok half-configured")
    _, planned = look(validate({"python_tools": [BLACK], "python_pipx_source": "system"}), made_up.host)
    assert [(step.manager, step.reasons) for step in planned.repairs] == [("apt", ("half is half-configured",))]


def test_a_refused_entry_does_not_hide_the_steps_of_others(made_up: MadeUpHost) -> None:
    made_up.with_debian("11").with_debian_python().with_file("/srv/other/file")
    planned = made_up.plan(python_venvs=[{"path": "/srv/other"}], python_tools=[BLACK])
    assert len(planned.refusals) == 1
    assert [step.name for step in planned.steps] == [OWN_PIPX, "black"]


def test_an_interpreter_is_asked_once_even_for_a_refusal(debian: MadeUpHost) -> None:
    assert refusals_of(debian, python_venvs=[{**FLASK, "python": "3.9"}])
    assert debian.runner.started == ["/usr/bin/python3"]


def test_steps_come_in_the_order_in_which_they_have_to_be_taken(made_up: MadeUpHost) -> None:
    made_up.with_debian("11").with_debian_python(ensurepip=False)
    planned = made_up.plan(python_tools=[BLACK], python_venvs=[FLASK], python_libraries=["requests"], python_uv=True)
    assert [(step.kind, step.name) for step in planned.steps] == [
        ("system_package", "python3-requests"),
        ("system_package", "python3-venv"),
        ("venv", "/opt/pep668-provision/uv"),
        ("venv", OWN_PIPX),
        ("venv", VENV),
        ("tool", "black"),
    ]


def test_a_step_knows_its_entrys_position(debian: MadeUpHost) -> None:
    finished(debian)
    planned = debian.plan(
        python_venvs=[FLASK, {"path": "/opt/second"}],
        python_tools=[BLACK, {"name": "ruff", "state": "absent"}, {"name": "isort"}],
    )
    assert [step.position for step in planned.venvs] == [1]
    assert [step.position for step in planned.tools] == [0, 2]


def test_a_host_without_python_is_refused(made_up: MadeUpHost) -> None:
    made_up.with_debian("12")
    assert "python3 is wanted, which is not on this host" in refusals_of(made_up, python_venvs=[FLASK])[0]
    assert "Install the distribution's python3" in refusals_of(made_up, python_uv=True)[0]


def test_nothing_declared_needs_nothing(made_up: MadeUpHost) -> None:
    assert made_up.plan().is_empty


def test_a_declared_tool_has_its_normalised_name(debian: MadeUpHost) -> None:
    assert tool_of(name="PyCowsay").venv_name == "pycowsay"
    debian.with_tool("pycowsay", "0.0.0.2")
    assert debian.plan(python_tools=[{"name": "PyCowsay"}]).is_empty
