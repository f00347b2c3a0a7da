"""Attention maps: the numbers of a formula written out, and a forward pass that does not notice."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training import tiny
from tests.training.inference import small
from training.attention_maps import AttentionMap, attention_map, spread_timesteps, watched
from training.connectors import Connector, MLPConnector, TimestepAwareSemanticConnector, load_connector
from training.errors import SettingsError
from training.text_encoder import TextEncoder

PROMPT = "a red square on black"
TOKENS = [*PROMPT.split(), "</s>"]


@pytest.fixture(scope="module")
def connector(tmp_path_factory: pytest.TempPathFactory) -> TimestepAwareSemanticConnector:
    loaded = load_connector(small.save_connector(tmp_path_factory.mktemp("connector") / "ella.safetensors"))
    assert isinstance(loaded, TimestepAwareSemanticConnector)
    return loaded


@pytest.fixture(scope="module")
def encoder(text_encoder_folder: str) -> TextEncoder:
    return TextEncoder(text_encoder_folder, length=16)


def written_out(connector: TimestepAwareSemanticConnector, text: Tensor, timestep: int) -> Tensor:
    """Attention (K, L) to each token in each block, from the weights alone: softmax over latents and text."""
    time = connector.time_embedding(torch.tensor([timestep]))
    perceiver = connector.connector
    assert perceiver.time_aware_linear is not None
    latents = perceiver.latents[None] + perceiver.time_aware_linear(torch.nn.functional.silu(time))[:, None]
    text, maps = perceiver.proj_in(text), []
    for block in perceiver.perceiver_blocks:
        queries = block.ln_1(latents, time)
        keys = torch.cat([queries, block.ln_2(text, time)], dim=1)[0]
        width, heads = queries.shape[-1], block.attn.num_heads
        weight, bias = block.attn.in_proj_weight, block.attn.in_proj_bias
        q = (queries[0] @ weight[:width].T + bias[:width]).view(-1, heads, width // heads)
        k = (keys @ weight[width : 2 * width].T + bias[width : 2 * width]).view(-1, heads, width // heads)
        shares = (torch.einsum("qhc,khc->hqk", q, k) / math.sqrt(width // heads)).softmax(dim=-1)
        maps.append(shares.mean(dim=(0, 1))[latents.shape[1] :])
        latents = block(latents, text, time)
    return torch.stack(maps)


@torch.no_grad()
def test_the_weights_are_those_of_the_formula(connector: TimestepAwareSemanticConnector, encoder: TextEncoder) -> None:
    attention = attention_map(connector, encoder, PROMPT, [900, 500, 10])
    assert attention.tokens == attention.labels == TOKENS
    assert attention.timesteps == [900, 500, 10]
    assert attention.weights.shape == (2, 3, len(TOKENS))
    text = encoder([PROMPT]).features
    for row, timestep in enumerate([900, 500, 10]):
        expected = written_out(connector, text, timestep)[:, : len(TOKENS)]
        torch.testing.assert_close(attention.weights[:, row], expected)


def test_watching_changes_no_bit_of_the_condition(connector: Connector, encoder: TextEncoder) -> None:
    text, timesteps = encoder([PROMPT, "a"]).features, torch.tensor([900, 10])
    mask = torch.ones(text.shape[:2], dtype=torch.bool)
    mask[1, 3:] = False
    for given in (None, mask):
        before = connector(text, timesteps, given)
        with watched(connector) as seen:
            during = connector(text, timesteps, given)
        after = connector(text, timesteps, given)
        assert torch.equal(before, during)
        assert torch.equal(before, after)
        assert [tuple(weights.shape) for weights in seen] == [(2, 16)] * 2
    assert seen[0][1, 3:].eq(0).all()
    assert not any(module._forward_hooks for module in connector.modules())


def test_watching_leaves_gradients_as_they_are(connector: Connector, encoder: TextEncoder) -> None:
    gradients = []
    for _ in range(2):
        connector.zero_grad()
        with watched(connector) as seen:
            connector(encoder([PROMPT]).features, torch.tensor(10)).square().sum().backward()
        gradients.append([parameter.grad for parameter in connector.parameters()])
        assert not seen[0].requires_grad
    connector.zero_grad()
    connector(encoder([PROMPT]).features, torch.tensor(10)).square().sum().backward()
    for watched_grad, parameter in zip(gradients[0], connector.parameters(), strict=True):
        assert watched_grad is not None
        assert parameter.grad is not None
        assert torch.equal(watched_grad, parameter.grad)


def test_a_prompts_own_length_gives_its_tokens_all_that_the_queries_leave(
    connector: Connector, text_encoder_folder: str
) -> None:
    flexible = TextEncoder(text_encoder_folder, length=16, attend_to_padding=False)
    fixed = TextEncoder(text_encoder_folder, length=16)
    shares = [attention_map(connector, encoder, PROMPT, [500, 10]).weights.sum(dim=-1) for encoder in (flexible, fixed)]
    assert (shares[0] > shares[1]).all()  # where padding is read, it takes its part
    assert (shares[0] < 1).all()


def test_each_token_is_relative_to_its_own_maximum() -> None:
    weights = torch.tensor([[[1.0, 0.0], [4.0, 0.0]], [[3.0, 0.0], [4.0, 0.0]]])  # (K, T, L)
    attention = AttentionMap(prompt="a", tokens=["▁a", "Ġ"], timesteps=[9, 1], weights=weights)
    assert attention.relative().tolist() == [[0.5, 0.0], [1.0, 0.0]]
    assert attention.relative(0).tolist() == [[0.25, 0.0], [1.0, 0.0]]
    assert attention.labels == ["a", "_"]
    assert attention.as_json() == {
        "prompt": "a", "tokens": ["▁a", "Ġ"], "timesteps": [9, 1],
        "relative": [[0.5, 0.0], [1.0, 0.0]], "weights": weights.tolist(),
    }  # fmt: skip


def test_timesteps_are_spread_from_noise_to_image() -> None:
    assert spread_timesteps(5) == [999, 749, 500, 250, 0]
    assert len(set(spread_timesteps(50))) == 50
    for count in (1, 1001):
        with pytest.raises(SettingsError, match=f"steps: got {count}, expected 2 to 1000"):
            spread_timesteps(count)


def test_what_cannot_be_looked_at_is_refused(connector: Connector, encoder: TextEncoder, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a MLPConnector has no attention"):
        attention_map(MLPConnector(text_width=64, width=64), encoder, PROMPT, [1])
    with pytest.raises(SettingsError, match="the prompt is empty"):
        attention_map(connector, encoder, " ", [1])
    wide = TextEncoder(tiny.save_text_encoder(tmp_path, width=32))
    with pytest.raises(SettingsError, match="encoder gives 32 channels and the connector reads 64"):
        attention_map(connector, wide, PROMPT, [1])
