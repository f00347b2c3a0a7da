import random

import pytest

from training.evaluation.contamination import Near, PromptIndex, Shared, merge

LONG = "A red cup stands on a small wooden table beside a sleeping dog, and the sun shines."
WORDS = [
    "a",
    "red",
    "cup",
    "stands",
    "on",
    "a",
    "small",
    "wooden",
    "table",
    "beside",
    "a",
    "sleeping",
    "dog",
    "and",
    "the",
    "sun",
    "shines",
]


def caption(*words: str) -> list[tuple[str, str]]:
    return [("7", " ".join(words))]


@pytest.mark.parametrize(("start", "length", "found"), [(0, 8, True), (5, 8, True), (0, 7, False), (5, 7, False)])
def test_a_run_of_words_is_shared_wherever_it_stands_and_however_it_is_written(
    start: int, length: int, found: bool
) -> None:
    part = [word.upper() + "," for word in WORDS[start : start + length]]
    seen = PromptIndex(prompts=[LONG]).search(caption("before", *part, "after"))
    assert (0 in seen) == found
    if found:
        assert seen[0].shared == 1
        assert seen[0].shared_example == Shared(sample_id="7", words=" ".join(WORDS[start : start + 8]))
        assert seen[0].near == 0


def test_a_short_prompt_is_shared_where_all_of_it_stands_and_a_very_short_one_never() -> None:
    index = PromptIndex(prompts=["a pair of headphones", "a red cup"])
    seen = index.search(caption("he wears a pair of headphones beside a red cup and much else"))
    assert list(seen) == [0]
    assert not index.search(caption("a pair of new headphones"))


def test_a_caption_is_nearly_a_prompt_by_the_share_of_common_pieces() -> None:
    words = [f"w{number}" for number in range(12)]  # 10 pieces of 3 words
    changed = [*words[:-1], "other"]  # 9 of them in common, of 11 in all
    index = PromptIndex(prompts=[" ".join(words)], nearness=9 / 11)
    (seen,) = index.search([("1", " ".join(changed))]).values()
    assert seen.near == 1
    assert seen.near_example == Near(distance=pytest.approx(2 / 11), sample_id="1", caption=" ".join(changed))
    stricter = PromptIndex(prompts=[" ".join(words)], nearness=9 / 11 + 1e-6)
    assert next(iter(stricter.search([("1", " ".join(changed))]).values())).near == 0


def test_a_very_short_prompt_is_seen_where_it_is_a_whole_caption() -> None:
    index = PromptIndex(prompts=["a cup", "cup"])
    seen = index.search([("1", "A cup."), ("2", "a red cup"), ("3", "Cup")])
    assert {number: (found.shared, found.near) for number, found in seen.items()} == {0: (0, 1), 1: (0, 1)}


def test_nothing_is_found_in_an_empty_caption_or_for_an_empty_prompt() -> None:
    assert PromptIndex(prompts=["", LONG]).search([("1", ""), ("2", "...")]) == {}


def test_parts_add_up_in_any_order() -> None:
    generator = random.Random(1)
    words = [f"w{number}" for number in range(9)]
    prompts = [" ".join(generator.choices(words, k=generator.randint(3, 12))) for _ in range(20)]
    captions = [(str(number), " ".join(generator.choices(words, k=14))) for number in range(300)]
    captions += [(f"copy {number}", prompt) for number, prompt in enumerate(prompts)]
    index = PromptIndex(prompts=prompts, run=4, nearness=0.3)
    whole = merge([index.search(captions)])
    assert len(whole) > 10
    generator.shuffle(captions)
    parts = [index.search(captions[start::7]) for start in range(7)]
    assert merge(parts) == whole
    assert merge(reversed(parts)) == whole


@pytest.mark.parametrize(("settings", "message"), [({"run": 3}, "4 or more"), ({"nearness": 0.0}, "over 0")])
def test_numbers_that_would_match_everything_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PromptIndex(prompts=[LONG], **settings)  # type: ignore[arg-type]
