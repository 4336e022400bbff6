"""What comes from an index is what was meant: lock files, hashes, pins. Each is tried with real pip and uv."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from converging import converge, refuse
from hosts import Host
from local_index import ON_HOST, LocalIndex, write_wheel
from tally import Tally

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian13")]
#: Its Python cannot read TOML, nor can the pip that it has.
WITHOUT_TOML = pytest.mark.releases("debian11")

INSTALLERS = ("pip", "uv")
LOCK = "/srv/app/pylock.toml"
WRONG = "0" * 64
DO_NOT = "do not install it before you know why"


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    """An index with made-up distributions and tools, and the real pip, pipx and uv."""
    for version in ("1.0", "1.1"):
        index.add("alpha", version)
    index.add("beta", "1.0", requires=["alpha<2", "not-in-any-lock"])
    for name in ("extra-thing", "dev-thing", "not-in-any-lock"):
        index.add(name, "1.0")
    index.add("hello", "1.0", scripts=["hello"])
    index.mirror("pip", "setuptools", "wheel")
    return index


@pytest.fixture(scope="module")
def ready(host: Host, stocked: LocalIndex) -> Host:
    """A host with uv and pipx from the index, and with python_require_pins from its first run on."""
    stocked.mirror("pip", "pipx", "uv", python="3.13")
    pins = {name: newest_of(stocked, name) for name in ("pipx", "uv")}
    address = f"file://{ON_HOST}/files/hello-1.0-py3-none-any.whl#sha256={digest_of(stocked, 'hello', '1.0')}"
    declared: dict[str, Any] = {
        "python_require_pins": True,
        "python_uv": True,
        "python_pipx_source": "index",
        "python_venvs": [{"path": "/srv/first", "packages": ["alpha==1.0"], "installer": "pip"}],
        "python_tools": [
            {"name": "hello", "spec": f"hello @ {address}", "installer": "pip", "suffix": "@pip"},
            {"name": "hello", "spec": f"hello @ {address}", "installer": "uv", "suffix": "@uv"},
        ],
        "python_index_url": stocked.url,
    }
    refused = host.apply(declared)
    for name in pins:
        assert f"Set python_{name}_pin to the version it should have" in refused.message, refused.text
    assert not host.exists("/opt/pep668-provision")
    pinned = {f"python_{name}_pin": version for name, version in pins.items()}
    done = host.apply({**declared, **pinned})
    assert done.rc == 0, done.text
    found = {name: host.packages(f"/opt/pep668-provision/{name}")[name] for name in pins}
    assert found == pins
    assert host.apply({**declared, **pinned}).changed == 0
    return host


def newest_of(index: LocalIndex, name: str) -> str:
    (wheel,) = (index.folder / "files").glob(f"{name}-*.whl")
    return wheel.name.split("-")[1]


def digest_of(index: LocalIndex, name: str, version: str) -> str:
    wheel = index.folder / "files" / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def package(index: LocalIndex, name: str, version: str = "1.0", *, digest: str = "", marker: str = "") -> str:
    """One package of a lock, with the address that it has on another network: what counts is the hash."""
    file_name = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    lines = [f'name = "{name}"', f'version = "{version}"'] + [f'marker = "{marker}"'] * bool(marker)
    found = digest or digest_of(index, name, version)
    url = f"https://elsewhere.invalid/{file_name}"
    lines.append(f'wheels = [{{name = "{file_name}", url = "{url}", hashes = {{sha256 = "{found}"}}}}]')
    return "[[packages]]\n" + "\n".join(lines) + "\n"


def lock_of(*packages: str, head: str = "") -> str:
    return f'lock-version = "1.0"\ncreated-by = "a test"\n{head}\n' + "\n".join(packages)


def arguments_of(path: str, **options: Any) -> dict[str, Any]:
    return {"path": path, "python_index_url": f"file://{ON_HOST}/simple", **options}


def venv(host: Host, path: str, **options: Any) -> Mapping[str, str]:
    """The environment is as asked; returns what is in it, by its own Python."""
    host.module("venv", arguments_of(path, **options))
    return installed(host, path)


def installed(host: Host, path: str) -> Mapping[str, str]:
    return {name: version for name, version in host.packages(path).items() if name not in ("pip", "setuptools")}


@pytest.mark.parametrize("installer", INSTALLERS)
def test_a_lock_is_what_is_installed_and_a_second_run_starts_nothing(
    ready: Host, stocked: LocalIndex, installer: str
) -> None:
    path = f"/srv/locked-{installer}"
    options: dict[str, Any] = {"lock": LOCK, "installer": installer}
    packages = [
        package(stocked, "alpha"),
        # What it depends on and the lock does not name stays away.
        package(stocked, "beta", marker="sys_platform == 'linux'"),
        package(stocked, "hello", marker="python_version < '3'"),
        package(stocked, "extra-thing", marker="'more' in extras"),
        package(stocked, "dev-thing", marker="'dev' in dependency_groups or 'default' in dependency_groups"),
    ]
    head = 'requires-python = ">=3.9"\nenvironments = ["sys_platform == \'linux\'"]\nextras = ["more"]\n'
    head += 'dependency-groups = ["dev"]\ndefault-groups = ["default"]'
    ready.write(LOCK, lock_of(*packages, head=head))
    expected = {"alpha": "1.0", "beta": "1.0", "dev-thing": "1.0"}
    # By check, run, check, run: what is foretold is what comes.
    assert converge(ready, "venv", arguments_of(path, **options))["packages"] == expected
    assert installed(ready, path) == expected
    again = ready.run_module("venv", arguments_of(path, **options), record=True)
    assert (again.changed, again.installers) == (0, ()), again.text
    # Another content of the same file is another request.
    ready.write(LOCK, lock_of(package(stocked, "alpha", "1.1"), packages[3], head=head))
    assert venv(ready, path, **options, state="exact", lock_extras=["more"]) == {"alpha": "1.1", "extra-thing": "1.0"}


def test_locks_that_pip_and_uv_write_are_read(ready: Host, stocked: LocalIndex) -> None:
    ready.write("/srv/made/in.txt", "alpha<1.1\nhello\n")
    lockers = {
        "pip": ["/srv/first/bin/python", "-m", "pip", "lock", "-r", "/srv/made/in.txt"],
        "uv": ["uv", "pip", "compile", "--quiet", "--format=pylock.toml", "/srv/made/in.txt"],
    }
    for locker, installer in (("pip", "uv"), ("uv", "pip")):
        lock, path = f"/srv/made/pylock.{locker}.toml", f"/srv/made-by-{locker}"
        ready.run([*lockers[locker], f"--index-url={stocked.url}", "-o", lock])
        assert venv(ready, path, lock=lock, installer=installer, state="exact") == {"alpha": "1.0", "hello": "1.0"}


@pytest.mark.parametrize("installer", INSTALLERS)
def test_a_file_with_another_hash_is_not_installed(
    ready: Host, stocked: LocalIndex, installer: str, full: bool, tally: Tally
) -> None:
    path = f"/srv/wrong-{installer}"
    options: dict[str, Any] = {"lock": LOCK, "installer": installer}
    ready.write(LOCK, lock_of(package(stocked, "alpha")))
    assert venv(ready, path, **options) == {"alpha": "1.0"}
    before = ready.state_of(path)
    ready.write(LOCK, lock_of(package(stocked, "alpha", "1.1", digest=WRONG), package(stocked, "hello")))
    # uv can be told not to look; not here.
    lenient = {"UV_NO_VERIFY_HASHES": "1", "PIP_NO_DEPS": "0"}
    task = {"pep668.provision.venv": arguments_of(path, **options), "environment": lenient}
    failed = ready.play([{"hosts": "all", "gather_facts": False, "tasks": [task]}], {})
    assert DO_NOT in failed.message, failed.text
    assert ready.state_of(path) == before
    tally.add("faults", "wrong hash")
    if installer == "pip" and not full:
        # It takes five times as long as uv to make an environment.
        return
    new = ready.run_module("venv", arguments_of(f"{path}-new", **options))
    assert DO_NOT in new.message, new.text
    assert not ready.run(f"find {path}-new -name 'hello*'", check=False).stdout
    tally.add("faults", "wrong hash")
    ready.write(LOCK, lock_of(package(stocked, "alpha", "1.1")))
    assert venv(ready, path, **options) == {"alpha": "1.1"}


@pytest.mark.parametrize("installer", INSTALLERS)
def test_what_came_unchecked_is_fetched_again(
    ready: Host, stocked: LocalIndex, installer: str, tmp_path: Path, tally: Tally
) -> None:
    """A version says nothing about a content: the same one from elsewhere does not count as the locked one."""
    path = f"/srv/replaced-{installer}"
    other = write_wheel(tmp_path, "alpha", "1.0", modules={"alpha": "__version__ = 'another content'\n"})
    target = f"/srv/elsewhere/{other.name}"
    ready.run(
        ["sh", "-c", f"mkdir -p /srv/elsewhere && base64 -d >{target}"],
        stdin=base64.b64encode(other.read_bytes()).decode(),
    )
    elsewhere = {"python_index_url": "", "python_no_index": True, "python_find_links": ["/srv/elsewhere"]}
    assert venv(ready, path, packages=["alpha==1.0"], installer=installer, **elsewhere) == {"alpha": "1.0"}
    version = [f"{path}/bin/python", "-c", "import alpha; print(alpha.__version__)"]
    assert ready.run(version).stdout == "another content\n"
    ready.write(LOCK, lock_of(package(stocked, "alpha")))
    assert venv(ready, path, lock=LOCK, installer=installer) == {"alpha": "1.0"}
    assert ready.run(version).stdout == "1.0\n"
    tally.add("faults", "same version, another content")


@pytest.mark.parametrize("installer", INSTALLERS)
def test_hashes_are_asked_of_nested_files_and_go_with_constraints(
    ready: Host, stocked: LocalIndex, installer: str, full: bool, tally: Tally
) -> None:
    path = f"/srv/hashed-{installer}"
    alpha, hello = (digest_of(stocked, name, "1.0") for name in ("alpha", "hello"))
    options: dict[str, Any] = {"requirements": ["/srv/h/all.txt"], "require_hashes": True, "installer": installer}
    options["constraints"] = ["/srv/h/limits.txt"]
    ready.write("/srv/h/limits.txt", "alpha==1.0\nbeta==1.0\n")
    ready.write("/srv/h/all.txt", f"-r more/nested.txt\nhello==1.0 --hash=sha256:{hello}\n")
    ready.write("/srv/h/more/nested.txt", f"alpha==1.0 \\\n    --hash=sha256:{WRONG} \\\n    --hash=sha256:{alpha}\n")
    if installer == "uv" or full:
        converge(ready, "venv", arguments_of(path, **options))
    assert venv(ready, path, **options) == {"alpha": "1.0", "hello": "1.0"}
    before = ready.state_of(path)
    for text, said in (
        (f"alpha==1.0 --hash=sha256:{WRONG}\nextra-thing==1.0 --hash=sha256:{WRONG}\n", DO_NOT),
        ("extra-thing==1.0\n", "needs ==version and a --hash"),
        (f"beta==1.0 --hash=sha256:{digest_of(stocked, 'beta', '1.0')}\n", "needs ==version and a --hash"),
    ):
        ready.write("/srv/h/more/nested.txt", text)
        failed = ready.run_module("venv", arguments_of(path, **options))
        assert said in failed.message, failed.text
        assert ready.state_of(path) == before
    # Check mode asks the installers, and tells what they said.
    checked = ready.run_module("venv", arguments_of(path, **options), check=True)
    assert any(said in warning for warning in checked.tasks[-1].result["warnings"]), checked.text
    tally.add("faults", "wrong hash")
    tally.add("faults", "missing hash", 2)


def test_tools_from_an_address_are_checked_against_its_hash(ready: Host, stocked: LocalIndex, tally: Tally) -> None:
    for installer in INSTALLERS:
        assert ready.run([f"hello@{installer}", "there"]).stdout == "hello 1.0 there\n"
    plain = f"file://{ON_HOST}/files/hello-1.0-py3-none-any.whl"
    for installer in INSTALLERS:
        spec = f"hello @ {plain}#sha256={WRONG}"
        wanted = {"name": "hello", "spec": spec, "suffix": "@wrong", "installer": installer}
        settings = {"python_index_url": stocked.url, "python_pipx_source": "index", "python_require_pins": True}
        settings["python_pipx_pin"] = newest_of(stocked, "pipx")
        failed = ready.run_module("tool", {"tools": [wanted], **settings})
        assert failed.failed, failed.text
        assert "hash" in failed.message.lower(), failed.message
        assert not ready.exists("/usr/local/bin/hello@wrong")
        tally.add("faults", "wrong hash")


def test_locks_for_something_else_are_refused(ready: Host, stocked: LocalIndex) -> None:
    arguments = arguments_of("/srv/refused", lock=LOCK)
    without = package(stocked, "alpha").replace("hashes = {sha256", "size = 5, unknown = {sha256")
    ready.write(LOCK, lock_of(package(stocked, "hello"), without))
    said = refuse(ready, "venv", arguments)
    assert f"The lock file {LOCK} cannot be used: alpha: alpha-1.0-py3-none-any.whl has no hash" in said
    ready.write(LOCK, lock_of(package(stocked, "alpha"), head='requires-python = "<3.10"'))
    failed = ready.run_module("venv", arguments)
    assert "it is for Python <3.10, and this is 3.13" in failed.message, failed.text


def test_everything_that_is_not_pinned_is_refused_at_once(ready: Host, stocked: LocalIndex) -> None:
    ready.write("/srv/p/all.txt", "-r more.txt\nhello==1.0\n")
    ready.write("/srv/p/more.txt", "# a note\nalpha>=1\n")
    declared: dict[str, Any] = {
        "python_require_pins": True,
        "python_venvs": [{"path": "/srv/p/one", "packages": ["alpha"]}, {"path": "/srv/p/two", "state": "latest"}],
        "python_tools": [{"name": "hello", "suffix": "@new"}],
        "python_index_url": stocked.url,
    }
    refused = ready.apply(declared).message.splitlines()
    assert [line.partition(";")[0] for line in refused] == [
        "python_venvs[0] (path: '/srv/p/one'): packages: 'alpha' is not pinned",
        "python_venvs[1] (path: '/srv/p/two'): state is latest, which no pin allows for",
        "python_tools[0] (name: 'hello'): name: 'hello' is not pinned",
    ]
    said = refuse(
        ready, "venv", arguments_of("/srv/p/three", requirements=["/srv/p/all.txt"], python_require_pins=True)
    )
    assert "not pinned: /srv/p/more.txt:2 (alpha>=1). In a file allowed with python_require_pins" in said
    assert not any(ready.exists(f"/srv/p/{name}") for name in ("one", "two", "three"))


@WITHOUT_TOML
def test_a_host_that_cannot_read_toml_says_what_to_do(host: Host, stocked: LocalIndex) -> None:
    ready_to_install = {"python_venvs": [{"path": "/srv/first"}], "python_index_url": stocked.url}
    assert host.apply(ready_to_install).rc == 0
    host.write(LOCK, lock_of(package(stocked, "alpha"), package(stocked, "hello", marker="python_version < '3'")))
    said = refuse(host, "venv", arguments_of("/srv/locked", lock=LOCK))
    assert "nothing that reads TOML: Python 3.9" in said
    assert "pip 21.2 or newer" in said
    assert "require_hashes: true" in said
    # A pip of an administrator's has what reads it.
    pip = ["python3", "-m", "pip"]
    wheel = f"{ON_HOST}/files/pip-{newest_of(stocked, 'pip')}-py3-none-any.whl"
    host.run(["python3", f"{wheel}/pip", "install", "--quiet", "--no-index", wheel])
    try:
        found = converge(host, "venv", arguments_of("/srv/locked", lock=LOCK))
        again = host.run_module("venv", arguments_of("/srv/locked", lock=LOCK), record=True)
    finally:
        host.run([*pip, "uninstall", "--quiet", "--yes", "pip"])
    assert found["packages"] == {"alpha": "1.0"}
    assert installed(host, "/srv/locked").items() >= {"alpha": "1.0"}.items()
    assert (again.changed, again.installers) == (0, ()), again.text
