"""What a cache takes is told from configurations, and is what its files then take."""

import json
from pathlib import Path

import pytest

from training.cache.cost import Cost, describe, latents_cost, text_cost
from training.cache.files import LatentsFile, TextFile


def test_stable_diffusion_takes_what_is_known_of_it() -> None:
    cost = latents_cost("stable-diffusion-v1-5/stable-diffusion-v1-5", 512)
    assert cost.bytes == 64 * 1024  # mean and log variance: 2 x 4 x 64 x 64 numbers of 16 bits
    assert cost.tflop == pytest.approx(1.12)


def test_t5_xl_takes_what_is_known_of_it(tmp_path: Path) -> None:
    config = {"d_model": 2048, "d_kv": 64, "num_heads": 32, "d_ff": 5120, "num_layers": 24}
    (tmp_path / "config.json").write_text(json.dumps(config))
    cost = text_cost(str(tmp_path), 128, 2)
    assert cost.bytes == 512 * 1024
    assert cost.tflop == pytest.approx(0.30, abs=0.02)


def test_tinyllama_has_fewer_keys_than_queries(tmp_path: Path) -> None:
    config = {
        "hidden_size": 2048, "num_attention_heads": 32, "num_key_value_heads": 4, "intermediate_size": 5632,
        "num_hidden_layers": 22,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = 968_884_224  # of TinyLlama-1.1B without its two embeddings and its norms
    assert text_cost(str(tmp_path), 100, 2) == Cost(bytes=409_600, tflop=pytest.approx(2 * weights * 100 / 1e12))


def test_a_model_that_is_not_here_costs_what_nobody_knows() -> None:
    assert text_cost("google/flan-t5-xl", 128, 2) == Cost(bytes=None, tflop=None)


def test_a_whole_set_is_told_in_size_and_hours() -> None:
    text = describe(latents_cost("somewhere", 512), 34_000_000)
    assert text == (
        "at most 2,228.2 GB for 34,000,000 pairs (64.0 KiB a pair), and 26 hours of a GPU that does 400 TFLOP/s"
    )
    assert describe(latents_cost("somewhere", 512), 0) == "at most 64.0 KiB a pair, 1.1 TFLOP"
    assert "known where the model is" in describe(Cost(bytes=None, tflop=None), 5)


def test_files_take_what_was_said(cached_world: Path) -> None:
    models, set_ = cached_world / "models", cached_world / "training"
    moments = LatentsFile(set_ / "latents" / "00000.safetensors", "x").moments
    assert latents_cost(str(models / "stable-diffusion"), 32).bytes == moments[0].nbytes
    features = TextFile(set_ / "text" / "00000.safetensors", "x").features
    assert text_cost(str(models / "t5"), 16, 4).bytes == features[0].nbytes
