"""Captions from a server over HTTP that is slow, fails, answers out of order and breaks connections."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from captioning.captioner import Sampling, prompt_hash
from captioning.engines import OpenAICaptioner
from captioning.recaption import Recaption
from curation import storage
from curation.dataset import Dataset
from curation.manifest import settings_of
from tests.captioning.engines.chat_server import ChatServer, grey, serving
from tests.captioning.shards import SHARD, jpeg, write_shard

KEY = "sk-very-secret"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serving() as server:
        yield server


def make_captioner(server: ChatServer, **settings: object) -> OpenAICaptioner:
    return OpenAICaptioner(**{"url": server.url, "model": "m", "pause": 0.001, "timeout": 10.0, **settings})


def test_captions_come_in_the_order_of_the_images_whatever_happens_on_the_way(server: ChatServer) -> None:
    faults = ["", "500=1", "429=2", "drop=1", "cut=1", "nonsense=1", "abort=1", "hang=1", "drop=1 long"]
    images = [grey(3 * row) for row in range(60)]
    prompts = [f"prompt {row} {faults[row % len(faults)]}" for row in range(60)]
    captions = make_captioner(server, timeout=1.0, concurrency=16).caption(images, prompts)
    assert [caption.text for caption in captions] == [f"shade {3 * row}: {prompts[row]}" for row in range(60)]
    assert [caption.finish_reason for caption in captions] == [
        "length" if "long" in prompt else "stop" for prompt in prompts
    ]
    assert [caption.prompt_hash for caption in captions] == [prompt_hash(prompt) for prompt in prompts]
    assert [caption.tokens for caption in captions] == [len(caption.text.split()) for caption in captions]
    assert server.finished != sorted(server.finished), "answers did not overtake each other"
    assert server.seen[3] == 2
    assert server.seen[6] == 3


def test_no_more_requests_are_on_their_way_than_allowed(server: ChatServer) -> None:
    make_captioner(server, concurrency=3).caption([grey(shade) for shade in range(30)], ["?"] * 30)
    assert server.most == 3
    assert len(server.bodies) == 30


def test_a_request_is_greedy_unless_it_is_to_be_drawn(server: ChatServer) -> None:
    captioner = make_captioner(server, max_new_tokens=77)
    captioner.caption([grey(1)], ["?"])
    captioner.caption([grey(1), grey(2)], ["?", "?"], sampling=Sampling(seeds=(5, 2**62 + 6), top_p=0.8))
    greedy, *drawn = ({name: body.get(name) for name in ("temperature", "top_p", "seed")} for body in server.bodies)
    assert greedy == {"temperature": 0.0, "top_p": None, "seed": None}
    assert sorted(body["seed"] for body in drawn) == [5, 6]
    assert {(body["temperature"], body["top_p"]) for body in drawn} == {(0.7, 0.8)}
    assert {(body["model"], body["max_tokens"]) for body in server.bodies} == {("m", 77)}


def test_what_the_server_will_not_answer_is_refused_and_the_others_are_not_lost(server: ChatServer) -> None:
    captions = make_captioner(server).caption([grey(row) for row in range(4)], ["a", "400=9", "filter=9", "d"])
    assert [caption.finish_reason for caption in captions] == ["stop", "refused", "refused", "stop"]
    assert [caption.text for caption in captions] == ["shade 0: a", "", "", "shade 3: d"]
    assert server.seen[1] == server.seen[2] == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("500", "500 .*out of order"),
        ("drop", "Error: "),
        ("hang", r"no answer within 0\.3 s"),
        ("nonsense", "no finished chat completion"),
    ],
)
def test_a_server_that_stays_away_is_an_error_after_some_attempts(server: ChatServer, fault: str, words: str) -> None:
    captioner = make_captioner(server, attempts=3, timeout=0.3)
    with pytest.raises(ConnectionError, match=f"{server.url}: failed 3 times, the last time so: .*{words}"):
        captioner.caption([grey(1), grey(2)], ["fine", f"{fault}=99"])
    assert server.seen[2] == 3


def test_no_server_is_an_error(server: ChatServer) -> None:
    with pytest.raises(ConnectionError, match="failed 2 times"):
        make_captioner(server, url="http://127.0.0.1:1/v1", attempts=2).setup()


def test_setup_tells_a_wrong_setting_from_a_refused_image(server: ChatServer) -> None:
    make_captioner(server).setup()
    with pytest.raises(ValueError, match=r"404.*check url, model and API key"):
        make_captioner(server, url=server.url + "/v2").setup()
    with pytest.raises(ValueError, match="302"):
        make_captioner(server).caption([grey(1)], ["302=1"])


def test_a_key_is_sent_and_stands_nowhere_else(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CAPTION_KEY", KEY)
    server.key = KEY
    captioner = make_captioner(server, api_key_variable="CAPTION_KEY")
    captioner.setup()
    assert captioner.caption([grey(1)], ["?"])[0].text == "shade 1: ?"
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    written = [repr(captioner), json.dumps(settings_of(captioner)), str(asdict(captioner)), str(vars(captioner))]
    assert not any(KEY in text for text in written)
    assert KEY.encode() not in pickle.dumps(captioner)
    server.key = "another"
    with pytest.raises(ValueError, match=r"401 .*wrong key: Bearer \*\*\*") as caught:
        captioner.caption([grey(1)], ["?"])
    assert KEY not in str(caught.value) + caplog.text
    monkeypatch.delenv("CAPTION_KEY")
    with pytest.raises(ValueError, match="CAPTION_KEY is not in the environment"):
        captioner.caption([grey(1)], ["?"])


def test_no_key_no_header(server: ChatServer) -> None:
    make_captioner(server).caption([grey(1)], ["?"])
    assert "Authorization" not in server.headers[0]


def test_a_shard_is_captioned_by_a_server_that_fails(server: ChatServer, tmp_path: object) -> None:
    dataset = Dataset(f"{tmp_path}/dataset")
    write_shard(dataset, {f"{row:02d}": jpeg(row * 10) for row in range(12)})
    captioner = make_captioner(server, revision="2026-01")
    stage = Recaption(captioner=captioner, name="served", prompt="500=1 what is it", batch_size=8)
    stage.check(dataset)
    stage.setup()
    result = stage.process(dataset, SHARD)
    rows = storage.read_table(stage.output(dataset, SHARD)).to_pylist()
    assert [row["caption"] for row in rows] == [f"shade {row * 10}: 500=1 what is it" for row in range(12)]
    assert {(row["model"], row["revision"]) for row in rows} == {("m", "2026-01")}
    assert (result.kept, result.counts["tokens"]) == (12, 72)


def test_no_images_no_captions(server: ChatServer) -> None:
    assert make_captioner(server).caption([], []) == []
    assert server.bodies == []
    with pytest.raises(ValueError, match="1 images and 0 prompts"):
        make_captioner(server).caption([grey(1)], [])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "host:8000"}, "url is 'host:8000': expected http"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"attempts": 0}, "attempts is 0"),
        ({"pause": -1.0}, r"pause is -1\.0"),
        ({"timeout": 0.0}, r"timeout is 0\.0"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OpenAICaptioner(**{"url": "http://h/v1", "model": "m", **settings}).check()
