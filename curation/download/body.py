"""The body of an answer, whole or not at all, and never more of it than the cap."""

import http.client
import zlib
from collections.abc import Iterator

from curation.download.rejection import RejectedError
from curation.reasons import Reason

_CHUNK = 1 << 16
_COMPRESSED = {"gzip", "x-gzip", "deflate"}
_EITHER_HEADER = zlib.MAX_WBITS | 32


def read_body(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    """Read the body, undoing gzip.

    Args:
        response: headers read, body not.
        max_bytes: the most bytes, as sent and as decoded.

    Raises:
        RejectedError: `too_large`, `truncated`, or `download_failed` for gzip that is none.
    """
    chunks = _chunks(response, max_bytes)
    if response.headers.get("Content-Encoding", "").strip().lower() in _COMPRESSED:
        return _decompress(chunks, max_bytes)
    return b"".join(chunks)


def _chunks(response: http.client.HTTPResponse, max_bytes: int) -> Iterator[bytes]:
    declared = response.length
    if declared is not None and declared > max_bytes:
        raise _too_large(max_bytes)
    received = 0
    while chunk := response.read(_CHUNK):
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        yield chunk
    if declared is not None and received < declared:
        raise RejectedError(Reason.TRUNCATED, f"{received} of {declared} bytes came")


def _decompress(chunks: Iterator[bytes], max_bytes: int) -> bytes:
    decoder = zlib.decompressobj(_EITHER_HEADER)
    decoded = bytearray()
    try:
        for chunk in chunks:
            decoded += decoder.decompress(chunk, max_bytes + 1 - len(decoded))
            if len(decoded) > max_bytes:
                raise _too_large(max_bytes)
    except zlib.error as error:
        raise RejectedError(Reason.DOWNLOAD_FAILED, f"the body is not the gzip it is said to be ({error})") from error
    if not decoder.eof:
        raise RejectedError(Reason.TRUNCATED, "the compressed body ends early")
    return bytes(decoded)


def _too_large(max_bytes: int) -> RejectedError:
    return RejectedError(Reason.TOO_LARGE, f"the body is over {max_bytes} bytes")
