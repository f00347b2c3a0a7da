"""The report's plots, as Plotly figures in plain JSON: text and grid take the page's colours there."""

from collections import Counter
from collections.abc import Sequence

from captioning.report.content import SCORE_STEP, Outcomes, Report, Scores, Step
from captioning.report.drawing import OLD, Figure, bar, bars, colours_of, mark, plain
from captioning.report.growth import growth
from captioning.report.headline import reason_sentence
from captioning.report.lengths import lengths

REASONS = 12
"""Bars of reasons, flags or rules."""


def figures(report: Report) -> dict[str, Figure]:
    """Every plot that the report has values for, by name."""
    sources = [one.source for group in (report.texts, report.steps, report.outcomes) for one in group]
    colours = colours_of(sources)
    drawn = {
        "lengths-words": lengths(report.texts, colours, "words"),
        "lengths-tokens": lengths(report.texts, colours, "tokens"),
        "lengths-encoder": lengths(report.texts, colours, "encoder_tokens"),
        "growth-words": growth(report.texts, colours, "words"),
        "growth-nouns": growth(report.texts, colours, "nouns"),
        "funnel": _funnel(report.steps, colours) if report.steps else None,
        "scores": _scores(report.scores, colours) if report.scores else None,
        "reasons": _reasons(report, colours) if report.drops() else None,
        "outcomes-finish": _outcomes(report.outcomes, "finish_reasons", colours),
        "outcomes-flags": _outcomes(report.outcomes, "flags", colours),
        "outcomes-rules": _outcomes(report.outcomes, "rules", colours),
    }
    return {name: figure for name, figure in drawn.items() if figure}


def _funnel(steps: Sequence[Step], colours: dict[str, str]) -> Figure:
    """Rows that got through each step, sources side by side in one bar."""
    names = sorted(dict.fromkeys(step.name for step in steps), key=lambda name: name == "merged")
    traces = [
        bar(source, names, [_kept(steps, source, name) for name in names], colours[source])
        for source in dict.fromkeys(step.source for step in steps)
    ]
    return bars(traces, len(names), "rows that got through")


def _kept(steps: Sequence[Step], source: str, name: str) -> int:
    return sum(step.kept for step in steps if step.source == source and step.name == name)


def _reasons(report: Report, colours: dict[str, str]) -> Figure:
    """The commonest reasons for drops, sources side by side in one bar; the sentence is shown on hovering."""
    shown = list(report.drops())[:REASONS]
    counts: dict[str, Counter[str]] = {step.source: Counter() for step in report.steps}
    for step in report.steps:
        counts[step.source].update(step.rejects)
    sentences = [reason_sentence(reason) for reason in shown]
    traces = [
        bar(source, shown, [counts[source][reason] for reason in shown], colours[source])
        | {"customdata": sentences, "hovertemplate": "%{x:,} rows<br>%{customdata}<extra>%{fullData.name}</extra>"}
        for source in counts
    ]
    return bars(traces, len(shown), "rows dropped")


def _outcomes(outcomes: Sequence[Outcomes], kind: str, colours: dict[str, str]) -> Figure | None:
    """The commonest finish reasons, flags or rules, sources side by side in one bar; None where there are none."""
    counts = {one.source: Counter(getattr(one, kind)) for one in outcomes}
    together = sum(counts.values(), Counter[str]())
    shown = sorted(together, key=lambda code: (-together[code], code))[:REASONS]
    if not shown:
        return None
    captions = {one.source: one.captions for one in outcomes}
    traces = [
        bar(source, shown, [count[code] for code in shown], colours[source], "captions")
        | {"customdata": [f"{count[code] / captions[source]:.1%}; {reason_sentence(code)}" for code in shown]}
        | {"hovertemplate": "%{x:,} captions, %{customdata}<extra>%{fullData.name}</extra>"}
        for source, count in counts.items()
    ]
    return bars(traces, len(shown), "captions")


def _scores(scores: Sequence[Scores], colours: dict[str, str]) -> Figure:
    """Images by score, and over it the share that any threshold would keep."""
    used = [index for one in scores for index, count in enumerate(one.counts) if count]
    first, end = (min(used), max(used) + 1) if used else (0, len(scores[0].counts))
    data: list[Figure] = [
        {
            "type": "bar",
            "name": plain(one.source),
            "x": [(index + 0.5) * SCORE_STEP for index in range(first, end)],
            "y": list(one.counts[first:end]),
            "width": SCORE_STEP,
            "marker": {"color": colours.get(one.source, OLD)},
            "hovertemplate": "score about %{x:.2f}: %{y:,} images<extra>%{fullData.name}</extra>",
        }
        for one in scores
    ]
    together = Scores(source="", counts=[sum(column) for column in zip(*(one.counts for one in scores), strict=True)])
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "share over it",
            "x": [index * SCORE_STEP for index in range(first, end + 1)],
            "y": [round(share, 4) for share in [*together.share_over(), 0.0][first : end + 1]],
            "yaxis": "y2",
            "line": {"color": OLD, "width": 2.5},
            "hovertemplate": "a threshold of %{x} keeps %{y:.1%}<extra></extra>",
        }
    )
    layout: Figure = {
        "barmode": "stack",
        "bargap": 0,
        "height": 380,
        "xaxis": {"title": {"text": "aesthetic score"}},
        "yaxis": {"title": {"text": "images"}, "rangemode": "tozero", "fixedrange": True},
        "yaxis2": {"overlaying": "y", "side": "right", "tickformat": ".0%", "range": [0, 1.03], "showgrid": False}
        | {"title": {"text": "kept at this threshold"}, "tickvals": [0, 0.25, 0.5, 0.75, 1], "fixedrange": True},
    }
    thresholds = sorted({one.threshold for one in scores if one.threshold is not None})
    return {"data": data, "layout": layout | mark([(one, f"kept: over {one:g}") for one in thresholds])}
