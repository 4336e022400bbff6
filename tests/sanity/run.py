"""Runs ansible-test sanity on the collection as users get it: built from the tracked files, unpacked, checked.

Arguments are handed on to ``ansible-test sanity``; without any, TESTS are run. The scratch folder is .cache/sanity.

ansible-test bootstraps pip with a script it downloads. Where its host cannot be reached, a script that starts pip from
a wheel of the package index is put into ansible-test's cache under the name it asks for, and this is said.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "molecule" / "images"))

from checkout import download_pip  # noqa: E402  # found by the line above

SCRATCH = CHECKOUT / ".cache" / "sanity"
COLLECTION = SCRATCH / "ansible_collections" / "pep668" / "provision"
BOOTSTRAP_CACHE = Path.home() / ".ansible" / "test" / "cache"
BOOTSTRAP_URL = "https://ci-files.testing.ansible.com/ansible-test/get-pip-{version}.py"
# Left out: pslint and shellcheck (nothing for them here), pep8, pylint and yamllint (scripts/test lint judges the same
# files by the project's own rules), changelog (needs antsibull-changelog's files).
TESTS = (
    *("action-plugin-docs", "ansible-doc", "compile", "empty-init", "ignores", "import", "line-endings", "no-assert"),
    *("no-get-exception", "no-illegal-filenames", "no-smart-quotes", "replace-urlopen", "runtime-metadata", "shebang"),
    *("symlinks", "use-argspec-type-path", "use-compat-six", "validate-modules"),
)

# The bootstrap script's own options are get-pip's; the rest is for pip install.
START_PIP = """\
import runpy, sys
sys.path.insert(0, {wheel!r})
sys.argv[1:] = ["install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def build_collection() -> None:
    """The collection, built from the tracked files as they are now, lies unpacked in the scratch folder."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    source = SCRATCH / "source"
    tracked = subprocess.run(["git", "-C", str(CHECKOUT), "ls-files", "-z"], check=True, capture_output=True, text=True)
    for name in filter(None, tracked.stdout.split("\0")):
        path, target = CHECKOUT / name, source / name
        if path.is_symlink() or path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)
    build = ["ansible-galaxy", "collection", "build", "--output-path", str(SCRATCH), str(source)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    (archive,) = SCRATCH.glob("*.tar.gz")
    COLLECTION.mkdir(parents=True)
    with tarfile.open(archive) as opened:
        opened.extractall(COLLECTION, filter="data")
    # The scratch folder is ignored in the checkout's repository, and ansible-test skips what git ignores.
    subprocess.run(["git", "-C", str(COLLECTION), "init", "--quiet"], check=True)
    # What ansible-test is told to ignore is no part of the collection, but it looks for it there.
    (COLLECTION / "tests" / "sanity").mkdir(parents=True)
    for ignores in CHECKOUT.glob("tests/sanity/ignore-*.txt"):
        shutil.copy(ignores, COLLECTION / "tests" / "sanity")


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
    build_collection()
    provide_bootstrap()
    arguments = sys.argv[1:] or [f"--test={test}" for test in TESTS]
    # It finds its own collections only; a path of ours would give it this one twice.
    environment = {name: value for name, value in os.environ.items() if name != "ANSIBLE_COLLECTIONS_PATH"}
    return subprocess.run(
        ["ansible-test", "sanity", "--color", "no", *arguments], cwd=COLLECTION, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
