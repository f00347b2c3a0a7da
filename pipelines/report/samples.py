"""The gallery's samples: some of a dataset's images, kept and dropped, with everything that is known of each."""

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
from PIL import Image

from captioning.report.content import Sample
from captioning.report.gallery import spread
from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet
from curation.reasons import Reason
from curation.schemas import SUCCESS
from curation.tar import read_tar
from pipelines.report.datasets import caption_names

SHARDS = 4
"""Shards that a dataset's samples are taken from, so that the work does not grow with the dataset."""
EDGE = 160
QUALITY = 70
"""Pixels on the longer side of a thumbnail, and its WebP quality."""

Row = dict[str, Any]


def dataset_samples(branch: str, dataset: Dataset, size: int) -> list[Sample]:
    """`size` samples at most, half of them kept where there are so many; the others by their reasons in turn."""
    names = caption_names(dataset)
    shards = _some(branch, [shard for shard in dataset.shards() if storage.exists(dataset.image_table(shard))])
    found = [(shard, *pair) for shard in shards for pair in _described(branch, dataset, names, shard)]
    chosen = _choose([sample for _, _, sample in found], size)
    places = {sample.sample_id: (shard, key) for shard, key, sample in found}
    thumbnails: dict[str, bytes] = {}
    for shard in shards:
        keys = {places[one.sample_id][1]: one.sample_id for one in chosen if places[one.sample_id][0] == shard}
        thumbnails |= _thumbnails(dataset.image_tar(shard), keys)
    return [replace(sample, thumbnail=thumbnails.get(sample.sample_id)) for sample in chosen]


def training_samples(training_set: TrainingSet, size: int) -> list[Sample]:
    """`size` pairs at most of a training set, whose samples were all kept."""
    samples: list[Sample] = []
    thumbnails: dict[str, bytes] = {}
    shards = _some(training_set.root.rpartition("/")[2], training_set.shards())
    for shard in shards:
        rows = storage.read_table(training_set.table(shard)).sort_by("sample_id").slice(0, -(-size // len(shards)))
        samples += [_pair(row) for row in rows.to_pylist()]
        wanted = {row: row for row in rows["sample_id"].to_pylist()}
        thumbnails |= _thumbnails(training_set.tar(shard), wanted)
    return [replace(sample, thumbnail=thumbnails.get(sample.sample_id)) for sample in samples[:size]]


def _pair(row: Row) -> Sample:
    return Sample(
        sample_id=row["sample_id"],
        source=row["source"],
        alt_text=row["alt_text"],
        captions={row["captioner"]: row["caption"]},
        url=row["url"],
        aesthetic=row["aesthetic"],
        short_edge=row["short_edge"],
    )


def _some(name: str, shards: Sequence[Shard]) -> list[Shard]:
    """Shards by a hash of their names: the same every time, and not the first ones, which sources may sort."""
    by_hash = sorted(shards, key=lambda shard: hashlib.sha256(f"{name}/{shard.name}".encode()).digest())
    return sorted(by_hash[:SHARDS])


def _choose(samples: Iterable[Sample], size: int) -> list[Sample]:
    groups: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=lambda sample: sample.sample_id):
        groups.setdefault(sample.reason or "", []).append(sample)
    kept = groups.pop("", [])
    dropped = spread([groups[reason] for reason in sorted(groups)], size - min(len(kept), size // 2))
    return sorted([*kept[: size - len(dropped)], *dropped], key=lambda sample: sample.sample_id)


def _described(branch: str, dataset: Dataset, names: Sequence[str], shard: Shard) -> Iterator[tuple[str, Sample]]:
    """Every image that a shard tried, by key, as far as the stages have come."""
    images = storage.read_table(dataset.image_table(shard)).to_pylist()
    scores = _by_key(dataset.scores(shard))
    selection = _by_key(dataset.selection(shard))
    captions = {name: _by_key(dataset.captions(name, shard)) for name in names}
    for image in images:
        key = image["key"]
        written = {name: rows[key] for name, rows in captions.items() if key in rows}
        yield (
            key,
            Sample(
                sample_id=image["sample_id"],
                source=branch,
                reason=_reason(image, selection.get(key), list(written.values())),
                flags=_flags(written.values()),
                alt_text=image["caption"],
                captions=_texts(written),
                url=image["url"],
                aesthetic=scores.get(key, {}).get("aesthetic"),
                short_edge=scores.get(key, {}).get("short_edge"),
            ),
        )


def _flags(captions: Iterable[Row]) -> list[str]:
    """What was noticed about any of the captions, and the rules that changed them."""
    return sorted({flag for row in captions for flag in [*(row["flags"] or []), *(row.get("rules") or [])]})


def _texts(captions: dict[str, Row]) -> dict[str, str | None]:
    """Every caption by its name, and what the captioner wrote where that was another text."""
    texts: dict[str, str | None] = {}
    for name, row in captions.items():
        texts[name] = row["caption"]
        if row["raw_caption"] and " ".join(row["raw_caption"].split()) != row["caption"]:
            texts[f"{name}, as generated"] = row["raw_caption"]
    return texts


def _by_key(path: str) -> dict[str, Row]:
    table: pa.Table | None = storage.read_table(path) if storage.exists(path) else None
    return {} if table is None else {row["key"]: row for row in table.to_pylist()}


def _reason(image: Row, selection: Row | None, captions: Sequence[Row]) -> str | None:
    """Why a sample goes no further; None for one that has come through all that was done yet."""
    if image["status"] != SUCCESS:
        return image["reason"] or Reason.DOWNLOAD_FAILED.value
    if selection is not None and not selection["kept"]:
        return str(selection["reason"])
    if captions and not any(row["caption"] for row in captions):
        return str((captions[0]["flags"] or [Reason.NO_CAPTION.value])[0])
    return None


def _thumbnails(tar: str, keys: dict[str, str]) -> dict[str, bytes]:
    """Small pictures by sample_id, of the tar's members that `keys` names."""
    thumbnails: dict[str, bytes] = {}
    if not keys or not storage.exists(tar):
        return thumbnails
    last = max(keys)
    for key, parts in read_tar(tar):
        if key > last:
            break
        picture = _shrink(parts["jpg"]) if key in keys and "jpg" in parts else None
        if picture:
            thumbnails[keys[key]] = picture
    return thumbnails


def _shrink(data: bytes) -> bytes | None:
    """A thumbnail as WebP, without the metadata of the image; None for one that cannot be decoded."""
    file = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (2 * EDGE, 2 * EDGE))
            small = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # what Pillow's readers raise
        return None
    small.thumbnail((EDGE, EDGE))
    small.save(file, "WEBP", quality=QUALITY)
    return file.getvalue()
