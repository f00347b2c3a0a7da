"""Bodies: whole within the cap, or refused."""

import gzip
import http.client
import io
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.download.body import read_body
from curation.download.rejection import RejectedError
from curation.reasons import Reason


class Wire:
    """As much of a socket as http.client reads an answer from."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._sent)


def answer(body: bytes, *headers: str) -> http.client.HTTPResponse:
    head = "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode()
    response = http.client.HTTPResponse(Wire(head + body), method="GET")
    response.begin()
    return response


def reason(response: http.client.HTTPResponse, max_bytes: int = 1000) -> Reason:
    with pytest.raises(RejectedError) as caught:
        read_body(response, max_bytes)
    return caught.value.reason


@given(st.binary(max_size=3000), st.sampled_from([None, gzip.compress, zlib.compress]))
def test_a_body_comes_back_as_it_was(body: bytes, compress: Callable[[bytes], bytes] | None) -> None:
    sent = compress(body) if compress else body
    headers = [f"Content-Length: {len(sent)}"] + (["Content-Encoding: gzip"] if compress else [])
    assert read_body(answer(sent, *headers), 4000) == body


def test_the_cap_is_the_last_size_that_passes() -> None:
    assert len(read_body(answer(bytes(1000)), 1000)) == 1000
    assert reason(answer(bytes(1001))) is Reason.TOO_LARGE
    assert len(read_body(answer(gzip.compress(bytes(1000)), "Content-Encoding: gzip"), 1000)) == 1000
    assert reason(answer(gzip.compress(bytes(1001)), "Content-Encoding: gzip")) is Reason.TOO_LARGE


def test_a_declared_size_over_the_cap_is_not_read() -> None:
    response = answer(bytes(10), "Content-Length: 1001")
    assert reason(response) is Reason.TOO_LARGE
    assert len(response.read(10)) == 10


def test_a_bomb_is_refused_at_the_cap() -> None:
    assert reason(answer(gzip.compress(bytes(50_000_000)), "Content-Encoding: x-gzip"), 100_000) is Reason.TOO_LARGE


def test_short_bodies_are_truncated() -> None:
    assert reason(answer(bytes(10), "Content-Length: 11")) is Reason.TRUNCATED
    assert reason(answer(gzip.compress(b"image" * 9)[:-3], "Content-Encoding: gzip")) is Reason.TRUNCATED


def test_gzip_that_is_none() -> None:
    assert reason(answer(b"\x89PNG\r\n", "Content-Encoding: gzip")) is Reason.DOWNLOAD_FAILED
