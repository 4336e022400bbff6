"""Prints what is wrong with a virtual environment, one sentence a line; runs with its own python, as its owner.

Argument: a JSON object with path, owner, imports (modules), packages (name -> version, or null for any), exact (nothing
else is there but the packages and what a new environment starts with).
"""

import importlib
import importlib.metadata
import json
import os
import pwd
import re
import sys

expected = json.loads(sys.argv[1])
path = expected["path"]


def import_faults():
    for module in expected.get("imports", []):
        try:
            importlib.import_module(module)
        except Exception as error:
            yield f"cannot import {module}: {error!r}"


def owner_faults():
    for folder, _, files in os.walk(path):
        for name in (".", *files):
            owner = pwd.getpwuid(os.lstat(os.path.join(folder, name)).st_uid).pw_name
            if owner != expected.get("owner", "root"):
                yield f"{os.path.join(folder, name)} belongs to {owner}"
                return


def package_faults():
    installed = {
        re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower(): distribution.version
        for distribution in importlib.metadata.distributions()
        if str(distribution.locate_file("")).startswith(os.path.join(path, ""))
    }
    packages = expected.get("packages", {})
    for name, version in packages.items():
        if name not in installed:
            yield f"{name} is not installed"
        elif version is not None and installed[name] != version:
            yield f"{name} is {installed[name]}, should be {version}"
    if expected.get("exact"):
        for name in sorted(set(installed) - set(packages) - {"pip", "setuptools", "wheel", "pkg-resources"}):
            yield f"{name} is installed and was not asked for"


def receipt_faults():
    if not os.path.isfile(os.path.join(path, ".pep668-provision.json")):
        yield "has no receipt, so it counts as unfinished"


for check in (import_faults, owner_faults, package_faults, receipt_faults):
    for fault in check():
        print(fault)
