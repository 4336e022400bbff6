"""Prints what is wrong with a host, one sentence a line; nothing when all is as expected.

Runs on the host as root, beside venv_faults.py and system_python.py. Argument: a JSON object with

    venvs      what venv_faults.py takes, for each virtual environment
    tools      run (a command line), user (default root), prints (part of its output), ends_with (status, default 0)
    libraries  modules the system's Python imports
    folders    path, holds (every name in it)
    before     what system_python.py printed before the first run
"""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
expected = json.loads(sys.argv[1])


def run(*argv):
    """What the command printed on both outputs together, and its exit status."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.strip(), done.returncode


def venv_faults():
    for venv in expected["venvs"]:
        python, owner = venv["path"] + "/bin/python", venv.get("owner", "root")
        printed, status = run(
            *("runuser", "--user=" + owner, "--", python, os.path.join(HERE, "venv_faults.py"), json.dumps(venv))
        )
        if printed or status:
            yield f"{venv['path']}: {printed}"


def tool_faults():
    for tool in expected["tools"]:
        user, wanted = tool.get("user", "root"), tool.get("ends_with", 0)
        printed, status = run("su", "-", user, "-c", tool["run"])
        if status != wanted or tool.get("prints", "") not in printed:
            yield f"{tool['run']}, run by {user}, ended with {status}, printing: {printed}; expected {json.dumps(tool)}"


def library_faults():
    for module in expected["libraries"]:
        printed, status = run("runuser", "--user=nobody", "--", "/usr/bin/python3", "-I", "-c", "import " + module)
        if status:
            yield f"the system's Python cannot import {module}: {printed}"


def folder_faults():
    for folder in expected["folders"]:
        holds = sorted(os.listdir(folder["path"]))
        if holds != sorted(folder["holds"]):
            yield f"{folder['path']} holds {holds}, should hold {sorted(folder['holds'])}"


def system_faults():
    after = json.loads(run("/usr/bin/python3", os.path.join(HERE, "system_python.py"))[0])
    for key, meaning in (("markers", "EXTERNALLY-MANAGED"), ("outside", "packages outside the package manager")):
        if after[key] != expected["before"][key]:
            yield f"{meaning}: before {expected['before'][key]}, now {after[key]}"


for check in (venv_faults, tool_faults, library_faults, folder_faults, system_faults):
    for fault in check():
        print(fault)
