from collections import Counter
from pathlib import Path

import pytest

from curation import storage
from curation.dataset import Dataset, Shard
from curation.stage import Resources
from pipelines.chain import Failure, Tally, _has_work_for_all, require_resources, run_chain
from tests.pipelines.shards import Append

pytestmark = pytest.mark.usefixtures("ray_cluster")

SHARDS = [Shard(index=index) for index in range(4)]


def test_shards_stream_through_the_stages_and_the_rest_outlives_a_failure_and_a_killer(tmp_path: Path) -> None:
    dataset, log = Dataset(str(tmp_path)), str(tmp_path / "log")
    stages = [
        Append(name="a", text="first", log=log, failing={1: 1}),
        Append(name="b", after="a", text="second", log=log, failing={2: 99}, deadly=[0]),
    ]
    result = run_chain(dataset, stages, SHARDS, attempts=2)

    assert [failure.shard.index for failure in result.failures] == [0, 2]
    assert result.failures[0].reason.startswith("its worker process died 2 times")
    assert result.failures[1] == Failure(
        dataset=dataset.root, shard=SHARDS[2], reason="b: RuntimeError: shard 2 does not like call 2"
    )
    for index in (1, 3):
        assert storage.read_text(stages[1].output(dataset, SHARDS[index])) == "first\nsecond\n"
    assert len(list(Path(log, "b-00000").iterdir())) == 2, "a killer is tried `attempts` times"
    assert len(list(Path(log, "a-00001").iterdir())) == 2
    assert result.tallies["b"] == Tally(rows=20, kept=18, seconds=1.0, counts=Counter({"lines": 2}))


def test_pools_that_cannot_fit_are_refused_with_the_numbers() -> None:
    stages = [Append(name="a", resources=Resources(cpus=1000)), Append(name="b", resources=Resources(gpus=50))]
    with pytest.raises(ValueError, match=r"the stages a, b need 1001 CPU for their first workers and the cluster has"):
        require_resources(stages)
    with pytest.raises(ValueError, match="need 50 GPU"):
        require_resources(stages[1:])


@pytest.mark.parametrize(("done", "ahead"), [(0, True), (2, True), (3, False), (4, False)])
def test_models_are_loaded_ahead_where_each_worker_will_get_a_shard(tmp_path: Path, done: int, ahead: bool) -> None:
    dataset, stage = Dataset(str(tmp_path)), Append(name="a", resources=Resources(min_workers=2, max_workers=4))
    for shard in SHARDS[:done]:
        storage.write_text(stage.output(dataset, shard), "done")
    assert _has_work_for_all(stage, dataset, SHARDS) is ahead
