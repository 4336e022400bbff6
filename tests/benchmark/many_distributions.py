"""Makes an environment with many distributions in it, on a host: python3 many_distributions.py PATH COUNT

They are dist000, dist001, ... in version 1.0, each a module and the metadata an installation leaves.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys


def main(path: str, count: str) -> None:
    """The environment is there."""
    subprocess.run(["python3", "-m", "venv", path], check=True)
    site = next(pathlib.Path(path).glob("lib/python3*/site-packages"))
    for number in range(int(count)):
        name = f"dist{number:03}"
        (site / f"{name}.py").write_text("")
        folder = site / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        (folder / "INSTALLER").write_text("pip\n")
        files = [f"{name}.py", *(f"{folder.name}/{file}" for file in ("METADATA", "WHEEL", "INSTALLER", "RECORD"))]
        (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))


if __name__ == "__main__":
    main(*sys.argv[1:])
