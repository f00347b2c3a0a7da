"""`ella train compare RUN...`: trainings on disk side by side, in the shape of the paper's table 6."""

import argparse
import json
import statistics
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
import yaml

from training.connectors import (
    Connector,
    MLPConnector,
    Resampler,
    TimestepAwareSemanticConnector,
    load_connector,
)
from training.connectors.checkpoint import FILE_NAME, read_checkpoint
from training.connectors.timestep import TimestepGate
from training.errors import SettingsError
from training.metrics import Series, find, read_metrics

COLUMNS = ("run", "module", "norm", "timestep", "parameters", "steps", "loss", "validation loss", "DPG-Bench")
MISSING = "-"
LAST_SHARE = 0.1
"""Of the logged losses, which are averaged: that of one batch says little."""

CONNECTORS: dict[str, type[Connector]] = {
    kind.__name__: kind for kind in (TimestepAwareSemanticConnector, Resampler, MLPConnector)
}


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """What is on disk of one training; None is what is not there.

    Args:
        folder: as it was named.
        connector: the trained one, or one of its shapes without weights.
        steps: optimizer steps.
        loss: mean of the last tenth of what was logged.
        validation_loss: the last one.
        dpg: overall score on DPG-Bench by the repaired protocol, of 100.
    """

    folder: str
    connector: Connector | None
    steps: int | None
    loss: float | None
    validation_loss: float | None
    dpg: float | None


def main(args: Sequence[str]) -> None:
    """Print the table of the runs that `args` name.

    Raises:
        SettingsError: one of them is no folder of a training, or there is none.
    """
    parser = _Parser(
        prog="ella train compare",
        description=textwrap.fill(
            "Print trainings side by side, in the shape of the ELLA paper's table 6: what the connector is, and how "
            "far it came. RUN is a training's folder, with the connector and the logs in it or below. The loss is the "
            f"mean of the last tenth of what was logged; what is not on disk is shown as {MISSING}.",
            100,
        ),
        epilog="example:\n  ella train compare /data/ella/connector /data/mlp/connector",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a training")
    print(table([read_run(folder) for folder in parser.parse_args(list(args)).runs]))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"compare: {message}; `{self.prog} --help` shows an example")


def read_run(folder: str) -> TrainedRun:
    """Everything that is known of the training in `folder`.

    Raises:
        SettingsError: there is no trace of one.
    """
    trained, config, metrics = find(folder, FILE_NAME), find(folder, "config.yaml"), read_metrics(folder)
    if not trained and not config and not metrics:
        raise SettingsError(
            f"{folder}: no training there (looked for {FILE_NAME}, config.yaml, metrics.csv and TensorBoard's files, "
            "in it and two folders below); name the folder that `ella train fit` wrote to"
        )
    losses, validation = list(metrics.get("loss", {}).values()), list(metrics.get("validation_loss", {}).values())
    return TrainedRun(
        folder=folder,
        connector=load_connector(str(trained[0])) if trained else _planned_connector(config),
        steps=_steps(trained, metrics),
        loss=statistics.fmean(losses[-max(1, round(LAST_SHARE * len(losses))) :]) if losses else None,
        validation_loss=validation[-1] if validation else None,
        dpg=_dpg(folder),
    )


def table(runs: Sequence[TrainedRun]) -> str:
    """The runs in Markdown, a row each."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, runs)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(run: TrainedRun) -> tuple[str, ...]:
    def number(value: float | None, form: str) -> str:
        return MISSING if value is None else format(value, form)

    parameters = sum(weight.numel() for weight in run.connector.parameters()) / 1e6 if run.connector else None
    return (
        run.folder,
        *_describe(run.connector),
        MISSING if parameters is None else f"{parameters:.2f}M",
        number(run.steps, ","),
        number(run.loss, ".4f"),
        number(run.validation_loss, ".4f"),
        number(run.dpg, ".2f"),
    )


def _describe(connector: Connector | None) -> tuple[str, str, str]:
    """Module, norm and whether it listens to the timestep, in the words of table 6."""
    match connector:
        case MLPConnector():
            return "MLP", "LN", "no"
        case Resampler():
            return _blocks(connector), "LN", "no"
        case TimestepAwareSemanticConnector():
            gated = isinstance(connector.connector.perceiver_blocks[0].gate_attn, TimestepGate)
            return _blocks(connector), "AdaLN-Zero" if gated else "AdaLN", "yes"
        case _:
            return MISSING, MISSING, MISSING


def _blocks(connector: Resampler | TimestepAwareSemanticConnector) -> str:
    depth = len(connector.connector.perceiver_blocks)
    return f"resampler, {depth} block{'s' * (depth > 1)}"


def _planned_connector(configs: Sequence[Path]) -> Connector | None:
    """A connector without weights as the run's configuration describes it, if it is one of ours."""
    if not configs:
        return None
    described = yaml.safe_load(configs[0].read_text())["model"]["connector"]
    kind = CONNECTORS.get(described["class_path"].rpartition(".")[2])
    if kind is None:
        return None
    settings: dict[str, Any] = described.get("init_args") or {}
    with torch.device("meta"):
        return kind(**settings)


def _steps(trained: Sequence[Path], metrics: dict[str, Series]) -> int | None:
    if trained:
        said = read_checkpoint(str(trained[0]))[1].get("steps")
        if said is not None:
            return int(said)
    last = [max(series) for name, series in metrics.items() if series]
    return max(last) + 1 if last else None  # loggers number them from 0


def _dpg(folder: str) -> float | None:
    found = find(folder, "evaluation/dpg.json")
    score: float | None = json.loads(found[0].read_text())["fixed"]["overall"] if found else None
    return score
