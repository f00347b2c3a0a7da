"""Answers from a server over HTTP that is slow, fails, answers out of order and breaks connections."""

import json
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.captioning.engines.chat_server import ChatServer, Handler, completion, grey, serving
from training.evaluation.answers import Answers, Asked
from training.evaluation.asking import Question, ask
from training.evaluation.judge import Answer, UnansweredError
from training.evaluation.judges import OpenAIJudge
from training.evaluation.judges.openai import read_answer
from training.evaluation.pictures import look

KEY = "sk-very-secret"


class YesNoHandler(Handler):
    """Says yes to every image brighter than 100, chattily, and how sure it is where that is asked for."""

    def say(self, shade: int) -> dict[str, Any]:
        body = self.server.bodies[-1]
        answer = completion("Yes, it is." if shade > 100 else "No.", "length")
        if "logprobs" in body and "odd" not in self.prompt:
            answer["choices"][0]["logprobs"] = {"content": [{"token": "Yes", "top_logprobs": likeliest(shade)}]}
        return answer

    def _answer(self, shade: int, count: int) -> None:
        if "nologprobs" in self.prompt and "logprobs" in self.server.bodies[-1]:
            return self._send(400, {"error": "logprobs are not supported"})
        return super()._answer(shade, count)


def likeliest(shade: int) -> list[dict[str, Any]]:
    """Two spellings of yes, one of no, and a word that is neither."""
    yes = shade / 255
    shares = {"Yes": 0.6 * yes, " yes": 0.2 * yes, "no": 0.8 * (1 - yes), "Maybe": 0.2}
    return [{"token": token, "logprob": math.log(share)} for token, share in shares.items() if share]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serving(YesNoHandler) as server:
        yield server


def make_judge(server: ChatServer, **settings: Any) -> OpenAIJudge:
    return OpenAIJudge(**{"url": server.url, "model": "m", "pause": 0.001, "timeout": 10.0, **settings})


def test_answers_come_in_the_order_of_the_questions_whatever_happens_on_the_way(server: ChatServer) -> None:
    faults = ["", "500=1", "429=2", "drop=1", "cut=1", "nonsense=1", "hang=1"]
    shades = [4 * row for row in range(42)]
    questions = [f"bright? {faults[row % len(faults)]}" for row in range(42)]
    judge = make_judge(server, timeout=1.0, concurrency=8)
    answers = judge.answer([grey(shade) for shade in shades], questions)
    assert [answer.text for answer in answers] == ["yes" if shade > 100 else "no" for shade in shades]
    assert [answer.yes for answer in answers] == pytest.approx([shade / 255 for shade in shades])
    assert server.finished != sorted(server.finished), "answers did not overtake each other"


def test_no_more_requests_are_on_their_way_than_allowed(server: ChatServer) -> None:
    make_judge(server, concurrency=3).answer([grey(shade) for shade in range(30)], ["?"] * 30)
    assert 1 < server.most <= 3


def test_a_request_asks_for_one_greedy_word_and_its_probability(server: ChatServer) -> None:
    make_judge(server, prompt="Look. {question} One word.").answer([grey(9)], ["bright?"])
    (body,) = server.bodies
    image, text = body["messages"][0]["content"]
    assert text["text"] == "Look. bright? One word."
    assert image["image_url"]["url"].startswith("data:image/png;base64,")
    asked = {name: body[name] for name in ("model", "temperature", "max_tokens", "logprobs", "top_logprobs")}
    assert asked == {"model": "m", "temperature": 0.0, "max_tokens": 8, "logprobs": True, "top_logprobs": 20}


def test_without_probabilities_there_is_the_answer_alone(server: ChatServer) -> None:
    assert make_judge(server).answer([grey(200)], ["odd bright?"]) == [Answer(text="yes")]
    assert make_judge(server, logprobs=False).answer([grey(200)], ["bright?"]) == [Answer(text="yes")]
    assert "logprobs" not in server.bodies[-1]


def test_a_request_that_is_refused_is_an_answer_without_words(server: ChatServer) -> None:
    answers = make_judge(server).answer([grey(1), grey(2), grey(255)], ["?", "400=9", "?"])
    assert [answer.text for answer in answers] == ["no", "", "yes"]
    assert answers[1].yes is None


def test_a_server_that_fails_for_one_question_leaves_the_others_answered(server: ChatServer) -> None:
    judge = make_judge(server, attempts=2)
    with pytest.raises(UnansweredError, match=r"1 of 3 questions got no answer; .*failed 2 times.*500") as caught:
        judge.answer([grey(1), grey(2), grey(255)], ["?", "500=9", "?"])
    assert [answer and answer.text for answer in caught.value.answers] == ["no", None, "yes"]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_evaluation_keeps_what_was_answered_and_goes_on_when_the_server_is_back(
    server: ChatServer, tmp_path: Path, workers: int
) -> None:
    for shade in (0, 80, 160, 240):
        grey(shade).save(tmp_path / f"{shade:03}.png")
    pictures = look(str(path) for path in sorted(tmp_path.glob("*.png")))
    questions = [
        Question(path=picture.path, asked=Asked(image=picture.sha256, crop="", question=text))
        for picture in pictures
        for text in ("bright?", "500=5 bright?", "really bright?")
    ]
    judge = make_judge(server, attempts=1, batch_size=3)
    with pytest.raises(ConnectionError, match="got no answer"):
        ask(judge, questions, Answers(str(tmp_path), judge.identity), workers=workers)
    kept = len(Answers(str(tmp_path), judge.identity))
    assert kept >= 2
    patient = make_judge(server, attempts=9, batch_size=3)
    answers = Answers(str(tmp_path), patient.identity)
    assert ask(patient, questions, answers, workers=workers) == 12 - kept
    assert [answers[question.asked].text for question in questions] == ["no"] * 6 + ["yes"] * 6


def test_setup_tells_a_wrong_setting_from_a_refused_image(server: ChatServer) -> None:
    make_judge(server).setup()
    with pytest.raises(ValueError, match=r"404.*check url, model and API key"):
        make_judge(server, url=f"{server.url}/v2").setup()
    with pytest.raises(ValueError, match=r"not supported.*set logprobs to false"):
        make_judge(server, prompt="nologprobs {question}").setup()
    make_judge(server, prompt="nologprobs {question}", logprobs=False).setup()
    with pytest.raises(ConnectionError, match="failed 1 times"):
        make_judge(server, url="http://127.0.0.1:1/v1", attempts=1).setup()


def test_a_key_is_sent_and_stands_nowhere_else(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    server.key = KEY
    judge = make_judge(server, api_key_variable="JUDGE_KEY")
    judge.setup()
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(judge) + judge.identity + str(vars(judge))
    assert KEY.encode() not in pickle.dumps(judge)
    monkeypatch.delenv("JUDGE_KEY")
    with pytest.raises(ValueError, match="JUDGE_KEY is not in the environment"):
        judge.answer([grey(1)], ["?"])


def test_an_identity_is_what_changes_answers(server: ChatServer) -> None:
    judge = make_judge(server)
    assert make_judge(server, timeout=5.0, concurrency=3).identity == judge.identity
    assert make_judge(server, prompt="{question}").identity != judge.identity
    assert json.loads(judge.identity)["model"] == "m"


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{"message": None}]}, [], "x", None])
def test_what_is_no_completion_is_an_error(body: Any) -> None:
    with pytest.raises(ValueError, match="no chat completion"):
        read_answer(body)


def test_a_completion_may_have_less_than_it_should() -> None:
    assert read_answer({"choices": [{"message": {"content": None}}]}) == Answer(text="")
    for logprobs in (None, {}, {"content": None}, {"content": []}, {"content": [{"token": "a"}]}):
        body = {"choices": [{"message": {"content": "Perhaps. "}, "logprobs": logprobs}]}
        assert read_answer(body) == Answer(text="Perhaps.")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "host:8000"}, "url is 'host:8000': expected http"),
        ({"prompt": "?"}, "expected {question} somewhere"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"attempts": 0}, "attempts is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"pause": -1.0}, r"pause is -1\.0"),
        ({"timeout": 0.0}, r"timeout is 0\.0"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        OpenAIJudge(**{"url": "http://h/v1", "model": "m", **settings}).check()
