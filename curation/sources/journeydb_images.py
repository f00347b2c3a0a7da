"""The stage that takes JourneyDB's images out of their archives: what Download is to a branch of URLs."""

import gzip
import hashlib
import io
import tarfile
import time
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from curation import storage
from curation.dataset import Dataset, Shard
from curation.download.alt_text import clean_alt_text
from curation.download.image_settings import ImageSettings
from curation.download.isolation import Resize, resizing
from curation.download.rejection import RejectedError
from curation.download.writer import ShardWriter
from curation.reasons import Reason
from curation.schemas import FAILED_TO_DOWNLOAD, FAILED_TO_RESIZE, SUCCESS
from curation.sources.journeydb import archive_path
from curation.stage import Resources, ShardResult, ShardStage
from curation.tar import SampleSpool

_MAX_ROWS = 100_000
_CHUNK = 1 << 20

Row = dict[str, Any]


@dataclass(kw_only=True)
class ExtractJourneyDB(ShardStage):
    """Writes `images/`: shard 7 holds the annotated images of `007.tgz`, shrunk as Download does it.

    The archive is read once from front to back and nothing in it is unpacked to a path. Links, devices, names that
    lead out of the folder and images that have no annotation are passed over.

    Args:
        images: the folder of the archives, as in the source.
        image: which images are taken, and how they are stored.
        max_bytes: largest file that is taken.
        resources: what a worker takes.
    """

    images: str
    image: ImageSettings = field(default_factory=ImageSettings)
    max_bytes: int = 50_000_000
    resources: Resources = field(default_factory=Resources, metadata={"execution": True})

    @property
    def folder(self) -> str:
        """`images`."""
        return "images"

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The Parquet, written after the tar."""
        return dataset.image_table(shard)

    def check(self, dataset: Dataset) -> None:
        """Look for every archive.

        Raises:
            ValueError: an archive that was planned is not there.
        """
        there = set(storage.names(self.images, ".tgz"))
        archives = (archive_path(self.images, shard.index) for shard in dataset.shards())
        absent = [path for path in archives if path.rpartition("/")[2] not in there]
        if absent:
            raise ValueError(f"{absent[0]}: no such archive ({len(absent)} missing of those in urls/); fetch it again")

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Take the shard's images out of its archive.

        Raises:
            ValueError: the archive is not whole.
        """
        started, archive = time.monotonic(), archive_path(self.images, shard.index)
        rows = self._rows(dataset, shard)
        waiting = {row["image_path"]: row for row in rows}
        with resizing(self.image.resizer(), dataset, shard) as resize, SampleSpool() as spool:
            writer = ShardWriter(
                tar=dataset.image_tar(shard), table=dataset.image_table(shard), rows=len(rows), spool=spool
            )
            for path, content in self._contents(archive, waiting.keys()):
                row = waiting.pop(path)
                writer.write(self._shrink(row, content, resize), row["key"], row["caption"], row)
            for row in waiting.values():
                _fail(row, FAILED_TO_DOWNLOAD, Reason.MISSING_MEMBER, f"not in {archive.rpartition('/')[2]}")
                writer.write(None, row["key"], row["caption"], row)
            writer.close()
        seconds = time.monotonic() - started
        return ShardResult(rows=len(rows), kept=writer.kept, rejects=writer.rejects, seconds=seconds)

    @staticmethod
    def _rows(dataset: Dataset, shard: Shard) -> list[Row]:
        """The shard's annotations, with the columns of `images/` that are known before the image is."""
        path = dataset.urls(shard)
        table = storage.read_table(path, ["sample_id", "alt_text", "image_path"])
        if table.num_rows > _MAX_ROWS:
            raise ValueError(f"{path}: {table.num_rows} rows; a shard of JourneyDB has at most {_MAX_ROWS}")
        return [
            {**row, "key": f"{shard.name}{number:05d}", "caption": clean_alt_text(row["alt_text"])}
            for number, row in enumerate(table.to_pylist())
        ]

    def _contents(self, archive: str, wanted: Collection[str]) -> Iterator[tuple[str, bytes | None]]:
        """The path and the bytes of each wanted file, in the archive's order; None for one that is too large."""
        with storage.open_read(archive) as file, gzip.GzipFile(fileobj=file) as unzipped:
            try:
                with tarfile.open(fileobj=unzipped, mode="r|") as tar:
                    for member in tar:
                        path = image_path(member.name, PurePosixPath(archive).stem)
                        if path is None or path not in wanted or not member.isfile():
                            continue
                        content = tar.extractfile(member) if member.size <= self.max_bytes else None
                        yield path, None if content is None else content.read()
                while unzipped.read(_CHUNK):  # to its end, where gzip compares the check sum
                    pass
            except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise ValueError(f"{archive}: not a whole .tgz ({error}); fetch it again") from error

    def _shrink(self, row: Row, content: bytes | None, resize: Resize) -> bytes | None:
        """The JPEG to keep, if any; completes `row`."""
        if content is None:
            _fail(row, FAILED_TO_DOWNLOAD, Reason.TOO_LARGE, f"over {self.max_bytes} bytes")
            return None
        jpeg, *sizes, error = resize(io.BytesIO(content))
        row["sha256"] = hashlib.sha256(content).hexdigest()
        if jpeg is None:
            row["status"], row["error_message"] = FAILED_TO_RESIZE, error
            return None
        row["status"] = SUCCESS
        row["width"], row["height"], row["original_width"], row["original_height"] = sizes
        return jpeg


def image_path(member: str, archive: str) -> str | None:
    """The path of an archive's member as the annotations have it; None where it leads out of the archive's folder.

    What stands before the archive's own folder does not matter: `./000/a.jpg`, `imgs/000/a.jpg` and `a.jpg` in
    000.tgz are all `000/a.jpg`.
    """
    parts = PurePosixPath(member).parts
    if ".." in parts or member.startswith("/"):
        return None
    below = parts[parts.index(archive) + 1 :] if archive in parts else parts
    return "/".join([archive, *below])


def _fail(row: Row, status: str, reason: Reason, detail: str) -> None:
    row["status"], row["error_message"] = status, str(RejectedError(reason, detail))
