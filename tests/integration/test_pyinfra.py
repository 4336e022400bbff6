"""pyinfra on real hosts: facts, operations and the deploy, over SSH and podman, with each way to get root's rights."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from container_engine import podman
from hosts import Host
from local_index import LocalIndex
from pyinfra_runs import PROVISION, Pyinfra, options, reach

pytestmark = pytest.mark.releases("debian13")

PYTHON_HOST = "pep668_provision.facts.PythonHost"
PLAN = "pep668_provision.facts.ProvisionPlan"
USERNAME, PASSWORD, TOKEN = "reader", "s3cr3t/p@ss:w%rd#$1", "t0ken-of-alice"

# What is new or has changed on the host itself since the stamp. A login leaves its traces outside of what is looked at.
CHANGED_SINCE = """
find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp/stamp -o -path /var/log \\) -prune \
    -o -newercm /tmp/stamp \\( -type f -o -type l -o -newermm /tmp/stamp \\) -print
"""


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    """An index with made-up distributions, and the real ones that environments and pipx need."""
    for version in ("1.0", "2.0"):
        index.add("alpha", version)
        index.add("hello", version, scripts=["hello"])
    index.add("beta", "1.0", requires=["alpha"])
    index.mirror("pip", "setuptools", "wheel")
    return index


@pytest.fixture(scope="module")
def ready(host: Host, stocked: LocalIndex, pyinfra: Pyinfra) -> Host:
    """A host with the OS packages that environments and tools need, which pyinfra installed."""
    data = {"python_venvs": [{"path": "/srv/first"}], "python_tools": [{"name": "hello"}]}
    run = pyinfra.provision(host, {**data, "python_index_url": stocked.url})
    assert (run.rc, run.changed) == (0, 1), run.text
    assert host.run("hello", user="alice", login=True).stdout == "hello 2.0\n"
    return host


def changed_since(host: Host) -> list[str]:
    return sorted(host.run(CHANGED_SINCE).stdout.splitlines())


ADDED_BY_ANSIBLE = ("_ansible_no_log", "action", "changed", "invocation", "warnings")


def returned(host: Host, module: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What an Ansible module of the collection returns, without what Ansible itself adds."""
    result = host.module(module, arguments)
    return {key: value for key, value in result.items() if key not in ADDED_BY_ANSIBLE}


def test_the_host_fact_is_what_python_info_returns(ready: Host, pyinfra: Pyinfra) -> None:
    ready.run("sleep 1; touch /tmp/stamp; sleep 1")
    fact = pyinfra.fact(ready, PYTHON_HOST)
    assert changed_since(ready) == []
    assert fact["interpreters"][0]["externally_managed"] is True
    assert fact == returned(ready, "python_info", {})


def test_the_plan_fact_is_what_plan_returns(ready: Host, stocked: LocalIndex, pyinfra: Pyinfra) -> None:
    declared = {
        "python_venvs": [{"path": "/srv/first"}, {"path": "/srv/second", "packages": ["alpha"], "owner": "app"}],
        "python_tools": [{"name": "hello"}, {"name": "beta"}],
        "python_libraries": ["requests"],
        "python_index_url": stocked.url,
    }
    fact = pyinfra.fact(ready, PLAN, f"declared={options(declared)}")
    assert fact.pop("warnings") == []
    assert fact == returned(ready, "plan", declared)
    assert [step["name"] for step in fact["steps"]] == ["python3-requests", "/srv/second", "beta"]
    # Without arguments it is the host's own data that is planned.
    assert pyinfra.fact(ready, PLAN, data=declared)["steps"] == fact["steps"]


def test_a_dry_run_prints_what_the_run_then_does_and_the_next_has_nothing_to_do(
    ready: Host, stocked: LocalIndex, pyinfra: Pyinfra
) -> None:
    data = {
        "python_venvs": [{"path": "/srv/dry", "packages": ["beta"], "owner": "app"}],
        "python_tools": [{"name": "hello", "spec": "hello==1.0", "scope": "user", "user": "alice"}],
        "python_libraries": ["itsdangerous"],
        "python_index_url": stocked.url,
    }
    before = ready.state_of("/srv") | ready.state_of("/home")
    dry = pyinfra.provision(ready, data, dry=True)
    assert (dry.rc, dry.foreseen) == (0, 1), dry.text
    assert ready.state_of("/srv") | ready.state_of("/home") == before
    planned = dry.planned_commands(ready)
    assert [re.findall(r"apt-get .* install|converge", command) != [] for command in planned] == [True] * 2, dry.text

    # With --diff it also asks the installers, for it prints versions.
    versions = ["+beta==1.0", "+alpha==2.0", "+hello==1.0"]
    diff = pyinfra.provision(ready, data, "--diff", dry=True)
    assert [line for line in versions if f"    {line}" not in diff.said(ready)] == [], diff.text

    run = pyinfra.provision(ready, data, "-vv", "--diff")
    assert (run.rc, run.changed) == (0, 1), run.text
    assert [line for line in versions if f"    {line}" not in run.said(ready)] == [], run.text
    started = run.started_commands(ready)
    assert [command for command in started if command in planned] == planned
    # The others only looked, and saw to it that nobody else keeps the package manager busy.
    harmless = re.compile(r"engine\* (plan|make_ready)|dpkg -l")
    assert [one for one in started if one not in planned and not harmless.search(one)] == []
    steps = [line for line in run.said(ready) if re.match(r"(create|install) ", line)]
    assert steps == [line for line in dry.said(ready) if re.match(r"(create|install) ", line)]
    assert ready.owners("/srv/dry") == {"app"}
    assert ready.run("hello", user="alice", login=True).stdout == "hello 1.0\n"
    assert ready.owners("/home/alice/.local") == {"alice"}

    again = pyinfra.provision(ready, data, "-vv")
    assert (again.rc, again.changed, again.unchanged) == (0, 0, 1), again.text
    assert len(again.started_commands(ready)) == 1
    assert any(line.startswith("noop: everything is there: environment /srv/dry") for line in again.said(ready))
    assert pyinfra.provision(ready, data, dry=True).foreseen == 0


DEPLOY = """
from pep668_provision.operations import libraries, system_packages, tools, venv
from pyinfra.operations import files

for line in {lines}:
    files.line(name="Requirement", path="/srv/{user}.txt", line=line, **{rights})
system_packages(python_libraries=["markupsafe"], **{rights})
venv(
    name="Application", path="/srv/by-{user}", requirements=["/srv/{user}.txt"], owner="app", **{rights}
)
tools(tools=[{{"name": "hello", "suffix": "@{user}"}}], scope="user", user="app", **{rights})
libraries(["markupsafe"], **{rights})
"""


@pytest.mark.parametrize(
    ("user", "rights"),
    [
        pytest.param("root", {}, id="as root"),
        pytest.param("alice", {"_sudo": True}, id="with sudo"),
        pytest.param("alice", {"_sudo": True, "_sudo_password": PASSWORD}, id="with sudo and a password"),
        pytest.param("alice", {"_doas": True}, id="with doas"),
        pytest.param("alice", {"_su_user": "root", "_su_password": PASSWORD}, id="with su and a password"),
    ],
)
def test_operations_work_in_a_deploy_file_with_each_way_to_roots_rights(
    ready: Host, stocked: LocalIndex, pyinfra: Pyinfra, user: str, rights: dict[str, Any]
) -> None:
    wanted = "" if "_sudo_password" in rights else "NOPASSWD: "
    ready.write("/etc/sudoers.d/alice", f"alice ALL=(ALL) {wanted}ALL\n", mode="0440")
    ready.run("chpasswd", stdin=f"alice:{PASSWORD}\nroot:{PASSWORD}\n")
    if "_doas" in rights:
        ready.run("command -v doas || apt-get -q install --yes opendoas")
        ready.write("/etc/doas.conf", "permit nopass alice as root\n", mode="0400")
    ready.run("rm -rf /srv/by-* /srv/*.txt /home/app/.local")
    deploy = {"deploy.py": DEPLOY.format(user=user, rights=rights, lines=["beta"])}
    inventory = {ready.address: {**reach(ready, user), "python_index_url": stocked.url}}

    dry = pyinfra.run(inventory, "deploy.py", files=deploy, dry=True)
    # What an earlier operation will put there is no error of the dry run.
    assert dry.rc == 0, dry.text
    assert f"A real run would stop here: /srv/by-{user}: /srv/{user}.txt: this file does not exist" in dry.stderr
    run = pyinfra.run(inventory, "-vvv", "deploy.py", files=deploy)
    assert run.rc == 0, run.text
    assert ready.packages(f"/srv/by-{user}").keys() >= {"alpha", "beta"}
    assert ready.owners(f"/srv/by-{user}") == ready.owners("/home/app/.local") == {"app"}
    assert ready.run(f"hello@{user}", user="app", login=True).stdout == "hello 2.0\n"
    assert ready.run(["python3", "-c", "import markupsafe"]).rc == 0
    again = pyinfra.run(inventory, "deploy.py", files=deploy)
    assert (again.rc, again.changed) == (0, 0), again.text
    # pyinfra itself hands its passwords over; they are masked where it prints.
    assert PASSWORD not in run.text

    deploy = {"deploy.py": DEPLOY.format(user=user, rights=rights, lines=["beta", "hello"])}
    changed = pyinfra.run(inventory, "deploy.py", files=deploy)
    # An operation sees what those before it did in the same run.
    assert (changed.rc, changed.changed) == (0, 2), changed.text
    assert "hello" in ready.packages(f"/srv/by-{user}")


def test_an_ordinary_account_has_environments_and_tools_of_its_own(
    ready: Host, stocked: LocalIndex, pyinfra: Pyinfra
) -> None:
    data = {
        "python_venvs": [{"path": "/home/alice/project/.venv", "packages": ["alpha"]}],
        "python_tools": [{"name": "hello", "suffix": "@own", "scope": "user"}],
        "python_index_url": stocked.url,
    }
    run = pyinfra.provision(ready, data, user="alice")
    assert (run.rc, run.changed) == (0, 1), run.text
    assert ready.owners("/home/alice/project") == {"alice"}
    assert ready.run("hello@own", user="alice", login=True).stdout == "hello 2.0\n"
    refused = pyinfra.provision(ready, {**data, "python_libraries": ["werkzeug"]}, user="alice")
    assert not refused.succeeded
    assert "this runs without root's rights" in refused.stderr
    assert "apt-get install" in refused.stderr


def test_hosts_are_provisioned_side_by_side_and_one_that_fails_stops_no_other(
    ready: Host, make_host: Any, stocked: LocalIndex, pyinfra: Pyinfra
) -> None:
    other = make_host(with_python=False)
    shared = {"python_index_url": stocked.url}
    inventory = {
        ready.address: {**reach(ready), **shared, "python_venvs": [{"path": "/srv/side", "packages": ["nosuch"]}]},
        other.address: {**reach(other), **shared, "python_venvs": [{"path": "/srv/side", "packages": ["alpha"]}]},
    }
    run = pyinfra.run(inventory, "--parallel", "2", PROVISION)
    assert run.rc == 1
    assert run.report["results"]["failed_hosts"] == [ready.address], run.text
    assert any("Check the spelling" in line for line in run.said(ready))
    # It had no Python to begin with.
    assert other.packages("/srv/side")["alpha"] == "2.0"
    assert (run.report["results"]["totals"]["success"], run.report["results"]["totals"]["error"]) == (1, 1)
    assert "Traceback" not in run.text


def test_what_is_misspelt_is_refused_before_anything_changes(ready: Host, pyinfra: Pyinfra) -> None:
    before = ready.state_of("/srv")
    entry = {"path": "/srv/new", "pakages": ["alpha"]}
    refused = pyinfra.provision(ready, {"python_venvs": [{"path": "/srv/other"}, entry], "python_tols": []})
    assert refused.rc == 1
    assert "there is no key 'pakages'; did you mean packages?" in refused.stderr
    assert "python_tols is not a variable of this project; did you mean python_tools?" in refused.stderr
    assert ready.state_of("/srv") == before


def test_a_file_of_variables_is_read_as_the_role_reads_it(ready: Host, stocked: LocalIndex, pyinfra: Pyinfra) -> None:
    inventory = {ready.address: {**reach(ready), "python_venvs": [{"path": "/srv/data"}]}}
    variables = (
        f"python_venvs:\n  - path: /srv/file\n    packages: [alpha]\npython_index_url: {stocked.url}\nother: 1\n"
    )
    run = pyinfra.run(inventory, PROVISION, "vars=site.yml", files={"site.yml": variables})
    assert (run.rc, run.changed) == (0, 1), run.text
    assert ready.packages("/srv/file")["alpha"] == "2.0"
    assert not ready.exists("/srv/data")
    template = variables.replace("/srv/file", '"{{ folder }}/file"')
    refused = pyinfra.run(inventory, PROVISION, "vars=site.yml", files={"site.yml": template})
    assert refused.rc == 1
    assert "which only Ansible fills in" in refused.stderr


def test_a_library_nobody_packages_is_refused_once_the_lists_are_there(fresh_host: Host, pyinfra: Pyinfra) -> None:
    fresh_host.run("rm -rf /var/lib/apt/lists/*")
    run = pyinfra.provision(fresh_host, {"python_libraries": ["no-such-library"]})
    assert run.rc == 1
    assert any("have no package python3-no-such-library" in line for line in run.said(fresh_host)), run.text
    assert "apt-get" not in "".join(run.started_commands(fresh_host))
    assert "Traceback" not in run.text


def test_a_host_without_python_takes_roots_rights_and_says_so(bare_host: Host, pyinfra: Pyinfra) -> None:
    missing = pyinfra.fact(bare_host, PYTHON_HOST)["missing"]
    assert (missing["package_manager"], missing["packages"]) == ("apt", ["python3"])
    data = {"python_venvs": [{"path": "/home/alice/v"}]}
    refused = pyinfra.provision(bare_host, data, user="alice")
    assert refused.rc == 1
    assert "python3 would bring one, and this runs without root's rights" in refused.stderr
    dry = pyinfra.provision(bare_host, data, dry=True)
    assert (dry.rc, dry.foreseen) == (0, 1), dry.text
    assert "can be told only once the host has a Python" in dry.stderr
    assert bare_host.run("command -v python3", check=False).rc != 0


# Writes the argument list of each process that had one of these words in it.
WATCH = """
while :; do
    for one in /proc/[0-9]*/cmdline; do
        tr '\\0\\n' '  ' <$one 2>/dev/null | grep -F -e "$1" -e "$2" -e "$3" |
            grep -v -e 'grep -F' -e watch -e index_server
    done
done >>/tmp/seen
"""


def test_credentials_are_used_and_shown_nowhere(ready: Host, stocked: LocalIndex, pyinfra: Pyinfra) -> None:
    guarded = stocked.serve(ready, username=USERNAME, password=PASSWORD, port=8081)
    ready.write("/etc/sudoers.d/alice", "alice ALL=(ALL) NOPASSWD: ALL\n", mode="0440")
    spec = f"alpha @ http://{TOKEN}@127.0.0.1:8081/files/alpha-1.0-py3-none-any.whl"
    data = {
        "python_venvs": [{"path": "/srv/guarded", "packages": ["beta"]}],
        "python_index_url": guarded.url,
        "python_index_username": USERNAME,
        "python_index_password": PASSWORD,
    }
    quoted = "s3cr3t%2Fp%40ss%3Aw%25rd%23%241"
    ready.run(["rm", "-f", "/tmp/seen"])
    ready.start(["sh", "-c", WATCH, "watch", PASSWORD, quoted, TOKEN])
    # The watcher does see what stands in an argument list.
    ready.run(["sh", "-c", "sleep 1; :", TOKEN])
    assert TOKEN in ready.read("/tmp/seen")
    ready.run(["truncate", "--size=0", "/tmp/seen"])

    arguments = ("--debug", "-vvv", "--sudo")
    dry = pyinfra.provision(ready, data, *arguments, user="alice", dry=True)
    run = pyinfra.provision(ready, data, *arguments, user="alice")
    assert (dry.rc, run.rc, run.changed) == (0, 0, 1), run.text
    assert ready.packages("/srv/guarded").keys() >= {"alpha", "beta"}
    assert f"200 {USERNAME} /simple/beta/" in guarded.requests()
    # A credential in a requirement, of an operation that pyinfra would name by its arguments.
    deploy = f"from pep668_provision.operations import venv\nvenv(path='/srv/token', packages=[{spec!r}], _sudo=True)\n"
    inventory = {ready.address: reach(ready, "alice")}
    token = pyinfra.run(inventory, "--debug", "-vvv", "deploy.py", files={"deploy.py": deploy})
    assert token.rc == 1
    assert "****@127.0.0.1:8081" in token.stderr
    for one in (dry, run, token):
        assert not [secret for secret in (PASSWORD, quoted, TOKEN) if secret in one.text]
    assert ready.run("cat /tmp/seen 2>/dev/null", check=False).stdout == ""
    for secret in (PASSWORD, quoted, TOKEN):
        places = ["/srv/guarded", "/srv/token", "/etc", "/root", "/home", "/var/tmp", "/run"]
        assert ready.run(["grep", "-rlF", "--", secret, *places], check=False).stdout == ""

    su = {"_su_user": "root", "_su_password": "of-root"}
    deploy = f"from pep668_provision.operations import venv\nvenv(path='/srv/su', packages=[{spec!r}], **{su})\n"
    refused = pyinfra.run(inventory, "deploy.py", files={"deploy.py": deploy})
    assert refused.rc == 1
    assert "cannot both reach the host" in refused.stderr


IMAGE_DEPLOY = """
from pep668_provision.operations import venv

venv(name="The application's environment", path="/opt/venv", packages=["beta"])
"""


@pytest.mark.parametrize("connector", ["podman", pytest.param("docker", marks=pytest.mark.full)])
def test_an_image_is_built_with_an_environment_in_it(
    fresh_host: Host, stocked: LocalIndex, pyinfra: Pyinfra, tmp_path: Path, connector: str
) -> None:
    """The docker command is a stand-in: a link to podman, which takes the same arguments."""
    Path(tmp_path, "docker").symlink_to("/usr/bin/podman")
    # The index as a folder of the base image: one that pyinfra starts has none of our mounts.
    fresh_host.run(f"cp -r {stocked.url.removeprefix('file://').rpartition('/')[0]} /srv/wheels")
    fresh_host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-venv")
    base = podman("commit", "--quiet", fresh_host.name).stdout.strip()[:12]
    made = ""
    try:
        inventory = {f"@{connector}/{base}": {"python_find_links": ["/srv/wheels/files"], "python_no_index": True}}
        program = Pyinfra(pyinfra.program, {"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        run = program.run(inventory, "deploy.py", files={"deploy.py": IMAGE_DEPLOY})
        assert (run.rc, run.changed) == (0, 1), run.text
        built = re.search(r"image ID: (\w+)", run.stderr)
        assert built is not None, run.text
        # Of podman's answer pyinfra shows a part that is not the beginning.
        images = podman("images", "--quiet", "--no-trunc").stdout.split()
        made = next(image for image in images if built.group(1) in image).removeprefix("sha256:")
        found = podman(
            "run", "--rm", "--env=PATH=/opt/venv/bin:/usr/bin:/bin", made, "python", "-c", "import beta"
        ).stdout
        assert found == ""
        # From that image on there is nothing to do.
        again = program.run(
            {f"@{connector}/{made}": inventory[f"@{connector}/{base}"]}, "deploy.py", files={"deploy.py": IMAGE_DEPLOY}
        )
        assert (again.rc, again.changed) == (0, 0), again.text
    finally:
        podman("rmi", "--force", *filter(None, (made, base)), check=False)


def test_the_machine_pyinfra_runs_on_is_provisioned_too(
    ready: Host, stocked: LocalIndex, pyinfra: Pyinfra, tmp_path: Path
) -> None:
    """@local on a test host, with an installation of the project there."""
    wheel = pyinfra.wheel(tmp_path)
    podman("cp", str(wheel), f"{ready.name}:/tmp/{wheel.name}")
    ready.run(["python3", "-m", "venv", "/opt/controller"])
    ready.run(["/opt/controller/bin/pip", "install", "--quiet", f"/tmp/{wheel.name}[pyinfra]"])
    site = {"python_venvs": [{"path": "/srv/local", "packages": ["alpha"]}], "python_index_url": stocked.url}
    ready.write("/root/site.yml", json.dumps(site))
    command = "cd /root && . /opt/controller/bin/activate && pyinfra -y -v @local " + PROVISION + " vars=site.yml"
    assert "Success" in ready.run(command).stderr
    assert ready.packages("/srv/local")["alpha"] == "2.0"
    # It is the host's own Python that the environment was made with, not the one pyinfra runs with.
    assert "home = /usr/bin\n" in ready.read("/srv/local/pyvenv.cfg")
    assert "noop: everything is there" in ready.run(command).stderr
