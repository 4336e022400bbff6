"""Run by a test host's own Python: prints its environments, tools and links to commands as JSON.

Arguments: the homes of pipx to look into.
"""

import glob
import importlib.metadata
import json
import os
import pwd
import re
import sys
from typing import Any, Dict, List, Sequence


def owners(path: str) -> List[str]:
    everything = [path]
    if not os.path.islink(path):
        everything += glob.glob(path + "/**", recursive=True)
    return sorted({pwd.getpwuid(os.lstat(one).st_uid).pw_name for one in everything})


def environment(path: str) -> Dict[str, Any]:
    found = importlib.metadata.distributions(path=glob.glob(path + "/lib/python3*/site-packages"))
    with open(path + "/pyvenv.cfg") as stream:
        settings = dict(line.strip().split(" = ", 1) for line in stream if " = " in line)
    return {
        "packages": {re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(): one.version for one in found},
        "owners": owners(path),
        "python": [os.path.realpath(path + "/bin/python"), settings["version"]],
        "system_site_packages": settings["include-system-site-packages"],
    }


def tool(path: str) -> Dict[str, Any]:
    with open(path) as stream:
        record = json.load(stream)
    main = record["main_package"]
    return {
        "asked": [main["package"], main["package_or_url"], main["suffix"], sorted(main["apps"])],
        "injected": {name: one["package_version"] for name, one in record["injected_packages"].items()},
        **environment(os.path.dirname(path)),
    }


def main(homes: Sequence[str]) -> None:
    venvs = [*glob.glob("/opt/venvs/*/pyvenv.cfg"), "/srv/app/.venv/pyvenv.cfg"]
    records = [one for home in homes for one in glob.glob(home + "/venvs/*/pipx_metadata.json")]
    bins = ("/usr/local/bin", "/home/alice/.local/bin", "/root/.local/bin")
    links = [one for folder in bins for one in glob.glob(folder + "/*") if os.path.islink(one)]
    described = {
        "venvs": {os.path.dirname(one): environment(os.path.dirname(one)) for one in venvs},
        "tools": {one: tool(one) for one in records},
        "links": {one: [os.readlink(one), owners(one)] for one in links},
    }
    print(json.dumps(described))


if __name__ == "__main__":
    main(sys.argv[1:])
