"""The pip commands a shell would find, and which interpreter each installs into."""

from __future__ import annotations

import pytest

from made_up_host import MadeUpHost
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.pip_program import PipProgram, observe_pip_programs, read_shebang

SCRIPT = "# -*- coding: utf-8 -*-\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
OWN = "/usr/bin/python3"


@pytest.fixture
def hosts_own(made_up: MadeUpHost) -> MadeUpHost:
    return made_up.with_interpreter("3.11.2", pip="23.0.1")


def observe(made_up: MadeUpHost) -> tuple[PipProgram, ...]:
    return observe_pip_programs(made_up.host, Interpreters(made_up.host))


@pytest.mark.parametrize(
    ("first", "interpreter"),
    [
        pytest.param("#!/usr/bin/python3\n", OWN, id="plain"),
        pytest.param("#! /usr/bin/python3 -sE\n", OWN, id="with options"),
        pytest.param("#!/usr/bin/env python3\n", OWN, id="by env"),
        pytest.param("#!/usr/bin/env -S python3 -I\n", OWN, id="by env with options"),
        pytest.param("#!/usr/bin/env A=b python3\n", OWN, id="by env with a variable"),
        pytest.param("#!/usr/bin/env python3.8\n", "", id="by env, missing"),
        pytest.param("#!/usr/bin/env bash\nexec pyenv\n", "", id="a shim in bash"),
        pytest.param("#!/bin/sh\nexec pyenv exec pip\n", "", id="a shim in sh"),
        pytest.param("#!/usr/bin/env\n", "", id="env of nothing"),
        pytest.param("#!/bin/sh\n'''exec' /a/python3 \"$0\" \"$@\"\n' '''\n", "/a/python3", id="a long path"),
        pytest.param("#!/bin/sh\n'''exec' \"/a b/python3\" \"$0\" \"$@\"\n' '''\n", "/a b/python3", id="a blank in it"),
        pytest.param("#!/bin/sh\n'''exec' \"/a\n", "", id="an open quote"),
        pytest.param("#!/bin/sh\n'''exec' \"$(dirname \"$0\")\"/python\n", "", id="relative to itself"),
        pytest.param("#!/usr/bin/pypy3\n", "/usr/bin/pypy3", id="another implementation"),
        pytest.param("#!/usr/bin/perl\n", "", id="another language"),
        pytest.param("#!python3\n", "", id="relative"),
        pytest.param("#!\n", "", id="nothing named"),
        pytest.param("\x7fELF\x02", "", id="a binary"),
        pytest.param("", "", id="empty"),
    ],
)
def test_the_first_line_names_the_interpreter(hosts_own: MadeUpHost, first: str, interpreter: str) -> None:
    assert read_shebang(hosts_own.with_program("/usr/bin/pip", first + SCRIPT).host, "/usr/bin/pip") == interpreter


def test_the_hosts_own_pip_is_no_reason_to_warn(hosts_own: MadeUpHost) -> None:
    hosts_own.with_program("/usr/bin/pip", f"#!{OWN}\n{SCRIPT}").with_link("/usr/bin/pip3", "pip")
    assert observe(hosts_own) == (
        PipProgram("pip", "/usr/bin/pip", OWN, ""),
        PipProgram("pip3", "/usr/bin/pip3", OWN, ""),
    )
    assert "/usr/bin/pip" not in hosts_own.runner.started


@pytest.mark.parametrize("python", ["/opt/py/bin/python3.12", "/srv/v/bin/python3"])
def test_another_interpreters_pip_is(hosts_own: MadeUpHost, python: str) -> None:
    hosts_own.with_interpreter("3.12.4", prefix="/opt/py").with_venv("/srv/v", python="3.11")
    hosts_own.with_program("/usr/local/bin/pip", f"#!{python}\n{SCRIPT}")
    (found,) = observe(hosts_own)
    assert (found.path, found.interpreter) == ("/usr/local/bin/pip", python)
    assert f"installs into {python} (" in found.warning
    assert found.warning.endswith(
        "the host's own /usr/bin/python3 (Python 3.11.2); for that one use /usr/bin/python3 -m pip."
    )


def test_a_pip_whose_interpreter_is_gone_does_not_work(hosts_own: MadeUpHost) -> None:
    hosts_own.with_program("/usr/local/bin/pip3", f"#!/usr/bin/python3.9\n{SCRIPT}")
    (found,) = observe(hosts_own)
    assert found.warning == "/usr/local/bin/pip3 does not work: its interpreter /usr/bin/python3.9 is missing."


def test_a_shim_tells_nothing(hosts_own: MadeUpHost) -> None:
    (found,) = observe(hosts_own.with_program("/usr/local/bin/pip", "#!/usr/bin/env bash\n"))
    assert (found.interpreter, found.warning) == (
        "",
        "/usr/local/bin/pip names no Python: where it installs shows only when it is started.",
    )


def test_the_first_one_on_the_path_counts(hosts_own: MadeUpHost) -> None:
    hosts_own.with_program("/usr/bin/pip", f"#!{OWN}\n").with_program("/usr/local/bin/pip", f"#!{OWN}\n")
    assert [one.path for one in observe(hosts_own)] == ["/usr/local/bin/pip"]


def test_without_a_python3_of_the_host_there_is_nothing_to_hold_it_against(made_up: MadeUpHost) -> None:
    made_up.with_interpreter("3.12.4", prefix="/opt/py").with_program("/usr/bin/pip", "#!/opt/py/bin/python3\n")
    assert [one.warning for one in observe(made_up)] == [""]


def test_without_pip_there_is_none(hosts_own: MadeUpHost) -> None:
    assert observe(hosts_own) == ()
