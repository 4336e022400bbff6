"""uv's command lines and environment: what is asked, where credentials go, and what an answer means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_up_host import MadeUpHost, entry_of
from pep668_provision.engine.desired import IndexSettings
from pep668_provision.engine.errors import ProvisionError
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


def arguments(made_up: MadeUpHost, **keys: object) -> Command:
    """How uv is called to install for an entry."""
    work = Workplace(made_up.host, None, "/scratch", IndexSettings())
    return UvInstaller(UV).install(work, VENV, InstallRequest(entry_of(path=VENV, **keys))).command


def test_what_uv_has_nothing_for_is_refused(made_up: MadeUpHost) -> None:
    with pytest.raises(
        ProvisionError, match=r"uv has nothing for --global-option in pip_args\. Set installer: pip for it"
    ):
        arguments(made_up, packages=["six"], pip_args=["--global-option=x"])


def test_the_newest_is_asked_for_what_is_named_alone(made_up: MadeUpHost) -> None:
    made_up.with_file("/srv/app/requirements.txt", "flask\n/srv/wheels/mine-1.0-py3-none-any.whl\n")
    entry = entry_of(path=VENV, packages=["six", "flask"], requirements=["/srv/app/requirements.txt"])
    uv, work = UvInstaller(UV), Workplace(made_up.host, None, "/scratch", IndexSettings())
    words = uv.install(work, VENV, InstallRequest(entry, upgrade=True)).command.argv
    named = [words[place + 1] for place, word in enumerate(words) if word == "--upgrade-package"]
    assert named == ["six", "flask", "mine"]
    eager = replace(entry, pip_args=("--upgrade-strategy=eager",))
    words = uv.install(work, VENV, InstallRequest(eager, upgrade=True)).command.argv
    assert "--upgrade" in words
    assert "--upgrade-package" not in words


def test_options_in_files_that_uv_takes_as_arguments_alone_are_handed_on(made_up: MadeUpHost) -> None:
    made_up.with_file(
        "/srv/app/requirements.txt",
        "--pre\n--trusted-host x.test\n--extra-index-url https://x.test/simple\n--no-binary six\nsix\n",
    )
    command = arguments(made_up, requirements=["/srv/app/requirements.txt"])
    assert "--prerelease=allow" in command.argv
    assert command.env["UV_INSECURE_HOST"] == "x.test"
    assert command.env["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    # What cannot be read is for uv to say.
    assert arguments(made_up, requirements=["/srv/none.txt"]).argv[-2:] == ("-r", "/srv/none.txt")


def test_a_project_is_built_again_by_the_name_it_was_installed_under(made_up: MadeUpHost) -> None:
    site = f"{VENV}/lib/python3.11/site-packages"
    made_up.with_file("/srv/mine app/pyproject.toml").with_directory(f"{site}/pkg")
    assert "--reinstall-package" not in arguments(made_up, project="/srv/mine app").argv
    for name, origin in {
        "damaged": "{",
        "named": '{"url": 3}',
        "other": '{"url": "file:///srv/other"}',
        "remote": '{"url": "https://x.test/srv/mine%20app"}',
        "My_App": '{"url": "file:///srv/mine%20app/"}',
    }.items():
        made_up.with_distributions(site, {name: "1.0"}).with_file(
            f"{site}/{name}-1.0.dist-info/direct_url.json", origin
        )
    words = arguments(made_up, project="/srv/mine app").argv
    assert words[words.index("--reinstall-package") + 1] == "my-app"
    # Its code is used where it is.
    assert "--refresh" not in arguments(made_up, project="/srv/mine app", editable=True).argv


def test_what_is_given_by_address_is_looked_into(made_up: MadeUpHost) -> None:
    work = Workplace(made_up.host, None, "/scratch", IndexSettings())
    argv = UvInstaller(UV).look_into(work, VENV, ("https://x.test/a.whl",), "/scratch/untold").command.argv
    assert argv[1:] == (
        *("pip", "install", "--no-deps", "--target", "/scratch/untold"),
        *("--python", f"{VENV}/bin/python", "https://x.test/a.whl"),
    )
    done = Completed(Command((UV,)), 0, "", " + a @ https://x.test/a.whl\n + b @ https://****@x.test/b.whl\n")
    found = UvInstaller(UV).read_resolution(done)
    assert (found.packages, found.untold) == ({"a": "", "b": ""}, ("https://x.test/a.whl",))
