"""Tokenizers load as transformers loads published ones, and give texts back."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from pipelines.miniature.captions import dense_caption
from pipelines.miniature.composition import make_scenes
from pipelines.miniature.vocabularies import byte_pairs, save_clip, save_llama, save_t5

TEXTS = [dense_caption(scene) for scene in make_scenes(60, seed=0)]
UNSEEN = 'Zebra #7 (50%), "quoted" & odd: ~x@y?'
SAVERS = [save_llama, save_clip, save_t5]

Saver = Callable[[Path, Sequence[str]], int]


@pytest.mark.parametrize("save", SAVERS)
def test_the_size_is_told_and_every_id_is_below_it(save: Saver, tmp_path: Path) -> None:
    size = save(tmp_path, TEXTS)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert len(tokenizer) == size
    assert sorted(tokenizer.get_vocab().values()) == list(range(size))


@pytest.mark.parametrize("save", SAVERS)
def test_any_english_text_is_encoded_without_unknown_tokens(save: Saver, tmp_path: Path) -> None:
    save(tmp_path, TEXTS)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    for text in (TEXTS[0], UNSEEN):
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.unk_token_id not in ids
        decoded = "".join(tokenizer.decode(ids).split())
        wanted = "".join(text.split())
        assert decoded == (wanted.lower() if save is save_clip else wanted)


@pytest.mark.parametrize("save", SAVERS)
def test_words_of_captions_are_tokens_of_their_own(save: Saver, tmp_path: Path) -> None:
    save(tmp_path, TEXTS)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    ids = tokenizer.encode(TEXTS[1], add_special_tokens=False)
    assert len(ids) < 1.4 * len(TEXTS[1].split())


@pytest.mark.parametrize(
    ("save", "kind", "specials"),
    [
        (save_llama, "LlamaTokenizer", {"pad": 0, "bos": 1, "eos": 2}),
        (save_clip, "CLIPTokenizer", {"bos": 0, "eos": 1, "pad": 1}),
        (save_t5, "T5Tokenizer", {"pad": 0, "eos": 1, "unk": 2}),
    ],
)
def test_special_tokens_are_where_the_models_expect_them(
    save: Saver, kind: str, specials: dict[str, int], tmp_path: Path
) -> None:
    save(tmp_path, TEXTS)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert kind in type(tokenizer).__name__
    assert {name: getattr(tokenizer, f"{name}_token_id") for name in specials} == specials


def test_clip_wraps_a_text_and_pads_it_to_77(tmp_path: Path) -> None:
    save_clip(tmp_path, TEXTS)
    ids = AutoTokenizer.from_pretrained(tmp_path)("red star", padding="max_length").input_ids
    assert len(ids) == 77
    assert (ids[0], ids[3:]) == (0, [1] * 74)


def test_t5_ends_a_text(tmp_path: Path) -> None:
    save_t5(tmp_path, TEXTS)
    assert AutoTokenizer.from_pretrained(tmp_path)("red star").input_ids[-1] == 1


@pytest.mark.parametrize("save", SAVERS)
def test_same_texts_same_bytes(save: Saver, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(tmp_path / name, TEXTS)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two


def test_byte_pairs_merge_the_most_frequent_first_and_stop_at_whole_words() -> None:
    words = Counter({tuple("lower"): 5, tuple("low"): 3, tuple("new"): 4})
    merges = byte_pairs(words, 100)
    assert merges[:2] == [("o", "w"), ("l", "ow")]  # 8 times each, and "o" comes after "l"
    assert {"".join(pair) for pair in merges} >= {"lower", "low", "new"}
    assert byte_pairs(words, 1) == [("o", "w")]
