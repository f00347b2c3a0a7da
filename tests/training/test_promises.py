"""What training promises of resuming, proved with processes that are started, stopped and spread over ranks."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.processes import COUNTS, PREEMPTIONS, Step
from training.callbacks.preemption import CHECKPOINT, PREEMPTED

PAIRS = sum(COUNTS)


class Trainings:
    """What the trainings of `tests.training.processes` left behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        told = json.loads((folder / "told.json").read_text())
        self.ids: list[str] = told["ids"]
        self.codes: dict[str, list[int | None]] = told["codes"]
        self.preemptions: list[dict[str, int]] = told["preemptions"]

    def steps(self, name: str, rank: int = 0) -> list[Step]:
        return [json.loads(line) for line in (self.folder / f"{name}-{rank}.jsonl").read_text().splitlines()]

    def seen(self, name: str, ranks: int = 1) -> list[tuple[str, float]]:
        """Samples and their losses in the order of their positions: each step's, rank by rank."""
        steps = zip(*(self.steps(name, rank) for rank in range(ranks)), strict=True)
        shares = itertools.chain.from_iterable(steps)
        return [pair for share in shares for pair in zip(share["ids"], share["losses"], strict=True)]

    def connector(self, name: str) -> dict[str, torch.Tensor]:
        tensors: dict[str, torch.Tensor] = torch.load(self.folder / f"{name}.pt", weights_only=True)
        return tensors


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    folder = tmp_path_factory.mktemp("trainings")
    # A fresh process, because one with threads, as tests of the pipeline leave behind, must not be forked.
    result = subprocess.run(
        [sys.executable, "-m", "tests.training.processes", str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    return Trainings(folder)


def assert_equal_to_rounding(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    """Eight steps of AdamW move a weight by up to 8e-4, also one whose gradient is rounding alone: a key's bias."""
    for key, tensor in other.items():
        torch.testing.assert_close(one[key], tensor, rtol=0, atol=2e-5)


def names(seen: list[tuple[str, Any]]) -> list[str]:
    return [name for name, _ in seen]


def test_every_training_came_to_its_end(trainings: Trainings) -> None:
    """Among them two ranks with four workers each over three uneven shards, past the end of an epoch."""
    codes = {name: codes for name, codes in trainings.codes.items() if name != "signalled"}
    assert codes == {name: [0] * len(ranks) for name, ranks in codes.items()}
    assert len(codes) == 9


def test_a_training_goes_on_where_its_checkpoint_was(trainings: Trainings) -> None:
    whole, resumed = trainings.seen("whole"), trainings.seen("resumed")
    assert len(resumed) == 50 * 3
    assert resumed == whole[7 * 3 :]
    assert len({loss for _, loss in whole}) == len(whole), "losses tell samples apart"
    for key, tensor in trainings.connector("whole").items():
        assert torch.equal(tensor, trainings.connector("resumed")[key])


def test_an_epoch_is_the_same_on_one_two_and_four_ranks(trainings: Trainings) -> None:
    spread = [*trainings.seen("one"), *trainings.seen("two", 2), *trainings.seen("four", 4)]
    assert len(spread) == PAIRS
    assert sorted(names(spread)) == sorted(trainings.ids)
    assert names(spread) == names(trainings.seen("whole"))[:PAIRS]


def test_an_epoch_of_uneven_shards_ends_and_another_begins(trainings: Trainings) -> None:
    whole = names(trainings.seen("whole"))
    assert len(whole) > 2 * PAIRS
    for start in (0, PAIRS):
        assert sorted(whole[start : start + PAIRS]) == sorted(trainings.ids)


def test_two_ranks_are_one_with_twice_the_batch(trainings: Trainings) -> None:
    alone, pair = trainings.seen("double"), trainings.seen("pair", 2)
    assert names(pair) == names(alone)
    assert [loss for _, loss in pair] == pytest.approx([loss for _, loss in alone], rel=1e-5)
    assert_equal_to_rounding(trainings.connector("pair"), trainings.connector("double"))


def test_gradients_of_two_batches_are_those_of_one_of_twice_the_size(trainings: Trainings) -> None:
    assert names(trainings.seen("accumulating")) == names(trainings.seen("double"))
    assert_equal_to_rounding(trainings.connector("accumulating"), trainings.connector("double"))


def test_a_training_goes_on_with_other_accumulation(trainings: Trainings) -> None:
    """From step 7, an odd number of batches, to step 10 in steps of two batches."""
    steps = trainings.steps("other-accumulation")
    assert [step["step"] for step in steps] == [7, 8, 8, 9, 9, 10]
    assert names(trainings.seen("other-accumulation")) == names(trainings.seen("whole"))[7 * 3 : 7 * 3 + 18]


def test_preemption_loses_at_most_one_step(trainings: Trainings) -> None:
    codes = [told["code"] for told in trainings.preemptions]
    assert len(codes) == PREEMPTIONS
    assert codes.count(PREEMPTED) >= PREEMPTIONS / 2
    assert set(codes) <= {PREEMPTED, -15}, "-15: killed before its training began"
    assert all(told["trained"] - told["saved"] <= 1 for told in trainings.preemptions)
    last = torch.load(trainings.folder / "preempted" / "checkpoints" / CHECKPOINT, weights_only=True)
    assert last["global_step"] == trainings.preemptions[-1]["saved"] > 10


def test_ranks_stop_together_though_one_alone_is_told_to(trainings: Trainings) -> None:
    assert trainings.codes["signalled"] == [PREEMPTED, 0]  # the first speaks for all
    steps = [[step["step"] for step in trainings.steps("signalled", rank)] for rank in (0, 1)]
    assert steps[0] == steps[1] == list(range(1, len(steps[0]) + 1))
    checkpoint = trainings.folder / "signalled" / "checkpoints" / CHECKPOINT
    assert torch.load(checkpoint, weights_only=True)["TrainingPairs"]["samples"] == len(steps[0]) * 2 * 3


def test_a_training_that_was_preempted_again_and_again_is_the_undisturbed_one(trainings: Trainings) -> None:
    undisturbed = {step["step"]: step for step in trainings.steps("whole")}
    disturbed = [step for step in trainings.steps("preempted") if step["step"] in undisturbed]
    assert [step["step"] for step in disturbed] == list(range(1, len(disturbed) + 1))
    assert all(step == undisturbed[step["step"]] for step in disturbed)
