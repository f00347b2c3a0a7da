"""A question about an image, and the answer to it, as OpenAI's chat completions have them."""

import base64
import io
from dataclasses import dataclass
from typing import Any

from PIL.Image import Image

from captioning.captioner import FinishReason

_JPEG_QUALITY = 95
_SEED_BITS = 31
"""What every server takes; some refuse more."""
_MOST_TOKENS = 2**31 - 1
"""What a column of counts holds."""
_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "content_filter": "refused",
}


@dataclass(frozen=True, kw_only=True)
class Draw:
    """How to draw tokens for one image.

    Args:
        seed: any number.
        temperature: what logits are divided by.
        top_p: the probability that the tokens drawn from reach together.
    """

    seed: int
    temperature: float
    top_p: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server said.

    Args:
        text: of the caption.
        finish_reason: why it ends; "refused" where the server would not answer.
        tokens: as the server counts them; None where it does not.
        detail: in what words it refused.
    """

    text: str
    finish_reason: FinishReason
    tokens: int | None
    detail: str = ""


def chat_request(*, model: str, image: Image, prompt: str, max_tokens: int, draw: Draw | None) -> dict[str, Any]:
    """The body of a request: greedy without `draw`."""
    how = {"temperature": 0.0} if draw is None else {"temperature": draw.temperature, "top_p": draw.top_p}
    seed = {} if draw is None else {"seed": draw.seed % 2**_SEED_BITS}
    content = [
        {"type": "image_url", "image_url": {"url": _data_url(image)}},
        {"type": "text", "text": prompt},
    ]
    return {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": max_tokens,
        **how,
        **seed,
    }


def read_answer(body: Any) -> Answer:
    """The answer in the body of a response.

    Raises:
        ValueError: it is not a chat completion, or one that was broken off.
    """
    try:
        choice = body["choices"][0]
        text, reason = choice["message"]["content"] or "", _FINISH_REASONS[choice["finish_reason"]]
        tokens = (body.get("usage") or {}).get("completion_tokens")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"no finished chat completion in the answer: {str(body)[:200]}") from error
    if not isinstance(text, str):
        raise ValueError(f"no finished chat completion in the answer: its content is no text but {str(text)[:200]}")
    return Answer(text=_whole_characters(text), finish_reason=reason, tokens=_count(tokens))


def _whole_characters(text: str) -> str:
    """`text` with `?` for half of a surrogate pair, which a cap on tokens may leave and no file can hold."""
    return text.encode(errors="replace").decode()


def _count(tokens: Any) -> int | None:
    """None for what is no number of tokens: a caption is not lost for that."""
    return tokens if type(tokens) is int and 0 <= tokens <= _MOST_TOKENS else None


def _data_url(image: Image) -> str:
    data = io.BytesIO()
    image.convert("RGB").save(data, "JPEG", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
