"""One evaluation on DPG-Bench: questions asked, both rules applied to the answers, the result written."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from curation import storage
from training.evaluation.answers import Answers, Asked
from training.evaluation.asking import Progress, Question, ask
from training.evaluation.dpg.benchmark import Benchmark
from training.evaluation.dpg.images import Images, Protocol
from training.evaluation.dpg.rules import LEVEL1, LEVEL2, OVERALL, Replies, fixed, legacy
from training.evaluation.judge import NO, YES, Judge
from training.evaluation.pictures import grid_crops
from training.evaluation.prompt_scores import Prompt, PromptScores, write_prompt_scores
from training.evaluation.scores import PromptScore, estimates
from training.evaluation.wording import shortened

FILE = "dpg.json"
PROMPTS = "dpg_prompts.parquet"
BENCHMARK = "dpg-bench"
_EXAMPLES = 10
"""Kinds of odd answers that are shown; the rest are counted."""


def evaluate(
    images: Images,
    benchmark: Benchmark,
    judge: Judge,
    output: str,
    *,
    protocol: Protocol,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score images, and leave `dpg.json`, `dpg_prompts.parquet` and `answers.parquet` in `output`.

    Args:
        images: what `find` found.
        benchmark: the table.
        judge: answers what `output` has no answer of it to.
        output: a folder; made if need be.
        protocol: the layout of the images.
        workers: processes or threads that ask.
        progress: is told of every batch of answers.

    Returns:
        What `dpg.json` holds; scores are in percent.

    Raises:
        ValueError, OSError: the judge cannot work, or failed; what was answered is kept.
    """
    replies = _replies(images, benchmark, judge, output, protocol=protocol, workers=workers, progress=progress)
    rules = {"legacy": legacy(benchmark, replies), "fixed": fixed(benchmark, replies, protocol.crops)}
    result = {
        "benchmark": BENCHMARK,
        "images": images.folder,
        "judge": json.loads(judge.identity),
        "protocol": asdict(protocol),
        "items": len(benchmark.items),
        "missing": dict(images.missing),
        "unused_images": list(images.unused),
        "broken": list(benchmark.broken),
        "answers": _answers(replies),
        **{rule: _summary(scores, protocol.seed) for rule, scores in rules.items()},
    }
    prompts = {
        item_id: Prompt(text=item.text, image=images.found[item_id].path if item_id in images.found else None)
        for item_id, item in benchmark.items.items()
    }
    write_prompt_scores(storage.join(output, PROMPTS), PromptScores(prompts=prompts, rules=rules))
    storage.write_json(storage.join(output, FILE), result)
    return result


def _replies(
    images: Images, benchmark: Benchmark, judge: Judge, output: str, *, protocol: Protocol, **how: Any
) -> Replies:
    """The answers to every question about every image, those that were known and those that had to be asked."""
    crops = grid_crops(protocol.resolution, protocol.crops)
    answers = Answers(output, judge.identity)
    asked = {
        item_id: [
            {question: Asked(image=picture.sha256, crop=crop, question=question) for question in questions}
            for questions in [benchmark.items[item_id].questions]
            for crop in crops
        ]
        for item_id, picture in images.found.items()
    }
    questions = (
        Question(path=images.found[item_id].path, asked=one)
        for item_id, by_crop in asked.items()
        for by_question in by_crop
        for one in by_question.values()
    )
    ask(judge, questions, answers, **how)
    return {
        item_id: [{question: answers[one].text for question, one in by_question.items()} for by_question in by_crop]
        for item_id, by_crop in asked.items()
    }


def _summary(scores: Sequence[PromptScore], seed: int) -> dict[str, Any]:
    """Percentages as the published script names them, and the same tree again with their intervals."""
    values: dict[str, Any] = {"items": len(scores), OVERALL: None, LEVEL1: {}, LEVEL2: {}}
    bounds: dict[str, Any] = {OVERALL: None, LEVEL1: {}, LEVEL2: {}}
    for name, estimate in estimates(scores, seed=seed).items():
        level, _, category = name.partition("/")
        value, interval = 100 * estimate.value, [100 * estimate.low, 100 * estimate.high]
        if category:
            values[level][category], bounds[level][category] = value, interval
        else:
            values[level], bounds[level] = value, interval
    return {**values, "intervals": bounds}


def _answers(replies: Replies) -> dict[str, Any]:
    """How many answers of which kind, and the commonest of those that are neither yes nor no."""
    texts = Counter(text for crops in replies.values() for answers in crops for text in answers.values())
    neither: Counter[str] = Counter()
    for text, count in texts.items():
        if text not in (YES, NO):
            neither[shortened(text)] += count
    return {
        YES: texts[YES],
        NO: texts[NO],
        "neither": neither.total(),
        "examples": dict(sorted(neither.items(), key=lambda pair: (-pair[1], pair[0]))[:_EXAMPLES]),
    }
