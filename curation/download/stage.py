"""Download: a shard of URLs to a tar of images and a table of what became of every URL."""

import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from curation import storage
from curation.dataset import Dataset, Shard
from curation.download.alt_text import clean_alt_text
from curation.download.image_settings import ImageSettings
from curation.stage import Resources, ShardResult, ShardStage, execution
from curation.tar import SampleSpool

if TYPE_CHECKING:
    from curation.download.decoding_threads import DecodingThreads
    from curation.download.isolation import Resize
    from curation.download.writer import ShardWriter

MAX_ROWS = 10_000
"""Rows of a shard: the last four digits of a key count them."""

_COLUMNS = ["sample_id", "caption", "url", "expected_sha256"]
_SHARD_DIGITS = 5


@dataclass(kw_only=True)
class Download(ShardStage):
    """Fetches the images of a shard with img2dataset and shrinks them.

    Args:
        image: which images are taken, and how they are stored.
        max_bytes: largest body that is taken.
        verify_sha256: what to do with a body whose hash is not that of the metadata's column `sha256`: nothing (and
            the column need not be there), count it, or reject it. A row that has no hash passes.
        timeout: seconds for one socket operation.
        deadline: seconds for one URL, with its redirects and retries.
        retries: how often a URL is tried again after 429, 5xx, a broken connection or a resolver out of order.
        user_agent_token: name added to the User-Agent; X-Robots-Tag directives for it bind us.
        honour_opt_out: whether X-Robots-Tag and tdm-reservation are obeyed.
        allow_hosts: hosts that may have a private address: a mirror of one's own. Spelled as in the URL.
        max_unreachable: largest share of a shard's hosts that may fail to answer (dns, connection, timeout) before the
            shard counts as failed and is left to be tried again: then it is the network, not the links.
        threads: downloads at a time in one worker. Up to twice as many bodies wait in memory.
        decoders: images decoded at a time in one worker, in threads. Where the network is so fast that decoding is
            what takes the time, they use that many cores.
        resources: of a worker.
    """

    image: ImageSettings = field(default_factory=ImageSettings)
    max_bytes: int = 20_000_000
    verify_sha256: Literal["off", "warn", "strict"] = "off"
    timeout: float = 10.0
    deadline: float = 30.0
    retries: int = 2
    user_agent_token: str | None = None
    honour_opt_out: bool = True
    allow_hosts: list[str] = field(default_factory=list)
    max_unreachable: float = execution(0.9)
    threads: int = execution(32)
    decoders: int = execution(2)
    resources: Resources = field(default_factory=Resources, metadata={"execution": True})

    @property
    def folder(self) -> str:
        """The folder of the dataset that the stage fills."""
        return "images"

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The Parquet, written after the tar."""
        return dataset.image_table(shard)

    def check(self, dataset: Dataset) -> None:
        """Validate the settings, and the columns of the first shard where there is one.

        Raises:
            ValueError: a setting is out of range, or a column is missing.
        """
        if not 0 < self.timeout <= self.deadline:
            raise ValueError(f"timeout={self.timeout}, deadline={self.deadline}: expected 0 < timeout <= deadline")
        if min(self.max_bytes, self.threads, self.decoders) < 1 or self.retries < 0:
            raise ValueError(
                f"max_bytes={self.max_bytes}, threads={self.threads}, decoders={self.decoders}, "
                f"retries={self.retries}: expected at least 1, 1, 1 and 0"
            )
        if not 0 <= self.max_unreachable <= 1:
            raise ValueError(f"max_unreachable={self.max_unreachable}: expected a share, 0 to 1")
        for shard in dataset.shards()[:1]:
            self._read(dataset, shard)

    def setup(self) -> None:
        """Put the guarded opener under urllib, for the whole process."""
        from curation.download.url_guard import FetchLimits, GuardedOpener, verify_guarded

        limits = FetchLimits(
            max_bytes=self.max_bytes, timeout=self.timeout, deadline=self.deadline, retries=self.retries
        )
        opener = GuardedOpener(
            limits,
            allow_hosts=self.allow_hosts,
            user_agent_token=self.user_agent_token,
            honour_opt_out=self.honour_opt_out,
        )
        urllib.request.install_opener(opener)
        verify_guarded(self.allow_hosts)

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Fetch the shard's images.

        Raises:
            RuntimeError: urllib is not guarded, or img2dataset lost rows.
            ValueError: the URL table lacks a column or has too many rows.
        """
        from curation.download.isolation import resizing
        from curation.download.url_guard import verify_guarded
        from curation.download.writer import ShardWriter

        started = time.monotonic()
        verify_guarded(self.allow_hosts)
        rows = self._read(dataset, shard)
        with (
            resizing(self.image.resizer(), dataset, shard) as resize,
            tempfile.TemporaryDirectory(prefix="download-") as folder,
            SampleSpool(folder) as spool,
        ):
            writer = ShardWriter(
                tar=dataset.image_tar(shard),
                table=dataset.image_table(shard),
                rows=rows.num_rows,
                spool=spool,
                max_unreachable=self.max_unreachable,
                reject_other_hashes=self.verify_sha256 == "strict",
            )
            self._download(rows, shard, folder, resize, writer)
        return ShardResult(
            rows=rows.num_rows,
            kept=writer.kept,
            rejects=writer.rejects,
            seconds=time.monotonic() - started,
            counts={"hash_mismatches": writer.other_hashes} if self.verify_sha256 != "off" else {},
        )

    def _read(self, dataset: Dataset, shard: Shard) -> pa.Table:
        path = dataset.urls(shard)
        verified = ["sha256"] if self.verify_sha256 != "off" else []
        table = storage.read_table(path, ["sample_id", "url", "alt_text", *verified])
        if table.num_rows > MAX_ROWS:
            raise ValueError(f"{path}: {table.num_rows} rows; a shard has at most {MAX_ROWS}: plan smaller shards")
        urls = [None if url is None else url.decode("utf-8", "replace") for url in _raw(table, "url")]
        captions = [clean_alt_text(alt_text) for alt_text in _raw(table, "alt_text")]
        hashes = table["sha256"].cast(pa.string()) if verified else pa.nulls(table.num_rows, pa.string())
        columns = [table["sample_id"].cast(pa.string()), pa.array(captions, pa.string()), pa.array(urls, pa.string())]
        return pa.table([*columns, hashes], names=_COLUMNS)

    def _download(self, rows: pa.Table, shard: Shard, folder: str, resize: "Resize", writer: "ShardWriter") -> None:
        from curation.download.decoding_threads import DecodingThreads

        feed = Path(folder) / "urls.arrow"
        with pa.ipc.new_file(str(feed), rows.schema) as file:
            file.write_table(rows)
        with DecodingThreads(resize, writer, self.decoders) as decoding:
            self._downloader(decoding, folder).download_shard((shard.index, str(feed)))

    def _downloader(self, decoding: "DecodingThreads", folder: str) -> Any:
        from curation.download.img2dataset_import import downloader_class

        return downloader_class()(
            sample_writer_class=lambda *_: decoding,
            resizer=decoding.resize,
            thread_count=self.threads,
            save_caption=True,
            extract_exif=False,
            output_folder=folder,  # for its own statistics, which nothing reads
            column_list=_COLUMNS,
            timeout=self.timeout,
            number_sample_per_shard=MAX_ROWS,
            oom_shard_count=_SHARD_DIGITS,
            compute_hash="sha256",
            verify_hash_type=None,
            encode_format="jpg",
            retries=0,  # its own would repeat a 404 at once; ours are in the opener
            user_agent_token=self.user_agent_token,
            disallowed_header_directives=None,  # the opener reads X-Robots-Tag, and reads it right
        )


def _raw(table: pa.Table, column: str) -> list[bytes | None]:
    """The column's bytes: crawled text need not be the UTF-8 that it should be."""
    return pc.cast(table[column], pa.large_binary()).to_pylist()  # type: ignore[no-any-return]
