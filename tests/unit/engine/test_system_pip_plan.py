"""What is done about entries of python_system_pip: by pip, by OS packages, or not, with what else there is."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_up_host import FILES_UID, MARKER, PATH, MadeUpHost
from package_databases import INFO
from pep668_provision.engine.account import Account
from pep668_provision.engine.desired import validate
from pep668_provision.engine.observe import observe
from pep668_provision.engine.overwrite import Overwrite
from pep668_provision.engine.plan import plan
from pep668_provision.engine.request import InstallRequest
from pep668_provision.engine.steps import Plan
from pep668_provision.engine.system_pip_state import ObservedSystemPip, SiteAnswer

SITE = "/usr/lib/python3/dist-packages"
USER_SITE = "/home/alice/.local/lib/python3.11/site-packages"
ON = "[global]\nbreak-system-packages = true\n"
PYTHON = "/usr/bin/python3"
ELSEWHERE = "/usr/local/bin/python3.12"
BLOCKED = f"{PYTHON} -m pip would refuse to install alpha. Marked as externally managed by"


def host_with(
    made_up: MadeUpHost, *, pip: str = "23.0.1", marker: str | None = MARKER, uid: int = 0, user_site: str = USER_SITE
) -> MadeUpHost:
    """A Debian 12 with a python3 that looks into SITE, and with another Python of the administrator's own."""
    made_up.uid = uid
    made_up.with_debian("12").with_interpreter("3.11.2", pip=pip, marker=marker)
    made_up.with_interpreter("3.12.4", prefix="/usr/local", default=False)
    made_up.environ["PATH"] = f"/usr/bin:{PATH}"
    for python in made_up.pythons.values():
        facts = {**json.loads(python.reply(with_site=True)), "path": [SITE], "user_site": user_site}
        python.answer = json.dumps(facts)
    return made_up.with_directory(SITE)


def with_package_of(made_up: MadeUpHost, name: str, version: str = "1.0") -> MadeUpHost:
    """An OS package has a distribution in SITE."""
    made_up.with_distributions(SITE, {name: version})
    return made_up.with_file(f"{INFO}/python3-{name}.list", f"/.\n{SITE}/{name}-{version}.dist-info/METADATA\n")


class StandInSitePip:
    """Stands in for the question to pip."""

    def __init__(self, answer: SiteAnswer | None = None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, observed: ObservedSystemPip) -> SiteAnswer:
        self.asked.append(observed.entry.label)
        return self.answer or SiteAnswer(dict.fromkeys((one.name for one in observed.unmet), "9.0"))


def nothing_newer(_venv: str, _request: InstallRequest, _account: Account | None) -> dict[str, str]:
    return {}


def planned(
    made_up: MadeUpHost, *, pip: StandInSitePip | None = None, more: dict[str, Any] | None = None, **keys: Any
) -> Plan:
    """The plan for one entry, alpha where it has no name."""
    entry = keys if {"name", "requirements"} & set(keys) else {"name": "alpha", **keys}
    desired = validate({**(more or {}), "python_system_pip": [entry]})
    return plan(desired, observe(desired, made_up.host, nothing_newer, pip or StandInSitePip()))


def told(found: Plan) -> list[tuple[str, str, str]]:
    assert found.refusals == ()
    return [(step.action, step.kind, step.name) for step in found.steps]


def refusal(found: Plan) -> str:
    (only,) = found.refusals
    assert found.system_pip == ()
    return str(only)


BY_PIP = [("install", "system_pip", "alpha")]
BY_PACKAGE = [("install", "system_package", "python3-alpha")]
WITH_PIP = [("install", "system_package", "python3-pip"), *BY_PIP]
CONDITIONS: dict[str, dict[str, Any]] = {
    "blocked": {},
    "allowed": {"marker": None},
    "older than markers": {"pip": "22.3.1"},
    "unsupported": {"marker": None},
    "pip 23.0": {"pip": "23.0"},
    "no pip, marked": {"pip": ""},
    "no pip, unmarked": {"pip": "", "marker": None},
}


@pytest.mark.parametrize(
    ("condition", "policy", "expected"),
    [
        ("blocked", "refuse", "Better ways on this host:"),
        ("blocked", "prefer_system_package", BY_PACKAGE),
        ("blocked", "break", BY_PIP),
        ("allowed", "refuse", BY_PIP),
        ("allowed", "prefer_system_package", BY_PACKAGE),
        ("allowed", "break", BY_PIP),
        ("older than markers", "refuse", BY_PIP),
        ("older than markers", "prefer_system_package", BY_PACKAGE),
        ("older than markers", "break", BY_PIP),
        ("unsupported", "refuse", "require-virtualenv). Nothing was changed."),
        ("unsupported", "prefer_system_package", BY_PACKAGE),
        ("unsupported", "break", "require-virtualenv). Nothing was changed."),
        ("pip 23.0", "refuse", "Better ways on this host:"),
        ("pip 23.0", "prefer_system_package", BY_PACKAGE),
        ("pip 23.0", "break", "There are two ways out: give this interpreter another pip (pip 23.0 is the one release"),
        ("no pip, marked", "refuse", "EXTERNALLY-MANAGED, and it has no pip."),
        ("no pip, marked", "prefer_system_package", BY_PACKAGE),
        ("no pip, marked", "break", WITH_PIP),
        ("no pip, unmarked", "refuse", WITH_PIP),
        ("no pip, unmarked", "prefer_system_package", BY_PACKAGE),
        ("no pip, unmarked", "break", WITH_PIP),
    ],
)
def test_a_policy_decides_together_with_what_pip_would_do(
    made_up: MadeUpHost, condition: str, policy: str, expected: str | list[tuple[str, str, str]]
) -> None:
    host_with(made_up, **CONDITIONS[condition])
    if condition == "unsupported":
        made_up.with_file("/etc/pip.conf", "[global]\nrequire-virtualenv = true\n")
    found = planned(made_up, externally_managed=policy)
    if isinstance(expected, str):
        assert expected in refusal(found)
    else:
        assert told(found) == expected
        assert all(step.reasons for step in found.steps)


@pytest.mark.parametrize("policy", ["refuse", "prefer_system_package", "break"])
def test_what_is_there_is_met_whatever_the_policy(made_up: MadeUpHost, policy: str) -> None:
    pip = StandInSitePip()
    host_with(made_up).with_distributions(SITE, {"alpha": "1.0"})
    found = planned(made_up, pip=pip, externally_managed=policy)
    assert found.is_empty
    assert (found.warnings, pip.asked, made_up.runner.queries) == ((), [], [])


# Refused over the marker


def test_a_refusal_has_three_ways_to_paste_and_the_markers_own_words(made_up: MadeUpHost) -> None:
    message = refusal(planned(host_with(made_up), name=["alpha>=1", "beta"]))
    assert message.startswith(f"{PYTHON} -m pip would refuse to install alpha, beta. Marked as externally managed by ")
    assert "Use a virtual environment." in message
    assert [line[:3] for line in message.splitlines() if line[:2] in ("1.", "2.", "3.", "4.")] == ["1. ", "2. ", "3. "]
    for part in ("pep668.provision.venv:", "pep668.provision.tool:", "python_libraries:", "externally_managed: break"):
        assert part in message
    assert "apt-get install --no-install-recommends python3-alpha" in message


def test_a_package_that_the_repositories_lack_is_no_way(made_up: MadeUpHost) -> None:
    message = refusal(planned(host_with(made_up).with_repositories(python3_alpha=False)))
    assert "pep668.provision.venv:" in message
    assert "python3-alpha" not in message


def test_the_ways_are_for_the_python_that_was_selected(made_up: MadeUpHost) -> None:
    host_with(made_up).with_interpreter("3.13.1", marker=MARKER, pip="25.0", default=False)
    python = made_up.python_of("3.13")
    python.answer = json.dumps({**json.loads(python.reply(with_site=True)), "path": [SITE]})
    assert 'python: "3.13"' in refusal(planned(made_up, python="3.13"))
    assert "    python: " not in refusal(planned(made_up))


@pytest.mark.parametrize(
    ("selected", "sees_packages"),
    [
        pytest.param("3.11", True, id="the distribution's own, which is not the default"),
        pytest.param("", False, id="the default, which is the administrator's"),
    ],
)
def test_the_distributions_package_is_the_best_way_for_its_own_python_alone(
    made_up: MadeUpHost, selected: str, sees_packages: bool
) -> None:
    host_with(made_up).with_file("/usr/local/lib/python3.12/EXTERNALLY-MANAGED", MARKER)
    made_up.environ["PATH"] = "/usr/local/bin:/usr/bin"
    made_up.with_link("/usr/local/bin/python3", "python3.12")
    python = made_up.python_of("3.12")
    python.answer = json.dumps({**json.loads(python.answer or ""), "pip": {"version": "25.0", "path": "/pip"}})
    message = refusal(planned(made_up, python=selected))
    assert "Marked as externally managed by" in message
    assert ("\n1. the distribution's package python3-alpha\n" in message) is sees_packages
    assert ("Only the distribution's own Python sees what they bring" in message) is not sees_packages
    assert ('python: "3.12"' in message) is not sees_packages


def test_without_a_message_of_the_markers_the_ways_come_first(made_up: MadeUpHost) -> None:
    (found,) = planned(host_with(made_up, marker="")).refusals
    assert found.advice.startswith("\nBetter ways on this host:\n1. ")
    (found,) = planned(host_with(made_up, marker="[externally-managed]\nError=Use apt.\n")).refusals
    assert found.advice.startswith("\n\nUse apt.\n\nBetter ways on this host:\n1. ")


def test_a_marked_python_without_pip_is_refused_as_one_with_pip_is(made_up: MadeUpHost) -> None:
    (found,) = planned(host_with(made_up, pip="", marker="[externally-managed]\nError=Use apt.\n")).refusals
    assert found.message.startswith(f"{PYTHON} -m pip would refuse to install alpha. Marked as externally managed by ")
    assert found.advice.startswith("\n\nUse apt.\n\nBetter ways on this host:\n1. ")


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({}, id="installing"),
        pytest.param({"state": "absent"}, id="removing"),
        pytest.param({"name": "pip>=24"}, id="pip itself"),
        pytest.param({"externally_managed": "break"}, id="a pip that cannot be told otherwise"),
    ],
)
def test_each_refusal_says_what_pip_would_not_do(made_up: MadeUpHost, keys: dict[str, Any]) -> None:
    host_with(made_up, pip="23.0").with_distributions(SITE, {"alpha": "1.0"} if "state" in keys else {})
    (found,) = planned(made_up, **keys).refusals
    verb, what = "remove" if "state" in keys else "install", "pip" if "name" in keys else "alpha"
    assert found.message.startswith(f"{PYTHON} -m pip would refuse to {verb} {what}. Marked ")
    assert not found.pending


def test_a_refusal_shows_no_credentials(made_up: MadeUpHost) -> None:
    message = refusal(planned(host_with(made_up), name="alpha @ https://me:s3cret@x.test/alpha.zip"))
    assert "s3cret" not in message


def test_a_python_without_pip_elsewhere_is_refused(made_up: MadeUpHost) -> None:
    message = refusal(planned(host_with(made_up), python=ELSEWHERE))
    assert f"{ELSEWHERE} has no pip, which is to install alpha." in message
    assert "Give it one, or select another interpreter." in message


def test_only_the_distributions_own_python_gets_the_distributions_pip(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None, pip="").with_interpreter("3.13.1", default=False)
    python = made_up.python_of("3.13")
    python.answer = json.dumps({**json.loads(python.reply(with_site=True)), "path": [SITE]})
    assert "/usr/bin/python3.13 has no pip" in refusal(planned(made_up, python="3.13"))
    own = planned(made_up)
    assert told(own) == WITH_PIP
    assert own.packages[0].reasons == (f"{PYTHON} has no pip",)
    # The administrator's own may be the default as well.
    made_up.environ["PATH"] = "/usr/local/bin:/usr/bin"
    made_up.with_link("/usr/local/bin/python3", "python3.12")
    assert "/usr/local/bin/python3 has no pip" in refusal(planned(made_up))


def test_an_environment_without_pip_gets_one_by_the_step_itself(made_up: MadeUpHost) -> None:
    python = host_with(made_up, pip="").with_venv("/srv/v", made_by="uv").python_of()
    facts = json.loads(python.answer or "")
    python.answer = json.dumps({**facts, "executable": "/srv/v/bin/python", "prefix": "/srv/v", "base_prefix": "/usr"})
    assert told(planned(made_up, python="/srv/v/bin/python")) == BY_PIP


def test_on_an_unknown_distribution_there_is_no_package_of_pip(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None, pip="").with_os_release("ID=plan9\n")
    assert f"{PYTHON} has no pip, which is to install alpha." in str(planned(made_up).refusals[0])


def test_pip_is_not_asked_where_it_would_refuse(made_up: MadeUpHost) -> None:
    pip = StandInSitePip()
    planned(host_with(made_up), pip=pip)
    assert pip.asked == []
    planned(made_up, pip=pip, externally_managed="break")
    assert pip.asked == ["alpha"]


def test_what_cannot_be_told_is_refused_and_may_be_pending(made_up: MadeUpHost) -> None:
    host_with(made_up)
    for keys, part in (
        ({"python": "3.9"}, "3.9 is not on this host or does not run."),
        ({"executable": "pip9"}, "There is no pip9 on this host."),
        ({"scope": "user", "user": "nobody-here"}, "There is no account nobody-here on this host."),
        ({"requirements": ["/srv/none.txt"]}, "/srv/none.txt"),
    ):
        found = planned(made_up, **keys)
        assert part in refusal(found)
        assert found.refusals[0].pending


# Where pip comes from


def test_an_executable_selects_the_interpreter_of_its_first_line(made_up: MadeUpHost) -> None:
    host_with(made_up, pip="").with_program("/usr/local/bin/pip3.12", f"#!{ELSEWHERE}\n")
    for executable in ("pip3.12", "/usr/local/bin/pip3.12", ELSEWHERE):
        assert f"{ELSEWHERE} has no pip" in refusal(planned(made_up, executable=executable))


@pytest.mark.parametrize(
    ("first_line", "part"),
    [
        ("#!/bin/sh\n", "/usr/bin/pip3 cannot be used: "),
        ("\x7fELF", "its first line names no Python"),
        ("#!/opt/python3.9\n", "its interpreter /opt/python3.9 does not run"),
    ],
    ids=["a shell", "a program", "a Python that is gone"],
)
def test_an_executable_that_is_no_pip_is_refused(made_up: MadeUpHost, first_line: str, part: str) -> None:
    host_with(made_up).with_program("/usr/bin/pip3", first_line)
    assert part in refusal(planned(made_up, executable="pip3"))


# pip itself


def test_pip_of_the_systems_python_is_refused_with_where_it_comes_from(made_up: MadeUpHost) -> None:
    message = refusal(planned(host_with(made_up), name="pip>=24"))
    assert "comes with python3-pip and is renewed with it" in message
    assert "It can be forced with externally_managed: break." in message
    assert "Better ways on this host" not in message
    made_up.with_os_release("ID=plan9\n")
    assert "comes with the interpreter" in refusal(planned(made_up, name="pip>=24"))


@pytest.mark.parametrize(
    ("marker", "policy"), [(None, "refuse"), (MARKER, "break")], ids=["not marked", "marker passed over"]
)
def test_another_pip_in_the_systems_python_is_warned_about(
    made_up: MadeUpHost, marker: str | None, policy: str
) -> None:
    host_with(made_up, marker=marker)
    found = planned(made_up, name="pip>=24", externally_managed=policy)
    assert told(found) == [("install", "system_pip", "pip")]
    assert "comes with python3-pip" in found.warnings[0]
    assert planned(made_up, name="alpha", externally_managed=policy).warnings == ()


def test_removing_another_pip_is_not_warned_about(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None).with_distributions(SITE, {"pip": "25.0"})
    found = planned(made_up, name="pip", state="absent")
    assert (told(found), found.warnings) == ([("remove", "system_pip", "pip")], ())


def test_pip_in_an_accounts_own_site_is_not_warned_about(made_up: MadeUpHost) -> None:
    found = planned(host_with(made_up, marker=None), name="pip>=24", scope="user")
    assert (told(found), found.warnings) == ([("install", "system_pip", "pip")], ())


# Latest


@pytest.mark.parametrize("policy", ["refuse", "break"])
def test_the_newest_that_is_there_is_met(made_up: MadeUpHost, policy: str) -> None:
    pip = StandInSitePip(SiteAnswer({}))
    host_with(made_up).with_distributions(SITE, {"alpha": "1.0"})
    assert planned(made_up, pip=pip, state="latest", externally_managed=policy).is_empty
    assert pip.asked == ["alpha"]


def test_a_newer_one_is_installed_with_what_comes_along(made_up: MadeUpHost) -> None:
    pip = StandInSitePip(SiteAnswer({"alpha": "2.0", "beta": "3.0"}))
    host_with(made_up, marker=None).with_distributions(SITE, {"alpha": "1.0", "beta": "3.0"})
    found = planned(made_up, pip=pip, state="latest")
    assert told(found) == BY_PIP
    assert found.system_pip[0].reasons == ("alpha 2.0 is newer",)
    observed = found.system_pip[0].observed
    assert (observed.before, observed.after) == (
        {"alpha": "1.0", "beta": "3.0"},
        {"alpha": "2.0", "beta": "3.0"},
    )


def test_a_newer_one_is_refused_where_pip_would_refuse(made_up: MadeUpHost) -> None:
    pip = StandInSitePip(SiteAnswer({"alpha": "2.0"}))
    host_with(made_up).with_distributions(SITE, {"alpha": "1.0"})
    assert BLOCKED in refusal(planned(made_up, pip=pip, state="latest"))


def test_state_present_upgrades_nothing(made_up: MadeUpHost) -> None:
    pip = StandInSitePip(SiteAnswer({"alpha": "2.0"}))
    host_with(made_up, marker=None).with_distributions(SITE, {"alpha": "1.0"})
    assert planned(made_up, pip=pip).is_empty
    assert pip.asked == []


# Absent


@pytest.mark.parametrize("policy", ["refuse", "prefer_system_package", "break"])
def test_what_is_not_there_is_absent(made_up: MadeUpHost, policy: str) -> None:
    found = planned(host_with(made_up), state="absent", externally_managed=policy)
    assert (found.steps, found.refusals, found.warnings) == ((), (), ())


def test_what_pip_put_there_is_removed(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None).with_distributions(SITE, {"alpha": "1.0"})
    found = planned(made_up, state="absent", name=["Alpha", "beta"])
    assert told(found) == [("remove", "system_pip", "alpha, beta")]
    assert found.system_pip[0].reasons == ("alpha 1.0 is there",)
    assert (found.system_pip[0].observed.before, found.system_pip[0].observed.after) == ({"alpha": "1.0"}, {})


@pytest.mark.parametrize("policy", ["refuse", "prefer_system_package", "break"])
def test_what_an_os_package_has_stays_with_a_warning(made_up: MadeUpHost, policy: str) -> None:
    pip = StandInSitePip()
    found = planned(with_package_of(host_with(made_up), "alpha"), pip=pip, state="absent", externally_managed=policy)
    assert found.is_empty
    assert found.warnings == (
        "alpha 1.0 is of the OS package python3-alpha and stays: pip is not what removes it, but the package manager.",
    )
    assert pip.asked == []


def test_each_entry_has_its_warnings(made_up: MadeUpHost) -> None:
    with_package_of(with_package_of(host_with(made_up), "alpha"), "beta")
    desired = validate({"python_system_pip": [{"name": one, "state": "absent"} for one in ("alpha", "beta")]})
    found = plan(desired, observe(desired, made_up.host, nothing_newer, StandInSitePip()))
    assert [one.split()[0] for one in found.warnings] == ["alpha", "beta"]


def test_what_is_removed_comes_from_no_package(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None).with_distributions(SITE, {"alpha": "1.0"})
    found = planned(made_up, state="absent", externally_managed="prefer_system_package")
    assert told(found) == [("remove", "system_pip", "alpha")]


def test_only_what_is_no_packages_is_removed(made_up: MadeUpHost) -> None:
    with_package_of(host_with(made_up, marker=None), "alpha").with_distributions(SITE, {"beta": "2.0"})
    found = planned(made_up, state="absent", name="alpha,beta")
    assert [one.name for one in found.system_pip[0].observed.unmet] == ["beta"]
    assert "alpha 1.0 is of the OS package python3-alpha and stays" in found.warnings[0]


def test_what_an_os_package_has_is_removed_where_it_is_named(made_up: MadeUpHost) -> None:
    deleting = Overwrite("alpha", "1.0", ("python3-alpha",), "deletes", (f"{SITE}/alpha",))
    pip = StandInSitePip(SiteAnswer({"alpha": ""}, (deleting,)))
    with_package_of(host_with(made_up, marker=None), "alpha")
    found = planned(made_up, pip=pip, state="absent", allow_overwrite=["Alpha"])
    assert (told(found), found.warnings) == ([("remove", "system_pip", "alpha")], ())


def test_removing_is_refused_over_the_marker_too(made_up: MadeUpHost) -> None:
    host_with(made_up).with_distributions(SITE, {"alpha": "1.0"})
    message = refusal(planned(made_up, state="absent"))
    assert "would refuse to remove alpha" in message
    assert "externally_managed: break removes it, and never files of an OS package" in message
    assert told(planned(made_up, state="absent", externally_managed="break")) == [("remove", "system_pip", "alpha")]


def test_of_an_accounts_site_only_its_own_is_removed(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None).with_distributions(SITE, {"alpha": "1.0"})
    python = made_up.python_of()
    python.answer = json.dumps({**json.loads(python.answer or ""), "path": [USER_SITE, SITE]})
    keys: dict[str, Any] = {"state": "absent", "scope": "user", "user": "alice"}
    assert planned(made_up, **keys).is_empty
    made_up.with_distributions(USER_SITE, {"alpha": "2.0"})
    assert told(planned(made_up, **keys)) == [("remove", "system_pip", "alpha")]


# What pip said


DELETING = Overwrite("alpha", "1.0", ("python3-alpha",), "deletes", (f"{SITE}/alpha.py",))
WRITING = Overwrite("beta", "", ("tool",), "overwrites", ("/usr/bin/tool",))
FAILING = Overwrite("alpha", "1.0", ("python3-alpha",), "cannot", said="no RECORD")


@pytest.mark.parametrize("policy", ["refuse", "break"])
@pytest.mark.parametrize(
    ("overwrites", "allowed", "named"),
    [
        pytest.param((DELETING,), [], ["alpha"], id="deletes"),
        pytest.param((WRITING,), [], ["beta"], id="overwrites"),
        pytest.param((DELETING, WRITING), [], ["alpha", "beta"], id="both"),
        pytest.param((DELETING, WRITING), ["alpha"], ["beta"], id="one is allowed"),
        pytest.param((DELETING, WRITING), ["gamma"], ["alpha", "beta"], id="another is allowed"),
        pytest.param((DELETING, WRITING), ["beta", "alpha"], [], id="all are allowed"),
    ],
)
def test_files_of_os_packages_are_touched_only_where_each_is_named(
    made_up: MadeUpHost, policy: str, overwrites: tuple[Overwrite, ...], allowed: list[str], named: list[str]
) -> None:
    host_with(made_up, marker=None if policy == "refuse" else MARKER)
    pip = StandInSitePip(SiteAnswer({"alpha": "2.0", "beta": "1.0"}, overwrites))
    found = planned(made_up, pip=pip, externally_managed=policy, allow_overwrite=allowed)
    if not named:
        assert told(found) == BY_PIP
        return
    message = refusal(found)
    assert f"allow_overwrite: [{', '.join(named)}]" in message
    for one in overwrites:
        assert (f"\n  {one}" in message) is (one.name in named)
        assert (one.packages[0] in message) is (one.name in named)


@pytest.mark.parametrize("allowed", [[], ["alpha"]], ids=["not allowed", "allowed"])
@pytest.mark.parametrize(
    ("state", "advice"),
    [("present", "extra_args: --ignore-installed"), ("absent", "Remove it with the package manager.")],
)
def test_what_pip_cannot_replace_is_refused_even_where_it_is_named(
    made_up: MadeUpHost, allowed: list[str], state: str, advice: str
) -> None:
    host_with(made_up, marker=None)
    if state == "absent":
        made_up.with_distributions(SITE, {"alpha": "1.0"})
    pip = StandInSitePip(SiteAnswer({"alpha": "2.0"}, (FAILING,)))
    plan = planned(made_up, pip=pip, state=state, allow_overwrite=allowed)
    assert plan.system_pip == ()
    (found,) = plan.refusals
    assert found.message == f"{FAILING}."
    assert "pip cannot replace it (no RECORD)" in found.message
    assert advice in found.advice


def test_everything_that_pip_cannot_replace_is_told_in_a_line(made_up: MadeUpHost) -> None:
    other = replace(FAILING, name="beta")
    pip = StandInSitePip(SiteAnswer({"alpha": "2.0", "beta": "2.0"}, (FAILING, other)))
    (found,) = planned(host_with(made_up, marker=None), pip=pip).refusals
    assert found.message == f"{FAILING}\n{other}."


def test_what_brings_the_files_of_packages_back_is_told(made_up: MadeUpHost) -> None:
    pip = StandInSitePip(SiteAnswer({"alpha": "2.0", "beta": "1.0"}, (DELETING, WRITING)))
    (found,) = planned(host_with(made_up, marker=None), pip=pip).refusals
    assert "installing python3-alpha, tool again with the package manager" in found.advice


def test_what_the_new_one_hides_is_warned_about(made_up: MadeUpHost) -> None:
    pip = StandInSitePip(SiteAnswer({"alpha": "2.0"}, (), ("alpha 1.0 of the OS package python3-alpha",)))
    found = planned(host_with(made_up, marker=None), pip=pip)
    assert told(found) == BY_PIP
    assert found.warnings == (
        "alpha: the new one comes before alpha 1.0 of the OS package python3-alpha and hides it.",
    )


def test_an_answer_that_did_not_come_is_a_refusal(made_up: MadeUpHost) -> None:
    pip = StandInSitePip(SiteAnswer(problem="The index cannot be reached."))
    message = refusal(planned(host_with(made_up, marker=None), pip=pip))
    assert message == "What pip would do about alpha cannot be told: The index cannot be reached."


def test_what_pip_finds_there_is_met(made_up: MadeUpHost) -> None:
    pip = StandInSitePip(SiteAnswer())
    assert planned(host_with(made_up, marker=None), pip=pip).is_empty
    assert pip.asked == ["alpha"]


# Overridden by somebody else


@pytest.mark.parametrize(
    ("build", "source"),
    [
        pytest.param(lambda made_up: made_up.with_file("/etc/pip.conf", ON), "/etc/pip.conf", id="the host's file"),
        pytest.param(
            lambda made_up: made_up.with_file("/root/.config/pip/pip.conf", ON),
            "/root/.config/pip/pip.conf",
            id="the account's file",
        ),
        pytest.param(
            lambda made_up: made_up.environ.update(PIP_BREAK_SYSTEM_PACKAGES="1"),
            "PIP_BREAK_SYSTEM_PACKAGES",
            id="a variable",
        ),
    ],
)
@pytest.mark.parametrize("policy", ["refuse", "break"])
def test_an_override_that_is_set_already_is_warned_about(
    made_up: MadeUpHost, build: Any, source: str, policy: str
) -> None:
    build(host_with(made_up))
    found = planned(made_up, externally_managed=policy)
    assert told(found) == BY_PIP
    (warning,) = found.warnings
    assert warning.startswith("alpha: The marker ")
    assert f"is overridden by {source}" in warning


def test_ones_own_override_is_not_warned_about(made_up: MadeUpHost) -> None:
    assert planned(host_with(made_up), externally_managed="break").warnings == ()


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("section", ["install", "uninstall"])
def test_what_a_file_says_of_one_command_counts_for_that_alone(made_up: MadeUpHost, section: str, state: str) -> None:
    host_with(made_up).with_distributions(SITE, {"alpha": "1.0"} if state == "absent" else {})
    concerns = section == ("uninstall" if state == "absent" else "install")
    made_up.with_file("/etc/pip.conf", f"[{section}]\nbreak-system-packages = true\n")
    assert bool(planned(made_up, state=state).refusals) is not concerns
    made_up.with_file("/etc/pip.conf", f"[{section}]\nrequire-virtualenv = true\n")
    assert bool(planned(made_up, state=state, externally_managed="break").refusals) is concerns
    made_up.without("/usr/lib/python3.11/EXTERNALLY-MANAGED")
    assert bool(planned(made_up, state=state).refusals) is concerns


@pytest.mark.parametrize(
    ("scope", "state", "refused"),
    [("user", "present", True), ("user", "absent", False), ("system", "present", False), ("system", "absent", False)],
)
def test_only_installing_for_an_account_is_not_combined_with_another_place(
    made_up: MadeUpHost, scope: str, state: str, refused: bool
) -> None:
    host_with(made_up, marker=None).with_file("/etc/pip.conf", "[global]\nprefix = /srv\n")
    if state == "absent":
        made_up.with_distributions(USER_SITE if scope == "user" else SITE, {"alpha": "1.0"})
        python = made_up.python_of()
        python.answer = json.dumps({**json.loads(python.answer or ""), "path": [USER_SITE, SITE]})
    (done,) = planned(made_up, scope=scope, state=state).refusals or (None,)
    assert (done is not None) is refused
    assert done is None or "pip does not combine --user with prefix of /etc/pip.conf" in done.message


def test_ones_own_override_mends_no_damaged_file(made_up: MadeUpHost) -> None:
    host_with(made_up).with_file("/etc/pip.conf", "no section = 1\n")
    message = refusal(planned(made_up, externally_managed="break"))
    assert "/etc/pip.conf is not a valid configuration file" in message
    assert message.endswith("Nothing was changed.")


def test_an_override_where_nothing_is_marked_is_not_warned_about(made_up: MadeUpHost) -> None:
    assert planned(host_with(made_up, marker=None).with_file("/etc/pip.conf", ON)).warnings == ()


def test_ones_own_word_counts_more_than_an_override_switched_off(made_up: MadeUpHost) -> None:
    host_with(made_up).with_file("/etc/pip.conf", ON.replace("true", "false"))
    assert BLOCKED in refusal(planned(made_up))
    assert told(planned(made_up, externally_managed="break")) == BY_PIP


# The distribution's packages


@pytest.mark.parametrize("marker", [None, MARKER], ids=["not marked", "marked"])
@pytest.mark.parametrize(
    ("name", "has", "by_package"),
    [
        # The made-up repositories have version 1 of everything.
        pytest.param("alpha", True, True, id="any version"),
        pytest.param("Alpha>=1", True, True, id="good enough"),
        pytest.param("alpha>=2", True, False, id="too old"),
        pytest.param("alpha<1", True, False, id="too new"),
        pytest.param("alpha", False, False, id="no package"),
        pytest.param("/srv/alpha", True, False, id="a path"),
    ],
)
def test_packages_are_preferred_where_they_will_do(
    made_up: MadeUpHost, marker: str | None, name: str, has: bool, by_package: bool
) -> None:
    host_with(made_up, marker=marker).with_repositories(python3_alpha=has)
    found = planned(
        made_up, pip=StandInSitePip(SiteAnswer({"alpha": "9"})), name=name, externally_managed="prefer_system_package"
    )
    if by_package:
        assert told(found) == BY_PACKAGE
        assert "it provides alpha (alpha is not installed)" in found.packages[0].reasons
        assert found.packages[0].name == "python3-alpha"
    elif marker is None:
        assert [kind for _, kind, _ in told(found)] == ["system_pip"]
    else:
        assert "would refuse to install" in refusal(found)


@pytest.mark.parametrize(
    "name", ["alpha @ https://x.test/a.zip", "/srv/alpha-1.0.tar.gz", "git+https://x.test/a#egg=alpha"]
)
def test_no_package_stands_for_an_address(made_up: MadeUpHost, name: str) -> None:
    host_with(made_up, marker=None)
    assert [kind for _, kind, _ in told(planned(made_up, name=name, externally_managed="prefer_system_package"))] == [
        "system_pip"
    ]


def test_each_name_is_held_against_its_own_package(made_up: MadeUpHost) -> None:
    found = planned(
        host_with(made_up, marker=None), name=["alpha>=2", "beta"], externally_managed="prefer_system_package"
    )
    assert told(found) == [("install", "system_package", "python3-beta"), ("install", "system_pip", "alpha, beta")]


def test_a_package_counts_where_nobody_knows_its_version(made_up: MadeUpHost) -> None:
    host_with(made_up).without("/var/lib/apt/lists")
    assert told(planned(made_up, name="alpha>=2", externally_managed="prefer_system_package")) == BY_PACKAGE


def test_a_package_that_is_there_and_not_enough_is_left_to_pip(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None).with_package("python3-alpha")
    assert told(planned(made_up, externally_managed="prefer_system_package")) == BY_PIP


def test_what_has_a_package_comes_from_it_and_the_rest_from_pip(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None).with_repositories(python3_beta=False)
    found = planned(made_up, name=["alpha", "beta"], externally_managed="prefer_system_package")
    assert told(found) == [*BY_PACKAGE, ("install", "system_pip", "alpha, beta")]
    made_up.with_file("/usr/lib/python3.11/EXTERNALLY-MANAGED", MARKER)
    assert "would refuse to install alpha, beta" in refusal(
        planned(made_up, name=["alpha", "beta"], externally_managed="prefer_system_package")
    )


def test_dependencies_come_from_packages_too(made_up: MadeUpHost) -> None:
    host_with(made_up).with_file(f"{SITE}/alpha-1.0.dist-info/METADATA", "Name: alpha\nRequires-Dist: beta\n\n")
    found = planned(made_up, externally_managed="prefer_system_package")
    assert told(found) == [("install", "system_package", "python3-beta")]
    assert found.packages[0].reasons == ("it provides beta (beta, which alpha needs, is not installed)",)


def test_packages_are_for_the_systems_site_alone(made_up: MadeUpHost) -> None:
    found = planned(host_with(made_up, marker=None), scope="user", externally_managed="prefer_system_package")
    assert told(found) == BY_PIP


def test_packages_are_for_the_distributions_own_python_alone(made_up: MadeUpHost) -> None:
    python = host_with(made_up, marker=None).python_of("3.12")
    python.answer = json.dumps({**json.loads(python.answer or ""), "pip": {"version": "25.0", "path": "/pip"}})
    keys: dict[str, Any] = {"python": "3.12", "externally_managed": "prefer_system_package"}
    assert told(planned(made_up, **keys)) == BY_PIP


def test_packages_that_may_not_be_installed_are_refused(made_up: MadeUpHost) -> None:
    found = planned(
        host_with(made_up),
        externally_managed="prefer_system_package",
        more={"python_manage_system_packages": False},
    )
    assert "python3-alpha" in str(found.refusals[0])
    assert "python_manage_system_packages is false" in str(found.refusals[0])


# Accounts


def test_ones_own_site_needs_no_root(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None, uid=61002)
    for user in ("", "alice"):
        assert told(planned(made_up, scope="user", user=user)) == BY_PIP


def test_anothers_site_needs_root(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None, uid=61002)
    message = refusal(planned(made_up, scope="user", user="bob"))
    assert "alpha: it is for bob, and only root can act for others." in message
    assert "become" in message
    # As bob nothing was tried.
    assert not [command for command in made_up.runner.commands if command.account is not None]


def test_anothers_site_is_looked_at_as_that_account(made_up: MadeUpHost) -> None:
    found = planned(host_with(made_up, marker=None), scope="user", user="alice")
    account = found.system_pip[0].observed.account
    assert account is not None
    assert account.name == "alice"
    asked_as_alice = [command for command in made_up.runner.commands if command.account == account]
    assert asked_as_alice
    assert all("-I" not in command.argv for command in asked_as_alice)


def test_the_marker_holds_for_an_accounts_site_too(made_up: MadeUpHost) -> None:
    assert BLOCKED in refusal(planned(host_with(made_up), scope="user"))


def test_the_override_of_the_account_that_is_acted_for_counts(made_up: MadeUpHost) -> None:
    host_with(made_up).with_file("/home/alice/.config/pip/pip.conf", ON)
    assert told(planned(made_up, scope="user", user="alice")) == BY_PIP
    assert BLOCKED in refusal(planned(made_up, scope="user", user="bob"))
    assert BLOCKED in refusal(planned(made_up))


# Where this account may write


@pytest.mark.parametrize(("state", "verb"), [("present", "install"), ("absent", "remove")])
def test_a_place_that_this_account_may_not_write_to_is_refused(made_up: MadeUpHost, state: str, verb: str) -> None:
    host_with(made_up, marker=None, uid=61002)
    if state == "absent":
        made_up.with_distributions(SITE, {"alpha": "1.0"})
    desired = validate({"python_system_pip": [{"name": "alpha", "state": state}]})
    found = observe(desired, made_up.host, None, StandInSitePip())
    locked = replace(found, system_pip=tuple(replace(one, is_writable=False) for one in found.system_pip))
    message = refusal(plan(desired, locked))
    assert message.startswith(f"To {verb} alpha takes the right to write to /usr/local/lib/python3/dist-packages.")
    assert "become" in message
    assert "scope: user" in message


@pytest.mark.skipif(FILES_UID == 0, reason="root may write anywhere")
def test_the_nearest_directory_that_is_there_tells_it(made_up: MadeUpHost) -> None:
    host_with(made_up, marker=None, uid=61002)
    assert told(planned(made_up)) == BY_PIP
    made_up.with_directory("/usr/local/lib").real("/usr/local/lib").chmod(0o555)
    try:
        assert "takes the right to write" in refusal(planned(made_up))
        assert told(planned(made_up, scope="user")) == BY_PIP
    finally:
        made_up.real("/usr/local/lib").chmod(0o755)


@pytest.mark.parametrize("place", ["", "nowhere", None], ids=["empty", "relative", "none"])
def test_a_place_that_is_no_absolute_path_comes_to_an_end(made_up: MadeUpHost, place: str | None) -> None:
    python = host_with(made_up, marker=None, uid=61002).python_of()
    python.answer = json.dumps({**json.loads(python.answer or ""), "place": place})
    assert told(planned(made_up)) == BY_PIP


# Several entries


def test_entries_are_told_by_their_position_and_do_not_hide_each_other(made_up: MadeUpHost) -> None:
    host_with(made_up).with_distributions(SITE, {"there": "1.0"})
    entries = [
        {"name": "there"},
        {"name": "alpha"},
        {"name": "beta", "externally_managed": "break"},
        {"name": []},
        {"name": "gamma", "externally_managed": "prefer_system_package"},
    ]
    desired = validate({"python_system_pip": entries})
    found = plan(desired, observe(desired, made_up.host, nothing_newer, StandInSitePip()))
    assert [step.position for step in found.system_pip] == [2]
    assert [step.name for step in found.packages] == ["python3-gamma"]
    assert len(found.refusals) == 1
    assert BLOCKED in str(found.refusals[0])


# The law


def install(made_up: MadeUpHost, names: list[str]) -> None:
    made_up.with_distributions(SITE, dict.fromkeys(names, "9.0"))


def take(made_up: MadeUpHost, found: Plan) -> None:
    """Stands in for apply: leaves in SITE what the steps promise."""
    for package in found.packages:
        if package.name == "python3-pip":
            python = made_up.python_of()
            facts = json.loads(python.answer or "")
            python.answer = json.dumps({**facts, "pip": {"version": "23.0.1", "path": f"{SITE}/pip"}})
        else:
            install(made_up, [package.name[len("python3-") :]])
    for step in found.system_pip:
        names = [one.name for one in step.observed.unmet]
        if step.action == "install":
            install(made_up, names)
        else:
            for one in names:
                made_up.without(step.observed.site.distributions[one].metadata)


ENTRIES = st.fixed_dictionaries(
    {"name": st.lists(st.sampled_from(["alpha", "Beta_X", "gamma>=2"]), unique=True, min_size=1)},
    optional={
        "state": st.sampled_from(["present", "latest", "absent"]),
        "externally_managed": st.sampled_from(["refuse", "prefer_system_package", "break"]),
        "extra_args": st.sampled_from(["--break-system-packages", "--upgrade", "--pre"]),
        "allow_overwrite": st.just(["alpha"]),
    },
)


@settings(max_examples=50, deadline=None)
@given(
    entry=ENTRIES,
    pip=st.sampled_from(["", "22.3.1", "23.0", "23.0.1"]),
    marker=st.sampled_from([None, MARKER]),
    there=st.dictionaries(st.sampled_from(["alpha", "beta-x", "gamma"]), st.sampled_from(["1.0", "3.0"])),
    of_packages=st.booleans(),
    lacking=st.booleans(),
)
def test_after_what_a_plan_promises_nothing_is_left(
    entry: dict[str, Any], pip: str, marker: str | None, there: dict[str, str], of_packages: bool, lacking: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made_up = host_with(MadeUpHost(Path(folder)), pip=pip, marker=marker)
        if lacking:
            made_up.with_repositories(python3_alpha=False, python3_gamma=False)
        for name, version in there.items():
            made_up.with_distributions(SITE, {name: version})
            if of_packages:
                file = f"{SITE}/{name.replace('-', '_')}-{version}.dist-info/METADATA"
                made_up.with_file(f"{INFO}/python3-{name}.list", f"/.\n{file}\n")
        desired = validate({"python_system_pip": [entry]})
        first = plan(desired, observe(desired, made_up.host, nothing_newer, StandInSitePip()))
        assert all(step.reasons for step in first.steps)
        if first.refusals:
            assert first.system_pip == ()
            return
        replace_outdated(made_up, first)
        take(made_up, first)
        again = plan(desired, observe(desired, made_up.host, nothing_newer, StandInSitePip()))
        assert again.is_empty, (first.steps, again.steps, again.refusals)


def replace_outdated(made_up: MadeUpHost, found: Plan) -> None:
    """What is installed anew takes the place of what is there."""
    for step in found.system_pip:
        for one in step.observed.unmet:
            installed = step.observed.site.distributions.get(one.name)
            if step.action == "install" and installed is not None:
                made_up.without(installed.metadata)


def test_a_file_that_is_missing_is_named_once(made_up: MadeUpHost) -> None:
    message = refusal(planned(host_with(made_up), name=[], requirements=["/srv/r.txt"]))
    assert message.startswith("/srv/r.txt: this file does not exist.")
