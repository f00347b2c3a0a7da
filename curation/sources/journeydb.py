"""JourneyDB: images made by Midjourney, with the prompts they were made from and captions of their own."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from curation import storage
from curation.dataset import Dataset, Shard, sample_id
from curation.reasons import Reason
from curation.schemas import URLS
from curation.sources.buckets import Buckets, Numbers
from curation.sources.source import InputFile, Plan, Source, describe_end, describe_file
from curation.stage import execution

SCHEMA = pa.schema(
    [
        *URLS,
        pa.field("image_path", pa.string(), nullable=False),
        pa.field("caption", pa.string(), nullable=False),
        pa.field("caption_is_prompt", pa.bool_(), nullable=False),
    ]
)
"""The columns of a JourneyDB shard. `image_path` is `000/<file>.jpg`; `alt_text` is the prompt, `url` null."""

_IMAGE_PATH = re.compile(r"(?:\./)?(?P<path>(?P<archive>[0-9]{3})/[^/\\]+\.[a-z0-9]+)", re.IGNORECASE)
_ARCHIVE = re.compile(r"(?P<archive>[0-9]{3})\.tgz")
_BATCH_LINES = 10_000
_ARCHIVE_END = 1 << 16

Row = dict[str, Any]


@dataclass(kw_only=True)
class JourneyDB(Source):
    """JourneyDB's annotations, a shard an archive: shard 7 is what `007.tgz` holds.

    Archives that are not there are left out and their rows counted as `missing_member`, so that a part of JourneyDB
    can be used alone.

    Args:
        annotations: the .jsonl of the split, such as train_anno_realease_repath.jsonl; local or any fsspec URL.
        images: the folder of the split's archives, 000.tgz to 199.tgz; local or any fsspec URL.
        scratch: local folder for the temporary files of planning, about the size of the annotations; default: the
            system's.
    """

    annotations: str
    images: str
    scratch: str | None = execution(None)

    def inputs(self) -> list[InputFile]:
        """The annotations, whole; of each archive its last 64 KiB, where gzip keeps the check sum of its content."""
        archives = (archive_path(self.images, number) for number in sorted(self._archives()))
        return [describe_file(self.annotations), *(describe_end(path, _ARCHIVE_END) for path in archives)]

    def check(self) -> None:
        """See `Source.check`."""
        if not storage.exists(self.annotations):
            raise ValueError(f"{self.annotations}: no such file; expected JourneyDB's annotations, one JSON a line")
        if not self._archives():
            there = ", ".join(storage.names(self.images)[:5]) or "nothing"
            raise ValueError(f"{self.images}: looked for 000.tgz, 001.tgz, ...; it holds {there}")

    def write_shards(self, dataset: Dataset) -> Plan:
        """Sort the annotations into their archives, and each archive's by sample id."""
        archives, rejects, rows, kept, shards = self._archives(), Counter[str](), 0, 0, 0
        with Buckets(SCHEMA, self.scratch) as buckets:
            for lines in self._read():
                good, bad = _parse(lines, archives)
                buckets.add(pa.Table.from_pylist(good, SCHEMA), _archives_of(good))
                rejects, rows = rejects + bad, rows + len(lines)
            taken = rows - rejects.total()
            for archive, table in buckets.in_order():
                storage.write_table(dataset.urls(Shard(index=archive)), table.combine_chunks())
                kept, shards = kept + table.num_rows, shards + 1
        return Plan(rows=rows, kept=kept, rejects={**rejects, Reason.DUPLICATE.value: taken - kept}, shards=shards)

    def _read(self) -> Iterator[list[bytes]]:
        with storage.open_read(self.annotations) as file:
            lines = (line for line in file if line.strip())
            while batch := list(islice(lines, _BATCH_LINES)):
                yield batch

    def _archives(self) -> frozenset[int]:
        names = storage.names(self.images, ".tgz")
        return frozenset(int(match["archive"]) for match in map(_ARCHIVE.fullmatch, names) if match)


def archive_path(images: str, archive: int) -> str:
    """The archive with that number in the folder `images`."""
    return storage.join(images, f"{archive:03d}.tgz")


def _parse(lines: Sequence[bytes], archives: frozenset[int]) -> tuple[list[Row], Counter[str]]:
    """The rows of annotations whose archive is there, and how many there are of the others, by reason."""
    results = [_row(line, archives) for line in lines]
    return (
        [result for result in results if not isinstance(result, Reason)],
        Counter(result.value for result in results if isinstance(result, Reason)),
    )


def _row(line: bytes, archives: frozenset[int]) -> Row | Reason:
    try:
        annotation = json.loads(line)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        return Reason.BAD_ROW
    path = _IMAGE_PATH.fullmatch(_text(annotation, "img_path"))
    if path is None:
        return Reason.BAD_ROW
    if int(path["archive"]) not in archives:
        return Reason.MISSING_MEMBER
    prompt, caption = _text(annotation, "prompt"), _text(annotation, "Task2", "Caption")
    if not prompt and not caption:
        return Reason.NO_CAPTION
    return {
        "sample_id": sample_id(path["path"]),
        "alt_text": prompt or None,
        "source": "journeydb",
        "image_path": path["path"],
        "caption": caption or prompt,
        "caption_is_prompt": not caption,
    }


def _text(annotation: Any, *keys: str) -> str:
    """The text under `keys`, one in another, stripped; empty where there is none."""
    for key in keys:
        annotation = annotation.get(key) if isinstance(annotation, dict) else None
    # JSON can spell half a surrogate pair, which no UTF-8 file can hold.
    return annotation.encode(errors="replace").decode().strip() if isinstance(annotation, str) else ""


def _archives_of(rows: Sequence[Row]) -> Numbers:
    return np.array([int(row["image_path"].partition("/")[0]) for row in rows], dtype=np.int64)
