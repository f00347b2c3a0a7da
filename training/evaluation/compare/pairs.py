"""The same prompt in every run: what each scored, and where its image is."""

from collections.abc import Sequence
from dataclasses import dataclass

from curation import storage
from training.evaluation.compare.runs import FILES, Run
from training.evaluation.compbench.rules import SCORE
from training.evaluation.dpg.rules import OVERALL
from training.evaluation.scores import PromptScore


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one run made of a prompt.

    Args:
        run: its name.
        score: 0 to 1; None where its rule gave none.
        image: path; None where there is none.
    """

    run: str
    score: float | None
    image: str | None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One prompt in every run.

    Args:
        evaluation: what it is a prompt of.
        prompt_id: tells it from others there.
        text: the prompt.
        sides: one for each run, in their order.
    """

    evaluation: str
    prompt_id: str
    text: str
    sides: Sequence[Side]

    @property
    def difference(self) -> float:
        """How much more the last run that scored it has than the first that did; 0 where fewer than two did."""
        scores = [side.score for side in self.sides if side.score is not None]
        return scores[-1] - scores[0] if len(scores) > 1 else 0.0


def pairs(runs: Sequence[Run]) -> list[Pair]:
    """Every prompt that two runs or more have, those that differ most first."""
    found = [pair for what in FILES for pair in _pairs(runs, what)]
    return sorted(found, key=lambda pair: (-abs(pair.difference), pair.evaluation, pair.prompt_id))


def _pairs(runs: Sequence[Run], what: str) -> list[Pair]:
    evaluated = {run.name: run.evaluations[what] for run in runs if what in run.evaluations}
    scores = {name: {score.prompt_id: _mean(score) for score in one.scores} for name, one in evaluated.items()}
    texts = {prompt_id: prompt.text for one in evaluated.values() for prompt_id, prompt in one.prompts.items()}
    folders = {run.name: run.folder for run in runs}
    result = []
    for prompt_id, text in sorted(texts.items()):
        sides = [
            Side(
                run=name,
                score=scores[name].get(prompt_id),
                image=_locate(one.prompts[prompt_id].image, folders[name]) if prompt_id in one.prompts else None,
            )
            for name, one in evaluated.items()
        ]
        if sum(prompt_id in one.prompts for one in evaluated.values()) > 1:
            result.append(Pair(evaluation=what, prompt_id=prompt_id, text=text, sides=sides))
    return result


def _mean(score: PromptScore) -> float | None:
    """A prompt's own score: overall, where it adds to several."""
    total, count = score.parts.get(OVERALL) or score.parts.get(SCORE) or (0.0, 0.0)
    return total / count if count else None


def _locate(image: str | None, run: str) -> str | None:
    """Where an image is now: where it was when it was judged, or as deep in the run's folder, if that has moved."""
    if image is None:
        return None
    candidates = (image, storage.join(run, *image.split("/")[-2:]), storage.join(run, image.split("/")[-1]))
    return next((path for path in candidates if storage.exists(path)), None)
