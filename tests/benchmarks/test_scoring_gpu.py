"""The benchmark of scoring on a GPU, with a small model on the CPU: it scores what it says, and checks it first."""

from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from torch import Tensor

from benchmarks import scoring_gpu
from benchmarks.scoring_gpu import from_tar, make_tower, predictor, resident, score_tar, write_tar
from curation.download.decoding import ImageLimits, decode
from curation.tar import read_tar
from tests.curation.aesthetic.conftest import CONFIG

MODEL, CPU = "ViT-tiny", torch.device("cpu")


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of two layers under a name, and no compiler, which would take longer than all the rest."""
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, MODEL, CONFIG)
    monkeypatch.setattr(torch, "compile", lambda tower, **_: tower)


def test_a_tar_is_scored_as_its_images_are(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", 7)
    scorer = predictor(make_tower(MODEL, CPU, torch.float32), MODEL, CPU)
    images = [decode(parts["jpg"], ImageLimits()).image for _, parts in read_tar(str(tmp_path / "0.tar"))]
    assert {min(image.size) for image in images} == {512}
    torch.testing.assert_close(
        score_tar(tmp_path / "0.tar", scorer, batch_size=3, threads=2), scorer.score(images), rtol=0, atol=1e-5
    )
    assert scorer.score(images).std() > 1e-3


def test_every_way_is_timed_and_the_fastest_is_given_the_tar() -> None:
    rows, fastest = resident(MODEL, CPU, images=4, rounds=2)
    lines = rows.splitlines()
    assert len(lines) == 3
    speeds = {line.split("|")[1].strip().removeprefix("on the device, "): float(line.split("|")[2]) for line in lines}
    assert speeds[fastest] == max(speeds.values()) > 0
    row = from_tar(MODEL, CPU, fastest, images=6, batch_size=4, threads=1, rounds=1)
    assert fastest in row
    assert float(row.split("|")[2]) > 0


def test_a_way_with_other_scores_is_no_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    make = scoring_gpu.make_towers

    class Wrong(torch.nn.Module):
        def __init__(self, tower: torch.nn.Module) -> None:
            super().__init__()
            self.tower = tower

        def forward(self, pixels: Tensor) -> Tensor:
            return self.tower(pixels).flip(-1)

    def wrong(*arguments: Any) -> dict[str, Any]:
        name, (tower, layout) = next(iter(make(*arguments).items()))
        return {name: (Wrong(tower), layout)}

    monkeypatch.setattr(scoring_gpu, "make_towers", wrong)
    with pytest.raises(RuntimeError, match="bf16: a score is off by"):
        resident(MODEL, CPU, images=4, rounds=1)


if not torch.cuda.is_available():

    def test_without_a_gpu_it_refuses(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr("sys.argv", ["scoring_gpu"])
        with pytest.raises(SystemExit, match="2"):
            scoring_gpu.main()
        assert "there is no GPU: --device cpu shows" in capsys.readouterr().err
