"""Awkward and hostile input on a real host, by Ansible and pyinfra: it works, or is refused before anything is run.

What is only parsed is tried with many more examples in tests/unit/bad_input.
"""

from __future__ import annotations

from typing import Any

import pytest
from test_misuse import ALL_FILES

from hosts import Host
from local_index import LocalIndex
from pyinfra_runs import Pyinfra
from tally import Tally

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian13")]

#: Names of directories that a shell, a requirements file, a first line or a terminal would take for something else.
NAMES = {
    "blanks": "a b  c",
    "quote": "it's",
    "semicolon": ";touch pwned;",
    "ampersand": "a&&touch pwned&",
    "redirection": "a>pwned",
    "leading dash": "-rf",
    "option": "--index-url=x",
    "star": "*",
    "tilde": "~root",
    "hash": "# x",
    "percent": "%s%(x)s%d",
    "braces": "{0}{x}",
    "brackets": "a[b]",
    "at sign": "a@b @ c",
    "equals": "a==1",
    "composed": "caf\u00e9",
    "decomposed": "cafe\u0301",
    "right to left": "\u0639\u0631\u0628\u0649",
    "snake": "\U0001f40d",
    "turned round": "a\u202eb",
    "longer than a first line of old": "x" * 140,
    "as long as a name can be": "x" * 255,
    "longer than a first line": f"{'x' * 200}/{'y' * 200}",
}
#: Values that would be an option, a command, a second line or another path, each by what its refusal says.
HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "command in a path": ({"path": "/srv/a $(touch /tmp/pwned)"}, "a shell would read"),
    "quote in a path": ({"path": '/srv/a "b'}, "a shell would read"),
    "path above": ({"path": "/srv/a/../../etc/x"}, "without '..'"),
    "colon in a path": ({"path": "/srv/a:b"}, "cannot hold a ':'"),
    "line break in a path": ({"path": "/srv/a\nb"}, "line breaks"),
    "name too long": ({"path": f"/srv/{'x' * 256}"}, "255 bytes"),
    "path too long": ({"path": "/srv" + "/x" * 2500}, "longer than"),
    "option for a requirement": ({"packages": ["-r/etc/shadow"]}, "starts with '-'"),
    "option behind a requirement": ({"packages": ["wanted --index-url=http://evil.example/"]}, "expected"),
    "requirement of two lines": ({"packages": ["wanted\n--index-url http://evil.example/"]}, "line breaks"),
    "option for a file": ({"requirements": ["--index-url=http://evil.example/"]}, "absolute path"),
    "marker in a project": ({"project": "/srv/a;b"}, "marker"),
    "command for an owner": ({"owner": "root;touch /tmp/pwned"}, "name of an account"),
    "option for a python": ({"python": "-c"}, "a version like"),
}


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    index.add("wanted", "1.0", scripts=["wanted"])
    index.add("plugin", "1.0")
    index.mirror("pip", "setuptools", "wheel", "pipx", "uv", python="3.11")
    return index


@pytest.fixture(scope="module")
def ready(host: Host, stocked: LocalIndex) -> Host:
    """A host with pip, pipx and uv, and a tool."""
    declared = {"python_venvs": [{"path": "/srv/first"}], "python_tools": [{"name": "wanted", "suffix": "@1.x_y"}]}
    done = host.apply({**declared, "python_uv": True, "python_index_url": stocked.url})
    assert done.rc == 0, done.text
    assert host.run(["/usr/local/bin/wanted@1.x_y"]).stdout == "wanted 1.0\n"
    return host


@pytest.mark.parametrize(
    "way",
    [
        pytest.param("Ansible and pip", marks=pytest.mark.full),
        "Ansible and uv",
        pytest.param("pyinfra and pip", marks=pytest.mark.full),
    ],
)
def test_environments_in_awkward_directories_work(
    ready: Host, stocked: LocalIndex, pyinfra: Pyinfra, tally: Tally, way: str, *, full: bool
) -> None:
    installer, folder = way.rsplit(maxsplit=1)[-1], f"/srv/{way.replace(' ', '-')}"
    names = NAMES if full or way == "Ansible and uv" else dict(list(NAMES.items())[:: 2 if "pyinfra" in way else 1])
    paths = {name: f"{folder}/{text}/v" for name, text in names.items()}
    package = "wanted>=1; python_version >= '3.8' and os_name != \"a;b $(touch /tmp/pwned)\""
    declared: dict[str, Any] = {
        "python_venvs": [{"path": path, "packages": [package], "installer": installer} for path in paths.values()],
        "python_index_url": stocked.url,
    }
    if way.startswith("pyinfra"):
        run = pyinfra.provision(ready, declared)
        assert run.succeeded, run.text
        assert pyinfra.provision(ready, declared).changed == 0
    else:
        done = ready.apply(declared)
        assert done.rc == 0, done.text
        assert ready.apply(declared).changed == 0
    said = {name: ready.run([f"{path}/bin/wanted", "a b"], check=False) for name, path in paths.items()}
    assert {name: one.stdout for name, one in said.items()} == dict.fromkeys(names, "wanted 1.0 a b\n")
    assert not ready.exists("/tmp/pwned")
    assert not ready.exists("/root/pwned")
    tally.add("inputs", f"paths of environments on a host, {way}", len(names))


@pytest.fixture(scope="module")
def before(ready: Host) -> str:
    return ready.run(ALL_FILES).stdout


def entry_of(hostile: dict[str, Any]) -> dict[str, Any]:
    return {"path": "/srv/refused", **hostile}


def test_hostile_values_are_refused_by_ansible_before_anything_is_run(ready: Host, before: str, tally: Tally) -> None:
    for name, (hostile, part) in HOSTILE.items():
        refused = ready.run_module("venv", entry_of(hostile))
        assert refused.failed, name
        assert part in refused.message, (name, refused.message)
        assert "Traceback" not in refused.text
        tally.add("inputs", "hostile values refused on a host")
    assert ready.run(ALL_FILES).stdout == before


def test_hostile_values_are_refused_by_pyinfra_before_anything_is_run(
    ready: Host, before: str, pyinfra: Pyinfra, tally: Tally
) -> None:
    for name, (hostile, part) in HOSTILE.items():
        refused = pyinfra.provision(ready, {"python_venvs": [entry_of(hostile)]})
        assert not refused.succeeded, name
        assert part in refused.text, (name, refused.text)
        assert "Traceback" not in refused.text
        tally.add("inputs", "hostile values refused on a host")
    assert ready.run(ALL_FILES).stdout == before


RECORD = "/opt/pipx/venvs/wanted@1-x-y/pipx_metadata.json"
RECEIPT = "/srv/first/.pep668-provision.json"
#: What is put in place of a file by a shell that gets its path, and whether the next run mends it or only says so.
DAMAGES = {
    "binary receipt": (RECEIPT, 'head -c 100000 /dev/urandom >"$1"'),
    "huge receipt": (RECEIPT, 'head -c 8000000 /dev/zero | tr "\\0" "[" >"$1"'),
    "receipt that is a pipe": (RECEIPT, 'rm "$1"; mkfifo "$1"'),
    "receipt with an option": (
        RECEIPT,
        'sed -i \'s|"packages": {|"packages": {"--index-url=http://evil.example/": "1",|\' "$1"',
    ),
    "binary pyvenv.cfg": ("/srv/first/pyvenv.cfg", 'head -c 100000 /dev/urandom >"$1"'),
    "huge pyvenv.cfg": ("/srv/first/pyvenv.cfg", 'head -c 8000000 /dev/zero >"$1"'),
    "binary record of pipx": (RECORD, 'head -c 100000 /dev/urandom >"$1"'),
    "record of pipx that leads elsewhere": (
        RECORD,
        's=../../../../etc/cron.d/x; sed -i "s|\\"wanted\\"|\\"$s\\"|" "$1"',
    ),
    "name of a distribution that is no text": (
        "/srv/first/lib/python3.13/site-packages",
        'mkdir "$1/$(printf "x\\377y")-1.0.dist-info" "$1/a b-1.dist-info"; touch "$1/-rx.egg-link"',
    ),
}


def test_a_run_that_meets_a_damaged_file_converges(ready: Host, stocked: LocalIndex, tally: Tally) -> None:
    declared: dict[str, Any] = {
        "python_venvs": [{"path": "/srv/first", "packages": ["plugin"], "state": "exact"}],
        "python_tools": [{"name": "wanted", "suffix": "@1.x_y"}],
        "python_index_url": stocked.url,
    }
    assert ready.apply(declared).rc == 0
    for name, (path, damage) in DAMAGES.items():
        ready.run(["sh", "-ec", damage, "sh", path])
        done = ready.apply(declared)
        assert done.rc == 0, (name, done.message)
        assert "Traceback" not in done.text
        assert ready.apply(declared).changed == 0, name
        version = ready.run(["/srv/first/bin/python", "-c", "import plugin; print(plugin.__version__)"])
        assert version.stdout == "1.0\n", name
        assert ready.run(["/usr/local/bin/wanted@1.x_y"]).stdout == "wanted 1.0\n", name
        assert not ready.exists("/etc/cron.d/x")
        tally.add("inputs", "damaged files met by a run on a host")


@pytest.mark.parametrize(
    "damage",
    ['head -c 3000000 /dev/urandom >"$1"', 'printf "[global]\\nx y\\n" >"$1"', 'mkfifo "$1"'],
    ids=["binary and huge", "not valid", "a pipe"],
)
def test_a_damaged_pip_conf_is_told_by_its_path(ready: Host, tally: Tally, damage: str) -> None:
    ready.run(["sh", "-ec", damage, "sh", "/etc/pip.conf"])
    try:
        refused = ready.run_module("pip_config", {"level": "system", "no_index": True})
        assert refused.failed
        assert "/etc/pip.conf" in refused.message
        assert "Traceback" not in refused.text
        tally.add("inputs", "damaged files met by a run on a host")
    finally:
        ready.run(["rm", "-f", "/etc/pip.conf"])
