"""Images that come more than once: the same file, the same looks, or one file that stands for many that are gone.

Looks are 64-bit perceptual hashes, and near means few bits apart. Two hashes that differ in at most d bits are equal in
one of d + 1 bands of their bits at least, so only hashes that share a band are compared; a band that too many share is
split again by the bits that are left. The search takes some 200 bytes an image, and 16 for each pair that is near.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.reasons import Reason

HASH_BITS = 64
MOST_NEAR_BITS = 8

_REASONS = (None, Reason.PLACEHOLDER.value, Reason.DUPLICATE_IMAGE.value, Reason.NEAR_DUPLICATE.value)
_KEPT, _PLACEHOLDER, _SAME_FILE, _SAME_LOOKS = range(len(_REASONS))
_MOST_TOGETHER = 1024
"""Hashes that share a band and are all compared with each other; no fewer, or bands would be split to nothing."""
_CHUNK = 1 << 20

Numbers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Which of the images that come more than once are taken: the best score, then the least sample_id.

    Args:
        exact: whether of images that are the same file one alone is kept.
        near_bits: images whose perceptual hashes differ in at most so many of 64 bits count as the same; 0 to 8, null
            to keep them all. Each bit more makes the search several times longer, and mistakes likelier.
        max_repeats: a file that comes more often is a placeholder ("this image is gone"); null for no such limit.
        placeholders: `drop` keeps none of them, `cap` the best `max_repeats`, or the best one where `exact` is on.

    Raises:
        ValueError: a number is out of range.
    """

    exact: bool = True
    near_bits: int | None = 2
    max_repeats: int | None = 20
    placeholders: Literal["drop", "cap"] = "drop"

    def __post_init__(self) -> None:
        if self.near_bits is not None and not 0 <= self.near_bits <= MOST_NEAR_BITS:
            raise ValueError(f"duplicates.near_bits={self.near_bits}: expected 0 to {MOST_NEAR_BITS}, or null")
        if self.max_repeats is not None and self.max_repeats < 1:
            raise ValueError(f"duplicates.max_repeats={self.max_repeats}: expected 1 or more, or null")


def find_duplicates(
    images: pa.Table, settings: Duplicates, *, settled: int = 0, placeholders: Hashes | None = None
) -> pa.Array:
    """Why each image is left out: a reason code, null for one that stays. The order of the rows changes nothing.

    Of near images the best is kept and those within `near_bits` of it are dropped, then the best of what is left, and
    so on: every image that is dropped has a better one near it that is kept.

    Args:
        images: `sample_id`, each once, texts or numbers; `aesthetic`; `file` and `looks`, uint64: 64 bits of the file's
            SHA-256 and the perceptual hash. A null is like nothing else.
        settings: what counts as the same.
        settled: so many rows, the first ones, stay: they count as better than all others.
        placeholders: files that were found to be some before; none is taken of what is not settled.
    """
    best_first = [("aesthetic", "descending"), ("sample_id", "ascending")]
    order = pc.sort_indices(images, best_first).to_numpy()  # nulls come last
    order = np.concatenate([order[order < settled], order[order >= settled]])
    ranked = images.select(["file", "looks"]).take(order)
    codes = np.full(images.num_rows, _KEPT, np.uint8)  # (N,), in order of rank
    places, files = _known(ranked["file"])
    codes[places] = _judge_files(files, settings)
    if placeholders is not None:
        codes[places[np.isin(files, placeholders)]] = _PLACEHOLDER
    codes[:settled] = _KEPT
    if settings.near_bits is not None:
        places, looks = _known(ranked["looks"].filter(pa.array(codes == _KEPT)))
        left = np.flatnonzero(codes == _KEPT)[places]
        codes[left[_near(looks, settings.near_bits)]] = _SAME_LOOKS
    result = np.empty_like(codes)
    result[order] = codes
    return pa.array(_REASONS, pa.string()).take(pa.array(result))


def first_word(hashes: pa.ChunkedArray) -> pa.Array:
    """The first 64 bits of hashes in hex, as uint64: of files, of looks and of samples."""
    return pa.array([None if text is None else int(text[:16], 16) for text in hashes.to_pylist()], pa.uint64())


def _known(column: pa.ChunkedArray) -> tuple[Numbers, Hashes]:
    """The rows that have a value, and the values."""
    places = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    return places, column.drop_null().to_numpy().astype(np.uint64)


def _judge_files(files: Hashes, settings: Duplicates) -> npt.NDArray[np.uint8]:
    """The code of each file, given best first."""
    _, group, sizes = np.unique(files, return_inverse=True, return_counts=True)
    by_group = np.argsort(group, kind="stable")
    turn = np.empty(len(files), np.int64)  # 0 for the best of its group, 1 for the next, ...
    turn[by_group] = np.arange(len(files)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    codes = np.full(len(files), _KEPT, np.uint8)
    if settings.exact:
        codes[turn > 0] = _SAME_FILE
    if settings.max_repeats is not None:
        first_dropped = 0 if settings.placeholders == "drop" else settings.max_repeats
        codes[(sizes[group] > settings.max_repeats) & (turn >= first_dropped)] = _PLACEHOLDER
    return codes


def _near(looks: Hashes, bits: int) -> npt.NDArray[np.bool_]:
    """Which hashes, given best first, are within `bits` of a better one that stays."""
    dropped = np.ones(len(looks), np.bool_)
    firsts = np.sort(np.unique(looks, return_index=True)[1])
    gone = np.zeros(len(firsts), np.bool_)
    pairs = _pairs(looks[firsts], bits)
    for start in range(0, len(pairs), _CHUNK):
        for better, worse in pairs[start : start + _CHUNK].tolist():  # by `better`: its own fate is settled by then
            if not gone[better]:
                gone[worse] = True
    dropped[firsts] = gone
    return dropped


def _pairs(looks: Hashes, bits: int) -> Numbers:
    """(P, 2): rows of hashes, all different, that are within `bits` of each other; the lesser first, in order."""
    found = list(_search(looks, np.arange(len(looks)), bits, np.arange(HASH_BITS)))
    codes = np.unique(np.concatenate([np.empty(0, np.int64), *found]))
    return np.stack([codes >> 32, codes & 0xFFFFFFFF], axis=1)


def _search(looks: Hashes, rows: Numbers, bits: int, free: Numbers) -> Iterator[Numbers]:
    """The pairs among `rows`, each as `lesser << 32 | greater`, some of them several times.

    Args:
        looks: the hashes of all rows.
        rows: that agree in every bit but those in `free`.
        bits: how far apart a pair may be.
        free: positions of bits.
    """
    for band in np.array_split(free, bits + 1):
        mask = np.bitwise_or.reduce(np.uint64(1) << band.astype(np.uint64), initial=np.uint64(0))
        values = looks[rows] & mask
        order = np.argsort(values, kind="stable")
        starts = np.flatnonzero(np.diff(values[order], prepend=~values[order[:1]]))
        sizes = np.diff(starts, append=len(rows))
        for start, size in zip(starts[sizes > _MOST_TOGETHER], sizes[sizes > _MOST_TOGETHER], strict=True):
            yield from _search(looks, rows[order[start : start + size]], bits, np.setdiff1d(free, band))
        few = np.repeat(sizes <= _MOST_TOGETHER, sizes)
        yield from _compare(looks, rows[order[few]], values[order[few]], bits)


def _compare(looks: Hashes, rows: Numbers, values: Hashes, bits: int) -> Iterator[Numbers]:
    """The pairs among `rows` with equal `values`, which are sorted: each with the next, the next but one, ..."""
    left, step = np.arange(len(rows)), 1
    while left.size:
        left = left[left + step < len(rows)]
        left = left[values[left] == values[left + step]]
        one, other = rows[left], rows[left + step]
        near = np.bitwise_count(looks[one] ^ looks[other]) <= bits
        yield np.minimum(one[near], other[near]) << 32 | np.maximum(one[near], other[near])
        step += 1
