"""Which package owns a file, on hosts with each kind of package database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from made_up_host import MadeUpHost
from pep668_provision.engine.package_owner import package_owners
from pep668_provision.engine.process import Command, Completed

PYTHON = "/usr/bin/python3.13"


def with_dpkg(made_up: MadeUpHost) -> MadeUpHost:
    info = "/var/lib/dpkg/info"
    made_up.with_file(f"{info}/bash.list", "/.\n/bin\n/bin/bash\n").with_file(f"{info}/bash.md5sums", f"{PYTHON}\n")
    made_up.with_file(f"{info}/python3.13.list", f"/.\n/usr/bin\n{PYTHON}-config\n/opt{PYTHON}\n")
    return made_up.with_file(f"{info}/python3.13-minimal:amd64.list", f"/.\n/usr/bin\n{PYTHON}\n")


def with_pacman(made_up: MadeUpHost) -> MadeUpHost:
    local = "/var/lib/pacman/local"
    made_up.with_file(f"{local}/ALPM_DB_VERSION", "9\n").with_file(
        f"{local}/bash-5.3-1/files", "%FILES%\nusr/bin/bash\n"
    )
    return made_up.with_file(
        f"{local}/python-3.13.7-1/files", "%FILES%\nusr/\nusr/bin/\nusr/bin/python3.13\n\n%BACKUP%\n"
    )


def with_apk(made_up: MadeUpHost, database: str = "/lib/apk/db/installed") -> MadeUpHost:
    bash = "C:Q1a=\nP:bash\nV:5.3\nF:bin\nR:bash\nZ:Q1b=\nF:usr/bin\nR:bashbug\n\n"
    trap = "P:python3-doc\nF:opt/usr/bin\nR:python3.13\n\n"
    return made_up.with_file(
        database, f"{bash}{trap}P:python3\nF:usr\nF:usr/bin\nR:python3\na:0:0:777\nR:python3.13\n\n"
    )


@pytest.mark.parametrize("hint", ["", "python", "pypy"])
@pytest.mark.parametrize(
    ("build", "owner"),
    [
        pytest.param(with_dpkg, "python3.13-minimal", id="dpkg"),
        pytest.param(with_pacman, "python", id="pacman"),
        pytest.param(with_apk, "python3", id="apk"),
        pytest.param(lambda made_up: with_apk(made_up, "/usr/lib/apk/db/installed"), "python3", id="apk 3"),
    ],
)
def test_a_file_has_the_package_that_lists_it(made_up: MadeUpHost, build: object, owner: str, hint: str) -> None:
    assert callable(build)
    host = build(made_up).host
    assert package_owners(host, PYTHON, hint) == (owner,)
    assert package_owners(host, "/usr/bin/python3.14", hint) == ()
    assert package_owners(host, "/usr/bin", hint) is not None
    assert made_up.runner.started == []


@pytest.mark.parametrize(
    ("status", "stdout", "stderr", "owners"),
    [
        (0, "python3\n", "", ("python3",)),
        (0, "python3\npython3\n", "", ("python3",)),
        (0, "b\na\n", "", ("a", "b")),
        (1, f"file {PYTHON} is not owned by any package\n", "", ()),
        (1, "", "error: cannot open Packages index\n", None),
        (None, "", "", None),
    ],
)
def test_rpm_is_asked(
    made_up: MadeUpHost, status: int | None, stdout: str, stderr: str, owners: tuple[str, ...] | None
) -> None:
    asked = []

    def answer(command: Command, _environ: Mapping[str, str]) -> Completed:
        asked.append(command.argv)
        return Completed(command, status, stdout, stderr)

    host = replace(made_up.with_program("/usr/bin/rpm").host, runner=answer)
    assert package_owners(host, PYTHON) == owners
    assert asked == [("/usr/bin/rpm", "--query", "--file", "--queryformat", "%{NAME}\\n", PYTHON)]


def test_rpm_on_a_host_of_dpkg_is_not_asked(made_up: MadeUpHost) -> None:
    with_dpkg(made_up).with_program("/usr/bin/rpm")
    assert package_owners(made_up.host, PYTHON) == ("python3.13-minimal",)
    assert made_up.runner.started == []


@pytest.mark.parametrize("database", ["", "/var/lib/dpkg/info/format", "/var/lib/pacman/local/ALPM_DB_VERSION"])
def test_without_a_database_nothing_is_known(made_up: MadeUpHost, database: str) -> None:
    if database:
        made_up.with_file(database, "1\n")
    assert package_owners(made_up.host, PYTHON) is None
