"""Decisions over the duplicates of one branch: what stands, what comes later, and what a crash leaves."""

import random
from pathlib import Path

import pyarrow as pa
import pytest

from curation import storage
from curation.dataset import Dataset, Shard
from curation.decisions import CANDIDATES, _runs, decide, left_out
from curation.duplicates import Duplicates, find_duplicates

Image = dict[str, object]

DUPLICATES = Duplicates(max_repeats=3)


def images(count: int, seed: int = 0) -> list[Image]:
    """Images of which many are the same file, near each other, or a placeholder."""
    dice = random.Random(seed)
    files, motifs = ([dice.getrandbits(64) for _ in range(count // 2)] for _ in range(2))
    made = []
    for number in range(count):
        file = 7 if number % 9 == 0 else dice.choice(files)
        looks = dice.choice(motifs) ^ (1 << dice.randrange(64) if dice.random() < 0.5 else 0)
        made.append(
            {"sample_id": f"{number:016x}", "aesthetic": float(dice.randint(0, 5)), "file": file, "looks": looks}
        )
    return made


def write(dataset: Dataset, shards: dict[int, list[Image]], name: str = "selection") -> list[Shard]:
    for index, rows in shards.items():
        keyed = [{"key": f"{index:05d}{row:04d}", **image} for row, image in enumerate(rows)]
        storage.write_table(
            dataset.candidates(Shard(index=index), name), pa.Table.from_pylist(keyed, schema=CANDIDATES)
        )
    return [Shard(index=index) for index in shards]


def dropped(dataset: Dataset, shards: dict[int, list[Image]]) -> dict[object, str]:
    """Reason by sample_id, of all that are left out."""
    found = {}
    for index, rows in shards.items():
        reasons = left_out(dataset, Shard(index=index))
        found |= {rows[int(key[5:])]["sample_id"]: reason for key, reason in reasons.items()}
    return found


def cut(rows: list[Image], size: int) -> dict[int, list[Image]]:
    return {start // size: rows[start : start + size] for start in range(0, len(rows), size)}


def files(dataset: Dataset) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(dataset.decisions()).iterdir()}


def test_it_is_the_one_decision_whatever_the_shards_and_their_order(tmp_path: Path) -> None:
    rows = images(120)
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(CANDIDATES)[1:]))
    reasons = find_duplicates(table, DUPLICATES).to_pylist()
    expected = {row["sample_id"]: reason for row, reason in zip(rows, reasons, strict=True) if reason}
    assert {"placeholder", "duplicate_image", "near_duplicate"} == set(expected.values())
    for size in (120, 50, 7):
        dataset, shards = Dataset(str(tmp_path / str(size))), cut(rows, size)
        there = write(dataset, shards)
        random.Random(size).shuffle(there)
        decide(dataset, there, DUPLICATES)
        assert dropped(dataset, shards) == expected
        record = storage.read_json(f"{dataset.decisions()}/00000.json")
        assert record["candidates"] == 120 == record["kept"] + sum(record["rejects"].values())
        assert record["shards"] == [[0, len(shards) - 1]]


def test_what_was_decided_stands_and_later_images_are_compared_with_what_was_kept(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    first = {
        0: [
            {"sample_id": f"{1:016x}", "aesthetic": 5.0, "file": 1, "looks": 0xFF},
            {"sample_id": f"{2:016x}", "aesthetic": 4.0, "file": 1, "looks": 0xFF},
            *({"sample_id": f"{n:016x}", "aesthetic": 9.0, "file": 7, "looks": n << 40} for n in range(10, 14)),
        ]
    }
    later = {
        3: [
            {"sample_id": f"{3:016x}", "aesthetic": 9.0, "file": 1, "looks": 0xFF},
            {"sample_id": f"{4:016x}", "aesthetic": 9.0, "file": 2, "looks": 0xFE},
            {"sample_id": f"{5:016x}", "aesthetic": 9.0, "file": 3, "looks": 0xFF << 32},
            {"sample_id": f"{6:016x}", "aesthetic": 8.0, "file": 3, "looks": 0xFF << 32},
            {"sample_id": f"{7:016x}", "aesthetic": 9.0, "file": 7, "looks": 0xF0F0},
        ]
    }
    decide(dataset, write(dataset, first), DUPLICATES)
    before = files(dataset)
    decide(dataset, [*write(dataset, first), *write(dataset, later)], DUPLICATES)
    assert {name: files(dataset)[name] for name in before} == before
    assert dropped(dataset, first) == {f"{2:016x}": "duplicate_image"} | {
        f"{n:016x}": "placeholder" for n in range(10, 14)
    }
    assert dropped(dataset, later) == {
        f"{3:016x}": "duplicate_image",  # of one that was kept with a lower score
        f"{4:016x}": "near_duplicate",
        f"{6:016x}": "duplicate_image",  # among themselves the better score stays
        f"{7:016x}": "placeholder",  # one alone, of a file that was one before
    }


def test_the_same_shards_again_change_nothing(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    shards = write(dataset, cut(images(40), 10))
    decide(dataset, shards, DUPLICATES)
    before = files(dataset)
    decide(dataset, shards[1:3], DUPLICATES)
    assert files(dataset) == before


@pytest.mark.parametrize("lost", [["00000.json"], ["00000.json", "00000.parquet"]])
def test_a_decision_that_was_cut_short_is_made_again_with_the_same_bytes(lost: list[str], tmp_path: Path) -> None:
    dataset, shards = Dataset(str(tmp_path)), cut(images(40), 10)
    there = write(dataset, shards)
    decide(dataset, there, DUPLICATES)
    whole = files(dataset)
    for name in lost:
        Path(dataset.decisions(), name).unlink()
    with pytest.raises(ValueError, match="shard 00002 was not there when duplicates were looked for"):
        left_out(dataset, Shard(index=2))
    decide(dataset, there, DUPLICATES)
    assert files(dataset) == whole


def test_selections_have_decisions_of_their_own(tmp_path: Path) -> None:
    dataset, rows = Dataset(str(tmp_path)), cut(images(20), 10)
    write(dataset, rows)
    decide(dataset, write(dataset, rows, "loose"), Duplicates(near_bits=None, exact=False), "loose")
    assert left_out(dataset, Shard(index=0), "loose") == {}
    with pytest.raises(ValueError, match="was not there"):
        left_out(dataset, Shard(index=0))


def test_shards_without_candidates_are_covered_too(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    decide(dataset, write(dataset, {4: []}), DUPLICATES)
    assert left_out(dataset, Shard(index=4)) == {}


def test_runs_of_shards_are_written_by_their_ends() -> None:
    assert _runs([Shard(index=index) for index in (0, 1, 2, 5, 7, 8)]) == [[0, 2], [5, 5], [7, 8]]
