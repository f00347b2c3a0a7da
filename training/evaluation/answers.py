"""Every answer of every judge, kept: nothing is asked twice, and a new rule asks nothing.

Answers stand in `answers.parquet`. While a judge is at work, each batch becomes a small file of its own in `answers/`,
whole or not at all, so that a killed evaluation loses the batch under way and no more; they are merged when it is done.
"""

import fcntl
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import pyarrow as pa
from fsspec.core import url_to_fs

from curation import storage
from training.evaluation.judge import Answer

SCHEMA = pa.schema(
    [
        pa.field("judge", pa.string(), nullable=False),
        pa.field("image", pa.string(), nullable=False),
        pa.field("crop", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("yes", pa.float64()),
    ]
)
"""`judge` is a `Judge.identity`; `image` the SHA-256 of the file; `crop` what of it was shown, see
`training.evaluation.pictures`; `yes` is null where the judge gives no probability. Sorted by the first four."""

FILE = "answers.parquet"
FOLDER = "answers"
LOCK = ".lock"
_ID = 4
"""Columns that say what was asked, and whom."""


class Asked(NamedTuple):
    """What was asked, apart from whom.

    Args:
        image: SHA-256 of the file, in hex.
        crop: what of it was shown.
        question: as it was put.
    """

    image: str
    crop: str
    question: str


class Answers:
    """One judge's answers in a folder, beside those of others.

    Args:
        folder: local or any fsspec URL; made if need be.
        judge: the judge's identity.

    Raises:
        ValueError: a file of answers is damaged; names it.
    """

    def __init__(self, folder: str, judge: str) -> None:
        self._folder = folder
        self._judge = judge
        self._known: dict[Asked, Answer] = {}
        with _alone(folder):
            tables = list(self._tables())
        for table in tables:
            for row in table.filter(pa.compute.equal(table["judge"], judge)).to_pylist():
                asked = Asked(image=row["image"], crop=row["crop"], question=row["question"])
                self._known[asked] = Answer(text=row["answer"], yes=row["yes"])

    def __contains__(self, asked: Asked) -> bool:
        return asked in self._known

    def __getitem__(self, asked: Asked) -> Answer:
        return self._known[asked]

    def __len__(self) -> int:
        return len(self._known)

    def add(self, answered: Iterable[tuple[Asked, Answer]]) -> None:
        """Keep answers: they are on disk when this returns."""
        answered = list(answered)
        if not answered:
            return
        rows = [
            {"judge": self._judge, **asked._asdict(), "answer": answer.text, "yes": answer.yes}
            for asked, answer in answered
        ]
        name = hashlib.sha256(repr(rows).encode()).hexdigest()[:24]  # two evaluations at once never share a name
        with _alone(self._folder):
            path = storage.join(self._folder, FOLDER, f"{name}.parquet")
            storage.write_table(path, pa.Table.from_pylist(rows, SCHEMA))
        self._known.update(answered)

    def merge(self) -> None:
        """Make one file of all that is there: the same answers, the same bytes."""
        with _alone(self._folder):
            self._merge()

    def _merge(self) -> None:
        parts = self._parts()
        if not parts:
            return
        rows = pa.concat_tables(self._tables()).to_pylist()
        unique = {tuple(row.values())[:_ID]: row for row in rows}
        table = pa.Table.from_pylist([unique[key] for key in sorted(unique)], SCHEMA)
        storage.write_table(storage.join(self._folder, FILE), table)
        for path in parts:
            _remove(path)
        with suppress(OSError):  # a killed one has left an unfinished file, or there are no folders to remove
            fs, name = url_to_fs(storage.join(self._folder, FOLDER))
            fs.rmdir(name)

    def _tables(self) -> Iterator[pa.Table]:
        merged = storage.join(self._folder, FILE)
        for path in [*([merged] if storage.exists(merged) else []), *self._parts()]:
            yield storage.read_table(path, SCHEMA.names).cast(SCHEMA)

    def _parts(self) -> list[str]:
        folder = storage.join(self._folder, FOLDER)
        return [storage.join(folder, name) for name in storage.names(folder, ".parquet")]


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Let no other evaluation change a local folder's answers meanwhile; object stores have no locks."""
    here = storage.local_path(folder)
    if here is None:
        yield
        return
    here.mkdir(parents=True, exist_ok=True)
    with (here / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove(path: str) -> None:
    fs, name = url_to_fs(path)
    fs.rm_file(name)
