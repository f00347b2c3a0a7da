"""DPG-Bench in small while a connector learns: a few prompts, drawn and judged every so many steps."""

import hashlib
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from training.callbacks.drawing import Drawing, undisturbed
from training.errors import SettingsError
from training.evaluation.device import be_worker
from training.evaluation.dpg.benchmark import Benchmark, Item, read_benchmark
from training.evaluation.dpg.rules import LEVEL1, OVERALL, fixed
from training.evaluation.judge import Judge
from training.evaluation.scores import PromptScore
from training.inference.loading import Sampler
from training.inference.pictures import image_seed
from training.module import ConnectorTraining


class EvaluateDPG(Callback):
    """Logs `dpg/average` and `dpg/entity` and its like: the fixed score, in percent, of a part of DPG-Bench.

    The part is the same in every training, and its images have the same noise every time. Ranks share the prompts. A
    judge that fails costs these numbers and not the training. `ella evaluate dpg` gives the whole benchmark's score.

    Args:
        csv: DPG-Bench's dpg_bench.csv.
        judge: who answers; stays in memory beside what is trained.
        every_n_steps: optimizer steps between two evaluations.
        items: prompts that are drawn.
        images: of each prompt.
        size: side of an image in pixels.
        steps: of the sampler.
        guidance: scale of classifier-free guidance.
        sampler: `base` takes the diffusion model's own scheduler.
        seed: of the noise.

    Raises:
        SettingsError: one of these cannot be.
    """

    def __init__(
        self,
        csv: str,
        judge: Judge,
        every_n_steps: int = 5_000,
        items: int = 32,
        images: int = 4,
        size: int = 512,
        steps: int = 25,
        guidance: float = 10.0,
        sampler: Sampler = "dpm++",
        seed: int = 0,
    ) -> None:
        numbers = {"every_n_steps": every_n_steps, "items": items, "images": images, "size": size, "steps": steps}
        for name, number in numbers.items():
            if number < 1:
                raise SettingsError(f"{name} is {number}: expected at least 1")
        self._csv = csv
        self._judge = judge
        self._every = every_n_steps
        self._count = items
        self._images = images
        self._settings = {"height": size, "width": size, "num_inference_steps": steps, "guidance_scale": guidance}
        self._sampler = sampler
        self._seed = seed
        self._benchmark: Benchmark | None = None
        self._drawing: Drawing | None = None
        self._last = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Read the table and look at the judge's settings, before anything is trained.

        Raises:
            SettingsError: one of them will not do.
        """
        try:
            self._benchmark = subset(read_benchmark(self._csv), self._count)
            self._judge.check()
        except (ValueError, OSError) as error:
            raise SettingsError(f"evaluation during training: {error}") from error

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Load the judge, and begin where the training stands.

        Raises:
            SettingsError: the judge cannot work.
        """
        assert isinstance(pl_module, ConnectorTraining)
        assert self._benchmark is not None
        be_worker(pl_module.device.index or 0)
        self._drawing = Drawing(pl_module, self._sampler, ["", *self._benchmark.texts.values()])
        try:
            with undisturbed(pl_module):
                self._judge.setup()
        except (ValueError, OSError) as error:
            raise SettingsError(f"evaluation during training: {error}") from error
        self._last = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Evaluate, when it is time."""
        step = trainer.global_step
        if step == self._last or step % self._every:
            return
        self._last = step
        assert isinstance(pl_module, ConnectorTraining)
        scores, failed = self._evaluate(pl_module, trainer.global_rank, trainer.world_size)
        totals = trainer.strategy.reduce(torch.cat([scores, scores.new_tensor([failed])]), reduce_op="sum")
        if totals[-1]:
            return
        sums, counts = totals[:-1].view(2, -1)  # (S,) each
        values = dict(zip(self._names(), (100 * sums / counts).tolist(), strict=True))
        pl_module.log_dict(values, logger=False)  # for a checkpoint that keeps the best
        for logger in trainer.loggers:  # which `log_dict` would leave to the steps at which the loggers write anyway
            logger.log_metrics(values, step=step)

    def _evaluate(self, module: ConnectorTraining, rank: int, ranks: int) -> tuple[Tensor, bool]:
        """What this rank's prompts add to each score (2 S,), sums before counts; and whether its judge failed."""
        assert self._benchmark is not None
        mine = list(self._benchmark.items.values())[rank::ranks]
        try:
            with undisturbed(module):
                replies = {item.item_id: self._judged(item) for item in mine}
        except OSError as error:
            warnings.warn(f"DPG-Bench is left out at this step: {error}", stacklevel=2)
            return torch.zeros(2 * len(self._names()), dtype=torch.float64, device=module.device), True
        scores = [score for score in fixed(self._benchmark, replies, self._images) if score.prompt_id in replies]
        return torch.tensor(_totals(scores, self._scores()), dtype=torch.float64, device=module.device).flatten(), False

    def _judged(self, item: Item) -> list[dict[str, str]]:
        """The answers about one prompt's images, image by image."""
        assert self._drawing is not None
        seeds = [image_seed(self._seed, item.text, number) for number in range(self._images)]
        images = self._drawing([item.text] * self._images, seeds, **self._settings)
        questions = item.questions
        pairs = [(image, question) for image in images for question in questions]
        answers = iter(self._judge.answer([image for image, _ in pairs], [question for _, question in pairs]))
        return [{question: next(answers).text for question in questions} for _ in images]

    def _scores(self) -> Sequence[str]:
        """What is scored: overall, and the broad categories that the prompts have."""
        assert self._benchmark is not None
        parts = {name for score in fixed(self._benchmark, {}, self._images) for name in score.parts}
        return [OVERALL, *sorted(name for name in parts if name.startswith(f"{LEVEL1}/"))]

    def _names(self) -> Sequence[str]:
        return [f"dpg/{'average' if name == OVERALL else name.partition('/')[2]}" for name in self._scores()]


def subset(benchmark: Benchmark, items: int) -> Benchmark:
    """So many of a benchmark's items, or all; the same ones for the same item ids, and fewer are among more."""
    ordered = sorted(benchmark.items, key=lambda item_id: hashlib.blake2b(item_id.encode()).digest())
    chosen = set(ordered[:items])
    return Benchmark(
        rows=[row for row in benchmark.rows if row.item_id in chosen],
        texts={item_id: text for item_id, text in benchmark.texts.items() if item_id in chosen},
    )


def _totals(scores: Sequence[PromptScore], names: Sequence[str]) -> list[list[float]]:
    """Sums and counts of each score, (2, S)."""
    parts = [[score.parts.get(name, (0.0, 0.0)) for name in names] for score in scores]
    return [[sum(row[place][which] for row in parts) for place in range(len(names))] for which in (0, 1)]
