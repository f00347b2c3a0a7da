"""`ella train`: train a connector, fill the caches it reads, or compare trained ones."""

import sys
from collections.abc import Sequence

from training.errors import SettingsError

USAGE_ERROR = 2

USAGE = """usage: ella train COMMAND [ARGUMENTS]

Train a connector, faster with a cache of what its frozen models give, and compare trained ones.

commands:
  fit         train as a YAML file says; `fit --help` lists every key, `fit --print_config` shows what a run would use
  cache       compute once what the frozen models of such a file give for its data, for `fit` to read
  compare     print the paper's ablation table for trainings on disk

examples:
  ella train fit --config training/configs/quickstart.yaml --dir quickstart
  ella train fit --config training/configs/ella_sd15.yaml --dir /data/ella --trainer.devices 4
  ella train fit --config training/configs/ella_sd15.yaml --dir /data/ella --ckpt_path last
  ella train cache --config training/configs/ella_sd15.yaml --dir /data/ella --data.latents latents --plan true
  ella train compare /data/ella/connector /data/mlp/connector"""


def main(args: Sequence[str]) -> None:
    """Run `ella train ARGS`.

    Args:
        args: `fit`, `cache` or `compare` and its options, as on the command line.

    Raises:
        SystemExit: with 2 and one line on stderr where the command or its configuration cannot work; with 75 where
            SIGTERM ended the training and a checkpoint is saved.
        NonFiniteLossError: the loss became NaN or infinite.
        KeyboardInterrupt: the training was interrupted.
    """
    if list(args[:1]) in (["-h"], ["--help"]):
        print(USAGE)
        return
    try:
        _run(args)
    except SettingsError as error:
        print("ella train:", " ".join(str(error).split()), file=sys.stderr)
        sys.exit(USAGE_ERROR)


def _run(args: Sequence[str]) -> None:
    match list(args):
        case ["fit", *options]:
            from training.fit import fit

            fit(options)
        case ["cache", *options]:
            from training.cache.command import main as cache

            cache(options)
        case ["compare", *options]:
            from training.compare import main as compare

            compare(options)
        case _:
            got = " ".join(args) or "nothing"
            raise SettingsError(f"expected `fit`, `cache` or `compare`, got {got}; `ella train --help` shows examples")
