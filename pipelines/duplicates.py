"""Images that come more than once: the same file, the same looks, or one file that stands for many that are gone.

Looks are 64-bit perceptual hashes, and near means few bits apart. Two hashes that differ in at most d bits are equal in
one of d + 1 bands of their bits at least, so only hashes that share a band are compared: sorted once a band, memory
stays at some tens of bytes an image however many there are.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.reasons import Reason

HASH_BITS = 64
MOST_NEAR_BITS = 8

_REASONS = (None, Reason.PLACEHOLDER.value, Reason.DUPLICATE_IMAGE.value, Reason.NEAR_DUPLICATE.value)
_KEPT, _PLACEHOLDER, _SAME_FILE, _SAME_LOOKS = range(len(_REASONS))

Numbers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Which of the images that come more than once go into a training set: the best score, then the least sample_id.

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


def find_duplicates(images: pa.Table, settings: Duplicates) -> pa.Array:
    """Why each image is left out: a reason code, null for one that stays. The order of the rows changes nothing.

    Of near images the best is kept and those within `near_bits` of it are dropped, then the best of what is left, and
    so on: every image that is dropped has a better one near it that is kept.

    Args:
        images: `sample_id`, each once; `aesthetic`; `file` and `looks`, uint64: 64 bits of the file's SHA-256 and the
            perceptual hash. A null is like nothing else.
        settings: what counts as the same.
    """
    best_first = [("aesthetic", "descending"), ("sample_id", "ascending")]
    order = pc.sort_indices(images, best_first).to_numpy()  # nulls come last
    ranked = images.select(["file", "looks"]).take(order)
    codes = np.full(images.num_rows, _KEPT, np.uint8)  # (N,), in order of rank
    places, files = _known(ranked["file"])
    codes[places] = _judge_files(files, settings)
    if settings.near_bits is not None:
        places, looks = _known(ranked["looks"].filter(pa.array(codes == _KEPT)))
        left = np.flatnonzero(codes == _KEPT)[places]
        codes[left[_near(looks, settings.near_bits)]] = _SAME_LOOKS
    result = np.empty_like(codes)
    result[order] = codes
    return pa.array(_REASONS, pa.string()).take(pa.array(result))


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
    for better, worse in _pairs(looks[firsts], bits).tolist():  # by `better`: what becomes of it is settled by then
        if not gone[better]:
            gone[worse] = True
    dropped[firsts] = gone
    return dropped


def _pairs(looks: Hashes, bits: int) -> Numbers:
    """(P, 2): rows of hashes, all different, that are within `bits` of each other; the lesser first, in order."""
    edges = [HASH_BITS * band // (bits + 1) for band in range(bits + 2)]
    found = [np.empty((0, 2), np.int64)]
    for low, high in pairwise(edges):
        band = (looks << np.uint64(HASH_BITS - high)) >> np.uint64(HASH_BITS - high + low)
        found += _pairs_in(band, looks, bits)
    pairs: Numbers = np.unique(np.concatenate(found), axis=0)
    return pairs


def _pairs_in(band: Hashes, looks: Hashes, bits: int) -> list[Any]:
    """The pairs among hashes that share a band: each is compared with the next of its group, the next but one, ..."""
    order = np.argsort(band, kind="stable")
    band, found, left, step = band[order], [], np.arange(len(band)), 1
    while left.size:
        left = left[left + step < len(band)]
        left = left[band[left] == band[left + step]]
        one, other = order[left], order[left + step]
        near = np.bitwise_count(looks[one] ^ looks[other]) <= bits
        found.append(np.sort(np.stack([one[near], other[near]], axis=1), axis=1))
        step += 1
    return found
