"""What scripts/build starts: makes the collection's archive, sdist and wheel from the tracked files as they are now.

The same commit gives the same bytes, wherever and whenever: every time in an artefact is SOURCE_DATE_EPOCH (seconds),
or the commit's own where that is not set. Hatchling sees to that; what ansible-galaxy makes is packed once more here.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "molecule" / "images"))

from checkout import CHECKOUT, copy_tracked

MANIFEST, FILES = "MANIFEST.json", "FILES.json"
# A link of the README to a file beside it, and the suffixes of those that are shown as pictures.
LINK = re.compile(r"\]\((?!\w+:|#)(?P<path>[^)\s]+)\)")
PICTURES = (".png", ".svg")


def main(arguments: Sequence[str] | None = None) -> int:
    """The artefacts are in the folder, in place of earlier ones, and their digests are printed; returns 0."""
    parser = argparse.ArgumentParser(prog="scripts/build", description="Makes what is released.")
    parser.add_argument("folder", nargs="?", type=Path, default=CHECKOUT / "dist", help="default: dist")
    folder: Path = parser.parse_args(arguments).folder.resolve()
    if git("status", "--porcelain", "--untracked-files=no"):
        print("scripts/build: made from tracked files with changes that are not committed", file=sys.stderr)
    made = int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct"))
    with tempfile.TemporaryDirectory(prefix="pep668-build-") as scratch:
        source = Path(scratch, "source")
        copy_tracked(source)
        complete_links(source)
        artefacts = [
            build_collection(source, empty(folder / "collection"), made),
            *build_python_package(source, empty(folder / "python"), made),
        ]
    digests = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in artefacts
    )
    (folder / "SHA256SUMS").write_text(digests)
    print(f"in {folder}:\n{digests}", end="")
    return 0


def git(*arguments: str) -> str:
    """What git says of this checkout."""
    command = ["git", "-C", str(CHECKOUT), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def empty(folder: Path) -> Path:
    """The folder is there, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def complete_links(source: Path) -> None:
    """The README's links lead to the repository, at this version's tag: Galaxy and the index show it by itself."""
    collection = yaml.safe_load((source / "galaxy.yml").read_text())

    def complete(link: re.Match[str]) -> str:
        kind = "raw" if link["path"].endswith(PICTURES) else "blob"
        return f"]({collection['repository']}/{kind}/v{collection['version']}/{link['path']})"

    readme = source / "README.md"
    readme.write_text(LINK.sub(complete, readme.read_text(encoding="utf-8")), encoding="utf-8")


def build_collection(source: Path, folder: Path, made: int) -> Path:
    """The collection's archive is in the folder: what ansible-galaxy makes, in one order and with one time."""
    program = str(Path(sys.executable).with_name("ansible-galaxy"))
    with tempfile.TemporaryDirectory(prefix="pep668-galaxy-") as scratch:
        command = [program, "collection", "build", "--output-path", scratch, str(source)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (built,) = Path(scratch).glob("*.tar.gz")
        pack_again(built, folder / built.name, made)
        return folder / built.name


def pack_again(built: Path, target: Path, made: int) -> None:
    """The target has what the built archive has, sorted by name (ansible-galaxy's order is the file system's).

    The list of files is sorted as well, and the manifest has its new digest.
    """
    with tarfile.open(built) as opened:
        members = {member.name: member for member in opened}
        contents = {name: file.read() for name, member in members.items() if (file := opened.extractfile(member))}
    files = json.loads(contents[FILES])
    files["files"].sort(key=lambda entry: entry["name"])
    contents[FILES] = as_json(files)
    manifest = json.loads(contents[MANIFEST])
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(contents[FILES]).hexdigest()
    contents[MANIFEST] = as_json(manifest)
    with (
        target.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=made) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):
        # The two that tell what is in it come first, as they do in what ansible-galaxy makes.
        for name in sorted(members, key=lambda name: (name != MANIFEST, name != FILES, name)):
            member = members[name]
            member.mtime, member.pax_headers, member.size = made, {}, len(contents.get(name, b""))
            archive.addfile(member, BytesIO(contents[name]) if name in contents else None)


def as_json(value: object) -> bytes:
    """The value as ansible-galaxy writes it."""
    return json.dumps(value, indent=True).encode()


def build_python_package(source: Path, folder: Path, made: int) -> list[Path]:
    """The sdist and the wheel are in the folder, and the index would take and show them."""
    python = [sys.executable, "-m"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(made)}
    build = [*python, "hatchling", "build", "--directory", str(folder)]
    subprocess.run(build, check=True, cwd=source, env=environment, stdout=subprocess.DEVNULL)
    built = sorted(folder.iterdir())
    subprocess.run([*python, "twine", "check", "--strict", *map(str, built)], check=True, stdout=sys.stderr)
    return built


if __name__ == "__main__":
    sys.exit(main())
