"""How fast captions are written: refilled slots against the plain loop, and against a batch that waits for its longest.

python -m benchmarks.captioning          on a CPU, a model of 57 million parameters, about seven minutes
python -m benchmarks.captioning --gpu    on a GPU, CogVLM at 490 px with random weights, against the roofline
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.interleaved import interleave, machine, speedup
from captioning.cogvlm import CogVLM, CogVLMConfig, VisionConfig
from captioning.cogvlm.generation import generate

GOALS = {"plain loop": 3.0, "static batches": 1.3}
"""Times that refilled slots are to be faster than each."""

CONFIG = CogVLMConfig(
    hidden_size=768,
    intermediate_size=2048,
    num_hidden_layers=3,
    num_attention_heads=6,
    vocab_size=4000,
    max_position_embeddings=512,
    vision_config=VisionConfig(
        image_size=84,
        patch_size=14,
        hidden_size=256,
        intermediate_size=1024,
        num_heads=4,
        num_hidden_layers=4,
        num_positions=37,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be captioned.

    Args:
        model: by which model.
        pixels: (N, 3, S, S).
        prompt: the same for all.
        lengths: N caps, which make the rows end at different times: a random model has no idea when to stop.
    """

    model: CogVLM
    pixels: Tensor
    prompt: list[int]
    lengths: list[int]


def random_model(config: CogVLMConfig, device: str = "cpu", dtype: torch.dtype = torch.float32) -> CogVLM:
    """A model of random weights, made where it is to run."""
    with torch.device("meta"):
        model = CogVLM(config)
    model = model.to(dtype).to_empty(device=device).eval().requires_grad_(False)
    generator = torch.Generator(device).manual_seed(0)
    for name, weight in model.named_parameters():
        if "norm" in name:
            weight.fill_(0.0 if name.endswith("bias") else 1.0)
        else:
            weight.normal_(std=0.05, generator=generator)
    return model


def caption_lengths(images: int, longest: int = 160) -> list[int]:
    """Tokens of that many captions, log-normal as lengths of texts are: 62 on average (50 words), in random order."""
    shares = (torch.arange(images) + 0.5) / images
    lengths = (math.log(55) + 0.5 * torch.special.ndtri(shares)).exp().round().long().clamp(max=longest)
    return lengths[torch.randperm(images, generator=torch.Generator().manual_seed(1))].tolist()


def make_work(config: CogVLMConfig, lengths: list[int]) -> Work:
    """A random model and noise to look at."""
    size = config.vision_config.image_size
    return Work(
        model=random_model(config),
        pixels=torch.randn(len(lengths), 3, size, size, generator=torch.Generator().manual_seed(1)),
        prompt=list(range(10, 30)),
        lengths=lengths,
    )


def refilled(work: Work, slots: int) -> list[list[int]]:
    """As the project does it."""
    prompts = [work.prompt] * len(work.lengths)
    rows = generate(work.model, work.pixels, prompts, max_new_tokens=work.lengths, slots=slots)
    return [row.tokens for row in rows]


def static(work: Work, slots: int) -> list[list[int]]:
    """The same code, a batch at a time, so that slots idle until the longest row of their batch has ended."""
    written: list[list[int]] = []
    for first in range(0, len(work.lengths), slots):
        batch = slice(first, first + slots)
        lengths = work.lengths[batch]
        rows = generate(work.model, work.pixels[batch], [work.prompt] * len(lengths), max_new_tokens=lengths)
        written += [row.tokens for row in rows]
    return written


@torch.inference_mode()
def plain(work: Work) -> list[list[int]]:
    """What anybody would write first: an image at a time, keys and values that are put end to end."""
    return [_plain_row(work, row) for row in range(len(work.lengths))]


def _plain_row(work: Work, row: int) -> list[int]:
    model = work.model
    memories = [_Growing() for _ in model.model.layers]
    x = model.model.embed(work.pixels[row : row + 1], torch.tensor([work.prompt]))  # (1, T, width)
    slot = x.shape[1]
    hidden = model.model(x, memories=memories)
    tokens: list[int] = []
    while True:
        token = model.lm_head(hidden[:, -1]).argmax(-1)
        if token.item() in model.config.eos_token_id:
            return tokens
        tokens.append(int(token.item()))
        if len(tokens) == work.lengths[row]:
            return tokens
        everything = torch.ones(1, 1, 1, slot + 1, dtype=torch.bool)
        x = model.model.embed_tokens(token[:, None])
        hidden = model.model(x, slots=torch.tensor([[slot]]), memories=memories, mask=everything)
        slot += 1


class _Growing:
    """A layer's memory that is made anew for every token."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def __call__(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        self.keys = keys if self.keys is None else torch.cat([self.keys, keys], dim=2)
        self.values = values if self.values is None else torch.cat([self.values, values], dim=2)
        return self.keys, self.values


def compare(work: Work, *, slots: int, rounds: int) -> str:
    """Make sure that all three write the same, then time them; a table in Markdown.

    Raises:
        SystemExit: they differ.
    """
    contenders: dict[str, Callable[[], list[list[int]]]] = {
        "plain loop": lambda: plain(work),
        "static batches": lambda: static(work, slots),
        "refilled slots": lambda: refilled(work, slots),
    }
    first, *others = [run() for run in contenders.values()]  # which also warms up
    if any(other != first for other in others):
        sys.exit("the contenders wrote different captions: nothing to compare")
    alone = torch.get_num_threads() == 1
    seconds = interleave(contenders, rounds, clock=time.process_time if alone else time.perf_counter)
    tokens, images = sum(map(len, first)), len(first)
    lines = [
        f"| | {'CPU seconds' if alone else 'seconds'} (median) | images/s | refilled slots are faster by | goal |",
        "|---|---|---|---|---|",
    ]
    for name, taken in seconds.items():
        median = statistics.median(taken)
        faster = f"{speedup(taken, seconds['refilled slots']):.2f}x" if name in GOALS else ""
        goal = f"{GOALS[name]:g}x" if name in GOALS else ""
        lines.append(f"| {name} | {median:.2f} | {images / median:.1f} | {faster} | {goal} |")
    parameters = sum(weight.numel() for weight in work.model.parameters())
    facts = (
        f"{parameters / 1e6:.0f}M parameters, float32; {images} images, {tokens} tokens "
        f"({min(map(len, first))} to {max(map(len, first))} a row), {slots} slots, {rounds} rounds in turn"
    )
    return "\n".join([facts, "", *lines])


def main() -> None:
    """Read the arguments and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5, help="of all contenders in turn (CPU)")
    parser.add_argument("--threads", type=int, default=1, help="that PyTorch may use (CPU)")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--acceleration", choices=["none", "compile", "cuda-graphs"], default="none", help="(GPU)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(machine())
    if arguments.gpu:
        from benchmarks.captioning_gpu import measure

        print(measure(images=arguments.images, slots=arguments.slots, acceleration=arguments.acceleration))
        return
    work = make_work(CONFIG, caption_lengths(arguments.images))
    print(compare(work, slots=arguments.slots, rounds=arguments.rounds))


if __name__ == "__main__":
    main()
