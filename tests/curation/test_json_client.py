"""The client by itself: pauses, cancelling, secrets."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from captioning.engines.chat import Answer, chat_request, read_answer
from curation import json_client
from curation.json_client import JsonClient, Refusal
from tests.captioning.engines.chat_server import grey, serving


def make_client(url: str, **settings: Any) -> JsonClient:
    usual = {"path": "chat/completions", "key": "", "concurrency": 4, "timeout": 10.0, "attempts": 5, "pause": 1.0}
    return JsonClient(**{"url": url, **usual, **settings})


def request(shade: int, prompt: str) -> Callable[[], Any]:
    return partial(chat_request, model="m", image=grey(shade), prompt=prompt, max_tokens=5, draw=None)


def test_pauses_double_are_spread_and_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(json_client.asyncio, "sleep", sleep)
    with serving() as server:
        (answer,) = asyncio.run(make_client(server.url, attempts=9).post([request(1, "500=8")], read_answer))
    assert isinstance(answer, Answer)
    assert answer.text == "shade 1: 500=8"
    assert len(pauses) == 8
    for attempt, pause in enumerate(pauses):
        assert min(0.5 * 2**attempt, 60) <= pause <= min(1.5 * 2**attempt, 60)
    assert len({pause / 2**attempt for attempt, pause in enumerate(pauses)}) > 1


def test_the_pause_that_a_server_asks_for_is_kept() -> None:
    assert json_client._seconds("7") == 7.0
    assert json_client._seconds("Wed, 21 Oct 2026 07:28:00 GMT") == 0.0
    assert json_client._seconds("") == 0.0


def test_the_first_error_ends_the_others() -> None:
    with serving() as server:
        client = make_client(server.url, concurrency=2)
        with pytest.raises(ValueError, match="302"):
            asyncio.run(
                client.post([request(1, "302=1"), *(request(shade, "fine") for shade in range(2, 60))], read_answer)
            )
        assert len(server.bodies) < 59


def test_a_key_does_not_show() -> None:
    assert "secret" not in repr(make_client("http://h/v1", key="secret"))


def test_requests_are_made_when_their_turn_comes() -> None:
    made: list[int] = []

    def make(shade: int, server_bodies: list[Any]) -> Any:
        made.append(len(server_bodies))
        return request(shade, "?")()

    with serving() as server:
        requests = [partial(make, shade, server.bodies) for shade in range(12)]
        asyncio.run(make_client(server.url, concurrency=2).post(requests, read_answer))
    assert made[-1] >= 8, "the last request was made before the others had been sent"


def test_what_fails_for_good_leaves_the_others_answered() -> None:
    with serving() as server:
        client = make_client(server.url, attempts=2, pause=0.001)
        prompts = ["a", "500=9", "400=9", "d"]
        requests = [request(shade, prompt) for shade, prompt in enumerate(prompts)]
        results = asyncio.run(client.try_each(requests, read_answer))
        assert [type(result) for result in results] == [Answer, ConnectionError, Refusal, Answer]
        assert "failed 2 times" in str(results[1])
        assert results[2] == Refusal(detail='400 {"error": "prompt too long"}')
        with pytest.raises(ValueError, match="302"):
            asyncio.run(client.try_each([request(1, "fine"), request(2, "302=9")], read_answer))
