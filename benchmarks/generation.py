"""What the connector costs beside the bare U-Net, at Stable Diffusion 1.5's own proportions, with random weights.

python -m benchmarks.generation --size 128 --rounds 3     to try it: half a minute and 4 GB
python -m benchmarks.generation                           512 px, as Stable Diffusion 1.5 draws: six minutes and 6 GB
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.interleaved import interleave, machine
from training.batch import TextFeatures
from training.connectors import TimestepAwareSemanticConnector
from training.inference import equip
from training.inference.loading import build_pipeline

GOAL = 0.05
"""Most of a step's time that the connector may take."""
SIZES = (256, 512, 768)
"""Of images, in pixels, for which the arithmetic is counted."""
Module = TypeVar("Module", bound=nn.Module)

CLIP_TOKENS, TEXT_TOKENS, TEXT_WIDTH = 77, 128, 2048


class Features:
    """Stands for a T5-XL that has read a prompt: what it costs is paid once an image and not once a step."""

    width = TEXT_WIDTH

    def __call__(self, captions: Sequence[str], /) -> TextFeatures:
        seed = sum(map(ord, captions[0]))
        features = torch.randn(1, TEXT_TOKENS, TEXT_WIDTH, generator=torch.Generator().manual_seed(seed))
        return TextFeatures(features=features)


def random_unet(device: str = "cpu") -> UNet2DConditionModel:
    """The U-Net of Stable Diffusion 1.5: 859,520,964 parameters."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
    return _with_random_weights(unet, device)


def random_connector(device: str = "cpu") -> TimestepAwareSemanticConnector:
    """ELLA's connector for Stable Diffusion 1.5 and T5-XL: 66,820,608 parameters."""
    with torch.device("meta"):
        connector = TimestepAwareSemanticConnector()
    return _with_random_weights(connector, device)


def _with_random_weights(module: Module, device: str) -> Module:
    module = module.to_empty(device=device).eval().requires_grad_(False)
    if device == "meta":
        return module
    generator = torch.Generator(device).manual_seed(0)
    for name, weight in module.named_parameters():
        if "norm" in name and name.endswith("weight"):
            weight.fill_(1.0)
        else:
            weight.uniform_(-0.02, 0.02, generator=generator)
    return module


def arithmetic() -> str:
    """Floating-point operations of one step with guidance, counted without doing any; a table in Markdown."""
    unet, connector = random_unet("meta"), random_connector("meta")
    with torch.device("meta"):
        texts, times = torch.empty(2, TEXT_TOKENS, TEXT_WIDTH), torch.empty(1)
        asking = _flops(lambda: connector(texts, times))
        lines = ["| image | U-Net, both guidance halves | connector | share |", "|---|---|---|---|"]
        for size in SIZES:
            latents, states = torch.empty(2, 4, size // 8, size // 8), torch.empty(2, CLIP_TOKENS, 768)
            drawing = _flops(lambda latents=latents, states=states: unet(latents, times, states))
            lines.append(
                f"| {size} px | {drawing / 1e9:,.0f} GFLOP | {asking / 1e9:.1f} GFLOP | {asking / drawing:.1%} |"
            )
    return "\n".join(lines)


def _flops(work: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        work()
    return counter.get_total_flops()


def measure(unet: UNet2DConditionModel, connector: TimestepAwareSemanticConnector, size: int, rounds: int) -> str:
    """Time steps of an equipped and of a bare pipeline in turn, at `size` pixels; a table in Markdown.

    Raises:
        SystemExit: the equipped pipeline's prediction is not that of the U-Net under the connector's own output.
    """
    vae = AutoencoderKL(block_out_channels=(32,), norm_num_groups=32)
    pipeline = build_pipeline(unet, vae, DDIMScheduler(steps_offset=1, clip_sample=False))
    clip = torch.randn(2, CLIP_TOKENS, 768, generator=torch.Generator().manual_seed(1))
    latents = torch.randn(1, 4, size // 8, size // 8, generator=torch.Generator().manual_seed(2)).repeat(2, 1, 1, 1)
    with torch.no_grad(), equip(pipeline, connector, Features()):
        positive, negative = pipeline.encode_prompt("a red ball on a blue box", "cpu", 1, True)
        packed = torch.cat([negative, positive])
        steps = iter(range(999, 0, -1))

        def step(states: Tensor) -> Tensor:
            return unet(latents, torch.tensor(next(steps)), states).sample  # a timestep is never met twice

        _check(unet, connector, latents, packed)
        seconds = interleave({"bare": lambda: step(clip), "equipped": lambda: step(packed)}, rounds, clock=_clock())
    shares = [more / less - 1 for less, more in zip(seconds["bare"], seconds["equipped"], strict=True)]
    bare, equipped = (statistics.median(seconds[name]) for name in ("bare", "equipped"))
    share = statistics.median(shares)
    verdict = "met" if share < GOAL else f"missed by {share - GOAL:.1%}"
    spread = f"{min(shares):+.1%} to {max(shares):+.1%}"
    kind = "CPU seconds of one thread" if torch.get_num_threads() == 1 else "seconds"
    return "\n".join(
        [
            f"{size} px, float32, both guidance halves, {rounds} rounds in turn; {kind}, medians",
            "",
            "| | a step | more than bare (median of the rounds) | goal |",
            "|---|---|---|---|",
            f"| bare | {bare:.2f} | | |",
            f"| equipped | {equipped:.2f} | {share:+.1%} ({spread}) | under {GOAL:.0%}: {verdict} |",
        ]
    )


def _check(unet: nn.Module, connector: nn.Module, latents: Tensor, packed: Tensor) -> None:
    """Compare with what nobody equipped; this also warms up."""
    time_ = torch.tensor(1)
    texts = torch.cat([Features()([prompt]).features for prompt in ("", "a red ball on a blue box")])
    expected = unet(latents, time_, connector(texts, time_)).sample
    found = unet(latents, time_, packed).sample
    if not torch.allclose(found, expected, rtol=1e-4, atol=1e-5):
        sys.exit(f"the predictions differ by up to {(found - expected).abs().max():.2g}: nothing to compare")


def _clock() -> Callable[[], float]:
    return time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def main() -> None:
    """Read the arguments and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512, help="of the image, in pixels")
    parser.add_argument("--rounds", type=int, default=5, help="of both in turn")
    parser.add_argument("--threads", type=int, default=1, help="that PyTorch may use")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(machine())
    print(f"\n{arithmetic()}\n")
    print(measure(random_unet(), random_connector(), arguments.size, arguments.rounds))


if __name__ == "__main__":
    main()
