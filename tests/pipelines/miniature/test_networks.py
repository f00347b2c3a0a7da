"""Small networks load through diffusers and transformers, and compute."""

from pathlib import Path

import pytest
import torch

from pipelines.miniature.networks import save_stable_diffusion, save_t5, seeded
from pipelines.miniature.vocabularies import save_clip


def test_stable_diffusion_makes_a_picture(models: Path) -> None:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(models / "stable-diffusion")
    pipeline.set_progress_bar_config(disable=True)
    picture = pipeline("a red star", height=64, width=64, num_inference_steps=2).images[0]
    assert picture.size == (64, 64)
    assert pipeline.unet.config.cross_attention_dim == 64
    assert pipeline.vae_scale_factor == 8
    assert pipeline.scheduler.config.beta_schedule == "scaled_linear"
    assert len(pipeline.tokenizer) == pipeline.text_encoder.config.vocab_size


def test_the_text_encoder_tells_texts_apart(models: Path) -> None:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(models / "stable-diffusion")
    ids = pipeline.tokenizer(["a red star", "a blue heart"], padding="max_length", return_tensors="pt").input_ids
    with torch.inference_mode():
        pooled = pipeline.text_encoder(ids).pooler_output
    assert not torch.allclose(pooled[0], pooled[1], atol=1e-3)


def test_t5_encodes_a_text(models: Path) -> None:
    from transformers import AutoTokenizer, T5EncoderModel

    tokenizer, model = AutoTokenizer.from_pretrained(models / "t5"), T5EncoderModel.from_pretrained(models / "t5")
    tokens = tokenizer(["a red star", "a blue heart to the left"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = model(**tokens).last_hidden_state
    assert states.shape == (2, tokens.input_ids.shape[1], 64)
    assert torch.isfinite(states).all()
    assert len(tokenizer) == model.config.vocab_size


def test_same_seed_same_bytes_and_another_seed_other_weights(tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        vocabulary = save_clip(tmp_path / name / "tokenizer", ["a red star"])
        save_stable_diffusion(tmp_path / name, seed, vocabulary)
        save_t5(tmp_path / name / "t5", seed, vocabulary=40)
    one, two, three = (
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two", "three")
    )
    assert one == two
    weights = {name for name in one if name.endswith(".safetensors")}
    assert len(weights) == 4
    assert {name for name in one if one[name] != three[name]} == weights


def test_seeding_leaves_the_callers_random_state_and_threads_alone() -> None:
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()

    def draw_and_fail() -> None:
        with seeded(3):
            drawn.append(torch.rand(2))
            raise KeyError

    drawn: list[torch.Tensor] = []
    for _ in range(2):
        with pytest.raises(KeyError):
            draw_and_fail()
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads
