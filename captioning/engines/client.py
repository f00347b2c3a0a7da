"""Many requests to one server at a time: bounded, timed, tried again with growing pauses, answered in order."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from captioning.engines.chat import Answer, read_answer

logger = logging.getLogger(__name__)

_REFUSALS = frozenset({400, 413, 415, 422})
"""The server understood and will not do it: this image or prompt is not for it."""
_PASSING = frozenset({408, 409, 425, 429})
"""With all of 5xx: the same request may do later."""
_LONGEST_PAUSE = 60.0
_DETAIL = 300
"""Characters of a server's words that are repeated."""


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
class ChatClient:
    """Sends chat requests to `{url}/chat/completions`.

    Args:
        url: of the API.
        key: sent as a bearer token and shown nowhere; empty for none.
        concurrency: requests on their way at once.
        timeout: seconds a request.
        attempts: how often a request is sent.
        pause: seconds before the second time; doubled before each further one, and spread by chance.
    """

    url: str
    key: str
    concurrency: int
    timeout: float
    attempts: int
    pause: float

    def __repr__(self) -> str:
        return f"ChatClient({self.url})"

    async def ask(self, requests: Sequence[Callable[[], Any]]) -> list[Answer]:
        """The answers to `requests`, in their order; a request is made, in a thread, when its turn comes.

        Raises:
            ConnectionError: a request failed as often as it may.
            ValueError: the server does not know key, path or model.
        """
        slots = asyncio.Semaphore(self.concurrency)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        timeout = aiohttp.ClientTimeout(total=self.timeout)
        connections = aiohttp.TCPConnector(limit=self.concurrency)  # waiting for one would count as time
        async with aiohttp.ClientSession(headers=headers, timeout=timeout, connector=connections) as session:

            async def one(request: Callable[[], Any]) -> Answer:
                async with slots:
                    return await self._ask(session, await asyncio.to_thread(request))

            return await asyncio.gather(*(one(request) for request in requests))

    async def _ask(self, session: aiohttp.ClientSession, body: Any) -> Answer:
        last = ""
        for attempt in range(self.attempts):
            try:
                return await self._send(session, body)
            except _PassingError as error:
                last, asked_for = self._without_key(str(error)), error.pause
            if attempt + 1 < self.attempts:
                pause = self.pause * 2**attempt * random.uniform(0.5, 1.5)
                await asyncio.sleep(min(max(pause, asked_for), _LONGEST_PAUSE))
        raise ConnectionError(f"{self.url}: failed {self.attempts} times, the last time so: {last}")

    async def _send(self, session: aiohttp.ClientSession, body: Any) -> Answer:
        url = f"{self.url.rstrip('/')}/chat/completions"
        try:
            async with session.post(url, json=body, allow_redirects=False) as response:
                if response.status == 200:
                    return read_answer(await response.json(content_type=None))
                text = (await response.text(errors="replace"))[:_DETAIL]
        except TimeoutError as error:
            raise _PassingError(f"no answer within {self.timeout} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _PassingError(f"{type(error).__name__}: {error}") from error
        detail = self._without_key(f"{response.status} {text}")
        if response.status in _REFUSALS:
            logger.warning("%s refuses a request: %s", self.url, detail)
            return Answer(text="", finish_reason="refused", tokens=0, detail=detail)
        if response.status in _PASSING or response.status >= 500:
            raise _PassingError(detail, _seconds(response.headers.get("Retry-After", "")))
        raise ValueError(f"{self.url}: {detail}; check url, model and API key")

    def _without_key(self, text: str) -> str:
        return text.replace(self.key, "***") if self.key else text


def _seconds(retry_after: str) -> float:
    """The pause that a server asks for; 0 for none, or for a date."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
