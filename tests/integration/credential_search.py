"""Looks for secrets wherever a run could leave them: files of the host and the controller, arguments, outputs.

A secret is looked for by a word in it that is nowhere else, its core: as it is, and in base64 and hexadecimal digits
wherever it begins there. So every spelling is found that leaves letters and digits as they are, percent-encoding and
JSON among them. Arguments are also unpacked where they are base64 of zlib, as pyinfra's calls are.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from hosts import Host
from recording import Process

PACKED = re.compile(r"[A-Za-z0-9+/]{64,}={0,2}")


def needles(core: str) -> frozenset[str]:
    """What a text holds if it holds the core: of base64 the digits that do not depend on what stands around it."""
    data = core.encode()
    found = {core, data.hex()}
    for before in range(3):
        digits = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        first = -(-before * 8 // 6)
        last = (before + len(data)) * 8 // 6
        found.add(digits[first:last])
    return frozenset(found)


class Search:
    """The secrets of a world, and where they were looked for. Each method returns "secret: place" for what it found."""

    def __init__(self, *cores: str) -> None:
        self.cores = cores
        self._needles = {needle: core for core in cores for needle in needles(core)}

    def in_text(self, place: str, text: str) -> list[str]:
        return sorted({f"{core}: {place}" for needle, core in self._needles.items() if needle in text})

    def in_processes(self, processes: Iterable[Process]) -> list[str]:
        found: list[str] = []
        for process in processes:
            for text in (str(process), process.path, *unpacked(str(process))):
                found += self.in_text(f"argument of {process.argv[0]}: {str(process)[:200]}", text)
        return found

    def on_host(self, host: Host, *allowed: str) -> list[str]:
        """Every file of the host, without those where it was put; what the kernel makes up is none."""
        options = ["-rlaF", "-D", "skip", "--exclude-dir=proc", "--exclude-dir=sys", "-f", "-"]
        stdin = "".join(f"{needle}\n" for needle in self._needles)
        done = host.run(["grep", *options, "/"], stdin=stdin, check=False)
        paths = [path.replace("//", "/", 1) for path in done.stdout.splitlines()]
        paths = [path for path in paths if path not in allowed]
        return [f"{', '.join(self._held_by(host, path))}: {path}" for path in paths]

    def _held_by(self, host: Host, path: str) -> list[str]:
        found = host.run(["grep", "-oaF", "-f", "-", path], stdin="\n".join(self._needles), check=False).stdout
        return sorted({self._needles.get(line, line) for line in found.splitlines()})

    def in_folders(self, *folders: Path) -> list[str]:
        found: list[str] = []
        for folder in folders:
            for path in folder.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    found += self.in_text(str(path), path.read_bytes().decode("latin-1"))
        return found


def unpacked(text: str) -> Iterator[str]:
    """The texts that stand in it packed."""
    for word in PACKED.findall(text):
        try:
            yield zlib.decompress(base64.b64decode(word)).decode("utf-8", "replace")
        except (binascii.Error, zlib.error):
            continue
