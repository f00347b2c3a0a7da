"""The vision transformer's own rules."""

import torch
from torch import Tensor, nn

from captioning.cogvlm.vision import Vision, VisionLayer, VisionTransformer
from tests.captioning.cogvlm.tiny import random_model, small_config

VISION = small_config(v2=False).vision_config


def test_no_norm_follows_the_last_layer() -> None:
    transformer = VisionTransformer(VISION)
    for layer in transformer.layers:
        for norm in (layer.input_layernorm, layer.post_attention_layernorm):
            nn.init.zeros_(norm.weight)
    x = torch.randn(2, 17, 18)
    assert torch.equal(transformer(x), x)


def test_norms_come_after_attention_and_mlp() -> None:
    # Ten times the attention's output is the same after its norm.
    layer = VisionLayer(VISION)
    x = torch.randn(2, 17, 18)
    nn.init.zeros_(layer.post_attention_layernorm.weight)
    layer.input_layernorm.eps = 0.0
    before = layer(x)
    for parameter in layer.attention.dense.parameters():
        parameter.data.mul_(10)
    torch.testing.assert_close(layer(x), before)
    assert not torch.allclose(before, x)


def test_gives_begin_patches_and_end_and_drops_the_class_embedding() -> None:
    config = small_config(v2=False)
    vision = Vision(config)
    nn.init.ones_(vision.boi)
    nn.init.constant_(vision.eoi, 2.0)
    tokens = vision(torch.randn(2, 3, 24, 24))
    assert tokens.shape == (2, 1 + config.num_patches + 1, 32)
    assert torch.equal(tokens[:, 0], torch.ones(2, 32))
    assert torch.equal(tokens[:, -1], torch.full((2, 32), 2.0))


def test_cogvlm2_merges_squares_of_patches_in_reading_order(pixels: Tensor) -> None:
    # The patch embedding alone: a change in one corner of the image stays in that corner's token.
    vision = random_model(small_config(v2=True)).model.vision
    vision.transformer.layers = nn.ModuleList()
    changed = pixels.clone()
    changed[:, :, 12:, :12] += 1.0  # bottom left
    differs = (vision(changed) != vision(pixels)).any(-1)
    assert differs.tolist() == [[False, False, False, True, False, False]] * 3  # begin, two above, two below, end
