"""`ella train fit`: Lightning's command line over the connector's training, its data and the trained file's folder."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jsonargparse import ArgumentError
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from omegaconf.errors import OmegaConfBaseException
from transformers.utils import logging as transformers_logging

from curation.config_errors import explain
from training.callbacks import (
    FiniteLoss,
    GradientNorm,
    LossByTimestep,
    PeakMemory,
    Preempted,
    Preemption,
    SaveConnector,
    Throughput,
    TrainingProgress,
)
from training.data import TrainingPairs
from training.errors import SettingsError
from training.module import ConnectorTraining

MEANT_TO_BE_SO = (
    ".*does not have many workers.*",
    ".*module.* in eval mode.*",
    ".*LeafSpec.* is deprecated.*",
    ".*Experiment logs directory .* exists and is not empty.*",
    ".*Total length of `list` across ranks is zero.*",
    ".*You defined a `validation_step` but have no `val_dataloader`.*",
    ".*You have overridden `on_before_batch_transfer`.*",
    ".*is not supported by the model summary.*",
    ".*WeightAveraging callback with a model that overrides.*",
)
"""Lightning's warnings about what is deliberate here, or none of the user's business."""


class TrainingCLI(LightningCLI):
    """LightningCLI for a connector: `${dir}` in a configuration is `--dir`, and there is one seed for everything.

    It stands without subcommands, because `${dir}` is looked up from the top of the configuration.
    """

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run's folder, the trained connector's folder and the checkpoint to go on from."""
        parser.add_argument("--dir", type=str, default="quickstart", help="what ${dir} stands for")
        parser.add_argument("--ckpt_path", type=str | None, default=None, help="a run's checkpoint, to go on from")
        parser.add_lightning_class_args(SaveConnector, "output")
        parser.link_arguments("seed_everything", "model.seed")
        parser.link_arguments("seed_everything", "data.seed")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse `args`.

        Raises:
            SettingsError: says which key or value is wrong.
        """
        try:
            self.config = parser.parse_args(args)
        except (ArgumentError, OmegaConfBaseException) as error:
            raise SettingsError(explain(str(error), parser)) from error

    def before_instantiate_classes(self) -> None:
        """Add what every training is watched and guarded by; what saves comes last."""
        shown = [] if self.config.trainer.enable_progress_bar is False else [TrainingProgress()]
        watchers = [LossByTimestep(), GradientNorm(), Throughput(), PeakMemory(), *shown]
        self.trainer_defaults["callbacks"] = [FiniteLoss(), *watchers, Preemption()]


def fit(args: Sequence[str]) -> None:
    """Train as `args`, the options after `fit`, ask for.

    Raises:
        SettingsError: the command or its configuration cannot work.
        NonFiniteLossError: the loss became NaN or infinite.
        Preempted: SIGTERM came, and a checkpoint is saved.
        KeyboardInterrupt: the training was interrupted.
    """
    with _quiet():
        try:
            _train(build(args))
        except MisconfigurationException as error:
            raise SettingsError(str(error)) from error


def _train(cli: TrainingCLI) -> None:
    try:
        cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=cli.config.ckpt_path, weights_only=True)
    except Preempted:
        raise
    except SystemExit:
        if cli.trainer.interrupted:  # Lightning turns Ctrl-C into a plain exit; the command says what it means
            raise KeyboardInterrupt from None
        raise


def build(args: Sequence[str], kind: type[TrainingCLI] = TrainingCLI) -> TrainingCLI:
    """The model, the data and the trainer that `args`, the options after `fit`, ask for; nothing is trained yet."""
    return kind(
        ConnectorTraining,
        TrainingPairs,
        args=list(args),
        run=False,
        seed_everything_default=0,
        auto_configure_optimizers=False,
        load_from_checkpoint_support=False,
        save_config_kwargs={"overwrite": True},
        parser_kwargs={"prog": "ella train fit", "parser_mode": "omegaconf+", "exit_on_error": False},
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep tips, the bars of loading, and remarks on what is meant to be so off the screen."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    bars = transformers_logging.is_progress_bar_enabled()
    with warnings.catch_warnings():
        for remark in MEANT_TO_BE_SO:
            warnings.filterwarnings("ignore", message=remark)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            if bars:
                transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
