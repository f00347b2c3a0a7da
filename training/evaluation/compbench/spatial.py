"""2D spatial relations, from boxes: is what the prompt names there, and where the prompt says?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.evaluation.compbench.language import Parser

THRESHOLD = 0.5
"""Detections under this score do not count, and neither do scores of images."""
SHORT_SIDE, LONG_SIDE = 479, 480
"""The frame in which distances are measured: images are scaled to this short side, and to this long side at most."""
NEAR_PIXELS = 150
MOST_OVERLAP = 0.1
"""Intersection over union up to which two things count as beside each other."""

_PEOPLE = frozenset({"girl", "boy", "man", "woman"})
_NEARNESS = ("on side of", "next to", "near")
_DIRECTIONS = ("on the left of", "on the right of", "on the bottom of", "on the top of")
_NO_RULE = "on top of"
RELATIONS = (*_NEARNESS, *_DIRECTIONS, _NO_RULE)
"""In the order in which they are looked for. The published script knows the last one and has no rule for it."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A thing that was detected.

    Args:
        label: what it is.
        score: how sure the detector is, 0 to 1.
        corners: left, top, right, bottom, in pixels.
    """

    label: str
    score: float
    corners: tuple[float, float, float, float]

    @property
    def center(self) -> tuple[float, float]:
        """Its middle."""
        left, top, right, bottom = self.corners
        return (left + right) / 2, (top + bottom) / 2

    def scaled(self, factor: float) -> "Box":
        """The same on an image scaled by `factor`."""
        left, top, right, bottom = (factor * edge for edge in self.corners)
        return Box(label=self.label, score=self.score, corners=(left, top, right, bottom))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a prompt wants where.

    Args:
        first: what it names first.
        second: what it names last.
        relation: of the first to the second; None where it tells none that the benchmark knows.
    """

    first: str
    second: str
    relation: str | None


def scene(prompt: str, parser: Parser) -> Scene | None:
    """What `prompt` wants where; None where it names nothing."""
    nouns = ["person" if noun in _PEOPLE else noun for noun in parser.nouns(prompt)]
    if not nouns:
        return None
    relation = next((relation for relation in RELATIONS if relation in prompt.lower()), None)
    return Scene(first=nouns[0], second=nouns[-1], relation=relation)


def frame_scale(size: tuple[int, int]) -> float:
    """By how much an image of `size` (width, height) is scaled to the frame in which distances are measured."""
    return min(SHORT_SIDE / min(size), LONG_SIDE / max(size))


def published_score(scene: Scene | None, boxes: Sequence[Box]) -> float:
    """A quarter for each thing's score and half for its place; under 0.5 nothing.

    Args:
        scene: what the prompt wants.
        boxes: what was detected, in the detector's order; the first of a label counts.
    """
    found = [box for box in boxes if box.score >= THRESHOLD]
    if scene is None:
        return 0.0
    first = next((box for box in found if box.label == scene.first), None)
    second = next((box for box in found if box.label == scene.second), None)
    return _score(first, second, 0.0 if scene.relation == _NO_RULE else _place(scene.relation, first, second))


def fixed_score(scene: Scene | None, boxes: Sequence[Box]) -> float | None:
    """The same with a rule for `on top of`, with the surest box of each label, and with two boxes for two of a kind.

    Returns:
        None for a prompt without things or without a relation that is known: it says nothing about the image.
    """
    if scene is None or scene.relation is None:
        return None
    surest = sorted((box for box in boxes if box.score >= THRESHOLD), key=lambda box: (-box.score, box.corners))
    first = next((box for box in surest if box.label == scene.first), None)
    second = next((box for box in surest if box.label == scene.second and box is not first), None)
    relation = "on the top of" if scene.relation == _NO_RULE else scene.relation
    if scene.first == scene.second and first and second:  # which is which, the prompt does not say
        return max(
            _score(first, second, _place(relation, first, second)),
            _score(second, first, _place(relation, second, first)),
        )
    return _score(first, second, _place(relation, first, second))


def _score(first: Box | None, second: Box | None, place: float) -> float:
    score = sum(0.25 * box.score for box in (first, second) if box) + 0.5 * place
    return score if score >= THRESHOLD else 0.0


def _place(relation: str | None, first: Box | None, second: Box | None) -> float:
    if first is None or second is None or relation is None:
        return 0.0
    dx = second.center[0] - first.center[0]
    dy = second.center[1] - first.center[1]
    if relation in _NEARNESS:
        near = abs(dx) < NEAR_PIXELS or abs(dy) < NEAR_PIXELS
        return 1.0 if near else NEAR_PIXELS / max(abs(dx), abs(dy))
    holds: dict[str, Callable[[], bool]] = {
        "on the left of": lambda: dx > 0 and abs(dx) > abs(dy),
        "on the right of": lambda: dx < 0 and abs(dx) > abs(dy),
        "on the bottom of": lambda: dy < 0 and abs(dy) > abs(dx),
        "on the top of": lambda: dy > 0 and abs(dy) > abs(dx),
    }
    if not holds[relation]():
        return 0.0
    overlap = _overlap(first, second)
    return 1.0 if overlap < MOST_OVERLAP else MOST_OVERLAP / overlap


def _overlap(first: Box, second: Box) -> float:
    """Intersection over union."""
    (a, b, c, d), (e, f, g, h) = first.corners, second.corners
    shared = max(0.0, min(c, g) - max(a, e)) * max(0.0, min(d, h) - max(b, f))
    union = (c - a) * (d - b) + (g - e) * (h - f) - shared
    return shared / union if union > 0 else 0.0
