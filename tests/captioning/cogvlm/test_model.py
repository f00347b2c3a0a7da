"""The whole model: against a slow reference, in its names and sizes, and through save and load."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from captioning.cogvlm import CogVLM, CogVLMConfig, VisionConfig
from captioning.cogvlm.cache import KeyValueCache
from tests.captioning.cogvlm import reference
from tests.captioning.cogvlm.tiny import random_model, small_config

TEXTS = [[7, 21, 9, 30], [5, 11], [40, 41, 42, 43]]

LANGUAGE_LAYER = [
    "input_layernorm.weight",
    "post_attention_layernorm.weight",
    "self_attn.vision_expert_query_key_value.weight",
    "self_attn.language_expert_query_key_value.weight",
    "self_attn.vision_expert_dense.weight",
    "self_attn.language_expert_dense.weight",
    "mlp.language_mlp.gate_proj.weight",
    "mlp.language_mlp.up_proj.weight",
    "mlp.language_mlp.down_proj.weight",
    "mlp.vision_mlp.gate_proj.weight",
    "mlp.vision_mlp.up_proj.weight",
    "mlp.vision_mlp.down_proj.weight",
]
VISION_LAYER = [
    "input_layernorm.weight",
    "input_layernorm.bias",
    "post_attention_layernorm.weight",
    "post_attention_layernorm.bias",
    "attention.query_key_value.weight",
    "attention.query_key_value.bias",
    "attention.dense.weight",
    "attention.dense.bias",
    "mlp.fc1.weight",
    "mlp.fc1.bias",
    "mlp.fc2.weight",
    "mlp.fc2.bias",
]
OUTSIDE_LAYERS = [
    "lm_head.weight",
    "model.embed_tokens.weight",
    "model.norm.weight",
    "model.vision.patch_embedding.cls_embedding",
    "model.vision.patch_embedding.position_embedding.weight",
    "model.vision.patch_embedding.proj.weight",
    "model.vision.patch_embedding.proj.bias",
    "model.vision.linear_proj.linear_proj.weight",
    "model.vision.linear_proj.norm1.weight",
    "model.vision.linear_proj.norm1.bias",
    "model.vision.linear_proj.gate_proj.weight",
    "model.vision.linear_proj.dense_h_to_4h.weight",
    "model.vision.linear_proj.dense_4h_to_h.weight",
    "model.vision.boi",
    "model.vision.eoi",
]


def published_names(config: CogVLMConfig) -> set[str]:
    """The published checkpoints' names, without the rotary frequencies that they hold beside the weights."""
    names = set(OUTSIDE_LAYERS)
    for layer in range(config.num_hidden_layers):
        names |= {f"model.layers.{layer}.{name}" for name in LANGUAGE_LAYER}
        if config.num_multi_query_heads:
            names.add(f"model.layers.{layer}.self_attn.vision_expert_query_key_value.bias")
    for layer in range(config.vision_config.num_hidden_layers):
        names |= {f"model.vision.transformer.layers.{layer}.{name}" for name in VISION_LAYER}
    if config.num_multi_query_heads:
        names |= {"model.vision.conv.weight", "model.vision.conv.bias"}
    return names


def published_config(*, v2: bool = False, image_size: int = 490) -> CogVLMConfig:
    """CogVLM's, in one of its two image sizes, and CogVLM2's."""
    return CogVLMConfig(
        hidden_size=4096,
        intermediate_size=14336 if v2 else 11008,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_multi_query_heads=8 if v2 else None,
        vocab_size=128256 if v2 else 32000,
        max_position_embeddings=8192 if v2 else 2048,
        vision_config=VisionConfig(
            image_size=image_size,
            patch_size=14,
            hidden_size=1792,
            intermediate_size=15360,
            num_heads=16,
            num_hidden_layers=63,
            num_positions=(image_size // 14) ** 2 + 1,
        ),
    )


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours.double(), theirs.double(), rtol=1e-5, atol=1e-5)


def new_cache(model: CogVLM, *, batch: int, capacity: int) -> KeyValueCache:
    return KeyValueCache(model.config, batch=batch, capacity=capacity, dtype=model.dtype, device=model.device)


def prefill(model: CogVLM, pixels: Tensor, texts: list[list[int]], cache: KeyValueCache, rows: Tensor) -> Tensor:
    longest = max(map(len, texts))
    padded = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    return model.prefill(pixels, padded, torch.tensor([len(text) for text in texts]), cache, rows)


def test_agrees_with_the_reference(model: CogVLM, config: CogVLMConfig, pixels: Tensor) -> None:
    for image, text in zip(pixels, TEXTS, strict=True):
        ours = model(image[None], torch.tensor([text]))[0]
        assert_close(ours, reference.logits(model.state_dict(), config, image, text))


def test_agrees_with_the_reference_where_no_text_follows_the_image(
    model: CogVLM, config: CogVLMConfig, pixels: Tensor
) -> None:
    ours = model(pixels[:1], torch.empty(1, 0, dtype=torch.long))[0]
    assert_close(ours, reference.logits(model.state_dict(), config, pixels[0], []))


def test_a_batch_of_unequal_texts_agrees_with_the_reference(
    model: CogVLM, config: CogVLMConfig, pixels: Tensor
) -> None:
    padded = torch.tensor([text + [0] * (4 - len(text)) for text in TEXTS])
    for row, image, text in zip(model(pixels, padded), pixels, TEXTS, strict=True):
        theirs = reference.logits(model.state_dict(), config, image, text)
        assert_close(row[: len(theirs)], theirs)


def test_a_cache_filled_in_any_order_agrees_with_the_reference(
    model: CogVLM, config: CogVLMConfig, pixels: Tensor
) -> None:
    # Three sequences of unequal length begin at different times, in rows that are not in their order, one of them in
    # a row that held another; then all grow together.
    cache = new_cache(model, batch=3, capacity=40)
    rows = torch.tensor([2, 0, 1])
    prefill(model, pixels[[1, 1]], [[9, 9, 9, 9], TEXTS[1]], cache, rows[[2, 1]])
    first = prefill(model, pixels[[0, 2]], [TEXTS[0], TEXTS[2]], cache, rows[[0, 2]])
    said = [[11, 12, 13], [21, 22, 23], [31, 32, 33]]
    logits = [[first[0]], [], [first[1]]]
    for step in range(3):
        tokens = torch.tensor(said)[:, step]
        following = model.decode(tokens[rows.argsort()], cache, window=36)
        cache.lengths += 1
        for row in range(3):
            logits[row].append(following[rows[row]])
    for row, text in enumerate(TEXTS):
        theirs = reference.logits(model.state_dict(), config, pixels[row], text + said[row])
        assert_close(torch.stack(logits[row]), theirs[-len(logits[row]) :])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near_the_reference(
    model: CogVLM, config: CogVLMConfig, pixels: Tensor, dtype: torch.dtype
) -> None:
    # Errors as shares of the logits' spread. 8 bits of mantissa round by up to 2^-9, here through four layers of two
    # branches; the same weights rounded, so that what is left is the arithmetic.
    model = model.to(dtype)
    rounding = torch.finfo(dtype).eps / 2
    for image, text in zip(pixels, TEXTS, strict=True):
        ours = model(image[None].to(dtype), torch.tensor([text]))[0]
        theirs = reference.logits(model.state_dict(), config, image.to(dtype), text)
        error = (ours.double() - theirs) / theirs.std()
        assert error.square().mean().sqrt() < 8 * rounding
        assert error.abs().max() < 50 * rounding


@pytest.mark.parametrize("expert", ["language_mlp", "vision_mlp"])
def test_end_of_image_goes_through_the_language_expert(pixels: Tensor, expert: str) -> None:
    # In the last layer an expert's MLP changes the slots that it serves and no others.
    model = random_model(small_config(v2=False))
    before = model(pixels[:1], torch.tensor([[5, 6]]))[0]
    getattr(model.model.layers[-1].mlp, expert).down_proj.weight.mul_(2)
    after = model(pixels[:1], torch.tensor([[5, 6]]))[0]
    changed = (before != after).any(-1).tolist()
    bos, boi, patches, eoi, text = [0], [1], list(range(2, 18)), [18], [19, 20]
    served = boi + patches if expert == "vision_mlp" else bos + eoi + text
    assert [slot for slot, is_changed in enumerate(changed) if is_changed] == served


def test_patches_share_a_rotary_position(pixels: Tensor) -> None:
    # With one layer, all that could tell the text in which order the patches came is their rotary positions.
    model = random_model(small_config(v2=False, layers=1))
    x = model.model.embed(pixels[:1], torch.tensor([[5, 6]]))
    shuffled = x.clone()
    shuffled[:, 2:18] = x[:, 2:18].flip(1)
    straight, flipped = model.model(x), model.model(shuffled)
    assert_close(flipped[:, 18:], straight[:, 18:])
    assert not torch.allclose(flipped[:, 2:18], straight[:, 2:18], atol=1e-2)


def test_decoding_touches_the_language_weights_alone(model: CogVLM, pixels: Tensor) -> None:
    cache = new_cache(model, batch=1, capacity=24)
    prefill(model, pixels[:1], [[5, 6]], cache, torch.tensor([0]))
    for name, tensor in model.state_dict().items():
        if "vision" in name:
            tensor.fill_(float("nan"))
    for layer in model.model.layers:
        layer.mlp.vision_mlp = layer.self_attn.vision_expert_query_key_value = layer.self_attn.vision_expert_dense = (
            None
        )
    assert model.decode(torch.tensor([7]), cache, window=24).isfinite().all()


def test_names_are_the_published_ones(model: CogVLM, config: CogVLMConfig) -> None:
    assert set(model.state_dict()) == published_names(config)


@pytest.mark.parametrize(("image_size", "patches"), [(224, 256), (490, 1225)])
def test_the_published_cogvlm_has_1187_tensors_and_17_6_billion_weights(image_size: int, patches: int) -> None:
    with torch.device("meta"):
        model = CogVLM(published_config(image_size=image_size))
    rotary_frequencies = 32  # one a layer, which the checkpoint holds and the model does without
    assert len(model.state_dict()) + rotary_frequencies == 1187
    assert round(sum(tensor.numel() for tensor in model.state_dict().values()) / 1e9, 1) == 17.6
    assert model.config.num_patches == patches
    assert model.model.vision.patch_embedding.position_embedding.num_embeddings == patches + 1


def test_the_published_cogvlm2_has_the_size_that_its_index_says() -> None:
    with torch.device("meta"):
        model = CogVLM(published_config(v2=True, image_size=1344))
    rotary_frequencies = 32 * 64
    numbers = sum(tensor.numel() for tensor in model.state_dict().values()) + rotary_frequencies
    assert 2 * numbers == 39_006_214_656  # bytes, in bfloat16
    assert model.config.num_patches == 2304
    assert model.model.vision.patch_embedding.position_embedding.num_embeddings == 9217


def test_comes_back_from_disk_as_it_was(model: CogVLM, pixels: Tensor, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "model")
    loaded = CogVLM.from_pretrained(tmp_path / "model", dtype=torch.float32)
    assert loaded.config == model.config
    assert list(loaded.state_dict()) == list(model.state_dict())
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    text = torch.tensor(TEXTS[:1])
    assert torch.equal(loaded(pixels[:1], text), model(pixels[:1], text))


def test_loads_as_bfloat16_and_runs_in_it(model: CogVLM, pixels: Tensor, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    loaded = CogVLM.from_pretrained(tmp_path)
    assert {tensor.dtype for tensor in loaded.state_dict().values()} == {torch.bfloat16}
    assert all(torch.equal(tensor, model.state_dict()[name].bfloat16()) for name, tensor in loaded.state_dict().items())
    assert loaded(pixels[:1].bfloat16(), torch.tensor(TEXTS[:1])).dtype == torch.bfloat16


def test_brings_the_tokenizer_that_it_is_given(model: CogVLM, tokenizer_folder: Path, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "model")
    assert CogVLM.from_pretrained(tmp_path / "model").tokenizer is None
    loaded = CogVLM.from_pretrained(tmp_path / "model", tokenizer=str(tokenizer_folder))
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.encode("red cat", add_special_tokens=False) == [18, 20]


def test_refuses_another_models_tokenizer_before_weights_are_read(tokenizer_folder: Path, tmp_path: Path) -> None:
    CogVLM(replace(small_config(v2=False), vocab_size=60)).save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="has 50 tokens, the model 60"):
        CogVLM.from_pretrained(tmp_path / "model", tokenizer=str(tokenizer_folder))
