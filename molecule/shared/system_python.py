"""Prints what must be the same before and after: markers and their content, and what lies outside the package manager.

Runs on a test host with the host's own Python, as root. Output: one JSON object.
"""

import glob
import hashlib
import json
import os
import subprocess

MARKERS = ("/usr/lib/python3*/EXTERNALLY-MANAGED", "/usr/lib64/python3*/EXTERNALLY-MANAGED")
# Where an installation into the system interpreter ends up: by root, by root on Fedora, and by a user.
OUTSIDE = (
    "/usr/local/lib*/python3*/*-packages/*",
    "/root/.local/lib/python3*/site-packages/*",
    "/home/*/.local/lib/python3*/site-packages/*",
)
# Where packages put libraries: whatever else is there was installed into the system.
OWNED = ("/usr/lib*/python3*/dist-packages", "/usr/lib*/python3*/site-packages")
LISTS = (["rpm", "--query", "--all", "--list"], ["pacman", "--query", "--list", "--quiet"])


def digest(path):
    with open(path, "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def found(patterns):
    return sorted(path for pattern in patterns for path in glob.glob(pattern))


def owned():
    """Every path the package manager knows of."""
    paths = set()
    for path in glob.glob("/var/lib/dpkg/info/*.list"):
        with open(path, encoding="utf-8") as handle:
            paths.update(handle.read().splitlines())
    for command in LISTS:
        try:
            listed = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        except FileNotFoundError:
            continue
        paths.update(listed.stdout.splitlines())
    return paths


def unowned():
    """Files in the system's own site directories that no package put there; byte code is left out."""
    known = owned()
    for directory in found(OWNED):
        for folder, folders, files in os.walk(directory):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in files:
                path = os.path.join(folder, name)
                if path not in known and not path.endswith(".pyc"):
                    yield path


print(
    json.dumps(
        {
            "markers": {path: digest(path) for path in found(MARKERS)},
            "outside": [
                *(path for path in found(OUTSIDE) if not path.endswith("/__pycache__")),
                *sorted(set(unowned())),
            ],
        },
        sort_keys=True,
    )
)
