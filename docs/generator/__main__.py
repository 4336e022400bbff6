"""The folder that is named has the pages the site is built from: python -m docs.generator FOLDER."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from docs.generator.pages import write

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    write(folder)
