"""Parts of a checkpoint: a folder and the same weights in one file are the same models."""

import shutil
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from tests.training import tiny
from tests.training.single_file import save_single_file
from training.checkpoints import load_config, load_part
from training.errors import SettingsError


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    save = {"sd15": tiny.save_diffusion, "sdxl": tiny.save_sdxl}[request.param]
    return save(tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize(("kind", "part"), [(UNet2DConditionModel, "unet"), (AutoencoderKL, "vae")])
def test_one_file_holds_what_the_folder_holds(kind: type, part: str, folder: str, tmp_path: Path) -> None:
    path = save_single_file(folder, tmp_path / "model.safetensors")
    there, here = load_part(kind, part, path, folder, "float32"), load_part(kind, part, folder, None, "float32")
    assert {type(there), type(here)} == {kind}
    assert there.state_dict().keys() == here.state_dict().keys()
    for key, tensor in there.state_dict().items():
        assert torch.equal(tensor, here.state_dict()[key]), key


def test_both_are_kept_in_the_precision_asked_for(folder: str, tmp_path: Path) -> None:
    path = save_single_file(folder, tmp_path / "model.safetensors")
    for place, config in ((path, folder), (folder, None)):
        model = load_part(AutoencoderKL, "vae", place, config, "bfloat16")
        assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_the_configurations_of_one_file_are_elsewhere(folder: str, tmp_path: Path) -> None:
    path = save_single_file(folder, tmp_path / "model.safetensors")
    assert load_config(DDPMScheduler, "scheduler", path, folder)["beta_end"] == 0.012
    assert load_config(DDPMScheduler, "scheduler", folder, None)["beta_end"] == 0.012
    with pytest.raises(SettingsError, match=r"model\.safetensors': a single file does not say .* set `config` to a"):
        load_config(DDPMScheduler, "scheduler", path, None)


def test_one_file_that_lacks_weights_is_not_left_at_random(folder: str, tmp_path: Path) -> None:
    path = save_single_file(folder, tmp_path / "model.safetensors")
    tensors = load_file(path)
    del tensors["model.diffusion_model.middle_block.1.proj_in.weight"]
    save_file(tensors, path)
    with pytest.raises(SettingsError, match=r"(?s)cannot load its unet; .*mid_block\.attentions\.0\.proj_in\.weight"):
        load_part(UNet2DConditionModel, "unet", path, folder, "float32")
    assert load_part(AutoencoderKL, "vae", path, folder, "float32")


def test_a_folder_that_lacks_weights_is_not_left_at_random(folder: str, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    del tensors["mid_block.attentions.0.proj_in.weight"]
    save_file(tensors, weights)
    with pytest.raises(SettingsError, match=r"1 weights are missing: mid_block\.attentions\.0\.proj_in\.weight"):
        load_part(UNet2DConditionModel, "unet", str(copy), None, "float32")


def test_one_file_of_another_architecture_is_refused(tmp_path: Path) -> None:
    path = save_single_file(tiny.save_diffusion(tmp_path / "sd15"), tmp_path / "model.safetensors")
    with pytest.raises(SettingsError, match="cannot load its unet"):
        load_part(UNet2DConditionModel, "unet", path, tiny.save_sdxl(tmp_path / "sdxl"), "float32")


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    folder = str(tmp_path / "model")
    with pytest.raises(SettingsError, match=r"diffusion model '\S+/model': cannot load its vae; expected a diffusers"):
        load_part(AutoencoderKL, "vae", folder, None, "float32")
    with pytest.raises(SettingsError, match=r"diffusion model '\S+/model': cannot load its scheduler; expected a"):
        load_config(DDPMScheduler, "scheduler", folder, None)


def test_a_truncated_file_is_refused(diffusion_folder: str, tmp_path: Path) -> None:
    path = Path(save_single_file(diffusion_folder, tmp_path / "model.safetensors"))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(SettingsError, match="cannot load its unet"):
        load_part(UNet2DConditionModel, "unet", str(path), diffusion_folder, "float32")
