"""The hook before the U-Net: what it puts in the place of packed prompts, and how often it asks the connector."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from training.batch import TextFeatures
from training.connectors import Connector
from training.inference.conditioning import ConditionHook
from training.inference.packing import Packing

PACKING = Packing(text_width=5, clip_width=3)
FEATURES = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(8))
MASK = torch.tensor([[True, True, True, True], [True, True, False, False]])
SAMPLE = torch.zeros(2, 4, 8, 8)


def pack(*rows: int, clip: Tensor | None = None) -> Tensor:
    """Those rows of the features, packed."""
    return PACKING.pack(TextFeatures(features=FEATURES[list(rows)], mask=MASK[list(rows)]), clip)


def expected(row: int, time: float) -> Tensor:
    """What `Sum` gives for a row."""
    return (FEATURES[row][MASK[row]].sum() + time).expand(2, 3)


class Sum(Connector):
    """Sums up the text and adds the timestep; remembers the batches that it was asked for."""

    def __init__(self) -> None:
        super().__init__(text_width=5, output_width=3, pooled_width=3)
        self.weight = nn.Parameter(torch.ones(()))
        self.batches: list[int] = []

    def forward(self, text: Tensor, timestep: Tensor, mask: Tensor | None = None) -> Tensor:
        self.batches.append(len(text))
        present = torch.ones_like(text[..., 0]) if mask is None else mask.to(text)
        total = (text * present[..., None]).sum(dim=(1, 2)) + timestep.float()
        return self.weight * total[:, None, None].expand(len(text), 2, 3)

    def pooled(self, condition: Tensor) -> Tensor:
        return 10 * condition[:, 0]

    @classmethod
    def arguments(cls, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, Any]:
        return {}


class UNet(nn.Module):
    """Gives back what it was given."""

    def forward(
        self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, *rest: Tensor, **named: Any
    ) -> tuple[Tensor, tuple[Tensor, ...], dict[str, Any]]:
        return encoder_hidden_states, rest, named


@pytest.fixture
def connector() -> Sum:
    return Sum()


@pytest.fixture
def unet(connector: Sum) -> UNet:
    unet = UNet()
    unet.register_forward_pre_hook(ConditionHook(connector, PACKING, 3, pools=False), with_kwargs=True)
    return unet


def test_the_condition_takes_the_place_of_packed_prompts(unet: UNet) -> None:
    states, rest, named = unet(SAMPLE, torch.tensor(7.0), encoder_hidden_states=pack(0, 1), return_dict=False)
    torch.testing.assert_close(states, torch.stack([expected(0, 7.0), expected(1, 7.0)]))
    assert (rest, named) == ((), {"return_dict": False})


def test_arguments_by_position_keep_their_places(unet: UNet) -> None:
    labels = torch.tensor([1, 2])
    states, rest, named = unet(SAMPLE, torch.tensor(7.0), pack(0, 1), labels)
    torch.testing.assert_close(states[1], expected(1, 7.0))
    assert (len(rest), rest[0] is labels, named) == (1, True, {})


def test_each_row_may_have_its_own_timestep(unet: UNet) -> None:
    states, *_ = unet(SAMPLE, torch.tensor([3.0, 9.0]), pack(0, 0))
    torch.testing.assert_close(states, torch.stack([expected(0, 3.0), expected(0, 9.0)]))


def test_rows_with_their_own_timesteps_keep_their_own_clip_embeddings(unet: UNet) -> None:
    clip = torch.randn(2, 4, 3)
    states, *_ = unet(SAMPLE, torch.tensor([3.0, 9.0, 5.0]), pack(1, 0, 1, clip=clip[[1, 0, 1]]))
    assert torch.equal(states[:, 2:], clip[[1, 0, 1]])
    torch.testing.assert_close(states[:, :2], torch.stack([expected(1, 3.0), expected(0, 9.0), expected(1, 5.0)]))


def test_each_different_prompt_is_read_once_a_step(unet: UNet, connector: Sum) -> None:
    packed = pack(1, 1, 0, 0)
    for time in (7.0, 3.0):
        states, *_ = unet(SAMPLE, torch.tensor(time), packed)
        torch.testing.assert_close(states, torch.stack([expected(row, time) for row in (1, 1, 0, 0)]))
    assert connector.batches == [2, 2]


def test_a_controlnet_and_its_unet_share_a_steps_condition(unet: UNet, connector: Sum) -> None:
    packed, time = pack(0, 1), torch.tensor(7.0)
    first, *_ = unet(SAMPLE, time, packed)
    second, *_ = unet(SAMPLE, time, packed)
    assert second is first
    assert len(connector.batches) == 1


def test_prompts_that_change_between_steps_are_read_anew(unet: UNet) -> None:
    packed, time = pack(0, 1), torch.tensor(7.0)
    unet(SAMPLE, time, packed)
    packed[0] = packed[1]  # in place
    states, *_ = unet(SAMPLE, time, packed)
    torch.testing.assert_close(states[0], expected(1, 7.0))
    states, *_ = unet(SAMPLE[1:], time, packed[1:])
    assert len(states) == 1


def test_a_condition_of_another_pipeline_goes_on_as_it_is(unet: UNet, connector: Sum) -> None:
    condition = torch.randn(2, 77, 3)
    states, *_ = unet(SAMPLE, torch.tensor(7.0), condition)
    assert states is condition
    assert connector.batches == []


def test_clips_embedding_stands_behind_the_condition(unet: UNet) -> None:
    clip = torch.randn(2, 4, 3)
    states, *_ = unet(SAMPLE, torch.tensor(7.0), pack(0, 1, clip=clip))
    assert states.shape == (2, 2 + 4, 3)
    assert torch.equal(states[:, 2:], clip)
    torch.testing.assert_close(states[1, :2], expected(1, 7.0))


def test_hidden_features_are_as_if_not_there(unet: UNet, connector: Sum) -> None:
    states, *_ = unet(SAMPLE, torch.tensor(7.0), pack(1))
    torch.testing.assert_close(states[0], connector(FEATURES[1:, :2], torch.tensor(7.0))[0])


def test_the_condition_has_the_prompts_precision_and_the_connector_its_own(unet: UNet, connector: Sum) -> None:
    connector.double()
    states, *_ = unet(SAMPLE, torch.tensor(7.0), pack(0, 1).bfloat16())
    assert states.dtype == torch.bfloat16
    assert connector.weight.dtype == torch.float64


def test_a_connectors_own_pooled_embedding_replaces_the_pipelines(connector: Sum) -> None:
    unet = UNet()
    unet.register_forward_pre_hook(ConditionHook(connector, PACKING, 3, pools=True), with_kwargs=True)
    packed = pack(0, 1, 0, clip=torch.randn(3, 4, 3))
    sizes, zeros = torch.ones(3, 6), torch.zeros(3, 3)
    states, _, named = unet(
        SAMPLE, torch.tensor(7.0), packed, added_cond_kwargs={"text_embeds": zeros, "time_ids": sizes}
    )
    assert named["added_cond_kwargs"]["time_ids"] is sizes
    torch.testing.assert_close(named["added_cond_kwargs"]["text_embeds"], 10 * states[:, 0])
    assert zeros.eq(0).all()


def test_inference_mode_works(unet: UNet) -> None:
    with torch.inference_mode():
        states, *_ = unet(SAMPLE, torch.tensor(7.0), pack(0, 1))
    torch.testing.assert_close(states[0], expected(0, 7.0))
