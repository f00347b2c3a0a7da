"""Decoding beside img2dataset: the same rows as without, never too many images at once, and no error lost."""

import io
import threading
from typing import Any

import pytest

from curation import schemas
from curation.download.decoding_threads import DecodingThreads

GONE = (None, None, None, None, None, "too_small: 1 x 1 pixels")


class Rows:
    """Keeps what the writer is given."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.closed = 0

    def write(self, *row: Any) -> None:
        assert not self.closed
        self.rows.append(row)

    def close(self) -> None:
        self.closed += 1


def meta(key: str, **changes: Any) -> dict[str, Any]:
    """What img2dataset makes of an image whose resizer told neither sizes nor error."""
    sizes = dict.fromkeys(["width", "height", "original_width", "original_height"])
    return {"key": key, "status": schemas.SUCCESS, "error_message": None, "sha256": "ab", **sizes, **changes}


def resize(img_stream: io.BytesIO) -> tuple[Any, ...]:
    content = img_stream.read()
    return (content.upper(), 1, 2, 3, 4, None) if content != b"small" else GONE


def test_images_arrive_with_their_sizes_and_rejections_with_their_error() -> None:
    rows = Rows()
    with DecodingThreads(resize, rows, threads=2) as decoding:
        for number, content in enumerate([b"a", b"small", None, b"b", b"c", b"d", b"e"]):
            promise = None
            if content is not None:
                with io.BytesIO(content) as stream:  # img2dataset closes it as soon as it has the promise
                    stream.read()
                    promise, *nothing = decoding.resize(stream, None)
                assert nothing == [None] * 5
            told = {} if content is not None else {"status": schemas.FAILED_TO_DOWNLOAD, "error_message": "dns: none"}
            decoding.write(promise, f"{number}", f"caption {number}", meta(f"{number}", **told))
        decoding.close()
    assert rows.closed == 1
    by_key = {key: (image, caption, meta) for image, key, caption, meta in rows.rows}
    sizes = {"width": 1, "height": 2, "original_width": 3, "original_height": 4}
    assert by_key["0"] == (b"A", "caption 0", meta("0", **sizes))
    failed = {"status": schemas.FAILED_TO_RESIZE, "error_message": GONE[-1], "sha256": None}
    assert by_key["1"] == (None, "caption 1", meta("1", **failed))
    unreached = {"status": schemas.FAILED_TO_DOWNLOAD, "error_message": "dns: none"}
    assert by_key["2"] == (None, "caption 2", meta("2", **unreached))
    assert [by_key[key][0] for key in "3456"] == [b"B", b"C", b"D", b"E"]


def test_two_images_are_resized_at_a_time_and_few_wait() -> None:
    both = threading.Barrier(2, timeout=20)

    def meet(img_stream: io.BytesIO) -> tuple[Any, ...]:
        both.wait()
        return resize(img_stream)

    rows = Rows()
    with DecodingThreads(meet, rows, threads=2) as decoding:
        for number in range(10):
            decoding.write(decoding.resize(io.BytesIO(b"x"))[0], f"{number}", None, meta(f"{number}"))
            assert number + 1 - len(rows.rows) <= 4, "more images are in memory than two for each thread"
        decoding.close()
    assert len(rows.rows) == 10


def test_an_error_that_nobody_foresaw_is_printed_and_loses_its_own_row_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def crash(img_stream: io.BytesIO) -> tuple[Any, ...]:
        content = img_stream.read()
        if content == b"2":
            raise RecursionError("a decoder gone wrong")
        return content, 1, 1, 1, 1, None

    rows = Rows()
    with DecodingThreads(crash, rows, threads=1) as decoding:
        for number in range(6):
            decoding.write(decoding.resize(io.BytesIO(b"%d" % number))[0], f"{number}", None, meta(f"{number}"))
        decoding.close()
    assert [image for image, *_ in rows.rows] == [b"0", b"1", b"3", b"4", b"5"]
    assert "RecursionError: a decoder gone wrong" in capsys.readouterr().err
