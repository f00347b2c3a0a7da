from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.dataset import Shard, TrainingSet
from curation.schemas import TRAINING
from pipelines.errors import UsageError
from pipelines.seen_prompts import find_seen
from training.evaluation.contamination import PromptIndex

PROMPTS = ["a red cup stands on a small wooden table", "a dog sleeps in the warm sun of the morning"]


@pytest.fixture
def training_set(tmp_path: Path) -> str:
    """Four shards, in each of which one caption in five is a prompt."""
    for shard in range(4):
        rows = [
            {"sample_id": f"{shard}{row:03d}", "caption": f"a photo of number {row}" if row % 5 else PROMPTS[row % 2]}
            for row in range(20)
        ]
        path = TrainingSet(str(tmp_path)).table(Shard(index=shard))
        storage.write_table(path, pa.Table.from_pylist(rows, TRAINING))
    return str(tmp_path)


def test_every_shard_is_searched_whatever_the_number_of_workers(training_set: str) -> None:
    indexes = {"mine": PromptIndex(prompts=PROMPTS), "other": PromptIndex(prompts=["something else altogether"])}
    alone, together = find_seen(indexes, training_set), find_seen(indexes, training_set, workers=2)
    assert alone == together
    assert alone.captions == 80
    assert {number: (seen.shared, seen.near) for number, seen in alone.seen["mine"].items()} == {0: (8, 8), 1: (8, 8)}
    assert alone.seen["mine"][1].near_example.sample_id == "0005"  # type: ignore[union-attr]
    assert alone.seen["other"] == {}


def test_a_file_of_captions_is_searched_as_well(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_text("something\nA dog sleeps in the warm sun of the morning!\n")
    found = find_seen({"mine": PromptIndex(prompts=PROMPTS)}, str(path))
    assert found.captions == 2
    assert found.seen["mine"][1].near_example.sample_id == "text 2"  # type: ignore[union-attr]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        find_seen({"mine": PromptIndex(prompts=PROMPTS)}, str(tmp_path / "nothing"))
