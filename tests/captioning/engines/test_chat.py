"""Requests and answers of chat completions."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from captioning.engines.chat import Answer, Draw, chat_request, read_answer


def body(**choice: object) -> dict[str, Any]:
    return {"choices": [{"message": {"content": "A cat."}, "finish_reason": "stop", **choice}]}


def test_a_request_holds_prompt_and_image() -> None:
    image = Image.linear_gradient("L").convert("RGBA")
    request = chat_request(model="m", image=image, prompt="What?", max_tokens=5, draw=None)
    (message,) = request["messages"]
    picture, text = message["content"]
    assert message["role"] == "user"
    assert text == {"type": "text", "text": "What?"}
    kind, _, data = picture["image_url"]["url"].partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert (sent.format, sent.size, sent.mode) == ("JPEG", (256, 256), "RGB")
        assert abs(sent.getpixel((128, 200))[1] - 200) < 4
    assert {name: request[name] for name in request if name != "messages"} == {
        "model": "m",
        "max_tokens": 5,
        "temperature": 0.0,
    }


def test_seeds_fit_every_server() -> None:
    draw = Draw(seed=2**63 - 1, temperature=0.5, top_p=0.9)
    request = chat_request(model="m", image=Image.new("RGB", (8, 8)), prompt="?", max_tokens=5, draw=draw)
    assert (request["seed"], request["temperature"], request["top_p"]) == (2**31 - 1, 0.5, 0.9)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({**body(), "usage": {"completion_tokens": 3}}, Answer(text="A cat.", finish_reason="stop", tokens=3)),
        (body(finish_reason="length"), Answer(text="A cat.", finish_reason="length", tokens=None)),
        (body(finish_reason="eos_token"), Answer(text="A cat.", finish_reason="stop", tokens=None)),
        ({**body(message={"content": None}), "usage": None}, Answer(text="", finish_reason="stop", tokens=None)),
        (
            body(finish_reason="content_filter", message={"content": "A"}),
            Answer(text="A", finish_reason="refused", tokens=None),
        ),
        (
            body(finish_reason="length", message={"content": "A cat \ud83d"}),
            Answer(text="A cat ?", finish_reason="length", tokens=None),
        ),
        *(
            (
                {**body(), "usage": {"completion_tokens": tokens}},
                Answer(text="A cat.", finish_reason="stop", tokens=None),
            )
            for tokens in ("12", [1], 3.5, True, -1, 10**20)
        ),
    ],
)
def test_answers_are_read(given: object, expected: Answer) -> None:
    assert read_answer(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        *(None, [], {}, {"choices": []}, {"choices": [{}]}, body(finish_reason=None), body(finish_reason="abort"), "x"),
        body(message={"content": [{"type": "text", "text": "A cat."}]}),
    ],
)
def test_what_is_no_whole_answer_is_none(given: object) -> None:
    with pytest.raises(ValueError, match="no finished chat completion"):
        read_answer(given)
