"""The device's side of generation: slots in which texts are written, step by step, without asking the host."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from captioning.captioner import Sampling
from captioning.cogvlm.acceleration import Acceleration, accelerate
from captioning.cogvlm.cache import KeyValueCache
from captioning.cogvlm.model import CogVLM
from captioning.cogvlm.repetition import Repetition
from captioning.cogvlm.sampling import draw, signed, uniform

Ending = Literal["stop", "length", "loop"]
"""Why a text ends: the model ended it, it ran into its cap, or it repeats itself."""

_WRITING = 0
_STOP, _LENGTH, _LOOP = 1, 2, 3


@dataclass(frozen=True, kw_only=True)
class Text:
    """What is written in a slot.

    Args:
        tokens: ids, without the one that ends the text.
        ending: why there are no more; None while there may be.
    """

    tokens: list[int]
    ending: Ending | None


class Decoder:
    """Writes a text in each slot; a slot whose text has ended waits for the next one.

    Args:
        model: on the device where this runs.
        slots: texts that are written at once.
        capacity: of the cache, in slots of a sequence: the most that prefix, prompt and new tokens need.
        longest: most new tokens of any text.
        sampling: how to draw tokens; None to take the likeliest.
        acceleration: of the step.
    """

    def __init__(
        self,
        model: CogVLM,
        *,
        slots: int,
        capacity: int,
        longest: int,
        sampling: Sampling | None,
        acceleration: Acceleration,
    ) -> None:
        self._model, self._sampling, device = model, sampling, model.device
        self._cache = KeyValueCache(model.config, batch=slots, capacity=capacity, dtype=model.dtype, device=device)
        self._ends = torch.tensor(model.config.eos_token_id, device=device)
        self._logits = torch.zeros(slots, model.config.vocab_size, dtype=model.dtype, device=device)
        self._tokens = torch.zeros(slots, longest, dtype=torch.long, device=device)
        self._written, self._caps, self._seeds = torch.zeros(3, slots, dtype=torch.long, device=device)
        self._status = torch.full((slots,), _STOP, device=device)
        self._repetition = Repetition(slots, device)
        self._step = accelerate(self._advance, acceleration, device)

    def admit(
        self,
        slots: Sequence[int],
        pixels: Tensor,
        prompts: Sequence[Sequence[int]],
        caps: Sequence[int],
        seeds: Sequence[int],
    ) -> None:
        """Begin a text in each of `slots`.

        Args:
            slots: R of them, none of which is being written.
            pixels: (R, 3, S, S), on any device.
            prompts: R sequences of token ids.
            caps: most new tokens of each text, the one that ends it counted.
            seeds: of each text, where tokens are drawn.
        """
        model, device = self._model, self._model.device
        rows = torch.tensor(slots, device=device)
        longest, padding = max(map(len, prompts)), model.config.pad_token_id
        padded = [[*prompt, *[padding] * (longest - len(prompt))] for prompt in prompts]
        self._logits[rows] = model.prefill(
            pixels.to(device, model.dtype, non_blocking=True),
            torch.tensor(padded, dtype=torch.long, device=device),  # (R, longest)
            torch.tensor([len(prompt) for prompt in prompts], device=device),
            self._cache,
            rows,
        )
        self._written[rows] = 0
        self._caps[rows] = torch.tensor(caps, device=device)
        self._seeds[rows] = torch.tensor([signed(seed) for seed in seeds], device=device)
        self._repetition.forget(rows)
        self._status[rows] = _WRITING

    def run(self, steps: int, window: int) -> None:
        """Write up to `steps` tokens in every slot, looking at `window` slots of each sequence."""
        for _ in range(steps):
            self._step(window)

    def read(self) -> list[Text]:
        """What is in each slot by now. This is where the host waits for the device."""
        columns = [self._status[:, None], self._written[:, None], self._tokens]
        endings = (None, *get_args(Ending))
        return [
            Text(tokens=tokens[:written], ending=endings[status])
            for status, written, *tokens in torch.cat(columns, dim=1).tolist()
        ]

    def _advance(self, window: int) -> None:
        """Choose a token in every slot and compute what may follow it; an ended slot goes along and changes nothing."""
        token = self._choose()
        self._record(token)
        self._logits.copy_(self._model.decode(token, self._cache, window))
        self._cache.lengths.add_(self._status == _WRITING)

    def _choose(self) -> Tensor:
        if self._sampling is None:
            return self._logits.argmax(-1)
        chance = uniform(self._seeds, self._written)
        return draw(self._logits, chance, temperature=self._sampling.temperature, top_p=self._sampling.top_p)

    def _record(self, token: Tensor) -> None:
        writing = self._status == _WRITING
        stops = (token[:, None] == self._ends).any(1)
        at = self._written.clamp(max=self._tokens.shape[1] - 1)[:, None]
        self._tokens.scatter_(
            1, at, torch.where((writing & ~stops)[:, None], token[:, None], self._tokens.gather(1, at))
        )
        self._written.add_(writing & ~stops)
        status = torch.where(self._written >= self._caps, _LENGTH, _WRITING)
        status = torch.where(self._repetition.update(token), _LOOP, status)
        status = torch.where(stops, _STOP, status)
        self._status.copy_(torch.where(writing, status, self._status))
