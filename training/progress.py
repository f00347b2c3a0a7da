"""How far a training is through its samples: what a checkpoint says of it, and what it must fit to go on."""

from dataclasses import asdict, dataclass
from typing import Any

from curation.manifest import differences, fingerprint
from training.errors import SettingsError
from training.order import SampleOrder

State = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a training was when a checkpoint was written.

    Args:
        samples: positions that went into finished optimizer steps; the next one is trained on first.
        steps: those optimizer steps.
    """

    samples: int = 0
    steps: int = 0

    def after(self, steps: int, samples_a_step: int) -> "Progress":
        """Where it is after `steps` optimizer steps in all, those since this one of `samples_a_step` samples each."""
        return Progress(
            samples=self.samples + max(0, steps - self.steps) * samples_a_step, steps=max(steps, self.steps)
        )

    def state(self, order: SampleOrder) -> State:
        """What a checkpoint keeps: numbers and texts alone."""
        return {**asdict(self), "order": _identity(order)}

    @classmethod
    def restored(cls, state: State, order: SampleOrder) -> "Progress":
        """The progress of a checkpoint.

        Raises:
            SettingsError: its positions mean other samples than those of `order`; names what differs.
        """
        changed = differences(state["order"], _identity(order))
        if changed:
            raise SettingsError(
                f"the checkpoint is of a training in another order of samples: {'; '.join(changed)} "
                "(checkpoint -> now). Put back what changed, or start anew from the trained connector"
            )
        return cls(samples=state["samples"], steps=state["steps"])


def _identity(order: SampleOrder) -> State:
    """What decides which sample stands at a position."""
    return {
        "samples": order.samples,
        "shards": len(order.counts),
        "samples_by_shard": fingerprint(list(order.counts)),
        "seed": order.seed,
        "shuffle_shards": order.window,
    }
