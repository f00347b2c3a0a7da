"""The sentence that a report opens with: what a person would act on first."""

from captioning.clip_tokens import CONTEXT
from captioning.report.content import Report
from curation.reasons import sentence_of


def headline(report: Report) -> str:
    """How much was kept, what took most of the rest, and how many captions CLIP's text encoder would cut."""
    clauses = [*_kept(report), *_cut(report)]
    return f"{'; '.join(clauses)}." if clauses else "There is nothing to report on yet."


def reason_sentence(code: str) -> str:
    """What a reason code means; the code itself where it is none of this project's."""
    return sentence_of(code) or code


def _kept(report: Report) -> list[str]:
    """The funnel in two clauses: nothing where no rows came in."""
    firsts = {step.source: step for step in reversed(report.steps)}
    rows = sum(step.rows for step in firsts.values())
    if not rows:
        return []
    lasts = {step.source: step for step in report.steps}
    kept = sum(step.kept for step in lasts.values())
    merged = all(step.name == "merged" for step in lasts.values())
    clauses = [
        f"{kept:,} of {rows:,} rows {'became training pairs' if merged else 'have a caption'} ({percent(kept / rows)})"
    ]
    drops = report.drops()
    if drops:
        reason, count = next(iter(drops.items()))
        why = reason_sentence(reason).rstrip(".")
        share = percent(count / sum(drops.values()))
        clauses.append(f"the main loss is {reason}, {share} of all drops: {why[:1].lower()}{why[1:]}")
    return clauses


def _cut(report: Report) -> list[str]:
    """The share over CLIP's limit: of all captions together, or of the file that has most of them."""
    captions = [texts for texts in report.texts if texts.is_caption and texts.statistics.texts]
    if not captions:
        return []
    if report.steps:
        cut = sum(texts.statistics.cut_by_clip * texts.statistics.texts for texts in captions)
        share = cut / sum(texts.statistics.texts for texts in captions)
        return [_advice(share, "the new captions")]
    longest = max(captions, key=lambda texts: texts.statistics.cut_by_clip)
    return [_advice(longest.statistics.cut_by_clip, f"the texts of {longest.name}")]


def _advice(share: float, what: str) -> str:
    if not share:
        return f"none of {what} are longer than the {CONTEXT} tokens that CLIP's text encoder takes"
    return (
        f"{percent(share)} of {what} are longer than the {CONTEXT} tokens that CLIP's text encoder takes, "
        "which would cut them"
    )


def percent(share: float) -> str:
    """A share with one decimal; one that rounds to nothing says that it is not nothing."""
    return "under 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"
