"""Decoding in a process of its own, which an image may kill: how a shard goes on after one has killed its worker.

Decoding in the worker itself is fastest, and next to no image kills it. So an attempt at a shard leaves a file that
says that it has begun, and takes it away when it is done. Where the file is found, the attempt before did not come to
its end: an image killed the worker or raised what nobody foresaw, or it was stopped from outside. Then this attempt
decodes elsewhere, and who is to blame shows: an image that kills that process too, and a second one, is quarantined.
With the first attempt it has had three tries. All others are decoded to the same bytes as ever.
"""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any, Self, cast

import fsspec

from curation import storage
from curation.dataset import Dataset, Shard
from curation.download.decoding import ImageLimits
from curation.download.rejection import RejectedError
from curation.download.resizer import Resized, Resizer
from curation.reasons import Reason

TRIES = 2
"""Processes that an image may kill before it is quarantined; its worker was the one before them."""

SECONDS = 120.0
"""The most that one image may take, loading torch included; a decoder that never ends counts as one that died."""

_READY = b"ready"
_REQUEST = struct.Struct(">Q")  # bytes of the body that follows
_ANSWER = struct.Struct(">II")  # bytes of the JSON and of the JPEG that follow


Resize = Callable[..., Resized]
"""A `Resizer`, or what stands for one: called with a stream."""


@contextlib.contextmanager
def resizing(resizer: Resizer, dataset: Dataset, shard: Shard) -> Iterator[Resize]:
    """`resizer` for one attempt at a shard of `images/`: in this process, or apart where the one before was cut off."""
    begun = storage.join(dataset.root, "images", f"{storage.TEMPORARY}{shard.name}.begun")
    if storage.exists(begun):
        with IsolatedResizer(resizer) as isolated:
            yield isolated
    else:
        storage.write_text(begun, "")
        yield resizer
    fs, name = fsspec.core.url_to_fs(begun)
    with contextlib.suppress(FileNotFoundError):
        fs.rm_file(name)


class IsolatedResizer:
    """Calls a resizer in another process, and starts a new one when an image has killed it. Threads take turns.

    Args:
        resizer: what to call.
        seconds: the most that one image may take.
    """

    def __init__(self, resizer: Resizer, seconds: float = SECONDS) -> None:
        self._settings = json.dumps(dataclasses.asdict(resizer))
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __call__(self, img_stream: IO[bytes], blurring_bbox_list: object = None) -> Resized:
        """Resize the image in `img_stream`, as `Resizer` does; one that kills the process gives `quarantined`.

        Raises:
            RuntimeError: the process does not even start, which is no image's fault.
        """
        img_stream.seek(0)
        content = img_stream.read()
        with self._lock:  # one image at a time, so that it is the one to blame
            for _ in range(TRIES):
                answer = self._ask(content)
                if answer is not None:
                    return answer
        digest = hashlib.sha256(content).hexdigest()
        said = f"it killed {TRIES} processes in a row that tried to decode it; its sha256 is {digest}"
        return None, None, None, None, None, str(RejectedError(Reason.QUARANTINED, said))

    def _ask(self, content: bytes) -> Resized | None:
        """The process's answer, or None where it died of the question."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(self._seconds, process.kill)
        timer.start()
        try:
            process.stdin.write(_REQUEST.pack(len(content)) + content)
            process.stdin.flush()
            return _read_answer(process.stdout)
        except (BrokenPipeError, EOFError):
            self._stop()
            return None
        finally:
            timer.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        paths = os.pathsep.join(path for path in sys.path if path)  # what this process imports, that one must find
        process = subprocess.Popen(
            [sys.executable, "-m", "curation.download.isolation", self._settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        )
        assert process.stdout is not None
        if process.stdout.read(len(_READY)) != _READY:
            process.communicate()
            raise RuntimeError(f"a process to decode in does not start (exit code {process.returncode})")
        return process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()


def _read_answer(stream: IO[bytes]) -> Resized:
    """Raises EOFError: the process died."""
    text_size, jpeg_size = _ANSWER.unpack(_read(stream, _ANSWER.size))
    sizes_and_error = json.loads(_read(stream, text_size))
    jpeg = _read(stream, jpeg_size) if jpeg_size else None
    return cast(Resized, (jpeg, *sizes_and_error))


def _read(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _serve(resizer: Resizer, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until there are no more requests."""
    answers.write(_READY)
    answers.flush()
    while head := requests.read(_REQUEST.size):
        jpeg, *sizes_and_error = resizer(io.BytesIO(_read(requests, *_REQUEST.unpack(head))))
        text = json.dumps(sizes_and_error).encode()
        answers.write(_ANSWER.pack(len(text), len(jpeg or b"")) + text + (jpeg or b""))
        answers.flush()


def _main() -> None:
    settings: dict[str, Any] = json.loads(sys.argv[1])
    resizer = Resizer(**{**settings, "limits": ImageLimits(**settings["limits"])})
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    with contextlib.suppress(EOFError, BrokenPipeError):  # the worker went away
        _serve(resizer, sys.stdin.buffer, answers)


if __name__ == "__main__":
    _main()
