"""Pipelines from folders: the same as diffusers' own, without what a connector does without."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
)

from tests.training.inference import small
from training.errors import SettingsError
from training.inference.loading import load_pipeline, load_scheduler


@pytest.mark.parametrize("base", ["sd15", "sdxl"])
def test_with_clip_it_draws_what_diffusers_own_pipeline_draws(folders: Path, base: str) -> None:
    kind = StableDiffusionPipeline if base == "sd15" else StableDiffusionXLPipeline
    theirs = small.load(kind, str(folders / base))
    ours = load_pipeline(str(folders / base), precision="float32", sampler="base", with_clip=True)
    assert type(ours) is kind
    assert type(ours.scheduler) is type(theirs.scheduler)
    assert np.array_equal(small.draw(ours), small.draw(theirs))


@pytest.mark.parametrize("base", ["sd15", "sdxl"])
def test_without_clip_no_text_encoder_is_read(folders: Path, tmp_path: Path, base: str) -> None:
    shutil.copytree(folders / base, tmp_path / base, ignore=shutil.ignore_patterns("text_encoder*", "tokenizer*"))
    pipeline = load_pipeline(str(tmp_path / base), precision="bfloat16", sampler="dpm++", with_clip=False)
    assert pipeline.text_encoder is None
    assert str(pipeline.unet.dtype) == "torch.bfloat16"
    with pytest.raises(SettingsError, match="cannot load its text_encoder and tokenizer"):
        load_pipeline(str(tmp_path / base), precision="float32", sampler="base", with_clip=True)


def test_samplers_keep_the_checkpoints_noise_schedule(folders: Path) -> None:
    kinds = {"dpm++": DPMSolverMultistepScheduler, "ddim": DDIMScheduler, "euler": EulerDiscreteScheduler}
    for sampler, kind in kinds.items():
        scheduler = load_scheduler(str(folders / "sd15"), None, sampler)  # type: ignore[arg-type]
        assert type(scheduler) is kind
        assert scheduler.config.beta_schedule == "scaled_linear"
        assert scheduler.config.beta_end == 0.012


def test_a_folder_without_a_unet_is_refused(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders / "sd15", tmp_path / "sd", ignore=shutil.ignore_patterns("unet"))
    with pytest.raises(SettingsError, match="cannot load its unet"):
        load_pipeline(str(tmp_path / "sd"), precision="float32", sampler="base", with_clip=False)
