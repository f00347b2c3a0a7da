"""Any server that speaks OpenAI's chat completions: vLLM, lmdeploy, SGLang, llama.cpp, ..."""

import asyncio
import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PIL.Image import Image, new

from captioning.captioner import Caption, Captioner, Sampling, check_batch, prompt_hash
from captioning.engines.chat import Answer, Draw, chat_request, read_answer
from curation.redaction import redact_message
from curation.stage import execution

logger = logging.getLogger(__name__)

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


@dataclass(kw_only=True)
class OpenAICaptioner(Captioner):
    """Captions from a server, many requests at a time.

    What fails for the moment is asked again: overload, a broken connection, an answer that takes too long. A server
    that stays away is an error, so that the shard is left to be tried again; a request that the server will not take is
    a caption with the finish reason "refused".

    Args:
        url: up to and with the version: http://host:8000/v1.
        model: the name under which the server has it.
        revision: recorded beside the captions; the server does not say.
        api_key_variable: environment variable, on every worker, that holds the API key; without it none is sent.
        max_new_tokens: cap on a caption's tokens.
        concurrency: requests on their way at once.
        timeout: seconds that one request may take.
        attempts: how often a request is sent.
        pause: seconds before the second time; doubled before each further one.
    """

    url: str
    model: str
    revision: str | None = None
    api_key_variable: str | None = None
    max_new_tokens: int = 160
    concurrency: int = execution(64)
    timeout: float = execution(120.0)
    attempts: int = execution(6)
    pause: float = execution(1.0)

    def check(self) -> None:
        """Raise ValueError where the settings cannot work."""
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url is {self.url!r}: expected http://host:port/v1, or https")
        for name, least in (("max_new_tokens", 1), ("concurrency", 1), ("attempts", 1), ("pause", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: expected at least {least}")
        if self.timeout <= 0:
            raise ValueError(f"timeout is {self.timeout}: expected more than 0 seconds")
        if self.api_key_variable and not _VARIABLE.fullmatch(self.api_key_variable):
            # Not repeated, since it may be the key itself.
            raise ValueError("api_key_variable: expected the name of a variable, in capitals, such as OPENAI_API_KEY")

    def setup(self) -> None:
        """Ask once about a grey square, so that a wrong setting is an error here and not a refusal of every image.

        Raises:
            ValueError: the server will not take the request, or the API key is not in the environment.
            ConnectionError: there is no server.
        """
        probe = partial(
            chat_request,
            model=self.model,
            image=new("RGB", (64, 64), "grey"),
            prompt="Describe this image.",
            max_tokens=1,
            draw=Draw(seed=0, temperature=0.7, top_p=0.9),
        )
        (answer,) = self._ask([probe])
        if answer.detail:
            raise ValueError(f"{self.url}: the server takes no request with these settings: {answer.detail}")

    def caption(
        self, images: Sequence[Image], prompts: Sequence[str], *, sampling: Sampling | None = None
    ) -> list[Caption]:
        """Describe `images[i]` as `prompts[i]` asks, in order, whatever the order in which answers come.

        Raises:
            ValueError: images, prompts and seeds differ in number, or the server does not know key, path or model.
            ConnectionError: a request failed as often as it may.
        """
        check_batch(images, prompts, sampling)
        requests = [
            partial(
                chat_request,
                model=self.model,
                image=image,
                prompt=prompt,
                max_tokens=self.max_new_tokens,
                draw=_draw(sampling, row),
            )
            for row, (image, prompt) in enumerate(zip(images, prompts, strict=True))
        ]
        return [
            Caption(
                text=answer.text,
                finish_reason=answer.finish_reason,
                tokens=answer.tokens,
                model=self.model,
                revision=self.revision,
                prompt_hash=prompt_hash(prompt),
            )
            for prompt, answer in zip(prompts, self._ask(requests), strict=True)
        ]

    def _ask(self, requests: Sequence[Callable[[], object]]) -> list[Answer]:
        from curation.json_client import JsonClient, Refusal

        client = JsonClient(
            url=self.url,
            path="chat/completions",
            key=self._key(),
            concurrency=self.concurrency,
            timeout=self.timeout,
            attempts=self.attempts,
            pause=self.pause,
        )
        answers = asyncio.run(client.post(requests, read_answer))
        return [self._refused(answer.detail) if isinstance(answer, Refusal) else answer for answer in answers]

    def _refused(self, detail: str) -> Answer:
        logger.warning("%s refuses a request: %s", redact_message(self.url), redact_message(detail))
        return Answer(text="", finish_reason="refused", tokens=0, detail=detail)

    def _key(self) -> str:
        """Read where it is needed and kept nowhere: a captioner is pickled, and its settings are written down."""
        if not self.api_key_variable:
            return ""
        key = os.environ.get(self.api_key_variable, "")
        if not key:
            raise ValueError(f"{self.api_key_variable} is not in the environment: expected the API key of {self.url}")
        return key


def _draw(sampling: Sampling | None, row: int) -> Draw | None:
    if sampling is None:
        return None
    return Draw(seed=sampling.seeds[row], temperature=sampling.temperature, top_p=sampling.top_p)
