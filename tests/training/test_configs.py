"""Every shipped configuration: what the paper says, and two steps of it with small models swapped in."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import training
from tests.training import tiny
from training.cli import main
from training.connectors import TimestepAwareSemanticConnector, load_connector

FOLDER = Path(training.__file__).parent / "configs"
CONFIGS = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml"))
FULL_SIZE = [name for name in CONFIGS if name != "quickstart.yaml"]
ROWS = {
    "mlp": 2_164_224,
    "resampler_1": 8_712_192,
    "resampler_6": 44_159_232,
    "adaln_zero": 73_907_712,
    "adaln": 66_820_608,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of every kind that the configurations name."""
    folder = tmp_path_factory.mktemp("models")
    tiny.save_text_encoder(folder / "t5")
    tiny.save_decoder(folder / "llama")
    tiny.save_diffusion(folder / "sd15")
    tiny.save_sdxl(folder / "sdxl")
    return folder


def read(name: str) -> dict[str, Any]:
    config = yaml.safe_load((FOLDER / name).read_text())
    assert isinstance(config, dict)
    return config


def swapped(name: str, models: Path) -> dict[str, object]:
    """Options that put small models and a CPU into a configuration."""
    model = read(name)["model"]
    connector, text_encoder, diffusion = (model[part] for part in ("connector", "text_encoder", "diffusion"))
    options: dict[str, object] = {
        "model.text_encoder.path": models / ("t5" if "t5" in text_encoder["init_args"]["path"] else "llama"),
        "model.text_encoder.length": 16,
        "model.diffusion.path": models / ("sdxl" if "xl" in diffusion["init_args"]["path"] else "sd15"),
        "data.batch_size": 2,
        "data.resolution": 32,
        "data.num_workers": 0,
        "trainer.accelerator": "cpu",
        "trainer.devices": 1,
        "trainer.max_steps": 2,
        "trainer.enable_progress_bar": "false",
    }
    if "validation_shards" in read(name)["data"]:
        options |= {"trainer.val_check_interval": 2, "trainer.limit_val_batches": 1}
    shapes = {"text_width": tiny.TEXT_WIDTH, "width": tiny.CONDITION_WIDTH, "latents": 4, "depth": 1, "heads": 4}
    return options | {f"model.connector.{key}": value for key, value in shapes.items() if key in connector["init_args"]}


@pytest.mark.parametrize("name", CONFIGS)
def test_two_steps_with_small_models(name: str, models: Path, world: Path, tmp_path: Path) -> None:
    config, options = read(name), swapped(name, models)
    for data in ("training", "high_quality"):
        (tmp_path / data).symlink_to(world / "training")
    if config["model"]["connector"]["class_path"].endswith("load_connector"):
        first = TimestepAwareSemanticConnector(tiny.TEXT_WIDTH, tiny.CONDITION_WIDTH, latents=4, depth=1, heads=4)
        first.save_pretrained(str(tmp_path / "connector"))
    changes = [f"--{key}={value}" for key, value in options.items()]
    main(["fit", "--config", str(FOLDER / name), "--dir", str(tmp_path), *changes])
    connector = load_connector(config["output"]["folder"].replace("${dir}", str(tmp_path)))
    assert connector.text_width == tiny.TEXT_WIDTH
    assert all(tensor.isfinite().all() for tensor in connector.state_dict().values())


def test_the_average_that_is_commented_out_works(models: Path, world: Path, tmp_path: Path) -> None:
    lines = (FOLDER / "ella_sd15.yaml").read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if "EMAWeightAveraging" in line)
    lines[first : first + 2] = [line.replace("# ", "", 1) for line in lines[first : first + 2]]
    (tmp_path / "averaged.yaml").write_text("\n".join(lines))
    (tmp_path / "training").symlink_to(world / "training")
    written = []
    for config in (tmp_path / "averaged.yaml", FOLDER / "ella_sd15.yaml"):
        options = {**swapped("ella_sd15.yaml", models), "model.learning_rate": 0.1}
        changes = [f"--{key}={value}" for key, value in options.items()]
        main(["fit", "--config", str(config), "--dir", str(tmp_path), *changes])
        written.append(load_connector(str(tmp_path / "connector")).state_dict()["connector.latents"])
    average, last = written
    assert (average - last).abs().max() > 0


@pytest.mark.parametrize("name", FULL_SIZE)
def test_the_global_batch_is_the_papers(name: str) -> None:
    data, trainer = read(name)["data"], read(name)["trainer"]
    devices = trainer["devices"] * trainer["num_nodes"] * trainer["accumulate_grad_batches"]
    assert data["batch_size"] * devices == 256


@pytest.mark.parametrize(
    ("name", "learning_rate", "resolution", "steps"),
    [("ella_sd15", 1e-4, 512, 280_000), ("ella_sdxl_512", 1e-5, 512, 280_000), ("ella_sdxl_1024", 1e-5, 1024, 4000)],
)
def test_the_main_models_are_trained_as_in_the_paper(
    name: str, learning_rate: float, resolution: int, steps: int
) -> None:
    config = read(f"{name}.yaml")
    model = config["model"]
    assert model["text_encoder"]["init_args"] == {"path": "google/flan-t5-xl", "length": 128, "precision": "bfloat16"}
    assert (model["learning_rate"], model["weight_decay"], model["caption_dropout"]) == (learning_rate, 0.01, 0.1)
    assert config["data"]["resolution"] == resolution
    assert config["trainer"]["max_steps"] == steps


def test_the_second_stage_starts_where_the_first_ends() -> None:
    first, second = read("ella_sdxl_512.yaml"), read("ella_sdxl_1024.yaml")
    assert second["model"]["connector"]["init_args"]["path"] == first["output"]["folder"]
    assert second["output"]["folder"] != first["output"]["folder"]
    for part in ("text_encoder", "diffusion", "learning_rate"):
        assert second["model"][part] == first["model"][part]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        *((f"ablations/{row}", parameters) for row, parameters in ROWS.items()),
        ("ella_sd15", 66_820_608),
        ("ella_sdxl_512", 466_546_688),
    ],
)
def test_the_connectors_have_the_published_number_of_parameters(name: str, parameters: int) -> None:
    asked = read(f"{name}.yaml")["model"]["connector"]
    kind = getattr(training.connectors, asked["class_path"].rpartition(".")[2])
    with torch.device("meta"):
        connector = kind(**asked["init_args"])
    assert sum(parameter.numel() for parameter in connector.parameters()) == parameters


def test_the_rows_of_the_ablation_differ_in_their_connector_alone() -> None:
    def rest(row: str) -> str:
        config = read(f"ablations/{row}.yaml")
        del config["model"]["connector"]
        return yaml.safe_dump(config).replace(f"ablations/{row}", "")

    assert {path.stem for path in (FOLDER / "ablations").iterdir()} == ROWS.keys()
    assert len({rest(row) for row in ROWS}) == 1
    config = read("ablations/mlp.yaml")
    assert config["trainer"]["max_steps"] == 140_000
    assert "TinyLlama" in config["model"]["text_encoder"]["init_args"]["path"]
    assert "stable-diffusion-v1-5" in config["model"]["diffusion"]["init_args"]["path"]


def test_each_text_encoder_has_a_connector_of_its_width() -> None:
    widths = {"flan_t5_xl": 2048, "tinyllama": 2048, "llama2_13b": 5120}
    assert {path.stem for path in (FOLDER / "text_encoders").iterdir()} == widths.keys()
    for name, width in widths.items():
        assert read(f"text_encoders/{name}.yaml")["model"]["connector"]["init_args"]["text_width"] == width
