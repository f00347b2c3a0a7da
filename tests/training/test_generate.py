"""Generation: images that depend on their prompt and seed alone, written as they are done."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training import tiny
from tests.training.inference import small
from training.errors import SettingsError
from training.generate import Generation, generate, hub_commit, tiled
from training.inference.pictures import ONE_IMAGE, Grid, Picture, plan_pictures
from training.inference.prompts import numbered


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    return {
        "base": small.save_sd15(folder / "sd15"),
        "text_encoder": tiny.save_text_encoder(folder / "t5"),
        "connector": small.save_connector(folder / "connector.safetensors"),
    }


def make(models: dict[str, str], **settings: Any) -> tuple[Generation, Any]:
    generation = Generation(**{**models, "steps": 2, "size": 32, **settings})
    return generation, generation.load(torch.device("cpu"))


def pictures(*texts: str, images: int = 1, grid: Grid = ONE_IMAGE) -> list[Picture]:
    return plan_pictures(numbered(texts), images=images, grid=grid, naming="id", seed=0)


def run(
    models: dict[str, str], root: Path, plan: list[Picture], batch_size: int, **settings: Any
) -> dict[str, np.ndarray]:
    generation, pipeline = make(models, **settings)
    folder = generation.folder(str(root))
    folder.open()
    reports = list[tuple[int, int]]()
    missing = folder.missing(plan)
    generate(
        generation, pipeline, folder, missing, batch_size=batch_size, report=lambda *counts: reports.append(counts)
    )
    total = len(missing) * generation.grid.images
    assert reports[-1:] == ([(total, total)] if total else [])
    assert len(reports) == -(-total // batch_size)
    return {picture.file: np.asarray(Image.open(root / picture.file)) for picture in plan}


def test_an_image_does_not_depend_on_the_batch(models: dict[str, str], tmp_path: Path) -> None:
    plan = pictures(small.RED, small.BLUE, small.GREEN)
    one = run(models, tmp_path / "one", plan, batch_size=1)
    three = run(models, tmp_path / "three", list(reversed(plan)), batch_size=2)
    assert len({content.tobytes() for content in one.values()}) == 3
    for file, pixels in one.items():
        assert pixels.shape == (32, 32, 3)
        assert np.abs(pixels.astype(int) - three[file].astype(int)).max() <= 1  # rounding


def test_a_grid_holds_the_images_row_by_row(models: dict[str, str], tmp_path: Path) -> None:
    grid = Grid.parse("2x2")
    whole = run(models, tmp_path / "grid", pictures(small.RED, small.BLUE, grid=grid), batch_size=3, grid=grid)
    single = run(models, tmp_path / "single", pictures(small.RED, small.BLUE, images=4), batch_size=4)
    for prompt in ("00000", "00001"):
        assert whole[f"{prompt}.png"].shape == (64, 64, 3)
        for number in range(4):
            top, left = 32 * (number // 2), 32 * (number % 2)
            tile = whole[f"{prompt}.png"][top : top + 32, left : left + 32].astype(int)
            assert np.abs(tile - single[f"{prompt}_{number}.png"].astype(int)).max() <= 1


def test_tiles_of_uneven_grids_stand_in_rows() -> None:
    colours = [(value, 0, 0) for value in range(6)]
    whole = tiled([Image.new("RGB", (4, 2), colour) for colour in colours], Grid(rows=2, columns=3))
    assert whole.size == (12, 4)
    assert [whole.getpixel((column * 4, row * 2)) for row in range(2) for column in range(3)] == colours


def test_what_is_there_is_not_made_again(models: dict[str, str], tmp_path: Path) -> None:
    plan = pictures(small.RED, small.BLUE)
    run(models, tmp_path, plan[:1], batch_size=1)
    before = (tmp_path / plan[0].file).stat().st_mtime_ns
    run(models, tmp_path, plan, batch_size=4)
    assert (tmp_path / plan[0].file).stat().st_mtime_ns == before
    assert run(models, tmp_path, plan, batch_size=4).keys() == {"00000.png", "00001.png"}


def test_images_that_are_done_stay_when_a_later_one_fails(models: dict[str, str], tmp_path: Path) -> None:
    generation, pipeline = make(models)
    folder = generation.folder(str(tmp_path))
    folder.open()
    plan = pictures(small.RED, small.BLUE, small.GREEN)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(generation, pipeline, folder, plan, batch_size=1, report=stop)
    assert folder.missing(plan) == plan[1:]


@pytest.mark.parametrize(
    "change",
    [
        {"guidance": 1.0}, {"negative_prompt": small.GREEN}, {"length": "flexible"}, {"with_clip": True},
        {"sampler": "ddim"}, {"steps": 3},
    ],
    ids=str,
)  # fmt: skip
def test_every_setting_does_something_and_is_written_down(models: dict[str, str], change: dict[str, Any]) -> None:
    images, settings = [], []
    for changes in ({}, change):
        generation, pipeline = make(models, **changes)
        images.append(np.asarray(generation.draw(pipeline, [(small.RED, 7)])[0]).astype(int))
        settings.append(generation.settings())
    assert np.abs(images[0] - images[1]).max() > 0
    assert {name for name in settings[0] if settings[0][name] != settings[1][name]} == set(change)


def test_models_are_known_by_what_is_in_them(models: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "moved.safetensors"
    copy.write_bytes(Path(models["connector"]).read_bytes())
    moved = {**models, "connector": str(copy)}
    assert Generation(**moved).settings() == Generation(**models).settings()
    other = {**models, "connector": small.save_connector(tmp_path / "deeper.safetensors", depth=3)}
    assert Generation(**other).settings()["connector"] != Generation(**models).settings()["connector"]
    hub = {**models, "base": "stabilityai/stable-diffusion-xl-base-1.0"}
    assert Generation(**hub).settings()["base"] == hub["base"]


def test_a_model_of_the_hub_is_noted_with_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--google--flan-t5-xl"
    (repository / "snapshots" / commit).mkdir(parents=True)
    (repository / "snapshots" / commit / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert hub_commit("google/flan-t5-xl") == commit
    assert hub_commit("google/flan-t5-xxl") is None
    assert hub_commit(str(tmp_path)) is None
    assert hub_commit("./no such/place") is None


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("size", 12), ("size", 0)])
def test_numbers_that_make_no_sense_are_refused(models: dict[str, str], name: str, value: int) -> None:
    with pytest.raises(SettingsError, match=f"{name}: got {value}, expected"):
        Generation(**{**models, name: value})
