"""Many JSON requests to one server at a time: bounded, timed, tried again with growing pauses, answered in order."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")

_REFUSALS = frozenset({400, 413, 415, 422})
"""The server understood and will not do it: this request is not for it."""
_PASSING = frozenset({408, 409, 425, 429})
"""With all of 5xx: the same request may do later."""
_LONGEST_PAUSE = 60.0
_DETAIL = 300
"""Characters of a server's words that are repeated."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A request that the server will not take, now or later, in its own words."""

    detail: str


class _PassingError(Exception):
    """A failure that may be over the next time.

    Args:
        message: what happened.
        pause: seconds that the server asks for.
    """

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


@dataclass(frozen=True, kw_only=True)
class JsonClient:
    """Posts JSON to `{url}/{path}`.

    Args:
        url: of the API.
        path: of what is asked for.
        key: sent as a bearer token and shown nowhere; empty for none.
        concurrency: requests on their way at once.
        timeout: seconds a request.
        attempts: how often a request is sent.
        pause: seconds before the second time; doubled before each further one, and spread by chance.
    """

    url: str
    path: str
    key: str
    concurrency: int
    timeout: float
    attempts: int
    pause: float

    def __repr__(self) -> str:
        return f"JsonClient({self.url})"

    async def post(self, requests: Sequence[Callable[[], Any]], read: Callable[[Any], T]) -> list[T | Refusal]:
        """What the server says to `requests`, in their order; the first that fails ends the others.

        Args:
            requests: each makes a body, in a thread, when its turn comes.
            read: makes the result of a response's body; a ValueError of it is one more failure that may pass.

        Raises:
            ConnectionError: a request failed as often as it may.
            ValueError: the server does not know key, path or model.
        """
        return await self._all(requests, read, return_exceptions=False)

    async def try_each(
        self, requests: Sequence[Callable[[], Any]], read: Callable[[Any], T]
    ) -> list[T | Refusal | ConnectionError]:
        """As `post`, with the error in the place of a request that failed as often as it may.

        Raises:
            ValueError: the server does not know key, path or model.
        """
        results = await self._all(requests, read, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, ConnectionError):
                raise result
        return results

    async def _all(
        self, requests: Sequence[Callable[[], Any]], read: Callable[[Any], T], *, return_exceptions: bool
    ) -> list[Any]:
        slots = asyncio.Semaphore(self.concurrency)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        timeout = aiohttp.ClientTimeout(total=self.timeout)
        connections = aiohttp.TCPConnector(limit=self.concurrency)  # waiting for one would count as time
        async with aiohttp.ClientSession(headers=headers, timeout=timeout, connector=connections) as session:

            async def one(request: Callable[[], Any]) -> T | Refusal:
                async with slots:
                    return await self._ask(session, await asyncio.to_thread(request), read)

            return await asyncio.gather(*map(one, requests), return_exceptions=return_exceptions)

    async def _ask(self, session: aiohttp.ClientSession, body: Any, read: Callable[[Any], T]) -> T | Refusal:
        last = ""
        for attempt in range(self.attempts):
            try:
                return await self._send(session, body, read)
            except _PassingError as error:
                last, asked_for = self._without_key(str(error)), error.pause
            if attempt + 1 < self.attempts:
                pause = self.pause * 2**attempt * random.uniform(0.5, 1.5)
                await asyncio.sleep(min(max(pause, asked_for), _LONGEST_PAUSE))
        raise ConnectionError(f"{self.url}: failed {self.attempts} times, the last time so: {last}")

    async def _send(self, session: aiohttp.ClientSession, body: Any, read: Callable[[Any], T]) -> T | Refusal:
        url = f"{self.url.rstrip('/')}/{self.path}"
        try:
            async with session.post(url, json=body, allow_redirects=False) as response:
                if response.status == 200:
                    return read(await response.json(content_type=None))
                text = (await response.text(errors="replace"))[:_DETAIL]
        except TimeoutError as error:
            raise _PassingError(f"no answer within {self.timeout} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _PassingError(f"{type(error).__name__}: {error}") from error
        detail = self._without_key(f"{response.status} {text}")
        if response.status in _REFUSALS:
            return Refusal(detail=detail)
        if response.status in _PASSING or response.status >= 500:
            raise _PassingError(detail, _seconds(response.headers.get("Retry-After", "")))
        raise ValueError(f"{self.url}: {detail}; check url, model and API key")

    def _without_key(self, text: str) -> str:
        return text.replace(self.key, "***") if self.key else text


def _seconds(retry_after: str) -> float:
    """The pause that a server asks for; 0 for none, or for a date."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
