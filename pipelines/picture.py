"""The funnel as an SVG picture: a group of bars a level, a bar a branch, as wide as the rows that got through."""

from collections.abc import Sequence
from html import escape

from pipelines.show import level_names
from pipelines.status import Funnel

WIDTH, LABEL, BAR, GAP, MARGIN = 760, 150, 14, 14, 16
COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2")


def funnel_svg(funnels: Sequence[Funnel]) -> str:
    """A self-contained SVG that reads on light and dark pages."""
    most = max((level.kept for funnel in funnels for level in funnel.levels), default=0) or 1
    scale = (WIDTH - LABEL - 5 * MARGIN) / most
    parts, y = [_legend(funnels)], 2 * MARGIN + BAR
    for name in level_names(funnels):
        bars = [
            (level.kept, COLOURS[index % len(COLOURS)])
            for index, funnel in enumerate(funnels)
            for level in funnel.levels
            if level.name == name
        ]
        middle = y + len(bars) * BAR / 2 + 4
        parts.append(f'<text x="{LABEL}" y="{middle:g}" text-anchor="end">{escape(name)}</text>')
        for kept, colour in bars:
            width = max(1.0, kept * scale)
            parts.append(
                f'<rect x="{LABEL + MARGIN}" y="{y}" width="{width:.1f}" height="{BAR - 2}" rx="2" fill="{colour}"/>'
                f'<text x="{LABEL + MARGIN + width + 6:.1f}" y="{y + BAR - 4}" class="count">{kept:,}</text>'
            )
            y += BAR
        y += GAP
    style = "text{font:13px system-ui,sans-serif;fill:#777}.count{font-size:11px}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">'
        f"<title>Rows that got through each step, by branch</title><style>{style}</style>{''.join(parts)}</svg>\n"
    )


def _legend(funnels: Sequence[Funnel]) -> str:
    x, parts = LABEL + MARGIN, []
    for index, funnel in enumerate(funnels):
        colour = COLOURS[index % len(COLOURS)]
        parts.append(
            f'<rect x="{x}" y="{MARGIN}" width="{BAR}" height="{BAR - 2}" rx="2" fill="{colour}"/>'
            f'<text x="{x + BAR + 6}" y="{MARGIN + BAR - 3}">{escape(funnel.branch)}</text>'
        )
        x += 40 + 8 * len(funnel.branch)
    return "".join(parts)
