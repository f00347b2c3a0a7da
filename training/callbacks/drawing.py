"""A pipeline around the models of a training, to see what its connector draws while it learns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from PIL import Image

from training.batch import TextFeatures
from training.inference import equip
from training.inference.loading import Sampler, build_pipeline, load_scheduler
from training.inference.prompt_encoding import ReadsText
from training.module import ConnectorTraining


class Drawing:
    """Draws with the connector of a training as it is at the moment; the training does not notice.

    U-Net, VAE and text encoder are the training's own. Those that cached data makes needless there are loaded here,
    the text encoder to read the texts and no longer.

    Args:
        module: whose models are loaded already.
        sampler: `base` takes the diffusion model's own scheduler.
        texts: every prompt and negative prompt that will be drawn.
    """

    def __init__(self, module: ConnectorTraining, sampler: Sampler, texts: Sequence[str]) -> None:
        self._module = module
        with undisturbed(module):
            self._pipeline = _build(module, sampler)
            own = module.text_encoder
            self._text_encoder = own or Remembered.read(module.make_text_encoder(), texts)

    def __call__(self, prompts: Sequence[str], seeds: Sequence[int], **settings: Any) -> list[Image.Image]:
        """An image of each prompt from the noise of its seed, the same on every device.

        Args:
            prompts: what to draw.
            seeds: one for each.
            settings: of the pipeline: `num_inference_steps`, `guidance_scale`, `height`, `width`, ...
        """
        diffusion = self._module.diffusion
        assert diffusion is not None
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        equipped = equip(self._pipeline, self._module.connector, self._text_encoder, pooled=diffusion.pooled)
        with equipped, undisturbed(self._module):
            images: list[Image.Image] = self._pipeline(prompt=list(prompts), generator=generators, **settings).images
        return images


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """A text encoder's features of a few texts, for when it is gone itself.

    Args:
        width: channels of the features, D.
        features: (1, L, D) by text.
    """

    width: int
    features: Mapping[str, TextFeatures]

    @classmethod
    def read(cls, text_encoder: ReadsText, texts: Sequence[str]) -> "Remembered":
        """What `text_encoder` gives for each of `texts`."""
        return cls(width=text_encoder.width, features={text: text_encoder([text]) for text in texts})

    def __call__(self, captions: Sequence[str], /) -> TextFeatures:
        """Features (1, L, D) of the one caption."""
        (caption,) = captions
        return self.features[caption]


@contextmanager
def undisturbed(module: ConnectorTraining) -> Iterator[None]:
    """Let the block leave no trace in a training: random numbers, the connector's mode, compiled code."""
    learning = module.connector.training
    with ExitStack() as stack:
        stack.enter_context(isolate_rng(include_cuda=module.device.type == "cuda"))
        stack.enter_context(torch.no_grad())
        stack.callback(torch.compiler.set_stance, "default")
        torch.compiler.set_stance("force_eager")  # images of another size and a hook would have it compile anew
        stack.callback(module.connector.train, learning)
        module.connector.eval()
        yield


def _build(module: ConnectorTraining, sampler: Sampler) -> Any:
    """A pipeline around the models of a training; a VAE that it does without is loaded."""
    diffusion = module.diffusion
    assert diffusion is not None
    vae = diffusion.vae or module.make_diffusion(with_vae=True).vae
    assert vae is not None
    clip = {}
    if diffusion.pooled_encoder is not None:
        clip = {"text_encoder_2": diffusion.pooled_encoder.model, "tokenizer_2": diffusion.pooled_encoder.tokenizer}
    scheduler = load_scheduler(diffusion.path, diffusion.config, sampler)
    return build_pipeline(diffusion.unet, vae.model.to(module.device), scheduler, **clip)
