"""uv as the installer, end to end: provided on a host with nothing but Python, told what pip is told, taken over."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from converging import Result, converge, refuse, run_tasks
from hosts import Host
from local_index import ON_HOST, LocalIndex
from pyinfra_runs import Pyinfra

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian13")]
#: Their Pythons lack different things, and their pipx are of different ages.
BOTH = pytest.mark.releases("debian13", full=["debian12"])

OWN = "/opt/pep668-provision"
USERNAME, PASSWORD = "reader", "s3cr3t/p@ss:w%rd#$1"
SETUP = """
from setuptools import setup
setup(name="local-project", version="{version}", py_modules=["local_project"], install_requires=["gamma"],
      extras_require={{"more": ["alpha<2"]}})
"""


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    """An index with made-up distributions and tools, and the real ones: uv, and what it and pip need."""
    for version in ("1.0", "1.1", "2.0"):
        index.add("alpha", version)
        index.add("hello", version, scripts=["hello"])
    index.add("beta", "1.0", requires=["alpha<2"])
    index.add("gamma", "0.9")
    index.add("Mixed.Case_Name", "1.0")
    index.add("greeter", "1.0", extras={"loud": ["gamma"]}, scripts=["greet"])
    index.add("first", "1.0", scripts=["first"])
    index.mirror("pip", "setuptools", "wheel", "pipx", "uv", python="3.11")
    return index


@pytest.fixture(scope="module")
def provided(host: Host, stocked: LocalIndex) -> Host:
    """A host that had nothing but Python, after one run of the role: uv, an environment and a tool."""
    declared = declare(stocked)
    done = host.apply(declared)
    assert done.rc == 0, done.text
    assert host.packages("/srv/first/.venv") == {"alpha": "2.0"}
    assert host.run("first", user="alice", login=True).stdout == "first 1.0\n"
    return host


def declare(index: LocalIndex) -> dict[str, Any]:
    return {
        "python_installer": "uv",
        "python_uv": True,
        "python_venvs": [{"path": "/srv/first/.venv", "packages": ["alpha"]}],
        "python_tools": [{"name": "first"}],
        "python_index_url": index.url,
    }


def venv(host: Host, path: str, *, changed: bool = True, **options: Any) -> Result:
    """The environment is as asked, filled by uv, by check, run, check, run; returns what the run said."""
    arguments = {"path": path, "installer": "uv", "python_index_url": f"file://{ON_HOST}/simple", **options}
    arguments = {key: value for key, value in arguments.items() if value is not None}
    return converge(host, "venv", arguments, changed=changed)


def tool(host: Host, *tools: Mapping[str, Any], changed: bool = True, **options: Any) -> Result:
    settings = {"python_installer": "uv", "python_index_url": f"file://{ON_HOST}/simple", **options}
    return converge(host, "tool", {"tools": list(tools), **settings}, changed=changed)


def backend(host: Host, name: str) -> str:
    """What pipx says that it filled a tool with."""
    return str(host.read_json(f"/opt/pipx/venvs/{name}/pipx_metadata.json").get("backend", "pip"))


@BOTH
def test_one_run_provides_uv_and_fills_environments_and_tools_with_it(provided: Host, stocked: LocalIndex) -> None:
    assert provided.run("uv --version", user="alice", login=True).stdout.startswith("uv ")
    assert "uv =" in provided.read("/srv/first/.venv/pyvenv.cfg")
    # pipx itself is filled by uv, and so are the tools.
    assert "uv =" in provided.read(f"{OWN}/pipx/pyvenv.cfg")
    assert "pip" not in provided.packages(f"{OWN}/pipx")
    assert "pip" not in provided.packages(f"{OWN}/uv")
    assert backend(provided, "first") == "uv"
    assert provided.run("dpkg-query --show python3-pip pipx", check=False).rc != 0
    with provided.without_network():
        again = provided.apply(declare(stocked), record=True)
    assert (again.rc, again.changed, again.installers) == (0, 0, ()), again.text


def test_states_are_those_of_pip(provided: Host, stocked: LocalIndex) -> None:
    path = "/srv/states/.venv"
    made = venv(provided, path, packages=["alpha==1.0", "Mixed_Case.name"])
    assert (made["action"], made["packages"]) == ("created", {"alpha": "1.0", "mixed-case-name": "1.0"})
    # What satisfies stays, also what is only depended on.
    grown = venv(provided, path, packages=["alpha>=1", "Mixed_Case.name", "greeter[loud]"])
    assert grown["diff"]["after"] == "alpha==1.0\ngamma==0.9\ngreeter==1.0\nmixed-case-name==1.0\n"
    stocked.add("growing", "1.0")
    try:
        venv(provided, path, packages=["beta", "growing"], state="exact")
        assert provided.packages(path) == {"alpha": "1.0", "beta": "1.0", "growing": "1.0"}
        stocked.add("growing", "1.1")
        # The newest of what is named; what that depends on moves only where it has to.
        newest = venv(provided, path, packages=["beta", "growing"], state="latest")
        assert newest["reasons"][-1] == "growing 1.1 is newer than 1.0"
        assert newest["packages"] == {"alpha": "1.0", "beta": "1.0", "growing": "1.1"}
    finally:
        stocked.remove_all("growing")
    assert converge(provided, "venv", {"path": path, "state": "absent"})["action"] == "removed"


def test_files_constraints_and_hashes_are_followed(provided: Host, stocked: LocalIndex) -> None:
    provided.write("/srv/files/requirements.txt", "-r more/base.txt\n-c limits.txt\ngamma  # a comment\n")
    provided.write("/srv/files/more/base.txt", "beta\n")
    provided.write("/srv/files/limits.txt", "alpha<1.1\n")
    path = "/srv/files/.venv"
    asked: dict[str, Any] = {"requirements": ["/srv/files/requirements.txt"]}
    assert venv(provided, path, **asked)["packages"] == {"alpha": "1.0", "beta": "1.0", "gamma": "0.9"}
    provided.write("/srv/files/limits.txt", "alpha>1.0\n")
    assert venv(provided, path, **asked)["packages"]["alpha"] == "1.1"
    provided.write("/srv/limits.txt", "alpha==1.0\n")
    limited = venv(provided, "/srv/limited", packages=["beta"], constraints=["/srv/limits.txt"])
    assert limited["packages"] == {"alpha": "1.0", "beta": "1.0"}
    digest = hashlib.sha256((stocked.folder / "files" / "alpha-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    hashed: dict[str, Any] = {"requirements": ["/srv/hashes.txt"], "require_hashes": True}
    provided.write("/srv/hashes.txt", f"alpha==1.0 \\\n    --hash=sha256:{digest}\n")
    venv(provided, "/srv/hashed", **hashed)
    before = provided.state_of("/srv/hashed")
    for text, explanation in (
        (f"alpha==1.1 --hash=sha256:{digest}\n", "do not install it before you know why"),
        ("alpha==1.1\n", "every requirement, dependencies too, needs ==version and a --hash"),
    ):
        provided.write("/srv/hashes.txt", text)
        arguments = {"path": "/srv/hashed", "python_index_url": stocked.url, "installer": "uv", **hashed}
        failed = provided.run_module("venv", arguments)
        assert explanation in failed.message, failed.text
        assert provided.state_of("/srv/hashed") == before


def test_a_project_is_installed_again_when_its_source_has_changed(provided: Host) -> None:
    provided.write("/srv/project/setup.py", SETUP.format(version="1.0"), owner="app")
    provided.write("/srv/project/local_project.py", "ANSWER = 1\n", owner="app")
    path = "/home/app/project/.venv"
    answer = [f"{path}/bin/python", "-I", "-c", "import local_project; print(local_project.ANSWER)"]
    made = venv(provided, path, project="/srv/project", owner="app")
    assert made["packages"] == {"local-project": "1.0", "gamma": "0.9"}
    assert provided.owners(path) == {"app"}
    provided.write("/srv/project/local_project.py", "ANSWER = 2\n", owner="app")
    venv(provided, path, project="/srv/project", owner="app")
    assert provided.run(answer).stdout == "2\n"
    # Neither does a new environment get what was built of the old source.
    provided.write("/srv/project/local_project.py", "ANSWER = 3\n", owner="app")
    converge(provided, "venv", {"path": path, "state": "absent"})
    extended = venv(provided, path, project="/srv/project", extras=["more"], owner="app")
    assert extended["packages"] == {"alpha": "1.1", "gamma": "0.9", "local-project": "1.0"}
    assert provided.run(answer).stdout == "3\n"
    venv(provided, "/srv/edited", project="/srv/project", editable=True)
    provided.write("/srv/project/local_project.py", "ANSWER = 4\n", owner="app")
    assert provided.run(["/srv/edited/bin/python", *answer[1:]]).stdout == "4\n"
    venv(provided, "/srv/edited", project="/srv/project", editable=True, changed=False)


def test_arguments_for_pip_are_translated_or_refused(provided: Host) -> None:
    told = ["--no-deps", "--disable-pip-version-check", "--timeout", "20", f"--find-links={ON_HOST}/files", "--quiet"]
    assert venv(provided, "/srv/args", packages=["beta"], pip_args=told)["packages"] == {"beta": "1.0"}
    asked = {"path": "/srv/args2", "packages": ["beta"], "pip_args": ["--prefer-binary"], "installer": "uv"}
    assert "uv has nothing for --prefer-binary" in refuse(provided, "venv", asked)
    # Where the installer is not asked for by name, it is pip then.
    made = venv(provided, "/srv/args2", packages=["beta"], pip_args=["--prefer-binary"], installer="auto")
    assert made["packages"] == {"alpha": "1.1", "beta": "1.0"}
    assert "uv =" not in provided.read("/srv/args2/pyvenv.cfg")


def test_drift_is_healed_and_a_rebuild_keeps_versions(provided: Host) -> None:
    path = "/srv/drifting"
    venv(provided, path, packages=["alpha==1.0", "gamma"])
    venv(provided, path, packages=["alpha>=1", "gamma"])
    provided.run(f"rm -rf {path}/lib/python3*/site-packages/gamma*")
    healed = venv(provided, path, packages=["alpha>=1", "gamma"])
    assert healed["reasons"] == ["gamma is missing"]
    assert healed["packages"] == {"alpha": "1.0", "gamma": "0.9"}
    opened = venv(provided, path, packages=["alpha>=1", "gamma"], system_site_packages=True)
    assert (opened["action"], opened["packages"]) == ("rebuilt", {"alpha": "1.0", "gamma": "0.9"})
    failed = provided.run_module(
        "venv", {"path": path, "packages": ["nosuch-thing"], "installer": "uv", "system_site_packages": True}
    )
    assert failed.failed
    assert "nosuch-thing" in failed.message
    venv(provided, path, packages=["alpha>=1", "gamma"], system_site_packages=True, changed=False)


@BOTH
def test_pip_and_uv_take_over_from_each_other_without_a_rebuild(provided: Host) -> None:
    path = "/srv/taken"
    venv(provided, path, packages=["alpha==1.0"])
    receipt = provided.read_json(f"{path}/.pep668-provision.json")
    # The installer alone is no change.
    for installer in ("pip", "auto", "uv"):
        venv(provided, path, packages=["alpha==1.0"], installer=installer, changed=False)
    assert provided.read_json(f"{path}/.pep668-provision.json") == receipt
    grown = venv(provided, path, packages=["alpha==1.0", "gamma"], installer="pip")
    assert (grown["action"], grown["packages"]) == ("updated", {"alpha": "1.0", "gamma": "0.9"})
    assert "pip" in provided.packages(path)
    back = venv(provided, path, packages=["alpha==1.1", "gamma"])
    assert (back["action"], back["packages"]) == ("updated", {"alpha": "1.1", "gamma": "0.9"})
    assert "pip" in provided.packages(path)
    assert "uv =" in provided.read(f"{path}/pyvenv.cfg")


@BOTH
def test_pip_is_put_into_an_environment_of_uv_where_the_system_lacks_ensurepip(
    fresh_host: Host, stocked: LocalIndex
) -> None:
    declared = declare(stocked)
    assert fresh_host.apply(declared).rc == 0
    fresh_host.run("apt-get -q remove --yes --autoremove python3-venv 'python3.*-venv'")
    declared = {
        "python_venvs": [{"path": "/srv/first/.venv", "packages": ["alpha", "gamma"]}],
        "python_tools": [{"name": "first"}, {"name": "hello"}],
        "python_installer": "pip",
        "python_index_url": stocked.url,
    }
    done = fresh_host.apply(declared)
    assert done.rc == 0, done.text
    assert fresh_host.packages("/srv/first/.venv").keys() == {"alpha", "gamma", "pip"} | (
        {"setuptools"} & fresh_host.packages("/srv/first/.venv").keys()
    )
    assert (backend(fresh_host, "first"), backend(fresh_host, "hello")) == ("uv", "pip")
    again = fresh_host.apply(declared, record=True)
    assert (again.rc, again.changed, again.installers) == (0, 0, ()), again.text


# What the host says to pip.


@contextmanager
def pip_conf(host: Host, *lines: str) -> Iterator[None]:
    host.write("/etc/pip.conf", "\n".join(("[global]", *lines)) + "\n")
    try:
        yield
    finally:
        host.run(["rm", "/etc/pip.conf"])


def escaped(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def test_an_index_that_only_pips_configuration_names_serves_uv(provided: Host, stocked: LocalIndex) -> None:
    guarded = stocked.serve(provided, username=USERNAME, password=PASSWORD, port=8081)
    address = guarded.url_with(escaped(USERNAME), escaped(PASSWORD))
    with pip_conf(provided, f"index-url = {address}"), provided.without_network():
        made = venv(provided, "/srv/configured", packages=["beta"], python_index_url=None)
        assert made["packages"] == {"alpha": "1.1", "beta": "1.0"}
        assert tool(provided, {"name": "hello"}, python_index_url="")["tools"][0]["version"] == "2.0"
        assert backend(provided, "hello") == "uv"
        # The project's own setting wins.
        gone = {"path": "/srv/configured", "packages": ["gamma"], "installer": "uv"}
        failed = provided.run_module("venv", {**gone, "python_index_url": "http://127.0.0.1:9/simple"})
        assert "python_index_url" in failed.message, failed.text
    assert f"200 {USERNAME} /simple/beta/" in guarded.requests(), guarded.requests()


def test_credentials_are_settings_and_shown_nowhere(provided: Host, stocked: LocalIndex) -> None:
    guarded = stocked.serve(provided, username=USERNAME, password=PASSWORD, port=8082)
    declared = {
        "python_installer": "uv",
        "python_venvs": [{"path": "/srv/guarded", "packages": ["gamma"]}],
        "python_tools": [{"name": "greeter", "inject": ["gamma"]}],
        "python_index_url": guarded.url,
        "python_index_username": USERNAME,
        "python_index_password": PASSWORD,
    }
    foretold = provided.apply(declared, check=True, diff=True, arguments=["-vvv"])
    done = provided.apply(declared, diff=True, record=True, arguments=["-vvv"])
    assert (foretold.rc, done.rc) == (0, 0), done.text
    spellings = (PASSWORD, escaped(PASSWORD), "s3cr3t%2Fp%40ss%3Aw%25rd%23%241")
    assert done.installers
    for spelling in spellings:
        assert spelling not in foretold.text + done.text
        assert not [str(process) for process in done.processes if spelling in str(process)]
        places = ["/srv/guarded", "/opt", "/usr/local", "/etc", "/home", "/tmp", "/root"]
        assert provided.run(["grep", "-rlF", "--", spelling, *places], check=False).stdout == ""
    wrong = {"path": "/srv/guarded", "packages": ["alpha"], "installer": "uv", "python_index_url": guarded.url}
    failed = provided.run_module("venv", {**wrong, "python_index_username": "x", "python_index_password": "wr0ng"})
    assert "python_index_username and python_index_password" in failed.message, failed.text
    assert "wr0ng" not in failed.text


SERVER = """
import functools, http.server, ssl, sys
server = http.server.ThreadingHTTPServer(
    ("127.0.0.1", 8443), functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1]))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/srv/tls/cert.pem", "/srv/tls/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def test_a_certificate_that_only_pip_is_told_of_is_trusted(provided: Host, tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = [*("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=index")]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    for path in (key, cert):
        provided.write(f"/srv/tls/{path.name}", path.read_text())
    provided.write("/srv/tls/server.py", SERVER)
    provided.start(["python3", "/srv/tls/server.py", ON_HOST])
    provided.wait_for_port(8443)
    asked = {"path": "/srv/tls/.venv", "packages": ["gamma"], "installer": "uv"}
    index = "https://127.0.0.1:8443/simple"
    # Logins of the test hosts may have a bundle of this machine's in their environment; it does not hold this one.
    failed = provided.run_module("venv", {**asked, "python_index_url": index})
    assert "python_ca_bundle" in failed.message, failed.text
    made_with = converge(
        provided, "venv", {**asked, "python_index_url": index, "python_ca_bundle": "/srv/tls/cert.pem"}
    )
    assert made_with["packages"] == {"gamma": "0.9"}
    with pip_conf(provided, f"index-url = {index}", "trusted-host = 127.0.0.1:8443"):
        trusting = converge(provided, "venv", {**asked, "path": "/srv/tls/trusting"})
    assert trusting["packages"] == {"gamma": "0.9"}


def test_folders_of_wheels_serve_without_network(provided: Host) -> None:
    provided.run(["cp", "-r", f"{ON_HOST}/files", "/srv/wheels, and more"])
    folder = "file:///srv/wheels%2C%20and%20more"
    offline: dict[str, Any] = {"python_no_index": True, "python_find_links": [folder, "/srv/none"]}
    with provided.without_network():
        made = venv(provided, "/srv/offline", packages=["beta"], python_index_url=None, **offline)
        assert made["packages"] == {"alpha": "1.1", "beta": "1.0"}
        by_pipx = tool(provided, {"name": "greeter", "spec": "greeter[loud]"}, python_index_url="", **offline)
        assert by_pipx["tools"][0]["version"] == "1.0"
        with pip_conf(provided, "no-index = true", f"find-links = {folder}"):
            configured = venv(provided, "/srv/offline2", packages=["beta"], python_index_url=None)
        assert configured["packages"] == {"alpha": "1.1", "beta": "1.0"}


def test_the_best_version_of_all_indexes_is_taken_as_by_pip(provided: Host, stocked: LocalIndex) -> None:
    other = LocalIndex(stocked.folder / "other")
    other.add("alpha", "1.5")
    extra: dict[str, Any] = {"python_extra_index_urls": [f"file://{ON_HOST}/other/simple"]}
    for path, asked, version in (("/srv/two", "alpha", "2.0"), ("/srv/three", "alpha<2", "1.5")):
        assert venv(provided, path, packages=[asked], **extra)["packages"] == {"alpha": version}


# Tools.


@BOTH
def test_tools_move_are_upgraded_injected_and_rebuilt(provided: Host, stocked: LocalIndex) -> None:
    tool(provided, {"name": "hello", "spec": "hello==1.0"})
    up = tool(provided, {"name": "hello", "spec": "hello<2"}, changed=False)
    assert up["tools"][0]["version"] == "1.0"
    latest = tool(provided, {"name": "hello", "spec": "hello<2", "state": "latest", "inject": ["alpha<2"]})
    assert latest["tools"][0]["version"] == "1.1"
    assert provided.packages("/opt/pipx/venvs/hello") == {"hello": "1.1", "alpha": "1.1"}
    stocked.add("hello", "1.2", scripts=["hello"])
    stocked.add("alpha", "1.3")
    try:
        # What broke comes back in the versions it had.
        provided.run("rm /opt/pipx/venvs/hello/bin/python")
        healed = tool(provided, {"name": "hello", "spec": "hello<2"})
        assert healed["tools"][0]["action"] == "rebuilt"
        assert provided.packages("/opt/pipx/venvs/hello") == {"hello": "1.1", "alpha": "1.1"}
        assert backend(provided, "hello") == "uv"
    finally:
        stocked.remove("hello", "1.2")
        stocked.remove("alpha", "1.3")
    pinned = tool(provided, {"name": "hello", "spec": "hello<2", "pinned": True})
    assert pinned["tools"][0]["version"] == "1.1"
    assert provided.run("hello", user="alice", login=True).stdout == "hello 1.1\n"


def test_a_tool_of_an_account_and_one_filled_by_pip(provided: Host) -> None:
    own: dict[str, Any] = {"scope": "user", "user": "alice"}
    tool(provided, {"name": "greeter"}, **own)
    assert provided.run("greet", user="alice", login=True).stdout == "greeter 1.0\n"
    assert provided.owners("/home/alice/.local") == {"alice"}
    tool(provided, {"name": "greeter", "suffix": "@pip", "installer": "pip"})
    assert backend(provided, "greeter@pip") == "pip"
    # Switching is no change.
    tool(provided, {"name": "greeter", "suffix": "@pip"}, changed=False)
    tool(provided, {"name": "greeter"}, python_installer="pip", changed=False, **own)


@BOTH
def test_a_distributions_pipx_that_cannot_use_uv_is_enough_only_where_it_is_asked_for(
    fresh_host: Host, stocked: LocalIndex
) -> None:
    done = fresh_host.apply(
        {
            "python_uv": True,
            "python_installer": "uv",
            "python_pipx_source": "system",
            "python_tools": [{"name": "first"}],
            "python_index_url": stocked.url,
        }
    )
    assert done.rc == 0, done.text
    assert (backend(fresh_host, "first"), fresh_host.exists(f"{OWN}/pipx")) == ("pip", False)
    tool(fresh_host, {"name": "first"}, changed=False)
    tool(fresh_host, {"name": "hello"})
    assert (backend(fresh_host, "hello"), fresh_host.exists(f"{OWN}/pipx/bin/pipx")) == ("uv", True)


def test_uv_that_is_nowhere_is_answered_with_how_to_have_it(fresh_host: Host) -> None:
    path = "/srv/without"
    asked = [({"path": path, "packages": ["alpha"], "installer": "uv"}, False)]
    outcome = run_tasks(fresh_host, "venv", asked, ignore_errors=True)
    assert "python_uv: true" in str(outcome.tasks[0].result["msg"])
    refused = refuse(fresh_host, "tool", {"tools": [{"name": "hello"}], "python_installer": "uv"})
    assert "python_uv: true" in refused


def test_pyinfra_has_environments_filled_by_uv(provided: Host, stocked: LocalIndex, pyinfra: Pyinfra) -> None:
    data = {
        **declare(stocked),
        "python_venvs": [{"path": "/srv/by-pyinfra", "packages": ["beta"], "pip_args": ["--no-deps"]}],
    }
    run = pyinfra.provision(provided, data)
    assert (run.rc, run.changed) == (0, 1), run.text
    assert provided.packages("/srv/by-pyinfra") == {"beta": "1.0"}
    assert "uv =" in provided.read("/srv/by-pyinfra/pyvenv.cfg")
    again = pyinfra.provision(provided, data)
    assert (again.rc, again.changed) == (0, 0), again.text


def test_an_owner_without_a_home_is_no_obstacle(provided: Host) -> None:
    provided.run(["useradd", "--system", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", "homeless"])
    made = venv(provided, "/opt/homeless/.venv", packages=["beta"], owner="homeless")
    assert made["packages"] == {"alpha": "1.1", "beta": "1.0"}
    assert provided.owners("/opt/homeless/.venv") == {"homeless"}


def test_an_account_provides_uv_for_itself(fresh_host: Host, stocked: LocalIndex) -> None:
    fresh_host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-venv")
    declared = {
        **declare(stocked),
        "python_venvs": [{"path": "/home/alice/app/.venv", "packages": ["alpha"]}],
        "python_tools": [{"name": "first", "scope": "user"}],
    }
    done = fresh_host.apply(declared, user="alice")
    assert done.rc == 0, done.text
    assert fresh_host.run("uv --version && first", user="alice", login=True).stdout.endswith("first 1.0\n")
    assert "uv =" in fresh_host.read("/home/alice/app/.venv/pyvenv.cfg")
    assert "uv =" in fresh_host.read("/home/alice/.local/share/pipx/venvs/first/pyvenv.cfg")
    assert not fresh_host.exists(OWN)
    again = fresh_host.apply(declared, user="alice", record=True)
    assert (again.rc, again.changed, again.installers) == (0, 0, ()), again.text
