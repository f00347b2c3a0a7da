"""BLIP-VQA, the score of colour, shape and texture: is each thing that the prompt names on the image?"""

import math
from collections.abc import Sequence

from training.evaluation.compbench.language import Parser

IMAGE_SIZE = 480
"""Side to which the published script scales images, in pixels."""
NO_THING = frozenset({"top", "the side", "the left", "the right"})
"""Chunks that name a place."""
MOST_QUESTIONS = 8
"""Chunks of a prompt that the published script asks about."""
_STRIPPED = str.maketrans("", "", '.!"()*#:;~')


def questions(prompt: str, parser: Parser) -> list[str]:
    """A question for each thing: `a red cup?`."""
    chunks = (chunk for chunk in parser.chunks(prompt) if chunk not in NO_THING)
    return [f"{chunk}?".lower().translate(_STRIPPED) for chunk in chunks]


def published_score(yes: Sequence[float]) -> float:
    """Product of the first 8 probabilities, all rounded to 4 decimals; 1 where there is none to ask for.

    Args:
        yes: P(yes) / (P(yes) + P(no)) of each question's answer.
    """
    return round(math.prod(round(value, 4) for value in yes[:MOST_QUESTIONS]), 4)


def fixed_score(yes: Sequence[float]) -> float | None:
    """Product of all probabilities; None for a prompt that names nothing, which says nothing about the image."""
    return math.prod(yes) if yes else None
