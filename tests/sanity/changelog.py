"""The changelog and its fragments: "changelog.py write" makes the one from the others, "check" tells if that was done.

changelogs/changelog.yaml and CHANGELOG.md tell of the version in galaxy.yml what changelogs/fragments/ say. Both are
made by antsibull-changelog, whose program is named by the variable ANTSIBULL_CHANGELOG.
"""

from __future__ import annotations

import datetime
import difflib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "molecule" / "images"))

from checkout import CACHE, CHECKOUT, copy_tracked  # found by the line above

MADE = ("changelogs/changelog.yaml", "CHANGELOG.md")


def make_changelog(checkout: Path, date: str) -> None:
    """In this copy of the checkout the changelog says what the fragments say, with this date of the version."""
    version = yaml.safe_load((checkout / "galaxy.yml").read_text())["version"]
    release = [os.environ["ANTSIBULL_CHANGELOG"], "release", f"--version={version}", f"--date={date}"]
    subprocess.run([*release, "--update-existing", "--reload-plugins"], cwd=checkout, check=True)


def recorded_date() -> str:
    """The date that the changelog has for the version in galaxy.yml, today's where it does not have that version."""
    version = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())["version"]
    recorded = CHECKOUT / MADE[0]
    releases = yaml.safe_load(recorded.read_text())["releases"] if recorded.is_file() else {}
    return str(releases.get(version, {}).get("release_date", datetime.datetime.now(datetime.UTC).date()))


def main() -> int:
    """Both files are what the fragments make of them; returns 1 where they were not and nothing was to be written."""
    if sys.argv[1:] not in (["write"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    scratch = CACHE / "changelog"
    copy_tracked(scratch)
    # A fragment that git does not know yet counts, too.
    fragments = Path("changelogs", "fragments")
    shutil.copytree(CHECKOUT / fragments, scratch / fragments, dirs_exist_ok=True)
    write = sys.argv[1] == "write"
    make_changelog(scratch, str(datetime.datetime.now(datetime.UTC).date()) if write else recorded_date())
    stale = False
    for name in MADE:
        was = (CHECKOUT / name).read_text() if (CHECKOUT / name).is_file() else ""
        made = (scratch / name).read_text()
        if write:
            (CHECKOUT / name).write_text(made)
        elif was != made:
            stale = True
            print(
                "".join(difflib.unified_diff(was.splitlines(True), made.splitlines(True), name, f"{name}, made anew"))
            )
    shutil.rmtree(scratch)
    if stale:
        print("The changelog is not what changelogs/fragments/ say: run nox -s changelog", file=sys.stderr)
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
