"""The results are in the repository's documents: tables, raw samples, the picture."""

from __future__ import annotations

from checkout import CHECKOUT
from picture import draw, panels_of
from saved import Results, count_name
from tables import engines_block, readme_block, replace_block, report_block, scale_block

DOCS = CHECKOUT / "docs"
# What the documents are written from; nothing is written while some of it is missing.
NEEDED = ("cold", count_name(1), count_name(16), "target", "growth", "audit", "tuning", "engines")


def missing_parts(results: Results) -> list[str]:
    """What has not been measured in this checkout and the documents need."""
    return [name for name in NEEDED if name not in results.measured]


def publish(results: Results) -> None:
    """README.md, docs/scale.md and docs/benchmark.* tell these results."""
    results.save(DOCS / "benchmark.json")
    machine = results.measured[count_name(1)]
    note = f"{machine['date']}, {machine['machine']}. Medians; each panel has its own axis."
    (DOCS / "benchmark.svg").write_text(draw(panels_of(results), note))
    blocks = [
        (DOCS / "benchmark.md", "results", report_block(results)),
        (DOCS / "scale.md", "measured", scale_block(results)),
        (DOCS / "scale.md", "engines", engines_block(results)),
        (CHECKOUT / "README.md", "speed", readme_block(results)),
    ]
    for path, name, block in blocks:
        path.write_text(replace_block(path.read_text(), name, block))
