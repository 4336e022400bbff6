"""uv's command lines and environment: what is asked, where credentials go, and what an answer means."""

from __future__ import annotations

import pytest

from made_up_host import MadeUpHost, entry_of
from pep668_provision.engine.desired import IndexSettings
from pep668_provision.engine.installer import Workplace
from pep668_provision.engine.installer_uv import UvInstaller
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.request import InstallRequest

VENV = "/srv/app/.venv"
UV = "/usr/local/bin/uv"
SECRET = "s3cret"
INDEX = IndexSettings(
    index_url="https://index.test/simple", username="me", password=SECRET, ca_bundle="/etc/ca.pem", no_index=True
)


def every_command(made_up: MadeUpHost, index: IndexSettings = INDEX) -> dict[str, Command]:
    made_up.with_interpreter("3.11.2")
    interpreter = Interpreters(made_up.host).default()
    assert interpreter is not None
    uv, work = UvInstaller(UV), Workplace(made_up.host, None, "/scratch", index)
    request = InstallRequest(entry_of(path=VENV, packages=["six", f"mine @ https://me:{SECRET}@x.test/mine.whl"]))
    return {
        "create": uv.create(work, interpreter, VENV, system_site_packages=True).command,
        "install": uv.install(work, VENV, request).command,
        "uninstall": uv.uninstall(work, VENV, ("six",)).command,
        "resolve": uv.resolve(work, VENV, request, everything=False).command,
        "everything": uv.resolve(work, VENV, request, everything=True).command,
    }


def test_uv_is_called_for_the_environments_own_python(made_up: MadeUpHost) -> None:
    commands = every_command(made_up, IndexSettings())
    python = ["--python", f"{VENV}/bin/python"]
    asked = ["-r", "/scratch/packages.txt", "six"]
    assert {name: list(command.argv[1:]) for name, command in commands.items()} == {
        "create": [
            *[
                "venv",
                "--no-project",
                "--allow-existing",
                "--python",
                "/usr/bin/python3",
                "--system-site-packages",
                VENV,
            ]
        ],
        "install": ["pip", "install", *python, *asked],
        "uninstall": ["pip", "uninstall", *python, "six"],
        "resolve": ["pip", "install", "--dry-run", *python, *asked],
        "everything": ["pip", "install", "--dry-run", "--reinstall", *python, *asked],
    }
    assert {command.argv[0] for command in commands.values()} == {UV}


def test_no_command_carries_a_password_in_its_arguments(made_up: MadeUpHost) -> None:
    made_up.with_file("/etc/ca.pem")
    for name, command in every_command(made_up).items():
        assert SECRET not in " ".join(command.argv)
        # What asks no index needs none of it.
        expected = None if name in ("create", "uninstall") else f"https://me:{SECRET}@index.test/simple"
        assert command.env.get("UV_DEFAULT_INDEX") == expected
        assert command.env["SSL_CERT_FILE"] == "/etc/ca.pem"


def test_without_an_index_uv_is_told_so(made_up: MadeUpHost) -> None:
    commands = every_command(made_up)
    assert [name for name, command in commands.items() if "--no-index" in command.argv] == [
        "install",
        "resolve",
        "everything",
    ]


@pytest.mark.parametrize("distributions", [{}, {"pip": "23.0.1"}])
def test_uv_needs_nothing_in_an_environment(made_up: MadeUpHost, distributions: dict[str, str]) -> None:
    work = Workplace(made_up.host, None, "/scratch", INDEX)
    assert UvInstaller(UV).prepare(work, VENV, distributions) is None


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        ("Would install 2 packages\n + flask==3.0.3\n + Jinja2==3.1.4\n", {"flask": "3.0.3", "jinja2": "3.1.4"}),
        (" - flask==2.0\n + flask==3.0.3\n", {"flask": "3.0.3"}),
        (" ~ mine==1.0 (from file:///srv/mine)\n", {"mine": "1.0"}),
        (" + torch==2.1.0+cpu\n", {"torch": "2.1.0+cpu"}),
        ("Would make no changes\n", {}),
        ("", {}),
    ],
)
def test_a_dry_run_says_what_would_be_there(stderr: str, expected: dict[str, str]) -> None:
    done = Completed(Command((UV,)), 0, "", stderr)
    assert UvInstaller(UV).read_resolution(done).packages == expected


@pytest.mark.parametrize(
    ("said", "advice"),
    [("No solution found when resolving", "together"), ("dns error", "python_index_url"), ("something else", "")],
)
def test_a_failure_comes_with_what_to_do(said: str, advice: str) -> None:
    assert advice in UvInstaller(UV).advice(said)
    assert bool(UvInstaller(UV).advice(said)) is bool(advice)
