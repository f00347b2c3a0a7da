"""The ablation's table for trainings on disk: what is read from where, and what is missing."""

import json
from pathlib import Path

import pytest
import yaml
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from tests.training import tiny
from tests.training.test_fit import QUICKSTART
from training.cli import main
from training.compare import COLUMNS, read_run, table
from training.connectors import Connector, MLPConnector, Resampler, TimestepAwareSemanticConnector

PAPER = [
    ("MLPConnector", {}, ("MLP", "LN", "no", "2.16M")),
    ("Resampler", {"depth": 1}, ("resampler, 1 block", "LN", "no", "8.71M")),
    ("Resampler", {}, ("resampler, 6 blocks", "LN", "no", "44.16M")),
    ("TimestepAwareSemanticConnector", {"gates": True}, ("resampler, 6 blocks", "AdaLN-Zero", "yes", "73.91M")),
    ("TimestepAwareSemanticConnector", {}, ("resampler, 6 blocks", "AdaLN", "yes", "66.82M")),
]
"""Table 6: connector, settings, and what the paper prints."""


def cells(*folders: Path) -> list[dict[str, str]]:
    """The table's rows, by column."""
    head, rule, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table([read_run(str(folder)) for folder in folders]).splitlines()
    ]
    assert tuple(head) == COLUMNS
    assert set(rule) == {"---"}
    return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.mark.parametrize(("kind", "settings", "expected"), PAPER)
def test_the_papers_rows_are_told_by_their_configurations(
    tmp_path: Path, kind: str, settings: dict[str, object], expected: tuple[str, ...]
) -> None:
    connector = {"class_path": f"training.connectors.{kind}", "init_args": settings}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"model": {"connector": connector}}))
    (row,) = cells(tmp_path)
    assert tuple(row[name] for name in ("module", "norm", "timestep", "parameters")) == expected
    assert {row[name] for name in ("steps", "loss", "validation loss", "DPG-Bench")} == {"-"}


@pytest.mark.parametrize(
    ("connector", "module", "norm"),
    [
        (MLPConnector(text_width=8, width=8), "MLP", "LN"),
        (Resampler(text_width=8, width=8, depth=2), "resampler, 2 blocks", "LN"),
        (
            TimestepAwareSemanticConnector(text_width=8, width=8, depth=1, gates=True),
            "resampler, 1 block",
            "AdaLN-Zero",
        ),
    ],
)
def test_a_trained_connector_speaks_for_itself(tmp_path: Path, connector: Connector, module: str, norm: str) -> None:
    connector.save_pretrained(str(tmp_path / "connector"), metadata={"steps": "12345"})
    (row,) = cells(tmp_path)
    assert (row["module"], row["norm"], row["steps"]) == (module, norm, "12,345")


@pytest.mark.parametrize("kind", [CSVLogger, TensorBoardLogger])
def test_losses_and_steps_come_from_the_log(tmp_path: Path, kind: type[CSVLogger] | type[TensorBoardLogger]) -> None:
    logger = kind(str(tmp_path), name="", version="logs")
    for step in range(20):
        logger.log_metrics({"loss": float(step), **({"validation_loss": step / 8} if step in (3, 16) else {})}, step)
    logger.save()
    logger.finalize("success")
    (row,) = cells(tmp_path)
    assert row["loss"] == "18.5000"
    assert row["validation loss"] == "2.0000"
    assert row["steps"] == "20"
    assert row["module"] == "-"


def test_the_score_of_an_evaluation_is_the_fixed_one(tmp_path: Path) -> None:
    MLPConnector(text_width=8, width=8).save_pretrained(str(tmp_path))
    (tmp_path / "evaluation").mkdir()
    scores = {"legacy": {"overall": 70.0}, "fixed": {"overall": 72.914}}
    (tmp_path / "evaluation" / "dpg.json").write_text(json.dumps(scores))
    (row,) = cells(tmp_path)
    assert row["DPG-Bench"] == "72.91"


def test_a_real_training_makes_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tiny.save_world(tmp_path / "run")
    main(["fit", "--config", QUICKSTART, "--dir", folder, "--trainer.max_steps", "2"])
    capsys.readouterr()
    main(["compare", folder])
    row = [cell.strip() for cell in capsys.readouterr().out.splitlines()[2].strip("|").split("|")]
    assert row[:4] == [folder, "resampler, 2 blocks", "AdaLN", "yes"]
    assert row[5] == "2"
    assert 0 < float(row[6]) < 5
    assert row[8] == "-"


def test_a_folder_without_a_training_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["compare", str(tmp_path)])
    assert exit_.value.code == 2
    assert f"{tmp_path}: no training there" in capsys.readouterr().err


def test_no_folder_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["compare"])
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("ella train: compare: the following arguments are required: RUN")


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["compare", "--help"])
    assert exit_.value.code == 0
    assert "ella train compare /data/ella/connector" in capsys.readouterr().out
