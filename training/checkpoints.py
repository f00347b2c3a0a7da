"""Parts of a Stable Diffusion checkpoint, from a diffusers folder, a name on the hub, or one safetensors file."""

from typing import Any

import safetensors.torch
import torch
from diffusers.loaders.single_file_model import SINGLE_FILE_LOADABLE_CLASSES
from safetensors import SafetensorError
from torch import nn

from training.errors import SettingsError
from training.frozen import Precision

SINGLE_FILE = ".safetensors"


def load_part(kind: Any, part: str, path: str, config: str | None, precision: Precision) -> Any:
    """One model of a checkpoint.

    Args:
        kind: its class in diffusers: UNet2DConditionModel, AutoencoderKL.
        part: its folder in a diffusers checkpoint: `unet`, `vae`.
        path: a diffusers folder, a name on the hub, or one safetensors file in the original layout.
        config: for one file, the diffusers folder, or the name on the hub, whose configurations describe it.
        precision: what its weights are kept in.

    Raises:
        SettingsError: it cannot be loaded; says what was expected.
    """
    dtype = getattr(torch, precision)
    try:
        if path.endswith(SINGLE_FILE):
            return _from_single_file(kind, part, path, description(path, config), dtype)
        return _from_folder(kind, part, path, dtype)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise _cannot_load(part, path, error) from error


def load_config(kind: Any, part: str, path: str, config: str | None) -> dict[str, Any]:
    """The configuration of one part of a checkpoint, for the arguments of `load_part`.

    Raises:
        SettingsError: it cannot be loaded; says what was expected.
    """
    folder = description(path, config)
    try:
        return dict(kind.load_config(folder, subfolder=part))
    except (OSError, ValueError) as error:
        raise _cannot_load(part, folder, error) from error


def description(path: str, config: str | None) -> str:
    """Where the configurations of a checkpoint are: beside its weights, or for one file at `config`.

    Raises:
        SettingsError: one file, and nothing that describes it.
    """
    if not path.endswith(SINGLE_FILE):
        return path
    if config is None:
        raise SettingsError(
            f"diffusion model {path!r}: a single file does not say how its model is built; set `config` to a "
            "diffusers folder or a hub name of the same architecture, of which only the configurations are read"
        )
    return config


def _from_folder(kind: Any, part: str, path: str, dtype: torch.dtype) -> Any:
    """Load strictly: diffusers leaves what the folder lacks at random."""
    # Loading in little memory is left off, because it needs the accelerate package.
    model, found = kind.from_pretrained(
        path,
        subfolder=part,
        torch_dtype=dtype,
        use_safetensors=True,
        low_cpu_mem_usage=False,
        output_loading_info=True,
    )
    missing = sorted(found["missing_keys"])
    if missing:
        raise ValueError(f"{len(missing)} weights are missing: {', '.join(missing[:5])}")
    return model


def _from_single_file(kind: Any, part: str, path: str, config: str, dtype: torch.dtype) -> Any:
    """Load strictly, which diffusers' own `from_single_file` does not."""
    tensors: dict[str, Any] = safetensors.torch.load_file(path)
    shapes = kind.load_config(config, subfolder=part)
    functions: Any = SINGLE_FILE_LOADABLE_CLASSES[kind.__name__]
    model = kind.from_config(shapes)
    model.load_state_dict(functions["checkpoint_mapping_fn"](config=shapes, checkpoint=tensors))
    # diffusers' own `to` warns of parts that are to stay float32, even where there are none.
    return nn.Module.to(model, dtype)


def _cannot_load(part: str, path: str, error: Exception) -> SettingsError:
    return SettingsError(
        f"diffusion model {path!r}: cannot load its {part}; expected a diffusers folder or a hub name with vae, unet "
        f"and scheduler in safetensors, or one safetensors file in the original layout ({error})"
    )
