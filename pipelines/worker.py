"""One stage in one Ray actor: passes finished shards on and tries the others a bounded number of times."""

import json
import time
import traceback
from typing import Any

from curation import storage
from curation.dataset import Dataset, Shard
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
    """

    def __init__(self, stage: ShardStage, dataset: Dataset, attempts: int, pause: float = 1.0) -> None:
        self._stage = stage
        self._dataset = dataset
        self._attempts = attempts
        self._pause = pause
        self._ready = False
        self._broken = ""

    def __call__(self, row: Row) -> Row:
        """Do one shard, unless it failed further up or is done already; an error ends in the row."""
        shard = Shard(index=row["shard"])
        if row["failure"] or storage.exists(self._stage.output(self._dataset, shard)):
            return row
        failure = self._broken or self._set_up()
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
        if self._ready:
            return ""
        try:
            self._stage.setup()
        except Exception as error:  # noqa: BLE001 (what a stage's libraries may raise is not known here)
            traceback.print_exc()  # into Ray's log of this worker
            self._broken = f"cannot start: {_message(error)}"
        self._ready = not self._broken
        return self._broken

    def _try(self, shard: Shard) -> tuple[str, Row | None]:
        try:
            result = self._stage.process(self._dataset, shard)
        except Exception as error:  # noqa: BLE001 (any error is this shard's alone; the others go on)
            traceback.print_exc()
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
    return f"{type(error).__name__}: {error}"
