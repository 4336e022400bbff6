"""Where things are in this checkout, and how ansible-core finds it as a collection."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# Everything the tests make beside the sources; removing it costs only time.
CACHE = CHECKOUT / ".cache"


REQUIREMENTS = CHECKOUT / "requirements"


def download_pip(version: str, folder: Path) -> Path:
    """The wheel of this pip is in the folder, with the hash that requirements/pips.txt has for it."""
    text = (REQUIREMENTS / "pips.txt").read_text()
    pins = [line for line in text.replace("\\\n", " ").splitlines() if line.startswith(f"pip=={version} ")]
    if not pins:
        raise ValueError(f"requirements/pips.txt has no pip {version}: add it to pips.in and run nox -s pins")
    folder.mkdir(parents=True, exist_ok=True)
    asked = folder / f"pip-{version}.txt"
    asked.write_text(f"{pins[0]}\n")
    options = ["--no-deps", "--only-binary=:all:", "--python-version=3.11", "--require-hashes", f"--dest={folder}"]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "download", *options, f"--requirement={asked}"], check=True)
    (wheel,) = folder.glob(f"pip-{version}-*.whl")
    return wheel


def link_collection() -> Path:
    """The checkout is found as pep668.provision under the folder returned, which is to be ANSIBLE_COLLECTIONS_PATH.

    The other collections come with the PyPI package ``ansible``, which ansible-core searches by itself.
    """
    link = CACHE / "collections" / "ansible_collections" / "pep668" / "provision"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.readlink() != CHECKOUT:
        link.unlink(missing_ok=True)
        link.symlink_to(CHECKOUT)
    return CACHE / "collections"


def copy_tracked(target: Path) -> None:
    """The folder has the tracked files as they are now, links as links, and nothing else."""
    shutil.rmtree(target, ignore_errors=True)
    tracked = subprocess.run(["git", "-C", str(CHECKOUT), "ls-files", "-z"], check=True, capture_output=True, text=True)
    for name in filter(None, tracked.stdout.split("\0")):
        path, copied = CHECKOUT / name, target / name
        if path.is_symlink() or path.is_file():
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copied, follow_symlinks=False)


def build_collection(scratch: Path) -> Path:
    """The collection as users get it, built from the tracked files, lies unpacked in the scratch folder, and no more.

    Returns the folder it is in. With the scratch folder as ANSIBLE_COLLECTIONS_PATH, ansible-core finds it there.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    copy_tracked(scratch / "source")
    build = ["ansible-galaxy", "collection", "build", "--output-path", str(scratch), str(scratch / "source")]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(scratch / "source")
    (archive,) = scratch.glob("*.tar.gz")
    collection = scratch / "ansible_collections" / "pep668" / "provision"
    collection.mkdir(parents=True)
    with tarfile.open(archive) as opened:
        opened.extractall(collection, filter="data")
    # Git ignores the scratch folder, and who looks at a collection asks it which files there are: here are all of them.
    subprocess.run(["git", "-C", str(collection), "init", "--quiet"], check=True)
    return collection
