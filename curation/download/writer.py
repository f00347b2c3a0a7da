"""img2dataset's writer seam: rows come in the order of the network and leave in the order of their keys."""

import json
from collections import Counter
from typing import Any

import pyarrow as pa

from curation import schemas, storage
from curation.download.rejection import RejectedError
from curation.reasons import Reason
from curation.redaction import redact_url
from curation.tar import SampleSpool

Row = dict[str, Any]


UNREACHABLE = frozenset({Reason.DNS, Reason.CONNECTION, Reason.TIMEOUT})
"""Reasons that may lie with our own network as well as with the servers'."""

ENOUGH_ROWS = 20
"""Rows from which on a share of them says something."""

_OTHER_HASH: Row = {
    "status": schemas.FAILED_TO_DOWNLOAD,
    "error_message": str(RejectedError(Reason.HASH_MISMATCH, "the sha256 is not that of the metadata")),
    **dict.fromkeys(["width", "height", "original_width", "original_height"]),
}


class ShardWriter:
    """Writes one shard's tar and then its Parquet, whose presence says that the shard is done.

    Images wait in `spool`, so memory holds rows only. The same rows give the same bytes in whatever order they came.

    Args:
        tar: where the tar goes.
        table: where the Parquet goes.
        rows: how many rows must come. img2dataset prints the error of a sample that fails in it and goes on
            without the row: only the count shows the loss.
        spool: empty; keeps the images until then.
        max_unreachable: largest share of rows that may be `UNREACHABLE`. Over it, nothing is written: a network that
            is down must not pass for a shard of dead links.
        reject_other_hashes: whether an image is dropped whose `sha256` is not the row's `expected_sha256`.
    """

    def __init__(
        self,
        *,
        tar: str,
        table: str,
        rows: int,
        spool: SampleSpool,
        max_unreachable: float = 1.0,
        reject_other_hashes: bool = False,
    ) -> None:
        self._tar = tar
        self._table = table
        self._expected = rows
        self._spool = spool
        self._max_unreachable = max_unreachable
        self._reject_other_hashes = reject_other_hashes
        self.other_hashes = 0
        """Images whose hash is not the one expected, dropped or not."""
        self._rows: dict[str, Row] = {}
        self._failure: OSError | None = None

    @property
    def kept(self) -> int:
        """Images written."""
        return len(self._spool)

    @property
    def rejects(self) -> dict[str, int]:
        """Reason code to rows, sorted."""
        reasons = Counter(row["reason"] for row in self._rows.values() if row["reason"] is not None)
        return dict(sorted(reasons.items()))

    def write(self, img_str: bytes | None, key: str, caption: str | None, meta: Row) -> None:
        """Take one row, with its image where there is one."""
        if self._failure is not None:
            return
        row = _row(meta)
        if img_str is not None and not _has_expected_hash(meta):
            self.other_hashes += 1
            if self._reject_other_hashes:
                img_str, row = None, _row({**meta, **_OTHER_HASH})
        if img_str is not None:
            try:
                self._spool.add(key, _parts(img_str, row))
            except OSError as error:  # a full disk: img2dataset would swallow it, so it is raised by `close`
                self._failure = error
                return
        self._rows[key] = row

    def close(self) -> None:
        """Write both files.

        Raises:
            OSError: the disk is full, or could not be written to for another reason.
            RuntimeError: rows were lost.
            ConnectionError: too many hosts could not be reached.
        """
        if self._failure is not None:
            raise self._failure
        if len(self._rows) != self._expected:
            raise RuntimeError(
                f"{self._table}: {self._expected} rows were given to img2dataset and {len(self._rows)} came back; "
                "it printed why above"
            )
        self._require_reachable()
        rows = [self._rows[key] for key in sorted(self._rows)]
        with storage.atomic_writer(self._tar) as file:
            self._spool.write(file)
        storage.write_table(self._table, pa.Table.from_pylist(rows, schema=schemas.IMAGES))

    def _require_reachable(self) -> None:
        failed = {reason: count for reason, count in self.rejects.items() if reason in UNREACHABLE}
        unreachable = sum(failed.values())
        if self._expected >= ENOUGH_ROWS and unreachable > self._max_unreachable * self._expected:
            said = ", ".join(f"{reason} {count}" for reason, count in failed.items())
            raise ConnectionError(
                f"{unreachable} of {self._expected} URLs could not be reached ({said}): is the network up, and the "
                "resolver? Nothing was written; run again, or raise max_unreachable if these links are really dead"
            )


def _has_expected_hash(meta: Row) -> bool:
    expected = meta.get("expected_sha256")
    return expected is None or expected.strip().lower() == meta["sha256"]


def _parts(image: bytes, row: Row) -> dict[str, bytes]:
    text = json.dumps(row, sort_keys=True, ensure_ascii=False)
    return {"jpg": image, "txt": (row["caption"] or "").encode(), "json": text.encode()}


def _row(meta: Row) -> Row:
    row: Row = {name: meta.get(name) for name in schemas.IMAGES.names}
    if row["url"] is not None:
        row["url"] = redact_url(row["url"])
    if row["status"] == schemas.SUCCESS:
        return row
    rejection = RejectedError.parse(row["error_message"] or "")
    row["reason"], row["error_message"] = str(rejection.reason), rejection.detail
    return row
