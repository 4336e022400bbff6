"""Runs ansible-test sanity on the collection as users get it: built from the tracked files, unpacked, checked.

Arguments are handed on to ``ansible-test sanity``; without any, it runs all its tests. The scratch folder is
.cache/sanity.

ansible-test bootstraps pip with a script it downloads. Where its host cannot be reached, a script that starts pip from
a wheel of the package index is put into ansible-test's cache under the name it asks for, and this is said.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "molecule" / "images"))

from checkout import CHECKOUT, build_collection, download_pip  # found by the line above

SCRATCH = CHECKOUT / ".cache" / "sanity"
COLLECTION = SCRATCH / "ansible_collections" / "pep668" / "provision"
BOOTSTRAP_CACHE = Path.home() / ".ansible" / "test" / "cache"
BOOTSTRAP_URL = "https://ci-files.testing.ansible.com/ansible-test/get-pip-{version}.py"
# The bootstrap script's own options are get-pip's; the rest is for pip install.
START_PIP = """\
import runpy, sys
sys.path.insert(0, {wheel!r})
sys.argv[1:] = ["install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def prepare_collection() -> None:
    """The built collection lies in the scratch folder with what ansible-test looks for besides."""
    collection = build_collection(SCRATCH)
    # What ansible-test is told to ignore is no part of the collection, but it looks for it there.
    (collection / "tests" / "sanity").mkdir(parents=True)
    for ignores in CHECKOUT.glob("tests/sanity/ignore-*.txt"):
        shutil.copy(ignores, collection / "tests" / "sanity")


def wanted_pips() -> set[str]:
    """The versions of pip that ansible-test bootstraps its environments with."""
    import ansible_test._internal.python_requirements as requirements  # noqa: PLC0415  # only needed, and heavy, here

    return set(re.findall(r"""pip=['"]([0-9.]+)['"]""", Path(requirements.__file__).read_text()))


def provide_bootstrap() -> None:
    """ansible-test can bootstrap pip: by its download, or by a script in its cache that takes pip from the index."""
    for version in wanted_pips():
        script = BOOTSTRAP_CACHE / f"get_pip_{version.replace('.', '_')}.py"
        if script.exists():
            continue
        try:
            urllib.request.urlopen(BOOTSTRAP_URL.format(version=version), timeout=20).close()  # noqa: S310  # https
        except (urllib.error.URLError, TimeoutError) as reason:
            print(f"ansible-test gets pip {version} from the package index, its own host being out of reach: {reason}")
            wheel = download_pip(version, BOOTSTRAP_CACHE / "wheels")
            script.write_text(START_PIP.format(wheel=str(wheel)))


def main() -> int:
    """The tests have run; returns ansible-test's exit status."""
    prepare_collection()
    provide_bootstrap()
    # It finds its own collections only; a path of ours would give it this one twice.
    environment = {name: value for name, value in os.environ.items() if name != "ANSIBLE_COLLECTIONS_PATH"}
    return subprocess.run(
        ["ansible-test", "sanity", "--color", "no", *sys.argv[1:]], cwd=COLLECTION, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
