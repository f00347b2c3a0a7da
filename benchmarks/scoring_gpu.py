"""How fast a GPU scores images: CLIP ViT-L/14 with the aesthetic head, images on the device already, and from a tar.

python -m benchmarks.scoring_gpu                                               on a GPU, some minutes
python -m benchmarks.scoring_gpu --device cpu --model ViT-B-32 --images 8      the same code, to see that it runs

Weights are random, which changes no time. First, the scores of the bf16 model, compiled or not, are compared with
those in fp32. Then the ways to run the tower take turns over pixels that are on the device, and the fastest of them
reads a tar of JPEGs, decoded by threads, as the stage does it.
"""

import argparse
import logging
import os
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import open_clip
import torch
from torch import Tensor, nn

from benchmarks.interleaved import interleave, machine
from benchmarks.photograph_server import bodies
from curation.aesthetic import AestheticHead, AestheticPredictor
from curation.aesthetic.transform import ClipTransform
from curation.download.decoding import ImageLimits, decode
from curation.tar import Parts, TarWriter, read_tar

GOAL = 2400
"""Images/s that are on the device already."""

MOST_OFF = 0.1
"""By how much a score in bf16 may be off: more is no rounding but a mistake. Scores differ by about 1."""

Tower = Callable[[Tensor], Tensor]
"""Pixels (B, 3, H, W) to embeddings (B, D)."""


def make_tower(model: str, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """CLIP's image tower with random weights, the same ones each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        clip = open_clip.create_model(model, pretrained=None)
    tower: nn.Module = clip.visual
    return tower.to(device, dtype).eval().requires_grad_(False)


def make_towers(model: str, device: torch.device) -> dict[str, tuple[Tower, torch.memory_format]]:
    """The ways to run the tower in bf16, each with the layout of its pixels."""
    plain = make_tower(model, device, torch.bfloat16)
    last = make_tower(model, device, torch.bfloat16).to(memory_format=torch.channels_last)
    compiled = torch.compile(last, mode="max-autotune" if device.type == "cuda" else "default")
    return {
        "bf16": (plain, torch.contiguous_format),
        "bf16, channels_last": (last, torch.channels_last),
        "bf16, channels_last, compiled": (compiled, torch.channels_last),
    }


def make_head(model: str) -> AestheticHead:
    """A head of random weights for the model's embeddings, whose scores differ as much as real ones do."""
    widths = (open_clip.get_model_config(model)["embed_dim"], 1024, 128, 64, 16, 1)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        head = AestheticHead(widths)
        for name, weight in head.named_parameters():
            nn.init.zeros_(weight) if name.endswith("bias") else nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
    return head.eval()


def predictor(tower: Tower, model: str, device: torch.device) -> AestheticPredictor:
    """The project's predictor over a tower."""
    size = open_clip.get_model_config(model)["vision_cfg"]["image_size"]
    transform = ClipTransform(size, open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    assert isinstance(tower, nn.Module)
    return AestheticPredictor(tower, make_head(model), transform, device)


def write_tar(path: Path, images: int) -> None:
    """A tar of photographs whose short edge is 512 pixels, the least that the paper takes."""
    photographs = bodies((512,), variants=4)
    with path.open("wb") as file, TarWriter(file) as tar:
        for number in range(images):
            tar.write(f"{number:09d}", {"jpg": photographs[number % len(photographs)]})


def score_tar(path: Path, scorer: AestheticPredictor, batch_size: int, threads: int) -> Tensor:
    """Scores (N,) of the images in a tar: decoded by threads while the batch before is being scored."""
    decoded = _decoded(path, scorer, batch_size, threads)
    scores = []
    while batch := list(islice(decoded, batch_size)):
        scores.append(scorer.score(torch.stack(batch), batch_size))
    return torch.cat(scores)


def _decoded(path: Path, scorer: AestheticPredictor, batch_size: int, threads: int) -> Iterator[Tensor]:
    def pixels(parts: Parts) -> Tensor:
        return scorer.preprocess(decode(parts["jpg"], ImageLimits(min_size=1)).image)

    waiting: deque[Future[Tensor]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for _, parts in read_tar(str(path)):
            waiting.append(pool.submit(pixels, parts))
            if len(waiting) >= 2 * batch_size:
                yield waiting.popleft().result()
        yield from (image.result() for image in waiting)


def resident(model: str, device: torch.device, *, images: int, rounds: int) -> tuple[str, str]:
    """Rows of the table for pixels that are on the device, and the name of the fastest way.

    Raises:
        RuntimeError: a way gives other scores than fp32 does.
    """
    towers = make_towers(model, device)
    exact = predictor(make_tower(model, device, torch.float32), model, device)
    size = open_clip.get_model_config(model)["vision_cfg"]["image_size"]
    pixels = torch.randn(images, 3, size, size, generator=torch.Generator().manual_seed(2)).to(device)
    expected = exact.score(pixels, images)
    laid = {layout: pixels.bfloat16().to(memory_format=layout) for _, layout in towers.values()}
    runs: dict[str, Callable[[], object]] = {}
    largest: dict[str, float] = {}
    for name, (tower, layout) in towers.items():
        scorer = predictor(tower, model, device)
        off = (scorer.score(laid[layout], images) - expected).abs().max().item()
        if not off <= MOST_OFF:
            raise RuntimeError(f"{name}: a score is off by {off:.3f}, expected at most {MOST_OFF}: nothing to compare")
        largest[name] = off
        runs[name] = lambda scorer=scorer, given=laid[layout]: scorer.score(given, images)  # which waits for the device
    interleave(runs, 2)
    seconds = {name: statistics.median(taken) for name, taken in interleave(runs, rounds).items()}
    lines = []
    for name, taken in seconds.items():
        speed = images / taken
        verdict = f"{GOAL}: {'met' if speed >= GOAL else 'missed'} by {abs(speed - GOAL):.0f}"
        lines.append(f"| on the device, {name} | {speed:.1f} | {largest[name]:.4f} | {verdict} |")
    return "\n".join(lines), min(seconds, key=lambda name: seconds[name])


def from_tar(
    model: str, device: torch.device, fastest: str, *, images: int, batch_size: int, threads: int, rounds: int
) -> str:
    """The row of the table for a tar, from JPEG to score."""
    scorer = predictor(make_towers(model, device)[fastest][0], model, device)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "00000.tar"
        write_tar(path, images)
        scored = score_tar(path, scorer, batch_size, threads)
        if len(scored) != images or not scored.isfinite().all():
            raise RuntimeError(f"{images} images in the tar, and {int(scored.isfinite().sum())} have a score")
        run = {"tar": lambda: score_tar(path, scorer, batch_size, threads)}
        wall = statistics.median(interleave(run, rounds)["tar"])
        cpu = statistics.median(interleave(run, 1, time.process_time)["tar"])
    return (
        f"| from a tar of JPEGs of 512 px, {threads} threads, {fastest} | {images / wall:.1f} | | "
        f"none; {1000 * cpu / images:.2f} ms of CPU an image |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the scoring of images on a GPU.")
    parser.add_argument("--model", default="ViT-L-14")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, default=256, help="of a batch; the tar has sixteen times as many")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="that decode")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU: --device cpu shows that the code runs, and measures nothing of interest")
    logging.getLogger().setLevel(logging.ERROR)  # open_clip warns of random weights
    torch.backends.cudnn.benchmark = True
    name = torch.cuda.get_device_name() if device.type == "cuda" else "no GPU"
    print(f"{machine()}; {name}; {arguments.model}, batches of {arguments.images}")
    print("| images | images/s (median) | scores differ from fp32 by at most | goal |\n|---|---|---|---|", flush=True)
    rows, fastest = resident(arguments.model, device, images=arguments.images, rounds=arguments.rounds)
    print(rows, flush=True)
    sizes = {"images": 16 * arguments.images, "batch_size": arguments.images, "threads": arguments.threads}
    print(from_tar(arguments.model, device, fastest, **sizes, rounds=min(3, arguments.rounds)))


if __name__ == "__main__":
    main()
