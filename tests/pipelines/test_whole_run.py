import itertools
import json
from pathlib import Path

import pytest
from safetensors import safe_open

from curation import storage
from curation.dataset import Dataset, TrainingSet
from curation.tar import read_tar
from pipelines.miniature import Miniature
from pipelines.status import Funnel, funnels
from tests.pipelines.whole_run import WholeRun
from training.connectors import TimestepAwareSemanticConnector


@pytest.fixture(scope="module")
def by_branch(whole_run: WholeRun) -> dict[str, Funnel]:
    return {funnel.branch: funnel for funnel in funnels(str(whole_run.folder))}


def test_every_row_is_accounted_for_from_the_metadata_to_the_training_set(by_branch: dict[str, Funnel]) -> None:
    assert set(by_branch) == {"laion", "coyo", "journeydb"}
    for funnel in by_branch.values():
        levels = funnel.levels
        assert [level.name.partition(":")[0] for level in levels] == [
            "planned",
            "tried",
            "downloaded",
            "scored",
            "kept",
            "captioned",
            "merged",
        ]
        for level in levels:
            assert level.rows == level.kept + level.rejects.total()
        for above, below in itertools.pairwise(levels):
            assert above.kept == below.rows
        assert levels[-1].kept > 0


def test_the_faults_of_the_world_got_their_reasons(by_branch: dict[str, Funnel]) -> None:
    web = by_branch["laion"].levels[2].rejects + by_branch["coyo"].levels[2].rejects
    assert {"not_found", "timeout", "not_image", "truncated", "opted_out", "scheme"} <= set(web)
    assert by_branch["journeydb"].levels[2].rejects == {"missing_member": 1}


def test_what_was_kept_is_vivid(whole_run: WholeRun, miniature: Miniature) -> None:
    """The score means something in this world: kept pictures are more vivid than those it dropped."""
    scenes = [json.loads(line) for line in (miniature.world / "scenes.jsonl").read_text().splitlines()]
    vividness = {Path(scene["file"]).stem: scene["vividness"] for scene in scenes}
    dataset = Dataset(str(whole_run.folder / "laion"))
    values: dict[bool, list[float]] = {True: [], False: []}
    for shard in dataset.shards():
        urls = {row["sample_id"]: row["url"] for row in storage.read_table(dataset.urls(shard)).to_pylist()}
        for row in storage.read_table(dataset.scores(shard)).to_pylist():
            stem = Path(urls[row["sample_id"]]).stem
            if stem in vividness and row["aesthetic"] is not None:
                values[row["aesthetic"] > 6].append(vividness[stem])
    assert sum(values[True]) / len(values[True]) > sum(values[False]) / len(values[False]) + 0.1


def test_training_pairs_carry_the_new_caption_and_the_old_text(whole_run: WholeRun) -> None:
    training_set = TrainingSet(str(whole_run.folder / "training"))
    described = []
    for shard in training_set.shards():
        for key, parts in read_tar(training_set.tar(shard)):
            row = json.loads(parts["json"])
            assert row["sample_id"] == key
            assert parts["jpg"].startswith(b"\xff\xd8")
            assert parts["txt"].decode().strip()
            described.append(row)
    assert {row["source"] for row in described} == {"laion", "coyo", "journeydb"}
    assert {row["captioner"] for row in described if row["source"] == "journeydb"} == {"journeydb"}
    assert {row["captioner"] for row in described if row["source"] != "journeydb"} == {"cogvlm"}
    assert all(row["short_edge"] >= 512 and row["aesthetic"] > 6 for row in described)


def test_the_connector_is_trained_and_loads(whole_run: WholeRun) -> None:
    path = whole_run.folder / "connector" / "connector.safetensors"
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["steps"] == "30"
    connector = TimestepAwareSemanticConnector.from_pretrained(str(path))
    gates = [value for name, value in connector.state_dict().items() if name.endswith("ln_1.linear.weight")]
    assert all(gate.abs().sum() > 0 for gate in gates), "AdaLN's linear starts at zero: training has moved it"


def test_a_second_run_does_nothing_and_says_so(whole_run: WholeRun) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole_run.folder.rglob("*") if path.is_file()}
    printed = whole_run.finish()
    assert "Nothing to do" in printed
    assert "starting Ray" not in printed
    after = {path: path.stat().st_mtime_ns for path in whole_run.folder.rglob("*") if path.is_file()}
    assert {path.name for path in after if after[path] != before.get(path)} <= {".lock"}
