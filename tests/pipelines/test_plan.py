from pathlib import Path

import pytest

from curation import storage
from curation.manifest import record
from pipelines.errors import UsageError
from pipelines.merge import Merge
from pipelines.pipeline import Branch, Pipeline
from pipelines.plan import make_plan
from tests.pipelines.shards import Append, Numbers
from training.cache import CacheLatents, CacheText


def pipeline(tmp_path: Path, text: str = "line") -> Pipeline:
    stages = [Append(name="a", text=text), Append(name="captions/x", after="a")]
    return Pipeline(
        dir=str(tmp_path),
        branches={"laion": Branch(source=Numbers(shards=3), stages=list(stages))},
        merge=Merge(output=str(tmp_path / "training")),
    )


def test_before_anything_has_run_the_number_of_shards_is_not_known(tmp_path: Path) -> None:
    plan = make_plan(pipeline(tmp_path))
    assert [(stage.branch, stage.name, stage.done, stage.pending, stage.bytes) for stage in plan.stages] == [
        ("laion", "a", 0, None, 0),
        ("laion", "captions/x", 0, None, 0),
        ("training set", "shards", 0, None, 0),
    ]
    assert any("not been partitioned" in note for note in plan.notes)
    assert list(tmp_path.iterdir()) == [], "a plan does nothing"


def test_done_and_pending_shards_are_counted_with_their_bytes(tmp_path: Path) -> None:
    planned = pipeline(tmp_path)
    planned.branches["laion"].source.plan(planned.dataset("laion"))
    for index in range(2):
        storage.write_text(str(tmp_path / "laion" / "a" / f"0000{index}.txt"), "12345")
    stage = make_plan(planned).stages[0]
    assert (stage.done, stage.pending, stage.bytes) == (2, 1, 10)
    assert stage.resources.cpus == 0.1


def test_caches_are_told_with_their_size(tmp_path: Path) -> None:
    planned = pipeline(tmp_path)
    planned.caches = [CacheLatents(model="nowhere", resolution=512), CacheText(model="nowhere")]
    plan = make_plan(planned)
    assert [(stage.name, stage.pending) for stage in plan.stages[-2:]] == [("latents", None), ("text", None)]
    assert "latents: at most 64.0 KiB a pair, 1.1 TFLOP" in plan.notes
    assert "text: its size is known where the model is on this machine" in plan.notes
    pairs = {"laion": 1_000_000, "coyo": 500_000}
    storage.write_json(str(tmp_path / "training" / "plan" / "summary.json"), {"pairs": pairs})
    assert any("98.3 GB for 1,500,000 pairs" in note for note in make_plan(planned).notes)


def test_what_a_run_would_refuse_a_plan_refuses(tmp_path: Path) -> None:
    planned = pipeline(tmp_path)
    planned.branches["laion"].source.plan(planned.dataset("laion"))
    storage.write_text(str(tmp_path / "laion" / "a" / "00000.txt"), "x")
    record(planned.dataset("laion").manifest(), planned.steps("laion"))
    with pytest.raises(UsageError, match='text: "line" -> "other"'):
        make_plan(pipeline(tmp_path, text="other"))
