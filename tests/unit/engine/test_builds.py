"""Environments with versioned layout: which build is declared, what is planned about them, and what is not ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from made_up_host import FILES_UID, MadeUpHost, entry_of
from pep668_provision.engine.account import Account
from pep668_provision.engine.builds import Build, Builds, read_builds, switch_target
from pep668_provision.engine.receipt import FILE_NAME, HALF_WRITTEN, Receipt, parse_receipt
from pep668_provision.engine.request import InstallRequest
from pep668_provision.engine.steps import VenvStep

VENV = "/srv/app/.venv"
ONE: dict[str, Any] = {"path": VENV, "layout": "versioned", "packages": ["flask==1.0"]}
TWO: dict[str, Any] = {**ONE, "packages": ["flask==2.0"]}
IN_ONE, IN_TWO = {"flask": "1.0", "six": "1.16.0"}, {"flask": "2.0", "six": "1.16.0"}
FIRST, SECOND, THIRD = "1" * 12, "2" * 12, "3" * 12


def first_build(made_up: MadeUpHost) -> None:
    made_up.with_build(entry_of(**ONE), FIRST, 1, IN_ONE, current=True)


def two_builds(made_up: MadeUpHost) -> None:
    first_build(made_up)
    made_up.with_build(entry_of(**TWO), SECOND, 2, IN_TWO, current=True)


def rolled_back(made_up: MadeUpHost) -> None:
    two_builds(made_up)
    made_up.with_link(VENV, f".venv.d/{FIRST}")


def without_a_distribution(made_up: MadeUpHost, name: str) -> None:
    made_up.without(f"{VENV}.d/{name}/lib/python3.11/site-packages/six-1.16.0.dist-info")


def first_is_broken(made_up: MadeUpHost) -> None:
    first_build(made_up)
    made_up.with_link(f"{VENV}.d/{FIRST}/bin/python", "/usr/bin/python3.7")


def first_drifted(made_up: MadeUpHost) -> None:
    first_build(made_up)
    without_a_distribution(made_up, FIRST)


def earlier_drifted(made_up: MadeUpHost) -> None:
    two_builds(made_up)
    without_a_distribution(made_up, FIRST)


def first_without_record(made_up: MadeUpHost) -> None:
    first_build(made_up)
    made_up.with_file(f"{VENV}/{FILE_NAME}", "{")


def link_to_nothing(made_up: MadeUpHost) -> None:
    made_up.with_link(VENV, f".venv.d/{FIRST}")


def built_and_not_linked(made_up: MadeUpHost) -> None:
    first_build(made_up)
    made_up.without(VENV)


def in_place(made_up: MadeUpHost) -> None:
    made_up.with_venv(VENV, IN_ONE, receipt=entry_of(path=VENV, packages=["flask==1.0"]))


def in_place_beside_a_build(made_up: MadeUpHost) -> None:
    built_and_not_linked(made_up)
    in_place(made_up)


def switch_killed_between_two_renames(made_up: MadeUpHost) -> None:
    built_and_not_linked(made_up)
    made_up.with_venv(f"{VENV}.pep668-old", IN_ONE).with_link(f"{VENV}.pep668-new", f".venv.d/{FIRST}")


def half_built_beside(made_up: MadeUpHost) -> None:
    first_build(made_up)
    made_up.with_file(f"{VENV}.d/{SECOND}/{FILE_NAME}", Receipt(unfinished="create", build=2).to_json())


def killed_before_the_record(made_up: MadeUpHost) -> None:
    first_build(made_up)
    made_up.with_directory(f"{VENV}.d/{SECOND}")


def killed_while_the_record_is_written(made_up: MadeUpHost) -> None:
    killed_before_the_record(made_up)
    made_up.with_file(f"{VENV}.d/{SECOND}/{HALF_WRITTEN}x1y2z3", "{")


def half_removed_beside(made_up: MadeUpHost) -> None:
    first_build(made_up)
    made_up.with_file(f"{VENV}.d/{SECOND}.pep668-old/lib/left", "")


def new_link_beside(made_up: MadeUpHost) -> None:
    first_build(made_up)
    made_up.with_link(f"{VENV}.pep668-new", f".venv.d/{FIRST}")


def set_aside_beside(made_up: MadeUpHost) -> None:
    first_build(made_up)
    made_up.with_venv(f"{VENV}.pep668-old", IN_ONE)


def nothing(made_up: MadeUpHost) -> None:
    assert not made_up.real(VENV).exists()


@pytest.mark.parametrize(
    ("there", "entry", "action", "reason"),
    [
        pytest.param(nothing, ONE, "create", "it is not there", id="nothing"),
        pytest.param(first_build, ONE, "", "", id="built"),
        pytest.param(first_build, TWO, "update", "what is asked for differs", id="declared anew"),
        pytest.param(two_builds, ONE, "switch", f"its build {FIRST} is what is asked for", id="declared before"),
        pytest.param(two_builds, {**ONE, "state": "exact"}, "update", "differs", id="before, but not exact"),
        pytest.param(rolled_back, TWO, "switch", f"leads to {FIRST}", id="forward again"),
        pytest.param(rolled_back, ONE, "", "", id="what was rolled back to is declared"),
        pytest.param(two_builds, {**ONE, "state": "rolled_back"}, "switch", "it is declared rolled_back", id="back"),
        pytest.param(rolled_back, {**TWO, "state": "rolled_back"}, "", "", id="back already"),
        pytest.param(rolled_back, {**TWO, "state": "rolled_back", "keep": 1}, "", "", id="back, with less to keep"),
        pytest.param(two_builds, {**TWO, "keep": 1}, "prune", f"{FIRST} in {VENV}.d is beyond keep: 1", id="keep less"),
        pytest.param(first_is_broken, ONE, "rebuild", "/usr/bin/python3.7 is gone", id="broken"),
        pytest.param(first_drifted, ONE, "update", "six is missing", id="drifted"),
        pytest.param(first_without_record, ONE, "update", "no record", id="record damaged"),
        pytest.param(link_to_nothing, ONE, "rebuild", f"{FIRST} is gone", id="link to nothing"),
        pytest.param(built_and_not_linked, ONE, "switch", "is no link to a build", id="not linked"),
        pytest.param(in_place, ONE, "update", "it is an environment in place", id="in place"),
        pytest.param(in_place_beside_a_build, ONE, "switch", FIRST, id="in place beside the build"),
        pytest.param(switch_killed_between_two_renames, ONE, "switch", FIRST, id="killed in the switch"),
        pytest.param(half_built_beside, ONE, "prune", f"left {VENV}.d/{SECOND}", id="half-built"),
        pytest.param(killed_before_the_record, ONE, "prune", f"left {VENV}.d/{SECOND}", id="killed before the record"),
        pytest.param(killed_while_the_record_is_written, ONE, "prune", SECOND, id="killed while it is written"),
        pytest.param(half_removed_beside, ONE, "prune", f"{SECOND}.pep668-old", id="half-removed"),
        pytest.param(new_link_beside, ONE, "prune", f"left {VENV}.pep668-new", id="a link of a killed switch"),
        pytest.param(set_aside_beside, ONE, "prune", f"left {VENV}.pep668-old", id="set aside by a killed switch"),
        pytest.param(first_build, {**ONE, "system_site_packages": True}, "rebuild", "system_site", id="another kind"),
        pytest.param(first_build, {**ONE, "layout": "in_place"}, "rebuild", "declared is layout: in_place", id="back"),
        pytest.param(two_builds, {"path": VENV, "state": "absent"}, "remove", "declared absent", id="absent"),
        pytest.param(built_and_not_linked, {"path": VENV, "state": "absent"}, "remove", "absent", id="builds alone"),
        pytest.param(nothing, {"path": VENV, "state": "absent", "layout": "versioned"}, "", "", id="absent already"),
    ],
)
def test_an_environment_gets_the_step_it_needs_and_the_reason(
    debian: MadeUpHost, there: Callable[[MadeUpHost], None], entry: Mapping[str, Any], action: str, reason: str
) -> None:
    there(debian)
    planned = debian.plan(python_venvs=[entry])
    assert not planned.refusals
    assert [(step.action, step.name) for step in planned.steps] == ([(action, VENV)] if action else [])
    assert all(reason in " ".join(step.reasons) for step in planned.steps)


def test_going_back_to_an_environment_in_place_tells_what_else_differs(debian: MadeUpHost) -> None:
    first_build(debian)
    (step,) = debian.plan(python_venvs=[{**ONE, "layout": "in_place", "system_site_packages": True}]).venvs
    assert step.reasons == (
        "system_site_packages is false in it",
        f"it is a link to {VENV}.d/{FIRST}, declared is layout: in_place",
    )


def directory_is_a_file(made_up: MadeUpHost) -> None:
    made_up.with_file(f"{VENV}.d")


def directory_is_a_link(made_up: MadeUpHost) -> None:
    made_up.with_directory("/srv/other").with_link(f"{VENV}.d", "/srv/other")


def link_elsewhere(made_up: MadeUpHost) -> None:
    made_up.with_venv("/opt/venv", IN_ONE).with_link(VENV, "/opt/venv")


def link_to_what_is_not_ours(made_up: MadeUpHost) -> None:
    made_up.with_file(f"{VENV}.d/{FIRST}/data").with_link(VENV, f".venv.d/{FIRST}")


def a_folder(made_up: MadeUpHost) -> None:
    made_up.with_file(f"{VENV}/data")


@pytest.mark.parametrize("state", ["present", "rolled_back", "absent"])
@pytest.mark.parametrize(
    ("there", "message"),
    [
        pytest.param(directory_is_a_file, f"{VENV}.d is not a directory", id="file"),
        pytest.param(directory_is_a_link, f"{VENV}.d is not a directory", id="link in place of the directory"),
        pytest.param(link_elsewhere, f"{VENV} is a link to /opt/venv", id="link elsewhere"),
        pytest.param(link_to_what_is_not_ours, f"{VENV} is a link to .venv.d/{FIRST}", id="link to a folder"),
        pytest.param(a_folder, "is not a virtual environment", id="folder"),
    ],
)
def test_what_is_not_ours_is_refused(
    debian: MadeUpHost, there: Callable[[MadeUpHost], None], message: str, state: str
) -> None:
    there(debian)
    planned = debian.plan(python_venvs=[{**ONE, "state": state}])
    assert not planned.steps
    (refusal,) = planned.refusals
    assert message in refusal.message
    assert refusal.advice


@pytest.mark.parametrize(
    ("there", "why"),
    [
        pytest.param(nothing, "no earlier build that works (there: none).", id="nothing"),
        pytest.param(first_build, f"no earlier build that works (there: {FIRST}).", id="one build"),
        pytest.param(earlier_drifted, f"(there: {FIRST}, {SECOND}).", id="the earlier one drifted"),
        pytest.param(in_place, "it is an environment in place", id="in place"),
        pytest.param(in_place_beside_a_build, "it is an environment in place", id="in place beside a build"),
    ],
)
def test_without_an_earlier_build_that_works_nothing_is_rolled_back(
    debian: MadeUpHost, there: Callable[[MadeUpHost], None], why: str
) -> None:
    there(debian)
    planned = debian.plan(python_venvs=[{**ONE, "state": "rolled_back"}])
    assert not planned.steps
    (refusal,) = planned.refusals
    assert f"{VENV} cannot be rolled back" in refusal.message
    assert why in refusal.message
    assert "state: present" in refusal.advice


def test_removing_what_is_left_over_takes_no_installer(debian: MadeUpHost) -> None:
    half_built_beside(debian)
    planned = debian.plan(python_venvs=[{**ONE, "installer": "uv"}])
    assert not planned.refusals
    assert [(step.action, step.installer) for step in planned.venvs] == [("prune", "")]


def test_the_way_back_is_to_the_build_before_the_last_declared(debian: MadeUpHost) -> None:
    two_builds(debian)
    debian.with_build(entry_of(**{**ONE, "packages": ["flask==3.0"]}), THIRD, 3, {"flask": "3.0"}, current=True)
    step = only_step(debian, **ONE, state="rolled_back")
    assert (step.action, step.build) == ("switch", SECOND)
    (reason,) = step.reasons
    assert f"{SECOND} is the build before {THIRD}; {VENV} leads to {THIRD}" in reason


def test_the_link_leads_to_a_build_from_beside_it() -> None:
    assert switch_target(entry_of(**ONE), FIRST) == f".venv.d/{FIRST}"


def test_a_directory_of_that_name_is_no_matter_of_an_environment_in_place(debian: MadeUpHost) -> None:
    debian.with_file(f"{VENV}.d/settings.conf")
    assert debian.plan(python_venvs=[{"path": VENV, "state": "absent"}]).is_empty
    in_place(debian)
    assert debian.plan(python_venvs=[{"path": VENV, "packages": ["flask==1.0"]}]).is_empty


def test_going_back_asks_for_nothing(debian: MadeUpHost) -> None:
    two_builds(debian)
    entry = {**ONE, "requirements": ["/srv/app/gone.txt"], "installer": "uv", "python": "3.4"}
    (step,) = debian.plan(python_venvs=[{**entry, "state": "rolled_back"}]).venvs
    assert (step.action, step.build, step.interpreter, step.installer) == ("switch", FIRST, None, "")
    assert debian.plan(python_venvs=[entry]).refusals


def test_rebuild_never_holds_for_what_is_broken_and_not_for_what_is_declared(debian: MadeUpHost) -> None:
    first_is_broken(debian)
    never = {**ONE, "rebuild": "never"}
    assert "rebuild: never" in debian.plan(python_venvs=[never]).refusals[0].message
    debian.without(VENV).without(f"{VENV}.d")
    first_build(debian)
    assert [step.action for step in debian.plan(python_venvs=[{**TWO, "rebuild": "never"}]).steps] == ["update"]


def only_step(made_up: MadeUpHost, **entry: Any) -> VenvStep:
    (step,) = made_up.plan(python_venvs=[entry]).venvs
    return step


def test_the_name_of_a_build_is_of_what_decides_it(debian: MadeUpHost) -> None:
    name = only_step(debian, **ONE).build
    assert len(name) == 12
    assert int(name, 16) >= 0
    assert only_step(debian, **{**ONE, "keep": 5, "installer": "pip"}).build == name
    others = [TWO, {**ONE, "system_site_packages": True}, {**ONE, "state": "exact"}]
    names = {name, *(only_step(debian, **one).build for one in others)}
    assert len(names) == 4
    debian.with_interpreter("3.12.4", prefix="/usr/local", default=False)
    assert only_step(debian, **ONE, python="3.12").build not in names


def test_a_name_that_is_taken_gets_a_number(debian: MadeUpHost) -> None:
    name = only_step(debian, **ONE).build
    debian.with_build(entry_of(**ONE), name, 1, IN_ONE, current=True)
    without_a_distribution(debian, name)
    assert only_step(debian, **ONE).build == f"{name}-2"
    debian.with_file(f"{VENV}.d/{name}-2/data")
    assert only_step(debian, **ONE).build == f"{name}-3"
    # What a killed run left under a name is removed first.
    debian.with_file(f"{VENV}.d/{name}-3/{FILE_NAME}", Receipt(unfinished="create").to_json())
    assert only_step(debian, **ONE).build == f"{name}-3"


def test_of_several_builds_that_are_declared_the_last_is_meant(debian: MadeUpHost) -> None:
    first_build(debian)
    debian.with_build(entry_of(**ONE), SECOND, 2, {**IN_ONE, "six": "1.17.0"})
    assert only_step(debian, **ONE).build == SECOND
    without = debian.without(f"{VENV}.d/{SECOND}/lib/python3.11/site-packages/six-1.17.0.dist-info")
    assert without.plan(python_venvs=[ONE]).is_empty


def test_latest_is_asked_of_the_build_that_is_declared(debian: MadeUpHost) -> None:
    two_builds(debian)
    asked: list[str] = []

    def inquire(venv: str, request: InstallRequest, _account: Account | None) -> Mapping[str, str]:
        assert request.upgrade
        asked.append(venv)
        return {"six": "1.17.0"}

    entry = {**ONE, "state": "latest"}
    (step,) = debian.plan(python_venvs=[entry], inquire=inquire).venvs
    assert asked == [f"{VENV}.d/{FIRST}"]
    assert (step.action, step.reasons[-1]) == ("update", "six 1.17.0 is newer than 1.16.0")
    (step,) = debian.plan(python_venvs=[entry], inquire=lambda *_: {}).venvs
    assert (step.action, step.build) == ("switch", FIRST)


@pytest.mark.parametrize(
    ("current", "keep", "superfluous"),
    [
        pytest.param("c", 2, ("a",), id="the newest is in use"),
        pytest.param("c", 1, ("a", "b"), id="none beside it"),
        pytest.param("c", 9, (), id="all"),
        pytest.param("a", 2, ("b",), id="an old one is in use"),
        pytest.param("", 2, ("a", "b"), id="none is in use"),
    ],
)
def test_what_is_in_use_stays_and_the_oldest_go_first(current: str, keep: int, superfluous: tuple[str, ...]) -> None:
    builds = Builds("/v.d", known=tuple(map(Build, "abc")), current=current)
    assert builds.superfluous(keep) == superfluous


def test_builds_are_told_from_others_and_ordered_by_their_records(debian: MadeUpHost) -> None:
    entry = entry_of(**ONE)
    debian.with_build(entry, FIRST, 3, IN_ONE, current=True).with_build(entry, SECOND, 1, IN_ONE)
    debian.with_build(entry, f"{THIRD}-2", 2, IN_ONE)
    debian.with_file(f"{VENV}.d/notes").with_directory(f"{VENV}.d/lost+found")
    debian.with_file(f"{VENV}.d/{'4' * 12}").with_link(f"{VENV}.d/{'5' * 12}", FIRST)
    debian.with_file(f"{VENV}.d/{'6' * 12}/data").with_venv(f"{VENV}.d/handmade", IN_ONE)
    builds = read_builds(debian.host, entry, FIRST)
    assert [build.name for build in builds.known] == [SECOND, f"{THIRD}-2", FIRST]
    assert builds.leftovers == ()
    assert set(builds.others) == {"notes", "lost+found", "4" * 12, "5" * 12, "6" * 12, "handmade"}


@pytest.mark.parametrize("build", ['"1"', "-1", "true", "1.5", "null"])
def test_a_record_with_a_place_that_is_none_is_damaged(build: str) -> None:
    text = Receipt("sha256:0", build=7).to_json()
    receipt = parse_receipt(text)
    assert receipt is not None
    assert receipt.build == 7
    assert parse_receipt(text.replace('"build": 7', f'"build": {build}')) is None


def test_the_owner_of_another_account_gets_a_build_of_its_own(debian: MadeUpHost) -> None:
    first_build(debian)
    step = only_step(debian, **ONE, owner="app")
    assert (step.action, step.observed.account) == ("rebuild", debian.accounts["app"])
    assert str(FILES_UID) in step.reasons[0]
