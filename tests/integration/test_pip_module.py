"""The pip module on real hosts: what real pip would do, what is refused, and what OS packages own stays theirs."""

from __future__ import annotations

from typing import Any

import pytest

from converging import Result, converge, refuse
from hosts import Host, Outcome
from local_index import LocalIndex

#: Where the Python is marked; the other releases ship no marker.
MARKED = ("debian12", "debian13", "arch")
pytestmark = [pytest.mark.releases("debian13", "fedora44", "arch", full=["debian11", "debian12"])]

#: How pip and a library that pip could replace come from the distribution, and what the library's package is.
INSTALL = {
    "debian": "apt-get -q update && apt-get -q install --yes --no-install-recommends",
    "fedora": "dnf5 --assumeyes install",
    "arch": "pacman -Sy --noconfirm",
}
PACKAGES = {
    "debian": ("python3-pip", "python3-requests"),
    "fedora": ("python3-pip", "python3-requests"),
    "arch": ("python-pip", "python-requests"),
}
REFRESH = {"debian": "apt-get -q update", "fedora": "dnf5 makecache", "arch": "pacman -Sy"}
#: Lists the files of packages that are not as their package has them.
VERIFY = {
    "debian": "dpkg --verify python3-requests",
    "fedora": "rpm --verify python3-requests",
    "arch": "pacman -Qk python-requests",
}
PROJECT = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "{name}"
version = "1.0"
[tool.setuptools]
py-modules = ["{name}"]
"""
PIP = ["python3", "-m", "pip"]
BREAK: dict[str, Any] = {"externally_managed": "break"}


def family_of(release: str) -> str:
    return release.rstrip("0123456789")


@pytest.fixture(scope="module")
def with_pip(host: Host, index: LocalIndex, release: str) -> Host:
    """A host with the distribution's pip and requests, and an index with distributions for them."""
    index.add("beta", "1.0")
    index.add("alpha", "1.0", requires=["beta>=1"], extras={"colour": ["gamma"]})
    index.add("alpha", "1.1", requires=["beta>=1"], extras={"colour": ["gamma"]})
    index.add("alpha", "2.0rc1", requires=["beta>=1"])
    index.add("gamma", "1.0")
    index.add("requests", "99.0")
    # What a pip that is too old to say what it would install is helped by.
    index.mirror("pip")
    family = family_of(release)
    host.run(f"{INSTALL[family]} {' '.join(PACKAGES[family])}")
    return host


def settle(host: Host, index: LocalIndex, *, changed: bool = True, **options: Any) -> Result:
    """It is as asked, foretold exactly by check mode, and then neither check mode nor a run finds anything."""
    return converge(host, "pip", {"python_index_url": index.url, **options}, changed=changed)


def decline(host: Host, index: LocalIndex, **options: Any) -> str:
    """It is refused, in check mode with the same words."""
    return refuse(host, "pip", {"python_index_url": index.url, **options})


def imports(host: Host, module: str) -> bool:
    return host.run(["python3", "-I", "-c", f"import {module}"], check=False).rc == 0


def remove(host: Host, *names: str) -> None:
    """What tests have installed is gone, by real pip."""
    host.run([*PIP, "uninstall", "--yes", *names], environment={"PIP_BREAK_SYSTEM_PACKAGES": "1"})


def test_what_real_pip_refuses_is_refused_with_better_ways(with_pip: Host, index: LocalIndex, release: str) -> None:
    real = with_pip.run([*PIP, "install", "--no-index", f"--find-links={index.find_links}", "gamma"], check=False)
    if release not in MARKED:
        assert real.rc == 0, real
        remove(with_pip, "gamma")
        done = settle(with_pip, index, name="alpha==1.0")
        assert (done["action"], done["decision"]["outcome"]) == ("installed", "allowed")
        assert imports(with_pip, "alpha")
        remove(with_pip, "alpha", "beta")
        return
    assert "externally-managed-environment" in real.stderr
    message = decline(with_pip, index, name=["Platformdirs>=99"])
    # What pip itself says, then the ways: the distribution's package, an environment, a tool.
    assert "EXTERNALLY-MANAGED" in message
    assert "virtual environment" in message
    package = "python-platformdirs" if release == "arch" else "python3-platformdirs"
    for text in (
        package,
        "pep668.provision.venv:",
        "pep668.provision.tool:",
        '"platformdirs>=99"',
        "externally_managed: break",
    ):
        assert text in message, message
    # Nobody is sent to a package that the distribution does not have.
    unknown = decline(with_pip, index, name=["alpha==1.0"])
    assert "1. a virtual environment" in unknown
    assert "-alpha" not in unknown
    assert not imports(with_pip, "alpha")


@pytest.mark.releases("debian11", "debian13", "fedora44", "arch", full=["debian12"])
def test_break_installs_upgrades_and_removes_on_every_pip(with_pip: Host, index: LocalIndex, release: str) -> None:
    done = settle(with_pip, index, name="Alpha", version="1.0", **BREAK)
    assert (done["action"], done["packages"]) == ("installed", {"alpha": "1.0"})
    # The variable, not the flag, on which old pips end with an error.
    assert ("PIP_BREAK_SYSTEM_PACKAGES=1" in done["decision"]["arguments"]) is (release in MARKED)
    assert "--break-system-packages" not in done["decision"]["arguments"]
    assert imports(with_pip, "alpha")
    assert done["diff"]["after"] == "alpha==1.0\nbeta==1.0\n"

    upgraded = settle(with_pip, index, name="alpha", state="latest", **BREAK)
    assert (upgraded["action"], upgraded["packages"]["alpha"]) == ("updated", "1.1")
    assert (upgraded["diff"]["before"], upgraded["diff"]["after"]) == ("alpha==1.0\n", "alpha==1.1\n")

    if release in MARKED:
        assert "would refuse to remove alpha" in decline(with_pip, index, name="alpha", state="absent")
    removed = settle(with_pip, index, name=["alpha", "beta"], state="absent", **BREAK)
    assert (removed["action"], removed["packages"]) == ("removed", {})
    assert not imports(with_pip, "alpha")


def test_a_flag_of_an_existing_task_is_taken_for_what_it_means(with_pip: Host, index: LocalIndex) -> None:
    done = settle(with_pip, index, name="gamma", extra_args="--break-system-packages --no-cache-dir")
    assert done["action"] == "installed"
    assert "--break-system-packages" not in done["decision"]["arguments"]
    remove(with_pip, "gamma")


def test_what_an_os_package_owns_is_not_replaced(with_pip: Host, index: LocalIndex, release: str) -> None:
    """Whether pip would hide, delete or fail over it is pip's own answer; whichever, no file is touched unasked."""
    options = {"name": "requests==99.0", **BREAK}
    if release in ("debian11", "debian12"):
        # Debian's own pip up to 23.x leaves it alone, so the new one comes before it.
        task = with_pip.run_module("pip", {"python_index_url": index.url, **options})
        assert task.changed, task.text
        assert "of the OS package python3-requests and hides it" in task.text
    else:
        message = decline(with_pip, index, **options)
        assert "requests" in message
        assert f"of the OS package {PACKAGES[family_of(release)][1]}" in message
        assert "no RECORD file was found" in message
        beside = settle(with_pip, index, extra_args="--ignore-installed", **options)
        assert beside["packages"]["requests"] == "99.0"
    remove(with_pip, "requests")
    verified = with_pip.run(VERIFY[family_of(release)], check=False).stdout
    assert "missing" not in verified.replace("0 missing files", ""), verified


def test_a_file_of_an_os_package_is_not_written_over(fresh_host: Host, index: LocalIndex) -> None:
    """Where pip works in the distribution's own directories, as Arch's does; Debian's Python does so on request."""
    index.add("rho", "1.0", scripts=["chmod", "rho"])
    fresh_host.run(f"{INSTALL['debian']} python3-pip")
    layout = {"DEB_PYTHON_INSTALL_LAYOUT": "deb_system"}
    options = {"name": "rho", "python_index_url": index.url, **BREAK}

    def run(**more: Any) -> Any:
        tasks = [{"pep668.provision.pip": {**options, **more}, "environment": layout}]
        return fresh_host.play([{"hosts": "all", "gather_facts": False, "tasks": tasks}], {})

    refused = run()
    assert "rho: pip overwrites /usr/bin/chmod of the OS package coreutils" in refused.message, refused.text
    assert "allow_overwrite: [rho]" in refused.message
    assert not fresh_host.run("dpkg --verify coreutils").stdout
    assert not fresh_host.exists("/usr/bin/rho")

    allowed = run(allow_overwrite=["rho"])
    assert allowed.changed, allowed.text
    assert "/usr/bin/chmod" in fresh_host.run("dpkg --verify coreutils").stdout


test_a_file_of_an_os_package_is_not_written_over.pytestmark = [pytest.mark.releases("debian13")]  # type: ignore[attr-defined]


@pytest.mark.releases("debian12")
def test_an_upstream_pip_may_delete_files_of_dpkg_only_when_each_is_named(fresh_host: Host, index: LocalIndex) -> None:
    index.add("six", "99.0")
    index.add("requests", "99.0", requires=["six>=90"])
    index.mirror("pip")
    fresh_host.run(f"{INSTALL['debian']} python3-pip python3-six python3-requests")
    # Debian's own pip leaves dpkg's files alone; the one that comes before it from now on does not.
    given = fresh_host.run_module("pip", {"name": "pip", "state": "latest", "python_index_url": index.url, **BREAK})
    assert given.changed, given.text
    assert "no longer keeps to what the distribution changed in its own" in given.text

    message = decline(fresh_host, index, name="requests==99.0", **BREAK)
    assert "six 1.16.0 of the OS package python3-six: pip deletes /usr/lib/python3/dist-packages/six" in message
    assert "requests 2.28.1 of the OS package python3-requests: pip deletes" in message
    assert "allow_overwrite: [requests, six]" in message
    assert "python3-six" in decline(fresh_host, index, name="requests==99.0", allow_overwrite=["requests"], **BREAK)
    assert not fresh_host.run("dpkg --verify python3-six python3-requests").stdout

    done = settle(fresh_host, index, name="requests==99.0", allow_overwrite=["requests", "six"], **BREAK)
    assert done["diff"]["after"] == "requests==99.0\nsix==99.0\n"
    assert "missing" in fresh_host.run("dpkg --verify python3-six").stdout

    # To have it gone is not to have pip delete the package's files.
    fresh_host.run("apt-get -q install --yes --reinstall python3-six")
    task = fresh_host.run_module("pip", {"name": ["six", "requests"], "state": "absent", **BREAK})
    assert task.rc == 0, task.text
    assert not fresh_host.run("dpkg --verify python3-six").stdout


@pytest.mark.releases(*MARKED)
def test_upgrading_the_system_s_pip_has_a_message_of_its_own(with_pip: Host, index: LocalIndex, release: str) -> None:
    index.add("pip", "99.0")
    try:
        message = decline(with_pip, index, name="pip", state="latest")
    finally:
        index.remove("pip", "99.0")
    assert f"comes with {PACKAGES[family_of(release)][0]} and is renewed with it" in message
    assert "A virtual environment has a pip of its own" in message


@pytest.mark.releases("debian12", "debian13", "fedora44", "arch")
def test_the_distribution_s_package_is_preferred_where_that_is_asked_for(fresh_host: Host, release: str) -> None:
    options = {"name": ["requests>=2"], "externally_managed": "prefer_system_package"}
    # Without the lists a check cannot tell the version that will come.
    fresh_host.run(REFRESH[family_of(release)])
    done = converge(fresh_host, "pip", options)
    assert done["decision"]["outcome"] == "system_package"
    assert done["packages"]["requests"].startswith("2.")
    assert done["system_packages"] == [
        "python3dist(requests)" if release == "fedora44" else PACKAGES[family_of(release)][1]
    ]
    assert imports(fresh_host, "requests")
    # Where the distribution's is too old the way ends, and says so.
    too_new = fresh_host.module("pip", {**options, "name": "requests>=90"}, expect_failure=True)["msg"]
    assert "requests" in too_new
    assert "pip" in too_new


@pytest.mark.releases("debian13")
def test_an_account_s_own_site_is_filled_and_emptied_as_that_account(with_pip: Host, index: LocalIndex) -> None:
    mine: dict[str, Any] = {"scope": "user", "user": "alice"}
    assert "would refuse" in decline(with_pip, index, name="alpha", **mine)
    done = settle(with_pip, index, name="alpha", umask="0077", **mine, **BREAK)
    assert "--user" in done["decision"]["arguments"]
    assert with_pip.owners("/home/alice/.local") == {"alice"}
    code = "import alpha; print(alpha.__file__)"
    assert "/home/alice/.local/" in with_pip.run(["python3", "-c", code], user="alice", login=True).stdout
    module = with_pip.run("find /home/alice/.local -name alpha.py -printf %m").stdout
    assert module == "600"
    assert not imports(with_pip, "alpha")
    removed = settle(with_pip, index, name=["alpha", "beta"], state="absent", **mine, **BREAK)
    assert removed["action"] == "removed"


@pytest.mark.releases("debian12")
def test_pip_23_0_is_refused_with_its_two_ways_out(fresh_host: Host, index: LocalIndex) -> None:
    """The one release that checks the marker and knows no way past it."""
    index.add("alpha", "1.0")
    fresh_host.run(f"{INSTALL['debian']} python3-pip")
    fresh_host.run([*PIP, "install", "--break-system-packages", "pip==23.0"])
    assert fresh_host.run([*PIP, "--version"]).stdout.startswith("pip 23.0 ")
    message = decline(fresh_host, index, name="alpha", **BREAK)
    assert "two ways out" in message
    assert "23.0.1" in message
    assert "virtual environment" in message


@pytest.mark.releases("debian13")
def test_an_override_in_pip_conf_is_recognised_and_told(with_pip: Host, index: LocalIndex) -> None:
    """GitHub's runner images of Ubuntu 24.04 ship such a file."""
    with_pip.write("/etc/pip.conf", "[global]\nbreak-system-packages = true\n")
    try:
        task = with_pip.run_module("pip", {"name": "gamma", "python_index_url": index.url})
        assert task.changed, task.text
        assert "is overridden by /etc/pip.conf" in task.text
        remove(with_pip, "gamma")
    finally:
        with_pip.run(["rm", "/etc/pip.conf"])
    assert "would refuse" in decline(with_pip, index, name="gamma")


@pytest.mark.releases("debian11", "debian13")
def test_nothing_is_started_where_nothing_is_to_be_done(with_pip: Host, index: LocalIndex) -> None:
    settle(with_pip, index, name=["alpha==1.0", "gamma"], **BREAK)
    with with_pip.without_network():
        again = with_pip.run_module("pip", {"name": ["alpha>=1,<2", "Gamma"], **BREAK}, record=True)
        absent = with_pip.run_module("pip", {"name": ["nobody"], "state": "absent"}, record=True)
    assert (again.rc, again.changed, again.installers) == (0, 0, ()), again.text
    assert (absent.rc, absent.changed, absent.installers) == (0, 0, ()), absent.text
    remove(with_pip, "alpha", "beta", "gamma")


@pytest.mark.releases("debian13")
def test_an_environment_is_made_filled_in_parts_healed_and_emptied(fresh_host: Host, index: LocalIndex) -> None:
    """As existing tasks of ansible.builtin.pip ask for it; what an environment needs of the OS comes along."""
    index.add("beta", "1.0")
    index.add("alpha", "1.0", requires=["beta"])
    index.add("gamma", "1.0")
    venv: dict[str, Any] = {"virtualenv": "/srv/app/.venv", "virtualenv_command": "python3 -m venv"}
    python = "/srv/app/.venv/bin/python"
    fresh_host.run("apt-get -q update")
    assert settle(fresh_host, index, virtualenv="/srv/empty")["action"] == "created"
    settle(fresh_host, index, name=[], changed=False, virtualenv="/srv/empty")
    settle(fresh_host, index, name=[], changed=False)
    made = settle(fresh_host, index, name="alpha==1.0", **venv)
    assert (made["action"], made["decision"]["outcome"]) == ("created", "virtual_environment")
    assert fresh_host.packages("/srv/app/.venv").items() >= {"alpha": "1.0", "beta": "1.0"}.items()

    # Two tasks that each ask for a part do not undo each other.
    assert settle(fresh_host, index, name=["gamma"], **venv)["action"] == "installed"
    settle(fresh_host, index, name="alpha>=1,<1.1", changed=False, **venv)
    settle(fresh_host, index, name="gamma", changed=False, executable="/srv/app/.venv/bin/pip")

    # Without pip, as uv makes them.
    fresh_host.run([python, "-m", "pip", "uninstall", "--yes", "gamma", "pip"])
    assert settle(fresh_host, index, name="gamma", **venv)["action"] == "installed"

    # With a broken interpreter; what was in it comes back.
    fresh_host.run(f"rm {python}3 && ln -s /nowhere/python3 {python}3")
    healed = fresh_host.run_module("pip", {"name": "gamma", "python_index_url": index.url, **venv})
    assert healed.changed, healed.text
    assert fresh_host.packages("/srv/app/.venv").items() >= {"alpha": "1.0", "gamma": "1.0"}.items()

    removed = settle(fresh_host, index, name="gamma", state="absent", **venv)
    assert removed["action"] == "removed"
    assert "gamma" not in fresh_host.packages("/srv/app/.venv")
    settle(fresh_host, index, name="gamma", state="absent", changed=False, virtualenv="/srv/nowhere")
    assert not fresh_host.exists("/srv/nowhere")


@pytest.mark.releases("debian13")
def test_what_ansible_s_own_module_is_tested_for_holds(with_pip: Host, index: LocalIndex) -> None:
    """The behaviours that its integration tests check, each with check mode before and after."""
    index.add("Mixed-Case_Name", "1.5")
    settle(with_pip, index, name="nobody", state="absent", changed=False, **BREAK)
    settle(with_pip, index, name="mixed_case.name", **BREAK)
    settle(with_pip, index, name=["MIXED-case-NAME>=1,<2"], changed=False, **BREAK)
    settle(with_pip, index, name="Mixed-Case_Name>1.0,<2,!=1.4", changed=False)
    beyond = {"name": "mixed-case-name>=2", "python_index_url": index.url, **BREAK}
    assert "No matching distribution found" in with_pip.module("pip", beyond, expect_failure=True)["msg"]

    # Extras count, and pre-releases when they are asked for.
    settle(with_pip, index, name="alpha==1.1", **BREAK)
    assert settle(with_pip, index, name="alpha[colour]", **BREAK)["diff"]["after"] == "gamma==1.0\n"
    settle(with_pip, index, name="alpha", state="latest", changed=False, **BREAK)
    newest = settle(with_pip, index, name="alpha", state="latest", extra_args="--pre", **BREAK)
    assert newest["packages"] == {"alpha": "2.0rc1"}

    # Requirements files, and several projects in place.
    with_pip.write("/srv/r.txt", "-c c.txt\nalpha\n")
    with_pip.write("/srv/c.txt", "alpha<2\n")
    assert settle(with_pip, index, requirements="/srv/r.txt", **BREAK)["packages"] == {"alpha": "1.1"}
    with_pip.run("apt-get -q install --yes --no-install-recommends python3-setuptools git")
    for name in ("one", "two"):
        with_pip.write(f"/srv/{name}/pyproject.toml", PROJECT.format(name=name))
        with_pip.write(f"/srv/{name}/{name}.py", f"NAME = {name!r}\n")
    built = {"extra_args": "--no-build-isolation", **BREAK}
    settle(with_pip, index, name=["/srv/one", "/srv/two"], editable=True, **built)
    assert imports(with_pip, "one")
    assert imports(with_pip, "two")
    # From the directory pip runs in, as many tasks have it.
    settle(with_pip, index, name=".", chdir="/srv/one", editable=True, changed=False, **built)
    settle(with_pip, index, requirements="r.txt", chdir="/srv", changed=False, **BREAK)

    # A repository, by its address.
    with_pip.run("cd /srv/one && git init -q . && git add . && git -c user.name=a -c user.email=a@b commit -qm 1")
    settle(with_pip, index, name="git+file:///srv/one#egg=one", **built)
    remove(with_pip, "alpha", "beta", "gamma", "mixed-case-name", "one", "two")


@pytest.mark.releases("debian13")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"name": "alpha==1.0", "version": "1.1"}, "name says one already", id="a version twice"),
        pytest.param({"name": ["alpha", "beta"], "version": "1.1"}, "about one name", id="a version of two"),
        pytest.param({"name": "this is no name"}, "is not a requirement", id="no name"),
        pytest.param({}, "name and requirements are missing", id="nothing"),
        pytest.param({"name": "alpha", "extra_args": "--target /srv/t"}, "python_venvs", id="elsewhere"),
        pytest.param({"name": "alpha", "user": "alice"}, "scope: user", id="an account of the system"),
        pytest.param({"name": "alpha", "executable": "pip9"}, "There is no pip9", id="no such pip"),
    ],
)
def test_what_cannot_be_meant_is_refused(with_pip: Host, options: dict[str, Any], said: str) -> None:
    assert said in with_pip.module("pip", options, expect_failure=True)["msg"]


@pytest.mark.releases("debian13")
def test_a_password_of_the_index_reaches_pip_and_shows_nowhere(with_pip: Host, index: LocalIndex) -> None:
    server = index.serve(with_pip, username="deploy", password="hunter2")
    options = {"name": "gamma", "python_index_url": server.url_with("deploy", "hunter2"), **BREAK}
    tasks = [{"name": "Install", "pep668.provision.pip": options}]
    plays = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    done = with_pip.play(plays, {}, diff=True, record=True, arguments=["-vvv"])
    assert done.changed, done.text
    assert "hunter2" not in done.text
    assert not [process for process in done.processes if "hunter2" in str(process)]
    assert any("200 deploy" in line for line in server.requests()), server.requests()
    remove(with_pip, "gamma")


@pytest.mark.releases("debian13")
def test_an_ordinary_account_works_in_its_own_site_and_in_no_other(with_pip: Host, index: LocalIndex) -> None:
    def attempt(**options: Any) -> Outcome:
        tasks = [{"name": "Install", "pep668.provision.pip": {"python_index_url": index.url, **options}}]
        return with_pip.play([{"hosts": "all", "gather_facts": False, "tasks": tasks}], {}, user="alice")

    refused = attempt(name="gamma", **BREAK)
    assert "takes the right to write to /usr/local/lib/python3" in refused.message, refused.text
    assert "only root can act for others" in attempt(name="gamma", scope="user", user="app", **BREAK).message
    own = attempt(name="gamma", scope="user", **BREAK)
    assert own.changed, own.text
    assert with_pip.owners("/home/alice/.local/lib") == {"alice"}
    assert attempt(name="gamma", scope="user", state="absent", **BREAK).changed
