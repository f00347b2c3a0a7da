"""Training of a connector between a frozen text encoder and a frozen diffusion model, as a LightningModule."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from training.connectors import Connector
from training.data import Batch
from training.diffusion import LatentDiffusion
from training.errors import SettingsError
from training.text_encoder import T5TextEncoder

PREFIX = "connector."


class ConnectorTraining(LightningModule):
    """Trains the connector with the diffusion loss; nothing else has a gradient, and nothing else is saved.

    All that a step draws (dropped captions, latents, noise, timesteps) is a function of the seed, the epoch, the
    batch and the rank, whatever drew before it and whatever the device.

    Args:
        connector: the module that learns.
        text_encoder: makes the frozen text encoder, once training begins.
        diffusion: makes the frozen diffusion model, once training begins.
        learning_rate: of AdamW, constant.
        weight_decay: of AdamW, on every parameter.
        caption_dropout: share of captions replaced by the empty one, which classifier-free guidance needs.
        seed: of everything that a step draws; the command line gives `seed_everything`.
    """

    def __init__(
        self,
        connector: Connector,
        text_encoder: Callable[[], T5TextEncoder],
        diffusion: Callable[[], LatentDiffusion],
        learning_rate: float = 1e-4,
        weight_decay: float = 0.01,
        caption_dropout: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.connector = connector
        self.text_encoder: T5TextEncoder | None = None
        self.diffusion: LatentDiffusion | None = None
        self._make_text_encoder = text_encoder
        self._make_diffusion = diffusion
        self._learning_rate = learning_rate
        self._weight_decay = weight_decay
        self._caption_dropout = caption_dropout
        self.seed = seed

    def configure_model(self) -> None:
        """Load the frozen parts, once, and see that the connector fits between them.

        Raises:
            SettingsError: a part cannot be loaded, or its width is not the connector's.
        """
        if self.text_encoder is not None:
            return
        self.text_encoder = self._make_text_encoder()
        self.diffusion = self._make_diffusion()
        _check_widths(self.connector, self.text_encoder, self.diffusion)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The diffusion loss of one batch."""
        assert self.text_encoder is not None
        assert self.diffusion is not None
        generator = step_generator(self.seed, self.current_epoch, batch_idx, self.global_rank)
        captions = drop_captions(batch["captions"], self._caption_dropout, generator)
        latents = self.diffusion.encode(batch["pixels"], generator)  # (B, 4, h, w)
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        timesteps = torch.randint(self.diffusion.timesteps, (len(captions),), generator=generator).to(latents.device)
        condition = self.connector(self.text_encoder(captions), timesteps)  # (B, N, C)
        loss = self.diffusion.loss(latents, noise, timesteps, condition)
        self.log("loss", loss, prog_bar=True, batch_size=len(captions))
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW at a constant learning rate over the connector."""
        return torch.optim.AdamW(self.connector.parameters(), lr=self._learning_rate, weight_decay=self._weight_decay)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """The connector's tensors alone: the frozen parts stand on disk already."""
        return {key: value for key, value in super().state_dict(*args, **kwargs).items() if key.startswith(PREFIX)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load what `state_dict` gave: the connector's tensors, all of them."""
        tensors = {key.removeprefix(PREFIX): value for key, value in state_dict.items()}
        return self.connector.load_state_dict(tensors, strict=strict, assign=assign)


def step_generator(seed: int, epoch: int, batch: int, rank: int) -> torch.Generator:
    """A CPU generator that is a function of where training stands and of nothing else."""
    digest = hashlib.blake2b(f"{seed}/{epoch}/{batch}/{rank}".encode(), digest_size=4).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))


def drop_captions(captions: list[str], share: float, generator: torch.Generator) -> list[str]:
    """`captions` with each one, by the chance of `share`, replaced by the empty caption."""
    draws = torch.rand(len(captions), generator=generator).tolist()
    return ["" if draw < share else caption for caption, draw in zip(captions, draws, strict=True)]


def _check_widths(connector: Connector, text_encoder: T5TextEncoder, diffusion: LatentDiffusion) -> None:
    if connector.text_width != text_encoder.width:
        raise SettingsError(
            f"the text encoder gives {text_encoder.width} channels and the connector reads {connector.text_width}: "
            f"set the connector's text_width to {text_encoder.width}, or take another text encoder"
        )
    if connector.output_width != diffusion.condition_width:
        raise SettingsError(
            f"the connector gives {connector.output_width} channels and the U-Net's cross-attention reads "
            f"{diffusion.condition_width}: set the connector's output_width to {diffusion.condition_width}, "
            "or take another diffusion model"
        )
