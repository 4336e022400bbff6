"""The results as a picture: horizontal bars, one panel for each kind of run with an axis of its own from zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from contenders import CONTENDERS
from saved import Results
from targets import seconds_of

WIDTH, LABELS, MARGIN = 860, 230, 20
BAR, GAP, TITLE, FOOT = 18, 7, 34, 34
# Room for the number after the longest bar.
NUMBER = 70

# Colours that keep their distance on white and on black; kinds are told apart by brightness as well.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 14px; }
.small { font-size: 11px; fill: #59636e; }
.floor { fill: #9aa4af; } .peer { fill: #d9822b; } .ours { fill: #1a7f5a; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .small { fill: #9198a1; }
  .floor { fill: #6e7781; } .peer { fill: #e8a458; } .ours { fill: #3fb98a; }
}
"""


@dataclass(frozen=True)
class Bar:
    """A bar of a panel: its label, its length in seconds, and the kind of contender, which gives its colour."""

    label: str
    seconds: float
    kind: str


@dataclass(frozen=True)
class Panel:
    """Bars that share an axis."""

    title: str
    bars: Sequence[Bar]


def panels_of(results: Results) -> list[Panel]:
    """A panel for cold runs and one for each number of hosts of converged runs; none without samples."""
    counts = sorted({one.hosts for one in results.samples if one.part == "converged"})
    kinds = [("cold", 1, "Cold: W1 onto a fresh host, seconds")]
    kinds += [
        ("converged", count, f"Nothing to do: W1 on {'1 host' if count == 1 else f'{count} hosts'}, seconds")
        for count in counts
    ]
    panels = []
    for part, hosts, title in kinds:
        bars = []
        for name, contender in CONTENDERS.items():
            seconds = seconds_of(results.samples, part, name, hosts)
            if seconds is not None:
                bars.append(Bar(contender.label, seconds, contender.kind))
        if bars:
            panels.append(Panel(title, bars))
    return panels


def describe(panels: Sequence[Panel]) -> str:
    """The picture in words, for who does not see it."""
    return " ".join(
        f"{panel.title}: {', '.join(f'{bar.label} {bar.seconds:.1f}' for bar in panel.bars)}." for panel in panels
    )


def draw(panels: Sequence[Panel], note: str) -> str:
    """The picture as SVG, readable on light and dark; the note stands below it."""
    parts: list[str] = []
    y = MARGIN
    for panel in panels:
        parts.append(f'<text class="title" x="{MARGIN}" y="{y + 14}">{escape(panel.title)}</text>')
        y += TITLE
        longest = max(bar.seconds for bar in panel.bars) or 1
        for bar in panel.bars:
            width = max(1.0, bar.seconds / longest * (WIDTH - LABELS - NUMBER - MARGIN))
            middle = y + BAR - 5
            parts.append(f'<text x="{LABELS - 8}" y="{middle}" text-anchor="end">{escape(bar.label)}</text>')
            parts.append(f'<rect class="{bar.kind}" x="{LABELS}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>')
            parts.append(f'<text x="{LABELS + width + 6:.1f}" y="{middle}">{bar.seconds:.1f}</text>')
            y += BAR + GAP
        y += GAP * 2
    parts.append(f'<text class="small" x="{MARGIN}" y="{y + 4}">{escape(note)}</text>')
    y += FOOT
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img"'
    named = f"<title>Seconds of cold and converged runs</title><desc>{escape(describe(panels))}</desc>"
    body = "\n".join(parts)
    return f"{head}>\n{named}\n<style>{STYLE}</style>\n{body}\n</svg>\n"
