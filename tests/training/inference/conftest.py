"""Small pipelines on disk, made once, and what they are equipped with."""

from pathlib import Path

import pytest

from tests.training import tiny
from tests.training.inference import small
from training.connectors import Connector, load_connector
from training.text_encoder import TextEncoder


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`sd15` and `sdxl`, their ControlNets in `*-controlnet`, a connector as the authors name and lay it out, `t5`."""
    folder = tmp_path_factory.mktemp("pipelines")
    for kind, save in (("sd15", small.save_sd15), ("sdxl", small.save_sdxl)):
        small.save_controlnet(folder / f"{kind}-controlnet", save(folder / kind))
    small.save_connector(folder / "ella-sd1.5-tsc-t5xl.safetensors")
    tiny.save_text_encoder(folder / "t5")
    return folder


@pytest.fixture
def connector(folders: Path) -> Connector:
    return load_connector(str(folders / "ella-sd1.5-tsc-t5xl.safetensors"))


@pytest.fixture(scope="session")
def fixed_length(folders: Path) -> TextEncoder:
    """As the authors have it: padded, and padding attended to."""
    return TextEncoder(str(folders / "t5"), length=16)


@pytest.fixture(scope="session")
def flexible_length(folders: Path) -> TextEncoder:
    """Each prompt as long as it is."""
    return TextEncoder(str(folders / "t5"), length=16, attend_to_padding=False)
