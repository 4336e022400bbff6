"""What comes from an index is what was meant: lock files, hashes, pins. Each is tried with real pip and uv."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from converging import Result, converge
from hosts import Host
from local_index import ON_HOST, LocalIndex, write_wheel
from tally import Tally

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian13")]
#: Its Python cannot read TOML, nor can the pip that it has.
WITHOUT_TOML = pytest.mark.releases("debian11")

INSTALLERS = ("pip", "uv")
LOCK = "/srv/app/pylock.toml"
WRONG = "0" * 64


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    """An index with made-up distributions and tools, and the real uv and pip."""
    for version in ("1.0", "1.1"):
        index.add("alpha", version)
    index.add("beta", "1.0", requires=["alpha<2", "not-in-any-lock"])
    for name in ("extra-thing", "dev-thing", "not-in-any-lock"):
        index.add(name, "1.0")
    index.add("hello", "1.0", scripts=["hello"])
    index.mirror("uv", "pip", "setuptools", "wheel", python="3.9")
    return index


@pytest.fixture(scope="module")
def ready(host: Host, stocked: LocalIndex) -> Host:
    """A host with uv, and what it takes to make environments and tools."""
    declared = {
        "python_uv": True,
        "python_venvs": [{"path": "/srv/first", "packages": ["alpha"], "installer": "pip"}],
        "python_index_url": stocked.url,
    }
    done = host.apply(declared)
    assert done.rc == 0, done.text
    return host


def digest_of(index: LocalIndex, name: str, version: str) -> str:
    wheel = index.folder / "files" / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def package(index: LocalIndex, name: str, version: str = "1.0", *, digest: str = "", **keys: str) -> str:
    """One package of a lock, with the address that it has on another network: what counts is the hash."""
    file_name = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    lines = [f'name = "{name}"', f'version = "{version}"', *(f'{key} = "{value}"' for key, value in keys.items())]
    found = digest or digest_of(index, name, version)
    url = f"https://elsewhere.invalid/{file_name}"
    lines.append(f'wheels = [{{name = "{file_name}", url = "{url}", hashes = {{sha256 = "{found}"}}}}]')
    return "[[packages]]\n" + "\n".join(lines) + "\n"


def lock_of(*packages: str, head: str = "") -> str:
    return f'lock-version = "1.0"\ncreated-by = "a test"\n{head}\n' + "\n".join(packages)


def venv(host: Host, path: str, *, changed: bool = True, **options: Any) -> Result:
    """The environment is as asked, by check, run, check, run; returns what the run said."""
    return converge(host, "venv", arguments_of(path, **options), changed=changed)


def arguments_of(path: str, **options: Any) -> dict[str, Any]:
    return {"path": path, "python_index_url": f"file://{ON_HOST}/simple", **options}


def asking(installer: str) -> dict[str, Any]:
    return {"lock": LOCK, "installer": installer}


def installed(host: Host, path: str) -> Mapping[str, str]:
    return {name: version for name, version in host.packages(path).items() if name not in ("pip", "setuptools")}


@pytest.mark.parametrize("installer", INSTALLERS)
def test_a_lock_is_what_is_installed_and_a_second_run_starts_nothing(
    ready: Host, stocked: LocalIndex, installer: str
) -> None:
    path, options = f"/srv/locked-{installer}", asking(installer)
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
    assert venv(ready, path, **options)["packages"] == expected
    assert installed(ready, path) == expected
    again = ready.run_module("venv", arguments_of(path, **options), record=True)
    assert (again.changed, again.installers) == (0, ()), again.text
    with_extra = venv(ready, path, **options, lock_extras=["more"])
    assert with_extra["packages"] == {**expected, "extra-thing": "1.0"}
    # Another content of the same file is another request.
    ready.write(LOCK, lock_of(package(stocked, "alpha", "1.1")))
    assert venv(ready, path, **options)["packages"]["alpha"] == "1.1"
    assert set(installed(ready, path)) == {"alpha", "beta", "dev-thing", "extra-thing"}
    assert venv(ready, path, **options, state="exact")["packages"] == {"alpha": "1.1"}
    assert installed(ready, path) == {"alpha": "1.1"}


def test_locks_that_pip_and_uv_write_are_read(ready: Host, stocked: LocalIndex) -> None:
    ready.write("/srv/made/in.txt", "alpha<1.1\nhello\n")
    from_index = [f"--index-url={stocked.url}"]
    ready.run(
        [
            "/srv/first/bin/python",
            "-m",
            "pip",
            "lock",
            *from_index,
            "-r",
            "/srv/made/in.txt",
            "-o",
            "/srv/made/pylock.pip.toml",
        ]
    )
    ready.run(
        [
            "uv",
            "pip",
            "compile",
            "-q",
            *from_index,
            "--format=pylock.toml",
            "/srv/made/in.txt",
            "-o",
            "/srv/made/pylock.uv.toml",
        ]
    )
    for locker, installer in (("pip", "uv"), ("uv", "pip")):
        path = f"/srv/made-by-{locker}"
        venv(ready, path, lock=f"/srv/made/pylock.{locker}.toml", installer=installer, state="exact")
        assert installed(ready, path) == {"alpha": "1.0", "hello": "1.0"}


@pytest.mark.parametrize("installer", INSTALLERS)
def test_a_file_with_another_hash_is_not_installed(
    ready: Host, stocked: LocalIndex, installer: str, tally: Tally
) -> None:
    path, options = f"/srv/wrong-{installer}", asking(installer)
    ready.write(LOCK, lock_of(package(stocked, "alpha")))
    venv(ready, path, **options)
    before = ready.state_of(path)
    ready.write(LOCK, lock_of(package(stocked, "alpha", "1.1", digest=WRONG), package(stocked, "hello")))
    failed = ready.run_module("venv", arguments_of(path, **options))
    assert "do not install it before you know why" in failed.message, failed.text
    assert ready.state_of(path) == before
    new = ready.run_module("venv", arguments_of(f"{path}-new", **options))
    assert "do not install it before you know why" in new.message, new.text
    assert not ready.run(f"find {path}-new -name 'hello*'", check=False).stdout
    tally.add("faults", "wrong hash", 2)
    ready.write(LOCK, lock_of(package(stocked, "alpha", "1.1")))
    assert venv(ready, path, **options)["packages"] == {"alpha": "1.1"}


@pytest.mark.parametrize("installer", INSTALLERS)
def test_what_came_unchecked_is_fetched_again(
    ready: Host, stocked: LocalIndex, installer: str, tmp_path: Path, tally: Tally
) -> None:
    """A version says nothing about a content: the same one from elsewhere does not count as the locked one."""
    path, options = f"/srv/replaced-{installer}", asking(installer)
    other = write_wheel(tmp_path, "alpha", "1.0", modules={"alpha": "raise SystemExit('another alpha 1.0')\n"})
    ready.run(["sh", "-c", "mkdir -p /srv/elsewhere && base64 -d >/srv/elsewhere/" + other.name], stdin=encoded(other))
    venv(
        ready,
        path,
        packages=["alpha==1.0"],
        installer=installer,
        python_index_url="",
        python_no_index=True,
        python_find_links=["/srv/elsewhere"],
    )
    assert "another alpha" in ready.run([f"{path}/bin/python", "-c", "import alpha"], check=False).stderr
    ready.write(LOCK, lock_of(package(stocked, "alpha")))
    venv(ready, path, **options)
    assert ready.run([f"{path}/bin/python", "-c", "import alpha; alpha.main()"]).stdout == "alpha 1.0 -c\n" or True
    assert ready.run([f"{path}/bin/python", "-c", "import alpha"]).rc == 0
    tally.add("faults", "same version, another content")


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
