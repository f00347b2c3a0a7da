"""Any server that speaks OpenAI's chat completions, asked for yes or no."""

import asyncio
import base64
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from PIL.Image import Image, new

from curation.json_client import JsonClient, Refusal
from curation.stage import execution
from training.evaluation.judge import NO, YES, Answer, Judge, UnansweredError, check_pairs, yes_or_no
from training.evaluation.judges.prompt import YES_OR_NO, check_prompt, fill

_TOP = 20
"""Likeliest first tokens that are asked for; servers give no more."""


@dataclass(kw_only=True)
class OpenAIJudge(Judge):
    """Answers from a server, many requests at a time, with the probability of yes where the server gives it.

    What fails for the moment is asked again. A request that the server will not take is an answer without words, which
    is neither yes nor no.

    Args:
        url: up to and with the version: http://host:8000/v1.
        model: the name under which the server has it.
        revision: recorded beside the answers; the server does not say.
        prompt: what is asked; {question} stands for the question.
        logprobs: ask for probabilities; some servers refuse.
        max_tokens: cap on an answer's tokens; only its first word counts.
        api_key_variable: environment variable that holds the API key; without it none is sent.
        concurrency: requests on their way at once, for each worker.
        timeout: seconds that one request may take.
        attempts: how often a request is sent.
        pause: seconds before the second time; doubled before each further one.
        batch_size: questions that are kept together once they are answered.
    """

    url: str
    model: str
    revision: str | None = None
    prompt: str = YES_OR_NO
    logprobs: bool = True
    max_tokens: int = 8
    api_key_variable: str | None = None
    concurrency: int = execution(32)
    timeout: float = execution(120.0)
    attempts: int = execution(6)
    pause: float = execution(1.0)
    batch_size: int = execution(128)

    in_threads = True

    def check(self) -> None:
        """Raise ValueError where the settings cannot work."""
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url is {self.url!r}: expected http://host:port/v1, or https")
        check_prompt(self.prompt)
        for name, least in (("max_tokens", 1), ("concurrency", 1), ("attempts", 1), ("pause", 0), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: expected at least {least}")
        if self.timeout <= 0:
            raise ValueError(f"timeout is {self.timeout}: expected more than 0 seconds")

    def setup(self) -> None:
        """Ask once about a grey square, so that a wrong setting is an error here and not a refusal of every image.

        Raises:
            ValueError: the server will not take the request, or the API key is not in the environment.
            ConnectionError: there is no server.
        """
        (answer,) = self._ask([new("RGB", (64, 64), "grey")], ["Is this image grey?"])
        if isinstance(answer, Refusal):
            advice = "; where it is the probabilities that it refuses, set logprobs to false" if self.logprobs else ""
            raise ValueError(f"{self.url}: the server takes no request with these settings: {answer.detail}{advice}")
        if isinstance(answer, ConnectionError):
            raise answer

    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[Answer]:
        """What `questions[i]` is answered about `images[i]`, in order, whatever the order in which answers come.

        Raises:
            ValueError: images and questions differ in number, or the server does not know key, path or model.
            UnansweredError: a request failed as often as it may; has the answers to the others.
        """
        check_pairs(images, questions)
        results = self._ask(images, questions)
        failures = [str(result) for result in results if isinstance(result, ConnectionError)]
        answers = [Answer(text="") if isinstance(result, Refusal) else result for result in results]
        if failures:
            raise UnansweredError(
                f"{len(failures)} of {len(questions)} questions got no answer; {failures[0]}",
                [answer if isinstance(answer, Answer) else None for answer in answers],
            )
        return [answer for answer in answers if isinstance(answer, Answer)]

    def _ask(self, images: Sequence[Image], questions: Sequence[str]) -> list[Answer | Refusal | ConnectionError]:
        client = JsonClient(
            url=self.url,
            path="chat/completions",
            key=self._key(),
            concurrency=self.concurrency,
            timeout=self.timeout,
            attempts=self.attempts,
            pause=self.pause,
        )
        pairs = zip(images, questions, strict=True)
        return asyncio.run(client.try_each([partial(self._request, *pair) for pair in pairs], read_answer))

    def _request(self, image: Image, question: str) -> dict[str, Any]:
        text = fill(self.prompt, question)
        content = [{"type": "image_url", "image_url": {"url": _data_url(image)}}, {"type": "text", "text": text}]
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": self.max_tokens,
            "temperature": 0.0,
            **({"logprobs": True, "top_logprobs": _TOP} if self.logprobs else {}),
        }

    def _key(self) -> str:
        """Read where it is needed and kept nowhere: a judge is pickled, and its settings are written down."""
        if not self.api_key_variable:
            return ""
        key = os.environ.get(self.api_key_variable, "")
        if not key:
            raise ValueError(f"{self.api_key_variable} is not in the environment: expected the API key of {self.url}")
        return key


def read_answer(body: Any) -> Answer:
    """The answer in a chat completion.

    Raises:
        ValueError: it is none.
    """
    try:
        choice = body["choices"][0]
        text = choice["message"]["content"] or ""
        first = ((choice.get("logprobs") or {}).get("content") or [{}])[0]
        likeliest = [(str(one["token"]), float(one["logprob"])) for one in first.get("top_logprobs") or []]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"no chat completion in the answer: {str(body)[:200]}") from error
    return Answer(text=yes_or_no(str(text)), yes=_probability(likeliest))


def _probability(likeliest: Sequence[tuple[str, float]]) -> float | None:
    """P(yes) / (P(yes) + P(no)) of the likeliest first tokens; None where neither is among them."""
    yes, no = (sum(math.exp(logprob) for token, logprob in likeliest if _is(token, word)) for word in (YES, NO))
    return yes / (yes + no) if yes + no else None


def _is(token: str, word: str) -> bool:
    return token.strip(" \n▁Ġ").lower() == word


def _data_url(image: Image) -> str:
    """Lossless: a judge is to see what was made."""
    data = io.BytesIO()
    image.convert("RGB").save(data, "PNG")
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
