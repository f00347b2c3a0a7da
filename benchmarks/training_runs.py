"""The same steps twice: by the project's trainer with everything around it, and by the plain loop; timed."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.models.attention_processor import AttnProcessor
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from benchmarks import plain_training
from benchmarks.plain_training import Drawn
from benchmarks.training_models import make_captions, make_connector, save_diffusion, save_text_encoder
from training.autoencoder import Autoencoder
from training.batch import Batch, TextFeatures
from training.callbacks import FiniteLoss, GradientNorm, LossByTimestep, PeakMemory, Preemption, Throughput
from training.diffusion import LatentDiffusion
from training.draws import Draws
from training.frozen import Precision
from training.module import ConnectorTraining
from training.text_encoder import TextEncoder

SEED = 0
CAPTION_DROPOUT = 0.1
DISTINCT_BATCHES = 4
"""That a run goes through again and again."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Models on disk and batches for them.

    Args:
        folder: with `diffusion` and `text` in it.
        base: sd15 or sdxl.
        narrower: by how much the models are less wide than the real ones.
    """

    folder: Path
    base: str
    narrower: int

    @property
    def diffusion(self) -> str:
        return str(self.folder / "diffusion")

    @property
    def text(self) -> str:
        return str(self.folder / "text")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How the project's trainer is set.

    Args:
        latents: the VAE's moments are cached.
        text: the text encoder's features are cached.
        precision: of the frozen models; bfloat16 goes with mixed precision around the connector.
        channels_last: of the frozen models' images.
        compile: the U-Net, in this mode of torch.compile: `default`, or `reduce-overhead`, which is CUDA graphs.
        attention: of the U-Net, with PyTorch's own kernels or spelt out.
    """

    latents: bool = False
    text: bool = False
    precision: Precision = "float32"
    channels_last: bool = False
    compile: str | None = None
    attention: Literal["kernel", "spelt out"] = "kernel"

    def diffusion(self, world: World, with_vae: bool) -> LatentDiffusion:
        """The frozen diffusion model, as the trainer makes it."""
        model = LatentDiffusion(
            world.diffusion, precision=self.precision, channels_last=self.channels_last,
            compile=self.compile == "default", with_vae=with_vae,
        )  # fmt: skip
        if self.compile == "reduce-overhead":
            model.unet.compile(mode=self.compile)
        if self.attention == "spelt out":
            model.unet.set_attn_processor(AttnProcessor())
        return model


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run gave.

    Args:
        losses: of every step.
        seconds: of the steps after the first ones, which warm up.
        steps: how many those are.
    """

    losses: list[float]
    seconds: float
    steps: int


def make_world(
    folder: Path, base: str, narrower: int, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> World:
    """Write random models."""
    save_diffusion(folder / "diffusion", base, narrower, device, dtype)
    save_text_encoder(folder / "text", narrower, device, dtype)
    return World(folder=folder, base=base, narrower=narrower)


def make_batches(pairs: int, resolution: int) -> list[Batch]:
    """Noise with captions."""
    captions = make_captions(DISTINCT_BATCHES * pairs)
    generator = torch.Generator().manual_seed(3)
    return [
        Batch(
            sample_ids=[f"{number:016x}" for number in range(first, first + pairs)],
            positions=torch.arange(first, first + pairs),
            sizes=torch.full((pairs, 2), resolution),
            crops=torch.zeros(pairs, 2, dtype=torch.long),
            pixels=torch.rand(pairs, 3, resolution, resolution, generator=generator) * 2 - 1,
            captions=captions[first : first + pairs],
        )
        for first in range(0, DISTINCT_BATCHES * pairs, pairs)
    ]


def add_caches(world: World, batches: Sequence[Batch], precision: Precision, device: str = "cpu") -> list[Batch]:
    """The batches with what the VAE and the text encoder give for them, as the caches would."""
    vae, encoder = Autoencoder(world.diffusion, precision=precision), TextEncoder(world.text, precision=precision)
    vae.to(device)
    encoder.to(device)
    empty = encoder([""]).to("cpu")
    return [
        Batch(
            **batch,
            moments=vae.moments(batch["pixels"].to(device)).cpu(),
            text=encoder(batch["captions"]).to("cpu"),
            empty_text=empty,
        )
        for batch in batches
    ]


def save_batches(batches: Sequence[Batch], path: Path) -> None:
    """Write batches that have everything."""
    texts = ("text", "empty_text")
    torch.save([{**batch, **{name: batch[name].features for name in texts}} for batch in batches], path)


def load_batches(path: Path) -> list[Batch]:
    """Read what `save_batches` wrote."""
    texts = ("text", "empty_text")
    saved = torch.load(path, weights_only=True)
    return [Batch(**{**batch, **{name: TextFeatures(features=batch[name]) for name in texts}}) for batch in saved]


def ours(
    world: World, batches: Sequence[Batch], setup: Setup, *, steps: int, warm: int = 1, device: str = "cpu"
) -> Run:
    """Train with the project's trainer, its watching and guarding callbacks, and TensorBoard."""
    module = ConnectorTraining(
        make_connector(world.base, world.narrower),
        text_encoder=lambda: TextEncoder(world.text, precision=setup.precision),
        diffusion=lambda with_vae: setup.diffusion(world, with_vae),
        caption_dropout=CAPTION_DROPOUT,
        seed=SEED,
    )
    stopwatch = Stopwatch(warm)
    watching: list[Callback] = [FiniteLoss(), LossByTimestep(), GradientNorm(), Throughput(), PeakMemory()]
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="gpu" if device == "cuda" else device, devices=1, max_steps=warm + steps, log_every_n_steps=50,
            precision="bf16-mixed" if setup.precision == "bfloat16" else "32-true",
            logger=TensorBoardLogger(folder), default_root_dir=folder, callbacks=[*watching, Preemption(), stopwatch],
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(module, Pairs(batches, setup))
    return stopwatch.run()


def plain(world: World, batches: Sequence[Batch], *, steps: int, warm: int = 1, device: str = "cpu") -> Run:
    """Train with the plain loop; on a GPU in mixed precision."""

    def draw(batch: Batch) -> Drawn:
        draws = Draws(SEED, batch["positions"].to(device))
        shape = (4, *(side // 8 for side in batch["pixels"].shape[2:]))
        return Drawn(
            latents=draws.normal("latents", shape),
            noise=draws.normal("noise", shape),
            timesteps=draws.integers("timestep", 1000),
            dropped=draws.uniform("caption") < CAPTION_DROPOUT,
        )

    losses: list[float] = []
    start = 0.0
    several = (batches[step % len(batches)] for step in range(warm + steps))
    connector = make_connector(world.base, world.narrower)
    mixed = device == "cuda"
    for loss in plain_training.train(
        world.diffusion, world.text, connector, several, draw, device=device, mixed_precision=mixed
    ):
        losses.append(loss)
        if len(losses) == warm:
            start = now(device)
    return Run(losses=losses, seconds=now(device) - start, steps=steps)


def now(device: str) -> float:
    """Seconds, once the device is through; of this process alone where it has one thread on a CPU."""
    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


class Stopwatch(Callback):
    """Times all batches but the first ones, and keeps the losses; waits for the device at the two ends alone."""

    def __init__(self, warm: int) -> None:
        self._warm = warm
        self._losses: list[torch.Tensor] = []
        self._start = self._end = 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._losses.append(outputs["losses"].mean())
        if len(self._losses) == self._warm:
            self._start = now(pl_module.device.type)
        if len(self._losses) == trainer.max_steps:
            self._end = now(pl_module.device.type)

    def run(self) -> Run:
        steps = len(self._losses) - self._warm
        return Run(losses=torch.stack(self._losses).tolist(), seconds=self._end - self._start, steps=steps)


class Pairs(LightningDataModule):
    """Batches in memory, of which a trainer sees what its caches would hold."""

    def __init__(self, batches: Sequence[Batch], setup: Setup) -> None:
        super().__init__()
        made = {"latents": ("moments",), "text": ("text", "empty_text")}
        self.cached = frozenset(name for name in made if getattr(setup, name))
        left_out = {"pixels"} if setup.latents else {"moments"}
        left_out |= {"captions"} if setup.text else {"text", "empty_text"}
        self._batches: Any = [{key: value for key, value in batch.items() if key not in left_out} for batch in batches]

    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(_Endless(self._batches), batch_size=None, pin_memory=torch.cuda.is_available())


class _Endless(torch.utils.data.IterableDataset[Batch]):
    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Batch]:
        while True:
            yield from self._batches
