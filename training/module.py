"""Training of a connector between a frozen text encoder and a frozen diffusion model, as a LightningModule."""

from collections.abc import Set
from typing import TypedDict

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from training.batch import Batch
from training.caption_dropout import drop_captions
from training.connectors import Connector
from training.diffusion import LatentDiffusion
from training.draws import Draws
from training.frozen_models import Cached, FrozenModels, MakeDiffusion, MakeTextEncoder
from training.text_encoder import TextEncoder


class StepOutput(TypedDict):
    """What a step gives to Lightning and to callbacks.

    Keys:
        loss: of the batch, a scalar; in training with its gradient.
        losses: (B,) of each pair, without weights and without a gradient.
        timesteps: (B,) that the pairs were noised to.
        sample_ids: whose these are.
    """

    loss: Tensor
    losses: Tensor
    timesteps: Tensor
    sample_ids: list[str]


class ConnectorTraining(LightningModule):
    """Trains the connector with the diffusion loss; nothing else has a gradient, and nothing else is saved.

    All that is drawn for a pair (whether its caption is dropped, its latent, its noise, its timestep) is a function
    of the seed and of the pair's position in the training.

    Args:
        connector: the module that learns.
        text_encoder: makes the frozen text encoder once training begins, unless the data gives its features.
        diffusion: makes the frozen diffusion model once training begins.
        learning_rate: of AdamW, constant.
        weight_decay: of AdamW, on every parameter.
        caption_dropout: share of captions replaced by the empty one, which classifier-free guidance needs.
        min_snr_gamma: signal-to-noise ratio above which timesteps count less; None: all count alike.
        offset_noise: strength of noise that is one value over a whole channel, added to the other noise.
        seed: of everything that is drawn; the command line gives `seed_everything`.
    """

    def __init__(
        self,
        connector: Connector,
        text_encoder: MakeTextEncoder,
        diffusion: MakeDiffusion,
        learning_rate: float = 1e-4,
        weight_decay: float = 0.01,
        caption_dropout: float = 0.1,
        min_snr_gamma: float | None = None,
        offset_noise: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.connector = connector
        self.frozen: FrozenModels | None = None
        self.make_text_encoder = text_encoder
        self.make_diffusion = diffusion
        self._learning_rate = learning_rate
        self._weight_decay = weight_decay
        self._caption_dropout = caption_dropout
        self._min_snr_gamma = min_snr_gamma
        self._offset_noise = offset_noise
        self.seed = seed

    @property
    def diffusion(self) -> LatentDiffusion | None:
        """The frozen diffusion model; None before training begins."""
        return None if self.frozen is None else self.frozen.diffusion

    @property
    def text_encoder(self) -> TextEncoder | None:
        """The frozen text encoder; None before training begins, and where the data gives features."""
        return None if self.frozen is None else self.frozen.text_encoder

    def configure_model(self) -> None:
        """Load the frozen models that the data does not make needless, once, and see that the connector fits.

        Raises:
            SettingsError: a model cannot be loaded, or its width is not the connector's.
        """
        if self.frozen is not None:
            return
        self.frozen = FrozenModels.load(self.make_text_encoder, self.make_diffusion, self._cached())
        self.frozen.check_fit(self.connector)

    def on_fit_start(self) -> None:
        """Bring the frozen models to where the connector is."""
        assert self.frozen is not None
        self.frozen.to(self.device)

    def on_validation_start(self) -> None:
        """Bring the frozen models to where the connector is."""
        assert self.frozen is not None
        self.frozen.to(self.device)

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Drop captions while the batch is still with the CPU, so that nothing has to wait for the device."""
        if not self.trainer.training:
            return batch
        dropped = Draws(self.seed, batch["positions"]).uniform("caption") < self._caption_dropout
        return drop_captions(batch, dropped)

    def training_step(self, batch: Batch, batch_idx: int) -> StepOutput:
        """The diffusion loss of one batch."""
        output = self.diffuse(batch)
        self.log("loss", output["loss"], prog_bar=True, batch_size=len(batch["sample_ids"]))
        return output

    def validation_step(self, batch: Batch, batch_idx: int) -> StepOutput:
        """The unweighted loss of one batch of held-out pairs, with the same draws every time."""
        output = self.diffuse(batch)
        self.log("validation_loss", output["losses"].mean(), batch_size=len(batch["sample_ids"]), sync_dist=True)
        return output

    def diffuse(self, batch: Batch) -> StepOutput:
        """Noise a batch's latents and compare what the U-Net, told by the connector, predicts of them."""
        assert self.frozen is not None
        schedule = self.frozen.diffusion.schedule
        draws = Draws(self.seed, batch["positions"])
        latents = self.frozen.latents(batch, draws)  # (B, 4, h, w)
        noise = draws.normal("noise", tuple(latents.shape[1:]))
        if self._offset_noise:
            noise = noise + self._offset_noise * draws.normal("offset", (latents.shape[1], 1, 1))
        timesteps = draws.integers("timestep", len(schedule))
        text = self.frozen.text(batch, self.connector)
        condition = self.connector(text.features, timesteps, text.mask)  # (B, N, C)
        added = self.frozen.added_condition(batch, latents, self.connector, condition)
        losses = self.frozen.diffusion.loss(latents, noise, timesteps, condition, added)  # (B,)
        weights = 1 if self._min_snr_gamma is None else schedule.min_snr_weights(timesteps, self._min_snr_gamma)
        return StepOutput(
            loss=(weights * losses).mean(),
            losses=losses.detach(),
            timesteps=timesteps,
            sample_ids=batch["sample_ids"],
        )

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW at a constant learning rate over the connector."""
        return torch.optim.AdamW(self.connector.parameters(), lr=self._learning_rate, weight_decay=self._weight_decay)

    def _cached(self) -> Set[Cached]:
        """What the data brings along ready-made; nothing where there is no trainer or its data says nothing."""
        data = None if self._trainer is None else getattr(self._trainer, "datamodule", None)
        cached: Set[Cached] = getattr(data, "cached", frozenset())
        return cached
