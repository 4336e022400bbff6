"""Makes many environments and tools out of one of each, on a host: python3 many_entries.py VENVS TOOLS

The copies are /opt/venvs/v000, v001, ... of /opt/venvs/app1, and the tools cow000, cow001, ... of pycowsay. A copy is
what an installation of its own would be: the old path or name is replaced in names of files and in what they hold.
Files without it are linked. All other environments and tools are removed, so that a host has as many as it declares.
"""

from __future__ import annotations

import os
import shutil
import sys

VENVS = "/opt/venvs"
TOOLS = "/opt/pipx/venvs"
COMMANDS = "/usr/local/bin"
# Larger ones are programs and libraries, which hold no path of their environment.
LARGEST = 256 * 1024
# A path within a folder, a link's target, and content that is to be replaced.
Entry = tuple[str, str | None, bytes | None]


def read_tree(root: str, old: str) -> list[Entry]:
    """What is in a folder, byte code left out. Content is None for a folder, empty for a file without the old word."""
    found: list[Entry] = []
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, root)
            if os.path.islink(path):
                found.append((relative, os.readlink(path), None))
            elif os.path.isdir(path):
                found.append((relative, None, None))
            elif not name.endswith(".pyc"):
                content = b""
                if os.path.getsize(path) <= LARGEST:
                    with open(path, "rb") as stream:
                        content = stream.read()
                found.append((relative, None, content if old.encode() in content else b""))
    return found


def copy(root: str, tree: list[Entry], target: str, old: str, new: str) -> None:
    """The target is the tree with the new word in place of the old one."""
    os.makedirs(target)
    for relative, link, content in tree:
        source, path = os.path.join(root, relative), os.path.join(target, relative.replace(old, new))
        if link is not None:
            os.symlink(link.replace(old, new), path)
        elif content is None:
            os.mkdir(path)
        elif content:
            with open(path, "wb") as stream:
                stream.write(content.replace(old.encode(), new.encode()))
            shutil.copymode(source, path)
        else:
            os.link(source, path)


def main(venvs: str, tools: str) -> None:
    """The host has as many as these numbers."""
    root = f"{VENVS}/app1"
    tree = read_tree(root, root)
    for number in range(int(venvs)):
        copy(root, tree, f"{VENVS}/v{number:03}", root, f"{VENVS}/v{number:03}")
    root = f"{TOOLS}/pycowsay"
    tree = read_tree(root, "pycowsay")
    for number in range(int(tools)):
        name = f"cow{number:03}"
        copy(root, tree, f"{TOOLS}/{name}", "pycowsay", name)
        os.symlink(f"{TOOLS}/{name}/bin/{name}", f"{COMMANDS}/{name}")
    for folder, prefix in ((VENVS, "v"), (TOOLS, "cow")):
        for name in os.listdir(folder):
            if not (name.startswith(prefix) and name[-3:].isdigit()):
                shutil.rmtree(os.path.join(folder, name))
    for name in os.listdir(COMMANDS):
        path = os.path.join(COMMANDS, name)
        if os.path.islink(path) and not os.path.exists(path):
            os.unlink(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
