"""`ella train`: Lightning's command line over the connector's training, its data and the trained file's folder."""

import logging
import sys
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
from training.callbacks import SaveConnector, TrainingProgress
from training.data import TrainingPairs
from training.errors import SettingsError
from training.module import ConnectorTraining

USAGE_ERROR = 2

MEANT_TO_BE_SO = (
    ".*does not have many workers.*",
    ".*module.* in eval mode.*",
    ".*LeafSpec.* is deprecated.*",
    ".*Experiment logs directory .* exists and is not empty.*",
)
"""Lightning's warnings about what is deliberate here, or none of the user's business."""

USAGE = """usage: ella train fit --config FILE [--dir DIR] [--KEY VALUE ...]

Train a connector; `ella train fit --help` lists every key, `--print_config` shows what a run would use.

examples:
  ella train fit --config training/configs/quickstart.yaml --dir quickstart
  ella train fit --config training/configs/ella_sd15.yaml --dir /data/ella --trainer.devices 4"""


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
        """Show our own progress bar wherever one is wanted."""
        if self.config.trainer.enable_progress_bar is not False:
            self.trainer_defaults["callbacks"] = [TrainingProgress()]


def main(args: Sequence[str]) -> None:
    """Run `ella train ARGS`.

    Args:
        args: `fit` and its options, as on the command line.

    Raises:
        SystemExit: with 2 and one line on stderr where the command or its configuration cannot work.
        KeyboardInterrupt: the training was interrupted.
    """
    if list(args[:1]) in (["-h"], ["--help"]):
        print(USAGE)
        return
    if list(args[:1]) != ["fit"]:
        _refuse(f"expected `fit`, got {' '.join(args) or 'nothing'}; `ella train --help` shows examples")
    try:
        with _quiet():
            _fit(build(args[1:]))
    except (SettingsError, MisconfigurationException) as error:
        _refuse(str(error))


def _fit(cli: TrainingCLI) -> None:
    try:
        cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=cli.config.ckpt_path, weights_only=True)
    except SystemExit:
        if cli.trainer.interrupted:  # Lightning turns Ctrl-C into a plain exit; the command says what it means
            raise KeyboardInterrupt from None
        raise


def build(args: Sequence[str]) -> TrainingCLI:
    """The model, the data and the trainer that `args`, the options after `fit`, ask for; nothing is trained yet."""
    return TrainingCLI(
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


def _refuse(message: str) -> None:
    print("ella train:", " ".join(message.split()), file=sys.stderr)
    sys.exit(USAGE_ERROR)


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
