"""The noise schedule against diffusers' own scheduler."""

from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler, EulerDiscreteScheduler
from torch import Tensor

from training.errors import SettingsError
from training.schedule import NoiseSchedule

STABLE_DIFFUSION = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
EVERY = torch.arange(1000)


def scheduler(**changes: Any) -> DDPMScheduler:
    return DDPMScheduler(**{**STABLE_DIFFUSION, **changes})


def draw() -> tuple[Tensor, Tensor]:
    latents, noise = torch.randn(2, 1000, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    return latents, noise


@pytest.mark.parametrize("rescaled", [False, True])
@pytest.mark.parametrize("betas", ["scaled_linear", "linear", "squaredcos_cap_v2"])
def test_noise_and_velocity_are_those_of_diffusers(betas: str, rescaled: bool) -> None:
    reference = scheduler(beta_schedule=betas, rescale_betas_zero_snr=rescaled, prediction_type="v_prediction")
    schedule, (latents, noise) = NoiseSchedule(reference), draw()
    assert len(schedule) == 1000
    torch.testing.assert_close(schedule.add_noise(latents, noise, EVERY), reference.add_noise(latents, noise, EVERY))
    torch.testing.assert_close(schedule.target(latents, noise, EVERY), reference.get_velocity(latents, noise, EVERY))


def test_epsilon_is_the_noise() -> None:
    latents, noise = draw()
    assert NoiseSchedule(scheduler()).target(latents, noise, EVERY) is noise


def test_another_samplers_configuration_gives_the_same_schedule() -> None:
    config = EulerDiscreteScheduler(**STABLE_DIFFUSION, timestep_spacing="trailing").config
    latents, noise = draw()
    other, plain = (NoiseSchedule(made) for made in (DDPMScheduler.from_config(config), scheduler()))
    assert torch.equal(other.add_noise(latents, noise, EVERY), plain.add_noise(latents, noise, EVERY))


def test_a_rescaled_schedule_ends_without_any_signal() -> None:
    schedule = NoiseSchedule(scheduler(rescale_betas_zero_snr=True, prediction_type="v_prediction"))
    (latents, noise), last = draw(), torch.full((1000,), 999)
    assert torch.equal(schedule.add_noise(latents, noise, last), noise)
    assert torch.equal(schedule.target(latents, noise, last), -latents)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_min_snr_weights_are_those_of_the_ratio_that_diffusers_computes(prediction: str) -> None:
    from diffusers.training_utils import compute_snr

    reference = scheduler(prediction_type=prediction)
    snr = compute_snr(reference, EVERY)
    clipped = torch.minimum(snr, torch.full_like(snr, 5.0))
    expected = clipped / snr if prediction == "epsilon" else clipped / (snr + 1)
    torch.testing.assert_close(NoiseSchedule(reference).min_snr_weights(EVERY, 5.0), expected)


@pytest.mark.parametrize(("prediction", "last"), [("epsilon", 1.0), ("v_prediction", 0.0)])
def test_min_snr_weights_are_finite_without_any_signal(prediction: str, last: float) -> None:
    schedule = NoiseSchedule(scheduler(rescale_betas_zero_snr=True, prediction_type=prediction))
    weights = schedule.min_snr_weights(EVERY, 5.0)
    assert weights.isfinite().all()
    assert weights[-1] == last


def test_another_prediction_type_is_refused() -> None:
    with pytest.raises(SettingsError, match="predicts 'sample'; expected epsilon or v_prediction"):
        NoiseSchedule(scheduler(prediction_type="sample"))


def test_its_tables_move_with_it_and_are_not_saved() -> None:
    schedule = NoiseSchedule(scheduler())
    assert schedule.to("meta").signal.device.type == "meta"
    assert schedule.state_dict() == {}
