"""pip's command lines and environment: what is asked, where credentials go, and what an answer means."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from made_up_host import MadeUpHost, entry_of
from pep668_provision.engine.desired import IndexSettings
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.installer import Workplace
from pep668_provision.engine.installer_pip import PipInstaller, index_environment, pip_environment
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.request import InstallRequest

VENV = "/srv/app/.venv"
PIP = [f"{VENV}/bin/python", "-I", "-m", "pip"]
SECRET = "s3cret"
INDEX = IndexSettings(
    index_url="https://index.test/simple",
    extra_index_urls=("https://index.test/more", "https://other.test/simple"),
    find_links=("/srv/wheels", "https://index.test/links"),
    no_index=True,
    username="me",
    password=SECRET,
    ca_bundle="/etc/ca.pem",
    client_cert="/etc/me.pem",
    proxy="http://proxy.test:3128",
    trusted_hosts=("a.test", "b.test:8443"),
)


def work_on(made_up: MadeUpHost, index: IndexSettings = INDEX) -> Workplace:
    return Workplace(made_up.host, None, "/scratch", index)


def installs(made_up: MadeUpHost, **keys: Any) -> list[str]:
    prepared = PipInstaller().install(work_on(made_up), VENV, InstallRequest(entry_of(path=VENV, **keys)))
    assert list(prepared.command.argv[:5]) == [*PIP, "install"]
    return list(prepared.command.argv[5:])


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"packages": ["flask==3.0.3", "six"]}, ["flask==3.0.3", "six"]),
        ({"requirements": ["/a.txt", "/b.txt"]}, ["-r", "/a.txt", "-r", "/b.txt"]),
        ({"packages": ["six"], "constraints": ["/c.txt"]}, ["-c", "/c.txt", "six"]),
        ({"project": "/srv/app"}, ["/srv/app"]),
        ({"project": "/srv/app", "editable": True, "extras": ["b", "a"]}, ["-e", "/srv/app[a,b]"]),
        ({"requirements": ["/a.txt"], "require_hashes": True}, ["--require-hashes", "-r", "/a.txt"]),
        ({"packages": ["six"], "pip_args": ["--no-deps"]}, ["--no-deps", "six"]),
    ],
)
def test_an_entry_is_spelt_for_pip(made_up: MadeUpHost, keys: dict[str, Any], expected: list[str]) -> None:
    assert installs(made_up, **keys) == expected


def test_pins_are_a_constraint_in_a_file_and_not_with_hashes(made_up: MadeUpHost) -> None:
    entry = entry_of(path=VENV, packages=["six"])
    request = InstallRequest(entry, upgrade=True, pins=("six==1", "a==2"), also=("b==3",))
    prepared = PipInstaller().install(work_on(made_up), VENV, request)
    assert list(prepared.command.argv[5:]) == ["--upgrade", "-c", "/scratch/pins.txt", "six", "b==3"]
    assert prepared.files == {"/scratch/pins.txt": "six==1\na==2\n"}
    hashed = InstallRequest(entry_of(path=VENV, requirements=["/r"], require_hashes=True), pins=("six==1",))
    assert not PipInstaller().install(work_on(made_up), VENV, hashed).files


def test_what_is_to_be_fetched_again_is_said_to_be(made_up: MadeUpHost) -> None:
    request = InstallRequest(entry_of(path=VENV, requirements=["/r"], require_hashes=True), again=True)
    argv = PipInstaller().install(work_on(made_up), VENV, request).command.argv
    assert list(argv[5:]) == ["--force-reinstall", "--require-hashes", "-r", "/r"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the lock is read by this Python, which has no tomllib")
def test_a_lock_is_a_file_of_requirements_with_hashes_and_nothing_they_depend_on(made_up: MadeUpHost) -> None:
    digest = "ab" * 32
    made_up.with_file(
        "/srv/pylock.toml",
        'lock-version = "1.0"\n[[packages]]\nname = "six"\nversion = "1.17.0"\n'
        f'wheels = [{{name = "six.whl", hashes = {{sha256 = "{digest}"}}}}]\n',
    )
    made_up.with_interpreter("3.11.2").with_venv(VENV)
    python = next(iter(made_up.pythons.values()))
    python.answer = json.dumps({"python_full_version": "3.11.2"})
    prepared = PipInstaller().install(
        work_on(made_up), VENV, InstallRequest(entry_of(path=VENV, lock="/srv/pylock.toml"))
    )
    assert list(prepared.command.argv[5:]) == ["--require-hashes", "--no-deps", "-r", "/scratch/locked.txt"]
    assert prepared.files == {"/scratch/locked.txt": f"six==1.17.0 --hash=sha256:{digest}\n"}


def test_a_requirement_with_a_password_goes_through_a_private_file(made_up: MadeUpHost) -> None:
    text = f"mine @ https://me:{SECRET}@x.test/mine.whl"
    request = InstallRequest(entry_of(path=VENV, packages=[text, "six"]))
    for prepared in (
        PipInstaller().install(work_on(made_up), VENV, request),
        PipInstaller().resolve(
            work_on(made_up.with_interpreter("3.11.2").with_venv(VENV)), VENV, request, everything=True
        ),
    ):
        assert SECRET not in " ".join(prepared.command.argv)
        assert prepared.files == {"/scratch/packages.txt": f"{text}\n"}


def test_git_gets_the_login_of_a_repository_from_a_file(made_up: MadeUpHost) -> None:
    texts = [f"mine @ git+https://me:{SECRET}@x.test/mine.git@main", "git+ssh://git@x.test/other.git"]
    request = InstallRequest(entry_of(path=VENV, packages=[texts[0], f"other @ {texts[1]}"]))
    prepared = PipInstaller().install(work_on(made_up), VENV, request)
    assert prepared.files == {
        "/scratch/packages.txt": f"mine @ git+https://x.test/mine.git@main\nother @ {texts[1]}\n",
        "/scratch/git-logins": f"https://me:{SECRET}@x.test\n",
    }
    assert "--file=/scratch/git-logins" in str(prepared.command.env["GIT_CONFIG_PARAMETERS"])
    assert SECRET not in str(prepared.command.env["GIT_CONFIG_PARAMETERS"])


@pytest.mark.parametrize(
    ("words", "line", "variable"),
    [
        (["--extra-index-url=https://me:s3cret@x.test/s"], "--extra-index-url https://me:s3cret@x.test/s", {}),
        (["--extra-index-url", "https://me:s3cret@x.test"], "--extra-index-url https://me:s3cret@x.test", {}),
        (["--pre", "-f", "https://s3cret@x.test"], "--find-links https://s3cret@x.test", {}),
        (["-fhttps://me:s3cret'@x.test"], "--find-links 'https://me:s3cret'\"'\"'@x.test'", {}),
        (["-c", "https://me:s3cret@x.test/c.txt"], "--constraint https://me:s3cret@x.test/c.txt", {}),
        (["a @ https://me:s3cret@x.test/a.whl"], "a @ https://me:s3cret@x.test/a.whl", {}),
        (["-i", "https://me:s3cret@x.test"], "", {"PIP_INDEX_URL": "https://me:s3cret@x.test"}),
        (["--index-url=https://me:s3cret@x.test"], "", {"PIP_INDEX_URL": "https://me:s3cret@x.test"}),
        (["--proxy", "http://me:s3cret@x.test"], "", {"PIP_PROXY": "http://me:s3cret@x.test"}),
    ],
)
def test_an_argument_with_a_password_is_none(
    made_up: MadeUpHost, words: list[str], line: str, variable: dict[str, str]
) -> None:
    entry = entry_of(path=VENV, packages=["six"], pip_args=["--no-deps", *words])
    prepared = PipInstaller().install(work_on(made_up, IndexSettings()), VENV, InstallRequest(entry))
    assert "s3cret" not in " ".join(prepared.command.argv)
    assert prepared.files.get("/scratch/packages.txt", "").strip() == line
    assert {name: prepared.command.env[name] for name in variable} == variable
    kept = ["--no-deps", *(["--pre"] if "--pre" in words else [])]
    assert list(prepared.command.argv[5:]) == [*kept, *(["-r", "/scratch/packages.txt"] if line else []), "six"]


def test_an_argument_that_has_to_be_one_is_refused_with_a_password_in_it(made_up: MadeUpHost) -> None:
    entry = entry_of(path=VENV, packages=["six"], pip_args=["--extra-index=https://me:s3cret@x.test"])
    with pytest.raises(ProvisionError, match="process list") as refused:
        PipInstaller().install(work_on(made_up), VENV, InstallRequest(entry))
    assert "s3cret" not in str(refused.value)


def test_index_settings_are_environment_with_the_password_for_its_own_host_alone() -> None:
    assert index_environment(INDEX) == {
        "PIP_INDEX_URL": f"https://me:{SECRET}@index.test/simple",
        "PIP_EXTRA_INDEX_URL": f"https://me:{SECRET}@index.test/more https://other.test/simple",
        "PIP_FIND_LINKS": "/srv/wheels https://index.test/links",
        "PIP_NO_INDEX": "1",
        "PIP_CERT": "/etc/ca.pem",
        "REQUESTS_CA_BUNDLE": None,
        "CURL_CA_BUNDLE": None,
        "PIP_CLIENT_CERT": "/etc/me.pem",
        "PIP_PROXY": "http://proxy.test:3128",
        "PIP_TRUSTED_HOST": "a.test b.test:8443",
    }
    assert index_environment(IndexSettings()) == {}


def every_command(made_up: MadeUpHost) -> list[Command]:
    made_up.with_interpreter("3.11.2").with_venv(VENV)
    interpreter = Interpreters(made_up.host).default()
    assert interpreter is not None
    pip, work, request = PipInstaller(), work_on(made_up), InstallRequest(entry_of(path=VENV, packages=["six"]))
    missing = pip.prepare(work, VENV, {})
    assert missing is not None
    return [
        pip.create(work, interpreter, VENV, system_site_packages=True).command,
        missing.command,
        pip.install(work, VENV, request).command,
        pip.uninstall(work, VENV, ("six",)).command,
        pip.resolve(work, VENV, request, everything=False).command,
    ]


def test_no_command_carries_the_password_in_its_arguments(made_up: MadeUpHost) -> None:
    for command in every_command(made_up):
        assert SECRET not in " ".join(command.argv)
        # What asks no index needs none of it.
        assert (SECRET in str(command.env)) is ("install" in command.argv)
        assert "--break-system-packages" not in command.argv
        assert "PIP_BREAK_SYSTEM_PACKAGES" not in command.env
        assert "-I" in command.argv


@pytest.mark.parametrize(
    "name", ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_DRY_RUN", "PIP_NO_DEPS"]
)
def test_settings_of_the_caller_that_lead_elsewhere_are_removed(name: str) -> None:
    env = pip_environment(IndexSettings())
    assert name in env
    assert env[name] is None
    assert (env["PIP_USER"], env["PIP_NO_INPUT"]) == ("0", "1")


def test_an_environment_that_has_pip_needs_no_preparation(made_up: MadeUpHost) -> None:
    assert PipInstaller().prepare(work_on(made_up), VENV, {"pip": "23.0.1"}) is None


@pytest.mark.parametrize(
    ("everything", "options"),
    [
        (False, ["--quiet", "--dry-run", "--report", "-"]),
        (True, ["--quiet", "--dry-run", "--report", "-", "--ignore-installed"]),
    ],
)
def test_a_dry_run_asks_for_a_report(made_up: MadeUpHost, everything: bool, options: list[str]) -> None:
    made_up.with_interpreter("3.11.2").with_venv(VENV, seeds={"pip": "23.0.1"})
    request = InstallRequest(entry_of(path=VENV, packages=["six"]))
    prepared = PipInstaller().resolve(work_on(made_up), VENV, request, everything=everything)
    assert list(prepared.command.argv) == [*PIP, "install", *options, "six"]


@pytest.mark.parametrize("folder", ["/usr/lib/python3.11/ensurepip/_bundled", "/usr/share/python-wheels"])
def test_an_old_pip_is_passed_over_for_a_bundled_one(made_up: MadeUpHost, folder: str) -> None:
    made_up.with_interpreter("3.11.2").with_venv(VENV, seeds={"pip": "20.3.4"})
    made_up.with_file(f"{folder}/pip-23.0.1-py3-none-any.whl")
    request = InstallRequest(entry_of(path=VENV, packages=["six"]))
    prepared = PipInstaller().resolve(work_on(made_up), VENV, request, everything=False)
    assert prepared.command.argv[:3] == (f"{VENV}/bin/python", "-I", f"{folder}/pip-23.0.1-py3-none-any.whl/pip")


@pytest.mark.parametrize("seeds", [{}, {"pip": "20.3.4"}], ids=["no pip", "an old pip, and no index"])
def test_without_a_pip_that_can_report_the_user_is_told(made_up: MadeUpHost, seeds: dict[str, str]) -> None:
    made_up.with_interpreter("3.9.2").with_venv(VENV, seeds=seeds)
    request = InstallRequest(entry_of(path=VENV, packages=["six"]))
    with pytest.raises(ProvisionError, match="what it would install"):
        PipInstaller().resolve(work_on(made_up), VENV, request, everything=False)


def test_a_report_is_read_past_what_stands_before_it() -> None:
    items = [{"metadata": {"name": name, "version": version}} for name, version in (("Flask", "3.0.3"), ("a_b", "1"))]
    text = "WARNING: something\n" + json.dumps({"version": "1", "install": items})
    found = PipInstaller().read_resolution(Completed(Command(("pip",)), 0, text, ""))
    assert found.packages == {"flask": "3.0.3", "a-b": "1"}


@pytest.mark.parametrize(
    ("log", "failure"),
    [
        (
            "Could not fetch URL https://i/simple/six/: connection error: refused - skipping",
            "Could not fetch URL https://i/simple/six/: connection error: refused",
        ),
        (
            "Could not fetch URL https://i/simple/six/: 503 Server Error: busy - skipping",
            "Could not fetch URL https://i/simple/six/: 503 Server Error: busy",
        ),
        ("Could not fetch URL https://i/simple/six/: 404 Client Error: Not Found - skipping", ""),
        ("Requirement already satisfied: six", ""),
    ],
    ids=["unreachable", "broken", "a name it does not have", "all well"],
)
def test_an_index_pip_passed_over_is_told_from_one_without_the_name(log: str, failure: str) -> None:
    assert PipInstaller().index_failure(f"2026 first\n2026 {log}\n2026 last") == failure


@pytest.mark.parametrize("text", ["", "no report", '{"install": [{}]}', '{"install": 1}', "[1]"])
def test_what_is_no_report_is_an_error_that_says_so(text: str) -> None:
    with pytest.raises(ProvisionError, match="report"):
        PipInstaller().read_resolution(Completed(Command(("pip",)), 0, text, ""))


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("ERROR: No matching distribution found for flsk", "spelling"),
        ("Temporary failure in name resolution", "python_index_url"),
        ("401 Client Error: Unauthorized", "python_index_username"),
        ("SSL: CERTIFICATE_VERIFY_FAILED", "python_ca_bundle"),
        ("ERROR: ResolutionImpossible", "contradict"),
        ("OSError: [Errno 28] No space left on device", "Free some space"),
        ("something else", ""),
    ],
)
def test_a_failure_comes_with_what_to_do(said: str, advice: str) -> None:
    assert advice in PipInstaller().advice(said)
    assert bool(PipInstaller().advice(said)) is bool(advice)
