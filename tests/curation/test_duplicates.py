"""Duplicates against a search that compares every image with every better one."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.duplicates import Duplicates, _pairs, find_duplicates, first_word

Row = dict[str, object]


def _images(rows: list[Row]) -> pa.Table:
    schema = pa.schema(
        [("sample_id", pa.string()), ("aesthetic", pa.float32()), ("file", pa.uint64()), ("looks", pa.uint64())]
    )
    return pa.Table.from_pylist(rows, schema)


def _reasons(rows: list[Row], duplicates: Duplicates) -> dict[str, str | None]:
    found = find_duplicates(_images(rows), duplicates).to_pylist()
    return {str(row["sample_id"]): reason for row, reason in zip(rows, found, strict=True)}


def _slow(rows: list[Row], near_bits: int) -> set[str]:
    """Samples that stay, found by comparing each with all that stay already, best first."""
    stay: list[Row] = []
    for row in sorted(rows, key=lambda row: (-row["aesthetic"], row["sample_id"])):
        same = (row["file"] is not None and row["file"] == one["file"] for one in stay)
        near = (
            None not in (row["looks"], one["looks"]) and (row["looks"] ^ one["looks"]).bit_count() <= near_bits
            for one in stay
        )
        if not any(same) and not any(near):
            stay.append(row)
    return {str(row["sample_id"]) for row in stay}


def _flip(looks: int, bits: int, dice: random.Random) -> int:
    for bit in dice.sample(range(64), bits):
        looks ^= 1 << bit
    return looks


@given(seed=st.integers(0, 10**6), near_bits=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_the_best_of_each_stay_in_whatever_order_the_rows_come(seed: int, near_bits: int) -> None:
    dice = random.Random(seed)
    centres = [dice.getrandbits(64) for _ in range(4)] + [0, 2**64 - 1]
    rows: list[Row] = [
        {
            "sample_id": f"{number:03d}",
            "aesthetic": float(dice.randint(0, 4)),  # ties are common
            "looks": dice.choice([None, *(_flip(dice.choice(centres), dice.randint(0, 6), dice) for _ in range(9))]),
        }
        for number in range(60)
    ]
    for row in rows:  # the same file has the same looks
        row["file"] = None if row["looks"] is None else dice.choice([row["looks"] ^ 5, dice.getrandbits(64)])
    duplicates = Duplicates(near_bits=near_bits, max_repeats=None)
    found = _reasons(rows, duplicates)
    assert {name for name, reason in found.items() if reason is None} == _slow(rows, near_bits)
    dice.shuffle(rows)
    assert _reasons(rows, duplicates) == found


@given(seed=st.integers(0, 10**6), bits=st.integers(0, 8))
@settings(max_examples=40, deadline=None)
def test_bands_miss_no_pair(seed: int, bits: int) -> None:
    dice = random.Random(seed)
    looks = list({_flip(dice.choice([0, 2**63 + 5]), dice.randint(0, 7), dice) for _ in range(50)})
    expected = [
        [one, other]
        for one in range(len(looks))
        for other in range(one + 1, len(looks))
        if (looks[one] ^ looks[other]).bit_count() <= bits
    ]
    assert _pairs(np.array(looks, np.uint64), bits).tolist() == expected


def _copies(count: int, file: int = 7) -> list[Row]:
    return [{"sample_id": f"{n}", "aesthetic": float(n % 3), "file": file, "looks": None} for n in range(count)]


@pytest.mark.parametrize(
    ("duplicates", "reasons"),
    [
        (Duplicates(max_repeats=5), ["duplicate_image", "duplicate_image", None, "duplicate_image", "duplicate_image"]),
        (Duplicates(max_repeats=4), ["placeholder"] * 5),
        (
            Duplicates(max_repeats=3, placeholders="cap", exact=False),
            ["placeholder", None, None, "placeholder", None],
        ),
        (
            Duplicates(max_repeats=3, placeholders="cap"),
            ["placeholder", "duplicate_image", None, "placeholder", "duplicate_image"],
        ),
        (Duplicates(max_repeats=None, exact=False), [None] * 5),
    ],
)
def test_a_file_that_comes_too_often_is_a_placeholder(duplicates: Duplicates, reasons: list[str | None]) -> None:
    assert list(_reasons(_copies(5), duplicates).values()) == reasons


def test_near_images_are_told_from_equal_files_and_can_be_kept() -> None:
    rows: list[Row] = [
        {"sample_id": "a", "aesthetic": 6.5, "file": 1, "looks": 0b111},
        {"sample_id": "b", "aesthetic": 7.0, "file": 2, "looks": 0b001},
        {"sample_id": "c", "aesthetic": None, "file": 3, "looks": 0b001},
        {"sample_id": "d", "aesthetic": 6.0, "file": 1, "looks": 0b111},
        {"sample_id": "e", "aesthetic": 6.0, "file": 5, "looks": 0b111 << 40},
    ]
    assert _reasons(rows, Duplicates()) == {
        "a": "near_duplicate",
        "b": None,
        "c": "near_duplicate",
        "d": "duplicate_image",
        "e": None,
    }
    assert _reasons(rows, Duplicates(near_bits=1))["a"] is None
    assert list(_reasons(rows, Duplicates(near_bits=None)).values()) == [None, None, None, "duplicate_image", None]


def test_nothing_has_no_duplicates() -> None:
    assert find_duplicates(_images([]), Duplicates()).to_pylist() == []
    rows: list[Row] = [{"sample_id": f"{n}", "aesthetic": 1.0, "file": None, "looks": None} for n in range(3)]
    assert set(_reasons(rows, Duplicates(max_repeats=1)).values()) == {None}


@pytest.mark.parametrize("wrong", [{"near_bits": -1}, {"near_bits": 9}, {"max_repeats": 0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Duplicates(**wrong)


def test_hashes_that_all_share_a_band_are_not_all_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of plain images: two of the three bands are equal, and what differs is in the third."""
    count = 20_000
    dice = np.random.default_rng(0)
    looks = np.unique(dice.integers(0, 1 << 22, 2 * count, dtype=np.uint64))[:count]
    near = [(one, other) for one, other in _pairs(looks[:500], 2).tolist()]
    assert near == [
        (one, other)
        for one in range(500)
        for other in range(one + 1, 500)
        if int(looks[one] ^ looks[other]).bit_count() <= 2
    ]
    compared = []
    counted = np.bitwise_count
    monkeypatch.setattr(np, "bitwise_count", lambda bits: compared.append(len(bits)) or counted(bits))
    found = _pairs(looks, 2)
    assert len(found) > 100
    assert sum(compared) < count**2 / 20, "with no band split it is all pairs, twice"


def test_what_is_settled_stays_and_counts_as_better() -> None:
    rows: list[Row] = [
        {"sample_id": "a", "aesthetic": 1.0, "file": 1, "looks": 0b111},
        {"sample_id": "b", "aesthetic": None, "file": 9, "looks": 0b111 << 20},
        {"sample_id": "c", "aesthetic": 9.0, "file": 1, "looks": 0b111},
        {"sample_id": "d", "aesthetic": 9.0, "file": 4, "looks": 0b11 << 20},
        {"sample_id": "e", "aesthetic": 9.0, "file": 9, "looks": 0b111 << 50},
        {"sample_id": "f", "aesthetic": 9.0, "file": 6, "looks": 0b111 << 40},
    ]
    found = find_duplicates(_images(rows), Duplicates(), settled=2, placeholders=np.array([6, 9], np.uint64))
    assert found.to_pylist() == [None, None, "duplicate_image", "near_duplicate", "placeholder", "placeholder"]


def test_the_first_word_of_a_hash_is_its_first_64_bits() -> None:
    hashes = pa.chunked_array([["ff" * 32, "0000000000000010", None]])
    assert first_word(hashes).to_pylist() == [2**64 - 1, 16, None]
