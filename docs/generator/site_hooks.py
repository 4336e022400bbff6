"""What mkdocs calls before it builds the site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymdownx.slugs import slugify


def on_config(config: Any) -> Any:
    """The navigation names pages in place of folders, and anchors are those that the repository shows."""
    config["mdx_configs"].setdefault("toc", {})["slugify"] = slugify(case="lower")
    config["nav"] = [_expanded(entry, Path(config["docs_dir"])) for entry in config["nav"]]
    return config


def _expanded(entry: Any, folder: Path) -> Any:
    if isinstance(entry, Mapping):
        return {title: _expanded(value, folder) for title, value in entry.items()}
    if isinstance(entry, list):
        return [_expanded(one, folder) for one in entry]
    if not entry.endswith("/"):
        return entry
    # An index, where there is one, is the folder's own page.
    pages = sorted(folder.glob(f"{entry}*.md"), key=lambda page: (page.stem != "index", page.stem))
    return [str(page.relative_to(folder)) for page in pages]
