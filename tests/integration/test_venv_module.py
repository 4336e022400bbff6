"""The venv module on real hosts: every state, selection, source and owner, each by check, run, check, run."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from converging import Result, converge, refuse, run_tasks
from hosts import Host
from local_index import ON_HOST, LocalIndex

GAMMA = "gamma-0.9-py3-none-any.whl"
TEMPLATE = "/srv/template"
SEEDS = ("pip", "setuptools", "wheel", "pkg-resources")
PYTHON = {"debian11": "3.9", "debian12": "3.11", "debian13": "3.13"}


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    """An index with made-up distributions, and the real ones that pip itself needs."""
    for version in ("1.0", "1.1", "2.0"):
        index.add("alpha", version)
    index.add("beta", "1.0", requires=["alpha<2"])
    index.add("gamma", "0.9")
    index.add("Mixed.Case_Name", "1.0")
    index.add("post-release", "1!2.0.post1+local.1")
    index.add("greeter", "1.0", extras={"loud": ["gamma"]}, scripts=["greet"])
    # Check mode asks a pip that can report, and Debian 11's fetches one; projects are built with setuptools.
    index.mirror("pip", "setuptools", "wheel")
    return index


@pytest.fixture(scope="module")
def ready(host: Host, stocked: LocalIndex) -> Host:  # noqa: ARG001  # the host has the index mounted
    """A host whose Python makes virtual environments, with an empty one to take copies of."""
    host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-venv")
    assert venv(host, TEMPLATE)["packages"] == {}
    return host


def lay_out(host: Host, path: str) -> str:
    """An empty finished environment is at the path: a copy stands in for one made there, which takes pip long."""
    host.run(["cp", "-a", TEMPLATE, path])
    return path


def venv(host: Host, path: str, *, changed: bool = True, **options: Any) -> Result:
    """The environment is as asked, by check, run, check, run; returns what the run said."""
    arguments = {"path": path, "python_index_url": f"file://{ON_HOST}/simple", **options}
    return converge(host, "venv", arguments, changed=changed)


def refused(host: Host, path: str, **options: Any) -> str:
    return refuse(host, "venv", {"path": path, "python_index_url": f"file://{ON_HOST}/simple", **options})


def installed(host: Host, path: str) -> dict[str, str]:
    """What is in an environment beside what every environment starts with."""
    return {name: version for name, version in host.packages(path).items() if name not in SEEDS}


@pytest.mark.releases("debian13", full=["debian11", "debian12"])
def test_present_installs_what_is_missing_and_upgrades_nothing_that_satisfies(ready: Host) -> None:
    made = venv(ready, "/srv/present", packages=["alpha==1.0"])
    assert made["action"] == "created"
    assert made["packages"] == {"alpha": "1.0"}
    assert made["diff"]["before"] == ""
    assert made["diff"]["after"] == "alpha==1.0\n"
    grown = venv(ready, "/srv/present", packages=["alpha>=1", "gamma"])
    assert grown["action"] == "updated"
    assert grown["diff"]["before"] == "alpha==1.0\n"
    assert grown["diff"]["after"] == "alpha==1.0\ngamma==0.9\n"
    assert installed(ready, "/srv/present") == {"alpha": "1.0", "gamma": "0.9"}
    assert ready.run(["/srv/present/bin/python", "-c", "import alpha; print(alpha.__version__)"]).stdout == "1.0\n"


def test_a_pin_moves_a_version_up_and_down(ready: Host) -> None:
    path = lay_out(ready, "/srv/pinned")
    venv(ready, path, packages=["alpha==2.0"])
    down = venv(ready, path, packages=["alpha==1.0"])
    assert (down["diff"]["before"], down["diff"]["after"]) == ("alpha==2.0\n", "alpha==1.0\n")
    up = venv(ready, path, packages=["alpha==1.1"])
    assert (up["diff"]["before"], up["diff"]["after"]) == ("alpha==1.0\n", "alpha==1.1\n")
    assert installed(ready, path) == {"alpha": "1.1"}


@pytest.mark.releases("debian13", full=["debian11", "debian12"])
def test_latest_upgrades_to_the_newest_that_is_allowed(ready: Host, stocked: LocalIndex) -> None:
    stocked.add("growing", "1.0")
    path = lay_out(ready, "/srv/latest")
    first = venv(ready, path, packages=["alpha<2", "growing"], state="latest")
    assert first["packages"] == {"alpha": "1.1", "growing": "1.0"}
    stocked.add("growing", "1.1")
    try:
        newer = venv(ready, path, packages=["alpha<2", "growing"], state="latest")
        assert newer["reasons"] == ["growing 1.1 is newer than 1.0"]
        assert newer["diff"]["after"] == "alpha==1.1\ngrowing==1.1\n"
    finally:
        stocked.remove("growing", "1.1")


@pytest.mark.releases("debian13", full=["debian11", "debian12"])
def test_exact_removes_what_is_not_asked_for(ready: Host) -> None:
    lay_out(ready, "/srv/exact")
    venv(ready, "/srv/exact", packages=["beta", "gamma"], state="exact")
    assert installed(ready, "/srv/exact") == {"alpha": "1.1", "beta": "1.0", "gamma": "0.9"}
    less = venv(ready, "/srv/exact", packages=["beta"], state="exact")
    assert less["diff"]["after"] == "alpha==1.1\nbeta==1.0\n"
    ready.run(["/srv/exact/bin/python", "-m", "pip", "install", "-q", f"--index-url=file://{ON_HOST}/simple", "gamma"])
    cleaned = venv(ready, "/srv/exact", packages=["beta"], state="exact")
    assert cleaned["diff"]["before"] == "alpha==1.1\nbeta==1.0\ngamma==0.9\n"
    assert cleaned["diff"]["after"] == "alpha==1.1\nbeta==1.0\n"
    assert installed(ready, "/srv/exact") == {"alpha": "1.1", "beta": "1.0"}
    assert "pip" in ready.packages("/srv/exact")


@pytest.mark.releases("debian12")
def test_present_leaves_what_was_added_by_hand(ready: Host) -> None:
    lay_out(ready, "/srv/byhand")
    venv(ready, "/srv/byhand", packages=["alpha==1.0"])
    ready.run(["/srv/byhand/bin/python", "-m", "pip", "install", "-q", f"--index-url=file://{ON_HOST}/simple", "gamma"])
    venv(ready, "/srv/byhand", packages=["alpha==1.0"], changed=False)
    assert installed(ready, "/srv/byhand") == {"alpha": "1.0", "gamma": "0.9"}


@pytest.mark.releases("debian12")
def test_absent_removes_an_environment_and_nothing_else(ready: Host) -> None:
    ready.run([lay_out(ready, "/srv/gone") + "/bin/python", "-m", "pip", "install", "-q", f"{ON_HOST}/files/{GAMMA}"])
    removed = converge(ready, "venv", {"path": "/srv/gone", "state": "absent"})
    assert removed["action"] == "removed"
    assert removed["diff"]["before"] == "gamma==0.9\n"
    assert not ready.exists("/srv/gone")
    ready.write("/srv/folder/data", "precious\n")
    ready.write("/srv/file", "precious\n")
    for path in ("/srv/folder", "/srv/file"):
        message = refuse(ready, "venv", {"path": path, "state": "absent"})
        assert f"{path} is not a virtual environment" in message
        assert "is not a virtual environment" in refused(ready, path, packages=["alpha"])
    assert ready.read("/srv/folder/data") == ready.read("/srv/file") == "precious\n"


def test_python_is_selected_by_version_name_and_path(ready: Host, release: str) -> None:
    version = PYTHON[release]
    selectors = (version, f"python{version}", f"/usr/bin/python{version}", "python3", "/usr/bin/python3", "")
    foretold = run_tasks(ready, "venv", [({"path": "/srv/selected", "python": word}, True) for word in selectors])
    assert [task.changed for task in foretold.tasks] == [True] * len(selectors), foretold.text
    made = venv(ready, "/srv/selected", python=version)
    assert made["python_version"].startswith(f"{version}.")
    # The same interpreter in other words is no reason to rebuild.
    again = run_tasks(ready, "venv", [({"path": "/srv/selected", "python": word}, False) for word in selectors])
    assert [task.changed for task in again.tasks] == [False] * len(selectors), again.text


@pytest.mark.releases("debian12")
@pytest.mark.parametrize("selector", ["3.4", "python3.4", "/usr/bin/python3.4", "pypy3"])
def test_a_python_that_is_not_there_is_answered_with_those_that_are(ready: Host, release: str, selector: str) -> None:
    message = refused(ready, "/srv/none", python=selector)
    assert selector in message
    assert f"{PYTHON[release]}." in message
    assert "(/usr/bin/python3" in message
    assert not ready.exists("/srv/none")


def test_a_shim_that_does_not_run_is_not_taken_for_a_python(ready: Host, release: str) -> None:
    version = PYTHON[release]
    shim = "#!/bin/sh\necho 'pyenv: python: command not found' >&2\nexit 127\n"
    names = ("python3", f"python{version}", "python3.8")
    for name in names:
        ready.write(f"/usr/local/bin/{name}", shim, mode="0755")
    try:
        assert "/usr/local/bin/" not in refused(ready, "/srv/shim", python="3.8")
        made = venv(ready, "/srv/shim", python=version, packages=["alpha==1.0"])
        assert made["python_version"].startswith(f"{version}.")
        assert ready.run(["readlink", "-f", "/srv/shim/bin/python"]).stdout == f"/usr/bin/python{version}\n"
        by_default = run_tasks(ready, "venv", [({"path": "/srv/noshim"}, True)])
        assert (by_default.rc, by_default.changed) == (0, 1), by_default.text
    finally:
        ready.run(["rm", *(f"/usr/local/bin/{name}" for name in names)])


@pytest.mark.releases("debian11")
def test_requirements_files_are_followed_into_nested_files_and_constraints(ready: Host) -> None:
    ready.write("/srv/nested/requirements.txt", "-r more/base.txt\n-c limits.txt\ngamma  # a comment\n")
    ready.write("/srv/nested/more/base.txt", "beta\n")
    ready.write("/srv/nested/limits.txt", "alpha<1.1\n")
    asked: dict[str, Any] = {"requirements": ["/srv/nested/requirements.txt"]}
    lay_out(ready, "/srv/nested/.venv")
    made = venv(ready, "/srv/nested/.venv", **asked)
    assert made["packages"] == {"alpha": "1.0", "beta": "1.0", "gamma": "0.9"}
    ready.write("/srv/nested/more/base.txt", "beta\ngreeter\n")
    assert venv(ready, "/srv/nested/.venv", **asked)["diff"]["after"] == (
        "alpha==1.0\nbeta==1.0\ngamma==0.9\ngreeter==1.0\n"
    )
    ready.write("/srv/nested/limits.txt", "alpha>1.0\n")
    assert venv(ready, "/srv/nested/.venv", **asked)["packages"]["alpha"] == "1.1"
    ready.write("/srv/nested/more/base.txt", "-r gone.txt\n")
    message = refused(ready, "/srv/nested/.venv", **asked)
    assert "/srv/nested/more/gone.txt" in message
    assert "/srv/nested/more/base.txt" in message
    assert installed(ready, "/srv/nested/.venv")["greeter"] == "1.0"


@pytest.mark.releases("debian11")
def test_constraints_limit_versions_and_install_nothing(ready: Host) -> None:
    ready.write("/srv/limits.txt", "alpha==1.0\ngamma==0.9\n")
    lay_out(ready, "/srv/constrained")
    made = venv(ready, "/srv/constrained", packages=["beta"], constraints=["/srv/limits.txt"])
    assert made["packages"] == {"alpha": "1.0", "beta": "1.0"}


@pytest.mark.releases("debian11", full=["debian13"])
def test_hashes_are_required_and_a_wrong_one_leaves_what_worked(ready: Host, stocked: LocalIndex) -> None:
    wheel = stocked.folder / "files" / "alpha-1.0-py3-none-any.whl"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    asked: dict[str, Any] = {"requirements": ["/srv/hashes.txt"], "require_hashes": True}
    ready.write("/srv/hashes.txt", f"alpha==1.0 \\\n    --hash=sha256:{digest}\n")
    lay_out(ready, "/srv/hashed")
    venv(ready, "/srv/hashed", **asked)
    before = ready.state_of("/srv/hashed")
    for text, explanation in (
        (f"alpha==1.1 --hash=sha256:{digest}\n", "do not install it before you know why"),
        ("alpha==1.1\n", "every requirement, dependencies too, needs ==version and a --hash"),
    ):
        ready.write("/srv/hashes.txt", text)
        failed = ready.run_module("venv", {"path": "/srv/hashed", "python_index_url": stocked.url, **asked})
        assert failed.failed
        assert explanation in failed.message
        assert installed(ready, "/srv/hashed") == {"alpha": "1.0"}
        assert ready.state_of("/srv/hashed") == before
    ready.write("/srv/hashes.txt", f"alpha==1.0 --hash=sha256:{digest}\n")
    assert venv(ready, "/srv/hashed", **asked)["packages"] == {"alpha": "1.0"}


SETUP = """
from setuptools import setup
setup(name="local-project", version="{version}", py_modules=["local_project"], install_requires=["gamma"],
      extras_require={{"more": ["alpha<2"]}})
"""


@pytest.mark.releases("debian11", full=["debian13"])
def test_a_project_is_installed_again_when_its_source_has_changed(ready: Host) -> None:
    ready.write("/srv/project/setup.py", SETUP.format(version="1.0"))
    ready.write("/srv/project/local_project.py", "ANSWER = 1\n")
    answer = ["/srv/project/.venv/bin/python", "-I", "-c", "import local_project; print(local_project.ANSWER)"]
    lay_out(ready, "/srv/project/.venv")
    made = venv(ready, "/srv/project/.venv", project="/srv/project")
    assert made["packages"] == {"local-project": "1.0", "gamma": "0.9"}
    ready.write("/srv/project/local_project.py", "ANSWER = 2\n")
    assert ready.run(answer).stdout == "1\n"
    again = venv(ready, "/srv/project/.venv", project="/srv/project")
    assert again["reasons"] == ["what is asked for differs from the last finished run"]
    assert ready.run(answer).stdout == "2\n"
    ready.write("/srv/project/setup.py", SETUP.format(version="1.1"))
    extended = venv(ready, "/srv/project/.venv", project="/srv/project", extras=["more"])
    assert extended["diff"]["before"] == "gamma==0.9\nlocal-project==1.0\n"
    assert extended["diff"]["after"] == "alpha==1.1\ngamma==0.9\nlocal-project==1.1\n"


@pytest.mark.releases("debian13", full=["debian11", "debian12"])
def test_an_editable_project_shows_changed_source_at_once(ready: Host) -> None:
    ready.write("/srv/editable/setup.py", SETUP.format(version="1.0"))
    ready.write("/srv/editable/local_project.py", "ANSWER = 1\n")
    answer = ["/srv/editable/.venv/bin/python", "-I", "-c", "import local_project; print(local_project.ANSWER)"]
    lay_out(ready, "/srv/editable/.venv")
    made = venv(ready, "/srv/editable/.venv", project="/srv/editable", editable=True)
    assert made["packages"]["gamma"] == "0.9"
    assert "local-project" in made["packages"]
    ready.write("/srv/editable/local_project.py", "ANSWER = 2\n")
    assert ready.run(answer).stdout == "2\n"
    venv(ready, "/srv/editable/.venv", project="/srv/editable", editable=True, changed=False)
    assert "has none of pyproject.toml" in refused(ready, "/srv/x", project="/srv/nested")


@pytest.mark.releases("debian12")
def test_extras_of_a_package_are_installed(ready: Host) -> None:
    lay_out(ready, "/srv/extras")
    venv(ready, "/srv/extras", packages=["greeter"])
    added = venv(ready, "/srv/extras", packages=["greeter[loud]"])
    assert added["diff"]["before"] == "greeter==1.0\n"
    assert added["diff"]["after"] == "gamma==0.9\ngreeter==1.0\n"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/opt/owned/.venv", id="below root"),
        pytest.param("/home/app/service/.venv", id="below its home", marks=pytest.mark.releases("debian12")),
    ],
)
def test_owner_owns_it_and_runs_what_fills_it(ready: Host, path: str) -> None:
    # Building a project runs its code: a file made by it tells as whom.
    told = "import os\nopen(f'/tmp/built-by-{os.getuid()}', 'w').close()\n"
    ready.write("/srv/owned/setup.py", told + SETUP.format(version="1.0"), owner="app")
    ready.write("/srv/owned/local_project.py", "", owner="app")
    ready.run("rm -f /tmp/built-by-*")
    venv(ready, path, project="/srv/owned", packages=["greeter"], owner="app")
    assert ready.owners(path) == {"app"}
    assert ready.run("ls /tmp/built-by-*").stdout == f"/tmp/built-by-{ready.run('id -u app').stdout}"
    assert ready.run([f"{path}/bin/greet"], user="app").stdout == "greeter 1.0\n"
    # Where no owner is declared, that of the environment stays.
    venv(ready, path, project="/srv/owned", packages=["greeter", "alpha"])
    assert ready.owners(path) == {"app"}
    assert ready.run("ls /tmp/built-by-*").stdout == f"/tmp/built-by-{ready.run('id -u app').stdout}"


@pytest.mark.releases("debian12")
def test_an_owner_without_an_account_is_refused(ready: Host) -> None:
    message = refused(ready, "/srv/nobody", owner="nosuch")
    assert "The owner nosuch of /srv/nobody is no account on this host" in message
    assert not ready.exists("/srv/nobody")


def test_system_site_packages_are_seen_only_when_asked_for(ready: Host) -> None:
    look = ["/srv/site/bin/python", "-c", "import apt_pkg"]
    lay_out(ready, "/srv/site")
    venv(ready, "/srv/site", packages=["alpha==1.0"])
    assert ready.run(look, check=False).rc != 0
    opened = venv(ready, "/srv/site", packages=["alpha==1.0"], system_site_packages=True)
    assert opened["action"] == "rebuilt"
    assert ready.run(look).rc == 0
    assert installed(ready, "/srv/site") == {"alpha": "1.0"}


@pytest.mark.releases("debian12")
def test_pip_args_reach_pip(ready: Host) -> None:
    lay_out(ready, "/srv/args")
    made = venv(ready, "/srv/args", packages=["beta"], pip_args=["--no-deps"])
    assert made["packages"] == {"beta": "1.0"}


def test_names_specifiers_markers_and_urls_in_any_spelling_are_recognised_again(ready: Host) -> None:
    lay_out(ready, "/srv/spelling")
    made = venv(
        ready,
        "/srv/spelling",
        packages=[
            "mixed_CASE.name>=0.5,<2",
            "Post_Release",
            "ALPHA ~= 1.0",
            f"gamma @ file://{ON_HOST}/files/{GAMMA}",
            'beta; python_version < "3"',
            'greeter[LOUD]; sys_platform == "linux"',
        ],
    )
    assert made["packages"] == {
        "alpha": "1.1",
        "gamma": "0.9",
        "greeter": "1.0",
        "mixed-case-name": "1.0",
        "post-release": "1!2.0.post1+local.1",
    }


def test_a_failing_installation_names_the_cause_and_leaves_what_worked(ready: Host, stocked: LocalIndex) -> None:
    stocked.add_broken("damaged", "1.0")
    asked = {"path": "/srv/failing", "python_index_url": stocked.url}
    lay_out(ready, "/srv/failing")
    venv(ready, "/srv/failing", packages=["alpha==1.0"])
    before = ready.state_of("/srv/failing")
    for package, explanation in (("nosuch-thing", "Check the spelling"), ("damaged", "hash"), ("alpha==7", "alpha==7")):
        failed = ready.run_module("venv", {**asked, "packages": ["alpha==1.0", package]})
        assert failed.failed
        assert explanation in failed.message
        assert failed.tasks[-1].result["rc"] != 0
        assert ready.state_of("/srv/failing") == before
    venv(ready, "/srv/failing", packages=["alpha==1.0"], changed=False)
    failed = ready.run_module("venv", {**asked, "path": "/srv/never", "packages": ["nosuch-thing"]})
    assert failed.failed
    assert not ready.exists("/srv/never/bin")


@pytest.fixture(scope="module")
def uv(ready: Host) -> Host:
    """A host with uv, from the public index."""
    done = ready.apply({"python_uv": True})
    assert done.rc == 0, done.text
    assert ready.run("uv --version", user="alice", login=True).stdout.startswith("uv ")
    again = ready.apply({"python_uv": True})
    assert (again.rc, again.changed) == (0, 0), again.text
    return ready


@pytest.mark.releases("debian12")
def test_uv_fills_environments_and_pip_takes_them_over(uv: Host) -> None:
    ready = uv
    made = venv(ready, "/srv/by-uv", packages=["alpha==1.0", "Mixed_Case.name"], installer="uv")
    assert made["packages"] == {"alpha": "1.0", "mixed-case-name": "1.0"}
    assert "uv =" in ready.read("/srv/by-uv/pyvenv.cfg")
    assert "pip" not in ready.packages("/srv/by-uv")
    up = venv(ready, "/srv/by-uv", packages=["alpha<2", "beta"], installer="uv", state="latest")
    assert up["packages"] == {"alpha": "1.1", "beta": "1.0", "mixed-case-name": "1.0"}
    less = venv(ready, "/srv/by-uv", packages=["beta"], installer="uv", state="exact")
    assert less["diff"]["after"] == "alpha==1.1\nbeta==1.0\n"
    # pip has to be put into it first.
    taken = venv(ready, "/srv/by-uv", packages=["beta", "gamma"], installer="pip")
    assert taken["packages"] == {"alpha": "1.1", "beta": "1.0", "gamma": "0.9"}
    assert "pip" in ready.packages("/srv/by-uv")


@pytest.mark.releases("debian12")
def test_uv_works_for_an_owner_with_projects_and_constraints(uv: Host) -> None:
    ready = uv
    ready.write("/srv/uv-project/setup.py", SETUP.format(version="1.0"), owner="app")
    ready.write("/srv/uv-project/local_project.py", "", owner="app")
    ready.write("/srv/uv-limits.txt", "alpha==1.0\n")
    made = venv(
        ready,
        "/home/app/uv/.venv",
        project="/srv/uv-project",
        extras=["more"],
        constraints=["/srv/uv-limits.txt"],
        owner="app",
        installer="uv",
    )
    assert made["packages"] == {"alpha": "1.0", "gamma": "0.9", "local-project": "1.0"}
    assert ready.owners("/home/app/uv") == {"app"}
    failed = ready.run_module("venv", {"path": "/srv/by-uv", "packages": ["nosuch-thing"], "installer": "uv"})
    assert failed.failed
    assert "nosuch-thing" in failed.message
