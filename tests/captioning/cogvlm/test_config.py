"""Shapes: what follows from them, and contradictions in them."""

from dataclasses import replace

import pytest

from captioning.cogvlm import CogVLMConfig
from tests.captioning.cogvlm.tiny import small_config


def test_cogvlm_has_a_key_for_every_query_and_a_token_for_every_patch() -> None:
    config = small_config(v2=False)
    assert not config.is_v2
    assert (config.num_key_value_heads, config.num_patches, config.rotary_base) == (4, 16, 10_000)


def test_cogvlm2_shares_keys_and_merges_four_patches_into_a_token() -> None:
    config = small_config(v2=True)
    assert config.is_v2
    assert (config.num_key_value_heads, config.num_patches, config.rotary_base) == (2, 4, 500_000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 34}, "hidden_size is 34: expected a multiple of 4"),
        ({"hidden_size": "32"}, "hidden_size is '32': expected a whole number"),
        ({"hidden_size": 36}, "heads are 9 wide"),
        ({"num_multi_query_heads": 3}, "num_attention_heads is 4: expected a multiple of 3"),
        ({"num_multi_query_heads": 0}, "num_multi_query_heads is 0: expected a whole number"),
        ({"template_version": "essay"}, "template_version is 'essay': expected chat, vqa, base"),
        ({"eos_token_id": (2, 50)}, "special token 50 is outside the vocabulary of 50"),
    ],
)
def test_contradictions_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(small_config(v2=False), **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_positions": 16}, r"num_positions is 16: images of 24 px in patches of 6 px need 17"),
        ({"num_heads": 4}, "hidden_size is 18: expected a multiple of 4"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu': only 'gelu' is known"),
        ({"in_channels": 4}, "in_channels is 4"),
        ({"patch_size": 0}, "patch_size is 0: expected a whole number from 1 up"),
    ],
)
def test_contradictions_in_vision_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(small_config(v2=False).vision_config, **change)


def test_cogvlm2_needs_an_even_number_of_patches_along_an_edge() -> None:
    vision = replace(small_config(v2=False).vision_config, image_size=30, num_positions=26)
    config: CogVLMConfig = replace(small_config(v2=False), vision_config=vision)
    with pytest.raises(ValueError, match="5 patches wide: CogVLM2 needs an even number"):
        replace(config, num_multi_query_heads=2)
