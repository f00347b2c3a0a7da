"""One evaluation of a category of T2I-CompBench: models asked, both rules applied, the result written."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curation import storage
from training.evaluation.answers import Answers, Asked
from training.evaluation.asking import Progress, Question, ask
from training.evaluation.compbench import attributes, detector, prompts_file, result_file, spatial
from training.evaluation.compbench.clip import ClipSimilarity, cosine
from training.evaluation.compbench.detector import Detector
from training.evaluation.compbench.images import Drawing, Drawings
from training.evaluation.compbench.rules import SCORE, Evidence, Rules, fixed, published
from training.evaluation.judge import Answer, Judge
from training.evaluation.pictures import WHOLE
from training.evaluation.prompt_scores import Prompt, PromptScores, write_prompt_scores
from training.evaluation.scores import PromptScore, estimates

BENCHMARK = "t2i-compbench"


@dataclass(frozen=True, kw_only=True)
class Models:
    """Who is asked.

    Args:
        judge: whether a thing is on an image; has to give probabilities.
        detector: where things are.
        clip: how well an image fits its prompt.
    """

    judge: Judge
    detector: Detector = field(default_factory=Detector)
    clip: ClipSimilarity = field(default_factory=ClipSimilarity)

    def of(self, measure: str) -> Judge:
        """The model that a measure of `Rules.measures` needs."""
        return {"attributes": self.judge, "spatial": self.detector, "cosine": self.clip}[measure]


def evaluate(
    drawings: Drawings,
    rules: Rules,
    models: Models,
    output: str,
    *,
    workers: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score the images of a category, and leave its result, its prompts' scores and all answers in `output`.

    Args:
        drawings: what `find` found.
        rules: of the category.
        models: asked for what `output` has no answer of theirs to.
        output: a folder; made if need be.
        workers: processes or threads that ask.
        seed: of the prompts that are drawn for the intervals.
        progress: is told of every batch of answers.

    Returns:
        What the result file holds; scores are from 0 to 1.

    Raises:
        ValueError, OSError: a model cannot work, or gives no probabilities; what was answered is kept.
    """
    texts = {prompt for drawing in drawings.readable for prompt in (drawing.prompt, drawing.published_prompt)}
    measures = sorted({measure for text in texts for measure in rules.measures(text)})
    known = {
        measure: _ask(measure, models.of(measure), drawings, rules, output, workers=workers, progress=progress)
        for measure in measures
    }
    gather = _Gather(known=known, rules=rules)
    scores = {"legacy": published(drawings, gather, rules), "fixed": fixed(drawings, gather, rules)}
    result = {
        "benchmark": BENCHMARK,
        "category": rules.category,
        "images": drawings.folder,
        "parser": rules.parser.name,
        "models": {measure: json.loads(models.of(measure).identity) for measure in measures},
        "prompts": len(drawings.by_prompt),
        "drawings": len(drawings.readable),
        "unreadable": drawings.unreadable,
        "undrawn": drawings.undrawn,
        "silent": [prompt for prompt in drawings.by_prompt if not rules.judgeable(prompt)],
        **{rule: _summary(prompts, seed) for rule, prompts in scores.items()},
    }
    prompts = {
        prompt: Prompt(text=prompt, image=images[0].picture.path if images else None)
        for prompt, images in drawings.by_prompt.items()
    }
    write_prompt_scores(storage.join(output, prompts_file(rules.category)), PromptScores(prompts=prompts, rules=scores))
    storage.write_json(storage.join(output, result_file(rules.category)), result)
    return result


def _questions(measure: str, text: str, rules: Rules) -> Sequence[str]:
    """What the model of `measure` is asked about an image that is compared with `text`."""
    if measure not in rules.measures(text):
        return ()
    if measure == "attributes":
        return attributes.questions(text, rules.parser)
    if measure == "cosine":
        return (text,)
    scene = spatial.scene(text, rules.parser)
    return (detector.question([scene.first, scene.second]),) if scene else ()


def _ask(measure: str, judge: Judge, drawings: Drawings, rules: Rules, output: str, **how: Any) -> Answers:
    answers = Answers(output, judge.identity)
    ask(judge, _asked(measure, drawings, rules), answers, **how)
    return answers


def _asked(measure: str, drawings: Drawings, rules: Rules) -> Iterable[Question]:
    for drawing in drawings.readable:
        for text in dict.fromkeys((drawing.prompt, drawing.published_prompt)):
            for question in _questions(measure, text, rules):
                yield Question(path=drawing.picture.path, asked=_about(drawing, question))


def _about(drawing: Drawing, question: str) -> Asked:
    return Asked(image=drawing.picture.sha256, crop=WHOLE, question=question)


@dataclass(frozen=True, kw_only=True)
class _Gather:
    """Makes evidence of answers."""

    known: Mapping[str, Answers]
    rules: Rules

    def __call__(self, drawing: Drawing, text: str) -> Evidence:
        answers = {
            measure: [known[_about(drawing, question)] for question in _questions(measure, text, self.rules)]
            for measure, known in self.known.items()
        }
        assert drawing.picture.size is not None
        scale = spatial.frame_scale(drawing.picture.size)
        found = (box for answer in answers.get("spatial", ()) for box in detector.boxes(answer.text))
        return Evidence(
            yes=[_probability(answer) for answer in answers.get("attributes", ())],
            boxes=[box.scaled(scale) for box in found],
            cosine=next((cosine(answer.text) for answer in answers.get("cosine", ())), 0.0),
        )


def _probability(answer: Answer) -> float:
    if answer.yes is None:
        raise ValueError("the judge gives no probabilities, and BLIP-VQA is made of them: use one that does, as blip")
    return answer.yes


def _summary(scores: Sequence[PromptScore], seed: int) -> dict[str, Any]:
    estimate = estimates(scores, seed=seed).get(SCORE)
    if estimate is None:
        return {SCORE: None, "interval": None, "prompts": 0}
    return {SCORE: estimate.value, "interval": [estimate.low, estimate.high], "prompts": len(scores)}
