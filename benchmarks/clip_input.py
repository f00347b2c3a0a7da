"""JPEG to CLIP's input, as the AestheticScore stage does it against open_clip's own transform: speed and scores.

python -m benchmarks.clip_input                                            a small CLIP with a head that is made here
python -m benchmarks.clip_input --model ViT-L-14 --head PATH --variants 2  the real one, where its weights are

First the scores that follow from both are compared, image for image, and the decisions at two thresholds: at 6, and at
the median of the scores, where most are at stake. Then both transforms run in turn on one thread.
"""

import argparse
import io
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch
from PIL import Image
from torch import Tensor

from benchmarks.interleaved import interleave, machine, speedup
from benchmarks.photograph_server import bodies
from curation.aesthetic import AestheticPredictor
from curation.download.decoding import ImageLimits, decode
from pipelines.miniature.aesthetic import make_clip

SHORT_EDGES = (256, 512, 640, 768, 1024)
"""Of the photographs, in pixels; the download keeps up to 1024."""

GOAL, MAX_DIFFERENCE, MAX_FLIPPED, THRESHOLD = 1.5, 0.02, 0.001, 6.0

Transform = Callable[[bytes], Tensor]
"""A JPEG to what CLIP takes: (3, S, S)."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far scores (N,) of the same images are apart."""

    ours: Tensor
    theirs: Tensor

    @property
    def largest(self) -> float:
        """The largest difference of two scores."""
        return (self.ours - self.theirs).abs().max().item()

    @property
    def mean(self) -> float:
        """The mean difference."""
        return (self.ours - self.theirs).abs().mean().item()

    def flipped(self, threshold: float) -> float:
        """The share of images that one side takes and the other does not."""
        return ((self.ours > threshold) != (self.theirs > threshold)).float().mean().item()

    def __str__(self) -> str:
        median = self.theirs.median().item()
        good = self.largest <= MAX_DIFFERENCE and max(self.flipped(t) for t in (THRESHOLD, median)) <= MAX_FLIPPED
        low, high = self.theirs.min().item(), self.theirs.max().item()
        return (
            f"{len(self.ours)} images with scores of {low:.2f} to {high:.2f}: the largest difference of two scores is "
            f"{self.largest:.4f}, the mean {self.mean:.5f}; decisions flipped: {self.flipped(THRESHOLD):.2%} at "
            f"{THRESHOLD:g}, {self.flipped(median):.2%} at the median of {median:.2f} "
            f"(goals: {MAX_DIFFERENCE} and {MAX_FLIPPED:.1%}: {'met' if good else 'missed'})"
        )


def transforms(predictor: AestheticPredictor, size: int) -> dict[str, Transform]:
    """Both ways from JPEG to input: open_clip's with Pillow, and the stage's."""
    own = open_clip.image_transform(size, is_train=False)
    limits = ImageLimits(min_size=1, max_aspect_ratio=math.inf)

    def theirs(content: bytes) -> Tensor:
        transformed: Tensor = own(Image.open(io.BytesIO(content)))
        return transformed

    return {"open_clip": theirs, "AestheticScore": lambda content: predictor.preprocess(decode(content, limits).image)}


def compare_scores(predictor: AestheticPredictor, ways: dict[str, Transform], images: list[bytes]) -> Agreement:
    """Scores of all images by both ways."""

    def score(way: Transform) -> Tensor:
        starts = range(0, len(images), 64)
        return torch.cat([predictor.score(torch.stack([way(one) for one in images[s : s + 64]])) for s in starts])

    return Agreement(ours=score(ways["AestheticScore"]), theirs=score(ways["open_clip"]))


def compare_speeds(ways: dict[str, Transform], images: list[bytes], rounds: int) -> str:
    """CPU milliseconds an image of both, and how they compare, as the end of a table's row."""
    contenders = {name: lambda way=way: [way(image) for image in images] for name, way in ways.items()}
    interleave(contenders, 1)  # the first call loads things
    seconds = interleave(contenders, rounds, time.thread_time)
    theirs, ours = (1000 * statistics.median(seconds[name]) / len(images) for name in ("open_clip", "AestheticScore"))
    faster = speedup(seconds["open_clip"], seconds["AestheticScore"])
    verdict = f"{'met' if faster >= GOAL else 'missed'} by {abs(faster - GOAL):.2f}"
    return f"{theirs:.2f} ms | {ours:.2f} ms | {faster:.2f}x | {GOAL}x: {verdict} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the way from JPEG to CLIP's input, and compare the scores.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--variants", type=int, default=34, help="of each photograph at each size, for the scores")
    parser.add_argument("--model", help="open_clip's name of a CLIP, or a folder; without, one is made here")
    parser.add_argument("--pretrained", default="openai", help="tag or file of its weights")
    parser.add_argument("--head", help="its aesthetic head")
    arguments = parser.parse_args()
    if arguments.model and not arguments.head:
        parser.error("--model needs a --head that was made for it")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model, head = arguments.model, arguments.head
        if model is None:
            model, head = f"{folder}/clip", f"{folder}/clip/aesthetic_head.pth"
            make_clip(Path(model), seed=0)
        predictor = AestheticPredictor.from_pretrained(model, arguments.pretrained, head, device="cpu")
    ways = transforms(predictor, 224)
    print(f"{machine()}; load {os.getloadavg()[0]:.1f} at the start; {arguments.model or 'a small CLIP'}")
    print(compare_scores(predictor, ways, bodies(SHORT_EDGES, arguments.variants)), flush=True)
    print("| short edge | open_clip: CPU an image | AestheticScore: CPU an image | faster by | goal |")
    print("|---|---|---|---|---|")
    for edge in SHORT_EDGES:
        print(f"| {edge} px | {compare_speeds(ways, bodies((edge,)), arguments.rounds)}", flush=True)
    print(f"| all | {compare_speeds(ways, bodies(SHORT_EDGES), arguments.rounds)}")


if __name__ == "__main__":
    main()
