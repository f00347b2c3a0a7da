"""The sentence that a report opens with: what a person would act on first."""

from collections.abc import Sequence

from captioning.clip_tokens import CONTEXT
from captioning.encoder_tokens import ELLA_TOKENS, short_name
from captioning.report.content import Report, TextSet
from curation.reasons import sentence_of

MANY_REPEATS = 0.1
"""From this share of near duplicates on, they are worth a clause."""


def headline(report: Report) -> str:
    """How much was kept, what took most of the rest, and how many captions CLIP's text encoder would cut."""
    clauses = [*_kept(report), *_cut(report), *_repeats(report)]
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
    """The shares over CLIP's and ELLA's limits: of all captions together, or of the file that has most of them."""
    captions = [texts for texts in report.texts if texts.is_caption and texts.statistics.texts]
    if not captions:
        return []
    if report.steps:
        return [_advice(_together(captions, "cut_by_clip"), "the new captions"), *_over_128(captions)]
    longest = max(captions, key=lambda texts: texts.statistics.cut_by_clip)
    return [_advice(longest.statistics.cut_by_clip, f"the texts of {longest.name}"), *_over_128([longest])]


def _together(captions: Sequence[TextSet], share: str) -> float:
    """A share of each set's texts as the share of all texts."""
    number = sum(getattr(texts.statistics, share) * texts.statistics.texts for texts in captions)
    return float(number / sum(texts.statistics.texts for texts in captions))


def _over_128(captions: Sequence[TextSet]) -> list[str]:
    """What ELLA would cut, where a text encoder was named and its tokens are known of all captions."""
    names = {texts.text_encoder for texts in captions}
    if len(names) > 1 or any(texts.statistics.encoder_over_128 is None for texts in captions):
        return []
    share = _together(captions, "encoder_over_128")
    many = percent(share) if share else "none"
    return [f"{many} are longer than the {ELLA_TOKENS} tokens of {short_name(names.pop())} that ELLA takes"]


def _repeats(report: Report) -> list[str]:
    """Captions that repeat others are worth a clause where they are many."""
    shares = [(texts.statistics.duplicates.near or 0.0, texts.name) for texts in report.texts if texts.is_caption]
    share, name = max(shares, default=(0.0, ""))
    if share < MANY_REPEATS:
        return []
    return [f"{percent(share)} of {name} repeat another text word for word or nearly: look for them under What repeats"]


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
