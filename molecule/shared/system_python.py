"""Prints what must be the same before and after: markers and their content, and what lies outside the package manager.

Runs on a test host with the host's own Python. Output: one JSON object.
"""

import glob
import hashlib
import json

MARKERS = ("/usr/lib/python3*/EXTERNALLY-MANAGED", "/usr/lib64/python3*/EXTERNALLY-MANAGED")
# Where an installation into the system interpreter ends up: by root, by root on Fedora, and by a user.
OUTSIDE = (
    "/usr/local/lib*/python3*/*-packages/*",
    "/root/.local/lib/python3*/site-packages/*",
    "/home/*/.local/lib/python3*/site-packages/*",
)


def digest(path):
    with open(path, "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def found(patterns):
    return sorted(path for pattern in patterns for path in glob.glob(pattern))


print(
    json.dumps(
        {
            "markers": {path: digest(path) for path in found(MARKERS)},
            "outside": [path for path in found(OUTSIDE) if not path.endswith("/__pycache__")],
        },
        sort_keys=True,
    )
)
