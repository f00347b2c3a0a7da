"""A judge that really looks: whether a crop is mostly of the colour that the question names."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from curation.stage import execution
from training.evaluation.judge import Answer, Judge, check_pairs

CHANNELS = {"red": 0, "green": 1, "blue": 2}
COLOURS = {"red": (200, 20, 10), "green": (20, 200, 10), "blue": (10, 20, 200), "grey": (90, 90, 90)}


@dataclass(kw_only=True)
class LookingJudge(Judge):
    """Says yes where the named channel is the brightest, with its share of the light as the probability.

    Args:
        model: a name that answers are stamped with.
        threads: whether workers share this judge.
        dies_at: ends in an error at this question, to see what is kept.
        pause: seconds that a call takes.
        log: a file to which every question is written, to see what is asked.
        batch_size: questions a call.
    """

    model: str = "looking"
    threads: bool = execution(False)
    dies_at: str = execution("")
    pause: float = execution(0.0)
    log: str = execution("")
    batch_size: int = execution(3)

    @property
    def in_threads(self) -> bool:  # type: ignore[override]
        return self.threads

    def setup(self) -> None:
        if self.model == "broken":
            raise ValueError("model 'broken': cannot be loaded")
        self._ready = True

    def answer(self, images: Sequence[Image.Image], questions: Sequence[str]) -> list[Answer]:
        check_pairs(images, questions)
        assert self._ready
        if self.log:
            with Path(self.log).open("a") as file:
                file.write("".join(f"{question}\n" for question in questions))
        time.sleep(self.pause)
        if self.dies_at in questions:
            raise OSError("the judge died")
        return [_look(image, question) for image, question in zip(images, questions, strict=True)]


def _look(image: Image.Image, question: str) -> Answer:
    light = np.asarray(image, np.float64).mean((0, 1))  # (3,)
    channel = next((number for colour, number in CHANNELS.items() if colour in question), None)
    if channel is None:
        return Answer(text="perhaps")
    others = np.delete(light, channel)
    return Answer(text="yes" if light[channel] > others.max() + 20 else "no", yes=float(light[channel] / light.sum()))


def save_grid(path: Path, colours: Sequence[str], side: int = 8) -> None:
    """A 2x2 grid of four colours: top left, top right, bottom left, bottom right."""
    grid = Image.new("RGB", (2 * side, 2 * side))
    for number, colour in enumerate(colours):
        grid.paste(
            COLOURS[colour],
            (number % 2 * side, number // 2 * side, number % 2 * side + side, number // 2 * side + side),
        )
    grid.save(path)
