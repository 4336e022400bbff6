"""What scripts/build makes: what is in it, what it says of itself, and that the same commit gives the same bytes."""

from __future__ import annotations

import email
import hashlib
import json
import os
import subprocess
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
import yaml

from checkout import CACHE, CHECKOUT
from tests.package.installations import Artefacts

#: What scripts/build makes the artefacts with, once it has run.
BUILD_PYTHON = str(CACHE / "build-environment" / "bin" / "python")
IN_WHEEL = "ansible_collections/pep668/provision/"
#: Read by those who put many collections together; the wheel does without it.
CHANGES = "changelogs/changelog.yaml"
#: All that the collection is made of. Of what is beside them galaxy.yml says that its users need none.
COLLECTION = ("CHANGELOG.md", "LICENSE", "README.md", CHANGES, "meta", "playbooks", "plugins", "roles")


def read_tar(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as opened:
        return {one.name: file.read() for one in opened if one.isfile() and (file := opened.extractfile(one))}


def read_wheel(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def tracked(*folders: str) -> set[str]:
    """The files that git tracks there, without links and what was deleted."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], check=True, cwd=CHECKOUT, capture_output=True, text=True
    )
    names = filter(None, listed.stdout.split("\0"))
    return {name for name in names if (CHECKOUT / name).is_file() and not (CHECKOUT / name).is_symlink()}


def described(artefacts: Artefacts) -> tuple[Message, bytes]:
    """What the wheel says of itself: its metadata, and the description that the index shows."""
    (text,) = (text for name, text in read_wheel(artefacts.wheel).items() if name.endswith(".dist-info/METADATA"))
    metadata, _, description = text.partition(b"\n\n")
    return email.message_from_bytes(metadata), description


def test_the_collection_has_what_its_users_need_and_nothing_else(artefacts: Artefacts) -> None:
    files = read_tar(artefacts.collection)
    manifest, listed = json.loads(files.pop("MANIFEST.json")), json.loads(files.pop("FILES.json"))
    assert set(files) == tracked(*COLLECTION)
    assert manifest["collection_info"]["dependencies"] == {"community.general": ">=8.0.0"}
    assert {one["name"]: one["chksum_sha256"] for one in listed["files"] if one["ftype"] == "file"} == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }


def test_the_wheel_has_the_same_collection_and_the_package(artefacts: Artefacts) -> None:
    files = read_wheel(artefacts.wheel)
    collection = {name.removeprefix(IN_WHEEL): text for name, text in files.items() if name.startswith(IN_WHEEL)}
    own = {"MANIFEST.json", "FILES.json", CHANGES}
    assert collection.pop("galaxy.yml") == (CHECKOUT / "galaxy.yml").read_bytes()
    assert collection == {name: text for name, text in read_tar(artefacts.collection).items() if name not in own}
    engine = {
        f"src/pep668_provision/{name.partition('/module_utils/')[2]}" for name in tracked("plugins/module_utils/engine")
    }
    package = {f"src/{name}" for name in files if name.startswith("pep668_provision/")}
    assert package == tracked("src") | engine
    # Python would take the collections of others for missing where this one had made the folder a package.
    assert "ansible_collections/__init__.py" not in files


def test_the_version_is_said_in_one_place(artefacts: Artefacts) -> None:
    version = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())["version"]
    manifest = json.loads(read_tar(artefacts.collection)["MANIFEST.json"])
    assert manifest["collection_info"]["version"] == described(artefacts)[0]["Version"] == version
    names = {path.name for folder in ("collection", "python") for path in (artefacts.folder / folder).iterdir()}
    wheel = f"pep668_provision-{version}-py3-none-any.whl"
    assert names == {f"pep668-provision-{version}.tar.gz", f"pep668_provision-{version}.tar.gz", wheel}


def test_the_extra_of_the_audit_is_the_two_it_consists_of(artefacts: Artefacts) -> None:
    wanted: dict[str, set[str]] = {}
    for line in described(artefacts)[0].get_all("Requires-Dist", ()):
        requirement, _, extra = line.partition("; extra == ")
        wanted.setdefault(extra.strip("'"), set()).add(requirement)
    assert set(wanted) == {"ansible", "audit", "pyinfra", "scan"}
    assert wanted["audit"] == wanted["ansible"] | wanted["scan"]


def test_the_readme_has_no_link_that_only_the_repository_has(artefacts: Artefacts) -> None:
    _, shown = described(artefacts)
    assert shown == read_tar(artefacts.collection)["README.md"]
    assert "](docs/" in (CHECKOUT / "README.md").read_text()
    assert [part[:60] for part in shown.split(b"](")[1:] if not part.startswith((b"https://", b"#"))] == []


def test_the_wheel_of_the_sdist_is_the_same_file(artefacts: Artefacts, tmp_path: Path) -> None:
    with tarfile.open(artefacts.sdist) as opened:
        made = max(member.mtime for member in opened)
    pip = [BUILD_PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"]
    options = ["--no-deps", "--no-index", "--no-build-isolation", f"--wheel-dir={tmp_path}"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(made))}
    subprocess.run([*pip, *options, str(artefacts.sdist)], check=True, env=environment)
    assert (tmp_path / artefacts.wheel.name).read_bytes() == artefacts.wheel.read_bytes()


def clone(folder: Path) -> Path:
    """The commit of this checkout in a folder of its own, and what scripts/build starts in it."""
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(folder)], check=True)
    return folder / "scripts" / "artefacts.py"


@pytest.mark.usefixtures("artefacts")
def test_two_builds_of_a_commit_are_the_same_bytes(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In two clones, with different umasks, time zones and paths, and another order of names in their directories."""
    # A file system in memory lists names in another order than one on a disk.
    memory = next((str(path) for path in (Path("/dev/shm"),) if os.access(path, os.W_OK)), str(tmp_path))
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "a longer name"
    results = []
    for program, umask, environment in (
        (clone(tmp_path / "one"), "022", {"TZ": "UTC", "TMPDIR": str(tmp_path)}),
        (clone(elsewhere / "two"), "077", {"TZ": "Asia/Tokyo", "TMPDIR": memory}),
    ):
        command = ["sh", "-c", f'umask {umask}; exec "$@"', "sh", BUILD_PYTHON, str(program)]
        subprocess.run(command, check=True, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
        dist = program.parents[1] / "dist"
        results.append({path.relative_to(dist): path.read_bytes() for path in dist.rglob("*") if path.is_file()})
    assert len(results[0]) == len(["collection", "wheel", "sdist", "digests"])
    assert [name for name, content in results[0].items() if results[1].get(name) != content] == []
