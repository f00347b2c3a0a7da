"""The benchmark's contenders write the same, and it says so when they do not."""

from dataclasses import replace

import pytest
import torch

from benchmarks.captioning import Work, caption_lengths, compare, make_work, plain, refilled, static
from captioning.cogvlm import CogVLM
from tests.captioning.cogvlm.tiny import random_model, small_config


@pytest.fixture(params=[False, True], ids=["v1", "v2"])
def work(request: pytest.FixtureRequest) -> Work:
    work = make_work(small_config(v2=request.param), [3, 12, 7, 1, 9])
    return replace(work, model=random_model(work.model.config))


def test_all_contenders_write_the_same(work: Work) -> None:
    written = plain(work)
    assert [len(tokens) for tokens in written] == work.lengths
    assert static(work, 2) == written
    assert refilled(work, 2) == written


def test_the_plain_loop_writes_what_the_model_finds_likeliest(work: Work) -> None:
    tokens: list[int] = []
    for _ in range(work.lengths[1]):
        logits = work.model(work.pixels[1:2], torch.tensor([[*work.prompt, *tokens]]))
        tokens.append(int(logits[0, -1].argmax()))
    assert plain(work)[1] == tokens


def test_a_table_names_contenders_and_goals(work: Work) -> None:
    table = compare(work, slots=2, rounds=2).splitlines()
    assert "5 images, 32 tokens (1 to 12 a row), 2 slots" in table[0]
    assert [line.split("|")[1].strip() for line in table[4:]] == ["plain loop", "static batches", "refilled slots"]
    assert [line.split("|")[5].strip() for line in table[4:]] == ["3x", "1.3x", ""]


def test_what_differs_is_not_compared(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = CogVLM.decode
    monkeypatch.setattr(CogVLM, "decode", lambda *arguments: -decode(*arguments))  # which the plain loop does without
    with pytest.raises(SystemExit, match="different captions"):
        compare(work, slots=2, rounds=1)


def test_captions_are_as_long_as_the_papers_and_unequal() -> None:
    lengths = caption_lengths(64)
    assert sum(lengths) / 64 == pytest.approx(62, abs=1)
    assert max(lengths) == 160
    assert min(lengths) < 20
    assert lengths != sorted(lengths)
