"""The noise schedule of a diffusion model: how noisy latents are at each timestep, and what is predicted there."""

from typing import Any

from torch import Tensor, nn

from training.errors import SettingsError


class NoiseSchedule(nn.Module):
    """What training needs of a diffusers scheduler, as tables over its timesteps that move with the module.

    Args:
        scheduler: a DDPMScheduler; it reads any sampler's configuration, and rescales its betas to a terminal
            signal-to-noise ratio of zero where that says so.

    Raises:
        SettingsError: the scheduler predicts something that there is no loss for.
    """

    signal: Tensor
    noise: Tensor

    def __init__(self, scheduler: Any) -> None:
        super().__init__()
        self.prediction = scheduler.config.prediction_type
        if self.prediction not in ("epsilon", "v_prediction"):
            raise SettingsError(
                f"the scheduler predicts {self.prediction!r}; expected epsilon or v_prediction: take another model"
            )
        self.register_buffer("signal", scheduler.alphas_cumprod.sqrt(), persistent=False)  # (T,)
        self.register_buffer("noise", (1 - scheduler.alphas_cumprod).sqrt(), persistent=False)  # (T,)

    def __len__(self) -> int:
        """Timesteps; they are numbered from 0, the least noisy."""
        return len(self.signal)

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Latents (B, C, h, w) with as much of `noise` as their timesteps (B,) say."""
        return _at(self.signal, timesteps) * latents + _at(self.noise, timesteps) * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the U-Net is to predict for `add_noise` of the same: the noise, or the velocity."""
        if self.prediction == "epsilon":
            return noise
        return _at(self.signal, timesteps) * noise - _at(self.noise, timesteps) * latents

    def min_snr_weights(self, timesteps: Tensor, gamma: float) -> Tensor:
        """Weights (B,) of the losses at `timesteps` that clip the signal-to-noise ratio at `gamma`.

        From "Efficient Diffusion Training via Min-SNR Weighting Strategy" (2023), section 3.4, for either prediction.
        """
        snr = (self.signal[timesteps] / self.noise[timesteps]).square()
        if self.prediction == "epsilon":
            return gamma / snr.clamp(min=gamma)  # min(snr, gamma) / snr, also where the ratio is zero
        return snr.clamp(max=gamma) / (snr + 1)


def _at(table: Tensor, timesteps: Tensor) -> Tensor:
    return table[timesteps][:, None, None, None]  # (B, 1, 1, 1)
