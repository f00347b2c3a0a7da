"""The frozen models around a connector, and what they make of a batch."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from training.batch import Batch, TextFeatures
from training.connectors import Connector
from training.diffusion import LatentDiffusion
from training.draws import Draws
from training.errors import SettingsError
from training.text_encoder import TextEncoder

Cached = Literal["latents", "text"]


class MakeTextEncoder(Protocol):
    """Makes the frozen text encoder."""

    def __call__(self) -> TextEncoder:
        """Load it."""


class MakeDiffusion(Protocol):
    """Makes the frozen diffusion model."""

    def __call__(self, *, with_vae: bool) -> LatentDiffusion:
        """Load it, its VAE only if `with_vae`."""


@dataclass(frozen=True, kw_only=True)
class FrozenModels:
    """A text encoder and a diffusion model that nothing changes.

    Deliberately no module: so they are in no checkpoint, in no average and in no exchange between ranks.

    Args:
        text_encoder: None where the data gives features.
        diffusion: without a VAE where the data gives moments.
    """

    text_encoder: TextEncoder | None
    diffusion: LatentDiffusion

    @classmethod
    def load(
        cls, make_text_encoder: MakeTextEncoder, make_diffusion: MakeDiffusion, cached: Set[Cached]
    ) -> "FrozenModels":
        """Make what `cached` data does not make needless.

        Raises:
            SettingsError: a model cannot be loaded, or reads captions where the data gives features alone.
        """
        text_encoder = None if "text" in cached else make_text_encoder()
        diffusion = make_diffusion(with_vae="latents" not in cached)
        if text_encoder is None and diffusion.pooled_encoder is not None:
            raise SettingsError(
                "the diffusion model, with pooled: clip, reads captions, and the cache of text features leaves none: "
                "set pooled to zeros or connector, or data.text to null"
            )
        return cls(text_encoder=text_encoder, diffusion=diffusion)

    def __deepcopy__(self, memo: dict[int, Any]) -> "FrozenModels":
        """Itself: an averaged training may share what never changes."""
        return self

    def to(self, device: torch.device) -> None:
        """Move both models to `device`."""
        self.diffusion.to(device)
        if self.text_encoder is not None:
            self.text_encoder.to(device)

    def check_fit(self, connector: Connector) -> None:
        """See that `connector` fits between the models.

        Raises:
            SettingsError: a width on one side is not the width on the other.
        """
        if self.text_encoder is not None:
            _check_text_width(connector, self.text_encoder.width)
        reads = self.diffusion.condition_width
        if connector.output_width != reads:
            raise SettingsError(
                f"the connector gives {connector.output_width} channels and the U-Net's cross-attention reads {reads}: "
                f"set the connector's output_width to {reads}, or take another diffusion model"
            )
        wanted = (self.diffusion.pooled_width or None) if self.diffusion.pooled == "connector" else None
        if connector.pooled_width != wanted:
            raise SettingsError(
                f"the connector's pooled_width is {connector.pooled_width} and the diffusion model, with pooled: "
                f"{self.diffusion.pooled}, asks for {wanted}: set the one to the other"
            )

    def text(self, batch: Batch, connector: Connector) -> TextFeatures:
        """The batch's cached features, or those of its captions."""
        text: TextFeatures = batch["text"] if self.text_encoder is None else self.text_encoder(batch["captions"])
        _check_text_width(connector, text.features.shape[-1])
        return text

    def latents(self, batch: Batch, draws: Draws) -> Tensor:
        """Scaled latents (B, 4, h, w) in float32, from the batch's cached moments or its pixels."""
        moments = batch["moments"] if self.diffusion.vae is None else self.diffusion.vae.moments(batch["pixels"])
        noise = draws.normal("latents", (moments.shape[1] // 2, *moments.shape[2:]))
        return self.diffusion.space.sample(moments, noise)

    def added_condition(
        self, batch: Batch, latents: Tensor, connector: Connector, condition: Tensor
    ) -> dict[str, Tensor]:
        """What SDXL's U-Net is told of the images' sizes and of the whole caption; nothing for other U-Nets."""
        diffusion = self.diffusion
        if not diffusion.pooled_width:
            return {}
        target = latents.new_tensor(latents.shape[2:]) * diffusion.space.downscale
        sizes = torch.cat([batch["sizes"], batch["crops"], target.expand(len(latents), 2)], dim=1)  # (B, 6)
        return {"time_ids": sizes, "text_embeds": self._pooled(batch, connector, condition)}

    def _pooled(self, batch: Batch, connector: Connector, condition: Tensor) -> Tensor:
        if self.diffusion.pooled == "connector":
            return connector.pooled(condition)
        if self.diffusion.pooled_encoder is None:
            return condition.new_zeros(len(condition), self.diffusion.pooled_width)
        pooled: Tensor = self.diffusion.pooled_encoder(batch["captions"])
        return pooled


def _check_text_width(connector: Connector, width: int) -> None:
    if connector.text_width != width:
        raise SettingsError(
            f"the text encoder gives {width} channels and the connector reads {connector.text_width}: "
            f"set the connector's text_width to {width}, or take another text encoder"
        )
