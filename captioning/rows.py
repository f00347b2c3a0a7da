"""The captions table: what every stage that fills `captions/` has in common."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

from curation import schemas, storage
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.stage import ShardResult


@dataclass(frozen=True, kw_only=True)
class CaptionRow:
    """A row of `curation.schemas.CAPTIONS`.

    Args:
        key: of the image.
        sample_id: of the sample.
        caption: on one line; None where there is none, and `flags` then says why.
        raw_caption: as it came.
        finish_reason: why the text ends.
        retries: how often it was generated again.
        tokens: of the generated text.
        flags: reason codes; the caption may be there all the same.
        rules: of `captioning.cleaning`, those that changed the text.
        prompt: what the model was asked.
        prompt_hash: of the prompt.
        model: what wrote the text.
        revision: of the model.
    """

    key: str
    sample_id: str
    caption: str | None = None
    raw_caption: str | None = None
    finish_reason: str | None = None
    retries: int = 0
    tokens: int | None = None
    flags: tuple[Reason, ...] = ()
    rules: tuple[str, ...] = ()
    prompt: str | None = None
    prompt_hash: str | None = None
    model: str | None = None
    revision: str | None = None


def kept_samples(dataset: Dataset, shard: Shard) -> dict[str, str]:
    """Keys of the images that selection kept, in order, and their sample_ids."""
    table = storage.read_table(dataset.selection(shard), columns=["key", "sample_id", "kept"])
    kept = [(row["key"], row["sample_id"]) for row in table.to_pylist() if row["kept"]]
    return dict(sorted(kept))


def write_captions(path: str, rows: Sequence[CaptionRow], *, seconds: float) -> ShardResult:
    """Write `rows` to `path`, sorted by key; those without a caption count as rejects, under their first flag."""
    ordered = [asdict(row) for row in sorted(rows, key=lambda row: row.key)]
    storage.write_table(path, pa.Table.from_pylist(ordered, schema=schemas.CAPTIONS))
    rejects = Counter(row.flags[0].value for row in rows if row.caption is None)
    return ShardResult(
        rows=len(rows), kept=len(rows) - rejects.total(), rejects=rejects, seconds=seconds, counts=_counts(rows)
    )


def _counts(rows: Sequence[CaptionRow]) -> dict[str, int]:
    """Tokens, retries, flags on rows that have a caption all the same, and rules, where there are any."""
    counts = Counter({"tokens": sum(row.tokens or 0 for row in rows), "retries": sum(row.retries for row in rows)})
    counts.update(f"flagged {flag.value}" for row in rows if row.caption is not None for flag in row.flags)
    counts.update(f"rule {rule}" for row in rows for rule in row.rules)
    return {name: count for name, count in counts.items() if count}


def check_name(name: str) -> None:
    """Make sure that `name` can be a folder's.

    Raises:
        ValueError: it is empty, hidden or a path.
    """
    if not name or name.startswith(".") or set(name) & set("/\\"):
        raise ValueError(f"name is {name!r}: expected the name of a folder below captions/, such as cogvlm")
