from pathlib import Path

from curation import storage
from curation.dataset import Dataset, Shard
from pipelines.completion import finished, unfinished
from tests.pipelines.shards import Append

SHARDS = [Shard(index=index) for index in range(4)]


def test_a_shard_is_finished_when_its_file_stands(tmp_path: Path) -> None:
    dataset, stage = Dataset(str(tmp_path)), Append(name="a")
    assert finished(dataset, stage, SHARDS) == []
    storage.write_text(stage.output(dataset, SHARDS[2]), "x")
    (tmp_path / "a" / f"{storage.TEMPORARY}00001.txt").touch()
    assert finished(dataset, stage, SHARDS) == [SHARDS[2]]
    assert finished(dataset, stage, []) == []


def test_a_shard_is_unfinished_while_any_stage_has_it_to_do(tmp_path: Path) -> None:
    dataset, stages = Dataset(str(tmp_path)), [Append(name="a"), Append(name="b")]
    for stage, index in ((0, 0), (0, 1), (1, 1)):
        storage.write_text(stages[stage].output(dataset, SHARDS[index]), "x")
    assert unfinished(dataset, stages, SHARDS) == [SHARDS[0], SHARDS[2], SHARDS[3]]
