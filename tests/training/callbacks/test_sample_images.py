"""Sample images: on time, of the connector as it then is, and unnoticed by the training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training import tiny
from tests.training.callbacks.fitting import Witness, fit, make_trainer
from tests.training.inference import small
from training.callbacks import SampleImages
from training.callbacks.drawing import Remembered
from training.connectors import TimestepAwareSemanticConnector
from training.data import TrainingPairs
from training.diffusion import LatentDiffusion
from training.errors import SettingsError
from training.inference import equip
from training.inference.loading import load_pipeline
from training.inference.pictures import image_seed
from training.module import ConnectorTraining
from training.text_encoder import TextEncoder

PROMPTS = ["a red square", "a blue square on black"]


def sampling(folder: Path, **settings: Any) -> SampleImages:
    return SampleImages(**{"prompts": PROMPTS, "folder": str(folder), "steps": 2, "size": 32, **settings})


def images(folder: Path) -> dict[str, np.ndarray]:
    """Pixels by step and number."""
    return {path.relative_to(folder).as_posix(): np.asarray(Image.open(path)) for path in folder.rglob("*.png")}


def test_images_come_on_time_and_at_the_end(world: Path, tmp_path: Path) -> None:
    callback = sampling(tmp_path / "samples", every_n_steps=2)
    module = fit(world, tmp_path, callback, model={"learning_rate": 0.1}, max_steps=5, accumulate_grad_batches=2)
    drawn = images(tmp_path / "samples")
    assert sorted(drawn) == [f"{step:08d}/{number}.png" for step in (2, 4, 5) for number in (0, 1)]
    assert all(pixels.shape == (32, 32, 3) for pixels in drawn.values())
    assert len({pixels.tobytes() for pixels in drawn.values()}) == 6
    assert module.connector.training
    assert callback._drawing is not None
    assert "encode_prompt" not in vars(callback._drawing._pipeline)
    assert module.diffusion is not None
    assert not module.diffusion.unet._forward_pre_hooks


def test_they_are_what_the_saved_connector_draws(world: Path, tmp_path: Path) -> None:
    module = fit(world, tmp_path, sampling(tmp_path / "samples", every_n_steps=100, guidance=4.0), max_steps=2)
    module.connector.save_pretrained(str(tmp_path))
    base = str(world / "models" / "stable-diffusion")
    pipeline = load_pipeline(base, precision="float32", sampler="dpm++", with_clip=False)
    connector = TimestepAwareSemanticConnector.from_pretrained(str(tmp_path))
    equip(pipeline, connector, TextEncoder(str(world / "models" / "t5"), length=16))
    generators = [torch.Generator().manual_seed(image_seed(0, prompt, 0)) for prompt in PROMPTS]
    expected = pipeline(
        PROMPTS, num_inference_steps=2, guidance_scale=4.0, height=32, width=32, generator=generators
    ).images
    for number, image in enumerate(expected):
        assert np.array_equal(images(tmp_path / "samples")[f"00000002/{number}.png"], np.asarray(image))


class DrawsForItself(Callback):
    """Draws global random numbers in every step, as a dropout layer would."""

    def __init__(self) -> None:
        self.numbers: list[float] = []

    def on_train_batch_end(self, *_: object, **__: object) -> None:
        self.numbers.append(torch.rand(1).item())


def test_the_training_does_not_notice(world: Path, tmp_path: Path) -> None:
    losses, numbers, weights = [], [], []
    for name, callbacks in (("without", []), ("with", [sampling(tmp_path / "samples", every_n_steps=1)])):
        witness, chance = Witness(), DrawsForItself()
        torch.manual_seed(3)
        module = fit(world, tmp_path / name, *callbacks, witness, chance, max_steps=4)
        losses.append([output["loss"].item() for output in witness.outputs])
        numbers.append(chance.numbers)
        weights.append(module.connector.state_dict())
    assert len(losses[0]) == 4
    assert losses[0] == losses[1]
    assert numbers[0] == numbers[1]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert len(images(tmp_path / "samples")) == 8


def test_models_that_a_cache_makes_needless_are_loaded_for_it(cached_world: Path, tmp_path: Path) -> None:
    drawn = []
    for name, cached in (("plain", {}), ("cached", {"latents": "latents", "text": "text"})):
        module = tiny.build_training(cached_world)
        data = TrainingPairs(str(cached_world / "training"), batch_size=2, resolution=32, **cached)
        make_trainer(tmp_path, sampling(tmp_path / name, negative_prompt="a green square"), max_steps=1).fit(
            module, data
        )
        assert (module.text_encoder is None) == bool(cached)
        drawn.append(images(tmp_path / name))
    assert drawn[0].keys() == drawn[1].keys() == {"00000001/0.png", "00000001/1.png"}
    for name, pixels in drawn[0].items():
        assert np.abs(pixels.astype(int) - drawn[1][name].astype(int)).max() <= 2


@pytest.mark.parametrize("pooled", ["zeros", "clip"])
def test_sdxl_is_drawn_with_the_trainings_pooled_embedding(world: Path, tmp_path: Path, pooled: Any) -> None:
    base = small.save_sdxl(tmp_path / "sdxl")
    tiny_module = tiny.build_training(world)
    module = ConnectorTraining(
        tiny_module.connector,
        text_encoder=tiny_module.make_text_encoder,
        diffusion=lambda with_vae: LatentDiffusion(base, pooled=pooled, with_vae=with_vae),
    )
    data = TrainingPairs(str(world / "training"), batch_size=2, resolution=32)
    make_trainer(tmp_path, sampling(tmp_path / "samples"), max_steps=1).fit(module, data)
    pipeline = load_pipeline(base, precision="float32", sampler="dpm++", with_clip=True)
    text_encoder = module.text_encoder
    assert text_encoder is not None
    equip(pipeline, module.connector, text_encoder, pooled=pooled)
    generator = torch.Generator().manual_seed(image_seed(0, PROMPTS[0], 0))
    expected = pipeline(
        PROMPTS[0], negative_prompt="", num_inference_steps=2, guidance_scale=10.0, height=32, width=32,
        generator=generator,
    ).images[0]  # fmt: skip
    found = images(tmp_path / "samples")["00000001/0.png"].astype(int)
    assert np.abs(found - np.asarray(expected).astype(int)).max() <= 2


def test_tensorboard_shows_them_under_their_prompts(world: Path, tmp_path: Path) -> None:
    logger = TensorBoardLogger(str(tmp_path), name="", version="logs")
    fit(world, tmp_path, sampling(tmp_path / "samples", every_n_steps=1), max_steps=2, logger=logger)
    events = EventAccumulator(str(tmp_path / "logs"), size_guidance={"images": 0})
    events.Reload()
    assert events.Tags()["images"] == ["samples/0: a red square", "samples/1: a blue square on black"]
    shown = events.Images("samples/1: a blue square on black")
    assert [(event.step, event.width, event.height) for event in shown] == [(1, 32, 32), (2, 32, 32)]


class LocalWandb(WandbLogger):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, int | None, list[str]]] = []

    def log_image(self, key: str, images: list[Any], step: int | None = None, **kwargs: Any) -> None:
        self.sent.append((key, len(images), step, kwargs["caption"]))

    def log_metrics(self, *_: Any, **__: Any) -> None:
        pass

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        pass

    def save(self) -> None:
        pass

    def finalize(self, status: str) -> None:
        pass

    @property
    def save_dir(self) -> str:
        return "."

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""


def test_weights_and_biases_gets_them_with_captions(world: Path, tmp_path: Path) -> None:
    logger = LocalWandb()
    fit(world, tmp_path, sampling(tmp_path / "samples"), max_steps=1, logger=logger)
    assert logger.sent == [("samples", 2, 1, PROMPTS)]


def test_remembered_features_are_those_of_the_encoder(text_encoder_folder: str) -> None:
    encoder = TextEncoder(text_encoder_folder, length=16, attend_to_padding=False)
    remembered = Remembered.read(encoder, ["a red square", ""])
    assert remembered.width == encoder.width
    expected, found = encoder(["a red square"]), remembered(["a red square"])
    assert torch.equal(found.features, expected.features)
    assert found.mask is not None
    assert expected.mask is not None
    assert torch.equal(found.mask, expected.mask)
    with pytest.raises(KeyError):
        remembered(["a tree"])


@pytest.mark.parametrize("settings", [{"prompts": []}, {"every_n_steps": 0}, {"steps": 0}])
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"sample images: got .* expected 1 or more of each"):
        sampling(tmp_path, **settings)


class Drew(Callback):
    """Leaves a file for each rank that has a pipeline: the processes that train are others."""

    def __init__(self, callback: SampleImages, folder: Path) -> None:
        self.callback = callback
        self.folder = folder

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        (self.folder / f"rank{trainer.global_rank}").write_text(str(self.callback._drawing is not None))


def test_only_the_first_rank_draws_and_the_others_wait(world: Path, tmp_path: Path) -> None:
    callback = sampling(tmp_path / "samples", every_n_steps=1)
    fit(world, tmp_path, callback, Drew(callback, tmp_path), max_steps=2, devices=2, strategy="ddp_fork")
    assert [(tmp_path / f"rank{rank}").read_text() for rank in (0, 1)] == ["True", "False"]
    assert sorted(images(tmp_path / "samples")) == [f"{step:08d}/{n}.png" for step in (1, 2) for n in (0, 1)]
