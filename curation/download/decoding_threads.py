"""Decoding in threads of its own, beside img2dataset, which would do it for one image after another."""

import io
import traceback
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Self

from curation import schemas

if TYPE_CHECKING:
    from curation.download.isolation import Resize
    from curation.download.resizer import Resized
    from curation.download.writer import Row, ShardWriter

_WAITING = 2
"""Images that may wait for each thread: enough that none is idle, and few in memory."""


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """What img2dataset says of an image that is being resized."""

    resized: "Future[Resized]"
    key: str
    caption: str | None
    meta: "Row"


class DecodingThreads:
    """Stands between img2dataset and its two seams, so that images are resized while it goes on to the next.

    img2dataset calls the resizer and gives what it returns to the writer. Here, it gets the promise of an image at
    once, and the writer is given the image a little later. The decoders let go of the interpreter's lock meanwhile.

    Args:
        resize: what resizes an image; called by all threads.
        writer: gets the rows.
        threads: images that are resized at a time.
    """

    def __init__(self, resize: "Resize", writer: "ShardWriter", threads: int) -> None:
        self._resize = resize
        self._writer = writer
        self._most = _WAITING * threads
        self._samples: deque[_Sample] = deque()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")

    def resize(self, img_stream: IO[bytes], blurring_bbox_list: object = None) -> tuple[Any, ...]:
        """Begin to resize; the promise of what `resize` will return stands where img2dataset expects an image."""
        img_stream.seek(0)
        resized = self._pool.submit(self._resize, io.BytesIO(img_stream.read()))
        return resized, None, None, None, None, None

    def write(self, img_str: "Future[Resized] | None", key: str, caption: str | None, meta: "Row") -> None:
        """Take one row, and hand on those that are ready for it."""
        if img_str is None:
            self._writer.write(None, key, caption, meta)
            return
        self._samples.append(_Sample(resized=img_str, key=key, caption=caption, meta=meta))
        while len(self._samples) > self._most:
            self._hand_on(self._samples.popleft())

    def close(self) -> None:
        """Hand on what is left, and close the writer."""
        while self._samples:
            self._hand_on(self._samples.popleft())
        self._writer.close()

    def _hand_on(self, sample: _Sample) -> None:
        unforeseen = sample.resized.exception()
        if unforeseen is not None:
            traceback.print_exception(unforeseen)  # as img2dataset does; the writer will miss the row
            return
        image, width, height, original_width, original_height, error = sample.resized.result()
        meta = sample.meta
        if error is not None:
            meta = {**meta, "status": schemas.FAILED_TO_RESIZE, "error_message": error, "sha256": None}
        sizes = {"width": width, "height": height, "original_width": original_width, "original_height": original_height}
        self._writer.write(image, sample.key, sample.caption, {**meta, **sizes})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
