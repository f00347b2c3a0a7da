"""Recaptioning a shard: who is asked, how often, what is written, what becomes of bad images and bad captions."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from captioning.captioner import Captioner, prompt_hash
from captioning.choice import seed
from captioning.cleaning import Cleaning
from captioning.cogvlm import CogVLMCaptioner
from captioning.prompts import PROMPT
from captioning.recaption import Recaption
from curation import storage
from curation.dataset import Dataset
from curation.manifest import settings_of
from curation.stage import ShardResult
from tests.captioning.cogvlm.tiny import random_model, save_tokenizer, small_config
from tests.captioning.colours import ColourCaptioner, colours
from tests.captioning.shards import SHARD, jpeg, write_selection, write_shard

LOOP = "The walls are red. Red red red red red red"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(str(tmp_path / "dataset"))


def recaption(
    dataset: Dataset, captioner: Captioner, **settings: object
) -> tuple[list[dict[str, object]], ShardResult]:
    stage = Recaption(captioner=captioner, name="test", **settings)
    stage.check(dataset)
    stage.setup()
    result = stage.process(dataset, SHARD)
    return storage.read_table(stage.output(dataset, SHARD)).to_pylist(), result


def test_every_kept_image_is_described(dataset: Dataset) -> None:
    write_shard(dataset, colours("red", "green", "blue"), dropped=("b",))
    rows, result = recaption(dataset, ColourCaptioner())
    assert rows == [
        {
            "key": key,
            "sample_id": f"id-{key}",
            "caption": f"All of it is {colour}.",
            "raw_caption": f"All  of it\nis {colour}. ",
            "finish_reason": "length",
            "retries": 0,
            "tokens": 5,
            "flags": [],
            "rules": [],
            "prompt": PROMPT,
            "prompt_hash": prompt_hash(PROMPT),
            "model": "colour-1",
            "revision": "r1",
        }
        for key, colour in (("a", "red"), ("c", "blue"))
    ]
    assert (result.rows, result.kept, result.rejects, result.counts) == (2, 2, {}, {"tokens": 10})


def test_what_has_no_caption_has_a_reason(dataset: Dataset) -> None:
    red = jpeg((200, 0, 0))
    images = {"a": b"no image", "b": red[: len(red) // 2], "c": jpeg(0), "d": red}
    write_shard(dataset, images)
    write_selection(dataset, [*images, "e"])  # e is not in the tar
    rows, result = recaption(dataset, ColourCaptioner(), retries=0)
    assert [(row["key"], row["caption"], row["flags"]) for row in rows] == [
        ("a", None, ["undecodable"]),
        ("b", None, ["undecodable"]),
        ("c", None, ["empty_caption"]),
        ("d", "All of it is red.", []),
        ("e", None, ["missing_member"]),
    ]
    assert [row["raw_caption"] for row in rows] == [None, None, " \n", "All  of it\nis red. ", None]
    assert {row["model"] for row in rows} == {"colour-1"}
    assert (result.rows, result.kept) == (5, 1)
    assert result.rejects == {"undecodable": 2, "empty_caption": 1, "missing_member": 1}


def test_a_caption_with_a_fault_is_asked_for_again_with_sampling(dataset: Dataset) -> None:
    write_shard(dataset, colours("red", "green", "blue"))
    captioner = ColourCaptioner(
        greedy={"red": LOOP, "blue": " "},
        sampled={"red": ["The image shows four large red walls."], "blue": ["Blue.", "The sea is blue and calm."]},
    )
    rows, result = recaption(dataset, captioner, cleaning=Cleaning(min_words=3))
    assert [(row["caption"], row["retries"], row["flags"], row["rules"]) for row in rows] == [
        ("Four large red walls.", 1, [], ["prefix"]),
        ("All of it is green.", 0, [], []),
        ("The sea is blue and calm.", 2, [], []),
    ]
    assert rows[0]["raw_caption"] == "The image shows four large red walls."
    assert result.counts == {"tokens": 15, "retries": 3, "rule prefix": 1}
    seeds = {(colour, drawn) for colour, _, drawn in captioner.asked if drawn is not None}
    assert seeds == {
        ("red", seed("caption id-a 1")),
        ("blue", seed("caption id-c 1")),
        ("blue", seed("caption id-c 2")),
    }
    assert captioner.batches == [3, 2, 1]


def test_a_caption_that_stays_bad_is_flagged_and_what_was_usable_of_it_stays(dataset: Dataset) -> None:
    write_shard(dataset, colours("red", "blue"))
    captioner = ColourCaptioner(
        greedy={"red": LOOP, "blue": "Blue."}, sampled={"red": [LOOP, " "], "blue": ["Blue", "Blue!"]}
    )
    rows, result = recaption(dataset, captioner, cleaning=Cleaning(min_words=3))
    assert [(row["caption"], row["raw_caption"], row["retries"], row["flags"]) for row in rows] == [
        ("The walls are red.", LOOP, 2, ["caption_loop"]),
        (None, "Blue!", 2, ["caption_too_short"]),
    ]
    assert (result.kept, result.rejects) == (1, {"caption_too_short": 1})
    assert result.counts == {"tokens": 10, "retries": 4, "flagged caption_loop": 1, "rule loop": 1}


def test_a_refusal_is_final(dataset: Dataset) -> None:
    write_shard(dataset, colours("red", "blue"))
    captioner = ColourCaptioner(refused="red")
    rows, result = recaption(dataset, captioner)
    assert [(row["flags"], row["finish_reason"], row["retries"]) for row in rows] == [
        (["caption_refused"], "refused", 0),
        ([], "length", 0),
    ]
    assert len(captioner.asked) == 2
    assert result.rejects == {"caption_refused": 1}


def test_without_retries_nobody_is_asked_twice(dataset: Dataset) -> None:
    write_shard(dataset, colours("black"))
    captioner = ColourCaptioner()
    rows, _ = recaption(dataset, captioner, retries=0)
    assert (len(captioner.asked), rows[0]["retries"], rows[0]["flags"]) == (1, 0, ["empty_caption"])


def test_cleaning_is_a_setting(dataset: Dataset) -> None:
    write_shard(dataset, colours("red"))
    captioner = ColourCaptioner(greedy={"red": "The image shows four large red walls."})
    rows, _ = recaption(dataset, captioner, cleaning=Cleaning(skip=("prefix",)))
    assert (rows[0]["caption"], rows[0]["rules"]) == ("The image shows four large red walls.", [])


def test_what_is_asked_depends_on_the_sample_and_its_alt_text(dataset: Dataset) -> None:
    names = ["red", "green", "blue"] * 4
    write_shard(dataset, colours(*names))
    mix = {"Alt-text: {alt_text}. Describe it.": 1.0, "What is it?": 1.0}
    rows, _ = recaption(dataset, ColourCaptioner(), prompt=mix)
    assert {row["prompt"] for row in rows} == {"Alt-text: alt. Describe it.", "What is it?"}
    assert all(row["prompt_hash"] == prompt_hash(str(row["prompt"])) for row in rows)
    again, _ = recaption(dataset, ColourCaptioner(), prompt=mix, batch_size=5)
    assert again == rows


def test_batches_are_full_but_the_last(dataset: Dataset) -> None:
    images = {f"{index:02d}": jpeg((index, 0, 0)) for index in range(20, 31)}
    write_shard(dataset, {**images, "25": b"no image"}, dropped=("20", "21"))
    captioner = ColourCaptioner()
    rows, _ = recaption(dataset, captioner, batch_size=3)
    assert captioner.batches == [3, 3, 2]
    assert [row["key"] for row in rows] == [f"{index}" for index in range(22, 31)]


def test_a_batch_that_does_not_fit_is_halved_and_the_file_is_the_same(dataset: Dataset) -> None:
    write_shard(dataset, colours("red", "green", "blue", "red", "black"))
    files = []
    for room in (99, 1):
        captioner = ColourCaptioner(room=room)
        recaption(dataset, captioner, batch_size=4)
        files.append(Path(dataset.captions("test", SHARD)).read_bytes())
    assert captioner.batches == [4, 2, 1, 1, 1, 1, 1, 1, 1]
    assert files[0] == files[1]


def test_a_shard_with_nothing_kept_is_an_empty_table_and_nobody_is_asked(dataset: Dataset) -> None:
    write_selection(dataset, ["a"], dropped=("a",))
    captioner = ColourCaptioner()
    rows, result = recaption(dataset, captioner)
    assert rows == []
    assert captioner.batches == []
    assert (result.rows, result.kept, result.rejects) == (0, 0, {})


def test_a_broken_tar_is_named(dataset: Dataset) -> None:
    write_shard(dataset, {"a": jpeg((200, 0, 0))})
    with storage.atomic_writer(dataset.image_tar(SHARD)) as file:
        file.write(b"no tar" * 1000)
    with pytest.raises(ValueError, match=f"{dataset.image_tar(SHARD)}: not a whole tar"):
        recaption(dataset, ColourCaptioner())
    assert not storage.exists(dataset.captions("test", SHARD))


@pytest.mark.parametrize("v2", [False, True], ids=["v1", "v2"])
def test_cogvlm_writes_the_same_file_for_every_batch_size(dataset: Dataset, tmp_path: Path, *, v2: bool) -> None:
    random_model(small_config(v2=v2)).save_pretrained(tmp_path / "model")
    save_tokenizer(tmp_path / "tokenizer")
    write_shard(dataset, {f"{index}": jpeg((index * 25, 255 - index * 20, index * 7)) for index in range(7)})
    files = []
    for batch_size in (1, 3, 7):
        captioner = CogVLMCaptioner(
            model=str(tmp_path / "model"), tokenizer=str(tmp_path / "tokenizer"), dtype="float32", max_new_tokens=8
        )
        # Random weights write no sentences.
        _, result = recaption(
            dataset, captioner, batch_size=batch_size, cleaning=Cleaning(skip=("unfinished", "loop"), min_words=0)
        )
        assert (result.rows, result.kept) == (7, 7)
        files.append(Path(dataset.captions("test", SHARD)).read_bytes())
    assert len(set(files)) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "../scores"}, r"name is '\.\./scores'"),
        ({"prompt": "  "}, "prompt is empty"),
        ({"prompt": {"a": 0.0}}, "prompt: got weights"),
        ({"prompt_without_alt_text": "{alt_text}"}, "prompt_without_alt_text has"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"decode_threads": 0}, "decode_threads is 0"),
        ({"retries": -1}, "retries is -1"),
        ({"temperature": 0.0}, r"temperature is 0\.0"),
        ({"top_p": 2.0}, r"top_p is 2\.0"),
        ({"captioner": CogVLMCaptioner(model="/nowhere")}, r"/nowhere/config\.json: no such file"),
    ],
)
def test_check_refuses_what_cannot_work(dataset: Dataset, settings: Mapping[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recaption(**{"captioner": ColourCaptioner(), "name": "test", **settings}).check(dataset)


def test_what_decides_the_captions_is_a_setting_and_what_does_not_is_none() -> None:
    stage = Recaption(captioner=ColourCaptioner(), name="colour")
    assert stage.folder == "captions/colour"
    assert stage.resources.gpus == 1
    settings = settings_of(stage)
    assert settings.pop("captioner")["class"] == "ColourCaptioner"
    assert settings == {
        "class": "Recaption",
        "name": "colour",
        "prompt": "Describe this image in detail, and the description should be between 15 to 80 words.",
        "prompt_without_alt_text": PROMPT,
        "cleaning": {"class": "Cleaning", "skip": [], "min_words": 5, "max_words": 160},
        "retries": 2,
        "temperature": 0.7,
        "top_p": 0.9,
    }
