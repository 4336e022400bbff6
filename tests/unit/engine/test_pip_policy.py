"""What a plain ``pip install`` into an interpreter meets: pip's own behaviour, measured with real pips, as a table."""

from __future__ import annotations

import pytest

from pep668_provision.engine.marker import Marker
from pep668_provision.engine.pip_config import Override
from pep668_provision.engine.pip_policy import Pip, predict_system_install

PATH = "/usr/lib/python3.11/EXTERNALLY-MANAGED"
OLD, CHECKS_ONLY, CURRENT = ["20.3.4", "22.0.2", "22.3.1"], ["23.0"], ["23.0.1", "25.1.1", "26.3"]


def predict(version: str, *, state: str = "valid", override: Override | None = None, is_venv: bool = False) -> str:
    marker = Marker(PATH, state)
    found = predict_system_install(
        is_venv=is_venv, pip=Pip(version, "/pip"), marker=marker, override=override or Override()
    )
    assert found.reason.endswith(".")
    return found.outcome


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


ON, OFF, UNSET = Override(True, "PIP_BREAK_SYSTEM_PACKAGES"), Override(False, "/etc/pip.conf"), Override()


@pytest.mark.parametrize(
    ("versions", "state", "override", "outcome"),
    [
        pytest.param(OLD, "valid", UNSET, "allowed", id="marked, pip before 23.0"),
        pytest.param(OLD, "valid", ON, "allowed", id="marked, pip before 23.0, overridden"),
        pytest.param(CHECKS_ONLY, "valid", UNSET, "blocked", id="marked, pip 23.0"),
        pytest.param(CHECKS_ONLY, "valid", ON, "blocked", id="marked, pip 23.0 ignores the override"),
        pytest.param(CURRENT, "valid", UNSET, "blocked", id="marked"),
        pytest.param(CURRENT, "valid", OFF, "blocked", id="marked, override off"),
        pytest.param(CURRENT, "valid", ON, "allowed", id="marked, overridden"),
        pytest.param(CURRENT, "empty", UNSET, "blocked", id="an empty file"),
        pytest.param(CURRENT, "garbage", UNSET, "blocked", id="a garbage file"),
        pytest.param(CURRENT, "unreadable", UNSET, "blocked", id="an unreadable file"),
        pytest.param(CURRENT, "directory", UNSET, "allowed", id="a directory"),
        pytest.param(CURRENT, "dangling", UNSET, "allowed", id="a link to nothing"),
        pytest.param(OLD + CHECKS_ONLY + CURRENT, "absent", UNSET, "allowed", id="not marked"),
        pytest.param(OLD + CHECKS_ONLY + CURRENT, "absent", ON, "allowed", id="not marked, overridden"),
        pytest.param([""], "valid", UNSET, "allowed", id="marked, a pip that cannot tell its version"),
    ],
)
def test_a_plain_install_meets(versions: list[str], state: str, override: Override, outcome: str) -> None:
    assert {version: predict(version, state=state, override=override) for version in versions} == dict.fromkeys(
        versions, outcome
    )


@pytest.mark.parametrize("version", OLD + CHECKS_ONLY + CURRENT)
def test_the_marker_does_not_concern_virtual_environments(version: str) -> None:
    assert predict(version, is_venv=True) == "allowed"


def test_an_interpreter_without_pip_is_unsupported() -> None:
    found = predict_system_install(is_venv=False, pip=None, marker=Marker(PATH, "valid"), override=Override())
    assert (found.outcome, found.reason) == ("unsupported", "This interpreter has no pip.")


def test_a_pip_that_stops_over_its_configuration_is_unsupported() -> None:
    assert predict("25.1.1", override=Override(None, "/etc/pip.conf", "it is damaged")) == "unsupported"


@pytest.mark.parametrize(
    ("version", "outcome"), [("22.0.2", "allowed"), ("23.0", "blocked"), ("23.0.1", "unsupported")]
)
def test_a_refused_value_stops_those_that_know_the_setting(version: str, outcome: str) -> None:
    assert predict(version, override=Override(None, "/etc/pip.conf", refused="it is maybe")) == outcome


def test_the_reason_names_what_decides() -> None:
    def reason(pip: str, override: Override) -> str:
        marker = Marker(PATH, "valid")
        return predict_system_install(is_venv=False, pip=Pip(pip, ""), marker=marker, override=override).reason

    assert PATH in reason("25.1.1", UNSET)
    assert "PIP_BREAK_SYSTEM_PACKAGES" in reason("25.1.1", ON)
    assert "pip 22.0.2" in reason("22.0.2", UNSET)
    assert "cannot be overridden" in reason("23.0", ON)
