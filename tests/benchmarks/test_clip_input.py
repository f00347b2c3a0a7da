"""The benchmark of CLIP's input: what it calls a flipped decision, and that both ways lead to the same scores."""

import json
import time
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from benchmarks.clip_input import Agreement, compare_scores, compare_speeds, transforms
from benchmarks.photograph_server import bodies
from curation.aesthetic import AestheticPredictor
from pipelines.miniature.aesthetic import MODEL, PREPROCESSING, head_weights


@pytest.fixture
def predictor(tmp_path: Path) -> AestheticPredictor:
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": MODEL, "preprocess_cfg": PREPROCESSING}))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(open_clip.CLIP(**MODEL).state_dict(), tmp_path / "open_clip_model.safetensors")
        torch.save(head_weights(20 * torch.randn(128).double().numpy(), 6.0), tmp_path / "head.pth")
    return AestheticPredictor.from_pretrained(str(tmp_path), head=str(tmp_path / "head.pth"), device="cpu")


def test_differences_and_flips() -> None:
    apart = Agreement(ours=torch.tensor([5.99, 6.5, 7.0, 3.0]), theirs=torch.tensor([6.01, 6.4, 7.0, 3.0]))
    assert apart.largest == pytest.approx(0.1, abs=1e-6)
    assert apart.mean == pytest.approx(0.03, abs=1e-6)
    assert (apart.flipped(6.0), apart.flipped(6.45), apart.flipped(2.0)) == (0.25, 0.25, 0.0)
    assert "missed" in str(apart)
    assert "0.00% at 6, 0.00% at the median" in str(Agreement(ours=apart.theirs, theirs=apart.theirs))


def test_both_ways_lead_to_nearly_the_same_scores(predictor: AestheticPredictor) -> None:
    agreement = compare_scores(predictor, transforms(predictor, 224), bodies((300,)))
    assert agreement.theirs.std() > 0.01, "the images differ in their scores"
    assert 0 < agreement.largest < 0.02


def test_the_row_says_how_many_times_faster() -> None:
    def work(seconds: float) -> torch.Tensor:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass
        return torch.zeros(1)

    row = compare_speeds({"open_clip": lambda _: work(0.02), "AestheticScore": lambda _: work(0.002)}, [b""], rounds=3)
    theirs, ours, faster, verdict = (cell.strip() for cell in row.split("|")[:4])
    assert 20 <= float(theirs.removesuffix(" ms")) < 30
    assert 2 <= float(ours.removesuffix(" ms")) < 10
    assert float(faster.removesuffix("x")) > 2
    assert verdict.startswith("1.5x: met by")
