"""The two ways to score T2I-CompBench: as the published scripts do, and without their known faults.

Both get the same answers and boxes, so that a score of one can be set beside a score of the other; neither asks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from training.evaluation.compbench import Category, attributes, spatial
from training.evaluation.compbench.images import Drawing, Drawings
from training.evaluation.compbench.language import Parser
from training.evaluation.scores import PromptScore

Kind = Literal["spatial", "action", "both"]
"""What a complex prompt tells beside attributes: where things are, what they do, or both."""

SCORE = "score"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the models say about one image, each as far as it was asked.

    Args:
        yes: P(yes) / (P(yes) + P(no)) of every thing that the prompt names.
        boxes: what was detected, in the frame in which distances are measured.
        cosine: of the image and its prompt, by CLIP.
    """

    yes: Sequence[float] = ()
    boxes: Sequence[spatial.Box] = ()
    cosine: float = 0.0


Gather = Callable[[Drawing, str], Evidence]
"""What is known of a readable image, for a text that it is compared with."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How one category is scored.

    Args:
        category: the category.
        parser: finds things and relations in prompts.
        kinds: of complex prompts, as the benchmark lists them; what is not listed is told by its words.
    """

    category: Category
    parser: Parser
    kinds: Mapping[str, Kind]

    def measures(self, prompt: str) -> tuple[str, ...]:
        """What the score of an image of `prompt` is the mean of: `attributes`, `spatial`, `cosine`."""
        if self.category == "complex":
            return {
                "spatial": ("spatial", "attributes"),
                "action": ("cosine", "attributes"),
                "both": ("spatial", "cosine", "attributes"),
            }[self.kind(prompt)]
        return {"spatial": ("spatial",), "non-spatial": ("cosine",)}.get(self.category, ("attributes",))

    def kind(self, prompt: str) -> Kind:
        """Of a complex prompt: as listed, or else by whether it tells a known relation and has a verb."""
        if prompt in self.kinds:
            return self.kinds[prompt]
        scene = spatial.scene(prompt, self.parser)
        if scene is None or scene.relation is None:
            return "action"
        return "both" if self.parser.has_verb(prompt) else "spatial"

    def published(self, prompt: str, evidence: Evidence) -> float:
        """Score of one image as the published scripts give it."""
        scores: Mapping[str, Callable[[], float]] = {
            "attributes": lambda: attributes.published_score(evidence.yes),
            "spatial": lambda: spatial.published_score(spatial.scene(prompt, self.parser), evidence.boxes),
            "cosine": lambda: evidence.cosine,
        }
        return fmean(scores[measure]() for measure in self.measures(prompt))

    def fixed(self, prompt: str, evidence: Evidence) -> float:
        """The same without known faults, for a prompt that is `judgeable`; what says nothing is left out."""
        scores: Mapping[str, Callable[[], float | None]] = {
            "attributes": lambda: attributes.fixed_score(evidence.yes),
            "spatial": lambda: spatial.fixed_score(spatial.scene(prompt, self.parser), evidence.boxes),
            "cosine": lambda: evidence.cosine,
        }
        return fmean(score for measure in self.measures(prompt) if (score := scores[measure]()) is not None)

    def judgeable(self, prompt: str) -> bool:
        """Whether the prompt gives anything to judge an image by: a thing, a known relation, or its text as such."""
        scene = spatial.scene(prompt, self.parser)
        gives = {
            "attributes": bool(attributes.questions(prompt, self.parser)),
            "spatial": scene is not None and scene.relation is not None,
            "cosine": True,
        }
        return any(gives[measure] for measure in self.measures(prompt))


def published(drawings: Drawings, gather: Gather, rules: Rules) -> list[PromptScore]:
    """Every image counts once; one that cannot be read is left out.

    Args:
        drawings: the images.
        gather: what is known of them.
        rules: of the category.
    """
    result = []
    for prompt, images in drawings.by_prompt.items():
        told = [(image, image.published_prompt) for image in images if image.picture.size]
        scores = [rules.published(text, gather(image, text)) for image, text in told]
        if scores:
            result.append(PromptScore(prompt_id=prompt, parts={SCORE: (sum(scores), len(scores))}))
    return result


def fixed(drawings: Drawings, gather: Gather, rules: Rules) -> list[PromptScore]:
    """Every prompt counts once, with the mean of its images; one that is unreadable scores 0, and so does no image.

    Args:
        drawings: the images.
        gather: what is known of them.
        rules: of the category.
    """
    result = []
    for prompt, images in drawings.by_prompt.items():
        if rules.judgeable(prompt):
            scores = [rules.fixed(prompt, gather(image, prompt)) if image.picture.size else 0.0 for image in images]
            result.append(PromptScore(prompt_id=prompt, parts={SCORE: (fmean(scores or [0.0]), 1.0)}))
    return result
