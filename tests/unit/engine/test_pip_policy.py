"""What a call of pip meets: the behaviour of pip's own sources, as tables; test_real_pips.py measures the same."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pep668_provision.engine.marker import Marker
from pep668_provision.engine.pip_call import INSTALL, OTHER_CALLS, Call
from pep668_provision.engine.pip_config import DamagedFile, PipConfiguration, Setting
from pep668_provision.engine.pip_policy import PipFacts, Prediction, predict
from pep668_provision.engine.pip_release import Pip

PATH = "/usr/lib/python3.11/EXTERNALLY-MANAGED"
OLD, CHECKS_ONLY, CURRENT = ["20.3.4", "22.0.2", "22.3.1"], ["23.0"], ["23.0.1", "25.1.1", "26.3"]
ALL = OLD + CHECKS_ONLY + CURRENT
OVERRIDE, VARIABLE, FILE = "break-system-packages", "PIP_BREAK_SYSTEM_PACKAGES", "/etc/pip.conf"
BLOCKING = ["valid", "empty", "garbage", "unreadable"]
HARMLESS = ["absent", "directory", "dangling"]


def setting(value: str, *, section: str = "global", name: str = OVERRIDE, source: str = FILE) -> PipConfiguration:
    return PipConfiguration((Setting(section, name, value, source, is_users=section == ":env:"),))


def variable(name: str, value: str) -> PipConfiguration:
    return setting(value, section=":env:", name=name, source=f"PIP_{name.upper().replace('-', '_')}")


NOTHING, ON, OFF = PipConfiguration(), variable(OVERRIDE, "1"), setting("false")


def foretell(
    version: str | None,
    call: Call = INSTALL,
    *,
    state: str = "valid",
    configuration: PipConfiguration = NOTHING,
    is_venv: bool = False,
    sees_user_site: bool = False,
    user_site_is_off: bool = False,
    problem: str = "",
) -> Prediction:
    facts = PipFacts(
        pip=None if version is None else Pip(version, "/pip"),
        marker=Marker(PATH, state, "Use apt." if state == "valid" else "", problem),
        configuration=configuration,
        is_venv=is_venv,
        sees_user_site=sees_user_site,
        user_site_is_off=user_site_is_off,
    )
    found = predict(facts, call)
    assert found.reason.endswith(".")
    assert found.outcome in ("allowed", "blocked", "unsupported")
    assert found.message == (facts.marker.message if found.outcome == "blocked" else "")
    return found


@pytest.mark.parametrize(
    ("version", "checks", "has_flag"),
    [
        *[pytest.param(version, False, False, id=version) for version in OLD],
        *[pytest.param(version, True, False, id=version) for version in CHECKS_ONLY],
        *[pytest.param(version, True, True, id=version) for version in CURRENT],
        pytest.param("9.0.3", False, False, id="9.0.3 is older than 23"),
        pytest.param("23.1.dev0", True, True, id="a development version"),
        pytest.param("23.0+local", True, False, id="a local version of 23.0"),
        pytest.param("", False, False, id="a version that cannot be told"),
        pytest.param("not a version", False, False, id="garbage"),
    ],
)
def test_a_pip_is_known_by_its_version(version: str, checks: bool, has_flag: bool) -> None:
    pip = Pip(version, "/pip")
    assert (pip.checks_marker, pip.has_override_flag) == (checks, has_flag)


@pytest.mark.parametrize(
    ("versions", "states", "configuration", "outcome"),
    [
        pytest.param(OLD, BLOCKING, NOTHING, "allowed", id="marked, pip before 23.0"),
        pytest.param(OLD, BLOCKING, ON, "allowed", id="marked, pip before 23.0, overridden"),
        pytest.param(CHECKS_ONLY, BLOCKING, NOTHING, "blocked", id="marked, pip 23.0"),
        pytest.param(CHECKS_ONLY, BLOCKING, ON, "blocked", id="marked, pip 23.0 ignores the override"),
        pytest.param(CURRENT, BLOCKING, NOTHING, "blocked", id="marked"),
        pytest.param(CURRENT, BLOCKING, OFF, "blocked", id="marked, override off"),
        pytest.param(CURRENT, BLOCKING, ON, "allowed", id="marked, overridden"),
        pytest.param(ALL, HARMLESS, NOTHING, "allowed", id="not marked"),
        pytest.param(ALL, HARMLESS, ON, "allowed", id="not marked, overridden"),
        pytest.param([""], BLOCKING, NOTHING, "allowed", id="marked, a pip that cannot tell its version"),
    ],
)
@pytest.mark.parametrize("call", [INSTALL, Call("install", ("user",)), Call("uninstall")], ids=lambda call: call.text)
def test_install_and_uninstall_meet(
    call: Call, versions: list[str], states: list[str], configuration: PipConfiguration, outcome: str
) -> None:
    outcomes = {
        (version, state): foretell(version, call, state=state, configuration=configuration).outcome
        for version in versions
        for state in states
    }
    assert set(outcomes.values()) == {outcome}, outcomes


@pytest.mark.parametrize(
    ("options", "outcomes"),
    [
        # Of 20.3.4, 22.3.1, 23.0 and 26.3.
        pytest.param("", "allowed allowed blocked blocked", id="plain"),
        pytest.param("user", "allowed allowed blocked blocked", id="into the user's packages"),
        pytest.param("target", "allowed allowed allowed allowed", id="into a folder"),
        pytest.param("prefix", "allowed allowed allowed allowed", id="below a prefix"),
        pytest.param("root", "allowed allowed allowed allowed", id="below a root"),
        pytest.param("dry-run", "unsupported allowed blocked blocked", id="a rehearsal"),
        pytest.param("dry-run report", "unsupported allowed allowed allowed", id="a rehearsal with a report"),
        pytest.param("report", "unsupported allowed blocked blocked", id="with a report"),
        pytest.param(OVERRIDE, "unsupported unsupported unsupported allowed", id="with the flag"),
        pytest.param(f"user {OVERRIDE}", "unsupported unsupported unsupported allowed", id="the user's, with the flag"),
        pytest.param(f"target {OVERRIDE}", "unsupported unsupported unsupported allowed", id="a folder, with the flag"),
        pytest.param("isolated", "allowed allowed blocked blocked", id="isolated"),
    ],
)
def test_on_a_marked_interpreter_a_way_of_calling_meets(options: str, outcomes: str) -> None:
    call = Call("install", tuple(options.split()))
    found = [foretell(version, call).outcome for version in ("20.3.4", "22.3.1", "23.0", "26.3")]
    assert " ".join(found) == outcomes


def test_uninstall_with_the_flag_needs_a_pip_that_has_it() -> None:
    call = Call("uninstall", (OVERRIDE,))
    assert {version: foretell(version, call).outcome for version in ALL} == {
        **dict.fromkeys(OLD + CHECKS_ONLY, "unsupported"),
        **dict.fromkeys(CURRENT, "allowed"),
    }


@pytest.mark.parametrize(
    ("configuration", "outcomes"),
    [
        # Of install, uninstall, install --isolated and uninstall --isolated.
        pytest.param(setting("1"), "allowed allowed allowed allowed", id="[global]"),
        pytest.param(setting("1", section="install"), "allowed blocked allowed blocked", id="[install]"),
        pytest.param(setting("1", section="uninstall"), "blocked allowed blocked allowed", id="[uninstall]"),
        pytest.param(variable(OVERRIDE, "1"), "allowed allowed blocked blocked", id="the variable"),
        pytest.param(variable(OVERRIDE, "maybe"), "unsupported unsupported blocked blocked", id="a refused variable"),
        pytest.param(
            setting("maybe", section="install"), "unsupported blocked unsupported blocked", id="refused in [install]"
        ),
    ],
)
def test_the_override_counts_where_it_is_meant(configuration: PipConfiguration, outcomes: str) -> None:
    calls = [Call(command, options) for options in ((), ("isolated",)) for command in ("install", "uninstall")]
    assert " ".join(foretell("26.3", call, configuration=configuration).outcome for call in calls) == outcomes


@pytest.mark.parametrize("call", [INSTALL, Call("uninstall")], ids=lambda call: call.text)
@pytest.mark.parametrize("version", ALL)
def test_the_marker_does_not_concern_virtual_environments(version: str, call: Call) -> None:
    assert foretell(version, call, is_venv=True).outcome == "allowed"


@pytest.mark.parametrize("call", [INSTALL, *OTHER_CALLS], ids=lambda call: call.text)
def test_an_interpreter_without_pip_is_unsupported(call: Call) -> None:
    assert foretell(None, call) == Prediction("unsupported", "This interpreter has no pip.")


@pytest.mark.parametrize("call", [INSTALL, *OTHER_CALLS], ids=lambda call: call.text)
@pytest.mark.parametrize("version", ALL)
def test_every_pip_stops_over_a_file_it_cannot_read(version: str, call: Call) -> None:
    configuration = PipConfiguration(damaged=(DamagedFile(FILE, "it is not UTF-8"),))
    assert foretell(version, call, configuration=configuration) == Prediction(
        "unsupported",
        "pip stops before it starts: /etc/pip.conf is not a valid configuration file: it is not UTF-8.",
        FILE,
    )


@pytest.mark.parametrize(("version", "outcome"), [("26.2", "blocked"), ("26.3", "unsupported")])
def test_only_newer_pips_stop_over_one_key_in_two_spellings(version: str, outcome: str) -> None:
    configuration = PipConfiguration(damaged=(DamagedFile(FILE, "twice", since="26.3"),))
    assert foretell(version, configuration=configuration).outcome == outcome


@pytest.mark.parametrize(
    ("version", "outcome"), [("22.0.2", "allowed"), ("23.0", "blocked"), ("23.0.1", "unsupported")]
)
def test_a_refused_value_stops_those_that_know_the_setting(version: str, outcome: str) -> None:
    found = foretell(version, configuration=setting("maybe"))
    assert found.outcome == outcome
    assert found.decided_by == {"allowed": "", "blocked": PATH, "unsupported": FILE}[outcome]


def test_the_flag_helps_nothing_against_a_refused_value() -> None:
    assert foretell("26.3", Call("install", (OVERRIDE,)), configuration=setting("maybe")).outcome == "unsupported"


def test_the_flag_wins_over_an_override_that_is_off() -> None:
    assert foretell("26.3", Call("install", (OVERRIDE,)), configuration=OFF).outcome == "allowed"


@pytest.mark.parametrize("version", CHECKS_ONLY + CURRENT)
def test_a_marker_with_a_key_twice_makes_pip_break_off(version: str) -> None:
    found = foretell(version, state="garbage", problem="a key is there twice")
    assert (found.outcome, found.decided_by) == ("unsupported", PATH)
    assert foretell("22.3.1", state="garbage", problem="a key is there twice").outcome == "allowed"


@pytest.mark.parametrize(
    ("name", "value", "outcome", "decided_by"),
    [
        pytest.param("target", "/srv/lib", "allowed", "PIP_TARGET", id="a folder"),
        pytest.param("prefix", "/srv", "allowed", "PIP_PREFIX", id="a prefix"),
        pytest.param("root", "/srv", "allowed", "PIP_ROOT", id="a root"),
        pytest.param("user", "1", "blocked", PATH, id="the user's packages"),
        pytest.param("user", "perhaps", "unsupported", "PIP_USER", id="a refused value"),
        pytest.param("dry-run", "1", "blocked", PATH, id="a rehearsal"),
        pytest.param("require-virtualenv", "1", "unsupported", "PIP_REQUIRE_VIRTUALENV", id="an environment alone"),
        pytest.param("require-virtualenv", "0", "blocked", PATH, id="not an environment alone"),
        pytest.param("no-such-thing", "1", "blocked", PATH, id="what no pip knows"),
    ],
)
def test_options_set_in_the_configuration_decide_too(name: str, value: str, outcome: str, decided_by: str) -> None:
    found = foretell("26.3", configuration=variable(name, value))
    assert (found.outcome, found.decided_by) == (outcome, decided_by)


@pytest.mark.parametrize(
    ("call", "configuration", "outcome"),
    [
        pytest.param(INSTALL, setting("/srv", section="install", name="target"), "allowed", id="in its own section"),
        pytest.param(INSTALL, setting("/srv", section="download", name="target"), "blocked", id="in another's section"),
        pytest.param(Call("install", ("isolated",)), setting("/srv", name="target"), "allowed", id="isolated, a file"),
        pytest.param(Call("install", ("isolated",)), variable("target", "/srv"), "blocked", id="isolated, a variable"),
    ],
)
def test_an_option_with_a_value_counts_where_it_is_meant(
    call: Call, configuration: PipConfiguration, outcome: str
) -> None:
    assert foretell("26.3", call, configuration=configuration).outcome == outcome


def test_a_required_environment_is_one_thing_that_uninstall_minds_and_isolated_does_not() -> None:
    required = variable("require-virtualenv", "1")
    assert foretell("26.3", Call("uninstall"), configuration=required, state="absent").outcome == "unsupported"
    assert foretell("26.3", configuration=required, is_venv=True).outcome == "allowed"
    isolated = Call("install", ("isolated",))
    assert foretell("26.3", isolated, configuration=required, state="absent").outcome == "allowed"


def test_a_refused_value_of_a_required_environment_counts_even_isolated() -> None:
    found = foretell("26.3", Call("install", ("isolated",)), configuration=variable("require-virtualenv", "perhaps"))
    assert found.outcome == "unsupported"


@pytest.mark.parametrize("state", ["valid", "absent"])
@pytest.mark.parametrize("other", ["target", "prefix"])
def test_the_users_packages_are_not_combined_with_another_place(state: str, other: str) -> None:
    found = foretell("26.3", Call("install", ("user",)), configuration=variable(other, "/srv"), state=state)
    assert (found.outcome, found.decided_by) == ("unsupported", f"PIP_{other.upper()}")
    assert found.reason == f"pip does not combine --user with {other} of PIP_{other.upper()}."


@pytest.mark.parametrize("version", ALL)
def test_two_places_are_found_out_when_files_are_laid_down(version: str) -> None:
    configuration = variable("target", "/srv")
    found = foretell(version, Call("install", ("prefix",)), configuration=configuration)
    assert (found.outcome, found.decided_by) == ("unsupported", "PIP_TARGET")
    assert found.reason == "pip does not combine target of PIP_TARGET with --prefix."
    rehearsed = foretell(version, Call("install", ("prefix", "dry-run")), configuration=configuration)
    assert (rehearsed.outcome == "allowed") is (version not in ("20.3.4", "22.0.2"))


@pytest.mark.parametrize(("sees", "outcome"), [(False, "unsupported"), (True, "allowed")])
def test_an_environment_takes_the_users_packages_only_where_it_sees_them(sees: bool, outcome: str) -> None:
    call = Call("install", ("user",))
    assert foretell("26.3", call, is_venv=True, sees_user_site=sees).outcome == outcome
    assert foretell("26.3", INSTALL, is_venv=True, sees_user_site=sees).outcome == "allowed"


@pytest.mark.parametrize(("version", "outcome"), [("25.2", "allowed"), ("25.3", "unsupported")])
def test_newer_pips_mind_that_the_users_packages_are_switched_off(version: str, outcome: str) -> None:
    found = foretell(version, Call("install", ("user",)), state="absent", user_site_is_off=True)
    assert found.outcome == outcome
    assert foretell(version, state="absent", user_site_is_off=True).outcome == "allowed"


@pytest.mark.parametrize(
    ("version", "call", "expected"),
    [
        pytest.param(
            "26.3",
            {},
            Prediction("blocked", f"Marked as externally managed by {PATH}.", PATH, "Use apt."),
            id="blocked",
        ),
        pytest.param(
            "26.3",
            {"configuration": OFF},
            Prediction(
                "blocked",
                f"Marked as externally managed by {PATH}, and {FILE} says not to override that.",
                PATH,
                "Use apt.",
            ),
            id="override off",
        ),
        pytest.param(
            "23.0",
            {"configuration": ON},
            Prediction("blocked", f"Marked by {PATH}; pip 23.0 checks it and cannot be overridden.", PATH, "Use apt."),
            id="an override that is not known",
        ),
        pytest.param(
            "26.3",
            {"configuration": ON},
            Prediction("allowed", f"The marker {PATH} is overridden by {VARIABLE}.", VARIABLE),
            id="overridden",
        ),
        pytest.param(
            "26.3",
            {"call": Call("install", (OVERRIDE,)), "configuration": ON},
            Prediction("allowed", f"The marker {PATH} is overridden by --{OVERRIDE}."),
            id="overridden by the flag",
        ),
        pytest.param(
            "22.0.2",
            {},
            Prediction("allowed", f"pip 22.0.2 does not know the marker {PATH} (that takes pip 23.0)."),
            id="an old pip",
        ),
        pytest.param(
            "22.0.2",
            {"call": Call("install", ("dry-run",))},
            Prediction("unsupported", "pip 22.0.2 has no option --dry-run; that takes pip 22.2."),
            id="an old pip without the option",
        ),
        pytest.param(
            "26.3",
            {"state": "absent"},
            Prediction("allowed", f"There is no marker file at {PATH}."),
            id="not marked",
        ),
        pytest.param(
            "26.3",
            {"call": Call("install", ("prefix",))},
            Prediction("allowed", "--prefix takes it elsewhere, where pip does not ask for the marker."),
            id="elsewhere",
        ),
        pytest.param(
            "26.3",
            {"call": Call("install", ("dry-run", "report"))},
            Prediction("allowed", "With --dry-run and --report pip changes nothing and does not ask for the marker."),
            id="a rehearsal with a report",
        ),
        pytest.param(
            "26.3",
            {"is_venv": True},
            Prediction("allowed", "It is a virtual environment, which the marker does not concern."),
            id="an environment",
        ),
        pytest.param(
            "23.0",
            {},
            Prediction("blocked", f"Marked as externally managed by {PATH}.", PATH, "Use apt."),
            id="nothing that is not known",
        ),
        pytest.param(
            "26.3",
            {"is_venv": True, "configuration": variable("user", "1")},
            Prediction(
                "unsupported",
                "This virtual environment does not see the user's packages, so pip refuses user of PIP_USER.",
                "PIP_USER",
            ),
            id="the user's packages, from an environment that does not see them",
        ),
        pytest.param(
            "26.3",
            {"state": "absent", "call": Call("install", ("user",)), "user_site_is_off": True},
            Prediction(
                "unsupported",
                "The user's packages are switched off by PYTHONNOUSERSITE, so pip refuses --user.",
                "PYTHONNOUSERSITE",
            ),
            id="the user's packages, switched off",
        ),
    ],
)
def test_the_reason_names_what_decides(version: str, call: dict[str, object], expected: Prediction) -> None:
    assert foretell(version, **call) == expected  # type: ignore[arg-type]


def test_every_other_call_is_told_once_and_none_is_the_plain_one() -> None:
    texts = [call.text for call in OTHER_CALLS]
    assert len(set(texts)) == len(texts)
    assert INSTALL.text not in texts
    assert {"install --user", "install --dry-run --report", f"uninstall --{OVERRIDE}"} <= set(texts)


VALUES: Mapping[str, st.SearchStrategy[str]] = {
    "section": st.sampled_from(["global", "install", "uninstall", ":env:"]),
    "name": st.sampled_from([OVERRIDE, "user", "target", "prefix", "root", "dry-run", "report", "require-virtualenv"]),
    "value": st.sampled_from(["1", "0", "", "maybe", "/srv"]),
    "source": st.sampled_from(["/etc/pip.conf", "/root/.pip/pip.conf", "PIP_X"]),
}
SETTINGS = st.lists(st.builds(Setting, is_users=st.booleans(), **VALUES), max_size=4)


@given(
    st.sampled_from(["", *ALL]),
    st.sampled_from([INSTALL, *OTHER_CALLS]),
    st.sampled_from(BLOCKING + HARMLESS),
    SETTINGS,
)
def test_blocked_means_a_marker_that_counts_and_a_pip_that_checks_it(
    version: str, call: Call, state: str, settings: list[Setting]
) -> None:
    configuration = PipConfiguration(tuple(settings))
    found = foretell(version, call, state=state, configuration=configuration)
    if found.outcome == "blocked":
        assert state in BLOCKING
        assert version in CHECKS_ONLY + CURRENT
        assert found.decided_by == PATH
        # Without the marker the same call is not blocked, whatever else may stop it.
        assert foretell(version, call, state="absent", configuration=configuration).outcome != "blocked"
    if found.outcome == "allowed":
        assert not found.message
