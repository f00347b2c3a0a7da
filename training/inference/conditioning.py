"""What stands before an equipped U-Net: packed prompts and a timestep come in, the connector's condition goes on."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from training.connectors import Connector
from training.inference.packing import Packing, Unpacked

_ARGUMENTS = ("sample", "timestep", "encoder_hidden_states")
"""The first three of every U-Net and ControlNet in diffusers, given by position or by name."""


class Condition(NamedTuple):
    """What the U-Net reads of a batch at one step.

    Args:
        states: (B, N, C), or (B, N + K, C) with CLIP's embedding behind it.
        pooled: (B, P), of connectors that have a head for it.
    """

    states: Tensor
    pooled: Tensor | None


@dataclass(frozen=True, kw_only=True)
class _Prompts:
    """The packed prompts (B, R, W) of one call of a pipeline, read once for all its steps.

    Args:
        packed: what was read.
        version: how often it had been changed in place.
        different: the U prompts in it that differ from each other.
        places: (B,) which of them stands in each row.
    """

    packed: Tensor
    version: int
    different: Unpacked
    places: Tensor


class ConditionHook:
    """A forward pre-hook for U-Net and ControlNets; one instance serves all those of a pipeline.

    Whatever the batch holds, the connector reads each different prompt once a step: both guidance halves go through
    it together, all images of a prompt share its condition, and so do U-Net and ControlNets.

    Args:
        connector: where its weights stand is where it computes.
        packing: how the prompts are laid out.
        condition_width: channels that the U-Net reads. A tensor of this width is a condition already, of another
            pipeline that has the same U-Net, and goes on as it is.
        pools: give SDXL's U-Net the pooled embedding of the connector's own head.
    """

    def __init__(self, connector: Connector, packing: Packing, condition_width: int, *, pools: bool) -> None:
        self._connector = connector
        self._packing = packing
        self._condition_width = condition_width
        self._pools = pools
        self._prompts: _Prompts | None = None
        self._step: tuple[_Prompts, Any, Condition] | None = None

    def __call__(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of `module`, with the condition (B, N, C) in the place of packed prompts (B, R, W)."""
        given = {**dict(zip(_ARGUMENTS, args, strict=False)), **kwargs}
        sample, timestep, states = (given.pop(name) for name in _ARGUMENTS)
        if states.shape[-1] != self._condition_width:
            states, pooled = self._condition(self._read(states), timestep)
            if pooled is not None:
                given["added_cond_kwargs"] = {**given["added_cond_kwargs"], "text_embeds": pooled}
        return (sample, timestep, states, *args[len(_ARGUMENTS) :]), given

    def _read(self, packed: Tensor) -> _Prompts:
        version = 0 if packed.is_inference() else packed._version
        last = self._prompts
        if last is None or packed is not last.packed or version != last.version:
            different, places = torch.unique(packed, dim=0, return_inverse=True)
            last = _Prompts(packed=packed, version=version, different=self._packing.unpack(different), places=places)
            self._prompts = last
        return last

    def _condition(self, prompts: _Prompts, timestep: Any) -> Condition:
        """The condition at `timestep`: the last one again where the same step asks for it a second time."""
        if self._step is None or prompts is not self._step[0] or timestep is not self._step[1]:
            self._step = (prompts, timestep, self._compute(prompts, torch.as_tensor(timestep).reshape(-1)))
        return self._step[2]

    def _compute(self, prompts: _Prompts, times: Tensor) -> Condition:
        """The condition at timesteps (B,), or at one (1,) for all, where each different prompt is read once."""
        if len(times) > 1:
            return self._read_all(prompts.different, prompts.places, times)
        once = torch.arange(len(prompts.different.text.features), device=prompts.places.device)
        states, pooled = self._read_all(prompts.different, once, times)
        return Condition(states[prompts.places], None if pooled is None else pooled[prompts.places])

    def _read_all(self, prompts: Unpacked, rows: Tensor, times: Tensor) -> Condition:
        """The condition of `rows` of `prompts`, in the precision that they came in."""
        text, mask, clip = prompts.text.features[rows], prompts.text.mask, prompts.clip
        weight = next(self._connector.parameters())
        mask = None if mask is None else mask[rows].to(weight.device)
        states = self._connector(text.to(weight), times.to(weight.device), mask)  # (B, N, C)
        pooled = self._connector.pooled(states).to(text) if self._pools else None  # (B, P)
        states = states.to(text)
        return Condition(states if clip is None else torch.cat([states, clip[rows]], dim=1), pooled)
