"""Entries of python_system_pip from the question to pip to its last call, with a stand-in for pip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from made_up_host import MARKER, MadeUpHost
from package_databases import INFO
from pep668_provision.engine.apply import Applier
from pep668_provision.engine.converge import Outcome
from pep668_provision.engine.desired import validate
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.look import look
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.steps import Plan
from pep668_provision.engine.system_pip_report import report_pip

SITE = "/usr/lib/python3/dist-packages"
PYTHON = "/usr/bin/python3"
MARKER_PATH = "/usr/lib/python3.11/EXTERNALLY-MANAGED"


@dataclass
class StandInPip:
    """Stands in for the process runner: an index, and a pip that installs from it and removes in SITE."""

    made_up: MadeUpHost
    index: dict[str, str]
    places: str = "/usr/local"
    question: str = "  Would remove:\n    /usr/lib/x\n"
    stdout: str | None = None
    status: int = 0
    log: str = ""
    calls: list[Command] = field(default_factory=list)

    def __call__(self, command: Command, environ: Mapping[str, str]) -> Completed:
        if "pip" not in command.argv:
            if "get_scheme" in command.argv[-1]:
                places = dict.fromkeys(("purelib", "platlib", "scripts", "data"), self.places)
                return Completed(command, 0, json.dumps(places))
            return self.made_up.runner(command, environ)
        words = list(command.argv[command.argv.index("pip") + 1 :])
        self.calls.append(command)
        names = [word for word in words if word in self.index]
        if words[0] == "uninstall":
            if "--yes" in words:
                self._remove(names)
            return Completed(command, 0, self.question)
        if self.log:
            self.made_up.with_file(str(command.env["PIP_LOG"]), self.log)
        there = self._there()
        new = {name: self.index[name] for name in names if there.get(name) != self.index[name]}
        if "--upgrade" not in words:
            new = {name: version for name, version in new.items() if name not in there}
        if self.status:
            return Completed(command, self.status, "", "ERROR: No matching distribution found for alpha\n")
        if "--dry-run" in words:
            return Completed(command, 0, self.stdout if self.stdout is not None else self._report(new))
        self._remove(list(new))
        self.made_up.with_distributions(SITE, new)
        return Completed(command, 0)

    def _report(self, new: Mapping[str, str]) -> str:
        items = [
            {"metadata": {"name": name, "version": one}, "download_info": {"url": f"https://x.test/{name}.whl"}}
            for name, one in new.items()
        ]
        return json.dumps({"install": items})

    def _there(self) -> dict[str, str]:
        folders = [path.name for path in self.made_up.real(SITE).glob("*.dist-info")]
        return dict((name[: -len(".dist-info")].rsplit("-", 1)) for name in folders)

    def _remove(self, names: list[str]) -> None:
        for name in names:
            for path in self.made_up.real(SITE).glob(f"{name}-*.dist-info"):
                self.made_up.without(f"{SITE}/{path.name}")

    @property
    def changing(self) -> list[list[str]]:
        """The words of the calls that change something, from "pip" on."""
        words = [list(call.argv[call.argv.index("pip") + 1 :]) for call in self.calls]
        return [one for one in words if "--dry-run" not in one and (one[0] == "install" or "--yes" in one)]


@pytest.fixture
def pip(tmp_path: Path) -> StandInPip:
    made_up = MadeUpHost(tmp_path).with_debian("12").with_interpreter("3.11.2", pip="23.0.1", marker=MARKER)
    facts = {**json.loads(made_up.python_of().reply(with_site=True)), "path": [SITE]}
    made_up.python_of().answer = json.dumps(facts)
    made_up.with_directory(SITE).with_directory("/tmp")  # made up
    return StandInPip(made_up, {"alpha": "2.0", "beta": "1.0"})


def host_of(pip: StandInPip) -> Host:
    return replace(pip.made_up.host, runner=pip)


def take(pip: StandInPip, **keys: Any) -> Plan:
    """The plan for an entry, taken."""
    desired = validate({"python_system_pip": [{"externally_managed": "break", **keys}]})
    _, planned = look(desired, host_of(pip))
    Applier(desired, host_of(pip)).apply(planned)
    assert look(desired, host_of(pip))[1].is_empty
    return planned


def refusal(pip: StandInPip, **keys: Any) -> str:
    desired = validate({"python_system_pip": [{"externally_managed": "break", **keys}]})
    with pytest.raises(ProvisionError) as caught:
        look(desired, host_of(pip))
    assert pip.changing == []
    return str(caught.value)


def there(pip: StandInPip) -> list[str]:
    return sorted(path.name for path in pip.made_up.real(SITE).iterdir())


# Installing and removing


def test_what_is_missing_is_installed_and_then_nothing_is_left(pip: StandInPip) -> None:
    pip.made_up.with_distributions(SITE, {"beta": "0.5"})
    planned = take(pip, name=["alpha", "beta"])
    assert planned.system_pip[0].observed.after == {"alpha": "2.0"}
    assert pip.changing == [["install", "alpha", "beta"]]
    assert there(pip) == ["alpha-2.0.dist-info", "beta-0.5.dist-info"]
    assert pip.calls[-1].env["PIP_BREAK_SYSTEM_PACKAGES"] == "1"


def test_what_is_there_starts_no_pip(pip: StandInPip) -> None:
    pip.made_up.with_distributions(SITE, {"alpha": "0.1"})
    assert take(pip, name="alpha").is_empty
    assert pip.calls == []


def test_the_newest_is_asked_for_and_installed(pip: StandInPip) -> None:
    pip.made_up.with_distributions(SITE, {"alpha": "0.1"})
    assert take(pip, name="alpha", state="latest").system_pip[0].reasons == ("alpha 2.0 is newer",)
    assert pip.changing == [["install", "--upgrade", "alpha"]]
    assert there(pip) == ["alpha-2.0.dist-info"]


def test_what_is_to_go_goes(pip: StandInPip) -> None:
    pip.made_up.with_distributions(SITE, {"alpha": "0.1", "beta": "1.0"})
    take(pip, name=["alpha", "gamma"], state="absent")
    assert pip.changing == [["uninstall", "--yes", "alpha"]]
    assert there(pip) == ["beta-1.0.dist-info"]


def test_what_is_an_os_packages_is_not_among_what_goes(pip: StandInPip) -> None:
    pip.made_up.with_distributions(SITE, {"alpha": "0.1", "beta": "1.0"})
    pip.made_up.with_file(f"{INFO}/python3-beta.list", f"/.\n{SITE}/beta-1.0.dist-info/METADATA\n")
    planned = take(pip, name=["alpha", "beta"], state="absent")
    assert pip.changing == [["uninstall", "--yes", "alpha"]]
    assert planned.warnings[0].startswith("beta 1.0 is of the OS package python3-beta and stays")


def test_nothing_is_passed_over_where_nothing_has_to_be(pip: StandInPip) -> None:
    pip.made_up.without(MARKER_PATH)
    take(pip, name="alpha")
    assert all("PIP_BREAK_SYSTEM_PACKAGES" not in call.env for call in pip.calls)


# What pip says before


def test_files_of_an_os_package_are_asked_about_before_anything_is_done(pip: StandInPip) -> None:
    pip.made_up.with_distributions(SITE, {"alpha": "0.1"})
    pip.made_up.with_file(f"{INFO}/python3-alpha.list", f"/.\n{SITE}/alpha-0.1.dist-info/METADATA\n")
    message = refusal(pip, name="alpha", state="latest")
    assert "alpha 0.1 of the OS package python3-alpha: pip deletes /usr/lib/x" in message
    assert "allow_overwrite: [alpha]" in message
    take(pip, name="alpha", state="latest", allow_overwrite=["alpha"])
    assert there(pip) == ["alpha-2.0.dist-info"]


def test_in_an_accounts_own_site_files_of_os_packages_are_no_concern(pip: StandInPip) -> None:
    pip.made_up.with_distributions(SITE, {"alpha": "0.1"})
    pip.made_up.with_file(f"{INFO}/python3-alpha.list", f"/.\n{SITE}/alpha-0.1.dist-info/METADATA\n")
    take(pip, name="alpha", state="latest", scope="user")
    assert not [call for call in pip.calls if "uninstall" in call.argv]
    assert {call.env["PIP_USER"] for call in pip.calls} == {"1"}


def test_a_failing_dry_run_is_told(pip: StandInPip) -> None:
    pip.status = 1
    message = refusal(pip, name="alpha")
    assert message.startswith("What pip would do about alpha cannot be told: Asking pip what it would install failed")
    assert "No matching distribution found" in message


def test_something_else_than_a_report_is_told(pip: StandInPip) -> None:
    pip.stdout = "hello"
    assert "pip said something else than the report it was asked for." in refusal(pip, name="alpha")


@pytest.mark.parametrize(("state", "fails"), [("latest", True), ("present", False)])
def test_an_index_that_was_passed_over_leaves_the_newest_unknown(pip: StandInPip, state: str, fails: bool) -> None:
    pip.log = "Could not fetch URL https://me:s3cret@x.test/: connection error: Connection refused - skipping\n"
    if fails:
        message = refusal(pip, name="alpha", state=state)
        assert "What is newest cannot be told: Could not fetch URL https://****@x.test/" in message
    else:
        take(pip, name="alpha", state=state)
        assert there(pip) == ["alpha-2.0.dist-info"]


def test_what_was_not_asked_about_is_not_done(pip: StandInPip) -> None:
    desired = validate({"python_system_pip": [{"name": "alpha", "externally_managed": "break"}]})
    _, planned = look(desired, host_of(pip))
    step = planned.system_pip[0]
    unasked = replace(planned, system_pip=(replace(step, observed=replace(step.observed, answer=None)),))
    with pytest.raises(ProvisionError, match="was not asked, so it is not done"):
        Applier(desired, host_of(pip)).apply(unasked)
    assert pip.changing == []


# The result


def report(pip: StandInPip, **keys: Any) -> dict[str, Any]:
    """What the module returns for an entry in a dry run."""
    desired = validate({"python_system_pip": [keys]})
    state, planned = look(desired, host_of(pip))
    before = {step.observed.entry.label: dict(step.observed.before) for step in planned.system_pip}
    after = {step.observed.entry.label: dict(step.observed.after) for step in planned.system_pip}
    packaged = [one for one in state.system_pip if planned.packages and one.entry.label not in after]
    before.update({one.entry.label: dict(one.before) for one in packaged})
    after.update({one.entry.label: dict(one.after) for one in packaged})
    return report_pip(desired, [Outcome(planned, before, after, state)])


@pytest.mark.parametrize(
    ("installed", "keys", "action", "arguments"),
    [
        pytest.param({}, {}, "installed", ["PIP_BREAK_SYSTEM_PACKAGES=1", PYTHON, "-m", "pip", "install"], id="new"),
        pytest.param({"alpha": "2.0"}, {}, "unchanged", [], id="there"),
        pytest.param(
            {"alpha": "1.0"},
            {"state": "latest"},
            "updated",
            ["PIP_BREAK_SYSTEM_PACKAGES=1", PYTHON, "-m", "pip", "install"],
            id="older",
        ),
        pytest.param(
            {"alpha": "1.0"},
            {"state": "absent"},
            "removed",
            ["PIP_BREAK_SYSTEM_PACKAGES=1", PYTHON, "-m", "pip", "uninstall"],
            id="to go",
        ),
        pytest.param(
            {},
            {"scope": "user", "extra_args": "--pre"},
            "installed",
            ["PIP_BREAK_SYSTEM_PACKAGES=1", PYTHON, "-m", "pip", "install", "--user", "--pre"],
            id="an account's",
        ),
    ],
)
def test_the_result_says_what_happened_and_how_pip_is_called(
    pip: StandInPip, installed: dict[str, str], keys: dict[str, Any], action: str, arguments: list[str]
) -> None:
    pip.made_up.with_distributions(SITE, installed)
    result = report(pip, name="alpha", externally_managed="break", **keys)
    assert (result["action"], result["changed"]) == (action, action != "unchanged")
    assert result["decision"]["outcome"] == "allowed"
    assert "overridden by PIP_BREAK_SYSTEM_PACKAGES" in result["decision"]["why"]
    assert result["decision"]["arguments"] == arguments
    assert result["packages"] == ({} if action == "removed" else {"alpha": "2.0"})
    assert result["before"] == (installed if result["changed"] else {})
    assert bool(result["reasons"]) is result["changed"]


def test_the_result_names_the_os_packages_that_are_preferred(pip: StandInPip) -> None:
    result = report(pip, name="alpha", externally_managed="prefer_system_package")
    assert result["system_packages"] == ["python3-alpha"]
    assert (result["decision"]["outcome"], result["decision"]["arguments"]) == ("system_package", [])
    assert result["reasons"] == ["python3-alpha: it provides alpha (alpha is not installed)"]
    assert result["action"] == "installed"
