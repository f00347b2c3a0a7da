"""One stage in one Ray actor: passes finished shards on and tries the others a bounded number of times."""

import json
import sys
import threading
import time
import traceback
from typing import Any

from curation import storage
from curation.dataset import Dataset, Shard
from curation.redaction import redact_message
from curation.stage import ShardStage

Row = dict[str, Any]
"""A shard on its way down the chain: `shard` (index), `failure` (empty, or why it stopped), `results` (JSON)."""


def new_row(shard: Shard) -> Row:
    """The row that goes in at the top of a chain."""
    return {"shard": shard.index, "failure": "", "results": "[]"}


class StageWorker:
    """The callable that Ray Data starts `min_workers` to `max_workers` times for a stage.

    Args:
        stage: what to run.
        dataset: the folder it reads and fills.
        attempts: how often a shard is tried before it is given up.
        pause: seconds before the second attempt; doubled before each further one.
        ahead: whether models are loaded at once, while the first shard is still with the stages before.
    """

    def __init__(
        self, stage: ShardStage, dataset: Dataset, attempts: int, pause: float = 1.0, *, ahead: bool = False
    ) -> None:
        self._stage = stage
        self._dataset = dataset
        self._attempts = attempts
        self._pause = pause
        self._ready = False
        self._broken = ""
        self._lock = threading.Lock()
        if ahead:
            threading.Thread(target=self._set_up, daemon=True).start()

    def __call__(self, row: Row) -> Row:
        """Do one shard, unless it failed further up or is done already; an error ends in the row."""
        shard = Shard(index=row["shard"])
        if row["failure"] or storage.exists(self._stage.output(self._dataset, shard)):
            return row
        failure = self._set_up()
        for attempt in range(self._attempts):
            if self._broken:
                break
            if attempt:
                time.sleep(self._pause * 2 ** (attempt - 1))
            failure, result = self._try(shard)
            if result:
                return {**row, "results": json.dumps([*json.loads(row["results"]), result])}
        return {**row, "failure": f"{self._stage.folder}: {failure}"}

    def _set_up(self) -> str:
        """Load the models before the first shard that needs them; a failure is final for this worker."""
        with self._lock:
            if self._ready or self._broken:
                return self._broken
            try:
                self._stage.setup()
            except Exception as error:  # noqa: BLE001 (what a stage's libraries may raise is not known here)
                _log_traceback()
                self._broken = f"cannot start: {_message(error)}"
            self._ready = not self._broken
            return self._broken

    def _try(self, shard: Shard) -> tuple[str, Row | None]:
        try:
            result = self._stage.process(self._dataset, shard)
        except Exception as error:  # noqa: BLE001 (any error is this shard's alone; the others go on)
            _log_traceback()
            return _message(error), None
        # Not asdict: it would make a Counter of the items of a Counter.
        counts = {"rows": result.rows, "kept": result.kept, "rejects": dict(result.rejects)}
        return "", {
            "stage": self._stage.folder,
            **counts,
            "seconds": result.seconds,
            "counts": dict(result.counts),
        }


def _message(error: Exception) -> str:
    return redact_message(f"{type(error).__name__}: {error}")


def _log_traceback() -> None:
    """Into Ray's log of this worker, without secrets."""
    print(redact_message(traceback.format_exc()), file=sys.stderr)
