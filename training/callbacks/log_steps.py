"""At which batches the loggers write."""

from lightning.pytorch import Trainer


def log_interval(trainer: Trainer) -> int:
    """Optimizer steps from one row of the logs to the next; 0: there is none."""
    steps: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
    return steps


class LogSteps:
    """Says once for each optimizer step that the loggers write, however many batches make a step."""

    def __init__(self) -> None:
        self._last = 0

    def start(self, trainer: Trainer) -> None:
        """Begin where `trainer` stands, which after a resume is in the middle."""
        self._last = trainer.global_step

    def due(self, trainer: Trainer) -> bool:
        """Whether the batch that has just ended completed a step that the loggers write; asked once a batch."""
        step, every = trainer.global_step, log_interval(trainer)
        if step == self._last:
            return False
        self._last = step
        return every > 0 and step % every == 0
