"""Shards through models: batch by batch, and nothing lost between batches."""

from pathlib import Path

import pytest
import torch

from training.cache.encode import CaptionsEncoder, LatentsEncoder
from training.captions import CaptionMixture
from training.tar_index import TarIndex


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_batches_change_nothing_but_rounding(cached_world: Path, batch_size: int) -> None:
    tar = TarIndex(cached_world / "training" / "00000.tar")
    diffusion, t5 = (str(cached_world / "models" / name) for name in ("stable-diffusion", "t5"))

    def encode(batch_size: int) -> dict[str, torch.Tensor]:
        vae = LatentsEncoder(
            diffusion, config=None, precision="float32", resolution=24, batch_size=batch_size, threads=2
        )  # fmt: skip
        captions = CaptionsEncoder(
            t5, length=9, attend_to_padding=False, precision="float32", mixture=CaptionMixture(), batch_size=batch_size
        )
        return {**vae.encode(tar), **captions.encode(tar)}

    encoded, expected = encode(batch_size), encode(4)
    assert encoded.keys() == {"moments", "sizes", "crops", "features", "starts", "empty"}
    for name, tensor in expected.items():
        torch.testing.assert_close(encoded[name], tensor, atol=2e-3, rtol=1e-3)


def test_captions_keep_their_own_tokens(cached_world: Path) -> None:
    tar = TarIndex(cached_world / "training" / "00000.tar")
    t5 = str(cached_world / "models" / "t5")
    encoder = CaptionsEncoder(
        t5, length=9, attend_to_padding=False, precision="bfloat16", mixture=CaptionMixture(), batch_size=3
    )
    encoded = encoder.encode(tar)
    assert encoded["starts"].tolist() == [0, 6, 12, 18, 24]  # five words and the end token each
    assert encoded["features"].shape == (24, 64)
    assert encoded["features"].dtype == torch.bfloat16
    assert encoded["empty"].shape == (1, 64)  # the end token
