"""Images of many prompts from a trained connector: planned first, made in batches, gone on with after a stop."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from PIL import Image

from curation.revision import folder_revision
from training.connectors import load_connector
from training.diffusion import Pooled
from training.errors import SettingsError
from training.frozen import Precision
from training.inference import equip
from training.inference.image_folder import ImageFolder
from training.inference.loading import Sampler, load_pipeline
from training.inference.pictures import ONE_IMAGE, Grid, Picture
from training.text_encoder import TextEncoder

Length = Literal["fixed", "flexible"]
Report = Callable[[int, int], None]
"""Takes how many images are made, and of how many."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What an image depends on beside its prompt and seed; the defaults are within what ELLA's authors draw with.

    Args:
        connector: a connector's safetensors file, or a folder with one.
        base: Stable Diffusion 1.5 or XL: a diffusers folder, a name on the hub, or one safetensors file.
        config: for one file, the diffusers folder or the name on the hub whose configurations describe it.
        text_encoder: the language model that the connector was trained with, a folder or a name on the hub.
        length: `fixed` pads every prompt to 128 tokens and lets the connector read the padding, as in training;
            `flexible` lets it read the prompt alone.
        with_clip: put CLIP's embedding of the prompt behind the connector's condition.
        pooled: SDXL's pooled embedding, as in training; None: the connector's if it has one, or else zeros.
        negative_prompt: for all prompts.
        sampler: `base` takes the checkpoint's own scheduler.
        steps: of the sampler.
        guidance: scale of classifier-free guidance; 1 or less is without.
        size: side of an image in pixels; None: what the U-Net was trained at.
        grid: images in one file.
        precision: of the base's and the text encoder's weights; the connector keeps float32.

    Raises:
        SettingsError: a number makes no sense.
    """

    connector: str
    base: str
    config: str | None = None
    text_encoder: str = "google/flan-t5-xl"
    length: Length = "fixed"
    with_clip: bool = False
    pooled: Pooled | None = None
    negative_prompt: str = ""
    sampler: Sampler = "dpm++"
    steps: int = 50
    guidance: float = 12.0
    size: int | None = None
    grid: Grid = ONE_IMAGE
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SettingsError(f"steps: got {self.steps}, expected 1 or more")
        if self.size is not None and (self.size < 8 or self.size % 8):
            raise SettingsError(f"size: got {self.size}, expected a multiple of 8, in pixels")

    def settings(self) -> dict[str, Any]:
        """All of it as JSON, with models by what is in them where they lie on disk, or else by name."""
        return {
            "connector": folder_revision(self.connector) or self.connector,
            "base": folder_revision(self.base) or self.base,
            "text_encoder": folder_revision(self.text_encoder) or self.text_encoder,
            "length": self.length,
            "with_clip": self.with_clip,
            "pooled": self.pooled,
            "negative_prompt": self.negative_prompt,
            "sampler": self.sampler,
            "steps": self.steps,
            "guidance": self.guidance,
            "size": self.size,
            "grid": f"{self.grid.rows}x{self.grid.columns}",
            "precision": self.precision,
        }

    def folder(self, root: str) -> ImageFolder:
        """The folder at `root` for images that are made so."""
        models = {"connector": self.connector, "base": self.base, "text_encoder": self.text_encoder}
        paths = {name: {"path": path, "commit": hub_commit(path)} for name, path in models.items()}
        return ImageFolder(root, self.settings(), {"models": paths})

    def load(self, device: torch.device) -> Any:
        """The equipped pipeline, on `device`.

        Raises:
            SettingsError: a model cannot be loaded, or the three do not fit.
        """
        connector = load_connector(self.connector).requires_grad_(False).to(device)
        text_encoder = TextEncoder(
            self.text_encoder, precision=self.precision, attend_to_padding=self.length == "fixed"
        ).to(device)
        with_clip = self.with_clip or self.pooled == "clip"
        pipeline = load_pipeline(
            self.base, config=self.config, precision=self.precision, sampler=self.sampler, with_clip=with_clip
        ).to(device)
        equip(pipeline, connector, text_encoder, with_clip=self.with_clip, pooled=self.pooled)
        return pipeline

    def draw(self, pipeline: Any, samples: Sequence[tuple[str, int]]) -> list[Image.Image]:
        """An image for each prompt and seed; its noise comes from its seed alone, whatever else is in the batch."""
        prompts = [prompt for prompt, _ in samples]
        images: list[Image.Image] = pipeline(
            prompt=prompts,
            negative_prompt=[self.negative_prompt] * len(prompts),
            generator=[torch.Generator().manual_seed(seed) for _, seed in samples],
            num_inference_steps=self.steps,
            guidance_scale=self.guidance,
            height=self.size,
            width=self.size,
        ).images
        return images


def hub_commit(name: str) -> str | None:
    """The commit of a model that was fetched from the hub; None where it was not, or `name` is a path."""
    if Path(name).exists():
        return None
    for file in ("model_index.json", "config.json"):
        try:
            found = try_to_load_from_cache(name, file)
        except HFValidationError:
            return None
        if isinstance(found, str):
            return Path(found).parent.name
    return None


def generate(
    generation: Generation,
    pipeline: Any,
    folder: ImageFolder,
    pictures: Sequence[Picture],
    *,
    batch_size: int,
    report: Report,
) -> None:
    """Make `pictures` and write each one into `folder` as soon as all of its images are there.

    Args:
        generation: how.
        pipeline: what `generation` loaded.
        folder: where to.
        pictures: what is missing there.
        batch_size: images at once, of one prompt or of several.
        report: called after every batch.
    """
    samples = [(picture.prompt.text, seed) for picture in pictures for seed in picture.seeds]
    images = _drawn(generation, pipeline, samples, batch_size, report)
    for picture in pictures:
        folder.write(picture, tiled([next(images) for _ in picture.seeds], generation.grid))


def tiled(images: Sequence[Image.Image], grid: Grid) -> Image.Image:
    """One image of `images`, row by row."""
    width, height = images[0].size
    whole = Image.new("RGB", (grid.columns * width, grid.rows * height))
    for number, image in enumerate(images):
        row, column = divmod(number, grid.columns)
        whole.paste(image, (column * width, row * height))
    return whole


def _drawn(
    generation: Generation, pipeline: Any, samples: Sequence[tuple[str, int]], batch_size: int, report: Report
) -> Iterator[Image.Image]:
    for first in range(0, len(samples), batch_size):
        images = generation.draw(pipeline, samples[first : first + batch_size])
        report(first + len(images), len(samples))
        yield from images
