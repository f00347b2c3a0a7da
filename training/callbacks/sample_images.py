"""Images of the same prompts and noise again and again, so that a person can watch a connector learn to draw."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from PIL import Image

from curation import storage
from training.callbacks.drawing import Drawing
from training.errors import SettingsError
from training.inference.loading import Sampler
from training.inference.pictures import image_seed
from training.module import ConnectorTraining


class SampleImages(Callback):
    """Draws fixed prompts from fixed noise every so many steps, and at the end, with the models of the training.

    The images go to TensorBoard and Weights & Biases, where they are the logger, and to a folder:
    `FOLDER/00005000/0.png` for the first prompt after 5,000 steps. The training does not notice: it draws the same
    random numbers and has the same losses as without. Only the first rank draws, and the others wait.

    Args:
        prompts: what to draw; an image each.
        folder: where to; made if need be.
        every_n_steps: optimizer steps from one time to the next.
        negative_prompt: for all of them.
        steps: of the sampler.
        guidance: scale of classifier-free guidance.
        size: side of an image in pixels; None: what the U-Net was trained at.
        sampler: `base` takes the diffusion model's own scheduler.
        seed: of the noise.
    """

    def __init__(
        self,
        prompts: list[str],
        folder: str,
        every_n_steps: int = 5000,
        negative_prompt: str = "",
        steps: int = 25,
        guidance: float = 10.0,
        size: int | None = None,
        sampler: Sampler = "dpm++",
        seed: int = 0,
    ) -> None:
        if not prompts or every_n_steps < 1 or steps < 1:
            raise SettingsError(
                f"sample images: got {len(prompts)} prompts, every_n_steps={every_n_steps}, steps={steps}; expected "
                "1 or more of each"
            )
        self._prompts = prompts
        self._folder = folder
        self._every_n_steps = every_n_steps
        self._settings: dict[str, Any] = {
            "negative_prompt": [negative_prompt] * len(prompts),
            "num_inference_steps": steps,
            "guidance_scale": guidance,
            "height": size,
            "width": size,
        }
        self._sampler = sampler
        self._seed = seed
        self._drawing: Drawing | None = None
        self._drawn = -1  # the step after which the last images were drawn

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put a pipeline together, from what the training has loaded and, where its data is cached, from disk."""
        assert isinstance(pl_module, ConnectorTraining)
        if not trainer.is_global_zero:
            return
        self._drawing = Drawing(pl_module, self._sampler, [*self._prompts, *self._settings["negative_prompt"]])
        self._drawn = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draw, if it is time."""
        if trainer.global_step % self._every_n_steps == 0:
            self._draw(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what the last step leaves."""
        self._draw(trainer)

    def _draw(self, trainer: Trainer) -> None:
        step = trainer.global_step
        if self._drawing is None or step == self._drawn:
            return
        seeds = [image_seed(self._seed, prompt, 0) for prompt in self._prompts]
        images = self._drawing(self._prompts, seeds, **self._settings)
        for number, image in enumerate(images):
            with storage.atomic_writer(storage.join(self._folder, f"{step:08d}", f"{number}.png")) as file:
                image.save(file, "PNG")
        for logger in trainer.loggers:
            _log(logger, images, self._prompts, step)
        self._drawn = step


def _log(logger: Logger, images: Sequence[Image.Image], prompts: Sequence[str], step: int) -> None:
    if isinstance(logger, TensorBoardLogger):
        for number, (image, prompt) in enumerate(zip(images, prompts, strict=True)):
            tag = f"samples/{number}: {prompt[:80]}"
            logger.experiment.add_image(tag, np.asarray(image), step, dataformats="HWC")
    if isinstance(logger, WandbLogger):
        logger.log_image("samples", list(images), step=step, caption=list(prompts))
