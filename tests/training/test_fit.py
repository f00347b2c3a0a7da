"""`ella train fit`: the shipped configurations, end to end, and what a wrong one is answered with."""

import csv
import os
import signal
from pathlib import Path

import pytest
import yaml

import training
from tests.training import tiny
from training.batch import Batch
from training.cli import main
from training.connectors import TimestepAwareSemanticConnector
from training.connectors.checkpoint import read_checkpoint
from training.fit import build
from training.module import ConnectorTraining, StepOutput

CONFIGS = Path(training.__file__).parent / "configs"
QUICKSTART = str(CONFIGS / "quickstart.yaml")


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, to see that nothing is left there."""
    folder = tmp_path / "current"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line that `ella train ARGS` is refused with."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main(args)
    assert exit_.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def changed(tmp_path: Path, changes: dict[str, str]) -> str:
    """The quickstart's configuration with some of its text replaced."""
    text = Path(QUICKSTART).read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "changed.yaml"
    path.write_text(text)
    return str(path)


def printed(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, object]:
    """The configuration that `ella train fit ARGS` would use."""
    with pytest.raises(SystemExit) as exit_:
        main(["fit", *args, "--print_config"])
    assert exit_.value.code == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert isinstance(config, dict)
    return config


def test_the_quickstart_trains_and_two_runs_are_equal(tmp_path: Path, working_folder: Path) -> None:
    written = []
    for name in ("one", "two"):
        folder = tiny.save_world(tmp_path / name)
        main(["fit", "--config", QUICKSTART, "--dir", folder, "--trainer.max_steps", "2"])
        written.append((Path(folder) / "connector" / "connector.safetensors").read_bytes())
        with (Path(folder) / "connector" / "logs" / "metrics.csv").open() as file:
            assert [row["step"] for row in csv.DictReader(file)] == ["0", "1"]
    assert written[0] == written[1]
    connector = TimestepAwareSemanticConnector.from_pretrained(str(tmp_path / "one" / "connector"))
    assert connector.output_width == tiny.CONDITION_WIDTH
    assert list(working_folder.iterdir()) == []

    other = ["fit", "--config", QUICKSTART, "--dir", str(tmp_path / "two"), "--trainer.max_steps", "2"]
    main([*other, "--seed_everything", "1"])
    assert (tmp_path / "two" / "connector" / "connector.safetensors").read_bytes() != written[0]


def test_a_run_writes_its_configuration_beside_its_logs(tmp_path: Path) -> None:
    folder = tiny.save_world(tmp_path / "run")
    main(["fit", "--config", QUICKSTART, "--dir", folder, "--trainer.max_steps", "1", "--model.learning_rate", "0.5"])
    config = yaml.safe_load((tmp_path / "run" / "connector" / "logs" / "config.yaml").read_text())
    assert config["model"]["learning_rate"] == 0.5
    assert config["data"]["folder"] == f"{folder}/training"


def test_training_can_start_from_a_trained_connector(tmp_path: Path) -> None:
    folder = tiny.save_world(tmp_path / "run")
    options = ["--dir", folder, "--trainer.max_steps", "1"]
    main(["fit", "--config", QUICKSTART, *options])
    first = TimestepAwareSemanticConnector.from_pretrained(f"{folder}/connector")
    changes = {
        "training.connectors.TimestepAwareSemanticConnector\n": "training.connectors.load_connector\n",
        "{text_width: 64, width: 64, latents: 16, depth: 2, heads: 4}": "{path: '${dir}/connector'}",
        "learning_rate: 1.0e-3": "learning_rate: 0.0",
        "folder: ${dir}/connector": "folder: ${dir}/second",
    }
    main(["fit", "--config", changed(tmp_path, changes), *options])
    second = TimestepAwareSemanticConnector.from_pretrained(f"{folder}/second")
    assert first.heads == second.heads == 4
    assert all((first.state_dict()[key] == tensor).all() for key, tensor in second.state_dict().items())


def test_the_paper_configuration_has_the_papers_settings(capsys: pytest.CaptureFixture[str]) -> None:
    config = printed(capsys, "--config", str(CONFIGS / "ella_sd15.yaml"), "--dir", "/data/ella")
    model, data, trainer = (config[part] for part in ("model", "data", "trainer"))
    assert isinstance(model, dict)
    assert isinstance(data, dict)
    assert isinstance(trainer, dict)
    connector = model["connector"]["init_args"]
    assert [connector[name] for name in ("text_width", "width", "latents", "depth", "heads")] == [2048, 768, 64, 6, 8]
    assert model["text_encoder"]["init_args"]["path"] == "google/flan-t5-xl"
    assert model["text_encoder"]["init_args"]["length"] == 128
    assert "stable-diffusion-v1-5" in model["diffusion"]["init_args"]["path"]
    assert (model["learning_rate"], model["weight_decay"], model["caption_dropout"]) == (1e-4, 0.01, 0.1)
    assert (data["resolution"], data["folder"]) == (512, "/data/ella/training")
    assert trainer["max_steps"] == 280_000
    devices = trainer["devices"] * trainer["num_nodes"] * trainer["accumulate_grad_batches"]
    assert data["batch_size"] * devices == 256
    assert trainer["callbacks"][0]["init_args"]["dirpath"] == "/data/ella/connector/checkpoints"


def test_the_paper_configuration_runs_with_small_models_on_a_cpu(world: Path, tmp_path: Path) -> None:
    options = {
        "dir": str(tmp_path),
        "data.folder": str(world / "training"),
        "data.batch_size": 2,
        "data.resolution": 32,
        "data.num_workers": 2,
        "model.connector.text_width": tiny.TEXT_WIDTH,
        "model.connector.width": tiny.CONDITION_WIDTH,
        "model.text_encoder.path": str(world / "models" / "t5"),
        "model.diffusion.path": str(world / "models" / "stable-diffusion"),
        "trainer.accelerator": "cpu",
        "trainer.devices": 1,
        "trainer.max_steps": 2,
    }
    main(["fit", "--config", str(CONFIGS / "ella_sd15.yaml"), *(f"--{key}={value}" for key, value in options.items())])
    written = {path.relative_to(tmp_path / "connector").parts[0] for path in (tmp_path / "connector").rglob("*")}
    assert written >= {"connector.safetensors", "logs"}
    connector = TimestepAwareSemanticConnector.from_pretrained(str(tmp_path / "connector"))
    assert all(tensor.isfinite().all() for tensor in connector.state_dict().values())


def test_dir_stands_in_every_path_also_after_an_override(capsys: pytest.CaptureFixture[str]) -> None:
    config = printed(capsys, "--config", QUICKSTART, "--dir", "elsewhere", "--data.folder", "${dir}/merged")
    assert config["data"]["folder"] == "elsewhere/merged"  # type: ignore[index]
    assert config["output"]["folder"] == "elsewhere/connector"  # type: ignore[index]
    assert config["model"]["caption_dropout"] == 0.1  # type: ignore[index]
    assert "${" not in str(config)
    assert "quickstart/" not in str(config)


def test_one_seed_is_everyones() -> None:
    cli = build(["--config", QUICKSTART, "--seed_everything", "7"])
    assert (cli.model.seed, cli.datamodule.seed) == (7, 7)


def test_a_misspelt_name_does_not_hide(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "fit", "--config", QUICKSTART, "--nothing.like_it", "1")
    assert "--nothing.like_it" in line
    assert "did you mean" not in line


@pytest.mark.parametrize(
    ("old", "new", "name", "nearest"),
    [
        ("resolution: 64", "resolutoin: 64", "resolutoin", "resolution"),
        ("latents: 16", "latnets: 16", "latnets", "latents"),
        ("trainer:", "trianer:", "trianer", "trainer"),
        ("text_encoder.TextEncoder", "text_encoder.TextEncodr", "TextEncodr", "TextEncoder"),
        ("${dir}/training", "${dri}/training", "dri", "dir"),
    ],
)
def test_a_misspelt_name_gets_the_nearest_valid_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, old: str, new: str, name: str, nearest: str
) -> None:
    line = refused(capsys, "fit", "--config", changed(tmp_path, {old: new}))
    assert line.startswith("ella train: ")
    assert name in line
    assert line.endswith(f" (did you mean {nearest!r}?)")


def test_wrong_values_and_missing_files_are_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, world: Path
) -> None:
    def line(*args: str) -> str:
        return refused(capsys, "fit", "--config", QUICKSTART, "--dir", str(world), *args)

    assert "Got value: many" in line("--trainer.max_steps", "many")
    assert "did you mean 'folder'?" in line("--data.foldr", "x")
    assert "found 0 shards" in line("--data.folder", str(tmp_path / "none"))
    assert "expected a transformers folder" in line("--model.text_encoder.path", str(tmp_path / "none"))
    assert "the U-Net's cross-attention reads 64" in line("--model.connector.width", "32")
    assert "heads must divide the width" in line("--model.connector.heads", "7")
    assert "File does not exist" in refused(capsys, "fit", "--config", str(tmp_path / "none.yaml"))


def test_an_interrupted_training_leaves_no_connector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    folder = tiny.save_world(tmp_path / "run")
    monkeypatch.setattr(ConnectorTraining, "training_step", interrupted)
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            main(["fit", "--config", QUICKSTART, "--dir", folder])
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning ignores it from the first one on
    assert not (tmp_path / "run" / "connector" / "connector.safetensors").exists()


def test_sigterm_saves_a_checkpoint_and_exits_with_75(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny.save_world(tmp_path / "run")
    step = ConnectorTraining.training_step

    def terminated(module: ConnectorTraining, batch: Batch, batch_idx: int) -> StepOutput:
        if batch_idx == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(module, batch, batch_idx)

    options = ["fit", "--config", QUICKSTART, "--dir", folder, "--trainer.max_steps", "3"]
    with monkeypatch.context() as patch:
        patch.setattr(ConnectorTraining, "training_step", terminated)
        with pytest.raises(SystemExit) as exit_:
            main(options)
    assert exit_.value.code == 75
    checkpoint = tmp_path / "run" / "connector" / "checkpoints" / "last.ckpt"
    main([*options, "--ckpt_path", str(checkpoint)])
    assert read_checkpoint(f"{folder}/connector")[1]["steps"] == "3"
