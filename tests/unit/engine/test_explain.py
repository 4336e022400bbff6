"""The text that explains a Python: right about pip, its reasons and what to do, and short enough to be read."""

from __future__ import annotations

import pytest

from made_up_host import MARKER, MadeUpHost
from pep668_provision.engine.distro import observe_distribution
from pep668_provision.engine.errors import InvalidState
from pep668_provision.engine.explain import explain
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.pip_facts import observe_pip_facts
from pep668_provision.engine.report import report_host

FILE = "/usr/lib/python3.11/EXTERNALLY-MANAGED"
BLOCKED = "error: externally-managed-environment"
OVERRIDE = "[global]\nbreak-system-packages = true\n"
AGAIN = "To have pip respect the marker again"
LONG = """[externally-managed]
Error=To install Python packages system-wide, try apt install
 python3-xyz, where xyz is the package you are trying to
 install.

 If you wish to install something else,
 create a virtual environment.
"""


def with_python(made_up: MadeUpHost, *, marker: str | bytes | None = MARKER, pip: str = "23.0.1") -> MadeUpHost:
    return made_up.with_debian("12").with_interpreter("3.11.2", marker=marker, pip=pip)


def explained(made_up: MadeUpHost, *packages: str) -> str:
    """The explanation with its lines joined where they were broken, after a look at their form."""
    text = report_host(made_up.host, [], packages)["explanation"]
    assert isinstance(text, str)
    lines = text.splitlines()
    assert len(lines) < 25
    assert max(len(line) for line in lines) <= 100
    assert text == text.strip()
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("marker", "says", "adds"),
    [
        pytest.param(MARKER, f"{BLOCKED} Use a virtual environment.", "", id="with a text"),
        pytest.param(LONG, f"{BLOCKED} To install Python packages system-wide, try apt install", "", id="a long text"),
        pytest.param(
            "", f"{BLOCKED} The Python environment under /usr is managed ext", "The marker is empty", id="empty"
        ),
        pytest.param(b"\xff", f"{BLOCKED} The Python environment under /usr", "not the form", id="garbage"),
    ],
)
def test_a_marker_is_told_in_pips_own_words(made_up: MadeUpHost, marker: str | bytes, says: str, adds: str) -> None:
    text = explained(with_python(made_up, marker=marker))
    assert "Debian GNU/Linux 12: /usr/bin/python3 is Python 3.11.2 (the distribution's own), with pip 23.0.1." in text
    assert f"/usr/bin/python3 -m pip install stops before it does anything, and says: {says}" in text
    assert f"Why: marked as externally managed by {FILE}." in text
    assert "apt looks after its packages (PEP 668)" in text
    assert "create a virtual environment" not in text
    assert (adds in text) is True
    assert ("package again" in text) is bool(adds)
    assert AGAIN not in text


@pytest.mark.parametrize(
    ("marker", "pip", "why"),
    [
        pytest.param(None, "23.0.1", f"there is no marker file at {FILE}.", id="no marker"),
        pytest.param(MARKER, "22.3.1", f"pip 22.3.1 does not know the marker {FILE}", id="a pip that does not check"),
    ],
)
def test_an_allowed_install_is_no_reason_to_do_it(made_up: MadeUpHost, marker: str | None, pip: str, why: str) -> None:
    text = explained(with_python(made_up, marker=marker, pip=pip))
    assert "-m pip install goes through, and changes the Python that the system's own programs run with." in text
    assert f"Why: {why}" in text
    assert "Better all the same, the best first: 1. The distribution's packages" in text
    assert BLOCKED not in text
    assert AGAIN not in text


@pytest.mark.parametrize("kind", ["directory", "link"])
def test_what_pip_takes_for_no_marker_is_called_damaged(made_up: MadeUpHost, kind: str) -> None:
    with_python(made_up, marker=None)
    made_up.with_directory(FILE) if kind == "directory" else made_up.with_link(FILE, "gone")
    text = explained(made_up)
    assert "goes through" in text
    assert f"{kind}" in text
    assert "where the marker belongs" in text
    assert "package again" in text


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        pytest.param(
            "/etc/pip.conf",
            "pep668.provision.pip_config: {level: system, break_system_packages: absent}",
            id="the system's",
        ),
        pytest.param("/root/.config/pip/pip.conf", "pip_config: {level: user, break_system_pack", id="the user's"),
        pytest.param(
            "/root/.pip/pip.conf", "remove break-system-packages from /root/.pip/pip.conf.", id="the older one"
        ),
        pytest.param("/usr/pip.conf", "{level: interpreter, python: /usr/bin/python3, break_s", id="the interpreter's"),
        pytest.param("/etc/xdg/pip/pip.conf", "remove break-system-packages from /etc/xdg/pip/pip.conf.", id="xdg"),
    ],
)
def test_an_override_is_said_plainly_with_what_to_do(made_up: MadeUpHost, path: str, advice: str) -> None:
    text = explained(with_python(made_up).with_file(path, OVERRIDE))
    assert "-m pip install goes through" in text
    assert f"Why: the marker {FILE} is overridden by {path}." in text
    assert "Somebody set break-system-packages there" in text
    assert f"{AGAIN}, " in text
    assert advice in text


def test_an_override_by_a_variable_is_to_be_unset(made_up: MadeUpHost) -> None:
    with_python(made_up).environ["PIP_BREAK_SYSTEM_PACKAGES"] = "1"
    assert f"{AGAIN}, unset PIP_BREAK_SYSTEM_PACKAGES where it is set." in explained(made_up)


def test_an_install_that_goes_elsewhere_overrides_nothing(made_up: MadeUpHost) -> None:
    text = explained(with_python(made_up).with_file("/etc/pip.conf", f"{OVERRIDE}target = /srv/x\n"))
    assert "goes through" in text
    assert "takes it elsewhere" in text


@pytest.mark.parametrize(("marker", "would_block"), [(MARKER, True), (None, False)])
def test_no_pip_is_told_and_what_one_would_meet(made_up: MadeUpHost, marker: str | None, would_block: bool) -> None:
    text = explained(with_python(made_up, marker=marker, pip=""))
    assert "without pip. /usr/bin/python3 -m pip install fails: No module named pip." in text
    assert ("With a pip the marker" in text) is would_block


def test_a_configuration_pip_stops_over_is_the_reason(made_up: MadeUpHost) -> None:
    text = explained(with_python(made_up).with_file("/etc/pip.conf", "[global]\nbreak-system-packages = maybe\n"))
    assert "-m pip install fails, whatever it is to install. Why: pip stops before it starts" in text
    assert "/etc/pip.conf" in text


def test_a_pip_of_another_python_is_warned_of_once(made_up: MadeUpHost) -> None:
    with_python(made_up).with_interpreter("3.13.5", prefix="/opt/own", pip="25.1.1", default=False)
    made_up.with_program("/usr/bin/pip", "#!/opt/own/bin/python3.13\n")
    text = explained(made_up)
    assert text.count("Beware: ") == 1
    assert "Beware: /usr/bin/pip installs into /opt/own/bin/python3.13" in text
    made_up.with_program("/usr/bin/pip", "#!/usr/bin/python3\n")
    assert "Beware" not in explained(made_up)


def test_a_host_without_python_is_told_so(made_up: MadeUpHost) -> None:
    text = explained(made_up.with_debian("12"))
    assert "there is no python3 on this host's search path" in text
    assert "pep668.provision.bootstrap" in text


def test_an_environment_is_nobodys_business(made_up: MadeUpHost) -> None:
    host = with_python(made_up).with_venv("/srv/v").host
    made_up.pythons["/usr/bin/python3.11"].prefix = "/srv/v"
    found = Interpreters(host).probe("/srv/v/bin/python3", with_site=True)
    assert found is not None
    text = explain(observe_distribution(host), found, observe_pip_facts(host, found))
    assert "(a virtual environment)" in text
    assert "goes through, and changes this environment alone." in text
    assert "EXTERNALLY-MANAGED" not in text


@pytest.mark.parametrize(
    ("os_release", "manager", "command"),
    [
        ('ID=debian\nNAME="Debian GNU/Linux"\n', "apt", "apt-get install --no-install-recommends python3-requests"),
        ("ID=fedora\nNAME=Fedora\n", "dnf5", "dnf install --setopt=install_weak_deps=False 'python3dist(requests)'"),
        ("ID=arch\nNAME=Arch\n", "pacman", "pacman --sync --needed python-requests"),
        ("ID=alpine\nNAME=Alpine\n", "apk", "apk add py3-requests"),
        ("ID=plan9\nNAME=Plan\n", "the system's package manager", ""),
    ],
    ids=["debian", "fedora", "arch", "alpine", "unknown"],
)
def test_each_family_has_its_own_ways(made_up: MadeUpHost, os_release: str, manager: str, command: str) -> None:
    text = explained(with_python(made_up).with_os_release(os_release))
    assert f"says that {manager} looks after its packages" in text
    assert ("1. The distribution's packages" in text) is bool(command)
    assert command in text


def test_homebrew_keeps_its_python_and_packages_no_libraries(made_up: MadeUpHost) -> None:
    prefix = "/opt/homebrew/Cellar/python@3.12/3.12.4"
    made_up.with_os_release("ID=macos\nNAME=macOS\nVERSION_ID=15.1\n")
    made_up.with_interpreter("3.12.4", prefix=prefix, marker=MARKER, pip="24.0")
    made_up.with_link("/opt/homebrew/bin/python3", f"{prefix}/bin/python3.12")
    made_up.environ["PATH"] = "/opt/homebrew/bin:/usr/bin"
    text = explained(made_up)
    assert "macOS 15.1: /opt/homebrew/bin/python3 is Python 3.12.4 (homebrew), with pip 24.0." in text
    assert "says that homebrew looks after its packages" in text
    assert "1. A virtual environment" in text
    assert "The distribution's packages" not in text


def test_the_ways_are_those_for_what_is_wanted(made_up: MadeUpHost) -> None:
    with_python(made_up).with_repositories(python3_nope=False)
    assert "1. The distribution's package python3-yaml." in explained(made_up, "pyyaml")
    assert made_up.runner.queries
    assert "1. A virtual environment, /opt/venvs/nope." in explained(made_up, "nope")
    assert "/opt/venvs/flask/bin/pip install flask==3.0.3" in explained(made_up, "flask==3.0.3")


def test_the_repositories_are_asked_only_for_what_is_wanted(made_up: MadeUpHost) -> None:
    explained(with_python(made_up))
    assert made_up.runner.queries == []
    assert made_up.runner.started == ["/usr/bin/python3"]


def test_what_is_no_requirement_is_refused_with_its_position(made_up: MadeUpHost) -> None:
    with pytest.raises(InvalidState, match=r"packages\[1\]: '-r x' starts with '-'"):
        report_host(made_up.host, [], ["requests", "-r x"])


def test_credentials_are_not_in_the_text(made_up: MadeUpHost) -> None:
    assert "s3cret" not in explained(with_python(made_up), "six @ https://me:s3cret@example.org/six.whl")
